"""The judge: from everyone's scores on one labelled set to a `Report`. No picture is opened."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from baseline.grouping import CONFIGURATIONS
from compare import report as r
from compare.entries import (
    NO_THRESHOLD,
    NONE_MARKED,
    ONE_CLASS,
    Entry,
    Labels,
    Mask,
    Samples,
    answered_by,
    at_threshold,
    classes_of,
    counted,
    fpr_of,
    recall_of,
)  # fmt: skip
from compare.funnel import PUBLISHED, PUBLISHED_TOTALS, passes
from compare.intervals import wilson
from compare.metrics import precision_at, roc
from compare.paired import PairedTest, bootstrap_test, delong, mcnemar
from compare.ranking import average_precision
from compare.single import scorer_report
from compare.slices import parts
from compare.verdict import answer, difference_in_words
from images.labelled import Item

PREVALENCES = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001, 0.0001)
SMALL = 20  # of either class: a Wilson interval is then up to .4 wide


def judge(
    tested: r.SetSummary,
    items: Sequence[Item],
    entries: Sequence[Entry],
    making: r.Making,
    gallery: Sequence[r.Card] = (),
    notes: Sequence[str] = (),
) -> r.Report:
    """Compute every number of the report.

    Raises
    ------
    ValueError
        If the set has one class only: then there is nothing to compare.
    """
    labels = np.array([item.label for item in items], np.int64)
    expect_both(labels)
    samples = Samples(labels, entries)
    scorers = [scorer_report(labels, entry, samples) for entry in entries]
    pairs = [_pair(labels, *two, samples) for two in combinations(entries, 2)]
    shares = (*PREVALENCES, float(labels.mean()))
    return r.Report(
        answer=answer(scorers, pairs),
        tested=tested,
        scorers=scorers,
        published=[
            _published("ECCV 1996", "[ECCV96]", (72, 48), (138, 1401)),
            _published("IJCV 1999, F", "[IJCV99]", PUBLISHED["F"], PUBLISHED_TOTALS),
        ],
        pairs=pairs,
        prevalence=[_at_prevalence(share, labels, entries) for share in sorted(set(shares))[::-1]],
        slices=_slices(items, labels, entries),
        funnel=_funnel(labels, entries),
        gallery=gallery,
        making=making,
        notes=notes,
    )


def expect_both(labels: Labels) -> None:
    """Raise `ValueError` unless there are targets and controls."""
    targets = int(labels.sum())
    if targets in (0, len(labels)):
        raise ValueError(
            f"expected targets and controls to test with, got {targets} targets and "
            f"{len(labels) - targets} controls"
        )


# ---- Two scorers


def _pair(labels: Labels, first: Entry, second: Entry, samples: Samples) -> r.Pair:
    both = answered_by(first, second)
    seen, scores = labels[both], (first.scores[both], second.scores[both])
    drawn, rows = samples.of(first.name, second.name)
    differences: list[r.Difference] = []
    cells: list[r.Cell] = []
    if drawn:
        curves = [roc(seen, some) for some in scores]
        areas = [curve.auc.value for curve in curves]
        differences.append(_difference("AUC", areas, delong(seen, *scores)))
        precisions = [average_precision(curve.ranking) for curve in curves]
        differences.append(_resampled("AP", precisions, drawn.ap[rows]))
    if first.threshold and second.threshold:
        marks = [
            some >= entry.threshold.value
            for some, entry in zip(scores, (first, second), strict=True)
            if entry.threshold
        ]
        cells = [
            r.Cell(a, b, classes_of(seen, (marks[0] == a) & (marks[1] == b)))
            for a in (True, False)
            for b in (True, False)
        ]
        for measure, label in (("recall", 1), ("false positive rate", 0)):
            if (seen == label).any():
                some = [mark[seen == label] for mark in marks]
                rates = [float(mark.mean()) for mark in some]
                differences.append(_difference(measure, rates, mcnemar(*some)))
        if drawn and all(mark.any() for mark in marks):
            tables = [counted(seen, mark) for mark in marks]
            measured = (
                ("precision", [t.precision().value for t in tables], drawn.precision[rows]),
                ("F1", [t.f1().value for t in tables], drawn.f1[rows]),
            )
            alike = bool((marks[0] == marks[1]).all())
            differences += [
                _alike(measure, values) if alike else _resampled(measure, values, draws)
                for measure, values, draws in measured
            ]
    return r.Pair(
        first.name,
        second.name,
        classes_of(labels, both),
        differences,
        cells,
        difference_in_words(first.name, second.name, differences),
    )


def _difference(measure: str, values: Sequence[float], test: PairedTest) -> r.Difference:
    first, second = values
    return r.Difference(measure, first, second, test.difference, test.p, test.test)


def _resampled(
    measure: str, values: Sequence[float], draws: npt.NDArray[np.float64]
) -> r.Difference:
    return _difference(measure, values, bootstrap_test(values[1] - values[0], *draws))


def _alike(measure: str, values: Sequence[float]) -> r.Difference:
    """Return a difference of 0 whose interval no resample can tell: each would give 0 again."""
    first, second = values
    return r.Difference(measure, first, second, r.Absent("they mark the same pictures"), None, None)


# ---- Prevalence, slices, funnel


def _at_prevalence(share: float, labels: Labels, entries: Sequence[Entry]) -> r.AtPrevalence:
    def precision(entry: Entry) -> r.Maybe:
        if entry.threshold is None:
            return NO_THRESHOLD
        known = np.isfinite(entry.scores)
        table = counted(labels[known], entry.scores[known] >= entry.threshold.value)
        whole = table.tp + table.fn and table.fp + table.tn
        if not whole or not table.tp + table.fp:
            return NONE_MARKED if whole else ONE_CLASS
        return precision_at(table, share)

    return r.AtPrevalence(share, {entry.name: precision(entry) for entry in entries})


def _slices(items: Sequence[Item], labels: Labels, entries: Sequence[Entry]) -> list[r.Slice]:
    found = []
    for part in parts(items):
        pictures = classes_of(labels, part.mask)
        here = [n for n in (pictures.targets, pictures.controls) if n]
        found.append(
            r.Slice(
                part.attribute,
                part.value,
                pictures,
                min(here) < SMALL,
                [_slice_scores(labels, entry, part.mask) for entry in entries],
            )
        )
    return found


def _slice_scores(labels: Labels, entry: Entry, mask: Mask) -> r.SliceScores:
    mask = mask & np.isfinite(entry.scores)
    seen, scores = labels[mask], entry.scores[mask]
    auc = roc(seen, scores).auc if 0 < seen.sum() < len(seen) else r.Absent("only one class here")
    at = at_threshold(labels, entry, mask)
    recall, fpr = (at, at) if isinstance(at, r.Absent) else (at.recall, at.fpr)
    return r.SliceScores(entry.name, auc, recall, fpr)


def _funnel(labels: Labels, entries: Sequence[Entry]) -> list[r.FunnelRow]:
    """Return the funnel of the first detector of 1996 among the scorers, if there is one."""
    details = next((entry.details for entry in entries if any(entry.details)), ())
    answered = [
        (passes(found), int(label)) for found, label in zip(details, labels, strict=False) if found
    ]
    if not answered:
        return []
    rows = []
    for stage in ("skin filter", "segments", *CONFIGURATIONS):
        passed = np.array([p[stage] for p, _ in answered])
        table = counted(np.array([label for _, label in answered]), passed)
        published: Iterable[r.Maybe] = (
            [wilson(hits, n) for hits, n in zip(PUBLISHED[stage], PUBLISHED_TOTALS, strict=True)]
            if stage in PUBLISHED
            else [r.Absent("not published")] * 2
        )
        rows.append(r.FunnelRow(stage, recall_of(table), fpr_of(table), *published))
    return rows


def _published(
    name: str, source: str, hits: tuple[int, int], totals: tuple[int, int]
) -> r.PublishedPoint:
    recall, fpr = (wilson(n, total) for n, total in zip(hits, totals, strict=True))
    return r.PublishedPoint(name, source, recall, fpr)
