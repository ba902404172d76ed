"""What a convnet has learned, as pictures: filters, projections, feature sheets, grids.

All values are drawn in natural contrast: grey is zero, white and black are as far above it as
below. How far stands beside them, or that each has a scale of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convnet.deconvnet import Projection, Rule
from convnet.features import Patch
from convnet.models import Preprocessing
from convnet.pages import (
    GREY,
    HEIGHT,
    LEADING,
    MARGIN,
    NAME,
    ROOM,
    TEXT,
    page,
    show,
    style,
    wrapped,
    write,
)
from convnet.receptive import Field
from convnet.views import View, in_rgb
from images.reading import RGB

Floats = npt.NDArray[np.float32]

BEYOND = 0.005  # share of the values that lie beyond white and black
ADDED = 96  # grey levels, of 255, that white adds to a picture
CHANNELS, PAIRS, COLUMNS = 12, 12, 4  # on a feature sheet and on a grid; in rows of four

PAPER = (236, 236, 236)  # between the tiles of a mosaic
FRAME = "#E69F00"
GAP, INNER = 24.0, 4.0  # points between pictures, and between those that belong together
SMALL = 9.0  # points, of the text beside small pictures

IN_WORDS: dict[Rule, str] = {
    "deconvnet": "At every ReLU, what is positive in the signal goes on down.",
    "guided": "At every ReLU, what is positive goes on, if the ReLU was open.",
    "gradient": "At every ReLU, all goes on, if the ReLU was open: the exact gradient.",
}


# ---- Values as pixels


def far(values: Floats) -> float:
    """Return the magnitude that is drawn white, or black: all but 0.5 % of the values stay below.

    Zeros do not count: beyond a receptive field there is nothing else. Of zeros alone it is 1.
    """
    magnitudes = np.abs(values[values != 0])
    return float(np.quantile(magnitudes, 1 - BEYOND)) if magnitudes.size else 1.0


def contrast(values: Floats, white: float) -> RGB:
    """Draw values, (H, W, 3), around grey.

    >>> contrast(np.array([[[-3, 0, 0.5]]], np.float32), 1.0).tolist()
    [[[1, 128, 192]]]
    """
    drawn: RGB = np.rint(128 + 127 * np.clip(values / white, -1, 1)).astype(np.uint8)
    return drawn


def added(picture: RGB, values: Floats, white: float) -> RGB:
    """Add values to a picture of their shape, so that white adds `ADDED` grey levels."""
    changed = picture + ADDED * np.clip(values / white, -1, 1)
    drawn: RGB = np.rint(np.clip(changed, 0, 255)).astype(np.uint8)
    return drawn


def mosaic(tiles: Sequence[RGB], columns: int, rows: int, gap: int) -> RGB:
    """Lay tiles of one size out in rows, with paper between them, `gap` pixels, and after them."""
    height, width = tiles[0].shape[:2]
    whole = np.empty((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), np.uint8)
    whole[:] = PAPER
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def number_text(value: float) -> str:
    """Write a number in three digits, with a minus sign that is one.

    >>> number_text(-0.05391)
    '−0.0539'
    """
    return f"{value:.3g}".replace("-", "−")


# ---- The pages


def filters(weights: Floats, preprocessing: Preprocessing, title: str) -> Figure:
    """Draw a first layer's filters, (C, 3, k, k), all on one scale."""
    white, count = far(weights), len(weights)
    tiles = [contrast(in_rgb(weight, preprocessing), white) for weight in weights]
    large = [tile.repeat(8, axis=0).repeat(8, axis=1) for tile in tiles]
    size = f"{weights.shape[3]} × {weights.shape[2]} px"
    note = f"{count} filters of {size} in three colours, on one scale. {_scale(weights)}"
    with style():
        figure, y = page(title, [note])
        room = HEIGHT - MARGIN - y

        def worth(columns: int) -> float:
            size = min(ROOM / columns, room / -(-count // columns))
            return size if count % columns == 0 else 0.8 * size  # a hole at the end is ugly

        columns = max(range(1, count + 1), key=worth)
        show(figure, MARGIN, y, ROOM, room, mosaic(large, columns, -(-count // columns), 5))
    return figure


def rules(
    view: View,
    projections: Sequence[Projection],
    preprocessing: Preprocessing,
    title: str,
    note: str,
) -> Figure:
    """Draw one unit's projections by several rules side by side, cut to what the unit sees.

    Parameters
    ----------
    view : View
        What they were made from.
    projections : sequence of Projection
        Of one unit, by different rules.
    title, note : str
        Any text; what the typeface cannot show is written as escapes.
    """
    box = view.box
    seen = _common(projections[0].field, box)
    panels = [Panel(view.image[box.slices], "picture", [_size(box)])]
    if seen != box:
        panels.append(Panel(view.image[seen.slices], "what the unit sees", [_size(seen)]))
    for projection in projections:
        values = in_rgb(projection.pixels, preprocessing)[seen.slices]
        words = [IN_WORDS[projection.rule], _scale(values)]
        panels.append(Panel(contrast(values, far(values)), projection.rule, words))
    with style():
        figure, axes = _row(panels, title, note)
        if seen != box:
            corner = seen.left - box.left - 0.5, seen.top - box.top - 0.5
            size = seen.right - seen.left, seen.bottom - seen.top
            axes[0].add_patch(Rectangle(corner, *size, fill=False, edgecolor=FRAME, linewidth=1.6))
    return figure


def likeness(
    view: View, projection: Projection, preprocessing: Preprocessing, title: str, note: str
) -> Figure:
    """Draw a picture, a projection, and the one changed by the other; as `rules`."""
    picture = view.image[view.box.slices]
    values = in_rgb(projection.pixels, preprocessing)[view.box.slices]
    white = far(values)
    changed = f"White adds {ADDED} of 255 grey levels, black takes them away."
    panels = [
        Panel(picture, "picture", [_size(view.box)]),
        Panel(contrast(values, white), f"projection ({projection.rule})", [_scale(values)]),
        Panel(added(picture, values, white), "picture + projection", [changed]),
    ]
    with style():
        figure, _ = _row(panels, title, note)
    return figure


def features(sheet: Sequence[tuple[int, Sequence[Patch]]], title: str, note: str) -> Figure:
    """Draw each channel's strongest patches, and beside them their projections.

    Parameters
    ----------
    sheet : sequence of (int, sequence of Patch)
        At most `CHANNELS` channels, each with its patches, strongest first: none if it is silent.
    title, note : str
    """
    most = max([1, *(len(patches) for _, patches in sheet)])
    inner = ceil(sqrt(most))
    rows = -(-most // inner)
    with style():
        figure, y = page(title, [note])
        width, step = (ROOM + GAP) / COLUMNS, (HEIGHT - MARGIN - y) / -(-CHANNELS // COLUMNS)
        side = min((width - GAP - INNER) / 2, (step - 22) * inner / rows)
        for number, (channel, patches) in enumerate(sheet):
            x, top = MARGIN + number % COLUMNS * width, y + number // COLUMNS * step
            said = [number_text(patch.activation) for patch in (*patches[:1], *patches[1:][-1:])]
            words = f"channel {channel}: {' to '.join(said) or 'silent'}"
            write(figure, x, top, [words], SMALL, colour=GREY)
            halves = (
                [patch.image for patch in patches],
                [contrast(patch.projection, far(patch.projection)) for patch in patches],
            )
            for half, tiles in enumerate(halves if patches else ()):
                picture = mosaic(tiles, inner, rows, max(1, tiles[0].shape[1] // 24))
                show(figure, x + half * (side + INNER), top + 15, side, side, picture)
    return figure


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture, (H, W, 3), its projection in the same shape, and words for both."""

    picture: RGB
    values: Floats
    words: str


def grid(pairs: Sequence[Pair], title: str, note: str) -> Figure:
    """Draw at most `PAIRS` pictures beside their projections."""
    with style():
        figure, y = page(title, [note])
        width, step = (ROOM + GAP) / COLUMNS, (HEIGHT - MARGIN - y) / -(-PAIRS // COLUMNS)
        side = min((width - GAP - INNER) / 2, step - 26)
        for number, pair in enumerate(pairs):
            x, top = MARGIN + number % COLUMNS * width, y + number // COLUMNS * step
            shape = pair.picture.shape[:2]
            tall, wide = (side * length / max(shape) for length in shape)
            show(figure, x, top, wide, tall, pair.picture)
            drawn = contrast(pair.values, far(pair.values))
            show(figure, x + wide + INNER, top, wide, tall, drawn)
            write(figure, x, top + tall + 3, [pair.words], SMALL, colour=GREY)
    return figure


# ---- Parts of a page


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture with a name below it, and words, each of which begins a line."""

    picture: RGB
    name: str
    words: Sequence[str]


def _row(panels: Sequence[Panel], title: str, note: str) -> tuple[Figure, list[Axes]]:
    width = (ROOM + GAP) / len(panels) - GAP
    words = [[line for text in p.words for line in wrapped(text, width)] for p in panels]
    below = 6 + LEADING * (NAME + TEXT * max(map(len, words)))
    figure, top = page(title, [note])
    room = HEIGHT - MARGIN - top - below
    axes = []
    for number, (panel, lines) in enumerate(zip(panels, words, strict=True)):
        x = MARGIN + number * (width + GAP)
        height = min(room, width * panel.picture.shape[0] / panel.picture.shape[1])
        axes.append(show(figure, x, top, width, height, panel.picture))
        y = write(figure, x, top + height + 6, [panel.name], NAME, "bold")
        write(figure, x, y, lines, colour=GREY)
    return figure, axes


def _common(field: Field, box: Field) -> Field:
    """Return what a unit sees of the picture; all of it where the unit sees only padding."""
    seen = field.meet(box)
    return seen if seen.top < seen.bottom and seen.left < seen.right else box


def _size(field: Field) -> str:
    return f"{field.right - field.left} × {field.bottom - field.top} px"


def _scale(values: Floats) -> str:
    return f"White and black: ±{far(values):.2g}." if values.any() else "Nothing comes down."
