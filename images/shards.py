"""A function over very many files: resumable, exactly once, in bounded memory.

    index    the folder is walked once, or a source read; entries lie on disk as JSON, one a line
    shards   some 256 entries at a time go through the function, whose records are kept together
    merge    the shards, in order, become the results file

Whatever is under way lies in ``OUT.parts`` beside the results. A file there is whole or absent:
written under a temporary name, flushed to the disk, renamed. A shard counts as done only while
its receipt, written after it, agrees with its bytes and with the index, so a run may be killed at
any instant and started again. Timings live in receipts alone: the records are the same bytes
whatever the engine, the number of workers or interruptions.
"""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import compress, count, islice
from pathlib import Path

from images.durable import (
    PLAN,
    Written,
    clear,
    commit,
    json_line,
    only_run,
    put,
    read_json,
    sha256_of,
)
from images.engines import Engine, local
from images.folders import walk
from images.formats import is_table, read_records, table_bytes
from images.jobs import Job, Receipt, Seconds, Shard, Task, committed, expect_present, total_seconds
from images.tars import Entry, from_json, to_json

INDEX, RESULTS, RECEIPT = "index.jsonl", "results", "receipt"
SHARD = 256  # files: four flushes to the disk cost a few ms, a kill at most so many files a worker


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


@dataclass(frozen=True)
class How:
    """In which way a run is made.

    Attributes
    ----------
    engine : callable
        Who does the shards; see `images.engines`. Neither this nor the number of workers shapes
        the results, and a continued run may have others.
    limit : int, optional
        Only the first so many entries are worked on.
    part : tuple of int, optional
        ``(i, n)``: only the i-th of n, counted from 1, of neighbouring stretches of about equal
        length. The results of all n, one behind the other, are those of the whole.
    retry : bool
        Whether the entries without an answer in finished results are worked on again. New results
        take the place of the old ones when they are complete.
    """

    engine: Engine = local
    limit: int | None = None
    part: tuple[int, int] | None = None
    retry: bool = False

    def terms(self) -> dict[str, object]:
        """Return what of it shapes the results."""
        return {"limit": self.limit, "part": self.part and list(self.part)}


def run(
    job: Job,
    workers: int = 1,
    report: Callable[[Progress], None] = lambda _: None,
    command: str = "",
    paths: Iterable[Entry] | None = None,
    how: How = How(),
) -> bool:
    """Make one record of every file in the folder, or continue where an earlier run stopped.

    Parameters
    ----------
    job : Job
        What to do.
    workers : int
        How many shards are under way at a time; with 1 the local engine works in this process,
        which a file may then crash or hold up for ever. A file that does so to another process
        gets a record that says so.
    report : callable
        Called with the `Progress` at the start and after every shard.
    command : str
        Kept in the receipt.
    paths : iterable of str or Member, optional
        What to work on, paths relative to the folder, in the order of the records; the folder is
        walked if there are none given. A continued run keeps the list it began with: the job's
        configuration has to tell one list from another.
    how : How
        Engine, and whether only a part is to be done, or done again.

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
        terms = job.terms() | how.terms()
        _conclude(job)
        finished = _finished(job, terms)
        if how.retry and not finished:
            raise ValueError(f"expected finished results to retry, got none in {job.out}")
        if finished and not how.retry:
            clear(job.parts)
            return False
        plan = _plan(job, terms, workers, paths, how)
        if how.retry and not plan.items:
            clear(job.parts)
            return False
        task = Task(job, plan.configuration, job.folder.stat().st_ino)
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

        with closing(how.engine(task, remaining(), workers)) as receipts:
            for receipt in receipts:
                progress = progress.plus(receipt, resumed=False)
                report(progress)
        _merge(task, plan, command)
        _conclude(job)
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
    retried: str | None  # sha256 of the results whose failed entries are done again


def _plan(
    job: Job,
    terms: Mapping[str, object],
    workers: int,
    paths: Iterable[Entry] | None,
    how: How,
) -> _Plan:
    plan_file, index = job.parts / PLAN, job.parts / INDEX
    retried = sha256_of(job.out) if how.retry else None
    if plan_file.exists():
        try:
            plan = _Plan(**read_json(plan_file))
        except TypeError as error:
            raise ValueError(
                f"expected {plan_file} as the run wrote it, got other keys; remove it"
            ) from error
        _expect_same(plan.terms, terms, job.parts)
        if not index.exists() or sha256_of(index) != plan.index_sha256:
            raise ValueError(
                f"expected {index} as the run wrote it, got none or other bytes; "
                f"remove {job.parts} to begin anew"
            )
        if plan.retried == retried:
            return plan
    clear(job.parts)
    if not how.retry:
        job.receipt.unlink(missing_ok=True)
    inode = job.folder.stat().st_ino
    written = _index(job, paths, how)
    expect_present(job.folder, inode)
    # A small folder gets small shards: every worker has some, and a kill costs little.
    shard_size = max(1, min(SHARD, written.lines // (8 * workers)))
    digest = hashlib.sha256(json_line(terms)).hexdigest()
    plan = _Plan(terms, digest, written.lines, written.sha256, shard_size, retried)
    commit(job.parts, plan_file, [json_line(asdict(plan))])
    return plan


def _index(job: Job, paths: Iterable[Entry] | None, how: How) -> Written:
    """Write the entries that are to be worked on."""
    selected = how.retry and paths is None
    if selected:  # the folder may hold other files by now
        paths = (record["path"] for record in read_records(job.out))
    elif paths is None:
        own = (job.out, job.receipt, job.parts, *job.left_out)
        paths = walk(job.folder.resolve(), [path.parent.resolve() / path.name for path in own])
    if how.limit is not None and not selected:
        paths = islice(paths, how.limit)
    written = commit(job.parts, job.parts / INDEX, (json_line(to_json(entry)) for entry in paths))
    if how.part and not selected:
        number, of = how.part
        first, last = (written.lines * k // of for k in (number - 1, number))
        written = _keep(job, lambda lines: islice(lines, first, last))
    if how.retry:
        failed = [record["status"] != "ok" for record in read_records(job.out)]
        if len(failed) != written.lines:
            raise ValueError(
                f"expected the {len(failed)} entries that {job.out} is of, got {written.lines}"
            )
        written = _keep(job, lambda lines: compress(lines, failed))
    return written


def _keep(job: Job, some: Callable[[Iterable[bytes]], Iterable[bytes]]) -> Written:
    with (job.parts / INDEX).open("rb") as lines:
        return commit(job.parts, job.parts / INDEX, some(lines))


def _shards(parts: Path, size: int) -> Iterator[Shard]:
    with (parts / INDEX).open("rb") as index:
        entries = map(from_json, map(json.loads, index))
        for number in count():
            if not (some := tuple(islice(entries, size))):
                return
            yield Shard(number, some)


# ---- Merge


def _merge(task: Task, plan: _Plan, command: str) -> None:
    """Write the results, having proved one record for every entry, and then their receipt.

    Both lie in the working folder until `_conclude` puts them into their places.
    """
    job, shards, records = task.job, 0, 0
    statuses = Counter[str]()
    old = read_json(job.receipt) if plan.retried else {}
    seconds: Seconds = old.get("seconds", {})
    peak_memory = old.get("peak_memory", 0)

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
            statuses.update(receipt.statuses)
            seconds = total_seconds([seconds, receipt.seconds])
            peak_memory = max(peak_memory, receipt.peak_memory)
            yield from data.splitlines(keepends=True)
        if records != plan.items:
            raise ValueError(f"expected {plan.items} records in {job.parts}, got {records}")

    all_lines = _replaced(job.out, lines()) if plan.retried else lines()
    if is_table(job.out):
        all_lines = table_bytes(all_lines, job.failed("", "", ""), job.columns)
    written = commit(job.parts, job.parts / RESULTS, all_lines)
    receipt = {
        "records": old.get("records", records),
        "sha256": written.sha256,
        "command": old.get("command", command),
        "platform": platform.platform(),
        **plan.terms,
        "terms_sha256": plan.configuration,
        "allowance": asdict(job.allowance),
        "shards": shards,
        "seconds": seconds,
        "peak_memory": peak_memory,
    }
    if plan.retried:
        done = {"records": records, "ok": statuses["ok"], "sha256_before": plan.retried}
        receipt["retried"] = [*old.get("retried", []), done | {"command": command}]
    text = json.dumps(receipt, indent=2).encode() + b"\n"
    commit(job.parts, job.parts / RECEIPT, [text])


def _replaced(out: Path, lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the records of finished results, those without an answer replaced in their order."""
    for record in read_records(out):
        if record["status"] == "ok":
            yield json_line(record)
            continue
        line = next(lines, b"null")
        if (path := (json.loads(line) or {}).get("path")) != record["path"]:
            raise ValueError(f"expected a new record of {record['path']!r}, got one of {path!r}")
        yield line
    if next(lines, None):
        raise ValueError(f"expected as many new records as {out} has failed ones, got more")


def _conclude(job: Job) -> None:
    """Put merged results and receipt into their places, also those of a run killed meanwhile."""
    results, receipt = job.parts / RESULTS, job.parts / RECEIPT
    if not receipt.exists():
        return  # a merge that has not come to its end is made again
    if results.exists():
        put(results, job.out)
    put(receipt, job.receipt)
    clear(job.parts)


def _finished(job: Job, terms: Mapping[str, object]) -> bool:
    """Tell whether the results are there, and refuse a file that is not this run's."""
    if not job.out.exists():
        return False
    if not job.receipt.exists():
        raise ValueError(
            f"expected a new file or a finished run's results, got {job.out} without its receipt; "
            "choose another name for the results, or remove the file"
        )
    receipt = read_json(job.receipt)
    _expect_same(receipt, terms, job.out)
    if sha256_of(job.out) != receipt.get("sha256"):
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
            f"got {now.get(key)!r}; give what it was begun with, choose another name for the "
            f"results, or remove {where}"
        )


def _flat(terms: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(terms, Mapping):
        return {prefix.lstrip("."): terms}
    nested = [_flat(value, f"{prefix}.{key}") for key, value in terms.items()]
    return {key: value for one in nested for key, value in one.items()}
