"""The whole detector: its score, its stages, its limits, and what it makes of stick figures."""

import hashlib
import json
import subprocess
import sys
from functools import cache
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawings import (
    DARK_SKIN,
    NIGHT,
    SKIN,
    SLATE,
    canvas,
    capsule,
    draw,
    paint,
    posed,
    scattered,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import fisher_exact
from skimage import data

from baseline.colour import colour_planes
from baseline.detector import Params, detect, graded_score, least_tau, reduce
from baseline.grouping import CONFIGURATIONS, RULES, Grouping
from baseline.records import record
from baseline.ribbons import RibbonParams
from baseline.rules import NEVER, GroupingParams
from baseline.segments import SegmentParams
from baseline.skin import SkinParams, hsv_skin_filter, skin_filter

CASCADE, GROUPER_FIRST = Params(), Params(score="grouper_first")


def taus(**given):
    """What the search says of a picture: the taus alone matter to the score."""
    return Grouping(dict.fromkeys(RULES, ()), {rule: given.get(rule, NEVER) for rule in RULES}, ())


# Score ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fraction", "tau", "score"),
    [
        (0.0, None, 0.0),
        (0.15, None, 0.125),
        (0.2999999, None, 0.25),
        (0.3, NEVER, 0.25),
        (1.0, NEVER, 0.25),
        (0.5, 2.0, 0.25),
        (0.5, 1.25, 0.4),
        (0.5, 1.0, 0.5),
        (0.5, 0.8, 0.6),
        (0.3, 0.67, 0.665),
    ],
)
def test_score_of_the_cascade(fraction, tau, score):
    grouping = None if tau is None else taus(spine_thigh=tau)
    assert graded_score(fraction, grouping, "F") == pytest.approx(score, abs=1e-6)


def test_the_image_test_outweighs_any_group_in_the_cascade_only():
    strong = taus(spine_thigh=0.7)
    assert graded_score(0.2, strong, "F") == pytest.approx(0.25 * 0.2 / 0.3)
    assert graded_score(0.2, strong, "F", GROUPER_FIRST) == pytest.approx(0.65)


def test_score_without_the_image_test():
    assert graded_score(0.2, taus(), "F", GROUPER_FIRST) == pytest.approx(0.05)
    assert graded_score(1.0, taus(), "F", GROUPER_FIRST) == pytest.approx(0.25)
    assert graded_score(0.0, taus(limb=1.6), "G", GROUPER_FIRST) == pytest.approx(0.3125)


def test_score_is_continuous_where_its_formula_changes():
    def at(tau):
        return graded_score(0.5, taus(limb=tau), "G")

    tiny = 1e-9
    assert at(1 - tiny) == pytest.approx(at(1 + tiny), abs=1e-8)
    assert at(1.0) == 0.5
    assert at(np.nextafter(1.0, 2)) < 0.5
    assert at(2.0) == graded_score(0.5, taus(), "G")
    assert graded_score(0.3 - tiny, None, "G") == pytest.approx(
        graded_score(0.3, taus(), "G"), abs=1e-8
    )


@settings(deadline=None, max_examples=200, derandomize=True)
@given(
    st.fixed_dictionaries({rule: st.floats(0.5, 3) for rule in RULES}),
    st.floats(0, 1),
    st.sampled_from(["cascade", "grouper_first"]),
)
def test_any_score(found, fraction, name):
    """In [0, 1]; at least 0.5 just when a rule passes; never higher in a smaller configuration."""
    params = Params(score=name)
    found = {rule: tau if tau <= 2 else NEVER for rule, tau in found.items()}
    for rule in ("limb_limb_girdle", "limb_segment_girdle"):
        found["limb"] = min(found["limb"], found[rule])
    grouping = taus(**found)
    scores = {c: graded_score(fraction, grouping, c, params) for c in CONFIGURATIONS}
    for name, score in scores.items():
        assert 0 <= score <= 1
        tau = least_tau(grouping, name)
        assert tau == min(found[rule] for rule in CONFIGURATIONS[name])
        reached = params.score == "grouper_first" or fraction >= params.skin.min_fraction
        assert (score >= 0.5) == (reached and tau <= 1)
    for a, b in permutations(CONFIGURATIONS, 2):
        if CONFIGURATIONS[a] < CONFIGURATIONS[b]:
            assert scores[a] <= scores[b]


@pytest.mark.parametrize("score", ["cascade", "grouper_first"])
@pytest.mark.parametrize("max_tau", [1.5, 2.0, 3.0])
def test_a_group_found_only_by_much_relaxing_counts_no_less_than_none(score, max_tau):
    params = Params(score=score, grouping=GroupingParams(max_tau=max_tau))
    barely = graded_score(1.0, taus(spine_thigh=max_tau), "F", params)
    assert barely >= graded_score(1.0, taus(), "F", params)


@pytest.mark.parametrize("score", ["cascade", "grouper_first"])
@pytest.mark.parametrize("max_tau", [0.8, 1.0, 2.0, 3.0])
def test_no_group_is_no_mark_however_far_the_search_relaxes(score, max_tau):
    params = Params(score=score, grouping=GroupingParams(max_tau=max_tau))
    for fraction in (0.0, 0.29, 0.3, 1.0):
        assert graded_score(fraction, taus(), "F", params) < 0.5


def pictures():
    """Stick figures, the same sticks scattered, photographs, and plain ground."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        strokes, height, width = posed(rng)
        yield draw(*strokes, height=height, width=width, ground=SLATE)
        loose = scattered(rng, strokes, height, width, apart=bool(seed % 2))
        yield draw(*loose, height=height, width=width, ground=NIGHT)
        yield draw(*strokes[:: 2 + seed % 3], height=height + 60, width=width + 60, ground=NIGHT)
    for name in ("astronaut", "coffee", "chelsea"):
        yield getattr(data, name)()
    yield draw(capsule((64, 96), 20, 90, 45))
    yield canvas(90, 130, SKIN)
    yield np.full((90, 130, 3), 128, np.uint8)


@pytest.mark.parametrize("score", ["cascade", "grouper_first"])
def test_scores_decisions_and_groups_agree_in_every_configuration(score):
    reached = set()
    for image in pictures():
        found = detect(image, Params(score=score))
        graded = {c: found.graded(c) for c in CONFIGURATIONS}
        for a, b in permutations(CONFIGURATIONS, 2):
            if CONFIGURATIONS[a] < CONFIGURATIONS[b]:
                assert graded[a] <= graded[b]
        for configuration in CONFIGURATIONS:
            own = detect(image, Params(score=score, configuration=configuration))
            assert own.score == graded[configuration]
            assert own.decision == (own.score >= 0.5) == (own.stopped_at is None)
            assert own.decision == bool(own.groups)
            assert {g.rule for g in own.groups} <= CONFIGURATIONS[configuration]
            assert all(g.tau <= 1 for g in own.groups)
            reached.add(own.stopped_at)
    assert reached >= {"segments", "groups", None}
    assert ("skin_filter" in reached) == (score == "cascade")


# Stages ---------------------------------------------------------------------------------------


def figure(seed=0, ground=SLATE):
    strokes, height, width = posed(np.random.default_rng(seed))
    return draw(*strokes, height=height, width=width, ground=ground)


def test_stopped_at_names_the_stage_that_said_no():
    grey = detect(np.full((100, 150, 3), 128, np.uint8))
    assert (grey.stopped_at, grey.decision, grey.grouping) == ("skin_filter", False, None)
    assert grey.edges is None
    assert grey.symmetries is None
    assert grey.segments == grey.groups == grey.ribbons == ()

    plain = detect(canvas(100, 150, SKIN))
    assert (plain.stopped_at, plain.score) == ("segments", 0.25)
    assert plain.skin.fraction > 0.99
    assert plain.grouping is not None

    lone = detect(draw(capsule((64, 96), 0, 110, 56)))
    assert lone.stopped_at == "groups"
    assert len(lone.segments) == 1
    assert lone.score == 0.25

    marked = detect(figure())
    assert marked.stopped_at is None
    assert marked.decision
    assert marked.groups


def test_the_image_test_passes_at_exactly_its_fraction():
    image = figure()
    fraction = detect(image).skin.fraction
    assert 0.3 <= fraction < 0.5
    at = detect(image, Params(skin=SkinParams(min_fraction=fraction)))
    above = detect(image, Params(skin=SkinParams(min_fraction=np.nextafter(fraction, 1))))
    assert at.decision
    assert above.stopped_at == "skin_filter"
    assert above.score == pytest.approx(0.25)


def test_a_small_figure_is_found_only_without_the_image_test():
    strokes, height, width = posed(np.random.default_rng(1))
    wide = draw(*strokes, height=height, width=width + 120, ground=SLATE)
    wide = reduce(wide, (192, 300))
    window = (192, 300)
    stopped = detect(wide, Params(window=window))
    assert stopped.skin.fraction < 0.3
    assert stopped.stopped_at == "skin_filter"
    found = detect(wide, Params(window=window, score="grouper_first"))
    assert found.decision
    assert found.skin.fraction == stopped.skin.fraction


def test_the_filter_can_be_exchanged():
    image = figure()
    plain = detect(image, filter_skin=hsv_skin_filter)
    working = reduce(image)
    planes = colour_planes(working)
    assert np.array_equal(plain.skin.mask, hsv_skin_filter(working, planes).mask)
    paper = detect(image)
    assert np.array_equal(paper.skin.mask, skin_filter(working, planes).mask)
    assert plain.decision


def test_a_detection_keeps_every_step():
    found = detect(data.coffee())
    assert found.original_size == data.coffee().shape[:2]
    assert found.working.shape[:2] == found.skin.mask.shape
    assert max(found.working.shape) <= 192
    assert min(found.working.shape[:2]) <= 128
    assert len(found.edges) > len(found.ribbons) >= len(found.segments) > 0
    assert len(found.symmetries) >= sum(len(r) for r in found.ribbons)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 30), np.uint8),
        np.zeros((20, 30, 4), np.uint8),
        np.zeros((20, 30, 3), np.float32),
        np.zeros((0, 30, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(ValueError, match=r"expected an \(H, W, 3\) uint8 array, got"):
        detect(image)


@pytest.mark.parametrize("wrong", [{"configuration": "Z"}, {"score": "best"}])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected .*, got"):
        Params(**wrong)


# Size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "reduced"),
    [
        ((128, 192), (128, 192)),
        ((192, 128), (192, 128)),
        ((50, 40), (50, 40)),
        ((256, 384), (128, 192)),
        ((384, 256), (192, 128)),
        ((500, 500), (128, 128)),
        ((100, 400), (48, 192)),  # lying, it need be reduced less
        ((400, 100), (192, 48)),
        ((150, 150), (128, 128)),
        ((1, 4000), (1, 192)),
        ((40000, 1), (192, 1)),
        ((1000, 1333), (128, 171)),
    ],
)
def test_a_picture_is_reduced_to_the_window_and_never_enlarged(shape, reduced):
    assert reduce(np.zeros((*shape, 3), np.uint8)).shape == (*reduced, 3)


def test_reduction_averages_areas():
    image = np.random.default_rng(0).integers(0, 256, (512, 768, 3), dtype=np.uint8)
    blocks = image.reshape(128, 4, 192, 4, 3).mean(axis=(1, 3))
    assert np.abs(reduce(image) - blocks).max() <= 0.5
    odd = reduce(np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 131, 3)))
    assert odd.shape == (192, 126, 3)
    assert np.abs(odd.mean(axis=(1, 2)) - np.arange(192) * 200 / 192).max() < 1


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.booleans())
def test_any_small_picture_gets_an_answer(height, width, seed, smooth):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if smooth:
        image = np.clip(np.array(SKIN) + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
    for params in (CASCADE, GROUPER_FIRST):
        found = detect(image, params)
        assert 0 <= found.score <= 1
        assert found.working is not None
        json.dumps(record(found))


# Same picture, same answer --------------------------------------------------------------------

DIGEST = """
import hashlib, json
from skimage import data
from baseline.detector import detect
from baseline.records import record
found = detect(data.coffee())
digest = hashlib.sha256(json.dumps(record(found)).encode())
for plane in (found.planes.intensity, found.planes.rg, found.planes.by, found.skin.mask):
    digest.update(plane.tobytes())
print(digest.hexdigest())
"""


def test_same_picture_same_answer_in_a_fresh_process():
    found = detect(data.coffee())
    digest = hashlib.sha256(json.dumps(record(found)).encode())
    for plane in (found.planes.intensity, found.planes.rg, found.planes.by, found.skin.mask):
        digest.update(plane.tobytes())
    fresh = subprocess.run(
        [sys.executable, "-c", DIGEST],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert fresh.stdout.strip() == digest.hexdigest()


def test_the_picture_is_left_alone_and_its_layout_does_not_matter():
    image = figure(3)
    frozen = np.asfortranarray(image)
    frozen.setflags(write=False)
    wide = np.repeat(image, 2, axis=1)[:, ::2]
    expected = json.dumps(record(detect(image)))
    assert json.dumps(record(detect(frozen))) == expected
    assert json.dumps(record(detect(wide))) == expected
    assert np.array_equal(frozen, image)


# Stick figures against chance -----------------------------------------------------------------


def test_stick_figures_are_marked_far_more_often_than_their_sticks_at_random():
    """Both fill their frames, so the image test passes both; only the arrangement differs.

    Two chances are compared. Sticks thrown at random overlap, and the primary configuration F
    marks them far less often. Sticks that are kept apart as well all stay segments, so crowded
    that F's loose girdles hold among them too: there the limb-limb girdle, A, tells the figure.
    """
    marked = {"figures": [], "thrown": [], "kept apart": []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        strokes, height, width = posed(rng)
        arranged = {
            "figures": strokes,
            "thrown": scattered(rng, strokes, height, width, apart=False),
            "kept apart": scattered(rng, strokes, height, width, apart=True),
        }
        for name, sticks in arranged.items():
            found = detect(draw(*sticks, height=height, width=width, ground=SLATE))
            assert found.skin.fraction > 0.29
            marked[name].append([found.graded(c) >= 0.5 for c in "FA"])
    counts = {name: np.sum(rows, axis=0) for name, rows in marked.items()}
    for name, (f, a) in counts.items():
        print(f"{name}: F marks {f}/60, A marks {a}/60")
    for chance, column in (("thrown", 0), ("thrown", 1), ("kept apart", 1)):
        hits, misses = counts["figures"][column], counts[chance][column]
        table = [[hits, 60 - hits], [misses, 60 - misses]]
        assert fisher_exact(table, alternative="greater").pvalue < 1e-3


# Bounds ---------------------------------------------------------------------------------------

ROWS, COLS = np.mgrid[:128, :192].astype(float)


def stripes(period, degrees, duty=0.5):
    """Share of each pixel that is stripe, in [0, 1]."""
    angle = np.radians(degrees)
    phase = (ROWS * np.cos(angle) - COLS * np.sin(angle)) / period % 1
    return np.clip((np.abs(phase - 0.5) - (1 - duty) / 2) * period + 0.5, 0, 1)


def lettering(size):
    sheet = Image.new("L", (192, 128))
    pen = ImageDraw.Draw(sheet)
    for row in range(0, 128, size + 2):
        words = "limb HILlM WNXA girdle spine 0811 lllIII"[row % 7 :]
        pen.text((2, row), words, fill=255, font=ImageFont.load_default(size))
    return np.asarray(sheet) / 255


def blotches(sigma, contrast):
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(128, 192)), (0, 0), sigma)
    return np.clip(contrast * noise / noise.std() + 0.5, 0, 1)


def patterns():
    for degrees in (0, 30, 45, 90):
        for period in (8, 12, 20, 32):
            yield f"stripes {period} px at {degrees}", stripes(period, degrees)
    for degrees in (0, 20, 45):
        for period in (12, 16, 24):
            a, b = stripes(period, degrees, 0.3), stripes(period, degrees + 90, 0.3)
            yield f"grid {period} px at {degrees}", np.maximum(a, b)
            yield f"dots {period} px at {degrees}", np.minimum(a, b)
            a, b = stripes(period, degrees) > 0.5, stripes(period, degrees + 90) > 0.5
            yield f"checks {period} px at {degrees}", (a ^ b).astype(float)
    for size in (8, 12, 16, 24):
        yield f"text {size} px", lettering(size)
    for sigma in (1, 2, 4, 8):
        yield f"noise {sigma} px", blotches(sigma, 1.0)
        yield f"bold noise {sigma} px", blotches(sigma, 3.0)
    distance = np.hypot(ROWS - 64, COLS - 96)
    for period in (8, 12, 16, 24):
        yield f"rings {period} px", np.clip(np.sin(distance * 2 * np.pi / period) * 2 + 0.5, 0, 1)


PATTERNS = dict(patterns())


@cache
def on_skin(name, other=DARK_SKIN):
    """What is found of a pattern in another colour on skin, with every stage run."""
    ground = np.full((128, 192, 3), SKIN, np.uint8)
    return detect(paint(ground, PATTERNS[name], other), GROUPER_FIRST)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_made_to_be_slow_come_to_an_end(name):
    """Skin on darker skin, so that all of it is skin and full of edges; and skin on slate."""
    for found in (on_skin(name), on_skin(name, SLATE)):
        assert set(found.cut) <= {"ribbons", "segments", "limbs", "groups"}
        assert len(found.segments) <= SegmentParams.max_segments
        assert ("segments" not in found.cut) or len(found.segments) == SegmentParams.max_segments
        assert 0 <= found.score <= 1


def test_the_patterns_reach_the_grouper():
    found = [on_skin(name) for name in PATTERNS]
    assert np.mean([f.skin.fraction >= 0.3 for f in found]) > 0.6
    assert np.mean([len(f.segments) > 1 for f in found]) > 0.4
    assert any(f.decision for f in found)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ribbons", Params(ribbons=RibbonParams(max_peaks=5))),
        ("segments", Params(segments=SegmentParams(max_segments=5))),
        ("limbs", Params(grouping=GroupingParams(max_limbs=5))),
        ("groups", Params(grouping=GroupingParams(max_groups=2))),
    ],
)
def test_a_search_that_was_cut_says_so(name, params):
    image = figure(2)
    assert detect(image).cut == ()
    found = detect(image, params)
    assert name in found.cut
    assert name in record(found)["cut"]


def test_a_pattern_that_exceeds_a_shipped_limit_says_so():
    cut = [on_skin(name).cut for name in PATTERNS]
    assert any(cut)
    assert not all(cut)
