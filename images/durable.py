"""Files that are whole or absent, in a working folder that one run at a time may use."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK, PLAN = "lock", "plan.json"


@dataclass(frozen=True)
class Written:
    """What `commit` put into a file: the number of lines, and the sha256 of the bytes."""

    lines: int
    sha256: str


def commit(parts: Path, target: Path, lines: Iterable[bytes]) -> Written:
    """Write a file so that, whenever the machine stops, it is there in full or not at all.

    Parameters
    ----------
    parts : Path
        Folder for the temporary file, on the same file system as `target`.
    target : Path
        Replaced if it exists.
    lines : iterable of bytes
        Written as they come.

    Raises
    ------
    OSError
        If the disk is full or the folder is not to be written to; `target` is as it was.
    """
    temporary = parts / f"{target.name}.{os.getpid()}.tmp"
    digest, number = hashlib.sha256(), 0
    try:
        with temporary.open("wb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
                number += 1
            file.flush()
            os.fsync(file.fileno())
        put(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Written(number, digest.hexdigest())


def put(file: Path, target: Path) -> None:
    """Give a file that is on the disk the name of another, which it replaces, for good."""
    file.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, must reach the disk
    finally:
        os.close(folder)


def json_line(value: object) -> bytes:
    """Return JSON in plain ASCII, in which any file name can be written and read back."""
    return json.dumps(value, allow_nan=False).encode("ascii") + b"\n"


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file that a run has written.

    Raises
    ------
    ValueError
        If the file is of another hand, or damaged.
    """
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"expected {path} as a run wrote it, got other bytes; remove it")
    return value


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def only_run(parts: Path) -> Iterator[None]:
    """Hold a working folder, made if need be; it goes again if no plan is left in it.

    Raises
    ------
    ValueError
        If another process holds it.
    """
    parts.mkdir(exist_ok=True)
    with (parts / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"expected no other run on {parts.stem}, but one is at work; wait until it ends"
            ) from None
        try:
            yield
        finally:
            if not (parts / PLAN).exists():
                clear(parts)
                (parts / LOCK).unlink()
                parts.rmdir()


def clear(parts: Path) -> None:
    """Remove everything but the lock; the plan first, so that what is left is never continued."""
    (parts / PLAN).unlink(missing_ok=True)
    for path in parts.iterdir():
        if path.name != LOCK:
            path.unlink(missing_ok=True)  # a worker of a killed run may only just be leaving
