"""Estimates as dots on their intervals, a row a value and a panel a measure: slices, the funnel."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from compare.lines import Data, present, style
from compare.plots import elided, series
from compare.svg import Axis, Panel, drawing, element, mark, path


class Dot(NamedTuple):
    """An estimate of one row and panel: whose, and whether it is a published one."""

    series: int
    estimate: Data
    published: bool = False


def forest(
    panels: Sequence[tuple[str, Sequence[str]]],
    rows: Sequence[tuple[str, Sequence[Sequence[Dot]]]],
    label: str,
) -> Markup:
    """Draw estimates as dots on their intervals: a row a value, a panel a measure, from 0 to 1.

    Parameters
    ----------
    panels : sequence of (str, sequence of str)
        Each one's title, and its words for 0, one half and 1.
    rows : sequence of (str, sequence of sequence of Dot)
        Words, and each panel's dots.
    label : str
        What a screen reader says.
    """
    left, gap, step = 150.0, 44.0, 13.0  # gap: neighbours' 100 and 0 stand apart
    width = (746 - left - gap * len(panels)) / len(panels)
    heights = [max(34.0, step * max(map(len, cells), default=0) + 14) for _, cells in rows]
    bottom = 30 + sum(heights)
    parts: list[Markup] = []
    axes = [
        Panel(Axis("", 0, 1, []), Axis("", 0, 1, []), left + k * (width + gap), 30, width, 1)
        for k in range(len(panels))
    ]
    for (title, ticks), panel in zip(panels, axes, strict=True):
        parts.append(element("text", title, class_="axis", x=panel.left, y=18))
        for value, words in zip((0, 0.5, 1), ticks, strict=True):
            x, _ = panel.at(value, 0)
            parts.append(element("path", class_="grid", d=path([(x, 30), (x, bottom)])))
            parts.append(
                element("text", words, class_="tick", x=x, y=bottom + 18, text_anchor="middle")
            )
    top = 30.0
    for (words, cells), height in zip(rows, heights, strict=True):
        parts.append(element("path", class_="rule", d=path([(0, top), (746, top)])))
        parts.append(element("text", elided(words), class_="row", x=0, y=top + height / 2 + 5))
        for panel, dots in zip(axes, cells, strict=True):
            first = top + height / 2 - step * (len(dots) - 1) / 2
            for k, dot in enumerate(dots):
                if present(dot.estimate):
                    parts.append(_dot(panel, dot, first + k * step))
        top += height
    return drawing(746, bottom + 28, label, *parts)


def _dot(panel: Panel, dot: Dot, y: float) -> Markup:
    low, middle, high = (panel.at(dot.estimate[key], 0)[0] for key in ("low", "value", "high"))
    bar = element("path", class_="cross", d=path([(low, y), (high, y)]))
    point = mark(style(dot.series).mark, middle, y, 4,
                 class_="mark open" if dot.published else "mark")  # fmt: skip
    return element("g", bar, point, class_="published" if dot.published else series(dot.series))
