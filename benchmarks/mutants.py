"""Damaged pictures by the thousand through the 1996 detector: what becomes of them, at what cost.

Pictures of every format that is read are drawn by chance and damaged: bytes flipped, cut out, put
in, numbers replaced by the largest, the head of another file. With --corpus they are the files of
a folder instead, each once as it is and then damaged. All go through two supervised processes, as
`skindeep baseline scan` does it. Printed are counts by status, the slowest, and the most memory
that a process held; the exit status is 1 if anything broke a promise. With --minutes there are
rounds, each with the next seed, until so long has passed, and counts are of all rounds so far.

    python -m benchmarks.mutants [--mutants 4000] [--seed 1996] [--minutes 120] [--corpus DIR]
"""

import argparse
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from PIL import Image

from baseline.cli import KEYS, scan_file
from baseline.detector import Params
from images.engines import pool
from images.folders import printable, walk
from images.formats import read_records
from images.jobs import Job, peak_memory
from images.limits import Allowance
from images.pixels import Status
from images.reading import LIMITS
from images.scans import unanswered
from images.shards import How, run
from images.tars import Entry

STATUSES = set(get_args(Status))
SLOWEST = 5
OPTIONS: dict[str, list[dict[str, object]]] = {
    "JPEG": [{}, {"progressive": True}, {"quality": 5}],
    "PNG": [{}, {"save_all": True}],
    "GIF": [{}, {"save_all": True}, {"interlace": 1}],
    "BMP": [{}],
    "WEBP": [{}, {"lossless": True}, {"save_all": True}],
    "TIFF": [
        {},
        {"compression": "tiff_lzw"},
        {"compression": "tiff_adobe_deflate"},
        {"compression": "jpeg"},
    ],
}
MODES = {"PNG": ("RGB", "RGBA", "P", "L", "1", "LA"), "JPEG": ("RGB", "L", "CMYK")}


# ---- Files


def drawn(seed: int) -> list[bytes]:
    """Return small whole pictures of all formats and modes."""
    rng = np.random.default_rng(seed)
    files = []
    for kind, some in OPTIONS.items():
        for options in some:
            for mode in MODES.get(kind, ("RGB", "L")):
                noise = rng.integers(0, 256, (2, 40, 60, 3), np.uint8)
                first, second = (Image.fromarray(pixels).convert(mode) for pixels in noise)
                more = {"append_images": [second]} if "save_all" in options else {}
                with io.BytesIO() as file:
                    first.save(file, kind, **options, **more)
                    files.append(file.getvalue())
    return files


def mutant(files: list[bytes], rng: Random) -> bytes:
    """Return one of the files with up to four damages."""
    data = bytearray(rng.choice(files))
    for _ in range(rng.randint(1, 4)):
        # Headers are where most can be broken.
        at = rng.randrange(min(len(data), rng.choice((40, 400, len(data) + 1))) + 1)
        match rng.choice(("flip", "delete", "insert", "cut", "number", "head")):
            case "flip" if at < len(data):
                data[at] ^= rng.randint(1, 255)
            case "delete":
                del data[at : at + rng.randint(1, 64)]
            case "insert":
                data[at:at] = rng.randbytes(rng.randint(1, 16))
            case "cut":
                del data[rng.randrange(len(data) + 1) :]
            case "number":
                data[at : at + 4] = rng.choice((b"\xff" * 4, b"\x7f" + b"\xff" * 3, bytes(4)))
            case "head":
                data[:at] = rng.choice(files)[:at]
    return bytes(data)


def fill(folder: Path, corpus: Path | None, number: int, seed: int) -> None:
    if corpus is None:
        files = drawn(seed)
    else:
        names = [corpus / name for name in walk(corpus)]
        files = [name.read_bytes() for name in names if name.is_file() and not name.is_symlink()]
    rng = Random(seed)
    for k, data in enumerate(files):
        (folder / f"{k:06d}-whole").write_bytes(data)
    for k in range(len(files), len(files) + number):
        (folder / f"{k:06d}-mutant").write_bytes(mutant(files, rng))


# ---- The run


def timed(folder: Path, entry: Entry, log: Path) -> tuple[dict[str, object], dict[str, float]]:
    """`scan_file`, and a line in a log: seconds, and bytes that the process has held at most."""
    began = time.perf_counter()
    try:
        return scan_file(folder, entry, Params(), None)
    finally:
        line = json.dumps([time.perf_counter() - began, peak_memory(), str(entry)]) + "\n"
        with log.open("a") as lines:
            lines.write(line)


def broken(records: list[dict[str, Any]], names: list[str], most: int) -> Iterator[str]:
    """Yield which promises were broken."""
    if [record["path"] for record in records] != names:
        yield "not one record for every file"
    if strange := {str(record["status"]) for record in records} - STATUSES:
        yield f"statuses that nobody knows: {', '.join(sorted(strange))}"
    for record in records:
        height, width = record["size"] or (0, 0)
        if record["status"] == "ok" and height * width > LIMITS.pixels:
            yield f"a picture over the limit: {height} rows of {width}"
    if most > Allowance().memory + 1e9:  # the detector itself holds less than that
        yield f"a process that held {most:,} bytes"


@dataclass
class Seen:
    """What was seen in all rounds so far."""

    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {"whole": Counter(), "mutant": Counter()}
    )
    slowest: list[tuple[float, str]] = field(default_factory=list)  # seconds, and what it was
    most: int = 0  # bytes
    ended: list[str] = field(default_factory=list)  # files at which a process came to its end
    complaints: list[str] = field(default_factory=list)


def add(seen: Seen, corpus: Path | None, number: int, seed: int) -> None:
    """Do one round: draw files, damage them, scan them, look at the results."""
    with TemporaryDirectory() as scratch:
        folder, out, log = (Path(scratch) / name for name in ("in", "out.jsonl", "log"))
        folder.mkdir()
        fill(folder, corpus, number, seed)
        process = partial(timed, log=log)
        run(Job(folder, out, process, partial(unanswered, answer=KEYS), {}), 2, how=How(pool))
        records, names = list(read_records(out)), list(walk(folder))
        lines = sorted((json.loads(line) for line in log.open()), reverse=True)
    by_name = {str(record["path"]): record for record in records}
    for name, record in by_name.items():
        seen.counts[name.rpartition("-")[2]][str(record["status"])] += 1
        if record["status"] in ("crashed", "timeout"):
            seen.ended.append(f"seed {seed}, {name}: {record['status']}, {record['detail']}")
    for seconds, _, name in lines[:SLOWEST]:
        record = by_name[name]
        what = f"{record['format']}, {record['size']}, {record['status']} {record['detail']}"
        seen.slowest.append((seconds, f"seed {seed}, {name}: {what}"))
    seen.slowest = sorted(seen.slowest, reverse=True)[:SLOWEST]
    most = max(memory for _, memory, _ in lines)
    seen.most = max(seen.most, most)
    seen.complaints += [f"seed {seed}: {one}" for one in broken(records, names, most)]


def tell(seen: Seen, took: float) -> None:
    for kind, counts in seen.counts.items():
        parts = ", ".join(f"{status} {n}" for status, n in counts.most_common())
        print(f"{kind:7s} {counts.total():7d}: {parts}")
    number = sum(counts.total() for counts in seen.counts.values())
    print(f"{number} files in {took:.0f} s; the slowest of those that came to an end:")
    for seconds, what in seen.slowest:
        print(f"  {seconds:8.2f} s  {printable(what)}")
    print(f"most memory that a process held: {seen.most / 2**20:,.0f} MiB")
    for what in seen.ended:
        print(f"  {printable(what)}")
    for complaint in seen.complaints:
        print(f"broken: {complaint}")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mutants", type=int, default=4000, help="in a round")
    parser.add_argument("--seed", type=int, default=1996, help="of the first round")
    parser.add_argument("--minutes", type=float, default=0, help="rounds until so long has passed")
    parser.add_argument("--corpus", type=Path, help="folder of files to damage instead")
    given = parser.parse_args()
    began, seen = time.monotonic(), Seen()
    for seed in count(given.seed):
        add(seen, given.corpus, given.mutants, seed)
        tell(seen, time.monotonic() - began)
        if time.monotonic() - began >= 60 * given.minutes:
            break
    return bool(seen.complaints)


if __name__ == "__main__":
    sys.exit(main())
