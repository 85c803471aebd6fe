"""Reference arrays of the model families, from Hugging Face transformers on tiny random checkpoints.

Weights and sounds are not stored: both sides make them from the formula of `noise` below (Swift: Tests/TestSupport/TinyFamily.swift),
keyed by the tensor's name on disk, so that a wrong name gives other values. Weights are drawn wide: with the usual narrow ones
wrong code passes.

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.0 safetensors==0.8.0 numpy     # CPU build of torch
    python scripts/golden/families.py Tests

writes AudioLanguageModelsTests/Golden/{qwen2-audio,qwen2.5-omni,kimi-audio,voxtral}.safetensors, and below FineTuningTests/Golden an adapter
of each but Kimi-Audio that peft has trained for one step, with the logits that it leads to. A second run gives the same bytes.
"""

import json
import os
import sys
import tempfile

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2Config,
    Qwen2ForCausalLM,
    VoxtralConfig,
    VoxtralForConditionalGeneration,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

CLIPS = {"0.3": 0.3, "2.0": 2.0, "3.7": 3.7, "29.9": 29.9, "41": 41.0}
WHOLE = "2.0"  # of this clip every layer is kept whole, of the others what follows from them
TOKENS = 16
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
MERGES = [
    "Ġ t", "h e", "Ġt he", "i n", "e r", "a n", "o n", "r e", "Ġ a", "s t", "e n", "o u", "in g", "Ġ s", "Ġ w",
    "a t", "i s", "o r", "e s", "n d", "Ġa nd", "Ġ y", "Ġy ou", "l l", "h a", "t o", "Ġ to", "a r", "l e", "v e",
]  # fmt: skip
FIRST_SPECIAL = 256 + len(MERGES)
AUDIO = FIRST_SPECIAL + 3
VOCABULARY = 320


def noise(name, count):
    """Nearly normal values, exact integers until the last product: FNV-1a of the name, SplitMix64 of that plus the index."""
    with np.errstate(over="ignore"):
        h = np.uint64(14695981039346656037)
        for byte in name.encode():
            h = (h ^ np.uint64(byte)) * np.uint64(1099511628211)
        z = h + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        total = sum(((z >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.int64) for k in range(4))
    return (total - 131070).astype(np.float64) * (np.sqrt(3.0) / 65536)


def waveform(seconds):
    t = np.arange(round(seconds * 16000)) / 16000
    return (0.4 * np.sin(2 * np.pi * (180 + 90 * t) * t) + 0.02 * noise("waveform", len(t))).astype(np.float32)


def weight(name, shape, bf16):
    scale = 0.3 if len(shape) > 1 else 0.2
    one = 1.0 if name.endswith(("norm.weight", "ln_post.weight", "layernorm.weight")) else 0.0
    values = (one + scale * noise(name, int(np.prod(shape)))).astype(np.float32).reshape(shape)
    tensor = torch.from_numpy(values)
    return tensor.to(torch.bfloat16) if bf16 else tensor


def tokenizer():
    plain = set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256))
    shifted, pieces = 256, []
    for byte in range(256):
        pieces.append(chr(byte) if byte in plain else chr(shifted))
        shifted += byte not in plain
    pieces += [m.replace(" ", "") for m in MERGES]
    qwen = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    return Tokenizer.from_str(json.dumps({
        "version": "1.0", "normalizer": {"type": "NFC"},
        "added_tokens": [
            {"id": FIRST_SPECIAL + i, "content": s, "special": True, "normalized": False, "single_word": False,
             "lstrip": False, "rstrip": False} for i, s in enumerate(SPECIALS)],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": qwen}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}]},
        "model": {"type": "BPE", "vocab": {p: i for i, p in enumerate(pieces)}, "merges": MERGES},
    }))  # fmt: skip


def encoder(positions=1500, heads=4):
    return dict(num_mel_bins=128, d_model=32, encoder_layers=2, encoder_attention_heads=heads, encoder_ffn_dim=64,
                max_source_positions=positions)  # fmt: skip


def text(heads, groups, tied):
    return dict(vocab_size=VOCABULARY, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads,
                num_key_value_heads=groups, tie_word_embeddings=tied, pad_token_id=None)  # fmt: skip


def filled(cls, config, bf16):
    """A model whose weights follow from their names on disk."""
    with tempfile.TemporaryDirectory() as folder:
        cls(config).save_pretrained(folder)
        path = os.path.join(folder, "model.safetensors")
        tensors = {n: weight(n, tuple(t.shape), bf16) for n, t in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
        model = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return model, tensors


def record(model, inputs, projector, audio=AUDIO):
    """Encoder blocks, features, decoder layers (before the final norm), pooled states, last logits, greedy tokens."""
    seen, hooks = {}, []

    def keep(name):
        def hook(_, __, out):
            x = out[0] if isinstance(out, tuple) else out
            seen[name] = x.reshape(-1, x.shape[-1]).detach().clone()
        return hook  # fmt: skip

    hooks += [b.register_forward_hook(keep(f"encoder.{i}")) for i, b in enumerate(model.model.audio_tower.layers)]
    hooks += [b.register_forward_hook(keep(f"layer.{i}")) for i, b in enumerate(model.model.language_model.layers)]
    hooks.append(projector.register_forward_hook(keep("audio_features")))
    with torch.no_grad():
        logits = model(**inputs, use_cache=False).logits[0, -1]
    for h in hooks:
        h.remove()
    mask = inputs["input_ids"][0] == audio
    seen["audio_features"] = seen["audio_features"][: int(mask.sum())]
    layers = [seen[f"layer.{i}"] for i in range(len(model.model.language_model.layers))]
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0)
    return dict(seen, pooled=torch.stack([x[mask].mean(0) for x in layers]), logits=logits,
                generated=ids[0, inputs["input_ids"].shape[1]:].to(torch.int32))  # fmt: skip


def adapter(model, inputs, folder, audio=AUDIO):
    """An adapter made elsewhere: some modules of some layers, one step of training."""
    torch.manual_seed(1)
    tuned = get_peft_model(model, LoraConfig(
        r=4, lora_alpha=8, target_modules=r"model\.language_model\.layers\.[02]\.(self_attn\.[qv]_proj|mlp\.up_proj)"))  # fmt: skip
    optimiser = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=0.05)
    for _ in range(2):  # with B at zero the first step moves B alone
        labels = torch.where(inputs["input_ids"] == audio, -100, inputs["input_ids"])
        tuned(**inputs, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    tuned.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    with torch.no_grad():
        logits = tuned(**inputs, use_cache=False).logits[0, -1]
    save_file({"logits": logits.contiguous()}, os.path.join(folder, "golden.safetensors"))
    tuned.unload()


def golden(prefix, model, tensors, prompt, extractor, projector, padded, folder):
    out, token = {}, tokenizer()
    for name, seconds in CLIPS.items():
        f = extractor(waveform(seconds), sampling_rate=16000, padding="max_length", return_attention_mask=True, return_tensors="pt")
        frames = int(f["attention_mask"].sum())
        count = ((frames - 1) // 2 + 1 - 2) // 2 + 1
        ids = torch.tensor([token.encode(prompt.replace("{}", "<|AUDIO|>" * count), add_special_tokens=False).ids])
        inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids), input_features=f["input_features"],
                      feature_attention_mask=f["attention_mask"])  # fmt: skip
        found = record(model, inputs, projector)
        found["mel"] = f["input_features"][0].T[: 3000 if padded else frames]
        if name == WHOLE:
            found["input_ids"] = ids[0].to(torch.int32)
            found["mel"] = found["mel"][: frames + 16 : 4]
            rows = (frames - 1) // 2 + 1
            for i in range(2):
                found[f"encoder.{i}"] = found[f"encoder.{i}"][:rows:2]
            if prefix == "a":
                adapter(model, inputs, folder)
        else:
            found = {k: v for k, v in found.items() if k in ("mel", "audio_features", "pooled", "logits", "generated")}
            found["mel"] = found["mel"][::97]
            found["audio_features"] = found["audio_features"][::7]
        out |= {f"{prefix}.{name}.{k}": v.contiguous() for k, v in found.items()}
        print(prefix, name, "frames", frames, "positions", ids.shape[1])
    out[f"{prefix}.names"] = torch.tensor(list("\n".join(sorted(tensors)).encode()), dtype=torch.uint8)
    return out


ANSWER = "<|im_start|>assistant\n"
CHAT = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n" + ANSWER
CLIP = "<|audio_bos|>{}<|audio_eos|>"


def qwen2_audio(folder):
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=30, return_attention_mask=True)
    out = {}
    # a: instruct, one head of keys a head, f32. b: base, three heads share one, bf16. No tied ones: the class does not tie.
    for variant, heads, groups, tied, prompt in [
        ("a", 4, 4, False, CHAT.replace("{}", "Audio 1: " + CLIP + "\nWhat's that?")), ("b", 3, 1, False, CLIP)
    ]:  # fmt: skip
        model, tensors = filled(Qwen2AudioForConditionalGeneration, Qwen2AudioConfig(
            audio_token_index=AUDIO, audio_config=dict(encoder(), model_type="qwen2_audio_encoder"), tie_word_embeddings=tied,
            text_config=dict(text(heads, groups, tied), model_type="qwen2", rms_norm_eps=1e-5,
                             rope_parameters=dict(rope_type="default", rope_theta=1e4))), bf16=variant == "b")  # fmt: skip
        out |= golden(variant, model, tensors, prompt, extractor, model.model.multi_modal_projector, True, folder)
    return out


def qwen25_omni(folder):
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=300, return_attention_mask=True)
    out = {}
    for variant, heads, groups, tied, sections in [("a", 4, 2, False, [2, 2, 2]), ("b", 3, 3, True, [2, 3, 3])]:
        model, tensors = filled(Qwen2_5OmniThinkerForConditionalGeneration, Qwen2_5OmniThinkerConfig(
            audio_token_index=AUDIO, vision_start_token_id=VOCABULARY - 1, tie_word_embeddings=tied,
            audio_config=dict(encoder(heads=2 if tied else 4), n_window=100, output_dim=48),
            vision_config=dict(depth=1, hidden_size=32, intermediate_size=32, num_heads=2, out_hidden_size=48),
            text_config=dict(text(heads, groups, tied), rms_norm_eps=1e-6, rope_parameters=dict(
                rope_type="default", rope_theta=1e6, mrope_section=sections))), bf16=variant == "b")  # fmt: skip
        own = {n: t for n, t in tensors.items() if not n.startswith(("visual.", "thinker.visual."))}
        out |= golden(variant, model, own, CHAT.replace("{}", CLIP + "What's that?"), extractor, model.model.audio_tower.proj,
                      False, folder)  # fmt: skip
    return out


# Special tokens of Kimi-Audio from 300 on: no class of it is in transformers, so its streams are put together here.
KIMI = ["user_start", "assistant_start", "message_end", "media_begin", "media_end", "blank", "text_end", "in_text"]
USER, ASSISTANT, END, BEGIN, CLOSE, BLANK, TEXT_END, IN_TEXT = range(300, 300 + len(KIMI))
OFFSET, KIMI_VOCABULARY, POSITION = 320, 400, 1280


def kimi_audio(_):
    """A Qwen2 fed with merged embeddings; speech codes are made up, their encoder has a script of its own."""
    lm, _ = filled(Qwen2ForCausalLM, Qwen2Config(**dict(text(4, 2, False), vocab_size=KIMI_VOCABULARY), rms_norm_eps=1e-6,
                   rope_parameters=dict(rope_type="default", rope_theta=1e6)), False)  # fmt: skip
    whisper = WhisperModel(WhisperConfig(
        **encoder(), vocab_size=60, decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=32, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=3)).eval()  # fmt: skip
    whisper.load_state_dict({
        n: weight("model." + n, tuple(t.shape), False) if n.startswith("encoder.") else t
        for n, t in whisper.state_dict().items()})  # fmt: skip
    nn = torch.nn
    adaptor = nn.ModuleDict({"0": nn.Linear(128, 48), "3": nn.Linear(48, 48), "4": nn.LayerNorm(48, eps=1e-6)})
    adaptor.load_state_dict({n: weight(f"model.vq_adaptor.layers.{n}", tuple(t.shape), False) for n, t in adaptor.state_dict().items()})
    extractor, out = WhisperFeatureExtractor(feature_size=128), {}
    table = lm.model.embed_tokens

    def heard(seconds):
        sound, rows = waveform(seconds), []
        for start in range(0, len(sound), 480000):
            part = sound[start : start + 480000]
            mel = extractor(part, sampling_rate=16000, padding="max_length", return_tensors="pt")["input_features"]
            count = (len(part) - 1) // POSITION + 1
            rows.append(whisper.encoder(mel).last_hidden_state[0, : 4 * count])
        rows = torch.cat(rows).reshape(-1, 128)
        return adaptor["4"](adaptor["3"](nn.functional.silu(adaptor["0"](rows))))

    for name, words, clips in [("two", "Who speaks?", [2.0, 0.7]), ("41", "", [41.0])]:
        with torch.no_grad():
            features = [heard(s) for s in clips]
            audio, texts, mask = [USER], [BLANK], [False]
            audio += [BLANK] * len(words)
            texts += list(words.encode())
            mask += [False] * len(words)
            for k, f in enumerate(features):
                audio += [BEGIN] + [OFFSET + (7 * j + k) % 64 for j in range(len(f))] + [CLOSE]
                texts += [BLANK] * (len(f) + 2)
                mask += [False] + [True] * len(f) + [False]
            audio += [IN_TEXT, END, ASSISTANT]
            texts += [BLANK] * 3
            mask = torch.tensor(mask + [False] * 3)
            x = table(torch.tensor(audio)).clone()
            x[mask] = (x[mask] + torch.cat(features)) * 2**0.5
            x = x + table(torch.tensor(texts))
            layers, hooks = {}, []
            for i, block in enumerate(lm.model.layers):
                hooks.append(block.register_forward_hook(
                    lambda _, __, o, i=i: layers.__setitem__(i, (o[0] if isinstance(o, tuple) else o).reshape(-1, 48).clone())))
            logits = lm(inputs_embeds=x[None], use_cache=False).logits[0, -1]
            for hook in hooks:
                hook.remove()
            pooled = torch.stack([layers[i][mask].mean(0) for i in range(3)])
            generated, grown = [], x
            for _ in range(TOKENS):
                generated.append(int(lm(inputs_embeds=grown[None], use_cache=False).logits[0, -1].argmax()))
                grown = torch.cat([grown, table(torch.tensor([BLANK])) + table(torch.tensor([generated[-1]]))])
        found = dict(audio_features=torch.cat(features), input_ids=torch.tensor(audio, dtype=torch.int32), pooled=pooled,
                     text_ids=torch.tensor(texts, dtype=torch.int32), logits=logits,
                     generated=torch.tensor(generated, dtype=torch.int32))  # fmt: skip
        if name == "two":
            found |= {f"layer.{i}": layers[i] for i in range(3)}
        out |= {f"{name}.{k}": v.contiguous() for k, v in found.items()}
        print("kimi", name, "positions", len(audio))
    return out


# Voxtral: Tekken's layout, special tokens first. Its chat template is code of mistral-common, which gives for one clip and a text
# `<s>[INST][BEGIN_AUDIO][AUDIO]...What's that?[/INST]`.
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")  # fmt: skip
TEKKEN_SPECIALS = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AUDIO]", "[BEGIN_AUDIO]"]
RESERVED, HEARD = 10, 7


def tekken():
    document = json.loads(tokenizer().to_str())
    document["normalizer"] = None
    document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = TEKKEN
    plain = {p: i + RESERVED for p, i in document["model"]["vocab"].items() if i < FIRST_SPECIAL}
    document["model"]["vocab"] = {s: i for i, s in enumerate(TEKKEN_SPECIALS)} | plain
    document["model"]["ignore_merges"] = True
    document["added_tokens"] = [
        dict(document["added_tokens"][0], id=i, content=s) for i, s in enumerate(TEKKEN_SPECIALS)]  # fmt: skip
    return Tokenizer.from_str(json.dumps(document))


def voxtral(folder):
    extractor, token, out = WhisperFeatureExtractor(feature_size=128), tekken(), {}
    # a: two heads share one of keys, f32. b: three do, bf16. Both with heads of another width than hidden / heads.
    for variant, heads, groups, width in [("a", 4, 2, 16), ("b", 3, 1, 8)]:
        model, tensors = filled(VoxtralForConditionalGeneration, VoxtralConfig(
            audio_token_id=HEARD, audio_config=dict(
                num_mel_bins=128, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
                max_source_positions=1500, model_type="voxtral_encoder"),
            text_config=dict(text(heads, groups, False), model_type="llama", head_dim=width, rms_norm_eps=1e-5,
                             rope_parameters=dict(rope_type="default", rope_theta=1e8))), bf16=variant == "b")  # fmt: skip
        for name, seconds in CLIPS.items():
            mel = extractor(waveform(seconds), sampling_rate=16000, padding=True, truncation=False, pad_to_multiple_of=480000,
                            return_tensors="pt")["input_features"]  # fmt: skip
            chunks = mel.reshape(128, -1, 3000).transpose(0, 1)
            ids = [*token.encode("<s>[INST][BEGIN_AUDIO]").ids, *[HEARD] * (375 * len(chunks)),
                   *token.encode("What's that?[/INST]").ids]  # fmt: skip
            ids = torch.tensor([ids])
            inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids), input_features=chunks)
            found = record(model, inputs, model.model.multi_modal_projector, HEARD)
            found["mel"] = mel[0].T
            frames = -(-round(seconds * 16000) // 160)
            if name == WHOLE:
                found["input_ids"] = ids[0].to(torch.int32)
                found["mel"] = found["mel"][: frames + 16 : 4]
                for i in range(2):
                    found[f"encoder.{i}"] = found[f"encoder.{i}"][: (frames + 1) // 2 : 2]
                for i in range(3):
                    found[f"layer.{i}"] = found[f"layer.{i}"][::9]
                found["audio_features"] = found["audio_features"][::9]
                if variant == "a":
                    adapter(model, inputs, folder, HEARD)
            else:
                found = {k: v for k, v in found.items() if k in ("mel", "audio_features", "pooled", "logits", "generated")}
                found["mel"] = found["mel"][::397]
                found["audio_features"] = found["audio_features"][::29]
            out |= {f"{variant}.{name}.{k}": v.contiguous().clone() for k, v in found.items()}
            print("voxtral", variant, name, "chunks", len(chunks), "positions", ids.shape[1])
        out[f"{variant}.names"] = torch.tensor(list("\n".join(sorted(tensors)).encode()), dtype=torch.uint8)
    return out


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else "Tests"
    torch.set_num_threads(1)
    for name, make in [("qwen2-audio", qwen2_audio), ("qwen2.5-omni", qwen25_omni), ("kimi-audio", kimi_audio), ("voxtral", voxtral)]:
        path = os.path.join(target, "AudioLanguageModelsTests/Golden", f"{name}.safetensors")
        save_file(make(os.path.join(target, "FineTuningTests/Golden", f"peft-{name}")), path)
        print(path, os.path.getsize(path))
