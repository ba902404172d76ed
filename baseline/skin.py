"""The skin filter: a tight test that finds skin, an enlargement, and a loose test that trims it.

Skin runs from blood red to melanin's yellow-brown, and is smooth. Highlights wash it out
towards the light's colour, so what lies near much skin may be paler, and rougher.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from baseline.colour import LogOpponent, picture_scale, scaled_radius
from baseline.discs import (
    Mask,
    Plane,
    disc,
    disc_offsets,
    disc_share,
    majority,
    median_within,
)
from images.reading import RGB


class ColourBox(NamedTuple):
    """A range of hue, in degrees, and of saturation, in log units; both ends belong to it."""

    hue: tuple[float, float]
    saturation: tuple[float, float]

    def contains(self, hue: Plane, saturation: Plane) -> Mask:
        """Whether each pixel lies in the box: (H, W) bool."""
        inside: Mask = (
            (self.hue[0] <= hue)
            & (hue <= self.hue[1])
            & (self.saturation[0] <= saturation)
            & (saturation <= self.saturation[1])
        )
        return inside


@dataclass(frozen=True)
class SkinParams:
    """The numbers of the skin filter.

    Attributes
    ----------
    red_box, yellow_box : ColourBox
        Tight ranges of hue, degrees, and saturation, log units. [PAGE] (q)
    loose_box : ColourBox
        Range after enlargement, degrees and log units. [PAGE] (q2)
    texture_limit : float
        Greatest texture amplitude of skin, log units. [PAGE] (q)
    detail_radius : float
        Radius of the median that texture is measured from, px times SCALE. [PAGE] (q)
    texture_radius : float
        Radius of the median over absolute differences, px times SCALE. [PAGE] (q)
    enlarge_radius : float
        Radius of the disc that enlarges the tight map, px times SCALE. [PAGE] (q2)
    enlarge_share : float
        Share of that disc, no unit, that must be marked. [PAGE] (q2)
    min_fraction : float
        Share of the picture, no unit, that sends it on to the grouper. [PAGE] (q2)
    """

    red_box: ColourBox = ColourBox((110, 150), (20, 60))
    yellow_box: ColourBox = ColourBox((130, 170), (30, 130))
    loose_box: ColourBox = ColourBox((110, 180), (0, 130))
    texture_limit: float = 5.0
    detail_radius: float = 4.0
    texture_radius: float = 6.0
    enlarge_radius: float = 24.0
    enlarge_share: float = 1 / 8
    min_fraction: float = 0.30


@dataclass(frozen=True)
class SkinMap:
    """The filter's answer, with what each step made of it; maps are (H, W).

    Attributes
    ----------
    tight : ndarray, bool
        Right colour and smooth.
    enlarged : ndarray, bool
        Near enough of the tight map.
    loose : ndarray, bool
        Colour in the loose box, anywhere in the picture.
    mask : ndarray, bool
        The answer: enlarged and loose.
    planes : LogOpponent
    params : SkinParams
    """

    tight: Mask
    enlarged: Mask
    loose: Mask
    mask: Mask
    planes: LogOpponent
    params: SkinParams

    @property
    def fraction(self) -> float:
        """Share of the whole picture that the mask marks."""
        return float(self.mask.mean())

    @cached_property
    def texture(self) -> Plane:
        """Texture amplitude in log units, (H, W) float32: a median of differences from a median.

        The filter itself needs only a yes or no, and gets it by counting; this plane is for
        looking at, and computed when it is first looked at.
        """
        scale = picture_scale(self.mask.shape)
        intensity = self.planes.intensity
        detail = disc(scaled_radius(self.params.detail_radius, scale))
        around = disc(scaled_radius(self.params.texture_radius, scale))
        median = ndimage.median_filter(intensity, footprint=detail, mode="nearest")
        texture: Plane = ndimage.median_filter(
            np.abs(intensity - median), footprint=around, mode="nearest"
        )
        return texture


def smooth_enough(intensity: Plane, where: Mask, params: SkinParams = SkinParams()) -> Mask:
    """Texture test at the pixels of ``where``, by counting: (H, W) bool.

    The texture amplitude, `SkinMap.texture`, is at most the limit exactly when more than half
    of its disc is within the limit of its own median.
    """
    if not where.any():
        return where
    scale = picture_scale(intensity.shape)
    radius = scaled_radius(params.texture_radius, scale)
    around = disc_offsets(radius)
    detail = disc_offsets(scaled_radius(params.detail_radius, scale))
    square = np.ones((2 * around.max() + 1,) * 2, np.uint8)  # holds the disc, and is far quicker
    reached = cv2.dilate(where.astype(np.uint8), square).astype(bool)
    calm = median_within(intensity, detail, params.texture_limit, reached)
    return majority(calm, around, where)


def skin_filter(_image: RGB, planes: LogOpponent, params: SkinParams = SkinParams()) -> SkinMap:
    """Mark skin as the paper does: section 1, steps 6 to 9.

    Parameters
    ----------
    _image : ndarray (H, W, 3), uint8
        Unused: the planes hold all that this filter asks; `hsv_skin_filter` does use it.
    planes : LogOpponent
        Smoothed, of the picture at working size.
    """
    hue, saturation = planes.hue, planes.saturation
    coloured = params.red_box.contains(hue, saturation)
    coloured |= params.yellow_box.contains(hue, saturation)
    tight = smooth_enough(planes.intensity, coloured, params)
    loose = params.loose_box.contains(hue, saturation)
    if tight.any():
        radius = scaled_radius(params.enlarge_radius, picture_scale(tight.shape))
        enlarged: Mask = disc_share(tight, radius) >= params.enlarge_share
    else:
        enlarged = tight
    return SkinMap(tight, enlarged, loose, enlarged & loose, planes, params)


def hsv_skin_filter(image: RGB, planes: LogOpponent, params: SkinParams = SkinParams()) -> SkinMap:
    """Mark skin by a plain rule in HSV: hue 0 to 50 degrees, saturation 0.23 to 0.68.

    For teaching, and NOT the paper's: the rule that later pages give as "HSV usually works well
    here", with the bounds of [SP96] (r). No texture, no enlargement; signature as `skin_filter`.
    """
    hue, saturation, _ = cv2.split(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV))
    mask: Mask = (hue <= 50) & (saturation >= 0.23) & (saturation <= 0.68)
    return SkinMap(mask, mask, mask, mask, planes, params)
