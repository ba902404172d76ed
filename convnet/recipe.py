"""What shapes a training run, and what follows from how its epochs ended: pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convnet.data import Indices
from convnet.models import OPEN_NSFW, Arch, Preprocessing
from convnet.open_nsfw import pretrained
from convnet.zfnet import ZFNet, ZFNetConfig

Floats = npt.NDArray[np.float64]

IMAGENET_MEAN = (123.675, 116.28, 103.53)
RULE = "largest recall minus false positive rate on the validation set (Youden)"


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run, besides the pictures.

    Attributes
    ----------
    arch : str
        zfnet, from scratch; or open_nsfw, on from its published weights.
    net : ZFNetConfig or None
        Of a ZFNet.
    epochs : int
        At most so many.
    batch : int
        Pictures a step, over all processes. Departure: the paper's are 128.
    rate : float
        Learning rate at the start (the paper: 0.01).
    momentum, decay : float
        Of the gradient's descent, the paper's 0.9; and of the weights. Departure: the paper tells
        of no decay; this is Krizhevsky et al.'s of 2012.
    patience : int
        Epochs without a better AUC after which a run ends.
    seed : int
    """

    arch: Arch
    net: ZFNetConfig | None
    epochs: int = 40
    batch: int = 32
    rate: float = 0.01
    momentum: float = 0.9
    decay: float = 5e-4
    patience: int = 10
    seed: int = 0

    def preprocessing(self) -> Preprocessing:
        """Return how the network will be given its pictures."""
        if self.net is None:
            return OPEN_NSFW
        # Departure: the paper cuts the middle square out of a picture and subtracts the mean of
        # all pictures; here nothing is cut off, and one mean colour and spread, ImageNet's, serve.
        return Preprocessing(self.net.size, IMAGENET_MEAN, 1 / 58, "RGB", "pad")

    def network(self) -> nn.Module:
        """Return the network before its first step; uses torch's global random numbers."""
        torch.manual_seed(self.seed)
        return ZFNet(self.net) if self.net else pretrained()


def usual(arch: Arch, size: int = 112, width: float = 0.25) -> Recipe:
    """Return a recipe that trains well: a small ZFNet in minutes on one core, by default.

    Departure: narrow layers have little to spare, so that below the paper's width a fifth of the
    units are left out instead of half (measured with `benchmarks.train`).
    """
    if arch == "open_nsfw":
        return Recipe(arch, None, epochs=5, rate=0.001)
    if not 0 < width < math.inf:
        raise ValueError(f"expected a width above 0, got {width}")
    hidden, dropout = max(1, round(4096 * width)), 0.5 if width >= 1 else 0.2
    return Recipe(arch, ZFNetConfig(size, width, hidden, dropout=dropout), epochs=40)


@dataclass(frozen=True)
class Epoch:
    """How an epoch ended: mean losses, with both classes weighing the same, AUC, learning rate."""

    loss: float
    validation_loss: float
    auc: float
    rate: float


# ---- What follows from the history


def best(history: Sequence[Epoch]) -> int:
    """Return the index of the best epoch: highest AUC, of equals the lowest validation loss."""
    return max(range(len(history)), key=lambda k: (history[k].auc, -history[k].validation_loss))


def finished(history: Sequence[Epoch], recipe: Recipe) -> bool:
    """Tell whether a run is at its end: all epochs done, or none better for too long."""
    done = len(history)
    return done >= recipe.epochs or (done > 0 and done - 1 - best(history) >= recipe.patience)


def learning_rate(epoch: int, recipe: Recipe) -> float:
    """Return an epoch's learning rate: half a cosine, from the full rate towards none.

    Departure: the paper divides by hand when the validation error stalls.
    """
    return recipe.rate * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2


def auc(labels: Indices, scores: Floats) -> float:
    """Return the chance that a positive picture scores higher than a negative one."""
    from sklearn.metrics import roc_auc_score  # takes its time, and scoring does not need it

    return float(roc_auc_score(labels, scores))


def youden(labels: Indices, scores: Floats) -> float:
    """Return the threshold with the largest recall minus false positive rate.

    It lies halfway between the lowest score that counts as positive and the next below.

    >>> float(youden(np.array([0, 1, 0, 1]), np.array([0.1, 0.6, 0.2, 0.9])))
    0.4
    """
    from sklearn.metrics import roc_curve  # as above

    false, recall, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    best = 1 + np.argmax((recall - false)[1:])  # the first threshold, infinity, marks nothing
    lowest, below = thresholds[best], scores[scores < thresholds[best]]
    return float((lowest + below.max()) / 2 if below.size else lowest)


def class_weights(labels: Indices) -> npt.NDArray[np.float32]:
    """Return each class's weight in the loss: both weigh the same in sum, and 1 a picture."""
    return (len(labels) / (2 * np.bincount(labels, minlength=2))).astype(np.float32)
