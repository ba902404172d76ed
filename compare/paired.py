"""Two scorers on the same pictures: the difference, and whether chance would do as much.

Every difference is second minus first. Sources: DeLong et al. (1988), Sun and Xu (2014); McNemar
(1947), Tango (1998) for the interval of its difference.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import bdtr

from compare.bootstrap import percentile, resampled
from compare.intervals import LEVEL, Estimate, deviate, difference, normal, two_sided
from compare.ranking import (
    Floats,
    Ranking,
    area,
    area_variance,
    average_precision,
    checked,
    pairs_estimate,
    placements,
    ranking,
)


@dataclass(frozen=True)
class PairedTest:
    """A difference, and how often chance alone would make one as large.

    Attributes
    ----------
    difference : Estimate
        Second minus first.
    p : float
        Two-sided.
    test : str
        In words.
    z : float or None
        The normal deviate, where the test has one.
    discordant : (int, int) or None
        Pictures that only the first, and only the second, has right.
    """

    difference: Estimate
    p: float
    test: str
    z: float | None = None
    discordant: tuple[int, int] | None = None


# ---- Areas under the ROC curve


def delong_variance(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Return DeLong's variance of the area under one ROC curve; NaN if a class has one picture."""
    return area_variance(ranking(labels, scores))


def delong(labels: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> PairedTest:
    """Test the difference of two areas under the ROC curve by DeLong's method, in O(n log n).

    Scorers that rank all pictures alike differ by 0, with z = 0 and p = 1. Where they differ but
    DeLong's variance is 0 or missing (two perfect rankings, or one picture in a class), the
    interval is MOVER's of their `compare.ranking.pairs_estimate`, and z follows from it.

    Parameters
    ----------
    labels : (n,) of 0 and 1
    a, b : (n,)
        Scores of the first and the second scorer for the same pictures.

    Raises
    ------
    ValueError
        As `compare.metrics.roc` does.
    """
    first, second = ranking(labels, a), ranking(labels, b)
    gap = area(second) - area(first)
    if np.array_equal(first.place, second.place):
        return PairedTest(Estimate(0.0, 0.0, 0.0, LEVEL, "DeLong"), 1.0, "DeLong", 0.0)
    variance = _variance_of_difference(first, second)
    if variance > 1e-20:
        z = gap / sqrt(variance)
        found = normal(gap, sqrt(variance), -1.0, 1.0, "DeLong")
    else:
        one, two = pairs_estimate(first), pairs_estimate(second)
        found = difference(two, one, f"MOVER, {one.method}")
        reach = gap - found.low if gap > 0 else found.high - gap
        z = deviate() * gap / reach
    return PairedTest(found, two_sided(z), found.method, z)


def _variance_of_difference(first: Ranking, second: Ranking) -> float:
    """Return the variance of the difference of two areas; NaN if a class has one picture."""
    if min(first.positives, first.negatives) < 2:
        return float("nan")
    total = 0.0
    sides = zip(placements(first), placements(second), (True, False), strict=True)
    for one, two, positive in sides:
        own = first.labels == positive
        gaps: Floats = two[second.place[own]] - one[first.place[own]]
        total += float(gaps.var(ddof=1)) / len(gaps)
    return total


# ---- Right and wrong


def mcnemar(a_right: npt.ArrayLike, b_right: npt.ArrayLike) -> PairedTest:
    """Test the difference of two rates on the same pictures by McNemar's exact test.

    On targets alone, marked or not, the rates are recalls; on controls, false positive rates; on
    all pictures, right or wrong, accuracies. The interval is Tango's score interval.

    Parameters
    ----------
    a_right, b_right : (n,) bool
        Whether the first, and the second, has each picture right.

    Raises
    ------
    ValueError
        If there is no picture, the lengths differ, or a value is neither 0 nor 1.
    """
    given, other = np.asarray(a_right), np.asarray(b_right)
    if given.shape != other.shape or given.ndim != 1 or len(given) == 0:
        raise ValueError(f"expected two lists of one length, got {given.shape}, {other.shape}")
    for answers in (given, other):
        if not ((answers == 0) | (answers == 1)).all():
            raise ValueError("expected answers that are right or wrong, 1 or 0")
    lost = int(((given == 1) & (other == 0)).sum())
    gained = int(((given == 0) & (other == 1)).sum())
    p = min(2 * float(bdtr(min(gained, lost), gained + lost, 0.5)), 1.0)
    found = _tango(gained, lost, len(given))
    return PairedTest(found, p, "exact McNemar", discordant=(lost, gained))


def _tango(gained: int, lost: int, n: int) -> Estimate:
    """Return (gained - lost) / n with Tango's interval: the differences no score test rejects.

    At a difference d the likeliest rate of losses is q, the root of a quadratic, and the observed
    difference then has the variance (2 q + d (1 - d)) / n.
    """
    value, z = (gained - lost) / n, deviate()

    def excess(d: float, side: int) -> float:
        linear = (2 * n - gained + lost) * d - gained - lost
        q = (sqrt(max(linear**2 + 8 * n * lost * d * (1 - d), 0.0)) - linear) / (4 * n)
        spread = sqrt(max(n * (2 * q + d * (1 - d)), 0.0))
        return n * (value - d) - side * z * spread

    # Where all pictures agree, or none does, the spread at `value` itself is 0: no limit, though.
    low = brentq(excess, -1, value - 1e-12, (1,)) if value > -1 else -1.0
    high = brentq(excess, value + 1e-12, 1, (-1,)) if value < 1 else 1.0
    return Estimate(value, low, high, LEVEL, "Tango's score interval")


# ---- Anything


AT_THRESHOLD = "recall", "fpr", "precision", "f1"


def paired_bootstrap(
    labels: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    statistic: str,
    *,
    threshold_a: float | None = None,
    threshold_b: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedTest:
    """Test the difference of two scorers in a statistic by the paired, stratified bootstrap.

    Both meet the same pictures in each resample, and the difference is taken inside it. p is twice
    the smaller share of resamples on one side of 0, one added to both counts, so at least
    2 / (resamples + 1).

    Parameters
    ----------
    labels : (n,) of 0 and 1
    a, b : (n,)
        Scores of the first and the second scorer for the same pictures.
    statistic : {"auc", "ap", "recall", "fpr", "precision", "f1"}
    threshold_a, threshold_b : float
        Needed for the last four.

    Raises
    ------
    ValueError
        As `compare.metrics.roc` does; if the statistic is unknown, lacks its thresholds, or does
        not exist (precision where nothing is marked).
    """
    if statistic not in ("auc", "ap", *AT_THRESHOLD):
        known = ", ".join(("auc", "ap", *AT_THRESHOLD))
        raise ValueError(f"expected a statistic among {known}, got {statistic}")
    if statistic in AT_THRESHOLD and (threshold_a is None or threshold_b is None):
        raise ValueError(f"expected a threshold for each scorer, which {statistic} needs")
    first, second = ranking(labels, a), ranking(labels, b)
    gap = _statistic(second, statistic, threshold_b) - _statistic(first, statistic, threshold_a)
    truth, scores = checked(labels, np.stack([np.asarray(a), np.asarray(b)]))
    found = resampled(truth, scores, (threshold_a, threshold_b), resamples=resamples, seed=seed)
    one, two = getattr(found, statistic)
    return bootstrap_test(gap, one, two)


def bootstrap_test(gap: float, first: npt.ArrayLike, second: npt.ArrayLike) -> PairedTest:
    """Test a difference `gap` by the statistic of both scorers in the same resamples, (B,) each."""
    draws = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    found = percentile(gap, draws)
    draws = draws[~np.isnan(draws)]
    fewest = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = min(2 * (fewest + 1) / (len(draws) + 1), 1.0)
    return PairedTest(found, p, "paired bootstrap")


def _statistic(ranked: Ranking, name: str, threshold: float | None) -> float:
    if name == "auc":
        return area(ranked)
    if name == "ap":
        return average_precision(ranked)
    assert threshold is not None
    tp, fp = ranked.at(threshold)
    if name == "precision" and tp + fp == 0:
        raise ValueError(f"expected a marked picture, got none at the threshold {threshold}")
    return {
        "recall": tp / ranked.positives,
        "fpr": fp / ranked.negatives,
        "precision": tp / max(tp + fp, 1),
        "f1": 2 * tp / (tp + fp + ranked.positives),
    }[name]
