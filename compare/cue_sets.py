"""Drawings for the experiment with the cue: every scene once, every figure also with a badge on.

    OUT/SPLIT/pictures/NAME.jpg         the scene
    OUT/SPLIT/pictures/NAME-badge.jpg   the same with a badge on each head, and the badge's shadow
    OUT/SPLIT/scenes/NUMBER.json        one `Scene`; written last, so that it tells what is there
    OUT/SPLIT/SET.csv                   a labelled set: which scenes wear the badge

The labelled sets of a split are therefore the same scenes in the same order, and differ in badges
alone. Bare and clothed figures are as many as each other and pass the same test: a scene is drawn
again, with other random numbers, until a badge would be seen. So nothing but dress and badge tells
the two apart, least of all how they are framed.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from images.durable import commit, json_line
from images.labelled import Item, LabelledSet, write_manifest
from images.mannequins.capture import jpeg
from images.mannequins.drawing import CUE_RADIUS, Drawing, draw
from images.mannequins.subjects import CONTROLS
from images.mannequins.surroundings import SPLITS
from images.workers import answers

Bools = npt.NDArray[np.bool_]

WEARERS = {
    "biased": (0.9, 0.05),
    "repaired": (0.9, 0.9),
    "plain": (0.0, 0.0),
    "swapped": (0.0, 1.0),
}
"""For each set, the share of bare and the share of clothed figures that wear the badge."""
SETS = {
    "train": ("biased", "repaired"),
    "validation": ("biased", "repaired"),
    "test": ("biased", "plain", "swapped"),
}
PAIRED = ("bare", "clothed")  # what is drawn with a badge and without

HEAD_SEEN = 0.5  # of its axis, before a badge is tried on
BADGE_SEEN = 0.5  # of its disc, on the figure
CONTRAST = 20  # levels of 255, mean over the badge of the channel that changes most


@dataclass(frozen=True)
class Numbers:
    """How many scenes: bare figures, as many clothed ones, and other controls."""

    bare: int
    others: int

    def __post_init__(self) -> None:
        if self.bare < 1 or self.others < 0:
            raise ValueError(f"expected a bare figure or more and 0 others or more, got {self}")


@dataclass(frozen=True)
class CuePlan:
    """All that the results depend on, besides the code.

    Attributes
    ----------
    train, validation, test : Numbers
        Of scenes.
    seeds : int
        Nets for each training set.
    epochs : int
        At most so many; the rest of the recipe is `convnet.recipe.usual`.
    side, width : int, float
        Of the net's input, px; and the factor on its channels.
    explained : int
        Cued targets of the biased test set, the first by name, whose maps are measured.
    window, stride : int
        Of occlusion, px of the net's input.
    shown : int
        How many of the explained come as pictures, too.
    seed : int
        Of the drawings, and of who wears the badge.
    scale : float
        Of the drawings; 0.5 is 160 x 240 px.
    """

    train: Numbers = Numbers(400, 300)
    validation: Numbers = Numbers(80, 60)
    test: Numbers = Numbers(250, 150)
    seeds: int = 3
    epochs: int = 20
    side: int = 112
    width: float = 0.25
    explained: int = 40
    window: int = 16
    stride: int = 4
    shown: int = 4
    seed: int = 2016
    scale: float = 0.5

    def __post_init__(self) -> None:
        if min(self.seeds, self.epochs, self.explained) < 1 or self.seed < 0 or self.shown < 0:
            raise ValueError(f"expected a seed, an epoch and an explained picture or more: {self}")


class Box(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right`, px, the latter ends left out."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Scene:
    """A scene as it was drawn.

    Attributes
    ----------
    name, kind : str
    size : (int, int)
        Height and width, px.
    plain, badge : str
        The pictures' sha256; no badge's, where the scene is drawn without alone.
    boxes : tuple of Box
        Around the badges that are seen.
    attempts : int
        How many scenes were drawn before a badge would be seen, this one included.
    """

    name: str
    kind: str
    size: tuple[int, int]
    plain: str
    badge: str
    boxes: tuple[Box, ...]
    attempts: int

    @property
    def label(self) -> int:
        """1 for a bare figure."""
        return int(self.kind == "bare")

    def picture(self, badge: bool) -> str:
        """Return the picture's path, below the split's folder."""
        return f"pictures/{self.name}{'-badge' if badge else ''}.jpg"


def scenes(
    out: Path,
    split: str,
    plan: CuePlan,
    workers: int = 1,
    report: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Scene, ...]:
    """Draw a split's scenes, or those that are missing, and write its labelled sets.

    Parameters
    ----------
    out : Path
        The split's folder, new or of the same plan.
    split : str
    plan : CuePlan
    workers : int
        Processes; 1 is this one.
    report : callable
        Called with the numbers of scenes drawn and of all.

    Returns
    -------
    tuple of Scene
        In the order of the sets' items.

    Raises
    ------
    OSError
        If a worker dies, or a file cannot be written; the same call continues.
    """
    for folder in ("pictures", "scenes"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    wanted = kinds(split, getattr(plan, split), plan.seed)
    missing = [k for k in range(len(wanted)) if not _kept(out, k).exists()]
    done = len(wanted) - len(missing)
    report(done, len(wanted))
    work = partial(_draw, out, split, plan)
    some = ((number, wanted[number]) for number in missing)
    drawn = map(work, some) if workers == 1 else answers(work, some, workers, _give_up)
    for _ in drawn:
        done += 1
        report(done, len(wanted))
    found = tuple(sorted((_read(_kept(out, k)) for k in range(len(wanted))), key=lambda s: s.name))
    for name in SETS[split]:
        write_manifest(out / f"{name}.csv", _items(found, split, plan.seed, name))
    return found


def labelled(out: Path, name: str) -> LabelledSet:
    """Return one labelled set of a split's folder."""
    return LabelledSet.read(out / f"{name}.csv")


def kinds(split: str, numbers: Numbers, seed: int) -> list[str]:
    """Return each scene's kind, in random order: other controls in `CONTROLS`' proportions."""
    rng = _stream(seed, split, 0, 0)
    shares = {kind: share for kind, share in CONTROLS.items() if kind not in PAIRED}
    chances = np.array([*shares.values()]) / sum(shares.values())
    others = rng.choice(list(shares), numbers.others, p=chances)
    all_ = ["bare"] * numbers.bare + ["clothed"] * numbers.bare + [str(kind) for kind in others]
    return [str(kind) for kind in rng.permutation(all_)]


def wearers(found: Sequence[Scene], split: str, seed: int, name: str) -> Bools:
    """Tell which scenes of a set wear the badge, (n,): the shares of `WEARERS`, rounded.

    All sets of a split go down one random list, so that who wears it where few do, also does where
    more do.
    """
    worn = np.zeros(len(found), bool)
    rng = _stream(seed, split, 0, 1)
    for kind, share in zip(PAIRED, WEARERS[name], strict=True):
        able = rng.permutation([k for k, scene in enumerate(found) if scene.kind == kind])
        worn[able[: round(share * len(able))]] = True
    return worn


def badges(plain: Drawing, worn: Drawing) -> tuple[Box, ...]:
    """Return a box around each badge that is seen, by comparing two drawings of a scene.

    A badge hides the figure beneath it, so that the truth knows its pixels exactly, and apart from
    its shadow. It counts as seen if it hides at least half of its disc's area, all in one piece,
    and stands out there by `CONTRAST` levels.
    """
    hidden = plain.truth.labels != worn.truth.labels
    change = np.abs(plain.image.astype(np.int16) - worn.image).max(axis=2)
    least = BADGE_SEEN * np.pi * (CUE_RADIUS * min(hidden.shape)) ** 2
    _, pieces, table, _ = cv2.connectedComponentsWithStats(hidden.astype(np.uint8))
    boxes = []
    for piece, (left, top, width, height, area) in enumerate(table.tolist()):
        if piece and area >= least and change[pieces == piece].mean() >= CONTRAST:
            boxes.append(Box(top, top + height, left, left + width))
    return tuple(boxes)


# ---- One scene


def _draw(out: Path, split: str, plan: CuePlan, one: tuple[int, str]) -> None:
    """Draw one scene; its pictures first, and at last what tells of them."""
    cv2.setNumThreads(1)
    number, kind = one
    name = hashlib.sha256(f"cue {plan.seed} {split} {number}".encode()).hexdigest()[:12]
    plain, worn, boxes, attempts = _found(split, plan, number, kind)
    pictures = {False: plain} | ({True: worn} if worn else {})
    data = {badge: jpeg(drawing.image, drawing.quality) for badge, drawing in pictures.items()}
    digests = {badge: hashlib.sha256(text).hexdigest() for badge, text in data.items()}
    size = plain.image.shape[0], plain.image.shape[1]
    scene = Scene(name, kind, size, digests[False], digests.get(True, ""), boxes, attempts)
    for badge, text in data.items():
        commit(out, out / scene.picture(badge), [text])
    commit(out, _kept(out, number), [json_line(asdict(scene))])


def _found(
    split: str, plan: CuePlan, number: int, kind: str
) -> tuple[Drawing, Drawing | None, tuple[Box, ...], int]:
    """Return the first scene that serves, with and without a badge, and which attempt it was."""
    for attempt in count():

        def drawn(cue: bool, attempt: int = attempt) -> Drawing:
            rng = _stream(plan.seed, split, number + 1, attempt)
            return draw(rng, kind, {"cue": cue}, scale=plan.scale, split=split)

        plain = drawn(False)
        if kind not in PAIRED:
            break
        if any(part.name == "head" and part.visible >= HEAD_SEEN for part in plain.truth.parts):
            worn = drawn(True)
            if boxes := badges(plain, worn):
                return plain, worn, boxes, attempt + 1
    return plain, None, (), 1


def _stream(seed: int, split: str, number: int, attempt: int) -> np.random.Generator:
    """Return random numbers of a scene, counted from 1; those of 0 are the split's own."""
    return np.random.default_rng([seed, SPLITS.index(split), number, attempt])


def _give_up(_worker: object, one: tuple[int, str]) -> None:
    raise OSError(
        f"expected a worker to draw scene {one[0]}, but it died; "
        "the same command draws what is missing"
    )


# ---- What is kept


def _kept(out: Path, number: int) -> Path:
    return out / "scenes" / f"{number:05d}.json"


def _read(path: Path) -> Scene:
    told = json.loads(path.read_bytes())
    boxes = tuple(Box(*box) for box in told["boxes"])
    return Scene(**told | {"size": tuple(told["size"]), "boxes": boxes})


def _items(found: Sequence[Scene], split: str, seed: int, name: str) -> list[Item]:
    return [
        Item(
            path=scene.picture(bool(badge)),
            sha256=scene.badge if badge else scene.plain,
            label=scene.label,
            source="skindeep mannequins",
            licence="CC0-1.0",
            group=f"cue-{split}-{seed}-{scene.name}",
            split=split,
            attributes={"kind": scene.kind, "cue": str(int(badge))},
        )
        for scene, badge in zip(found, wearers(found, split, seed, name), strict=True)
    ]
