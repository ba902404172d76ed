"""How far a unit sees.

Write `sees(layers)`, of a list of `(window, stride)` from the picture upwards. Return how many
pixels wide the receptive field of the last layer's units is, and by how many pixels the fields of
two neighbours are apart.

Hint: A unit of the picture sees one pixel, and neighbours are one apart.

Hint: A window of `w` over a layer whose neighbours are `s` apart adds `(w - 1) s` pixels. A
stride multiplies `s`.
"""

from collections.abc import Callable, Sequence

from convnet.receptive import receptive_field
from convnet.zfnet import ZFNet, ZFNetConfig

Layers = Sequence[tuple[int, int]]
ZF14 = {
    "conv1": (7, 2),
    "pool1": (3, 2),
    "conv2": (5, 2),
    "pool2": (3, 2),
    "conv3": (3, 1),
    "conv4": (3, 1),
    "conv5": (3, 1),
}
"""Windows and strides of Zeiler and Fergus' net; ReLUs and normalisation look at one place."""


def sees(layers: Layers) -> tuple[int, int]:
    """Return the width of a receptive field and the step to the next, px."""
    side, step = 1, 1
    for window, stride in layers:
        side += (window - 1) * step
        step *= stride
    return side, step


def check(answer: Callable[[Layers], tuple[int, int]]) -> dict[str, int]:
    """Compare an answer with the fields that the project traces through ZFNet."""
    chain = ZFNet(ZFNetConfig(width=1 / 96, hidden=1)).layers
    fields = {}
    for number, name in enumerate(ZF14, start=1):
        first, second = (receptive_field(chain, name, (0, k), 224) for k in (0, 1))
        wanted = first.right - first.left, second.left - first.left
        found = answer([*ZF14.values()][:number])
        if tuple(found) != wanted:
            raise ValueError(f"expected {wanted} for {name}, got {found}")
        if name.startswith("conv"):
            fields[f"{name} sees, px"] = found[0]
    return fields
