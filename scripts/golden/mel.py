"""Reference log-mels for Tests/SpeechTests/Golden: clips as 16-bit WAV, chosen frames as JSON.

Made with transformers 5.23.0, torch 2.13.0 (CPU), numpy 2.4.6. Run: python3 scripts/golden/mel.py
"""

import json
import wave
from pathlib import Path

import numpy as np
from transformers import WhisperFeatureExtractor

RATE = 16000
OUT = Path(__file__).resolve().parents[2] / "Tests/SpeechTests/Golden"


def clip(seconds, seed):
    """A chirp of 80-7600 Hz that swells and fades, over noise 40 dB down, as int16."""
    n = round(seconds * RATE) + (37, 61, 159)[seed]  # no whole number of frames
    t = np.arange(n) / RATE
    chirp = np.sin(2 * np.pi * (80 * t + (7600 - 80) * t**2 / (2 * seconds))) * np.sin(np.pi * t / seconds) ** 2
    noise = np.random.default_rng(seed).standard_normal(n)
    return np.round(32767 * (0.5 * chirp + 0.005 * noise)).clip(-32768, 32767).astype("<i2")


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def features(samples, bins, padding, chunk):
    extractor = WhisperFeatureExtractor(feature_size=bins, chunk_length=chunk)
    out = extractor(
        samples.astype(np.float32) / 32768, sampling_rate=RATE, padding=padding, truncation=padding == "max_length",
        return_attention_mask=True, return_tensors="np",
    )
    return out["input_features"][0].T, int(out["attention_mask"][0].sum())  # [frames, bins]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    cases = []
    for seed, seconds in enumerate([0.3, 2.03, 3.7]):
        name = f"chirp-{seconds}"
        samples = clip(seconds, seed)
        write_wav(OUT / f"{name}.wav", samples)
        settings = [(b, p, c) for b in (80, 128) for p, c in (("longest", 30), ("max_length", 30), ("max_length", 2))]
        for bins, padding, chunk in settings + [(128, "max_length", 300)]:
            mel, valid = features(samples, bins, padding, chunk)
            last = min(valid, len(mel))
            chosen = sorted({i for i in (0, 1, 2, last // 3, last // 2, last - 2, last - 1, last, last + 1, len(mel) - 1)
                             if 0 <= i < len(mel)})
            cases.append({
                "clip": name, "bins": bins, "padding": padding, "seconds": chunk, "frames": len(mel), "valid": valid,
                "mean": float(mel[:last].mean()), "chosen": chosen,
                "values": [[round(float(x), 5) for x in mel[i]] for i in chosen],
            })
    (OUT / "mel.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


main()
