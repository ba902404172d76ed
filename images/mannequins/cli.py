"""``skindeep mannequins``: draw a labelled set."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from images.folders import printable
from images.labelled import LabelledSet
from images.mannequins.sets import PRESETS, Plan, write_set
from images.scans import stoppable
from images.workers import processors


class Preset(StrEnum):
    """The sizes of the published test sets."""

    ECCV96 = "eccv96"
    IJCV99 = "ijcv99"


class Split(StrEnum):
    """Nothing is shared between them."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.command(epilog="Example: skindeep mannequins drawn --preset eccv96 --size 160x240")
def mannequins(
    out: Annotated[Path, typer.Argument(help="A new folder; or one to finish.")],
    targets: Annotated[int | None, typer.Option(min=0, help="Bare lay figures.")] = None,
    controls: Annotated[int | None, typer.Option(min=0, help="Everything else.")] = None,
    preset: Annotated[
        Preset, typer.Option(help="Sizes of a published test set, where none are given.")
    ] = Preset.ECCV96,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1996,
    split: Annotated[
        Split, typer.Option(help="Splits share no seeds, textures or photographs.")
    ] = Split.TEST,
    size: Annotated[str, typer.Option(help="Of upright pictures, 320x480 times a factor.")] = (
        "320x480"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="number of processors", help="Processes.")
    ] = None,
) -> None:
    """Draw artist's lay figures, bare and clothed, and things that are mistaken for them.

    Pictures, their truth and manifest.csv are written to OUT. A set that was interrupted is
    finished by the same command.
    """
    default = PRESETS[preset]
    plan = Plan(
        default[0] if targets is None else targets,
        default[1] if controls is None else controls,
        seed,
        split.value,
        scale_of(size),
    )
    with stoppable():
        draw_set(out, plan, workers or processors())
    labels = LabelledSet.read(out / "manifest.csv").labels
    print(f"{len(labels)} pictures, {int(labels.sum())} of them bare lay figures")
    print(f"manifest: {printable(str(out / 'manifest.csv'))}")


def scale_of(size: str) -> float:
    """Return the factor that a size such as 160x240 is of 320x480."""
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match or int(match[1]) * 3 != int(match[2]) * 2:
        raise ValueError(f"expected a size of 320x480 times a factor, as 160x240, got {size}")
    return int(match[1]) / 320


def draw_set(out: Path, plan: Plan, workers: int) -> int:
    """Draw a set under a progress bar; return how many pictures were drawn now."""
    console = Console(stderr=True)
    columns = TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("drawing", total=None)
        return write_set(
            out, plan, workers, lambda done, total: progress.update(
                task, completed=done, total=total
            )
        )  # fmt: skip
