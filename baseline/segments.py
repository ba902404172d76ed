"""Segments: ribbons that may be one limb are merged; the straight ones of a limb's build stay.

Only the upper bound on length over width is anatomy: seen under an affine camera, foreshortening
shortens a limb but does not thin it.
"""

import math
from dataclasses import dataclass

import numpy as np

from baseline.discs import Mask
from baseline.edges import Floats
from baseline.ribbons import AxisFit, fit_axis
from baseline.symmetry import Symmetries


@dataclass(frozen=True)
class SegmentParams:
    """The numbers of merging and of a segment's build.

    Attributes
    ----------
    merge_width_ratio : float
        Greatest ratio of the widths of ribbons that are merged, no unit. Ours (g)
    merge_angle : float
        Greatest angle between their axes, degrees. Ours (g)
    merge_offset : float
        Greatest distance of the shorter one's middle from the longer one's axis, in widths.
        Ours (g)
    merge_gap : float
        Greatest gap between them along the axis, in widths. Ours (g)
    max_rms : float
        Greatest deviation of the middles of what is merged from its axis, in widths (at least
        1 px). Ours (g)
    min_aspect : float
        Least length over width, no unit: a trunk's, the stoutest part. Ours (g)
    max_aspect : float
        Greatest length over width, no unit: a straight leg is 86 cm by 13. Ours (g)
    max_segments : int
        The longest are kept and the search is cut, a count; reached by grids and text. Ours (g)
    """

    merge_width_ratio: float = 1.5
    merge_angle: float = 15.0
    merge_offset: float = 0.25
    merge_gap: float = 1.0
    max_rms: float = 0.15
    min_aspect: float = 1.2
    max_aspect: float = 7.0
    max_segments: int = 60


@dataclass(frozen=True, eq=False)
class Segment:
    """A straight piece of a body: a ribbon of a limb's or trunk's proportions.

    Attributes
    ----------
    centre : ndarray (2,)
        (row, col), px.
    axis : float
        Radians in [0, pi).
    length, width : float
        Between the outermost symmetries, and their mean, px.
    skin_fraction : float
        Share of its rectangle that is skin.
    symmetries : Symmetries
        The evidence.
    """

    centre: Floats
    axis: float
    length: float
    width: float
    skin_fraction: float
    symmetries: Symmetries

    @property
    def ends(self) -> Floats:
        """Where the symmetries begin and end on the axis: (2, 2), rows of (row, col), px."""
        half = self.length / 2 * np.array([math.sin(self.axis), math.cos(self.axis)])
        return np.stack([self.centre - half, self.centre + half])

    @property
    def aspect(self) -> float:
        """Length over width."""
        return self.length / self.width

    @property
    def corners(self) -> Floats:
        """The rectangle's corners in order: (4, 2), rows of (row, col), px."""
        half = self.width / 2 * np.array([math.cos(self.axis), -math.sin(self.axis)])
        first, last = self.ends
        return np.stack([first - half, first + half, last + half, last - half])


def find_segments(
    ribbons: tuple[Symmetries, ...], skin: Mask, params: SegmentParams = SegmentParams()
) -> tuple[tuple[Segment, ...], bool]:
    """Merge ribbons and keep those that could be a limb or a trunk, longest first.

    Parameters
    ----------
    ribbons : tuple of Symmetries
    skin : ndarray (H, W), bool

    Returns
    -------
    segments : tuple of Segment
    cut : bool
        Whether there were more than `SegmentParams.max_segments`.
    """
    found = []
    for ribbon, fit in merge(ribbons, params):
        if params.min_aspect <= fit.length / fit.width <= params.max_aspect:
            found.append(
                Segment(
                    fit.centre, fit.axis, fit.length, fit.width, _skin_fraction(fit, skin), ribbon
                )
            )
    found.sort(key=lambda segment: -segment.length)
    return tuple(found[: params.max_segments]), len(found) > params.max_segments


def merge(
    ribbons: tuple[Symmetries, ...], params: SegmentParams = SegmentParams()
) -> list[tuple[Symmetries, AxisFit]]:
    """Join ribbons that may be one segment, until none can be joined.

    What would be longer than any segment is not joined: a straight leg of thigh and shank may be
    one, but if that is too long they are two.
    """
    parts = [(ribbon, fit_axis(ribbon)) for ribbon in ribbons]
    changed = True
    while changed:
        changed = False
        i = 0
        while i < len(parts):
            j = i + 1
            while j < len(parts):
                if joined := _join(parts[i], parts[j], params):
                    parts[i] = joined
                    del parts[j]
                    changed = True
                else:
                    j += 1
            i += 1
    return parts


def _join(
    a: tuple[Symmetries, AxisFit], b: tuple[Symmetries, AxisFit], params: SegmentParams
) -> tuple[Symmetries, AxisFit] | None:
    if not one_segment(a[1], b[1], params):
        return None
    joined = concatenate(a[0], b[0])
    fit = fit_axis(joined)
    straight = fit.rms <= max(1.0, params.max_rms * fit.width)
    return (joined, fit) if straight and fit.length <= params.max_aspect * fit.width else None


def one_segment(a: AxisFit, b: AxisFit, params: SegmentParams = SegmentParams()) -> bool:
    """Whether two ribbons may be one segment: like widths, one line, no long gap."""
    shorter, longer = sorted((a, b), key=lambda fit: fit.length)
    width = (a.width + b.width) / 2
    turn = abs((a.axis - b.axis + math.pi / 2) % math.pi - math.pi / 2)
    row, col = shorter.centre - longer.centre
    sin, cos = math.sin(longer.axis), math.cos(longer.axis)
    gap = abs(row * sin + col * cos) - (a.length + b.length) / 2
    return (
        max(a.width, b.width) <= params.merge_width_ratio * min(a.width, b.width)
        and turn <= math.radians(params.merge_angle)
        and abs(row * cos - col * sin) <= params.merge_offset * width
        and gap <= params.merge_gap * width
    )


def concatenate(a: Symmetries, b: Symmetries) -> Symmetries:
    """Return the symmetries of both."""
    return Symmetries(
        np.concatenate([a.left, b.left]),
        np.concatenate([a.right, b.right]),
        np.concatenate([a.centre, b.centre]),
        np.concatenate([a.axis, b.axis]),
        np.concatenate([a.width, b.width]),
    )


def _skin_fraction(fit: AxisFit, skin: Mask) -> float:
    """Share of skin in the middles of cells of about a pixel that fill the rectangle."""
    cells_along, cells_across = (max(1, round(side)) for side in (fit.length, fit.width))
    along = ((np.arange(cells_along)[:, None] + 0.5) / cells_along - 0.5) * fit.length
    across = ((np.arange(cells_across)[None, :] + 0.5) / cells_across - 0.5) * fit.width
    sin, cos = math.sin(fit.axis), math.cos(fit.axis)
    rows = np.rint(fit.centre[0] + along * sin + across * cos).astype(int)
    cols = np.rint(fit.centre[1] + along * cos - across * sin).astype(int)
    inside = (rows >= 0) & (rows < skin.shape[0]) & (cols >= 0) & (cols < skin.shape[1])
    return float(skin[rows[inside], cols[inside]].sum() / inside.size)
