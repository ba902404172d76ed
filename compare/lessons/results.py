"""What the lessons tell of: sets, a net, a report and an experiment, computed where missing."""

import csv
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare.command import compare_set
from compare.demo import DRAWN, EPOCHS, LEARNED
from compare.lesson_commands import bar
from compare.report import SCHEMA
from compare.scorers import Contestant, contestant
from images.labelled import LabelledSet
from images.mannequins.cli import draw_set
from images.mannequins.sets import Plan

if TYPE_CHECKING:  # torch takes its time
    from compare.cue import CuePlan
    from convnet.recipe import Recipe

# Tiny: the same code in a minute. F marks one of this test set's targets: the first page needs it.
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

    What is there is used as it is, if it is of the same form and fits together: sets and the
    experiment are known by their plans, a net by its recipe and the sets that it learned from, a
    report by its test set and the net. Sets, nets and experiments of another form are refused.

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
        return LabelledSet.read(self.manifest).split("test")

    @cached_property
    def manifest(self) -> Path:
        """The drawn test set's manifest."""
        return self._set("drawn")

    @cached_property
    def train(self) -> Path:
        """The manifest of the drawings that the net learns from."""
        return self._set("train")

    @cached_property
    def validation(self) -> Path:
        """The manifest of the drawings that thresholds are chosen on."""
        return self._set("validation")

    @cached_property
    def run(self) -> Path:
        """The folder of the finished training run."""
        folder = self.root / "zfnet"
        train, validation, recipe = self.train, self.validation, self._recipe()
        if _trained(folder, recipe, {"train": train, "validation": validation}):
            return folder
        from convnet.cli import train_folder
        from convnet.ranks import ranks

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
            kept = _of_schema(file, SCHEMA)
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
        return _of_schema(file, SCHEMA)

    @cached_property
    def scores(self) -> dict[str, dict[str, str]]:
        """Rows of the report's scores by path: the set's columns, and a column a scorer."""
        _ = self.report
        with (self.root / "compared" / "scores.csv").open(newline="") as file:
            return {row["path"]: row for row in csv.DictReader(file)}

    @cached_property
    def cue(self) -> Path:
        """The experiment with a planted cue: ``cue.json``, in a folder with its pictures."""
        from compare.cue import cue_experiment

        file, plan = self.root / "cue" / "cue.json", self._cue_plan()
        if not _measured(file, plan):
            self.root.mkdir(parents=True, exist_ok=True)
            with bar() as say:
                cue_experiment(file.parent, plan, self.workers, say)
        return file

    def _set(self, name: str) -> Path:
        """Return the manifest of a set of the folder; what is missing of the set is drawn now."""
        self.root.mkdir(parents=True, exist_ok=True)
        draw_set(self.root / name, (SHORT if self.short else FULL)[name], self.workers)
        return self.root / name / "manifest.csv"

    def _recipe(self) -> "Recipe":
        from convnet.recipe import usual

        if self.short:
            return replace(usual("zfnet", SHORT_SIDE), epochs=2)
        return replace(usual("zfnet"), epochs=EPOCHS)

    def _cue_plan(self) -> "CuePlan":
        from compare.cue import CuePlan
        from compare.cue_sets import Numbers

        if self.short:
            few = Numbers(8, 8)
            return CuePlan(few, few, few, seeds=1, epochs=1, side=SHORT_SIDE, explained=2)
        return CuePlan()


# ---- What was kept


def _trained(run: Path, recipe: "Recipe", sets: dict[str, Path]) -> bool:
    """Tell whether a run by this recipe, with these sets, has come to its end."""
    file = run / "history.json"
    if not file.exists():
        return False
    from convnet.recipe import Epoch, finished

    kept = _read(file, remove=run)
    told = {name: LabelledSet.read(file).split(name).digest for name, file in sets.items()}
    told |= json.loads(json.dumps(asdict(recipe)))
    if missing := {"history", *told} - set(kept):
        raise ValueError(
            f"expected a training run's history in {file}, got one without {min(missing)}; "
            f"remove {run}"
        )
    return all(kept[key] == value for key, value in told.items()) and finished(
        [Epoch(**epoch) for epoch in kept["history"]], recipe
    )


def _measured(file: Path, plan: "CuePlan") -> bool:
    """Tell whether an experiment of this plan was finished; with any number of nets."""
    if not file.exists():
        return False
    from compare.cue_results import SCHEMA as MEASURED

    kept = _of_schema(file, MEASURED).get("plan", {})
    return bool(kept == asdict(plan) | {"seeds": kept.get("seeds")})


def _of_schema(file: Path, schema: object) -> dict[str, Any]:
    found = _read(file, remove=file)
    if found.get("schema") != schema:
        raise ValueError(
            f"expected schema {schema!r} in {file}, got {found.get('schema')!r}; remove it"
        )
    return found


def _read(file: Path, remove: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"expected JSON in {file}, got other text: {error}; remove {remove}"
        ) from None
    if not isinstance(found, dict):
        raise ValueError(f"expected an object in {file}, got {found!r:.40}; remove {remove}")
    return found
