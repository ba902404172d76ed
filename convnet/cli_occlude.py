"""``skindeep convnet occlude``: show where in a picture a scorer finds its evidence."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import rich.progress as bars
import torch
import typer
from PIL import Image
from rich.console import Console

from convnet.journal import journal
from convnet.models import load
from convnet.occlusion import Occluder, OcclusionMap, Scored, occlusion_maps
from convnet.ranks import device_of
from convnet.windows import Windows
from images.folders import make_folder, printable
from images.reading import read
from images.scans import CONTINUES, stoppable
from images.scoring import Scorer, scorer_of


class Cover(StrEnum):
    """What covers a window."""

    BLACK = "black"
    MEAN = "mean"

    def occluder(self) -> Occluder:
        """Return the same, as `occlusion_maps` spells it."""
        return "black" if self is Cover.BLACK else "mean"


def occlude(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    out: Annotated[Path, typer.Option(help="Folder for maps, scores and figures.")],
    model: Annotated[
        str | None,
        typer.Option(
            show_default="open_nsfw",
            help="open_nsfw; or a checkpoint, or the folder of a training run. On a graphics card "
            "where there is one.",
        ),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(help="In place of a model: a command, or a service's http or https URL."),
    ] = None,
    window: Annotated[int, typer.Option(help="Side of a window, px.")] = 64,
    stride: Annotated[int, typer.Option(help="From one window to the next, px.")] = 3,
    size: Annotated[
        str | None,
        typer.Option(
            show_default="the network's own; native with --scorer",
            help="native lays windows on the picture itself; 224, or whatever the network's input "
            "measures, on the picture as the network takes it in.",
        ),
    ] = None,
    occluder: Annotated[
        Cover, typer.Option(help="What covers a window: black, or the picture's mean colour.")
    ] = Cover.BLACK,
) -> None:
    """Show which parts of a picture speak for the positive class, to any scorer.

    There are two experiments with windows over the picture. Cropped: each window is scored alone,
    and a pixel gets the mean score of the windows over it. Occluded: each window is covered in
    turn, and a pixel gets the mean of one minus the score while it is covered. All windows have
    one size; the last row and column are shifted back to end at the border.

    A command reads paths of PNG files from standard input, one a line, and prints as many scores
    from 0 to 1, one a line; it is started for each batch, without a shell. A service gets POST
    requests of multipart/form-data with up to 125 JPEG files, all named images, and answers with
    a JSON list of scores.

    OUT gets the maps (cropped.npy, occluded.npy), every window's score (windows.npz), examples of
    what was fed in, overlays, and both maps side by side (occlusion.png). Scores are kept as they
    come (scores.jsonl): a run that was stopped or killed continues with the same command.
    """
    asked = chosen(model, scorer, size)
    found = occlude_picture(image, out, asked, window, stride, occluder.occluder())
    written = list(write(found, out, image.name, asked))  # before whoever reads may leave
    print(f"score of the whole picture: {found.score:.6f}")
    print(f"windows: {len(found.positions)}")
    for name, values in (("cropped", found.cropped), ("occluded", found.occluded)):
        print(f"{name}: {values.min():.6f} to {values.max():.6f}")
    for path in written:
        print(printable(str(path)))


class Asked(NamedTuple):
    """Who is asked.

    Attributes
    ----------
    scorer : Scorer
    size : int or None
        Of the network's input, if the windows lie on that.
    digest : str
        Tells scorers of one name apart: of a model's weights, of a command or URL.
    """

    scorer: Scorer
    size: int | None
    digest: str


def chosen(model: str | None, scorer: str | None, size: str | None) -> Asked:
    """Return whom the command line names; `ValueError` if there is no such scorer or size."""
    if scorer is not None:
        if model is not None or size not in (None, "native"):
            raise ValueError(
                "expected --scorer without --model, and no --size but native, "
                f"got --model {model}, --size {size}"
            )
        return Asked(scorer_of(scorer), None, sha256(os.fsencode(scorer)).hexdigest())
    # With more threads sums add up in another order, and a busy machine takes many times as long.
    torch.set_num_threads(1)
    loaded = load(model or "open_nsfw")
    loaded.net.to(device_of("auto"))
    own = loaded.preprocessing.size
    if size not in (None, "native", str(own)):
        raise ValueError(f"expected --size native or {own}, the input of {loaded.name}, got {size}")
    return Asked(loaded, None if size == "native" else own, loaded.digest)


def occlude_picture(
    image: Path, out: Path, asked: Asked, window: int, stride: int, occluder: Occluder
) -> OcclusionMap:
    """Run both experiments, showing progress on standard error where that is a terminal.

    Raises
    ------
    ValueError
        If the picture cannot be read, windows do not fit on it, or answers are no probabilities.
    OSError
        If the scorer fails, or scores cannot be kept.
    typer.Exit
        With status 128 and the signal's number, if it was interrupted.
    """
    reading = read(image)
    if reading.image is None:
        raise ValueError(f"expected a picture, got {image}: {reading.status}; {reading.detail}")
    height, width = (asked.size,) * 2 if asked.size else reading.image.shape[:2]
    total = 1 + 2 * len(Windows(height, width, window, stride).positions)
    make_folder(out)
    terms = {
        "picture": reading.sha256,
        "scorer": asked.scorer.name,
        "digest": asked.digest,
        "size": asked.size,
        "window": window,
        "stride": stride,
        "occluder": occluder,
        **{package: version(package) for package in ("skindeep", "pillow", "torch")},
    }
    kept: list[Scored] = []

    def how_far() -> str:
        if not kept:
            return "no picture is scored yet"
        done = sum(len(scored.scores) for scored in kept)
        return f"{done:,} of {total:,} pictures are scored, and {CONTINUES}"

    try:
        with (
            stoppable(how_far),
            journal(out / "scores.jsonl", terms) as (kept, keep),
            _bar(total) as advance,
        ):

            def tell(scored: Scored) -> None:
                keep(scored)
                advance(len(scored.scores))

            advance(sum(len(scored.scores) for scored in kept))
            return occlusion_maps(
                reading.image,
                asked.scorer,
                window,
                stride,
                occluder,
                size=asked.size,
                known=kept,
                tell=tell,
            )
    except OSError as error:
        raise OSError(f"{error}; {how_far()}") from error
    except ValueError as error:
        raise ValueError(f"{error}; {how_far()}" if kept else str(error)) from error


def write(found: OcclusionMap, out: Path, title: str, asked: Asked) -> Iterator[Path]:
    """Write maps, scores and figures into a folder, and yield what was written."""
    # matplotlib takes its time.
    from convnet.occlusion_figures import examples, overlay, side_by_side
    from convnet.pages import save

    for name, values in (("cropped", found.cropped), ("occluded", found.occluded)):
        np.save(out / f"{name}.npy", values)
        yield out / f"{name}.npy"
    np.savez(
        out / "windows.npz",
        positions=found.positions,
        cropped=found.cropped_scores,
        occluded=found.occluded_scores,
        whole=found.score,
        window=found.window,
        stride=found.stride,
        colour=found.colour,
    )
    yield out / "windows.npz"
    alone, covered = examples(found)
    for name, picture in (
        ("fed-cropped", alone.image),
        ("fed-occluded", covered.image),
        ("overlay-cropped", overlay(found.picture, found.cropped)),
        ("overlay-occluded", overlay(found.picture, found.occluded)),
    ):
        Image.fromarray(picture).save(out / f"{name}.png")
        yield out / f"{name}.png"
    height, width = found.picture.shape[:2]
    way = "as the network takes it in" if asked.size else "as given"
    surface = f"{width} × {height} px, {way}"
    yield save(side_by_side(found, title, asked.scorer.name, surface), out / "occlusion.png")


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar: a function that says how many more pictures are scored."""
    console = Console(stderr=True)
    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("pictures scored"),
    )
    with bars.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda number: bar.advance(task, number)
