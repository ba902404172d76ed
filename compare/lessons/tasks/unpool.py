"""Two outputs, one switch.

Going down through a max pool, each value goes back to its switch, the place where the maximum was.
Write `send_back(signal, switches, size)`: a list of numbers; a list of as many places, counted row
by row; and how many places there are below. Return the list of what arrives at each of them. Zeiler
and Fergus' pools overlap: mind what happens when two outputs share a switch.

Hint: One large pixel can be the maximum of several windows. It was the cause of all of them.

Hint: Whoever writes with `=` loses all but the last of them. torch's own `max_unpool2d` does.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnet.deconvnet import unpool

Unpool = Callable[[Sequence[float], Sequence[int], int], Sequence[float]]


def send_back(signal: Sequence[float], switches: Sequence[int], size: int) -> list[float]:
    """Return what arrives at each place below a max pool."""
    below = [0.0] * size
    for value, place in zip(signal, switches, strict=True):
        below[place] += value
    return below


def check(answer: Unpool) -> dict[str, int]:
    """Compare an answer with the deconvnet's unpooling, where windows overlap."""
    pool = nn.MaxPool2d(3, stride=2)
    generator = torch.Generator().manual_seed(2014)
    shared = 0
    for _ in range(20):
        x = torch.rand(1, 1, 9, 9, generator=generator)
        above, switches = F.max_pool2d(x, 3, 2, return_indices=True)
        signal = torch.randn(above.shape, generator=generator)
        wanted = unpool(pool, x, signal).flatten().tolist()
        places = switches.flatten().tolist()
        found = answer(signal.flatten().tolist(), places, x.numel())
        if not np.allclose(found, wanted, atol=1e-6):
            raise ValueError(
                "expected the sum of what comes to a shared switch, got something else"
            )
        shared += len(places) - len(set(places))
    return {"outputs": 20 * 16, "of them share a switch": shared}
