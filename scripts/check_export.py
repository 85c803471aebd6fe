"""Whether transformers and peft give the logits that `resurface trace` gave, on a folder that `resurface export` wrote.

    python scripts/check_export.py peft   MODEL EXPORTED CLIP.wav TRACE.safetensors
    python scripts/check_export.py merged MODEL EXPORTED CLIP.wav TRACE.safetensors

MODEL is the untouched folder; TRACE is of the same clip, with the adapter (peft) or of the merged folder. The prompt is that of
the trace; features are the extractor's own. Needs torch, transformers 5 and (for peft) peft. Exit code 1 where they differ.
"""

import json
import sys
import wave

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch

CLASSES = {  # model_type: class, seconds that the extractor pads to
    "qwen2_audio": (transformers.Qwen2AudioForConditionalGeneration, 30),
    "qwen2_5_omni_thinker": (transformers.Qwen2_5OmniThinkerForConditionalGeneration, 300),
    "voxtral": (transformers.VoxtralForConditionalGeneration, 30),
}


def kimi_decoder(folder, config):
    """Kimi-Audio has no class in transformers: the shared layers and the head are a Qwen2."""
    names = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps"]
    qwen = transformers.Qwen2Config(
        **{n: config[n] for n in names}, rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]}, tie_word_embeddings=False)
    model = transformers.Qwen2ForCausalLM(qwen).float()
    stored = load_torch(f"{folder}/model.safetensors")
    result = model.load_state_dict(stored, strict=False)
    assert not result.missing_keys and all(n.startswith(("mimo", "model.mimo", "model.vq_adaptor")) for n in result.unexpected_keys), result
    return model


def kimi_embeddings(table, found):
    """What the traced prompt's two streams and features become before the first layer."""
    audio, texts = (torch.from_numpy(found[n]).long() for n in ["input_ids", "text_ids"])
    mask = torch.from_numpy(found["audio_mask"]).bool()
    x = table(audio).clone()
    x[mask] = (x[mask] + torch.from_numpy(found["audio_features"])) * 2**0.5
    return (x + table(texts))[None]


def inputs(config, seconds, clip, ids):
    with wave.open(clip) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    bins = config["audio_config"].get("num_mel_bins", 128)
    extractor = transformers.WhisperFeatureExtractor(feature_size=bins, chunk_length=seconds)
    heard = extractor(sound, sampling_rate=16000, padding="max_length", return_attention_mask=True, return_tensors="pt")
    ids = torch.from_numpy(ids).long()[None]
    found = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "input_features": heard["input_features"]}
    # Voxtral hears the padding too.
    return found if config["model_type"] == "voxtral" else dict(found, feature_attention_mask=heard["attention_mask"])


def main():
    kind, model, exported, clip, trace = sys.argv[1:]
    config, found = json.load(open(f"{model}/config.json")), load_file(trace)
    folder, is_kimi = model if kind == "peft" else exported, config["model_type"] == "kimi_audio"
    with torch.no_grad():
        if is_kimi:
            tuned = kimi_decoder(folder, config).eval()
            given = {"inputs_embeds": kimi_embeddings(tuned.model.embed_tokens, found)}
        else:
            cls, seconds = CLASSES[config["model_type"]]
            tuned = cls.from_pretrained(folder, dtype=torch.float32).eval()
            given = inputs(config, seconds, clip, found["input_ids"])
        if kind == "peft":
            import peft

            tuned = peft.PeftModel.from_pretrained(tuned, exported).eval()
            adapted = [n for n, m in tuned.named_modules() if isinstance(m, peft.tuners.lora.LoraLayer)]
            assert adapted and all((".model.layers." if is_kimi else ".language_model.layers.") in n for n in adapted), adapted
        logits = tuned(**given, use_cache=False).logits[0, -1].numpy()
    difference = np.abs(logits - found["logits"]).max() / max(1, np.abs(found["logits"]).max())
    print(f"largest difference of the logits, relative: {difference:.2e}")
    return int(difference > 1e-3)


if __name__ == "__main__":
    sys.exit(main())
