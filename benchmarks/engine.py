"""What the engine costs: pictures a second against a bare loop, and a very long index.

The loop reads, detects and writes a line of JSON, and nothing else: no index, no receipts, nothing
flushed. Everybody else is `images.shards` with one engine or another. Rates are of the steady
state, from the first shards done to the last, so that neither compilation nor the start of
processes counts; the seconds that a run takes before its first shard stand beside. Pictures are
noise over large patches, which mostly ends at the skin filter: the hardest case for an engine,
since a picture takes least. Loop and engines take turns, and the best of the rounds is told.

    python -m benchmarks.engine [--pictures 4000] [--size 256] [--index 1000000]
"""

import argparse
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image

from baseline.cli import KEYS, scan_file
from baseline.detector import Params
from images.durable import json_line
from images.engines import Engine, local, pool
from images.jobs import Job
from images.scans import unanswered
from images.shards import How, Progress, run
from images.tars import Entry, Member, members, path_of

ARCHIVES = 10


# ---- Pictures a second


def generate(folder: Path, number: int, size: int) -> list[str]:
    rng = np.random.default_rng(1996)
    for k in range(number):
        patches = rng.integers(0, 256, (4, 6, 3), np.uint8)
        pixels = cv2.resize(patches, (size * 3 // 2, size), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(pixels).save(folder / f"{k:06d}.jpg", quality=85)
    return sorted(path.name for path in folder.iterdir())


def bare(folder: Path, paths: list[str], out: Path) -> tuple[float, float]:
    """Pictures a second of the loop; it has no start."""
    scan_file(folder, paths[0], Params(), None)
    began = time.perf_counter()
    with out.open("wb") as file:
        for path in paths:
            record, _ = scan_file(folder, path, Params(), None)
            file.write(json_line(record))
    return len(paths) / (time.perf_counter() - began), 0.0


def half(folder: Path, paths: list[str], out: Path) -> tuple[float, float]:
    """Begin and end of a loop, on the system's common clock, after it has compiled."""
    cv2.setNumThreads(1)
    rate, _ = bare(folder, paths, out)
    end = time.monotonic()
    return end - len(paths) / rate, end


def bare_pair(folder: Path, paths: list[str], out: Path) -> tuple[float, float]:
    """Pictures a second of two loops in processes of their own, half of the pictures each."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        outs = [out.with_name(f"{out.name}-{k}") for k in range(2)]
        for _ in range(2):  # the first time is the processes' start
            parts = [paths[k::2] for k in range(2)]
            spans = list(processes.map(half, [folder] * 2, parts, outs))
    return len(paths) / (max(end for _, end in spans) - min(begin for begin, _ in spans)), 0.0


def by(engine: Engine, workers: int, folder: Path, out: Path) -> tuple[float, float]:
    """Pictures a second by an engine, and the seconds before its first shard is done."""
    marks: list[tuple[float, int]] = []

    def report(now: Progress) -> None:
        marks.append((time.perf_counter(), now.done))

    job = Job(
        folder,
        out,
        partial(scan_file, params=Params(), overlays=None),
        partial(unanswered, answer=KEYS),
        {},
    )
    began = time.perf_counter()
    run(job, workers, report, how=How(engine))
    # Every process has compiled by the time that as many shards are done as there are twice over.
    first, start = marks[1], marks[2 * workers]
    return (marks[-1][1] - start[1]) / (marks[-1][0] - start[0]), first[0] - began


def engines() -> Iterator[tuple[str, Engine, int]]:
    yield "in this process", local, 1
    yield "pool of 1", pool, 1
    yield "pool of 2", pool, 2
    with suppress(ImportError):
        from images.ray_engine import on_ray

        yield "Ray, 2 actors", on_ray, 2


def rates(number: int, size: int, rounds: int) -> None:
    best: dict[str, tuple[float, float]] = {}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pictures"
        folder.mkdir()
        paths = generate(folder, number, size)
        bytes_ = sum((folder / path).stat().st_size for path in paths)
        print(f"{number} JPEGs of {size} x {size * 3 // 2} px, {bytes_ / number / 1e3:.1f} kB each")
        tasks: list[tuple[str, Callable[[Path], tuple[float, float]]]] = [
            ("bare loop", partial(bare, folder, paths)),
            ("two bare loops", partial(bare_pair, folder, paths)),
        ]
        tasks += [(name, partial(by, engine, n, folder)) for name, engine, n in engines()]
        for turn in range(rounds):
            for name, task in tasks:
                measured = task(Path(scratch) / f"{turn}-{name}")
                best[name] = max(best.get(name, (0.0, 0.0)), measured)
    print(f"{'':16s} pictures/s   of the loop   of two loops   first shard after")
    for name, (rate, start) in best.items():
        ratios = [rate / best[loop][0] for loop in ("bare loop", "two bare loops")]
        print(f"{name:16s} {rate:10.1f} {ratios[0]:12.3f} x {ratios[1]:12.3f} x {start:12.1f} s")


# ---- A long index


def archive(path: Path, number: int) -> None:
    """Write a tar of empty members by its headers alone."""
    with path.open("wb") as file:
        for k in range(number):
            file.write(tarfile.TarInfo(f"{k:07d}.jpg").tobuf(tarfile.USTAR_FORMAT))
        file.write(bytes(2 * tarfile.BLOCKSIZE))


def nothing(_: Path, entry: Entry) -> tuple[dict[str, object], dict[str, float]]:
    return unanswered(path_of(entry), "unreadable", "not looked at", KEYS), {}


def long_index(number: int) -> None:
    with TemporaryDirectory() as scratch:
        folder, out = Path(scratch), Path(scratch) / "out.jsonl"
        names = [f"{k:02d}.tar" for k in range(ARCHIVES)]
        for name in names:
            archive(folder / name, number // ARCHIVES)
        job = Job(folder, out, nothing, partial(unanswered, answer=KEYS), {})
        marks, sizes = [time.perf_counter()], {}
        parts = job.parts

        def report(now: Progress) -> None:
            if now.done in (0, now.total):
                marks.append(time.perf_counter())
            if now.done == 0:
                sizes["index"] = (parts / "index.jsonl").stat().st_size
            elif now.done == now.total:
                sizes["shards"] = sum(p.stat().st_size for p in parts.glob("0*"))

        entries: Iterator[Member] = chain.from_iterable(members(folder, name) for name in names)
        run(job, 1, report, paths=entries)
        marks.append(time.perf_counter())
        sizes["merge"] = out.stat().st_size
        total = number // ARCHIVES * ARCHIVES
        print(f"{total} members of {ARCHIVES} archives, nothing done to any of them")
        for k, step in enumerate(("index", "shards", "merge")):
            seconds = marks[k + 1] - marks[k]
            print(f"{step:8s} {seconds:8.1f} s {sizes[step] / 1e6:10.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--size", type=int, default=256, help="rows of a picture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--index", type=int, default=0, help="also run over so many members")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.pictures:
        rates(arguments.pictures, arguments.size, arguments.rounds)
    if arguments.index:
        long_index(arguments.index)


if __name__ == "__main__":
    main()
