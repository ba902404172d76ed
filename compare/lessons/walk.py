"""A picture's way through the detector of 1996: each stage, and its answers for other numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baseline.captions import RULE_NAMES, verdict
from baseline.detector import Detection, Params, detect
from baseline.grouping import RULES
from baseline.records import record
from baseline.skin import ColourBox
from compare.lessons import views
from compare.lessons.pages import save
from compare.wording import How, text
from images.reading import RGB

YELLOWER = 10.0  # log units by which the yellow box begins above the red one: [PAGE]


@dataclass(frozen=True)
class Stage:
    """One stage: its one number, and what it makes of a picture.

    Attributes
    ----------
    slug : str
    values : sequence of float
        What the slider offers; one of them is the shipped one.
    shipped : float
    how : str
        How a value is written, for `wording.text`.
    change : callable
        Parameters with another value.
    went_in, came_out : callable
        Pictures of a detection before and after this stage: (h, w, 3) uint8.
    seen : callable
        What the latter shows, in words.
    """

    slug: str
    values: Sequence[float]
    shipped: float
    how: How
    change: Callable[[Params, float], Params]
    went_in: Callable[[RGB, Detection], RGB]
    came_out: Callable[[RGB, Detection], RGB]
    seen: Callable[[Detection], str]


def _box(params: Params, least: float) -> Params:
    red, yellow = params.skin.red_box, params.skin.yellow_box
    return replace(
        params,
        skin=replace(
            params.skin,
            red_box=ColourBox(red.hue, (least, red.saturation[1])),
            yellow_box=ColourBox(yellow.hue, (least + YELLOWER, yellow.saturation[1])),
        ),
    )


def _aspect(params: Params, most: float) -> Params:
    return replace(
        params,
        segments=replace(params.segments, max_aspect=most),
        grouping=params.grouping._replace(max_aspect=most),
    )


def _share(mask: npt.NDArray[np.bool_]) -> str:
    return text(float(mask.mean()), "percent")


SHIPPED = Params()
STAGES = (
    Stage(
        "box", (5, 10, 15, 20, 25, 30, 40), SHIPPED.skin.red_box.saturation[0], "score", _box,
        views.hues, views.coloured,
        lambda d: f"Pixels in either box: {_share(views.in_boxes(d))} of the picture",
    ),
    Stage(
        "texture", (0.25, 0.5, 1, 2.5, 5, 10, 20), SHIPPED.skin.texture_limit, "score",
        lambda p, v: replace(p, skin=replace(p.skin, texture_limit=v)),
        views.texture, views.tight,
        lambda d: f"Of the right colour and smooth: {_share(d.skin.tight)} of the picture",
    ),
    Stage(
        "enlargement", (1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4),
        SHIPPED.skin.enlarge_share, "share",
        lambda p, v: replace(p, skin=replace(p.skin, enlarge_share=v)),
        views.tight, views.enlarged,
        lambda d: f"Near enough to that: {_share(d.skin.enlarged)} of the picture",
    ),
    Stage(
        "enough", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8), SHIPPED.skin.min_fraction, "share",
        lambda p, v: replace(p, skin=replace(p.skin, min_fraction=v)),
        views.enlarged, views.skin,
        lambda d: f"Skin, after the loose test: {_share(d.skin.mask)} of the picture",
    ),
    Stage(
        "edges", (1, 2.5, 5, 7.5, 10, 15, 25), SHIPPED.edges.high, "score",
        lambda p, v: replace(p, edges=replace(p.edges, high=v, low=v * p.edges.low / p.edges.high)),
        views.skin, views.edges,
        lambda d: _counted(d, len(d.edges.position) if d.edges else 0, "edge point"),
    ),
    Stage(
        "symmetries", (2, 5, 10, 15, 20, 30, 45), SHIPPED.symmetry.skew, "score",
        lambda p, v: replace(p, symmetry=p.symmetry._replace(skew=v)),
        views.edges, views.symmetries,
        lambda d: _counted(d, len(d.symmetries) if d.symmetries else 0, "pair"),
    ),
    Stage(
        "segments", (2, 3, 4, 5, 7, 10, 14), SHIPPED.segments.max_aspect, "score", _aspect,
        views.symmetries, views.segments,
        lambda d: _counted(d, len(d.segments), "segment"),
    ),
    Stage(
        "limbs", (0.3, 0.4, 0.5, 0.65, 0.8, 0.9, 0.97), SHIPPED.grouping.limb_width_ratio, "score",
        lambda p, v: replace(p, grouping=p.grouping._replace(limb_width_ratio=v)),
        views.segments, views.limbs,
        lambda d: _counted(d, len(d.grouping.groups["limb"]) if d.grouping else 0, "limb"),
    ),
    Stage(
        "girdles", (0.5, 0.6, 0.75, 1, 1.5, 2, 3), SHIPPED.grouping.max_pelvis, "score",
        lambda p, v: replace(p, grouping=p.grouping._replace(max_pelvis=v)),
        views.limbs, views.groups,
        lambda d: _counted(d, len(d.groups), "group"),
    ),
)  # fmt: skip
"""Every stage that has a number to move, in the order of the method."""


def _counted(detection: Detection, found: int, noun: str) -> str:
    if detection.grouping is None:
        return "Nothing: the skin filter said no, so nobody looked"
    return f"{text(found, 'count')} {noun}{'s' * (found != 1)} found"


def answered(detection: Detection) -> dict[str, Any]:
    """Return what a detection's record says, as far as the page shows it."""
    found: dict[str, Any] = record(detection)
    _, reason = verdict(detection).split(": ", 1)  # "marked" is kept for scores above a line
    return {
        "verdict": f"The rules say {'yes' if detection.decision else 'no'}: {reason}",
        "decision": found["decision"],
        "score": found["score"],
        "stopped_at": found["stopped_at"],
        "skin_fraction": found["skin_fraction"],
        "segments": len(found["segments"]),
        "rules": {
            RULE_NAMES[rule]: found["taus"][rule] is not None and found["taus"][rule] <= 1
            for rule in RULES
        },
    }


def walked(image: RGB, out: Path) -> list[dict[str, Any]]:
    """Return a picture's way: for every stage and value, the detector's answer and its pictures.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
    out : Path
        The site's folder, for the pictures.
    """
    usual = detect(image)
    found = []
    for stage in STAGES:
        stops = [_stop(image, stage, value, out) for value in stage.values]
        found.append(
            {
                "stage": stage.slug,
                "shipped": stage.values.index(stage.shipped),
                "went_in": save(stage.went_in(image, usual), out),
                "stops": stops,
                "moves": _moves(stops, usual),
            }
        )
    return found


def _moves(stops: Sequence[Mapping[str, Any]], usual: Detection) -> str:
    """Say what a slider does not move; empty where it moves the answer."""
    if len({(stop["score"], stop["verdict"]) for stop in stops}) > 1:
        return ""
    if len({stop["came_out"] for stop in stops}) > 1:
        return "What is found may change here; the answer does not."
    if usual.grouping is None:
        return "Moves nothing here: the search ended at the skin filter."
    return "Moves nothing here: every value on offer gives the same."


def _stop(image: RGB, stage: Stage, value: float, out: Path) -> Mapping[str, Any]:
    detection = detect(image, stage.change(SHIPPED, value))
    last = stage.came_out is views.groups  # what comes out of it is the end
    return {
        "value": value,
        **answered(detection),
        "came_out": save(stage.came_out(image, detection), out),
        "seen": stage.seen(detection),
        "end": None if last else save(views.groups(image, detection), out),
    }
