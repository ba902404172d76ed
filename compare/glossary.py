"""What the page explains at its end: letters, sources, and how each interval came about."""

from collections.abc import Mapping, Sequence

from baseline.captions import RULE_NAMES
from baseline.grouping import CONFIGURATIONS, RULES
from compare.lines import Data
from compare.pointers import matching
from compare.references import references

METHODS = (
    ("AUC", "/scorers/*/auc"),
    ("average precision", "/scorers/*/ap"),
    ("recall at a given false positive rate", "/scorers/*/recall_at/*/recall"),
    ("precision", "/scorers/*/at_threshold/precision"),
    ("recall", "/scorers/*/at_threshold/recall"),
    ("false positive rate", "/scorers/*/at_threshold/fpr"),
    ("F1", "/scorers/*/at_threshold/f1"),
    ("precision at another share of targets", "/prevalence/*/precision/*"),
    ("Brier score", "/scorers/*/brier"),
    ("calibration error", "/scorers/*/ece"),
    ("band of the ROC curve", "/scorers/*/roc_band"),
    ("band of precision over recall", "/scorers/*/pr_band"),
    ("differences of a pair", "/pairs/*/differences/*/difference"),
    ("slices", "/slices/*/scores/*/*"),
    ("the funnel", "/funnel/*/*"),
)
"""What has an interval, and where a report keeps it; * stands for every key."""


def configuration_rules(scorers: Sequence[Data]) -> list[tuple[str, str]]:
    """Return the letters of a detector's configurations, each with the rules that it unites."""
    letters = {point["name"] for scorer in scorers for point in scorer["operating_points"]}
    return [
        (name, ", ".join(RULE_NAMES[rule] for rule in RULES if rule in rules))
        for name, rules in CONFIGURATIONS.items()
        if name in letters
    ]


def sources(published: Sequence[Data]) -> list[tuple[str, str]]:
    """Return the sources of published points that REFERENCES.md knows, each with its entry."""
    names = dict.fromkeys(point["source"] for point in published)
    entries = {f"[{key}]": entry for key, entry in references().items()}
    return [(name, entries[name]) for name in names if name in entries]


def methods(data: Data) -> list[tuple[str, list[str]]]:
    """Return what has an interval, each with pointers at the different methods it came by."""
    told = []
    for label, pattern in METHODS:
        found: dict[str, str] = {}
        for pointer, value in matching(data, pattern):
            if isinstance(value, Mapping) and "method" in value:
                found.setdefault(value["method"], f"{pointer}/method")
        if found:
            told.append((label, list(found.values())))
    return told
