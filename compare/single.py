"""One scorer's part of the report: its curve and bands, its rates, its honesty."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from baseline.grouping import CONFIGURATIONS
from compare import report as r
from compare.bootstrap import band, percentile
from compare.entries import (
    FPRS,
    GRID,
    ONE_CLASS,
    Entry,
    Labels,
    Samples,
    Scores,
    at_threshold,
    classes_of,
    counted,
    fpr_of,
    precision_of,
    recall_of,
)  # fmt: skip
from compare.funnel import passes
from compare.intervals import LEVEL, Estimate
from compare.metrics import RocCurve, ap_estimate, det, recall_at, roc, thin
from compare.probabilities import brier, calibration, ece

BINS = 20  # of a histogram
WIDE = 1000  # px, of a plot: what a curve is thinned for
NO_PROBABILITY = r.Absent("its scores are no probabilities")


def scorer_report(labels: Labels, entry: Entry, samples: Samples) -> r.ScorerReport:
    """Return everything that is said of one scorer alone."""
    known = np.isfinite(entry.scores)
    seen, scores = labels[known], entry.scores[known]
    drawn, (row,) = samples.of(entry.name)
    ranked: dict[str, Any] = dict.fromkeys(
        ("auc", "ap", "curve", "roc_band", "pr_band", "histogram"), ONE_CLASS
    )
    recalls: list[r.RecallAt] = []
    if drawn:
        curve = roc(seen, scores)
        words = f"{LEVEL:.0%} of {len(drawn.ap[row]):,} stratified resamples, point by point"
        ranked = {
            "auc": curve.auc,
            "ap": ap_estimate(curve.ranking, drawn.ap[row]),
            "curve": _curve(curve, entry.threshold),
            "roc_band": _band(drawn.roc[row], words),
            "pr_band": _band(drawn.pr[row], words),
            "histogram": _histogram(seen, scores),
        }
        recalls = [
            _recall_at(seen, scores, fpr, drawn.recall_at[row, :, k]) for k, fpr in enumerate(FPRS)
        ]
    sure = entry.is_probability
    return r.ScorerReport(
        name=entry.name,
        description=entry.description,
        kind=entry.kind,
        digest=entry.digest,
        is_probability=sure,
        answered=classes_of(labels, known),
        unanswered=classes_of(labels, ~known),
        threshold=entry.threshold,
        brier=_honesty(brier, entry, seen, scores),
        ece=_honesty(ece, entry, seen, scores),
        at_threshold=at_threshold(labels, entry, known),
        counted_as_missed=at_threshold(labels, entry, np.ones_like(known)),
        recall_at=recalls,
        operating_points=_operating_points(labels, entry),
        calibration=_calibration(seen, scores) if sure and drawn else [],
        seconds=entry.seconds,
        memory=entry.memory,
        **ranked,
    )


def _band(draws: npt.NDArray[np.float64], words: str) -> r.Band:
    low, high = band(draws)
    return r.Band(GRID.tolist(), low.tolist(), high.tolist(), words)


def _honesty(
    measure: Callable[[Labels, Scores], Estimate], entry: Entry, labels: Labels, scores: Scores
) -> r.Maybe:
    if not entry.is_probability:
        return NO_PROBABILITY
    return measure(labels, scores) if 0 < labels.sum() < len(labels) else ONE_CLASS


def _recall_at(
    labels: Labels, scores: Scores, fpr: float, draws: npt.NDArray[np.float64]
) -> r.RecallAt:
    recall, threshold = recall_at(labels, scores, fpr)
    # The threshold is chosen on this very set, which Wilson's interval does not know; a bootstrap
    # of nothing found knows no other outcome. Each covers what the other leaves out.
    drawn = percentile(recall.value, draws)
    wide = Estimate(
        recall.value,
        min(recall.low, drawn.low),
        max(recall.high, drawn.high),
        LEVEL,
        f"the wider of {recall.method} and {drawn.method}",
    )
    return r.RecallAt(fpr, wide, threshold if np.isfinite(threshold) else None)


def _curve(curve: RocCurve, threshold: r.Threshold | None) -> r.Curve:
    """Thin a curve for every plot that it is drawn in, ROC, PR and DET, and keep the threshold."""
    ranked = curve.ranking
    precision = ranked.tp / (ranked.tp + ranked.fp)
    kept = [
        thin(curve.fpr, curve.tpr, WIDE),
        thin(curve.tpr[1:], precision, WIDE) + 1,
        thin(*det(curve), WIDE),
    ]
    if threshold:
        kept.append(np.array([np.searchsorted(-curve.thresholds, -threshold.value, "right") - 1]))
    places = np.unique(np.concatenate([[0], *kept]))[1:] - 1  # all but the first, which is added
    return r.Curve(
        [None, *ranked.thresholds[places].tolist()],
        [0, *ranked.tp[places].tolist()],
        [0, *ranked.fp[places].tolist()],
    )


def _operating_points(labels: Labels, entry: Entry) -> list[r.OperatingPoint]:
    if not any(entry.details):
        return []
    known = np.isfinite(entry.scores)
    passed = [passes(found) if found else {} for found in entry.details]
    points = []
    for name in CONFIGURATIONS:
        marked = np.array([bool(one.get(name)) for one in passed])
        table = counted(labels[known], marked[known])
        points.append(r.OperatingPoint(name, recall_of(table), fpr_of(table), precision_of(table)))
    return points


def _calibration(labels: Labels, scores: Scores) -> list[r.CalibrationBin]:
    return [
        r.CalibrationBin(one.low, one.high, one.n, one.mean, one.rate)
        for one in calibration(labels, scores)
    ]


def _histogram(labels: Labels, scores: Scores) -> r.Histogram:
    edges = np.histogram_bin_edges(scores, BINS)
    targets, controls = (np.histogram(scores[labels == k], edges)[0].tolist() for k in (1, 0))
    return r.Histogram(edges.tolist(), targets, controls)
