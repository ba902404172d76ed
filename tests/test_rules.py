"""Every rule's yes and no: both sides of every number, in figures laid out by hand.

Parts are 10 px wide and mostly 40 long, so bounds in widths read as tens of pixels.
"""

import math

import numpy as np
import pytest
from drawings import segment_from, unit

from baseline.grouping import (
    find_groups,
    limb,
    limb_limb_girdle,
    limb_segment_girdle,
    spine_thigh,
)
from baseline.rules import NEVER, GroupingParams, limb_tau, pelvis_ends, range_tau, similarity_tau

SHIPPED = GroupingParams()
LEFT, RIGHT, DOWN, UP = 180, 0, 90, -90


def piece(part):
    """A segment as the compiled rules take it."""
    return np.array(
        [*part.centre, math.sin(part.axis), math.cos(part.axis), part.length, part.width]
    )


def end_at(part, point):
    """Which end of a segment lies at a point."""
    return int(np.linalg.norm(part.ends - point, axis=1).argmin())


def joint_tau(a, at_a, b, at_b, params=SHIPPED):
    """Tau of the limb whose joint lies at the given points of its segments."""
    return limb_tau(piece(a), end_at(a, at_a), piece(b), end_at(b, at_b), params)


# Limbs ----------------------------------------------------------------------------------------


def straight(gap=0.0, width=10.0, other_width=10.0, length=40.0, other_length=40.0):
    """Two segments in one line, their near ends ``gap`` apart."""
    return (
        segment_from((50, 100), LEFT, length, width),
        segment_from((50, 100 + gap), RIGHT, other_length, other_width),
    )


@pytest.mark.parametrize("bend", [0, 20, 60, 90, 140, -90, -140])
def test_a_limb_may_bend_by_any_angle(bend):
    a = segment_from((50, 50), LEFT, 40, 10)
    b = segment_from((50, 50) + 4 * unit(bend), bend, 25, 9)
    found = limb(a, b)
    assert found is not None
    assert found.segments == (a, b)
    assert found.tau <= 1
    joint = [part.ends[end] for part, end in zip(found.segments, found.joint, strict=True)]
    assert np.allclose(joint, [(50, 50), (50, 50) + 4 * unit(bend)])


@pytest.mark.parametrize(
    ("gap", "params", "found"),
    [
        # two search intervals of 10 px each, and closer than 5 px
        (24.9, SHIPPED, True),
        (25.1, SHIPPED, False),
        (44.9, SHIPPED._replace(beyond=2.0), True),
        (45.1, SHIPPED._replace(beyond=2.0), False),
        (29.9, SHIPPED._replace(meeting=1.0), True),
        (30.1, SHIPPED._replace(meeting=1.0), False),
    ],
)
def test_search_intervals_beyond_the_ends(gap, params, found):
    a, b = straight(gap)
    assert (limb(a, b, params) is not None) == found
    assert (limb(b, a, params) is not None) == found


def test_meeting_is_measured_in_the_mean_of_both_widths():
    """Intervals of 10 and of 16 px, and 6.5 px between them."""
    assert limb(*straight(32.4, other_width=16.0, other_length=60.0)) is not None
    assert limb(*straight(32.6, other_width=16.0, other_length=60.0)) is None


def branch(inside, length=40.0):
    """A segment along row 50 that ends at column 100, and one that comes down upon it.

    The second ends 8 px above the axis, ``inside`` px before the first's end, and so reaches it.
    """
    a = segment_from((50, 100), LEFT, length, 10)
    b = segment_from((42, 100 - inside), UP, 40, 10)
    return a, (50, 100), b, (42, 100 - inside)


@pytest.mark.parametrize(
    ("inside", "length", "params", "found"),
    [
        # 5 px inside the end, and closer than 5 px
        (9.9, 40, SHIPPED, True),
        (10.1, 40, SHIPPED, False),
        (14.9, 40, SHIPPED._replace(inside=1.0), True),
        (15.1, 40, SHIPPED._replace(inside=1.0), False),
        # never more than half of the segment
        (12.4, 15, SHIPPED._replace(inside=1.0), True),
        (12.6, 15, SHIPPED._replace(inside=1.0), False),
        (9.4, 15, SHIPPED._replace(inside=1.0, inside_share=0.3), True),
        (9.6, 15, SHIPPED._replace(inside=1.0, inside_share=0.3), False),
    ],
)
def test_search_intervals_inside_the_ends(inside, length, params, found):
    assert (joint_tau(*branch(inside, length), params) <= 1) == found


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("width", "found"), [(5.05, True), (4.95, False)])
def test_a_limb_s_widths_differ_by_half_at_most(width, found, order):
    assert (limb(*straight(other_width=width, other_length=30)[::order]) is not None) == found


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("length", "found"), [(15.1, True), (14.9, False)])
def test_segments_of_a_limb_are_half_as_long_again_as_wide(length, found, order):
    assert (limb(*straight(other_length=length)[::order]) is not None) == found
    eased = SHIPPED._replace(min_limb_aspect=1.2)
    assert limb(*straight(other_length=12.1)[::order], eased) is not None


def folded(angle, overlap):
    """Two segments that both end near (50, 100); the second's stretch covers the first's."""
    a = segment_from((50, 100), LEFT, 16, 10)
    start = np.array([50.0, 100 - 16 + overlap])
    return a, (50, 100), segment_from(start, LEFT + angle, 40, 10), start


@pytest.mark.parametrize(
    ("angle", "overlap", "params", "found"),
    [
        (0, 4.9, SHIPPED, True),
        (0, 5.1, SHIPPED, False),
        (0, 16, SHIPPED, False),
        (19, 12, SHIPPED, False),
        (-19, 12, SHIPPED, False),
        (21, 12, SHIPPED, True),
        (-21, 12, SHIPPED, True),
        (0, 9.9, SHIPPED._replace(fold_overlap=1.0), True),
        (21, 12, SHIPPED._replace(fold_angle=30.0), False),
    ],
)
def test_a_limb_does_not_fold_back_on_its_own_skin(angle, overlap, params, found):
    assert (joint_tau(*folded(angle, overlap), params) <= 1) == found
    assert joint_tau(*folded(angle, overlap), params) in ([NEVER] if not found else [0.5])


def test_a_straight_limb_whose_segments_overlap_is_not_folded():
    assert limb(*straight(-4.0)) is not None


def test_whether_two_segments_are_a_limb_does_not_depend_on_their_order():
    """Pairs at small angles, where it matters how their overlap is measured."""
    rng = np.random.default_rng(0)
    for _ in range(3000):
        a = segment_from((50, 50), 0, rng.uniform(15, 50), rng.uniform(8, 14))
        b = segment_from(
            rng.uniform(20, 80, 2), rng.uniform(-22, 22), rng.uniform(15, 50), rng.uniform(8, 14)
        )
        assert (limb(a, b) is None) == (limb(b, a) is None)


# Limb-limb girdles ----------------------------------------------------------------------------


def leg(hip, width=10.0, length=40.0, bend=0.0, lean=0.0):
    """A limb that hangs from a point: thigh and shank, turned at the knee.

    ``lean`` turns the thigh and ``bend`` the shank, in degrees from straight down, towards -col.
    """
    thigh = segment_from(hip, DOWN + lean, length, width)
    shank = segment_from(np.array(hip) + length * unit(DOWN + lean), DOWN + bend, length, width)
    found = limb(thigh, shank)
    assert found is not None
    return found


def legs(apart, **second):
    return leg((50, 50)), leg((50, 50 + apart), **second)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("apart", "found"), [(12, True), (29.9, True), (30.1, False), (60, False)])
def test_the_pelvis_is_at_most_three_widths_long(apart, found, order):
    assert (limb_limb_girdle(*legs(apart)[::order]) is not None) == found


@pytest.mark.parametrize(("apart", "found"), [(9.9, False), (10.1, True), (29.9, True)])
def test_the_pelvis_is_at_least_one_width_long(apart, found):
    """Segments 70 px long have no room for attachments beyond their ends."""
    first, second = leg((50, 50), length=70.0), leg((50, 50 + apart), length=70.0)
    assert (limb_limb_girdle(first, second) is not None) == found


def test_bounds_of_the_pelvis_are_parameters():
    assert limb_limb_girdle(*legs(36), params=SHIPPED._replace(max_pelvis=2.0)) is not None
    assert limb_limb_girdle(*legs(44), params=SHIPPED._replace(max_pelvis=2.0)) is None
    long = leg((50, 50), length=70.0), leg((50, 62), length=70.0)
    assert limb_limb_girdle(*long) is not None
    assert limb_limb_girdle(*long, params=SHIPPED._replace(min_pelvis=0.7)) is None


def facing(gap, length=40.0):
    """Two limbs in one line, the end of one ``gap`` px from that of the other."""
    lower = leg((200, 50), length=length)
    thigh = segment_from((200 - gap, 50), UP, length, 10)
    shank = segment_from((200 - gap - length, 50), UP, length, 10)
    return lower, limb(thigh, shank)


@pytest.mark.parametrize(
    ("gap", "params", "found"),
    [
        # each attaches up to 70 - 40 px beyond its end, and the pelvis is up to 30 px long
        (89, SHIPPED, True),
        (91, SHIPPED, False),
        (69, SHIPPED._replace(max_aspect=6.0), True),
        (71, SHIPPED._replace(max_aspect=6.0), False),
    ],
)
def test_the_pelvis_attaches_up_to_the_greatest_aspect(gap, params, found):
    assert (limb_limb_girdle(*facing(gap), params=params) is not None) == found


def test_a_segment_beyond_the_greatest_aspect_holds_no_pelvis():
    for length, found in ((69, True), (71, False)):
        girdle = limb_limb_girdle(leg((50, 50), length=length), leg((50, 75), length=length))
        assert (girdle is not None) == found


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("width", "found"), [(6.75, True), (6.65, False)])
def test_two_limbs_are_of_similar_width(width, found, order):
    assert (limb_limb_girdle(*legs(22, width=width)[::order]) is not None) == found


def test_the_width_of_a_limb_is_the_mean_of_its_two():
    """8 and 5.5 px: 6.75 on average, though one of them is too thin by itself."""
    first = leg((50, 50))
    thigh = segment_from((50, 72), DOWN, 30, 8.0)
    shank = segment_from((80, 72), DOWN, 30, 5.5)
    assert limb_limb_girdle(first, limb(thigh, shank)) is not None
    thinner = segment_from((80, 72), DOWN, 30, 5.3)
    assert limb_limb_girdle(first, limb(thigh, thinner)) is None


def test_limbs_do_not_share_a_segment():
    first = leg((50, 50))
    thigh = first.segments[0]
    other = limb(thigh, segment_from((95, 55), DOWN, 40, 10))
    assert other is not None
    assert limb_limb_girdle(first, other) is None


@pytest.mark.parametrize("params", [SHIPPED, SHIPPED._replace(refuse_crossing=False)])
def test_limbs_do_not_cross_each_other(params):
    crossed = leg((50, 50), lean=-20.0, bend=-20.0), leg((50, 74), lean=20.0, bend=20.0)
    apart = leg((50, 50), lean=20.0, bend=20.0), leg((50, 74), lean=-20.0, bend=-20.0)
    assert limb_limb_girdle(*crossed, params=params) is None
    assert limb_limb_girdle(*apart, params=params) is not None


def test_limbs_cross_no_other_segment_unless_that_is_switched_off():
    pair = legs(24)
    beside = segment_from((70, 20), RIGHT, 28, 10)
    across = segment_from((70, 20), RIGHT, 32, 10)
    allowed = SHIPPED._replace(refuse_crossing=False)
    assert limb_limb_girdle(*pair, (beside,)) is not None
    assert limb_limb_girdle(*pair, (across,)) is None
    assert limb_limb_girdle(*pair, (beside, across)) is None
    assert limb_limb_girdle(*pair, (across,), allowed) is not None
    own = (*pair[0].segments, *pair[1].segments)
    assert limb_limb_girdle(*pair, own) is not None


def bent_legs(bend, inwards=True, apart=28.0, only_one=False):
    """Two legs whose knees bend towards each other (or apart), by the same angle."""
    half = bend / 2 if inwards else -bend / 2
    first = leg((50, 50), lean=-half, bend=half, length=30.0)
    lean = 0.0 if only_one else half
    return first, leg((50, 50 + apart), lean=lean, bend=-lean, length=30.0)


@pytest.mark.parametrize(
    ("bend", "inwards", "found"),
    [(44, True, True), (46, True, False), (46, False, True), (80, False, True), (0, True, True)],
)
def test_kneecaps_do_not_face_each_other(bend, inwards, found):
    pair = bent_legs(bend, inwards)
    assert (limb_limb_girdle(*pair) is not None) == found
    assert (limb_limb_girdle(*pair[::-1]) is not None) == found
    assert limb_limb_girdle(*pair, params=SHIPPED._replace(refuse_kneecaps=False)) is not None


def test_kneecap_rule_needs_both_bends_and_knows_its_angle():
    assert limb_limb_girdle(*bent_legs(46, only_one=True)) is not None
    assert limb_limb_girdle(*bent_legs(46), params=SHIPPED._replace(kneecap_bend=50.0)) is not None
    assert limb_limb_girdle(*bent_legs(44), params=SHIPPED._replace(kneecap_bend=40.0)) is None


def test_legs_bent_the_same_way_are_no_kneecaps():
    pair = leg((50, 50), lean=-30.0, bend=30.0), leg((50, 75), lean=-30.0, bend=30.0)
    assert limb_limb_girdle(*pair) is not None


# Limb-segment girdles -------------------------------------------------------------------------


def leg_and_thigh(apart, width=10.0, length=40.0):
    return leg((50, 50)), segment_from((50, 50 + apart), DOWN, length, width)


@pytest.mark.parametrize(
    ("apart", "width", "length", "found"),
    [
        (29.9, 10, 40, True),
        (30.1, 10, 40, False),
        (22, 6.75, 40, True),
        (22, 6.65, 40, False),
        (22, 14.8, 40, True),
        (22, 15.0, 40, False),
        (22, 10, 15.1, True),
        (22, 10, 14.9, False),
        (22, 10, 69, True),
        (22, 10, 71, False),
        # mean width 9, so at most 27 px
        (26.9, 8, 40, True),
        (27.1, 8, 40, False),
    ],
)
def test_limb_and_segment_joined_by_a_pelvis(apart, width, length, found):
    assert (limb_segment_girdle(*leg_and_thigh(apart, width, length)) is not None) == found


def test_a_limb_and_one_of_its_own_segments_are_no_girdle():
    first = leg((50, 50))
    assert limb_segment_girdle(first, first.segments[0]) is None


def test_limb_and_segment_cross_nothing():
    first, thigh = leg_and_thigh(24)
    across = segment_from((70, 20), RIGHT, 32, 10)
    allowed = SHIPPED._replace(refuse_crossing=False)
    assert limb_segment_girdle(first, thigh, (across,)) is None
    assert limb_segment_girdle(first, thigh, (across,), allowed) is not None
    crossing = segment_from((60, 40), RIGHT, 40, 10)
    for params in (SHIPPED, allowed):
        assert limb_segment_girdle(first, crossing, params=params) is None


def test_the_girdle_names_its_parts():
    first, thigh = leg_and_thigh(24)
    other = segment_from((50, 150), DOWN, 40, 10)
    girdle = limb_segment_girdle(first, thigh, (other,))
    assert girdle.limb.segments == first.segments
    assert girdle.segment is thigh
    assert girdle.segments == (*first.segments, thigh)


# Spine-thigh groups ---------------------------------------------------------------------------


def torso(gap=5.0, trunk_width=20.0, trunk_length=50.0, apart=24.0, width=10.0, length=40.0):
    """Two thighs hanging from row 100, and a trunk that stands ``gap`` px above their pelvis."""
    return (
        segment_from((100, 100 - apart / 2), DOWN, 40, 10),
        segment_from((100, 100 + apart / 2), DOWN, length, width),
        segment_from((100 - gap, 100), UP, trunk_length, trunk_width),
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        # the pelvis is 24 px long
        ({"gap": 11.9}, True),
        ({"gap": 12.1}, False),
        ({"gap": -11.9}, True),
        ({"gap": -12.1}, False),
        # .67 to 1.5 times 20 px
        ({"trunk_width": 13.5}, True),
        ({"trunk_width": 13.3}, False),
        ({"trunk_width": 29.9}, True),
        ({"trunk_width": 30.1}, False),
        # a trunk may be stout
        ({"trunk_length": 24.5}, True),
        # thighs: similar, limb-like, joined by a pelvis
        ({"width": 6.75}, True),
        ({"width": 6.65}, False),
        ({"width": 14.8}, True),
        ({"width": 15.0}, False),
        ({"length": 15.1}, True),
        ({"length": 14.9}, False),
        ({"apart": 29.9}, True),
        ({"apart": 30.1}, False),
    ],
)
def test_two_thighs_and_a_trunk(change, found):
    a, b, trunk = torso(**change)
    assert (spine_thigh(a, b, trunk) is not None) == found
    assert (spine_thigh(b, a, trunk) is not None) == found


def test_the_trunk_s_bounds_are_parameters():
    assert spine_thigh(*torso(trunk_width=11), SHIPPED._replace(min_trunk=0.5)) is not None
    assert spine_thigh(*torso(trunk_width=35), SHIPPED._replace(max_trunk=2.0)) is not None
    assert spine_thigh(*torso(gap=20), SHIPPED._replace(trunk_gap=1.0)) is not None


def test_either_end_of_the_trunk_may_meet_the_pelvis():
    a, b, _ = torso()
    standing = segment_from((95, 100), UP, 50, 20)
    turned = segment_from((45, 100), DOWN, 50, 20)
    assert standing.axis == pytest.approx(turned.axis)
    assert spine_thigh(a, b, standing) is not None
    assert spine_thigh(a, b, turned) is not None
    sideways = segment_from((100, 100), UP + 60, 50, 20)
    assert spine_thigh(a, b, sideways) is not None


def test_the_trunk_must_lie_across_the_pelvis_only_if_that_is_switched_on():
    a, b, above = torso()
    below = segment_from((105, 100), DOWN, 50, 20)
    opposite = SHIPPED._replace(trunk_opposite=True)
    assert spine_thigh(a, b, above) is not None
    assert spine_thigh(a, b, below) is not None
    assert spine_thigh(a, b, above, opposite) is not None
    assert spine_thigh(a, b, below, opposite) is None


def test_a_thigh_is_not_the_trunk():
    a, b, _ = torso()
    assert find_groups((a, b)).taus["spine_thigh"] == NEVER


# The pelvis that is drawn ---------------------------------------------------------------------


def test_the_pelvis_is_attached_at_the_last_symmetries_where_that_will_do():
    first, second = legs(24)
    pelvis = limb_limb_girdle(first, second).pelvis
    ends = {tuple(np.round(end, 6)) for end in pelvis}
    assert ends in ({(50, 50), (50, 74)}, {(130, 50), (130, 74)})


def test_ends_too_far_apart_are_reached_beyond_the_last_symmetries():
    pelvis = limb_limb_girdle(*facing(60)).pelvis
    assert np.linalg.norm(pelvis[0] - pelvis[1]) == pytest.approx(30)
    assert np.allclose(pelvis[:, 1], 50)
    assert np.allclose(np.sort(pelvis[:, 0]), [155, 185])


def test_ends_too_close_together_slide_apart():
    """Two legs side by side, 6 px apart: the pelvis, 10 px long, runs aslant."""
    first, second = (
        piece(segment_from((50, 50), DOWN, 40, 10)),
        piece(segment_from((50, 56), DOWN, 40, 10)),
    )
    pelvis = np.array(pelvis_ends(first, 0, second, 0, 10.0, 1.0, SHIPPED))
    assert np.linalg.norm(pelvis[0] - pelvis[1]) == pytest.approx(10)
    assert np.allclose(np.sort(pelvis[:, 1]), [50, 56])
    assert pelvis[:, 0].max() == pytest.approx(50)


# Tau ------------------------------------------------------------------------------------------


def test_tau_of_a_ratio_and_of_a_range():
    assert similarity_tau(10.0, 20.0, 0.5) == similarity_tau(20.0, 10.0, 0.5) == 1
    assert similarity_tau(10.0, 40.0, 0.5) == 2
    assert similarity_tau(10.0, 10.0, 0.67) == 0.67
    assert range_tau(0.67, 0.67, 1.5) == range_tau(1.5, 0.67, 1.5) == 1
    assert range_tau(3.0, 0.67, 1.5) == 2
    assert range_tau(0.335, 0.67, 1.5) == 2
    assert range_tau(1.0, 0.67, 1.5) == pytest.approx(0.67)


def join(pair, more=()):
    return (*pair[0].segments, *pair[1].segments, *more)


# Rule, figure by one figure's size x, edge of the interval, and the tau that arithmetic gives.
TAUS = {
    "limb: gap": ("limb", straight, 25.0, lambda x: max(0.5, (x - 20) / 5)),
    "limb: widths": (
        "limb",
        lambda x: straight(other_width=x, other_length=30),
        5.0,
        lambda x: 0.5 * max(10 / x, x / 10),
    ),
    "girdle: long pelvis": (
        "limb_limb_girdle",
        lambda x: join(legs(x)),
        30.0,
        lambda x: max(0.67, x / 30),
    ),
    "girdle: widths": (
        "limb_limb_girdle",
        lambda x: join(legs(22, width=x)),
        6.7,
        lambda x: max(0.67 * max(10 / x, x / 10), 44 / (30 + 3 * x)),
    ),
    "girdle: attachment": (
        "limb_limb_girdle",
        lambda x: join(facing(x)),
        90.0,
        lambda x: max(0.67, (x + 80) / 170),
    ),
    "girdle: aspect": (
        "limb_segment_girdle",
        lambda x: (*leg((50, 50)).segments, segment_from((50, 72), DOWN, x, 10)),
        70.0,
        lambda x: max(0.67, 22 / 30, x / 70),
    ),
    "segment: long pelvis": (
        "limb_segment_girdle",
        lambda x: (*leg((50, 50)).segments, segment_from((50, 50 + x), DOWN, 40, 10)),
        30.0,
        lambda x: max(0.67, x / 30),
    ),
    "trunk: gap": (
        "spine_thigh",
        lambda x: torso(gap=x),
        12.0,
        lambda x: max(24 / 30, x / 12),
    ),
    "trunk: thin": (
        "spine_thigh",
        lambda x: torso(trunk_width=x),
        13.4,
        lambda x: max(24 / 30, 13.4 / x, x / 30),
    ),
    "trunk: wide": (
        "spine_thigh",
        lambda x: torso(trunk_width=x),
        30.0,
        lambda x: max(24 / 30, 13.4 / x, x / 30),
    ),
    "thighs: apart": (
        "spine_thigh",
        lambda x: torso(apart=x),
        30.0,
        lambda x: max(0.67, x / 30),
    ),
    "thighs: widths": (
        "spine_thigh",
        lambda x: torso(width=x),
        6.7,
        lambda x: max(0.67 * max(10 / x, x / 10), 24 / (15 + 1.5 * x), 20 / (15 + 1.5 * x)),
    ),
}


@pytest.mark.parametrize("name", TAUS)
def test_tau_is_one_at_the_edge_continuous_and_what_arithmetic_says(name):
    rule, figure, edge, expected = TAUS[name]

    def tau(x):
        return find_groups(tuple(figure(x))).taus[rule]

    assert tau(edge) == pytest.approx(1, abs=1e-6)
    for x in np.linspace(0.75 * edge, 1.2 * edge, 46):
        assert tau(x) == pytest.approx(expected(x), abs=1e-6) or expected(x) > 2
        passes = len(find_groups(tuple(figure(x))).groups[rule]) > 0
        assert passes == (tau(x) <= 1) == (expected(x) <= 1)


def test_tau_of_the_least_pelvis_is_continuous_and_one_at_the_edge():
    """Relaxing lets the attachments slide as well, so tau rises more slowly than 10 / x."""

    def tau(apart):
        pair = leg((50, 50), length=70.0), leg((50, 50 + apart), length=70.0)
        return find_groups(join(pair)).taus["limb_limb_girdle"]

    assert tau(10.0) == pytest.approx(1, abs=1e-6)
    values = np.array([tau(x) for x in np.linspace(9.5, 10.5, 41)])
    assert (np.diff(values) <= 1e-9).all()
    assert np.abs(np.diff(values)).max() < 0.01
    for x in (8.0, 9.0, 9.8):
        least = tau(x)
        assert math.hypot(x, 70 * (least - 1)) == pytest.approx(10 / least, abs=1e-6)


def test_the_greatest_tau_of_the_parts_counts():
    """Limb 1.2, pelvis 1.1, and so on: one weak joint spoils the group."""
    first = leg((50, 50))
    thigh = segment_from((50, 83), DOWN, 40, 10)
    loose_knee = segment_from((116, 83), DOWN, 40, 10)
    taus = find_groups((*first.segments, thigh, loose_knee)).taus
    assert taus["limb"] == pytest.approx(0.5)
    assert taus["limb_limb_girdle"] == pytest.approx(1.2)
    assert taus["limb_segment_girdle"] == pytest.approx(1.1)


def test_nothing_is_sought_beyond_the_greatest_tau():
    assert find_groups(straight(29.9)).taus["limb"] == pytest.approx(1.98)
    assert find_groups(straight(30.1)).taus["limb"] == NEVER
    wider = SHIPPED._replace(max_tau=3.0)
    assert find_groups(straight(30.1), wider).taus["limb"] == pytest.approx(2.02)


def test_what_is_never_relaxed():
    """Aspect of limbs, folding, crossing and kneecaps answer with infinity, not with a tau."""
    assert find_groups(straight(other_length=14.9)).taus["limb"] == NEVER
    assert joint_tau(*folded(0, 5.1)) == NEVER
    pair = legs(24)
    across = segment_from((70, 20), RIGHT, 32, 10)
    assert find_groups(join(pair, (across,))).taus["limb_limb_girdle"] == NEVER
    broad = SHIPPED._replace(max_pelvis=3.0)
    assert find_groups(join(bent_legs(44, apart=58.0)), broad).taus["limb_limb_girdle"] <= 1
    assert find_groups(join(bent_legs(46, apart=58.0)), broad).taus["limb_limb_girdle"] == NEVER


def test_limbs_beyond_the_limit_are_left_out_and_the_cut_is_told():
    parts = tuple(segment_from((50, 20 * k), DOWN, 30, 10) for k in range(6)) + tuple(
        segment_from((85, 20 * k), DOWN, 30, 10) for k in range(6)
    )
    whole = find_groups(parts)
    assert len(whole.groups["limb"]) > 5
    assert whole.cut == ()
    few = find_groups(parts, SHIPPED._replace(max_limbs=5))
    assert "limbs" in few.cut
    assert len(few.groups["limb"]) <= 5
    assert few.taus["limb"] == whole.taus["limb"]
    listed = find_groups(parts, SHIPPED._replace(max_groups=3))
    assert listed.cut == ("groups",)
    assert listed.taus == whole.taus
    assert all(len(groups) <= 3 for groups in listed.groups.values())
