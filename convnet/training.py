"""Training a network on a labelled set: the loop, which knows nothing of what the classes are.

After every epoch, ``last.safetensors`` holds all that the next one needs, and every random choice
follows from the seed and its place in the run. A run that was killed therefore ends, continued,
with the same weights: to the bit on a CPU, to rounding on a GPU, where sums have no fixed order.

    RUN/best.safetensors   weights of the best epoch so far, by AUC on the validation set
    RUN/last.safetensors   weights and momentum of the last whole epoch
    RUN/history.json       what the run was told, and how each epoch ended
"""

import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnet.data import Indices, Pictures, ahead, batches, varied
from convnet.models import BEST, Checkpoint, adopt, read_checkpoint, save
from convnet.ranks import Ranks
from convnet.recipe import (
    RULE,
    Epoch,
    Floats,
    Recipe,
    auc,
    best,
    class_weights,
    finished,
    learning_rate,
    youden,
)
from convnet.settings import Setting, chosen, time_settings
from convnet.zfnet import ZFNet
from images.durable import commit
from images.signals import unbroken

LAST, HISTORY = "last.safetensors", "history.json"
MOMENTUM = "momentum/"


@dataclass(frozen=True)
class Progress:
    """Where a run stands: epochs done; of the present one the steps done, of how many, and loss."""

    history: tuple[Epoch, ...]
    step: int
    steps: int
    loss: float


# ---- The run


def train(
    pictures: Pictures,
    validation: Pictures,
    recipe: Recipe,
    out: Path,
    ranks: Ranks,
    report: Callable[[Progress], None] = lambda _: None,
    setting: Setting | None = None,
) -> list[Epoch]:
    """Train a network, or continue a run that was stopped, until it is finished.

    Parameters
    ----------
    pictures, validation : Pictures
    recipe : Recipe
    out : Path
        An existing folder; what is written there is told above.
    ranks : Ranks
        The processes that share the work. Another number of them gives the same weights to
        rounding, as long as nothing is dropped out: each process draws masks of its own.
    report : callable
        Called with the `Progress` after every step and every epoch.
    setting : Setting, optional
        How to compute; where none is given, the fastest by timing, or as the run was begun. Two
        runs have the same weights only if they compute alike.

    Returns
    -------
    list of Epoch
        The run's history.

    Raises
    ------
    ValueError
        If `out` holds a run of another recipe, other pictures, versions or setting; or on another
        kind of device or number of processes; or there are more of those than pictures in a batch;
        or the loss is no longer a number.
    OSError
        If a checkpoint cannot be written; the same call continues.
    """
    smallest = len(pictures.items) // -(-len(pictures.items) // recipe.batch)
    if smallest < ranks.world:
        raise ValueError(
            f"expected a picture or more for each process, got {ranks.world} processes for "
            f"batches of {smallest}"
        )
    terms = _terms(pictures, validation, recipe)
    terms |= {"device": ranks.device.type, "processes": ranks.world}
    asked = {"setting": str(setting)} if setting else {}
    kept = _kept(out, terms | asked)
    history = [Epoch(**epoch) for epoch in kept.training["history"]] if kept else []
    with _own_state(ranks.device):
        with unbroken():
            run = _begun(pictures, recipe, out, ranks, kept, setting)
        torch.set_num_threads(run.setting.threads)
        while not finished(history, recipe):
            began, rate = time.monotonic(), learning_rate(len(history), recipe)
            loss = run.epoch(rate, tuple(history), report)
            logits = run.logits(validation)
            with unbroken():
                history.append(_judged(loss, logits, validation.labels, rate))
                if ranks.rank == 0:
                    checkpoint = Checkpoint(
                        recipe.arch,
                        recipe.net,
                        recipe.preprocessing(),
                        youden(validation.labels, positive(logits)),
                        RULE,
                        {**terms, "setting": str(run.setting), "history": [*map(asdict, history)]},
                    )
                    if best(history) == len(history) - 1:
                        save(out / BEST, checkpoint, run.net)
                    _write_history(out, checkpoint, time.monotonic() - began)
                    # At last what a continuation goes by: until then it does the epoch again.
                    save(out / LAST, checkpoint, run.net, run.velocities())
            report(Progress(tuple(history), 0, run.steps, loss))
    return history


@dataclass(frozen=True, eq=False)
class _Run:
    """A network in training: `shared` is `net`, with gradients averaged over the processes."""

    pictures: Pictures
    recipe: Recipe
    ranks: Ranks
    net: nn.Module
    shared: nn.Module
    optimiser: torch.optim.SGD
    weights: torch.Tensor
    setting: Setting

    @property
    def steps(self) -> int:
        """Number of batches an epoch."""
        return -(-len(self.pictures.items) // self.recipe.batch)

    def epoch(
        self, rate: float, history: tuple[Epoch, ...], report: Callable[[Progress], None]
    ) -> float:
        """Show the network every picture once; return the mean loss."""
        number, seed = len(history), self.recipe.seed
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        deal = batches(len(self.pictures.items), self.recipe.batch, seed, number)
        mine = [self.ranks.mine(batch) for batch in deal]
        total = 0.0
        self.net.train()
        fitted = ahead(_varied(self.pictures, indices, seed, number) for indices in mine)
        for step, pictures in enumerate(fitted):
            with unbroken():
                torch.manual_seed(_mixed(seed, number, step, self.ranks.rank))
                loss = self.objective(pictures, mine[step], len(deal[step]))
                self.optimiser.zero_grad()
                torch.autograd.backward(loss)
                self.optimiser.step()
                if isinstance(self.net, ZFNet):
                    self.net.renormalise()
                total += loss.item()
            report(Progress(history, step + 1, self.steps, total / (step + 1)))
            _expect_finite(total)
        return float(self.ranks.sum(np.array([total]))[0] / self.ranks.world / len(deal))

    def objective(self, pictures: torch.Tensor, indices: Indices, whole: int) -> torch.Tensor:
        """Return the loss of this process's share of a batch.

        It is scaled so that its mean over the processes is the mean over the `whole` batch.
        """
        device = self.ranks.device
        with self.setting.autocast(device):
            logits = self.shared(self.pictures.preprocessing.normalise(pictures.to(device)))
        truth = torch.from_numpy(self.pictures.labels[indices]).to(device)
        loss = F.cross_entropy(logits.float(), truth, self.weights, reduction="sum")
        return loss * self.ranks.world / whole

    def logits(self, pictures: Pictures, batch: int = 64) -> Floats:
        """Return the logits, (n, 2), of pictures as they are."""
        self.net.eval()
        mine = self.ranks.mine(np.arange(len(pictures.items)))
        logits = np.zeros((len(pictures.items), 2))
        for k in range(0, len(mine), batch):
            some = mine[k : k + batch]
            with unbroken(), torch.inference_mode():
                fitted = torch.from_numpy(np.stack([pictures.fitted(index) for index in some]))
                x = pictures.preprocessing.normalise(fitted.to(self.ranks.device))
                logits[some] = self.net(x).cpu().double().numpy()
        return self.ranks.sum(logits)

    def velocities(self) -> dict[str, torch.Tensor]:
        """Return what the momentum has gathered, by the parameters' names."""
        return {
            MOMENTUM + name: self.optimiser.state[parameter]["momentum_buffer"]
            for name, parameter in self.net.named_parameters()
        }


def _begun(
    pictures: Pictures,
    recipe: Recipe,
    out: Path,
    ranks: Ranks,
    kept: Checkpoint | None,
    setting: Setting | None,
) -> _Run:
    """Return a run before its first epoch, or as the last whole one left it."""
    net = recipe.network()
    momentum: dict[str, torch.Tensor] = {}
    if kept:
        tensors = read_checkpoint(out / LAST)[1]
        momentum = {name: tensors.pop(name) for name in [*tensors] if name.startswith(MOMENTUM)}
        adopt(net, tensors, out / LAST)
    net.to(ranks.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        net.parameters(), recipe.rate, recipe.momentum, weight_decay=recipe.decay
    )
    if kept:
        for name, parameter in net.named_parameters():
            buffer = torch.empty_like(parameter).copy_(momentum[MOMENTUM + name])
            optimiser.state[parameter]["momentum_buffer"] = buffer
    weights = torch.from_numpy(class_weights(pictures.labels)).to(ranks.device)
    run = _Run(pictures, recipe, ranks, net, net, optimiser, weights, setting or Setting(1, False))
    if kept:
        setting = Setting.of(kept.training["setting"])
    elif setting is None and ranks.rank == 0:
        setting = chosen(_timed(run))
    setting = ranks.from_first(setting) or run.setting
    return replace(run, shared=ranks.together(net), setting=setting)


def _timed(run: _Run) -> dict[Setting, float]:
    """Return how long the gradients of one batch take in each setting; changes nothing."""
    indices = np.arange(min(run.recipe.batch, len(run.pictures.items)))
    pictures = _varied(run.pictures, indices, run.recipe.seed, 0)

    def step(setting: Setting) -> None:
        objective = replace(run, setting=setting).objective
        torch.autograd.backward(objective(pictures, indices, len(indices)))
        run.optimiser.zero_grad()

    run.net.train()
    return time_settings(step, run.ranks.device, run.ranks.world)


def _varied(pictures: Pictures, indices: Indices, seed: int, epoch: int) -> torch.Tensor:
    """Return pictures as one epoch shows them, (n, S, S, 3) uint8."""
    some = [varied(pictures.fitted(index), seed, epoch, index) for index in indices]
    return torch.from_numpy(np.stack(some))


def positive(logits: Floats) -> Floats:
    """Return the probability of the positive class, (n,), of logits (n, 2)."""
    return torch.from_numpy(logits).softmax(1)[:, 1].numpy()


def _judged(loss: float, logits: Floats, labels: Indices, rate: float) -> Epoch:
    truth, weights = torch.from_numpy(labels), torch.from_numpy(class_weights(labels)).double()
    validation_loss = F.cross_entropy(torch.from_numpy(logits), truth, weights)
    _expect_finite(validation_loss.item())
    return Epoch(loss, validation_loss.item(), auc(labels, positive(logits)), rate)


def _expect_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise ValueError(f"expected a finite loss, got {loss}; train anew with a lower rate")


def _mixed(*numbers: int) -> int:
    """Return one seed for torch made of several numbers."""
    return int(np.random.default_rng([2, *numbers]).integers(2**63))


@contextmanager
def _own_state(device: torch.device) -> Iterator[None]:
    """Give torch's random numbers and threads back as they were: both are global."""
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)


# ---- What is kept


def _terms(pictures: Pictures, validation: Pictures, recipe: Recipe) -> dict[str, Any]:
    """Return what may not change between a run and its continuation, as JSON gives it back."""
    packages = ("skindeep", "torch", "numpy", "opencv-python", "pillow")
    versions = {"python": platform.python_version()} | {p: version(p) for p in packages}
    terms: dict[str, Any] = asdict(recipe) | {
        "train": pictures.digest,
        "validation": validation.digest,
        "versions": versions,
    }
    return terms


def _kept(out: Path, terms: Mapping[str, Any]) -> Checkpoint | None:
    """Return what the last whole epoch left, if there was one, and the terms are the same."""
    if not (out / LAST).exists():
        return None
    kept = read_checkpoint(out / LAST)[0]
    for key, now in terms.items():
        if (before := kept.training.get(key)) != now:
            raise ValueError(
                f"expected {key} {before!r}, with which {out} was begun, got {now!r}; "
                "choose another folder"
            )
    return kept


def _write_history(out: Path, checkpoint: Checkpoint, seconds: float) -> None:
    """Write the run's terms and epochs for people, with the time that they took."""
    path = out / HISTORY
    before = json.loads(path.read_bytes())["seconds"] if path.exists() else 0.0
    told = {**checkpoint.training, "seconds": before + seconds}
    commit(out, path, [json.dumps(told, indent=2).encode() + b"\n"])
