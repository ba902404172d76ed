"""What a picture costs: reading against the detector of 1996 and open_nsfw, by the picture's size.

Pictures are smooth colours under the noise of a sensor, as JPEGs of quality 88. Told are
milliseconds of processor time, one thread, the best of a few.

    python -m benchmarks.costs
"""

import io
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from PIL import Image

from baseline.detector import detect
from convnet import load
from images.reading import decode

SIZES = ((128, 192), (512, 768), (3000, 4000))
TIMES = 7


def photograph(height: int, width: int) -> bytes:
    rng = np.random.default_rng(1)
    patches = rng.integers(0, 256, (height // 24, width // 24, 3), np.uint8)
    smooth = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(noisy).save(file, "JPEG", quality=88)
        return file.getvalue()


def milliseconds(function: Callable[[], object]) -> float:
    def once() -> float:
        began = time.process_time()
        function()
        return 1e3 * (time.process_time() - began)

    return min(once() for _ in range(TIMES))


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = load("open_nsfw")
    print("rows x columns     kB     read   detect   open_nsfw, ms")
    for height, width in SIZES:
        data = photograph(height, width)
        image = decode(data).image
        assert image is not None
        detect(image)
        steps: list[Callable[[], object]] = [
            partial(decode, data),
            partial(detect, image),
            partial(model.score, [image]),
        ]
        read, detected, scored = map(milliseconds, steps)
        size = f"{height:5d} x {width:<5d} {len(data) / 1e3:8.0f}"
        print(f"{size} {read:8.1f} {detected:8.1f} {scored:8.1f}")


if __name__ == "__main__":
    main()
