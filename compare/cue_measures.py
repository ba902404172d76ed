"""How much of a map lies on the cue, and means over pictures and nets with their intervals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from compare.bootstrap import percentile
from compare.cue_sets import Bools, Box
from compare.intervals import Estimate, difference, wilson
from compare.ranking import Floats

RESAMPLES = 1000


def on_input(
    boxes: Sequence[Box], size: tuple[int, int], placed: Box, side: int, margin: int
) -> Bools:
    """Mark boxes of a picture in a net's input, each grown by a margin: (side, side).

    Parameters
    ----------
    boxes : sequence of Box
        In the picture, px.
    size : (int, int)
        Of the picture, px.
    placed : Box
        Where the whole picture lies in the input.
    side : int
        Of the input, px.
    margin : int
        On all four sides, px of the input. What would lie beside the picture is left out.
    """
    marked = np.zeros((side, side), bool)
    down = (placed.bottom - placed.top) / size[0]
    across = (placed.right - placed.left) / size[1]
    for box in boxes:
        top = placed.top + int(np.floor(box.top * down)) - margin
        left = placed.left + int(np.floor(box.left * across)) - margin
        bottom = placed.top + int(np.ceil(box.bottom * down)) + margin
        right = placed.left + int(np.ceil(box.right * across)) + margin
        marked[
            max(top, placed.top) : min(bottom, placed.bottom),
            max(left, placed.left) : min(right, placed.right),
        ] = True
    return marked


def within(values: npt.ArrayLike, placed: Box) -> Floats:
    """Return the part of a map, (side, side), that lies on the picture."""
    found: Floats = np.asarray(values, np.float64)[
        placed.top : placed.bottom, placed.left : placed.right
    ]
    return found


def excess(values: npt.ArrayLike) -> Floats:
    """Return an occlusion map's mass at each pixel: its excess above its own minimum."""
    array = np.asarray(values, np.float64)
    found: Floats = array - array.min()
    return found


def magnitude(planes: npt.ArrayLike) -> Floats:
    """Return a projection's mass at each pixel: of (3, H, W), the absolute values' sum (H, W)."""
    found: Floats = np.abs(np.asarray(planes, np.float64)).sum(axis=0)
    return found


def share(mass: Floats, marked: Bools) -> float:
    """Return the share of a map's mass that is marked; of no mass at all, the share of area.

    >>> share(np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[True, False], [True, False]]))
    0.75
    """
    total = float(mass.sum())
    return float(mass[marked].sum()) / total if total > 0 else float(marked.mean())


# ---- Means


def mean_over(values: Floats, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the mean over pictures of the mean over nets, with the bootstrap's interval.

    Parameters
    ----------
    values : (k, n)
        Of k nets for the same n pictures. Pictures are drawn again, with replacement; the nets
        stay as they are, so that the interval says nothing of other seeds.
    resamples, seed : int
    """
    each = np.asarray(values, np.float64).mean(axis=0)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), resamples)
    return percentile(float(each.mean()), drawn @ each / len(each))


def rate(marked: npt.ArrayLike) -> Estimate:
    """Return the mean over nets of a rate, (k, n) of 0 and 1, with Wilson's interval.

    A picture counts with the share of the nets that mark it; see `wilson` on broken hits.
    """
    each = np.asarray(marked, np.float64).mean(axis=0)
    return wilson(min(float(each.sum()), len(each)), len(each))


def rate_change(first: npt.ArrayLike, second: npt.ArrayLike) -> Estimate:
    """Return second minus first of two rates, (k, n) of 0 and 1 each, on the same pictures.

    Where no resample differs from another, the two rates are taken as if they were independent.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    found = mean_over(two - one)
    if found.high > found.low:
        return found
    return difference(rate(two), rate(one), "MOVER of Wilson")
