"""The search over all choices of parts against the predicates, and against an obvious twin."""

import itertools
import math

import numpy as np
import pytest
from drawings import segment, segment_from, unit
from scipy.optimize import minimize

from baseline.grouping import (
    CONFIGURATIONS,
    RULES,
    find_groups,
    limb,
    limb_limb_girdle,
    limb_segment_girdle,
    spine_thigh,
)
from baseline.rules import NEVER, GroupingParams

# Published: the order of inclusion is partial, and F is not within G.
WITHIN = [
    ("A", "C"), ("B", "C"), ("C", "F"), ("C", "G"), ("A", "E"), ("D", "E"), ("E", "F"),
    ("F", "H"), ("G", "H"),
]  # fmt: skip


def test_configurations_are_nested_as_published():
    order = set(WITHIN)
    while True:
        more = {(a, d) for a, b in order for c, d in order if b == c} - order
        if not more:
            break
        order |= more
    for a, b in itertools.permutations(CONFIGURATIONS, 2):
        assert (CONFIGURATIONS[a] < CONFIGURATIONS[b]) == ((a, b) in order)
    assert not CONFIGURATIONS["F"] <= CONFIGURATIONS["G"]
    assert list(CONFIGURATIONS) == list("ABCDEFGH")


def test_the_primary_configuration_has_every_rule_but_the_lone_limb():
    assert CONFIGURATIONS["F"] == set(RULES) - {"limb"}
    assert frozenset().union(*CONFIGURATIONS.values()) == set(RULES)


def scene(seed, count=11, extent=95.0):
    """Random segments of a body's proportions, close enough together to make groups."""
    rng = np.random.default_rng(seed)
    return tuple(
        segment(
            rng.uniform(0, extent, 2), rng.uniform(0, 180), rng.uniform(14, 45), rng.uniform(7, 13)
        )
        for _ in range(count)
    )


def key(*parts):
    """Which segments, in whichever order."""
    return frozenset(frozenset(id(s) for s in part) for part in parts)


def joint(found):
    """A limb by its segments and the ends at its joint."""
    return frozenset((id(part), end) for part, end in zip(found.segments, found.joint, strict=True))


EVERYTHING = GroupingParams(max_groups=100_000)
SWITCHES = [
    EVERYTHING,
    EVERYTHING._replace(refuse_crossing=False),
    EVERYTHING._replace(refuse_crossing=False, refuse_kneecaps=False),
    EVERYTHING._replace(trunk_opposite=True),
]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("params", SWITCHES)
def test_the_search_finds_exactly_what_the_predicates_accept(seed, params):
    parts = scene(seed)
    found = find_groups(parts, params).groups

    accepted = [limb(a, b, params) for a, b in itertools.combinations(parts, 2)]
    accepted = {key(g.segments): g.tau for g in accepted if g}
    least = {}
    for group in found["limb"]:
        least.setdefault(key(group.segments), group.tau)
    assert least == pytest.approx(accepted)

    limbs = found["limb"]
    accepted = {}
    for first, second in itertools.combinations(limbs, 2):
        if group := limb_limb_girdle(first, second, parts, params):
            accepted[frozenset((joint(first), joint(second)))] = group.tau
    ours = {frozenset(joint(part) for part in g.limbs): g.tau for g in found["limb_limb_girdle"]}
    assert ours == pytest.approx(accepted)

    accepted = {}
    for first, other in itertools.product(limbs, parts):
        if group := limb_segment_girdle(first, other, parts, params):
            accepted[joint(first), id(other)] = group.tau
    ours = {(joint(g.limb), id(g.segment)): g.tau for g in found["limb_segment_girdle"]}
    assert ours == pytest.approx(accepted)

    accepted = {}
    for a, b in itertools.combinations(parts, 2):
        for trunk in parts:
            if trunk not in (a, b) and (group := spine_thigh(a, b, trunk, params)):
                accepted[key((a, b), (trunk,))] = group.tau
    ours = {key(g.thighs, (g.trunk,)): g.tau for g in found["spine_thigh"]}
    assert ours == pytest.approx(accepted)


def test_the_scenes_hold_groups_of_every_rule():
    counts = dict.fromkeys(RULES, 0)
    for seed in range(8):
        for rule, groups in find_groups(scene(seed), SWITCHES[2]).groups.items():
            counts[rule] += len(groups)
    assert min(counts.values()) > 10


@pytest.mark.parametrize("seed", range(30))
def test_a_rule_passes_exactly_when_its_tau_is_at_most_one(seed):
    grouping = find_groups(scene(seed, count=9, extent=130.0))
    for rule in RULES:
        groups, tau = grouping.groups[rule], grouping.taus[rule]
        assert (len(groups) > 0) == (tau <= 1)
        assert [g.tau for g in groups] == sorted(g.tau for g in groups)
        assert all(g.rule == rule and g.tau <= 1 for g in groups)
        if groups:
            assert groups[0].tau == tau
        assert tau <= 2 or tau == NEVER
    girdles = min(grouping.taus["limb_limb_girdle"], grouping.taus["limb_segment_girdle"])
    assert grouping.taus["limb"] <= girdles


@pytest.mark.parametrize("seed", range(12))
def test_taus_do_not_depend_on_place_turn_size_mirror_or_order(seed):
    rng = np.random.default_rng(seed)
    parts = scene(seed, extent=120.0)
    turn, size, mirror = rng.uniform(0, 360), rng.uniform(0.5, 3), rng.choice([-1, 1])
    across, along = unit(turn + 90), unit(turn)
    moved = [
        segment(
            size * (mirror * s.centre[0] * across + s.centre[1] * along) + (300, 200),
            turn + mirror * math.degrees(s.axis),
            size * s.length,
            size * s.width,
        )
        for s in parts
    ]
    rng.shuffle(moved)
    before, after = find_groups(parts).taus, find_groups(tuple(moved)).taus
    for rule in RULES:
        assert after[rule] == pytest.approx(before[rule], rel=1e-6)


# An obvious twin of the pelvis ----------------------------------------------------------------


def pelvis_exists(a, out_a, b, out_b, width, reach_a, reach_b, tau):
    """Is any distance between the two attachment intervals in [0.5, 1.5] twice the width?

    The least is sought by a general optimiser; the greatest lies at ends of the intervals.
    """
    if min(reach_a, reach_b) < 0:
        return False
    away = lambda t: float(np.linalg.norm(a + t[0] * out_a - b - t[1] * out_b))  # noqa: E731
    corners = list(itertools.product((0.0, reach_a), (0.0, reach_b)))
    bounds = [(0.0, reach_a), (0.0, reach_b)]
    starts = [*corners, (reach_a / 2, reach_b / 2)]
    least = min(
        minimize(lambda t: away(t) ** 2, start, bounds=bounds, method="L-BFGS-B").fun
        for start in starts
    )
    return (
        math.sqrt(least) <= 2 * width * 1.5 * tau
        and max(away(t) for t in corners) >= 2 * width * 0.5 / tau
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_pelvis_exists_where_an_obvious_twin_finds_one(seed):
    """Asked through the rule for limb and segment, all else being as good as it can be."""
    rng = np.random.default_rng(1000 + seed)
    thigh = segment_from((60, 60), 90, rng.uniform(16, 40), 10)
    shank = segment_from(thigh.ends[1], 90, 30, 10)
    other = segment(
        thigh.ends[0] + rng.normal(0, 35, 2), rng.uniform(0, 180), rng.uniform(16, 60), 10
    )
    first = limb(thigh, shank)
    params = GroupingParams(refuse_crossing=False)
    free = (
        [(part, 1 - end) for part, end in zip(first.segments, first.joint, strict=True)],
        [(other, 0), (other, 1)],
    )

    def exists(tau):
        return any(
            pelvis_exists(
                s.ends[end], (2 * end - 1) * unit(math.degrees(s.axis)),
                o.ends[stop], (2 * stop - 1) * unit(math.degrees(o.axis)),
                10.0, 70 * tau - s.length, 70 * tau - o.length, tau,
            )
            for (s, end), (o, stop) in itertools.product(*free)
        )  # fmt: skip

    crossing = any(_cross(s, other) for s in (thigh, shank))
    girdle = limb_segment_girdle(first, other, params=params)
    assert (girdle is not None) == (exists(1.0) and not crossing)
    if girdle is not None and girdle.tau > 0.7:
        assert exists(girdle.tau + 1e-3)
        assert not exists(girdle.tau - 1e-3)


def _cross(s, t):
    """Whether two pieces cross, by solving for the crossing."""
    (p, q), (r, u) = s.ends, t.ends
    matrix = np.stack([q - p, r - u], axis=1)
    if abs(np.linalg.det(matrix)) < 1e-9:
        return False
    shares = np.linalg.solve(matrix, r - p)
    return bool(((shares > 0) & (shares < 1)).all())


@pytest.mark.parametrize("seed", range(8))
def test_every_pelvis_keeps_its_bounds(seed):
    """Its length, and its attachments: on the axis, beyond the end, not beyond 7 widths."""
    groups = find_groups(scene(seed), SWITCHES[1]).groups
    checked = 0
    for group in (g for rule in RULES[1:] for g in groups[rule]):
        if group.rule == "limb_limb_girdle":
            sides = [part.segments for part in group.limbs]
        elif group.rule == "limb_segment_girdle":
            sides = [group.limb.segments, (group.segment,)]
        else:
            sides = [(group.thighs[0],), (group.thighs[1],)]
        width = np.mean([np.mean([s.width for s in side]) for side in sides])
        length = np.linalg.norm(group.pelvis[0] - group.pelvis[1])
        assert 0.5 * 2 * width - 1e-6 <= length <= 1.5 * 2 * width + 1e-6
        for point, side in zip(group.pelvis, sides, strict=True):
            assert any(_attaches(point, s) for s in side)
        checked += 1
    assert checked > 0


def _attaches(point, part):
    axis = unit(math.degrees(part.axis))
    along, across = (point - part.centre) @ axis, (point - part.centre) @ (axis[1], -axis[0])
    beyond = abs(along) - part.length / 2
    room = 7 * part.width - part.length
    return abs(across) < 1e-6 and -1e-6 <= beyond <= room + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_cut_search_keeps_the_best_limbs(seed):
    parts = scene(seed, extent=60.0)
    whole, few = find_groups(parts), find_groups(parts, GroupingParams(max_limbs=3))
    assert len(whole.groups["limb"]) > 3
    assert few.cut == ("limbs",)
    assert [g.tau for g in few.groups["limb"]] == [g.tau for g in whole.groups["limb"][:3]]


# Edges of the search --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_segments_make_no_group(count):
    grouping = find_groups(scene(0)[:count])
    assert set(grouping.groups) == set(grouping.taus) == set(RULES)
    assert not any(grouping.groups.values())
    assert set(grouping.taus.values()) == {NEVER}
    assert grouping.cut == ()


def test_a_whole_stick_figure_holds_every_group():
    """Trunk, two thighs, two shanks: parts are 1 px a cm, a few px apart at the joints."""
    trunk = segment_from((60, 60), -90, 44, 30)
    thighs = [segment_from((66, 60 + s * 10), 90 - s * 12, 40, 15) for s in (-1, 1)]
    shanks = [
        segment_from(t.ends[1] + 5 * unit(math.degrees(t.axis)), math.degrees(t.axis), 38, 11)
        for t in thighs
    ]
    grouping = find_groups((trunk, *thighs, *shanks))
    assert all(grouping.groups[rule] for rule in RULES)
    spine = [g for g in grouping.groups["spine_thigh"] if g.trunk is trunk]
    assert any(set(map(id, g.thighs)) == set(map(id, thighs)) for g in spine)
    pairs = [key(*(part.segments for part in g.limbs)) for g in grouping.groups["limb_limb_girdle"]]
    assert key((thighs[0], shanks[0]), (thighs[1], shanks[1])) in pairs
