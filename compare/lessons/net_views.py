"""What the lessons ask of a trained net: where it looks, what its channels look for, its cosines.

Everything is computed on the first pictures of a drawn set, and chosen by rules that are told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convnet.cli_deconv import by_rules, in_batches, last_layer, opened
from convnet.deconvnet import RULES, Projection, Rule, body, by_gradient, deconvnet, output_of
from convnet.features import patch, strongest
from convnet.figures import contrast, far, mosaic
from convnet.models import Model, Preprocessing
from convnet.occlusion import OcclusionMap, occlusion_maps
from convnet.receptive import receptive_field
from convnet.recipe import Recipe, auc
from convnet.views import View, in_rgb, view
from convnet.zfnet import ZFNetConfig
from images.labelled import Item, LabelledSet
from images.reading import RGB

LOOKED = 240  # pictures: the first of a set
CHANNELS, PATCHES, ROWS = 3, 9, 3  # of each layer; of each channel, in rows
LARGE = 56  # px, of a tile that is shown
COMPARED = 8  # channels of each layer whose projections are compared
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
DEPTHS = (*CONVOLUTIONS, "fc6", "fc7", "fc8")
BARE = 1  # the class that the net's second output stands for


@dataclass(frozen=True, eq=False)
class Looked:
    """The pictures that were looked at: items, and the net's score of each, (n,)."""

    items: tuple[Item, ...]
    root: Path
    scores: npt.NDArray[np.float64]

    def image(self, index: int) -> RGB:
        """Return a picture, (H, W, 3) uint8."""
        return opened(self.root / self.items[index].path)


def looked(model: Model, labelled: LabelledSet, most: int = LOOKED) -> Looked:
    """Score the first pictures of a set."""
    items = labelled.items[:most]
    scores = [model.score([opened(labelled.root / item.path)])[0] for item in items]
    return Looked(items, labelled.root, np.array(scores))


def chosen(found: Looked) -> dict[str, int]:
    """Return the targets with the highest and the lowest score, and the worst false alarm."""
    labels = np.array([item.label for item in found.items])
    if not 0 < labels.sum() < len(labels):
        raise ValueError("expected targets and controls among the first pictures, got one class")
    targets, controls = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    return {
        "target with the highest score": int(targets[found.scores[targets].argmax()]),
        "control with the highest score": int(controls[found.scores[controls].argmax()]),
        "target with the lowest score": int(targets[found.scores[targets].argmin()]),
    }


# ---- Occlusion


def window_of(size: int) -> tuple[int, int]:
    """Return a window's side and stride, px: 64 of 224 px as in 2016, and a quarter of it."""
    side = round(size * 2 / 7)
    return side, side // 4


def occluded(model: Model, image: RGB) -> OcclusionMap:
    """Run both experiments on the net's input."""
    size = model.preprocessing.size
    side, stride = window_of(size)
    return occlusion_maps(image, model, side, stride, size=size)


def grid_of(found: OcclusionMap) -> dict[str, Any]:
    """Return where the windows lie and what was answered, row by row, as JSON holds it."""
    tops, lefts = found.windows.tops, found.windows.lefts

    def rows(scores: npt.NDArray[np.float64]) -> list[list[float]]:
        table: list[list[float]] = scores.round(6).reshape(len(tops), len(lefts)).tolist()
        return table

    covered, alone = rows(found.occluded_scores), rows(found.cropped_scores)
    return {
        "score": found.score,
        "size": found.picture.shape[0],
        "side": found.window,
        "tops": tops.tolist(),
        "lefts": lefts.tolist(),
        "covered": covered,
        "alone": alone,
        "lowest_covered": min(map(min, covered)),
        "highest_alone": max(map(max, alone)),
    }


# ---- Features


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel's strongest patches and their projections, as two mosaics.

    `auc` is the chance that the channel's peak is higher on a target than on a control, over the
    pictures by which the channel was chosen; of the patches `shown`, `targets` are of targets and
    `photo` are from pictures with a photograph for a background.
    """

    channel: int
    side: int
    auc: float
    strongest: float
    weakest: float
    targets: int
    photo: int
    shown: int
    patches: RGB
    projections: RGB


def channels(model: Model, judged: Looked, shown: Looked, layer: str) -> list[Channel]:
    """Show the channels of a layer that by themselves tell targets from controls best.

    Parameters
    ----------
    model : Model
    judged : Looked
        Pictures by which channels are chosen: those whose peaks have the highest AUC.
    shown : Looked
        Pictures from which their strongest patches are cut.
    layer : str
    """
    sorted_ = strongest(model.net, layer, _inputs(model, judged), len(judged.items))
    labels = np.array([item.label for item in judged.items])
    areas = [
        auc(labels[order], peaks)
        for order, peaks in zip(sorted_.picture, sorted_.activation, strict=True)
    ]
    best = strongest(model.net, layer, _inputs(model, shown), PATCHES)
    sheets: list[Channel] = []
    for channel in np.argsort(areas, kind="stable")[::-1].tolist():
        active = np.flatnonzero(best.activation[channel] > 0)
        if not active.size or len(sheets) == CHANNELS:
            continue
        pictures, units = best.picture[channel, active], best.unit[channel, active]
        some = [
            patch(model, _seen(model, shown, k), layer, channel, (row, col))
            for k, (row, col) in zip(pictures.tolist(), units.tolist(), strict=True)
        ]
        side = some[0].image.shape[0]
        drawn = [large(contrast(one.projection, far(one.projection))) for one in some]
        gap = max(1, drawn[0].shape[0] // 16)
        sheets.append(
            Channel(
                channel,
                side,
                areas[channel],
                some[0].activation,
                some[-1].activation,
                sum(shown.items[k].label for k in pictures.tolist()),
                sum(on_photograph(shown.items[k]) for k in pictures.tolist()),
                len(some),
                mosaic([large(one.image) for one in some], ROWS, ROWS, gap),
                mosaic(drawn, ROWS, ROWS, gap),
            )
        )
    return sheets


def on_photograph(item: Item) -> bool:
    """Tell whether a drawing has a photograph for a background."""
    return item.attributes.get("place") == "photo"


def sees(model: Model, layer: str) -> int:
    """Return how many pixels wide a layer's units see, even beyond the picture's edges."""
    field = receptive_field(body(model.net), layer, (0, 0), model.preprocessing.size)
    return field.right - field.left


def large(tile: RGB) -> RGB:
    """Repeat a small tile's pixels, so that they are still seen as squares when shown larger."""
    times = max(1, LARGE // tile.shape[0])
    return tile.repeat(times, axis=0).repeat(times, axis=1)


def _seen(model: Model, found: Looked, index: int) -> View:
    return view(found.image(index), model.preprocessing)


def _inputs(model: Model, found: Looked) -> Iterator[torch.Tensor]:
    for some in in_batches(range(len(found.items))):
        yield torch.cat([_seen(model, found, k).x for k in some])


# ---- The first layer


def filters(weights: npt.NDArray[np.float32], preprocessing: Preprocessing) -> RGB:
    """Draw filters, (n, 3, k, k), all on one scale."""
    white = far(weights)
    tiles = [large(contrast(in_rgb(weight, preprocessing), white)) for weight in weights]
    return mosaic(tiles, 8, -(-len(tiles) // 8), 4)


def first_weights(net: nn.Module) -> npt.NDArray[np.float32]:
    """Return the first layer's filters, (n, 3, k, k)."""
    found: npt.NDArray[np.float32] = next(
        part.weight.detach().numpy() for part in net.modules() if isinstance(part, nn.Conv2d)
    )
    return found


def at_the_start(told: Mapping[str, Any]) -> nn.Module:
    """Return the net of a run before its first step, drawn again from the run's seed.

    Parameters
    ----------
    told : mapping
        The run's ``history.json``.
    """
    recipe = Recipe("zfnet", ZFNetConfig(**told["net"]), seed=told["seed"])
    with torch.random.fork_rng():
        return recipe.network()


def moved(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """Return the median cosine of filters with what they were: 1 where nothing was learned."""
    return float(np.median([_cosine(a, b) for a, b in zip(before, after, strict=True)]))


# ---- The three rules


def projections(model: Model, image: RGB) -> dict[str, RGB]:
    """Draw the positive class projected back by each rule, each on a scale of its own."""
    seen = view(image, model.preprocessing)
    drawn = {}
    for rule, found in by_rules(model, seen, last_layer(model), BARE).items():
        values = in_rgb(found.pixels, model.preprocessing)[seen.box.slices]
        drawn[rule] = contrast(values, far(values))
    return drawn


def cosines(model: Model, image: RGB, layer: str) -> dict[str, Any]:
    """Compare projections by the rules with the gradient, from a layer down to the pixels.

    Of the layer's channels the most active on this picture, each where it is strongest; of the
    last layer the positive class.

    Returns
    -------
    dict
        For ``deconvnet`` and ``guided`` the ``each`` channel's cosine with the gradient, and their
        ``median``; ``error``, the greatest difference between the rule ``gradient`` and
        backpropagation by torch, as a share of the gradient's greatest magnitude.
    """
    x = view(image, model.preprocessing).x
    with torch.no_grad():
        output = output_of(model.net, x, layer)[0]
    peaks = output.flatten(1).amax(dim=1) if output.ndim == 3 else output
    order = peaks.argsort(descending=True, stable=True).tolist()
    some = [BARE] if layer == last_layer(model) else order[:COMPARED]
    alike: dict[Rule, list[float]] = {"deconvnet": [], "guided": []}
    error = 0.0
    for channel in some:
        found = {rule: deconvnet(model, x, layer, channel, rule=rule) for rule in RULES}
        for rule in alike:
            alike[rule].append(_cosine(found[rule].pixels, found["gradient"].pixels))
        error = max(error, _error(model, x, found["gradient"]))
    return {
        "layer": layer,
        "error": error,
        **{rule: {"each": each, "median": float(np.median(each))} for rule, each in alike.items()},
    }


def _error(model: Model, x: torch.Tensor, found: Projection) -> float:
    """Return how far a gradient by layers is from torch's own, relative to its peak."""

    def seed(output: torch.Tensor) -> torch.Tensor:
        one = torch.zeros_like(output)
        one.reshape(output.shape[1], *(output.shape[2:] or (1, 1)))[
            (found.channel, *found.unit)
        ] = 1
        return one

    _, exact = by_gradient(model.net, x, found.layer, seed, "gradient")
    peak = float(exact.abs().max())
    return float((exact[0] - torch.from_numpy(found.pixels)).abs().max()) / (peak or 1.0)


def _cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return the cosine of two projections; 0 where nothing comes down one of them."""
    lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.vdot(a, b)) / lengths if lengths else 0.0


def relus_below(layers: Sequence[str], layer: str) -> int:
    """Return how many ReLUs lie between a layer and the pixels."""
    return sum(name.startswith("relu") for name in layers[: layers.index(layer)])
