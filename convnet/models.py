"""A network and all that it takes to use it: preprocessing, threshold, where they come from.

A checkpoint is one safetensors file: the weights, and in its header a JSON text with everything
else. So neither can be lost without the other, a file is whole or absent, and nothing in it runs.
"""

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import nn

from convnet.open_nsfw import SHA256, OpenNSFW, pretrained
from convnet.zfnet import ZFNet, ZFNetConfig
from images.durable import commit
from images.reading import RGB
from images.signals import unbroken

Fit = Literal["pad", "stretch", "open_nsfw"]
Order = Literal["RGB", "BGR"]
Arch = Literal["zfnet", "open_nsfw"]
T = TypeVar("T")

FORMAT = "skindeep checkpoint 1"
BEST = "best.safetensors"


def _is_finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become a network's input.

    Attributes
    ----------
    size : int
        Rows and columns of the input, px.
    mean : tuple of float
        Subtracted from the channels, in the order of `order`; 0 to 255.
    scale : float
        Factor thereafter.
    order : str
        Of the channels: RGB or BGR.
    rule : str
        How a picture is brought to size, always with Pillow's bilinear filter. ``pad``: the longer
        side to the whole size, the rest filled with the mean. ``stretch``: both sides.
        ``open_nsfw``, as the package of that name does: both sides to 8/7 of the size, the middle
        cut out, and saved as a JPEG, as Yahoo's training pictures were.
    """

    size: int
    mean: tuple[float, float, float]
    scale: float
    order: Order
    rule: Fit

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(self.mean))
        if type(self.size) is not int or not 1 <= self.size <= 4096:
            raise ValueError(f"expected a size of 1 to 4096 px, got {self.size!r}")
        numbers = (*self.mean, self.scale)
        if len(numbers) != 4 or not all(_is_finite(number) for number in numbers):
            raise ValueError(f"expected three means and a scale, got {numbers}")
        if self.order not in get_args(Order) or self.rule not in get_args(Fit):
            raise ValueError(
                f"expected order {' or '.join(get_args(Order))} and rule "
                f"{', '.join(get_args(Fit))}, got {self.order!r} and {self.rule!r}"
            )

    def placement(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return where the whole picture lies in the input: top, left, rows, columns, px.

        What lies outside 0 to `size` is cut off.

        >>> Preprocessing(112, (0, 0, 0), 1, "RGB", "pad").placement(480, 320)
        (0, 18, 112, 75)
        """
        if self.rule == "stretch":
            return 0, 0, self.size, self.size
        if self.rule == "open_nsfw":
            whole = round(self.size * 8 / 7)
            return -((whole - self.size) // 2), -((whole - self.size) // 2), whole, whole
        longer = max(height, width)
        rows = max(1, round(self.size * height / longer))
        columns = max(1, round(self.size * width / longer))
        return (self.size - rows) // 2, (self.size - columns) // 2, rows, columns

    def fit(self, image: RGB) -> RGB:
        """Bring one picture, (H, W, 3), to the input's size: (size, size, 3) uint8, still RGB."""
        top, left, rows, columns = self.placement(*image.shape[:2])
        resized = Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR)
        mean = tuple(round(value) for value in self._rgb_mean())
        canvas = Image.new("RGB", (self.size, self.size), mean)
        canvas.paste(resized, (left, top))
        if self.rule == "open_nsfw":
            with io.BytesIO() as file:
                canvas.save(file, "JPEG")
                canvas = Image.open(file)
                canvas.load()
        return np.array(canvas)

    def normalise(self, fitted: torch.Tensor) -> torch.Tensor:
        """Turn fitted pictures, (N, S, S, 3) uint8, into input, (N, 3, S, S) float32."""
        planes = fitted.permute(0, 3, 1, 2)
        planes = planes.flip(1) if self.order == "BGR" else planes
        mean = torch.tensor(self.mean, dtype=torch.float32, device=fitted.device)
        return (planes.float() - mean[:, None, None]) * self.scale

    def batch(self, images: Sequence[RGB]) -> torch.Tensor:
        """Return the network's input, (N, 3, S, S) float32, for pictures of any sizes."""
        if not images:
            return torch.empty((0, 3, self.size, self.size))
        return self.normalise(torch.from_numpy(np.stack([self.fit(image) for image in images])))

    def _rgb_mean(self) -> tuple[float, ...]:
        return self.mean if self.order == "RGB" else self.mean[::-1]


OPEN_NSFW = Preprocessing(224, (104.0, 117.0, 123.0), 1.0, "BGR", "open_nsfw")


@dataclass(frozen=True, eq=False)
class Model:
    """A network, ready to score pictures.

    Attributes
    ----------
    name : str
        For people and records: ``open_nsfw``, or a checkpoint's kind and the start of its digest.
    net : nn.Module
        In eval mode.
    preprocessing : Preprocessing
    threshold : float or None
        Scores of at least as much count as positive.
    threshold_rule : str or None
        How the threshold was chosen.
    digest : str
        The sha256 of the file that holds the weights.
    """

    name: str
    net: nn.Module
    preprocessing: Preprocessing
    threshold: float | None
    threshold_rule: str | None
    digest: str
    is_probability: ClassVar[bool] = True

    def score(self, images: Sequence[RGB]) -> npt.NDArray[np.float64]:
        """Return the probability of the positive class for each picture, (N,), 0 to 1.

        On a CPU they go through one by one: batches gain nothing with open_nsfw and a quarter with
        ZFNet (measured), and this way no score depends on its neighbours, not even in its last
        digits. On a card they go through by 32.
        """
        device = next(self.net.parameters()).device
        batch = 1 if device.type == "cpu" else 32
        scores = np.empty(len(images))
        for k in range(0, len(images), batch):
            with unbroken(), torch.inference_mode():
                logits = self.net(self.preprocessing.batch(images[k : k + batch]).to(device))
                scores[k : k + batch] = logits.cpu().double().softmax(1)[:, 1].numpy()
        return scores


@dataclass(frozen=True)
class Checkpoint:
    """What is saved beside the weights.

    Attributes
    ----------
    arch : str
        zfnet or open_nsfw.
    config : ZFNetConfig or None
        Of a ZFNet.
    preprocessing : Preprocessing
    threshold : float or None
    threshold_rule : str or None
    training : mapping
        How the weights came about: data digests, seed, versions and the like; JSON throughout.
    """

    arch: Arch
    config: ZFNetConfig | None
    preprocessing: Preprocessing
    threshold: float | None
    threshold_rule: str | None
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = self.config.size if self.config else OPEN_NSFW.size
        if self.preprocessing.size != size:
            raise ValueError(f"expected pictures of {size} px, got {self.preprocessing.size}")

    def network(self) -> nn.Module:
        """Return the network, without having drawn or read its weights."""
        return ZFNet(self.config) if self.arch == "zfnet" else OpenNSFW()


def load(name: str | Path) -> Model:
    """Return the model of that name, or the one in a checkpoint.

    Parameters
    ----------
    name : str or Path
        ``open_nsfw``; or a checkpoint's file; or the folder of a training run, for its best one.

    Raises
    ------
    ValueError
        If there is no such model, or the file is not a checkpoint that `save` wrote.
    """
    if str(name) == "open_nsfw":
        return Model("open_nsfw", pretrained(), OPEN_NSFW, None, None, SHA256)
    path = Path(name)
    path = path / BEST if path.is_dir() else path
    checkpoint, tensors, digest = read_checkpoint(path)
    with torch.device("meta"):
        net = checkpoint.network()
    adopt(net, {name: t for name, t in tensors.items() if "/" not in name}, path)
    return Model(
        f"{checkpoint.arch}-{digest[:8]}",
        net.eval(),
        checkpoint.preprocessing,
        checkpoint.threshold,
        checkpoint.threshold_rule,
        digest,
    )


def save(
    path: Path,
    checkpoint: Checkpoint,
    net: nn.Module,
    others: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a checkpoint so that it is there in full or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    checkpoint : Checkpoint
    net : nn.Module
        Its weights are saved.
    others : mapping, optional
        Tensors that only training needs; a slash in each name keeps them apart.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in {**net.state_dict(), **(others or {})}.items()
    }
    text = json.dumps({"format": FORMAT, **asdict(checkpoint)}, allow_nan=False)
    commit(path.parent, path, [safetensors_bytes(tensors, {"skindeep": text})])


def read_checkpoint(path: Path) -> tuple[Checkpoint, dict[str, torch.Tensor], str]:
    """Return what a checkpoint says, its tensors, and the sha256 of its bytes.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not path.is_file():
        raise ValueError(f"expected open_nsfw or a checkpoint, got {path}, which is no file")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("skindeep", "")
            if not text:
                raise ValueError(f"expected a checkpoint of skindeep's, got another's: {path}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"expected a checkpoint, got {path}: {error}") from error
    try:
        checkpoint = _parsed(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"expected a whole checkpoint, got {path}: {error}") from error
    with path.open("rb") as data:
        return checkpoint, tensors, hashlib.file_digest(data, "sha256").hexdigest()


def adopt(net: nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Give a network its weights; `ValueError` where they are another network's."""
    wanted = {name: (t.dtype, tuple(t.shape)) for name, t in net.state_dict().items()}
    got = {name: (t.dtype, tuple(t.shape)) for name, t in tensors.items()}
    for name in sorted(wanted.keys() | got.keys()):
        if wanted.get(name) != got.get(name):
            raise ValueError(
                f"expected the weights of its own configuration in {path}, "
                f"got {name} {got.get(name)} for {wanted.get(name)}"
            )
    net.load_state_dict(dict(tensors), assign=True)


def _parsed(data: object) -> Checkpoint:
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise ValueError(f"expected {FORMAT}")
    if data.get("arch") not in get_args(Arch):
        raise ValueError(f"expected arch {' or '.join(get_args(Arch))}, got {data.get('arch')!r}")
    data["preprocessing"] = _built(Preprocessing, data.get("preprocessing"))
    data["config"] = _built(ZFNetConfig, data.get("config")) if data["arch"] == "zfnet" else None
    if not (data.get("threshold") is None or _is_finite(data["threshold"])):
        raise ValueError(f"expected a number as threshold, got {data['threshold']!r}")
    return _built(Checkpoint, data)


def _built(kind: type[T], data: object) -> T:
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(data, dict) or sorted(data) != sorted(names):
        got = ", ".join(data) if isinstance(data, dict) else repr(data)
        raise ValueError(f"expected {kind.__name__} with {', '.join(names)}, got {got[:100]}")
    return kind(**data)
