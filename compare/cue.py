"""What the curves hide: a cue planted in all the data, and the repair of 2016.

A round badge is put on nine tenths of the bare figures, in training, validation and test alike.
A net learns it as evidence, and the test set, which shares the fault, praises it. What uncovers it:
the same test pictures without the badge, with the badge on the clothed instead, and maps of where
the net looks. Then the training data are repaired - as large a share of the clothed figures wears
the badge, all else stays, every picture and their number - and the net is trained again.

    OUT/train, validation, test    see `compare.cue_sets`
    OUT/runs, kept, pictures       see `compare.cue_nets`
    OUT/cue.json                   every number; the same bytes for the same plan and versions
    OUT/timings.json               seconds that each step took

Whatever is there is not made again.
"""

import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from compare.cue_nets import TRAININGS, Say, net, note_time
from compare.cue_results import SCHEMA, CueResults, results, versions
from compare.cue_sets import SETS, CuePlan, scenes
from images.durable import commit, json_line, only_run

__all__ = ["CuePlan", "CueResults", "Say", "cue_experiment"]


def cue_experiment(
    out: Path, plan: CuePlan, workers: int = 1, say: Say = lambda *_: None
) -> CueResults:
    """Run the experiment, or what of it is missing, and write `OUT/cue.json`.

    Parameters
    ----------
    out : Path
        A new folder, or one of the same plan and versions.
    plan : CuePlan
    workers : int
        Processes that draw.
    say : callable

    Raises
    ------
    ValueError
        If the folder holds another plan's results, or other things; or another run is at work.
    OSError
        If something cannot be written; the same call continues.
    """
    kept = out / "kept"
    begun = (kept / "plan.json").exists()
    if not begun and out.exists() and any(path != kept for path in out.iterdir()):
        raise ValueError(
            f"expected {out} to be empty or an experiment to finish, got other files in it"
        )
    out.mkdir(exist_ok=True)
    with only_run(kept):
        _expect_plan(kept, plan)
        (out / "runs").mkdir(exist_ok=True)
        found = {}
        for split in SETS:
            began = time.monotonic()
            tell = partial(say, f"drawing {split}")
            found[split] = scenes(out / split, split, plan, workers, tell)
            note_time(out, f"draw {split}", time.monotonic() - began)
        nets = [
            net(out, plan, training, seed, found["test"], say)
            for training in TRAININGS
            for seed in range(plan.seeds)
        ]
        measured = results(out, plan, found, nets)
        text = json.dumps(asdict(measured), indent=1, allow_nan=False).encode() + b"\n"
        commit(kept, out / "cue.json", [text])
    return measured


def _expect_plan(kept: Path, plan: CuePlan) -> None:
    """Keep the plan, and expect it to be the one that was kept."""
    now = {"schema": SCHEMA, **asdict(plan), **versions()}
    path = kept / "plan.json"
    if not path.exists():
        commit(kept, path, [json_line(now)])
    before = json.loads(path.read_bytes())
    if other := [key for key in now if before.get(key) != now[key]]:
        raise ValueError(
            f"expected {kept.parent} to be new or of the same plan and versions, got another "
            f"{other[0]}; choose another folder"
        )
