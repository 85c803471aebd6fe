#!/usr/bin/env python3
"""Golden data of the tests of Tekken's tokenizer, made with the reference libraries.

    pip install tiktoken==0.12.0 tokenizers==0.23.3 mistral-common==1.13.1
    python scripts/golden/tekken.py [--full FOLDER]

needs what tokenizer.py has written to Tests/TokenizationTests/Golden, and adds there:
  tekken.json               the vocabulary of ranks.tiktoken in Mistral's layout, the last tokens beyond the size it states
  hashes-tekken.txt         ids by that file
  hashes-tekken-words.txt   lengths of the words, in bytes of UTF-8, by the pattern alone
  hashes-tekken-json.txt    ids by qwen2.json with Tekken's pattern instead of its own, and no normaliser
  hashes-tekken-full.txt    ids by the vocabulary of 131,072 that mistral-common brings along (tekken_240911.json, Apache-2.0); --full
                            writes it to FOLDER/tekken.json with the special tokens above, for the test that runs on it
each one hash for every ten of 10,000 strings (seed 1). mistral-common reads the file as well and must give the same ids.
"""

import argparse
import base64
import json
import pathlib

import mistral_common
import tiktoken
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizer import COUNT, GOLDEN, SEED
from tokenizer_text import fnv, read_alphabet, strings
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")  # fmt: skip
SPECIALS = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AUDIO]", "[BEGIN_AUDIO]"]
RESERVED, UNUSED = 20, 50  # ids of special tokens, named or not; tokens at the end of the list that have no id


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", type=pathlib.Path)
    options = parser.parse_args()
    texts = list(strings(read_alphabet(GOLDEN / "alphabet.txt"), SEED, COUNT))
    tokens = [base64.b64decode(line.split()[0]) for line in open(GOLDEN / "ranks.tiktoken")]
    tokens = sorted(tokens[:256]) + tokens[256:]  # Tekken's first ranks are the bytes
    size = RESERVED + len(tokens) - UNUSED
    document = {
        "config": {"pattern": TEKKEN, "num_vocab_tokens": len(tokens), "default_vocab_size": size,
                   "default_num_special_tokens": RESERVED, "version": "v7"},
        "vocab": [{"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for i, t in enumerate(tokens)],
        "special_tokens": [{"rank": i, "token_str": s, "is_control": True} for i, s in enumerate(SPECIALS)],
    }  # fmt: skip
    path = GOLDEN / "tekken.json"
    path.write_text(json.dumps(document, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    ranks = {t: i for i, t in enumerate(tokens[: size - RESERVED])}
    encoding = tiktoken.Encoding("tekken", pat_str=TEKKEN, mergeable_ranks=ranks, special_tokens={})
    own = [[RESERVED + i for i in encoding.encode_ordinary(t)] for t in texts]
    theirs = Tekkenizer.from_file(path)
    assert own == [theirs.encode(t, bos=False, eos=False) for t in texts]

    full = json.loads((pathlib.Path(mistral_common.__path__[0]) / "data/tekken_240911.json").read_text())
    whole = {"config": full["config"], "vocab": full["vocab"], "special_tokens": document["special_tokens"]}
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in full["vocab"][: 131_072 - 1000]}
    assert full["config"]["pattern"] == TEKKEN
    encoding = tiktoken.Encoding("full", pat_str=TEKKEN, mergeable_ranks=ranks, special_tokens={})
    large = [[1000 + i for i in encoding.encode_ordinary(t)] for t in texts]
    if options.full:
        options.full.mkdir(parents=True, exist_ok=True)
        (options.full / "tekken.json").write_text(json.dumps(whole))

    split = pre_tokenizers.Split(Regex(TEKKEN), "isolated")
    words = [[len(w.encode()) for w, _ in split.pre_tokenize_str(t)] for t in texts]
    converted = Tokenizer.from_file(str(GOLDEN / "qwen2.json"))
    converted.normalizer = normalizers.Sequence([])
    converted.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    converted.encode_special_tokens = True
    ids = [converted.encode(t, add_special_tokens=False).ids for t in texts]
    for name, lists in [("tekken", own), ("tekken-full", large), ("tekken-words", words), ("tekken-json", ids)]:
        hashes = [f"{fnv(lists[i : i + 10]):016x}\n" for i in range(0, COUNT, 10)]
        (GOLDEN / f"hashes-{name}.txt").write_text("".join(hashes))
        print(name, "strings", len(lists), "numbers", sum(map(len, lists)))


if __name__ == "__main__":
    main()
