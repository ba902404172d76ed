"""The numbers of one scorer against scikit-learn, statsmodels, slow twins and values by hand."""

import subprocess
import sys
import warnings
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from compare.intervals import Estimate, difference, ratio_limits, wilson
from compare.metrics import (
    Counts,
    brier,
    calibration,
    counts,
    det,
    ece,
    precision_at,
    precision_recall,
    ranking,
    recall_at,
    roc,
    thin,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.stats.proportion import proportion_confint


@st.composite
def tied_sets(draw):
    """Labels with both classes, and scores with many ties."""
    n = draw(st.integers(2, 40))
    labels = [1, 0, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    scores = draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    return np.array(labels), np.array(scores) / 2


def example(n=400, shift=1.0, share=0.3, seed=3):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) < share * n).astype(int)
    return labels, np.round(rng.normal(shift * labels), 1)


# ---- Estimates and intervals


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (7, 50, 0.069508, 0.261862),
        (0, 50, 0.0, 0.071348),
        (50, 50, 1 - 0.071348, 1.0),
        (241, 565, 0.386, 0.468),  # published, [IJCV99]
        (182, 4289, 0.037, 0.049),
    ],
)
def test_wilson_by_known_values(hits, n, low, high):
    found = wilson(hits, n)
    digits = 6 if n == 50 else 3
    assert (round(found.low, digits), round(found.high, digits)) == (low, high)
    assert found.method == "Wilson"


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
       st.sampled_from([0.5, 0.9, 0.95, 0.999]))  # fmt: skip
def test_wilson_is_statsmodels(case, level):
    hits, n = case
    found = wilson(hits, n, level)
    expected = proportion_confint(hits, n, 1 - level, method="wilson")
    np.testing.assert_allclose([found.low, found.high], expected, atol=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_needs_cases(hits, n):
    with pytest.raises(ValueError, match="expected 0 to n hits"):
        wilson(hits, n)


@pytest.mark.parametrize("values", [(np.nan, 0, 1), (0, -np.inf, 1), (0, 0, np.nan), (0, 1, 0)])
def test_an_estimate_is_a_number(values):
    with pytest.raises(ValueError, match="expected"):
        Estimate(*values, 0.95, "none")


def test_mover_tends_to_its_limits():
    """With a rate that falls to 0, the limits are continuous: those of 0 are no special case."""
    fixed, high = Estimate(0.5, 0.4, 0.6, 0.95, ""), 0.01
    for tiny in (1e-60, 0.0):
        low, top = ratio_limits(Estimate(tiny, 0.0, high, 0.95, ""), fixed)
        assert low == 0
        assert top == pytest.approx(high / 0.5, rel=1e-2)
        low, top = ratio_limits(fixed, Estimate(tiny, 0.0, high, 0.95, ""))
        assert low == pytest.approx(0.5 / high, rel=1e-2)
        assert top == np.inf


def test_mover_of_a_difference_is_newcombes():
    """Newcombe (1998), method 10, example (a): 56/70 - 48/80 is [0.0524, 0.3339]."""
    found = difference(wilson(56, 70), wilson(48, 80), "MOVER")
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


# ---- Curves


@given(tied_sets())
@settings(deadline=None)
def test_the_curves_are_scikit_learns(case):
    labels, scores = case
    curve, found = roc(labels, scores), precision_recall(labels, scores, resamples=1)
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_array_equal(curve.fpr, fpr)
    np.testing.assert_array_equal(curve.tpr, tpr)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    assert curve.auc.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    np.testing.assert_array_equal(found.precision, precision[-2::-1])  # without (0, 1)
    np.testing.assert_array_equal(found.recall, recall[-2::-1])
    np.testing.assert_array_equal(found.thresholds, thresholds[::-1])
    assert found.ap.value == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@settings(deadline=None)
@given(tied_sets())
def test_a_ranking_counts_by_comparison(case):
    labels, scores = case
    ranked = ranking(labels, scores)
    assert ranked.thresholds.tolist() == sorted(set(scores), reverse=True)
    for t, tp, fp in zip(ranked.thresholds, ranked.tp, ranked.fp, strict=True):
        assert tp == sum(1 for y, s in zip(labels, scores, strict=True) if y and s >= t)
        assert fp == sum(1 for y, s in zip(labels, scores, strict=True) if not y and s >= t)
        for threshold in (t, t + 0.1, t - 0.1, np.inf, -np.inf):
            table = counts(labels, scores, threshold)
            assert ranked.at(threshold) == (table.tp, table.fp)
    np.testing.assert_array_equal(ranked.thresholds[ranked.place], scores)


@settings(deadline=None)
@given(tied_sets(), st.sampled_from([np.exp, lambda s: 3 * s - 7, np.arctan]))
def test_only_the_order_counts(case, rising):
    labels, scores = case
    before, after = roc(labels, scores), roc(labels, rising(scores))
    np.testing.assert_array_equal(before.tpr, after.tpr)
    assert before.auc == after.auc
    assert roc(1 - labels, -scores).auc.value == pytest.approx(before.auc.value, abs=1e-12)


@pytest.mark.parametrize("scores", [[0, 0, 1, 1], [1, 1, 0, 0], [2, 2, 2, 2]])
def test_no_curve_is_certain(scores):
    """Perfect, perfectly wrong, and all alike: DeLong's variance is 0, the interval is not."""
    labels, scores = np.repeat([0, 0, 1, 1], 10), np.repeat(scores, 10)
    auc = roc(labels, scores).auc
    expected = wilson(auc.value * 20, 20)
    assert (auc.low, auc.high) == (expected.low, expected.high)
    assert auc.method == "Wilson of 20 disjoint pairs"
    assert auc.value in (0, 0.5, 1)
    ap = precision_recall(labels, scores, resamples=20).ap
    assert ap.high - ap.low > 0.1
    assert ap.method == "Wilson of 20 targets"
    one = roc([1, 0, 0, 0], [0.5, 0.1, 0.6, 0.2]).auc
    assert one.method == "Wilson of 1 disjoint pair"


@pytest.mark.parametrize("shift", [0.5, 2.5])
def test_the_areas_interval_covers(shift):
    """40 targets, 80 controls, normal scores: 95 % of intervals hold the true area."""
    rng, runs, truth = np.random.default_rng(5), 1500, norm.cdf(shift / np.sqrt(2))
    labels = np.arange(120) < 40
    found = [roc(labels, rng.normal(shift * labels)).auc for _ in range(runs)]
    covered = sum(e.low <= truth <= e.high for e in found)
    # Asymptotic, so 1.5 points are granted besides the noise of the simulation (1 in 10,000).
    assert binom.ppf(1e-4, runs, 0.935) <= covered <= binom.isf(1e-4, runs, 0.965)


def test_det_is_the_roc_by_deviates():
    curve = roc(*example())
    x, y = det(curve)
    np.testing.assert_allclose(norm.cdf(x)[1:-1], curve.fpr[1:-1].clip(0.5 / 280, 1 - 0.5 / 280))
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert norm.cdf(y[0]) == pytest.approx(1 - 0.5 / 120)


@settings(deadline=None)
@given(tied_sets(), st.integers(1, 9))
def test_thinning_keeps_each_columns_outline(case, pixels):
    curve = roc(*case)
    x, y = curve.fpr, curve.tpr
    kept = thin(x, y, pixels)
    assert (np.diff(kept) > 0).all()
    column = np.floor(x * pixels)
    for c in set(column):
        inside = np.flatnonzero(column == c)
        mine = np.intersect1d(inside, kept)
        assert len(mine) <= 4
        assert {inside[0], inside[-1]} <= set(mine)
        assert (y[mine].min(), y[mine].max()) == (y[inside].min(), y[inside].max())


def test_thinning_is_worth_it_and_wants_order():
    x = np.linspace(3, 4, 100_000)
    assert len(thin(x, np.sin(9000 * x), 50)) <= 4 * 51
    assert thin([1, 1, 1], [0, 2, 1]).tolist() == [0, 1, 2]
    assert thin([], []).tolist() == []
    with pytest.raises(ValueError, match="never falls"):
        thin([1, 0], [0, 0])
    with pytest.raises(ValueError, match="finite"):
        thin([0, np.inf], [0, 0])


# ---- At a threshold


def test_counts_by_hand():
    table = counts([1, 1, 1, 0, 0, 0, 0], [0.9, 0.5, 0.1, 0.5, 0.4, 0.3, 0.2], 0.5)
    assert table == Counts(tp=2, fp=1, fn=1, tn=3)
    values = [e().value for e in (table.precision, table.recall, table.fpr, table.f1)]
    assert values == pytest.approx([2 / 3, 2 / 3, 1 / 4, 2 / 3])
    assert table.recall() == wilson(2, 3)
    jaccard = wilson(2, 4)
    assert table.f1().low == pytest.approx(2 * jaccard.low / (1 + jaccard.low))
    with pytest.raises(ValueError, match="got 0 of 0"):
        Counts(0, 0, 3, 4).precision()
    with pytest.raises(ValueError, match="at least 0"):
        Counts(1, -1, 3, 4)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_precision_at_the_sets_own_prevalence_is_precision(tp, fp, fn, tn):
    if tp + fp == 0 or tp + fn == 0 or fp + tn == 0:
        return
    table = Counts(tp, fp, fn, tn)
    own = precision_at(table, (tp + fn) / (tp + fp + fn + tn))
    assert own.value == pytest.approx(table.precision().value)
    assert 0 <= own.low <= own.value <= own.high <= 1
    assert own.low < own.high
    rare = precision_at(table, 0.001)
    expected = Fraction(tp, tp + fn) * 1 / (Fraction(tp, tp + fn) + 999 * Fraction(fp, fp + tn))
    assert rare.value == pytest.approx(float(expected))


def test_precision_at_refuses_what_has_no_answer():
    with pytest.raises(ValueError, match="marks a picture"):
        precision_at(Counts(0, 0, 5, 5), 0.1)
    for prevalence in (0, 1, np.nan):
        with pytest.raises(ValueError, match="prevalence"):
            precision_at(Counts(1, 1, 5, 5), prevalence)


@pytest.mark.parametrize(("recall", "fpr"), [(0.4, 0.04), (0.9, 0.002)])
def test_precision_at_covers(recall, fpr):
    """At 1 in 1,000, from 100 targets and 1,000 controls; the second rate is often 0."""
    rng, runs, prevalence = np.random.default_rng(8), 2000, 0.001
    truth = prevalence * recall / (prevalence * recall + (1 - prevalence) * fpr)
    covered = 0
    for tp, fp in zip(rng.binomial(100, recall, runs), rng.binomial(1000, fpr, runs), strict=True):
        found = precision_at(Counts(int(tp), int(fp), 100 - int(tp), 1000 - int(fp)), prevalence)
        covered += found.low <= truth <= found.high
    assert covered >= binom.ppf(1e-4, runs, 0.935)


@settings(deadline=None)
@given(tied_sets(), st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0]))
def test_recall_at_is_the_best_of_all_thresholds(case, fpr):
    labels, scores = case
    found, threshold = recall_at(labels, scores, fpr)
    best = (0, 0, np.inf)
    for t in set(scores):
        table = counts(labels, scores, t)
        if table.fpr().value <= fpr:
            best = max(best, (table.tp, -table.fp, t))
    assert found == wilson(best[0], int(labels.sum()))
    assert threshold == (best[2] if best[0] else np.inf)


def test_recall_at_wants_a_rate():
    with pytest.raises(ValueError, match="false positive rate"):
        recall_at([0, 1], [0, 1], 42)


# ---- Probabilities


def probabilities(n=3000, seed=6):
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 3, n)
    return (rng.random(n) < truth).astype(int), truth


def test_brier_is_scikit_learns_and_covers():
    labels, scores = probabilities()
    assert brier(labels, scores).value == pytest.approx(brier_score_loss(labels, scores))
    rng, runs = np.random.default_rng(7), 1500
    labels, truth = np.arange(150) < 50, 50 / 150 * (1 / 3) + 100 / 150 * (1 / 10)
    covered = 0
    for _ in range(runs):
        # Targets score evenly from 0 to 1: errors of 1/3 in the mean; controls beta(1, 3): 1/10.
        found = brier(labels, np.where(labels, rng.random(150), rng.beta(1, 3, 150)))
        covered += found.low <= truth <= found.high
    assert binom.ppf(1e-4, runs, 0.935) <= covered <= binom.isf(1e-4, runs, 0.965)


def test_brier_is_never_certain():
    found = brier([0, 1, 0, 1], [0, 1, 0, 1])
    assert (found.value, found.low, found.high) == (0, 0, wilson(0, 4).high)
    assert brier([0, 0, 1], [0.2, 0.3, 0.4]).method == "Wilson of 3 pictures"


def test_calibration_by_hand():
    labels, scores = [0, 1, 0, 1, 1], [0.0, 0.1, 0.15, 0.95, 1.0]
    rows = calibration(labels, scores)
    assert [(r.low, r.n, r.rate.value) for r in rows] == [
        (0.0, 1, 0.0), (0.1, 2, 0.5), (0.9, 2, 1.0)]  # fmt: skip
    assert rows[1].mean == pytest.approx(0.125)
    assert rows[1].rate == wilson(1, 2)


def test_ece_by_a_slow_twin():
    labels, scores = probabilities()
    order = np.argsort(scores)
    parts = np.array_split(order, 15)
    expected = sum(len(p) * abs(labels[p].mean() - scores[p].mean()) for p in parts) / len(order)
    found = ece(labels, scores)
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high
    assert ece(labels, scores**2).low > found.high  # dishonest


def test_ece_keeps_ties_together():
    labels, scores = np.array([1, 0, 0, 0] * 25), np.full(100, 0.5)
    assert ece(labels, scores).value == 0.25
    shuffled = np.random.default_rng(0).permutation(100)
    scores = np.repeat([0.1, 0.2, 0.9], [60, 30, 10])
    before, after = ece(labels, scores), ece(labels[shuffled], scores[shuffled])
    assert before.value == pytest.approx(after.value)


@pytest.mark.parametrize("function", [brier, calibration, ece])
def test_probabilities_lie_from_0_to_1(function):
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        function([0, 1], [0.5, 1.5])


# ---- What all refuse


FUNCTIONS = [roc, precision_recall, brier, ece, calibration,
             lambda y, s: counts(y, s, 0.5), lambda y, s: recall_at(y, s, 0.1)]  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([], [], "no picture"),
        ([1, 1], [0.1, 0.2], "labels of 1 alone"),
        ([0, 0], [0.1, 0.2], "labels of 0 alone"),
        ([0, 1, 1], [0.1, 0.2], "2 scores, 3 labels"),
        ([0, 2], [0.1, 0.2], "labels of 0 and 1, got 2"),
        ([-1, 1], [0.1, 0.2], "labels of 0 and 1, got -1"),
        ([0, np.nan], [0.1, 0.2], "labels of 0 and 1, got nan"),
        ([0, 1], [0.1, np.nan], "finite scores, got nan"),
        ([0, 1], [-np.inf, 0.1], "finite scores, got -inf"),
        ([[0, 1]], [0.1, 0.2], "dimensions"),
    ],
)
def test_what_no_number_can_be_made_of(labels, scores, words):
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match=words) as caught:
            function(labels, scores)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_labels_and_scores_of_any_kind(kind):
    labels, scores = example(50)
    expected = roc(labels, scores).auc
    for truth, values in product((labels.tolist(), (labels == 1).tolist()), (scores.tolist(),)):
        assert roc(kind(truth), kind(values)).auc == expected
    assert roc(labels.astype(np.uint8), scores).auc == expected


def test_the_judge_brings_neither_torch_nor_plots():
    check = "import sys, compare; print({'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
