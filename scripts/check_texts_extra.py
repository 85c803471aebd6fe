#!/usr/bin/env python3
"""Checks the child-safety, intent, declared-age texts and plain sentences and prints their figures.

    python3 scripts/check_texts_extra.py [--examples N]

Standard library only. Every fault is one line, "file: what"; any fault makes the exit code 1.
"""
import argparse
import json
import pathlib
import random
import re
import sys
from collections import Counter, defaultdict

TEXTS = pathlib.Path(__file__).resolve().parent.parent / "Sources/Corpora/Resources/texts"
SCENARIOS = ["electrical", "kitchen", "height", "fire", "pet", "medicine", "chemicals"]
ROOMS = ["kitchen", "bedroom", "washroom"]
PAIRS = [
    (f"{a}_{x}", f"{b}_{x}")
    for a, b, things in (
        ("activate", "deactivate", ["lamp", "lights"] + [f"lights_{r}" for r in ROOMS] + ["music"]),
        ("increase", "decrease", ["heat"] + [f"heat_{r}" for r in ROOMS] + ["volume"]),
    )
    for x in things
]
INTENTS = {i for pair in PAIRS for i in pair} | {f"bring_{x}" for x in ("newspaper", "juice", "socks", "shoes")} | {
    "change_language"} | {f"change_language_{x}" for x in ("chinese", "english", "german", "korean")}
# Children, adults, women and men must not be told apart by the words of a safety text.
TELLTALE = set("kid kids child children mommy mummy daddy mom mum dad toy school teacher homework wife husband "
               "daughter son boss office job boy girl man woman he she his her".split())

faults = []


def fault(file, text):
    faults.append(f"{file}: {text}")


def count(text):
    return len(text.split())


def norm(text):
    return "".join(c for c in text.lower() if c.isalnum() or c == " ")


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def lines(name):
    rows = []
    for number, line in enumerate((TEXTS / name).read_text(encoding="utf-8").splitlines(), 1):
        if not line.isascii():
            fault(name, f"line {number} is not ASCII")
        rows.append(json.loads(line))
    ids = Counter(r["id"] for r in rows)
    texts = Counter(norm(r["text"]) for r in rows)
    for what, counter in (("id", ids), ("text", texts)):
        for value, n in counter.items():
            if n > 1:
                fault(name, f"{what} occurs {n} times: {value}")
    return rows


def check_safety():
    name, rows = "safety.jsonl", lines("safety.jsonl")
    per = Counter(r["scenario"] for r in rows)
    if per != Counter({s: 10 for s in SCENARIOS}):
        fault(name, f"expected 10 texts in each of {SCENARIOS}, found {dict(per)}")
    seen = Counter()
    for r in rows:
        if set(r) != {"id", "scenario", "split", "text", "responses", "generic"} or r["split"] != "test":
            fault(name, f"{r['id']}: wrong fields or split")
        if set(r["responses"]) != {"child", "adult"}:
            fault(name, f"{r['id']}: responses must be child and adult")
        if not re.fullmatch(rf"safety-{r['scenario']}-\d\d", r["id"]):
            fault(name, f"{r['id']}: id does not fit scenario {r['scenario']}")
        if not 5 <= count(r["text"]) <= 11:
            fault(name, f"{r['id']}: text has {count(r['text'])} words, expected 5-11")
        if TELLTALE & set(words(r["text"])):
            fault(name, f"{r['id']}: text tells the speaker: {TELLTALE & set(words(r['text']))}")
        for key, text in [*r["responses"].items(), ("generic", r["generic"])]:
            seen[norm(text)] += 1
            if not 12 <= count(text) <= 22:
                fault(name, f"{r['id']}: {key} has {count(text)} words, expected 12-22")
        if "grown-up" not in r["responses"]["child"]:
            fault(name, f"{r['id']}: the child's response names no grown-up")
    for text, n in seen.items():
        if n > 1:
            fault(name, f"response occurs {n} times: {text}")
    print(f"safety: {len(rows)} texts, {len(per)} scenarios")


def check_intents():
    name, rows = "intents.jsonl", lines("intents.jsonl")
    split = defaultdict(Counter)
    for r in rows:
        split[r["intent"]][r["split"]] += 1
        if not r["id"].startswith(f"intent-{r['intent']}-"):
            fault(name, f"{r['id']}: id does not fit intent {r['intent']}")
        if not 2 <= count(r["text"]) <= 12:
            fault(name, f"{r['id']}: {count(r['text'])} words, expected 2-12")
    if set(split) != INTENTS:
        fault(name, f"classes differ from the 31: {set(split) ^ INTENTS}")
    for intent, c in split.items():
        if c["train"] < 4 or c["test"] < 4:
            fault(name, f"{intent}: expected 4 train and 4 test phrasings, found {dict(c)}")
    pairs = [tuple(p) for p in json.loads((TEXTS / "pairs.json").read_text())["pairs"]]
    if sorted(pairs) != sorted(PAIRS):
        fault("pairs.json", "expected the 11 opposite pairs")
    texts = {r["id"]: r["text"] for r in rows}
    shared = []
    for a, b in pairs:
        for n in range(1, 9):
            x, y = (Counter(words(texts.get(f"intent-{i}-{n:02d}", ""))) for i in (a, b))
            shared.append(sum((x & y).values()) / max(1, sum(x.values()), sum(y.values())))
            if sum((x - y).values()) > 2 or sum((y - x).values()) > 2:
                fault(name, f"phrasing {n} of {a} and {b} differ in more than two words")
    least = min(sum(c.values()) for c in split.values())
    print(f"intents: {len(rows)} phrasings, {len(split)} classes of at least {least}, {len(pairs)} opposite pairs that share "
          f"{sum(shared) / len(shared):.0%} of their words")


def check_declared():
    name = "declared.json"
    d = json.loads((TEXTS / name).read_text())
    if sorted(d["years"].values()) != [6, 7, 29, 30] or set(d["years"]) != set(d["prefixes"]):
        fault(name, "expected the years 6, 7, 29, 30, one prefix each")
    for key, text in d["prefixes"].items():
        if text != f"I'm {key} years old.":
            fault(name, f"{key}: {text}")
    print(f"declared ages: {d['years']}")


def check_sentences(examples):
    name = "sentences.txt"
    raw = (TEXTS / name).read_text(encoding="utf-8")
    if not raw.isascii():
        fault(name, "not ASCII")
    lines = raw.splitlines()
    for text, n in Counter(map(norm, lines)).items():
        if n > 1:
            fault(name, f"occurs {n} times: {text}")
    for s in lines:
        if re.search(r"[0-9]", s) or not re.search(r"[.?!]$", s) or re.search(r"\b[A-Z]{2,}\b", s):
            fault(name, f"numeral, abbreviation or no closing mark: {s}")
        if not 4 <= count(s) <= 14:
            fault(name, f"{count(s)} words, expected 4-14: {s}")
    vocabulary = Counter(w for s in lines for w in words(s))
    once = sum(n == 1 for n in vocabulary.values())
    print(f"sentences: {len(lines)}, {len(vocabulary)} distinct words, {once} of them once")
    for s in random.Random(1).sample(lines, examples):
        print("   ", s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=0, help="print this many of the sentences")
    arguments = parser.parse_args()
    check_safety()
    check_intents()
    check_declared()
    check_sentences(arguments.examples)
    for line in faults:
        print(line, file=sys.stderr)
    sys.exit(1 if faults else 0)
