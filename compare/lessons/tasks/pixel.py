"""The colour of a pixel.

Write `opponent(red, green, blue)`: Rg and By of a pixel in log units, as the detector of 1996 sees
them, for values 0 to 255. With
`L(x) = 105 log10(x + 1 + n)`, `Rg = L(R) - L(G)` and `By = L(B) - (L(G) + L(R)) / 2`. The noise
`n` is random between 0 and 1; take its mean.

Hint: The noise is added before the logarithm, so that 0 has one, too.

Hint: `baseline.colour.log_opponent` does the same for a whole picture.
"""

from collections.abc import Callable
from math import log10

import numpy as np

from baseline.colour import log_opponent


def opponent(red: float, green: float, blue: float) -> tuple[float, float]:
    """Return (Rg, By) of a pixel, log units."""
    r, g, b = (105 * log10(value + 1.5) for value in (red, green, blue))
    return r - g, b - (g + r) / 2


def check(answer: Callable[[float, float, float], tuple[float, float]]) -> dict[str, float]:
    """Compare an answer with the detector's planes on 200 random colours and on tan."""
    colours = np.random.default_rng(1996).integers(0, 256, (1, 200, 3), dtype=np.uint8)
    colours[0, 0] = 210, 180, 140  # tan
    planes = log_opponent(colours)
    for k, (red, green, blue) in enumerate(colours[0].tolist()):
        found = answer(red, green, blue)
        wanted = float(planes.rg[0, k]), float(planes.by[0, k])
        if not np.allclose(found, wanted, atol=0.01):
            raise ValueError(f"expected {wanted} of the colour {red, green, blue}, got {found}")
    rg, by = answer(210, 180, 140)
    return {"Rg of tan": rg, "By of tan": by}
