"""How often the 95 % interval of the area under the ROC curve holds the true area.

Scores are drawn from two normal distributions, whose true area is known; DeLong's variance gives
an interval on the logit, as the judge uses it, and a plain one beside it.

    python -m benchmarks.coverage [--simulations 2000]
"""

import argparse
from math import sqrt

import numpy as np
from scipy.stats import norm

from compare.intervals import deviate
from compare.metrics import roc
from compare.paired import delong_variance

SETTINGS = ((30, 100, 0.76), (30, 100, 0.962), (30, 100, 0.988),
            (138, 1401, 0.962), (138, 1401, 0.998))  # fmt: skip


def covered(targets: int, controls: int, area: float, simulations: int) -> tuple[float, float]:
    """Return the shares of simulations whose intervals, on the logit and plain, hold the area."""
    rng = np.random.default_rng([targets, controls, round(1000 * area)])
    shift = sqrt(2) * norm.ppf(area)
    labels = np.repeat([1, 0], [targets, controls])
    held = np.zeros(2)
    for _ in range(simulations):
        scores = rng.normal(size=len(labels)) + shift * labels
        auc = roc(labels, scores).auc
        error = sqrt(delong_variance(labels, scores))
        held += (
            auc.low <= area <= auc.high,
            abs(auc.value - area) <= deviate() * error,
        )
    return float(held[0] / simulations), float(held[1] / simulations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--simulations", type=int, default=2000)
    given = parser.parse_args()
    print("targets + controls   true area   on the logit, %   plain, %")
    for targets, controls, area in SETTINGS:
        ours, plain = covered(targets, controls, area, given.simulations)
        print(f"{targets:7d} + {controls:8d} {area:11.3f} {100 * ours:17.1f} {100 * plain:10.1f}")


if __name__ == "__main__":
    main()
