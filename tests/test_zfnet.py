"""The network of 2014: its layers, its sizes, and what keeps its filters in check."""

import pytest
import torch
from torch import nn

from convnet.zfnet import SMALLEST, ZFNet, ZFNetConfig

PAPER = {  # [ZF14, figure 3]
    "conv1": (96, 110, 110),
    "relu1": (96, 110, 110),
    "pool1": (96, 55, 55),
    "norm1": (96, 55, 55),
    "conv2": (256, 26, 26),
    "relu2": (256, 26, 26),
    "pool2": (256, 13, 13),
    "norm2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "relu3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "relu4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "relu5": (256, 13, 13),
    "pool5": (256, 6, 6),
    "flatten": (9216,),
    "dropout6": (9216,),
    "fc6": (4096,),
    "relu6": (4096,),
    "dropout7": (4096,),
    "fc7": (4096,),
    "relu7": (4096,),
    "fc8": (2,),
}


def shapes(net: ZFNet) -> dict[str, tuple[int, ...]]:
    found, x = {}, torch.zeros(1, 3, net.config.size, net.config.size)
    for name, layer in net.layers.named_children():
        x = layer(x)
        found[name] = tuple(x.shape[1:])
    return found


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_the_layers_have_the_papers_names_order_and_shapes() -> None:
    with torch.device("meta"):
        net = ZFNet()
        x = torch.zeros(1, 3, 224, 224)
    found = {}
    for name, layer in net.layers.named_children():
        x = layer(x)
        found[name] = tuple(x.shape[1:])
    assert list(found.items()) == list(PAPER.items())
    assert parameters(net) == 58_268_802


@pytest.mark.parametrize(
    ("size", "pool1", "pool2", "pool5"), [(128, 31, 7, 3), (112, 27, 6, 3), (SMALLEST, 11, 2, 1)]
)
def test_smaller_inputs_and_widths_keep_the_layers(
    size: int, pool1: int, pool2: int, pool5: int
) -> None:
    found = shapes(ZFNet(ZFNetConfig(size, width=0.25, hidden=100)))
    assert found["pool1"] == (24, pool1, pool1)
    assert found["pool2"] == (64, pool2, pool2)
    assert found["conv4"][0] == 96
    assert found["pool5"] == (64, pool5, pool5)
    assert (found["relu6"], found["relu7"], found["fc8"]) == ((100,), (100,), (2,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": SMALLEST - 1},
        {"size": 5000},
        {"size": 112.0},
        {"width": 0.001},
        {"width": float("nan")},
        {"hidden": 0},
        {"classes": 1},
        {"dropout": 1.0},
    ],
)
def test_a_network_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        ZFNetConfig(**wrong)  # type: ignore[arg-type]


def test_filters_above_the_radius_are_brought_back_and_others_left() -> None:
    net = ZFNet(ZFNetConfig(48, 1 / 16, 8))
    conv1, fc6 = net.layers.conv1.weight, net.layers.fc6.weight
    with torch.no_grad():
        conv1.normal_(0, 0.05, generator=torch.Generator().manual_seed(1))
        conv1[2] *= 10
        fc6.fill_(3.0)
    before = conv1.detach().clone()
    net.renormalise()
    rms = conv1.detach().square().mean((1, 2, 3)).sqrt()
    assert rms[2].item() == pytest.approx(0.1)
    assert torch.allclose(conv1[2] / conv1[2].norm(), before[2] / before[2].norm())
    others = [0, 1, 3, 4, 5]
    assert torch.equal(conv1[others], before[others])
    assert torch.all(fc6 == 3)  # the paper speaks of the convolutions alone


def test_contrast_normalisation_divides_by_five_neighbouring_channels() -> None:
    x = torch.rand(1, 7, 1, 1, generator=torch.Generator().manual_seed(2)) * 100
    found = ZFNet(ZFNetConfig(48, 1 / 16, 8)).layers.norm1(x)
    for channel in range(7):
        near = x[0, max(0, channel - 2) : channel + 3, 0, 0]
        expected = x[0, channel, 0, 0] / (2 + 1e-4 * near.square().sum()) ** 0.75
        assert found[0, channel, 0, 0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_no_two_steps_share_a_module_and_none_works_in_place() -> None:
    layers = list(ZFNet(ZFNetConfig(48, 1 / 16, 8)).layers)
    assert len({id(layer) for layer in layers}) == len(layers)
    assert not any(getattr(layer, "inplace", False) for layer in layers)
