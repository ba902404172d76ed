"""The skin filter against hand-drawn skin masks, and how many controls pass it.

Pixel recall and precision at working size, pooled over the pictures of a source, with the
bootstrap's 95 % interval over pictures; beside them the plain HSV rule on the same pictures.

    python -m benchmarks.skin_pixels --photos DIR
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from baseline.colour import LogOpponent, colour_planes
from baseline.detector import reduce
from baseline.skin import SkinMap, SkinParams, hsv_skin_filter, skin_filter
from benchmarks.photos import masked, pictures
from compare.funnel import share
from images.reading import RGB

Filter = Callable[[RGB, LogOpponent, SkinParams], SkinMap]
FILTERS: dict[str, Filter] = {"log-opponent": skin_filter, "HSV rule": hsv_skin_filter}


def ratio(counts: npt.NDArray[np.int64]) -> str:
    """Pooled ratio of (hits, of) rows, with an interval from resampled pictures."""
    draws = np.random.default_rng(1996).integers(len(counts), size=(2000, len(counts)))
    sums = counts[draws].sum(axis=1)
    low, high = np.percentile(100 * sums[:, 0] / np.maximum(sums[:, 1], 1), [2.5, 97.5])
    hits, total = counts.sum(axis=0)
    return f"{100 * hits / total:5.1f} % [{low:.1f}, {high:.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    photos = parser.parse_args().photos

    counts: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for photo, truth in masked(photos):
        working = reduce(photo.image)
        planes = colour_planes(working)
        size = working.shape[1], working.shape[0]
        real = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
        for name, filter_skin in FILTERS.items():
            mask = filter_skin(working, planes, SkinParams()).mask
            cell = int((mask & real).sum()), int(real.sum()), int(mask.sum())
            counts[name, photo.source].append(cell)
            counts[name, "all"].append(cell)
    print("Pixels of skin, by source: recall, precision")
    for (name, source), cells in sorted(counts.items()):
        table = np.array(cells)
        recall, precision = ratio(table[:, [0, 1]]), ratio(table[:, [0, 2]])
        print(f"  {name:13s} {source:28s} n={len(cells):3d}  {recall:22s} {precision}")

    passed: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for photo in pictures(photos, "controls"):
        working = reduce(photo.image)
        planes = colour_planes(working)
        for name, filter_skin in FILTERS.items():
            skin = filter_skin(working, planes, SkinParams())
            for source in (photo.source, "all"):
                passed[name, source].append(skin.fraction >= SkinParams().min_fraction)
    print("Controls that pass the image test (published: 485/4289 = 11.3 %)")
    for (name, source), answers in sorted(passed.items()):
        print(f"  {name:13s} {source:34s} {share(sum(answers), len(answers))}")


if __name__ == "__main__":
    main()
