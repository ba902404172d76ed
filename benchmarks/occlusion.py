"""How long windows occluded take, at the article's setting: here, in Captum, and in a plain loop.

One picture of 224 px, windows of 64 px, the occluded pictures' scores and their map; one thread,
in seconds of processor time, which a busy machine distorts less than those of the clock. Captum's
Occlusion gets 32 pictures at a time. The loop, a picture at a time, is measured on a part of the
windows and scaled up. The maps are compared where the borders, which differ, play no part.

    python -m benchmarks.occlusion            # stride 3, 3,025 windows: some minutes
    python -m benchmarks.occlusion --stride 16
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import Occlusion

from convnet.models import Model, Preprocessing, load
from convnet.occlusion import Scored, occlusion_maps
from convnet.windows import Windows
from convnet.zfnet import ZFNet, ZFNetConfig
from images.mannequins import draw
from images.reading import RGB

SIZE, SIDE, AT_ONCE, LOOPED = 224, 64, 32, 60

T = TypeVar("T")
Floats = npt.NDArray[np.float64]


def untrained(width: float) -> Model:
    """Return a ZFNet of random weights, which takes as long as a trained one."""
    torch.manual_seed(0)
    net = ZFNet(ZFNetConfig(SIZE, width, round(4096 * width))).eval()
    prepared = Preprocessing(SIZE, (123.0, 117.0, 104.0), 1 / 128, "RGB", "stretch")
    return Model(f"ZFNet, width {width:g}", net, prepared, None, None, "")


def ours(model: Model, image: RGB, stride: int) -> Floats:
    windows = np.arange(len(Windows(SIZE, SIZE, SIDE, stride).positions))
    skipped = [Scored("cropped", windows, np.zeros(len(windows)))]  # the other experiment
    return occlusion_maps(image, model, SIDE, stride, size=SIZE, known=skipped).occluded


def captum(model: Model, image: RGB, stride: int) -> Floats:
    def probability(x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = model.net(x).double().softmax(1)
        return answer

    with torch.inference_mode():
        x = model.preprocessing.batch([image])
        black = model.preprocessing.normalise(torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8))
        lost = Occlusion(probability).attribute(
            x,
            (3, SIDE, SIDE),
            (3, stride, stride),
            black,
            target=1,
            perturbations_per_eval=AT_ONCE,
        )
        found: Floats = (1 - probability(x)[0, 1] + lost[0, 0]).numpy()
    return found


def loop(model: Model, image: RGB, stride: int) -> None:
    with torch.inference_mode():
        x = model.preprocessing.batch([image])
        black = model.preprocessing.normalise(torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8))
        for top, left in Windows(SIZE, SIZE, SIDE, stride).positions[:LOOPED]:
            covered = x.clone()
            covered[:, :, top : top + SIDE, left : left + SIDE] = black
            model.net(covered).softmax(1)


def timed(task: Callable[[Model, RGB, int], T], *arguments: Any) -> tuple[float, T]:
    began = time.process_time()
    answer = task(*arguments)
    return time.process_time() - began, answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--stride", type=int, default=3)
    stride = parser.parse_args().stride
    torch.set_num_threads(1)
    image = draw(np.random.default_rng(1), "bare").image

    number = len(Windows(SIZE, SIZE, SIDE, stride).positions)
    print(f"{number} windows of {SIDE} px, stride {stride}, on {SIZE} px; processor seconds")
    print(f"{'':20s} {'here':>8s} {'Captum':>8s} {'loop':>8s}  maps differ by")
    for model in (untrained(1.0), untrained(0.25), load("open_nsfw")):
        ours(model, image, SIDE)  # to warm up
        here, found = timed(ours, model, image, stride)
        theirs, expected = timed(captum, model, image, stride)
        looped = timed(loop, model, image, stride)[0] * max(1, number / LOOPED)
        inside = SIZE - SIDE
        gap = np.abs(found - expected)[:inside, :inside].max()
        print(f"{model.name:20s} {here:8.1f} {theirs:8.1f} {looped:8.1f}  {gap:.1e}")
        print(f"{'':20s} {'':8s} {theirs / here:7.2f}x {looped / here:7.2f}x")


if __name__ == "__main__":
    main()
