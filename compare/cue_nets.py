"""One net of the experiment with the cue: trained, asked, and explained, each step once.

    OUT/runs/TRAINING-SEED              see `convnet.training`
    OUT/kept/TRAINING-SEED.net.json     how it was trained
    OUT/kept/TRAINING-SEED.scores.json  every test scene's score without a badge and with one
    OUT/kept/TRAINING-SEED.maps.json    of the explained pictures, which share of a map is the cue's
    OUT/pictures                        the first explained pictures, by the nets of seed 0
    OUT/timings.json                    seconds that each step took

The net computes on one thread of the CPU, so that its weights are the same every time.
"""

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from compare.cue_measures import excess, magnitude, on_input, share, within
from compare.cue_sets import SETS, Bools, Box, CuePlan, Scene, labelled, wearers
from compare.ranking import Floats
from convnet.data import pictures
from convnet.deconvnet import deconvnet, layers
from convnet.figures import contrast, far
from convnet.models import Model, load
from convnet.occlusion import OcclusionMap, Scored, occlusion_maps
from convnet.occlusion_figures import overlay
from convnet.ranks import ranks
from convnet.recipe import best, usual
from convnet.settings import Setting
from convnet.training import Progress, train
from convnet.views import in_rgb, view
from convnet.windows import Windows
from images.durable import commit, json_line
from images.reading import RGB, read

TRAININGS = SETS["train"]
"""Before the repair, and after it."""
BARE = 1  # the class that the nets' second output stands for

Say = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class Net:
    """What is kept of a net: how it was made, its scores, the shares of its maps."""

    training: str
    seed: int
    made: Mapping[str, Any]
    plain: Floats
    badge: Floats
    maps: Mapping[str, Any]

    def scores(self, worn: Bools) -> Floats:
        """Return the test pictures' scores, where these scenes wear the badge."""
        return np.where(worn, self.badge, self.plain)


def net(out: Path, plan: CuePlan, training: str, seed: int, test: Sequence[Scene], say: Say) -> Net:
    """Train a net, score the test scenes, and explain some; or read what is kept of that."""
    name, run = f"{training}-{seed}", out / "runs" / f"{training}-{seed}"
    with _one_thread():
        made = once(out, f"{name}.net", lambda: _train(out, plan, training, seed, run, say))
        scored = once(out, f"{name}.scores", lambda: _score(out, load(run), test, name, say))
        maps = once(
            out, f"{name}.maps",
            lambda: _explain(out, plan, load(run), explained(plan, test), training, seed, say),
        )  # fmt: skip
    plain, badge = (np.array(scored[key]) for key in ("plain", "badge"))
    return Net(training, seed, made, plain, badge, maps)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute on one thread: sums in the same order, and no waiting where all is small.

    Two threads beside one busy process take many times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _train(
    out: Path, plan: CuePlan, training: str, seed: int, run: Path, say: Say
) -> dict[str, Any]:
    recipe = replace(usual("zfnet", plan.side, plan.width), epochs=plan.epochs, seed=seed)
    learned, checked = (
        pictures(labelled(out / split, training), recipe.preprocessing())
        for split in ("train", "validation")
    )

    def follow(now: Progress) -> None:
        done = len(now.history) * now.steps + now.step
        say(f"training {training}, seed {seed}", done, recipe.epochs * now.steps)

    run.mkdir(exist_ok=True)
    with ranks("cpu") as alone:
        history = train(learned, checked, recipe, run, alone, follow, Setting(1, False))
    model = load(run)
    return {
        "digest": model.digest,
        "threshold": model.threshold,
        "rule": model.threshold_rule,
        "epochs": len(history),
        "best": best(history) + 1,
    }


def _score(out: Path, model: Model, test: Sequence[Scene], name: str, say: Say) -> dict[str, Any]:
    """Score every test scene without a badge and with one, if it has one."""
    scores: dict[str, list[float]] = {"plain": [], "badge": []}
    for number, scene in enumerate(test):
        say(f"scoring {name}", number, len(test))
        (plain,) = model.score([picture(out, scene, False)]).tolist()
        scores["plain"].append(plain)
        scores["badge"] += (
            model.score([picture(out, scene, True)]).tolist() if scene.badge else [plain]
        )
    return scores


def picture(out: Path, scene: Scene, badge: bool) -> RGB:
    """Return a test scene's picture, (H, W, 3) uint8."""
    path = out / "test" / scene.picture(badge)
    reading = read(path)
    if reading.image is None or reading.sha256 != (scene.badge if badge else scene.plain):
        raise ValueError(f"expected the picture that was drawn, got another: {path}")
    return reading.image


def explained(plan: CuePlan, test: Sequence[Scene]) -> list[Scene]:
    """Return the first cued targets of the biased test set, by name."""
    worn = wearers(test, "test", plan.seed, "biased")
    cued = [scene for scene, badge in zip(test, worn, strict=True) if badge and scene.label]
    return cued[: plan.explained]


# ---- Where it looks


def _explain(
    out: Path, plan: CuePlan, model: Model, some: Sequence[Scene],
    training: str, seed: int, say: Say,
) -> dict[str, list[float]]:  # fmt: skip
    """Measure which share of both maps lies on the cue; draw the first few, for seed 0."""
    shares: dict[str, list[float]] = {"area": [], "occlusion": [], "deconv": []}
    for number, scene in enumerate(some):
        say(f"explaining {training}-{seed}", number, len(some))
        image = picture(out, scene, True)
        found, planes = occluded(model, image, plan.window, plan.stride), projected(model, image)
        placed = placement(model, scene.size)
        marked = on_input(scene.boxes, scene.size, placed, plan.side, plan.window // 2)
        cue = within(marked, placed) > 0
        shares["area"].append(float(cue.mean()))
        shares["occlusion"].append(share(excess(within(found.occluded, placed)), cue))
        shares["deconv"].append(share(within(magnitude(planes), placed), cue))
        if seed == 0 and number < plan.shown:
            names = files(number)
            rows, columns = slice(placed.top, placed.bottom), slice(placed.left, placed.right)
            seen = in_rgb(planes, model.preprocessing)[rows, columns]
            over = overlay(found.picture[rows, columns], found.occluded[rows, columns])
            before = 1 + 2 * TRAININGS.index(training)
            _save(out, names[0], image)
            _save(out, names[before], over)
            _save(out, names[before + 1], contrast(seen, far(seen)))
    return shares


def occluded(model: Model, image: RGB, window: int, stride: int) -> OcclusionMap:
    """Cover the network's input, window by window, by its mean colour.

    The other experiment, windows cropped, is called known already: its map is of no use here, and
    would take most of the time.
    """
    side = model.preprocessing.size
    every = np.arange(len(Windows(side, side, window, stride).positions))
    known = [Scored("cropped", every, np.zeros(len(every)))]
    return occlusion_maps(image, model, window, stride, "mean", size=side, known=known)


def projected(model: Model, image: RGB) -> npt.NDArray[np.float32]:
    """Project the class score back by the deconvnet's rule: (3, side, side)."""
    last = [*layers(model.net)][-1]
    return deconvnet(model, view(image, model.preprocessing).x, last, BARE).pixels


def placement(model: Model, size: tuple[int, int]) -> Box:
    """Return where a picture lies in the network's input; the rest is padding."""
    top, left, rows, columns = model.preprocessing.placement(*size)
    return Box(top, top + rows, left, left + columns)


def files(number: int) -> tuple[str, ...]:
    """Name an explained picture's files: itself, then each training's map and projection."""
    maps = (f"{training}-{kind}" for training in TRAININGS for kind in ("occlusion", "projection"))
    return tuple(f"pictures/{number + 1}-{name}.png" for name in ("picture", *maps))


def _save(out: Path, file: str, image: RGB) -> None:
    (out / "pictures").mkdir(exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    commit(out / "kept", out / file, [buffer.getvalue()])


# ---- What is kept


def once(out: Path, name: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is kept by a name; make and keep it, if it is not."""
    path = out / "kept" / f"{name}.json"
    if not path.exists():
        began = time.monotonic()
        made = make()
        note_time(out, name, time.monotonic() - began)
        commit(path.parent, path, [json_line(made)])
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def note_time(out: Path, name: str, seconds: float) -> None:
    """Add to a step's seconds; what a killed run spent on it is not known."""
    path = out / "timings.json"
    times = json.loads(path.read_bytes()) if path.exists() else {}
    times[name] = round(times.get(name, 0.0) + seconds, 1)
    commit(out / "kept", path, [json.dumps(times, indent=1).encode() + b"\n"])
