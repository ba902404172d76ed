"""Two skin rules against the truth of drawings: the paper's, and the plain one in HSV."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from baseline.colour import colour_planes
from baseline.skin import hsv_skin_filter, skin_filter
from compare.intervals import wilson
from compare.lessons.views import Mask
from images.labelled import Item, LabelledSet
from images.reading import RGB

RULES = ("log_opponent", "hsv")
Answers = Mapping[str, Mapping[str, float | None]]  # of one picture: rule, measure


def true_skin(drawn: LabelledSet, item: Item, shape: tuple[int, ...]) -> Mask:
    """Return where a drawing's bare parts are, by its kept part labels: (h, w) of a shape.

    A pixel is skin where at least half of it is.
    """
    name = drawn.root / "truth" / Path(item.path).stem
    labels = cv2.imread(f"{name}.png", cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise OSError(f"expected part labels in {name}.png")
    parts = json.loads(Path(f"{name}.json").read_bytes())["parts"]
    bare = np.array([False, *(part["bare"] for part in parts)])[labels]
    size = shape[1], shape[0]
    mask: Mask = cv2.resize(bare.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    return mask


def masks(working: RGB) -> dict[str, Mask]:
    """Return what either rule calls skin in a picture of working size."""
    planes = colour_planes(working)
    return {
        "log_opponent": skin_filter(working, planes).mask,
        "hsv": hsv_skin_filter(working, planes).mask,
    }


def against(found: Mask, truth: Mask) -> dict[str, float | None]:
    """Return recall, precision and false positive rate of pixels; None without any to ask."""
    both = float((found & truth).sum())
    return {
        "fpr": float((found & ~truth).sum()) / float((~truth).sum()) if not truth.all() else None,
        "recall": both / float(truth.sum()) if truth.any() else None,
        "precision": both / float(found.sum()) if found.any() else None,
    }


def over_pictures(
    targets: Sequence[Answers], controls: Sequence[Answers]
) -> dict[str, dict[str, Any]]:
    """Return each rule's means over pictures, with intervals.

    Recall and precision are of targets, the share of other pixels that is marked of controls. The
    intervals are Wilson's, of as many cases as pictures: on the safe side for values between 0
    and 1.
    """
    found: dict[str, dict[str, Any]] = {}
    asked = {"recall": targets, "precision": targets, "fpr": controls}
    for rule in RULES:
        found[rule] = {}
        for measure, each in asked.items():
            values = [one[rule][measure] for one in each]
            known = [value for value in values if value is not None]
            found[rule][measure] = (
                asdict(wilson(min(sum(known), len(known)), len(known)))
                if known
                else {"absent": "no picture has any"}
            )
    return found
