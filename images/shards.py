"""A function over very many files: resumable, exactly once, in bounded memory.

    index    the folder is walked once; its paths lie on disk, one JSON string a line
    shards   some 64 paths at a time go through the function; their records are committed together
    merge    the shards, in order, become the results file

Whatever is under way lies in ``OUT.parts`` beside the results. A file there is whole or absent:
written under a temporary name, flushed to the disk, renamed. A shard counts as done only while
its receipt, written after it, agrees with its bytes and with the index, so a run may be killed at
any instant and started again. Timings live in receipts alone: the records are the same bytes
whatever the number of workers or interruptions.
"""

import hashlib
import json
import platform
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from itertools import count, islice
from pathlib import Path

from images.durable import PLAN, clear, commit, json_line, only_run, sha256_of
from images.folders import walk
from images.workers import Worker, answers

SHARD = 64
Record = Mapping[str, object]
Seconds = Mapping[str, float]


@dataclass(frozen=True)
class Job:
    """What is done to every file of a folder, and where the results go.

    Attributes
    ----------
    folder : Path
        Walked without following symbolic links.
    out : Path
        The results: one JSON record a line. Beside it lie ``OUT.receipt.json`` and, while the run
        is unfinished, ``OUT.parts``.
    process : callable
        ``process(folder, path) -> (record, seconds a stage)``, importable by name in a new
        process. A record holds ``path`` as given, ``status``, ``decision``, and nothing that two
        runs would say differently. An `OSError` stops the run, which can be continued; any other
        exception becomes the record of a crash.
    crashed : callable
        ``crashed(path, detail) -> record`` of a file that raised, or killed its process.
    configuration : mapping
        Everything that shapes the records; a run is continued only with the same.
    left_out : tuple of Path
        The run's own output inside `folder`, besides what is named here already.
    """

    folder: Path
    out: Path
    process: Callable[[Path, str], tuple[Record, Seconds]]
    crashed: Callable[[str, str], Record]
    configuration: Mapping[str, object]
    left_out: tuple[Path, ...] = ()

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
    """Some neighbouring paths of the index."""

    number: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Receipt:
    """What is kept of a committed shard besides its records."""

    configuration: str  # sha256 of the run's terms
    count: int
    sha256: str
    statuses: Mapping[str, int]
    marked: int
    seconds: Seconds  # "total", then the function's own stages
    peak_memory: int  # of the process so far, bytes


@dataclass(frozen=True)
class Progress:
    """Numbers of files: in all, done (by earlier runs among them), marked, without an answer."""

    total: int
    done: int = 0
    resumed: int = 0
    marked: int = 0
    failed: int = 0

    def plus(self, receipt: Receipt, resumed: bool) -> "Progress":
        """Return the numbers with one more shard."""
        return replace(
            self,
            done=self.done + receipt.count,
            resumed=self.resumed + receipt.count * resumed,
            marked=self.marked + receipt.marked,
            failed=self.failed + receipt.count - receipt.statuses.get("ok", 0),
        )


def run(
    job: Job,
    workers: int = 1,
    report: Callable[[Progress], None] = lambda _: None,
    command: str = "",
) -> bool:
    """Make one record of every file in the folder, or continue where an earlier run stopped.

    Parameters
    ----------
    job : Job
        What to do.
    workers : int
        1 works in this process, which a file may then crash; more start as many processes, and a
        file that kills one of them is recorded as crashed.
    report : callable
        Called with the `Progress` at the start and after every shard.
    command : str
        Kept in the receipt.

    Returns
    -------
    bool
        False if the results were complete already and nothing was done.

    Raises
    ------
    ValueError
        If another run is at work, or the results belong to another folder or configuration.
    OSError
        If the disk is full, the folder has gone or no process can start; the same call continues.
    """
    if workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    with only_run(job.parts):
        terms = job.terms()
        if _finished(job, terms):
            clear(job.parts)
            return False
        device = job.folder.stat().st_dev
        plan = _plan(job, terms, workers, device)
        task = _Task(job, plan.configuration, device)
        progress = Progress(plan.items)
        report(progress)

        def remaining() -> Iterator[Shard]:
            nonlocal progress
            for shard in _shards(job.parts, plan.shard_size):
                if committed := _committed(task, shard):
                    progress = progress.plus(committed[1], resumed=True)
                    report(progress)
                else:
                    yield shard

        work = partial(process_shard, task)
        receipts = (
            (work(shard) for shard in remaining())
            if workers == 1
            else answers(work, remaining(), workers, partial(_file_by_file, task))
        )
        with closing(receipts):
            for receipt in receipts:
                progress = progress.plus(receipt, resumed=False)
                report(progress)
        _merge(task, plan, command)
        clear(job.parts)
        return True


# ---- Index


@dataclass(frozen=True)
class _Plan:
    """What a run began with. Its file is written after the index: without it, no run has begun."""

    terms: Mapping[str, object]
    configuration: str
    items: int
    index_sha256: str
    shard_size: int


def _plan(job: Job, terms: Mapping[str, object], workers: int, device: int) -> _Plan:
    plan_file, index = job.parts / PLAN, job.parts / "index.jsonl"
    if plan_file.exists():
        plan = _Plan(**json.loads(plan_file.read_bytes()))
        _expect_same(plan.terms, terms, job.parts)
        if sha256_of(index) != plan.index_sha256:
            raise ValueError(
                f"expected {index} as the run wrote it, got other bytes; "
                f"remove {job.parts} to begin anew"
            )
        return plan
    clear(job.parts)
    job.receipt.unlink(missing_ok=True)
    folder = job.folder.resolve()
    left_out = [
        path.parent.resolve() / path.name
        for path in (job.out, job.receipt, job.parts, *job.left_out)
    ]
    written = commit(job.parts, index, (json_line(path) for path in walk(folder, left_out)))
    _expect_present(folder, device)
    # A small folder gets small shards: every worker has some, and a kill costs little.
    shard_size = max(1, min(SHARD, written.lines // (8 * workers)))
    digest = hashlib.sha256(json_line(terms)).hexdigest()
    plan = _Plan(terms, digest, written.lines, written.sha256, shard_size)
    commit(job.parts, plan_file, [json_line(asdict(plan))])
    return plan


def _shards(parts: Path, size: int) -> Iterator[Shard]:
    with (parts / "index.jsonl").open("rb") as index:
        paths = map(json.loads, index)
        for number in count():
            if not (some := tuple(islice(paths, size))):
                return
            yield Shard(number, some)


# ---- Shards


@dataclass(frozen=True)
class _Task:
    """A job as workers see it: with the sha256 of its terms, and the device its folder is on."""

    job: Job
    configuration: str
    device: int


@dataclass(frozen=True)
class _Outcome:
    """A file's record as it will be written, and what its shard's receipt counts of it."""

    line: bytes
    status: str
    marked: bool
    seconds: Seconds


def process_shard(task: _Task, shard: Shard) -> Receipt:
    """Process a shard's files and commit their records: all that an executor has to call."""
    began = time.perf_counter()
    return commit_shard(task, shard, [_examine(task.job, path) for path in shard.paths], began)


def _file_by_file(task: _Task, worker: Worker[Shard, Receipt], shard: Shard) -> Receipt:
    """Do a shard that killed its process; the file that does so again is the killer."""
    began, outcomes = time.perf_counter(), []
    for path in shard.paths:
        try:
            outcomes.append(worker.call(_examine, task.job, path))
        except BrokenProcessPool:
            record = task.job.crashed(path, "the process that worked on this file died")
            outcomes.append(_outcome(record, {}))
    return commit_shard(task, shard, outcomes, began)


def _examine(job: Job, path: str) -> _Outcome:
    try:
        return _outcome(*job.process(job.folder, path))
    except OSError:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}: {error}"
        return _outcome(job.crashed(path, detail), {})


def _outcome(record: Record, seconds: Seconds) -> _Outcome:
    return _Outcome(json_line(record), str(record["status"]), record["decision"] is True, seconds)


def commit_shard(task: _Task, shard: Shard, outcomes: list[_Outcome], began: float) -> Receipt:
    # The files of a vanished folder are merely missing; that must not become their record.
    _expect_present(task.job.folder, task.device)
    records, receipt_file = _shard_files(task.job.parts, shard)
    written = commit(task.job.parts, records, (outcome.line for outcome in outcomes))
    stages = [outcome.seconds for outcome in outcomes]
    receipt = Receipt(
        configuration=task.configuration,
        count=written.lines,
        sha256=written.sha256,
        statuses=Counter(outcome.status for outcome in outcomes),
        marked=sum(outcome.marked for outcome in outcomes),
        seconds=_sum([{"total": time.perf_counter() - began}, *stages]),
        peak_memory=_peak_memory(),
    )
    commit(task.job.parts, receipt_file, [json_line(asdict(receipt))])
    return receipt


def _committed(task: _Task, shard: Shard) -> tuple[bytes, Receipt] | None:
    """Return a shard's bytes and receipt if they agree with each other and with the index."""
    records, receipt_file = _shard_files(task.job.parts, shard)
    try:
        data = records.read_bytes()
        receipt = Receipt(**json.loads(receipt_file.read_bytes()))
        paths = tuple(json.loads(line)["path"] for line in data.splitlines())
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # absent or torn: the shard is simply done again
    kept = (receipt.configuration, receipt.sha256, paths)
    if kept != (task.configuration, hashlib.sha256(data).hexdigest(), shard.paths):
        return None
    return data, receipt


def _shard_files(parts: Path, shard: Shard) -> tuple[Path, Path]:
    return parts / f"{shard.number:06d}.jsonl", parts / f"{shard.number:06d}.receipt.json"


def _sum(many: Iterable[Seconds]) -> dict[str, float]:
    total: dict[str, float] = {}
    for seconds in many:
        for stage, value in seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    return total


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _expect_present(folder: Path, device: int) -> None:
    if not folder.is_dir() or folder.stat().st_dev != device:
        raise FileNotFoundError(
            f"expected the folder {folder} to stay, but it has gone; "
            "bring it back and give the same command"
        )


# ---- Merge


def _merge(task: _Task, plan: _Plan, command: str) -> None:
    """Write the results, having proved one record for every item, and then their receipt."""
    job, shards = task.job, 0
    seconds: Seconds = {}
    peak_memory = 0

    def lines() -> Iterator[bytes]:
        nonlocal shards, seconds, peak_memory
        for shard in _shards(job.parts, plan.shard_size):
            if not (committed := _committed(task, shard)):
                raise ValueError(
                    f"expected shard {shard.number} in {job.parts} as the run wrote it, got other "
                    "bytes; the same command does it again"
                )
            data, receipt = committed
            shards, seconds = shards + 1, _sum([seconds, receipt.seconds])
            peak_memory = max(peak_memory, receipt.peak_memory)
            yield from data.splitlines(keepends=True)

    written = commit(job.parts, job.out, lines())
    if written.lines != plan.items:
        raise ValueError(f"expected {plan.items} records, got {written.lines}")
    receipt = {
        "records": written.lines,
        "sha256": written.sha256,
        "command": command,
        "platform": platform.platform(),
        **plan.terms,
        "terms_sha256": plan.configuration,
        "shards": shards,
        "seconds": seconds,
        "peak_memory": peak_memory,
    }
    commit(job.parts, job.receipt, [json.dumps(receipt, indent=2).encode() + b"\n"])


def _finished(job: Job, terms: Mapping[str, object]) -> bool:
    """Tell whether the results are there, and refuse a file that is not this run's."""
    if not job.out.exists():
        return False
    if not job.receipt.exists():
        if (job.parts / PLAN).exists():
            return False  # killed between the results and their receipt
        raise ValueError(
            f"expected a new file or a finished run's results, got {job.out} without its receipt; "
            "choose another name for the results, or remove the file"
        )
    receipt = json.loads(job.receipt.read_bytes())
    _expect_same(receipt, terms, job.out)
    if sha256_of(job.out) != receipt["sha256"]:
        raise ValueError(
            f"expected {job.out} as the run wrote it, got other bytes; remove it to begin anew"
        )
    return True


def _expect_same(kept: Mapping[str, object], terms: Mapping[str, object], where: Path) -> None:
    before, now = _flat({key: kept.get(key) for key in terms}), _flat(terms)
    different = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if different:
        key = different[0]
        raise ValueError(
            f"expected {key} {before.get(key)!r}, with which {where} was begun, "
            f"got {now.get(key)!r}; choose another name for the results, or remove {where}"
        )


def _flat(terms: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(terms, Mapping):
        return {prefix.lstrip("."): terms}
    nested = [_flat(value, f"{prefix}.{key}") for key, value in terms.items()]
    return {key: value for one in nested for key, value in one.items()}
