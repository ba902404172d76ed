"""Square windows over a picture, at every stride; the last ones are shifted to end at the border.

So all windows are of one size, they never stick out, and every pixel lies under at least one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from images.reading import RGB

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BORDER = "the last row and column are shifted back to end at the border"


@dataclass(frozen=True)
class Windows:
    """Where the windows lie.

    Attributes
    ----------
    height, width : int
        Of the picture, px.
    side : int
        Of a window, px.
    stride : int
        From one window to the next, px.

    Raises
    ------
    ValueError
        If a window is larger than the picture, or the stride larger than a window.

    Examples
    --------
    >>> Windows(224, 224, 64, 3).positions[-1]
    array([160, 160])
    """

    height: int
    width: int
    side: int
    stride: int

    def __post_init__(self) -> None:
        if not 1 <= self.side <= min(self.height, self.width):
            raise ValueError(
                f"expected a window that fits on the picture of {self.width} x {self.height} px, "
                f"got one of {self.side} px"
            )
        if not 1 <= self.stride <= self.side:
            raise ValueError(
                f"expected a stride of 1 to {self.side} px, the window's size, lest pixels be "
                f"left out, got {self.stride}"
            )

    @property
    def tops(self) -> Numbers:
        """First row of each row of windows."""
        return _starts(self.height, self.side, self.stride)

    @property
    def lefts(self) -> Numbers:
        """First column of each column of windows."""
        return _starts(self.width, self.side, self.stride)

    @property
    def positions(self) -> Numbers:
        """(N, 2): row and column of each window's top left pixel, row by row."""
        grid = np.meshgrid(self.tops, self.lefts, indexing="ij")
        return np.stack(grid, axis=-1).reshape(-1, 2)

    def crop(self, picture: RGB, top: int, left: int) -> RGB:
        """Return a copy of what a window shows."""
        return picture[top : top + self.side, left : left + self.side].copy()

    def cover(self, picture: RGB, top: int, left: int, colour: npt.ArrayLike) -> RGB:
        """Return a copy with a window painted over."""
        covered = picture.copy()
        covered[top : top + self.side, left : left + self.side] = colour
        return covered

    def means(self, scores: Floats) -> Floats:
        """Average for each pixel the scores, (N,), of the windows over it: (height, width).

        The box sums are products with two band matrices. A summed-area table takes as long, and
        its differences leave traces of large scores where all scores are small, even negative.
        """
        rows = _weights(self.tops, self.height, self.side)
        columns = _weights(self.lefts, self.width, self.side)
        means: Floats = rows @ scores.reshape(len(self.tops), len(self.lefts)) @ columns.T
        return means


def _starts(length: int, side: int, stride: int) -> Numbers:
    last = length - side
    return np.append(np.arange(0, last, stride), last)


def _weights(starts: Numbers, length: int, side: int) -> Floats:
    """Return the share of each window, (length, n), in the average of a pixel."""
    offsets = np.arange(length)[:, None] - starts
    over = (offsets >= 0) & (offsets < side)
    weights: Floats = over / over.sum(axis=1, keepdims=True)
    return weights
