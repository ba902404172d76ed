"""Rules that choose a threshold, to be used on a validation set, never on the test set."""

import re

import numpy as np
import numpy.typing as npt

from compare.ranking import Floats, Ranking, ranking

RULES = "youden, f1, recall>=0.9, fpr<=0.042 or cost=10"


def choose(rule: str, labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[float, str]:
    """Choose a threshold among the observed scores, and say in words what was chosen.

    Of thresholds that meet a rule equally well, the highest is taken: it marks the fewest pictures.

    Parameters
    ----------
    rule : str
        ``youden``: the largest recall minus false positive rate. ``f1``: the largest F1.
        ``recall>=X``: the fewest false positives with at least such a recall, X in (0, 1].
        ``fpr<=Y``: the largest recall with at most such a false positive rate, Y in [0, 1].
        ``cost=C``: the smallest cost, where a miss costs as much as C > 0 false alarms.
    labels : (n,) of 0 and 1
    scores : (n,)

    Returns
    -------
    threshold : float
    words : str
        Such as ``highest F1``.

    Raises
    ------
    ValueError
        As `compare.metrics.roc` does; if the rule is unknown; or if no score meets it.

    Examples
    --------
    >>> choose("recall>=0.5", [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4])
    (0.4, 'recall of at least 50 %')
    """
    name, number = parsed(rule)
    ranked = ranking(labels, scores)
    merit, words = _merit(name, number, ranked)
    best = int(np.argmax(merit))  # the first among equals, which is the highest threshold
    if merit[best] == -np.inf:
        fewest = ranked.fp[0] / ranked.negatives
        raise ValueError(
            f"expected a threshold with {words}, but the highest score marks {100 * fewest:.3g} % "
            "of the controls; allow more"
        )
    if name == "cost" and merit[best] <= -number * ranked.positives:
        raise ValueError(
            f"expected a threshold that is worth it at {words}, but marking nothing costs no more"
        )
    return float(ranked.thresholds[best]), words


def parsed(rule: str) -> tuple[str, float]:
    """Return a rule's name and number, NaN where it has none."""
    plain = re.sub(r"\s", "", rule.lower())
    if plain in ("youden", "f1"):
        return plain, float("nan")
    match = re.fullmatch(r"(recall>=|fpr<=|cost=)(\d*\.?\d+(?:e[+-]?\d+)?)", plain)
    if match is None:
        raise ValueError(f"expected a rule such as {RULES}, got {rule!r}")
    name, number = match[1].rstrip("<>="), float(match[2])
    fits = {"recall": 0 < number <= 1, "fpr": 0 <= number <= 1, "cost": 0 < number < np.inf}
    if not fits[name]:
        raise ValueError(f"expected a rate from 0 to 1 or a cost above 0, got {rule!r}")
    return name, number


def _merit(name: str, number: float, ranked: Ranking) -> tuple[Floats, str]:
    """Return how well each threshold meets a rule, (m,), -inf where it breaks it, and its words."""
    tp, fp, p, n = ranked.tp, ranked.fp, ranked.positives, ranked.negatives
    if name == "youden":
        return (tp * n - fp * p).astype(np.float64), "highest recall minus false positive rate"
    if name == "f1":
        return np.divide(2 * tp, tp + fp + p), "highest F1"
    if name == "recall":
        words = f"recall of at least {100 * number:g} %"
        return np.where(tp / p >= number, -fp.astype(np.float64), -np.inf), words
    if name == "fpr":
        words = f"false positive rate of at most {100 * number:g} %"
        return np.where(fp / n <= number, tp.astype(np.float64), -np.inf), words
    return np.negative(number * (p - tp) + fp), f"lowest cost, a miss as {number:g} false alarms"
