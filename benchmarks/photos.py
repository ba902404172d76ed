"""Photographs with their truth, read from a folder that the user names with --photos.

The folder holds ``manifest.csv`` (path, mask, kind, label, source, ...) and ``joints/joints.csv``;
`benchmarks/README.md` says what each command expects of it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from images.reading import RGB, read

LIMBS = {
    "upper arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "thigh": ("hip", "knee"),
    "shank": ("knee", "ankle"),
}


@dataclass(frozen=True)
class Photo:
    """A photograph, upright, with its source and label."""

    name: str
    image: RGB
    source: str
    label: str


def rows(photos: Path, folder: str) -> Iterator[dict[str, str]]:
    """Rows of the manifest for one of its folders."""
    with (photos / "manifest.csv").open(newline="") as file:
        yield from (row for row in csv.DictReader(file) if row["path"].startswith(folder + "/"))


def load(path: Path) -> RGB:
    reading = read(path)
    if reading.image is None:
        raise ValueError(f"expected a readable photograph, got {path}: {reading.detail}")
    return reading.image


def pictures(photos: Path, folder: str) -> Iterator[Photo]:
    """Every photograph of one folder."""
    for row in rows(photos, folder):
        name = row["path"]
        yield Photo(name, load(photos / name), source_name(row["source"]), row["label"])


def masked(photos: Path) -> Iterator[tuple[Photo, npt.NDArray[np.bool_]]]:
    """Photographs with their hand-drawn skin masks."""
    for row in rows(photos, "skin"):
        with Image.open(photos / row["mask"]) as mask:
            truth = np.asarray(mask.convert("L")) == 255
        name = row["path"]
        yield Photo(name, load(photos / name), source_name(row["source"]), ""), truth


def source_name(source: str) -> str:
    """Return a short name: the repository without its owner."""
    return source.rpartition("/")[2]


def skin_crop(image: RGB, truth: npt.NDArray[np.bool_], wanted: float = 0.5) -> RGB | None:
    """Return the largest crop, of the picture's shape, whose share of true skin reaches ``wanted``.

    None where no crop of at least a quarter of the picture's sides does.
    """
    height, width = truth.shape
    sums = np.pad(truth.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    for factor in np.arange(1.0, 0.24, -0.05):
        h, w = round(height * factor), round(width * factor)
        inside = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
        row, col = np.unravel_index(inside.argmax(), inside.shape)
        if inside[row, col] >= wanted * h * w:
            crop: RGB = np.ascontiguousarray(image[row : row + h, col : col + w])
            return crop
    return None


@dataclass(frozen=True)
class Person:
    """An athlete, cropped around the joints.

    Attributes
    ----------
    image : ndarray (H, W, 3), uint8
    limbs : list of (str, ndarray (2, 2))
        Name and end joints, (row, col) px of the crop.
    """

    name: str
    image: RGB
    limbs: list[tuple[str, npt.NDArray[np.float64]]]


def people(photos: Path, margin: float = 0.15) -> Iterator[Person]:
    """Crops around the visible joints, widened by a share of their extent."""
    with (photos / "joints" / "joints.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            joints = {
                key[:-2]: np.array([float(row[key[:-2] + "_y"]), float(row[key[:-2] + "_x"])])
                for key, seen in row.items()
                if key.endswith("_v") and seen == "1"
            }
            image = load(photos / "joints" / row["path"])
            places = np.array(list(joints.values()))
            low, high = places.min(axis=0), places.max(axis=0)
            extra = margin * (high - low).max()
            top, left = np.maximum(np.floor(low - extra), 0).astype(int)
            bottom, right = np.minimum(np.ceil(high + extra) + 1, image.shape[:2]).astype(int)
            limbs = [
                (name, np.stack([joints[f"{side}_{a}"], joints[f"{side}_{b}"]]) - (top, left))
                for name, (a, b) in LIMBS.items()
                for side in ("r", "l")
                if f"{side}_{a}" in joints and f"{side}_{b}" in joints
            ]
            yield Person(row["path"], np.ascontiguousarray(image[top:bottom, left:right]), limbs)
