"""Surfaces: colours, patterns and the noise that keeps them from being flat."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from images.mannequins.solids import Floats

Pattern = Literal["plain", "stripe", "check", "noise", "wood", "spots", "cross"]
PATTERNS: tuple[Pattern, ...] = ("plain", "stripe", "check", "noise", "wood", "spots", "cross")

TILE = 256  # px of a tile's side; it repeats
PITCH = 400.0  # px of a tile a metre

# Amplitudes of ln albedo and their weights on R, G, B: fine grain and two sorts of blotches, as
# measured on photographed skin. Ours.
SKIN_GRAIN = (0.14, 0.08, 0.064)
GRAIN_WEIGHTS = np.array([[0.6, 0.8, 1.0], [0.3, 1.0, 0.9], [0.4, 0.5, 1.1]])


@dataclass(frozen=True)
class Material:
    """What a surface is made of.

    Attributes
    ----------
    colour, other : (float, float, float)
        Linear albedo, and that of the pattern's second colour.
    pattern : str
        One of `PATTERNS`.
    scale : float
        Period of the pattern, metres.
    angle : float
        Turn of the pattern on the surface, radians.
    grain : (float, float, float)
        Amplitudes, in ln albedo, of fine grain and of two sorts of blotches.
    gloss, exponent : float
        Strength and sharpness of the highlight (Blinn).
    """

    colour: tuple[float, float, float]
    other: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pattern: Pattern = "plain"
    scale: float = 0.1
    angle: float = 0.0
    grain: tuple[float, float, float] = (0.05, 0.04, 0.03)
    gloss: float = 0.02
    exponent: float = 12.0


class Materials(NamedTuple):
    """Materials as arrays, as compiled code takes them."""

    colours: Floats
    pattern: npt.NDArray[np.int64]
    numbers: Floats  # scale, sin, cos, gloss, exponent
    grain: Floats


def pack_materials(materials: list[Material]) -> Materials:
    """Lay materials out as arrays."""
    return Materials(
        np.array([(m.colour, m.other) for m in materials]),
        np.array([PATTERNS.index(m.pattern) for m in materials], dtype=np.int64),
        np.array(
            [(m.scale, np.sin(m.angle), np.cos(m.angle), m.gloss, m.exponent) for m in materials]
        ),
        np.array([m.grain for m in materials]),
    )


def power_noise(rng: np.random.Generator, side: int, exponent: float) -> npt.NDArray[np.float32]:
    """Noise with amplitude 1 / f^exponent that repeats at its borders: (side, side), sd 1."""
    rows, cols = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((side, side)))
    noise = np.fft.irfft2(white * frequency**-exponent, s=(side, side))
    scaled: npt.NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return scaled


@lru_cache(maxsize=4)
def tiles(seed: int) -> npt.NDArray[np.float32]:
    """Noise that all pictures of one split share: (6, TILE, TILE); two each of 1/f^.6, 1/f^2, 1/f.

    Splits have seeds of their own, so that no texture is in two of them.
    """
    rng = np.random.default_rng([seed, 0x711E5])
    return np.stack([power_noise(rng, TILE, exponent) for exponent in (0.6, 0.6, 2, 2, 1, 1)])
