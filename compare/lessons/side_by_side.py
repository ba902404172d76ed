"""Page 3: both on the same pictures. The judge's curves, and what a threshold does to pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from compare import plots
from compare.lessons.pages import Page, rendered, save
from compare.lessons.results import Results
from compare.lines import present
from compare.metrics import counts
from compare.svg import Panel
from images.labelled import LabelledSet
from images.reading import read

TITLE = "Side by side"
LEAD = (
    "Two ways of knowing, one set of pictures. A curve says what each could do; a threshold, what "
    "it does; an interval, how much of that a test set of this size lets one say."
)
STOPS = 15  # of each slider, about
SHOWN = 8  # pictures that change sides, a stop
THUMB = 96  # px, their sides

Scores = npt.NDArray[np.float64]


def build(results: Results, out: Path) -> Page:
    """Set the detector and the net side by side, from the judge's report."""
    report = results.report
    drawn, rows = results.drawn, results.scores
    pair = contestants(report)
    scorers = [report["scorers"][k] for k in pair]
    names = [one["name"] for one in scorers]
    labels = drawn.labels
    both = {
        **{key: report[key] for key in ("tested", "published")},
        "scorers": scorers,
    }
    data: dict[str, Any] = {
        **both,
        "everyone": [
            {key: one[key] for key in ("name", "kind", "description", "auc", "ap")}
            for one in report["scorers"]
        ],
        "pairs": [one for one in report["pairs"] if {one["first"], one["second"]} == set(names)],
        "against_colour": [
            one for one in report["pairs"]
            if names[-1] in (one["first"], one["second"])
            and _kind(report, one["first"], one["second"]) == {"net", "rule"}
        ],
        "sliders": [
            {
                "scorer": one["name"],
                **slider(drawn, labels, _column(drawn, rows, one["name"]), one, out),
            }
            for one in scorers
        ],
    }  # fmt: skip
    html = rendered(
        "side_by_side.html.j2",
        data,
        roc=plots.roc(both),
        pr=plots.precision_recall(both),
        places=[_places(one) for one in data["sliders"]],
    )
    return Page("side-by-side", TITLE, LEAD, html, data)


def contestants(report: Mapping[str, Any]) -> list[int]:
    """Return where the report has the detector and the first net; ValueError if it lacks one."""
    kinds = [scorer["kind"] for scorer in report["scorers"]]
    if not {"baseline", "net"} <= set(kinds):
        raise ValueError(
            "expected a report on baseline and a convnet, got one on "
            + ", ".join(scorer["name"] for scorer in report["scorers"])
        )
    return [kinds.index("baseline"), kinds.index("net")]


def _kind(report: Mapping[str, Any], *names: str) -> set[str]:
    return {scorer["kind"] for scorer in report["scorers"] if scorer["name"] in names}


def _column(drawn: LabelledSet, rows: Mapping[str, Mapping[str, str]], name: str) -> Scores:
    """Return a scorer's scores in the order of the set; NaN without an answer."""
    texts = [rows[item.path][name] for item in drawn.items]
    return np.array([float(text) if text else np.nan for text in texts])


# ---- Operating points, and who changes sides between them


def slider(
    drawn: LabelledSet,
    labels: npt.NDArray[np.int64],
    scores: Scores,
    scorer: Mapping[str, Any],
    out: Path,
) -> dict[str, Any]:
    """Return operating points from strict to lax, each with the pictures that it newly marks."""
    known = np.isfinite(scores)
    at = scorer["threshold"]["value"] if present(scorer["threshold"]) else None
    thresholds = operating_points(scores[known], at)
    start = thresholds.index(at) if at is not None else len(thresholds) // 2
    stops = []
    before = np.inf
    for threshold in thresholds:
        table = counts(labels[known], scores[known], threshold)
        new = np.flatnonzero(known & (scores >= threshold) & (scores < before))
        stops.append(
            {
                "threshold": threshold,
                **asdict(table),
                "recall": asdict(table.recall()),
                "fpr": asdict(table.fpr()),
                "precision": asdict(table.precision()) if table.tp + table.fp else None,
                "new": len(new),
                "pictures": [_thumb(drawn, k, scores[k], out) for k in nearest(scores, new)],
            }
        )
        before = threshold
    return {"start": start, "stops": stops}


def operating_points(scores: Scores, at: float | None) -> list[float]:
    """Return thresholds from strict to lax: each marks about as many more pictures; `at` is one."""
    distinct = np.unique(scores)[::-1]
    marked = np.array([(scores >= threshold).sum() for threshold in distinct])
    goals = len(scores) * np.linspace(0, 1, STOPS + 1)[1:] ** 2  # more where few are marked
    found = {float(distinct[np.argmin(abs(marked - goal))]) for goal in goals}
    return sorted(found | ({at} if at is not None else set()), reverse=True)


def nearest(scores: Scores, new: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
    """Return those newly marked whose scores are nearest the threshold, at most 8, lowest first."""
    return [int(k) for k in sorted(new, key=lambda k: (scores[k], k))[:SHOWN]]


def _thumb(drawn: LabelledSet, index: int, score: float, out: Path) -> dict[str, Any]:
    item = drawn.items[index]
    image = read(drawn.root / item.path).image
    if image is None:
        raise OSError(f"expected a picture at {drawn.root / item.path}")
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    small = cv2.resize(
        image[top : top + side, left : left + side], (THUMB, THUMB), interpolation=cv2.INTER_AREA
    )
    return {
        "picture": save(small.astype(np.uint8, copy=False), out),
        "label": item.label,
        "kind": item.attributes.get("kind", ""),
        "score": float(score),
    }


def _places(one: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return where each stop's mark lies in the two plots, in px."""
    roc, pr = Panel(plots.FPR, plots.RECALL), Panel(plots.RECALL, plots.PRECISION)
    found = []
    for stop in one["stops"]:
        recall, precision = stop["recall"]["value"], stop["precision"]
        points = {"roc": roc.at(stop["fpr"]["value"], recall)}
        points["pr"] = pr.at(recall, precision["value"] if precision else 0)
        found.append({name: f"{x:.2f} {y:.2f}" for name, (x, y) in points.items()})
    return found
