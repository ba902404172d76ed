"""A report of made-up scores, filled like a real one but by short arithmetic of its own."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.stats import binomtest, norm
from sklearn.metrics import average_precision_score, roc_auc_score

from compare.metrics import Estimate
from compare.report import (
    Absent,
    AtPrevalence,
    AtThreshold,
    Band,
    CalibrationBin,
    Card,
    Cell,
    Classes,
    Curve,
    Difference,
    FunnelRow,
    Histogram,
    Making,
    OperatingPoint,
    Pair,
    PublishedPoint,
    RecallAt,
    Report,
    ScorerReport,
    SetSummary,
    Slice,
    SliceScores,
    Threshold,
)

TARGETS, CONTROLS = 138, 1401
PREVALENCES = (0.5, 0.1, 0.01, 0.001, 0.0001)
FPRS = (0.001, 0.01, 0.042)
UNMARKED = Absent("no picture is marked at this threshold, so there is no precision")
NOT_PROBABLE = Absent("its scores are not probabilities")
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def wilson(hits, n):
    if n == 0:
        return Absent("there are no such pictures")
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Estimate(hits / n, interval.low, interval.high, 0.95, "Wilson")


def around(value, spread, method):
    return Estimate(value, max(value - spread, 0.0), min(value + spread, 1.0), 0.95, method)


def table(labels, marked):
    tp, fp = int((marked & labels).sum()), int((marked & ~labels).sum())
    fn, tn = int((~marked & labels).sum()), int((~marked & ~labels).sum())
    f1 = around(2 * tp / (2 * tp + fp + fn), 0.04, "stratified bootstrap")
    return AtThreshold(
        tp, fp, fn, tn,
        precision=wilson(tp, tp + fp) if tp + fp else UNMARKED,
        recall=wilson(tp, tp + fn), f1=f1, fpr=wilson(fp, fp + tn),
    )  # fmt: skip


def curve(labels, scores):
    values = np.unique(scores)[::-1]
    tp = [int((scores[labels] >= v).sum()) for v in values]
    fp = [int((scores[~labels] >= v).sum()) for v in values]
    return Curve([None, *values.tolist()], [0, *tp], [0, *fp])


def bands(drawn):
    fpr = np.array(drawn.fp) / CONTROLS
    recall = np.array(drawn.tp) / TARGETS
    x = np.linspace(0, 1, 41)
    y = np.interp(x, fpr, recall)
    spread = 1.96 * np.sqrt(y * (1 - y) / TARGETS + 1e-4)
    roc = Band(x.tolist(), np.clip(y - spread, 0, 1).tolist(), np.clip(y + spread, 0, 1).tolist(),
               "pointwise bootstrap")  # fmt: skip
    marked = np.array(drawn.tp[1:]) + np.array(drawn.fp[1:])
    precision = np.interp(x, recall[1:], np.array(drawn.tp[1:]) / marked)
    spread = 0.08 * np.sqrt(1 - x) + 0.01
    pr = Band(x.tolist(), np.clip(precision - spread, 0, 1).tolist(),
              np.clip(precision + spread, 0, 1).tolist(), "pointwise bootstrap")  # fmt: skip
    return roc, pr


def recalls(drawn):
    found = []
    for limit in FPRS:
        best = max(i for i, fp in enumerate(drawn.fp) if fp / CONTROLS <= limit)
        found.append(RecallAt(limit, wilson(drawn.tp[best], TARGETS), drawn.thresholds[best]))
    return found


def calibration(labels, scores):
    edges = np.linspace(0, 1, 11)
    bins = []
    for low, high in pairwise(edges):
        inside = (scores >= low) & ((scores < high) | (high == 1))
        n = int(inside.sum())
        if n:
            bins.append(CalibrationBin(float(low), float(high), n, float(scores[inside].mean()),
                                       wilson(int(labels[inside].sum()), n)))  # fmt: skip
    return bins


def scorer(name, kind, labels, scores, probable, threshold, description, unanswered=(0, 0)):
    drawn = curve(labels, scores)
    at = table(labels, scores >= threshold.value)
    silent = np.repeat([True, False], unanswered)
    missed = table(np.r_[labels, silent], np.r_[scores >= threshold.value, silent & False])
    roc, pr = bands(drawn)
    edges = np.linspace(min(scores.min(), 0), max(scores.max(), 1), 21)
    return ScorerReport(
        name, description, kind, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        probable, Classes(TARGETS, CONTROLS), Classes(*unanswered), threshold,
        auc=around(roc_auc_score(labels, scores), 0.024, "DeLong"),
        ap=around(average_precision_score(labels, scores), 0.04, "stratified bootstrap"),
        brier=around(np.mean((scores - labels) ** 2), 0.01, "bootstrap") if probable
        else NOT_PROBABLE,
        ece=around(0.05, 0.02, "bootstrap") if probable else NOT_PROBABLE,
        at_threshold=at, counted_as_missed=missed, recall_at=recalls(drawn), curve=drawn,
        roc_band=roc, pr_band=pr, operating_points=[],
        calibration=calibration(labels, scores) if probable else [],
        histogram=Histogram(edges.tolist(), np.histogram(scores[labels], edges)[0].tolist(),
                            np.histogram(scores[~labels], edges)[0].tolist()),
        seconds=0.0123, memory=412_000_000,
    )  # fmt: skip


def pair(labels, a, b, marks_a, marks_b):
    def cells():
        for first in (True, False):
            for second in (True, False):
                inside = (marks_a == first) & (marks_b == second)
                yield Cell(first, second, Classes(int((inside & labels).sum()),
                                                  int((inside & ~labels).sum())))  # fmt: skip

    change = b.auc.value - a.auc.value
    recall = b.at_threshold.recall.value - a.at_threshold.recall.value
    return Pair(
        a.name, b.name, Classes(TARGETS, CONTROLS),
        [
            Difference("AUC", a.auc.value, b.auc.value,
                       Estimate(change, change - 0.05, change + 0.05, 0.95, "DeLong"),
                       float(2 * norm.sf(abs(change) / 0.0255)), "DeLong"),
            Difference("recall", a.at_threshold.recall.value, b.at_threshold.recall.value,
                       Estimate(recall, recall - 0.09, recall + 0.09, 0.95, "paired bootstrap"),
                       0.2114, "exact McNemar on the targets"),
        ],
        list(cells()),
        f"{b.name} ranks these pictures better than {a.name}; chance would hardly do as much.",
    )  # fmt: skip


def slices(rng, names):
    for attribute, values in (("view", ("front", "back", "side")), ("tone", ("1-3", "4-7", "8"))):
        for value in values:
            small = value == "8"
            n = 7 if small else 44
            yield Slice(
                attribute, value, Classes(n, 10 * n), small,
                [
                    SliceScores(
                        name,
                        Absent("fewer than ten targets") if small
                        else around(rng.uniform(0.6, 0.9), 0.06, "DeLong"),
                        wilson(int(rng.integers(1, n)), n),
                        wilson(int(rng.integers(1, 2 * n)), 10 * n),
                    )
                    for name in names
                ],
            )  # fmt: skip


def example():
    """Four scorers, everything filled."""
    rng = np.random.default_rng(1996)
    labels = np.arange(TARGETS + CONTROLS) < TARGETS
    shift = np.where(labels, 1.0, 0.0)
    limbs = np.round(np.clip(rng.normal(0.55 * shift + 0.0, 1.0), 0, None) / 3.5, 3)
    skin = np.clip(rng.beta(1.2 + 0.8 * shift, 4), 0, 1)
    zfnet = 1 / (1 + np.exp(-(rng.normal(2.6 * shift - 2.6, 1.3))))
    yahoo = 1 / (1 + np.exp(-(rng.normal(1.5 * shift - 3.2, 1.2))))
    on_validation = "the highest F1"
    scorers = [
        replace(
            scorer("1996 detector", "baseline", labels, limbs, False,
                   Threshold(0.5, "configuration F, as published", "scorer"),
                   "Fleck, Forsyth and Bregler: skin, then limbs, then how they may meet.",
                   (2, 11)),
            operating_points=[
                OperatingPoint(letter, wilson(hit, TARGETS), wilson(alarm, CONTROLS),
                               wilson(hit, hit + alarm))
                for letter, hit, alarm in zip(
                    "ABCDEFGH", (4, 22, 24, 20, 21, 36, 44, 51),
                    (6, 49, 52, 71, 72, 98, 139, 190), strict=True)
            ],
            seconds=0.0015, memory=188_000_000,
        ),
        scorer("ZFNet", "net", labels, zfnet, True, Threshold(0.31, on_validation, "validation"),
               "Trained from scratch on drawings."),
        scorer("open_nsfw", "net", labels, yahoo, True, Threshold(0.2, on_validation, "validation"),
               "Yahoo's network, as released."),
        scorer("skin share", "rule", labels, skin, True,
               Threshold(0.35, on_validation, "validation"), "The share of skin."),
    ]  # fmt: skip
    marks = [s >= r.threshold.value for s, r in zip((limbs, zfnet, yahoo, skin), scorers,
                                                    strict=True)]  # fmt: skip
    names = [s.name for s in scorers]
    return Report(
        answer="On these 138 drawn figures and 1401 controls, ZFNet finds most of the targets; "
        "the detector of 1996 hardly does better than chance.",
        tested=SetSummary(
            "drawn/manifest.csv", "3b" * 32, "test", Classes(TARGETS + 2, CONTROLS + 11),
            {"ok": Classes(TARGETS, CONTROLS), "unreadable": Classes(2, 11)},
            {"images.mannequins": 1539}, {"CC0-1.0": 1539},
        ),
        scorers=scorers,
        published=[
            PublishedPoint("ECCV 1996", "[ECCV96]", wilson(72, 138), wilson(48, 1401)),
            PublishedPoint("IJCV 1999, F", "[IJCV99]", wilson(241, 565), wilson(182, 4289)),
            PublishedPoint("IJCV 1999, H", "[IJCV99]", wilson(316, 565), wilson(286, 4289)),
        ],
        pairs=[pair(labels, scorers[0], scorers[i], marks[0], marks[i]) for i in (1, 2, 3)],
        prevalence=[
            AtPrevalence(at, {s.name: around(_reweighted(s, at), 0.05, "bootstrap")
                              for s in scorers})
            for at in PREVALENCES
        ],
        slices=list(slices(rng, names)),
        funnel=[
            FunnelRow("skin filter", wilson(80, TARGETS), wilson(409, CONTROLS),
                      wilson(448, 565), wilson(485, 4289)),
            FunnelRow("segments", wilson(60, TARGETS), wilson(210, CONTROLS),
                      Absent("not published"), Absent("not published")),
            FunnelRow("F", wilson(36, TARGETS), wilson(98, CONTROLS),
                      wilson(241, 565), wilson(182, 4289)),
        ],
        gallery=[
            Card("false positive", ["1996 detector", "ZFNet"], "controls/0042.png",
                 {"thing": "table"}, {"1996 detector": 0.71, "ZFNet": 0.992}, PIXEL, PIXEL,
                 "ZFNet"),
            Card("miss", ["ZFNet"], "targets/0007.png", {"view": "back"},
                 {"1996 detector": 0.0, "ZFNet": 0.0123}, PIXEL, None, None),
        ],
        making=Making(
            "skindeep compare drawn/manifest.csv --scorer baseline --scorer ZFNet=convnet:run "
            "--scorer open_nsfw --scorer skin_fraction --validation drawn/validation.csv --gallery "
            "--out report",
            {"skindeep": "0.1.0",
                                                                 "numpy": "2.4.6"},
            "Linux x86-64, Python 3.11", 1996, 2000, {"weights.safetensors": "ab" * 32},
            ["The targets are drawings of lay figures, not photographs of people."],
        ),
        notes=["Two scorers were asked through their commands."],
    )  # fmt: skip


def _reweighted(found, at):
    hits, alarms = at * found.at_threshold.recall.value, (1 - at) * found.at_threshold.fpr.value
    return hits / (hits + alarms)


def barren():
    """One scorer that answered nothing, no pairs, no slices: as much is absent as can be."""
    nothing = Absent("the scorer answered no picture")
    lone = ScorerReport(
        "silent", "A command that fails.", "external", "00" * 32, False, Classes(0, 0),
        Classes(3, 4), None, nothing, nothing, nothing, nothing, nothing, nothing,
        [RecallAt(f, nothing, None) for f in FPRS], nothing, nothing, nothing, [], [], nothing,
        None, None,
    )  # fmt: skip
    return replace(
        example(), answer="Nothing can be said: no picture was answered.", scorers=[lone],
        published=[], pairs=[], slices=[], funnel=[], gallery=[], notes=[],
        prevalence=[AtPrevalence(p, {"silent": nothing}) for p in PREVALENCES],
        making=replace(example().making, limits=[], digests={}, versions={}),
    )  # fmt: skip
