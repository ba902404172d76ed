"""What the plots of a report draw, in data coordinates; the page and the paper figures share it.

Reports arrive as `report.to_json` gives them. Colours are Okabe and Ito's, and every series has a
dash pattern and a mark of its own besides, so that no plot relies on colour.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

Data = Mapping[str, Any]
Points = list[tuple[float, float]]

DET_LIMITS = 0.001, 0.99
DET_TICKS = 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99


class Style(NamedTuple):
    """How a series looks: an Okabe-Ito colour, dash lengths in line widths, a mark's name."""

    colour: str
    dashes: tuple[float, ...]
    mark: str


STYLES = (
    Style("#0072B2", (), "circle"),
    Style("#D55E00", (6, 2), "square"),
    Style("#009E73", (2, 1.5), "triangle"),
    Style("#CC79A7", (7, 2, 1.5, 2), "diamond"),
    Style("#56B4E9", (4, 1.5, 1.5, 1.5, 1.5, 1.5), "circle"),
    Style("#E69F00", (10, 3), "square"),
)


def style(index: int) -> Style:
    """Return the style of the scorer at an index; from the seventh on, styles return."""
    return STYLES[index % len(STYLES)]


def present(value: Any) -> bool:
    """Tell whether a value of a report is there: neither null nor `Absent`."""
    return value is not None and not (isinstance(value, Mapping) and "absent" in value)


def probit(rate: float) -> float:
    """Return the normal deviate of a rate, limited to `DET_LIMITS`: 0 and 1 have none."""
    low, high = DET_LIMITS
    return NormalDist().inv_cdf(min(max(rate, low), high))


def own_share(data: Data) -> float:
    """Return the share of targets in the report's own set."""
    n = data["tested"]["pictures"]
    return float(n["targets"] / (n["targets"] + n["controls"]))


def reweighted(recall: float, fpr: float, prevalence: float) -> float:
    """Return the precision where so large a share of pictures are targets; 0 if none is marked."""
    hits = prevalence * recall
    marked = hits + (1 - prevalence) * fpr
    return hits / marked if marked else 0.0


def roc_line(scorer: Data) -> Points:
    """Return (false positive rate, recall) at every threshold, from (0, 0) to (1, 1)."""
    curve, n = scorer["curve"], scorer["answered"]
    return [
        (fp / n["controls"], tp / n["targets"])
        for tp, fp in zip(curve["tp"], curve["fp"], strict=True)
    ]


def det_line(scorer: Data) -> Points:
    """Return (false positive rate, miss rate), both as normal deviates."""
    return [(probit(fpr), probit(1 - recall)) for fpr, recall in roc_line(scorer)]


def pr_line(scorer: Data) -> Points:
    """Return the corners of the steps whose area is the average precision.

    From one recall to the next, precision is that of the latter: a corner at the old recall and
    the new precision, then one at the new recall.
    """
    corners: Points = []
    before = 0.0
    for tp, fp in zip(scorer["curve"]["tp"], scorer["curve"]["fp"], strict=True):
        if tp + fp == 0:
            continue  # nothing is marked: there is no precision
        recall, precision = tp / scorer["answered"]["targets"], tp / (tp + fp)
        corners += [(before, precision), (recall, precision)]
        before = recall
    return corners


def band(found: Data) -> Points:
    """Return a band's outline: along its lower limit, and back along the upper one."""
    lower = list(zip(found["x"], found["low"], strict=True))
    upper = list(zip(found["x"], found["high"], strict=True))
    return lower + upper[::-1]


def published_series(data: Data) -> list[tuple[str, int]]:
    """Return what published points are called up to a comma, each with its first point's index."""
    found: dict[str, int] = {}
    for index, point in enumerate(data["published"]):
        found.setdefault(point["name"].partition(", ")[0], index)
    return list(found.items())


def attributes(data: Data) -> list[tuple[str, list[int]]]:
    """Return each attribute of the slices, with the indices of its slices, in order."""
    found: dict[str, list[int]] = {}
    for index, part in enumerate(data["slices"]):
        found.setdefault(part["attribute"], []).append(index)
    return list(found.items())


def answered_share(counts: Sequence[int]) -> list[float]:
    """Return counts as shares of their sum; all 0 where there are none."""
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
