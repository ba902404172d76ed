"""From windows to a map.

An occlusion map gives each pixel the mean score of the windows over it. Write
`average(scores, positions, side, shape)`: a list of numbers; a list of as many `(row, column)` of
the windows' top left pixels; their side; the picture's `(height, width)`.
Return an array of that shape. Every pixel lies under a window.

Hint: Add up scores and count windows in two arrays; divide at the end.

Hint: `sums[top : top + side, left : left + side] += score` adds to a whole window.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from convnet.windows import Windows

Floats = npt.NDArray[np.float64]
Average = Callable[[Sequence[float], Sequence[tuple[int, int]], int, tuple[int, int]], Floats]


def average(
    scores: Sequence[float], positions: Sequence[tuple[int, int]], side: int, shape: tuple[int, int]
) -> Floats:
    """Return the mean score of the windows over each pixel, (height, width)."""
    sums, counts = np.zeros(shape), np.zeros(shape)
    for score, (top, left) in zip(scores, positions, strict=True):
        sums[top : top + side, left : left + side] += score
        counts[top : top + side, left : left + side] += 1
    means: Floats = sums / counts
    return means


def check(answer: Average) -> dict[str, int]:
    """Compare an answer with the project's on windows that do not fit evenly."""
    rng = np.random.default_rng(2016)
    for shape, side, stride in (((9, 7), 4, 2), ((12, 20), 5, 3), ((6, 6), 6, 1)):
        windows = Windows(*shape, side, stride)
        scores = rng.random(len(windows.positions))
        places = [(int(row), int(column)) for row, column in windows.positions]
        found = answer(scores.tolist(), places, side, shape)
        if not np.allclose(found, windows.means(scores)):
            raise ValueError(f"expected other means on {shape} px, windows {side} by {stride}")
    published = Windows(224, 224, 64, 3)
    over = np.zeros((224, 224), int)
    for top, left in published.positions:
        over[top : top + 64, left : left + 64] += 1
    return {
        "windows of 2016": len(published.positions),
        "over a corner pixel": int(over.min()),
        "over a middle pixel": int(over.max()),
    }
