"""A rival that knows colour alone: logistic regression on the histogram of hue and saturation.

Whoever claims to recognise bodies has to beat it. The histogram has 12 x 12 cells in the
detector's own colour space, of the picture at the detector's working size; each cell holds the
square root of its share of the pixels. Fitting draws no random numbers: the same pictures in the
same order give the same coefficients. They are kept as JSON, which holds numbers and nothing that
could run.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baseline.colour import LogOpponent, colour_planes
from baseline.detector import reduce
from images.durable import commit, json_line
from images.folders import printable
from images.labelled import LabelledSet
from images.reading import RGB, read

Floats = npt.NDArray[np.float64]

BINS = 12
RANGES = ((-180.0, 180.0), (0.0, 120.0))  # of hue, degrees; of saturation, log units
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # C, the inverse of regularisation
FOLDS = 3  # of the cross-validation that chooses C by its area under the ROC curve


@dataclass(frozen=True)
class ColourModel:
    """The probability of the positive class by logistic regression.

    Attributes
    ----------
    middle : tuple of float
        Subtracted from what is seen, one number a feature.
    spread : float
        Divides it thereafter: one for all, lest rare colours count most.
    weights : tuple of float
        One number a feature.
    intercept : float
    strength : float
        The C that cross-validation chose.
    """

    middle: tuple[float, ...]
    spread: float
    weights: tuple[float, ...]
    intercept: float
    strength: float

    def logits(self, features: Floats) -> Floats:
        """Return the log odds of the positive class, (n,), for features (n, m)."""
        scaled = (features - np.array(self.middle)) / self.spread
        log_odds: Floats = (scaled * np.array(self.weights)).sum(axis=1) + self.intercept
        return log_odds

    def score(self, image: RGB) -> float:
        """Return the probability for one picture, 0 to 1."""
        features = colours(colour_planes(reduce(image)))
        return float(1 / (1 + np.exp(-self.logits(features[None])[0])))


# ---- What is seen


def histogram(
    columns: npt.NDArray[np.generic], bins: int, ranges: list[tuple[float, float]]
) -> Floats:
    """Return square roots of the shares of pixels, (pixels, k), in a grid of cells: (bins^k,).

    >>> histogram(np.array([[1.0], [1.0], [3.0], [9.0]]), 2, [(0, 4)])
    array([0.70710678, 0.5       ])
    """
    counts, _ = np.histogramdd(columns, bins, ranges)
    shares: Floats = np.sqrt(counts.ravel() / len(columns))
    return shares


def colours(planes: LogOpponent) -> Floats:
    """Return a picture's histogram of hue and saturation, (144,)."""
    pixels = np.stack([planes.hue.ravel(), planes.saturation.ravel()], axis=1)
    return histogram(pixels, BINS, list(RANGES))


# ---- Fitting


def fit(features: Floats, labels: npt.ArrayLike) -> ColourModel:
    """Fit features (n, m) to labels (n,), with the strength that cross-validation likes best."""
    from sklearn.linear_model import LogisticRegression  # takes its time, and seldom needed
    from sklearn.model_selection import GridSearchCV

    middle, spread = features.mean(axis=0), float(features.std()) or 1.0
    search = GridSearchCV(
        LogisticRegression(max_iter=2000), {"C": list(STRENGTHS)}, scoring="roc_auc", cv=FOLDS
    )
    search.fit((features - middle) / spread, labels)
    best = search.best_estimator_
    return ColourModel(
        tuple(middle.tolist()),
        spread,
        tuple(best.coef_[0].tolist()),
        float(best.intercept_[0]),
        float(best.C),
    )


def fitted(train: Floats, labels: npt.ArrayLike, test: Floats) -> Floats:
    """Score a test set by logistic regression on a training set; a lone number is its own score."""
    return test[:, 0] if train.shape[1] == 1 else fit(train, labels).logits(test)


def taught(manifest: Path) -> LabelledSet:
    """Return what a manifest has to learn from: its split ``train``.

    Raises
    ------
    ValueError
        If it has fewer than three pictures of either label there.
    OSError
        If it cannot be read.
    """
    train = LabelledSet.read(manifest).split("train")
    targets = int(train.labels.sum())
    controls = len(train.items) - targets
    if min(targets, controls) < FOLDS:
        raise ValueError(
            f"expected {FOLDS} targets and {FOLDS} controls or more in the split train of "
            f"{printable(str(manifest))}, got {targets} and {controls}"
        )
    return train


def fit_pictures(train: LabelledSet) -> ColourModel:
    """Fit the histograms of a set's pictures; `ValueError` where one is not as the set says."""
    features = []
    for item in train.items:
        reading = read(train.root / item.path)
        if reading.image is None:
            raise ValueError(
                f"expected a picture to learn from, got {printable(item.path)}: "
                f"{reading.status}; {reading.detail}"
            )
        if reading.sha256 != item.sha256:
            raise ValueError(
                f"expected {printable(item.path)} as the manifest has it, got other bytes; "
                "run skindeep labelled check"
            )
        features.append(colours(colour_planes(reduce(reading.image))))
    return fit(np.array(features), train.labels)


# ---- Keeping


def learned(manifest: Path, digest: str, kept: Path | None = None) -> ColourModel:
    """Return the model of a manifest's split ``train``, from where it is kept if it is whole there.

    Parameters
    ----------
    manifest : Path
    digest : str
        Of the training set: a model of another set is not taken.
    kept : Path, optional
        Where it is read from, or written to once it is fitted.

    Raises
    ------
    ValueError
        If the manifest, or a picture, is not as expected.
    """
    if kept and (model := _read(kept, digest)):
        return model
    train = taught(manifest)
    if train.digest != digest:
        raise ValueError(f"expected {printable(str(manifest))} to stay as it was, but it changed")
    model = fit_pictures(train)
    if kept:
        content = {"train": digest, **asdict(model)}
        commit(kept.parent, kept, [json_line({"sha256": _checksum(content), **content})])
    return model


def _read(kept: Path, digest: str) -> ColourModel | None:
    try:
        content: dict[str, Any] = json.loads(kept.read_bytes())
        checksum, train = content.pop("sha256"), content["train"]
        if (checksum, train) != (_checksum(content), digest):
            return None
        del content["train"]
        content |= {key: tuple(content[key]) for key in ("middle", "weights")}
        return ColourModel(**content)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None  # absent, torn or edited: it is simply fitted again


def _checksum(content: Mapping[str, Any]) -> str:
    return sha256(json_line(content)).hexdigest()
