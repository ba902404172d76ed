"""What each stage of the detector sees, as small pictures: (h, w, 3) uint8, twice its working size.

What is left out fades, what was found keeps its colours; lines are drawn over a pale picture.
"""

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from baseline.captions import RULE_NAMES
from baseline.colourmaps import hue_colours
from baseline.detector import Detection
from baseline.edges import Floats
from baseline.grouping import RULES
from baseline.overlay import (
    INK,
    LARGEST,
    RULE_COLOURS,
    SEGMENT,
    SKIN,
    SMALLEST,
    overlay,
    resized,
)
from images.reading import RGB

Mask = npt.NDArray[np.bool_]

FACTOR = 2  # px of a view to a px of the working picture
PAPER = 236  # grey that what is left out fades to
FADE = 0.82  # how far
PALE = 0.6  # how far a picture fades under lines
FULL = 40.0  # log units of saturation that are shown as full colour
ROUGH = 20.0  # log units of texture that are shown as black
MIDDLE = "#D55E00"
COLOURS = {
    "edge of brightness": INK,
    "outline of the skin": SKIN,
    "pair": SEGMENT,
    "its middle": MIDDLE,
    "segment": SEGMENT,
    **{RULE_NAMES[rule]: colour for rule, colour in RULE_COLOURS.items()},
}
"""What is drawn over pictures, in words."""
FOUND, MISSED, FALSE = "#009E73", "#D55E00", "#0072B2"


def working(_: RGB, detection: Detection) -> RGB:
    """Return the picture at working size."""
    return _large(detection.working)


def hues(_: RGB, detection: Detection) -> RGB:
    """Return every pixel's hue, paler the less saturated."""
    planes = detection.planes
    colours = hue_colours(planes.hue, planes.saturation / FULL)
    return _large(np.rint(255 * colours).astype(np.uint8), cv2.INTER_NEAREST)


def in_boxes(detection: Detection) -> Mask:
    """Return which pixels have a colour of either tight box: (H, W)."""
    planes, params = detection.planes, detection.skin.params
    red = params.red_box.contains(planes.hue, planes.saturation)
    return red | params.yellow_box.contains(planes.hue, planes.saturation)


def coloured(_: RGB, detection: Detection) -> RGB:
    """Return what has a colour of either tight box."""
    return _kept(detection, in_boxes(detection))


def texture(_: RGB, detection: Detection) -> RGB:
    """Return the texture amplitude, darker the rougher."""
    grey = 255 * (1 - np.clip(detection.skin.texture / ROUGH, 0, 1))
    return _large(np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2), cv2.INTER_NEAREST)


def tight(_: RGB, detection: Detection) -> RGB:
    """Return what passes the tight test."""
    return _kept(detection, detection.skin.tight)


def enlarged(_: RGB, detection: Detection) -> RGB:
    """Return what is near enough to it."""
    return _kept(detection, detection.skin.enlarged)


def skin(_: RGB, detection: Detection) -> RGB:
    """Return what the filter calls skin."""
    return _kept(detection, detection.skin.mask)


def edges(_: RGB, detection: Detection) -> RGB:
    """Return the edge points: of intensity dark, of the skin's outline green."""
    drawn = _pale(detection)
    if detection.edges:
        for place, outline in zip(detection.edges.position, detection.edges.outline, strict=True):
            _dot(drawn, place, SKIN if outline else INK)
    return drawn


def symmetries(_: RGB, detection: Detection) -> RGB:
    """Return the chords of symmetric pairs, and their middles."""
    drawn = _pale(detection)
    if detection.symmetries:
        found = detection.symmetries
        for left, right in zip(found.left, found.right, strict=True):
            cv2.line(drawn, _at(left), _at(right), _rgb(SEGMENT), 1, cv2.LINE_AA)
        for place in found.centre:
            _dot(drawn, place, MIDDLE)
    return drawn


def segments(_: RGB, detection: Detection) -> RGB:
    """Return the segments as rectangles with their axes."""
    drawn = _pale(detection)
    for segment in detection.segments:
        _lines(drawn, segment.corners, closed=True)
        _lines(drawn, segment.ends, closed=False)
    return drawn


def limbs(image: RGB, detection: Detection) -> RGB:
    """Return the best limbs, and no groups of limbs."""
    found = detection.grouping
    if found:  # every configuration that has limbs has groups of them, too
        found = replace(found, groups=dict.fromkeys(RULES, ()) | {"limb": found.groups["limb"]})
    every = replace(detection.params, configuration="H")
    return groups(image, replace(detection, grouping=found, params=every))


def groups(image: RGB, detection: Detection) -> RGB:
    """Return what the configuration's rules found, by colour."""
    height, width = resized(image, SMALLEST, LARGEST).shape[:2]
    drawn = overlay(image, detection)[:height, :width]
    rows, cols = detection.working.shape[:2]
    size = FACTOR * cols, FACTOR * rows
    return cv2.resize(drawn, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def compared(picture: RGB, found: Mask, truth: Mask) -> RGB:
    """Return found skin green, missed skin orange, and what is none blue, over a pale picture."""
    drawn = _large(_faded(picture, PALE))
    for mask, colour in (
        (found & truth, FOUND),
        (truth & ~found, MISSED),
        (found & ~truth, FALSE),
    ):
        large = cv2.resize(mask.astype(np.uint8), drawn.shape[1::-1], interpolation=0).astype(bool)
        drawn[large] = (0.45 * drawn[large] + 0.55 * np.array(_rgb(colour))).astype(np.uint8)
    return drawn


# ---- Drawing


def _large(picture: RGB, way: int = cv2.INTER_CUBIC) -> RGB:
    return cv2.resize(picture, None, fx=FACTOR, fy=FACTOR, interpolation=way).astype(np.uint8)


def _faded(picture: RGB, share: float) -> RGB:
    return cv2.addWeighted(picture, 1 - share, np.full_like(picture, PAPER), share, 0).astype(
        np.uint8
    )


def _kept(detection: Detection, mask: Mask) -> RGB:
    """Fade what is outside a mask, and outline it."""
    drawn = _large(detection.working)
    inside = cv2.resize(mask.astype(np.uint8), drawn.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    faded = _faded(drawn, FADE)
    drawn = np.where(inside[..., None] > 0, drawn, faded)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, _rgb(SKIN), 1)
    return drawn


def _pale(detection: Detection) -> RGB:
    return _large(_faded(detection.working, PALE))


def _at(place: Iterable[float]) -> tuple[int, int]:
    row, col = ((FACTOR * (x + 0.5) - 0.5) for x in place)
    return round(col), round(row)


def _dot(drawn: RGB, place: Floats, colour: str) -> None:
    cv2.circle(drawn, _at(place), 1, _rgb(colour), -1, cv2.LINE_AA)


def _lines(drawn: RGB, points: Floats, closed: bool) -> None:
    places = np.array([_at(point) for point in points], np.int32)
    for colour, thickness in ((INK, 3), (SEGMENT, 2)):
        cv2.polylines(drawn, [places], closed, _rgb(colour), thickness, cv2.LINE_AA)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
