"""A run that takes its time, and a disk that fails at a chosen step; for processes of their own."""

import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

from hashing import hash_file, job

from images.engines import pool
from images.shards import How, run
from images.tars import Entry


def slow_hash(folder: Path, entry: Entry) -> tuple[dict[str, object], dict[str, float]]:
    time.sleep(0.005)
    return hash_file(folder, entry)


def drive(folder: str, out: str, name: str) -> None:
    """Work on a folder with two workers of an engine."""
    engine = pool
    if name == "ray":
        from images.ray_engine import on_ray as engine
    task = replace(job(Path(folder), Path(out)), process=slow_hash)
    run(task, 2, how=How(engine))


class Guest:
    """Takes a processor of Ray's."""

    def arrived(self) -> bool:
        return True


def drive_crowded(folder: str, out: str) -> None:
    """Work by Ray, where another program waits for the room of the next process that dies."""
    import ray

    from images.ray_engine import on_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    task = replace(job(Path(folder), Path(out)), process=slow_hash)

    guests = []  # one that nobody holds would leave

    def crowd() -> None:
        while len(list(task.parts.glob("0*.receipt.json"))) < 2:
            time.sleep(0.01)
        guests.append(ray.remote(num_cpus=1)(Guest).remote())
        time.sleep(0.3)  # Ray has to know of it before anybody else asks for room
        print("a guest waits", flush=True)
        ray.get(guests[0].arrived.remote())
        print("a guest has come", flush=True)

    crowding = threading.Thread(target=crowd)
    crowding.start()
    run(task, 2, how=How(on_ray))
    crowding.join()
    ray.shutdown()


# ---- A disk

KILL, POWER = "the process is killed", "the machine stops"
FAULTS: dict[str, int] = {
    KILL: -signal.SIGKILL,
    POWER: -signal.SIGKILL,
    "the disk is full": errno.ENOSPC,
    "the disk may only be read": errno.EROFS,
    "the disk is broken": errno.EIO,
}


class Disk:
    """`os.fsync` and `os.replace`, with a fault in place of the n-th call; nothing is flushed.

    A machine that stops loses what was not flushed: half of a file's bytes, and the new names of
    files whose folder was not flushed since.
    """

    def __init__(self, fault: str, step: int) -> None:
        self._fault, self._left = fault, step
        self._replace = os.replace
        self._flushed, self._torn = set[int](), list[Path]()
        self._renamed: list[tuple[Path, Callable[[], None]]] = []
        os.fsync, os.replace = self.fsync, self.replace  # type: ignore[assignment]

    def fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        self._step([path] if path.is_file() else [])
        self._flushed.add(path.stat().st_ino)
        self._renamed = [(folder, undo) for folder, undo in self._renamed if folder != path]

    def replace(self, file: Path, target: Path) -> None:
        self._step([])
        old = target.read_bytes() if target.exists() else None
        if file.stat().st_ino not in self._flushed:
            self._torn.append(target)
        self._replace(file, target)

        def undo() -> None:
            self._replace(target, file)
            if old is not None:
                target.write_bytes(old)

        self._renamed.append((target.parent.resolve(), undo))

    def _step(self, unflushed: list[Path]) -> None:
        self._left -= 1
        if self._left:
            return
        if FAULTS[self._fault] > 0:
            raise OSError(FAULTS[self._fault], os.strerror(FAULTS[self._fault]))
        if self._fault == POWER:
            for path in (*unflushed, *self._torn):
                if path.exists():
                    os.truncate(path, path.stat().st_size // 2)
            for _, undo in reversed(self._renamed):
                undo()
        os.kill(os.getpid(), signal.SIGKILL)


def disturbed(folder: Path, out: Path, fault: str, step: int) -> bool:
    """Tell whether a run, in a forked process, met the fault; any other end is an error."""
    if not (child := os.fork()):
        try:
            Disk(fault, step)
            run(job(folder, out))
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 1)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, FAULTS[fault]):
        sys.exit(f"{fault} at step {step}: {code}")
    return code != 0


def expect_the_same(folder: Path, out: Path, undisturbed: bytes, why: object) -> None:
    """Continue, compare, and take the results away; their receipt stays."""
    run(job(folder, out))
    left = {path.name for path in out.parent.iterdir()}
    if out.read_bytes() != undisturbed or left != {out.name, f"{out.name}.receipt.json"}:
        sys.exit(f"{why}: other bytes, or something is left: {left}")
    out.unlink()


def every_step(folder: Path, out: Path, undisturbed: bytes) -> None:
    """Let each fault come at each step, and print how many steps there were."""
    os.fsync = lambda _: None
    for fault in FAULTS:
        for step in count(1):
            if not disturbed(folder, out, fault, step):
                break
            if FAULTS[fault] > 0 and list(out.parent.rglob("*.tmp")):
                sys.exit(f"{fault} at step {step}: a temporary file is left")
            expect_the_same(folder, out, undisturbed, (fault, step))
        print(step)
        out.unlink()


def chains(folder: Path, out: Path, undisturbed: bytes, number: int) -> None:
    """Let faults follow each other, each in the run that continues after the last."""
    os.fsync = lambda _: None
    rng = Random(1996)
    for _ in range(number):
        chain = [(rng.choice(list(FAULTS)), rng.randint(1, 12)) for _ in range(6)]
        for fault, step in chain:
            disturbed(folder, out, fault, step)
        expect_the_same(folder, out, undisturbed, chain)
    print(number)
