"""What a layer's channels look for: the patches that excite each most, as in [ZF14, figure 2]."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from convnet.deconvnet import deconvnet, expect_layer, output_of
from convnet.models import Model
from convnet.receptive import Field
from convnet.views import View, in_rgb
from images.reading import RGB


@dataclass(frozen=True, eq=False)
class Strongest:
    """Each channel's strongest activations, at most one a picture, strongest first.

    Attributes
    ----------
    activation : ndarray (channels, n), float32
    picture : ndarray (channels, n), int64
        Number of the picture.
    unit : ndarray (channels, n, 2), int64
        (row, col) in the layer's map.
    """

    activation: npt.NDArray[np.float32]
    picture: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]


def strongest(net: nn.Module, layer: str, inputs: Iterable[Tensor], count: int) -> Strongest:
    """Find each channel's strongest activations over any number of pictures.

    Parameters
    ----------
    net : Module
        In evaluation mode.
    layer : str
        One of `convnet.deconvnet.layers`.
    inputs : iterable of Tensor (N, 3, S, S)
        Batches, seen once each.
    count : int
        How many to keep of each channel; of pictures there may be fewer.

    Raises
    ------
    ValueError
        If there is no such layer, or no picture.

    Notes
    -----
    Among equals the earlier picture is kept, and of a picture the first of its strongest units.
    """
    expect_layer(net, layer)
    best, seen = list[Tensor](), 0
    with torch.no_grad():
        for x in inputs:
            output = output_of(net, x, layer)
            maps = output.reshape(*output.shape[:2], *(output.shape[2:] or (1, 1)))
            values, places = maps.flatten(2).max(dim=2)  # (N, channels)
            pictures = torch.arange(seen, seen + len(x))[:, None].expand_as(values)
            found = [values, pictures, places // maps.shape[3], places % maps.shape[3]]
            if best:
                found = [torch.cat(both) for both in zip(best, found, strict=True)]
            order = found[0].argsort(dim=0, descending=True, stable=True)[:count]
            best, seen = [some.gather(0, order) for some in found], seen + len(x)
    if not best:
        raise ValueError("expected pictures, got none")
    activation, picture, row, col = (some.T.numpy() for some in best)
    return Strongest(activation, picture, np.stack((row, col), axis=-1))


@dataclass(frozen=True, eq=False)
class Patch:
    """What one activation sees, and its projection.

    Attributes
    ----------
    image : ndarray (h, w, 3), uint8
        The receptive field, moved inwards where it reaches beyond the input: so all patches of a
        layer are of one size.
    projection : ndarray (h, w, 3), float32
        Of the same place.
    activation : float
    """

    image: RGB
    projection: npt.NDArray[np.float32]
    activation: float


def patch(model: Model, view: View, layer: str, channel: int, unit: tuple[int, int]) -> Patch:
    """Project one activation and cut out what it sees; errors as of `deconvnet`."""
    found = deconvnet(model, view.x, layer, channel, unit)
    top, bottom, left, right = found.field
    size = view.x.shape[2]
    rows, columns = min(size, bottom - top), min(size, right - left)
    top, left = min(max(0, top), size - rows), min(max(0, left), size - columns)
    place = Field(top, top + rows, left, left + columns).slices
    return Patch(
        view.image[place],
        in_rgb(found.pixels, model.preprocessing)[place],
        found.activation,
    )
