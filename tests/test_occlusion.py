"""Occlusion: where windows lie, what is asked, the maps, and inference that spares itself work."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from captum.attr import Occlusion
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import convnet.occlusion
from convnet import Model, occlusion_maps
from convnet.incremental import full, incremental
from convnet.models import Preprocessing
from convnet.occlusion import OcclusionMap, Scored
from convnet.windows import Windows
from convnet.zfnet import ZFNet, ZFNetConfig
from images.reading import RGB
from images.scoring import CallableScorer

Floats = npt.NDArray[np.float64]
pytestmark = pytest.mark.usefixtures("one_thread")


def noise(height: int, width: int, seed: int = 0) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def brightness(images: list[RGB]) -> list[float]:
    return [float(image.mean()) / 255 for image in images]


def zfnet(size: int, seed: int = 0) -> ZFNet:
    torch.manual_seed(seed)
    net = ZFNet(ZFNetConfig(size, 0.06, 16)).eval()
    for layer in net.layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.bias, std=0.1)
    return net


def model(size: int = 64, rule: str = "stretch") -> Model:
    prepared = Preprocessing(size, (104.0, 117.0, 123.0), 0.02, "BGR", rule)
    return Model("small", zfnet(size), prepared, None, None, "0" * 64)


# ---- Windows


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    side = draw(st.integers(1, min(height, width)))
    return Windows(height, width, side, draw(st.integers(1, side)))


@given(windows())
def test_windows_fit_and_leave_no_pixel_out(some: Windows) -> None:
    seen = np.zeros((some.height, some.width), int)
    for top, left in some.positions:
        assert 0 <= top <= some.height - some.side
        assert 0 <= left <= some.width - some.side
        seen[top : top + some.side, left : left + some.side] += 1
    assert seen.min() >= 1
    for starts in (some.tops, some.lefts):
        steps = np.diff(starts)
        assert (steps[:-1] == some.stride).all()
        assert (steps[-1:] >= 1).all()
        assert (steps[-1:] <= some.stride).all()
        assert starts[0] == 0


@given(windows(), st.integers(0, 2**32 - 1))
def test_means_are_those_of_slow_loops(some: Windows, seed: int) -> None:
    scores = np.random.default_rng(seed).random(len(some.positions))
    total = np.zeros((some.height, some.width))
    count = np.zeros((some.height, some.width))
    for (top, left), score in zip(some.positions, scores, strict=True):
        total[top : top + some.side, left : left + some.side] += score
        count[top : top + some.side, left : left + some.side] += 1
    np.testing.assert_allclose(some.means(scores), total / count, rtol=1e-12)


def test_means_of_small_scores_keep_no_trace_of_large_ones() -> None:
    some = Windows(60, 60, 8, 3)
    scores = np.where(some.positions[:, 0] < 30, 1.0, 1e-12)
    far = some.means(scores)[38:]
    np.testing.assert_allclose(far, 1e-12, rtol=1e-9)


@pytest.mark.parametrize(
    ("shape", "side", "stride", "said"),
    [
        ((20, 30), 21, 3, r"^expected a window that fits on the picture of 30 x 20 px, got one of"),
        ((20, 30), 0, 1, r"^expected a window that fits"),
        ((20, 30), 8, 9, r"^expected a stride of 1 to 8 px"),
        ((20, 30), 8, 0, r"^expected a stride of 1 to 8 px"),
    ],
)
def test_windows_that_cannot_be(shape: tuple[int, int], side: int, stride: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        occlusion_maps(noise(*shape), brightness, side, stride)


# ---- What is asked, and what comes of it


def test_the_deciding_pixel_is_found() -> None:
    image = np.full((40, 50, 3), 90, np.uint8)
    image[23, 31] = 200
    found = occlusion_maps(image, lambda some: [float((i == 200).any()) for i in some], 9, 1)
    assert found.score == 1
    for values in (found.cropped, found.occluded):
        assert np.argwhere(values > 1 - 1e-12).tolist() == [[23, 31]]
        assert values[23 - 9, 31] == values[23, 31 + 9] == 0


def test_what_is_fed_in() -> None:
    image, fed = noise(20, 30), list[RGB]()

    def watch(images: list[RGB]) -> list[float]:
        fed.extend(image.copy() for image in images)
        for given_away in images:
            given_away[:] = 0  # must not reach the pictures that are still to come
        return [0.25] * len(images)

    found = occlusion_maps(image.copy(), watch, 8, 5, "mean", 7)
    number = len(found.positions)
    np.testing.assert_array_equal(fed[0], image)
    colour = np.rint(image.reshape(-1, 3).astype(float).mean(0))
    assert found.colour == tuple(colour.astype(int))
    for k, (top, left) in enumerate(found.positions):
        covered = image.copy()
        covered[top : top + 8, left : left + 8] = colour
        np.testing.assert_array_equal(fed[1 + k], covered)
        crop = image[top : top + 8, left : left + 8]
        np.testing.assert_array_equal(fed[1 + number + k], crop)
    assert len(fed) == 1 + 2 * number
    np.testing.assert_allclose(found.cropped, 0.25)
    np.testing.assert_allclose(found.occluded, 0.75)
    assert occlusion_maps(image, brightness, 8, 5).colour == (0, 0, 0)


def test_the_picture_stays_as_it_was() -> None:
    image = noise(20, 30)

    def spoil(images: list[RGB]) -> list[float]:
        for one in images:
            one[:] = 0
        return [0.5] * len(images)

    occlusion_maps(image, spoil, 8, 5)
    np.testing.assert_array_equal(image, noise(20, 30))


@pytest.mark.parametrize("batch", [1, 2, 7, 24, 1000])
def test_the_map_does_not_depend_on_the_batch(batch: int) -> None:
    sizes = list[int]()

    def watch(images: list[RGB]) -> list[float]:
        sizes.append(len(images))
        return brightness(images)

    found = occlusion_maps(noise(33, 41), watch, 10, 7, batch=batch)
    once = occlusion_maps(noise(33, 41), brightness, 10, 7)
    np.testing.assert_array_equal(found.cropped, once.cropped)
    np.testing.assert_array_equal(found.occluded, once.occluded)
    assert max(sizes) == min(batch, len(found.positions))


def test_large_pictures_come_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    image, asked = noise(30, 40), list[int]()
    monkeypatch.setattr(convnet.occlusion, "MOST_BYTES", 3 * image.nbytes + 1)

    def watch(images: list[RGB]) -> list[float]:
        asked.append(len(images) if images[0].shape == image.shape else 0)
        return brightness(images)

    occlusion_maps(image, watch, 10, 5)
    assert max(asked) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([0.5], r"^expected 2 scores from sick, got 1$"),
        ([0.5, np.nan], r"^expected finite scores from sick, got nan for picture 2 of 2$"),
        ([0.5, 1.5], r"^expected probabilities, 0 to 1, from sick, got 0.5 to 1.5$"),
        ([-0.5, 0.5], r"^expected probabilities, 0 to 1, from sick, got -0.5 to 0.5$"),
        (None, r"^out of order$"),
    ],
)
def test_a_sick_scorer_loses_nothing(answer: list[float] | None, said: str) -> None:
    image, calls, kept = noise(20, 30), 0, list[Scored]()

    def sick(images: list[RGB]) -> npt.ArrayLike:
        nonlocal calls
        calls += 1
        if calls < 9:
            return brightness(images)
        if answer is None:
            raise RuntimeError("out of order")
        return answer

    with pytest.raises((ValueError, RuntimeError), match=said):
        occlusion_maps(image, CallableScorer(sick, "sick"), 8, 5, batch=2, tell=kept.append)
    assert sum(len(scored.scores) for scored in kept) == 15

    counted = list[RGB]()

    def well(images: list[RGB]) -> list[float]:
        counted.extend(images)
        return brightness(images)

    resumed = occlusion_maps(image, well, 8, 5, known=kept, tell=kept.append)
    total = 1 + 2 * len(resumed.positions)
    assert len(counted) == total - 15
    told = [(scored.experiment, int(k)) for scored in kept for k in scored.windows]
    assert len(told) == len(set(told)) == total
    whole = occlusion_maps(image, brightness, 8, 5)
    np.testing.assert_array_equal(resumed.cropped, whole.cropped)
    np.testing.assert_array_equal(resumed.occluded, whole.occluded)

    def nobody(_: list[RGB]) -> list[float]:
        raise AssertionError

    np.testing.assert_array_equal(
        occlusion_maps(image, nobody, 8, 5, known=kept).cropped, whole.cropped
    )


def test_what_is_refused() -> None:
    image = noise(20, 30)
    odds = CallableScorer(brightness, "odds", is_probability=False)
    with pytest.raises(ValueError, match=r"^expected a scorer that gives probabilities, got odds$"):
        occlusion_maps(image, odds, 8, 5)
    with pytest.raises(ValueError, match=r"^expected no size for a black box, got 224$"):
        occlusion_maps(image, brightness, 8, 5, size=224)
    with pytest.raises(ValueError, match=r"^expected size 64, the network's own, got 224$"):
        occlusion_maps(image, model(64), 8, 5, size=224)
    with pytest.raises(ValueError, match=r"^expected occluder black or mean and a batch of 1"):
        occlusion_maps(image, brightness, 8, 5, "white")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^expected occluder black or mean and a batch of 1"):
        occlusion_maps(image, brightness, 8, 5, batch=0)


# ---- Models


def by_hand(image: RGB, scored: Model, side: int, stride: int, colour: int) -> tuple[Floats, ...]:
    """Both experiments on the network's input, in plain loops."""
    picture = scored.preprocessing.fit(image)
    some = Windows(*picture.shape[:2], side, stride)
    crops, covered = [], []
    for top, left in some.positions:
        place = slice(top, top + side), slice(left, left + side)
        crops.append(scored.score([picture[place]])[0])
        other = picture.copy()
        other[place] = colour
        with torch.no_grad():
            logits = scored.net(scored.preprocessing.normalise(torch.from_numpy(other[None])))
        covered.append(logits.double().softmax(1)[0, 1].item())
    return np.array(crops), np.array(covered)


@pytest.mark.parametrize("rule", ["stretch", "pad", "open_nsfw"])
def test_windows_on_the_networks_input(rule: str) -> None:
    scored, image = model(64, rule), noise(50, 90)
    found = occlusion_maps(image, scored, 21, 11, batch=5, size=64)
    crops, covered = by_hand(image, scored, 21, 11, 0)
    np.testing.assert_allclose(found.cropped_scores, crops, atol=1e-6)
    np.testing.assert_allclose(found.occluded_scores, covered, atol=1e-6)
    np.testing.assert_allclose(found.occluded, found.windows.means(1 - covered), atol=1e-6)
    assert np.ptp(covered) > 1e-3  # else the network sees nothing, and anything would do
    assert found.score == pytest.approx(scored.score([image])[0])
    np.testing.assert_array_equal(found.picture, scored.preprocessing.fit(image))


def test_windows_on_the_picture_go_through_the_whole_preprocessing() -> None:
    scored, image = model(64), noise(50, 90)
    found = occlusion_maps(image, scored, 20, 15)
    assert found.cropped.shape == (50, 90)
    covered = []
    for top, left in found.positions:
        other = image.copy()
        other[top : top + 20, left : left + 20] = 0
        covered.append(scored.score([other])[0])
    np.testing.assert_allclose(found.occluded_scores, covered, atol=1e-6)


def maps_of(scored: Model, batch: int) -> OcclusionMap:
    return occlusion_maps(noise(64, 64, 3), scored, 17, 9, batch=batch, size=64)


def test_a_networks_map_does_not_depend_on_the_batch() -> None:
    one, many = maps_of(model(), 1), maps_of(model(), 1000)
    np.testing.assert_allclose(one.occluded, many.occluded, atol=1e-6)
    np.testing.assert_allclose(one.cropped, many.cropped, atol=1e-6)


class Branched(nn.Module):
    """No ZFNet: its windows go through full forward passes."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, stride=2)
        self.two = nn.Conv2d(3, 4, 5, stride=2, padding=1)
        self.out = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x).relu() + self.two(x)
        return self.out(y.mean(dim=(2, 3)))


@pytest.mark.parametrize("kind", [ZFNet, Branched])
def test_captum_finds_the_same(kind: type[nn.Module]) -> None:
    torch.manual_seed(1)
    net = zfnet(62) if kind is ZFNet else Branched().eval()
    prepared = Preprocessing(62, (104.0, 117.0, 123.0), 0.02, "RGB", "stretch")
    scored = Model("small", net, prepared, None, None, "0" * 64)
    image, side, stride = noise(62, 62, 5), 14, 6  # 62 = 14 + 8 * 6: Captum's border is another
    found = occlusion_maps(image, scored, side, stride, size=62)

    def probability(x: torch.Tensor) -> torch.Tensor:
        return net(x).double().softmax(1)

    with torch.no_grad():
        x = prepared.batch([image])
        black = prepared.normalise(torch.zeros(1, 1, 1, 3, dtype=torch.uint8))
        lost = Occlusion(probability).attribute(
            x,
            (3, side, side),
            (3, stride, stride),
            black.expand_as(x),
            target=1,
            perturbations_per_eval=8,
        )
        expected = 1 - probability(x)[0, 1] + lost[0, 0]
    np.testing.assert_allclose(found.occluded, expected.numpy(), atol=1e-6)
    assert np.ptp(found.occluded) > 1e-4


# ---- Inference that spares itself work


def expect_equal(
    layers: nn.Sequential, whole: torch.Tensor, corners: list[tuple[int, int]], cover: torch.Tensor
) -> None:
    places = np.array(corners)
    spared, plain = incremental(layers, whole)(places, cover), full(layers, whole)(places, cover)
    assert spared.shape == plain.shape
    scale = max(1.0, float(plain.abs().max()))
    torch.testing.assert_close(spared, plain, rtol=0, atol=1e-5 * scale)
    with torch.inference_mode():
        for (top, left), logits in zip(corners, plain, strict=True):
            covered = whole.clone()
            covered[:, top : top + cover.shape[1], left : left + cover.shape[2]] = cover
            torch.testing.assert_close(layers(covered[None])[0], logits, rtol=0, atol=1e-5 * scale)


@settings(deadline=None, max_examples=25)
@given(st.data(), st.integers(47, 110), st.integers(0, 99))
def test_zfnet_answers_as_in_full(data: st.DataObject, size: int, seed: int) -> None:
    side = data.draw(st.integers(1, size), "side")
    stride = data.draw(st.integers(1, side), "stride")
    positions = Windows(size, size, side, stride).positions
    rng = np.random.default_rng(seed)
    # Both corners at the ends, and some windows between them.
    some = positions[[0, *rng.integers(0, len(positions), 4), -1]]
    torch.manual_seed(seed)
    whole, cover = torch.randn(3, size, size), torch.randn(3, 1, 1).expand(3, side, side)
    expect_equal(zfnet(size, seed).layers, whole, [*map(tuple, some.tolist())], cover)


@st.composite
def networks(draw: st.DrawFn) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for _ in range(draw(st.integers(0, 4))):
        kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        stride = draw(st.tuples(st.integers(1, 5), st.integers(1, 3)))
        dilation = draw(st.integers(1, 2))
        if draw(st.booleans()):
            padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
            layers.append(nn.Conv2d(channels, 6, kernel, stride, padding, dilation, groups=3))
            channels = 6
        else:
            padding = tuple(k // 2 for k in kernel)
            ceil = draw(st.booleans())
            layers.append(nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil))
        point = st.sampled_from([nn.ReLU(), nn.LocalResponseNorm(3), nn.BatchNorm2d(channels)])
        layers += [draw(point)] if draw(st.booleans()) else []
    ends = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 2)]
    return nn.Sequential(*layers, *ends).eval()


@settings(deadline=None, max_examples=60)
@given(st.data(), networks(), st.integers(0, 99))
def test_any_layers_in_a_row_answer_as_in_full(
    data: st.DataObject, net: nn.Sequential, seed: int
) -> None:
    torch.manual_seed(seed)
    height, width = 33, 47
    whole = torch.randn(3, height, width)
    shape = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)), "window")
    place = st.tuples(st.integers(0, height - shape[0]), st.integers(0, width - shape[1]))
    corners = data.draw(st.lists(place, min_size=1, max_size=5), "corners")
    try:
        logits = net(whole[None])
    except RuntimeError:
        return  # of so few pixels that kernel leaves nothing
    assume(bool(logits.isfinite().all()))  # a pool over nothing but padding answers -inf
    expect_equal(net, whole, corners, torch.randn(3, *shape))


def test_padding_that_is_not_zero_is_left_to_the_full_pass() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.Flatten(), nn.Linear(4 * 81, 2)
    ).eval()
    expect_equal(net, torch.randn(3, 9, 9), [(0, 0), (6, 6)], torch.zeros(3, 3, 3))


def test_more_windows_than_are_computed_at_once() -> None:
    corners = [(k // 7, 3 * (k % 7)) for k in range(40)]
    expect_equal(zfnet(64).layers, torch.randn(3, 64, 64), corners, torch.zeros(3, 20, 20))


def test_work_is_spared() -> None:
    torch.manual_seed(0)
    net = ZFNet(ZFNetConfig(224, 0.1, 16)).eval()
    prepared = Preprocessing(224, (104.0, 117.0, 123.0), 0.02, "RGB", "stretch")
    windows = np.arange(len(Windows(224, 224, 64, 32).positions))
    known = [Scored("cropped", windows, np.zeros(len(windows)))]
    work = []
    for size in (None, 224):  # black box, and on the network's input
        scored = Model("net", net, prepared, None, None, "0" * 64)
        with FlopCounterMode(display=False) as counter:
            occlusion_maps(noise(224, 224), scored, 64, 32, size=size, known=known)
        work.append(counter.get_total_flops())
    assert work[1] < 0.45 * work[0]
