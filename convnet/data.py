"""A labelled set as batches for training: pictures read once, varied a little every time.

What is random about a batch follows from the seed, the epoch and the picture's index alone, so
that it is the same after an interruption, and whichever process draws it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from convnet.models import Preprocessing
from images.labelled import Item, LabelledSet
from images.reading import RGB, read

T = TypeVar("T")
Indices = npt.NDArray[np.int64]

CACHE = 4 * 2**30
"""Bytes of fitted pictures kept in memory, in every process: 28,500 at 224 px, 114,000 at 112."""

SMALLEST_CROP = 7 / 8  # of the side; the paper's crops are 224 px of 256, always
JITTER = 0.15  # of brightness, contrast and saturation, either way


@dataclass(frozen=True, eq=False)
class Pictures:
    """A labelled set, each picture fitted to the network's input.

    Attributes
    ----------
    items : tuple of Item
    root : Path
        The manifest's folder.
    preprocessing : Preprocessing
    digest : str
        Of the set.
    labels : ndarray (n,)
        1 and 0.
    kept : ndarray (n, size, size, 3), uint8, or None
        All fitted pictures; None where they exceed `CACHE`, and every use reads the file again.
    """

    items: tuple[Item, ...]
    root: Path
    preprocessing: Preprocessing
    digest: str
    labels: Indices
    kept: npt.NDArray[np.uint8] | None

    def fitted(self, index: int) -> RGB:
        """Return one picture, (size, size, 3) uint8."""
        if self.kept is not None:
            picture: RGB = self.kept[index]
            return picture
        return _fitted(self.items[index], self.root, self.preprocessing)


def pictures(
    labelled: LabelledSet,
    preprocessing: Preprocessing,
    report: Callable[[int, int], None] = lambda *_: None,
) -> Pictures:
    """Read a labelled set's pictures and keep them, if they fit into memory.

    Parameters
    ----------
    labelled : LabelledSet
    preprocessing : Preprocessing
    report : callable
        Called with the numbers of pictures read and of all.

    Raises
    ------
    ValueError
        If a class is missing; or a picture, or its file has other bytes than the manifest says.
    """
    items, labels, size = labelled.items, labelled.labels, preprocessing.size
    if not 0 < labels.sum() < len(labels):
        raise ValueError(f"expected pictures with label 1 and with label 0 in {labelled.root}")
    kept = None
    if len(items) * size * size * 3 <= CACHE:
        kept = np.empty((len(items), size, size, 3), np.uint8)
        for number, item in enumerate(items):
            kept[number] = _fitted(item, labelled.root, preprocessing)
            report(number + 1, len(items))
    return Pictures(items, labelled.root, preprocessing, labelled.digest, labels, kept)


def _fitted(item: Item, root: Path, preprocessing: Preprocessing) -> RGB:
    reading = read(root / item.path)
    if reading.image is None:
        raise ValueError(f"{reading.detail}: {root / item.path}")
    if reading.sha256 != item.sha256:
        raise ValueError(f"expected the bytes that the manifest knows, got others: {item.path}")
    return preprocessing.fit(reading.image)


# ---- Batches


def batches(number: int, size: int, seed: int, epoch: int) -> list[Indices]:
    """Deal out an epoch's pictures, each once, in batches of at most `size` and nearly equal."""
    order = np.random.default_rng([seed, 0, epoch]).permutation(number)
    return np.array_split(order, -(-number // size))


def varied(fitted: RGB, seed: int, epoch: int, index: int) -> RGB:
    """Return a picture as the network meets it in one epoch: cropped, flipped, tinted.

    A square of 7/8 to all of the side, anywhere, mirrored or not, brought back to size;
    brightness, contrast and saturation changed by up to 15 %. Departure: the paper's crops are 7/8
    of the side, at five places, and it changes no colours.
    """
    rng = np.random.default_rng([seed, 1, epoch, index])
    size = fitted.shape[0]
    share = rng.uniform(SMALLEST_CROP, 1)
    top, left = rng.uniform(0, (1 - share) * size, 2)
    mirrored = rng.random() < 0.5
    brightness, contrast, saturation = rng.uniform(1 - JITTER, 1 + JITTER, 3)
    # From the output's pixels to the input's, pixel centres at integers.
    shift = (share - 1) / 2
    across = [-share, 0, left + share * size - 1 - shift] if mirrored else [share, 0, left + shift]
    crop = cv2.warpAffine(
        fitted,
        np.array([across, [0, share, top + shift]]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    grey = np.full((3, 3), 1 / 3)
    colours = brightness * contrast * (saturation * np.eye(3) + (1 - saturation) * grey)
    offset = brightness * (1 - contrast) * crop.mean()
    tinted = cv2.transform(crop, np.column_stack([colours, np.full(3, offset)]))
    return tinted.astype(np.uint8, copy=False)


def ahead(values: Iterator[T]) -> Iterator[T]:
    """Yield an iterator's values, each made in a thread while the one before is used."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, values, end)
        while (value := coming.result()) is not end:
            coming = thread.submit(next, values, end)
            yield value  # type: ignore[misc]
