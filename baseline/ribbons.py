"""Ribbons: runs of local symmetries along one straight axis, found by voting for lines."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from baseline.discs import Mask
from baseline.edges import Floats, Integers
from baseline.symmetry import Symmetries
from images.compiled import compiled


class RibbonParams(NamedTuple):
    """The numbers of ribbons; a named tuple, so that compiled code takes it whole.

    Attributes
    ----------
    angle_bin, offset_bin, octave_bin : float
        Cells of the vote: axis angle, degrees; distance from the centre, px; log2 width, no
        unit. Ours (g)
    max_turn : float
        Greatest angle between a symmetry's axis and its ribbon's, degrees. Ours (g)
    min_positions : int
        Fewest distinct places along the axis of a ribbon, a count of px. Ours (g)
    max_rms : float
        Greatest deviation of a ribbon's middles from its axis, in widths (at least 1 px).
        Ours (g)
    max_width_variation : float
        Greatest standard deviation of the width over its mean, no unit. Ours (g)
    max_gap : float
        Longest gap that a ribbon bridges, in widths. Ours (g)
    max_peaks : int
        Votes that are followed up before the search is cut, a count; reached by grids and text
        only. Ours (g)
    """

    angle_bin: float = 6.0
    offset_bin: float = 3.0
    octave_bin: float = 0.5
    max_turn: float = 15.0
    min_positions: int = 8
    max_rms: float = 0.15
    max_width_variation: float = 0.25
    max_gap: float = 1.0
    max_peaks: int = 400


@dataclass(frozen=True)
class AxisFit:
    """A straight axis through symmetries.

    Attributes
    ----------
    centre : ndarray (2,)
        Middle of the stretch that the symmetries cover, (row, col) px.
    axis : float
        Radians in [0, pi).
    length : float
        Of that stretch, px.
    width : float
        Mean, px.
    rms : float
        Deviation of the middles from the axis, px.
    variation : float
        Standard deviation of the width over its mean, no unit.
    """

    centre: Floats
    axis: float
    length: float
    width: float
    rms: float
    variation: float


def fit_axis(symmetries: Symmetries) -> AxisFit:
    """Fit a straight axis through the middles of symmetries: least squares across it.

    A stretch shorter than it is wide says little about its own direction; there the mean of
    the symmetries' axes is taken instead.
    """
    mean = symmetries.centre.mean(axis=0)
    offset = symmetries.centre - mean
    spread = offset.T @ offset
    axis = 0.5 * math.atan2(2 * spread[0, 1], spread[1, 1] - spread[0, 0])
    width = float(symmetries.width.mean())
    along = offset @ (math.sin(axis), math.cos(axis))
    if np.ptp(along) < width:
        doubled = 2 * symmetries.axis
        axis = 0.5 * math.atan2(np.sin(doubled).sum(), np.cos(doubled).sum())
        along = offset @ (math.sin(axis), math.cos(axis))
    across = offset @ (math.cos(axis), -math.sin(axis))
    middle = (along.max() + along.min()) / 2
    return AxisFit(
        centre=mean + middle * np.array([math.sin(axis), math.cos(axis)]),
        axis=axis % math.pi % math.pi,  # of a tiny negative number the remainder rounds to pi
        length=float(np.ptp(along)),
        width=width,
        rms=float(np.sqrt((across**2).mean())),
        variation=float(symmetries.width.std() / width),
    )


def find_ribbons(
    symmetries: Symmetries,
    shape: tuple[int, ...],
    params: RibbonParams = RibbonParams(),
) -> tuple[tuple[Symmetries, ...], bool]:
    """Line symmetries up into ribbons, strongest vote first.

    Parameters
    ----------
    symmetries : Symmetries
    shape : (int, int)
        Height and width of the picture; lines are counted from its centre.

    Returns
    -------
    ribbons : tuple of Symmetries
    cut : bool
        Whether the search ended at `RibbonParams.max_peaks`.
    """
    if len(symmetries) == 0:
        return (), False
    centre = (np.array(shape[:2]) - 1) / 2
    runs, cut = _runs(symmetries.centre - centre, symmetries.axis, symmetries.width, params)
    found = []
    for run in range(runs.max() + 1):
        ribbon = symmetries.take(np.flatnonzero(runs == run))
        fit = fit_axis(ribbon)
        straight = fit.rms <= max(1.0, params.max_rms * fit.width)
        if straight and fit.variation <= params.max_width_variation:
            found.append(ribbon)
    return tuple(found), cut


@compiled
def _runs(
    centre: Floats, axis: Floats, width: Floats, params: RibbonParams
) -> tuple[Integers, bool]:
    """Label each symmetry with its run along a voted line (-1: none), and tell if that was cut."""
    count = len(axis)
    angles = round(180 / params.angle_bin)
    reach = np.sqrt(centre[:, 0] ** 2 + centre[:, 1] ** 2).max()
    offsets = 2 * int(reach / params.offset_bin + 2) + 1
    octaves = int(math.log2(width.max()) / params.octave_bin) + 1
    votes = np.zeros((angles, offsets, octaves), dtype=np.int64)
    cell = np.empty((count, 3), dtype=np.int64)
    for k in range(count):
        offset = centre[k, 0] * math.cos(axis[k]) - centre[k, 1] * math.sin(axis[k])
        angle = math.floor(axis[k] / math.pi * angles + 0.5)
        if angle == angles:  # an axis has no direction: half a turn on, the offset's sign flips
            angle, offset = 0, -offset
        cell[k, 0] = angle
        cell[k, 1] = math.floor(offset / params.offset_bin + 0.5) + offsets // 2
        cell[k, 2] = int(math.log2(width[k]) / params.octave_bin)
        _vote(votes, cell[k], 1)

    runs = np.full(count, -1, dtype=np.int64)
    free = np.ones(count, dtype=np.bool_)
    label = 0
    for _ in range(params.max_peaks):
        best = np.argmax(votes)
        if votes.flat[best] < params.min_positions:
            break
        peak = np.array(
            [best // (offsets * octaves), best // octaves % offsets, best % octaves], dtype=np.int64
        )
        chosen = _line(centre, axis, width, cell, free, peak, angles, offsets, params)
        label = _split(centre, axis, width, chosen, runs, label, params)
        for k in range(count):  # what was looked at is spent, whatever came of it
            if free[k] and (chosen[k] or _neighbours(cell[k], peak, angles, offsets)):
                free[k] = False
                _vote(votes, cell[k], -1)
    return runs, bool(votes.max() >= params.min_positions)


@compiled
def _vote(votes: npt.NDArray[np.int64], cell: Integers, amount: int) -> None:
    """Add to a cell's 3 x 3 x 3 neighbourhood: the accumulator is kept smoothed."""
    angles, offsets, octaves = votes.shape
    for a in range(cell[0] - 1, cell[0] + 2):
        angle, offset = a, cell[1]
        if a < 0 or a >= angles:
            angle, offset = a % angles, offsets - 1 - cell[1]
        for o in range(max(offset - 1, 0), min(offset + 2, offsets)):
            for w in range(max(cell[2] - 1, 0), min(cell[2] + 2, octaves)):
                votes[angle, o, w] += amount


@compiled
def _neighbours(cell: Integers, peak: Integers, angles: int, offsets: int) -> bool:
    """Whether a cell lies in the 3 x 3 x 3 neighbourhood of a peak."""
    turn = abs(cell[0] - peak[0])
    offset = cell[1]
    if turn == angles - 1 and angles > 2:
        turn, offset = 1, offsets - 1 - offset
    return bool(turn <= 1 and abs(offset - peak[1]) <= 1 and abs(cell[2] - peak[2]) <= 1)


@compiled
def _line(
    centre: Floats,
    axis: Floats,
    width: Floats,
    cell: Integers,
    free: Mask,
    peak: Integers,
    angles: int,
    offsets: int,
    params: RibbonParams,
) -> Mask:
    """Return the free symmetries on the line that a peak of the vote stands for.

    The line is fitted to the cells around the peak, then twice more to what lies near it: the
    cells are coarse, and their borders mean nothing.
    """
    count = len(axis)
    chosen = np.zeros(count, dtype=np.bool_)
    for k in range(count):
        chosen[k] = free[k] and _neighbours(cell[k], peak, angles, offsets)
    for _ in range(3):
        total = 0
        cos2 = sin2 = row = col = mean_width = 0.0
        for k in range(count):
            if chosen[k]:
                total += 1
                cos2 += math.cos(2 * axis[k])
                sin2 += math.sin(2 * axis[k])
                row += centre[k, 0]
                col += centre[k, 1]
                mean_width += width[k]
        if total == 0:
            break
        row, col, mean_width = row / total, col / total, mean_width / total
        angle = 0.5 * math.atan2(sin2, cos2)
        rr = cc = rc = 0.0
        low, high = np.inf, -np.inf
        for k in range(count):
            if chosen[k]:
                dr, dc = centre[k, 0] - row, centre[k, 1] - col
                rr, cc, rc = rr + dr * dr, cc + dc * dc, rc + dr * dc
                along = dr * math.sin(angle) + dc * math.cos(angle)
                low, high = min(low, along), max(high, along)
        if high - low > mean_width:  # long enough for its middles to tell its direction
            angle = 0.5 * math.atan2(2 * rc, cc - rr)
        near = max(1.5, 2 * params.max_rms * mean_width)
        for k in range(count):
            dr, dc = centre[k, 0] - row, centre[k, 1] - col
            turn = abs((axis[k] - angle + math.pi / 2) % math.pi - math.pi / 2)
            chosen[k] = (
                free[k]
                and abs(dr * math.cos(angle) - dc * math.sin(angle)) <= near
                and turn <= math.radians(params.max_turn)
                and abs(width[k] - mean_width) <= 2 * params.max_width_variation * mean_width
            )
    return chosen


@compiled
def _split(
    centre: Floats,
    axis: Floats,
    width: Floats,
    chosen: Mask,
    runs: Integers,
    label: int,
    params: RibbonParams,
) -> int:
    """Cut a line's symmetries at its long gaps; label the runs with enough positions."""
    members = np.flatnonzero(chosen)
    if len(members) == 0:
        return label
    cos2 = sin2 = 0.0
    for member in members:
        cos2 += math.cos(2 * axis[member])
        sin2 += math.sin(2 * axis[member])
    angle = 0.5 * math.atan2(sin2, cos2)
    along = centre[members, 0] * math.sin(angle) + centre[members, 1] * math.cos(angle)
    place = np.floor(along)
    order = np.argsort(along)
    gap = params.max_gap * width[members].mean()
    start = 0
    for stop in range(1, len(order) + 1):
        if stop < len(order) and along[order[stop]] - along[order[stop - 1]] <= gap:
            continue
        positions = 1
        for k in range(start + 1, stop):
            positions += place[order[k]] != place[order[k - 1]]
        if positions >= params.min_positions:
            for k in range(start, stop):
                runs[members[order[k]]] = label
            label += 1
        start = stop
    return label
