"""``skindeep convnet score``: records, resumption, bad files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calling import Call
from PIL import Image
from zoo import fill

from compare.demo import packaged_pictures
from convnet import load
from convnet.models import Checkpoint, Preprocessing, save
from convnet.zfnet import ZFNet, ZFNetConfig
from images.reading import read

KEYS = ["path", "sha256", "status", "detail", "size", "format", "frames"]
KEYS += ["score", "decision", "model"]


@pytest.fixture
def score(skindeep: Call) -> Call:
    return partial(skindeep, "convnet", "score")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small network that was never trained."""
    config = ZFNetConfig(48, 1 / 16, 8)
    preprocessing = Preprocessing(48, (120.0, 110.0, 100.0), 1 / 58, "RGB", "pad")
    torch.manual_seed(1)
    path = tmp_path / "small.safetensors"
    save(path, Checkpoint("zfnet", config, preprocessing, 0.5, "a rule"), ZFNet(config))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for number in range(40):
        picture = rng.integers(0, 256, (30, 20 + number, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return folder


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def test_open_nsfw_scores_photographs_without_deciding(score: Call, tmp_path: Path) -> None:
    folder, out = tmp_path / "photographs", tmp_path / "scores.jsonl"
    folder.mkdir()
    for path in packaged_pictures():
        if path.name in ("astronaut.png", "chelsea.png", "flower.jpg"):
            shutil.copyfile(path, folder / path.name)
    status, printed, _ = score(folder, "--out", out, "--workers", 1, "--device", "cpu")
    assert status == 0
    assert printed.splitlines() == [
        "files: 3",
        "not decided: 3 (without a threshold 3)",
        "no answer: 0",
        f"results: {out}",
    ]
    found, model = records(out), load("open_nsfw")
    assert [record["path"] for record in found] == ["astronaut.png", "chelsea.png", "flower.jpg"]
    for record in found:
        image = read(folder / record["path"]).image
        assert image is not None
        assert list(record) == KEYS
        assert record["size"] == list(image.shape[:2])
        assert (record["decision"], record["model"]) == (None, "open_nsfw")
        assert record["score"] == pytest.approx(model.score([image])[0], abs=1e-7)
    receipt = json.loads((tmp_path / "scores.jsonl.receipt.json").read_text())
    assert receipt["configuration"]["model"] == model.digest
    assert receipt["configuration"]["torch"] == torch.__version__
    assert set(receipt["seconds"]) == {"total", "read", "score"}


def test_every_file_of_a_hostile_folder_gets_its_record(
    score: Call, checkpoint: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "zoo", tmp_path / "scores.jsonl"
    folder.mkdir()
    expected = {os.fspath(path.relative_to(folder)): s for path, s in fill(folder).items()}
    del expected["directory.jpg"]  # an empty directory holds no file
    expected |= {"link.png": "unsupported", "dangling.jpg": "unsupported"}
    status, printed, _ = score(folder, "--out", out, "--model", checkpoint, "--workers", 1)
    assert status == 0
    assert {record["path"]: record["status"] for record in records(out)} == expected
    model, decisions = load(checkpoint), []
    for record in records(out):
        assert list(record) == KEYS
        if record["status"] == "ok":
            assert record["decision"] is (record["score"] >= 0.5)
            assert record["model"] == model.name
            decisions.append(record["decision"])
        else:
            assert [record[key] for key in ("score", "decision", "model")] == [None] * 3
            assert record["detail"]
    assert f"files: {len(expected)}\nmarked: {sum(decisions)}\n" in printed


def test_worker_counts_and_interruptions_change_nothing(
    score: Call, checkpoint: Path, pictures: Path, tmp_path: Path
) -> None:
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "scores"
    score(pictures, "--out", undisturbed, "--model", checkpoint, "--workers", 1)
    model = load(checkpoint)
    scores = [record["score"] for record in records(undisturbed)]
    images = [read(pictures / record["path"]).image for record in records(undisturbed)]
    assert scores == model.score([image for image in images if image is not None]).tolist()
    assert len(set(scores)) == 40
    arguments = [pictures, "--out", out, "--model", checkpoint, "--workers"]
    process = subprocess.Popen(
        [sys.executable, "-m", "compare.cli", "convnet", "score", *map(str, arguments), "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    parts = tmp_path / "scores.parts"
    while len(list(parts.glob("*.receipt.json"))) < 2:
        assert process.poll() is None, "the scan ended before it could be disturbed"
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    status, printed, _ = score(*arguments, 1)
    assert (status, printed.splitlines()[0]) == (0, "files: 40")
    assert out.read_bytes() == undisturbed.read_bytes()
    assert not parts.exists()
    status, printed, _ = score(*arguments, 1)
    assert (status, printed.splitlines()[0]) == (
        0,
        f"{out} is complete already; remove it to score anew",
    )


def test_another_model_does_not_continue_the_scan(
    score: Call, checkpoint: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores"
    score(pictures, "--out", out, "--model", checkpoint, "--workers", 1)
    before = out.read_bytes()
    status, printed, said = score(pictures, "--out", out, "--workers", 1)
    assert (status, printed) == (2, "")
    assert said.startswith("skindeep: expected configuration.model ")
    assert said.count("\n") == 1
    assert out.read_bytes() == before


def test_a_model_that_changes_under_a_scan_stops_it(checkpoint: Path, pictures: Path) -> None:
    from convnet.cli import score_file

    with pytest.raises(OSError, match=r"^expected .*small.safetensors to stay as it was"):
        score_file(pictures, "000.png", str(checkpoint), "0" * 64, "cpu")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "resnet"], "expected open_nsfw or a checkpoint, got resnet, which is no file"),
        (["--model", "zoo.txt"], "expected a checkpoint, got zoo.txt: "),
        (["--device", "cuda"], "expected a device that is here"),
        (["--out", "none/scores"], "expected a folder to write scores in, got none"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(
    score: Call,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a card")
    monkeypatch.chdir(tmp_path)
    Path("zoo.txt").write_text("no checkpoint")
    status, printed, said = score(pictures, "--out", "scores", "--workers", 1, *arguments)
    assert (status, printed) == (2, "")
    assert said.startswith(f"skindeep: {complaint}")
    assert said.count("\n") == 1
