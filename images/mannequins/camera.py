"""A pinhole camera, and where it stands so that chosen points fill the frame."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from images.mannequins.solids import Floats, Rays, Solids, unit


@dataclass(frozen=True)
class Camera:
    """A pinhole: where it stands, how it is turned, how it enlarges.

    Attributes
    ----------
    eye : ndarray (3,)
        Metres.
    right, down, ahead : ndarray (3,)
        Unit vectors of the picture's columns, rows, and of the view.
    focal : float
        Px at the size of `size`.
    middle : (float, float)
        (row, col) that the view's axis meets, px.
    size : (int, int)
        Height and width, px.
    distance : float
        Of what it looks at, along the view, metres.
    """

    eye: Floats
    right: Floats
    down: Floats
    ahead: Floats
    focal: float
    middle: tuple[float, float]
    size: tuple[int, int]
    distance: float

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return where points (N, 3) fall, (N, 2) rows of (row, col) px, and their depths (N,)."""
        offset = points - self.eye
        depth = offset @ self.ahead
        safe = np.maximum(depth, 1e-3)
        rows = self.middle[0] + self.focal * (offset @ self.down) / safe
        cols = self.middle[1] + self.focal * (offset @ self.right) / safe
        return np.stack([rows, cols], axis=-1), depth

    def scaled(self, factor: float) -> "Camera":
        """Return the same view in a picture ``factor`` times the size."""
        size = round(self.size[0] * factor), round(self.size[1] * factor)
        row, col = ((m + 0.5) * factor - 0.5 for m in self.middle)
        return replace(self, focal=self.focal * factor, middle=(row, col), size=size)

    def sight(self) -> tuple[Floats, float]:
        """Centre and radius of a ball that holds what the frame shows at its distance, metres."""
        row, col = (side / 2 - m for side, m in zip(self.size, self.middle, strict=True))
        metre = self.distance / self.focal
        centre = (
            self.eye + self.ahead * self.distance + (self.down * row + self.right * col) * metre
        )
        return centre, math.hypot(*self.size) / 2 * metre

    def rays(self) -> Rays:
        """Rays through the centres of the pixels."""
        still = np.zeros(3)
        corner = (
            self.ahead
            - self.down * self.middle[0] / self.focal
            - self.right * self.middle[1] / self.focal
        )
        return Rays(self.eye, still, still, corner, self.down / self.focal, self.right / self.focal)

    def boxes(self, solids: Solids) -> npt.NDArray[np.int64]:
        """Rows and columns in which each solid may be seen: (N, 4), from and to."""
        places, depth = self.project(solids.tips.reshape(-1, 3))
        reach = solids.reach.reshape(-1)
        near = np.maximum(depth - reach, 0.02)
        radius = (1.1 * self.focal * reach / near + 2)[:, None]
        limits = np.array(self.size)
        low = (places - radius).reshape(-1, 2, 2).min(axis=1)
        high = (places + radius).reshape(-1, 2, 2).max(axis=1) + 1
        close = (depth - reach < 0.05).reshape(
            -1, 2
        )  # beside or behind the camera: look everywhere
        low[close.any(axis=1)], high[close.any(axis=1)] = 0, limits
        high[close.all(axis=1) & (depth + reach < 0).reshape(-1, 2).all(axis=1)] = 0
        low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
        return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).astype(np.int64)


def frame(
    points: Floats,
    size: tuple[int, int],
    azimuth: float,
    elevation: float,
    roll: float,
    distance: float,
    crop: float,
) -> Camera:
    """Place a camera so that points fill the frame.

    Parameters
    ----------
    points : ndarray (N, 3)
        What is to be seen, metres.
    size : (int, int)
        Height and width, px.
    azimuth, elevation, roll : float
        Direction from the points to the camera, and its turn about the view, radians.
    distance : float
        From the points' middle, in extents of theirs.
    crop : float
        1 fits the points; more cuts into them.
    """
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    extent = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
    towards = np.array([
        math.cos(elevation) * math.sin(azimuth),
        math.cos(elevation) * math.cos(azimuth),
        math.sin(elevation),
    ])  # fmt: skip
    eye = centre + towards * distance * extent
    ahead = -towards
    right = unit(np.cross(ahead, np.array([0, 0, 1.0])))
    down = np.cross(ahead, right)
    right, down = (
        math.cos(roll) * right + math.sin(roll) * down,
        math.cos(roll) * down - math.sin(roll) * right,
    )
    lens = Camera(eye, right, down, ahead, 1.0, (0.0, 0.0), size, distance * extent)
    seen, _ = lens.project(points)
    low, high = seen.min(axis=0), seen.max(axis=0)
    focal = crop * float(np.min(np.array(size) / np.maximum(high - low, 1e-6)))
    middle = (np.array(size) - 1) / 2 - focal * (low + high) / 2
    return replace(lens, focal=focal, middle=(float(middle[0]), float(middle[1])))
