"""What tells drawn targets from controls without being what a target is.

Half of the pictures are bare lay figures, half controls as a set has them. A model is fitted on
pictures of the split train and judged on those of the split test: area under the ROC curve with
DeLong's 95 % interval. The first five rows see only what is drawn without knowledge of the
subject: they must hold .5, but for the one in twenty that misses it by chance, marked with !.
The others may tell something, and whoever boasts of a detector must beat them; the column on the
right holds bare figures against clothed ones and statues alone, which differ in dress but not in
shape.

    python -m benchmarks.honesty [--pictures 1000] [--size 160x240] [--seed 7] [--workers 1]
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from baseline.colour import colour_planes
from baseline.detector import reduce
from baseline.skin import skin_filter
from compare.histogram import Floats, colours, fitted, histogram
from images.mannequins import Drawing, draw
from images.mannequins.capture import jpeg
from images.mannequins.cli import scale_of
from images.mannequins.sets import Plan
from images.mannequins.surroundings import SPLITS
from images.reading import RGB
from images.workers import processors

Views = dict[str, Floats]

BLIND = ("file name", "frame", "JPEG quality", "capture", "place alone")


def auc(labels: npt.ArrayLike, scores: npt.ArrayLike, level: float = 0.95) -> Floats:
    """Area under the ROC curve, and DeLong's interval: (3,) of value, low, high."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    gap = scores[labels][:, None] - scores[~labels]
    wins = (gap > 0) + 0.5 * (gap == 0)
    spread = sum(side.var(ddof=1) / len(side) for side in (wins.mean(axis=0), wins.mean(axis=1)))
    half = float(norm.ppf((1 + level) / 2) * np.sqrt(spread))
    area: Floats = wins.mean() + half * np.array([0.0, -1, 1])
    return area


def thumbnail(image: npt.NDArray[np.uint8], side: int = 12) -> Floats:
    """Shrink a picture, whatever its shape, to a square: (side, side) or (side, side, 3)."""
    small: Floats = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) / 255
    return small


def border(image: RGB) -> Floats:
    """Return the outer eighth of a picture on every side, shrunk."""
    small = thumbnail(image, 24)
    ring = np.ones((24, 24), bool)
    ring[3:-3, 3:-3] = False
    return small[ring].ravel()


def views(name: str, drawing: Drawing, place: Drawing) -> Views:
    """Return all that is looked at, of a picture and of its place without the subject."""
    image, known = drawing.image, drawing.truth.attributes
    height, width = image.shape[:2]
    working = reduce(image)
    planes = colour_planes(working)
    skin = skin_filter(working, planes)
    # Noise and all else being equal, whatever differs is the subject, or its shadow.
    differs = np.abs(image.astype(int) - place.image).max(axis=2) > 12
    return {
        "file name": np.array([int(name, 16) / 16.0 ** len(name)]),
        "frame": np.log([height, width, height / width, height * width]),
        "JPEG quality": np.array([float(drawing.quality)]),
        "capture": np.log([float(known[key]) for key in ("exposure", "noise", "ambient")]),
        "place alone": thumbnail(place.image).ravel(),
        "bytes of the file": np.array([float(len(jpeg(image, drawing.quality)))]),
        "silhouette": thumbnail(differs.astype(np.uint8) * 255, 16).ravel(),
        "border": border(image),
        "skin share": np.array([skin.fraction]),
        "RGB histogram": histogram(image.reshape(-1, 3), 6, [(0, 256)] * 3),
        "hue and saturation": colours(planes),
        "whole picture, tiny": thumbnail(image).ravel(),
    }


def look(plan: Plan, number: int, kind: str) -> Views:
    """Draw a picture of a plan, and its place alone."""
    cv2.setNumThreads(1)
    same = np.random.default_rng([plan.seed, SPLITS.index(plan.split), number])
    place = draw(same, kind, {"subject": False}, plan.scale, plan.split)
    return views(plan.name(number), plan.draw(number, kind), place)


def gather(plan: Plan, workers: int) -> tuple[npt.NDArray[np.str_], Views]:
    """Draw a plan: the kinds (N,), and each view of all pictures, (N, ...)."""
    kinds = plan.kinds()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        seen = list(pool.map(partial(look, plan), range(len(kinds)), kinds, chunksize=16))
    return np.array(kinds), {name: np.stack([one[name] for one in seen]) for name in seen[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=1000, help="of each split")
    parser.add_argument("--size", default="160x240")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=processors())
    given = parser.parse_args()

    begin, half, scale = time.perf_counter(), given.pictures // 2, scale_of(given.size)
    plans = [Plan(half, half, given.seed, split, scale) for split in ("train", "test")]
    (train_kinds, train), (kinds, test) = (gather(plan, given.workers) for plan in plans)
    took = time.perf_counter() - begin
    print(f"{2 * half} pictures to learn from, {2 * half} to judge by, {given.size}: {took:.0f} s")
    everything = np.ones(2 * half, bool), np.ones(2 * half, bool)
    of_one_shape = tuple(np.isin(k, ("bare", "clothed", "statue")) for k in (train_kinds, kinds))
    print(f"{'AUC, bare figures against':28s} {'all controls':22s} clothed figures and statues")
    for name in test:
        cells = []
        for learn, judge in (everything, of_one_shape):
            scores = fitted(train[name][learn], train_kinds[learn] == "bare", test[name][judge])
            value, low, high = auc(kinds[judge] == "bare", scores)
            off = name in BLIND and not low <= 0.5 <= high
            cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]" + (" !" if off else ""))
        print(f"  {name:26s} {cells[0]:22s} {cells[1]}")


if __name__ == "__main__":
    main()
