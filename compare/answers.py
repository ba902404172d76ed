"""What everyone says of every picture: asked once, and kept.

    FOLDER/SET-CONTESTANT.jsonl           a line a picture: path, sha256, status, detail, answer
    FOLDER/SET-CONTESTANT.receipt.json    whose answers these are, their sha256, seconds, versions
    FOLDER/SET-CONTESTANT.memory.json     the peak memory of a process that does nothing else

SET and CONTESTANT are the beginnings of digests; the receipt has them whole. Whoever has no kept
answers, or damaged ones, or some that other code gave, is asked: all of them together, in one run
over the pictures as `images.shards` makes it. Each picture is read once, and a run that was killed
continues. Times and memory are measured once and kept too, so that whatever is made of the answers
is the same bytes when it is made again.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.scorers import Contestant, answer_all, expect_names, made_with, prepared
from images.durable import commit, json_line, only_run, sha256_of
from images.folders import printable
from images.jobs import Job, peak_memory
from images.labelled import Item, LabelledSet
from images.reading import read
from images.scans import carry_out, expect_paths, opened, unanswered
from images.workers import Worker
from images.workers import answers as in_processes

Scores = npt.NDArray[np.float64]
Record = dict[str, Any]

KEYS = ("answers", "decision")
PROBES = 8  # pictures that memory is measured with


@dataclass(frozen=True, eq=False)
class Answers:
    """Everyone's scores on one set, in the order of its items.

    Attributes
    ----------
    items : tuple of Item
    labels : ndarray (n,)
        1 and 0.
    statuses : tuple of str
        ``ok``, or why somebody had no answer; see `images.reading.Status`.
    scores : mapping of str to ndarray (n,)
        By the contestants' names; NaN where there is no answer.
    details : mapping of str to tuple of dict
        What the detector of 1996 found, as `compare.funnel.passes` takes it, empty where there is
        no answer; of other contestants nothing.
    seconds : mapping of str to float
        A picture, in the mean, after reading, by name; and under ``read`` what reading it takes.
        NaN where no picture could be read.
    memory : mapping of str to int
        Bytes, by name: the peak of a fresh process that reads and scores up to 8 of the set's
        pictures with this contestant alone. Empty where it was not measured.
    """

    items: tuple[Item, ...]
    labels: npt.NDArray[np.int64]
    statuses: tuple[str, ...]
    scores: Mapping[str, Scores]
    details: Mapping[str, tuple[Mapping[str, Any], ...]]
    seconds: Mapping[str, float]
    memory: Mapping[str, int]


def answers(
    labelled: LabelledSet,
    contestants: Sequence[Contestant],
    folder: Path,
    workers: int = 1,
    measured: bool = True,
) -> Answers:
    """Ask everyone about every picture, as far as the answers are not kept already.

    Parameters
    ----------
    labelled : LabelledSet
    contestants : sequence of Contestant
        With a name of its own each.
    folder : Path
        For what is kept, made if need be.
    workers : int
        Processes; the answers are the same for any number.
    measured : bool
        Whether memory is measured, for which every contestant gets a process.

    Raises
    ------
    ValueError
        If a picture's bytes are not those that the manifest tells; if another run is at work in
        the folder; if a contestant cannot learn what it has to.
    OSError
        If it cannot go on; the same call continues.
    typer.Exit
        If it was interrupted; it says that the same command continues.
    """
    if not contestants:
        raise ValueError("expected a contestant or more, got none")
    expect_names(one.name for one in contestants)
    folder.mkdir(exist_ok=True)
    with only_run(folder / "answers.parts"):
        everyone = [prepared(one, folder) for one in contestants]
        for receipt in sorted(folder.glob("*.run.jsonl.receipt.json")):
            _settle(labelled, receipt, folder)  # killed just before this step, else there are none
        missing = {one.digest: one for one in everyone if _kept(labelled, one, folder) is None}
        if missing:
            job = _job(labelled, list(missing.values()), folder)
            expect_paths(labelled.root, job.out)
            carry_out(job, workers, sorted(item.path for item in labelled.items))
            _settle(labelled, job.receipt, folder)
        kept = [_expected(labelled, one, folder) for one in everyone]
        memory = {
            one.name: _memory(labelled, one, folder, found.records)
            for one, found in zip(everyone, kept, strict=True)
            if measured
        }
    return _gathered(labelled, everyone, kept, memory)


# ---- The run


def _job(labelled: LabelledSet, missing: list[Contestant], folder: Path) -> Job:
    missing = sorted(missing, key=lambda one: one.digest)
    # Names are the user's affair, and may change between a run and its continuation.
    nameless = [replace(one, name="", spec="") for one in missing]
    job = Job(
        labelled.root,
        folder / "answers",
        partial(ask_file, everyone=nameless),
        partial(unanswered, answer=KEYS),
        {"set": labelled.digest, "contestants": {one.digest: made_with(one) for one in missing}},
    )
    terms = hashlib.sha256(json_line(job.terms())).hexdigest()
    return replace(job, out=folder / f"{terms[:16]}.run.jsonl")


def ask_file(
    folder: Path, path: str, everyone: Sequence[Contestant]
) -> tuple[dict[str, object], dict[str, float]]:
    """Read one file and ask everyone about it: its record, and the seconds of each.

    It counts as marked if anyone's score reaches the threshold that they brought with them.
    """
    found, image, seconds = opened(folder, path, KEYS)
    if image is None:
        return found, seconds
    said, taken = answer_all(everyone, image)
    marked = any(
        one.threshold is not None and said[one.digest]["score"] >= one.threshold for one in everyone
    )
    return found | {"answers": said, "decision": marked}, seconds | taken


def _settle(labelled: LabelledSet, receipt_file: Path, folder: Path) -> None:
    """Split a finished run of this set into a kept file a contestant, and remove it.

    A run of other pictures than the manifest tells is removed, too, and `ValueError` raised.
    """
    out = receipt_file.with_name(receipt_file.name.removesuffix(".receipt.json"))
    receipt = json.loads(receipt_file.read_bytes())
    if receipt["configuration"]["set"] != labelled.digest:
        return
    # The run may have been killed just before it had cleared up.
    shutil.rmtree(out.with_name(f"{out.name}.parts"), ignore_errors=True)
    changed: list[str] = []
    if out.exists() and sha256_of(out) == receipt["sha256"]:
        expected = {item.path: item.sha256 for item in labelled.items}
        changed = [
            found["path"]
            for found in _records(out)
            if found["sha256"] not in (None, expected[found["path"]])
        ]
        if not changed:
            for digest, made in receipt["configuration"]["contestants"].items():
                _keep(_Key(labelled.digest, digest, made), folder, out, receipt)
    out.unlink(missing_ok=True)
    receipt_file.unlink()
    if changed:
        raise ValueError(
            f"expected the pictures as the manifest has them, got other bytes in {len(changed)} "
            f"of {receipt['records']}, {printable(changed[0])} the first; "
            "run skindeep labelled check"
        )


def _records(out: Path) -> Iterator[Record]:
    with out.open("rb") as lines:
        yield from map(json.loads, lines)


# ---- What is kept


@dataclass(frozen=True)
class _Key:
    """Whose answers on what, and by which code: another key, other answers."""

    set: str
    contestant: str
    made_with: Mapping[str, str]

    def file(self, folder: Path, suffix: str) -> Path:
        return folder / f"{self.set[:16]}-{self.contestant[:16]}{suffix}"


@dataclass(frozen=True)
class _Kept:
    """One contestant's records by path, and its mean seconds, NaN where there are none."""

    records: Mapping[str, Record]
    seconds: float
    read_seconds: float


def _key(labelled: LabelledSet, one: Contestant) -> _Key:
    return _Key(labelled.digest, one.digest, made_with(one))


def _keep(key: _Key, folder: Path, out: Path, run: Mapping[str, Any]) -> None:
    """Keep one contestant's part of a run's results, and then its receipt."""
    parts, answered = folder / "answers.parts", 0

    def lines() -> Iterator[bytes]:
        nonlocal answered
        for found in _records(out):
            said = found["answers"] and found["answers"][key.contestant]
            answered += said is not None
            shared = {name: found[name] for name in ("path", "sha256", "status", "detail")}
            yield json_line(shared | {"answer": said})

    written = commit(parts, key.file(folder, ".jsonl"), lines())
    seconds = run["seconds"]
    receipt = asdict(key) | {
        "sha256": written.sha256,
        "answered": answered,
        "seconds": seconds[key.contestant] / answered if answered else None,
        "read_seconds": seconds["read"] / written.lines if "read" in seconds else None,
        "platform": run["platform"],
    }
    text = json.dumps(receipt, indent=2).encode() + b"\n"
    commit(parts, key.file(folder, ".receipt.json"), [text])


def _kept(labelled: LabelledSet, one: Contestant, folder: Path) -> _Kept | None:
    """Return what is kept of a contestant; None if absent, damaged, or by other code."""
    key = _key(labelled, one)
    try:
        data = key.file(folder, ".jsonl").read_bytes()
        receipt = json.loads(key.file(folder, ".receipt.json").read_bytes())
        told = _Key(receipt["set"], receipt["contestant"], receipt["made_with"])
        seconds = [
            math.nan if receipt[name] is None else float(receipt[name])
            for name in ("seconds", "read_seconds")
        ]
        if (told, receipt["sha256"]) != (key, hashlib.sha256(data).hexdigest()):
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # absent or torn: whoever it is will be asked again
    return _Kept({found["path"]: found for found in map(json.loads, data.splitlines())}, *seconds)


def _expected(labelled: LabelledSet, one: Contestant, folder: Path) -> _Kept:
    if kept := _kept(labelled, one, folder):
        return kept
    raise OSError(
        f"expected the answers of {one.name} in {folder} as they were just written, "
        "got other bytes; the same command asks again"
    )


def _gathered(
    labelled: LabelledSet,
    everyone: Sequence[Contestant],
    kept: Sequence[_Kept],
    memory: Mapping[str, int],
) -> Answers:
    """Bring kept records into the order of the set."""
    paths = [item.path for item in labelled.items]
    statuses = ["ok"] * len(paths)
    scores, details = {}, {}
    seconds = {"read": kept[0].read_seconds}
    for one, found in zip(everyone, kept, strict=True):
        said = [found.records[path]["answer"] for path in paths]
        scores[one.name] = np.array([math.nan if s is None else s["score"] for s in said])
        if one.word == "baseline":
            details[one.name] = tuple(s or {} for s in said)
        seconds[one.name] = found.seconds
        statuses = [
            before if before != "ok" else found.records[path]["status"]
            for before, path in zip(statuses, paths, strict=True)
        ]
    return Answers(
        labelled.items,
        labelled.labels,
        tuple(statuses),
        scores,
        details,
        seconds,
        memory,
    )


# ---- Memory


def _memory(
    labelled: LabelledSet, one: Contestant, folder: Path, found: Mapping[str, Record]
) -> int:
    """Return a contestant's peak memory, measured once and kept."""
    key = _key(labelled, one)
    file = key.file(folder, ".memory.json")
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # absent or torn: once more
        kept = json.loads(file.read_bytes())
        if _Key(kept["set"], kept["contestant"], kept["made_with"]) == key:
            return int(kept["bytes"])
    paths = [item.path for item in labelled.items if found[item.path]["status"] == "ok"]
    work = partial(alone, one, labelled.root)
    (bytes_,) = in_processes(work, iter([tuple(paths[:PROBES])]), 1, _give_up)
    commit(folder / "answers.parts", file, [json_line(asdict(key) | {"bytes": bytes_})])
    return bytes_


def alone(one: Contestant, root: Path, paths: tuple[str, ...]) -> int:
    """Read and score pictures with one contestant; return the process's peak memory, bytes."""
    for path in paths:
        image = read(root / path).image
        if image is not None:
            answer_all([one], image)
    return peak_memory()


def _give_up(_: Worker[tuple[str, ...], int], paths: tuple[str, ...]) -> int:
    raise OSError(
        f"expected a process that measures its memory on {len(paths)} pictures, but it died"
    )
