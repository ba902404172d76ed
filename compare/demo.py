"""The detector of 1996 on harmless photographs that are installed already."""

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from baseline.cli import explain_picture, scan_folder
from baseline.detector import Params
from images.folders import printable

PACKAGED = {"skimage": "data", "sklearn": "datasets/images"}
SUFFIXES = {".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
EXPLAINED = "astronaut.png"


def show(out: Path) -> None:
    """Scan the packaged photographs, explain one, print a table and where everything lies.

    Earlier results of its own in `out` are replaced; nothing else there is touched.

    Raises
    ------
    OSError
        If `out` cannot be written to.
    """
    pictures, results, overlays = out / "photographs", out / "results.jsonl", out / "overlays"
    pictures.mkdir(parents=True, exist_ok=True)
    for picture in packaged_pictures():
        shutil.copyfile(picture, pictures / picture.name)
    results.unlink(missing_ok=True)
    shutil.rmtree(results.with_name("results.jsonl.parts"), ignore_errors=True)
    print("Scanning. The first time, the detector is compiled, which takes about half a minute.")
    scan_folder(pictures, results, overlays, Params(), workers=1)
    Console().print(_table(results))
    print(f"results: {printable(str(results))}")
    print(f"overlays: {printable(str(overlays))}")
    sheets = [
        p for p in explain_picture(pictures / EXPLAINED, out / "explained") if "sheet" in p.name
    ]
    print(f"explained: {printable(str(sheets[0]))}")


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
