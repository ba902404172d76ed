"""Preprocessing, and checkpoints: what is saved comes back, what is not ours is refused."""

import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load as safetensors_loads
from safetensors.torch import save as safetensors_bytes

from convnet import load
from convnet.models import OPEN_NSFW, Checkpoint, Preprocessing, save
from convnet.zfnet import ZFNet, ZFNetConfig

CONFIG = ZFNetConfig(48, 1 / 16, 8)
PAD = Preprocessing(48, (120.0, 110.0, 100.0), 1 / 58, "RGB", "pad")
CHECKPOINT = Checkpoint("zfnet", CONFIG, PAD, 0.25, "a rule", {"seed": 3, "history": [{"auc": 1}]})


def network(seed: int = 1) -> ZFNet:
    torch.manual_seed(seed)
    return ZFNet(CONFIG).eval()


def picture(height: int, width: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


# ---- Preprocessing


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["pad", "stretch", "open_nsfw"]))
def test_any_picture_fits(height: int, width: int, rule: Any) -> None:
    prep = replace(PAD, rule=rule)
    image = np.full((height, width, 3), 200, np.uint8)
    fitted = prep.fit(image)
    assert fitted.shape == (48, 48, 3)
    top, left, rows, columns = prep.placement(height, width)
    assert rows >= 1
    assert columns >= 1
    inside = np.zeros((48, 48), bool)
    inside[max(0, top) : top + rows, max(0, left) : left + columns] = True
    tolerance = 3 if rule == "open_nsfw" else 0  # it goes through a JPEG
    assert np.abs(fitted[inside].astype(int) - 200).max() <= tolerance
    if rule == "pad":
        assert max(rows, columns) == 48
        assert np.all(fitted[~inside] == (120, 110, 100))
    else:
        assert inside.all()


def test_padding_becomes_nought_and_channels_keep_their_order() -> None:
    x = replace(PAD, scale=0.5).batch([np.full((20, 40, 3), (10, 20, 30), np.uint8)])
    assert x.shape == (1, 3, 48, 48)
    assert torch.all(x[0, :, 0] == 0)
    assert x[0, :, 24, 24].tolist() == [-55, -45, -35]
    bgr = replace(PAD, scale=0.5, order="BGR", mean=(100.0, 110.0, 120.0))
    assert torch.equal(bgr.batch([np.full((20, 40, 3), (10, 20, 30), np.uint8)]), x.flip(1))


def test_no_pictures_are_an_empty_batch() -> None:
    assert PAD.batch([]).shape == (0, 3, 48, 48)
    model = load("open_nsfw")
    assert model.score([]).shape == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 48.0},
        {"mean": (1.0, 2.0)},
        {"mean": (1.0, 2.0, float("nan"))},
        {"scale": "1"},
        {"order": "GRB"},
        {"rule": "crop"},
    ],
)
def test_preprocessing_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        replace(PAD, **wrong)


# ---- Checkpoints


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path, net = tmp_path / "best.safetensors", network()
    save(path, CHECKPOINT, net, {"momentum/layers.fc8.bias": torch.ones(2)})
    model = load(path)
    assert model.preprocessing == PAD
    assert (model.threshold, model.threshold_rule) == (0.25, "a rule")
    assert model.name == f"zfnet-{model.digest[:8]}"
    assert isinstance(model.net, ZFNet)
    assert model.net.config == CONFIG
    assert not model.net.training
    ours = net.state_dict()
    assert model.net.state_dict().keys() == ours.keys()
    assert all(torch.equal(t, ours[name]) for name, t in model.net.state_dict().items())
    images = [picture(60, 40), picture(30, 50, 1)]
    with torch.inference_mode():
        # One by one, as they are scored: together they add up in another order.
        logits = torch.cat([net(PAD.batch([image])) for image in images]).double()
    assert model.score(images) == pytest.approx(logits.softmax(1)[:, 1].numpy(), abs=1e-7)
    assert load(tmp_path).digest == model.digest  # a run's folder stands for its best


def test_a_score_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    save(tmp_path / "best.safetensors", CHECKPOINT, network())
    model, images = load(tmp_path), [picture(60, 40 + k, k) for k in range(5)]
    together = model.score(images)
    assert together.dtype == np.float64
    assert [model.score([image])[0] for image in images] == together.tolist()


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name, CHECKPOINT, network())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def header(change: Any) -> bytes:
    """A checkpoint's bytes with another JSON text."""
    text = {"format": "skindeep checkpoint 1", **json.loads(json.dumps(asdict(CHECKPOINT)))}
    change(text)
    return safetensors_bytes(network().state_dict(), {"skindeep": json.dumps(text)})


def foreign() -> dict[str, bytes]:
    weights = network().state_dict()
    good = header(lambda _: None)
    assert safetensors_loads(good).keys() == weights.keys()
    others = {name: tensor for name, tensor in weights.items() if "fc8" not in name}
    text = json.dumps({"format": "skindeep checkpoint 1", **asdict(CHECKPOINT)})
    return {
        "empty": b"",
        "pickle": pickle.dumps(weights),
        "random bytes": np.random.default_rng(1).bytes(5000),
        "cut short": good[: len(good) // 2],
        "safetensors without a header": safetensors_bytes(weights),
        "safetensors of another program": safetensors_bytes(weights, {"format": "pt"}),
        "header that is no JSON": safetensors_bytes(weights, {"skindeep": "{"}),
        "header that is a list": safetensors_bytes(weights, {"skindeep": "[]"}),
        "header nested without end": safetensors_bytes(weights, {"skindeep": "[" * 100_000}),
        "another format": header(lambda text: text.update(format="skindeep checkpoint 9")),
        "no preprocessing": header(lambda text: text.pop("preprocessing")),
        "half a preprocessing": header(lambda text: text["preprocessing"].pop("mean")),
        "wrong preprocessing": header(lambda text: text["preprocessing"].update(size="48")),
        "no mean": header(lambda text: text["preprocessing"].update(mean=None)),
        "no configuration": header(lambda text: text.update(config=None)),
        "unknown network": header(lambda text: text.update(arch="resnet")),
        "list of a network": header(lambda text: text.update(arch=["zfnet"])),
        "huge network": header(lambda text: text["config"].update(hidden=10**9)),
        "wider network": header(lambda text: text["config"].update(width=0.25)),
        "another network": header(lambda text: text.update(arch="open_nsfw", config=None)),
        "other size": header(lambda text: text["preprocessing"].update(size=64)),
        "threshold that is no number": header(lambda text: text.update(threshold="0.5")),
        "a tensor missing": safetensors_bytes(others, {"skindeep": text}),
        "halved numbers": safetensors_bytes(
            {name: tensor.half() for name, tensor in weights.items()}, {"skindeep": text}
        ),
    }


@pytest.mark.parametrize("kind", foreign())
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(foreign()[kind])
    with pytest.raises(ValueError, match=r"^expected ") as refusal:
        load(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500 + len(str(path))


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in (tmp_path / "none.safetensors", tmp_path, "open-nsfw"):
        with pytest.raises(ValueError, match=r"^expected open_nsfw or a checkpoint, got "):
            load(name)


def test_open_nsfw_survives_a_checkpoint(tmp_path: Path) -> None:
    published = load("open_nsfw")
    checkpoint = Checkpoint("open_nsfw", None, OPEN_NSFW, None, None)
    save(tmp_path / "best.safetensors", checkpoint, published.net)
    model = load(tmp_path)
    assert model.name.startswith("open_nsfw-")
    assert (model.threshold, model.threshold_rule) == (None, None)
    image = picture(100, 80)
    assert model.score([image]).tolist() == published.score([image]).tolist()
