"""Numbers with intervals: an estimate is never bare, and never more certain than its data.

Sources: Wilson (1927); Donner and Zou (2012) for MOVER, which joins the intervals of two
independent estimates into one of their ratio or difference.
"""

from dataclasses import dataclass
from math import exp, hypot, inf, isfinite, log, sqrt

from scipy.special import expit, logit, ndtr, ndtri

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    value, low, high : float
        Finite, and `low` at most `high`.
    level : float
        The interval's confidence level, in (0, 1).
    method : str
        How the interval was made, in words.
    """

    value: float
    low: float
    high: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not (isfinite(self.value) and isfinite(self.low) and isfinite(self.high)):
            raise ValueError(
                f"expected a finite estimate, got {self.value} [{self.low}, {self.high}]"
            )
        if self.low > self.high:
            raise ValueError(f"expected low <= high, got [{self.low}, {self.high}]")
        if not 0 < self.level < 1:
            raise ValueError(f"expected a level between 0 and 1, got {self.level}")


def deviate(level: float = LEVEL) -> float:
    """Return the normal deviate of a two-sided level: 1.96 for 0.95."""
    return float(ndtri((1 + level) / 2))


def two_sided(z: float) -> float:
    """Return how often a normal deviate is at least as far from 0."""
    return float(2 * ndtr(-abs(z)))


def wilson(hits: float, n: int, level: float = LEVEL) -> Estimate:
    """Return a rate with Wilson's interval.

    `hits` may be broken: the sum of n independent values in [0, 1] varies at most as much as a
    count of the same mean, so that the interval is then on the safe side.

    Raises
    ------
    ValueError
        If there are no cases, or fewer than hits.

    Examples
    --------
    >>> estimate = wilson(7, 50)
    >>> round(estimate.low, 6), round(estimate.high, 6)
    (0.069508, 0.261862)
    """
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"expected 0 to n hits of at least one case, got {hits} of {n}")
    rate, z = hits / n, deviate(level)
    centre, spread = rate + z * z / (2 * n), z * sqrt(rate * (1 - rate) / n + (z / n) ** 2 / 4)
    scale = 1 + z * z / n
    low = (centre - spread) / scale if hits > 0 else 0.0  # exact ends, whatever the rounding
    high = (centre + spread) / scale if hits < n else 1.0
    return Estimate(rate, low, high, level, "Wilson")


def normal(value: float, error: float, low: float, high: float, method: str) -> Estimate:
    """Return a number with the interval of its standard error, cut to [low, high]."""
    reach = deviate() * error
    return Estimate(value, max(value - reach, low), min(value + reach, high), LEVEL, method)


def logit_normal(value: float, error: float, method: str) -> Estimate:
    """Return a number in (0, 1) with an interval that is symmetric on the logit scale.

    `error` is the number's own standard error; the delta method takes it over.
    """
    reach = deviate() * error / (value * (1 - value))
    centre = logit(value)
    return Estimate(
        value, float(expit(centre - reach)), float(expit(centre + reach)), LEVEL, method
    )


def ratio_limits(above: Estimate, below: Estimate) -> tuple[float, float]:
    """Return the limits of the ratio of two independent rates, by MOVER of their logarithms.

    Where a rate is 0, the limits are those that MOVER tends to as it falls to 0; they may be 0 and
    infinite. The two must not both be 0.
    """
    if below.value == 0:
        return above.value / below.high, inf
    if above.value == 0:
        return 0.0, above.high / below.value
    ratio = above.value / below.value
    down = hypot(_gap(above.low, above.value), _gap(below.value, below.high))
    up = hypot(_gap(above.value, above.high), _gap(below.low, below.value))
    return ratio * exp(-down), ratio * exp(up) if isfinite(up) else inf


def _gap(low: float, high: float) -> float:
    """Return log(high / low)."""
    return log(high / low) if low > 0 else inf


def difference(second: Estimate, first: Estimate, method: str) -> Estimate:
    """Return second minus first with the interval by MOVER, as if the two were independent."""
    value = second.value - first.value
    down = hypot(second.value - second.low, first.high - first.value)
    up = hypot(second.high - second.value, first.value - first.low)
    return Estimate(value, value - down, value + up, second.level, method)
