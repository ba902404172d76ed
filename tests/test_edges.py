"""Edges of rendered steps, where geometry tells what must be found."""

import math

import numpy as np
import pytest
from scipy import ndimage

from baseline.colour import LogOpponent
from baseline.edges import EdgeParams, edge_points, gaussian_gradient
from baseline.skin import SkinMap, SkinParams

SIGMA = EdgeParams.sigma


def step_for(gradient, sigma=SIGMA):
    """Height of the ideal step that has this gradient."""
    return gradient * sigma * math.sqrt(2 * math.pi)


def skin_map(intensity, mask=None, loose=None, rg=None):
    """A skin map made by hand; without a mask all is skin."""
    everywhere = np.ones(np.shape(intensity), bool)
    mask = everywhere if mask is None else mask
    flat = np.zeros(np.shape(intensity), np.float32)
    planes = LogOpponent(
        np.asarray(intensity, np.float32), flat if rg is None else np.asarray(rg, np.float32), flat
    )
    return SkinMap(mask, everywhere, mask if loose is None else loose, mask, planes, SkinParams())


def slanted_step(degrees, offset, height=60.0, size=96, fine=8):
    """Step rising along a direction, each pixel the mean of 8 x 8 samples."""
    down, across = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    samples = (np.arange(size * fine) + 0.5) / fine - 0.5 - (size - 1) / 2
    inside = samples[:, None] * down + samples[None, :] * across > offset
    return 100 + height * inside.reshape(size, fine, size, fine).mean(axis=(1, 3))


# Gradient -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
def test_gradient_of_an_ideal_step(sigma):
    """The step lies half-way between two pixels, so the crest is met by interpolation."""
    plane = np.zeros((40, 60), np.float32)
    plane[:, 30:] = 50
    row, col = gaussian_gradient(plane, sigma)
    ideal = 50 / (sigma * math.sqrt(2 * math.pi))
    assert not row.any()
    for offset in (0.5, 1.5, 2.5, 5.5):
        expected = ideal * math.exp(-(offset**2) / (2 * sigma**2))
        left, right = col[20, int(29.5 - offset)], col[20, int(29.5 + offset)]
        assert left == pytest.approx(right, abs=1e-4)
        assert left == pytest.approx(expected, abs=0.02 * ideal)


def test_gradient_of_a_ramp_is_its_slope_in_both_directions():
    rows, cols = np.mgrid[:50, :60]
    row, col = gaussian_gradient((3 * rows - 2 * cols).astype(np.float32), SIGMA)
    inner = np.s_[8:-8, 8:-8]
    assert np.allclose(row[inner], 3, atol=1e-3)
    assert np.allclose(col[inner], -2, atol=1e-3)


def test_gradient_is_that_of_scipy_s_gaussian_derivative():
    plane = np.random.default_rng(0).normal(0, 10, (40, 50)).astype(np.float32)
    row, col = gaussian_gradient(plane, SIGMA)
    for ours, order in ((row, (1, 0)), (col, (0, 1))):
        expected = ndimage.gaussian_filter(plane, SIGMA, order=order, mode="nearest", truncate=4)
        assert np.allclose(ours, expected, atol=0.01 * np.abs(expected).max())


# Canny ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", range(0, 360, 15))
@pytest.mark.parametrize("offset", [0.25, 0.5])
def test_a_slanted_step_is_found_to_an_eighth_of_a_pixel(degrees, offset):
    edges = edge_points(skin_map(slanted_step(degrees, offset)))
    away = edges.position - 47.5
    inner = (np.abs(away) < 36).all(axis=1)
    angle = math.radians(degrees)
    distance = away[inner] @ (math.sin(angle), math.cos(angle)) - offset
    turn = np.angle(np.exp(1j * (edges.normal[inner] - angle)), deg=True)
    assert inner.sum() >= 72
    assert np.abs(distance).max() < 1 / 8
    assert abs(distance.mean()) < 0.05
    assert np.abs(turn).max() < 0.5
    assert len(np.unique(edges.curve[inner])) == 1
    assert not edges.outline.any()
    ideal = 60 / (SIGMA * math.sqrt(2 * math.pi))
    assert np.allclose(edges.strength[inner], ideal, rtol=0.06)


def test_pixels_are_those_that_hold_the_points():
    edges = edge_points(skin_map(slanted_step(30, 0.0)))
    nearest = np.rint(edges.position).astype(int)
    assert edges.pixels.sum() == len(edges)
    assert ndimage.binary_dilation(edges.pixels)[nearest[:, 0], nearest[:, 1]].all()


def stepped(gradients, cols=60, place=0.25):
    """Vertical step near column 29 whose gradient may differ from row to row.

    It lies at 29.5 - place: a quarter of a pixel off the half-way between two columns, unless
    told otherwise, so that there is no tie for the crest.
    """
    plane = np.full((len(gradients), cols), 100.0)
    height = step_for(np.array(gradients))
    plane[:, 30:] += height[:, None]
    plane[:, 29] += place * height
    return plane


@pytest.mark.parametrize(
    ("strong", "weak", "found"),
    [
        (5.5, 5.5, "all"),
        (4.5, 4.5, "none"),  # no point reaches the high threshold
        (5.5, 2.4, "all"),  # the weak part continues the strong one
        (5.5, 1.6, "strong"),
        (1.6, 1.6, "none"),
    ],
)
def test_hysteresis(strong, weak, found):
    edges = edge_points(skin_map(stepped([strong] * 30 + [weak] * 30)))
    rows = np.rint(edges.position[:, 0]).astype(int)
    if found == "none":
        assert len(edges) == 0
        return
    assert set(range(24)) <= set(rows)
    if found == "all":
        assert set(rows) == set(range(60))
    else:
        assert rows.max() < 36


def test_a_step_half_way_between_two_columns_makes_one_curve():
    """Two pixels tie for the crest there: one of them must win in every row."""
    gradients = [5.5] * 30 + [2.4] * 30
    edges = edge_points(skin_map(stepped(gradients, place=0.0)))
    assert len(np.unique(edges.curve)) == 1
    assert set(np.rint(edges.position[:, 0])) == set(range(60))


@pytest.mark.parametrize(("gradient", "found"), [(4.9, False), (5.4, True)])
def test_high_threshold_is_five_log_units_per_px(gradient, found):
    assert (len(edge_points(skin_map(stepped([gradient] * 40)))) > 0) == found


@pytest.mark.parametrize(("rows", "points"), [(3, 0), (4, 8), (6, 10)])
def test_curves_of_less_than_eight_pixels_are_dropped(rows, points):
    """Edges reach 2 px beyond the skin, so a strip of 3 rows leaves a curve of 7 points."""
    mask = np.zeros((60, 60), bool)
    mask[28 : 28 + rows] = True
    skin = skin_map(stepped([12.0] * 60), mask, loose=np.ones((60, 60), bool))
    assert len(edge_points(skin)) == points


@pytest.mark.parametrize(("last", "found"), [(30, True), (28, True), (27, True), (26, False)])
def test_edges_lie_in_the_skin_or_up_to_two_px_outside(last, found):
    """The crest pixel of the step at 29.25 is in column 29."""
    mask = np.zeros((60, 60), bool)
    mask[:, : last + 1] = True
    edges = edge_points(skin_map(stepped([12.0] * 60), mask, loose=np.ones((60, 60), bool)))
    assert (len(edges) == 60) == found
    assert (len(edges) == 0) != found


def test_planes_all_sees_a_step_of_colour_alone():
    rg = stepped([8.0] * 60) - 100
    skin = skin_map(np.full((60, 60), 150.0), rg=rg)
    assert len(edge_points(skin)) == 0
    edges = edge_points(skin, EdgeParams(planes="all"))
    assert len(edges) == 60
    assert np.allclose(edges.position[:, 1], 29.25, atol=0.05)


# Outline --------------------------------------------------------------------------------------

FLAT = np.full((60, 80), 150.0)


def half(stop, shape=(60, 80)):
    return np.broadcast_to(np.arange(shape[1]) < stop, shape).copy()


def test_outline_lies_half_a_pixel_outside_where_colour_ends_the_skin():
    edges = edge_points(skin_map(FLAT, mask=half(40)))
    assert len(edges) == 60
    assert edges.outline.all()
    assert not edges.strength.any()
    assert np.allclose(edges.position[:, 1], 39.5)
    assert np.allclose(edges.normal, 0, atol=1e-3)  # out of the skin
    assert np.array_equal(np.argwhere(edges.pixels), [(row, 39) for row in range(60)])


def test_no_outline_where_only_the_enlargement_stops():
    assert len(edge_points(skin_map(FLAT, mask=half(40), loose=half(50)))) == 0


def test_of_an_outline_only_the_stretch_that_colour_ends_counts():
    loose = half(40)
    loose[:30, 40:50] = True
    edges = edge_points(skin_map(FLAT, mask=half(40), loose=loose))
    assert np.array_equal(np.unique(edges.position[:, 0]), np.arange(30, 60))


def test_no_outline_along_the_picture_s_border():
    assert len(edge_points(skin_map(FLAT))) == 0
    frame = np.zeros((60, 80), bool)
    frame[:, 20:60] = True
    edges = edge_points(skin_map(FLAT, mask=frame))
    assert set(np.rint(edges.position[:, 1])) <= {19, 20, 59, 60}
    assert len(edges) == 120


def test_outline_can_be_switched_off():
    assert len(edge_points(skin_map(FLAT, mask=half(40)), EdgeParams(outline=False))) == 0


def test_outlines_of_less_than_eight_pixels_are_dropped():
    for rows, points in ((7, 0), (8, 8)):
        mask = half(40, (rows, 80))
        assert len(edge_points(skin_map(FLAT[:rows], mask=mask))) == points


@pytest.mark.parametrize(("shift", "kept"), [(0, False), (1, False), (3, False), (4, True)])
def test_an_outline_within_three_px_of_a_canny_edge_gives_way(shift, kept):
    """The outline's pixels lie ``shift`` columns from those of the Canny edge."""
    plane = stepped([9.0] * 60, cols=80)
    canny = edge_points(skin_map(plane), EdgeParams(outline=False))
    column = np.flatnonzero(canny.pixels.any(axis=0)).item()
    mask = half(column - shift + 1)
    edges = edge_points(skin_map(plane, mask=mask), EdgeParams(reach=8))
    assert (~edges.outline).sum() == 60
    assert edges.outline.sum() == (60 if kept else 0)


def test_outline_s_normal_points_out_of_the_skin_all_round():
    rows, cols = np.mgrid[:100, :100]
    edges = edge_points(
        skin_map(np.full((100, 100), 150.0), (rows - 50) ** 2 + (cols - 50) ** 2 < 900)
    )
    away = edges.position - 50
    outwards = np.arctan2(away[:, 0], away[:, 1])
    turn = np.angle(np.exp(1j * (edges.normal - outwards)), deg=True)
    assert edges.outline.all()
    assert len(edges) > 150
    assert np.abs(turn).max() < 6
    assert np.allclose(np.hypot(*away.T), 30, atol=0.8)


def test_canny_and_outline_curves_have_labels_of_their_own():
    plane = stepped([12.0] * 60, cols=80)
    edges = edge_points(skin_map(plane, mask=half(70)))
    assert edges.outline.any()
    assert not edges.outline.all()
    assert not set(edges.curve[edges.outline]) & set(edges.curve[~edges.outline])


def test_no_skin_no_edges():
    nothing = np.zeros((60, 96), bool)
    plane = slanted_step(20, 0.0)[:60]
    assert len(edge_points(skin_map(plane, nothing, nothing))) == 0
