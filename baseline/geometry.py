"""Plane geometry of straight pieces, compiled; points are (row, col), px."""

import math

from images.compiled import compiled

Point = tuple[float, float]


@compiled
def distance(p: Point, q: Point) -> float:
    """Distance between two points."""
    return math.hypot(p[0] - q[0], p[1] - q[1])


@compiled
def shift(p: Point, direction: Point, length: float) -> Point:
    """Return the point ``length`` from ``p`` in a direction given as a unit vector."""
    return (p[0] + length * direction[0], p[1] + length * direction[1])


@compiled
def side(p: Point, q: Point, x: Point) -> float:
    """Twice the signed area of the triangle p, q, x: its sign says on which side x lies."""
    return (q[0] - p[0]) * (x[1] - p[1]) - (q[1] - p[1]) * (x[0] - p[0])


@compiled
def cross(p: Point, q: Point, r: Point, s: Point) -> bool:
    """Whether the pieces p-q and r-s cross; touching in an end point is not crossing."""
    return side(p, q, r) * side(p, q, s) < 0 and side(r, s, p) * side(r, s, q) < 0


@compiled
def nearest_on_piece(x: Point, p: Point, q: Point) -> Point:
    """Point of the piece p-q that lies nearest to x."""
    row, col = q[0] - p[0], q[1] - p[1]
    square = row * row + col * col
    along = 0.0
    if square > 0:
        along = ((x[0] - p[0]) * row + (x[1] - p[1]) * col) / square
        along = min(max(along, 0.0), 1.0)
    return (p[0] + along * row, p[1] + along * col)


@compiled
def closest_points(p: Point, q: Point, r: Point, s: Point) -> tuple[Point, Point]:
    """Point of the piece p-q and point of the piece r-s that lie nearest to each other."""
    if cross(p, q, r, s):
        share = side(r, s, p) / (side(r, s, p) - side(r, s, q))
        meeting = (p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1]))
        return meeting, meeting
    best = (p, nearest_on_piece(p, r, s))
    for pair in (
        (q, nearest_on_piece(q, r, s)),
        (nearest_on_piece(r, p, q), r),
        (nearest_on_piece(s, p, q), s),
    ):
        if distance(pair[0], pair[1]) < distance(best[0], best[1]):
            best = pair
    return best
