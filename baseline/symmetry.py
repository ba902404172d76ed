"""Smoothed local symmetries (Brady and Asada): the two sides of a limb, seen across it.

Two edge points are locally symmetric when the chord between them makes nearly equal angles
with both tangents. The chord's middle lies on the limb's axis, its length is the limb's width.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from baseline.discs import Mask
from baseline.edges import EdgePoints, Floats, Integers
from images.compiled import compiled


class SymmetryParams(NamedTuple):
    """The numbers of local symmetries; a named tuple, so that compiled code takes it whole.

    Attributes
    ----------
    min_width, max_width : float
        Length of a chord, px. Ours (g)
    skew : float
        Greatest difference between the chord's angles with the two tangents, degrees. Ours (g)
    taper : float
        Greatest angle between the two tangents, degrees. Ours (g)
    min_skin : float
        Share of the chord that must be skin, no unit. Ours (g)
    clearance : float
        Length at each end of a chord that is not examined for skin and edges, px. Ours (g)
    rival_distance : float
        Of partners of one point nearer than this to each other the best is kept, px. Ours (g)
    """

    min_width: float = 4.0
    max_width: float = 64.0
    skew: float = 15.0
    taper: float = 30.0
    min_skin: float = 0.8
    clearance: float = 2.0
    rival_distance: float = 6.0


@dataclass(frozen=True)
class Symmetries:
    """Local symmetries, as a structure of arrays over N chords.

    Attributes
    ----------
    left, right : ndarray (N, 2)
        The two edge points, (row, col) px.
    centre : ndarray (N, 2)
        Middle of the chord, px.
    axis : ndarray (N,)
        Axis of symmetry there, radians in [0, pi).
    width : ndarray (N,)
        Length of the chord, px.
    """

    left: Floats
    right: Floats
    centre: Floats
    axis: Floats
    width: Floats

    def __len__(self) -> int:
        return len(self.width)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Symmetries":
        """Return the symmetries that an index or a mask selects."""
        return Symmetries(
            self.left[index],
            self.right[index],
            self.centre[index],
            self.axis[index],
            self.width[index],
        )


def local_symmetries(
    edges: EdgePoints, skin: Mask, params: SymmetryParams = SymmetryParams()
) -> Symmetries:
    """Pair the edge points that face each other across skin.

    Parameters
    ----------
    edges : EdgePoints
    skin : ndarray (H, W), bool
    """
    order = np.argsort(edges.position[:, 0], kind="stable")
    position, normal = edges.position[order], edges.normal[order]
    across = np.stack([np.sin(normal), np.cos(normal)], axis=1)
    pairs = _pairs(position, across, edges.outline[order], skin, edges.pixels, params)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    left, right = position[pairs[:, 0]], position[pairs[:, 1]]
    chord = right - left
    direction = np.arctan2(chord[:, 0], chord[:, 1])
    skew = _half_turn(normal[pairs[:, 0]] - direction) + _half_turn(normal[pairs[:, 1]] - direction)
    axis = np.mod(np.mod(direction + np.pi / 2 + skew / 2, np.pi), np.pi)
    return Symmetries(left, right, (left + right) / 2, axis, np.hypot(chord[:, 0], chord[:, 1]))


def _half_turn(angle: Floats) -> Floats:
    """Angle between undirected lines, wrapped to [-pi/2, pi/2)."""
    wrapped: Floats = np.mod(angle + np.pi / 2, np.pi) - np.pi / 2
    return wrapped


@compiled
def _pairs(
    position: Floats,
    normal: Floats,
    outline: Mask,
    skin: Mask,
    pixels: Mask,
    params: SymmetryParams,
) -> Integers:
    """Index pairs of the symmetries; `position` is sorted by row, `normal` holds unit vectors."""
    count = len(position)
    rows, cols = position[:, 0].copy(), position[:, 1].copy()
    down, across = normal[:, 0].copy(), normal[:, 1].copy()
    skew, taper = math.tan(math.radians(params.skew)), math.tan(math.radians(params.taper))
    partner = np.empty(count, dtype=np.int64)
    cost = np.empty(count)
    found = [(0, 0) for _ in range(0)]
    first, last = 0, 0
    for p in range(count):
        while rows[first] < rows[p] - params.max_width:
            first += 1
        while last < count and rows[last] <= rows[p] + params.max_width:
            last += 1
        near = slice(first, last)
        others = (rows[near], cols[near], down[near], across[near], outline[near])
        facing = _facing(rows[p], cols[p], down[p], across[p], outline[p], others, params)
        partners = 0
        for q in range(first, last):
            if not facing[q - first]:
                continue
            row, col = rows[q] - rows[p], cols[q] - cols[p]
            # Tangents of the angles between the chord and the two normals; their sums by the
            # addition theorem, since arc tangents for every pair would cost more than all else.
            tan_p = (down[p] * col - across[p] * row) / (row * down[p] + col * across[p])
            tan_q = (down[q] * col - across[q] * row) / (row * down[q] + col * across[q])
            product = tan_p * tan_q
            if abs(tan_p + tan_q) > skew * (1 - product):
                continue
            if abs(tan_p - tan_q) > taper * (1 + product):
                continue
            if not _crosses_skin(position[p], position[q], skin, pixels, params):
                continue
            partner[partners] = q
            cost[partners] = abs(math.atan(tan_p) + math.atan(tan_q)) / params.skew
            cost[partners] += abs(math.atan(tan_p) - math.atan(tan_q)) / params.taper
            partners += 1
        for a in range(partners):
            best = True
            for b in range(partners):
                if cost[b] < cost[a] or (cost[b] == cost[a] and b < a):
                    row = rows[partner[a]] - rows[partner[b]]
                    col = cols[partner[a]] - cols[partner[b]]
                    if row * row + col * col <= params.rival_distance**2:
                        best = False
                        break
            if best:
                found.append((p, partner[a]))
    pairs = np.empty((len(found), 2), dtype=np.int64)
    for k in range(len(found)):
        pairs[k, 0], pairs[k, 1] = found[k]
    return pairs


@compiled
def _facing(
    row: float,
    col: float,
    down: float,
    across: float,
    outline: bool,
    others: tuple[Floats, Floats, Floats, Floats, Mask],
    params: SymmetryParams,
) -> Mask:
    """Mark the points that may face a given one: what can be told without angles.

    This loop meets every pair of points. It is free of branches, so that the compiler takes
    several points at a time.
    """
    rows, cols, downs, acrosses, outlines = others
    steepest = math.cos(math.radians((params.skew + params.taper) / 2)) ** 2
    least, most = params.min_width**2, params.max_width**2
    facing = np.empty(rows.size, dtype=np.bool_)
    for q in range(rows.size):
        chord_row, chord_col = rows[q] - row, cols[q] - col
        square = chord_row * chord_row + chord_col * chord_col
        here = chord_row * down + chord_col * across
        there = chord_row * downs[q] + chord_col * acrosses[q]
        # Gradients are opposite; an outline's normal points out of the skin, so off the chord.
        apart = (here * there < 0) | outline | outlines[q]
        inwards = (outline & (here > 0)) | (outlines[q] & (there < 0))
        facing[q] = (
            (square >= least)
            & (square <= most)
            & (here * here >= steepest * square)
            & (there * there >= steepest * square)
            & apart
            & (not inwards)
        )
    return facing


@compiled
def _crosses_skin(p: Floats, q: Floats, skin: Mask, pixels: Mask, params: SymmetryParams) -> bool:
    """Whether the chord runs over skin and meets no other edge, its ends left out."""
    row, col = q[0] - p[0], q[1] - p[1]
    length = math.hypot(row, col)
    inner = max(length - 2 * params.clearance, 0.0)
    steps = int(2 * inner) + 1
    covered = 0
    last_r = last_c = -1
    for step in range(steps + 1):
        along = (params.clearance + inner * step / steps) / length
        if inner == 0.0:
            along = 0.5
        r, c = int(p[0] + along * row + 0.5), int(p[1] + along * col + 0.5)
        r, c = min(max(r, 0), skin.shape[0] - 1), min(max(c, 0), skin.shape[1] - 1)
        # A line of pixels that touch by corners is crossed between two of them.
        between = last_r >= 0 and r != last_r and c != last_c
        slipped = between and pixels[r, last_c] and pixels[last_r, c]
        if (pixels[r, c] and 0 < step < steps) or slipped:
            return False
        covered += skin[r, c]
        last_r, last_c = r, c
    return bool(covered >= params.min_skin * (steps + 1))
