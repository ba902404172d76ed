"""Fifteen unions, fewer detectors.

The paper of 1999 counts pictures for unions of four rules: a limb, a limb-limb girdle, a
limb-segment girdle, a spine-thigh group. Four rules have fifteen unions of at least one. But a
girdle holds a limb: where either girdle is found, so is a limb. Unions that mark the same pictures
whatever the pictures are, are one detector. Write `outcomes(rules, holds)`: how many there are, for
a list of rules and pairs `(a, b)` of rules of which `a` never comes without `b`.

Hint: A picture, to a detector, is the set of rules that fire. List the sets that can occur.

Hint: A union marks a picture if they share a rule. Two unions are the same if they agree on all
pictures: put their answers into a set.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, combinations

from baseline.grouping import CONFIGURATIONS, RULES

HOLDS = (("limb_limb_girdle", "limb"), ("limb_segment_girdle", "limb"))


def outcomes(rules: Sequence[str], holds: Iterable[tuple[str, str]]) -> int:
    """Return how many of the unions differ on some picture."""
    some = [set(part) for k in range(len(rules) + 1) for part in combinations(rules, k)]
    pairs = list(holds)
    pictures = [fired for fired in some if all(b in fired for a, b in pairs if a in fired)]
    unions = [union for union in some if union]
    return len({tuple(bool(union & fired) for fired in pictures) for union in unions})


def check(answer: Callable[[Sequence[str], Iterable[tuple[str, str]]], int]) -> dict[str, int]:
    """Try small cases that can be listed by hand, then the paper's."""
    for rules, holds, wanted in (
        (["a", "b", "c"], [], 7),
        (["a", "b"], [("a", "b")], 2),
        (["a", "b", "c"], [("a", "b"), ("b", "c")], 3),
    ):
        found = answer(rules, holds)
        if found != wanted:
            raise ValueError(f"expected {wanted} of {rules} where {holds}, got {found}")
    letters = list(chain(CONFIGURATIONS))
    return {"detectors": answer(RULES, HOLDS), "letters in the paper": len(letters)}
