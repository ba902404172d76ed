"""What commands that scan share: their options, how a file is read, a bar, a stop, counts."""

import os
import re
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import rich.progress as bars
import typer
from rich.console import Console

from images.engines import Engine, local
from images.formats import is_table, read_records
from images.jobs import Column, Job
from images.limits import speaks_of_memory
from images.reading import RGB, read
from images.shards import How, Progress, run
from images.sources import Source, source
from images.tars import Entry, Member, path_of, read_member

Record = dict[str, object]

COLUMNS: dict[str, Column] = {
    "path": str,
    "sha256": str,
    "status": str,
    "detail": str,
    "size": list[int],
    "format": str,
    "frames": int,
    "decision": bool,
    "score": float,
}
"""The types of what every scanner's records have."""
CONTINUES = "the same command continues"

# ---- Options


class EngineName(StrEnum):
    """Who does the work, as the command line spells it."""

    LOCAL = "local"
    RAY = "ray"


Given = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder, with every file in it and below (or nothing but *.tar); a list, *.txt or "
        "- for standard input; a manifest with a column path, *.csv or *.parquet; or tar archives, "
        "'set-{000..146}.tar'. Symbolic links are not followed.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(help="Results: one JSON record a line, one line a file; or a table, *.parquet."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        show_default="number of processors",
        help="Processes; with 1, a file that crashes or never ends takes the scan with it. With "
        "more, and by Ray, a file has 300 s, 200 s of processor time and 4 GB of memory.",
    ),
]
ByEngine = Annotated[
    EngineName, typer.Option("--engine", help="Processes of this machine; or Ray, skindeep[ray].")
]
Address = Annotated[
    str | None,
    typer.Option(show_default="Ray on this machine", help="Of a Ray cluster: auto, or HOST:PORT."),
]
Limit = Annotated[
    int | None, typer.Option(min=0, show_default="all", help="Only the first so many files.")
]
Part = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        show_default="the whole",
        help="Only the I-th of N parts, 1/N to N/N; results one behind the other are the whole's.",
    ),
]
Retry = Annotated[
    bool,
    typer.Option(
        "--retry-failed", help="Do again what has no answer in finished results, and replace them."
    ),
]


def how_of(
    engine: EngineName,
    address: str | None,
    limit: int | None,
    part: str | None,
    retry: bool,
    gpus: bool = False,
) -> How:
    """Return what the options say.

    Parameters
    ----------
    engine, address, limit, part, retry
        As on the command line.
    gpus : bool
        Whether processes of Ray share out the graphics cards.

    Raises
    ------
    ValueError
        If they do not fit together, or Ray is not installed.
    """
    numbers = None
    if part is not None:
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", part, re.ASCII)
        numbers = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= numbers[0] <= numbers[1]:
            raise ValueError(f"expected a shard from 1/N to N/N, got {part}")
    if engine is EngineName.LOCAL:
        if address:
            raise ValueError(f"expected --engine ray with an address, got {address} without")
        return How(local, limit, numbers, retry)
    if find_spec("ray") is None:
        raise ValueError("expected the extra for Ray to be installed: pip install 'skindeep[ray]'")
    return How(_ray(address, gpus), limit, numbers, retry)


def _ray(address: str | None, gpus: bool) -> Engine:
    from images.ray_engine import on_ray  # takes its time

    return partial(on_ray, address=address, gpus=gpus)


# ---- One file


def source_of(text: str | Path, out: Path, left_out: tuple[Path, ...] = ()) -> Source:
    """Return what there is to scan; `ValueError` if nothing, or no place for the results."""
    beside = [out.with_name(f"{out.name}{suffix}") for suffix in ("", ".parts", ".receipt.json")]
    found = source(str(text), [*beside, *left_out])
    expect_paths(found.folder, out)
    is_table(out)
    if out.suffix == ".csv":
        raise ValueError(f"expected results in .jsonl or .parquet, got {out}")
    return found


def expect_paths(folder: Path, out: Path) -> None:
    """Raise `ValueError` unless there is a folder to scan, and a place for the results."""
    if not folder.is_dir():
        raise ValueError(f"expected a folder of pictures, got {folder}, which is none")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(
            f"expected a folder to write {out.name} in, got {out.parent}, "
            "which is none or may not be written to"
        )
    if out.is_dir():
        raise ValueError(f"expected a file's name for the results, got the folder {out}")


def unanswered(path: str, status: str, detail: str, answer: tuple[str, ...]) -> Record:
    """Return a record with all its keys, of which those in `answer` are the scanner's, and null."""
    nothing = dict.fromkeys(("size", "format", "frames", *answer))
    return {"path": path, "sha256": None, "status": status, "detail": detail, **nothing}


def opened(
    folder: Path, entry: Entry, answer: tuple[str, ...]
) -> tuple[Record, RGB | None, dict[str, float]]:
    """Read one file or member of a scan.

    Returns
    -------
    record : dict
        With nulls under the keys in `answer`.
    image : RGB or None
    seconds : dict
        Under ``read``.

    Raises
    ------
    MemoryError
        If a decoder was refused memory.
    OSError
        If an archive has gone.
    """
    path = path_of(entry)
    file = folder / path
    if isinstance(entry, str) and os.path.islink(file):  # noqa: PTH114  (Path.is_symlink raises where a path is too long)
        return unanswered(path, "unsupported", "symbolic link, not followed", answer), None, {}
    began = time.perf_counter()
    reading = read_member(folder, entry) if isinstance(entry, Member) else read(file)
    seconds = {"read": time.perf_counter() - began}
    if reading.status == "unreadable" and speaks_of_memory(reading.detail):
        raise MemoryError(reading.detail)  # it says nothing about the file itself
    found = unanswered(path, reading.status, reading.detail, answer) | {
        "sha256": reading.sha256,
        "size": reading.size,
        "format": reading.format,
        "frames": reading.frames,
    }
    return found, reading.image, seconds


# ---- The run


def entries_of(source: Source, how: How) -> Iterable[Entry] | None:
    """Return what a run is to be given: nothing where it finds the paths itself."""
    if how.retry and source.kind != "tar":
        return None  # they lie in the results; of an archive's members the places do not
    return source.entries()


def carry_out(
    job: Job, workers: int, paths: Iterable[Entry] | None = None, how: How = How()
) -> bool:
    """Run a job, showing progress on standard error where that is a terminal.

    Parameters
    ----------
    job : Job
    workers : int
    paths : iterable of str or Member, optional
        What to work on, as `images.shards.run` takes it.
    how : How

    Returns
    -------
    bool
        False if the results were complete already.

    Raises
    ------
    ValueError
        If the results belong to another job.
    OSError
        If the scan cannot go on; it says how far it came.
    typer.Exit
        With status 128 and the signal's number, if the scan was interrupted.
    """
    progress: Progress | None = None

    def keep(now: Progress) -> None:
        nonlocal progress
        progress = now
        show(now)

    try:
        with stoppable(lambda: _how_far(progress)), _bar() as show:
            return run(job, workers, keep, shlex.join(sys.argv), paths, how)
    except OSError as error:
        raise OSError(f"{error}; {_how_far(progress)}") from error


def summary(out: Path, why: Callable[[Mapping[str, Any]], str]) -> Iterator[str]:
    """Yield lines that count a scan's answers, from results of any length.

    Parameters
    ----------
    out : Path
        The results.
    why : callable
        Says of an answer that is no mark under which name it is counted.
    """
    others, undecided, failures, marked = Counter[str](), Counter[str](), Counter[str](), 0
    for found in read_records(out):
        if found["status"] != "ok":
            failures[found["status"]] += 1
        elif found["decision"]:
            marked += 1
        else:
            (undecided if found["decision"] is None else others)[why(found)] += 1
    answered = marked + others.total() + undecided.total()
    yield f"files: {answered + failures.total()}"
    if undecided:
        yield f"not decided: {_counts(undecided)}"
    if marked or others or not undecided:
        yield f"marked: {marked}"
        yield f"not marked: {_counts(others)}"
    yield f"no answer: {_counts(failures)}"
    if not answered:
        yield "note: not one could be read; paths in a list or manifest are relative to its folder"


def _counts(counter: Counter[str]) -> str:
    parts = ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))
    return f"{counter.total()} ({parts})" if parts else "0"


def _how_far(progress: Progress | None) -> str:
    if progress is None:
        return "no file is done yet"
    return f"{progress.done} of {progress.total} files are done, and {CONTINUES}"


@contextmanager
def stoppable(how_far: Callable[[], str] = lambda: CONTINUES) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop a command in good order: one line, and the shell's exit status.

    Parameters
    ----------
    how_far : callable
        Says how far the work came, and how it goes on.

    Raises
    ------
    typer.Exit
        With status 128 and the signal's number, if the work was interrupted.
    """
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        print(f"stopped: {how_far()}", file=sys.stderr)
        raise typer.Exit(128 + (received or [signal.SIGINT])[-1]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """Show a bar while the files are worked on."""
    console = Console(stderr=True)
    columns = (
        bars.SpinnerColumn(),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking for files", total=None)
        began = time.monotonic()

        def show(now: Progress) -> None:
            rate = (now.done - now.resumed) / (time.monotonic() - began)
            left = timedelta(seconds=round((now.total - now.done) / rate)) if rate else "?"
            text = f"{rate:.1f}/s, {left} left, {now.marked} marked, {now.failed} without an answer"
            bar.update(task, total=now.total, completed=now.done, description=text)

        yield show
