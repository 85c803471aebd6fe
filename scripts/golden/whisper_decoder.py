"""Reference arrays of Whisper's decoder, from Hugging Face transformers on a tiny random checkpoint.

Weights and sounds come from the formula of families.py (Swift: Tests/TestSupport/TinyWhisper.swift), keyed by the tensor's name on
disk, so they are not stored.

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.0 safetensors==0.8.0 numpy     # CPU build of torch
    python scripts/golden/whisper_decoder.py Tests

writes AudioLanguageModelsTests/Golden/whisper-decoder.safetensors. A second run gives the same bytes. For clips of 2.0 and 3.7 s,
padded to 30 s, and for `rows` of the encoder's states (all of them, or the first 40, as a short unpadded clip has):
    CLIP.ROWS.logits     f32 [T, vocabulary]  after the teacher-forced ids
    CLIP.ROWS.generated  i32 [24]             greedy, with tokens suppressed, from the two start tokens
    ids                  i32 [T]
    states               f32 [1500, 8]        the encoder's last states of the first clip, 8 columns
"""

import os
import sys

import torch
from families import VOCABULARY, filled, noise, waveform
from safetensors.torch import save_file
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

# Of the tiny tokenizer: 256 bytes and 30 merges, then <|endoftext|>, <|startoftranscript|>, <|notimestamps|>.
END, START = 286, [287, 288]
SUPPRESSED, SUPPRESSED_FIRST = [1, 2, 7, 60, 61], [32, END]
TOKENS = 24


def greedy(model, states):
    """Token by token, without a cache."""
    never = torch.zeros(VOCABULARY)
    never[SUPPRESSED + list(range(START[0], VOCABULARY))] = -torch.inf
    first = never.clone()
    first[SUPPRESSED_FIRST] = -torch.inf
    ids = torch.tensor([START])
    for step in range(TOKENS):
        logits = model(encoder_outputs=(states,), decoder_input_ids=ids, use_cache=False).logits[0, -1]
        token = int((logits + (never if step else first)).argmax())
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    return ids[0, len(START) :].to(torch.int32)


def main(folder):
    torch.use_deterministic_algorithms(True)
    config = WhisperConfig(
        vocab_size=VOCABULARY, num_mel_bins=80, d_model=48, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=96,
        decoder_layers=3, decoder_attention_heads=6, decoder_ffn_dim=64, max_source_positions=1500, max_target_positions=448,
        pad_token_id=END, bos_token_id=END, eos_token_id=END, decoder_start_token_id=START[0])  # fmt: skip
    model, tensors = filled(WhisperForConditionalGeneration, config, False)
    print("\n".join(f"{name} {tuple(t.shape)}" for name, t in sorted(tensors.items()) if "layers.1" not in name))
    extractor = WhisperFeatureExtractor(feature_size=80)
    ids = torch.tensor([START + [int(abs(v) * 1000) % 256 for v in noise("ids", 18)]])
    out = {"ids": ids[0].to(torch.int32)}
    with torch.no_grad():
        for clip in ["2.0", "3.7"]:
            mel = extractor(waveform(float(clip)), sampling_rate=16000, return_tensors="pt").input_features
            states = model.model.encoder(mel).last_hidden_state
            out.setdefault("states", states[0, :, :8].contiguous())
            for rows in [1500, 40]:
                part = states[:, :rows]
                logits = model(encoder_outputs=(part,), decoder_input_ids=ids, use_cache=False).logits[0]
                out[f"{clip}.{rows}.logits"] = logits.contiguous()
                out[f"{clip}.{rows}.generated"] = greedy(model, part)
                print(clip, rows, out[f"{clip}.{rows}.generated"].tolist())
    save_file(out, os.path.join(folder, "AudioLanguageModelsTests/Golden/whisper-decoder.safetensors"))


main(sys.argv[1])
