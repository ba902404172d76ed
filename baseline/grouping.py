"""Segments grouped into limbs, girdles and spine-thigh groups: one predicate a rule.

A rule takes the parts and returns the group, or nothing:

    limb(a, b)                            two segments, jointed
    limb_limb_girdle(first, second)       two limbs, and a pelvis that could join them
    limb_segment_girdle(limb, segment)    the same with one limb and one segment
    spine_thigh(a, b, trunk)              two thighs, a pelvis, and a trunk that meets it

Heads and shoulder girdles are dashed in the paper's figure: proposed, not implemented in 1996.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from baseline.edges import Floats
from baseline.rules import NEVER, GroupingParams, pelvis_ends
from baseline.search import (
    crossings,
    limb_limb_girdles,
    limb_segment_girdles,
    limbs_of,
    spine_thighs,
)
from baseline.segments import Segment

Rule = Literal["limb", "limb_limb_girdle", "limb_segment_girdle", "spine_thigh"]
RULES: tuple[Rule, ...] = ("limb", "limb_limb_girdle", "limb_segment_girdle", "spine_thigh")

CONFIGURATIONS: Mapping[str, frozenset[Rule]] = {
    "A": frozenset({"limb_limb_girdle"}),
    "B": frozenset({"limb_segment_girdle"}),
    "C": frozenset({"limb_limb_girdle", "limb_segment_girdle"}),
    "D": frozenset({"spine_thigh"}),
    "E": frozenset({"limb_limb_girdle", "spine_thigh"}),
    "F": frozenset({"limb_limb_girdle", "limb_segment_girdle", "spine_thigh"}),
    "G": frozenset({"limb", "limb_limb_girdle", "limb_segment_girdle"}),
    "H": frozenset({"limb", "limb_limb_girdle", "limb_segment_girdle", "spine_thigh"}),
}
"""The unions of rules of [IJCV99]'s table; F is the primary one. Which rules a letter stands for
is (d): in G and H the girdles change nothing, since each holds a limb."""


@dataclass(frozen=True)
class Limb:
    """Two segments, jointed.

    Attributes
    ----------
    segments : (Segment, Segment)
    joint : (int, int)
        Which end, 0 or 1, of each segment lies at the joint.
    tau : float
        Relaxation at which the rule just passes; at most 1 is the paper's yes.
    """

    segments: tuple[Segment, Segment]
    joint: tuple[int, int]
    tau: float

    rule: Rule = "limb"


@dataclass(frozen=True)
class LimbLimbGirdle:
    """Two limbs and the pelvis, (2, 2) rows of (row, col) px, that joins an end of each."""

    limbs: tuple[Limb, Limb]
    pelvis: Floats
    tau: float

    rule: Rule = "limb_limb_girdle"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The four segments."""
        return self.limbs[0].segments + self.limbs[1].segments


@dataclass(frozen=True)
class LimbSegmentGirdle:
    """A limb, a segment, and the pelvis, (2, 2) rows of (row, col) px, that joins them."""

    limb: Limb
    segment: Segment
    pelvis: Floats
    tau: float

    rule: Rule = "limb_segment_girdle"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The three segments."""
        return (*self.limb.segments, self.segment)


@dataclass(frozen=True)
class SpineThigh:
    """Two thighs, the pelvis, (2, 2) rows of (row, col) px, and the trunk that meets it."""

    thighs: tuple[Segment, Segment]
    trunk: Segment
    pelvis: Floats
    tau: float

    rule: Rule = "spine_thigh"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The three segments, the trunk last."""
        return (*self.thighs, self.trunk)


Group = Limb | LimbLimbGirdle | LimbSegmentGirdle | SpineThigh


@dataclass(frozen=True)
class Grouping:
    """What the rules say of one picture's segments.

    Attributes
    ----------
    groups : mapping of Rule to tuple of Group
        Those that pass, least tau first; a Limb's `tau` and so on are at most 1.
    taus : mapping of Rule to float
        Least tau of each rule over the picture; infinity where none is within `max_tau`.
    cut : tuple of str
        "limbs" where there were more than `GroupingParams.max_limbs`, "groups" where more of a
        rule than `max_groups`: the listing ends there, the taus do not change.
    """

    groups: Mapping[Rule, tuple[Group, ...]]
    taus: Mapping[Rule, float]
    cut: tuple[str, ...]


# The rules, one at a time ---------------------------------------------------------------------


def limb(a: Segment, b: Segment, params: GroupingParams = GroupingParams()) -> Limb | None:
    """Two segments of similar width whose search intervals meet, not folded back."""
    found = limbs_of(_pieces((a, b)), params)
    return _limb((a, b), found[np.argmin(found[:, 4])]) if _passes(found[:, 4]) else None


def limb_limb_girdle(
    first: Limb,
    second: Limb,
    others: Iterable[Segment] = (),
    params: GroupingParams = GroupingParams(),
) -> LimbLimbGirdle | None:
    """Two limbs of similar width that a pelvis can join, and that cross nothing.

    Parameters
    ----------
    others : iterable of Segment
        The picture's other segments.
    """
    if len({id(s) for s in (*first.segments, *second.segments)}) < 4:
        return None
    segments = (*first.segments, *second.segments, *_without(others, first, second))
    pieces = _pieces(segments)
    limbs = np.array([[0, first.joint[0], 1, first.joint[1], first.tau],
                      [2, second.joint[0], 3, second.joint[1], second.tau]])  # fmt: skip
    found = limb_limb_girdles(pieces, limbs, crossings(pieces), params)
    return _limb_limb(segments, limbs, found[0], params) if _passes(found[:, -1]) else None


def limb_segment_girdle(
    limb: Limb,
    segment: Segment,
    others: Iterable[Segment] = (),
    params: GroupingParams = GroupingParams(),
) -> LimbSegmentGirdle | None:
    """Limb and segment of similar width that a pelvis can join, and that cross nothing.

    Parameters
    ----------
    others : iterable of Segment
        The picture's other segments.
    """
    if any(segment is own for own in limb.segments):
        return None
    segments = (*limb.segments, segment, *_without(others, limb, segment))
    pieces = _pieces(segments)
    limbs = np.array([[0, limb.joint[0], 1, limb.joint[1], limb.tau]])
    found = limb_segment_girdles(pieces, limbs, crossings(pieces), params)
    found = found[found[:, 1] == 2]
    return _limb_segment(segments, limbs, found[0], params) if _passes(found[:, -1]) else None


def spine_thigh(
    a: Segment, b: Segment, trunk: Segment, params: GroupingParams = GroupingParams()
) -> SpineThigh | None:
    """Two thighs of similar width that a pelvis can join, and a trunk that meets it."""
    found = spine_thighs(_pieces((a, b, trunk)), params)
    found = found[found[:, 4] == 2]
    return _spine((a, b, trunk), found[0], params) if _passes(found[:, -1]) else None


def _passes(taus: Floats) -> bool:
    return bool(taus.min(initial=NEVER) <= 1)


def _without(others: Iterable[Segment], *parts: Limb | Segment) -> tuple[Segment, ...]:
    own = {
        id(segment)
        for part in parts
        for segment in (part.segments if isinstance(part, Limb) else (part,))
    }
    return tuple(segment for segment in others if id(segment) not in own)


# All groups of a picture ----------------------------------------------------------------------


def find_groups(
    segments: tuple[Segment, ...], params: GroupingParams = GroupingParams()
) -> Grouping:
    """Apply every rule to every choice of parts.

    Parameters
    ----------
    segments : tuple of Segment
        Of one picture.
    """
    pieces = _pieces(segments)
    limbs = _least_first(limbs_of(pieces, params))
    cut: tuple[str, ...] = ("limbs",) if len(limbs) > params.max_limbs else ()
    limbs = limbs[: params.max_limbs]
    crosses = crossings(pieces)
    found: dict[Rule, Floats] = {
        "limb": limbs,
        "limb_limb_girdle": limb_limb_girdles(pieces, limbs, crosses, params),
        "limb_segment_girdle": limb_segment_girdles(pieces, limbs, crosses, params),
        "spine_thigh": spine_thighs(pieces, params),
    }
    make: dict[Rule, Callable[[Floats], Group]] = {
        "limb": lambda row: _limb(segments, row),
        "limb_limb_girdle": lambda row: _limb_limb(segments, limbs, row, params),
        "limb_segment_girdle": lambda row: _limb_segment(segments, limbs, row, params),
        "spine_thigh": lambda row: _spine(segments, row, params),
    }
    passing = {rule: _least_first(rows[rows[:, -1] <= 1]) for rule, rows in found.items()}
    if max(len(rows) for rows in passing.values()) > params.max_groups:
        cut += ("groups",)
    return Grouping(
        groups={
            rule: tuple(make[rule](row) for row in rows[: params.max_groups])
            for rule, rows in passing.items()
        },
        taus={rule: float(rows[:, -1].min(initial=NEVER)) for rule, rows in found.items()},
        cut=cut,
    )


def _least_first(rows: Floats) -> Floats:
    return rows[np.argsort(rows[:, -1], kind="stable")]


def _pieces(segments: tuple[Segment, ...]) -> Floats:
    """Return the segments as `baseline.rules` takes them: (N, 6)."""
    rows = [(*s.centre, np.sin(s.axis), np.cos(s.axis), s.length, s.width) for s in segments]
    return np.array(rows, dtype=float).reshape(len(rows), 6)


def _limb(segments: tuple[Segment, ...], row: Floats) -> Limb:
    i, end_i, j, end_j = (int(x) for x in row[:4])
    return Limb((segments[i], segments[j]), (end_i, end_j), float(row[4]))


def _pelvis(
    segments: tuple[Segment, ...], i: int, end_i: int, j: int, end_j: int, width: float,
    tau: float, params: GroupingParams,
) -> Floats:  # fmt: skip
    a, b = _pieces((segments[i], segments[j]))
    return np.array(pelvis_ends(a, end_i, b, end_j, width, max(1.0, tau), params))


def _limb_limb(
    segments: tuple[Segment, ...], limbs: Floats, row: Floats, params: GroupingParams
) -> LimbLimbGirdle:
    x, y, i, end_i, j, end_j = (int(v) for v in row[:6])
    parts = _limb(segments, limbs[x]), _limb(segments, limbs[y])
    width = float(np.mean([s.width for part in parts for s in part.segments]))
    pelvis = _pelvis(segments, i, end_i, j, end_j, width, row[6], params)
    return LimbLimbGirdle(parts, pelvis, float(row[6]))


def _limb_segment(
    segments: tuple[Segment, ...], limbs: Floats, row: Floats, params: GroupingParams
) -> LimbSegmentGirdle:
    x, k, i, end_i, end_k = (int(v) for v in row[:5])
    part = _limb(segments, limbs[x])
    width = (part.segments[0].width + part.segments[1].width) / 4 + segments[k].width / 2
    pelvis = _pelvis(segments, i, end_i, k, end_k, width, row[5], params)
    return LimbSegmentGirdle(part, segments[k], pelvis, float(row[5]))


def _spine(segments: tuple[Segment, ...], row: Floats, params: GroupingParams) -> SpineThigh:
    i, end_i, j, end_j, k = (int(v) for v in row[:5])
    width = (segments[i].width + segments[j].width) / 2
    pelvis = _pelvis(segments, i, end_i, j, end_j, width, row[5], params)
    return SpineThigh((segments[i], segments[j]), segments[k], pelvis, float(row[6]))
