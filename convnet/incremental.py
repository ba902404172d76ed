"""Occlusion without waste: only what the occluder's receptive field reaches is computed again.

Behind a covered window, each layer of a network without branches changes inside a rectangle, which
grows from layer to layer; the rest is as it was for the whole input. So each layer computes one
patch per window, with the whole input's values around it, and only the layers that look at all
places at once, from the first fully connected one on, compute everything. The answer is that of
the full forward pass but for rounding. [KRYPTON19]
"""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from images.signals import unbroken

Numbers = npt.NDArray[np.int64]
Covered = Callable[[Numbers, torch.Tensor], torch.Tensor]
"""From windows' corners, (N, 2), and what covers each, (C, h, w), to logits, (N, classes)."""

AT_ONCE = 16  # inputs; with more, less of the work fits the caches
POINTWISE = (nn.ReLU, nn.LocalResponseNorm, nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity)
"""Layers that, in eval mode, look at each place by itself."""


class Patches(NamedTuple):
    """What one layer computed again.

    Attributes
    ----------
    values : Tensor (N, C, h, w)
        A patch of the layer's output for each window.
    corners : ndarray (N, 2)
        Row and column of each patch's top left place in the output.
    """

    values: torch.Tensor
    corners: Numbers


def full(net: nn.Module, whole: torch.Tensor) -> Covered:
    """Return a function that passes inputs with a covered window through all of a network.

    Parameters
    ----------
    net : nn.Module
        In eval mode.
    whole : Tensor (C, H, W)
        The input before anything is covered.
    """

    def covered(corners: Numbers, cover: torch.Tensor) -> torch.Tensor:
        with unbroken(), torch.inference_mode():
            portions = _portions(corners, cover)
            return torch.cat([net(_within(whole, patches)) for patches in portions])

    return covered


def incremental(layers: nn.Sequential, whole: torch.Tensor) -> Covered:
    """Return a function that answers as `full`'s does, with less work.

    Parameters
    ----------
    layers : nn.Sequential
        In eval mode. Convolutions, max pools and `POINTWISE` layers are spared work, up to the
        first layer that is none of these.
    whole : Tensor (C, H, W)
        The input before anything is covered.
    """
    local = list(takewhile(_is_local, layers))
    rest = layers[len(local) :]
    steps, seen = [], whole[None].contiguous(memory_format=torch.channels_last)[0]
    with unbroken(), torch.inference_mode():
        for layer in local:
            out = layer(seen[None])[0]
            steps.append(_step(layer, seen, out))
            seen = out

    def features(patches: Patches) -> torch.Tensor:
        for step in steps:
            patches = step(patches)
        return _within(seen, patches)

    def covered(corners: Numbers, cover: torch.Tensor) -> torch.Tensor:
        with unbroken(), torch.inference_mode():
            logits: torch.Tensor = rest(torch.cat([*map(features, _portions(corners, cover))]))
        return logits

    return covered


def _portions(corners: Numbers, cover: torch.Tensor) -> Iterator[Patches]:
    for start in range(0, len(corners), AT_ONCE):
        some = corners[start : start + AT_ONCE]
        yield Patches(cover.expand(len(some), *cover.shape), some)


def _is_local(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.MaxPool2d):
        return not layer.return_indices
    return isinstance(layer, POINTWISE)


def _step(layer: nn.Module, seen: torch.Tensor, out: torch.Tensor) -> Callable[[Patches], Patches]:
    """Return a function that computes a layer again where its input changed.

    Parameters
    ----------
    layer : nn.Module
    seen, out : Tensor (C, H, W)
        The layer's input and output for the input without cover.
    """
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        return lambda patches: Patches(layer(patches.values), patches.corners)
    size = np.array(out.shape[1:])
    stride, padding, dilation, kernel = (
        np.broadcast_to(getattr(layer, name), 2)
        for name in ("stride", "padding", "dilation", "kernel_size")
    )
    reach = (kernel - 1) * dilation + 1
    # Padded here once and for all, so that patches at the border are like those inside.
    end = np.maximum(0, (size - 1) * stride + reach - padding - seen.shape[1:])
    around = (padding[1], end[1], padding[0], end[0])
    empty = 0.0 if isinstance(layer, nn.Conv2d) else -torch.inf
    padded = functional.pad(seen, [int(n) for n in around], value=empty)

    def step(patches: Patches) -> Patches:
        corners = patches.corners + padding
        last = corners + patches.values.shape[2:] - 1
        first = np.maximum(0, -((reach - 1 - corners) // stride))
        behind = np.minimum(size, last // stride + 1)
        most = np.maximum(1, (behind - first).max(axis=0))
        first = np.minimum(first, size - most)
        rows, columns = (most - 1) * stride + reach
        moved = Patches(patches.values, corners)
        values = _within(padded, moved, first * stride, (int(rows), int(columns)))
        return Patches(_unpadded(layer, values), first)

    return step


def _unpadded(layer: nn.Conv2d | nn.MaxPool2d, x: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, nn.Conv2d):
        return functional.conv2d(
            x, layer.weight, layer.bias, layer.stride, 0, layer.dilation, layer.groups
        )
    return functional.max_pool2d(x, layer.kernel_size, layer.stride, 0, layer.dilation)


def _within(
    whole: torch.Tensor,
    patches: Patches,
    corners: Numbers | None = None,
    size: tuple[int, int] | None = None,
) -> torch.Tensor:
    """Cut a frame out of a whole for every patch, and lay the patch into it as far as it goes.

    Parameters
    ----------
    whole : Tensor (C, H, W)
    patches : Patches
    corners : ndarray (N, 2), optional
        Of the frames, in the whole; by default the frames are the whole.
    size : (int, int), optional
        Rows and columns of a frame.

    Returns
    -------
    frames : Tensor (N, C, *size)
    """
    height, width = whole.shape[1:] if size is None else size
    corners = np.zeros_like(patches.corners) if corners is None else corners
    frames = whole.new_empty((len(patches.corners), len(whole), height, width))
    frames = frames.to(memory_format=torch.channels_last)  # oneDNN is faster on it by half
    for frame, patch, (top, left), (y, x) in zip(
        frames, patches.values, corners, patches.corners - corners, strict=True
    ):
        frame[:] = whole[:, top : top + height, left : left + width]
        part = patch[:, max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
        frame[:, max(y, 0) :, max(x, 0) :][:, : part.shape[1], : part.shape[2]] = part
    return frames
