"""Very many pictures through both contestants: whether the rate holds, and the memory stays.

A thousand small pictures, flat patches and drawn sticks of skin colour, lie in a tar archive, which
is there many times over as hard links: every member is an entry of its own, and 100,000 pictures
take the disk of a thousand. Each contestant scans them by the command that a user would give, while
the sizes of its processes and the number of pictures done are read every other second from /proc
and from the run's own folder. Linux only.

    python -m benchmarks.soak [--contestants baseline convnet] [--pictures 100000] [--out build]
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

COMMANDS = {"baseline": ("baseline", "scan"), "convnet": ("convnet", "score", "--device", "cpu")}
DISTINCT = 1000
EVERY = 2.0  # seconds between two looks
ROWS = 10  # of the table


@dataclass(frozen=True)
class Look:
    """What was seen at a time: seconds since the start, pictures done, MiB of memory."""

    seconds: float
    done: int
    driver: float
    worker: float


def archives(folder: Path, number: int, size: int) -> None:
    """Write the archive, and link it until there are so many pictures or a few more."""
    rng = np.random.default_rng(1996)
    first = folder / "000000.tar"
    with tarfile.open(first, "w") as archive:
        for k in range(min(DISTINCT, number)):
            patches = rng.integers(0, 256, (4, 6, 3), np.uint8)
            pixels = cv2.resize(patches, (size * 3 // 2, size), interpolation=cv2.INTER_CUBIC)
            for _ in range(k % 4):
                (x0, y0, x1, y1) = rng.integers(0, size, 4).tolist()
                cv2.line(pixels, (x0, y0), (x1, y1), (205, 150, 120), size // 10)
            with io.BytesIO() as file:
                Image.fromarray(pixels).save(file, "JPEG", quality=85)
                member = tarfile.TarInfo(f"{k:04d}.jpg")
                member.size = file.tell()
                file.seek(0)
                archive.addfile(member, file)
    for k in range(1, -(-number // DISTINCT)):
        (folder / f"{k:06d}.tar").hardlink_to(first)


def watch(command: list[str], out: Path) -> list[Look]:
    """Run a scan to its end, looking at it; `OSError` if it fails."""
    looks: list[Look] = []
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as scan:
        while scan.poll() is None:
            time.sleep(EVERY)
            resident = {pid: memory(pid) for pid in (scan.pid, *children(scan.pid))}
            driver = resident.pop(scan.pid)
            worker = max(resident.values(), default=0.0)
            if scan.poll() is None:
                look = Look(time.monotonic() - began, done(out), driver, worker)
                if not looks or look.done >= looks[-1].done:  # else its shards are merged and gone
                    looks.append(look)
    if scan.returncode:
        raise OSError(f"expected the scan to end well, got status {scan.returncode}")
    return looks


def done(out: Path) -> int:
    """Return how many pictures are committed, the last shard counted as a full one."""
    parts = out.with_name(f"{out.name}.parts")
    try:
        size = json.loads((parts / "plan.json").read_bytes())["shard_size"]
    except FileNotFoundError:
        return 0
    return int(size) * sum(1 for _ in parts.glob("*.receipt.json"))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still are."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def memory(pid: int) -> float:
    """Return the memory that a process has in use, MiB; none where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(name: str, looks: list[Look]) -> None:
    print(f"{name:10s} {'seconds':>9s} {'done':>9s} {'pictures/s':>11s} driver, MiB  worker, MiB")
    chosen = np.unique(np.linspace(0, len(looks) - 1, ROWS + 1).round().astype(int))
    before = Look(0.0, 0, 0.0, 0.0)
    for look in (looks[k] for k in chosen):
        rate = (look.done - before.done) / (look.seconds - before.seconds)
        memories = f"{look.driver:11.0f} {look.worker:12.0f}"
        print(f"{'':10s} {look.seconds:9.0f} {look.done:9d} {rate:11.1f} {memories}")
        before = look


def plot(every: dict[str, list[Look]], target: Path) -> None:
    figure, axes = plt.subplots(2, len(every), squeeze=False, figsize=(5 * len(every), 5))
    for (name, looks), (rate, used) in zip(every.items(), axes.T, strict=True):
        seconds = np.array([look.seconds for look in looks])
        number = np.array([look.done for look in looks])
        stride = max(1, len(looks) // 40)  # a shard is many pictures: shorter stretches only jump
        rates = np.diff(number[::stride]) / np.diff(seconds[::stride])
        rate.step(seconds[::stride][1:], rates)
        rate.set(title=name, ylabel="pictures/s", ylim=(0, None))
        used.plot(seconds, [look.driver for look in looks], label="driver")
        used.plot(seconds, [look.worker for look in looks], label="largest worker")
        used.set(xlabel="seconds", ylabel="MiB", ylim=(0, None))
        used.legend()
    figure.tight_layout()
    figure.savefig(target, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--contestants", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=128, help="rows of a picture")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for soak.png")
    given = parser.parse_args()
    every = {}
    given.out.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "archives"
        folder.mkdir()
        archives(folder, given.pictures, given.size)
        for name in given.contestants:
            out = Path(scratch) / f"{name}.jsonl"
            options = ["--limit", str(given.pictures), "--workers", str(given.workers)]
            words = [*COMMANDS[name], str(folder), "--out", str(out), *options]
            every[name] = watch([sys.executable, "-m", "compare.cli", *words], out)
            table(name, every[name])
            with out.open("rb") as lines:
                print(
                    f"{'':10s} {sum(1 for _ in lines)} records, {out.stat().st_size / 1e6:.0f} MB"
                )
    plot(every, given.out / "soak.png")
    print(f"plot: {given.out / 'soak.png'}")


if __name__ == "__main__":
    main()
