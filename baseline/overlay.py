"""Draws a detection over its picture, for eyes that have a whole folder to look through.

What is not skin fades, segments are thin rectangles with their axis, and the best groups of each
rule stand out in the rule's colour. A strip under the picture says what was decided, and why.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from baseline.captions import RULE_NAMES, deciding_rule, details, verdict, wrapped
from baseline.detector import Detection
from baseline.edges import Floats
from baseline.grouping import RULES, Group, Limb, Rule
from baseline.segments import Segment
from images.reading import RGB

SKIN, SEGMENT, INK, GREY = "#009E73", "#56B4E9", "#1A1A1A", "#5A5A5A"
RULE_COLOURS: Mapping[Rule, str] = {
    "limb": "#E69F00",
    "limb_limb_girdle": "#0072B2",
    "limb_segment_girdle": "#CC79A7",
    "spine_thigh": "#D55E00",
}
"""Okabe and Ito's palette, whose colours differ for colour-blind eyes too: here and in figures."""

SMALLEST, LARGEST = 512, 768  # px, of the picture's long side
NARROWEST = 360  # px, of the strip with the text
BEST = 2  # groups drawn of each rule: more would hide the picture
FADE = 0.55  # share of light grey in what is not skin
RING = 4  # px from ring to ring
MARGIN, LINE, TEXT = 10, 19, 14  # px, of the strip
FRACTION_BITS = 4  # OpenCV draws at sixteenths of a pixel


def overlay(image: RGB, detection: Detection) -> RGB:
    """Draw what was found over the picture, with a strip of text beneath.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
        The picture that was given to `detect`.
    detection : Detection

    Returns
    -------
    drawn : ndarray (h, w, 3), uint8
        The picture's long side is 512 to 768 px; the strip adds to the height, and a very narrow
        picture gets white beside it.

    Raises
    ------
    ValueError
        If the image is not of the size that the detection was made from.
    """
    expect_own(image, detection)
    drawn = resized(image, SMALLEST, LARGEST)
    to_drawn = np.array(drawn.shape[:2]) / detection.working.shape[:2]
    best = [g for rule in RULES for g in [g for g in detection.groups if g.rule == rule][:BEST]]
    best.sort(key=lambda group: group.tau)

    _fade_ground(drawn, detection)
    for segment in detection.segments:
        _line(drawn, segment.corners, to_drawn, SEGMENT, closed=True)
        _line(drawn, segment.ends, to_drawn, SEGMENT)
    _draw_groups(drawn, best, to_drawn)

    strip = _strip(max(drawn.shape[1], NARROWEST), detection, {group.rule for group in best})
    beside = strip.shape[1] - drawn.shape[1]
    return np.concatenate(
        [np.pad(drawn, ((0, 0), (0, beside), (0, 0)), constant_values=255), strip]
    )


def expect_own(image: RGB, detection: Detection) -> None:
    """Raise ValueError unless the image has the size that the detection was made from."""
    if image.shape != (*detection.original_size, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"expected the detection's picture, {(*detection.original_size, 3)} uint8, "
            f"got {image.shape} {image.dtype}"
        )


def resized(image: RGB, smallest: int, largest: int) -> RGB:
    """Copy a picture, enlarged or reduced until its long side lies between the two, in px."""
    height, width = image.shape[:2]
    long = max(height, width)
    factor = min(max(long, smallest), largest) / long
    if factor == 1:
        return image.copy()
    size = max(1, round(width * factor)), max(1, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method).astype(np.uint8, copy=False)


def _fade_ground(drawn: RGB, detection: Detection) -> None:
    """Fade what is not skin, which keeps its own colours, and outline what is."""
    smooth = cv2.resize(detection.skin.mask.astype(np.float32), drawn.shape[1::-1])
    mask = (smooth >= 0.5).astype(np.uint8)
    faded = cv2.addWeighted(drawn, 1 - FADE, np.full_like(drawn, 225), FADE, 0)
    cv2.copyTo(faded, 1 - mask, drawn)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, _rgb(SKIN), 1, cv2.LINE_AA)


def _draw_groups(drawn: RGB, groups: list[Group], to_drawn: Floats) -> None:
    """Draw groups, least tau first; a segment that several rules use gets ring around ring."""
    rings: dict[Segment, list[Rule]] = {}
    for group in groups:
        for segment in group.segments:
            rules = rings.setdefault(segment, [])
            if group.rule not in rules:
                grown = 2 * RING * len(rules) / to_drawn.mean()
                ring = replace(segment, length=segment.length + grown, width=segment.width + grown)
                rules.append(group.rule)
                _cased(drawn, ring.corners, to_drawn, RULE_COLOURS[group.rule], 2, closed=True)
    for group in reversed(groups):
        if not isinstance(group, Limb):
            _cased(drawn, group.pelvis, to_drawn, RULE_COLOURS[group.rule], 5)


def _cased(
    drawn: RGB, points: Floats, to_drawn: Floats, colour: str, thickness: int, closed: bool = False
) -> None:
    """Draw a line with a dark rim, so that it shows on any ground."""
    _line(drawn, points, to_drawn, INK, thickness + 2, closed)
    _line(drawn, points, to_drawn, colour, thickness, closed)


def _line(
    drawn: RGB,
    points: Floats,
    to_drawn: Floats,
    colour: str,
    thickness: int = 1,
    closed: bool = False,
) -> None:
    """Draw a line through (row, col) points of the working picture."""
    moved = ((points + 0.5) * to_drawn - 0.5)[:, ::-1]
    fixed: npt.NDArray[np.int32] = np.rint(moved * 2**FRACTION_BITS).astype(np.int32)
    cv2.polylines(drawn, [fixed], closed, _rgb(colour), thickness, cv2.LINE_AA, FRACTION_BITS)


def _strip(width: int, detection: Detection, rules: Iterable[Rule]) -> RGB:
    """Return the white strip: a disc for the decision, verdict, details, and the rules drawn."""
    large, small = _font(TEXT + 2), _font(TEXT)
    left, room = MARGIN + LINE, width - 2 * MARGIN - LINE
    lines = [(line, large, INK) for line in wrapped(verdict(detection), room, large.getlength)]
    lines += [(line, small, GREY) for line in wrapped(details(detection), room, small.getlength)]
    key = _flowed([rule for rule in RULES if rule in rules], room, small)
    height = 2 * MARGIN + LINE * (len(lines) + (1 + max(key.values())[0] if key else 0))
    strip = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(strip)
    fill = RULE_COLOURS[deciding_rule(detection)] if detection.decision else "white"
    draw.ellipse((MARGIN, MARGIN + 2, MARGIN + 11, MARGIN + 13), fill, GREY)
    for number, (line, font, colour) in enumerate(lines):
        draw.text((left, MARGIN + number * LINE), line, colour, font)
    for rule, (row, x) in key.items():
        top = MARGIN + (len(lines) + row) * LINE
        draw.rectangle((left + x, top + 4, left + x + 9, top + 13), RULE_COLOURS[rule])
        draw.text((left + x + 15, top), RULE_NAMES[rule], GREY, small)
    return np.array(strip)


def _flowed(
    rules: list[Rule], room: float, font: ImageFont.FreeTypeFont
) -> dict[Rule, tuple[int, int]]:
    """Place the rules' names like words: the row of each, and its left end in px."""
    places: dict[Rule, tuple[int, int]] = {}
    row = x = 0
    for rule in rules:
        length = round(font.getlength(RULE_NAMES[rule])) + 15
        if x and x + length > room:
            row, x = row + 1, 0
        places[rule] = (row, x)
        x += length + 20
    return places


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own sans typeface, which is there on every machine."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("expected Pillow with FreeType, got one without; install Pillow's wheel")
    return font


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
