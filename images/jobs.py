"""What is done to one shard of a folder's files: its records, committed with a receipt."""

import hashlib
import json
import os
import platform
import re
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from images.durable import commit, json_line
from images.limits import Allowance, out_of_memory
from images.tars import Entry, path_of
from images.workers import Died, Worker

Record = Mapping[str, object]
Seconds = Mapping[str, float]
Column: TypeAlias = type[str] | type[bool] | type[int] | type[float] | type[list[int]]


@dataclass(frozen=True)
class Job:
    """What is done to every file of a folder, and where the results go.

    Attributes
    ----------
    folder : Path
        Walked without following symbolic links, if the run is not told what to work on.
    out : Path
        The results: one JSON record a line, or a table if the name ends in ``.parquet``. Beside
        it lie ``OUT.receipt.json`` and, while the run is unfinished, ``OUT.parts``.
    process : callable
        ``process(folder, entry) -> (record, seconds a stage)``, importable by name in a new
        process. A record holds ``path`` as `path_of` the entry, ``status``, ``decision``, and
        nothing that two runs would say differently. An `OSError` stops the run, which can be
        continued; any other exception becomes the record of a crash.
    failed : callable
        ``failed(path, status, detail) -> record``, with every key that records have, of a file at
        which `process` raised or its process died (status ``crashed``), or which took too long
        (``timeout``).
    configuration : mapping
        Everything that shapes the records; a run is continued only with the same.
    left_out : tuple of Path
        The run's own output inside `folder`, besides what is named here already.
    allowance : Allowance
        What a file may cost a worker; there is no such limit on work in this process.
    columns : mapping of str to type
        Which keys of the records are text, numbers and so on, for results as a table.
    """

    folder: Path
    out: Path
    process: Callable[[Path, Entry], tuple[Record, Seconds]]
    failed: Callable[[str, str, str], Record]
    configuration: Mapping[str, object]
    left_out: tuple[Path, ...] = ()
    allowance: Allowance = Allowance()
    columns: Mapping[str, Column] = field(default_factory=dict)

    @property
    def parts(self) -> Path:
        """The working folder."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def receipt(self) -> Path:
        """What is known of the results' making."""
        return self.out.with_name(f"{self.out.name}.receipt.json")

    def terms(self) -> dict[str, object]:
        """Return what may not change between a run and its continuation, as JSON gives it back."""
        packages = ("skindeep", "numpy", "opencv-python", "pillow", "numba")
        versions = {"python": platform.python_version()} | {p: version(p) for p in packages}
        terms = {
            "folder": str(self.folder.resolve()),
            "configuration": dict(self.configuration),
            "versions": versions,
        }
        normal: dict[str, object] = json.loads(json.dumps(terms))
        return normal


@dataclass(frozen=True)
class Shard:
    """Some neighbouring entries of the index."""

    number: int
    entries: tuple[Entry, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """What the records call the entries."""
        return tuple(map(path_of, self.entries))


@dataclass(frozen=True)
class Receipt:
    """What is kept of a committed shard besides its records.

    Attributes
    ----------
    configuration, sha256 : str
        Of the run's terms, as sha256; and of the shard's bytes.
    count, marked : int
        Numbers of records, and of those whose decision is true.
    statuses : mapping
        Number of records with each status.
    seconds : mapping
        ``total``, and what the function said of its stages.
    peak_memory : int
        The most that the process has held so far, bytes.
    """

    configuration: str
    sha256: str
    count: int
    marked: int
    statuses: Mapping[str, int]
    seconds: Seconds
    peak_memory: int


@dataclass(frozen=True)
class Task:
    """A job as its executors pass it on.

    Attributes
    ----------
    job : Job
    configuration : str
        The sha256 of the run's terms, which every receipt repeats.
    inode : int
        The folder's. It tells a folder from the empty one that is left where a disk was, on every
        machine that sees the same disk.
    limited : bool
        Whether the job's allowance is kept to: an executor that survives its end says so.
    """

    job: Job
    configuration: str
    inode: int
    limited: bool = False


@dataclass(frozen=True)
class _Outcome:
    """A file's record as it will be written, and what its shard's receipt counts of it."""

    line: bytes
    status: str
    marked: bool
    seconds: Seconds


def process_shard(task: Task, shard: Shard) -> Receipt:
    """Process a shard's files and commit their records: all that an executor has to call.

    Raises
    ------
    OSError
        If the shard cannot be committed, or its folder has gone; the run stops, to be continued.
    """
    began = time.perf_counter()
    return _commit_shard(task, shard, [_examine(task, entry) for entry in shard.entries], began)


def file_by_file(task: Task, worker: Worker[Shard, Receipt], shard: Shard) -> Receipt:
    """Do a shard that killed its process; the file that does so again is the killer.

    Its record says ``crashed``, or ``timeout`` if the process was ended at a limit; the other
    files get the records that `process_shard` would have given them.
    """
    if kept := committed(task, shard):
        return kept[1]  # it died when all was done, before it could say so
    began, outcomes = time.perf_counter(), []
    for entry in shard.entries:
        try:
            outcomes.append(worker.call(_examine, task, entry))
        except Died as death:
            why = task.job.allowance.ended(death.signal)
            outcomes.append(_outcome(task.job.failed(path_of(entry), *why), {}))
    return _commit_shard(task, shard, outcomes, began)


def _examine(task: Task, entry: Entry) -> _Outcome:
    allowance = task.job.allowance
    try:
        with allowance.kept() if task.limited else nullcontext():
            return _outcome(*task.job.process(task.job.folder, entry))
    except Exception as error:
        if isinstance(error, OSError) and not out_of_memory(error):
            raise
        if task.limited and out_of_memory(error):
            detail = allowance.refused(error)
        else:
            at = traceback.extract_tb(error.__traceback__)[-1]
            detail = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}: {error}"
        return _outcome(task.job.failed(path_of(entry), "crashed", detail), {})


def _outcome(record: Record, seconds: Seconds) -> _Outcome:
    return _Outcome(json_line(record), str(record["status"]), record["decision"] is True, seconds)


def _commit_shard(task: Task, shard: Shard, outcomes: list[_Outcome], began: float) -> Receipt:
    # The files of a vanished folder are merely missing; that must not become their record.
    expect_present(task.job.folder, task.inode)
    records, receipt_file = _shard_files(task.job.parts, shard)
    written = commit(task.job.parts, records, (outcome.line for outcome in outcomes))
    stages = [outcome.seconds for outcome in outcomes]
    receipt = Receipt(
        configuration=task.configuration,
        count=written.lines,
        sha256=written.sha256,
        statuses=dict(Counter(outcome.status for outcome in outcomes)),
        marked=sum(outcome.marked for outcome in outcomes),
        seconds=total_seconds([{"total": time.perf_counter() - began}, *stages]),
        peak_memory=peak_memory(),
    )
    commit(task.job.parts, receipt_file, [json_line(asdict(receipt))])
    return receipt


def committed(task: Task, shard: Shard) -> tuple[bytes, Receipt] | None:
    """Return a shard's bytes and receipt if they agree with each other and with the index."""
    records, receipt_file = _shard_files(task.job.parts, shard)
    try:
        data = records.read_bytes()
        receipt = Receipt(**json.loads(receipt_file.read_bytes()))
        paths = tuple(json.loads(line)["path"] for line in data.splitlines())
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None  # absent, torn or of another hand: the shard is simply done again
    kept = (receipt.configuration, receipt.sha256, paths)
    if kept != (task.configuration, hashlib.sha256(data).hexdigest(), shard.paths):
        return None
    return data, receipt


def _shard_files(parts: Path, shard: Shard) -> tuple[Path, Path]:
    return parts / f"{shard.number:06d}.jsonl", parts / f"{shard.number:06d}.receipt.json"


def total_seconds(many: Iterable[Seconds]) -> dict[str, float]:
    """Add seconds up, stage by stage."""
    total: dict[str, float] = {}
    for seconds in many:
        for stage, value in seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    return total


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) * 1024  # Linux's getrusage counts in whoever started this process
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def expect_present(folder: Path, inode: int) -> None:
    """Raise `OSError` if a folder is gone, or its disk, or it may no longer be read."""
    if not folder.is_dir() or folder.stat().st_ino != inode:
        raise FileNotFoundError(
            f"expected the folder {folder} to stay, but it has gone; "
            "bring it back and give the same command"
        )
    as_acting = os.access in os.supports_effective_ids
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=as_acting):
        raise PermissionError(
            f"expected to be let into the folder {folder}, but no longer; "
            "see to its permissions and give the same command"
        )
