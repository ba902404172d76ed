"""Edge points inside the skin: a Canny detector on log intensity, and the outline of the skin.

High smoothing and high contrast, as in 1996: what remains are the sides of limbs, not their
creases. Where light skin meets a ground as light as itself no intensity edge exists, and the
outline of the skin map stands in for it.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from baseline.discs import Mask, Plane, disc
from baseline.skin import SkinMap

TIE = 1e-6  # of the gradient

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EdgeParams:
    """The numbers of the edge detector; the paper says only high smoothing, high contrast.

    Attributes
    ----------
    sigma : float
        Of the Gaussian that smooths before differentiating, px. Ours (g)
    high, low : float
        Hysteresis: gradient that starts an edge curve, and one that continues it, log units
        per px. Ours (g)
    reach : int
        How far outside the skin an edge may lie, px. Ours (g)
    min_curve : int
        Fewest points of an edge curve, a count of px. Ours (g)
    outline : bool
        Whether the outline of the skin counts as edge, where colour ends it; no unit. Ours (g)
    outline_clearance : float
        An outline point this near to a Canny edge gives way to it, px. Ours (g)
    planes : {"intensity", "all"}
        Differentiate I alone, or at each pixel whichever of I, Rg and By changes most; no
        unit. Ours (g)
    """

    sigma: float = 2.0
    high: float = 5.0
    low: float = 2.0
    reach: int = 2
    min_curve: int = 8
    outline: bool = True
    outline_clearance: float = 3.0
    planes: Literal["intensity", "all"] = "intensity"


@dataclass(frozen=True)
class EdgePoints:
    """Edge points of one picture, as a structure of arrays over N points.

    Attributes
    ----------
    position : ndarray (N, 2)
        (row, col), px, to a fraction of a pixel.
    normal : ndarray (N,)
        Direction, radians, from +col towards +row: towards greater intensity, or for a point
        of the outline out of the skin.
    strength : ndarray (N,)
        Gradient, log units per px; zero for the outline.
    curve : ndarray (N,), int
        Label of the edge curve a point belongs to.
    outline : ndarray (N,), bool
    pixels : ndarray (H, W), bool
        The pixels that hold an edge point.
    """

    position: Floats
    normal: Floats
    strength: Floats
    curve: Integers
    outline: Mask
    pixels: Mask

    def __len__(self) -> int:
        return len(self.position)


def gaussian_gradient(plane: Plane, sigma: float) -> tuple[Plane, Plane]:
    """Row and column derivatives of the smoothed plane, each (H, W) float32, per px.

    A step of height h has the gradient h / (sigma sqrt(2 pi)) at its middle.
    """
    taps = np.arange(-round(4 * sigma), round(4 * sigma) + 1)
    bell = np.exp(-(taps**2) / (2 * sigma**2))
    bell /= bell.sum()
    slope = taps * bell / (taps**2 * bell).sum()
    border = cv2.BORDER_REPLICATE
    row = cv2.sepFilter2D(plane, cv2.CV_32F, kernelX=bell, kernelY=slope, borderType=border)
    col = cv2.sepFilter2D(plane, cv2.CV_32F, kernelX=slope, kernelY=bell, borderType=border)
    return row.astype(np.float32, copy=False), col.astype(np.float32, copy=False)


def edge_points(skin: SkinMap, params: EdgeParams = EdgeParams()) -> EdgePoints:
    """Find the edge points in and just outside the skin, and those of its outline.

    Parameters
    ----------
    skin : SkinMap
        Of the picture at working size; its planes are differentiated.
    """
    canny = _canny(skin, params)
    if not params.outline:
        return canny
    outline = _outline(skin, canny.pixels, params)
    return EdgePoints(
        np.concatenate([canny.position, outline.position]),
        np.concatenate([canny.normal, outline.normal]),
        np.concatenate([canny.strength, outline.strength]),
        np.concatenate([canny.curve, outline.curve + canny.curve.max(initial=0)]),
        np.concatenate([canny.outline, outline.outline]),
        canny.pixels | outline.pixels,
    )


def _canny(skin: SkinMap, params: EdgeParams) -> EdgePoints:
    row, col = _gradient(skin, params)
    strength = np.hypot(row, col)
    square = np.ones((2 * params.reach + 1,) * 2, np.uint8)
    near = cv2.dilate(skin.mask.astype(np.uint8), square).astype(bool)
    rows, cols = np.nonzero(near & (strength >= params.low))
    here = strength[rows, cols].astype(np.float64)
    down, across = row[rows, cols] / here, col[rows, cols] / here
    ahead, behind = (
        ndimage.map_coordinates(
            strength, (rows + side * down, cols + side * across), order=1, mode="nearest"
        )
        for side in (1, -1)
    )
    # Of two pixels that tie, the edge half-way between them, one wins whatever the rounding.
    crest = (here > (1 + TIE) * behind) & (here >= (1 - TIE) * ahead)
    # The crest of the parabola through three samples along the gradient: the edge's true place.
    shift = (ahead - behind)[crest] / 2 / (2 * here - ahead - behind)[crest]
    rows, cols, down, across, here = (x[crest] for x in (rows, cols, down, across, here))
    position = np.stack([rows + shift * down, cols + shift * across], axis=1)
    return _curves(
        (rows, cols), position, np.arctan2(down, across), here, skin.mask.shape, params, params.high
    )


def _gradient(skin: SkinMap, params: EdgeParams) -> tuple[Plane, Plane]:
    if params.planes == "intensity":
        return gaussian_gradient(skin.planes.intensity, params.sigma)
    planes = (skin.planes.intensity, skin.planes.rg, skin.planes.by)
    rows, cols = np.moveaxis(
        np.array([gaussian_gradient(plane, params.sigma) for plane in planes]), 1, 0
    )
    steepest = np.argmax(np.hypot(rows, cols), axis=0)[None]
    return (
        np.take_along_axis(rows, steepest, axis=0)[0],
        np.take_along_axis(cols, steepest, axis=0)[0],
    )


def _outline(skin: SkinMap, canny: Mask, params: EdgeParams) -> EdgePoints:
    """Outline of the skin where colour ends it: not where the enlargement merely stops."""
    foreign = (~skin.loose).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rim = skin.mask & cv2.dilate(foreign, cross).astype(bool)
    clearance = disc(params.outline_clearance).astype(np.uint8)
    rim &= ~cv2.dilate(canny.astype(np.uint8), clearance).astype(bool)
    rows, cols = np.nonzero(rim)
    slope_row, slope_col = gaussian_gradient(skin.mask.astype(np.float32), params.sigma)
    normal = np.arctan2(-slope_row[rows, cols], -slope_col[rows, cols]).astype(np.float64)
    position = np.stack([rows + np.sin(normal) / 2, cols + np.cos(normal) / 2], axis=1)
    return _curves(
        (rows, cols), position, normal, np.zeros(len(rows)), skin.mask.shape, params, outline=True
    )


def _curves(
    pixels: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    position: Floats,
    normal: Floats,
    strength: Floats,
    shape: tuple[int, ...],
    params: EdgeParams,
    high: float = 0.0,
    outline: bool = False,
) -> EdgePoints:
    """Link points into curves; keep the long ones, and those that are strong somewhere."""
    drawn = np.zeros(shape, np.uint8)
    drawn[pixels] = 1
    count, labels = cv2.connectedComponents(drawn, connectivity=8)
    curve = labels[pixels].astype(np.int64)
    strongest = np.zeros(count)
    np.maximum.at(strongest, curve, strength)
    keep = (np.bincount(curve, minlength=count)[curve] >= params.min_curve) & (
        strongest[curve] >= high
    )
    kept = np.zeros(shape, bool)
    kept[pixels[0][keep], pixels[1][keep]] = True
    return EdgePoints(
        position[keep],
        normal[keep],
        strength[keep],
        curve[keep],
        np.full(int(keep.sum()), outline),
        kept,
    )
