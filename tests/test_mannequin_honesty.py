"""Nothing but the subject tells what a picture is: neither names, frame, capture nor place."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics import roc_auc_score

from benchmarks.honesty import auc, fitted, thumbnail
from images.mannequins import KINDS, Drawing, draw
from images.mannequins.sets import Plan
from images.mannequins.surroundings import SPLITS

Floats = npt.NDArray[np.float64]
SURE = 0.999  # a dozen honest quantities, and still one false alarm in a hundred seeds at most


def layers(plan: Plan) -> Iterator[Drawing]:
    """Yield a plan's pictures without their subjects."""
    for number, kind in enumerate(plan.kinds()):
        rng = np.random.default_rng([plan.seed, SPLITS.index(plan.split), number])
        yield draw(rng, kind, {"subject": False}, plan.scale, plan.split)


TEST, TRAIN = (Plan(300, 300, 17, split, 0.1) for split in ("test", "train"))


@pytest.fixture(scope="module")
def judged() -> list[Drawing]:
    return list(layers(TEST))


@pytest.fixture(scope="module")
def learnt() -> list[Drawing]:
    return list(layers(TRAIN))


def bare(plan: Plan) -> npt.NDArray[np.bool_]:
    return np.array(plan.kinds()) == "bare"


# ---- The measure itself


def test_the_area_is_the_area_and_its_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth, held = 0.7602, 0  # of two normal distributions, one standard deviation apart
    for _ in range(300):
        labels = rng.random(80) < 0.4
        scores = np.round(rng.normal(labels, 1), 2)
        value, low, high = auc(labels, scores)
        assert value == pytest.approx(roc_auc_score(labels, scores))
        held += low <= truth <= high
    assert 0.91 < held / 300 < 0.98


def test_a_planted_leak_is_found(judged: list[Drawing], learnt: list[Drawing]) -> None:
    """The same measure on the same layers, a little warmer where there is a figure to come."""
    sets = []
    for some, plan in ((learnt, TRAIN), (judged, TEST)):
        warmer = 1 + 0.12 * bare(plan)[:, None, None, None] * np.array([1, 0, 0])
        sets.append((pixels(some).reshape(600, 12, 12, 3) * warmer).reshape(600, -1))
    _, low, _ = auc(bare(TEST), fitted(sets[0], bare(TRAIN), sets[1]), SURE)
    assert low > 0.5
    quality = np.array([one.quality for one in judged]) + 5 * bare(TEST)
    assert auc(bare(TEST), quality, SURE)[1] > 0.5


# ---- Names and numbers


@pytest.mark.parametrize("seed", [1996, 1, 2])
def test_neither_names_nor_their_order_tell(seed: int) -> None:
    for split in SPLITS:
        plan = Plan(565, 4289, seed, split)
        labels, names = bare(plan), [plan.name(number) for number in range(len(plan.kinds()))]
        order = np.argsort(np.argsort(names))
        for scores in (order, np.arange(len(names)), [int(name[-1], 16) for name in names]):
            _, low, high = auc(labels, scores, SURE)
            assert low < 0.5 < high


def test_quality_exposure_noise_light_and_size_do_not_tell(judged: list[Drawing]) -> None:
    labels = bare(TEST)
    quantities = {
        "quality": [float(one.quality) for one in judged],
        "pixels": [float(one.image.size) for one in judged],
        "aspect": [one.image.shape[0] / one.image.shape[1] for one in judged],
    }
    for name in ("exposure", "noise", "ambient"):
        quantities[name] = [float(one.truth.attributes[name]) for one in judged]
    for name, numbers in quantities.items():
        assert len(set(numbers)) > 1
        _, low, high = auc(labels, numbers, SURE)
        assert low < 0.5 < high, (name, low, high)


def test_frame_place_and_light_are_drawn_in_the_same_shares(judged: list[Drawing]) -> None:
    labels = bare(TEST)
    sorts = {
        "frame": [str(one.image.shape) for one in judged],
        "place": [one.truth.attributes["place"] for one in judged],
        "light": [one.truth.attributes["light"] for one in judged],
    }
    for name, values in sorts.items():
        seen = sorted(set(values))
        counts = [
            [sum(v == value and label == of for v, label in zip(values, labels, strict=True))
             for value in seen]
            for of in (True, False)
        ]  # fmt: skip
        assert len(seen) >= 3
        assert chi2_contingency(np.array(counts)).pvalue > 1 - SURE, name


@pytest.mark.parametrize("number", range(6))
def test_frame_and_capture_are_the_same_for_every_kind(number: int) -> None:
    seen = set()
    for kind in KINDS:
        one = draw(np.random.default_rng([3, number]), kind, scale=0.1)
        known = one.truth.attributes
        numbers = [known[name] for name in ("exposure", "noise", "quality", "ambient")]
        seen.add((one.image.shape, one.quality, *numbers))
    assert len(seen) == 1


# ---- Pictures without their subject


def pixels(drawings: list[Drawing]) -> Floats:
    return np.stack([thumbnail(one.image).ravel() for one in drawings])


def test_the_place_alone_does_not_tell(judged: list[Drawing], learnt: list[Drawing]) -> None:
    scores = fitted(pixels(learnt), bare(TRAIN), pixels(judged))
    _, low, high = auc(bare(TEST), scores, SURE)
    assert low < 0.5 < high, (low, high)


def test_the_places_brightness_and_colour_do_not_tell(judged: list[Drawing]) -> None:
    means = pixels(judged).reshape(600, -1, 3).mean(axis=1)
    spread = pixels(judged).std(axis=1)
    for numbers in (*means.T, spread, means[:, 0] - means[:, 2]):
        _, low, high = auc(bare(TEST), numbers, SURE)
        assert low < 0.5 < high, (low, high)


def test_layers_show_no_subject(judged: list[Drawing]) -> None:
    for one in judged[:100]:
        assert not one.truth.skin.any()
        assert not one.truth.labels.any()
