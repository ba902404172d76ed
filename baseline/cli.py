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
from images.scans import (
    COLUMNS,
    Address,
    ByEngine,
    EngineName,
    Given,
    Limit,
    Out,
    Part,
    Retry,
    Workers,
    carry_out,
    entries_of,
    how_of,
    opened,
    source_of,
    summary,
    unanswered,
)
from images.shards import How
from images.tars import Entry, path_of
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
    source: Given,
    out: Out,
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
    workers: Workers = None,
    engine: ByEngine = EngineName.LOCAL,
    address: Address = None,
    limit: Limit = None,
    part: Part = None,
    retry: Retry = False,
) -> None:
    """Look at every picture of a source, and mark those in which limbs form an accepted group.

    A scan that was stopped or killed continues with the same command.
    How the results were made, and in what time, is kept in OUT.receipt.json.
    """
    params = Params(configuration=configuration, score=score.name_in_params())
    how = how_of(engine, address, limit, part, retry)
    if not scan_folder(source, out, overlays, params, workers or processors(), how):
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
    given: Path | str,
    out: Path,
    overlays: Path | None,
    params: Params,
    workers: int,
    how: How = How(),
) -> bool:
    """Scan what a source holds, showing progress on standard error where that is a terminal.

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
    left_out = (overlays,) if overlays else ()
    source = source_of(given, out, left_out)
    folder = source.folder
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
            **source.terms(),
        },
        left_out=left_out,
        columns=COLUMNS | {"skin_fraction": float, "stopped_at": str, "overlay": str},
    )
    return carry_out(job, workers, entries_of(source, how), how)


def scan_file(
    folder: Path, entry: Entry, params: Params, overlays: Path | None
) -> tuple[dict[str, object], dict[str, float]]:
    """Read one file and run the detector on it: its record, and the seconds of each stage."""
    found, image, seconds = opened(folder, entry, KEYS)
    if image is None:
        return found, seconds
    began = time.perf_counter()
    detection = detect(image, params)
    seconds["detect"] = time.perf_counter() - began
    found |= record(detection)
    if overlays:
        began = time.perf_counter()
        found["overlay"] = name = overlay_name(path_of(entry))
        _save(overlay(image, detection), overlays / name)
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
