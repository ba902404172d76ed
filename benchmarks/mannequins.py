"""The 1996 detector on drawn mannequins, whose truth is known, beside what was published.

How fast they are drawn; the funnel, and who passes the skin filter and is marked by F, with
Wilson's intervals; recall of skin pixels by tone, with the bootstrap's; and segments against the
bare limbs that are seen along at least 80 % of their axis and at least 12 px long at working size,
found as `benchmarks.limbs` says, whose widths are known here.

    python -m benchmarks.mannequins [--preset eccv96] [--size 320x480] [--workers 1]
"""

import argparse
import json
import math
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from baseline import Detection, Params, detect, record
from baseline.segments import Segment
from benchmarks.limbs import Line, match, overlap
from benchmarks.skin_pixels import ratio
from compare.funnel import PUBLISHED, PUBLISHED_TOTALS, passes, share
from images.labelled import Item, LabelledSet
from images.mannequins.capture import jpeg
from images.mannequins.cli import scale_of
from images.mannequins.sets import PRESETS, Plan, write_set
from images.mannequins.truth import LIMB_PARTS
from images.reading import read
from images.workers import processors

GROUPER_FIRST = Params(score="grouper_first")  # segments wanted, whatever the skin's share


@dataclass(frozen=True)
class Limb:
    """A bare limb at working size: its axis, (row, col) px of both ends, and its width, px."""

    name: str
    axis: Line
    width: float
    on_skin: bool


@dataclass(frozen=True)
class Seen:
    """What the detector made of a picture.

    Attributes
    ----------
    item : Item
    passed : dict of str to bool
        Stages and configurations.
    pixels : (int, int, int)
        Of skin that were found, of skin, that were taken for skin.
    limbs : tuple of Limb
    segments : tuple of Segment
        Of pictures of bare figures only, whatever the skin's share.
    size : (int, int)
        Working size, px.
    """

    item: Item
    passed: dict[str, bool]
    pixels: tuple[int, int, int]
    limbs: tuple[Limb, ...]
    segments: tuple[Segment, ...]
    size: tuple[int, int]


def look(root: Path, item: Item) -> Seen:
    """Run the detector on one picture of a set, and hold its truth beside it."""
    cv2.setNumThreads(1)
    image = read(root / item.path).image
    assert image is not None, item.path
    stem = root / "truth" / Path(item.path).stem
    parts = json.loads(stem.with_suffix(".json").read_bytes())["parts"]
    with Image.open(stem.with_suffix(".png")) as picture:
        labels = np.asarray(picture)
    detection = detect(image)
    found, size = detection.skin.mask, detection.working.shape[:2]
    bare = np.array([False, *(part["bare"] for part in parts)])[labels]
    cover = cv2.resize(bare.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    real = cover >= 0.5
    pixels = int((found & real).sum()), int(real.sum()), int(found.sum())
    segments = detect(image, GROUPER_FIRST).segments if item.label else ()
    return Seen(
        item, passes(record(detection)), pixels, tuple(bare_limbs(parts, detection)), segments,
        (size[0], size[1]),
    )  # fmt: skip


def bare_limbs(parts: list[dict[str, Any]], detection: Detection) -> list[Limb]:
    """Return the bare limbs that can be seen, at working size."""
    mask = detection.skin.mask
    factor = np.array(mask.shape) / detection.original_size
    limbs = []
    for part in parts:
        name = part["name"].removeprefix("left ").removeprefix("right ")
        axis: Line = (np.array(part["ends"]) + 0.5) * factor - 0.5
        if name not in LIMB_PARTS or not part["bare"] or part["visible"] < 0.8:
            continue
        if math.dist(*axis) >= 12:
            points = np.rint(np.linspace(axis[0], axis[1], 50)).astype(int)
            points = np.clip(points, 0, np.array(mask.shape) - 1)
            on_skin = mask[points[:, 0], points[:, 1]].mean() >= 0.8
            limbs.append(Limb(name, axis, part["width"] * factor.mean(), bool(on_skin)))
    return limbs


def rates(seen: list[Seen], what: str, label: int) -> None:
    """Print, by an attribute, who holds skin enough, passes the skin filter and is marked by F."""
    groups = defaultdict[str, list[Seen]](list)
    for one in seen:
        if one.item.label == label:
            groups[one.item.attributes[what]].append(one)
    name = "targets" if label else "controls"
    print(f"{name} by {what}: 30 % is skin in truth | past the skin filter | marked by F")
    for name, some in sorted(groups.items(), key=lambda pair: (len(pair[0]), pair[0])):
        enough = sum(one.pixels[1] >= 0.3 * math.prod(one.size) for one in some)
        counts = (sum(one.passed[row] for one in some) for row in ("skin filter", "F"))
        cells = [f"{share(count, len(some)):36s}" for count in (enough, *counts)]
        print(f"  {name:10s} {' | '.join(cells)}".rstrip())


def funnel(seen: list[Seen]) -> None:
    """Print the funnel beside the published one."""
    print("passes        targets (published) | controls (published)")
    for row in seen[0].passed:
        cells = []
        for label, total in zip((1, 0), PUBLISHED_TOTALS, strict=True):
            of = [one.passed[row] for one in seen if one.item.label == label]
            told = f"({100 * PUBLISHED[row][1 - label] / total:.1f})" if row in PUBLISHED else ""
            cells.append(f"{share(sum(of), len(of)):36s} {told:7s}")
        print(f"  {row:12s}{cells[0]} | {cells[1]}")


def skin_by_tone(seen: list[Seen]) -> None:
    """Print recall of skin pixels by tone, and precision on targets."""
    targets = [one for one in seen if one.item.label and one.pixels[1] > 0]
    tones = sorted({one.item.attributes["tone"] for one in targets}, key=int)
    print("skin pixels of targets: recall by tone, and precision of all")
    for tone in (*tones, "all"):
        some = [one for one in targets if tone in ("all", one.item.attributes["tone"])]
        counts = np.array([one.pixels for one in some])
        print(f"  {tone:4s} n={len(some):4d}  {ratio(counts[:, [0, 1]])}")
    print(f"  precision    {ratio(np.array([one.pixels for one in targets])[:, [0, 2]])}")


def segments(seen: list[Seen]) -> None:
    """Print which limbs segments find, which by chance, and how well they fit."""
    targets = [one for one in seen if one.item.label]
    rows = list[tuple[Limb, Segment | None, bool]]()
    for one, other in zip(targets, [*targets[1:], targets[0]], strict=True):
        moved = np.array(other.size) / one.size
        for limb in one.limbs:
            luck = match(other.segments, limb.axis * moved) is not None
            rows.append((limb, match(one.segments, limb.axis), luck))
    print(f"bare limbs, and the {sum(len(one.segments) for one in targets)} segments of targets")
    for name in (*LIMB_PARTS, "all"):
        for which, some in (
            ("all that are seen", [r for r in rows if name in ("all", r[0].name)]),
            ("on detected skin", [r for r in rows if name in ("all", r[0].name) and r[0].on_skin]),
        ):
            hits, lucky = sum(r[1] is not None for r in some), sum(r[2] for r in some)
            cells = share(hits, len(some)), share(lucky, len(some))
            print(f"  {name:10s} {which:18s} {cells[0]:36s} by chance {cells[1]}")
    fits = [(limb, segment, overlap(segment, limb.axis)) for limb, segment, _ in rows if segment]
    for label, values in (
        ("axis error, degrees", [fit[0] for *_, fit in fits]),
        ("offset of the limb's middle, widths", [fit[1] for *_, fit in fits]),
        ("width over true width", [segment.width / limb.width for limb, segment, _ in fits]),
    ):
        quartiles = np.percentile(values, [25, 50, 75]) if values else np.full(3, np.nan)
        print(f"  {label}: quartiles {', '.join(f'{q:.2f}' for q in quartiles)}")


def speed(plan: Plan, pictures: int = 48) -> None:
    """Print how many pictures one core draws and encodes a second."""
    cv2.setNumThreads(1)
    for size in ("160x240", "320x480"):
        some = Plan(plan.targets, plan.controls, plan.seed + 1, plan.split, scale_of(size))
        kinds: npt.NDArray[np.str_] = np.array(some.kinds())[:pictures]
        some.draw(0, "bare")  # loads what is compiled
        begin = time.process_time()
        for number, kind in enumerate(kinds):
            drawing = some.draw(number, str(kind))
            jpeg(drawing.image, drawing.quality)
        print(
            f"{size}: {len(kinds) / (time.process_time() - begin):.1f} pictures a second and core"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--preset", choices=PRESETS, default="eccv96")
    parser.add_argument("--targets", type=int, help="in place of the preset's number")
    parser.add_argument("--controls", type=int, help="in place of the preset's number")
    parser.add_argument("--size", default="320x480")
    parser.add_argument("--seed", type=int, default=1996)
    parser.add_argument("--out", type=Path, help="keep the set here, or use it again")
    parser.add_argument("--workers", type=int, default=processors())
    given = parser.parse_args()
    default = PRESETS[given.preset]
    targets = default[0] if given.targets is None else given.targets
    controls = default[1] if given.controls is None else given.controls
    plan = Plan(targets, controls, given.seed, "test", scale_of(given.size))

    speed(plan)
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary) / "drawn"
        write_set(out, plan, given.workers)
        items = LabelledSet.read(out / "manifest.csv").items
        with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
            seen = list(pool.map(partial(look, out), items, chunksize=16))
    print(f"{targets} targets, {controls} controls, {given.size}, seed {given.seed}")
    funnel(seen)
    rates(seen, "kind", 0)
    for what in ("tone", "framing", "light", "pose"):
        rates(seen, what, 1)
    skin_by_tone(seen)
    segments(seen)


if __name__ == "__main__":
    main()
