"""What comes before the judge: a scorer's answers, their resamples, and counts of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compare import report as r
from compare.bootstrap import Resampled, resampled
from compare.metrics import Counts

FPRS = (0.001, 0.01, 0.042)  # the last is F's of 1996
GRID = np.linspace(0, 1, 201)  # where curves have bands
RESAMPLES, SEED = 1000, 1996
NO_THRESHOLD = r.Absent("no threshold was chosen")
NONE_MARKED = r.Absent("no picture is marked")
ONE_CLASS = r.Absent("no answer for one of the classes")

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Entry:
    """One scorer as it comes before the judge.

    Attributes
    ----------
    name, description, kind, digest, is_probability
        As in `compare.report.ScorerReport`.
    scores : ndarray (n,)
        NaN where there is no answer.
    threshold : Threshold or None
    details : sequence of mapping
        Of the 1996 detector, what `compare.funnel.passes` takes; of others empty.
    seconds, memory : float and int, or None
    """

    name: str
    description: str
    kind: Any
    digest: str
    is_probability: bool
    scores: Scores
    threshold: r.Threshold | None
    details: Sequence[Mapping[str, Any]] = ()
    seconds: float | None = None
    memory: int | None = None


# ---- Resamples that all share


class Samples:
    """Bootstrap resamples of one scorer, or of two on the pictures that both answered.

    Where all answered the same pictures, as is the rule, one pass serves everyone.
    """

    def __init__(self, labels: Labels, entries: Sequence[Entry]) -> None:
        self.labels, self.entries = labels, {entry.name: entry for entry in entries}
        self.kept: dict[tuple[str, ...], Resampled | None] = {}

    def of(self, *names: str) -> tuple[Resampled | None, list[int]]:
        """Return resamples and each name's row in them; None where a class has no picture."""
        group = tuple(self.entries) if self._alike() else names
        if group not in self.kept:
            some = [self.entries[name] for name in group]
            mask = answered_by(*some)
            labels = self.labels[mask]
            both = 0 < labels.sum() < len(labels)
            self.kept[group] = (
                resampled(
                    labels,
                    np.stack([one.scores[mask] for one in some]),
                    [one.threshold.value if one.threshold else None for one in some],
                    resamples=RESAMPLES,
                    seed=SEED,
                    grid=GRID,
                    fprs=FPRS,
                )
                if both
                else None
            )
        return self.kept[group], [group.index(name) for name in names]

    def _alike(self) -> bool:
        first, *others = (np.isfinite(one.scores) for one in self.entries.values())
        return all(np.array_equal(first, other) for other in others)


def answered_by(*entries: Entry) -> Mask:
    """Return which pictures all of them gave a score, (n,)."""
    mask: Mask = np.all([np.isfinite(one.scores) for one in entries], axis=0)
    return mask


# ---- Counts


def classes_of(labels: Labels, mask: Mask) -> r.Classes:
    """Return how many targets and controls the mask holds."""
    targets = int(labels[mask].sum())
    return r.Classes(targets, int(mask.sum()) - targets)


def at_threshold(labels: Labels, entry: Entry, among: Mask) -> r.AtThreshold | r.Absent:
    """Count at the threshold; a picture without a score is not marked."""
    if entry.threshold is None:
        return NO_THRESHOLD
    marked = entry.scores >= entry.threshold.value  # NaN is not
    table = counted(labels[among], marked[among])
    return r.AtThreshold(
        table.tp,
        table.fp,
        table.fn,
        table.tn,
        precision_of(table),
        recall_of(table),
        table.f1() if table.tp + table.fp + table.fn else NONE_MARKED,
        fpr_of(table),
    )


def precision_of(table: Counts) -> r.Maybe:
    """Return the precision, or why there is none."""
    return table.precision() if table.tp + table.fp else NONE_MARKED


def recall_of(table: Counts) -> r.Maybe:
    """Return the recall, or why there is none."""
    return table.recall() if table.tp + table.fn else r.Absent("no targets here")


def fpr_of(table: Counts) -> r.Maybe:
    """Return the false positive rate, or why there is none."""
    return table.fpr() if table.fp + table.tn else r.Absent("no controls here")


def counted(labels: Labels, marked: Mask) -> Counts:
    """Return the confusion table of marks, (n,) each."""
    tp, fp = int((marked & (labels == 1)).sum()), int((marked & (labels == 0)).sum())
    targets = int(labels.sum())
    return Counts(tp, fp, targets - tp, len(labels) - targets - fp)
