"""The one threshold primitive: pictures counted by class at every distinct score.

Curves, areas, thresholds, DeLong's test and the bootstrap all follow from a `Ranking`. Pictures
with equal scores cannot be told apart by any threshold, so they share one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compare.intervals import Estimate, logit_normal, wilson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Targets and controls with at least each distinct score.

    Attributes
    ----------
    thresholds : (m,) float64
        The distinct scores, falling. A picture is marked if its score is at least the threshold.
    tp, fp : (m,) int64
        Targets and controls that each threshold marks.
    positives, negatives : int
        Targets and controls in all.
    labels : (n,) bool
    place : (n,) int64
        Index of each picture's score among the thresholds.
    """

    thresholds: Floats
    tp: Ints
    fp: Ints
    positives: int
    negatives: int
    labels: Bools
    place: Ints

    @property
    def tied(self) -> tuple[Ints, Ints]:
        """Targets and controls that have exactly each score, (m,) each."""
        return np.diff(self.tp, prepend=0), np.diff(self.fp, prepend=0)

    def passed(self, threshold: float) -> int:
        """Return the number of distinct scores that any threshold marks; it may be infinite."""
        return len(self.thresholds) - int(np.searchsorted(self.thresholds[::-1], threshold))

    def at(self, threshold: float) -> tuple[int, int]:
        """Return the targets and controls that any threshold marks."""
        passed = self.passed(threshold)
        return (int(self.tp[passed - 1]), int(self.fp[passed - 1])) if passed else (0, 0)


def checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Bools, Floats]:
    """Return labels (n,) as booleans and scores (..., n) as floats, both fit for use.

    Raises
    ------
    ValueError
        If there is no picture, a class is missing, the lengths differ, a label is neither 0 nor 1,
        or a score is not finite.
    """
    truth, values = np.asarray(labels), np.asarray(scores, np.float64)
    if truth.ndim != 1 or values.ndim < 1:
        raise ValueError(f"expected lists of labels and scores, got {truth.ndim} dimensions")
    if values.shape[-1] != len(truth):
        raise ValueError(
            f"expected a score for each label, got {values.shape[-1]} scores, {len(truth)} labels"
        )
    if len(truth) == 0:
        raise ValueError("expected at least one target and one control, got no picture")
    positive = truth == 1
    if not (known := positive | (truth == 0)).all():
        raise ValueError(f"expected labels of 0 and 1, got {truth[~known][0]}")
    if positive.all() or not positive.any():
        raise ValueError(f"expected targets and controls, got labels of {int(positive[0])} alone")
    if not (finite := np.isfinite(values)).all():
        raise ValueError(
            f"expected finite scores, got {values[~finite][0]}; leave out unanswered pictures"
        )
    return positive, values


def ranking(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Ranking:
    """Count targets and controls at every distinct score, in one sort.

    Parameters
    ----------
    labels : (n,) of 0 and 1
    scores : (n,)
        Higher for more likely a target; finite.

    Raises
    ------
    ValueError
        As `checked` does.
    """
    truth, values = checked(labels, scores)
    if values.ndim != 1:
        raise ValueError(f"expected one list of scores, got {values.ndim} dimensions")
    rising, place = np.unique(values, return_inverse=True)
    np.subtract(len(rising) - 1, place, out=place)
    tp, fp = (
        np.cumsum(np.bincount(place[of_class], minlength=len(rising)))
        for of_class in (truth, ~truth)
    )
    return Ranking(rising[::-1], tp, fp, int(tp[-1]), int(fp[-1]), truth, place)


def placements(ranked: Ranking) -> tuple[Floats, Floats]:
    """Return the share of the other class that each score beats, ties half, (m,) each.

    First the share of controls below each score, then the share of targets above it: over the
    targets the first has the area under the ROC curve as its mean, and over the controls the
    second. They are Sun and Xu's differences of midranks, for all pictures of a score at once.
    """
    up, down = ranked.tied
    below = 1 - (ranked.fp - down / 2) / ranked.negatives
    above = (ranked.tp - up / 2) / ranked.positives
    return below, above


def area(ranked: Ranking) -> float:
    """Return the area under the ROC curve: of pairs of target and control, the share in order."""
    up, down = ranked.tied
    twice = 2 * int(np.vdot(down, ranked.tp)) - int(np.vdot(down, up))  # whole numbers: exact
    return twice / (2 * ranked.positives * ranked.negatives)


def area_variance(ranked: Ranking) -> float:
    """Return DeLong's variance of the area; NaN where a class has a single picture."""
    total = 0.0
    if min(ranked.positives, ranked.negatives) < 2:
        return float("nan")
    for values, counts in zip(placements(ranked), ranked.tied, strict=True):
        n = int(counts.sum())
        mean = float(counts @ values) / n
        total += float(counts @ (values - mean) ** 2) / (n - 1) / n
    return total


def area_estimate(ranked: Ranking) -> Estimate:
    """Return the area with DeLong's interval on the logit scale.

    The plain interval runs beyond 1, and covers too rarely near it: in simulations with 30 targets
    and 100 controls, an area of .96 in 88 % of the cases and one of .988 in 80 %, where the logit's
    does in 93 %. Above that both fall short: of .998, with 138 and 1,401, 81 % and 89 %.

    Where all placements of a class are alike (as in a perfect ranking, or one of ties alone), or a
    class has a single picture, DeLong's variance is 0 or missing. Then the interval is
    `pairs_estimate`'s.
    """
    value, variance = area(ranked), area_variance(ranked)
    if not variance > 1e-20 or not 0 < value < 1:
        return pairs_estimate(ranked)
    return logit_normal(value, float(np.sqrt(variance)), "DeLong, logit")


def pairs_estimate(ranked: Ranking) -> Estimate:
    """Return the area with Wilson's interval over as many disjoint pairs as there can be.

    min(positives, negatives) pairs of a target and a control share no picture, so their order is as
    many independent trials whose success rate is the area. The interval is wide, but never a point.
    """
    pairs = min(ranked.positives, ranked.negatives)
    found = wilson(area(ranked) * pairs, pairs)
    words = f"Wilson of {pairs:,} disjoint pair{'s' if pairs > 1 else ''}"
    return Estimate(found.value, found.low, found.high, found.level, words)


def average_precision(ranked: Ranking) -> float:
    """Return the mean over targets of the precision at their score: precision's step sum."""
    precision = ranked.tp / (ranked.tp + ranked.fp)
    return float(np.vdot(ranked.tied[0], precision)) / ranked.positives
