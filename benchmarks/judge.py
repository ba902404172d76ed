"""The judge on photographs: athletes cropped to the person, and controls, as a labelled set.

Crops are written to a temporary folder as PNG and removed afterwards; the report, which shows none
of them, goes to --out. The athletes are clothed and stand in for the target class only in that
their limbs are bare. Source is an attribute, so every slice tells which photographs mislead whom.

    python -m benchmarks.judge --photos DIR --out DIR [--scorer convnet:RUN ...]
"""

import argparse
import tempfile
from hashlib import sha256
from pathlib import Path

from PIL import Image

from benchmarks.photos import people, pictures
from compare.command import compare_set
from compare.intervals import Estimate
from compare.report import AtThreshold, Maybe
from compare.wording import THIN, text
from images.labelled import Item, write_manifest
from images.reading import RGB
from images.workers import processors


def item(folder: Path, number: int, image: RGB, label: int, source: str) -> Item:
    """Write one picture, and return what the manifest says of it."""
    name = f"{number:05d}.png"
    Image.fromarray(image).save(folder / name)
    digest = sha256((folder / name).read_bytes()).hexdigest()
    return Item(name, digest, label, source, "", name, "test")


def told(number: Maybe) -> str:
    if not isinstance(number, Estimate):
        return number.absent
    value, low, high = (text(x, "rate") for x in (number.value, number.low, number.high))
    return f"{value} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scorer", action="append", default=["baseline", "skin_fraction"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = [(one.image, 1, "athletes") for one in people(given.photos)]
        images += [(one.image, 0, one.source) for one in pictures(given.photos, "controls")]
        items = [item(folder, number, *one) for number, one in enumerate(images)]
        write_manifest(folder / "manifest.csv", items)
        report = compare_set(folder / "manifest.csv", given.scorer, given.out, workers=processors())
    print(report.answer.replace(THIN, " "))
    for one in report.scorers:
        print(f"{one.name}: AUC {told(one.auc)}, AP {told(one.ap)}")
        if isinstance(one.at_threshold, AtThreshold):
            at = one.at_threshold
            print(f"  at its threshold: recall {told(at.recall)}, false positives {told(at.fpr)}")
    for pair in report.pairs:
        for difference in pair.differences:
            print(
                f"{pair.second} minus {pair.first}, {difference.measure}: "
                f"{told(difference.difference)}"
                + ("" if difference.p is None else f", p {text(difference.p, 'p')}")
            )
    for part in report.slices:
        rates = ", ".join(f"{one.scorer} {told(one.fpr)}" for one in part.scores)
        print(f"{part.attribute} {part.value}, {part.pictures.controls} controls: {rates}")


if __name__ == "__main__":
    main()
