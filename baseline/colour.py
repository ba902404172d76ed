"""Log-opponent colour space: intensity, red-green and blue-yellow in logarithmic units.

Dividing the light by two halves R, G and B alike, which in logarithms is a constant that the
two opponent planes subtract away: they describe the surface more than its illumination.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from baseline.discs import Plane, disc_median
from images.reading import RGB


@dataclass(frozen=True)
class ColourParams:
    """How a picture becomes log-opponent planes.

    Attributes
    ----------
    border : int
        Px left out around the picture when its zero response is sought. [PAGE] (q)
    gain : float
        Log units that a factor of ten makes; the output runs to about 254. [PAGE] (q)
    smoothing_radius : float
        Radius of the median over Rg and By, px times SCALE. [PAGE] (q)
    seed : int
        Of the noise added before the logarithm, no unit; same picture, same answer. Ours (g)
    """

    border: int = 10
    gain: float = 105.0
    smoothing_radius: float = 2.0
    seed: int = 1996


@dataclass(frozen=True)
class LogOpponent:
    """Log-opponent planes, each (H, W) float32, in log units.

    Attributes
    ----------
    intensity : ndarray
        I = L(G): in some cameras red and blue resolve too little detail.
    rg, by : ndarray
        Rg = L(R) - L(G) and By = L(B) - (L(G) + L(R)) / 2.
    """

    intensity: Plane
    rg: Plane
    by: Plane

    @property
    def hue(self) -> Plane:
        """Hue in degrees, in (-180, 180]: the direction of (Rg, By)."""
        hue: Plane = np.degrees(np.arctan2(self.rg, self.by))
        return hue

    @property
    def saturation(self) -> Plane:
        """Saturation in log units: the length of (Rg, By)."""
        saturation: Plane = np.sqrt(self.rg**2 + self.by**2)
        return saturation


def picture_scale(shape: tuple[int, ...]) -> float:
    """SCALE, by which every radius is multiplied: (height + width) / 320. [PAGE] (q)."""
    return (shape[0] + shape[1]) / 320


def scaled_radius(radius: float, scale: float) -> float:
    """``radius`` times SCALE, in px; never below 1."""
    return max(1.0, radius * scale)


def zero_response(image: RGB, border: int = ColourParams.border) -> int:
    """Smallest value in any of the three planes, away from the border: the camera's zero.

    A picture with a side of at most twice ``border`` is taken whole. (g)
    """
    inner = image[border:-border, border:-border] if min(image.shape[:2]) > 2 * border else image
    return int(inner.min())


def log_opponent(
    image: RGB,
    noise: npt.NDArray[np.float32] | float = 0.5,
    zero: int = 0,
    params: ColourParams = ColourParams(),
) -> LogOpponent:
    """Convert a picture to log-opponent planes, not yet smoothed.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
    noise : ndarray (3, H, W) or float
        In [0, 1), added to each plane before its logarithm, so that the few levels of dark
        pixels do not make steps.
    zero : int
        The zero response, subtracted from R, G and B.

    Examples
    --------
    >>> tan = log_opponent(np.array([[[210, 180, 140]]], np.uint8))
    >>> [round(float(plane[0, 0]), 2) for plane in (tan.intensity, tan.rg, tan.by)]
    [237.18, 6.98, -14.84]
    >>> round(float(tan.hue[0, 0]), 1), round(float(tan.saturation[0, 0]), 1)
    (154.8, 16.4)
    """
    noises = np.broadcast_to(np.float32(noise), (3, *image.shape[:2]))
    # Plane by plane, which stays in the cache; by the natural logarithm, which numpy has faster.
    red, green, blue = (
        np.float32(params.gain / np.log(10))
        * np.log(np.maximum(plane.astype(np.float32) - np.float32(zero), 0) + np.float32(1) + added)
        for plane, added in zip(np.moveaxis(image, 2, 0), noises, strict=True)
    )
    return LogOpponent(intensity=green, rg=red - green, by=blue - (green + red) / 2)


def smooth(planes: LogOpponent, params: ColourParams = ColourParams()) -> LogOpponent:
    """Replace Rg and By by their disc medians; intensity keeps its detail."""
    radius = scaled_radius(params.smoothing_radius, picture_scale(planes.rg.shape))
    return LogOpponent(
        planes.intensity, disc_median(planes.rg, radius), disc_median(planes.by, radius)
    )


def colour_planes(image: RGB, params: ColourParams = ColourParams()) -> LogOpponent:
    """Zero response, seeded noise, logarithms, medians: section 1, steps 1 to 4.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
        At working size.
    """
    shape = (3, *image.shape[:2])
    noise = np.random.default_rng(params.seed).random(shape, dtype=np.float32)
    return smooth(log_opponent(image, noise, zero_response(image, params.border), params), params)
