"""A page for a figure: the shape of a slide, a head, pictures and words in one quiet look.

Places and lengths are points, counted from the page's top left corner.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from images.reading import RGB

INK, GREY = "#1A1A1A", "#5A5A5A"
FONT = "DejaVu Sans"  # comes with matplotlib
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "text.parse_math": False,  # a file's name may hold dollar signs
}
WIDTH, HEIGHT, MARGIN = 960.0, 540.0, 36.0
ROOM = WIDTH - 2 * MARGIN
TITLE, NAME, TEXT = 20.0, 13.0, 10.5  # sizes of the text
LEADING = 1.35  # from line to line, in sizes of the text


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib to the pages' style, whatever the reader's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def page(title: str, notes: Sequence[str]) -> tuple[Figure, float]:
    """Return a page with its head, within `style`, and where the room below it begins.

    Parameters
    ----------
    title : str
        One line; a long one loses its middle.
    notes : sequence of str
        Each begins a line of its own.
    """
    figure = Figure((WIDTH / 72, HEIGHT / 72))
    FigureCanvasAgg(figure)
    y = write(figure, MARGIN, 26, [elided(title, ROOM, TITLE)], TITLE, "bold") + 2
    lines = [line for note in notes for line in wrapped(note, ROOM)]
    return figure, write(figure, MARGIN, y, lines, colour=GREY) + 14


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG; the same figure gives the same bytes."""
    with style():
        figure.savefig(path, dpi=200, metadata={"Software": None})
    return path


def show(figure: Figure, x: float, y: float, width: float, height: float, picture: RGB) -> Axes:
    """Show a picture, its shape kept, from the corner of a box; the axes count its pixels."""
    across, down = figure.get_size_inches() * 72
    axes = figure.add_axes((x / across, 1 - (y + height) / down, width / across, height / down))
    axes.imshow(picture)
    axes.set_anchor("NW")
    axes.axis("off")
    return axes


def write(
    figure: Figure,
    x: float,
    y: float,
    lines: Sequence[str],
    size: float = TEXT,
    weight: str = "normal",
    colour: str = INK,
) -> float:
    """Write lines down from a place, and return where they end."""
    across, down = figure.get_size_inches() * 72
    for number, line in enumerate(lines):
        baseline = y + size * (0.95 + LEADING * number)
        figure.text(x / across, 1 - baseline / down, line, size=size, color=colour, weight=weight)
    return y + LEADING * size * len(lines)


# ---- Text that fits


def wrapped(text: str, room: float, size: float = TEXT) -> list[str]:
    """Break a text into legible lines that there is room for, single long words excepted."""
    lines = list[str]()
    for word in legible(text).split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def elided(text: str, room: float, size: float) -> str:
    """Return a text as one legible bold line that fits: a long one loses its middle."""
    whole = short = legible(text)
    half = len(whole) // 2
    while text_width(short, size, bold=True) > room and half:
        half -= 1
        short = f"{whole[:half]} … {whole[len(whole) - half :]}"
    return short


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Length of a line of text."""
    font = FontProperties(family=FONT, weight="bold" if bold else "normal", size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def legible(text: str) -> str:
    r"""Return text as one line that the typeface can show; the rest is escaped.

    >>> print(legible("a $\\alpha$ é\n\udcff.jpg"))
    a $\alpha$ é\n\udcff.jpg
    """
    known = _characters()
    return "".join(c if c.isprintable() and ord(c) in known else ascii(c)[1:-1] for c in text)


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())
