"""Lesson 4: what the curves hide. A planted cue, how it is found out, and what its repair did."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from compare.cue_sets import SETS, labelled
from compare.forest import Dot, forest
from compare.lessons.pages import Page, rendered, save
from compare.lessons.results import Results
from compare.metrics import roc
from compare.plots import FPR, RECALL
from compare.svg import Panel, drawing, element, frame, line
from images.reading import RGB, read

LEAD = (
    "A test set that shares the fault of the training set will praise the fault. We plant one, "
    "watch the curves miss it, find it by looking, and mend the data."
)
ROWS = {
    "auc_biased": "AUC, as trained",
    "auc_plain": "AUC, no badges",
    "auc_swapped": "AUC, swapped",
    "recall_with": "recall, badge on",
    "recall_without": "recall, badge off",
    "false_without": "false, badge off",
    "false_with": "false, badge on",
    "occlusion": "occlusion on badge",
    "deconv": "deconvnet on badge",
}
"""Measures of the experiment, in the drawing's words."""


def build(results: Results, out: Path) -> Page:
    """Build the lesson from the experiment with a planted cue.

    Parameters
    ----------
    results : Results
    out : Path
        The site's folder; pictures are written below it.
    """
    file = results.cue
    data: dict[str, Any] = json.loads(file.read_bytes())
    data["curves"] = curves(file.parent)
    data["missed"] = missed(data["nets"], data["examples"])
    data["measures"] = {key: words.replace("cue", "badge")
                        for key, words in data["measures"].items()}  # fmt: skip
    pictures = [
        [save(_image(file.parent / name), out) for name in example["files"]]
        for example in data["examples"]
    ]
    first = file.parent / "test" / "pictures" / data["examples"][0]["name"]
    pair = [_image(first.with_name(first.name + suffix)) for suffix in (".jpg", "-badge.jpg")]
    html = rendered(
        "curves_hide.html.j2",
        data,
        pictures=pictures,
        pair=[save(image, out) for image in pair],
        rocs={training: roc_plot(data["curves"], training) for training in SETS["train"]},
        overview=overview(data["rows"]),
        says=says,
    )
    return Page("curves-hide", "What the curves hide", LEAD, html, data)


def curves(folder: Path) -> dict[str, Any]:
    """Return both first nets' ROC curves on every test set, from the scores that were kept.

    Returns
    -------
    dict
        By training, then by test set: ``fpr`` and ``recall``, lists of equal length.
    """
    found: dict[str, Any] = {}
    for training in SETS["train"]:
        kept = json.loads((folder / "kept" / f"{training}-0.scores.json").read_bytes())
        found[training] = {}
        for name in SETS["test"]:
            items = labelled(folder / "test", name).items
            worn = np.array([item.attributes["cue"] == "1" for item in items])
            scores = np.where(worn, kept["badge"], kept["plain"])
            curve = roc(np.array([item.label for item in items]), scores)
            found[training][name] = {
                "fpr": curve.fpr.round(5).tolist(),
                "recall": curve.tpr.round(5).tolist(),
            }
    return found


def missed(
    nets: Sequence[Mapping[str, Any]], examples: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Count the examples below the first nets' own lines although they wear the badge."""
    lines = {net["training"]: net["threshold"] for net in nets if net["seed"] == 0}
    return {
        training: {
            "line": line,
            "count": sum(example["with_cue"][training] < line for example in examples),
            "of": len(examples),
        }
        for training, line in lines.items()
    }


def roc_plot(found: Mapping[str, Any], training: str) -> Markup:
    """Draw a net's ROC curves on the three test sets."""
    panel = Panel(FPR, RECALL)
    parts = [frame(panel), line([panel.at(0, 0), panel.at(1, 1)], class_="chance")]
    for number, name in enumerate(SETS["test"]):
        one = found[training][name]
        points = [panel.at(x, y) for x, y in zip(one["fpr"], one["recall"], strict=True)]
        parts.append(element("g", line(points), class_=f"series-{number}"))
    return drawing(400, 356, f"ROC curves of the net trained on the {training} set", *parts)


def overview(rows: Mapping[str, Any]) -> Markup:
    """Draw every measure before and after the repair, as dots on their intervals."""
    lines = [
        (words, [[Dot(0, rows[name]["before"]), Dot(1, rows[name]["after"])]])
        for name, words in ROWS.items()
    ]
    return forest([("", ("0", "0.5", "1"))], lines, "Every measure before and after the repair")


def says(estimate: Mapping[str, float]) -> str:
    """Say what a difference's interval allows one to say."""
    if estimate["low"] > 0:
        return "rises"
    return "falls" if estimate["high"] < 0 else "may as well have stayed the same"


def _image(path: Path) -> RGB:
    reading = read(path)
    if reading.image is None:
        raise ValueError(f"expected a picture of the experiment, got {path}: {reading.detail}")
    return reading.image
