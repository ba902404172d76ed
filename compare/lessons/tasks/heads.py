"""A rule for heads.

The paper's figure dashes heads and shoulder girdles: proposed in 1996, and not written. Write
`find_heads(skin)` of the detector's mask, an array of booleans. Return a list of heads, each
`(row, column, radius)` in pixels. No answer is the right one; the check draws bare figures and
controls and measures yours. Beat the model if you can, and mind what it costs among the controls.

Hint: A head is round, and stands out of the rest of the skin but for a neck.

Hint: The distance transform of the mask tells at every place how large a disc of skin fits there.

Hint: Walk once around such a disc, a little way off. Around a head you meet skin once, briefly; in
the middle of an arm you meet it twice.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from baseline.colour import colour_planes
from baseline.detector import reduce
from baseline.skin import skin_filter
from compare.intervals import wilson
from images.mannequins import CONTROLS, Drawing, draw

Mask = npt.NDArray[np.bool_]
Head = tuple[float, float, float]

# Chosen on other drawings than those of the check, with another seed.
SMALLEST = 0.08  # radius, of the shorter side
AWAY = 1.4  # radii, of the walk around
NECK = 0.02, 0.25  # share of the walk that may be skin, in one piece
DRAWN = 60  # pictures of each class


def find_heads(skin: Mask) -> list[Head]:
    """Return discs of skin around which skin is met once, and briefly."""
    room = cv2.distanceTransform(np.pad(skin.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    peaks = (room == cv2.dilate(room, np.ones((9, 9)))) & (room >= SMALLEST * min(skin.shape))
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    found: list[Head] = []
    for row, column in np.argwhere(peaks):
        radius = float(room[row, column])
        rows = np.rint(row + AWAY * radius * np.sin(turn)).astype(int)
        columns = np.rint(column + AWAY * radius * np.cos(turn)).astype(int)
        inside = (rows >= 0) & (rows < skin.shape[0]) & (columns >= 0) & (columns < skin.shape[1])
        met = np.zeros(len(turn), bool)
        met[inside] = skin[rows[inside], columns[inside]]
        pieces = int((met & ~np.roll(met, 1)).sum())
        if pieces == 1 and NECK[0] <= met.mean() <= NECK[1]:
            found.append((float(row), float(column), radius))
    return found


def check(answer: Callable[[Mask], list[Head]], drawn: int = DRAWN) -> dict[str, Any]:
    """Measure a rule on drawings: heads found, heads claimed, controls that have one.

    A head is on detected skin if the mask marks half of it, and found if the middle of a claim lies
    on it, by the drawing's truth.
    """
    lone = answer(np.zeros((64, 64), bool))
    if len(lone):
        raise ValueError(f"expected no head where there is no skin, got {len(lone)}")
    visible = lit = hits = claims = right = false = 0
    for number in range(drawn):
        bare, control = _drawings(number)
        skin, scale = _skin(bare)
        claimed = answer(skin)
        on = [_on_head(bare, scale, head) for head in claimed]
        claims, right = claims + len(claimed), right + sum(on)
        share = _head_on_skin(bare, skin)
        visible += share is not None
        if share is not None and share >= 0.5:
            lit, hits = lit + 1, hits + any(on)
        false += bool(answer(_skin(control)[0]))
    return {
        "bare figures with a head to see": visible,
        "of them on detected skin": lit,
        "of these found": wilson(hits, lit) if lit else None,
        "claims": claims,
        "claims that are heads": wilson(right, claims) if claims else None,
        "controls with a claim": wilson(false, drawn),
    }


def _drawings(number: int) -> tuple[Drawing, Drawing]:
    """Return a bare figure and a control without a figure."""
    others = [kind for kind in CONTROLS if kind != "clothed"]
    rng = np.random.default_rng([1996, number])
    kind = others[int(rng.integers(len(others)))]
    return draw(rng, "bare", scale=0.5), draw(rng, kind, scale=0.5)


def _skin(drawing: Drawing) -> tuple[Mask, float]:
    """Return the detector's skin mask, and how many px of the drawing one of its px is."""
    working = reduce(drawing.image)
    mask = skin_filter(working, colour_planes(working)).mask
    return mask, drawing.image.shape[0] / working.shape[0]


def _head_on_skin(drawing: Drawing, skin: Mask) -> float | None:
    """Return how much of a figure's heads the mask marks; None where there is none to see."""
    parts = drawing.truth.parts
    if not any(part.name == "head" and part.visible >= 0.5 for part in parts):
        return None
    numbers = [number for number, part in enumerate(parts, start=1) if part.name == "head"]
    there = np.isin(drawing.truth.labels, numbers).astype(np.uint8)
    small = cv2.resize(there, skin.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return float(skin[small > 0].mean()) if small.any() else 0.0


def _on_head(drawing: Drawing, scale: float, head: Head) -> bool:
    row, column = (round((place + 0.5) * scale - 0.5) for place in head[:2])
    number = int(drawing.truth.labels[row, column])
    return number > 0 and drawing.truth.parts[number - 1].name == "head"
