"""Explains a detection: one picture a stage, in the order of the method, and one sheet of all.

Every page is a grid of cells of one build: name and question, panel, key, answer.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from baseline.canvas import Canvas, Draw
from baseline.captions import Caption, captions, deciding_rule, details, verdict, wrapped
from baseline.detector import Detection
from baseline.grouping import RULES
from baseline.overlay import GREY, INK, RULE_COLOURS, expect_own
from baseline.panels import panels
from images.reading import RGB

STAGES = {
    "working-picture": ("working",),
    "log-opponent-planes": ("intensity", "rg", "by"),
    "hue": ("hue", "colours"),
    "saturation": ("saturation",),
    "texture": ("texture",),
    "tight": ("tight",),
    "enlarged": ("enlarged",),
    "loose": ("loose",),
    "edges": ("edges",),
    "symmetries": ("symmetries",),
    "segments": ("segments",),
    "groups": RULES,
}
COLUMNS = 6  # of the contact sheet
FONT = "DejaVu Sans"  # comes with matplotlib
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "pdf.fonttype": 42,  # journals refuse Type 3 fonts
    "text.parse_math": False,  # a file's name may hold dollar signs
    "axes.linewidth": 0.5,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "xtick.major.size": 2,
    "xtick.major.width": 0.5,
    "xtick.major.pad": 1.5,
}
UNDATED = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}


class Cell(NamedTuple):
    """A panel with its stage's number and its caption; `draw` is None for one not reached."""

    number: int
    caption: Caption
    draw: Draw | None


class Look(NamedTuple):
    """Sizes of a page, in points.

    Attributes
    ----------
    width, height : float
        Of a panel's box.
    font : float
        Of the plain text.
    aspect, pixel : float
        Of a pixel of the working picture as drawn: height over width, no unit, and width.
    """

    width: float
    height: float
    font: float
    aspect: float
    pixel: float


SHEET = 142, 7.2  # width of a panel and size of the text, in points
STAGE = {1: (430, 10), 2: (330, 9.5), 3: (250, 9), 4: (220, 8.5)}  # by the number of panels
BOX = 0.5, 1.5  # range of a panel's height over its width
LONGEST = 6.0  # a picture longer than this is drawn fatter than it is
LEADING = 1.32  # from line to line, in sizes of the text
KEY = 0.62  # width of a key, in widths of its panel


def explain(image: RGB, detection: Detection, out: Path, title: str) -> list[Path]:
    """Write the pictures of all stages and a contact sheet.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
        The picture that was given to `detect`.
    detection : Detection
    out : Path
        Folder, made if need be; files of the same names are replaced.
    title : str
        Any text, such as a file's name; what cannot be printed is written as escapes.

    Returns
    -------
    paths : list of Path
        ``01-working-picture.png`` to ``12-groups.png``, ``contact-sheet.png`` and
        ``contact-sheet.pdf``. The same picture and title give the same bytes.

    Raises
    ------
    ValueError
        If the image is not of the size that the detection was made from.
    OSError
        If the folder is not to be written to.
    """
    expect_own(image, detection)
    out.mkdir(parents=True, exist_ok=True)
    stages = cells(image, detection)
    with style():
        paths = [
            _save(page([stage], detection, title, *STAGE[len(stage)]), out / f"{k:02d}-{name}.png")
            for k, (name, stage) in enumerate(zip(STAGES, stages, strict=True), start=1)
        ]
        sheet = page(in_rows(stages), detection, title, *SHEET)
        return paths + [_save(sheet, out / f"contact-sheet{kind}") for kind in UNDATED]


def cells(image: RGB, detection: Detection) -> list[list[Cell]]:
    """Return the cells of every stage, in the order of the method."""
    caption, draw = captions(detection), panels(image, detection)
    return [
        [Cell(number, caption[key], draw[key]) for key in keys]
        for number, keys in enumerate(STAGES.values(), start=1)
    ]


def in_rows(stages: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Return the cells of all stages in the rows of the contact sheet."""
    row = [cell for stage in stages for cell in stage]
    return [row[start : start + COLUMNS] for start in range(0, len(row), COLUMNS)]


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib to the pages' style, whatever the reader's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=200, metadata=UNDATED[path.suffix])
    return path


# Pages ----------------------------------------------------------------------------------------


def page(
    rows: Sequence[Sequence[Cell]], detection: Detection, title: str, width: float, font: float
) -> Figure:
    """Lay cells out in rows, under a head with title, verdict and details; within `style`.

    Parameters
    ----------
    width : float
        Of a panel, in points.
    font : float
        Size of the plain text, in points.
    """
    look = _look(detection.working.shape, width, font)
    asked = [max(len(_broken(cell.caption.question, look)) for cell in row) for row in rows]
    said = [max(len(_broken(cell.caption.answer, look)) for cell in row) for row in rows]
    heights = [
        look.height + font * (7.4 + LEADING * (questions + answers))
        for questions, answers in zip(asked, said, strict=True)
    ]
    margin, step, columns = 3.2 * font, width + 2 * font, max(map(len, rows))
    room = columns * step - 2 * font
    decided = wrapped(verdict(detection), room - 2 * font, partial(text_width, size=1.2 * font))
    detailed = wrapped(details(detection), room - 2 * font, partial(text_width, size=font))
    head = font * (3.9 + LEADING * (1.2 * len(decided) + len(detailed)))

    size = room + 2 * margin, head + sum(heights) + 2 * margin - 1.8 * font
    figure = Figure((size[0] / 72, size[1] / 72))
    FigureCanvasAgg(figure)
    _write(figure, margin, margin, [elided(legible(title), room, 1.7 * font)], 1.7 * font, "bold")
    sign, colour = "○", GREY
    if detection.decision:
        sign, colour = "●", RULE_COLOURS[deciding_rule(detection)]
    top = margin + 2.4 * font
    _write(figure, margin, top, [sign], 1.2 * font, colour=colour)
    below = _write(figure, margin + 2 * font, top, decided, 1.2 * font)
    _write(figure, margin + 2 * font, below, detailed, font, colour=GREY)
    top = margin + head
    for row, questions, height in zip(rows, asked, heights, strict=True):
        for column, cell in enumerate(row):
            _draw(figure, margin + column * step, top, cell, questions, look)
        top += height
    return figure


def _look(shape: tuple[int, ...], width: float, font: float) -> Look:
    """Fit a picture of a shape into a box of a width."""
    tall = shape[0] / shape[1]
    drawn = min(max(tall, 1 / LONGEST), LONGEST)
    height = width * min(max(tall, BOX[0]), BOX[1])
    return Look(width, height, font, drawn / tall, min(width, height / drawn) / shape[1])


def _draw(figure: Figure, x: float, y: float, cell: Cell, questions: int, look: Look) -> None:
    """Draw a cell whose top left corner is at (x, y), leaving so many lines for its question."""
    font, answer = look.font, _broken(cell.caption.answer, look)
    y = _write(figure, x, y, [f"{cell.number}  {cell.caption.name}"], 1.1 * font, "bold")
    _write(figure, x, y + 0.15 * font, _broken(cell.caption.question, look), font, colour=GREY)
    y += font * (0.55 + LEADING * questions)
    picture = _axes(figure, x, y, look.width, look.height)
    picture.set(xticks=[], yticks=[], anchor="W")
    if cell.draw is None:
        picture.set_facecolor("#F4F4F4")
        middle = y + (look.height - LEADING * font * len(answer)) / 2
        _write(figure, x + look.width / 2, middle, answer, font, colour=GREY, align="center")
        return
    y += look.height + 0.7 * font
    key = _axes(figure, x, y, KEY * look.width, 0.75 * font)
    key.set(yticks=[])
    cell.draw(Canvas(picture, key, look.aspect, look.pixel, 0.88 * font))
    _write(figure, x, y + 2.9 * font, answer, font)


def _broken(text: str, look: Look) -> list[str]:
    return wrapped(text, look.width, partial(text_width, size=look.font))


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Add axes; places are points from the figure's top left corner."""
    across, down = figure.get_size_inches() * 72
    return figure.add_axes((x / across, 1 - (y + height) / down, width / across, height / down))


def _write(
    figure: Figure,
    x: float,
    y: float,
    lines: Sequence[str],
    size: float,
    weight: str = "normal",
    colour: str = INK,
    align: str = "left",
) -> float:
    """Write lines down from (x, y), points from the top left corner; return where they end."""
    across, down = figure.get_size_inches() * 72
    for number, line in enumerate(lines):
        baseline = y + size * (0.95 + LEADING * number)
        place = x / across, 1 - baseline / down
        figure.text(*place, line, size=size, color=colour, weight=weight, ha=align)
    return y + LEADING * size * len(lines)


# Text -----------------------------------------------------------------------------------------


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Length of a line of text in points."""
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


def elided(text: str, room: float, size: float) -> str:
    """Return a bold line that fits: a long one loses its middle."""

    def short(kept: int) -> str:
        return f"{text[:kept]} … {text[len(text) - kept :]}"

    if text_width(text, size, bold=True) <= room:
        return text
    lengths = range(len(text) // 2 + 1)
    kept = bisect_right(lengths, room, key=lambda kept: text_width(short(kept), size, bold=True))
    return short(kept - 1)
