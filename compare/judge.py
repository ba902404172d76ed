"""The judge: from everyone's scores on one labelled set to a `Report`. No picture is opened."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from baseline.grouping import CONFIGURATIONS
from compare import report as r
from compare.bootstrap import Resampled, band, percentile, resampled
from compare.funnel import PUBLISHED, PUBLISHED_TOTALS, passes
from compare.intervals import LEVEL, Estimate, wilson
from compare.metrics import (
    Counts,
    RocCurve,
    ap_estimate,
    det,
    precision_at,
    recall_at,
    roc,
    thin,
)  # fmt: skip
from compare.paired import PairedTest, bootstrap_test, delong, mcnemar
from compare.probabilities import brier, calibration, ece
from compare.ranking import average_precision
from compare.slices import parts
from compare.verdict import answer, difference_in_words
from images.labelled import Item

FPRS = (0.001, 0.01, 0.042)  # the last is F's of 1996
PREVALENCES = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001, 0.0001)
SMALL = 20  # of either class: a Wilson interval is then up to .4 wide
BINS = 20  # of a histogram
GRID = np.linspace(0, 1, 201)  # where curves have bands
WIDE = 1000  # px, of a plot: what a curve is thinned for
RESAMPLES, SEED = 1000, 1996
NO_THRESHOLD = r.Absent("no threshold was chosen")
NONE_MARKED = r.Absent("no picture is marked")
ONE_CLASS = r.Absent("no answer for one of the classes")
NO_PROBABILITY = r.Absent("its scores are no probabilities")

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
    if len(set(labels.tolist())) < 2:
        raise ValueError(
            f"expected targets and controls to test with, got {labels.sum()} targets and "
            f"{len(labels) - labels.sum()} controls"
        )
    samples = _Samples(labels, entries)
    scorers = [_scorer(labels, entry, samples) for entry in entries]
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


# ---- Resamples that all share


class _Samples:
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


# ---- One scorer


def _scorer(labels: Labels, entry: Entry, samples: _Samples) -> r.ScorerReport:
    known = np.isfinite(entry.scores)
    seen, scores = labels[known], entry.scores[known]
    drawn, (row,) = samples.of(entry.name)
    ranked: dict[str, Any] = dict.fromkeys(
        ("auc", "ap", "curve", "roc_band", "pr_band", "histogram"), ONE_CLASS
    )
    recalls: list[r.RecallAt] = []
    if drawn:
        curve = roc(seen, scores)
        words = f"{LEVEL:.0%} of {RESAMPLES:,} stratified resamples, point by point"
        ranked = {
            "auc": curve.auc,
            "ap": ap_estimate(curve.ranking, drawn.ap[row]),
            "curve": _curve(curve, entry.threshold),
            "roc_band": _band(drawn.roc[row], words),
            "pr_band": _band(drawn.pr[row], words),
            "histogram": _histogram(seen, scores),
        }
        recalls = [
            _recall_at(seen, scores, fpr, drawn.recall_at[row, :, k]) for k, fpr in enumerate(FPRS)
        ]
    sure = entry.is_probability
    return r.ScorerReport(
        name=entry.name,
        description=entry.description,
        kind=entry.kind,
        digest=entry.digest,
        is_probability=sure,
        answered=_classes(labels, known),
        unanswered=_classes(labels, ~known),
        threshold=entry.threshold,
        brier=_honesty(brier, entry, seen, scores),
        ece=_honesty(ece, entry, seen, scores),
        at_threshold=_at(labels, entry, known),
        counted_as_missed=_at(labels, entry, np.ones_like(known)),
        recall_at=recalls,
        operating_points=_operating_points(labels, entry),
        calibration=_calibration(seen, scores) if sure and drawn else [],
        seconds=entry.seconds,
        memory=entry.memory,
        **ranked,
    )


def _band(draws: npt.NDArray[np.float64], words: str) -> r.Band:
    low, high = band(draws)
    return r.Band(GRID.tolist(), low.tolist(), high.tolist(), words)


def _honesty(
    measure: Callable[[Labels, Scores], Estimate], entry: Entry, labels: Labels, scores: Scores
) -> r.Maybe:
    if not entry.is_probability:
        return NO_PROBABILITY
    return measure(labels, scores) if 0 < labels.sum() < len(labels) else ONE_CLASS


def _classes(labels: Labels, mask: Mask) -> r.Classes:
    targets = int(labels[mask].sum())
    return r.Classes(targets, int(mask.sum()) - targets)


def _at(labels: Labels, entry: Entry, among: Mask) -> r.AtThreshold | r.Absent:
    """Count at the threshold; a picture without a score is not marked."""
    if entry.threshold is None:
        return NO_THRESHOLD
    marked = entry.scores >= entry.threshold.value  # NaN is not
    table = _table(labels[among], marked[among])
    return r.AtThreshold(
        table.tp,
        table.fp,
        table.fn,
        table.tn,
        _precision(table),
        _recall(table),
        table.f1() if table.tp + table.fp + table.fn else NONE_MARKED,
        _fpr(table),
    )


def _precision(table: Counts) -> r.Maybe:
    return table.precision() if table.tp + table.fp else NONE_MARKED


def _recall(table: Counts) -> r.Maybe:
    return table.recall() if table.tp + table.fn else r.Absent("no targets here")


def _fpr(table: Counts) -> r.Maybe:
    return table.fpr() if table.fp + table.tn else r.Absent("no controls here")


def _table(labels: Labels, marked: Mask) -> Counts:
    tp, fp = int((marked & (labels == 1)).sum()), int((marked & (labels == 0)).sum())
    targets = int(labels.sum())
    return Counts(tp, fp, targets - tp, len(labels) - targets - fp)


def _recall_at(
    labels: Labels, scores: Scores, fpr: float, draws: npt.NDArray[np.float64]
) -> r.RecallAt:
    recall, threshold = recall_at(labels, scores, fpr)
    # The threshold is chosen on this very set, which Wilson's interval does not know; a bootstrap
    # of nothing found knows no other outcome. Each covers what the other leaves out.
    drawn = percentile(recall.value, draws)
    wide = Estimate(
        recall.value,
        min(recall.low, drawn.low),
        max(recall.high, drawn.high),
        LEVEL,
        f"the wider of {recall.method} and {drawn.method}",
    )
    return r.RecallAt(fpr, wide, threshold if np.isfinite(threshold) else None)


def _curve(curve: RocCurve, threshold: r.Threshold | None) -> r.Curve:
    """Thin a curve for every plot that it is drawn in, ROC, PR and DET, and keep the threshold."""
    ranked = curve.ranking
    precision = ranked.tp / (ranked.tp + ranked.fp)
    kept = [
        thin(curve.fpr, curve.tpr, WIDE),
        thin(curve.tpr[1:], precision, WIDE) + 1,
        thin(*det(curve), WIDE),
    ]
    if threshold:
        kept.append(np.array([np.searchsorted(-curve.thresholds, -threshold.value, "right") - 1]))
    places = np.unique(np.concatenate([[0], *kept]))[1:] - 1  # all but the first, which is added
    return r.Curve(
        [None, *ranked.thresholds[places].tolist()],
        [0, *ranked.tp[places].tolist()],
        [0, *ranked.fp[places].tolist()],
    )


def _operating_points(labels: Labels, entry: Entry) -> list[r.OperatingPoint]:
    if not any(entry.details):
        return []
    known = np.isfinite(entry.scores)
    passed = [passes(found) if found else {} for found in entry.details]
    points = []
    for name in CONFIGURATIONS:
        marked = np.array([bool(one.get(name)) for one in passed])
        table = _table(labels[known], marked[known])
        points.append(r.OperatingPoint(name, _recall(table), _fpr(table), _precision(table)))
    return points


def _calibration(labels: Labels, scores: Scores) -> list[r.CalibrationBin]:
    return [
        r.CalibrationBin(one.low, one.high, one.n, one.mean, one.rate)
        for one in calibration(labels, scores)
    ]


def _histogram(labels: Labels, scores: Scores) -> r.Histogram:
    edges = np.histogram_bin_edges(scores, BINS)
    targets, controls = (np.histogram(scores[labels == k], edges)[0].tolist() for k in (1, 0))
    return r.Histogram(edges.tolist(), targets, controls)


# ---- Two scorers


def _pair(labels: Labels, first: Entry, second: Entry, samples: _Samples) -> r.Pair:
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
            r.Cell(a, b, _classes(seen, (marks[0] == a) & (marks[1] == b)))
            for a in (True, False)
            for b in (True, False)
        ]
        for measure, label in (("recall", 1), ("false positive rate", 0)):
            if (seen == label).any():
                some = [mark[seen == label] for mark in marks]
                rates = [float(mark.mean()) for mark in some]
                differences.append(_difference(measure, rates, mcnemar(*some)))
        if drawn and all(mark.any() for mark in marks):
            tables = [_table(seen, mark) for mark in marks]
            differences += [
                _resampled(
                    "precision", [t.precision().value for t in tables], drawn.precision[rows]
                ),
                _resampled("F1", [t.f1().value for t in tables], drawn.f1[rows]),
            ]
    return r.Pair(
        first.name,
        second.name,
        _classes(labels, both),
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


# ---- Prevalence, slices, funnel


def _at_prevalence(share: float, labels: Labels, entries: Sequence[Entry]) -> r.AtPrevalence:
    def precision(entry: Entry) -> r.Maybe:
        if entry.threshold is None:
            return NO_THRESHOLD
        known = np.isfinite(entry.scores)
        table = _table(labels[known], entry.scores[known] >= entry.threshold.value)
        whole = table.tp + table.fn and table.fp + table.tn
        if not whole or not table.tp + table.fp:
            return NONE_MARKED if whole else ONE_CLASS
        return precision_at(table, share)

    return r.AtPrevalence(share, {entry.name: precision(entry) for entry in entries})


def _slices(items: Sequence[Item], labels: Labels, entries: Sequence[Entry]) -> list[r.Slice]:
    found = []
    for part in parts(items):
        pictures = _classes(labels, part.mask)
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
    at = _at(labels, entry, mask)
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
        table = _table(np.array([label for _, label in answered]), passed)
        published: Iterable[r.Maybe] = (
            [wilson(hits, n) for hits, n in zip(PUBLISHED[stage], PUBLISHED_TOTALS, strict=True)]
            if stage in PUBLISHED
            else [r.Absent("not published")] * 2
        )
        rows.append(r.FunnelRow(stage, _recall(table), _fpr(table), *published))
    return rows


def _published(
    name: str, source: str, hits: tuple[int, int], totals: tuple[int, int]
) -> r.PublishedPoint:
    recall, fpr = (wilson(n, total) for n, total in zip(hits, totals, strict=True))
    return r.PublishedPoint(name, source, recall, fpr)
