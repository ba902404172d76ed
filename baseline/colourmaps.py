"""Colours for hues and for opponent planes, of even steps to the eye.

CIE Lab's own opponent axes, red-green and blue-yellow, stand for Rg and By, so that everything is
shown in about its own colour, and what is neither red nor green nor blue nor yellow is pale.
"""

import numpy as np
from matplotlib.colors import Colormap, ListedColormap
from skimage.color import lab2rgb

from baseline.discs import Plane
from baseline.edges import Floats

PALE = 0.9  # grey of what has no hue


def hue_colours(hue: Plane, strength: Plane) -> Floats:
    """Colour hues, in degrees, by a wheel of one lightness, paler the weaker: (H, W, 3) in [0, 1].

    CIE Lab's own opponent axes, red-green and blue-yellow, serve as Rg and By, so that a hue is
    shown in about its own colour. What has no colour has no hue: strength 0 is pale grey, 1 full.
    """
    angle = np.radians(np.arange(-180, 180))
    wheel = np.stack([np.full(360, 66.0), 46 * np.sin(angle), -46 * np.cos(angle)], axis=-1)
    full = lab2rgb(wheel)[np.rint(hue).astype(int) % 360 - 180]
    mixed: Floats = PALE + np.clip(strength, 0, 1)[..., None] * (full - PALE)
    return mixed


def opponent_colours(hue: float) -> Colormap:
    """Colours from one hue, in degrees, to the opposite one, palest in the middle."""
    amount = np.linspace(-1, 1, 255)
    chroma, angle = 58 * amount, np.radians(hue)
    lab = (95 - 50 * np.abs(amount), chroma * np.sin(angle), -chroma * np.cos(angle))
    return ListedColormap(lab2rgb(np.stack(lab, axis=-1)))
