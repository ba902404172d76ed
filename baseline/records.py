"""A Detection as a record for JSON: what was found, in pixels of the original picture."""

import math

import numpy as np

from baseline.detector import Detection
from baseline.edges import Floats
from baseline.grouping import RULES, Group, Limb, Rule
from baseline.segments import Segment

ANSWER = (
    "skin_fraction", "stopped_at", "score", "decision", "segments", "groups", "taus", "cut",
)  # fmt: skip
"""The keys of a record, in their order."""


def record(detection: Detection) -> dict[str, object]:
    """Describe a detection in the original picture's pixels, ready for JSON.

    Returns
    -------
    record : dict
        ``skin_fraction``, ``stopped_at``, ``score``, ``decision``; ``segments``, each with its
        ends and corners as (row, col) px, length and width in px, and skin fraction; ``groups``,
        each with its rule, tau, and the indices of its segments; ``taus``, the least relaxation
        of each rule, from which the answer of any configuration follows, null where there is
        none; ``cut``, the searches that ended at a limit.
    """
    index = {id(segment): i for i, segment in enumerate(detection.segments)}
    return {
        "skin_fraction": round(detection.skin.fraction, 6),
        "stopped_at": detection.stopped_at,
        "score": detection.score,
        "decision": detection.decision,
        "segments": [_segment(segment, detection) for segment in detection.segments],
        "groups": [_group(group, index, detection) for group in detection.groups],
        "taus": {rule: _least_tau(detection, rule) for rule in RULES},
        "cut": list(detection.cut),
    }


def _least_tau(detection: Detection, rule: Rule) -> float | None:
    tau = detection.grouping.taus[rule] if detection.grouping else math.inf
    return tau if math.isfinite(tau) else None


def to_original(points: Floats, detection: Detection) -> Floats:
    """Move (row, col) points, (..., 2), from the working picture to the original."""
    factor = np.array(detection.original_size) / detection.working.shape[:2]
    moved: Floats = (points + 0.5) * factor - 0.5
    return moved


def _segment(segment: Segment, detection: Detection) -> dict[str, object]:
    factor = float(np.mean(np.array(detection.original_size) / detection.working.shape[:2]))
    return {
        "ends": _rounded(segment.ends, detection),
        "corners": _rounded(segment.corners, detection),
        "length": round(segment.length * factor, 2),
        "width": round(segment.width * factor, 2),
        "skin_fraction": round(segment.skin_fraction, 4),
    }


def _group(group: Group, index: dict[int, int], detection: Detection) -> dict[str, object]:
    described: dict[str, object] = {
        "rule": group.rule,
        "tau": group.tau,
        "segments": [index[id(segment)] for segment in group.segments],
    }
    if not isinstance(group, Limb):
        described["pelvis"] = _rounded(group.pelvis, detection)
    return described


def _rounded(points: Floats, detection: Detection) -> list[list[float]]:
    return [[round(float(x), 2) for x in point] for point in to_original(points, detection)]
