"""The skin filter: order statistics against obvious twins, steps against hand-made maps."""

import numpy as np
import pytest
from drawings import SKIN
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data

from baseline.colour import LogOpponent, colour_planes, log_opponent, smooth
from baseline.detector import reduce
from baseline.discs import disc, disc_median, disc_offsets, disc_share
from baseline.skin import (
    ColourBox,
    SkinMap,
    SkinParams,
    hsv_skin_filter,
    skin_filter,
    smooth_enough,
)

PALE = (224, 172, 140)  # loose, not tight
GREY = (128, 128, 128)


PHOTOGRAPHS = [
    (name, window)
    for name in ("astronaut", "coffee", "chelsea")
    for window in [(128, 192), (70, 111)]
]


def photograph(name, window):
    return reduce(getattr(data, name)(), window)


# Discs ----------------------------------------------------------------------------------------

# Every disc that smoothing meets at SCALE 1 or less, and the others of the filter.
RADII = [1.0, 1.2, 2**0.5, 1.9, 2.0, 2.5, 4.0, 6.0]


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (23, 40)])
def test_disc_median_is_scipy_s(radius, shape):
    rng = np.random.default_rng(int(100 * radius))
    for plane in (
        rng.normal(size=shape).astype(np.float32),
        rng.integers(0, 3, shape).astype(np.float32),  # ties
    ):
        expected = ndimage.median_filter(plane, footprint=disc(radius), mode="nearest")
        assert np.array_equal(disc_median(plane, radius), expected)


@pytest.mark.parametrize("radius", [1, 2, 4, 6, 24])
def test_a_disc_is_a_radius_and_not_a_width(radius):
    footprint = disc(radius)
    assert footprint.shape == (2 * radius + 1,) * 2
    assert footprint[radius, 0]
    assert footprint[radius, -1]
    assert footprint[0].sum() == 1  # a disc, not a square
    assert len(disc_offsets(radius)) == footprint.sum()
    assert not disc_offsets(radius).sum(axis=0).any()


def slow_share(mask, radius):
    reach = int(radius)
    padded = np.pad(mask, reach, mode="edge")
    around = [
        (r, c)
        for r in range(-reach, reach + 1)
        for c in range(-reach, reach + 1)
        if r * r + c * c <= radius * radius
    ]
    height, width = mask.shape
    counts = np.zeros(mask.shape, int)
    for r, c in around:
        counts += padded[reach + r : reach + r + height, reach + c : reach + c + width]
    return counts / len(around)


@pytest.mark.parametrize("radius", [1.0, 2.5, 7.3, 14.4, 24.0])
def test_disc_share_is_its_slow_twin_s(radius):
    rng = np.random.default_rng(5)
    for mask in (rng.random((40, 61)) < 0.3, rng.random((128, 40)) < 0.9, np.eye(9) > 0):
        share = disc_share(mask, radius)
        assert np.array_equal(share, slow_share(mask, radius).astype(np.float32))


# Texture --------------------------------------------------------------------------------------


def as_skin(intensity):
    nothing = np.zeros(intensity.shape, bool)
    plane = intensity.astype(np.float32)
    return SkinMap(
        nothing, nothing, nothing, nothing, LogOpponent(plane, plane, plane), SkinParams()
    )


def assert_counting_equals_the_medians(intensity):
    everywhere = np.ones(intensity.shape, bool)
    expected = as_skin(intensity).texture <= 5
    assert np.array_equal(smooth_enough(intensity.astype(np.float32), everywhere), expected)
    return expected


@pytest.mark.parametrize("shape", [(128, 192), (64, 100), (30, 30), (5, 60)])
@pytest.mark.parametrize("spread", [3.0, 6.0, 8.0, 30.0])
def test_texture_by_counting_on_noise(shape, spread):
    rng = np.random.default_rng(1)
    smooth = rng.normal(150, spread, shape)
    assert_counting_equals_the_medians(smooth)
    assert_counting_equals_the_medians(np.rint(smooth))  # amplitudes of exactly 5 occur


def test_texture_by_counting_on_steps():
    rows, cols = np.mgrid[:100, :120]
    verdicts = np.array(
        [
            assert_counting_equals_the_medians(150 + height * ((rows + 2 * cols) // period % 3))
            for height in (5, 20)
            for period in (1, 3, 8, 24)
        ]
    )
    assert 0.1 < verdicts.mean() < 0.9


@pytest.mark.parametrize(("name", "window"), PHOTOGRAPHS)
def test_texture_by_counting_on_photographs(name, window):
    planes = colour_planes(photograph(name, window))
    verdict = assert_counting_equals_the_medians(planes.intensity)
    assert 0.05 < verdict.mean() < 1


def test_texture_of_exactly_five_is_smooth_and_of_a_little_more_is_not():
    """In a knight's-move pattern four pixels in five lie one level off the median, 0."""
    rows, cols = np.mgrid[:96, :96]
    levels = np.array([-1.0, 1.0, 0.0, -1.0, 1.0])[(rows + 2 * cols) % 5]
    everywhere = np.ones(levels.shape, bool)
    inner = np.s_[10:-10, 10:-10]
    assert smooth_enough((150 + 5.0 * levels).astype(np.float32), everywhere)[inner].all()
    assert not smooth_enough((150 + 5.125 * levels).astype(np.float32), everywhere)[inner].any()


def test_texture_is_answered_only_where_it_is_asked():
    rng = np.random.default_rng(6)
    plane = rng.normal(150, 6, (128, 192)).astype(np.float32)
    where = rng.random(plane.shape) < 0.02
    asked = smooth_enough(plane, where)
    assert np.array_equal(asked, smooth_enough(plane, np.ones_like(where)) & where)
    assert not smooth_enough(plane, np.zeros_like(where)).any()


# Steps of the filter --------------------------------------------------------------------------


def painted(shape, *layers):
    """Picture of flat colours, each under a mask; the first covers all."""
    image = np.empty((*shape, 3), np.uint8)
    for mask, colour in layers:
        image[mask] = colour
    return image


def filtered(image):
    return skin_filter(image, log_opponent(image))


def test_both_ends_of_a_box_belong_to_it():
    box = ColourBox((110, 150), (20, 60))
    hue = np.array([110, 109.99, 150, 150.01, 130, 130, 130, 130], np.float32)
    saturation = np.array([20, 20, 60, 60, 20, 19.99, 60, 60.01], np.float32)
    assert box.contains(hue, saturation).tolist() == [1, 0, 1, 0, 1, 0, 1, 0]


def test_a_straight_edge_moves_out_by_15_px_at_scale_1():
    cols = np.broadcast_to(np.arange(192), (128, 192))
    skin = filtered(painted((128, 192), (cols >= 0, PALE), (cols < 80, SKIN)))
    assert np.array_equal(skin.tight, cols < 80)
    assert np.array_equal(skin.enlarged, cols < 80 + 15)
    assert np.array_equal(skin.mask, skin.enlarged)


def test_the_move_follows_scale():
    cols = np.broadcast_to(np.arange(96), (64, 96))
    skin = filtered(painted((64, 96), (cols >= 0, PALE), (cols < 40, SKIN)))
    moved = skin.mask[32].sum() - 40
    assert 7 <= moved <= 8


@pytest.mark.parametrize(("radius", "stays"), [(8, False), (9, True)])
def test_an_isolated_disc_of_radius_8_vanishes_and_one_of_9_stays(radius, stays):
    rows, cols = np.mgrid[:128, :192]
    inside = (rows - 64) ** 2 + (cols - 96) ** 2 <= radius**2
    skin = filtered(painted((128, 192), (rows >= 0, PALE), (inside, SKIN)))
    assert skin.tight[64, 96]
    assert skin.mask.any() == stays
    assert skin.mask[64, 96] == stays


def test_the_loose_test_trims_the_enlargement_to_skin_coloured_pixels():
    cols = np.broadcast_to(np.arange(192), (128, 192))
    image = painted((128, 192), (cols >= 0, GREY), (cols < 100, PALE), (cols < 92, SKIN))
    skin = filtered(image)
    assert skin.enlarged[:, :107].all()
    assert np.array_equal(skin.mask, cols < 100)


def test_texture_is_not_tested_in_the_loose_stage():
    rng = np.random.default_rng(8)
    cols = np.broadcast_to(np.arange(192), (128, 192))
    rough = np.rint(np.multiply.outer(rng.uniform(0.4, 1.1, (128, 192)), PALE)).astype(np.uint8)
    image = np.where((cols < 96)[..., None], np.array(SKIN, np.uint8), rough)
    skin = filtered(image)
    band = np.s_[:, 96:110]
    assert (skin.texture[:, 104:110] > 5).all()
    assert not skin.tight[:, 104:110].any()
    assert np.array_equal(skin.mask[band], skin.loose[band])
    assert skin.mask[band].mean() > 0.9


def test_rough_skin_colour_alone_is_not_skin():
    rng = np.random.default_rng(9)
    rough = np.rint(np.multiply.outer(rng.uniform(0.3, 1.2, (128, 192)), SKIN)).astype(np.uint8)
    skin = filtered(rough)
    assert skin.loose.mean() > 0.99
    assert not skin.mask.any()


def test_nothing_tight_gives_nothing():
    skin = filtered(painted((50, 70), (np.ones((50, 70), bool), PALE)))
    assert skin.loose.all()
    assert skin.fraction == 0


def test_fraction_is_the_share_of_the_whole_picture():
    cols = np.broadcast_to(np.arange(192), (128, 192))
    skin = filtered(painted((128, 192), (cols >= 0, GREY), (cols < 48, SKIN)))
    assert skin.fraction == 0.25


@pytest.mark.parametrize(("name", "window"), PHOTOGRAPHS)
def test_the_whole_filter_is_the_published_one_in_plain_scipy(name, window):
    """The published steps again, one by one, with nothing but numpy and scipy."""
    image = photograph(name, window)
    height, width = image.shape[:2]
    scale = (height + width) / 320
    raw = log_opponent(image, zero=int(image[10:-10, 10:-10].min()))

    def median(plane, radius):
        return ndimage.median_filter(plane, footprint=disc(max(1, radius * scale)), mode="nearest")

    rg, by = median(raw.rg, 2), median(raw.by, 2)
    texture = median(np.abs(raw.intensity - median(raw.intensity, 4)), 6)
    hue, saturation = np.degrees(np.arctan2(rg, by)), np.sqrt(rg**2 + by**2)
    red = (hue >= 110) & (hue <= 150) & (saturation >= 20) & (saturation <= 60)
    yellow = (hue >= 130) & (hue <= 170) & (saturation >= 30) & (saturation <= 130)
    tight = (texture <= 5) & (red | yellow)
    enlarged = slow_share(tight, 24 * scale) >= 1 / 8
    loose = (hue >= 110) & (hue <= 180) & (saturation <= 130)

    skin = skin_filter(image, smooth(raw))
    assert np.array_equal(skin.tight, tight)
    assert np.array_equal(skin.enlarged, enlarged)
    assert np.array_equal(skin.mask, enlarged & loose)
    assert 0 < skin.fraction < 1


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_small_picture_is_filtered(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    skin = skin_filter(image, colour_planes(image))
    assert skin.mask.shape == skin.texture.shape == (height, width)
    assert not (skin.tight & (skin.texture > 5)).any()
    assert not (skin.mask & ~skin.enlarged).any()


# HSV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rgb", "marked"),
    [
        (SKIN, True),  # hue 21, saturation .49
        ((200, 153, 100), True),  # hue 32, saturation .50
        ((200, 60, 50), False),  # saturation .75
        ((237, 201, 190), False),  # saturation .20
        ((200, 100, 110), False),  # hue 354
        ((200, 180, 100), True),  # hue 48
        ((200, 190, 100), False),  # hue 54
        ((150, 200, 100), False),  # hue 90
        (GREY, False),
        ((40, 27, 20), True),  # as dark as you like
    ],
)
def test_hsv_rule(rgb, marked):
    image = np.full((12, 16, 3), rgb, np.uint8)
    skin = hsv_skin_filter(image, colour_planes(image))
    assert np.all(skin.mask == marked)
