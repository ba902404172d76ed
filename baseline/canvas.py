"""Where a panel is drawn, and what all panels do alike: show pixels, label a key, list lines."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.lines import Line2D

from images.reading import RGB

PALENESS = 0.68  # share of white in what only stands behind


class Canvas(NamedTuple):
    """Where a panel is drawn.

    Attributes
    ----------
    picture, key : Axes
        The panel, and the slim strip under it for a colour bar, a gauge or a legend.
    aspect : float
        Height over width of one pixel of the working picture as drawn, no unit.
    pixel : float
        Width of one pixel of the working picture as drawn, points.
    font : float
        Size of the small text, points.
    """

    picture: Axes
    key: Axes
    aspect: float
    pixel: float
    font: float


Draw = Callable[[Canvas], None]


def show(
    pixels: npt.NDArray[np.generic],
    shape: tuple[int, ...],
    canvas: Canvas,
    colours: str | Colormap | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Show pixels over the extent of the working picture, a pixel's centre at whole numbers.

    Parameters
    ----------
    pixels : ndarray (H, W) or (H, W, 3)
        Of the working picture's size, and then shown as they are, or larger.
    shape : (int, int, ...)
        Height and width of the working picture.
    """
    height, width = shape[:2]
    canvas.picture.imshow(
        pixels,
        cmap=colours,
        clim=limits,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="nearest" if pixels.shape[:2] == shape[:2] else "auto",
        aspect=canvas.aspect,
    )
    canvas.picture.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def pale(picture: RGB) -> RGB:
    """Return the picture grey and pale, so that what is drawn on it shows."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mixed = (PALENESS * 255 + (1 - PALENESS) * grey).astype(np.uint8)
    return np.repeat(mixed[..., None], 3, axis=2)


def label(canvas: Canvas, ticks: Mapping[float, str], unit: str) -> None:
    """Write ticks under the key, none beyond its ends, and the unit at its right."""
    canvas.key.set_xticks([], minor=True)
    canvas.key.set_xticks(list(ticks), list(ticks.values()), size=canvas.font)
    first, last = canvas.key.get_xlim()
    for tick, text in zip(ticks, canvas.key.get_xticklabels(), strict=True):
        text.set_horizontalalignment(
            "left" if tick == first else "right" if tick == last else "center"
        )
    canvas.key.text(1.04, 0.5, unit, size=canvas.font, va="center", transform=canvas.key.transAxes)


def legend(canvas: Canvas, lines: Sequence[Line2D], names: Sequence[str]) -> None:
    """List lines in place of the key."""
    canvas.key.axis("off")
    canvas.key.legend(
        lines, names, loc="center left", bbox_to_anchor=(0, 0.5), ncols=len(names),
        frameon=False, fontsize=canvas.font, borderpad=0, borderaxespad=0, handlelength=1.2,
        handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip


def line(colour: str, width: float = 1.0, style: str = "-") -> Line2D:
    """Return a line as it stands in a legend."""
    return Line2D([], [], color=colour, lw=width, ls=style)


def dot(colour: str) -> Line2D:
    """Return a dot as it stands in a legend."""
    return Line2D([], [], color=colour, ls="", marker="o", ms=3)
