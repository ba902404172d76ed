"""Symmetries and ribbons against geometry computed by hand, and against an obvious twin."""

import math

import numpy as np
import pytest
from drawings import (
    DARK_SKIN,
    NIGHT,
    Capsule,
    capsule,
    coverage,
    draw,
    paint,
    run,
    turn_between,
    unit,
)

from baseline.detector import Params, detect
from baseline.edges import EdgePoints
from baseline.ribbons import RibbonParams, find_ribbons, fit_axis
from baseline.segments import concatenate
from baseline.symmetry import SymmetryParams, local_symmetries

SHAPE = (128, 128)
ALL_SKIN = np.ones(SHAPE, bool)
EVERY_STAGE = Params(score="grouper_first")


def points(positions, normals, outline=None, pixels=None):
    """Edge points by hand: positions in px, normals in degrees."""
    count = len(positions)
    return EdgePoints(
        np.array(positions, float),
        np.radians(np.array(normals, float)),
        np.full(count, 9.0),
        np.zeros(count, np.int64),
        np.zeros(count, bool) if outline is None else np.array(outline, bool),
        np.zeros(SHAPE, bool) if pixels is None else pixels,
    )


def side(middle, degrees, length, normal, step=1.0):
    """Points along a straight edge, all with one normal."""
    along = np.arange(-length / 2, length / 2 + step / 2, step)[:, None] * unit(degrees)
    return list(np.array(middle) + along), [normal] * len(along)


def two_sides(degrees, width, length=40.0, centre=(64.0, 64.0), inwards=0):
    """Both sides of a straight limb; gradients point apart, or with ``inwards=180`` together."""
    across = width / 2 * unit(degrees + 90)
    near, near_normals = side(np.array(centre) + across, degrees, length, degrees + 90 + inwards)
    far, far_normals = side(np.array(centre) - across, degrees, length, degrees - 90 + inwards)
    return near + far, near_normals + far_normals


def pair(width=20.0, skew=0.0, taper=0.0, inwards=0):
    """Two points whose chord is level; both normals turned by given angles, in degrees.

    The chord's angles with the tangents differ by ``skew``, the tangents by ``taper``.
    """
    positions = [(64.0, 64 - width / 2), (64.0, 64 + width / 2)]
    first, second = 180 + (skew - taper) / 2, (skew + taper) / 2
    return positions, [first + inwards, second + inwards]


# Pairs of points ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "found"), [(3.99, 0), (4.01, 1), (20, 1), (63.99, 1), (64.01, 0)]
)
def test_widths_from_4_to_64_px(width, found):
    assert len(local_symmetries(points(*pair(width)), ALL_SKIN)) == found


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("skew", "taper", "found"),
    [(14.9, 0, 1), (15.1, 0, 0), (0, 29.9, 1), (0, 30.1, 0), (14.9, 29.9, 1), (10, 30.1, 0)],
)
def test_skew_to_15_degrees_and_taper_to_30(skew, taper, found, sign):
    for inwards in (0, 180):
        edges = points(*pair(skew=sign * skew, taper=sign * taper, inwards=inwards))
        symmetries = local_symmetries(edges, ALL_SKIN)
        assert len(symmetries) == found
        if found:
            assert symmetries.centre[0] == pytest.approx((64, 64))
            assert symmetries.width[0] == pytest.approx(20)
            expected = math.radians(90 + sign * skew / 2)
            assert turn_between(symmetries.axis[0], expected) < 1e-6


@pytest.mark.parametrize(
    ("turned", "found"),
    [((0, 0), 1), ((180, 180), 1), ((180, 0), 0), ((0, 180), 0)],
)
def test_gradients_point_apart_or_together_but_not_the_same_way(turned, found):
    """A dark limb on light ground, a light one on dark ground, and the two sides of a staircase."""
    positions, normals = pair()
    edges = points(positions, np.array(normals) + turned)
    assert len(local_symmetries(edges, ALL_SKIN)) == found


@pytest.mark.parametrize(
    ("outline", "turned", "found"),
    [
        ((1, 1), (0, 0), 1),  # both point out of the skin between them
        ((1, 1), (180, 180), 0),  # out of two skins, across a gap
        ((1, 1), (180, 0), 0),
        ((1, 0), (0, 0), 1),
        ((1, 0), (0, 180), 1),  # the gradient beside an outline may point either way
        ((1, 0), (180, 0), 0),
        ((0, 1), (0, 0), 1),
        ((0, 1), (180, 0), 1),
        ((0, 1), (0, 180), 0),
    ],
)
def test_an_outline_points_off_the_chord(outline, turned, found):
    positions, normals = pair()
    edges = points(positions, np.array(normals) + turned, outline)
    assert len(local_symmetries(edges, ALL_SKIN)) == found


@pytest.mark.parametrize(("bare", "found"), [(0, 1), (6, 1), (10, 0), (40, 0)])
def test_four_fifths_of_the_chord_must_be_skin(bare, found):
    """The chord of 40 px is looked at over the 36 px that lie 2 px from its ends."""
    skin = ALL_SKIN.copy()
    skin[:, 60 : 60 + bare] = False
    assert len(local_symmetries(points(*pair(40.0)), skin)) == found


@pytest.mark.parametrize(
    ("column", "found"), [(64, 0), (48, 0), (80, 0), (45, 1), (83, 1), (40, 1)]
)
def test_no_other_edge_between(column, found):
    """A chord from column 44 to 84: the 2 px at its ends are not looked at."""
    pixels = np.zeros(SHAPE, bool)
    pixels[:, column] = True
    edges = points(*pair(40.0), pixels=pixels)
    assert len(local_symmetries(edges, ALL_SKIN)) == found


def thin_line(middle, degrees, length=70.0):
    """Pixels of a line one pixel thin: of its neighbours some touch by a corner only."""
    direction = unit(degrees)
    major = int(abs(direction[1]) > abs(direction[0]))
    steps = np.arange(-length / 2, length / 2, 0.1)[:, None] * direction + middle
    cells = np.rint(steps).astype(int)
    _, first = np.unique(cells[:, major], return_index=True)
    pixels = np.zeros(SHAPE, bool)
    pixels[tuple(cells[first].T)] = True
    return pixels


@pytest.mark.parametrize("degrees", range(0, 180, 15))
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_a_thin_edge_between_blocks_at_every_angle(degrees, shift):
    """However it lies on the pixels: a chord must not slip through where two touch by a corner."""
    middle = np.array([64.0, 64.0]) + shift * unit(degrees + 90)
    edges = points(*two_sides(degrees, 30.0), pixels=thin_line(middle, degrees))
    assert len(local_symmetries(points(*two_sides(degrees, 30.0)), ALL_SKIN)) >= 41
    assert len(local_symmetries(edges, ALL_SKIN)) == 0


@pytest.mark.parametrize("degrees", range(0, 180, 15))
@pytest.mark.parametrize("shift", [0.0, 0.7, 1.3])
def test_two_skins_side_by_side_are_not_one_limb(degrees, shift):
    """Half of a drawn capsule is dark: no chord may run from one outer side to the other."""
    stroke = capsule((64, 96), degrees, 70, 40)
    picture = draw(stroke, ground=NIGHT)
    rows, cols = np.mgrid[:128, :192]
    over, right = unit(degrees + 90)
    half = np.clip((rows - 64) * over + (cols - 96) * right + shift + 0.5, 0, 1)
    picture = paint(picture, coverage(picture.shape, stroke) * half, DARK_SKIN)
    symmetries = detect(picture, EVERY_STAGE).symmetries
    middle = symmetries.centre - (64, 96)
    straight = np.abs(middle @ unit(degrees)) < 35
    assert (symmetries.width[straight] < 25).sum() > 50
    assert (symmetries.width[straight] > 34).sum() == 0


# Lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [0, 17, 45, 60, 90, 120, 135, 150, 179])
@pytest.mark.parametrize("inwards", [0, 180])
def test_two_parallel_lines(degrees, inwards):
    """Straight across there is one symmetry for each point, and the neighbourhood rule keeps it.

    Chords may slant by 7.5 degrees, to 2.6 px aside, all within 6 px of the one straight across.
    """
    edges = points(*two_sides(degrees, 20.0, inwards=inwards))
    symmetries = local_symmetries(edges, ALL_SKIN)
    assert len(symmetries) == 41
    away = symmetries.centre - 64
    assert np.abs(away @ unit(degrees + 90)).max() < 1e-9
    assert np.allclose(np.sort(away @ unit(degrees)), np.arange(-20, 21))
    assert np.allclose(symmetries.width, 20)
    assert max(turn_between(axis, math.radians(degrees)) for axis in symmetries.axis) < 1e-6
    assert np.allclose(np.linalg.norm(symmetries.left - symmetries.right, axis=1), 20)


@pytest.mark.parametrize("degrees", [0, 33, 90, 168])
@pytest.mark.parametrize(("opening", "found"), [(10, True), (29, True), (31, False)])
def test_a_wedge(degrees, opening, found):
    """Symmetric points lie equally far from the tip, on chords 2 d sin(opening / 2) long."""
    tip = np.array([64.0, 64.0]) - 50 * unit(degrees)
    away = np.arange(30.0, 80.0)
    upper, lower = (tip + away[:, None] * unit(degrees + s * opening / 2) for s in (1, -1))
    normals = [degrees + opening / 2 + 90] * len(away) + [degrees - opening / 2 - 90] * len(away)
    symmetries = local_symmetries(points([*upper, *lower], normals), ALL_SKIN)
    if not found:
        assert len(symmetries) == 0
        return
    distance = np.linalg.norm(symmetries.left - tip, axis=1)
    other = np.linalg.norm(symmetries.right - tip, axis=1)
    exact = np.abs(distance - other) < 1e-6
    assert exact.sum() == (2 * away * math.sin(math.radians(opening / 2)) >= 4).sum()
    chord = 2 * distance[exact] * math.sin(math.radians(opening / 2))
    assert np.allclose(symmetries.width[exact], chord)
    middle = symmetries.centre[exact] - tip
    assert np.abs(middle @ unit(degrees + 90)).max() < 1e-6
    assert np.allclose(
        middle @ unit(degrees), distance[exact] * math.cos(math.radians(opening / 2))
    )
    axes = [turn_between(axis, math.radians(degrees)) for axis in symmetries.axis[exact]]
    assert max(axes) < 1e-6


def test_a_light_gap_between_two_dark_things_is_not_a_limb():
    """White between two pieces of dark skin: a light strip, but no skin."""
    upper, lower = capsule((44, 96), 0, 110, 26), capsule((84, 96), 0, 110, 26)
    picture = draw(upper, lower, colour=DARK_SKIN, ground=(240, 244, 250))
    detection = detect(picture, EVERY_STAGE)
    assert len(detection.segments) == 2
    assert sorted(round(s.centre[0]) for s in detection.segments) == [44, 84]
    assert not ((detection.symmetries.centre[:, 0] - 64) ** 2 < 36).any()


def slow_symmetries(edges, params):
    """Every pair by the definition, in degrees; no skin and no blocking edges to look at."""
    half = lambda angle: (angle + 90) % 180 - 90  # noqa: E731
    angle = np.degrees(edges.normal)
    partners = []
    for p in range(len(edges)):
        row = []
        for q in range(len(edges)):
            chord = edges.position[q] - edges.position[p]
            width = math.hypot(*chord)
            if p == q or not params.min_width <= width <= params.max_width:
                continue
            phi = math.degrees(math.atan2(chord[0], chord[1]))
            d_p, d_q = half(angle[p] - phi), half(angle[q] - phi)
            if abs(d_p + d_q) > params.skew or abs(d_p - d_q) > params.taper:
                continue
            out_p = math.cos(math.radians(angle[p] - phi)) < 0
            out_q = math.cos(math.radians(angle[q] - phi)) > 0
            if edges.outline[p] or edges.outline[q]:
                fits = (out_p or not edges.outline[p]) and (out_q or not edges.outline[q])
            else:
                fits = out_p == out_q
            if fits:
                row.append((abs(d_p + d_q) / params.skew + abs(d_p - d_q) / params.taper, q))
        partners.append(row)
    kept = set()
    for p, row in enumerate(partners):
        for cost, q in row:
            near = [
                other
                for other, r in row
                if math.dist(edges.position[q], edges.position[r]) <= params.rival_distance
            ]
            if cost <= min(near):
                kept.add(frozenset((tuple(edges.position[p]), tuple(edges.position[q]))))
    return kept


@pytest.mark.parametrize("seed", range(6))
def test_random_points_are_paired_as_an_obvious_twin_pairs_them(seed):
    rng = np.random.default_rng(seed)
    count = 160
    edges = points(
        rng.uniform(0, 127, (count, 2)),
        rng.choice([0, 90, 180, 270], count) + rng.normal(0, 8, count),
        rng.random(count) < 0.3,
    )
    found = local_symmetries(edges, ALL_SKIN)
    ours = {frozenset((tuple(a), tuple(b))) for a, b in zip(found.left, found.right, strict=True)}
    assert len(ours) == len(found) > 50
    assert ours == slow_symmetries(edges, SymmetryParams())


def test_axes_lie_in_a_half_turn():
    rng = np.random.default_rng(3)
    for degrees in (0, 1e-9, -1e-9, 179.9999, 90):
        positions, normals = two_sides(degrees, 20.0)
        jitter = rng.normal(0, 1e-9, (len(positions), 2))
        found = local_symmetries(points(positions + jitter, normals), ALL_SKIN)
        assert (found.axis >= 0).all()
        assert (found.axis < math.pi).all()


def test_no_points_no_symmetries():
    empty = points(np.empty((0, 2)), np.empty(0))
    assert len(local_symmetries(empty, ALL_SKIN)) == 0
    assert len(local_symmetries(points([(5.0, 5.0)], [0.0]), ALL_SKIN)) == 0


# Axes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_an_axis_is_fitted_to_the_middles(degrees):
    fit = fit_axis(run((40.25, 60.5), degrees, 37.0, 12.0))
    assert fit.centre == pytest.approx((40.25, 60.5))
    assert turn_between(fit.axis, math.radians(degrees)) < 1e-6
    assert 0 <= fit.axis < math.pi
    assert (fit.length, fit.width) == pytest.approx((37, 12))
    assert (fit.rms, fit.variation) == pytest.approx((0, 0), abs=1e-9)


def test_fit_tells_how_crooked_and_how_uneven():
    straight = run((50, 50), 0, 60.0, 20.0)
    swing = np.where(np.arange(len(straight)) % 2, 1.5, -1.5)
    straight.centre[:, 0] += swing
    straight.width[:] = 20 + 4 * np.where(np.arange(len(straight)) % 2, 1, -1)
    fit = fit_axis(straight)
    assert fit.rms == pytest.approx(1.5, rel=0.01)
    assert fit.variation == pytest.approx(0.2, rel=0.01)


def test_a_stretch_shorter_than_wide_takes_the_symmetries_own_axes():
    short = run((50, 50), 90, 10.0, 20.0)
    short.centre[:, 1] += np.linspace(-6, 6, len(short))  # the middles drift sideways
    assert turn_between(fit_axis(short).axis, math.radians(90)) < 1e-6


# Ribbons --------------------------------------------------------------------------------------


def ribbons_of(*runs, params=RibbonParams(), shape=(128, 192)):
    together = runs[0]
    for other in runs[1:]:
        together = concatenate(together, other)
    return find_ribbons(together, shape, params)


def collinear(gap, degrees=0.0, width=12.0, length=30.0, centre=(64.0, 96.0)):
    """Two runs on one line, ``gap`` px between them."""
    away = (gap + length) / 2 * unit(degrees)
    first, second = np.array(centre) - away, np.array(centre) + away
    return run(first, degrees, length, width), run(second, degrees, length, width)


@pytest.mark.parametrize("degrees", [*range(0, 180, 10), 177, 179, 3])
def test_a_straight_run_is_one_ribbon(degrees):
    whole = run((60, 100), degrees, 50.0, 14.0)
    found, cut = ribbons_of(whole)
    assert [len(r) for r in found] == [len(whole)]
    assert not cut


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_run_whose_axes_straddle_the_wrap_is_one_ribbon(degrees):
    """Near the wrap, half of the axes read just above 0 and half just below 180 degrees."""
    whole = run((30, 40), degrees, 50.0, 14.0)
    jitter = np.random.default_rng(0).normal(0, math.radians(2), len(whole))
    whole.axis[:] = (whole.axis + jitter) % math.pi
    found, _ = ribbons_of(whole)
    assert [len(r) for r in found] == [len(whole)]


@pytest.mark.parametrize("degrees", [0, 25, 90, 140])
@pytest.mark.parametrize(("gap", "count"), [(11, 1), (13.5, 2)])
def test_a_gap_of_up_to_a_width_is_bridged(degrees, gap, count):
    found, _ = ribbons_of(*collinear(gap, degrees))
    assert len(found) == count
    assert sum(len(r) for r in found) == 62


@pytest.mark.parametrize(("length", "count"), [(7.4, 1), (6.4, 0)])
def test_eight_places_along_the_axis_make_a_ribbon(length, count):
    """Symmetries every 0.2 px; places are whole pixels along the axis from the middle, 95.5."""
    found, _ = ribbons_of(run((63.5, 95.8 + length / 2), 0, length, 12.0, step=0.2))
    assert len(found) == count


def test_many_symmetries_in_one_place_are_no_ribbon():
    crowd = run((64, 96), 0, 3.0, 12.0, step=0.05)
    assert len(crowd) > 50
    assert ribbons_of(crowd)[0] == ()


@pytest.mark.parametrize(("spread", "count"), [(0.2, 1), (0.3, 0)])
def test_width_varies_by_a_quarter_at_most(spread, count):
    uneven = run((64, 96), 0, 60.0, 20.0)
    uneven.width[:] *= np.where(np.arange(len(uneven)) % 2, 1 + spread, 1 - spread)
    found, _ = ribbons_of(uneven, params=RibbonParams(octave_bin=2.0))
    assert len(found) == count


@pytest.mark.parametrize(("swing", "count"), [(2.7, 1), (3.3, 0)])
def test_middles_stray_by_015_widths_at_most(swing, count):
    """Width 20: the root mean square may be 3 px."""
    wavy = run((64, 96), 0, 60.0, 20.0)
    wavy.centre[:, 0] += np.where(np.arange(len(wavy)) % 2, swing, -swing)
    found, _ = ribbons_of(wavy)
    assert len(found) == count


@pytest.mark.parametrize(("swing", "count"), [(0.9, 1), (1.1, 0)])
def test_a_thin_ribbon_may_stray_by_one_px(swing, count):
    wavy = run((64, 96), 0, 60.0, 5.0)
    wavy.centre[:, 0] += np.where(np.arange(len(wavy)) % 2, swing, -swing)
    found, _ = ribbons_of(wavy)
    assert len(found) == count


def test_crossing_runs_are_two_ribbons():
    found, _ = ribbons_of(run((64, 96), 20, 60.0, 12.0), run((64, 96), 100, 40.0, 12.0))
    assert sorted(len(r) for r in found) == [41, 61]


def test_parallel_runs_are_two_ribbons_strongest_first():
    found, _ = ribbons_of(run((40, 96), 0, 40.0, 12.0), run((80, 96), 0, 70.0, 12.0))
    assert [len(r) for r in found] == [71, 41]


def test_a_narrow_run_inside_a_wide_one_is_a_ribbon_of_its_own():
    found, _ = ribbons_of(run((64, 96), 0, 60.0, 40.0), run((64, 96), 0, 50.0, 12.0))
    assert sorted(len(r) for r in found) == [51, 61]


def test_a_search_that_reaches_its_limit_says_so():
    runs = run((30, 96), 0, 60.0, 12.0), run((64, 96), 0, 50.0, 12.0), run((98, 96), 0, 40.0, 12.0)
    found, cut = ribbons_of(*runs, params=RibbonParams(max_peaks=2))
    assert [len(r) for r in found] == [61, 51]
    assert cut
    found, cut = ribbons_of(*runs, params=RibbonParams(max_peaks=4))
    assert len(found) == 3
    assert not cut


def test_a_search_that_ends_just_at_its_limit_was_not_cut():
    found, cut = ribbons_of(run((30, 96), 0, 60.0, 12.0), params=RibbonParams(max_peaks=1))
    assert len(found) == 1
    assert not cut


def test_nothing_gives_nothing():
    empty = local_symmetries(points(np.empty((0, 2)), np.empty(0)), ALL_SKIN)
    assert find_ribbons(empty, (128, 192)) == ((), False)


# From pixels to ribbons -----------------------------------------------------------------------


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_a_drawn_capsule_is_one_ribbon(degrees):
    stroke = capsule((64, 96), degrees, 60, 20)
    ribbons = detect(draw(stroke), EVERY_STAGE).ribbons
    assert len(ribbons) == 1
    fit = fit_axis(ribbons[0])
    assert turn_between(fit.axis, math.radians(degrees)) < 0.5
    assert fit.rms < 0.3
    assert fit.variation < 0.05


def test_plain_ground_and_a_lone_disc_give_no_ribbon():
    assert detect(draw(), EVERY_STAGE).ribbons == ()
    lone = detect(draw(Capsule((64, 96), (64, 96), 50.0)), EVERY_STAGE)
    assert lone.skin.fraction > 0.05
    assert lone.segments == ()
