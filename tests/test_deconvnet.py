"""The deconvnet: numbers by hand, two ways down against each other and against Captum."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import Deconvolution, GuidedBackprop, Saliency
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convnet import load
from convnet.deconvnet import (
    RULES,
    by_gradient,
    by_layers,
    deconvnet,
    down,
    layers,
    output_of,
    unnormalise,
    unpool,
)
from convnet.features import patch, strongest
from convnet.models import OPEN_NSFW, Model, Preprocessing
from convnet.open_nsfw import OpenNSFW
from convnet.receptive import Field, receptive_field
from convnet.views import in_rgb, view
from convnet.zfnet import ZFNet, ZFNetConfig

SIZE = 64
ZFNET_LAYERS = list(layers(ZFNet(ZFNetConfig(SIZE, 1 / 96, 1))))
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def zfnet() -> ZFNet:
    """A small net whose biases are not zero, so that using them on the way down would show."""
    torch.manual_seed(0)
    net = ZFNet(ZFNetConfig(SIZE, 1 / 8, 16)).eval()
    for parameter in net.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.5)
    return net


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    """As bright as grey levels, so that normalisation bends."""
    return 60 * torch.randn((1, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def open_nsfw() -> OpenNSFW:
    return load("open_nsfw").net


@pytest.fixture(scope="module")
def large() -> torch.Tensor:
    return 60 * torch.randn((1, 3, 224, 224), generator=torch.Generator().manual_seed(2))


def apart(one: torch.Tensor | np.ndarray, other: torch.Tensor | np.ndarray) -> float:
    """Largest difference, in units of the largest value."""
    one, other = torch.as_tensor(one), torch.as_tensor(other)
    assert one.shape == other.shape
    assert one.abs().max() > 0
    return float((one - other).abs().max() / one.abs().max())


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.ravel().astype(float), other.ravel().astype(float)
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def captum(net: nn.Module, x: torch.Tensor, target: int | tuple[int, ...], rule: str):
    """Project one output of a net as Captum does."""
    x = x.clone().requires_grad_()
    if rule == "gradient":
        return Saliency(net).attribute(x, target, abs=False).detach()
    method = Deconvolution if rule == "deconvnet" else GuidedBackprop
    return method(net).attribute(x, target).detach()


def seed_at(*place: int):
    """Send 1 down from one unit of one channel."""

    def seed(output: torch.Tensor) -> torch.Tensor:
        one = torch.zeros_like(output)
        one[0, *place] = 1
        return one

    return seed


captum_talks = pytest.mark.filterwarnings("ignore:Setting (forward|backward).* hooks")


# By hand --------------------------------------------------------------------------------------


def pencil() -> tuple[nn.Sequential, torch.Tensor]:
    """Two filters, a pool, two mixtures, a sum; and a picture of nine pixels.

    Upwards:

        x            filters           rectified   pooled   mixed              rectified   sum
        1 2 0    A = 1 0   B = 0  1    A  2 5      5        2 A - B =  7       7           3 * 7
        0 1 3        0 1      -1  0       0 2               B - A   = -2       0         + 4 * 0
        2 0 1                          B  2 0      3                                      = 21
                                          0 3
    """
    net = nn.Sequential(
        nn.Conv2d(1, 2, 2, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(2, 1, 1),
    ).eval()
    with torch.no_grad():
        net[0].weight[:, 0] = torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [-1, 0]]])
        net[3].weight[:, :, 0, 0] = torch.tensor([[2.0, -1], [-1, 1]])
        net[5].weight[0, :, 0, 0] = torch.tensor([3.0, 4])
        net[5].bias.fill_(100)
    return net, torch.tensor([[[[1.0, 2, 0], [0, 1, 3], [2, 0, 1]]]])


# Down from 1: (3, 4) arrives at the second ReLU, which was open and shut.
BY_HAND = {
    # Both stay; A gets 2 * 3 - 4 = 2, B gets 4 - 3 = 1; at their switches (0, 1) and (1, 1) they
    # go through the filters: 2 at (0, 1) and (1, 2); 1 at (1, 2), -1 at (2, 1).
    "deconvnet": [[0, 2, 0], [0, 0, 3], [0, -1, 0]],
    # 3 stays; A gets 6, B gets -3, which goes at the first ReLU.
    "guided": [[0, 6, 0], [0, 0, 6], [0, 0, 0]],
    # 3 stays; A gets 6, B gets -3, and both first ReLUs were open.
    "gradient": [[0, 6, 0], [0, 0, 3], [0, 3, 0]],
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", [by_layers, by_gradient])
def test_the_deconvnet_is_what_one_gets_by_hand(way, rule):
    net, x = pencil()
    output, projection = way(net, x, "5", seed_at(0, 0, 0), rule)
    assert output.item() == 121
    assert projection[0, 0].tolist() == BY_HAND[rule]
    found = deconvnet(net, x, "5", 0, rule=rule)
    assert found.pixels[0].tolist() == BY_HAND[rule]
    assert (found.activation, found.unit, found.field) == (121, (0, 0), Field(0, 3, 0, 3))


# Both ways and Captum -------------------------------------------------------------------------


@captum_talks
@pytest.mark.parametrize("layer", ZFNET_LAYERS)
def test_both_ways_and_captum_agree_on_every_layer_of_zfnet(zfnet, x, layer):
    upto = zfnet.layers[: ZFNET_LAYERS.index(layer) + 1]
    output = output_of(zfnet, x, layer).detach()[0]
    active = [c for c in range(len(output)) if output[c].max() > 0]
    for channel, rule in itertools.product({active[0], active[-1]}, RULES):
        place = np.unravel_index(int(output[channel].argmax()), output.shape[1:])
        target = (channel, *map(int, place))
        one, explicit = by_layers(zfnet.layers, x, layer, seed_at(*target), rule)
        two, modified = by_gradient(zfnet, x, layer, seed_at(*target), rule)
        assert torch.equal(one, two)
        assert apart(explicit, modified) < 2e-5
        assert apart(captum(upto, x, target, rule), explicit) < 2e-5
        found = deconvnet(zfnet, x, layer, channel, rule=rule)
        assert np.array_equal(found.pixels, explicit[0].numpy())
        assert found.unit == (target[1:] or (0, 0))
        assert found.activation == output[target]


def test_a_signal_from_a_shut_relu_is_the_same_both_ways(zfnet, x):
    # Nothing comes up there; what goes down is then a matter of the rule alone.
    output = output_of(zfnet, x, "relu5").detach()[0]
    place = tuple(map(int, (output == 0).nonzero()[0]))
    for rule in RULES:
        _, explicit = by_layers(zfnet.layers, x, "relu5", seed_at(*place), rule)
        _, modified = by_gradient(zfnet, x, "relu5", seed_at(*place), rule)
        assert explicit.any() == (rule == "deconvnet")
        assert torch.allclose(explicit, modified, rtol=1e-3, atol=1e-6)


@captum_talks
@pytest.mark.parametrize("rule", RULES)
def test_captum_agrees_on_open_nsfw(open_nsfw, large, rule):
    for channel in (0, 1):
        expected = captum(open_nsfw, large, channel, rule)
        found = deconvnet(open_nsfw, large, "fc_nsfw", channel, rule=rule)
        assert apart(expected[0], found.pixels) < 2e-5
        assert found.activation == pytest.approx(open_nsfw(large)[0, channel].item(), rel=1e-6)
    upto = nn.Sequential(open_nsfw.conv1, open_nsfw.relu1, open_nsfw.pool1, *open_nsfw.blocks[:5])
    found = deconvnet(open_nsfw, large, "blocks.stage1_block1.relu", 7, rule=rule)
    expected = captum(upto, large, (7, *found.unit), rule)
    assert apart(expected[0], found.pixels) < 2e-5


def test_the_gradient_s_rule_is_the_gradient_and_the_deconvnet_s_is_far_from_it(
    zfnet, x, open_nsfw, large
):
    for net, picture, layer in ((zfnet, x, "fc8"), (open_nsfw, large, "fc_nsfw")):
        wanted = picture.clone().requires_grad_()
        net(wanted)[0, 1].backward(inputs=[wanted])
        by_rule = {rule: deconvnet(net, picture, layer, 1, rule=rule).pixels for rule in RULES}
        assert apart(wanted.grad[0], by_rule["gradient"]) < 2e-5
        assert abs(cosine(by_rule["deconvnet"], by_rule["gradient"])) < 0.5
        assert abs(cosine(by_rule["guided"], by_rule["gradient"])) < 0.7
        assert abs(cosine(by_rule["deconvnet"], by_rule["guided"])) < 0.9


# Layer by layer -------------------------------------------------------------------------------


def test_a_relu_by_each_rule_by_hand():
    x = torch.tensor([-1.0, -1, 0, 0, 2, 2])
    signal = torch.tensor([5.0, -5, 5, -5, 5, -5])
    by_hand = {
        "deconvnet": [5, 0, 5, 0, 5, 0],
        "guided": [0, 0, 0, 0, 5, 0],
        "gradient": [0, 0, 0, 0, 5, -5],
    }
    for rule in RULES:
        assert down(nn.ReLU(), x, signal, rule).tolist() == by_hand[rule]


def test_outputs_that_share_a_switch_both_come_back():
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 9  # the largest of all four windows
    signal = torch.tensor([[[[1.0, 2], [3, 4]]]])
    expected = torch.zeros(5, 5)
    expected[2, 2] = 10
    assert torch.equal(unpool(nn.MaxPool2d(3, 2), x, signal)[0, 0], expected)

    _, switches = F.max_pool2d(x, 3, 2, return_indices=True)
    overwritten = F.max_unpool2d(signal, switches, 3, 2, output_size=(5, 5))
    assert overwritten[0, 0, 2, 2] < 5  # the trap: one of the four


@pytest.mark.parametrize(
    "layer",
    [
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d((2, 3), (1, 2), padding=1),
        nn.MaxPool2d(3, 1, dilation=2),
        nn.Conv2d(4, 6, 7, 2, padding=1),
        nn.Conv2d(4, 6, (3, 5), (2, 3), padding=(0, 2)),
        nn.Conv2d(4, 6, 3, 3, dilation=2, groups=2),
        nn.LocalResponseNorm(5, alpha=0.1),
        nn.Dropout().eval(),
        nn.Flatten(),
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 12 * 15, 3))[1],
    ],
    ids=str,
)
def test_the_way_down_is_the_adjoint_of_the_way_up(layer):
    shape = (2, 4 * 12 * 15) if isinstance(layer, nn.Linear) else (2, 4, 12, 15)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(shape, generator=generator).requires_grad_()
    y = layer(x)
    signal = torch.randn(y.shape, generator=generator)
    (expected,) = torch.autograd.grad(y, x, signal)
    with torch.no_grad():
        for rule in RULES:
            assert apart(expected, down(layer, x, signal, rule)) < 1e-5


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(1, 7),
    channels=st.integers(1, 9),
    beta=st.sampled_from([0.5, 0.75, 1.0]),
    seed=st.integers(0, 99),
)
def test_the_adjoint_of_normalisation_is_that_of_finite_differences(size, channels, beta, seed):
    layer = nn.LocalResponseNorm(size, alpha=0.7, beta=beta, k=1.5)
    rng = torch.Generator().manual_seed(seed)
    x, step, signal = torch.randn((3, 1, channels, 1, 2), generator=rng, dtype=torch.float64)
    along = (layer(x + 1e-5 * step) - layer(x - 1e-5 * step)) / 2e-5
    back = unnormalise(layer, x, signal)
    assert (signal * along).sum().item() == pytest.approx((back * step).sum().item(), abs=1e-7)


def test_what_has_no_inverse_is_refused():
    x = torch.ones(1, 2, 4, 4)
    with pytest.raises(ValueError, match="expected a layer that has an inverse, got BatchNorm2d"):
        down(nn.BatchNorm2d(2).eval(), x, x, "gradient")
    with pytest.raises(ValueError, match="expected a convolution padded by so many zeros"):
        down(nn.Conv2d(2, 2, 3, padding="same"), x, x, "gradient")


def test_a_net_with_batch_normalisation_goes_by_the_gradient():
    torch.manual_seed(4)
    norm = nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    norm.running_var.uniform_(0.5, 4)
    net = nn.Sequential(nn.Conv2d(3, 3, 3), norm, nn.ReLU(), nn.Conv2d(3, 2, 3)).eval()
    folded = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), net[3]).eval()
    with torch.no_grad():
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        folded[0].weight.copy_(net[0].weight * factor[:, None, None, None])
        folded[0].bias.copy_((net[0].bias - norm.running_mean) * factor + norm.bias)
    x = torch.randn(1, 3, 9, 9)
    for rule in RULES:
        found = deconvnet(net, x, "3", 1, (1, 2), rule)
        _, expected = by_layers(folded, x, "2", seed_at(1, 1, 2), rule)
        assert apart(expected[0], found.pixels) < 1e-5


# Nothing is left behind -----------------------------------------------------------------------


def hooks_of(net: nn.Module) -> int:
    kinds = [name for name in vars(net) if name.endswith(("_hooks", "_pre_hooks"))]
    assert "_forward_hooks" in kinds
    assert "_backward_hooks" in kinds
    return sum(len(getattr(part, kind)) for part in net.modules() for kind in kinds)


class Fuse(nn.Module):
    def forward(self, _: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("blown")


def test_no_hook_survives(open_nsfw, large):
    before = open_nsfw(large).detach()
    for rule in RULES:
        deconvnet(open_nsfw, large, "fc_nsfw", 1, rule=rule)
    assert hooks_of(open_nsfw) == 0
    assert all(p.grad is None and p.requires_grad for p in open_nsfw.parameters())
    assert torch.equal(open_nsfw(large), before)
    assert not large.requires_grad


def test_no_hook_survives_an_exception():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), Fuse(), nn.ReLU()).eval()
    x = torch.ones(1, 3, 8, 8)

    def raising(_: torch.Tensor) -> torch.Tensor:
        assert hooks_of(net) == 0  # already gone when the signal goes down
        raise RuntimeError("seedless")

    with pytest.raises(RuntimeError, match="blown"):
        deconvnet(net, x, "0", 1)
    assert hooks_of(net) == 0
    with pytest.raises(AttributeError):
        by_gradient(net, x, "nowhere", raising, "guided")
    assert hooks_of(net) == 0
    net[2] = nn.ReLU()
    with pytest.raises(RuntimeError, match="seedless"):
        by_gradient(net, x, "3", raising, "deconvnet")
    assert hooks_of(net) == 0


def test_the_gradient_can_be_taken_where_gradients_are_off(zfnet, x):
    with torch.no_grad():
        _, off = by_gradient(zfnet, x, "fc8", seed_at(1), "guided")
    _, on = by_gradient(zfnet, x, "fc8", seed_at(1), "guided")
    assert torch.equal(on, off)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "magic"}, "expected a rule deconvnet, guided, gradient, got 'magic'"),
        ({"layer": "conv9"}, "expected a layer of the net, such as conv5.*, got 'conv9'"),
        ({"layer": "layers.conv5"}, "expected a layer of the net, such as .*conv5"),
        ({"channel": 32}, "expected a channel from 0 to 31, got 32"),
        ({"channel": -1}, "expected a channel from 0 to 31, got -1"),
        ({"unit": (0, 9)}, r"expected a unit \(row, col\) in \d rows and \d columns, got \(0, 9\)"),
        ({"unit": (-1, 0)}, r"expected a unit .* got \(-1, 0\)"),
        ({"x": torch.zeros(2, 3, SIZE, SIZE)}, r"expected one square picture .* got \(2, 3, 64"),
        ({"x": torch.zeros(3, SIZE, SIZE)}, r"expected one square picture .* got \(3, 64"),
    ],
)
def test_what_is_wrong_is_said(zfnet, x, change, message):
    with pytest.raises(ValueError, match=message):
        deconvnet(**{"model": zfnet, "x": x, "layer": "conv5", "channel": 3} | change)


def test_a_net_in_training_is_refused(x):
    net = ZFNet(ZFNetConfig(SIZE, 1 / 96, 1))
    with pytest.raises(ValueError, match=r"expected a net in evaluation mode"):
        deconvnet(net, x, "conv1", 0)


# Receptive fields -----------------------------------------------------------------------------


def nearsighted(net: nn.Module) -> nn.Module:
    """Make every pixel count: positive weights, which neither ReLUs nor pools can hide."""
    net = net.double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.rand_like(parameter) + 0.1)
                parameter.div_(parameter[0].numel())
            else:
                parameter.zero_()
    return net


def channel_0(net: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the first channel of every layer says: (N, h, w), or (N,)."""
    kept, hooks = {}, []
    for name, part in layers(net).items():
        keep = partial(lambda name, _, __, y: kept.update({name: y[:, 0].clone()}), name)
        hooks.append(part.register_forward_hook(keep))
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return kept


def expect_fields_as_changes_show(net: nn.Module, named: nn.Module, size: int) -> None:
    """Change the picture by one row or column at a time, and see which units change."""
    x = torch.rand((1, 3, size, size), dtype=torch.float64) + 1
    changed = x.repeat(2 * size, 1, 1, 1)
    for k in range(size):
        changed[k, :, k] += 1000
        changed[size + k, :, :, k] += 1000
    before, after = channel_0(net, x), channel_0(net, changed)
    assert list(before) == list(layers(net))
    for layer, values in before.items():
        if layer in ("flatten", "dropout6"):
            continue  # what were places are channels now
        height, width = values.shape[1:] or (1, 1)
        for unit in {(0, 0), (height // 2, 0), (height // 3, width - 1)}:
            change = after[layer] != values
            change = change[:, *unit] if change.ndim > 1 else change
            ends = [(int(k.nonzero().min()), int(k.nonzero().max()) + 1) for k in change.chunk(2)]
            found = receptive_field(named, layer, unit, size)
            assert found.meet(Field(0, size, 0, size)) == (*ends[0], *ends[1]), (layer, unit)


def test_receptive_fields_of_zfnet_are_what_a_change_shows():
    torch.manual_seed(5)
    net = nearsighted(ZFNet(ZFNetConfig(79, 1 / 96, 2)))
    expect_fields_as_changes_show(net, net.layers, 79)
    for layer in ("flatten", "dropout6"):
        assert receptive_field(net.layers, layer, (0, 0), 79) == Field(0, 79, 0, 79)


def test_receptive_fields_of_a_residual_net_are_what_a_change_shows():
    torch.manual_seed(6)
    net = nearsighted(OpenNSFW())
    net.blocks = net.blocks[:9]  # up to the third stage; and a smaller picture will do
    net.pool = net.flatten = net.fc_nsfw = nn.Identity()
    expect_fields_as_changes_show(net, net, 70)


def test_fields_meet_in_what_is_common():
    assert Field(0, 8, 2, 6).meet(Field(-3, 4, 5, 9)) == Field(0, 4, 5, 6)
    apart_ = Field(0, 8, 2, 6).meet(Field(9, 12, -4, 1))
    assert np.zeros((20, 20))[apart_.slices].size == 0
    assert (apart_.bottom - apart_.top, apart_.right - apart_.left) == (0, 0)


def test_what_mixes_all_places_sees_everything():
    class Strange(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.step = nn.Conv2d(3, 3, 1, stride=2)
            self.same = nn.Conv2d(3, 3, 3, padding="same")
            self.plain = nn.Identity()
            self.after = nn.Identity()
            self.mixed = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            near = self.plain(x + self.conv(x))
            self.after(near.flip(2))
            return self.mixed(self.step(near) + self.same(near)[:, :, ::2, ::2])

    net, whole = Strange(), Field(0, 8, 0, 8)
    assert receptive_field(net, "plain", (2, 3), 8) == Field(1, 4, 2, 5)
    assert receptive_field(net, "step", (2, 3), 8) == Field(3, 6, 5, 8)
    for layer in ("after", "same", "mixed"):
        assert receptive_field(net, layer, (2, 3), 8) == whole


# What the net sees ----------------------------------------------------------------------------

MEAN = (104.0, 117.0, 123.0)
RULE_NAMES = ["pad", "stretch", "open_nsfw"]


def disc(height: int, width: int) -> np.ndarray:
    """A white disc on black."""
    rows, columns = np.ogrid[:height, :width]
    radius = min(height, width) / 2
    inside = (rows - height / 2 + 0.5) ** 2 + (columns - width / 2 + 0.5) ** 2 < radius**2
    return np.repeat(np.where(inside, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("shape", [(300, 200), (150, 400), (230, 230)])
def test_a_disc_stays_a_disc(rule, shape):
    found = view(disc(*shape), Preprocessing(112, MEAN, 1.0, "BGR", rule))
    rows, columns = (np.flatnonzero((found.image[..., 0] > 190).any(axis=k)) for k in (1, 0))
    if rule == "open_nsfw" and shape[0] == shape[1]:
        assert len(rows) == len(columns) == 112  # the middle alone is seen
        return
    bleeding = 2 if rule == "open_nsfw" else 1  # a JPEG's
    assert abs(np.ptp(rows) - np.ptp(columns)) <= bleeding
    expected = 112 * min(shape) / max(shape) * (8 / 7 if rule == "open_nsfw" else 1)
    assert np.ptp(rows) + 1 == pytest.approx(expected, abs=2)


@settings(deadline=None)
@given(rule=st.sampled_from(RULE_NAMES), shape=st.tuples(st.integers(1, 400), st.integers(1, 400)))
def test_the_box_is_where_the_picture_lies(rule, shape):
    preprocessing = Preprocessing(64, MEAN, 0.5, "BGR", rule)
    found = view(np.full((*shape, 3), 255, np.uint8), preprocessing)
    box = found.box
    assert 0 <= box.top < box.bottom <= 64
    assert 0 <= box.left < box.right <= 64
    if rule == "open_nsfw":  # its JPEG bleeds over sixteen pixels
        return
    assert (found.image[box.slices] == 255).all()
    outside = np.ones((64, 64), bool)
    outside[box.slices] = False
    assert (found.image[outside] == MEAN[::-1]).all()


def test_the_box_of_a_cut_square_is_what_one_gets_by_hand():
    # 200 of 300 columns become 85 of 128, from 21 on; of these 128, 8 are cut off on every side.
    preprocessing = Preprocessing(112, MEAN, 1.0, "RGB", "open_nsfw")
    found = view(disc(300, 200), preprocessing)
    assert found.box == Field(0, 112, 13, 98)
    assert view(disc(200, 300), preprocessing).box == Field(13, 98, 0, 112)
    bright = np.flatnonzero((found.image[56] > 190).all(axis=1))
    assert (bright.min(), bright.max()) == pytest.approx((13, 97), abs=1)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_what_needs_no_padding_is_what_the_score_is_made_from(rule):
    rng = np.random.default_rng(7)
    preprocessing = Preprocessing(112, MEAN, 0.5, "BGR", rule)
    shapes = [(90, 90), (200, 130)] if rule == "pad" else [(90, 90), (200, 200)]
    for shape in shapes:
        picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        found = view(picture, preprocessing)
        assert torch.equal(found.x, preprocessing.batch([picture]))
        shown = in_rgb(found.x[0].numpy(), preprocessing) / 0.5 + np.array(MEAN[::-1])
        assert np.abs(shown - found.image).max() < 1e-3


def test_planes_in_rgb_order_stay():
    planes = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    as_is = in_rgb(planes, Preprocessing(64, MEAN, 1.0, "RGB", "pad"))
    assert as_is[0, 1].tolist() == [1, 5, 9]
    assert in_rgb(planes, OPEN_NSFW)[0, 1].tolist() == [9, 5, 1]


# Strongest patches ----------------------------------------------------------------------------


def toy() -> nn.Sequential:
    """Channel 0 looks for red, channel 1 for green next to blue."""
    net = nn.Sequential(nn.Conv2d(3, 2, (1, 2), bias=False), nn.ReLU()).eval()
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].weight[0, 0, 0, 0] = 1
        net[0].weight[1, 1, 0, 0] = net[0].weight[1, 2, 0, 1] = 1
    return net


def test_top_patches_are_the_planted_ones():
    pictures = torch.zeros(5, 3, 6, 6)
    for number, (row, col, red) in enumerate([(1, 2, 3.0), (5, 0, 9.0), (0, 4, 1.0), (2, 2, 5.0)]):
        pictures[number, 0, row, col] = red
    pictures[1, 0, 3, 3] = 8.0  # second to its own picture's 9, though it would beat all others
    pictures[2, 1, 4, 1] = pictures[2, 2, 4, 2] = 2.0
    pictures[4, 1, 0, 0] = 3.0
    for size in (1, 2, 5):
        found = strongest(toy(), "1", pictures.split(size), 3)
        assert found.activation.tolist() == [[9, 5, 3], [4, 3, 0]]
        assert found.picture[0].tolist() == [1, 3, 0]
        assert found.unit[0].tolist() == [[5, 0], [2, 2], [1, 2]]
        assert found.picture[1, :2].tolist() == [2, 4]
        assert found.unit[1, :2].tolist() == [[4, 1], [0, 0]]


def test_top_patches_are_at_most_one_a_picture_and_ties_go_to_the_earlier():
    pictures = torch.zeros(4, 3, 5, 5)
    pictures[[1, 3], 0] = 7.0  # everywhere
    found = strongest(toy(), "1", pictures.split(2), 9)
    assert found.picture[0].tolist() == [1, 3, 0, 2]
    assert found.unit[0, 0].tolist() == [0, 0]


@pytest.mark.parametrize("layer", ["conv1", "norm2", "relu5", "fc7"])
def test_top_patches_are_those_of_a_plain_search(zfnet, layer):
    pictures = 60 * torch.randn((7, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(8))
    found = strongest(zfnet, layer, pictures.split(3), 4)
    for channel in (0, 3, 9):
        peaks = []
        for number, picture in enumerate(pictures):
            maps = output_of(zfnet, picture[None], layer).detach()[0, channel].numpy()
            maps = maps.reshape(maps.shape or (1, 1))
            place = np.unravel_index(maps.argmax(), maps.shape)
            peaks.append((-maps.max(), number, tuple(map(int, place))))
        for k, (value, number, place) in enumerate(sorted(peaks)[:4]):
            assert found.activation[channel, k] == pytest.approx(-value, rel=1e-4, abs=1e-6)
            if value < 0:
                assert found.picture[channel, k] == number
                assert tuple(found.unit[channel, k]) == place


def test_no_picture_and_no_layer_are_refused(zfnet):
    with pytest.raises(ValueError, match="expected pictures, got none"):
        strongest(zfnet, "conv1", [], 9)
    with pytest.raises(ValueError, match="expected a layer of the net"):
        strongest(zfnet, "conv", [], 9)


def test_a_patch_is_what_the_unit_sees_moved_inwards_at_borders(zfnet):
    preprocessing = Preprocessing(SIZE, MEAN, 1.0, "BGR", "pad")
    model = Model("toy", zfnet, preprocessing, None, None, "")
    rng = np.random.default_rng(9)
    seen_by_net = view(rng.integers(0, 256, (40, 64, 3), dtype=np.uint8), preprocessing)
    for unit, rows, columns in (((3, 3), (11, 22), (11, 22)), ((0, 14), (0, 11), (53, 64))):
        found = patch(model, seen_by_net, "pool1", 2, unit)
        projection = deconvnet(model, seen_by_net.x, "pool1", 2, unit)
        place = slice(*rows), slice(*columns)
        assert np.array_equal(found.image, seen_by_net.image[place])
        assert np.array_equal(found.projection, projection.pixels[::-1].transpose(1, 2, 0)[place])
        assert found.activation == projection.activation
        assert np.count_nonzero(found.projection) == np.count_nonzero(projection.pixels)
    whole = patch(model, seen_by_net, "fc8", 1, (0, 0))
    assert whole.image.shape == (SIZE, SIZE, 3)
