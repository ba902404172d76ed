"""Runs that are killed, and disks that fail, wherever it comes: the same results in the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from calling import Call
from disturbance import FAULTS, slow_hash
from hashing import PARRICIDE, hash_file, job, numbered, paths

from images.jobs import Shard, Task, file_by_file, process_shard
from images.shards import Progress, run
from images.workers import one_worker

WORKERS = 2
LONGEST = 120  # seconds for anything to happen on a loaded machine
HERE = Path(__file__).parent
MARK = "SKINDEEP_FAULT_TEST"
RAY_FAULT = "Tried to complete task that was not pending"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four hundred files, which make 16 shards for two workers."""
    return numbered(tmp_path / "in", 400)


@pytest.fixture
def undisturbed(folder: Path, tmp_path: Path) -> bytes:
    run(job(folder, tmp_path / "undisturbed"))
    return (tmp_path / "undisturbed").read_bytes()


def python(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(map(str, (HERE, HERE.parent)))
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys, disturbance as d; {code}", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.002)


def commands(mark: str) -> dict[int, bytes]:
    """The living processes that a driver with this mark has started, itself among them."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes()
    return found


class Scan:
    """A run of `disturbance.drive` that may be started again and again."""

    def __init__(self, folder: Path, out: Path, engine: str) -> None:
        self.folder, self.out, self.engine, self.mark = folder, out, engine, str(out)

    def start(self) -> subprocess.Popen[str]:
        return python(
            "d.drive(*sys.argv[1:])", self.folder, self.out, self.engine, **{MARK: self.mark}
        )

    def shards(self) -> set[int]:
        receipts = self.out.with_name(f"{self.out.name}.parts").glob("0*.receipt.json")
        return {int(path.name.partition(".")[0]) for path in receipts}

    def workers(self) -> list[int]:
        """Those that work on files, and those of Ray's that watch over them."""
        work = (b"spawn_main", b"ray::_Watch")
        return [
            pid
            for pid, command in commands(self.mark).items()
            if any(name in command for name in work)
        ]


@pytest.fixture
def scan(folder: Path, tmp_path: Path, request: Any) -> Iterator[Scan]:
    scan = Scan(folder, tmp_path / "results", request.param)
    yield scan
    until(lambda: not scan.workers())  # Ray's own agents take a minute to leave


def expect_whole(scan: Scan, undisturbed: bytes) -> None:
    files = [str(path.relative_to(scan.folder)) for path in scan.folder.rglob("*.txt")]
    assert paths(scan.out) == sorted(files)
    assert scan.out.read_bytes() == undisturbed
    assert not scan.out.with_name(f"{scan.out.name}.parts").exists()


def ended_well(process: subprocess.Popen[str], *faults: str) -> bool:
    """Or was killed, or could not find a worker that lives: then the same command continues."""
    _, complaint = process.communicate(timeout=LONGEST)
    stopped = any(fault in complaint for fault in ("\nOSError: expected ", *faults))
    assert process.returncode in (0, -signal.SIGKILL) or stopped, complaint
    return process.returncode == 0


RANDOM = [
    ("pool", 4),
    ("ray", 1),
    pytest.param("pool", 20, marks=pytest.mark.soak),
    pytest.param("ray", 20, marks=pytest.mark.soak),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


@linux
@pytest.mark.parametrize(("scan", "kills"), RANDOM, indirect=["scan"])
def test_the_driver_killed_at_random_moments(scan: Scan, undisturbed: bytes, kills: int) -> None:
    rng, killed = Random(2), 0
    while killed < kills:
        target = len(scan.shards()) + rng.randint(0, 5)
        process = scan.start()
        until(lambda: process.poll() is not None or len(scan.shards()) >= target)  # noqa: B023
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        if ended_well(process):  # before it could be killed
            expect_whole(scan, undisturbed)
            scan.out.unlink()
        else:
            killed += 1
    assert ended_well(scan.start())
    expect_whole(scan, undisturbed)


@linux
@pytest.mark.parametrize(("scan", "kills"), RANDOM, indirect=["scan"])
def test_workers_killed_at_random_moments(scan: Scan, undisturbed: bytes, kills: int) -> None:
    """Each death is rescued before the next: a file at which two workers die is called a killer."""
    rng, killed = Random(3), 0
    while killed < kills:
        process = scan.start()
        while process.poll() is None:
            time.sleep(rng.uniform(0, 0.1))
            if killed == kills or not scan.shards() or not (workers := scan.workers()):
                continue
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
                killed += 1
            under_way = set(range(len(scan.shards()) + WORKERS))
            until(lambda: process.poll() is not None or under_way <= scan.shards())  # noqa: B023
        # Where Ray's own process is killed just as its answer comes, Ray may end the driver.
        if ended_well(process, *[RAY_FAULT] * (scan.engine == "ray")) and killed < kills:
            expect_whole(scan, undisturbed)
            scan.out.unlink()
    assert scan.out.exists() or ended_well(scan.start())
    expect_whole(scan, undisturbed)


@linux
@pytest.mark.parametrize("scan", ["ray"], indirect=True)
def test_a_shard_at_which_two_of_rays_own_die_stops_the_run(scan: Scan) -> None:
    """As where a machine has no memory left; others continue."""
    (scan.folder / "a" / PARRICIDE).write_bytes(b"now")
    process = scan.start()
    _, complaint = process.communicate(timeout=LONGEST)
    assert process.returncode != 0
    assert "\nOSError: expected Ray's workers to live, got: " in complaint or RAY_FAULT in complaint
    (scan.folder / "a" / PARRICIDE).write_bytes(b"later")
    seen = list[Progress]()
    run(replace(job(scan.folder, scan.out), process=slow_hash), 1, seen.append)
    assert 0 < seen[-1].resumed < seen[-1].done == 401


@linux
@pytest.mark.parametrize("scan", ["ray"], indirect=True)
def test_who_is_free_does_the_shard_of_a_lost_machine(scan: Scan, undisturbed: bytes) -> None:
    """The room of the process that died is taken, so that no other can come in its place."""
    process = python("d.drive_crowded(*sys.argv[1:])", scan.folder, scan.out, **{MARK: scan.mark})
    assert process.stdout
    assert process.stdout.readline() == "a guest waits\n"
    watches = [pid for pid, name in commands(scan.mark).items() if b"ray::_Watch" in name]
    os.kill(watches[0], signal.SIGKILL)
    said, complaint = process.communicate(timeout=LONGEST)
    if process.returncode == 0 or RAY_FAULT not in complaint:
        assert process.returncode == 0, complaint
        assert "a guest has come\n" in said
        expect_whole(scan, undisturbed)


def test_a_shard_that_was_whole_when_its_worker_died_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").touch()
    task = Task(job(tmp_path / "in", tmp_path / "out"), "", (tmp_path / "in").stat().st_ino)
    task.job.parts.mkdir()
    shard = Shard(0, ("a.txt",))
    receipt = process_shard(task, shard)
    nobody: Any = None
    assert file_by_file(task, nobody, shard) == receipt


def test_a_worker_that_dies_with_nothing_to_do_is_replaced() -> None:
    with one_worker(os.getpid) as worker:
        first = worker.call(os.getpid)
        os.kill(first, signal.SIGKILL)
        until(lambda: bool(worker._pool._broken))
        second = worker.call(os.getpid)
        assert second != first
        assert worker.call(os.getpid) == second


# ---- Disks


@pytest.fixture
def few(tmp_path: Path) -> Path:
    (tmp_path / "few").mkdir()
    for number in range(24):
        (tmp_path / "few" / f"{number:02d}.txt").write_text(str(number))
    return tmp_path / "few"


def by_program(code: str, few: Path, tmp_path: Path) -> list[int]:
    run(job(few, tmp_path / "undisturbed"))
    (tmp_path / "out").mkdir()
    process = python(
        f"from pathlib import Path; folder, out, whole = map(Path, sys.argv[1:]);"
        f"d.{code}",
        few,
        tmp_path / "out" / "results",
        tmp_path / "undisturbed",
    )  # fmt: skip
    said, complaint = process.communicate(timeout=600)
    assert process.returncode == 0, complaint
    return [int(line) for line in said.split()]


@linux
def test_every_fault_at_every_step_on_the_disk(few: Path, tmp_path: Path) -> None:
    steps = by_program("every_step(folder, out, whole.read_bytes())", few, tmp_path)
    assert len(steps) == len(FAULTS)
    assert min(steps) > 60  # of the index, the plan, eight shards with receipts, the results


@linux
@pytest.mark.soak
def test_faults_one_after_the_other(few: Path, tmp_path: Path) -> None:
    assert by_program("chains(folder, out, whole.read_bytes(), 300)", few, tmp_path) == [300]


def test_a_disk_that_is_full_at_every_size_until_it_is_large_enough(
    few: Path, tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    run(job(few, tmp_path / "undisturbed"))
    out, refusals, done = disk("size=8k") / "results", 0, [0]
    for pages in range(2, 100):
        disk(f"remount,size={4 * pages}k")
        if out.exists():
            break
        with suppress(OSError):
            run(job(few, out), report=lambda now: done.append(now.done))
        if not out.exists():
            refusals += 1
        assert not list(out.parent.rglob("*.tmp"))
    assert refusals > 10
    assert sorted(set(done)) == [0, *range(3, 25, 3)]
    assert out.read_bytes() == (tmp_path / "undisturbed").read_bytes()


def test_a_disk_that_may_only_be_read(
    few: Path, disk: Callable[[str], Path], skindeep: Call
) -> None:
    out = disk("size=1m") / "results"
    disk("remount,ro")
    status, printed, said = skindeep("baseline", "scan", few, "--out", out, "--workers", 1)
    assert (status, printed) == (2, "")
    wanted = f"expected a folder to write results in, got {out.parent}, which is none or may not be"
    assert said == f"skindeep: {wanted} written to\n"
    assert not list(out.parent.iterdir())


# ---- Clocks


class Jumping:
    """A clock that somebody sets, forwards and back, each time it is looked at."""

    def __init__(self) -> None:
        self.rng = Random(4)

    def __call__(self) -> float:
        return self.rng.uniform(0, 2**32)


def jumpy_hash(folder: Path, path: str) -> tuple[dict[str, object], dict[str, float]]:
    time.time, time.time_ns = Jumping(), lambda: int(1e9 * Jumping()())
    return hash_file(folder, path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clock_that_jumps_changes_nothing(
    folder: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(time, "time", Jumping())
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * Jumping()()))
    out, seen = folder.parent / "results", list[Progress]()
    run(replace(job(folder, out), process=jumpy_hash), workers, seen.append)
    assert out.read_bytes() == undisturbed
    assert seen[-1].done == 400
