"""A function over very many files: resumable, exactly once, in bounded memory.

    index    the folder is walked once, or a list given; paths lie on disk, one JSON string a line
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count, islice
from pathlib import Path

from images.durable import PLAN, clear, commit, json_line, only_run, sha256_of
from images.folders import walk
from images.jobs import (
    Job,
    Receipt,
    Seconds,
    Shard,
    Task,
    committed,
    expect_present,
    file_by_file,
    process_shard,
    total_seconds,
)
from images.workers import answers

SHARD = 64


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
    paths: Iterable[str] | None = None,
) -> bool:
    """Make one record of every file in the folder, or continue where an earlier run stopped.

    Parameters
    ----------
    job : Job
        What to do.
    workers : int
        1 works in this process, which a file may then crash or hold up for ever; more start as
        many processes, and a file that does so to one of them gets a record that says so.
    report : callable
        Called with the `Progress` at the start and after every shard.
    command : str
        Kept in the receipt.
    paths : iterable of str, optional
        The files to work on, relative to the folder and each once, in the order of the records;
        the folder is walked if there are none given. A continued run keeps the list it began
        with: the job's configuration has to tell one list from another.

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
        plan = _plan(job, terms, workers, device, paths)
        limit = job.seconds_a_file if workers > 1 else 0
        task = Task(job, plan.configuration, device, limit)
        progress = Progress(plan.items)
        report(progress)

        def remaining() -> Iterator[Shard]:
            nonlocal progress
            for shard in _shards(job.parts, plan.shard_size):
                if kept := committed(task, shard):
                    progress = progress.plus(kept[1], resumed=True)
                    report(progress)
                else:
                    yield shard

        work = partial(process_shard, task)
        receipts = (
            (work(shard) for shard in remaining())
            if workers == 1
            else answers(work, remaining(), workers, partial(file_by_file, task))
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


def _plan(
    job: Job,
    terms: Mapping[str, object],
    workers: int,
    device: int,
    paths: Iterable[str] | None,
) -> _Plan:
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
    if paths is None:
        left_out = [
            path.parent.resolve() / path.name
            for path in (job.out, job.receipt, job.parts, *job.left_out)
        ]
        paths = walk(folder, left_out)
    written = commit(job.parts, index, map(json_line, paths))
    expect_present(folder, device)
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


# ---- Merge


def _merge(task: Task, plan: _Plan, command: str) -> None:
    """Write the results, having proved one record for every item, and then their receipt."""
    job, shards, records = task.job, 0, 0
    seconds: Seconds = {}
    peak_memory = 0

    def lines() -> Iterator[bytes]:
        nonlocal shards, records, seconds, peak_memory
        for shard in _shards(job.parts, plan.shard_size):
            if not (kept := committed(task, shard)):
                raise ValueError(
                    f"expected shard {shard.number} in {job.parts} as the run wrote it, got other "
                    "bytes; the same command does it again"
                )
            data, receipt = kept
            shards, records = shards + 1, records + receipt.count
            seconds = total_seconds([seconds, receipt.seconds])
            peak_memory = max(peak_memory, receipt.peak_memory)
            yield from data.splitlines(keepends=True)
        if records != plan.items:
            raise ValueError(f"expected {plan.items} records in {job.parts}, got {records}")

    written = commit(job.parts, job.out, lines())
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
