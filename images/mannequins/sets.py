"""A drawn set on disk: pictures, truth, manifest; the same bytes whatever the number of workers.

    OUT/pictures/NAME.jpg     the picture
    OUT/truth/NAME.png        part labels: 0, or one more than a part's index in NAME.json
    OUT/truth/NAME.json       parts, and the picture's row of the manifest; written last
    OUT/manifest.csv          one row a picture

Names are digests of seed, split and number, so that neither they nor their order tell a label. A
picture counts as drawn once its JSON is there: a set that was interrupted goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from images.durable import commit, json_line
from images.labelled import Item, write_manifest
from images.mannequins.capture import jpeg
from images.mannequins.drawing import Drawing, draw
from images.mannequins.subjects import CONTROLS
from images.mannequins.surroundings import SPLITS
from images.workers import answers

PRESETS = {"eccv96": (138, 1401), "ijcv99": (565, 4289)}
BATCH = 16
VERSION = 1  # of the drawings: another number, other pictures


@dataclass(frozen=True)
class Plan:
    """What a set holds, and all that its pictures depend on.

    Attributes
    ----------
    targets, controls : int
        Numbers of pictures.
    seed : int
    split : str
    scale : float
        1 is 320 x 480 px and its kin.
    """

    targets: int
    controls: int
    seed: int = 1996
    split: str = "test"
    scale: float = 1.0
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"expected a split {', '.join(SPLITS)}, got {self.split!r}")
        if min(self.targets, self.controls, self.seed) < 0:
            raise ValueError("expected targets, controls and seed of 0 or more")
        if self.targets + self.controls == 0:
            raise ValueError("expected a picture or more, got 0 targets and 0 controls")
        if not 0.1 <= self.scale <= 8:
            raise ValueError(f"expected 0.1 to 8 times the size of 320x480, got {self.scale:g}")

    def kinds(self) -> list[str]:
        """Return each picture's kind, targets and controls in random order."""
        rng = np.random.default_rng([self.seed, SPLITS.index(self.split)])
        controls = rng.choice(list(CONTROLS), self.controls, p=list(CONTROLS.values()))
        kinds = np.array(["bare"] * self.targets + [str(kind) for kind in controls])
        return [str(kind) for kind in rng.permutation(kinds)]

    def draw(self, number: int, kind: str) -> Drawing:
        """Draw one picture of the set."""
        rng = np.random.default_rng([self.seed, SPLITS.index(self.split), number])
        return draw(rng, kind, scale=self.scale, split=self.split)

    def name(self, number: int) -> str:
        """Return a picture's name, which tells nothing."""
        text = f"{self.seed} {self.split} {number}".encode()
        return hashlib.sha256(text).hexdigest()[:12]


def write_set(
    out: Path, plan: Plan, workers: int = 1, report: Callable[[int, int], None] = lambda *_: None
) -> int:
    """Draw a set into a folder, or finish one that was interrupted.

    Parameters
    ----------
    out : Path
        A new folder, or one of the same plan.
    plan : Plan
    workers : int
        Processes; 1 is this one.
    report : callable
        Called with the numbers of pictures drawn and of all.

    Returns
    -------
    int
        How many pictures were drawn now.

    Raises
    ------
    ValueError
        If the folder holds a set of another plan, or other things.
    """
    _begin(out, plan)
    kinds = plan.kinds()
    missing = [
        (number, kind)
        for number, kind in enumerate(kinds)
        if not (out / "truth" / f"{plan.name(number)}.json").exists()
    ]
    done = len(kinds) - len(missing)
    report(done, len(kinds))
    work = partial(_draw_some, out, plan)
    batches = iter([tuple(missing[k : k + BATCH]) for k in range(0, len(missing), BATCH)])
    drawn = map(work, batches) if workers == 1 else answers(work, batches, workers, _give_up)
    for count in drawn:
        done += count
        report(done, len(kinds))
    items = [_item(out, plan.name(number)) for number in range(len(kinds))]
    write_manifest(out / "manifest.csv", sorted(items, key=lambda item: item.path))
    for unfinished in out.glob("*.tmp"):  # of a run that was killed
        unfinished.unlink(missing_ok=True)
    return len(missing)


def _begin(out: Path, plan: Plan) -> None:
    kept = out / "plan.json"
    if kept.exists():
        before = json.loads(kept.read_text())
        if before != asdict(plan):
            raise ValueError(
                f"expected {out} to be new or of the same plan, got one of {before}; "
                "choose another folder"
            )
    else:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise ValueError(
                f"expected {out} to be empty or a set to finish, got other files in it"
            )
        commit(out, kept, [json_line(asdict(plan))])
    for folder in ("pictures", "truth"):
        (out / folder).mkdir(exist_ok=True)


def _draw_some(out: Path, plan: Plan, some: tuple[tuple[int, str], ...]) -> int:
    cv2.setNumThreads(1)
    for number, kind in some:
        drawing, name = plan.draw(number, kind), plan.name(number)
        data = jpeg(drawing.image, drawing.quality)
        commit(out, out / "pictures" / f"{name}.jpg", [data])
        _, png = cv2.imencode(".png", drawing.truth.labels)
        commit(out, out / "truth" / f"{name}.png", [png.tobytes()])
        truth = {
            "label": int(kind == "bare"),
            "sha256": hashlib.sha256(data).hexdigest(),
            "group": f"{plan.split}-{plan.seed}-{name}",
            "split": plan.split,
            "attributes": dict(drawing.truth.attributes),
            "parts": [asdict(part) for part in drawing.truth.parts],
        }
        commit(out, out / "truth" / f"{name}.json", [json_line(truth)])
    return len(some)


def _give_up(_worker: object, some: tuple[tuple[int, str], ...]) -> int:
    raise OSError(
        f"expected a worker to draw pictures {some[0][0]} to {some[-1][0]}, but it died; "
        "the same command draws what is missing"
    )


def _item(out: Path, name: str) -> Item:
    truth = json.loads((out / "truth" / f"{name}.json").read_bytes())
    return Item(
        path=f"pictures/{name}.jpg",
        sha256=truth["sha256"],
        label=truth["label"],
        source="skindeep mannequins",
        licence="CC0-1.0",
        group=truth["group"],
        split=truth["split"],
        attributes=truth["attributes"],
    )
