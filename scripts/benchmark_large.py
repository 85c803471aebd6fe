#!/usr/bin/env python3
"""Time and memory of the real command on models of seven billion parameters, as rows of docs/NOTEBOOK.md's table.

    python3 scripts/benchmark_large.py MODEL_FOLDER --corpus CORPUS --scratch FOLDER [--bits 0 8 4] [--steps 3] [--layers 0-14]

MODEL_FOLDER: a checkpoint, or one of `swift run -c release --package-path Benchmarks RandomCheckpoint`. CORPUS: any built corpus; 16
of its clips are taken, eight of age and eight commands, with answers cut to 30 characters (a random checkpoint's tokens are
bytes). Each line is `analyze` of the 16 clips, then `finetune` of two clips a step, one clip a pass: seconds by the
command's own progress lines, peak memory by the system, prediction by `doctor`. Standard library only.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

COMMAND = pathlib.Path(__file__).resolve().parent.parent / ".build/release/resurface"


def run(arguments):
    """-> (seconds at which each line of standard error came, those lines, peak bytes)."""
    start = time.monotonic()
    process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stderr:
        lines.append((time.monotonic() - start, line.rstrip("\n")))
        print(f"  {lines[-1][0]:7.1f} s  {lines[-1][1]}", file=sys.stderr, flush=True)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, arguments))}: failed")
    return lines, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def corpus_of_16(source, target):
    lines = [json.loads(line) for line in (source / "corpus.jsonl").read_text().splitlines()]
    ages, intents, texts = [], [], []
    for line in lines:
        if line["split"] != "train":
            continue
        if line.get("category") == "age" and not line.get("scenario") and len(ages) < 8:
            if line["text"] not in texts:
                texts.append(line["text"])
            if texts.index(line["text"]) < 4:
                ages.append(dict(line, response=line["response"][:30]))
        elif line.get("intent") and len(intents) < 8:
            intents.append(line)
    if len(ages) + len(intents) != 16:
        sys.exit(f"{source}: expected 8 training clips of age and 8 commands, found {len(ages)} and {len(intents)}")
    (target / "audio").mkdir(parents=True)
    for line in ages + intents:
        shutil.copy(source / line["audio"], target / line["audio"])
    (target / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ages + intents))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("--bits", type=int, nargs="+", default=[0, 4])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--layers", default="0-14")
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--no-analysis", action="store_true")
    o = parser.parse_args()
    corpus = o.scratch / "corpus-of-16"
    if not corpus.exists():
        corpus_of_16(o.corpus, corpus)
    print("| model | frozen layers | hearing, s a clip | analysis of 16 clips, s a clip | GB | PE-FT, s a clip | GB | predicted GB |")
    print("|---|---|---|---|---|---|---|---|")
    for bits in o.bits:
        own = ["--model", o.model] + (["--quantize", bits] if bits else [])
        analysis = ["", "", ""]
        if not o.no_analysis:
            lines, peak = run(["analyze", *own, "--corpus", corpus, "--out", o.scratch / f"layers-{o.model.name}-{bits}"])
            at = lambda pattern: [t for t, line in lines if re.match(pattern, line)]  # noqa: E731
            heard, passed = at(r"hearing clips 16/16"), at(r"forward passes \d")
            first = at(r"hearing clips 1/16")
            hearing = (heard[-1] - first[0]) / 15
            analysis = [f"{hearing:.1f}" if hearing > 0.05 else "(cached)", f"{(passed[-1] - heard[-1]) / 16:.1f}", f"{peak / 1e9:.1f}"]
        out = o.scratch / f"run-{o.model.name}-{bits}"
        shutil.rmtree(out, ignore_errors=True)
        lines, peak = run(
            ["finetune", *own, "--corpus", corpus, "--layers", o.layers, "--batch-size", 2, "--micro-batch-size", 1, "--steps", o.steps, "--out", out]
            + (["--recompute"] if o.recompute else [])
        )
        steps = [t for t, line in lines if re.match(r"step \d", line)]
        starts = [t for t, line in lines if line.startswith("hearing clips 8/8")] + steps
        each = [(b - a) / 2 for a, b in zip(starts, steps)]
        # Lines come at intervals of 20 s: a quick step may have none of its own.
        pace = f"{statistics.median(each):.1f} [{min(each):.1f}-{max(each):.1f}]" if len(steps) == o.steps else f"{(steps[-1] - starts[0]) / 2 / o.steps:.1f}"
        positions, answer = next(re.search(r"at most (\d+) positions, (\d+) of", line).groups() for _, line in lines if "positions" in line)
        predicted = json.loads(subprocess.run(
            [COMMAND, "doctor", "--finetune", *map(str, own), "--layers", o.layers, "--micro-batch-size", "1", "--positions",
             positions, "--answer", answer, "--examples", "8", "--json"] + (["--recompute"] if o.recompute else []),
            stdout=subprocess.PIPE, text=True).stdout)  # fmt: skip
        total = sum(predicted.values()) - predicted["encoder"]  # features are cached by then
        row = [o.model.name, f"{bits} bits" if bits else "stored", *analysis, pace, f"{peak / 1e9:.1f}", f"{total / 1e9:.1f}"]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
