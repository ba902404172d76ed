"""Drawn capsules come back as segments; ribbons merge up to each bound and not beyond."""

import math
from dataclasses import replace

import numpy as np
import pytest
from drawings import (
    DARK_SKIN,
    NIGHT,
    SKIN,
    SLATE,
    capsule,
    coverage,
    draw,
    run,
    segment,
    turn_between,
    unit,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baseline.detector import Params, detect
from baseline.ribbons import AxisFit, find_ribbons, fit_axis
from baseline.segments import SegmentParams, concatenate, find_segments, merge, one_segment

EVERY_STAGE = Params(score="grouper_first")
ALL_SKIN = np.ones((128, 192), bool)


# Drawn capsules -------------------------------------------------------------------------------


def only_segment(picture):
    found = detect(picture, EVERY_STAGE).segments
    assert len(found) == 1
    return found[0]


def assert_is(found, stroke, angle=1.0, width=0.05, short=0.25, long=0.15):
    """The segment is the stroke: axis in degrees, width in its share, ends in widths."""
    start, piece = np.array(stroke.start), np.subtract(stroke.stop, stroke.start)
    axis = math.atan2(piece[0], piece[1])
    assert 0 <= found.axis < math.pi
    assert turn_between(found.axis, axis) <= angle
    assert abs(found.width / stroke.width - 1) <= width
    along = np.sort((found.ends - start) @ piece) / stroke.length
    beyond = np.array([-along[0], along[1] - stroke.length]) / stroke.width
    assert -short <= beyond.min()
    assert beyond.max() <= long
    assert found.skin_fraction > 0.8


def assert_is_by_outline(found, stroke):
    """Where only the outline shows a stroke: whole pixels tell its sides, to about one px."""
    assert_is(found, stroke, angle=2.5, width=max(0.05, 1.1 / stroke.width), long=0.2)


ANGLES = [*range(0, 180, 10), 1, 179, 45, 135]


@pytest.mark.parametrize("degrees", ANGLES)
@pytest.mark.parametrize(("aspect", "width"), [(1.6, 12), (1.6, 40), (3, 24), (6, 12), (6, 16)])
def test_a_drawn_capsule_is_one_segment(degrees, aspect, width):
    stroke = capsule((64, 96), degrees, aspect * width, width)
    assert_is(only_segment(draw(stroke, ground=NIGHT)), stroke)


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_dark_capsule_is_one_segment(degrees):
    stroke = capsule((64, 96), degrees, 54, 18)
    assert_is(only_segment(draw(stroke, colour=DARK_SKIN, ground=(150, 160, 180))), stroke)


@pytest.mark.parametrize("degrees", ANGLES)
@pytest.mark.parametrize(("aspect", "width"), [(1.6, 12), (3, 24), (5, 14)])
def test_on_a_ground_as_light_as_skin_the_outline_stands_in(degrees, aspect, width):
    stroke = capsule((64, 96), degrees, aspect * width, width)
    picture = draw(stroke, ground=SLATE)
    detection = detect(picture, EVERY_STAGE)
    assert detection.edges.outline.all()
    assert_is_by_outline(only_segment(picture), stroke)


@st.composite
def strokes(draw_from):
    width = draw_from(st.floats(12, 30))
    aspect = draw_from(st.floats(1.6, min(6.0, 110 / width - 1)))
    degrees = draw_from(st.floats(0, 180))
    length = aspect * width
    down, across = (np.abs(length / 2 * unit(degrees)) + width / 2 + 6).tolist()
    row = draw_from(st.floats(down, 127 - down))
    col = draw_from(st.floats(across, 191 - across))
    stroke = capsule((row, col), degrees, length, width)
    spot = coverage((128, 192), replace(stroke, width=width + 16))[8:16, 8:16]
    assume(not spot.any())
    return stroke


@settings(deadline=None, max_examples=60, derandomize=True)
@given(strokes(), st.sampled_from([NIGHT, (60, 75, 95), (20, 30, 50)]))
def test_any_capsule_is_one_segment(stroke, ground):
    assert_is(only_segment(draw(stroke, ground=ground)), stroke)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(strokes())
def test_any_capsule_on_light_ground_is_one_segment(stroke):
    assert_is_by_outline(only_segment(draw(stroke, ground=SLATE)), stroke)


@pytest.mark.parametrize("ground", [NIGHT, SLATE, (0, 60, 40), (235, 240, 250)])
def test_plain_ground_holds_no_segment(ground):
    assert detect(draw(ground=ground), EVERY_STAGE).segments == ()


def test_several_capsules_are_as_many_segments():
    drawn = [
        capsule((30, 50), 10, 60, 16),
        capsule((90, 40), 80, 45, 14),
        capsule((80, 130), 135, 60, 22),
        capsule((20, 160), 0, 40, 12),
    ]
    found = list(detect(draw(*drawn), EVERY_STAGE).segments)
    assert [s.length for s in found] == sorted((s.length for s in found), reverse=True)
    assert len(found) == 4
    for stroke in drawn:
        middle = np.add(stroke.start, stroke.stop) / 2
        nearest = min(found, key=lambda s: math.dist(s.centre, middle))
        assert_is(nearest, stroke)


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_a_thin_isolated_limb_vanishes_in_the_skin_filter(degrees):
    """A strip of 4 px covers less than an eighth of any disc of radius 24: 48 x 4 of 1793 px."""
    detection = detect(draw(capsule((64, 96), degrees, 40, 4)), EVERY_STAGE)
    assert detection.skin.fraction == 0
    assert detection.segments == ()


def test_a_straight_leg_is_one_segment():
    """Thigh and shank in one line: 86 cm by 13 at 1.6 px per cm."""
    stroke = capsule((64, 96), 5, 6.6 * 20, 20)
    assert_is(only_segment(draw(stroke)), stroke)


def test_a_banana_is_no_segment():
    """A strong bend: no straight axis fits."""
    picture = draw(ground=NIGHT)
    rows, cols = np.mgrid[:128, :192]
    ring = np.hypot(rows - 110, cols - 96)
    picture[(np.abs(ring - 50) < 9) & (rows < 100)] = SKIN
    for found in detect(picture, EVERY_STAGE).segments:
        assert found.length < 60  # at most a short, nearly straight stretch of an arc of 150 px


# Segments as rectangles -----------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [0, 30, 90, 150])
def test_ends_aspect_and_corners(degrees):
    part = segment((40, 70), degrees, 30, 10)
    half = 15 * unit(degrees)
    assert np.allclose(part.ends, np.array([40, 70]) + np.array([-half, half]))
    assert part.aspect == 3
    corners = part.corners
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    assert np.allclose(sides, [10, 30, 10, 30])
    assert np.allclose(corners.mean(axis=0), (40, 70))


def test_skin_fraction_is_the_share_of_the_rectangle():
    skin = np.zeros((128, 192), bool)
    skin[:, :96] = True
    (found,), _ = find_segments((run((64, 95.5), 0, 60, 20),), skin)
    assert found.skin_fraction == pytest.approx(0.5, abs=0.02)
    outside = (run((64, 0.5), 0, 60, 20),)
    assert find_segments(outside, ALL_SKIN)[0][0].skin_fraction == pytest.approx(0.5, abs=0.02)


def test_a_rectangle_of_nothing_but_skin_is_all_skin():
    """Rows 54 to 73 and columns 66 to 125 are skin, and just that is the rectangle."""
    skin = np.zeros((128, 192), bool)
    skin[54:74, 66:126] = True
    (found,), _ = find_segments((run((63.5, 95.5), 0, 60, 20),), skin)
    assert found.skin_fraction == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("aspect", "found"), [(1.15, 0), (1.25, 1), (4, 1), (6.95, 1), (7.05, 0)])
def test_length_over_width_from_1_2_to_7(aspect, found):
    segments, cut = find_segments((run((64, 96), 20, 20 * aspect, 20.0),), ALL_SKIN)
    assert len(segments) == found
    assert not cut


def test_of_too_many_segments_the_longest_stay_and_the_cut_is_told():
    ribbons = tuple(run((20 + 20 * k, 96), 0, 30 + 10 * k, 12) for k in range(5))
    segments, cut = find_segments(ribbons, ALL_SKIN, SegmentParams(max_segments=3))
    assert [round(s.length) for s in segments] == [70, 60, 50]
    assert cut
    segments, cut = find_segments(ribbons, ALL_SKIN, SegmentParams(max_segments=5))
    assert len(segments) == 5
    assert not cut


# Merging --------------------------------------------------------------------------------------

WIDTH = 12.0


def two(gap=6.0, degrees=0.0, turn=0.0, offset=0.0, widths=(WIDTH, WIDTH), lengths=(40.0, 30.0)):
    """A longer run and, beyond a gap along its axis, a shorter one: turned, and shifted aside.

    The shorter one's middle lies ``offset`` px off the longer one's axis.
    """
    first = run((64, 80), degrees, lengths[0], widths[0])
    away = (lengths[0] / 2 + gap + lengths[1] / 2) * unit(degrees) + offset * unit(degrees + 90)
    middle = np.array([64.0, 80.0]) + away
    return first, run((middle[0], middle[1]), degrees + turn, lengths[1], widths[1])


BOUNDS = [
    ({"gap": 0.95 * WIDTH}, True),
    ({"gap": 1.05 * WIDTH}, False),
    ({"gap": -0.5 * WIDTH}, True),
    ({"offset": 0.24 * WIDTH}, True),
    ({"offset": 0.26 * WIDTH}, False),
    ({"offset": -0.26 * WIDTH}, False),
    ({"turn": 14.5}, True),
    ({"turn": 15.5}, False),
    ({"turn": -15.5}, False),
    ({"widths": (12.0, 17.9)}, True),
    ({"widths": (12.0, 18.1)}, False),
    ({"widths": (18.1, 12.0)}, False),
]


@pytest.mark.parametrize("degrees", [0, 50, 90, 175])
@pytest.mark.parametrize(("change", "joined"), BOUNDS)
def test_each_bound_of_merging(change, joined, degrees):
    a, b = (fit_axis(part) for part in two(degrees=degrees, **change))
    assert one_segment(a, b) == joined
    assert one_segment(b, a) == joined


@pytest.mark.parametrize("degrees", [0, 50, 90, 175])
@pytest.mark.parametrize(
    ("change", "joined"), [b for b in BOUNDS if "turn" not in b[0] or not b[1]]
)
def test_merging_itself(change, joined, degrees):
    parts = merge(two(degrees=degrees, **change))
    assert len(parts) == (1 if joined else 2)
    if joined:
        ((whole, fit),) = parts
        assert len(whole) == 72
        assert fit.length == pytest.approx(70 + change.get("gap", 6.0), abs=0.3)


def test_the_offset_is_the_shorter_s_middle_from_the_longer_s_axis():
    """Turned by 14 degrees the long one's middle lies far off the short one's axis."""
    long, short = run((64, 60), 0, 70, 12), run((64, 60 + 35 + 6 + 10), 14, 20, 12)
    a, b = fit_axis(long), fit_axis(short)
    assert (long.centre.mean(axis=0) - b.centre) @ unit(14 + 90) > 0.25 * 12
    assert one_segment(a, b)
    assert one_segment(b, a)


def test_what_is_joined_must_still_be_straight():
    """Each bound is kept, but together the middles stray by more than 0.15 widths."""
    first, second = run((64, 40), 0, 60, 10), run((64 + 2.4, 40 + 60 + 4), 14.5, 58, 10)
    assert one_segment(fit_axis(first), fit_axis(second))
    together = fit_axis(concatenate(first, second))
    assert together.rms > 1.5
    assert len(merge((first, second))) == 2


def test_three_pieces_in_a_row_join_in_any_order():
    pieces = [run((64, 30 + 35 * k), 0, 28, 14) for k in range(3)]
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1)):
        parts = merge(tuple(pieces[k] for k in order))
        assert len(parts) == 1
        assert parts[0][1].length == pytest.approx(98)


@pytest.mark.parametrize(("band", "count"), [(10, 1), (30, 2)])
def test_a_band_across_a_limb_parts_it_only_if_it_is_broad(band, count):
    """A bracelet of other colour leaves a gap; one no longer than the limb is wide is bridged."""
    stroke = capsule((64, 96), 0, 130, 20)
    picture = draw(stroke)
    inside = coverage((128, 192), stroke) > 0
    picture[inside & (np.abs(np.arange(192) - 96) <= band / 2)] = SLATE
    found = detect(picture, EVERY_STAGE).segments
    assert len(found) == count
    assert sum(s.length for s in found) == pytest.approx(130 - (band if count == 2 else 0), abs=9)
    assert max(abs(s.width - 20) for s in found) < 1


def test_fits_carry_what_merging_needs():
    fit = fit_axis(find_ribbons(run((64, 96), 30, 50, 14), (128, 192))[0][0])
    assert isinstance(fit, AxisFit)
    assert fit.length == pytest.approx(50)
