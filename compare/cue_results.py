"""From what is kept of the nets to every figure of the experiment with the cue.

Means over the seeds' nets have intervals over pictures: the nets stay as they are. How far the
seeds lie apart stands beside, in their own values.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from compare.bootstrap import percentile, resampled
from compare.cue_measures import mean_over, rate, rate_change
from compare.cue_nets import TRAININGS, Net, explained, files
from compare.cue_sets import PAIRED, SETS, Bools, CuePlan, Scene, labelled, wearers
from compare.intervals import Estimate
from compare.metrics import roc
from compare.paired import PairedTest, mcnemar
from compare.ranking import Floats, Ints
from images.mannequins.sets import VERSION

SCHEMA = 1


@dataclass(frozen=True)
class SetSummary:
    """What a labelled set holds, and how many of its figures wear a badge that is seen."""

    pictures: int
    targets: int
    clothed: int
    cued_targets: int
    cued_clothed: int
    digest: str


@dataclass(frozen=True)
class NetResult:
    """One net's figures, with intervals over the test pictures.

    Attributes
    ----------
    training : str
    seed : int
    digest : str
        Of its weights.
    threshold, rule : float, str
        Its own, of its own validation set, which has its training set's fault.
    epochs, best : int
        Done; and which one, from 1, was kept.
    figures : mapping of str to Estimate
        Those of `MEASURES` that are not differences.
    recall, false_positives : PairedTest
        The same targets with the cue and with it removed; the same clothed figures without the cue
        and with it put on.
    """

    training: str
    seed: int
    digest: str
    threshold: float
    rule: str
    epochs: int
    best: int
    figures: Mapping[str, Estimate]
    recall: PairedTest
    false_positives: PairedTest


@dataclass(frozen=True)
class Row:
    """A measure before and after the repair: means over seeds, intervals over pictures.

    `seeds_before` and `seeds_after` are the seeds' own values: no interval covers their spread.
    """

    before: Estimate
    after: Estimate
    change: Estimate
    seeds_before: tuple[float, ...]
    seeds_after: tuple[float, ...]


@dataclass(frozen=True)
class Example:
    """A cued target of the test set, and the scores of both nets of seed 0.

    `files` are below OUT: the picture, then each training's occlusion map and projection.
    """

    name: str
    files: tuple[str, ...]
    with_cue: Mapping[str, float]
    without_cue: Mapping[str, float]


@dataclass(frozen=True)
class CueResults:
    """Everything that was measured.

    Attributes
    ----------
    schema : int
    plan : CuePlan
    versions : mapping of str to str
    sets : mapping of str to SetSummary
        By split and name, such as "train biased".
    attempts : mapping of str to int
        Figures that were drawn, by split, to find those on which a badge would be seen.
    area : Estimate
        The cue's share of the explained pictures' area.
    nets : tuple of NetResult
    rows : mapping of str to Row
        By the names of `MEASURES`.
    examples : tuple of Example
    measures : mapping of str to str
        What to call each.
    notes : tuple of str
        What each is, exactly.
    """

    schema: int
    plan: CuePlan
    versions: Mapping[str, str]
    sets: Mapping[str, SetSummary]
    attempts: Mapping[str, int]
    area: Estimate
    nets: tuple[NetResult, ...]
    rows: Mapping[str, Row]
    examples: tuple[Example, ...]
    measures: Mapping[str, str]
    notes: tuple[str, ...]


MEASURES = {
    "auc_biased": "AUC, cue as in training",
    "auc_plain": "AUC, no cue",
    "auc_swapped": "AUC, cue on the clothed",
    "recall_with": "recall, with cue",
    "recall_without": "recall, cue removed",
    "recall_change": "recall, removed minus with",
    "false_without": "false positives, no cue",
    "false_with": "false positives, cue put on",
    "false_change": "false positives, on minus none",
    "occlusion": "occlusion's mass on the cue",
    "deconv": "projection's mass on the cue",
}
NOTES = (
    "Before the repair, 90 % of the bare figures and 5 % of the clothed wear the cue; after it, "
    "90 % of both. Nothing else in the training and validation sets is changed, nor is their size.",
    "Every figure is chosen so that a cue would be seen; other controls never wear one.",
    "The test sets are the same scenes: with the cue as in training before the repair, without "
    "any, and with it on all clothed figures and on no bare one.",
    "Recall is that of the targets that wear the cue in the first of these sets; false positives "
    "are counted among all clothed figures. Each net has its own threshold, from the validation "
    "set that wears the cue as its training set does.",
    "A map's mass on the cue is what lies in the boxes around the badges, grown on all sides by "
    "half an occlusion window, as a share of all within the picture; padding is left out. Of an "
    "occlusion map it is the excess above the map's own minimum; of a projection of the class "
    "score by the deconvnet's rule, the absolute values, summed over the colours.",
    "In the pictures every map has its own scale, from its least to its most: compare where it is "
    "bright, not how bright.",
    "Intervals are of the test pictures, with the nets as they are; how far the nets of several "
    "seeds lie apart is shown by their own values, and covered by no interval.",
)
MASSES = ("occlusion", "deconv")
CHANGES = {
    "recall_change": ("recall_with", "recall_without"),
    "false_change": ("false_without", "false_with"),
}
"""Differences on the same pictures, second minus first."""


def versions() -> dict[str, str]:
    """Return the versions of all that the results depend on."""
    packages = ("skindeep", "torch", "numpy", "scipy", "opencv-python", "pillow")
    return {
        "drawings": str(VERSION),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


# ---- Figures


def results(
    out: Path, plan: CuePlan, found: Mapping[str, Sequence[Scene]], nets: Sequence[Net]
) -> CueResults:
    """Work out every figure from what is kept; always the same."""
    asked = _asked(plan, found["test"])
    before, after = ([one for one in nets if one.training == name] for name in TRAININGS)
    return CueResults(
        SCHEMA,
        plan,
        versions(),
        {
            f"{split} {name}": _summary(
                some,
                wearers(some, split, plan.seed, name),
                labelled(out / split, name).digest,
            )
            for split, some in found.items()
            for name in SETS[split]
        },
        {
            split: sum(scene.attempts for scene in some if scene.kind in PAIRED)
            for split, some in found.items()
        },
        mean_over(np.array([nets[0].maps["area"]])),
        tuple(_net_result(asked, one) for one in nets),
        _rows(asked, before, after),
        _examples(plan, found["test"], before[0], after[0]),
        MEASURES,
        NOTES,
    )


def _summary(some: Sequence[Scene], worn: Bools, digest: str) -> SetSummary:
    bare, clothed = (np.array([scene.kind == kind for scene in some]) for kind in PAIRED)
    return SetSummary(
        len(some),
        int(bare.sum()),
        int(clothed.sum()),
        int((bare & worn).sum()),
        int((clothed & worn).sum()),
        digest,
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """The test scenes: labels, who wears the badge in which set, cued targets, clothed figures."""

    labels: Ints
    worn: Mapping[str, Bools]
    cued: Bools
    clothed: Bools


def _asked(plan: CuePlan, test: Sequence[Scene]) -> _Asked:
    labels = np.array([scene.label for scene in test])
    worn = {name: wearers(test, "test", plan.seed, name) for name in SETS["test"]}
    clothed = np.array([scene.kind == "clothed" for scene in test])
    return _Asked(labels, worn, worn["biased"] & (labels == 1), clothed)


def _shares(asked: _Asked, nets: Sequence[Net]) -> dict[str, Floats]:
    """Return every measure that is a mean over pictures: (nets, pictures), from 0 to 1."""
    plain = np.array([one.plain >= one.made["threshold"] for one in nets], float)
    badge = np.array([one.badge >= one.made["threshold"] for one in nets], float)
    return {
        "recall_with": badge[:, asked.cued],
        "recall_without": plain[:, asked.cued],
        "false_without": plain[:, asked.clothed],
        "false_with": badge[:, asked.clothed],
        **{name: np.array([one.maps[name] for one in nets]) for name in MASSES},
    }


def _mean(name: str, values: Floats) -> Estimate:
    return mean_over(values) if name in MASSES else rate(values)


def _net_result(asked: _Asked, one: Net) -> NetResult:
    shares = _shares(asked, [one])
    areas = {
        f"auc_{name}": roc(asked.labels, one.scores(worn)).auc for name, worn in asked.worn.items()
    }
    return NetResult(
        one.training,
        one.seed,
        **one.made,
        figures=areas | {name: _mean(name, values) for name, values in shares.items()},
        recall=mcnemar(shares["recall_with"][0], shares["recall_without"][0]),
        false_positives=mcnemar(shares["false_without"][0], shares["false_with"][0]),
    )


def _rows(asked: _Asked, before: Sequence[Net], after: Sequence[Net]) -> dict[str, Row]:
    rows = {f"auc_{name}": _areas(asked, worn, before, after) for name, worn in asked.worn.items()}
    old, new = _shares(asked, before), _shares(asked, after)
    for name in old:
        change = mean_over(new[name] - old[name])
        if name not in MASSES:
            change = rate_change(old[name], new[name])
        rows[name] = Row(
            _mean(name, old[name]),
            _mean(name, new[name]),
            change,
            tuple(old[name].mean(axis=1).tolist()),
            tuple(new[name].mean(axis=1).tolist()),
        )
    for name, (first, second) in CHANGES.items():
        gaps = [shares[second] - shares[first] for shares in (old, new)]
        rows[name] = Row(
            rate_change(old[first], old[second]),
            rate_change(new[first], new[second]),
            mean_over(gaps[1] - gaps[0]),
            tuple(gaps[0].mean(axis=1).tolist()),
            tuple(gaps[1].mean(axis=1).tolist()),
        )
    return {name: rows[name] for name in MEASURES}


def _areas(asked: _Asked, worn: Bools, before: Sequence[Net], after: Sequence[Net]) -> Row:
    """Return the row of an AUC: all nets meet the same resamples of the test set's pictures."""
    scores = np.array([one.scores(worn) for one in (*before, *after)])
    own = [roc(asked.labels, values).auc.value for values in scores]
    draws = resampled(asked.labels, scores).auc
    k = len(before)
    values = float(np.mean(own[:k])), float(np.mean(own[k:]))
    first, second = draws[:k].mean(axis=0), draws[k:].mean(axis=0)
    return Row(
        percentile(values[0], first),
        percentile(values[1], second),
        percentile(values[1] - values[0], second - first),
        tuple(own[:k]),
        tuple(own[k:]),
    )


def _examples(plan: CuePlan, test: Sequence[Scene], before: Net, after: Net) -> tuple[Example, ...]:
    found = []
    for number, scene in enumerate(explained(plan, test)[: plan.shown]):
        place = test.index(scene)
        with_cue, without = (
            {one.training: float(scores[place]) for one, scores in pairs}
            for pairs in (
                [(before, before.badge), (after, after.badge)],
                [(before, before.plain), (after, after.plain)],
            )
        )
        found.append(Example(scene.name, files(number), with_cue, without))
    return tuple(found)
