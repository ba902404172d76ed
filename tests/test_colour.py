"""Log-opponent space against the exact values of the published formula."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data

from baseline.colour import (
    ColourParams,
    colour_planes,
    log_opponent,
    picture_scale,
    scaled_radius,
    smooth,
    zero_response,
)
from baseline.discs import disc
from baseline.skin import SkinParams, skin_filter

# RGB, I, Rg, By, hue, saturation, tight, loose: n = 0.5, no zero response.
EXACT = [
    ((198, 134, 100), 223.85, 17.64, -21.99, 141.3, 28.2, True, True),
    ((141, 85, 60), 203.39, 22.76, -26.94, 139.8, 35.3, True, True),
    ((92, 56, 40), 184.77, 22.17, -25.96, 139.5, 34.1, True, True),
    ((224, 172, 140), 235.13, 11.95, -15.27, 142.0, 19.4, False, True),
    ((237, 201, 175), 242.17, 7.46, -10.00, 143.3, 12.5, False, True),
    ((210, 180, 140), 237.18, 6.98, -14.84, 154.8, 16.4, False, True),
    ((200, 200, 200), 241.95, 0.0, 0.0, None, 0.0, False, False),
    ((200, 60, 50), 187.83, 54.12, -35.15, 123.0, 64.5, False, True),
]


@pytest.mark.parametrize(
    ("rgb", "intensity", "rg", "by", "hue", "saturation", "tight", "loose"), EXACT
)
def test_exact_values_and_boxes(rgb, intensity, rg, by, hue, saturation, tight, loose):
    image = np.full((64, 96, 3), rgb, np.uint8)
    planes = log_opponent(image)
    for plane, printed, digits in (
        (planes.intensity, intensity, 2),
        (planes.rg, rg, 2),
        (planes.by, by, 2),
        (planes.saturation, saturation, 1),
    ):
        assert round(float(plane[0, 0]), digits) == printed
    if hue is not None:
        assert round(float(planes.hue[0, 0]), 1) == hue
    params = SkinParams()
    at = planes.hue[:1, :1], planes.saturation[:1, :1]
    assert bool(params.red_box.contains(*at) | params.yellow_box.contains(*at)) is tight
    assert bool(params.loose_box.contains(*at)) is loose
    skin = skin_filter(image, planes)
    assert np.all(skin.tight == tight)
    assert np.all(skin.loose == loose)


def test_hue_spans_a_full_turn():
    grey = log_opponent(np.array([[[90, 90, 10]]], np.uint8))
    assert grey.rg[0, 0] == 0
    assert grey.hue[0, 0] == 180
    assert log_opponent(np.array([[[10, 90, 90]]], np.uint8)).hue[0, 0] < 0


# Zero response --------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_zero_response_is_the_least_value_of_any_plane_inside_the_border(plane):
    image = np.full((40, 60, 3), 90, np.uint8)
    image[9, 30, plane] = image[30, 9, plane] = image[30, 50, plane] = image[30, 59, plane] = 3
    assert zero_response(image) == 90
    image[29, 49, plane] = 7
    assert zero_response(image) == 7


def test_the_border_does_not_grow_with_the_picture():
    image = np.full((128, 192, 3), 90, np.uint8)
    image[10, 10] = 5
    assert zero_response(image) == 5
    assert zero_response(image[:64, :96]) == 5


@pytest.mark.parametrize("shape", [(20, 100), (100, 20), (1, 1), (20, 20), (3, 200)])
def test_a_small_picture_is_taken_whole(shape):
    image = np.full((*shape, 3), 90, np.uint8)
    image[0, 0, 1] = 4
    assert zero_response(image) == 4


def test_at_21_px_only_the_middle_is_left():
    image = np.full((21, 21, 3), 90, np.uint8)
    image[10, 10] = 80
    image[10, 9] = image[9, 10] = 4
    assert zero_response(image) == 80


def test_zero_response_is_subtracted_from_all_three_planes():
    image = data.coffee()[:60, :80] // 2 + 60
    zero = zero_response(image)
    assert zero > 0
    below = np.minimum(image, zero)
    for got, expected in zip(
        vars(colour_planes(image)).values(),
        vars(colour_planes((image - below).astype(np.uint8))).values(),
        strict=True,
    ):
        assert np.array_equal(got, expected)


def test_what_is_darker_than_the_zero_response_counts_as_zero():
    planes = log_opponent(np.array([[[3, 9, 1]]], np.uint8), zero=10)
    assert planes.intensity[0, 0] == pytest.approx(105 * math.log10(1.5), abs=1e-4)
    assert planes.rg[0, 0] == planes.by[0, 0] == 0


# Noise and smoothing --------------------------------------------------------------------------


def test_noise_is_added_once_to_each_value():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    noise = rng.random((3, 30, 40), dtype=np.float32)
    planes = log_opponent(image, noise)
    levels = 105 * np.log10(np.moveaxis(image, 2, 0) + 1.0 + noise)
    red = planes.rg + planes.intensity
    blue = planes.by + (planes.intensity + red) / 2
    assert np.abs(np.stack([red, planes.intensity, blue]) - levels).max() < 2e-4


def test_output_runs_from_0_to_about_254():
    ends = log_opponent(np.array([[[0] * 3, [255] * 3]], np.uint8), noise=0.0).intensity
    assert ends[0, 0] == 0
    assert 252 < ends[0, 1] < 254


def test_seeded_noise_gives_the_same_answer_and_another_seed_another():
    image = data.chelsea()[::4, ::4]
    first, again = colour_planes(image), colour_planes(image.copy())
    other = colour_planes(image, ColourParams(seed=7))
    assert np.array_equal(first.intensity, again.intensity)
    assert np.array_equal(first.rg, again.rg)
    assert np.array_equal(first.by, again.by)
    assert not np.array_equal(first.intensity, other.intensity)


def test_noise_lies_in_zero_to_one_and_differs_between_planes():
    planes = colour_planes(np.zeros((100, 150, 3), np.uint8), ColourParams(smoothing_radius=0.0))
    levels = 10 ** (planes.intensity / 105) - 1
    assert 0 <= levels.min() < 0.01
    assert 0.99 < levels.max() < 1 + 1e-5
    assert planes.rg.std() > 1


def test_opponent_planes_are_disc_medians_and_intensity_is_left_alone():
    image = data.coffee()[::4, ::4][:96, :144]
    raw = log_opponent(image)
    smoothed = smooth(raw)
    footprint = disc(2 * (96 + 144) / 320)
    assert np.array_equal(smoothed.intensity, raw.intensity)
    for name in ("rg", "by"):
        expected = ndimage.median_filter(getattr(raw, name), footprint=footprint, mode="nearest")
        assert np.array_equal(getattr(smoothed, name), expected)


def test_scale_is_1_at_the_window_and_radii_never_fall_below_1():
    assert picture_scale((128, 192)) == picture_scale((192, 128, 3)) == 1
    assert picture_scale((64, 96)) == 0.5
    assert scaled_radius(24, 0.5) == 12
    assert scaled_radius(2, 0.1) == 1


# Exposure -------------------------------------------------------------------------------------

# The law is (d): it follows from the formula. By has these figures of its own, for B within the
# same floor: 0.6 and 1.4. Rounding the dimmed picture to 8 bits adds to all four.
EXACT_DIMMING = {40: (1.0, 0.6), 20: (1.8, 1.4)}
ROUNDED_DIMMING = {40: (1.3, 1.4), 20: (2.6, 2.7)}


@st.composite
def dimmed(draw, floor):
    gain = draw(st.floats(0.5, 1))
    least = math.ceil(floor / gain)
    green = draw(st.integers(least, 255))
    red = draw(st.integers(green, min(255, int(2.5 * green))))
    blue = draw(st.integers(least, 255))
    return np.array([[[red, green, blue]]]), gain


def _shift(before, after):
    first, second = log_opponent(before), log_opponent(after)
    return abs(second.rg - first.rg).item(), abs(second.by - first.by).item()


@pytest.mark.parametrize("floor", [40, 20])
@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.data())
def test_dimming_the_light_hardly_moves_the_opponent_planes(floor, data):
    image, gain = data.draw(dimmed(floor))
    for after, (rg_limit, by_limit) in (
        (image * gain, EXACT_DIMMING[floor]),
        (np.rint(image * gain), ROUNDED_DIMMING[floor]),
    ):
        rg, by = _shift(image, after)
        assert rg <= rg_limit
        assert by <= by_limit


@pytest.mark.parametrize("floor", [40, 20])
def test_the_exposure_figures_are_not_slack(floor):
    """At half the light, over all greens, the worst shifts come near the stated figures."""
    green = np.arange(2 * floor, 256)
    red, blue = np.minimum(255, green * 5 // 2), np.full_like(green, 2 * floor)
    rows = np.stack([red, green, blue], axis=1)[None]
    before, after = log_opponent(rows), log_opponent(rows * 0.5)
    assert np.abs(after.rg - before.rg).max() > EXACT_DIMMING[floor][0] / 2.1
    assert np.abs(after.by - before.by).max() > EXACT_DIMMING[floor][1] * 0.8
