"""Both contestants on drawings, and the detector of 1996 on harmless packaged photographs."""

import csv
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

from baseline.cli import explain_picture, scan_folder
from baseline.detector import Params
from compare.wording import THIN
from images.folders import printable
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
    """Scan packaged photographs, compare everyone on drawings; print times, and where all lies.

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
    with _step("4. More drawings, to train on and to validate by"):
        for split, plan in LEARNED.items():
            draw_set(out / split, plan, processors())
    with _step("5. A small ZFNet, trained on them"):
        from convnet.cli import train_folder  # torch takes its time
        from convnet.ranks import ranks
        from convnet.recipe import usual
        from convnet.settings import Setting

        recipe = replace(usual("zfnet"), epochs=EPOCHS)
        learn, check = (out / split / "manifest.csv" for split in LEARNED)
        plain = Setting(threads=1, bf16=False)  # timing would choose by what else is going on
        with ranks("cpu") as alone:
            try:
                history = train_folder(learn, check, recipe, out / "zfnet", alone, plain)
            except ValueError:  # begun by other versions, say
                shutil.rmtree(out / "zfnet", ignore_errors=True)
                history = train_folder(learn, check, recipe, out / "zfnet", alone, plain)
        print(f"   {len(history)} epochs, best validation AUC {max(e.auc for e in history):.3f}")
    with _step("6. Everyone on the drawings of step 3, and the report"):
        from compare.command import compare_set

        report = compare_set(
            out / "drawn" / "manifest.csv",
            ["baseline", f"convnet:{out / 'zfnet'}", f"colour_histogram:{learn}", "open_nsfw"],
            out / "compared",
            validation=check,
            gallery=True,  # drawings are harmless
            workers=processors(),
        )
        print(f"   {report.answer.replace(THIN, ' ')}")
    with _step("7. What the net looks at, in the target that it is surest of"):
        from convnet.cli_deconv import deconv
        from convnet.cli_occlude import chosen, occlude_picture, write

        picture = _surest(out / "compared" / "scores.csv", "zfnet", out / "drawn")
        asked = chosen(str(out / "zfnet"), None, None)
        shutil.rmtree(out / "occluded", ignore_errors=True)
        seen = occlude_picture(picture, out / "occluded", asked, 32, 4, "black")
        list(write(seen, out / "occluded", picture.name, asked))
        deconv(picture, out / "projected", str(out / "zfnet"))
    for what, path in (
        ("overlays", out / "overlays"),
        ("one picture explained", out / "explained" / "contact-sheet.png"),
        ("drawings", out / "drawn" / "pictures"),
        ("occlusion", out / "occluded" / "occlusion.png"),
        ("deconvnet", out / "projected" / "rules.png"),
        ("report", out / "compared" / "report.html"),
    ):
        print(f"{what}: {printable(str(path))}")


@contextmanager
def _step(title: str) -> Iterator[None]:
    print(title)
    began = time.monotonic()
    yield
    print(f"   {time.monotonic() - began:.0f} s\n")


def _surest(scores: Path, name: str, root: Path) -> Path:
    """Return the target to which a scorer gives the highest score."""
    with scores.open(newline="") as file:
        targets = [row for row in csv.DictReader(file) if row["label"] == "1"]
    return root / max(targets, key=lambda row: float(row[name]))["path"]


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
