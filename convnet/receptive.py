"""Receptive fields: which pixels of the input a unit of a layer sees, from the layers alone.

Along either axis, unit k of a layer sees the pixels ``first + k * step`` to ``last + k * step``. A
window over a layer widens that reach, a stride lengthens the step, and where branches meet, a unit
sees what it sees through any of them.
"""

import operator
from typing import NamedTuple

from torch import fx, nn


class Field(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right`, in pixels, the latter ends left out."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Of an array (H, W, ...) in which the field lies."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def meet(self, other: "Field") -> "Field":
        """Return what lies in both, which may have no rows or no columns."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Field(top, max(top, bottom), left, max(left, right))


class Reach(NamedTuple):
    """Which pixels, along one axis, each unit of a layer sees."""

    first: int
    last: int
    step: int

    def through(self, window: int, stride: int, padding: int, dilation: int) -> "Reach":
        """Return the reach of a layer whose units look at this one through windows."""
        return Reach(
            self.first - padding * self.step,
            self.last + (dilation * (window - 1) - padding) * self.step,
            self.step * stride,
        )


Reaches = tuple[Reach, Reach] | None  # of rows and columns; None: all of them

WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
PIXELWISE = (nn.ReLU, nn.LocalResponseNorm, nn.BatchNorm2d, nn.Dropout, nn.Identity)


def receptive_field(net: nn.Module, layer: str, unit: tuple[int, int], size: int) -> Field:
    """Return what a unit sees of a square input.

    Parameters
    ----------
    net : Module
        One that `torch.fx` can trace: branches are welcome, decisions by the input are not.
    layer : str
        Name of a module of it.
    unit : (int, int)
        (row, col) in the layer's map.
    size : int
        Rows and columns of the input.

    Returns
    -------
    field : Field
        It may reach beyond the input, into what convolutions pad. It is just the input where a
        layer on the way mixes all places, or is of a kind that is not known not to.

    Examples
    --------
    >>> from convnet.zfnet import ZFNet, ZFNetConfig
    >>> chain = ZFNet(ZFNetConfig(width=1 / 96, hidden=1)).layers
    >>> receptive_field(chain, "conv1", (0, 0), 224)
    Field(top=-1, bottom=6, left=-1, right=6)
    >>> receptive_field(chain, "conv5", (6, 6), 224)
    Field(top=47, bottom=186, left=47, right=186)
    """
    reaches = _reaches(net)[layer]
    if reaches is None:
        return Field(0, size, 0, size)
    (top, bottom), (left, right) = (
        (reach.first + k * reach.step, reach.last + k * reach.step + 1)
        for reach, k in zip(reaches, unit, strict=True)
    )
    return Field(top, bottom, left, right)


def _reaches(net: nn.Module) -> dict[str, Reaches]:
    """Follow the net from its input, which sees itself, and note every module's output."""
    found = dict[fx.Node, Reaches]()
    named = dict[str, Reaches]()
    for node in fx.symbolic_trace(net).graph.nodes:
        before = [found[source] for source in node.all_input_nodes]
        if node.op == "placeholder":
            found[node] = (Reach(0, 0, 1), Reach(0, 0, 1))
        elif node.op == "call_module":
            found[node] = named[node.target] = _through(net.get_submodule(node.target), before[0])
        else:
            found[node] = _union(before) if node.target is operator.add else None
    return named


def _union(branches: list[Reaches]) -> Reaches:
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches) or len({(r.step, c.step) for r, c in known}) > 1:
        return None
    rows, columns = (
        Reach(min(r.first for r in axis), max(r.last for r in axis), axis[0].step)
        for axis in zip(*known, strict=True)
    )
    return rows, columns


def _through(layer: nn.Module, before: Reaches) -> Reaches:
    if isinstance(layer, PIXELWISE):
        return before
    if before is None or not isinstance(layer, WINDOWED) or isinstance(layer.padding, str):
        return None
    windows = (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
    rows, columns = (
        reach.through(*(n if isinstance(n, int) else n[axis] for n in windows))
        for axis, reach in enumerate(before)
    )
    return rows, columns
