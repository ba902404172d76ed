"""Every choice of parts that a rule accepts within the greatest relaxation, compiled.

Each search returns a table of rows: indices of the parts and of their ends, and tau last.
"""

import numpy as np
import numpy.typing as npt

from baseline.edges import Floats
from baseline.geometry import cross
from baseline.rules import (
    GroupingParams,
    end_point,
    kneecaps,
    limb_tau,
    pelvis_ends,
    pelvis_tau,
    similarity_tau,
    trunk_tau,
)
from images.compiled import compiled

Crossings = npt.NDArray[np.bool_]


@compiled
def limbs_of(pieces: Floats, params: GroupingParams) -> Floats:
    """Limbs: segment, its end at the joint, segment, its end at the joint, tau."""
    rows = [np.empty(0) for _ in range(0)]
    for i in range(len(pieces)):
        for j in range(i + 1, len(pieces)):
            if not (_limb_like(pieces[i], params) and _limb_like(pieces[j], params)):
                continue
            for end_i in range(2):
                for end_j in range(2):
                    tau = limb_tau(pieces[i], end_i, pieces[j], end_j, params)
                    if tau <= params.max_tau:
                        rows.append(np.array([i, end_i, j, end_j, tau]))
    return _table(rows, 5)


@compiled
def limb_limb_girdles(
    pieces: Floats, limbs: Floats, crosses: Crossings, params: GroupingParams
) -> Floats:
    """Limb-limb girdles: limb, limb, segment and end, segment and end at the pelvis, tau."""
    rows = [np.empty(0) for _ in range(0)]
    for x in range(len(limbs)):
        for y in range(x + 1, len(limbs)):
            parts = np.array([limbs[x, 0], limbs[x, 2], limbs[y, 0], limbs[y, 2]]).astype(np.int64)
            if _shared(parts):
                continue
            width_x = (pieces[parts[0], 5] + pieces[parts[1], 5]) / 2
            width_y = (pieces[parts[2], 5] + pieces[parts[3], 5]) / 2
            floor = max(limbs[x, 4], limbs[y, 4])
            floor = max(floor, similarity_tau(width_x, width_y, params.pair_width_ratio))
            if floor > params.max_tau:
                continue
            best = np.array([x, y, 0, 0, 0, 0, np.inf])
            for a in range(2):
                for b in range(2):
                    i, end_i = parts[a], 1 - int(limbs[x, 2 * a + 1])
                    j, end_j = parts[2 + b], 1 - int(limbs[y, 2 * b + 1])
                    tau = pelvis_tau(
                        pieces[i], end_i, pieces[j], end_j, (width_x + width_y) / 2, floor, params
                    )
                    if tau < best[6]:
                        best[2:] = np.array([i, end_i, j, end_j, tau])
            if best[6] > params.max_tau or _crossing(parts, 2, crosses, params):
                continue
            if params.refuse_kneecaps and kneecaps(
                pieces[parts[0]], 1 - int(limbs[x, 1]),
                pieces[parts[1]], 1 - int(limbs[x, 3]),
                pieces[parts[2]], 1 - int(limbs[y, 1]),
                pieces[parts[3]], 1 - int(limbs[y, 3]),
                params,
            ):  # fmt: skip
                continue
            rows.append(best)
    return _table(rows, 7)


@compiled
def limb_segment_girdles(
    pieces: Floats, limbs: Floats, crosses: Crossings, params: GroupingParams
) -> Floats:
    """Limb-segment girdles: limb, segment, limb's segment and end, segment's end, tau."""
    rows = [np.empty(0) for _ in range(0)]
    for x in range(len(limbs)):
        for k in range(len(pieces)):
            parts = np.array([limbs[x, 0], limbs[x, 2], k]).astype(np.int64)
            if _shared(parts) or not _limb_like(pieces[k], params):
                continue
            width = (pieces[parts[0], 5] + pieces[parts[1], 5]) / 2
            floor = similarity_tau(width, pieces[k, 5], params.pair_width_ratio)
            floor = max(floor, limbs[x, 4])
            if floor > params.max_tau:
                continue
            best = np.array([x, k, 0, 0, 0, np.inf])
            for a in range(2):
                for end_k in range(2):
                    i, end_i = parts[a], 1 - int(limbs[x, 2 * a + 1])
                    mean = (width + pieces[k, 5]) / 2
                    tau = pelvis_tau(pieces[i], end_i, pieces[k], end_k, mean, floor, params)
                    if tau < best[5]:
                        best[2:] = np.array([i, end_i, end_k, tau])
            if best[5] <= params.max_tau and not _crossing(parts, 2, crosses, params):
                rows.append(best)
    return _table(rows, 6)


@compiled
def spine_thighs(pieces: Floats, params: GroupingParams) -> Floats:
    """Spine-thigh groups: thigh, its end, thigh, its end at the pelvis, trunk, pelvis tau, tau."""
    rows = [np.empty(0) for _ in range(0)]
    count = len(pieces)
    for i in range(count):
        for j in range(i + 1, count):
            floor = similarity_tau(pieces[i, 5], pieces[j, 5], params.pair_width_ratio)
            if floor > params.max_tau:
                continue
            if not (_limb_like(pieces[i], params) and _limb_like(pieces[j], params)):
                continue
            width = (pieces[i, 5] + pieces[j, 5]) / 2
            thighs = ((pieces[i, 0] + pieces[j, 0]) / 2, (pieces[i, 1] + pieces[j, 1]) / 2)
            best = np.full((count, 7), np.inf)
            for end_i in range(2):
                for end_j in range(2):
                    joined = pelvis_tau(pieces[i], end_i, pieces[j], end_j, width, floor, params)
                    if joined > params.max_tau:
                        continue
                    pelvis = pelvis_ends(
                        pieces[i], end_i, pieces[j], end_j, width, max(1.0, joined), params
                    )
                    for k in range(count):
                        if k in (i, j):
                            continue
                        tau = max(joined, trunk_tau(pieces[k], width, pelvis, thighs, params))
                        if tau < best[k, 6]:
                            best[k] = np.array([i, end_i, j, end_j, k, joined, tau])
            rows.extend([best[k].copy() for k in range(count) if best[k, 6] <= params.max_tau])
    return _table(rows, 7)


@compiled
def crossings(pieces: Floats) -> Crossings:
    """Whether the axes of two pieces cross: (N, N) bool."""
    count = len(pieces)
    crosses = np.zeros((count, count), dtype=np.bool_)
    for i in range(count):
        for j in range(count):
            if i != j:
                crosses[i, j] = cross(
                    end_point(pieces[i], 0),
                    end_point(pieces[i], 1),
                    end_point(pieces[j], 0),
                    end_point(pieces[j], 1),
                )
    return crosses


@compiled
def _limb_like(piece: Floats, params: GroupingParams) -> bool:
    return bool(piece[4] >= params.min_limb_aspect * piece[5])


@compiled
def _shared(parts: npt.NDArray[np.int64]) -> bool:
    """Whether a part occurs twice."""
    for a in range(len(parts)):
        for b in range(a):
            if parts[a] == parts[b]:
                return True
    return False


@compiled
def _crossing(
    parts: npt.NDArray[np.int64], split: int, crosses: Crossings, params: GroupingParams
) -> bool:
    """Whether the parts before `split` cross those after it, or any of them another segment.

    The two segments of one limb may cross: that is a joint.
    """
    for a in range(split):
        for b in range(split, len(parts)):
            if crosses[parts[a], parts[b]]:
                return True
    if params.refuse_crossing:
        for other in range(len(crosses)):
            own = False
            for a in range(len(parts)):
                own = own or parts[a] == other
            if own:
                continue
            for a in range(len(parts)):
                if crosses[parts[a], other]:
                    return True
    return False


@compiled
def _table(rows: list[Floats], columns: int) -> Floats:
    table = np.empty((len(rows), columns))
    for k in range(len(rows)):
        table[k] = rows[k]
    return table
