"""How thin a forearm may be.

A limb is two segments whose ends meet and whose widths are similar. How similar? Write
`thinnest(width)`: an upper arm of that width, in px, lies straight before a forearm; return the
least width, to a hundredth of a pixel, at which `baseline.grouping.limb` still calls the two
a limb.

Hint: `from compare.lessons.tasks.forearm import straight`: `straight(width)` makes an upper arm of
60 px, and `straight(width, start=60)` a forearm that begins where it ends.

Hint: What passes at one width passes at all between it and the other's. So halve: ten pixels to a
hundredth takes ten questions.
"""

from collections.abc import Callable

import numpy as np

from baseline.grouping import limb
from baseline.segments import Segment
from baseline.symmetry import Symmetries


def thinnest(width: float) -> float:
    """Return the least width of a forearm, px, for an upper arm of the given one."""
    low, high = 0.0, width
    while high - low > 0.001:
        middle = (low + high) / 2
        if limb(straight(width), straight(middle, start=60)):
            high = middle
        else:
            low = middle
    return high


def straight(width: float, start: float = 0, length: float = 60) -> Segment:
    """Return a segment of that width and length, px, from column `start` to the right."""
    nothing = np.empty((0, 2))
    evidence = Symmetries(nothing, nothing, nothing, np.empty(0), np.empty(0))
    return Segment(np.array([50.0, start + length / 2]), 0.0, length, width, 1.0, evidence)


def check(answer: Callable[[float], float]) -> dict[str, float]:
    """Ask just above and just below the answer, for three widths."""
    for width in (8.0, 10.0, 16.0):
        least = answer(width)
        if not limb(straight(width), straight(least + 0.01, start=60)):
            raise ValueError(f"expected a limb at {least:.2f} px beside {width:g} px, got none")
        if least > 0.01 and limb(straight(width), straight(least - 0.01, start=60)):
            raise ValueError(f"expected no limb below {least:.2f} px beside {width:g}, got one")
    return {"least width beside 10 px": round(answer(10.0), 2)}
