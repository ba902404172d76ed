"""Curves and counts of one scorer, each number with its interval (95 %).

A picture is marked where its score is at least the threshold. Curves have a point at every distinct
score and are never interpolated; `compare.ranking` has the counts that all of them follow from.

Sources: DeLong et al. (1988), Sun and Xu (2014); Wilson (1927); Donner and Zou (2012) for MOVER;
Boyd, Eng and Page (2013) for average precision; Jugel et al. (2014) for thinned curves.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from compare.bootstrap import percentile, resampled
from compare.intervals import LEVEL, Estimate, ratio_limits, wilson
from compare.probabilities import CalibrationRow, brier, calibration, ece
from compare.ranking import (
    Bools,
    Floats,
    Ints,
    Ranking,
    area_estimate,
    average_precision,
    checked,
    ranking,
)

# ---- Curves


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Recall over the false positive rate.

    Attributes
    ----------
    fpr, tpr : (m + 1,) float64
        From (0, 0), where nothing is marked, to (1, 1).
    thresholds : (m + 1,) float64
        Infinite, then the m distinct scores, falling.
    auc : Estimate
        Area under the straight lines between the points; see `compare.ranking.area_estimate`.
    ranking : Ranking
        The counts behind it.
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats
    auc: Estimate
    ranking: Ranking


def roc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> RocCurve:
    """Return the ROC curve of scores (n,) for labels (n,) of 0 and 1.

    Raises
    ------
    ValueError
        If there is no picture, a class is missing, the lengths differ, a label is neither 0 nor 1,
        or a score is not finite.

    Examples
    --------
    >>> curve = roc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.9])
    >>> curve.fpr.tolist(), curve.tpr.tolist(), curve.auc.value
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], 0.875)
    """
    ranked = ranking(labels, scores)
    return RocCurve(
        np.concatenate([[0], ranked.fp]) / ranked.negatives,
        np.concatenate([[0], ranked.tp]) / ranked.positives,
        np.concatenate([[inf], ranked.thresholds]),
        area_estimate(ranked),
        ranked,
    )


def det(curve: RocCurve) -> tuple[Floats, Floats]:
    """Return the false positive and miss rates (m + 1,) as normal deviates: the DET curve.

    Rates of 0 and 1 have no finite deviate and are moved by half a picture.
    """
    ranked = curve.ranking
    axes = ((curve.fpr, ranked.negatives), (1 - curve.tpr, ranked.positives))
    x, y = (ndtri(np.clip(rates, 0.5 / n, 1 - 0.5 / n)) for rates, n in axes)
    return x, y


@dataclass(frozen=True, eq=False)
class PrCurve:
    """Precision over recall.

    Attributes
    ----------
    recall, precision : (m,) float64
        At the falling thresholds. Where nothing is marked there is no precision, so the curve
        begins at the highest score, and is drawn stepwise: the precision at a recall holds back
        to the recall before it, and the first one's back to 0.
    thresholds : (m,) float64
        The distinct scores, falling.
    ap : Estimate
        Average precision: the area under these steps.
    ranking : Ranking
        The counts behind it.
    """

    recall: Floats
    precision: Floats
    thresholds: Floats
    ap: Estimate
    ranking: Ranking


def precision_recall(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    resamples: int = 1000,
    seed: int = 0,
    draws: npt.ArrayLike | None = None,
) -> PrCurve:
    """Return the precision-recall curve, with the bootstrap's interval of its average precision.

    `draws`, (B,), are the average precisions of resamples that were made already
    (`Resampled.ap[k]`); see `ap_estimate`.

    Raises
    ------
    ValueError
        As `roc` does.
    """
    ranked = ranking(labels, scores)
    if draws is None:
        values = np.asarray(scores, np.float64)[None]
        draws = resampled(ranked.labels, values, resamples=resamples, seed=seed).ap[0]
    return PrCurve(
        ranked.tp / ranked.positives,
        ranked.tp / (ranked.tp + ranked.fp),
        ranked.thresholds,
        ap_estimate(ranked, draws),
        ranked,
    )


def ap_estimate(ranked: Ranking, draws: npt.ArrayLike) -> Estimate:
    """Return the average precision with the percentile interval of its resamples, (B,).

    Where all resamples agree, as they do for a perfect ranking, the interval is Wilson's over the
    targets: average precision is their mean of a value in [0, 1].
    """
    ap = percentile(average_precision(ranked), draws)
    if ap.high - ap.low > 1e-12:
        return ap
    safe = wilson(min(ap.value, 1.0) * ranked.positives, ranked.positives)
    words = f"Wilson of {ranked.positives:,} target{'s' if ranked.positives > 1 else ''}"
    return Estimate(safe.value, safe.low, safe.high, LEVEL, words)


def thin(x: npt.ArrayLike, y: npt.ArrayLike, pixels: int = 2000) -> Ints:
    """Return the indices of the points that draw the same curve, rising, at most 4 a pixel column.

    Of each column the first, last, lowest and highest point stay (M4), so that a line through them
    touches the pixels of the whole line.

    Parameters
    ----------
    x, y : (m,)
        Finite, in the coordinates of the plot; x never falls.
    pixels : int
        Width of the plot.
    """
    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if across.shape != up.shape or not (np.isfinite(across).all() and np.isfinite(up).all()):
        raise ValueError("expected finite x and y of one length")
    if (np.diff(across) < 0).any():
        raise ValueError("expected x that never falls")
    if len(across) == 0:
        return np.arange(0)
    span = across[-1] - across[0] or 1.0
    column = np.floor((across - across[0]) / span * pixels).astype(np.int64)
    begins = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(begins[1:], len(column)) - 1
    by_height = np.lexsort((up, column))
    return np.unique(np.concatenate([begins, ends, by_height[begins], by_height[ends]]))


# ---- At a threshold


@dataclass(frozen=True)
class Counts:
    """The confusion table at a threshold: targets and controls, marked or not."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __post_init__(self) -> None:
        if min(self.tp, self.fp, self.fn, self.tn) < 0:
            raise ValueError(f"expected counts of at least 0, got {self}")

    def precision(self) -> Estimate:
        """Return the share of targets among the marked; ValueError if none is marked."""
        return wilson(self.tp, self.tp + self.fp)

    def recall(self) -> Estimate:
        """Return the share of the targets that is marked; ValueError if there is none."""
        return wilson(self.tp, self.tp + self.fn)

    def fpr(self) -> Estimate:
        """Return the share of the controls that is marked; ValueError if there is none."""
        return wilson(self.fp, self.fp + self.tn)

    def f1(self) -> Estimate:
        """Return the harmonic mean of precision and recall; ValueError if neither exists.

        It is 2 J / (1 + J) of the Jaccard index J = TP / (TP + FP + FN), which is a rate; so are
        the limits.
        """
        index = wilson(self.tp, self.tp + self.fp + self.fn)
        value, low, high = (2 * j / (1 + j) for j in (index.value, index.low, index.high))
        return Estimate(value, low, high, index.level, "Wilson of the Jaccard index")


def counts(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> Counts:
    """Return the confusion table at a threshold; ValueError as for `roc`."""
    positive, values = checked(labels, scores)
    return _table(positive, values >= threshold)


def _table(positive: Bools, marked: Bools) -> Counts:
    tp, n = int((marked & positive).sum()), int(positive.sum())
    fp = int(marked.sum()) - tp
    return Counts(tp, fp, n - tp, len(positive) - n - fp)


def precision_at(table: Counts, prevalence: float) -> Estimate:
    """Return the precision where so large a share of pictures were targets.

    Its odds are those of the prevalence times recall over the false positive rate. The interval
    follows from Wilson's of these two rates, by MOVER on the logarithm of their ratio; where
    either rate is 0, from what MOVER tends to as it falls to 0.

    Raises
    ------
    ValueError
        If nothing is marked, so that both rates are 0; or if the prevalence is not in (0, 1).
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"expected a prevalence between 0 and 1, got {prevalence}")
    if table.tp + table.fp == 0:
        raise ValueError("expected a threshold that marks a picture, got none marked")
    recall, fpr = table.recall(), table.fpr()
    least, most = ratio_limits(fpr, recall)
    odds = (1 - prevalence) / prevalence
    value = recall.value / (recall.value + odds * fpr.value)
    limits = 1 / (1 + odds * most), 1 / (1 + odds * least)
    return Estimate(value, *limits, LEVEL, "MOVER of Wilson, log ratio")


def recall_at(labels: npt.ArrayLike, scores: npt.ArrayLike, fpr: float) -> tuple[Estimate, float]:
    """Return the largest recall whose false positive rate is at most `fpr`, and the threshold.

    Of the thresholds with that recall it is the highest, which has the fewest false positives;
    infinite if every score marks too many controls. The interval is Wilson's at that threshold, as
    if it had been known before.

    Raises
    ------
    ValueError
        As `roc` does; or if `fpr` is not in [0, 1].
    """
    if not 0 <= fpr <= 1:
        raise ValueError(f"expected a false positive rate from 0 to 1, got {fpr}")
    ranked = ranking(labels, scores)
    allowed = int(np.searchsorted(ranked.fp / ranked.negatives, fpr, "right"))
    hits = int(ranked.tp[allowed - 1]) if allowed else 0
    first = int(np.searchsorted(ranked.tp, hits))
    threshold = float(ranked.thresholds[first]) if hits else inf
    return wilson(hits, ranked.positives), threshold


__all__ = [
    "CalibrationRow", "Counts", "Estimate", "PrCurve", "Ranking", "RocCurve", "ap_estimate",
    "brier", "calibration", "counts", "det", "ece", "precision_at", "precision_recall", "ranking",
    "recall_at", "roc", "thin", "wilson",
]  # fmt: skip
