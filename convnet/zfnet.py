"""Zeiler and Fergus' network of 2014 [ZF14, figure 3], layer by layer.

Five convolutions that see ever more of the picture, three fully connected layers, a class. Where
this file departs from the paper, a comment that begins with "Departure" says so.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

SMALLEST = 47  # px; of anything smaller nothing is left at the last pool


@dataclass(frozen=True)
class ZFNetConfig:
    """What may be made smaller than in the paper, so that a CPU trains it in minutes.

    Attributes
    ----------
    size : int
        Rows and columns of the input, px; 224 in the paper.
    width : float
        Factor on the channels of all convolutions; 1 in the paper.
    hidden : int
        Units of either fully connected layer before the last; 4096 in the paper.
    classes : int
        Departure: 2, negative and positive; the paper has ImageNet's 1000.
    dropout : float
        Chance of a fully connected unit to be left out while training; 0.5 in the paper.

    Raises
    ------
    ValueError
        If no network of these sizes can be made.
    """

    size: int = 224
    width: float = 1.0
    hidden: int = 4096
    classes: int = 2
    dropout: float = 0.5

    def __post_init__(self) -> None:
        for name in ("size", "hidden", "classes"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"expected a whole number as {name}, got {getattr(self, name)!r}")
        if not SMALLEST <= self.size <= 4096:
            raise ValueError(f"expected a size of {SMALLEST} to 4096 px, got {self.size}")
        if not 1 / 96 <= self.width <= 16:
            raise ValueError(f"expected a width of 1/96 to 16, got {self.width}")
        if not (self.hidden >= 1 and self.classes >= 2 and 0 <= self.dropout < 1):
            raise ValueError(
                "expected hidden units, two or more classes and a dropout from 0 to below 1, "
                f"got {self.hidden}, {self.classes} and {self.dropout}"
            )


class ZFNet(nn.Module):
    """The network; `layers` holds every step by the paper's name, in order, for who looks inside.

    Parameters
    ----------
    config : ZFNetConfig
    """

    def __init__(self, config: ZFNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ZFNetConfig()
        size, hidden, dropout = config.size, config.hidden, config.dropout
        c1, c2, c3, c4, c5 = (max(1, round(c * config.width)) for c in (96, 256, 384, 384, 256))
        rest = _pooled(_pooled((_pooled((size - 5) // 2 + 1) - 5) // 2 + 1))
        # Departure: the paper does not tell its padding. One pixel at conv1, and pools that keep
        # an incomplete last window, as its code's ancestor did, give all the sizes of its figure.
        self.layers = nn.Sequential(OrderedDict(
            #                                                          (N,    3, 224, 224)
            conv1=nn.Conv2d(3, c1, 7, stride=2, padding=1),          # (N,   96, 110, 110)
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),         # (N,   96,  55,  55)
            norm1=_normalisation(),
            conv2=nn.Conv2d(c1, c2, 5, stride=2),                    # (N,  256,  26,  26)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),         # (N,  256,  13,  13)
            norm2=_normalisation(),
            conv3=nn.Conv2d(c2, c3, 3, padding=1),                   # (N,  384,  13,  13)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(c3, c4, 3, padding=1),                   # (N,  384,  13,  13)
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(c4, c5, 3, padding=1),                   # (N,  256,  13,  13)
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, stride=2, ceil_mode=True),         # (N,  256,   6,   6)
            flatten=nn.Flatten(),                                    # (N, 9216)
            dropout6=nn.Dropout(dropout),
            fc6=nn.Linear(c5 * rest * rest, hidden),                 # (N, 4096)
            relu6=nn.ReLU(),
            dropout7=nn.Dropout(dropout),
            fc7=nn.Linear(hidden, hidden),                           # (N, 4096)
            relu7=nn.ReLU(),
            fc8=nn.Linear(hidden, config.classes),                   # (N,    2)
        ))  # fmt: skip
        for parameter in self.parameters():
            if parameter.ndim == 1:
                nn.init.zeros_(parameter)  # the biases
            else:
                # Departure: the paper draws all weights around 0.01, whatever the layer's size;
                # scaled to the inputs [He et al. 2015], narrow networks learn as well.
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the classes' logits, (N, classes), of pictures (N, 3, size, size)."""
        logits: torch.Tensor = self.layers(x)
        return logits

    @torch.no_grad()
    def renormalise(self, radius: float = 0.1) -> None:
        """Scale every filter of the convolutions whose RMS exceeds the radius back to it.

        The paper does so after every step, lest a few filters of the first layer dominate.
        Departure: its inputs lie within +-128, ours are divided by 58 (see `Recipe`), so that few
        filters but the first layer's come near the radius.
        """
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                rms = layer.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
                layer.weight.mul_((radius / rms).clamp(max=1))


def _pooled(size: int) -> int:
    """Return what 3x3/2 pooling that keeps an incomplete last window leaves of a size."""
    return (size - 2) // 2 + 1


def _normalisation() -> nn.LocalResponseNorm:
    """Return contrast normalisation across five neighbouring channels.

    Departure: the paper gives no constants; these are Krizhevsky et al.'s of 2012, on which it
    builds. They add up where torch averages, hence five times their alpha.
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
