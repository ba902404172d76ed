"""``skindeep baseline``: scan a folder of pictures, or explain one picture."""

import os
import re
import time
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from baseline.detector import Params, ScoreName, detect
from baseline.overlay import overlay
from baseline.records import ANSWER, record
from images.folders import printable
from images.jobs import Job
from images.reading import RGB, read
from images.scans import carry_out, expect_paths, opened, summary, unanswered
from images.workers import processors

KEYS = (*ANSWER, "overlay")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


class Score(StrEnum):
    """How pictures are graded, as the command line spells it."""

    CASCADE = "cascade"
    GROUPER_FIRST = "grouper-first"

    def name_in_params(self) -> ScoreName:
        """Return the same, as `Params` spells it."""
        return "cascade" if self is Score.CASCADE else "grouper_first"


@app.command(epilog="Example: skindeep baseline scan holiday --out results.jsonl --overlays drawn")
def scan(
    folder: Annotated[
        Path, typer.Argument(help="Every file in it and below; symbolic links are not followed.")
    ],
    out: Annotated[Path, typer.Option(help="Results: one JSON record a line, one line a file.")],
    overlays: Annotated[
        Path | None,
        typer.Option(help="Folder for copies with the findings drawn in; never scanned itself."),
    ] = None,
    configuration: Annotated[
        str, typer.Option(help="Which rules mark a picture: A to H.")
    ] = Params.configuration,
    score: Annotated[
        Score, typer.Option(help="Grade as the detector decides, or by its grouper alone.")
    ] = Score.CASCADE,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default="number of processors",
            help="Processes; with 1, a file that crashes or never ends takes the scan with it.",
        ),
    ] = None,
) -> None:
    """Look at every picture in a folder, and mark those in which limbs form an accepted group.

    A scan that was stopped or killed continues with the same command.
    How the results were made, and in what time, is kept in OUT.receipt.json.
    """
    params = Params(configuration=configuration, score=score.name_in_params())
    if not scan_folder(folder, out, overlays, params, workers or processors()):
        print(f"{printable(str(out))} is complete already; remove it to scan anew")
    for line in summary(out, lambda found: str(found["stopped_at"])):
        print(line)
    print(f"results: {printable(str(out))}")
    if overlays:
        print(f"overlays: {printable(str(overlays))}")


@app.command(epilog="Example: skindeep baseline explain beach.jpg --out explained")
def explain(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    out: Annotated[Path, typer.Option(help="Folder for the figures.")],
) -> None:
    """Draw every step of the detector's way to its answer on one picture."""
    for path in explain_picture(image, out):
        print(printable(str(path)))


def explain_picture(image: Path, out: Path) -> list[Path]:
    """Write the figures that explain one picture; `ValueError` if it cannot be read."""
    from baseline.figures import explain as draw  # matplotlib takes its time

    reading = read(image)
    if reading.image is None:
        raise ValueError(f"expected a picture, got {image}: {reading.status}; {reading.detail}")
    return draw(reading.image, detect(reading.image), out, image.name)


# ---- Scanning


def scan_folder(
    folder: Path, out: Path, overlays: Path | None, params: Params, workers: int
) -> bool:
    """Scan, showing progress on standard error where that is a terminal.

    Returns
    -------
    bool
        False if the results were complete already.

    Raises
    ------
    ValueError
        If a path cannot be what it is meant to be.
    OSError
        If the scan cannot go on; it says how far it came.
    typer.Exit
        With status 128 and the signal's number, if the scan was interrupted.
    """
    expect_paths(folder, out)
    if overlays:
        if folder.resolve().is_relative_to(overlays.resolve()):
            raise ValueError(f"expected a folder of their own for the overlays, got {overlays}")
        overlays.mkdir(exist_ok=True)
    job = Job(
        folder,
        out,
        partial(scan_file, params=params, overlays=overlays),
        partial(unanswered, answer=KEYS),
        {
            "contestant": "baseline",
            "params": _by_name(params),
            "overlays": overlays and str(overlays.resolve()),
        },
        left_out=(overlays,) if overlays else (),
    )
    return carry_out(job, workers)


def scan_file(
    folder: Path, path: str, params: Params, overlays: Path | None
) -> tuple[dict[str, object], dict[str, float]]:
    """Read one file and run the detector on it: its record, and the seconds of each stage."""
    found, image, seconds = opened(folder, path, KEYS)
    if image is None:
        return found, seconds
    began = time.perf_counter()
    detection = detect(image, params)
    seconds["detect"] = time.perf_counter() - began
    found |= record(detection)
    if overlays:
        began = time.perf_counter()
        found["overlay"] = overlay_name(path)
        _save(overlay(image, detection), overlays / overlay_name(path))
        seconds["overlay"] = time.perf_counter() - began
    return found, seconds


def overlay_name(path: str) -> str:
    """Return the flat, safe name, unique for its path, under which an overlay is saved.

    Examples
    --------
    >>> overlay_name("summer/day one.png")
    'summer_day_one.png-0a35e77f.jpg'
    """
    words = re.sub(r"[^\w.-]+", "_", path).lstrip("-.")
    short = words.encode()[:100].decode(errors="ignore")
    return f"{short}-{sha256(os.fsencode(path)).hexdigest()[:8]}.jpg"


def _by_name(params: Any) -> object:
    """Return parameters, dataclasses and named tuples alike, as dictionaries."""
    if is_dataclass(params):
        names = [field.name for field in fields(params)]
    elif hasattr(params, "_fields"):
        names = list(params._fields)
    else:
        return params
    return {name: _by_name(getattr(params, name)) for name in names}


def _save(picture: RGB, target: Path) -> None:
    temporary = target.with_suffix(".tmp")
    try:
        Image.fromarray(picture).save(temporary, "JPEG", quality=90)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
