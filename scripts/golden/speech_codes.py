#!/usr/bin/env python3
r"""A tiny speech tokenizer, and the codes and states it must give.

    python scripts/golden/speech_codes.py

Writes below Tests/AudioLanguageModelsTests/Golden:
    speech-tokenizer/config.json         fields of glm-4-voice-tokenizer's, small numbers
    speech-tokenizer/model.safetensors   its tensor names, wide random weights (with narrow ones wrong code passes);
                                         three blocks, the last behind the quantisation, where none is needed
    speech_codes.safetensors             the arrays below

The log-mels come from transformers' WhisperFeatureExtractor, called as GLM-4-Voice's speech_tokenizer/utils.py does:
all 30 s segments of a clip in one batch, padded to the longest and to a multiple of 1280 samples. So a clip of several
segments has them all padded to 30 s; the last one here shows that this is not the same as padding to whole codes. The
encoder is written out below, in f64. The codebook's rows are states of another clip, so that many of them are nearest
to something; the script fails where a code hangs by a thread. GLM-4-Voice's own class and calling code (commit eb00ce9)
gave these codes and states too, run once on this folder in f32.
Made with Python 3.11, transformers 5.23.0, torch 2.13.0 (CPU), safetensors 0.8.0; two runs give identical bytes.

Arrays, k = 0 ... 3 for clips of 0.3, 2, 3.7 and 41.04 s (the second and last segment fills its last code exactly):
    codes.k        i32 [codes]      of the whole clip
    codes.alone    i32 [138]        of the last clip's second segment as a clip of its own
    stem.k         f32 [rows, 8]    k < 3: after the convolutions and positions, the first 8 columns
    layer.N.k      f32 [rows, 8]    k < 3: the output of block N
    pooled.k       f32 [codes, 24]  k < 3: the mean of four rows, what is compared with the codebook
    pooled.3.S     f32 [4, 24]      the last four of segment S = 0, 1
The waveforms are not stored: `waveform` uses nothing but integers and exactly rounded arithmetic.
"""
import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import WhisperFeatureExtractor

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = (4_800, 32_000, 59_200, 656_640)
BINS, WIDTH, HEADS, INNER, POSITIONS = 128, 24, 3, 48, 1500
LAYERS, QUANTISED, BLOCK, POOL, CODES = 3, 2, 40, 4, 64
SEGMENT, HOP = 480_000, 160

CONFIG = dict(
    activation_dropout=0.0, activation_function="gelu", architectures=["WhisperVQEncoder"], attention_dropout=0.0,
    d_model=WIDTH, decoder_attention_heads=HEADS, decoder_ffn_dim=INNER, decoder_layers=32, dropout=0.0,
    encoder_attention_heads=HEADS, encoder_causal_attention=False, encoder_causal_convolution=True,
    encoder_ffn_dim=INNER, encoder_layerdrop=0.0, encoder_layers=32, is_encoder_decoder=True,
    max_source_positions=POSITIONS, max_target_positions=448, model_type="whisper", num_hidden_layers=32,
    num_mel_bins=BINS, pooling_kernel_size=POOL, pooling_position=QUANTISED, pooling_type="avg",
    quantize_causal_block_size=BLOCK, quantize_causal_encoder=False, quantize_commit_coefficient=0.25,
    quantize_ema_decay=0.99, quantize_encoder_only=True, quantize_loss_scale=10.0, quantize_position=QUANTISED,
    quantize_restart_interval=100, quantize_vocab_size=CODES, scale_embedding=False, skip_language_detection=True,
    torch_dtype="float32", vocab_size=51866)


def waveform(samples, seed):
    """A swelling and fading sweep of parabolas over hashed noise, f32."""
    i = np.arange(samples, dtype=np.uint64)

    def bow(phase):  # a sine of two parabolas; phase in units of 2^-32 of a turn
        x = (phase & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2147483648 - 1
        return 4 * x * (1 - np.abs(x))

    tone = bow(i * np.uint64(48_318_382 + 9_000_000 * seed) + i * (i + np.uint64(1)) // np.uint64(2) * np.uint64(6_000))
    swell = 0.55 + 0.45 * bow(i * np.uint64(805_306))
    h = ((i + np.uint64(7919 * seed)) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(15)
    h = (h * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(13)
    noise = h.astype(np.float64) / 4294967296 - 0.5
    wave = (0.4 * swell * tone + 0.05 * noise).astype(np.float32)
    if samples > SEGMENT:
        # Quiet, so that most mels hang on the loudest frame, the first one of the padding: it has all of the burst.
        wave[SEGMENT:] /= 64
        wave[-100:] = np.where(np.arange(100) // 8 % 2 == 0, 1, -1)
    return wave


def weights():
    """Every stored type appears: f16 positions, bf16 matrices, f32 for the rest."""
    g = torch.Generator().manual_seed(7)
    tensors = {}

    def draw(name, *shape, mean=0.0, scale=0.3, dtype=torch.float32):
        tensors[name] = (mean + scale * torch.randn(shape, generator=g)).to(dtype)

    def linear(name, out, into, bias=True):
        draw(f"{name}.weight", out, into, dtype=torch.bfloat16)
        if bias:
            draw(f"{name}.bias", out, scale=0.2)

    def norm(name):
        draw(f"{name}.weight", WIDTH, mean=1.0, scale=0.2)
        draw(f"{name}.bias", WIDTH, scale=0.2)

    draw("conv1.weight", WIDTH, BINS, 3, dtype=torch.bfloat16)
    draw("conv1.bias", WIDTH, scale=0.2)
    draw("conv2.weight", WIDTH, WIDTH, 3, dtype=torch.bfloat16)
    draw("conv2.bias", WIDTH, scale=0.2)
    draw("embed_positions.weight", POSITIONS, WIDTH, dtype=torch.float16)
    draw("embed_positions2.weight", math.ceil(POSITIONS / POOL), WIDTH, dtype=torch.float16)
    for n in range(LAYERS):
        for p in ("q_proj", "v_proj", "out_proj"):
            linear(f"layers.{n}.self_attn.{p}", WIDTH, WIDTH)
        linear(f"layers.{n}.self_attn.k_proj", WIDTH, WIDTH, bias=False)
        linear(f"layers.{n}.fc1", INNER, WIDTH)
        linear(f"layers.{n}.fc2", WIDTH, INNER)
        norm(f"layers.{n}.self_attn_layer_norm")
        norm(f"layers.{n}.final_layer_norm")
    return tensors


def segments(samples, seed):
    """(mel [bins, frames], valid rows, codes) of every segment."""
    wave = waveform(samples, seed)
    return batch([wave[a:a + SEGMENT] for a in range(0, samples, SEGMENT)])


def batch(parts):
    out = WhisperFeatureExtractor(feature_size=BINS)(
        parts, sampling_rate=16000, padding="longest", pad_to_multiple_of=2 * POOL * HOP, return_attention_mask=True,
        return_tensors="np")
    mask = out["attention_mask"][:, ::2]
    return [(torch.from_numpy(mel).double(), int(m.sum()), int(m[::POOL].sum()))
            for mel, m in zip(out["input_features"], mask)]


def states(w, mel, valid):
    """Stem, blocks and pooled rows of one segment; rows from `valid` on are padding."""
    x = F.gelu(F.conv1d(F.pad(mel, (2, 0)), w["conv1.weight"], w["conv1.bias"]))
    x = F.gelu(F.conv1d(F.pad(x, (2, 0)), w["conv2.weight"], w["conv2.bias"], stride=2)).T
    rows = x.shape[0]
    x = x + w["embed_positions.weight"][:rows]
    block = torch.arange(rows) // BLOCK
    seen = (block[None] <= block[:, None]) & (torch.arange(rows) < valid)[None]
    found = [x]
    for n in range(QUANTISED):
        def linear(name, y):
            return F.linear(y, w[f"layers.{n}.{name}.weight"], w.get(f"layers.{n}.{name}.bias"))

        def norm(name, y):
            return F.layer_norm(y, (WIDTH,), w[f"layers.{n}.{name}.weight"], w[f"layers.{n}.{name}.bias"], 1e-5)

        y = norm("self_attn_layer_norm", x)
        q, k, v = (linear(f"self_attn.{p}_proj", y).view(rows, HEADS, -1).transpose(0, 1) for p in "qkv")
        scores = (q @ k.transpose(1, 2) / math.sqrt(WIDTH // HEADS)).masked_fill(~seen, -math.inf)
        x = x + linear("self_attn.out_proj", (scores.softmax(-1) @ v).transpose(0, 1).reshape(rows, WIDTH))
        x = x + linear("fc2", F.gelu(linear("fc1", norm("final_layer_norm", x))))
        found.append(x)
    return found, x.view(rows // POOL, POOL, WIDTH).mean(1)


def distances(pooled, codebook):
    return (pooled[:, None] - codebook[None]).square().sum(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=ROOT / "Tests/AudioLanguageModelsTests/Golden")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    stored = weights()
    wide = {k: v.double() for k, v in stored.items()}
    pooled = torch.cat([states(wide, mel, valid)[1][:count] for mel, valid, count in segments(SAMPLES[3], seed=9)])
    stored["codebook.weight"] = pooled[torch.arange(CODES) * len(pooled) // CODES].float()
    codebook = stored["codebook.weight"].double()
    stored |= {"ema_count": torch.ones(CODES), "ema_weight": stored["codebook.weight"].clone()}  # of the training only

    gold, margins, used, dotted = {}, [], set(), 0
    for k, samples in enumerate(SAMPLES):
        codes = []
        for s, (mel, valid, count) in enumerate(segments(samples, seed=k + 1)):
            found, pooled = states(wide, mel, valid)
            pooled = pooled[:count]
            d = distances(pooled, codebook)
            two = d.topk(2, largest=False).values
            margins.append(((two[:, 1] - two[:, 0]) / d.mean()).min().item())
            codes.append(d.argmin(1))
            dotted += int(((pooled @ codebook.T).argmax(1) != codes[-1]).sum())
            if k < 3:
                gold |= {f"{name}.{k}": x[:, :8].float() for name, x in zip(("stem", "layer.0", "layer.1"), found)}
                gold[f"pooled.{k}"] = pooled.float()
            else:
                gold[f"pooled.{k}.{s}"] = pooled[-4:].float()
        gold[f"codes.{k}"] = torch.cat(codes).int()
        assert len(gold[f"codes.{k}"]) == math.ceil(samples / 1280)
        used |= set(gold[f"codes.{k}"].tolist())
    assert min(margins) > 1e-4, f"a code hangs by {min(margins)}"
    assert len(used) > 30, f"only {len(used)} codes are used"
    assert dotted > 50, "the codebook's norms do not matter"
    (mel, valid, count), = batch([waveform(SAMPLES[3], seed=4)[SEGMENT:]])
    alone = distances(states(wide, mel, valid)[1][:count], codebook).argmin(1)
    assert (alone != codes[-1]).any(), "the last segment's padding does not matter"
    gold["codes.alone"] = alone.int()

    folder = out / "speech-tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2, sort_keys=True) + "\n")
    metadata = {"made_by": "scripts/golden/speech_codes.py"}
    save_file({k: v.contiguous() for k, v in stored.items()}, folder / "model.safetensors", metadata=metadata)
    save_file({k: v.contiguous() for k, v in gold.items()}, out / "speech_codes.safetensors", metadata=metadata)
    for file in (folder / "config.json", folder / "model.safetensors", out / "speech_codes.safetensors"):
        print(file, file.stat().st_size, "bytes")
    print("smallest margin", min(margins), "codes used", len(used), "changed by dot products", dotted)


if __name__ == "__main__":
    with torch.no_grad():
        main()
