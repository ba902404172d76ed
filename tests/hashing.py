"""A real function of a file, with the vices that a real one may have, for runs and engines."""

import hashlib
import json
import os
import signal
from functools import partial
from pathlib import Path

from images.jobs import Job
from images.limits import Allowance
from images.tars import Entry, Member, path_of, read_member

KILLER, FAULTY, ENDLESS, BUSY, GREEDY, GONE, PARRICIDE = (
    "killer",
    "faulty",
    "endless",
    "busy",
    "greedy",
    "gone",
    "parricide",
)


def numbered(folder: Path, count: int) -> Path:
    """Fill a folder with small files in three directories."""
    for number in range(count):
        file = folder / "abc"[number % 3] / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    return folder


def hash_file(
    folder: Path, entry: Entry, log: Path | None = None
) -> tuple[dict[str, object], dict[str, float]]:
    path = path_of(entry)
    if log:
        with log.open("a") as lines:
            lines.write(json.dumps(path) + "\n")
    name = Path(path).name
    if name.startswith(KILLER):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith(ENDLESS):
        signal.sigwait([])  # in C, as a decoder would be
    if name.startswith(BUSY):
        pow(3, 10**9)  # in C, too
    if name.startswith(GREEDY):
        bytearray(2**32)
    if name.startswith(FAULTY):
        raise ZeroDivisionError("one over nothing")
    if name.startswith(GONE) and (folder / path).read_bytes() == b"now":
        raise ConnectionError("the disk is elsewhere")
    if name.startswith(PARRICIDE) and (folder / path).read_bytes() == b"now":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.sigwait([])
    if isinstance(entry, Member):
        reading = read_member(folder, entry)
        record = {"path": path, "status": reading.status, "sha256": reading.sha256}
        return failed(path, reading.status, reading.detail) | record, {}
    file = folder / path
    if file.is_symlink() or not file.is_file():
        return failed(path, "unsupported", "not a file"), {}
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    record = {"path": path, "status": "ok", "sha256": digest, "decision": digest < "8"}
    return record, {"hash": 0.001}


def failed(path: str, status: str, detail: str) -> dict[str, object]:
    return {"path": path, "status": status, "detail": detail, "sha256": None, "decision": None}


def job(
    folder: Path,
    out: Path,
    log: Path | None = None,
    allowance: Allowance = Allowance(),
    **configuration: object,
) -> Job:
    return Job(folder, out, partial(hash_file, log=log), failed, configuration, (), allowance)


def records(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def paths(out: Path) -> list[object]:
    return [record["path"] for record in records(out)]


def processed(log: Path) -> list[str]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
