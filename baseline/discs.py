"""Order statistics over discs: medians, and tests on medians by counting.

The authors approximated their medians by chained rings of nine samples [RING]; here every
median is the exact one of the disc. Borders are replicated everywhere.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from images.compiled import compiled

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.int64]


def disc(radius: float) -> Mask:
    """Footprint of the pixels whose centres lie within ``radius`` px of the middle one.

    >>> disc(2.0).astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    """
    reach = math.floor(radius)
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    footprint: Mask = rows**2 + cols**2 <= radius**2
    return footprint


def disc_median(plane: Plane, radius: float) -> Plane:
    """Exact median over a disc, for small discs.

    Forgetful selection: among any ``n // 2 + 2`` of ``n`` values neither the least nor the
    greatest can be the median, so both are forgotten and the next value is let in. A row of
    pixels is worked on at once.

    Parameters
    ----------
    plane : ndarray (H, W), float32
    radius : float
        In px.
    """
    offsets = disc_offsets(radius)
    reach = int(offsets.max())
    return _disc_median(np.pad(plane, reach, mode="edge"), offsets + reach, reach)


@compiled
def _disc_median(padded: Plane, offsets: Offsets, reach: int) -> Plane:
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    median = np.empty((height, width), dtype=padded.dtype)
    values = np.empty((len(offsets), width), dtype=padded.dtype)
    for row in range(height):
        for k in range(len(offsets)):
            left = offsets[k, 1]
            values[k] = padded[row + offsets[k, 0], left : left + width]
        first, end = 0, len(offsets) // 2 + 2
        for waiting in range(end, len(offsets) + 1):
            for k in range(first, end - 1):  # the greatest goes to the end
                for col in range(width):
                    a, b = values[k, col], values[k + 1, col]
                    values[k, col], values[k + 1, col] = min(a, b), max(a, b)
            for k in range(end - 2, first, -1):  # the least to the front
                for col in range(width):
                    a, b = values[k - 1, col], values[k, col]
                    values[k - 1, col], values[k, col] = min(a, b), max(a, b)
            first += 1
            if waiting < len(offsets):
                values[end - 1] = values[waiting]
        median[row] = values[first]
    return median


@compiled
def median_within(plane: Plane, offsets: Offsets, limit: float, where: Mask) -> Mask:
    """Whether a pixel differs from the median of its disc by at most ``limit``.

    The median of an odd number of values is at least ``x`` exactly when fewer than half of them
    lie below ``x``, so two counts answer the question and nothing is sorted.

    Parameters
    ----------
    plane : ndarray (H, W), float32
    offsets : ndarray (N, 2), int64
        The disc, as offsets from its centre.
    limit : float
        In the plane's units.
    where : ndarray (H, W), bool
        The pixels to ask for; elsewhere the answer is False.
    """
    height, width = plane.shape
    answer = np.zeros((height, width), dtype=np.bool_)
    for row in range(height):
        for col in range(width):
            if not where[row, col]:
                continue
            low, high = plane[row, col] - limit, plane[row, col] + limit
            below = above = 0
            for k in range(len(offsets)):
                r = min(max(row + offsets[k, 0], 0), height - 1)
                c = min(max(col + offsets[k, 1], 0), width - 1)
                value = plane[r, c]
                below += value < low
                above += value > high
            answer[row, col] = 2 * below < len(offsets) and 2 * above < len(offsets)
    return answer


@compiled
def majority(mask: Mask, offsets: Offsets, where: Mask) -> Mask:
    """Whether more than half of the disc around a pixel is marked: a median, by counting.

    Parameters are those of `median_within`.
    """
    height, width = mask.shape
    answer = np.zeros((height, width), dtype=np.bool_)
    for row in range(height):
        for col in range(width):
            if not where[row, col]:
                continue
            count = 0
            for k in range(len(offsets)):
                r = min(max(row + offsets[k, 0], 0), height - 1)
                c = min(max(col + offsets[k, 1], 0), width - 1)
                count += mask[r, c]
            answer[row, col] = 2 * count > len(offsets)
    return answer


def disc_offsets(radius: float) -> Offsets:
    """Return the pixels of `disc` as offsets from its centre: (N, 2), int64."""
    footprint = disc(radius)
    offsets: Offsets = np.argwhere(footprint) - footprint.shape[0] // 2
    return offsets


def disc_share(mask: Mask, radius: float) -> Plane:
    """Share, in [0, 1], of the disc around each pixel that ``mask`` marks: (H, W) float32."""
    footprint = disc(radius).astype(np.float32)
    counts = cv2.filter2D(mask.astype(np.float32), -1, footprint, borderType=cv2.BORDER_REPLICATE)
    # A large kernel goes through a Fourier transform; rounding gives back the exact counts.
    share: Plane = (np.rint(counts) / footprint.sum()).astype(np.float32)
    return share
