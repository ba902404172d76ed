"""How good a skin filter is.

Write `overlap(mask, truth)`: recall and precision of a skin mask, both arrays of booleans of one
shape. Recall is the share of true skin that was marked, precision the share of what was marked
that is skin. Where nothing is to be found, or nothing was marked, there is no such share: return
`None` in its place.

Hint: `mask & truth` is what was found and is true; `.sum()` counts.

Hint: `images.mannequins.draw` gives a picture whose `truth.skin` is exact;
`baseline.skin.skin_filter` gives a mask.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from baseline.colour import colour_planes
from baseline.skin import skin_filter
from images.mannequins import draw

Mask = npt.NDArray[np.bool_]
Shares = tuple[float | None, float | None]
DRAWN = 6


def overlap(mask: Mask, truth: Mask) -> Shares:
    """Return recall and precision, each None where it does not exist."""
    both = int((mask & truth).sum())
    recall = both / int(truth.sum()) if truth.any() else None
    precision = both / int(mask.sum()) if mask.any() else None
    return recall, precision


def check(answer: Callable[[Mask, Mask], Shares]) -> dict[str, float]:
    """Try masks that can be counted by hand; then the skin filter on a few drawn bare figures."""
    left, top = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    left[:, :3], top[:1] = True, True
    nothing = np.zeros((4, 4), bool)
    for mask, truth, wanted in (
        (left, top, (0.75, 0.25)),
        (top, left, (0.25, 0.75)),
        (nothing, top, (0.0, None)),
        (top, nothing, (None, 0.0)),
    ):
        found = answer(mask, truth)
        if tuple(found) != wanted:
            raise ValueError(f"expected recall and precision {wanted}, got {found}")
    shares = []
    for number in range(DRAWN):
        drawing = draw(np.random.default_rng([1996, number]), "bare", scale=0.5)
        found_skin = skin_filter(drawing.image, colour_planes(drawing.image))
        shares.append(answer(found_skin.mask, drawing.truth.skin))
    recalls, precisions = zip(*shares, strict=True)
    return {
        "drawn figures": DRAWN,
        "mean recall": float(np.mean([x for x in recalls if x is not None])),
        "mean precision": float(np.mean([x for x in precisions if x is not None] or [0.0])),
    }
