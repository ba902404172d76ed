"""Better, or luckier.

Two scorers mark the same targets. On those that both find or both miss they are equal; only where
one finds what the other misses can they differ. If they were equally good, each such target would
be a fair coin. Write `chance(gained, lost)`: the probability that fair coins fall at least as far
from even as here, where the second scorer gained so many targets and lost so many. This is
McNemar's exact test.

Hint: Of `n = gained + lost` coins, `k` heads come up with probability `comb(n, k) / 2 ** n`.

Hint: At least as far on either side: add up all `k` with `abs(k - n / 2) >= abs(gained - n / 2)`.
"""

from collections.abc import Callable
from math import comb

import numpy as np

from compare.paired import mcnemar


def chance(gained: int, lost: int) -> float:
    """Return the two-sided p of McNemar's exact test."""
    n = gained + lost
    far = abs(gained - n / 2)
    return float(sum(comb(n, k) for k in range(n + 1) if abs(k - n / 2) >= far) / 2**n)


def check(answer: Callable[[int, int], float]) -> dict[str, float]:
    """Compare an answer with the judge's."""
    for gained, lost in ((0, 0), (1, 0), (5, 0), (10, 2), (7, 7), (30, 12)):
        first = np.array([False] * gained + [True] * lost + [True] * 50)
        second = np.array([True] * gained + [False] * lost + [True] * 50)
        wanted, found = mcnemar(first, second).p, answer(gained, lost)
        if not np.isclose(found, wanted):
            raise ValueError(f"expected p = {wanted:.4f} of {gained} and {lost}, got {found}")
    return {"p of 10 gained, 2 lost": answer(10, 2), "p of 5 gained, none lost": answer(5, 0)}
