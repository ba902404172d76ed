"""Both contestants on drawings, and the detector of 1996 on harmless packaged photographs."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from sklearn.metrics import roc_auc_score

from baseline.cli import explain_picture, scan_folder
from baseline.detector import Params
from compare.funnel import funnel_table
from images.folders import printable
from images.labelled import LabelledSet
from images.mannequins.cli import draw_set
from images.mannequins.sets import PRESETS, Plan
from images.workers import processors

PACKAGED = {"skimage": "data", "sklearn": "datasets/images"}
SUFFIXES = {".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
EXPLAINED = "astronaut.png"


DRAWN = Plan(*PRESETS["eccv96"], scale=0.5)
LEARNED = {
    "train": Plan(550, 550, split="train", scale=0.5),
    "validation": Plan(150, 150, split="validation", scale=0.5),
}
EPOCHS = 20


def show(out: Path) -> None:
    """Scan packaged photographs and a drawn test set; print tables, times and where all lies.

    Earlier results of its own in `out` are replaced, drawings are kept; nothing else there is
    touched.

    Raises
    ------
    OSError
        If `out` cannot be written to.
    """
    console = Console()
    with _step("1. Photographs that scikit-image and scikit-learn ship, through the detector"):
        print("   The first time the detector is compiled, which takes about half a minute.")
        pictures = out / "photographs"
        pictures.mkdir(parents=True, exist_ok=True)
        for picture in packaged_pictures():
            shutil.copyfile(picture, pictures / picture.name)
        scan = _scan(pictures, out / "photographs.jsonl", out / "overlays", workers=1)
        console.print(_table(scan))
    with _step("2. One of them explained, stage by stage"):
        explain_picture(pictures / EXPLAINED, out / "explained")
    with _step("3. Lay figures and controls, as many as in the set of 1996, at half size"):
        draw_set(out / "drawn", DRAWN, processors())
    with _step("4. The drawings through the detector, beside the published table"):
        drawn = LabelledSet.read(out / "drawn" / "manifest.csv")
        scan = _scan(out / "drawn" / "pictures", out / "drawn.jsonl", None, processors())
        labels = {item.path.removeprefix("pictures/"): item.label for item in drawn.items}
        answers = [json.loads(line) for line in scan.read_bytes().splitlines()]
        console.print(
            funnel_table(*([a for a in answers if labels[a["path"]] == want] for want in (1, 0)))
        )
        print("   The published figures are of another test set, of photographs.")
    run = out / "net"
    with _step("5. More drawings, to train on and to validate by"):
        for split, plan in LEARNED.items():
            draw_set(out / split, plan, processors())
    with _step("6. A small ZFNet, trained on them"):
        from convnet.cli import score_folder, train_folder  # torch takes its time
        from convnet.ranks import ranks
        from convnet.recipe import usual

        recipe = replace(usual("zfnet"), epochs=EPOCHS)
        with ranks("cpu") as alone:
            learn, check = (out / split / "manifest.csv" for split in LEARNED)
            history = train_folder(learn, check, recipe, run, alone)
        print(f"   {len(history)} epochs, best validation AUC {max(e.auc for e in history):.3f}")
    with _step("7. The net over the drawings of step 4"):
        scores = out / "net.jsonl"
        _clear(scores)
        score_folder(out / "drawn" / "pictures", scores, str(run), "cpu", processors())
        found = [json.loads(line) for line in scores.read_bytes().splitlines()]
        truth = [labels[record["path"]] for record in found]
        for name, records in (("1996", {a["path"]: a for a in answers}), ("net", None)):
            values = [(records[f["path"]] if records else f)["score"] for f in found]
            print(f"   AUC of {name}: {roc_auc_score(truth, values):.3f}")
    with _step("8. What the net looks at, in the target that it is surest of"):
        from convnet.cli_deconv import deconv
        from convnet.cli_occlude import chosen, occlude_picture, write

        best = max((f for f in found if labels[f["path"]]), key=lambda f: f["score"])
        picture = out / "drawn" / "pictures" / best["path"]
        asked = chosen(str(run), None, None)
        seen = occlude_picture(picture, out / "occluded", asked, 32, 4, "black")
        list(write(seen, out / "occluded", picture.name, asked))
        deconv(picture, out / "projected", str(run))
    for what, path in (
        ("overlays", out / "overlays"),
        ("one picture explained", out / "explained" / "contact-sheet.png"),
        ("drawings", out / "drawn" / "pictures"),
        ("answers of 1996", out / "drawn.jsonl"),
        ("scores of the net", scores),
        ("occlusion", out / "occluded" / "occlusion.png"),
        ("deconvnet", out / "projected" / "rules.png"),
    ):
        print(f"{what}: {printable(str(path))}")


@contextmanager
def _step(title: str) -> Iterator[None]:
    print(title)
    began = time.monotonic()
    yield
    print(f"   {time.monotonic() - began:.0f} s\n")


def _scan(pictures: Path, results: Path, overlays: Path | None, workers: int) -> Path:
    """Scan anew, and return where the answers are."""
    _clear(results)
    scan_folder(pictures, results, overlays, Params(), workers)
    return results


def _clear(results: Path) -> None:
    results.unlink(missing_ok=True)
    shutil.rmtree(results.with_name(results.name + ".parts"), ignore_errors=True)


def packaged_pictures() -> Iterator[Path]:
    """Yield the picture files inside the installed packages."""
    for package, data in PACKAGED.items():
        spec = find_spec(package)
        for root in spec.submodule_search_locations or () if spec else ():
            for path in sorted(Path(root, data).iterdir()):
                if path.suffix in SUFFIXES:
                    yield path


def _table(results: Path) -> Table:
    table = Table(
        Column("picture", overflow="fold"), "size", "skin", "stopped at", "score", "decision"
    )
    for record in map(json.loads, results.read_bytes().splitlines()):
        height, width = record["size"] or ("?", "?")
        answered = record["status"] == "ok"
        table.add_row(
            Text(printable(record["path"])),
            f"{width} x {height}",
            f"{record['skin_fraction']:.3f}" if answered else "",
            record["stopped_at"] or "" if answered else record["status"],
            f"{record['score']:.3f}" if answered else "",
            {True: "marked", False: "not marked", None: "no answer"}[record["decision"]],
        )
    return table
