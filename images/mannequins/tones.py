"""The colour of skin: a law measured on photographs, in ten tones.

On 132 masks of photographed skin the logarithms of R/G and B/G in linear light follow that of G:
darker skin is redder. Ours, by regression; valid for ln G from -3.1 to -0.6.
"""

import math

import numpy as np

TONES = 10
LIGHTNESS = np.linspace(-0.85, -2.9, TONES)  # ln of linear G, tone 1 to 10; ours


def skin_colour(rng: np.random.Generator, tone: int) -> tuple[float, float, float]:
    """Draw the linear albedo of skin.

    Parameters
    ----------
    tone : int
        1, the palest, to 10. Whatever the tone, as many numbers are drawn: another tone from the
        same generator is the same person, but for the tone.

    Examples
    --------
    >>> red, green, blue = skin_colour(np.random.default_rng(0), 5)
    >>> red > green > blue
    True
    """
    if not 1 <= tone <= TONES:
        raise ValueError(f"expected a tone from 1 to {TONES}, got {tone}")
    shift, first, second = rng.standard_normal(3)
    g = LIGHTNESS[tone - 1] + 0.1 * shift
    red = 0.138 - 0.381 * g - 0.045 * g * g + 0.10 * first
    blue = -0.179 + 0.141 * g - 0.006 * g * g + 0.12 * (-0.6 * first + 0.8 * second)
    return math.exp(g + red), math.exp(g), math.exp(g + blue)
