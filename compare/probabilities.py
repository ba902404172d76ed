"""Scores that claim to be probabilities: how far off they are, in all and bin by bin."""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
import numpy.typing as npt

from compare.intervals import LEVEL, Estimate, normal, wilson
from compare.ranking import Bools, Floats, checked

ECE_BINS = 15


def _probabilities(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Bools, Floats]:
    positive, values = checked(labels, scores)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"expected probabilities from 0 to 1, got scores from {values.min()} to {values.max()}"
        )
    return positive, values


def brier(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Estimate:
    """Return the mean squared error of probabilities.

    The interval is the normal one of this mean, each class with a variance of its own; where that
    is 0, or a class has one picture, Wilson's of all pictures: an error lies in [0, 1].

    Raises
    ------
    ValueError
        As `compare.ranking.checked` does; or if a score is not in [0, 1].
    """
    positive, values = _probabilities(labels, scores)
    errors, n = (values - positive) ** 2, len(values)
    value, variance = float(errors.mean()), 0.0
    classes = errors[positive], errors[~positive]
    if min(map(len, classes)) > 1:
        variance = sum(len(of_class) * float(of_class.var(ddof=1)) for of_class in classes) / n**2
    if variance < 1e-20:
        safe = wilson(value * n, n)
        return Estimate(safe.value, safe.low, safe.high, LEVEL, f"Wilson of {n:,} pictures")
    return normal(value, sqrt(variance), 0.0, 1.0, "normal, stratified")


@dataclass(frozen=True)
class CalibrationRow:
    """Pictures with scores from `low` to `high`: their mean score, and their share of targets."""

    low: float
    high: float
    n: int
    mean: float
    rate: Estimate


def calibration(
    labels: npt.ArrayLike, scores: npt.ArrayLike, bins: int = 10
) -> list[CalibrationRow]:
    """Return the share of targets in bins of equal width, without the empty ones.

    A bin holds its lower edge, and the last one 1 as well. ValueError as for `brier`.
    """
    positive, values = _probabilities(labels, scores)
    return _rows(positive, values, np.linspace(0, 1, bins + 1))


def _rows(positive: Bools, values: Floats, edges: Floats) -> list[CalibrationRow]:
    place = np.searchsorted(edges[1:-1], values, "right")
    sizes, hits = (np.bincount(x, minlength=len(edges) - 1) for x in (place, place[positive]))
    sums = np.bincount(place, values, minlength=len(edges) - 1)
    return [
        CalibrationRow(float(low), float(high), int(n), float(total / n), wilson(int(hit), int(n)))
        for low, high, n, total, hit in zip(edges[:-1], edges[1:], sizes, sums, hits, strict=True)
        if n
    ]


def ece(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Estimate:
    """Return the expected calibration error: how far bins' shares lie from their mean scores.

    The 15 bins hold equally many pictures, but for ties, which share a bin. The interval joins the
    bins' Wilson intervals by MOVER. A finite set has an error above 0 even if its scores are
    honest, so the interval then lies above 0, too.

    Raises
    ------
    ValueError
        As `brier` does.
    """
    positive, values = _probabilities(labels, scores)
    starts = np.arange(ECE_BINS) * len(values) // ECE_BINS
    edges = np.append(np.sort(values)[starts], values.max())
    value = below = above = 0.0
    for row in _rows(positive, values, edges):
        share, rate = row.n / len(values), row.rate
        gap = abs(rate.value - row.mean)
        least = max(rate.low - row.mean, row.mean - rate.high, 0.0)
        most = max(rate.high - row.mean, row.mean - rate.low)
        value += share * gap
        below = hypot(below, share * (gap - least))
        above = hypot(above, share * (most - gap))
    words = f"MOVER of the Wilson intervals of {ECE_BINS} bins of equal mass"
    return Estimate(value, max(value - below, 0.0), min(value + above, 1.0), LEVEL, words)
