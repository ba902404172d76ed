"""From linear light to a file: exposure, white balance, noise, a soft shoulder, sRGB, JPEG.

Every number is drawn without knowledge of what the picture shows.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from images.reading import RGB


@dataclass(frozen=True)
class Capture:
    """How a camera took the picture. Ours.

    Attributes
    ----------
    exposure : float
        Factor on linear light.
    balance : (float, float)
        Factors on red and on blue.
    noise : float
        Standard deviation, of full light, for the brightest pixels nearly.
    quality : int
        Of the JPEG, 60 to 95.
    seed : int
        Of the noise.
    """

    exposure: float
    balance: tuple[float, float]
    noise: float
    quality: int
    seed: int


def draw_capture(rng: np.random.Generator) -> Capture:
    """Draw how a picture is taken."""
    red, blue = np.exp(rng.normal(0, (0.06, 0.084)))
    return Capture(
        exposure=float(np.exp(rng.normal(0.34, 0.25))),
        balance=(float(red), float(blue)),
        noise=float(0.028 * np.exp(rng.normal(0, 0.5))),
        quality=int(rng.integers(60, 96)),
        seed=int(rng.integers(2**63)),
    )


@lru_cache(maxsize=1)
def _srgb() -> npt.NDArray[np.uint8]:
    """Table from 4,096 levels of linear light, with a soft shoulder above 0.8, to sRGB."""
    light = np.arange(4096) / 2048  # to twice full light
    light = np.where(light > 0.8, 0.8 + 0.2 * np.tanh((light - 0.8) / 0.2), light)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table: npt.NDArray[np.uint8] = np.rint(255 * np.clip(srgb, 0, 1)).astype(np.uint8)
    return table


def develop(light: npt.NDArray[np.float32], capture: Capture) -> RGB:
    """Turn linear light (H, W, 3) into an sRGB picture, before JPEG."""
    red, blue = capture.balance
    exposed = light * (np.float32(capture.exposure) * np.array([red, 1, blue], np.float32))
    rng = np.random.default_rng(capture.seed)
    white = np.asarray(rng.standard_normal(exposed.shape, dtype=np.float32))
    grain = cv2.GaussianBlur(white, (0, 0), 0.6)
    exposed += np.float32(capture.noise) * np.sqrt(0.5 * np.clip(exposed, 0, 2) + 0.01) * grain
    levels = np.clip(exposed * 2048, 0, 4095).astype(np.uint16)
    picture: RGB = _srgb()[levels]
    return picture


def jpeg(picture: RGB, quality: int) -> bytes:
    """Encode a picture, without any metadata."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
