"""What commands that scan a folder share: how a file is read, a bar, an orderly stop, counts."""

import json
import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import rich.progress as bars
import typer
from rich.console import Console

from images.jobs import Job
from images.reading import RGB, read
from images.shards import Progress, run

Record = dict[str, object]


def expect_paths(folder: Path, out: Path) -> None:
    """Raise `ValueError` unless there is a folder to scan, and a place for the results."""
    if not folder.is_dir():
        raise ValueError(f"expected a folder of pictures, got {folder}, which is none")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"expected a folder to write {out.name} in, got {out.parent}")
    if out.is_dir():
        raise ValueError(f"expected a file's name for the results, got the folder {out}")


def unanswered(path: str, status: str, detail: str, answer: tuple[str, ...]) -> Record:
    """Return a record with all its keys, of which those in `answer` are the scanner's, and null."""
    nothing = dict.fromkeys(("size", "format", "frames", *answer))
    return {"path": path, "sha256": None, "status": status, "detail": detail, **nothing}


def opened(
    folder: Path, path: str, answer: tuple[str, ...]
) -> tuple[Record, RGB | None, dict[str, float]]:
    """Read one file of a scan.

    Returns
    -------
    record : dict
        With nulls under the keys in `answer`.
    image : RGB or None
    seconds : dict
        Under ``read``.
    """
    file = folder / path
    if os.path.islink(file):  # noqa: PTH114  (Path.is_symlink raises where a path is too long)
        return unanswered(path, "unsupported", "symbolic link, not followed", answer), None, {}
    began = time.perf_counter()
    reading = read(file)
    seconds = {"read": time.perf_counter() - began}
    found = unanswered(path, reading.status, reading.detail, answer) | {
        "sha256": reading.sha256,
        "size": reading.size,
        "format": reading.format,
        "frames": reading.frames,
    }
    return found, reading.image, seconds


def carry_out(job: Job, workers: int, paths: Iterable[str] | None = None) -> bool:
    """Run a job, showing progress on standard error where that is a terminal.

    Parameters
    ----------
    job : Job
    workers : int
    paths : iterable of str, optional
        The files to work on, as `images.shards.run` takes them.

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
        with stoppable(), _bar() as show:
            return run(job, workers, keep, shlex.join(sys.argv), paths)
    except KeyboardInterrupt as stop:
        print(f"stopped: {_how_far(progress)}", file=sys.stderr)
        raise typer.Exit(128 + int(stop.args[0])) from None
    except OSError as error:
        raise OSError(f"{error}; {_how_far(progress)}") from error


def summary(out: Path, why: Callable[[Mapping[str, Any]], str]) -> Iterator[str]:
    """Yield lines that count a scan's answers, from results of any length.

    Parameters
    ----------
    out : Path
        The results.
    why : callable
        Says of a record without a mark under which name it is counted.
    """
    others, failures, marked = Counter[str](), Counter[str](), 0
    with out.open("rb") as lines:
        for found in map(json.loads, lines):
            if found["status"] != "ok":
                failures[found["status"]] += 1
            elif found["decision"]:
                marked += 1
            else:
                others[why(found)] += 1
    yield f"files: {marked + others.total() + failures.total()}"
    yield f"marked: {marked}"
    yield f"not marked: {_counts(others)}"
    yield f"no answer: {_counts(failures)}"


def _counts(counter: Counter[str]) -> str:
    parts = ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))
    return f"{counter.total()} ({parts})" if parts else "0"


def _how_far(progress: Progress | None) -> str:
    if progress is None:
        return "no file is done yet"
    return f"{progress.done} of {progress.total} files are done, and the same command continues"


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt with the signal's number."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
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
