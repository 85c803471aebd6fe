#!/usr/bin/env python3
"""Speaks the training set of the embedded model's projector: a corpus folder for `resurface align`.

    python scripts/alignment_speech.py OUT [--count 5000] [--seed 1] [--workers 2] [--python PYTHON-WITH-THE-ENGINES]

Texts: the train split of Sources/Corpora/Resources/texts/*.jsonl and sentences drawn from alignment.json, each spoken
once by a voice drawn from all engines of the speech worker, neutral, as a child, or with an emotion's prosody drawn at
random. Texts of a validation or test split are left out. The same seed gives the same jobs. Safe to stop and run again.
Needs flite beside the worker's own engines (README, section on rebuilding the projector).
"""
import argparse
import json
import math
import os
import random
import re
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent / "Sources" / "Corpora" / "Resources"
# engine, voice, sex, median f0 in Hz, weight
VOICES = [
    ("hibari", "heart", "female", 205, 5), ("piper", "joe", "male", 95, 5), ("flite", "slt", "female", 176, 2),
    ("flite", "rms", "male", 104, 2), ("flite", "awb", "male", 131, 1.5), ("espeak", "m3", "male", 105, 1),
    ("espeak", "m7", "male", 100, 1), ("espeak", "f2", "female", 216, 1), ("espeak", "f4", "female", 200, 1),
]


def normal(text):
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).strip()


def fill(grammar, rng):
    template, used = rng.choice(grammar["templates"]), set()

    def one(match):
        options = [w for w in grammar["slots"][match.group(1)] if w not in used]
        word = rng.choice(options)
        used.add(word)
        return word

    return re.sub(r"\{(\w+)\}", one, template)


def texts(count, rng):
    train, held = [], set()
    for path in sorted((HERE / "texts").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            item = json.loads(line)
            if item["split"] == "train":
                train.append(item["text"])
            else:
                held.add(normal(item["text"]))
    grammar = json.loads((HERE / "texts" / "alignment.json").read_text())
    seen, out = set(held), []
    for text in train + grammar["sentences"]:
        if normal(text) not in seen:
            seen.add(normal(text))
            out.append(text)
    out = out[:count]
    while len(out) < count:
        text = fill(grammar, rng)
        if normal(text) not in seen:
            seen.add(normal(text))
            out.append(text)
    rng.shuffle(out)
    return out


def processing(sex, f0, rng):
    kind = rng.choices(["neutral", "child", "prosody"], [45, 30, 25])[0]
    level = rng.uniform(-32, -20)
    if kind == "neutral":
        return kind, dict(formant=rng.uniform(0.97, 1.03), shift=rng.uniform(-1, 1), level=level)
    if kind == "child":
        ratio = rng.uniform(1.12, 1.3) if sex == "female" else rng.uniform(1.3, 1.5)
        target = rng.uniform(240, 340)
        return kind, dict(formant=ratio, shift=12 * math.log2(target / f0), duration=rng.uniform(1, 1.1), level=level)
    return kind, dict(
        shift=rng.uniform(-2, 10), range=rng.uniform(0.7, 1.6), slope=rng.uniform(-2, 6), duration=rng.uniform(0.9, 1.35),
        alpha=rng.uniform(-2, 6), level=rng.uniform(-38, -18))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--python", default="python3")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    jobs, lines = [], []
    for i, text in enumerate(texts(args.count, rng)):
        engine, voice, sex, f0, _ = rng.choices(VOICES, [v[4] for v in VOICES])[0]
        kind, settings = processing(sex, f0, rng)
        name = f"audio/align-{i:05d}.wav"
        jobs.append(dict(
            id=f"align-{i:05d}", out=str(args.out / name), text=text, engine=engine, voice=voice, seed=i,
            process={k: round(v, 4) for k, v in settings.items()}))
        lines.append(dict(
            id=f"align-{i:05d}", audio=name, text=text, speaker=f"{engine}-{voice}", engine=engine,
            split="validation" if i % 25 == 0 else "train",
            voice=dict(gender=sex, age="child" if kind == "child" else "adult")))
    waiting = [j for j in jobs if not os.path.exists(j["out"])]
    lock, failed, start = threading.Lock(), set(), time.time()
    total = len(waiting)

    def work():
        with subprocess.Popen(
                [args.python, str(HERE / "speech" / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                bufsize=1) as worker:
            while True:
                with lock:
                    if not waiting:
                        break
                    job = waiting.pop(0)
                    left = len(waiting)
                worker.stdin.write(json.dumps(job) + "\n")
                answer = json.loads(worker.stdout.readline())
                if not answer["ok"]:
                    print(job["id"], answer["error"], flush=True)
                    failed.add(job["id"])
                if left % 250 == 0:
                    print(f"{total - left} of {total}, {time.time() - start:.0f} s", flush=True)
            worker.stdin.close()

    threads = [threading.Thread(target=work) for _ in range(args.workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    partial = args.out / "corpus.jsonl.partial"
    partial.write_text("".join(json.dumps(line) + "\n" for line in lines if line["id"] not in failed))
    partial.rename(args.out / "corpus.jsonl")
    print(f"{len(lines) - len(failed)} clips, {len(failed)} failed")


if __name__ == "__main__":
    main()
