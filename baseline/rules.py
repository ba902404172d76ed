"""The rules of figure 1 as measures: how far to relax their intervals for a group to pass.

Every rule is a conjunction of interval tests on ratios and distances. Such a test answers with
tau, the factor that its interval would have to be widened by for the value just to lie in it:
at most 1 is a yes of the paper's rule. A rule answers with the greatest tau of its tests, and
with infinity where a test that is never relaxed says no. `baseline.grouping` turns the answers
into limbs and girdles.

Pieces are rows of an array: row, col of the middle, sin and cos of the axis, length, width.
"""

import math
from typing import NamedTuple

from baseline.edges import Floats
from baseline.geometry import Point, closest_points, distance, nearest_on_piece, shift
from images.compiled import compiled

NEVER = math.inf


class GroupingParams(NamedTuple):
    """The numbers of the grouping rules; a named tuple, so that compiled code takes it whole.

    Attributes
    ----------
    min_limb_aspect : float
        Least length over width of the segments of limbs and of thighs, no unit. Ours (g)
    beyond, inside : float
        How far the search interval reaches beyond and inside an end, in widths. Ours (g)
    inside_share : float
        Greatest share of a segment that the inside part takes, no unit. Ours (g)
    meeting : float
        Search intervals meet when closer than this, in mean widths. Ours (g)
    limb_width_ratio : float
        Least ratio of a limb's two widths, no unit. Ours (g)
    fold_angle : float
        Segments at less than this angle that overlap fold back, degrees. Ours (g)
    fold_overlap : float
        Overlap from which they do, in mean widths. Ours (g)
    pair_width_ratio : float
        Least ratio of the widths of two limbs or thighs, no unit. Ours (g)
    min_pelvis, max_pelvis : float
        Length of the pelvis, in twice the mean width of its limbs. Ours (g)
    max_aspect : float
        The pelvis attaches between the last symmetry and where length over width reaches this,
        no unit. [ECCV96] (r), value ours (g)
    min_trunk, max_trunk : float
        Width of the trunk, in twice the mean width of the thighs. Ours (g)
    trunk_gap : float
        Greatest gap between trunk and pelvis, in lengths of the pelvis. Ours (g)
    kneecap_bend : float
        Two limbs bent by more than this with their convex sides facing each other are refused,
        degrees. Ours (g)
    refuse_kneecaps : bool
        Whether they are, no unit. [ECCV96] (r)
    refuse_crossing : bool
        Whether limbs that cross other segments are refused, no unit. [ECCV96] (r)
    trunk_opposite : bool
        Whether the trunk must lie across the pelvis from the thighs, no unit. Ours (g)
    max_tau : float
        How far intervals are relaxed in search of a score, no unit. Ours (g)
    max_limbs : int
        Limbs that are paired into girdles, a count; the search is cut beyond. Ours (g)
    max_groups : int
        Groups of each rule that are listed, a count; the least tau first. Ours (g)
    """

    min_limb_aspect: float = 1.5
    beyond: float = 1.0
    inside: float = 0.5
    inside_share: float = 0.5
    meeting: float = 0.5
    limb_width_ratio: float = 0.5
    fold_angle: float = 20.0
    fold_overlap: float = 0.5
    pair_width_ratio: float = 0.67
    min_pelvis: float = 0.5
    max_pelvis: float = 1.5
    max_aspect: float = 7.0
    min_trunk: float = 0.67
    max_trunk: float = 1.5
    trunk_gap: float = 0.5
    kneecap_bend: float = 45.0
    refuse_kneecaps: bool = True
    refuse_crossing: bool = True
    trunk_opposite: bool = False
    max_tau: float = 2.0
    max_limbs: int = 400
    max_groups: int = 100


@compiled
def end_point(piece: Floats, end: int) -> Point:
    """Point of an end, 0 or 1."""
    half = (2 * end - 1) * piece[4] / 2
    return (piece[0] + half * piece[2], piece[1] + half * piece[3])


@compiled
def outward(piece: Floats, end: int) -> Point:
    """Direction out of an end, a unit vector."""
    sign = 2.0 * end - 1.0
    return (sign * piece[2], sign * piece[3])


@compiled
def similarity_tau(a: float, b: float, least: float) -> float:
    """Tau of the test min / max >= ``least``."""
    return least * max(a, b) / min(a, b)


@compiled
def range_tau(value: float, low: float, high: float) -> float:
    """Tau of the test low <= value <= high, for positive numbers."""
    return max(low / value, value / high)


@compiled
def limb_tau(a: Floats, end_a: int, b: Floats, end_b: int, params: GroupingParams) -> float:
    """Tau of two segments as a limb, jointed at the given ends.

    Similar widths; search intervals around the ends that meet; not folded back on itself.
    """
    width = (a[5] + b[5]) / 2
    out_a, out_b = outward(a, end_a), outward(b, end_b)
    tip_a, tip_b = end_point(a, end_a), end_point(b, end_b)
    overlap = max(_overlap(a, end_a, b, end_b), _overlap(b, end_b, a, end_a))
    same_way = out_a[0] * out_b[0] + out_a[1] * out_b[1]
    folded = same_way > math.cos(math.radians(params.fold_angle))
    if folded and overlap > params.fold_overlap * width:
        return NEVER
    inside_a = min(params.inside * a[5], params.inside_share * a[4])
    inside_b = min(params.inside * b[5], params.inside_share * b[4])
    near_a, near_b = closest_points(
        shift(tip_a, out_a, -inside_a),
        shift(tip_a, out_a, params.beyond * a[5]),
        shift(tip_b, out_b, -inside_b),
        shift(tip_b, out_b, params.beyond * b[5]),
    )
    meeting = distance(near_a, near_b) / (params.meeting * width)
    return float(max(similarity_tau(a[5], b[5], params.limb_width_ratio), meeting))


@compiled
def _overlap(a: Floats, end_a: int, b: Floats, end_b: int) -> float:
    """How far b, seen along the axis of a, lies beside it, px."""
    tip, out = end_point(a, end_a), outward(a, end_a)
    near = -_along(end_point(b, end_b), tip, out)
    far = -_along(end_point(b, 1 - end_b), tip, out)
    return min(float(a[4]), far) - max(0.0, near)


@compiled
def _along(x: Point, origin: Point, direction: Point) -> float:
    return (x[0] - origin[0]) * direction[0] + (x[1] - origin[1]) * direction[1]


@compiled
def pelvis_tau(
    a: Floats, end_a: int, b: Floats, end_b: int, width: float, floor: float, params: GroupingParams
) -> float:
    """Tau, at least ``floor``, at which a pelvis can join the given ends of two segments.

    The pelvis may attach anywhere between a segment's last symmetry and the point where its
    length over width would reach `max_aspect`; it exists when the distances that this leaves
    reach the pelvis' range of lengths. Relaxing widens both, so the least tau is found by
    halving.
    """
    if _pelvis_exists(a, end_a, b, end_b, width, floor, params):
        return floor
    if not _pelvis_exists(a, end_a, b, end_b, width, params.max_tau, params):
        return NEVER
    low, high = floor, params.max_tau
    if low < 1.0 < high:  # so that tau <= 1 holds exactly when the paper's rule passes
        if _pelvis_exists(a, end_a, b, end_b, width, 1.0, params):
            high = 1.0
        else:
            low = 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if _pelvis_exists(a, end_a, b, end_b, width, middle, params):
            high = middle
        else:
            low = middle
    return high


@compiled
def _attachments(piece: Floats, tau: float, params: GroupingParams) -> float:
    """How far beyond its ends the pelvis may attach, px; negative where it may not."""
    return float(tau * params.max_aspect * piece[5] - piece[4])


@compiled
def _pelvis_exists(
    a: Floats, end_a: int, b: Floats, end_b: int, width: float, tau: float, params: GroupingParams
) -> bool:
    reach_a, reach_b = _attachments(a, tau, params), _attachments(b, tau, params)
    if reach_a < 0 or reach_b < 0:
        return False
    near_a, near_b = end_point(a, end_a), end_point(b, end_b)
    far_a = shift(near_a, outward(a, end_a), reach_a)
    far_b = shift(near_b, outward(b, end_b), reach_b)
    longest = max(
        max(distance(near_a, near_b), distance(near_a, far_b)),
        max(distance(far_a, near_b), distance(far_a, far_b)),
    )
    close_a, close_b = closest_points(near_a, far_a, near_b, far_b)
    return (
        distance(close_a, close_b) <= 2 * width * params.max_pelvis * tau
        and longest >= 2 * width * params.min_pelvis / tau
    )


@compiled
def pelvis_ends(
    a: Floats, end_a: int, b: Floats, end_b: int, width: float, tau: float, params: GroupingParams
) -> tuple[Point, Point]:
    """Return the pelvis that attaches nearest to the last symmetries, where one exists at ``tau``.

    Attached right at the ends if that is a possible length; else both attachments slide
    outwards, straight towards the nearest or farthest places open to them, until it is.
    """
    shortest, longest = 2 * width * params.min_pelvis / tau, 2 * width * params.max_pelvis * tau
    near_a, near_b = end_point(a, end_a), end_point(b, end_b)
    if shortest <= distance(near_a, near_b) <= longest:
        return near_a, near_b
    far_a = shift(near_a, outward(a, end_a), _attachments(a, tau, params))
    far_b = shift(near_b, outward(b, end_b), _attachments(b, tau, params))
    goal_a, goal_b = closest_points(near_a, far_a, near_b, far_b)
    too_long = distance(near_a, near_b) > longest
    if not too_long:
        for pair in ((far_a, near_b), (near_a, far_b), (far_a, far_b)):
            if distance(pair[0], pair[1]) > distance(goal_a, goal_b):
                goal_a, goal_b = pair
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        length = distance(_between(near_a, goal_a, middle), _between(near_b, goal_b, middle))
        if (length <= longest) if too_long else (length >= shortest):
            high = middle
        else:
            low = middle
    return _between(near_a, goal_a, high), _between(near_b, goal_b, high)


@compiled
def _between(p: Point, q: Point, share: float) -> Point:
    return (p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1]))


@compiled
def trunk_tau(
    trunk: Floats,
    width: float,
    pelvis: tuple[Point, Point],
    thighs: Point,
    params: GroupingParams,
) -> float:
    """Tau of a trunk over two thighs of mean ``width`` whose middles' mean is ``thighs``.

    About as wide as both thighs, with an end that meets the pelvis.
    """
    tau = range_tau(trunk[5] / (2 * width), params.min_trunk, params.max_trunk)
    if tau > params.max_tau:
        return NEVER
    if params.trunk_opposite:
        middle = _between(pelvis[0], pelvis[1], 0.5)
        facing = (trunk[0] - middle[0]) * (thighs[0] - middle[0])
        facing += (trunk[1] - middle[1]) * (thighs[1] - middle[1])
        if facing > 0:
            return NEVER
    gap = min(
        distance(end_point(trunk, 0), nearest_on_piece(end_point(trunk, 0), pelvis[0], pelvis[1])),
        distance(end_point(trunk, 1), nearest_on_piece(end_point(trunk, 1), pelvis[0], pelvis[1])),
    )
    return max(tau, gap / (params.trunk_gap * distance(pelvis[0], pelvis[1])))


@compiled
def kneecaps(
    a: Floats,
    a_far: int,
    b: Floats,
    b_far: int,
    c: Floats,
    c_far: int,
    d: Floats,
    d_far: int,
    params: GroupingParams,
) -> bool:
    """Whether limbs a-b and c-d both bend, their convex sides facing each other.

    Each segment comes with its end away from the joint.
    """
    knee = _between(end_point(a, 1 - a_far), end_point(b, 1 - b_far), 0.5)
    other = _between(end_point(c, 1 - c_far), end_point(d, 1 - d_far), 0.5)
    across = (other[0] - knee[0], other[1] - knee[1])
    return (
        _bulge(a, a_far, b, b_far, knee, across, params) > 0
        and _bulge(c, c_far, d, d_far, other, across, params) < 0
    )


@compiled
def _bulge(
    a: Floats, a_far: int, b: Floats, b_far: int, knee: Point, across: Point, params: GroupingParams
) -> float:
    """How far a bent limb bulges along ``across``; zero for one that is nearly straight."""
    out_a, out_b = outward(a, a_far), outward(b, b_far)
    straight = -(out_a[0] * out_b[0] + out_a[1] * out_b[1])
    if straight >= math.cos(math.radians(params.kneecap_bend)):
        return 0.0
    chord = _between(end_point(a, a_far), end_point(b, b_far), 0.5)
    return (knee[0] - chord[0]) * across[0] + (knee[1] - chord[1]) * across[1]
