"""An area without a curve.

The area under a ROC curve is the chance that a target scores higher than a control, a tie counting
half. Write `won(labels, scores)` from that sentence alone, without any curve: labels are 1 and 0.

Hint: Two loops, one over targets and one over controls. Slow is fine.

Hint: Ties matter here: the detector of 1996 gives most pictures one of very few scores.
"""

from collections.abc import Callable, Sequence

import numpy as np

from compare.metrics import roc


def won(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Return the chance that a target scores higher than a control."""
    targets = [s for s, label in zip(scores, labels, strict=True) if label]
    controls = [s for s, label in zip(scores, labels, strict=True) if not label]
    won = sum((t > c) + (t == c) / 2 for t in targets for c in controls)
    return won / (len(targets) * len(controls))


def check(answer: Callable[[Sequence[int], Sequence[float]], float]) -> dict[str, float]:
    """Compare an answer with the judge's on scores with many ties and with few."""
    rng = np.random.default_rng(27)
    found = 0.0
    for levels in (3, 1000):
        labels = (np.arange(60) < 25).astype(int)
        scores = np.floor(levels * np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)) / levels
        found, wanted = answer(labels.tolist(), scores.tolist()), roc(labels, scores).auc.value
        if abs(found - wanted) > 1e-9:
            raise ValueError(f"expected an area of {wanted:.4f} with {levels} levels, got {found}")
    return {"area, few ties": found}
