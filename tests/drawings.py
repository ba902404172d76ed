"""Drawn truth for the tests: capsules, plain stick figures made of them, and parts made by hand.

Positions are (row, col) px, pixel centres at integers; an axis runs from +col towards +row, as
everywhere in `baseline`, but is given in degrees here.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from baseline.geometry import closest_points
from baseline.segments import Segment
from baseline.symmetry import Symmetries

RGB = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Colour = tuple[int, int, int]
Point = tuple[float, float]

SKIN: Colour = (198, 134, 100)
DARK_SKIN: Colour = (92, 56, 40)
NIGHT: Colour = (40, 50, 60)  # a ground much darker than skin
SLATE: Colour = (96, 112, 140)  # a blue-grey ground nearly as light as skin
BLACK: Colour = (0, 0, 0)


# Strokes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Capsule:
    """A straight stroke with round caps: all points within half a width of a straight piece."""

    start: Point
    stop: Point
    width: float

    @property
    def length(self) -> float:
        """Of the straight piece, without the caps."""
        return math.dist(self.start, self.stop)

    @property
    def area(self) -> float:
        return self.width * self.length + math.pi * self.width**2 / 4


def unit(degrees: float) -> Floats:
    """(row, col) of a direction."""
    return np.array([math.sin(math.radians(degrees)), math.cos(math.radians(degrees))])


def capsule(centre: Point, degrees: float, length: float, width: float) -> Capsule:
    """Capsule by the middle, axis and length of its straight piece."""
    half = length / 2 * unit(degrees)
    start, stop = np.array(centre) - half, np.array(centre) + half
    return Capsule((start[0], start[1]), (stop[0], stop[1]), float(width))


def canvas(height: int, width: int, ground: Colour) -> RGB:
    """Plain ground with one dark spot, so that the zero response is that of a photograph: zero."""
    image = np.full((height, width, 3), ground, np.uint8)
    image[11:13, 11:13] = BLACK
    return image


def coverage(shape: tuple[int, ...], stroke: Capsule) -> Floats:
    """Share of each pixel that the stroke covers: (H, W), anti-aliased by distance."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    start, piece = np.array(stroke.start), np.subtract(stroke.stop, stroke.start)
    along = (rows - start[0]) * piece[0] + (cols - start[1]) * piece[1]
    along = np.clip(along / max(float(piece @ piece), 1e-12), 0, 1)
    away = np.hypot(rows - start[0] - along * piece[0], cols - start[1] - along * piece[1])
    return np.clip(stroke.width / 2 - away + 0.5, 0, 1)


def paint(image: RGB, share: Floats, colour: Colour) -> RGB:
    """The image with a colour laid over it."""
    mixed = image + share[..., None] * (np.array(colour) - image)
    return np.rint(mixed).astype(np.uint8)


def draw(
    *strokes: Capsule,
    height: int = 128,
    width: int = 192,
    colour: Colour = SKIN,
    ground: Colour = NIGHT,
) -> RGB:
    """Picture of the strokes on plain ground."""
    image = canvas(height, width, ground)
    for stroke in strokes:
        image = paint(image, coverage(image.shape, stroke), colour)
    return image


# Parts made by hand ---------------------------------------------------------------------------


def run(
    centre: Point, degrees: float, length: float, width: float, step: float = 1.0
) -> Symmetries:
    """Perfect symmetries of a straight piece, one at every ``step`` px along it."""
    count = max(1, round(length / step)) + 1
    along = np.linspace(-length / 2, length / 2, count)[:, None] * unit(degrees)
    middle = np.array(centre) + along
    side = width / 2 * unit(degrees + 90)
    axis = math.radians(degrees) % math.pi
    return Symmetries(
        middle - side, middle + side, middle, np.full(count, axis), np.full(count, float(width))
    )


def segment(centre: Point, degrees: float, length: float, width: float) -> Segment:
    """A segment with just that centre, axis, length and width."""
    return Segment(
        np.array(centre, float),
        math.radians(degrees) % math.pi,
        float(length),
        float(width),
        1.0,
        run(centre, degrees, length, width),
    )


def segment_from(start: Point, degrees: float, length: float, width: float) -> Segment:
    """A segment that begins at a point and runs in a direction."""
    middle = np.array(start) + length / 2 * unit(degrees)
    return segment((middle[0], middle[1]), degrees, length, width)


def turn_between(a: float, b: float) -> float:
    """Degrees between two axes given in radians."""
    return math.degrees(abs((a - b + math.pi / 2) % math.pi - math.pi / 2))


# Stick figures --------------------------------------------------------------------------------


def stick_figure(rng: np.random.Generator) -> list[Capsule]:
    """A crude lay figure in cm: separate sticks with gaps at the joints, and a disc for a head.

    Trunk 59 x 30, thighs 43 x 15, shanks 40 x 11, upper arms 30 x 10, forearms 24 x 8.
    """
    spine = 90 + rng.uniform(-15, 15)
    down, side = unit(spine), unit(spine - 90)
    head = -76 * down
    sticks = [
        Capsule(_point(-48 * down), _point(-19 * down), 30.0),
        Capsule(_point(head), _point(head), 20.0),
    ]
    for hand in (-1, 1):
        hip, shoulder = 10 * hand * side, 20 * hand * side - 56 * down
        leg, arm = rng.uniform(0, 18), rng.uniform(8, 40)
        for joint, lean, upper, lower in (
            (hip, leg, (46, 15.0), (43, 11.0)),
            (shoulder, arm, (33, 10.0), (27, 8.0)),
        ):
            turn = spine - hand * lean
            stick, far = _stick(joint, turn, *upper)
            sticks += [stick, _stick(far, turn + rng.uniform(-35, 35), *lower)[0]]
    return sticks


def _point(x: Floats) -> Point:
    return float(x[0]), float(x[1])


def _stick(joint: Floats, degrees: float, length: float, width: float) -> tuple[Capsule, Floats]:
    """A stick whose caps end 1.5 cm from both its joints; and the far joint."""
    inset = (width / 2 + 1.5) * unit(degrees)
    far = joint + length * unit(degrees)
    return Capsule(_point(joint + inset), _point(far - inset), width), far


def gap_between(a: Capsule, b: Capsule) -> float:
    """Distance between two strokes, px; negative where they overlap."""
    near, far = closest_points(a.start, a.stop, b.start, b.stop)
    return math.dist(near, far) - (a.width + b.width) / 2


def framed(strokes: list[Capsule], margin: float = 4.0) -> tuple[list[Capsule], int, int]:
    """Strokes scaled to a frame that just holds them and fits the window; its height and width."""
    low = np.min([np.minimum(s.start, s.stop) - s.width / 2 for s in strokes], axis=0)
    high = np.max([np.maximum(s.start, s.stop) + s.width / 2 for s in strokes], axis=0)
    rows, cols = high - low
    scale = max(
        min((short - 2 * margin) / rows, (long - 2 * margin) / cols)
        for short, long in ((128, 192), (192, 128))
    )
    moved = [
        Capsule(
            _point((np.array(s.start) - low) * scale + margin),
            _point((np.array(s.stop) - low) * scale + margin),
            s.width * scale,
        )
        for s in strokes
    ]
    return moved, math.ceil(rows * scale + 2 * margin), math.ceil(cols * scale + 2 * margin)


def posed(rng: np.random.Generator) -> tuple[list[Capsule], int, int]:
    """A stick figure whose sticks keep apart and that fills a third of its frame."""
    while True:
        strokes, height, width = framed(stick_figure(rng))
        filled = sum(s.area for s in strokes) >= 0.33 * height * width
        if filled and all(gap_between(a, b) >= 1.5 for a, b in combinations(strokes, 2)):
            return strokes, height, width


def scattered(
    rng: np.random.Generator, strokes: list[Capsule], height: int, width: int, apart: bool
) -> list[Capsule]:
    """The same strokes at random places and angles, inside the frame; overlapping, or kept apart.

    Overlapping ones are drawn anew until they too cover 30 % of the frame.
    """
    while True:
        placed: list[Capsule] = []
        for stroke in sorted(strokes, key=lambda s: -s.width):
            for _ in range(200):
                middle = rng.uniform(0, height), rng.uniform(0, width)
                moved = capsule(middle, rng.uniform(0, 180), stroke.length, stroke.width)
                ends = np.array([moved.start, moved.stop])
                room = stroke.width / 2 + 2
                inside = (ends >= room).all() and (ends <= (height - room, width - room)).all()
                if inside and not (apart and any(gap_between(moved, s) < 1.5 for s in placed)):
                    placed.append(moved)
                    break
        covered = np.max([coverage((height, width), s) for s in placed], axis=0).mean()
        if len(placed) == len(strokes) and covered >= 0.3:
            return placed
