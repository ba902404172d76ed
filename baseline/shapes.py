"""The panels of edges, symmetries, segments and groups, drawn over a pale picture."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patheffects import withStroke

from baseline.canvas import Canvas, Draw, dot, label, legend, line
from baseline.captions import part_names, size_text
from baseline.edges import EdgePoints, Floats
from baseline.grouping import Group, Limb, Rule
from baseline.overlay import GREY, INK, RULE_COLOURS, SEGMENT, SKIN
from baseline.segments import Segment
from baseline.symmetry import Symmetries

RIBBON_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
ROOMY = 1.5  # points a pixel, from which segments show their sizes


def draw_edges(backdrop: Draw, edges: EdgePoints, canvas: Canvas) -> None:
    """Draw the edge points: those of intensity, and the outline of the skin."""
    backdrop(canvas)
    for chosen, colour in ((~edges.outline, INK), (edges.outline, SKIN)):
        _points(canvas, edges.position[chosen], colour, 0.9)
    legend(canvas, [dot(INK), dot(SKIN)], ["brightness", "outline of the skin"])


def draw_symmetries(
    backdrop: Draw, symmetries: Symmetries, ribbons: Sequence[Symmetries], canvas: Canvas
) -> None:
    """Draw the chords thinly, and their middles in the colour of the ribbon they belong to."""
    backdrop(canvas)
    chords = np.stack([symmetries.left, symmetries.right], axis=1)[..., ::-1]
    canvas.picture.add_collection(
        LineCollection([*chords], colors=GREY, lw=0.15 * canvas.pixel, alpha=0.4)
    )
    _points(canvas, symmetries.centre, GREY, 0.5)
    for number, ribbon in enumerate(ribbons):
        _points(canvas, ribbon.centre, RIBBON_COLOURS[number % len(RIBBON_COLOURS)], 1.1)
    keys = [line(GREY, 0.6), dot(RIBBON_COLOURS[0])]
    legend(canvas, keys, ["pair", "its middle, in the ribbon's colour"])


def draw_segments(backdrop: Draw, segments: Sequence[Segment], canvas: Canvas) -> None:
    """Draw the segments with their numbers, and where there is room length and width."""
    backdrop(canvas)
    _rectangles(canvas, segments, SEGMENT)
    for segment in segments:
        _line(canvas, segment.ends, INK, 0.6)
    for number, segment in enumerate(segments):
        text, turn = f"{number}: {size_text(segment)}", _upright(segment.axis)
        if canvas.pixel < ROOMY or segment.length * canvas.pixel < 0.6 * canvas.font * len(text):
            text, turn = str(number), 0
        row, col = segment.centre
        canvas.picture.text(
            col, row, text, size=canvas.font, color=INK, ha="center", va="center",
            rotation=turn, rotation_mode="anchor", clip_on=True,
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "alpha": 0.8, "lw": 0},
        )  # fmt: skip
    legend(canvas, [line(SEGMENT, 1.5), line(INK, 0.6)], ["segment, with its number", "axis"])


def draw_group(
    backdrop: Draw,
    groups: Sequence[Group],
    tau: float,
    rule: Rule,
    numbers: dict[Segment, int],
    most: float,
    canvas: Canvas,
) -> None:
    """Draw a rule's best group with the names of its parts, and its tau on a gauge.

    Parameters
    ----------
    groups : sequence of Group
        That the rule found, least tau first.
    tau : float
        The rule's least, found or not.
    numbers : dict of Segment to int
        All segments of the picture.
    most : float
        The greatest tau that was looked for.
    """
    backdrop(canvas)
    colour = RULE_COLOURS[rule]
    for group in groups[:1]:
        _rectangles(canvas, group.segments, colour)
        parts = [
            (segment.centre, f"{name} ({numbers[segment]})")
            for segment, name in zip(group.segments, part_names(group), strict=True)
        ]
        if not isinstance(group, Limb):
            _line(canvas, group.pelvis, "white", canvas.font / 1.6 + 2)
            _line(canvas, group.pelvis, colour, canvas.font / 1.6)
            parts.append((group.pelvis.mean(axis=0), "pelvis"))
        _name(canvas, parts)
    canvas.key.set(xscale="log", xlim=(0.5, most), ylim=(0, 1), facecolor="#E8E8E8")
    canvas.key.axvspan(0.5, 1, color=colour, alpha=0.4, lw=0)
    if tau <= most:
        canvas.key.plot(max(tau, 0.5), 0.5, "D", color=INK, ms=canvas.font / 1.6, clip_on=False)
    label(canvas, {0.5: "0.5", 1: "1 passes", most: f"{most:g}"}, "tau")


def _points(canvas: Canvas, position: Floats, colour: str, size: float) -> None:
    """Draw (row, col) points, their size in pixels of the working picture."""
    area = (size * canvas.pixel) ** 2
    canvas.picture.scatter(position[:, 1], position[:, 0], s=area, c=colour, lw=0)


def _line(canvas: Canvas, points: Floats, colour: str, width: float) -> None:
    canvas.picture.plot(points[:, 1], points[:, 0], color=colour, lw=width)


def _rectangles(canvas: Canvas, segments: Iterable[Segment], colour: str) -> None:
    shapes = [segment.corners[:, ::-1] for segment in segments]
    canvas.picture.add_collection(
        PolyCollection(shapes, fc=to_rgba(colour, 0.25), ec=colour, lw=1.2)
    )


def _upright(axis: float) -> float:
    """Turn of a text that runs along an axis, in degrees; it never stands on its head."""
    return (90 - math.degrees(axis)) % 180 - 90


def _name(canvas: Canvas, parts: Sequence[tuple[Floats, str]]) -> None:
    """Write names in columns at the sides, each with a line to its place.

    Those of a narrow group all stand on the side where there is more room.
    """
    cols = np.array([place[1] for place, _ in parts])
    width = np.ptp(canvas.picture.get_xlim())
    on_left = cols <= cols.mean()
    if np.ptp(cols) < width / 4:
        on_left[:] = cols.mean() > width / 2
    for side in (True, False):
        column = [part for part, there in zip(parts, on_left, strict=True) if there == side]
        if column:
            _column(canvas, sorted(column, key=lambda part: part[0][0]), side)


def _column(canvas: Canvas, parts: Sequence[tuple[Floats, str]], on_left: bool) -> None:
    """Write names one under another, about as high as their places are."""
    height = np.ptp(canvas.picture.get_ylim())
    step = 1.6 * canvas.font / (canvas.pixel * canvas.aspect) / height  # as a share of the height
    reach = step * len(parts) / 2
    middle = 1 - float(np.mean([place[0] + 0.5 for place, _ in parts])) / height
    top = min(max(middle, reach), 1 - reach) + step * (len(parts) - 1) / 2
    line_to_place = {
        "arrowstyle": "-", "lw": 0.6, "color": INK, "shrinkA": 1, "shrinkB": 0,
        "relpos": (float(on_left), 0.5),
    }  # fmt: skip
    for number, (place, text) in enumerate(parts):
        canvas.picture.annotate(
            text, (place[1], place[0]), (0.02 if on_left else 0.98, top - step * number),
            textcoords="axes fraction", size=canvas.font, color=INK,
            ha="left" if on_left else "right", va="center",
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
            arrowprops=line_to_place,
        )  # fmt: skip
