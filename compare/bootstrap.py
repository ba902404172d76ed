"""The stratified bootstrap: all scorers, all measures, the same resampled pictures for everyone.

Targets are drawn from targets and controls from controls, with replacement, so that every resample
keeps the set's prevalence. Each scorer is sorted once; a resample is two counts over its distinct
scores, and everything else follows from their cumulative sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from compare.intervals import LEVEL, Estimate
from compare.ranking import Floats, checked, ranking
from images.compiled import compiled

Counted = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Every measure of k scorers in B resamples.

    Attributes
    ----------
    auc, ap : (k, B) float64
    recall, fpr, precision, f1 : (k, B) float64
        At the scorer's threshold; NaN where it has none, precision also where nothing is marked.
    recall_at : (k, B, f) float64
        Largest recall whose false positive rate is at most each of `fprs`.
    roc : (k, B, g) float64
        Recall on the ROC curve, straight between its points, at each false positive rate of `grid`.
    pr : (k, B, g) float64
        Precision at the first threshold whose recall reaches each of `grid`.
    """

    auc: Floats
    ap: Floats
    recall: Floats
    fpr: Floats
    precision: Floats
    f1: Floats
    recall_at: Floats
    roc: Floats
    pr: Floats


def resampled(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    thresholds: Sequence[float | None] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    grid: Sequence[float] | Floats = (),
    fprs: Sequence[float] | Floats = (),
) -> Resampled:
    """Compute every measure of every scorer in the same resamples, in one pass.

    Parameters
    ----------
    labels : (n,) of 0 and 1
    scores : (k, n)
    thresholds : of length k, optional
        One a scorer; None where it has none.
    resamples, seed : int
    grid : (g,)
        False positive rates, and recalls, in [0, 1], at which bands are wanted.
    fprs : (f,)
        Limits of the false positive rate for `recall_at`.

    Raises
    ------
    ValueError
        As `ranking` does; or if scores are not (k, n), or thresholds not k.
    """
    truth, values = checked(labels, scores)
    if values.ndim != 2:
        raise ValueError(f"expected scores of shape (scorers, pictures), got {values.shape}")
    if resamples < 1:
        raise ValueError(f"expected at least one resample, got {resamples}")
    given = [None] * len(values) if thresholds is None else list(thresholds)
    if len(given) != len(values):
        raise ValueError(f"expected {len(values)} thresholds, one a scorer, got {len(given)}")
    ranked = [ranking(truth, row) for row in values]
    targets, controls = (
        [scorer.place[of_class].astype(np.int32) for scorer in ranked]
        for of_class in (truth, ~truth)
    )
    passed = [
        None if threshold is None else scorer.passed(threshold)
        for scorer, threshold in zip(ranked, given, strict=True)
    ]
    p, n = int(truth.sum()), int((~truth).sum())
    grid, fprs = np.asarray(grid, np.float64), np.asarray(fprs, np.float64)
    for rates in (grid, fprs):
        if not ((rates >= 0) & (rates <= 1)).all():
            raise ValueError("expected rates from 0 to 1 in grid and fprs")
    # The most controls that each rate allows, and the fewest targets that reach each recall: of the
    # counts' own type, since searchsorted would cast the long arrays otherwise.
    alarms = (np.searchsorted(np.arange(n + 1) / n, fprs, "right") - 1).astype(np.int32)
    hits = np.searchsorted(np.arange(p + 1) / p, grid).clip(1).astype(np.int32)

    shape = (len(ranked), resamples)
    sizes = {"recall_at": len(fprs), "roc": len(grid), "pr": len(grid)}
    found = Resampled(
        **{
            field.name: np.full(
                (*shape, sizes[field.name]) if field.name in sizes else shape, np.nan
            )
            for field in fields(Resampled)
        }
    )

    rng = np.random.default_rng(seed)
    for b in range(resamples):
        drawn_targets = rng.integers(p, size=p, dtype=np.int32)
        drawn_controls = rng.integers(n, size=n, dtype=np.int32)
        for k, scorer in enumerate(ranked):
            tp = _tally(targets[k], drawn_targets, len(scorer.thresholds))
            fp = _tally(controls[k], drawn_controls, len(scorer.thresholds))
            twice, steps = _accumulate(tp, fp)
            found.auc[k, b], found.ap[k, b] = twice / (2 * p * n), steps / p
            if (last := passed[k]) is not None:
                hit, alarm = (int(x[last - 1]) if last else 0 for x in (tp, fp))
                found.recall[k, b], found.fpr[k, b] = hit / p, alarm / n
                found.precision[k, b] = hit / (hit + alarm) if hit + alarm else np.nan
                found.f1[k, b] = 2 * hit / (hit + alarm + p)
            within = np.searchsorted(fp, alarms, "right")
            found.recall_at[k, b] = np.where(within > 0, tp[within - 1], 0) / p
            found.roc[k, b] = _on_curve(grid * n, fp, tp) / p
            first = np.searchsorted(tp, hits)
            found.pr[k, b] = tp[first] / (tp[first] + fp[first])
    return found


@compiled
def _tally(places: Counted, drawn: Counted, size: int) -> Counted:
    """Count the drawn pictures at each of `size` distinct scores."""
    tally = np.zeros(size, np.int32)
    for picture in drawn:
        tally[places[picture]] += 1
    return tally


@compiled
def _accumulate(up: Counted, down: Counted) -> tuple[int, float]:
    """Turn targets and controls at each score into those with at least that score, in place.

    Returns twice the pairs in order, ties half, and the sum over targets of the precision at them.
    """
    tp = fp = twice = 0
    steps = 0.0
    for j in range(len(up)):
        targets, controls = up[j], down[j]
        twice += controls * (2 * tp + targets)
        tp += targets
        fp += controls
        if targets:
            steps += targets * (tp / (tp + fp))
        up[j], down[j] = tp, fp
    return twice, steps


def _on_curve(x: Floats, fp: Counted, tp: Counted) -> Floats:
    """Return the height of the line from (0, 0) through (fp, tp) at x; the highest, if upright."""
    right = np.searchsorted(fp, np.floor(x).astype(np.int32), "right")
    known, height = (np.where(right > 0, axis[right - 1], 0) for axis in (fp, tp))
    right = np.minimum(right, len(fp) - 1)
    share = (x - known) / np.maximum(fp[right] - known, 1)
    between: Floats = height + share * (tp[right] - height)
    return between


def percentile(value: float, draws: npt.ArrayLike) -> Estimate:
    """Return a number with the percentile interval of its resamples, (B,).

    Resamples in which the number does not exist (NaN: nothing is marked, so no precision) are left
    out, and the method says how many are left.

    Raises
    ------
    ValueError
        If the number exists in none.
    """
    array = np.asarray(draws, np.float64)
    there = array[~np.isnan(array)]
    if len(there) == 0:
        raise ValueError("expected a resample in which the number exists, got none")
    low, high = np.quantile(there, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    words = f"bootstrap of {len(array):,} stratified resamples, percentile"
    if len(there) < len(array):
        words += f", {len(there):,} with a value"
    return Estimate(value, float(low), float(high), LEVEL, words)


def band(draws: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the pointwise percentile limits, (g,) each, of a curve's resamples, (B, g)."""
    low, high = np.quantile(np.asarray(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
