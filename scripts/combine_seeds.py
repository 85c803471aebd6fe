#!/usr/bin/env python3
"""Means over the seeds of one recipe: `python3 scripts/combine_seeds.py A/evaluation.json B/evaluation.json ...`.

The files are those of `resurface evaluate --out` (or evaluation-safety.json), one a seed, of the same clips. A text's clips and seeds
are drawn together, so that the intervals (95 %, percentile bootstrap, 4,000 draws, seed 1) are of texts; how seeds differ is shown
beside them. Only the standard library is needed.
"""
import json
import random
import sys

DRAWS = 4000


def interval(groups):
    """Mean of all values and its bootstrap interval, one list of values a text."""
    sums = [(sum(g), len(g)) for g in groups]
    mean = sum(s for s, _ in sums) / sum(n for _, n in sums)
    drawn = random.Random(1)
    means = []
    for _ in range(DRAWS):
        picks = [sums[drawn.randrange(len(sums))] for _ in sums]
        means.append(sum(s for s, _ in picks) / sum(n for _, n in picks))
    means.sort()
    return mean, means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1]


def main(paths):
    runs = [json.load(open(path, encoding="utf-8"))["clips"] for path in paths]
    ids = [sorted(c["id"] for c in clips) for clips in runs]
    if any(i != ids[0] for i in ids):
        sys.exit("the files are not of the same clips: expected one evaluation a seed of one split")
    rows = sorted({(c["category"], value) for c in runs[0] for value in (c["attribute"], "all")})
    print("| category | voice | clips | PA-rate by seed | mean, texts drawn | PA-score, mean | rate of -1 by seed |")
    print("|---|---|---|---|---|---|---|")
    for category, value in rows:
        own = [[c for c in clips if c["category"] == category and value in (c["attribute"], "all")] for clips in runs]
        rates = ", ".join(f"{100 * sum(c['r'] == 1 for c in clips) / len(clips):.1f}" for clips in own)
        wrong = ", ".join(f"{100 * sum(c['r'] == -1 for c in clips) / len(clips):.1f}" for clips in own)
        texts = {}
        for clips in own:
            for clip in clips:
                texts.setdefault(clip["text"], []).append(clip["r"])
        groups = [texts[text] for text in sorted(texts)]
        rate = "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * x for x in interval([[r == 1 for r in g] for g in groups])))
        score = "{:.2f} [{:.2f}, {:.2f}]".format(*interval(groups))
        print(f"| {category} | {value} | {len(own[0])} | {rates} | {rate} | {score} | {wrong} |")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:])
