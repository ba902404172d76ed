"""Pictures on which a scorer is most wrong, with what each contestant saw in them.

On drawings this is harmless. On other sets it shows what nobody should have to see unasked: the
judge makes it only on demand, and the page blurs it.
"""

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from baseline.detector import detect
from baseline.overlay import overlay
from compare.report import Card
from compare.scorers import Contestant
from images.compiled import source_digest
from images.durable import commit, json_line
from images.labelled import LabelledSet
from images.reading import RGB, read

CARDS = 4  # of each kind, a scorer
WIDE = 360  # px, a picture's long side on a card
QUALITY = 80  # of its JPEG
WINDOWS = 9  # to a row of an occlusion map, about: a card is small

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wrong:
    """A picture that a scorer gets wrong: its place in the set, whose mistake, and which kind."""

    index: int
    scorer: str
    is_target: bool


def worst(
    name: str, labels: npt.NDArray[np.int64], scores: Scores, threshold: float
) -> list[Wrong]:
    """Return up to 4 controls with the highest scores above a threshold, and 4 targets below it.

    The worst come first; of equal scores, what comes first in the set. Pictures without an answer,
    NaN, are in neither.
    """
    marked = scores >= threshold
    false_positives = np.flatnonzero((labels == 0) & marked)
    misses = np.flatnonzero((labels == 1) & ~marked & np.isfinite(scores))
    top = false_positives[np.argsort(-scores[false_positives], kind="stable")][:CARDS]
    low = misses[np.argsort(scores[misses], kind="stable")][:CARDS]
    return [Wrong(int(k), name, False) for k in top] + [Wrong(int(k), name, True) for k in low]


def cards(
    labelled: LabelledSet,
    wrong: Sequence[Wrong],
    scores: Mapping[str, Scores],
    net: Contestant | None,
    kept: Path,
) -> Iterator[Card]:
    """Yield a card for every picture: the overlay of 1996, and a net's occlusion map, if any.

    A picture has one card, whoever gets it wrong. What is drawn is kept for the next report.

    Parameters
    ----------
    labelled : LabelledSet
    wrong : sequence of Wrong
    scores : mapping of str to ndarray (n,)
    net : Contestant or None
        Whose occlusion maps are drawn.
    kept : Path
        Folder in which pictures are kept, so that none is drawn twice.
    """
    occlude = _occluder(net) if net else None
    mistaken: dict[int, list[Wrong]] = {}
    for one in wrong:
        mistaken.setdefault(one.index, []).append(one)
    for index, same in mistaken.items():
        item = labelled.items[index]
        seen = f"{item.sha256[:16]}-{net.digest[:16] if net else 'overlay'}.card.json"
        pictures = _kept(kept / seen)
        image = None if pictures else read(labelled.root / item.path).image
        if image is not None:
            pictures = {
                "overlay": _uri(overlay(image, detect(image))),
                "occlusion": occlude and occlude(image),
            }
            commit(kept, kept / seen, [json_line({**pictures, "code": _code()})])
        # None: it could be read when it was scored, and has gone since.
        pictures = pictures or {"overlay": None, "occlusion": None}
        yield Card(
            why="miss" if same[0].is_target else "false positive",
            scorers=[one.scorer for one in same],
            path=item.path,
            attributes={name: value for name, value in item.attributes.items() if value},
            scores={
                name: float(values[index])
                for name, values in scores.items()
                if np.isfinite(values[index])
            },
            overlay=pictures["overlay"],
            occlusion=pictures["occlusion"],
            net=net.name if net and pictures["occlusion"] else None,
        )


def _kept(file: Path) -> dict[str, str | None] | None:
    """Return a card's pictures as they were kept; None if they are not, or are of other code."""
    try:
        found: dict[str, str | None] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if found.pop("code", None) == _code() else None


def _code() -> str:
    return source_digest("baseline") + source_digest("compare")


def _occluder(net: Contestant) -> Callable[[RGB], str]:
    """Return what draws a net's map of windows occluded over a picture, as a data URI."""
    from convnet import load, occlusion_maps  # torch and matplotlib take their time
    from convnet.occlusion import Scored
    from convnet.occlusion_figures import overlay as heat
    from convnet.windows import Windows

    model = load(net.source or net.word)
    size = model.preprocessing.size

    def draw(image: RGB) -> str:
        window = round(size * 2 / 7)  # 64 of 224 px, as in 2016
        stride = max(1, (size - window) // (WINDOWS - 1))
        count = len(Windows(size, size, window, stride).positions)
        # Windows alone are not shown, so nobody is asked about them.
        alone = Scored("cropped", np.arange(count), np.zeros(count))
        found = occlusion_maps(image, model, window, stride, size=size, known=[alone])
        top, left, height, width = model.preprocessing.placement(*image.shape[:2])
        inside = np.s_[max(top, 0) : max(top, 0) + height, max(left, 0) : max(left, 0) + width]
        # What was stretched for the net gets its own shape back.
        shape = (image.shape[1], image.shape[0])
        return _uri(cv2.resize(heat(found.picture[inside], found.occluded[inside]), shape))

    return draw


def _uri(image: npt.NDArray[Any]) -> str:
    """Encode a picture anew, small, as a data URI."""
    factor = WIDE / max(image.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=way)
    with io.BytesIO() as file:
        Image.fromarray(small).save(file, "JPEG", quality=QUALITY)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
