"""``skindeep convnet``: train a network, score a folder of pictures."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any

import rich.progress as bars
import torch
import typer
from rich.console import Console

from convnet.cli_deconv import deconv, features, grid
from convnet.cli_occlude import occlude
from convnet.data import pictures
from convnet.models import BEST, Model, load
from convnet.ranks import Ranks, device_of, ranks
from convnet.recipe import Epoch, Recipe, best, usual
from convnet.settings import Setting
from convnet.training import Progress
from convnet.training import train as train_network
from images.folders import make_folder, printable
from images.jobs import Job
from images.labelled import LabelledSet
from images.limits import Allowance
from images.scans import (
    COLUMNS,
    CONTINUES,
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
    stoppable,
    summary,
    unanswered,
)
from images.shards import How
from images.tars import Entry
from images.workers import processors

ANSWER = ("score", "decision", "model")
BESIDE_A_CARD = 64_000_000_000  # bytes

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
app.command(epilog="Example: skindeep convnet occlude beach.jpg --out occluded")(occlude)
app.command(epilog="Example: skindeep convnet deconv beach.jpg --out projected")(deconv)
app.command(epilog="Example: skindeep convnet features set.csv --layer conv3 --out seen")(features)
app.command(epilog="Example: skindeep convnet grid set.csv --out checked")(grid)


class Arch(StrEnum):
    """Which network to train."""

    ZFNET = "zfnet"
    OPEN_NSFW = "open_nsfw"


class Device(StrEnum):
    """On what to compute."""

    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"


OnDevice = Annotated[
    Device, typer.Option(help="On what to compute; auto takes a graphics card where there is one.")
]

# ---- Scoring


@app.command(epilog="Example: skindeep convnet score holiday --out scores.jsonl")
def score(
    source: Given,
    out: Out,
    model: Annotated[
        str, typer.Option(help="open_nsfw; or a checkpoint, or the folder of a training run.")
    ] = "open_nsfw",
    device: OnDevice = Device.AUTO,
    workers: Workers = None,
    engine: ByEngine = EngineName.LOCAL,
    address: Address = None,
    limit: Limit = None,
    part: Part = None,
    retry: Retry = False,
) -> None:
    """Give every picture of a source a network's probability of the positive class.

    A model that knows its threshold also decides; open_nsfw, as it was published, has none.
    Scoring that was stopped or killed continues with the same command.
    How the results were made, and in what time, is kept in OUT.receipt.json.
    """
    place = str(device_of(device.value))
    gpus = place.startswith("cuda")
    how = how_of(engine, address, limit, part, retry, gpus=gpus)
    if not score_folder(source, out, model, place, workers or processors(), how):
        print(f"{printable(str(out))} is complete already; remove it to score anew")
    for line in summary(out, _why):
        print(line)
    print(f"results: {printable(str(out))}")


def score_folder(
    given: Path | str, out: Path, model: str, device: str, workers: int, how: How = How()
) -> bool:
    """Score what a source holds; return False if the results were complete already.

    Raises
    ------
    ValueError
        If a path cannot be what it is meant to be, or there is no such model or device.
    OSError
        If it cannot go on; it says how far it came.
    typer.Exit
        With status 128 and the signal's number, if it was interrupted.
    """
    source = source_of(given, out)
    place, digest = str(device_of(device)), load(model).digest
    weights = model if model == "open_nsfw" else str(Path(model).resolve())
    job = Job(
        source.folder,
        out,
        partial(score_file, model=weights, digest=digest, device=place),
        partial(unanswered, answer=ANSWER),
        {
            "contestant": "convnet",
            "model": digest,
            "device": place,
            "torch": torch.__version__,
            **source.terms(),
        },
        # A graphics card's driver takes more of a process's memory than a picture may.
        allowance=Allowance() if place == "cpu" else Allowance(memory=BESIDE_A_CARD),
        columns=COLUMNS | {"model": str},
    )
    return carry_out(job, workers, entries_of(source, how), how)


def score_file(
    folder: Path, entry: Entry, model: str, digest: str, device: str
) -> tuple[dict[str, object], dict[str, float]]:
    """Read one file and score it: its record, and the seconds of each stage."""
    found, image, seconds = opened(folder, entry, ANSWER)
    if image is None:
        return found, seconds
    ready = _ready(model, digest, device)
    began = time.perf_counter()
    (probability,) = ready.score([image]).tolist()
    seconds["score"] = time.perf_counter() - began
    decision = None if ready.threshold is None else probability >= ready.threshold
    return found | {"score": probability, "decision": decision, "model": ready.name}, seconds


@lru_cache(maxsize=1)
def _ready(model: str, digest: str, device: str) -> Model:
    """Return a model on its device, loaded once in every process."""
    # A picture at a time keeps one thread busy; more pictures at once are the workers' affair.
    torch.set_num_threads(1)
    ready = load(model)
    if ready.digest != digest:
        raise OSError(f"expected {model} to stay as it was, but it has changed")
    ready.net.to(device)
    return ready


def _why(found: Mapping[str, object]) -> str:
    return "without a threshold" if found["decision"] is None else "below the threshold"


# ---- Training


@app.command(epilog="Example: skindeep convnet train set.csv --out run")
def train(
    manifest: Annotated[
        Path, typer.Argument(help="Of a labelled set; what is in its split train is learned.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the run, new or to continue.")],
    validation: Annotated[
        Path | None,
        typer.Option(
            show_default="the same manifest",
            help="Manifest whose split validation chooses the best epoch and the threshold.",
        ),
    ] = None,
    arch: Annotated[
        Arch, typer.Option(help="zfnet from scratch; or open_nsfw, on from its published weights.")
    ] = Arch.ZFNET,
    size: Annotated[
        int | None,
        typer.Option(
            show_default="112", help="Rows and columns of zfnet's input, px; 224 in the paper."
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            show_default="0.25", help="Factor on zfnet's channels and units; 1 in the paper."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, show_default="40; open_nsfw 5", help="At most so many.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step, over all processes.")] = 32,
    rate: Annotated[
        float | None,
        typer.Option(min=1e-6, show_default="0.01; open_nsfw 0.001", help="Learning rate."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**63 - 1, help="Same seed and setting, same weights, on a CPU."),
    ] = 0,
    device: OnDevice = Device.AUTO,
    setting: Annotated[
        str | None,
        typer.Option(
            show_default="the fastest by timing", help="Threads and number format, 1-fp32."
        ),
    ] = None,
) -> None:
    """Train a network on a labelled set.

    Both classes weigh the same, however many pictures each has.
    OUT gets the best and the last checkpoint, the history and the learning curves. A run that was
    stopped or killed continues with the same command. Several graphics cards work together under
    torchrun: torchrun --nproc-per-node 4 -m compare.cli convnet train ...
    """
    shape: dict[str, Any] = {"size": size, "width": width}
    if arch is Arch.OPEN_NSFW and (size, width) != (None, None):
        raise ValueError("expected --size and --width with zfnet alone, got them with open_nsfw")
    given = {name: value for name, value in shape.items() if value is not None}
    recipe = usual(arch.value, **given)
    recipe = replace(
        recipe,
        epochs=epochs or recipe.epochs,
        batch=batch,
        rate=rate or recipe.rate,
        seed=seed,
    )
    how = Setting.of(setting) if setting else None
    if how and how.threads > processors():
        raise ValueError(f"expected at most {processors()} threads here, got {how.threads}")
    with ranks(device.value) as everyone:
        history = train_folder(manifest, validation or manifest, recipe, out, everyone, how)
        if everyone.rank:
            return
    from convnet.curves import learning_curves  # matplotlib takes its time

    curves = out / "curves.png"
    learning_curves(history, f"{arch.value} on {manifest.name}").savefig(curves, dpi=120)
    kept, model = best(history), load(out)
    print(f"best epoch: {kept + 1} of {len(history)}, validation AUC {history[kept].auc:.4f}")
    print(f"threshold: {model.threshold:.4f}, {model.threshold_rule}")
    print(f"checkpoint: {printable(str(out / BEST))}")
    print(f"learning curves: {printable(str(curves))}")


def train_folder(
    manifest: Path,
    validation: Path,
    recipe: Recipe,
    out: Path,
    everyone: Ranks,
    setting: Setting | None = None,
) -> list[Epoch]:
    """Train, showing progress on standard error; return the run's history.

    Raises
    ------
    ValueError
        If a manifest lacks what is needed, a picture cannot be read, or `out` holds another run.
    OSError
        If a checkpoint cannot be written; the same call continues.
    typer.Exit
        With status 128 and the signal's number, if the run was interrupted.
    """
    learned, judged = _part(manifest, "train"), _part(validation, "validation")
    common = {item.sha256 for item in learned.items} & {item.sha256 for item in judged.items}
    if common:
        raise ValueError(
            f"expected validation on other pictures than training's, got {len(common)} in both"
        )
    make_folder(out)
    history: tuple[Epoch, ...] = ()
    bar = _bar(everyone.rank == 0)
    with stoppable(lambda: f"{CONTINUES} after the last whole epoch"), bar as (show, say):

        def follow(now: Progress) -> None:
            nonlocal history
            for number in range(len(history), len(now.history)):
                say(_line(number, now.history[number]))
            history = now.history
            text = f"epoch {len(history) + 1}, loss {now.loss:.3f}"
            if history:
                text += f", best AUC {history[best(history)].auc:.4f}"
            done = len(history) * now.steps + now.step
            show(done, recipe.epochs * now.steps, text)

        preprocessing = recipe.preprocessing()
        training = pictures(learned, preprocessing, lambda k, n: show(k, n, "reading"))
        checking = pictures(judged, preprocessing, lambda k, n: show(k, n, "reading"))
        return train_network(training, checking, recipe, out, everyone, follow, setting)


def _part(manifest: Path, split: str) -> LabelledSet:
    part = LabelledSet.read(manifest).split(split)
    if not part.items:
        raise ValueError(f"expected pictures whose split is {split} in {manifest}, got none")
    return part


def _line(number: int, epoch: Epoch) -> str:
    return (
        f"epoch {number + 1}: loss {epoch.loss:.4f}, "
        f"validation loss {epoch.validation_loss:.4f}, AUC {epoch.auc:.4f}"
    )


@contextmanager
def _bar(shown: bool) -> Iterator[tuple[Callable[[int, int, str], None], Callable[[str], None]]]:
    """Show a bar, on a terminal, and lines above it: functions for the one and the other."""
    console = Console(stderr=True, quiet=not shown, soft_wrap=True, highlight=False)
    columns = (
        bars.SpinnerColumn(),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("beginning", total=None)

        def show(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield show, console.print
