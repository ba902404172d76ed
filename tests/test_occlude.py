"""The command ``skindeep convnet occlude``: files, resumption, refusals; and its figures."""

import json
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from calling import Call
from matplotlib.text import Text
from PIL import Image
from serving import Service

from convnet.journal import journal
from convnet.models import Checkpoint, Preprocessing, save
from convnet.occlusion import OcclusionMap, occlusion_maps
from convnet.occlusion_figures import LEAST, examples, limits, overlay, side_by_side
from convnet.windows import Windows
from convnet.zfnet import ZFNet, ZFNetConfig
from images.reading import RGB

FILES = [
    "cropped.npy",
    "fed-cropped.png",
    "fed-occluded.png",
    "occluded.npy",
    "occlusion.png",
    "overlay-cropped.png",
    "overlay-occluded.png",
    "scores.jsonl",
    "windows.npz",
]
# Scores by the brightest value; keeps a line for every picture that it answered for.
SCRIPT = """
import os, sys, time
from PIL import Image
log = {log!r}
paths = sys.stdin.read().splitlines()
with open(log, "a") as file:
    calls = int(os.environ.get("CALLS", 10**6))
    if sum(line == "call\\n" for line in open(log)) >= calls:
        sys.exit("out of order")
    scores = []
    for path in paths:
        with Image.open(path) as picture:
            scores.append(max(high for _, high in picture.getextrema()) / 255)
    print("call", file=file)
    for _ in paths:
        print("picture", file=file)
print("\\n".join(map(str, scores)), flush=True)
"""


@pytest.fixture
def occlude(skindeep: Call) -> Call:
    return partial(skindeep, "convnet", "occlude")


def refused(answer: tuple[int, str, str]) -> str:
    status, out, err = answer
    assert (status, out) == (2, "")
    assert err.startswith("skindeep: expected ")
    assert err.count("\n") == 1
    return err


def noise(height: int, width: int, seed: int = 0) -> RGB:
    image = np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8)
    image[height // 2, width // 3] = 255
    return image


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a $picture$.png"
    Image.fromarray(noise(40, 46)).save(path)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def scorer(tmp_path: Path, log: Path) -> str:
    script = tmp_path / "score.py"
    script.write_text(SCRIPT.format(log=str(log)))
    return shlex.join([sys.executable, str(script)])


def answered(log: Path) -> int:
    return log.read_text().count("picture\n")


def test_both_experiments_on_a_picture(
    occlude: Call, picture: Path, scorer: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = (picture, "--out", out, "--scorer", scorer, "--window", 12, "--stride", 7)
    status, said, err = occlude(*arguments)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == FILES
    image = noise(40, 46)
    found = occlusion_maps(image, lambda some: [i.max() / 255 for i in some], 12, 7)
    for name, values in (("cropped", found.cropped), ("occluded", found.occluded)):
        np.testing.assert_array_equal(np.load(out / f"{name}.npy"), values)
        shown = np.asarray(Image.open(out / f"overlay-{name}.png"))
        np.testing.assert_array_equal(shown, overlay(image, values))
    with np.load(out / "windows.npz") as kept:
        np.testing.assert_array_equal(kept["positions"], found.positions)
        np.testing.assert_array_equal(kept["cropped"], found.cropped_scores)
        np.testing.assert_array_equal(kept["occluded"], found.occluded_scores)
        assert (kept["window"], kept["stride"], kept["whole"]) == (12, 7, 1)
    alone, covered = examples(found)
    np.testing.assert_array_equal(np.asarray(Image.open(out / "fed-cropped.png")), alone.image)
    np.testing.assert_array_equal(np.asarray(Image.open(out / "fed-occluded.png")), covered.image)
    assert said.splitlines()[:2] == ["score of the whole picture: 1.000000", "windows: 30"]

    log = tmp_path / "log"
    assert answered(log) == 61
    figure = (out / "occlusion.png").read_bytes()
    (out / "occlusion.png").unlink()
    assert occlude(*arguments)[:2] == (0, said)  # draws again, without asking
    assert answered(log) == 61
    assert (out / "occlusion.png").read_bytes() == figure


def test_a_trained_network(occlude: Call, picture: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ZFNetConfig(47, 0.05, 8)
    prepared = Preprocessing(47, (104.0, 117.0, 123.0), 0.02, "RGB", "pad")
    path = tmp_path / "net.safetensors"
    save(path, Checkpoint("zfnet", config, prepared, None, None), ZFNet(config))
    for size, shape in ((None, (47, 47)), (47, (47, 47)), ("native", (40, 46))):
        out = tmp_path / f"out-{size}"
        options = [] if size is None else ["--size", size]
        window = ("--window", 15, "--stride", 14, "--occluder", "mean")
        assert occlude(picture, "--out", out, "--model", path, *window, *options)[0] == 0
        assert np.load(out / "occluded.npy").shape == shape
    one, two = (np.load(tmp_path / f"out-{size}" / "occluded.npy") for size in (None, 47))
    np.testing.assert_array_equal(one, two)


def test_a_scorer_that_fails_midway_is_asked_no_window_twice(
    occlude: Call,
    picture: Path,
    scorer: str,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    arguments = (picture, "--out", out, "--scorer", scorer, "--window", 8, "--stride", 2)
    total = 1 + 2 * len(Windows(40, 46, 8, 2).positions)
    monkeypatch.setenv("CALLS", "3")
    said = refused(occlude(*arguments))
    assert said.endswith(
        f": out of order; 251 of {total} pictures are scored, and the same command continues\n"
    )
    assert answered(log) == 251
    # A machine that stops in the middle of a line leaves the rest of it unwritten.
    kept = out / "scores.jsonl"
    kept.write_bytes(kept.read_bytes() + b'["occluded", [250, 2')
    monkeypatch.delenv("CALLS")
    assert occlude(*arguments)[0] == 0
    assert answered(log) == total
    lines = [json.loads(line) for line in kept.read_bytes().splitlines()[1:]]
    told = [(name, k) for name, numbers, _ in lines for k in numbers]
    assert len(told) == len(set(told)) == total


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_it_in_order(
    picture: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time; n = len(sys.stdin.readlines()); time.sleep(0.4 * (n > 1));"
        " print('0.5\\n' * n, end='')"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-m", "compare.cli", "convnet", "occlude", str(picture)]
    command += ["--out", str(out), "--window", "8", "--stride", "1"]
    command += ["--scorer", shlex.join([sys.executable, str(script)])]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as child:
        kept, give_up = out / "scores.jsonl", time.monotonic() + 60
        while not (kept.exists() and kept.read_bytes().count(b"\n") >= 3):
            assert child.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        child.send_signal(number)
        said, err = child.communicate(timeout=60)
    assert (child.returncode, said) == (status, "")
    done = sum(len(json.loads(line)[1]) for line in kept.read_bytes().splitlines()[1:])
    total = f"{1 + 2 * 33 * 39:,}"
    assert err == (
        f"stopped: {done:,} of {total} pictures are scored, and the same command continues\n"
    )


def test_a_folder_of_another_run_is_left_alone(
    occlude: Call, picture: Path, scorer: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = (picture, "--out", out, "--scorer", scorer, "--window", 20, "--stride")
    assert occlude(*arguments, 20)[0] == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert "got stride 20 there and 19 here" in refused(occlude(*arguments, 19))
    other = ("--scorer", scorer + " --other", "--window", 20, "--stride", 20)
    assert "got scorer" in refused(occlude(picture, "--out", out, *other))
    Image.fromarray(noise(40, 46, 1)).save(picture)
    assert "got picture" in refused(occlude(*arguments, 20))
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_that_kept_nothing_leaves_its_folder_to_another(
    occlude: Call, picture: Path, scorer: str, tmp_path: Path
) -> None:
    arguments = (picture, "--out", tmp_path / "out", "--window", 40, "--scorer")
    said = refused(occlude(*arguments, "no-such-program"))
    assert said.endswith("; no picture is scored yet\n")
    status, _, err = occlude(*arguments, scorer)
    assert (status, err) == (0, "")


def test_who_reads_may_leave_at_once(picture: Path, scorer: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-u", "-m", "compare.cli", "convnet", "occlude", str(picture)]
    command += ["--out", str(out), "--scorer", scorer, "--window", "12", "--stride", "12"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    process.stdout.close()
    process.wait(60)
    assert {"cropped.npy", "occluded.npy", "windows.npz", "occlusion.png"} <= {
        path.name for path in out.iterdir()
    }


@pytest.mark.usefixtures("waits")
def test_a_service_that_goes_away_and_comes_back(
    occlude: Call, picture: Path, service: Service, tmp_path: Path
) -> None:
    arguments = (picture, "--out", tmp_path / "out", "--scorer", service.url)
    arguments += ("--window", 12, "--stride", 3)
    total = 1 + 2 * 11 * 13
    service.faults = ["", "", *["drop"] * 99]
    said = refused(occlude(*arguments))
    assert f"; 126 of {total} pictures are scored, and the same command continues\n" in said
    service.faults, asked = [], len(service.requests)
    status, _, err = occlude(*arguments)
    assert (status, err) == (0, "")
    assert [len(names) for names in service.requests[asked:]] == [18, 125, 18]
    assert service.sizes == {(46, 40), (12, 12)}


def test_two_runs_at_once_and_damage(tmp_path: Path) -> None:
    kept = tmp_path / "scores.jsonl"
    with (
        journal(kept, {"a": 1}),
        pytest.raises(ValueError, match=r"^expected no other run on .*, but one is at work"),
        journal(kept, {"a": 1}),
    ):
        pass
    whole = kept.read_bytes()
    damages = (
        b"hello",
        b"hello\n",
        b"[1]\n",
        whole + b'["whole"]\n',
        whole + b'["whole", "x", 1]\n',
    )
    for damage in damages:
        kept.write_bytes(damage)
        with (
            pytest.raises(ValueError, match=r"^expected kept scores in .*; remove it$"),
            journal(kept, {"a": 1}),
        ):
            pass
        assert kept.read_bytes() == damage
    kept.write_bytes(whole[:5])
    with journal(kept, {"a": 1}) as (known, _):
        assert known == []
    assert kept.read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", 41], "expected a window that fits on the picture of 46 x 40 px"),
        (["--stride", 65], "expected a stride of 1 to 40 px"),
        (["--size", "224"], "expected --scorer without --model, and no --size but native"),
        (["--model", "open_nsfw"], "expected --scorer without --model"),
        (["--scorer", "ftp://example.org"], "expected a URL that begins with http"),
        (["--scorer", "'"], "expected a command, got '"),
        (
            ["--scorer", "no-such-program"],
            "expected a command that can be run, got no-such-program",
        ),
        (["--out", "no/such/folder"], "expected a folder, or the name of a new one"),
    ],
)
def test_what_is_refused(
    occlude: Call,
    picture: Path,
    scorer: str,
    tmp_path: Path,
    options: list[object],
    said: str,
) -> None:
    usual = ["--out", tmp_path / "out", "--scorer", scorer, "--window", 40]
    assert said in refused(occlude(picture, *usual, *options))


def test_what_is_no_picture_or_no_model(
    occlude: Call, picture: Path, scorer: str, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("no picture")
    out = ("--out", tmp_path / "out")
    assert "expected a picture, got" in refused(occlude(taken, *out, "--scorer", scorer))
    there = ("--out", taken, "--window", 40, "--scorer", scorer)
    assert "expected a folder" in refused(occlude(picture, *there))
    assert "expected open_nsfw or a checkpoint" in refused(occlude(picture, *out, "--model", "no"))
    assert not (tmp_path / "out").exists()


# ---- Figures


def found(height: int, width: int, top: float = 1.0) -> OcclusionMap:
    image = noise(height, width)
    side = max(1, min(height, width) // 3)
    return occlusion_maps(image, lambda some: [top * i.mean() / 255 for i in some], side, side)


def test_a_scale_is_the_maps_own_unless_it_would_blow_up_nothing() -> None:
    assert limits(np.array([[0.2, 0.9]])) == (0.2, 0.9)
    for values in ([0.0, 0.0], [1.0, 1.0], [0.3, 0.31], [0.99, 1.0], [1e-6, 2e-6]):
        low, high = limits(np.array([values]))
        assert high - low == pytest.approx(LEAST)
        assert 0 <= low <= min(values)
        assert max(values) <= high <= 1


def test_an_overlay_is_bright_where_the_map_is_high() -> None:
    image = np.full((10, 20, 3), (90, 120, 40), np.uint8)
    values = np.linspace(0, 1, 200).reshape(10, 20)
    light = overlay(image, values).astype(float).mean(axis=2).ravel()
    assert (np.diff(light) > -0.5).all()
    assert light[-1] - light[0] > 100


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((1, 1), "a.png"),
        ((30, 30), "wide " * 60),
        ((20, 90), "$x^2$ \\alpha <b>.png"),
        ((90, 20), "two\nlines \u202e\udcff"),
        ((6, 200), "w" * 200),
    ],
)
def test_all_words_stay_on_the_page(shape: tuple[int, int], name: str) -> None:
    figure = side_by_side(found(*shape, 1e-5), name, name, "1 × 1 px, as given")
    room = figure.bbox
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text()]
    assert len(boxes) > 12
    for box in boxes:
        assert room.x0 <= box.x0
        assert box.x1 <= room.x1
        assert room.y0 <= box.y0
        assert box.y1 <= room.y1


def test_the_figure_says_what_was_done() -> None:
    image = noise(30, 30)
    one = occlusion_maps(image, lambda some: [0.25] * len(some), 10, 9, "mean")
    words = " ".join(
        text.get_text() for text in side_by_side(one, "a.png", "me", "as given").findobj(Text)
    )
    for said in (
        "me scores the whole picture 0.25.",
        "16 windows of 10 × 10 px, one every 9 px",
        "the last row and column are shifted back to end at the border",
        f"Occluder: the mean colour, RGB {one.colour}.",
    ):
        assert said in words
