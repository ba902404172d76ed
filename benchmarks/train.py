"""ZFNet trained on drawings, against rivals that know colour alone.

Draws a set to learn from and one to validate by, half of them targets, and the test set of 1996
(138 targets, 1,401 controls), all at half size; trains ZFNet as ``skindeep convnet train`` does by
default, once for every seed. Beside its area under the ROC curve stand those of the skin's share
and of logistic regression on the histogram of hue and saturation, both in the detector's own
colour space, and the difference between net and histogram on the same pictures. Intervals are
95 %, from 2,000 bootstrap samples of targets and of controls.

With --photos, the same networks and rivals, all taught by drawings alone, meet photographs:
the middle squares of athletes and of people with bare limbs, against those of controls.

    python -m benchmarks.train --seeds 3 [--train 2500] [--validation 500] [--photos DIR]
        [--out DIR]

With --out, drawings and runs are kept there, and what is there already is not made again.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from baseline.colour import colour_planes
from baseline.detector import reduce
from baseline.skin import skin_filter
from benchmarks.photos import load as load_photo
from benchmarks.photos import people, pictures
from compare.histogram import Floats, colours, fitted
from convnet import Model, load
from convnet.cli import train_folder
from convnet.ranks import ranks
from convnet.recipe import usual
from images.labelled import LabelledSet
from images.mannequins.cli import draw_set
from images.mannequins.sets import PRESETS, Plan
from images.reading import RGB

DRAWS = 2000
Labels = npt.NDArray[np.int64]


# ---- Areas and their intervals


def wins(labels: Labels, scores: Floats) -> Floats:
    """Table of whether a target outscores a control, ties half; its mean is the area."""
    gap = scores[labels == 1][:, None] - scores[labels == 0]
    won: Floats = (gap > 0) + 0.5 * (gap == 0)
    return won


def estimate(won: Floats) -> str:
    """Mean of a table of wins, or of differences of such tables, with its interval."""
    rng = np.random.default_rng(1996)
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), DRAWS) / n for n in won.shape)
    low, high = np.percentile(((rows @ won) * columns).sum(axis=1), [2.5, 97.5])
    return f"{won.mean():.3f} [{low:.3f}, {high:.3f}]"


# ---- Rivals


def seen(images: Iterable[RGB]) -> dict[str, Floats]:
    """See what the rivals see: skin's share (n, 1), shares of hue and saturation (n, 144)."""
    shares, histograms = [], []
    for image in images:
        working = reduce(image)
        planes = colour_planes(working)
        shares.append([skin_filter(working, planes).fraction])
        histograms.append(colours(planes))
    return {"skin share": np.array(shares), "hue and saturation": np.array(histograms)}


def read_all(labelled: LabelledSet) -> list[RGB]:
    return [load_photo(labelled.root / item.path) for item in labelled.items]


# ---- Photographs


def square(image: RGB) -> RGB:
    """Return the middle square: the shape of the frame would tell where a picture is from."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def photographs(photos: Path) -> dict[str, list[RGB]]:
    """Squares of people with bare limbs, dressed for sport or the street, and of controls."""
    found = {
        "athletes, cropped to the person": [person.image for person in people(photos)],
        "people with bare limbs": [photo.image for photo in pictures(photos, "people")],
        "controls": [photo.image for photo in pictures(photos, "controls")],
    }
    return {name: [square(image) for image in images] for name, images in found.items() if images}


# ---- What is printed


def report(labels: Labels, nets: dict[str, Floats], rivals: dict[str, Floats]) -> None:
    """Print everyone's area, and the nets' lead over the histogram."""
    tables = {name: wins(labels, scores) for name, scores in (nets | rivals).items()}
    mean = np.mean([tables[name] for name in nets], axis=0)
    for name, table in tables.items():
        print(f"  {name:28s} {estimate(table)}")
    print(f"  {'ZFNet, mean of seeds':28s} {estimate(mean)}")
    print(f"  {'minus the histogram':28s} {estimate(mean - tables['hue and saturation'])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, default=2500)
    parser.add_argument("--validation", type=int, default=500)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary)
        out.mkdir(exist_ok=True)
        measure(out, given.seeds, given.train, given.validation, given.photos)


def measure(out: Path, seeds: int, train: int, validation: int, photos: Path | None) -> None:
    sizes = {"train": (train // 2, train - train // 2), "test": PRESETS["eccv96"]}
    sizes["validation"] = validation // 2, validation - validation // 2
    sets = {}
    for split, (bare, others) in sizes.items():
        draw_set(out / split, Plan(bare, others, split=split, scale=0.5), workers=1)
        sets[split] = LabelledSet.read(out / split / "manifest.csv")

    models: dict[str, Model] = {}
    for seed in range(seeds):
        run = out / f"run-{seed}"
        with ranks("auto") as alone:
            recipe = replace(usual("zfnet"), seed=seed)
            learn, check = (out / split / "manifest.csv" for split in ("train", "validation"))
            train_folder(learn, check, recipe, run, alone)
        told = json.loads((run / "history.json").read_text())
        minutes, best = told["seconds"] / 60, max(epoch["auc"] for epoch in told["history"])
        print(
            f"seed {seed}: {len(told['history'])} epochs, {minutes:.1f} minutes on {alone.device} "
            f"({told['setting']}), best AUC on the validation set {best:.3f}"
        )
        models[f"ZFNet, seed {seed}"] = load(run)

    learned, labels = seen(read_all(sets["train"])), sets["train"].labels

    def rivals(images: list[RGB]) -> dict[str, Floats]:
        met = seen(images)
        return {name: fitted(learned[name], labels, met[name]) for name in learned}

    images = read_all(sets["test"])
    print(f"AUC on {len(images)} drawings")
    scores = {name: model.score(images) for name, model in models.items()}
    report(sets["test"].labels, scores, rivals(images))
    if photos:
        found = photographs(photos)
        controls = found.pop("controls")
        for name, crops in found.items():
            print(f"AUC on photographs: {len(crops)} {name}; {len(controls)} controls")
            both = crops + controls
            truth = np.repeat([1, 0], [len(crops), len(controls)])
            scores = {name: model.score(both) for name, model in models.items()}
            report(truth, scores, rivals(both))


if __name__ == "__main__":
    main()
