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

CLASSES = {  # model_type: class, seconds that the extractor pads to
    "qwen2_audio": (transformers.Qwen2AudioForConditionalGeneration, 30),
    "qwen2_5_omni_thinker": (transformers.Qwen2_5OmniThinkerForConditionalGeneration, 300),
}


def main():
    kind, model, exported, clip, trace = sys.argv[1:]
    config = json.load(open(f"{model}/config.json"))
    cls, seconds = CLASSES[config["model_type"]]
    tuned = cls.from_pretrained(model if kind == "peft" else exported, dtype=torch.float32).eval()
    if kind == "peft":
        import peft

        tuned = peft.PeftModel.from_pretrained(tuned, exported).eval()
        adapted = [n for n, m in tuned.named_modules() if isinstance(m, peft.tuners.lora.LoraLayer)]
        assert adapted and all(".language_model.layers." in n for n in adapted), adapted
    with wave.open(clip) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    bins = config["audio_config"].get("num_mel_bins", 128)
    extractor = transformers.WhisperFeatureExtractor(feature_size=bins, chunk_length=seconds)
    heard = extractor(sound, sampling_rate=16000, padding="max_length", return_attention_mask=True, return_tensors="pt")
    found = load_file(trace)
    ids = torch.from_numpy(found["input_ids"]).long()[None]
    with torch.no_grad():
        logits = tuned(
            input_ids=ids, attention_mask=torch.ones_like(ids), input_features=heard["input_features"],
            feature_attention_mask=heard["attention_mask"], use_cache=False).logits[0, -1].numpy()  # fmt: skip
    difference = np.abs(logits - found["logits"]).max() / max(1, np.abs(found["logits"]).max())
    print(f"largest difference of the logits, relative: {difference:.2e}")
    return int(difference > 1e-3)


if __name__ == "__main__":
    sys.exit(main())
