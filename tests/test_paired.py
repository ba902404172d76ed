"""Paired tests against MLstatkit, statsmodels, slow twins and simulations."""

import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm
from sklearn.metrics import average_precision_score, roc_auc_score

from compare.metrics import counts, roc, wilson
from compare.paired import delong, delong_variance, mcnemar, paired_bootstrap

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from MLstatkit import Delong_test
    from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar


def example(n=200, seed=3, share=0.3, gain=0.4, digits=1):
    """Labels, and two scorers that share half of their noise; the second is better by `gain`."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) < share * n
    shared = rng.normal(size=n)
    a, b = (shared + rng.normal(size=n) + labels * shift for shift in (1, 1 + gain))
    return labels.astype(int), np.round(a, digits), np.round(b, digits)


def structural(labels, scores):
    """DeLong's components by their definition, pair by pair."""
    gap = scores[labels == 1][:, None] - scores[labels == 0]
    won = (gap > 0) + 0.5 * (gap == 0)
    return won.mean(), won.mean(axis=1), won.mean(axis=0)


# ---- DeLong


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 60), st.sampled_from([0, 1, 6]))
def test_delong_is_its_definition(seed, n, digits):
    labels, a, b = example(n, seed, digits=digits)
    (area_a, up_a, down_a), (area_b, up_b, down_b) = (structural(labels, s) for s in (a, b))
    variance = np.var(up_b - up_a, ddof=1) / len(up_a) + np.var(down_b - down_a, ddof=1) / len(
        down_a
    )
    single = np.var(up_a, ddof=1) / len(up_a) + np.var(down_a, ddof=1) / len(down_a)
    assert delong_variance(labels, a) == pytest.approx(single, abs=1e-14)
    found = delong(labels, a, b)
    assert found.difference.value == pytest.approx(area_b - area_a, abs=1e-12)
    if variance > 1e-12:
        z = (area_b - area_a) / np.sqrt(variance)
        assert found.z == pytest.approx(z, abs=1e-9)
        assert found.p == pytest.approx(2 * norm.sf(abs(z)))
        assert found.difference.high == pytest.approx(
            min(area_b - area_a + norm.isf(0.025) * np.sqrt(variance), 1), abs=1e-9)  # fmt: skip


@pytest.mark.parametrize("digits", [1, 9])
def test_delong_is_mlstatkits(digits):
    labels, a, b = example(digits=digits)
    found = delong(labels, a, b)
    expected = Delong_test(labels, a, b)  # second minus first, as ours
    assert (found.z, found.p) == pytest.approx(tuple(expected)[:2])


def test_delong_turns_with_its_arguments():
    labels, a, b = example()
    there, back = delong(labels, a, b), delong(labels, b, a)
    assert there.z == -back.z
    assert there.p == back.p
    assert there.difference.low == -back.difference.high
    assert there.z > 0  # second minus first, and the second is better


def test_scorers_that_rank_alike_do_not_differ():
    labels, a, _ = example()
    for other in (a, np.exp(a), 3 * a - 1):
        found = delong(labels, a, other)
        assert (found.difference.value, found.z, found.p) == (0, 0, 1)
        assert (found.difference.low, found.difference.high) == (0, 0)


def test_delong_without_a_variance():
    """Two perfect rankings do not differ, but are not known to be equal; perfect beats constant."""
    labels = np.repeat([0, 1], 30)
    perfect = delong(labels, labels, labels + np.tile([0, 0.5], 30))
    assert (perfect.difference.value, perfect.z, perfect.p) == (0, 0, 1)
    assert perfect.difference.high == pytest.approx(1 - wilson(30, 30).low)
    better = delong(labels, np.zeros(60), labels)
    assert better.difference.value == 0.5
    assert better.p < 0.001
    assert 0 < better.difference.low < 0.5 < better.difference.high < 1
    lone = delong([1, 0, 0], [0.5, 0.2, 0.9], [0.5, 0.2, 0.3])
    assert lone.p > 0.2


def test_delong_covers_and_rejects_as_often_as_it_says():
    rng, runs = np.random.default_rng(11), 1500
    labels = np.arange(150) < 50
    truth = norm.cdf(1.5 / np.sqrt(2)) - norm.cdf(1 / np.sqrt(2))
    covered = rejected = 0
    for _ in range(runs):
        shared = rng.normal(size=150)
        a, b, c = (np.sqrt(0.5) * (shared + rng.normal(size=150)) + d * labels for d in (1, 1, 1.5))
        found = delong(labels, a, c).difference
        covered += found.low <= truth <= found.high
        rejected += delong(labels, a, b).p < 0.05
    assert binom.ppf(1e-4, runs, 0.935) <= covered <= binom.isf(1e-4, runs, 0.965)
    assert binom.ppf(1e-4, runs, 0.035) <= rejected <= binom.isf(1e-4, runs, 0.065)


# ---- McNemar


def answers(both, lost, gained, neither):
    a = np.repeat([1, 1, 0, 0], [both, lost, gained, neither])
    return a, np.repeat([1, 0, 1, 0], [both, lost, gained, neither])


@settings(deadline=None)
@given(*[st.integers(0, 60)] * 4)
def test_mcnemar_is_statsmodels(both, lost, gained, neither):
    if not both + lost + gained + neither:
        return
    found = mcnemar(*answers(both, lost, gained, neither))
    assert found.discordant == (lost, gained)
    n = both + lost + gained + neither
    assert found.difference.value == pytest.approx((gained - lost) / n)
    assert -1 <= found.difference.low <= found.difference.value <= found.difference.high <= 1
    assert found.difference.low < found.difference.high
    if lost + gained:
        exact = statsmodels_mcnemar([[both, lost], [gained, neither]], exact=True)
        assert found.p == pytest.approx(exact.pvalue)
        assert found.p == pytest.approx(binomtest(lost, lost + gained).pvalue)
        # Tango's interval leaves 0 out exactly where McNemar's asymptotic test rejects.
        score = statsmodels_mcnemar(
            [[both, lost], [gained, neither]], exact=False, correction=False
        )
        if abs(score.pvalue - 0.05) > 1e-6:
            holds_zero = found.difference.low <= 0 <= found.difference.high
            assert holds_zero == (score.pvalue > 0.05)
    else:
        assert found.p == 1


@settings(deadline=None)
@given(*[st.integers(0, 30)] * 4)
def test_tangos_limits_solve_the_score_test(both, lost, gained, neither):
    """At a limit d, with the likeliest rates by search, the score is 1.96 standard errors away."""
    n = both + lost + gained + neither
    if not (lost + gained and both + neither):
        return
    limits = mcnemar(*answers(both, lost, gained, neither)).difference
    for d in (limits.low, limits.high):
        q = np.linspace(max(0, -d), (1 - d) / 2, 200_001)  # rate of losses; of gains q + d
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = (np.where(count, count * np.log(rate), 0) for count, rate in
                     ((lost, q), (gained, q + d), (both + neither, 1 - 2 * q - d)))  # fmt: skip
            best = q[np.nanargmax(sum(parts))]
        score = (gained - lost - n * d) / np.sqrt(n * (2 * best + d * (1 - d)))
        assert abs(score) == pytest.approx(norm.isf(0.025), abs=2e-3)


def test_mcnemar_with_nothing_to_tell_apart():
    found = mcnemar(*answers(30, 0, 0, 20))
    assert (found.difference.value, found.p) == (0, 1)
    assert found.difference.high == pytest.approx(wilson(0, 50).high)
    assert found.difference.low == pytest.approx(-found.difference.high)
    extreme = mcnemar([0] * 10, [1] * 10)
    assert extreme.difference.high == 1
    assert 0 < extreme.difference.low < 1
    assert extreme.p == 2 / 2**10


def test_tango_covers():
    rng, runs, n = np.random.default_rng(12), 1000, 60
    rates = [0.5, 0.05, 0.15, 0.3]
    tables = rng.multinomial(n, rates, runs)
    found = [mcnemar(*answers(*table)).difference for table in tables]
    covered = sum(e.low <= 0.1 <= e.high for e in found)
    assert binom.ppf(1e-4, runs, 0.93) <= covered <= binom.isf(1e-4, runs, 0.97)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [([], [], "one length"), ([1], [1, 0], "one length"), ([1, 2], [0, 1], "right or wrong"),
     ([1, 0], [np.nan, 1], "right or wrong")],
)  # fmt: skip
def test_what_mcnemar_refuses(a, b, words):
    with pytest.raises(ValueError, match=words):
        mcnemar(a, b)


# ---- The paired bootstrap


STATISTICS = "auc", "ap", "recall", "fpr", "precision", "f1"


def plain(statistic, labels, scores, threshold):
    if statistic == "auc":
        return roc_auc_score(labels, scores)
    if statistic == "ap":
        return average_precision_score(labels, scores)
    return getattr(counts(labels, scores, threshold), statistic)().value


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_paired_bootstrap_by_a_slow_twin(statistic):
    labels, a, b = example(80)
    limits = {"threshold_a": 0.8, "threshold_b": 1.1}
    found = paired_bootstrap(labels, a, b, statistic, **limits, resamples=60, seed=4)
    rng = np.random.default_rng(4)
    groups, draws = (np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)), []
    for _ in range(60):
        pictures = np.concatenate([
            group[rng.integers(len(group), size=len(group), dtype=np.int32)] for group in groups
        ])  # fmt: skip
        draws.append(plain(statistic, labels[pictures], b[pictures], 1.1)
                     - plain(statistic, labels[pictures], a[pictures], 0.8))  # fmt: skip
    value = plain(statistic, labels, b, 1.1) - plain(statistic, labels, a, 0.8)
    assert found.difference.value == pytest.approx(value)
    limits = np.quantile(draws, [0.025, 0.975])
    np.testing.assert_allclose([found.difference.low, found.difference.high], limits)
    low, high = (sum(d <= 1e-12 for d in draws), sum(d >= -1e-12 for d in draws))
    assert found.p == pytest.approx(min(2 * (min(low, high) + 1) / 61, 1))


def test_p_is_never_0_and_alike_is_1():
    labels, a, b = example(400, gain=3)
    assert paired_bootstrap(labels, a, b, "auc", resamples=99).p == 2 / 100
    assert paired_bootstrap(labels, a, a, "ap", resamples=99).p == 1


def test_the_paired_bootstrap_agrees_with_delong():
    labels, a, b = example(2000)
    expected, found = delong(labels, a, b), paired_bootstrap(labels, a, b, "auc", resamples=2000)
    assert found.difference.value == expected.difference.value
    width = expected.difference.high - expected.difference.low
    for limit in ("low", "high"):
        gap = getattr(found.difference, limit) - getattr(expected.difference, limit)
        assert abs(gap) < 0.1 * width
    assert roc(labels, b).auc.value > roc(labels, a).auc.value
    assert found.difference.value > 0


@pytest.mark.parametrize("statistic", ["auc", "recall"])
def test_the_paired_bootstrap_covers(statistic):
    rng, runs = np.random.default_rng(13), 300
    labels = np.arange(240) < 80
    covered = 0
    truth = {
        "auc": norm.cdf(1.5 / np.sqrt(2)) - norm.cdf(1 / np.sqrt(2)),
        "recall": norm.cdf(0.5) - norm.cdf(0),
    }[statistic]
    for run in range(runs):
        shared = rng.normal(size=240)
        a, b = (np.sqrt(0.5) * (shared + rng.normal(size=240)) + d * labels for d in (1, 1.5))
        found = paired_bootstrap(labels, a, b, statistic, threshold_a=1, threshold_b=1,
                                 resamples=200, seed=run).difference  # fmt: skip
        covered += found.low <= truth <= found.high
    # 200 resamples and few pictures: 3 points are granted besides the simulation's noise.
    assert binom.ppf(1e-4, runs, 0.92) <= covered <= binom.isf(1e-4, runs, 0.98)


def test_what_the_paired_bootstrap_refuses():
    labels, a, b = example(20)
    with pytest.raises(ValueError, match="a statistic among auc"):
        paired_bootstrap(labels, a, b, "accuracy")
    with pytest.raises(ValueError, match="threshold for each scorer"):
        paired_bootstrap(labels, a, b, "recall", threshold_a=1)
    with pytest.raises(ValueError, match="marked picture"):
        paired_bootstrap(labels, a, b, "precision", threshold_a=np.inf, threshold_b=0)


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [([], [], "no picture"), ([1, 1], [0, 1], "1 alone"), ([0, 1], [0, np.nan], "finite"),
     ([0, 1, 1], [0, 1], "2 scores"), ([0, 3], [0, 1], "got 3")],
)  # fmt: skip
def test_what_all_refuse(labels, scores, words):
    fine = np.zeros(len(labels))
    for test, swap in product((delong, lambda *x: paired_bootstrap(*x, "auc")), (False, True)):
        given = (scores, fine) if swap else (fine, scores)
        with pytest.raises(ValueError, match=words):
            test(labels, *given)
