"""The judge: every number of a report against the plain functions, or against counts by hand."""

import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, roc_auc_score

from compare import report as report_room
from compare.entries import FPRS, Entry
from compare.intervals import Estimate, wilson
from compare.judge import judge
from compare.paired import delong, mcnemar, paired_bootstrap
from compare.report import Absent, Classes, Making, SetSummary, Threshold, to_json
from images.labelled import Item

MAKING = Making("skindeep compare", {}, "", 1996, 1000, {}, ())
TESTED = SetSummary("set.csv", "0" * 64, "test", Classes(0, 0), {}, {}, {})
NAN = float("nan")


def item(number: int, label: int, **attributes: str) -> Item:
    return Item(f"{number}.png", "0" * 64, label, "here", "", str(number), "test", attributes)


def entry(name: str, scores, threshold: float | None = None, **others) -> Entry:
    chosen = None if threshold is None else Threshold(threshold, "as given", "hand")
    made = Entry(name, "One.", "external", name, True, np.array(scores, float), chosen)
    return replace(made, **others)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.repeat([1, 0], [40, 160])


@pytest.fixture(scope="module")
def two(labels) -> list[Entry]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=200)
    scores = [
        1 / (1 + np.exp(-(shift * labels + shared + rng.normal(size=200)))) for shift in (1, 2)
    ]
    scores[0][[0, 1, 50]] = NAN
    return [entry("plain", scores[0], 0.7), entry("better", scores[1], 0.8)]


@pytest.fixture(scope="module")
def report(labels, two):
    items = [item(k, int(label), half="low" if k % 2 else "high") for k, label in enumerate(labels)]
    return judge(TESTED, items, two, MAKING)


def test_each_scorer_is_measured_on_what_it_answered(report, labels, two):
    for one, given in zip(report.scorers, two, strict=True):
        known = ~np.isnan(given.scores)
        seen, scores = labels[known], given.scores[known]
        assert one.auc.value == pytest.approx(roc_auc_score(seen, scores))
        assert one.ap.value == pytest.approx(average_precision_score(seen, scores))
        assert one.brier.value == pytest.approx(np.mean((seen - scores) ** 2))
        assert one.at_threshold.precision.value == pytest.approx(
            precision_score(seen, scores >= given.threshold.value)
        )
        assert one.auc.low < one.auc.value < one.auc.high
        assert [at.fpr for at in one.recall_at] == list(FPRS)
    assert report.scorers[0].answered == Classes(38, 159)
    assert report.scorers[0].unanswered == Classes(2, 1)


def test_pictures_without_an_answer_count_both_ways(report, labels, two):
    one = report.scorers[0]
    hits = int((two[0].scores[labels == 1] >= 0.7).sum())
    assert one.at_threshold.recall == wilson(hits, 38)
    assert one.counted_as_missed.recall == wilson(hits, 40)
    assert one.counted_as_missed.fp == one.at_threshold.fp
    assert one.counted_as_missed.tn == one.at_threshold.tn + 1


def test_a_curve_ends_where_everything_is_marked(report):
    curve = report.scorers[1].curve
    assert (curve.thresholds[0], curve.tp[0], curve.fp[0]) == (None, 0, 0)
    assert (curve.tp[-1], curve.fp[-1]) == (40, 160)


def test_a_thinned_curve_keeps_the_table_at_the_threshold():
    rng = np.random.default_rng(1)
    many = np.repeat([1, 0], [20_000, 20_000])
    items = [item(k, int(label)) for k, label in enumerate(many)]
    scores = rng.normal(size=40_000) + many
    for threshold in (0.123, float(scores[7])):
        (one,) = judge(
            TESTED, items, [replace(entry("one", scores, threshold), is_probability=False)], MAKING
        ).scorers
        at = one.at_threshold
        assert (at.tp, at.fp) in set(zip(one.curve.tp, one.curve.fp, strict=True))
        assert len(one.curve.tp) < 13_000


def test_recall_at_a_rate_knows_that_nothing_found_is_not_nothing_there(labels):
    backwards = entry("backwards", 1 - labels)
    items = [item(k, int(label)) for k, label in enumerate(labels)]
    (one,) = judge(TESTED, items, [backwards], MAKING).scorers
    assert one.recall_at[0].recall.value == 0
    assert one.recall_at[0].recall.high == pytest.approx(wilson(0, 40).high)
    assert one.recall_at[0].threshold is None


def test_a_pair_is_compared_on_what_both_answered(report, labels, two):
    (pair,) = report.pairs
    both = ~np.isnan(two[0].scores)
    seen, first, second = labels[both], two[0].scores[both], two[1].scores[both]
    assert pair.pictures == Classes(38, 159)
    by_measure = {one.measure: one for one in pair.differences}
    expected = delong(seen, first, second)
    assert (by_measure["AUC"].difference, by_measure["AUC"].p) == (expected.difference, expected.p)
    for measure, label in (("recall", 1), ("false positive rate", 0)):
        some = seen == label
        expected = mcnemar(first[some] >= 0.7, second[some] >= 0.8)
        assert by_measure[measure].p == expected.p
        assert by_measure[measure].first == pytest.approx((first[some] >= 0.7).mean())
    for measure, name in (("AP", "ap"), ("F1", "f1"), ("precision", "precision")):
        expected = paired_bootstrap(
            seen, first, second, name, threshold_a=0.7, threshold_b=0.8, seed=1996
        )
        assert by_measure[measure].difference == expected.difference
        assert by_measure[measure].p == expected.p
    assert sum(cell.pictures.targets for cell in pair.agreement) == 38
    (both_mark,) = (cell for cell in pair.agreement if cell.first and cell.second)
    assert both_mark.pictures.targets == ((first >= 0.7) & (second >= 0.8) & (seen == 1)).sum()


def test_words_follow_the_signs(report):
    (pair,) = report.pairs
    assert pair.sentence.startswith("Compared with plain, better ranks better over all")
    assert "better ranks the pictures best" in report.answer
    assert "Chance would hardly do that" in report.answer


def test_identical_scorers_do_not_differ(labels, two):
    items = [item(k, int(label)) for k, label in enumerate(labels)]
    (pair,) = judge(TESTED, items, [two[1], replace(two[1], name="twin")], MAKING).pairs
    same = Absent("they mark the same pictures")
    assert {one.measure for one in pair.differences if one.difference == same} == {
        "precision",
        "F1",
    }
    for one in pair.differences:
        assert one.first == one.second
        if one.difference == same:  # every resample would say 0, which would look certain
            assert (one.p, one.test) == (None, None)
        else:
            assert (one.difference.value, one.p) == (0.0, 1.0)
    assert pair.sentence.endswith("chance could do as much.")


def test_shared_resamples_are_those_of_a_pair_alone(labels, two):
    """A third scorer, and others' missing pictures, change nothing in what a pair is told."""
    items = [item(k, int(label)) for k, label in enumerate(labels)]
    third = entry("third", np.linspace(0, 1, 200), 0.5)
    alone = judge(TESTED, items, two, MAKING).pairs[0]
    among = judge(TESTED, items, [*two, third], MAKING).pairs[0]
    assert alone == among


def test_slices_tell_their_size(labels):
    kinds = ["bare"] * 40 + ["wood"] * 155 + ["sand"] * 5
    items = [item(k, int(label), kind=kinds[k]) for k, label in enumerate(labels)]
    scores = np.linspace(1, 0, 200)
    slices = judge(TESTED, items, [entry("one", scores, 0.5)], MAKING).slices
    found = {part.value: part for part in slices}
    assert {value: part.small for value, part in found.items()} == {
        "bare": False,
        "wood": False,
        "sand": True,
    }
    (wood,) = found["wood"].scores
    assert isinstance(wood.auc, Absent)
    assert isinstance(wood.recall, Absent)
    assert wood.fpr == wilson(int((scores[40:195] >= 0.5).sum()), 155)


def test_the_funnel_and_the_configurations_count_what_the_detector_found():
    def found(stopped_at, segments, **taus):
        every = ("limb", "limb_limb_girdle", "limb_segment_girdle", "spine_thigh")
        return {
            "stopped_at": stopped_at,
            "segments": segments,
            "taus": {r: taus.get(r) for r in every},
        }

    details = [
        found(None, 3, spine_thigh=0.4),  # targets
        found("groups", 2, limb=0.9),
        {},
        found("skin_filter", 0),  # controls
        found("segments", 0),
        found(None, 4, limb_limb_girdle=1.0),
    ]
    scores = [0.9, 0.3, NAN, 0.1, 0.2, 0.6]
    items = [item(k, int(k < 3)) for k in range(6)]
    detector = entry("1996", scores, 0.5, details=details, kind="baseline", is_probability=False)
    report = judge(TESTED, items, [detector], MAKING)
    rows = {row.stage: (row.targets, row.controls) for row in report.funnel}
    assert rows["skin filter"] == (wilson(2, 2), wilson(2, 3))
    assert rows["segments"] == (wilson(2, 2), wilson(1, 3))
    assert rows["F"] == (wilson(1, 2), wilson(1, 3))
    assert rows["H"] == (wilson(2, 2), wilson(1, 3))
    points = {point.name: (point.recall, point.fpr) for point in report.scorers[0].operating_points}
    assert points == {name: rows[name] for name in "ABCDEFGH"}
    assert isinstance(report.scorers[0].brier, Absent)


def test_what_there_is_no_number_of_says_why(labels):
    items = [item(k, int(label)) for k, label in enumerate(labels)]
    silent = entry("silent", np.where(labels == 1, NAN, 0.5), 0.4)
    loud = entry("loud", labels, 0.5)
    report = judge(TESTED, items, [silent, loud], MAKING)
    assert report.scorers[0].auc == Absent("no answer for one of the classes")
    assert report.scorers[0].brier == report.scorers[0].ece == report.scorers[0].auc
    assert report.scorers[0].at_threshold.recall == Absent("no targets here")
    assert report.prevalence[0].precision["silent"] == report.scorers[0].auc
    (difference,) = report.pairs[0].differences
    assert difference.measure == "false positive rate"
    timid = replace(silent, threshold=None)
    (pair,) = judge(TESTED, items, [timid, loud], MAKING).pairs
    assert pair.differences == []
    assert pair.sentence.startswith("Too few pictures")
    assert "loud has an area" in report.answer
    assert isinstance(report.scorers[1].auc, Estimate)
    assert to_json(report)["scorers"][0]["auc"] == {"absent": "no answer for one of the classes"}


def test_a_threshold_that_marks_nothing_has_no_precision(labels):
    items = [item(k, int(label)) for k, label in enumerate(labels)]
    shy, other = entry("shy", labels / 2, 0.9), entry("other", labels / 2)
    report = judge(TESTED, items, [shy, other], MAKING)
    first, second = report.scorers
    assert first.at_threshold.precision == Absent("no picture is marked")
    assert first.at_threshold.f1.value == 0
    assert second.at_threshold == Absent("no threshold was chosen")
    assert {str(row.precision) for row in report.prevalence} == {
        str({"shy": Absent("no picture is marked"), "other": Absent("no threshold was chosen")})
    }
    assert [one.measure for one in report.pairs[0].differences] == ["AUC", "AP"]


def test_one_class_cannot_be_judged():
    with pytest.raises(
        ValueError, match="expected targets and controls to test with, got 3 targets"
    ):
        judge(TESTED, [item(k, 1) for k in range(3)], [entry("one", [1, 2, 3])], MAKING)


def test_precision_follows_the_prevalence(report):
    """By Bayes' rule from recall and false positive rate; at the set's own share it is itself."""
    for row in report.prevalence:
        for one in report.scorers:
            at = one.at_threshold
            hits = row.prevalence * at.recall.value
            alarms = (1 - row.prevalence) * at.fpr.value
            assert row.precision[one.name].value == pytest.approx(hits / (hits + alarms))
    shares = [row.prevalence for row in report.prevalence]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (0.5, 0.0001)


def test_the_schema_is_documented():
    """Every key of report.json stands in docs/report.md."""
    text = (Path(__file__).parents[1] / "docs" / "report.md").read_text()
    told = set(re.findall(r"`([a-z0-9_]+)`", text))
    kinds = [kind for kind in vars(report_room).values() if is_dataclass(kind)]
    keys = {field.name for kind in kinds for field in fields(kind)}
    assert len(kinds) > 20
    assert keys - told == set()
    assert f'"{report_room.SCHEMA}"' in text
