"""A net small enough to print: five by five pixels, two filters, one ReLU, one pool, one unit.

It is made so that all that matters happens: two windows of the pool share a switch, one window is
empty, and one weight is negative. Its way down is `convnet.deconvnet`'s own, step by step.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convnet.deconvnet import RULES, by_layers, down

PICTURE = (
    (0, 0, 0, 0, 1),
    (0, 1, 1, 1, 1),
    (0, 0, 1, 0, 0),
    (0, 0, 1, 0, 1),
    (0, 0, 0, 0, 0),
)
EDGES = ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))  # bright to the right, dark to the left
CORNERS = ((2, -1), (1, 1))

Rows = list[list[int]]


def net() -> nn.Sequential:
    """Return the net: conv1, relu1, pool1 whose windows overlap as ZFNet's do, conv2."""
    conv1, conv2 = nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Conv2d(1, 1, 2, bias=False)
    with torch.no_grad():
        conv1.weight.copy_(_tensor(EDGES))
        conv2.weight.copy_(_tensor(CORNERS))
    layers = OrderedDict[str, nn.Module](
        conv1=conv1,  # (1, 1, 5, 5)
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, stride=2),  # (1, 1, 2, 2)
        conv2=conv2,  # (1, 1, 1, 1)
    )
    return nn.Sequential(layers).eval()


def picture() -> Tensor:
    """Return the picture, (1, 1, 5, 5)."""
    return _tensor(PICTURE)


def steps() -> dict[str, Any]:
    """Return every number on the way up, and on the way down by each of the three rules.

    Returns
    -------
    dict
        ``up``: the picture and each layer's output; ``switches``: number of the pixel, row by row,
        from which each output of the pool came; ``filters``; ``down``: for each rule, what enters
        each layer's lower side, from the top; ``gradient_error``: the greatest difference between
        the rule ``gradient`` and what `torch.autograd` says.
    """
    layers, x = net(), picture()
    with torch.no_grad():
        passed = [("picture", x)]
        for name, layer in layers.named_children():
            passed.append((name, layer(passed[-1][1])))
        _, switches = F.max_pool2d(passed[2][1], 3, 2, return_indices=True)
        going_down: dict[str, dict[str, Rows]] = {}
        for rule in RULES:
            signal = torch.ones_like(passed[-1][1])
            going_down[rule] = {"unit": _rows(signal)}
            for (name, layer), (_, before) in zip(
                reversed([*layers.named_children()]), reversed(passed[:-1]), strict=True
            ):
                signal = down(layer, before, signal, rule)
                going_down[rule][name] = _rows(signal)
    asked = picture().requires_grad_()
    (exact,) = torch.autograd.grad(layers(asked).sum(), asked)
    _, ours = by_layers(layers, x, "conv2", torch.ones_like, "gradient")
    return {
        "up": {name: _rows(values) for name, values in passed},
        "switches": _rows(switches),
        "filters": {"conv1": _rows(_tensor(EDGES)), "conv2": _rows(_tensor(CORNERS))},
        "down": going_down,
        "gradient_error": float((exact - ours).abs().max()),
    }


def _tensor(rows: tuple[tuple[int, ...], ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def _rows(values: Tensor) -> Rows:
    """Return a map's rows as JSON will hold them; all of these numbers are whole."""
    return [[int(value) for value in row] for row in values[0, 0].tolist()]
