"""What the lessons tell of: sets, a net, a report and an experiment, computed where missing."""

import csv
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compare.command import compare_set
from compare.demo import DRAWN, EPOCHS, LEARNED
from compare.lesson_commands import bar
from compare.scorers import Contestant, contestant
from images.labelled import LabelledSet
from images.mannequins.cli import draw_set
from images.mannequins.sets import Plan

# Tiny: the same code in seconds. F marks one of this test set's targets: the first page needs it.
SHORT = {
    "drawn": Plan(6, 18, seed=9, scale=0.5),
    "train": Plan(12, 12, split="train", scale=0.5),
    "validation": Plan(10, 10, split="validation", scale=0.5),
}
FULL = {"drawn": DRAWN, **LEARNED}
SHORT_SIDE = 48  # px, of the short form's net


@dataclass(frozen=True)
class Results:
    """A folder of results, as ``skindeep demo`` leaves it; what is missing is computed when asked.

    What is there is used as it is, if its digests fit together: sets are known by theirs, a net by
    the sets that it learned from, a report by its test set and the net.

    Attributes
    ----------
    root : Path
        With drawn, train, validation (labelled sets), zfnet (a training run), compared (a report)
        and cue (an experiment).
    short : bool
        Whether what is computed is tiny, for tests.
    workers : int
        Processes.
    """

    root: Path
    short: bool = False
    workers: int = 1

    @cached_property
    def drawn(self) -> LabelledSet:
        """The drawn test set; truth lies in its folder ``truth``."""
        return self._set("drawn").split("test")

    @property
    def manifest(self) -> Path:
        """The drawn test set's manifest."""
        return self.drawn.root / "manifest.csv"

    @property
    def train(self) -> Path:
        """The manifest of the drawings that the net learns from."""
        return self._set("train").root / "manifest.csv"

    @property
    def validation(self) -> Path:
        """The manifest of the drawings that thresholds are chosen on."""
        return self._set("validation").root / "manifest.csv"

    @cached_property
    def run(self) -> Path:
        """The folder of the finished training run."""
        folder = self.root / "zfnet"
        train, validation = self.train, self.validation
        if _trained(folder, train, validation):
            return folder
        from convnet.cli import train_folder  # torch takes its time
        from convnet.ranks import ranks
        from convnet.recipe import usual

        recipe = replace(usual("zfnet"), epochs=EPOCHS)
        if self.short:
            recipe = replace(usual("zfnet", SHORT_SIDE), epochs=2)
        with ranks("cpu") as alone:
            train_folder(train, validation, recipe, folder, alone)
        return folder

    @cached_property
    def net(self) -> Contestant:
        """The net of the run, as the judge knows it."""
        return contestant(f"convnet:{self.run}")

    @cached_property
    def report(self) -> dict[str, Any]:
        """The judge's report on the drawn test set, as `report.json` holds it."""
        file = self.root / "compared" / "report.json"
        if file.exists():
            kept: dict[str, Any] = json.loads(file.read_bytes())
            digests = {scorer["digest"] for scorer in kept["scorers"]}
            if kept["tested"]["digest"] == self.drawn.digest and self.net.digest in digests:
                return kept
        everyone = ["baseline", f"convnet:{self.run}", f"colour_histogram:{self.train}"]
        compare_set(
            self.manifest,
            everyone if self.short else [*everyone, "open_nsfw"],
            file.parent,
            validation=self.validation,
            workers=self.workers,
        )
        made: dict[str, Any] = json.loads(file.read_bytes())
        return made

    @cached_property
    def scores(self) -> dict[str, dict[str, str]]:
        """Rows of the report's scores by path: the set's columns, and a column a scorer."""
        _ = self.report
        with (self.root / "compared" / "scores.csv").open(newline="") as file:
            return {row["path"]: row for row in csv.DictReader(file)}

    @cached_property
    def cue(self) -> Path:
        """The experiment with a planted cue: ``cue.json``, in a folder with its pictures."""
        file = self.root / "cue" / "cue.json"
        if not file.exists():
            from compare.cue import CuePlan, cue_experiment  # torch takes its time
            from compare.cue_sets import Numbers

            plan = CuePlan()
            if self.short:
                few = Numbers(8, 8)
                plan = CuePlan(few, few, few, seeds=1, epochs=1, side=SHORT_SIDE, explained=2)
            self.root.mkdir(parents=True, exist_ok=True)
            with bar() as say:
                cue_experiment(file.parent, plan, self.workers, say)
        return file

    def _set(self, name: str) -> LabelledSet:
        """Return a set of the folder, drawn now if it is not there or unfinished."""
        manifest = self.root / name / "manifest.csv"
        if not manifest.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            draw_set(manifest.parent, (SHORT if self.short else FULL)[name], self.workers)
        return LabelledSet.read(manifest)


def _trained(run: Path, train: Path, validation: Path) -> bool:
    """Tell whether a run has come to its end, with these sets."""
    if not (run / "history.json").exists():
        return False
    from convnet.recipe import Epoch, finished, usual

    kept = json.loads((run / "history.json").read_bytes())
    recipe = replace(usual("zfnet"), epochs=kept["epochs"], patience=kept["patience"])
    sets = {"train": train, "validation": validation}
    return finished([Epoch(**epoch) for epoch in kept["history"]], recipe) and all(
        kept[split] == LabelledSet.read(manifest).split(split).digest
        for split, manifest in sets.items()
    )
