"""Every rule against a search through all thresholds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.metrics import counts
from compare.thresholds import choose

MERITS = {
    "youden": lambda t: t.recall().value - t.fpr().value,
    "f1": lambda t: 2 * t.tp / (2 * t.tp + t.fp + t.fn),
    "recall>=0.6": lambda t: -t.fp if t.recall().value >= 0.6 else None,
    "fpr<=0.3": lambda t: t.tp if t.fpr().value <= 0.3 else None,
    "cost=2.5": lambda t: -(2.5 * t.fn + t.fp),
}


@pytest.mark.parametrize("rule", MERITS)
@settings(deadline=None)
@given(data=st.data())
def test_the_best_of_all_thresholds(rule, data):
    n = data.draw(st.integers(2, 25))
    labels = [1, 0, *data.draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    scores = data.draw(st.lists(st.integers(-2, 4), min_size=n, max_size=n))
    merits = {t: MERITS[rule](counts(labels, scores, t)) for t in set(scores)}
    merits = {t: round(merit, 12) for t, merit in merits.items() if merit is not None}
    nothing = -2.5 * sum(labels)
    if not merits or (rule == "cost=2.5" and max(merits.values()) <= nothing):
        with pytest.raises(ValueError, match="expected a threshold"):
            choose(rule, labels, scores)
        return
    best = max(merits.values())
    found, _ = choose(rule, labels, scores)
    assert found == max(t for t, merit in merits.items() if merit == best)


def test_by_hand():
    labels, scores = [0, 0, 0, 1, 0, 1, 1], [1, 2, 3, 4, 5, 6, 7]
    assert choose("recall>=0.6", labels, scores) == (6, "recall of at least 60 %")
    assert choose("recall>=1", labels, scores) == (4, "recall of at least 100 %")
    assert choose("fpr<=0.042", labels, scores) == (6, "false positive rate of at most 4.2 %")
    assert choose("F1", labels, scores) == (4, "highest F1")
    assert choose(" youden ", labels, scores)[0] == 4
    assert choose("cost = 10", labels, scores) == (4, "lowest cost, a miss as 10 false alarms")
    assert choose("cost=0.5", labels, scores)[0] == 6


def test_of_equals_the_highest():
    """Both the first and the last threshold have a youden index of 0; marking less is better."""
    assert choose("youden", [0, 1, 1, 0], [1, 1, 2, 2])[0] == 2
    assert choose("fpr<=0.5", [1, 0, 0], [3, 2, 1])[0] == 3


@pytest.mark.parametrize("rule", ["fpr<=0.2", "cost=0.1"])
def test_nothing_qualifies(rule):
    with pytest.raises(ValueError, match="expected a threshold") as caught:
        choose(rule, [0, 0, 1], [3, 2, 1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    ["", "best", "recall", "recall>=", "recall>=0", "recall>=90", "recall>0.9", "fpr<=-1", "fpr<=2",
     "fpr>=0.1", "cost=0", "cost=nan", "cost=inf", "cost=1e999", "f1>=0.5"],
)  # fmt: skip
def test_rules_that_are_none(rule):
    with pytest.raises(ValueError, match="expected a r"):
        choose(rule, [0, 1], [0, 1])


def test_scores_are_checked():
    with pytest.raises(ValueError, match="labels of 1 alone"):
        choose("f1", [1, 1], [0, 1])
