"""Drawn skin against photographed skin, as the detector sees it.

Hue, saturation and texture amplitude at working size, on drawn skin by the drawings' truth and on
photographed skin by its hand-drawn masks, both away from the masks' edges. Every picture weighs
the same. Intersections of histograms are 1 for equal distributions, 0 for disjoint ones;
Wasserstein's distance is in the unit of what is measured.

    python -m benchmarks.drawn_skin --photos DIR [--pictures 300] [--plot FILE]
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.stats import wasserstein_distance

from baseline.colour import colour_planes, zero_response
from baseline.detector import reduce
from baseline.skin import SkinParams, skin_filter
from benchmarks.photos import masked
from images.mannequins import draw
from images.mannequins.capture import jpeg
from images.mannequins.tones import TONES
from images.reading import RGB, decode

Floats = npt.NDArray[np.float64]

MEASURES = {
    "hue, degrees": (np.arange(80.0, 201, 4), 0),
    "saturation, log units": (np.arange(0.0, 91, 3), 1),
    "texture, log units": (np.arange(0.0, 8.1, 0.25), 2),
}


def skin(image: RGB, truth: npt.NDArray[np.bool_]) -> Floats | None:
    """Return hue, saturation, texture and whether it is in a tight box, of skin: (n, 4).

    None where less than a hundredth of the picture is skin.
    """
    working = reduce(image)
    size = working.shape[1], working.shape[0]
    inside = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if inside.mean() < 0.01:
        return None
    planes, params = colour_planes(working), SkinParams()
    answer = skin_filter(working, planes, params)
    tight = params.red_box.contains(planes.hue, planes.saturation)
    tight |= params.yellow_box.contains(planes.hue, planes.saturation)
    columns = (planes.hue, planes.saturation, answer.texture, tight)
    return np.stack([column[inside].astype(float) for column in columns], axis=1)


def pooled(pictures: list[Floats], column: int, edges: Floats) -> Floats:
    """Return a histogram over pictures of equal weight; what is outside is in the end bins."""
    clipped = [np.clip(one[:, column], edges[0], edges[-1]) for one in pictures]
    shares = [np.histogram(values, edges)[0] / len(values) for values in clipped]
    mean: Floats = np.mean(shares, axis=0)
    return mean


def median(pictures: list[Floats], column: int) -> float:
    """Return the median over pictures of the pictures' medians."""
    return float(np.median([np.median(one[:, column]) for one in pictures]))


def interval(values: list[float]) -> str:
    """Return a mean with its bootstrap 95 % interval."""
    numbers = np.array(values)
    picks = np.random.default_rng(1996).integers(len(numbers), size=(2000, len(numbers)))
    low, high = np.percentile(numbers[picks].mean(axis=1), [2.5, 97.5])
    return f"{numbers.mean():.2f} [{low:.2f}, {high:.2f}]"


def compared(real: list[Floats], drawn: list[Floats], column: int, edges: Floats) -> str:
    """Return medians, intersection and distance of two sets of pictures, as text."""
    one, two = pooled(real, column, edges), pooled(drawn, column, edges)
    middles = (edges[:-1] + edges[1:]) / 2
    distance = wasserstein_distance(middles, middles, one, two)
    return (
        f"medians {median(real, column):6.1f} {median(drawn, column):6.1f}   "
        f"intersection {np.minimum(one, two).sum():.2f}   Wasserstein {distance:.2f}"
    )


def plot(real: list[Floats], drawn: list[Floats], file: Path) -> None:
    """Draw the distributions over each other."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, len(MEASURES))
    for axes, (name, (edges, column)) in zip(panels, MEASURES.items(), strict=True):
        for pictures, label in ((real, "photographed"), (drawn, "drawn")):
            axes.stairs(pooled(pictures, column, edges), edges, label=label, linewidth=1.5)
        axes.set_xlabel(name)
        axes.set_ylabel("share of skin")
        axes.legend(frameon=False)
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--seed", type=int, default=132)
    parser.add_argument("--plot", type=Path, help="file to draw the distributions into")
    given = parser.parse_args()

    zeros = defaultdict[str, list[int]](list)
    by_source = defaultdict[str, list[Floats]](list)
    for photo, truth in masked(given.photos):
        if (found := skin(photo.image, truth)) is not None:
            by_source[photo.source].append(found)
            zeros["photographs"].append(zero_response(reduce(photo.image)))
    by_tone = defaultdict[int, list[Floats]](list)
    for number in range(given.pictures):
        tone = 1 + number % TONES
        drawing = draw(np.random.default_rng([given.seed, number]), "bare", {"tone": tone})
        image = decode(jpeg(drawing.image, drawing.quality)).image
        assert image is not None
        zeros["drawings"].append(zero_response(reduce(image)))
        if (found := skin(image, drawing.truth.skin)) is not None:
            by_tone[tone].append(found)
    real = [one for some in by_source.values() for one in some]
    drawn = [one for some in by_tone.values() for one in some]

    print(f"{len(real)} photographs, {len(drawn)} drawings of bare figures with skin enough")
    for name, (edges, column) in MEASURES.items():
        print(f"  {name:22s} {compared(real, drawn, column, edges)}")
        for source, some in sorted(by_source.items()):
            rest = pooled(some, column, edges)
            both = np.minimum(rest, pooled(real, column, edges)).sum()
            print(
                f"    {source:28s} {median(some, column):6.1f}   intersection with all {both:.2f}"
            )
    print("share of skin in a tight box")
    sets = {**dict(sorted(by_source.items())), "all photographs": real}
    sets |= {f"drawn, tone {tone}": some for tone, some in sorted(by_tone.items())}
    for name, some in (sets | {"all drawings": drawn}).items():
        tight = [float(one[:, 3].mean()) for one in some]
        print(f"  {name:28s} n={len(some):3d}  {interval(tight)}")
    for name, values in zeros.items():
        dark = f"{values.count(0)} of {len(values)}"
        print(f"zero response, {name}: median {np.median(values):.0f}, 0 in {dark}")
    if given.plot:
        plot(real, drawn, given.plot)
        print(f"plot: {given.plot}")


if __name__ == "__main__":
    main()
