"""How long the judge's statistics take, how much memory they need, and how a naive way compares.

Scores are drawn from normal distributions, 3 % of the pictures targets unless --share says
otherwise. First 428,271 pictures and two scorers: every number of a report, 1,000 paired resamples
of every measure among them, with bands, and slices by three attributes. The naive way resamples
pictures and calls scikit-learn's roc_auc_score for each scorer, which gives one of these measures;
a few resamples are timed and the rest are extrapolated. Then 10 million scores: both curves,
thinned as for drawing, the area, and its interval by DeLong. Each part runs in a fresh process, for
its peak memory. The first resample compiles two loops, which is counted.

    python -m benchmarks.statistics [--pictures 428271] [--most 10000000] [--share 0.03]
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from sklearn.metrics import roc_auc_score

from compare.entries import RESAMPLES, Entry
from compare.judge import judge
from compare.metrics import roc, thin
from compare.ranking import Bools, Floats
from compare.report import Classes, Making, SetSummary, Threshold
from images.labelled import Item

NAIVE_RESAMPLES = 5
Timed = tuple[dict[str, float], float]


def draw(pictures: int, share: float) -> tuple[Bools, Floats]:
    """Labels, and the scores of two scorers, one of them rounded so that there are ties."""
    rng = np.random.default_rng(1996)
    labels = rng.random(pictures) < share
    scores = rng.normal(size=(2, pictures)) + np.outer([1.0, 1.2], labels)
    scores[1] = np.round(scores[1], 3)
    return labels, scores


def peak() -> float:
    """Most memory that this process has held, MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def everything(pictures: int, share: float) -> Timed:
    """Judge two scorers: all numbers of the report, three attributes' slices among them."""
    labels, scores = draw(pictures, share)
    rng = np.random.default_rng(0)
    tones, lights = rng.integers(1, 11, pictures), rng.choice(["low", "middle", "high"], pictures)
    items = [
        Item(f"{k}.jpg", f"{k:064x}", int(label), "one", "", str(k), "test",
             {"tone": str(tone), "light": str(light), "share": f"{k % 997 / 997:.3f}"})
        for k, (label, tone, light) in enumerate(zip(labels, tones, lights, strict=True))
    ]  # fmt: skip
    entries = [
        Entry(name, "", "external", "", True, 1 / (1 + np.exp(-row)), Threshold(0.7, "", "hand"))
        for name, row in zip(("first", "second"), scores, strict=True)
    ]
    held, begin = peak(), time.perf_counter()
    classes = Classes(int(labels.sum()), int((~labels).sum()))
    report = judge(
        SetSummary("", "", "test", classes, {}, {}, {}),
        items,
        entries,
        Making("", {}, "", 0, 0, {}, ()),
    )
    took = time.perf_counter() - begin
    return {
        f"judge, {len(report.slices)} slices; the set itself holds {held:,.0f} MiB": took
    }, peak()


def naive(pictures: int, share: float) -> Timed:
    labels, scores = draw(pictures, share)
    rng, begin = np.random.default_rng(0), time.perf_counter()
    for _ in range(NAIVE_RESAMPLES):
        drawn = rng.integers(pictures, size=pictures)
        for row in scores:
            roc_auc_score(labels[drawn], row[drawn])
    each = (time.perf_counter() - begin) / NAIVE_RESAMPLES
    return {f"{RESAMPLES:,} resamples of the areas alone, extrapolated": each * RESAMPLES}, peak()


def large(pictures: int, share: float) -> Timed:
    labels, scores = draw(pictures, share)
    begin = time.perf_counter()
    curve = roc(labels, scores[0])
    precision = curve.ranking.tp / (curve.ranking.tp + curve.ranking.fp)
    drawn = [len(thin(curve.fpr, curve.tpr)), len(thin(curve.tpr[1:], precision))]
    took = time.perf_counter() - begin
    auc = curve.auc
    words = f"ROC and PR, thinned to {drawn[0]:,} and {drawn[1]:,} points, and the area, "
    return {f"{words}{auc.value:.4f} [{auc.low:.4f}, {auc.high:.4f}]": took}, peak()


def show(title: str, part: Callable[..., Timed], *given: float) -> float:
    """Run a part in a fresh process, print what it took, and return the seconds in all."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        took, memory = pool.submit(part, *given).result()
    print(f"{title}: {sum(took.values()):.1f} s, peak {memory:,.0f} MiB")
    for what, seconds in took.items():
        print(f"  {seconds:8.2f} s  {what}")
    return sum(took.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=428_271)
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--share", type=float, default=0.03)
    given = parser.parse_args()
    ours = show(f"{given.pictures:,} pictures, 2 scorers", everything, given.pictures, given.share)
    peer = show("scikit-learn, naively", naive, given.pictures, given.share)
    print(f"  {peer / ours:8.1f} times ours")
    show(f"{given.most:,} pictures, 1 scorer", large, given.most, given.share)


if __name__ == "__main__":
    main()
