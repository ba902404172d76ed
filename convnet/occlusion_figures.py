"""The two occlusion maps as people meet them: over the picture, and side by side on one page.

In both, what speaks for the positive class is bright. Each has a colour scale of its own, from its
least value to its greatest, but never a shorter one than `LEAST`: where next to nothing changes,
the map looks it.
"""

from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convnet.occlusion import OcclusionMap
from convnet.pages import (
    GREY,
    MARGIN,
    NAME,
    ROOM,
    TEXT,
    elided,
    page,
    show,
    style,
    text_width,
    write,
)
from images.reading import RGB
from images.scoring import Scores

COLOURS = "inferno"
ALPHA = 0.7  # of a map over its picture
LEAST = 0.05  # length of a colour scale, in probability
FRAME = "#00B5E2"  # no colour of the maps
SIDE, GAP, BAR, THUMB = 264.0, 48.0, 9.0, 60.0  # of panels, between them, lower rows; points


class Example(NamedTuple):
    """One of the pictures that were fed in: its pixels, its window's place and its score."""

    image: RGB
    top: int
    left: int
    score: float


def examples(found: OcclusionMap) -> tuple[Example, Example]:
    """Return the crop with the highest score, and the covered picture with the lowest."""
    best, worst = int(found.cropped_scores.argmax()), int(found.occluded_scores.argmin())
    windows = found.windows
    (top, left), (row, column) = found.positions[[best, worst]].tolist()
    crop = windows.crop(found.picture, top, left)
    covered = windows.cover(found.picture, row, column, found.colour)
    return (
        Example(crop, top, left, float(found.cropped_scores[best])),
        Example(covered, row, column, float(found.occluded_scores[worst])),
    )


def limits(values: Scores) -> tuple[float, float]:
    """Return the ends of a map's colour scale: its own, or, around it, `LEAST` apart.

    >>> limits(np.array([[0.25, 0.75]])), limits(np.array([[0.0, 0.01]]))
    ((0.25, 0.75), (0.0, 0.05))
    """
    low, high = float(values.min()), float(values.max())
    if high - low >= LEAST:
        return low, high
    low = min(max(0.0, (low + high - LEAST) / 2), 1 - LEAST)
    return low, low + LEAST


def overlay(picture: RGB, values: Scores) -> RGB:
    """Lay a map over its picture, which turns grey: (H, W, 3) uint8.

    Parameters
    ----------
    picture : ndarray (H, W, 3), uint8
    values : ndarray (H, W), float64
        Probabilities.
    """
    low, high = limits(values)
    return _mixed((values - low) / (high - low), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _mixed(values: Scores, grey: npt.NDArray[Any]) -> RGB:
    """Lay colours for values from 0 to 1 over grey."""
    colours = matplotlib.colormaps[COLOURS](values)[..., :3]
    mixed: RGB = np.rint(255 * ALPHA * colours + (1 - ALPHA) * grey[..., None]).astype(np.uint8)
    return mixed


def side_by_side(found: OcclusionMap, title: str, scorer: str, surface: str) -> Figure:
    """Draw both maps on a page, with their picture and with examples of what was fed in.

    Parameters
    ----------
    found : OcclusionMap
    title, scorer : str
        A file's name and a scorer's, of any characters.
    surface : str
        What the windows lie on, in words.
    """
    height, width = found.picture.shape[:2]
    tall = SIDE * min(height / width, 1)
    first, second, third = (MARGIN + k * (ROOM + GAP) / 3 for k in range(3))
    alone, covered = examples(found)
    with style():
        figure, top = page(title, [about(found, elided(scorer, ROOM / 3, TEXT))])
        _head(figure, first, top, "Picture", surface)
        _head(figure, second, top, "Windows cropped", "mean score of the windows over a pixel")
        _head(figure, third, top, "Windows occluded", "mean of 1 − score while a pixel is covered")

        top += 42
        picture = show(figure, first, top, SIDE, tall, found.picture)
        for example, line in ((alone, "-"), (covered, (0, (2, 1.5)))):
            place = example.left - 0.5, example.top - 0.5
            picture.add_patch(
                Rectangle(place, found.window, found.window, fill=False, ec=FRAME, lw=1.6, ls=line)
            )
        show(figure, second, top, SIDE, tall, overlay(found.picture, found.cropped))
        show(figure, third, top, SIDE, tall, overlay(found.picture, found.occluded))

        top += tall + 10
        key = ["bright: speaks for the positive class", "frames: the two windows at the right"]
        write(figure, first, top - 2, key, colour=GREY)
        _bar(figure, second, top, found.cropped)
        _bar(figure, third, top, found.occluded)

        top += 36
        _example(figure, second, top, alone, "highest score alone")
        _example(figure, third, top, covered, "lowest score covered")
    return figure


def about(found: OcclusionMap, scorer: str) -> str:
    """Say what was asked, of whom and how."""
    mean = f"the mean colour, RGB {found.colour}"
    return (
        f"{scorer} scores the whole picture {found.score:.3g}. {len(found.positions):,} windows of "
        f"{found.window} × {found.window} px, one every {found.stride} px; {found.border}. "
        f"Occluder: {found.occluder if found.occluder == 'black' else mean}."
    )


def _head(figure: Figure, x: float, y: float, name: str, words: str) -> None:
    write(figure, x, y, [name], NAME, "bold")
    write(figure, x, y + 20, [words], colour=GREY)


def _bar(figure: Figure, x: float, y: float, values: Scores) -> None:
    """Draw a map's colour scale, as the colours come out over middle grey."""
    colours = _mixed(np.linspace(0, 1, 256)[None], np.full((1, 256), 128))
    show(figure, x, y, SIDE, BAR, colours).set_aspect("auto")
    low, high = (f"{value:.3g}" for value in limits(values))
    write(figure, x, y + BAR + 2, [low], colour=GREY)
    write(figure, x + SIDE - text_width(high, TEXT), y + BAR + 2, [high], colour=GREY)


def _example(figure: Figure, x: float, y: float, example: Example, words: str) -> None:
    show(figure, x, y, THUMB, THUMB, example.image)
    said = f"{words}: {example.score:.3g}"
    where = f"rows from {example.top}, columns from {example.left}"
    write(figure, x + THUMB + 10, y + 2, ["fed in, for example", said, where], colour=GREY)
