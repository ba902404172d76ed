"""What the numbers allow one to say, in words. A difference counts where its p is below 1 in 20."""

from collections.abc import Sequence

from compare.metrics import Estimate
from compare.report import Difference, Pair, ScorerReport
from compare.wording import text

LEVEL = 0.05


def answer(scorers: Sequence[ScorerReport], pairs: Sequence[Pair]) -> str:
    """Return the report's first sentence: who ranks best, and whether chance could explain it."""
    areas = [(one, one.auc) for one in scorers if isinstance(one.auc, Estimate)]
    ranked = sorted(areas, key=lambda two: two[1].value, reverse=True)
    if not ranked:
        return "No scorer answered for pictures of both classes, so nothing can be compared."
    (best, area), *others = ranked
    if not others:
        return f"{best.name} has an area under the ROC curve of {_interval(area)}."
    next_best, next_area = others[0]
    between = _found(pairs, best.name, next_best.name)
    sure = between is not None and between.p is not None and between.p < LEVEL
    alike = best.answered == next_best.answered
    return (
        f"{best.name} ranks the pictures best, with an area under the ROC curve of "
        f"{_interval(area)}; {next_best.name} follows with {_interval(next_area)}. "
        + ("Chance would hardly do that." if sure else "The difference may be chance.")
        + ("" if alike else " They did not answer the same pictures: see their comparison.")
    )


def _interval(one: Estimate) -> str:
    return f"{text(one.value, 'rate')} [{text(one.low, 'rate')}, {text(one.high, 'rate')}]"


def _found(pairs: Sequence[Pair], first: str, second: str) -> Difference | None:
    for pair in pairs:
        if {pair.first, pair.second} == {first, second}:
            return next((one for one in pair.differences if one.measure == "AUC"), None)
    return None


SAYS = {  # of the second scorer, if its figure is higher, and if it is lower
    "AUC": ("ranks better over all", "ranks worse over all"),
    "AP": ("has the higher average precision", "has the lower average precision"),
    "recall": ("finds more targets", "finds fewer targets"),
    "false positive rate": ("marks more controls", "marks fewer controls"),
    "precision": ("is more often right when it marks", "is less often right when it marks"),
    "F1": ("has the higher F1", "has the lower F1"),
}


def difference_in_words(first: str, second: str, differences: Sequence[Difference]) -> str:
    """Say how the second scorer differs from the first, and in what chance could do as much."""
    if not differences:
        return f"Too few pictures have an answer from both {first} and {second} to compare them."
    tested = [
        (one.measure, one.difference.value, one.p < LEVEL)
        for one in differences
        if isinstance(one.difference, Estimate) and one.p is not None
    ]
    sure = [SAYS[measure][value < 0] for measure, value, certain in tested if certain]
    unsure = [measure for measure, _, certain in tested if not certain]
    if not sure:
        return f"Whatever differs between {first} and {second} here, chance could do as much."
    said = f"Compared with {first}, {second} {_listed(sure)}"
    return f"{said}; in {_listed(unsure)} chance could do as much." if unsure else f"{said}."


def _listed(words: Sequence[str]) -> str:
    """Join words as prose does.

    >>> _listed(["AUC", "AP", "F1"])
    'AUC, AP and F1'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
