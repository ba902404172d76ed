"""The deconvnet against Captum, its three rules against each other, and what a projection costs.

On a ZFNet with random weights, or one that was trained, and on open_nsfw; one thread, random input
in the range of grey levels. Differences are of the largest value. Everything goes down from the
strongest unit of its layer.

    python -m benchmarks.deconvnet [--model CHECKPOINT]
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import Deconvolution, GuidedBackprop, Saliency
from torch import Tensor, nn

from convnet.deconvnet import (
    RULES,
    Rule,
    body,
    by_gradient,
    by_layers,
    deconvnet,
    layers,
    output_of,
)
from convnet.models import load
from convnet.receptive import receptive_field
from convnet.zfnet import ZFNet

REPEATS = 5


def captum(net: nn.Module, x: Tensor, target: int | tuple[int, ...], rule: Rule) -> Tensor:
    """Project one output of a net as Captum does."""
    x = x.clone().requires_grad_()
    if rule == "gradient":
        return cast(Tensor, Saliency(net).attribute(x, target, abs=False)).detach()
    method: Any = Deconvolution if rule == "deconvnet" else GuidedBackprop
    return cast(Tensor, method(net).attribute(x, target)).detach()


def stages(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield layers whose way up can be cut off, each with the net up to it."""
    if isinstance(net, ZFNet):
        names = list(layers(net))
        for name in ("conv2", "conv3", "conv5", "relu5", "fc7", "fc8"):
            yield name, net.layers[: names.index(name) + 1]
        return
    trunk = [getattr(net, name) for name in ("conv1", "relu1", "pool1")]
    blocks = list(cast(nn.Sequential, net.blocks).named_children())
    for count in (1, 4, 10, 16):
        name = f"blocks.{blocks[count - 1][0]}.relu"
        yield name, nn.Sequential(*trunk, *(block for _, block in blocks[:count]))
    yield list(layers(net))[-1], net


def largest(values: Tensor) -> float:
    return float(values.abs().max())


def cosine(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def milliseconds(work: Callable[[], object]) -> float:
    """Best of a few."""
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1e3 * min(took)


def measure(name: str, net: nn.Module, x: Tensor) -> None:
    pairs = list(combinations(RULES, 2))
    heads = [*RULES, *(" ".join(pair) for pair in pairs)]
    print(f"{name}, {x.shape[2]} px: largest difference to Captum; cosine between two rules")
    print(f"  {'layer':28s}", *(f"{head:>18s}" for head in heads))
    for layer, upto in stages(net):
        output = output_of(net, x, layer).detach()[0]
        channel = int(output.flatten(1).amax(1).argmax() if output.ndim == 3 else output.argmax())
        found = {rule: deconvnet(net, x, layer, channel, rule=rule) for rule in RULES}
        target = (channel, *found["gradient"].unit) if output.ndim == 3 else channel
        apart = {
            rule: largest(captum(upto, x, target, rule)[0] - torch.from_numpy(found[rule].pixels))
            / largest(torch.from_numpy(found[rule].pixels))
            for rule in RULES
        }
        alike = [cosine(found[one].pixels, found[other].pixels) for one, other in pairs]
        cells = [*(f"{apart[rule]:.1e}" for rule in RULES), *(f"{value:.3f}" for value in alike)]
        print(f"  {layer:28s}", *(f"{cell:>18s}" for cell in cells))


def speed(net: nn.Module, x: Tensor) -> None:
    last = list(layers(net))[-1]

    def seed(output: Tensor) -> Tensor:
        one = torch.zeros_like(output)
        one[0, 1] = 1
        return one

    print(f"  {'ms from the last layer':28s}", *(f"{rule:>18s}" for rule in RULES))
    ways: dict[str, Callable[[Rule], object]] = {
        "by gradient": lambda rule: by_gradient(net, x, last, seed, rule),
        "by Captum": lambda rule: captum(net, x, 1, rule),
    }
    if isinstance(net, ZFNet):
        ways["by layers"] = lambda rule: by_layers(net.layers, x, last, seed, rule)
    for name, way in ways.items():
        took = [milliseconds(partial(way, rule)) for rule in RULES]
        print(f"  {name:28s}", *(f"{ms:18.1f}" for ms in took))
    with torch.no_grad():
        print(f"  {'the way up alone':28s} {milliseconds(lambda: net(x)):18.1f}")
    found = milliseconds(lambda: receptive_field(body(net), last, (0, 0), x.shape[2]))
    print(f"  {'a receptive field':28s} {found:18.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, help="a trained ZFNet, in place of a random one")
    chosen = parser.parse_args().model
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", message="Setting (forward|backward).* hooks")
    measure_all("open_nsfw", load("open_nsfw").net, 224, 1.0)
    if chosen is None:
        measure_all("random ZFNet", ZFNet().eval(), 224, 1.0)
    else:
        model = load(chosen)
        measure_all(model.name, model.net, model.preprocessing.size, model.preprocessing.scale)


def measure_all(name: str, net: nn.Module, size: int, scale: float) -> None:
    x = 60 * scale * torch.randn(1, 3, size, size)
    measure(name, net, x)
    speed(net, x)


if __name__ == "__main__":
    main()
