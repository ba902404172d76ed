"""``skindeep convnet deconv``, ``features``, ``grid``: what a network has learned, as pictures."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from torch import nn

from convnet.deconvnet import RULES, Projection, deconvnet, expect_layer, layers
from convnet.features import Patch, Strongest, patch, strongest
from convnet.models import Model, load
from convnet.views import View, in_rgb, view
from images.folders import make_folder, printable
from images.labelled import LabelledSet
from images.reading import RGB, read

T = TypeVar("T")

BATCH = 32


class RuleName(StrEnum):
    """How a signal goes down through the ReLUs."""

    DECONVNET = "deconvnet"
    GUIDED = "guided"
    GRADIENT = "gradient"


class ClassName(StrEnum):
    """The classes, in the order of the network's outputs."""

    NEGATIVE = "negative"
    POSITIVE = "positive"


ModelName = Annotated[
    str, typer.Option(help="open_nsfw; or a checkpoint, or the folder of a training run.")
]
Out = Annotated[Path, typer.Option(help="Folder for the figures.")]
Manifest = Annotated[Path, typer.Argument(help="Of a labelled set; all its splits are looked at.")]


def deconv(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    out: Out,
    model: ModelName = "open_nsfw",
    layer: Annotated[str | None, typer.Option(help="Whose channel to project.")] = None,
    channel: Annotated[int | None, typer.Option(help="Where it is strongest; from 0.")] = None,
    class_: Annotated[
        ClassName | None,
        typer.Option("--class", show_default="positive", help="What to project if no channel."),
    ] = None,
    rule: Annotated[
        RuleName, typer.Option(help="Which of the three rules projection.png shows.")
    ] = RuleName.DECONVNET,
) -> None:
    """Project a class, or a layer's channel, back to the pixels of a picture.

    rules.png shows the projection by three rules side by side: the deconvnet's, guided
    backpropagation's and the gradient's. projection.png adds one of them to the picture: so it
    would change to look more like the class, or to excite the channel more. A picture that is no
    square is padded, not stretched. Computed on the processor, as features and grid are.
    """
    options = {"--layer": layer, "--channel": channel, "--class": class_}
    given = [name for name, value in options.items() if value is not None]
    if given not in ([], ["--class"], ["--layer", "--channel"]):
        raise ValueError(f"expected --layer and --channel, or --class, got {' and '.join(given)}")
    ready, picture = prepared(model), opened(image)
    seen = view(picture, ready.preprocessing)
    if layer is None or channel is None:
        kind = class_ or ClassName.POSITIVE
        found = by_rules(ready, seen, last_layer(ready), list(ClassName).index(kind))
        title = f"{image.name}: how would it look more {kind}?"
        note = f"{ready.name} gives the class {kind} a logit of {found[rule].activation:.3g}."
    else:
        found = by_rules(ready, seen, layer, channel)
        title = f"{image.name}: what excites channel {channel} of {layer}?"
        note = f"{ready.name}: {activation_text(found[rule])}"
    make_folder(out)

    from convnet import figures  # matplotlib takes its time
    from convnet.pages import save

    preprocessing = ready.preprocessing
    three = figures.rules(seen, list(found.values()), preprocessing, title, note)
    changed = figures.likeness(seen, found[rule], preprocessing, title, note)
    written = [save(three, out / "rules.png"), save(changed, out / "projection.png")]
    for line in (note, *written):
        print(printable(str(line)))


def features(
    manifest: Manifest,
    layer: Annotated[str, typer.Option(help="Whose channels to show.")],
    out: Out,
    model: ModelName = "open_nsfw",
    top: Annotated[int, typer.Option(min=1, max=100, help="Patches of each channel.")] = 9,
) -> None:
    """Show what each channel of a layer looks for, as Zeiler and Fergus did.

    For each channel, the patches of the pictures that excite it most, at most one of a picture,
    stand beside their projections by the deconvnet. filters.png shows the first layer's filters.
    """
    from convnet import figures  # matplotlib takes its time
    from convnet.pages import save

    ready, labelled = prepared(model), LabelledSet.read(manifest)
    expect_layer(ready.net, layer)
    paths = [labelled.root / item.path for item in labelled.items]
    make_folder(out)
    inputs = (
        torch.cat([view(opened(path), ready.preprocessing).x for path in some])
        for some in shown(in_batches(paths), "looking for patches")
    )
    best = strongest(ready.net, layer, inputs, top)
    first = next(part for part in layers(ready.net).values() if isinstance(part, nn.Conv2d))
    title = f"{ready.name}: the filters of the first layer"
    drawn = figures.filters(first.weight.detach().numpy(), ready.preprocessing, title)
    written = [save(drawn, out / "filters.png")]
    pages = in_batches(range(len(best.activation)), figures.CHANNELS)
    for number, channels in enumerate(shown(pages, "projecting"), start=1):
        sheet = sheet_of(ready, layer, channels, best, paths)
        title = f"{ready.name}: what the channels of {layer} look for"
        drawn = figures.features(sheet, title, FEATURES.format(len(paths)))
        written.append(save(drawn, out / f"{layer}-{number:03d}.png"))
    for path in written:
        print(printable(str(path)))


def grid(
    manifest: Manifest,
    out: Out,
    model: ModelName = "open_nsfw",
) -> None:
    """Show the pictures with the highest scores, and what of them speaks for the positive class.

    A check that what the network has learned is what the class is about.
    """
    from convnet import figures  # matplotlib takes its time
    from convnet.pages import save

    ready, labelled = prepared(model), LabelledSet.read(manifest)
    paths = [labelled.root / item.path for item in labelled.items]
    make_folder(out)
    batches = shown(in_batches(paths), "scoring")
    scores = np.concatenate([ready.score([opened(path) for path in some]) for some in batches])
    pairs = []
    for index in (-scores).argsort(kind="stable")[: figures.PAIRS].tolist():
        seen = view(opened(paths[index]), ready.preprocessing)
        found = deconvnet(ready, seen.x, last_layer(ready), 1)
        values = in_rgb(found.pixels, ready.preprocessing)
        words = f"{scores[index]:.3f}, labelled {list(ClassName)[labelled.items[index].label]}"
        pairs.append(figures.Pair(seen.image[seen.box.slices], values[seen.box.slices], words))
    title = f"{ready.name}: the {len(pairs)} highest scores of {len(paths)} pictures"
    print(printable(str(save(figures.grid(pairs, title, GRID), out / "grid.png"))))


# ---- Between files and figures

FEATURES = (
    "The strongest patches of {} pictures, one a picture at most, with their activations; beside "
    "them their projections, each on a scale of its own."
)
GRID = (
    "Each picture with its score, and beside it the projection of the positive class by the "
    "deconvnet, on a scale of its own."
)


def prepared(name: str) -> Model:
    """Load a model, for a picture at a time."""
    # So little work keeps one thread busy. More would wait for each other on a busy machine, ten
    # times as long as they compute, and add up in another order.
    torch.set_num_threads(1)
    return load(name)


def opened(path: Path) -> RGB:
    """Read a picture; `ValueError` if it cannot be read."""
    reading = read(path)
    if reading.image is None:
        raise ValueError(f"expected a picture, got {path}: {reading.status}; {reading.detail}")
    return reading.image


def by_rules(model: Model, seen: View, layer: str, channel: int) -> dict[str, Projection]:
    """Project a channel where it is strongest, by each rule."""
    return {rule: deconvnet(model, seen.x, layer, channel, rule=rule) for rule in RULES}


def last_layer(model: Model) -> str:
    """Name the layer whose channels are the classes."""
    return list(layers(model.net))[-1]


def activation_text(found: Projection) -> str:
    """Say how strong a unit is, and where it lies in its layer's map."""
    place = "activation {:.3g}, strongest in row {}, column {}".format(
        found.activation, *found.unit
    )
    return place + ("." if found.activation > 0 else ": not active on this picture.")


def sheet_of(
    model: Model, layer: str, channels: Iterable[int], best: Strongest, paths: Sequence[Path]
) -> list[tuple[int, list[Patch]]]:
    """Cut out the strongest patches of some channels and project them; those active at all."""
    seen = cache(lambda picture: view(opened(paths[picture]), model.preprocessing))
    sheet = []
    for channel in channels:
        active = np.flatnonzero(best.activation[channel] > 0)
        pictures, units = best.picture[channel, active], best.unit[channel, active]
        found = [
            patch(model, seen(picture), layer, channel, (row, col))
            for picture, (row, col) in zip(pictures.tolist(), units.tolist(), strict=True)
        ]
        sheet.append((channel, found))
    return sheet


def in_batches(some: Sequence[T], size: int = BATCH) -> list[Sequence[T]]:
    """Return parts of at most so many."""
    return [some[start : start + size] for start in range(0, len(some), size)]


def shown(parts: Sequence[T], words: str) -> Iterable[T]:
    """Yield the parts, with a bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    return track(parts, words, console=console, disable=not console.is_terminal)
