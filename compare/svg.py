"""Elements of plots as inline SVG: text that is escaped, axes, lines, marks, and free label places.

Nothing here knows what is plotted. Colours, widths and fonts are left to the style sheet, by class.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

Points = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]
"""Left, top, width and height, in px; a point is a box without extent."""
Boxes = npt.NDArray[np.float64]
"""Many boxes, (n, 4)."""
LETTER = 8.8  # mean advance of a bold letter at the plots' 14 px in a wide font, in px
AMPLE = 30.0  # px around words, beyond which more room is no better
CLEAR = 3.0  # px around letters, likewise
REACHES = 5.0, 14.0  # px from a point sideways to its letters
ROWS = -4.0, 13.0, -17.0, 26.0, -30.0  # px from a point down to its letters' baseline


@dataclass(frozen=True)
class Axis:
    """An axis: its words, its ends, and ticks with their words; `warp` bends it (log, probit)."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    warp: Callable[[float], float] = float

    def fraction(self, value: float) -> float:
        """Return how far along the axis a value lies, kept between 0 and 1."""
        low, high = self.warp(self.low), self.warp(self.high)
        kept = min(max(value, self.low), self.high)
        return (self.warp(kept) - low) / (high - low)


@dataclass(frozen=True)
class Panel:
    """Two axes and their rectangle, in px of the drawing."""

    x: Axis
    y: Axis
    left: float = 58
    top: float = 14
    width: float = 326
    height: float = 290

    @property
    def box(self) -> Box:
        """Return the rectangle."""
        return self.left, self.top, self.width, self.height

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pair of values lies, in px."""
        return (
            self.left + self.x.fraction(x) * self.width,
            self.top + (1 - self.y.fraction(y)) * self.height,
        )


def element(name: str, *content: str, **attributes: str | float | None) -> Markup:
    """Return an element; `class_` is class, and underscores in names are hyphens.

    Examples
    --------
    >>> str(element("text", "<b>", class_='"', text_anchor="end", x=1.0, y=2.345))
    '<text class="&#34;" text-anchor="end" x="1" y="2.35">&lt;b&gt;</text>'
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(part) for part in content)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inside)


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 2):.10g}"


def path(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """Return path data through points in px."""
    steps = " ".join(f"{_value(x)},{_value(y)}" for x, y in points)
    return f"M{steps}Z" if closed else f"M{steps}"


def drawing(width: float, height: float, label: str, *content: str, **extra: str | float) -> Markup:
    """Return a whole drawing, with the words that a screen reader says for it."""
    return element(
        "svg",
        *content,
        class_="plot",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        role="img",
        aria_label=label,
        **extra,
    )


def frame(panel: Panel) -> Markup:
    """Return a panel's grid, tick words and axis labels."""
    right, bottom = panel.left + panel.width, panel.top + panel.height
    parts = []
    for value, words in panel.x.ticks:
        x, _ = panel.at(value, panel.y.low)
        parts.append(element("path", class_="grid", d=path([(x, panel.top), (x, bottom)])))
        parts.append(
            element("text", words, class_="tick", x=x, y=bottom + 18, text_anchor="middle")
        )
    for value, words in panel.y.ticks:
        _, y = panel.at(panel.x.low, value)
        parts.append(element("path", class_="grid", d=path([(panel.left, y), (right, y)])))
        parts.append(
            element("text", words, class_="tick", x=panel.left - 7, y=y + 4.5, text_anchor="end")
        )
    middle = panel.left + panel.width / 2, panel.top + panel.height / 2
    parts.append(
        element("text", panel.x.label, class_="axis", x=middle[0], y=bottom + 40,
                text_anchor="middle")
    )  # fmt: skip
    turned = f"translate(14 {_value(middle[1])}) rotate(-90)"
    parts.append(
        element("text", panel.y.label, class_="axis", transform=turned, text_anchor="middle")
    )
    return element("g", *parts)


def line(points: Points, **extra: str) -> Markup:
    """Return a line through points in px."""
    return element("path", **{"class_": "line", "d": path(points), **extra})


def cross(panel: Panel, x: float, y: float, across: Points, up: Points) -> Markup:
    """Return the intervals of a point: `across` and `up` are (low, high) of x and of y."""
    bars = [path([panel.at(low, y), panel.at(high, y)]) for low, high in across]
    bars += [path([panel.at(x, low), panel.at(x, high)]) for low, high in up]
    return element("path", class_="cross", d="".join(bars))


def mark(shape: str, x: float, y: float, size: float = 5, **extra: str) -> Markup:
    """Return a mark centred on (x, y): circle, square, triangle or diamond."""
    s = size
    corners = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "triangle": [(0, -1.3 * s), (1.2 * s, 0.9 * s), (-1.2 * s, 0.9 * s)],
        "diamond": [(0, -1.4 * s), (1.4 * s, 0), (0, 1.4 * s), (-1.4 * s, 0)],
    }
    place = f"translate({_value(x)} {_value(y)})"
    extra = {"class_": "mark", **extra}
    if shape == "circle":
        return element("circle", r=s, transform=place, **extra)
    return element("path", d=path(corners[shape], closed=True), transform=place, **extra)


def label_places(
    panel: Panel, labels: Sequence[tuple[str, Points]], taken: Sequence[Box]
) -> list[tuple[float, float] | None]:
    """Return for each labelled line where its words may begin, beside it and away from the others.

    Parameters
    ----------
    panel : Panel
    labels : sequence of (str, points)
        The words, and the line in px.
    taken : sequence of Box
        What else must stay free.

    Returns
    -------
    list of (x, y) or None
        Start of each baseline. Greedy, in order: of the places beside the line, and nearer to it
        than to anything else, the one farthest from all else. None where there is no such place:
        words that could be another line's are worse than none.
    """
    sampled = [_points(_resampled(points)) for _, points in labels]
    boxes: list[Box] = []
    places: list[tuple[float, float] | None] = []
    for index, (words, _) in enumerate(labels):
        lines = [line for i, line in enumerate(sampled) if i != index]
        others = np.concatenate([*lines, np.reshape(taken, (-1, 4))])
        width, height = LETTER * len(words) + 14, 14.0  # its mark stands before it
        beside = [
            (left, top, width, height)
            for x, y in sampled[index][:, :2].tolist()
            for left in (x + 9, x - 9 - width, x - width / 2)
            for top in (y + 6, y - 6 - height)
        ]
        free = [
            box
            for box in beside
            if _inside(box, panel.box) and not any(_overlap(box, before) for before in boxes)
        ]
        own = _distances(free, sampled[index]).min(axis=1)
        away = _distances(free, others).min(axis=1, initial=np.inf)
        found = [
            (min(far, AMPLE) - near, box)
            for box, near, far in zip(free, own.tolist(), away.tolist(), strict=True)
            if 4 <= near < far
        ]
        if found:
            _, best = max(found)
            boxes.append(best)
            places.append((best[0], best[1] + 11.5))
        else:
            places.append(None)
    return places


def letter_places(
    words: Sequence[str], points: Points, room: Box
) -> list[tuple[str, float, float]]:
    """Return short words and where they may begin beside their points, clear of each other.

    Points within 5 px of each other share one place, and their words are joined. Points without
    words only take room. A place that is not inside `room` is taken only where there is no other.
    """
    groups: list[tuple[str, tuple[float, float]]] = []
    for word, point in zip(words, points, strict=True):
        if not word:
            continue
        for index, (before, (x, y)) in enumerate(groups):
            if hypot(point[0] - x, point[1] - y) < 5:
                groups[index] = (before + word, (x, y))
                break
        else:
            groups.append((word, point))
    found: list[tuple[str, float, float]] = []
    for word, (x, y) in groups:
        width = LETTER * len(word)
        starts = [
            (left, y + down)
            for reach in REACHES
            for down in ROWS
            for left in (x + reach, x - reach - width)
        ]
        others = np.reshape(
            [
                *((*p, 0.0, 0.0) for p in points if p != (x, y)),
                *(letter_box(*one) for one in found),
            ],
            (-1, 4),
        )

        def merit(
            start: tuple[float, float], word: str = word, others: Boxes = others
        ) -> tuple[bool, float]:
            box = letter_box(word, *start)
            free = _distances([box], others).min(initial=CLEAR)
            return _inside(box, room), float(free)

        found.append((word, *max(starts, key=merit)))  # the first, and so the nearest, of the best
    return found


def letter_box(word: str, x: float, y: float) -> Box:
    """Return the room that letters take which begin at (x, y)."""
    return x, y - 10, LETTER * len(word), 11.0


def _resampled(points: Points, n: int = 80) -> list[tuple[float, float]]:
    """Return n points at equal distances along a line."""
    lengths = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    step = sum(lengths) / (n - 1) or 1.0
    found, gone = [points[0]], 0.0
    for ((x, y), (u, v)), length in zip(pairwise(points), lengths, strict=True):
        while length and len(found) * step <= gone + length + 1e-9:
            t = (len(found) * step - gone) / length
            found.append((x + t * (u - x), y + t * (v - y)))
        gone += length
    return found


def _inside(box: Box, room: Box) -> bool:
    return (
        box[0] >= room[0] + 2
        and box[1] >= room[1] + 2
        and box[0] + box[2] <= room[0] + room[2] - 2
        and box[1] + box[3] <= room[1] + room[3] - 2
    )


def _overlap(a: Box, b: Box) -> bool:
    return (
        a[0] < b[0] + b[2] + 4
        and b[0] < a[0] + a[2] + 4
        and a[1] < b[1] + b[3] + 4
        and b[1] < a[1] + a[3] + 4
    )


def _points(points: Points) -> Boxes:
    """Return points as boxes, (n, 4), without any size."""
    return np.pad(np.array(points), ((0, 0), (0, 2)))


def _distances(these: Sequence[Box], those: Boxes) -> npt.NDArray[np.float64]:
    """Return the distance of each box to each other, (n, m)."""
    x, y, width, height = np.reshape(these, (-1, 4)).T[..., None]
    u, v, right, down = those.T
    across = np.maximum(np.maximum(x - u - right, u - x - width), 0)
    along = np.maximum(np.maximum(y - v - down, v - y - height), 0)
    distances: npt.NDArray[np.float64] = np.hypot(across, along)
    return distances
