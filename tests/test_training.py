"""Training: its parts, a batch that is overfitted, and runs that are killed or shared out."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from calling import Call
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from convnet import data, load
from convnet.curves import learning_curves
from convnet.data import Pictures, ahead, batches, pictures, varied
from convnet.ranks import Ranks, device_of
from convnet.recipe import (
    Epoch,
    Recipe,
    auc,
    best,
    class_weights,
    finished,
    learning_rate,
    youden,
)
from convnet.settings import Setting, chosen, time_settings
from convnet.training import positive, train
from convnet.zfnet import ZFNet, ZFNetConfig
from images.labelled import LabelledSet
from images.mannequins.sets import Plan, write_set

ALONE = Ranks(0, 1, torch.device("cpu"))
PLAIN = Setting(1, False)
TINY = Recipe("zfnet", ZFNetConfig(48, 1 / 16, 16, dropout=0.25), epochs=3, batch=16, seed=5)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn sets, of 12 and 24 pictures each."""
    folder = tmp_path_factory.mktemp("drawn")
    for split in ("train", "validation"):
        write_set(folder / split, Plan(12, 24, 3, split, 0.2))
    return folder


@pytest.fixture(scope="session")
def sets(drawn: Path) -> tuple[Pictures, Pictures]:
    read = [LabelledSet.read(drawn / split / "manifest.csv") for split in ("train", "validation")]
    return pictures(read[0], TINY.preprocessing()), pictures(read[1], TINY.preprocessing())


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


# ---- What follows from the history


def history(*aucs: float) -> list[Epoch]:
    return [Epoch(0.7, 0.7, value, 0.01) for value in aucs]


def test_the_best_epoch_has_the_highest_auc_then_the_lowest_loss_then_comes_first() -> None:
    assert best(history(0.6, 0.9, 0.8)) == 1
    tied = [Epoch(0.7, loss, 0.9, 0.01) for loss in (0.5, 0.4, 0.4)]
    assert best(tied) == 1


def test_a_run_ends_after_its_epochs_or_when_patience_is_out() -> None:
    recipe = replace(TINY, epochs=6, patience=3)
    assert not finished([], recipe)
    assert not finished(history(0.6, 0.9, 0.8, 0.8), recipe)
    assert finished(history(0.6, 0.9, 0.8, 0.8, 0.9), recipe)
    assert not finished(history(0.6, 0.7, 0.8, 0.85, 0.9), recipe)
    assert finished(history(0.6, 0.7, 0.8, 0.85, 0.9, 0.95), recipe)


def test_the_learning_rate_falls_from_the_whole_to_nearly_none() -> None:
    recipe = replace(TINY, epochs=20, rate=0.01)
    rates = [learning_rate(epoch, recipe) for epoch in range(20)]
    assert rates[0] == 0.01
    assert rates[10] == pytest.approx(0.005)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.0001


@settings(deadline=None)  # the first call imports scikit-learn
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=30))
def test_the_threshold_maximises_recall_minus_false_positive_rate(
    cases: list[tuple[bool, int]],
) -> None:
    labels = np.array([int(label) for label, _ in cases])
    scores = np.array([score / 10 for _, score in cases])
    if not 0 < labels.sum() < len(labels):
        return

    def gain(threshold: float) -> float:
        marked = scores >= threshold
        return float(marked[labels == 1].mean() - marked[labels == 0].mean())

    found = youden(labels, scores)
    assert math.isfinite(found)
    assert gain(found) == pytest.approx(max(gain(score) for score in scores))
    assert np.all(np.abs(scores - found) > 0.01) or found == scores.min()  # between two scores


def test_classes_weigh_the_same_in_sum() -> None:
    labels = np.array([1, 0, 0, 0, 0, 1, 0, 0])
    weight = class_weights(labels)
    assert weight.tolist() == pytest.approx([8 / 12, 2])
    assert weight[labels].sum() == pytest.approx(8)
    assert weight[labels][labels == 1].sum() == pytest.approx(4)


def test_curves_mark_the_best_epoch() -> None:
    figure = learning_curves(history(0.6, 0.9, 0.8), "title")
    losses, quality = figure.axes
    assert [line.get_label() for line in losses.lines] == ["training, varied", "validation"]
    marked = quality.lines[1]
    assert (list(marked.get_xdata()), list(marked.get_ydata())) == ([2], [0.9])


# ---- How to compute


def test_the_fastest_setting_wins_unless_a_plainer_one_is_nearly_as_fast() -> None:
    one, two = Setting(1, False), Setting(2, False)
    half, half_two = Setting(1, True), Setting(2, True)
    assert chosen({one: 1.0}) == one
    assert chosen({one: 1.0, two: 15.0, half: 3.0, half_two: 30.0}) == one  # a busy machine
    assert chosen({one: 1.0, two: 0.55, half: 0.9, half_two: 0.54}) == two
    assert chosen({one: 1.0, two: 0.92, half: 0.7, half_two: 0.66}) == half
    assert chosen({one: 1.0, two: 0.6, half: 0.9, half_two: 0.3}) == half_two


def test_every_setting_is_timed_with_its_threads_and_format() -> None:
    seen, before = [], torch.get_num_threads()

    def step(setting: Setting) -> None:
        with setting.autocast(torch.device("cpu")):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        seen.append((torch.get_num_threads(), product.dtype == torch.bfloat16))
        assert seen[-1] == (setting.threads, setting.bf16)

    try:
        found = time_settings(step, torch.device("cpu"))
    finally:
        torch.set_num_threads(before)
    assert {(s.threads, s.bf16) for s in found} == set(seen)
    assert {(1, False), (1, True)} <= set(seen)
    assert all(seconds > 0 for seconds in found.values())


@pytest.mark.parametrize("text", ["", "1", "0-fp32", "1-fp16", "2 threads", "1-fp32 "])
def test_a_setting_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a setting such as 1-fp32 or 8-bf16, got "):
        Setting.of(text)


def test_a_device_that_is_not_here_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    assert device_of("auto").type in ("cpu", "mps")
    with pytest.raises(ValueError, match=r"^expected a device that is here, auto or .*, got cuda"):
        device_of("cuda")


# ---- Pictures and batches


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 3))
def test_an_epoch_deals_out_every_picture_once(number: int, size: int, epoch: int) -> None:
    deal = batches(number, size, 1, epoch)
    assert sorted(np.concatenate(deal).tolist()) == list(range(number))
    assert max(map(len, deal)) <= size
    assert max(map(len, deal)) - min(map(len, deal)) <= 1


def test_epochs_and_seeds_deal_differently() -> None:
    deals = [np.concatenate(batches(50, 8, *which)).tolist() for which in ((1, 0), (1, 1), (2, 0))]
    assert len({tuple(deal) for deal in deals}) == 3
    assert np.concatenate(batches(50, 8, 1, 0)).tolist() == deals[0]


def test_a_picture_varies_with_seed_epoch_and_index_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    places = [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    first = [varied(picture, *place) for place in places]
    assert all(np.array_equal(a, varied(picture, *p)) for a, p in zip(first, places, strict=True))
    assert len({variation.tobytes() for variation in first}) == len(places)
    assert first[0].shape == (48, 48, 3)
    assert first[0].dtype == np.uint8


def test_variations_crop_mirror_and_tint_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "JITTER", 0.0)
    ramp = np.broadcast_to(np.arange(48, dtype=np.uint8)[None, :, None] * 5, (48, 48, 3)).copy()
    for index in range(20):
        row = varied(ramp, 1, 0, index)[24, :, 0].astype(float)
        slope = np.polyfit(np.arange(48), row, 1)[0] / 5
        assert 7 / 8 - 0.01 <= abs(slope) <= 1.01
        assert row.min() >= 0
        assert row.max() <= 47 * 5
        assert np.ptp(row) >= 40 * 5
    monkeypatch.setattr(data, "SMALLEST_CROP", 1.0)
    whole = [varied(ramp, 1, 0, index) for index in range(20)]
    kinds = {v.tobytes() for v in whole}
    assert kinds == {ramp.tobytes(), ramp[:, ::-1].tobytes()}  # to the pixel, either way
    monkeypatch.setattr(data, "JITTER", 0.15)
    tints = [varied(ramp, 1, 0, index).mean() / ramp.mean() for index in range(20)]
    assert 0.8 < min(tints) < 0.95
    assert 1.05 < max(tints) < 1.2


def test_a_thread_ahead_keeps_order_and_passes_errors_on() -> None:
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]

    def failing() -> object:
        yield 1
        raise ValueError("expected so")

    values = ahead(failing())
    assert next(values) == 1
    with pytest.raises(ValueError, match="expected so"):
        next(values)


def test_pictures_are_kept_fitted_or_read_again(
    drawn: Path, sets: tuple[Pictures, Pictures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "CACHE", 48 * 48 * 3 * 36 - 1)
    labelled = LabelledSet.read(drawn / "train" / "manifest.csv")
    lazy, kept = pictures(labelled, TINY.preprocessing()), sets[0]
    assert lazy.kept is None
    assert kept.kept is not None
    assert kept.kept.shape == (36, 48, 48, 3)
    for index in (0, 17, 35):
        assert np.array_equal(lazy.fitted(index), kept.fitted(index))
    assert lazy.labels.sum() == 12


def broken(drawn: Path, folder: Path, change: Callable[[Path], object]) -> LabelledSet:
    """The first pictures of a drawn set, one of whose files is changed."""
    labelled = LabelledSet.read(drawn / "train" / "manifest.csv")
    (folder / "pictures").mkdir()
    for item in labelled.items:
        (folder / item.path).write_bytes((labelled.root / item.path).read_bytes())
    change(folder / labelled.items[7].path)
    return LabelledSet(labelled.items, folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda path: path.unlink(), "expected a file that can be opened"),
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "expected a whole JPEG"),
        (lambda path: Image.new("RGB", (9, 9)).save(path), "expected the bytes that the manifest"),
    ],
)
def test_a_picture_that_is_not_as_the_manifest_says_stops_training(
    drawn: Path, tmp_path: Path, change: Callable[[Path], object], complaint: str
) -> None:
    labelled = broken(drawn, tmp_path, change)
    with pytest.raises(ValueError, match=complaint) as refusal:
        pictures(labelled, TINY.preprocessing())
    assert labelled.items[7].path in str(refusal.value)


def test_a_set_of_one_class_is_refused(drawn: Path) -> None:
    labelled = LabelledSet.read(drawn / "train" / "manifest.csv")
    bare = LabelledSet(tuple(item for item in labelled.items if item.label), labelled.root)
    with pytest.raises(ValueError, match=r"^expected pictures with label 1 and with label 0"):
        pictures(bare, TINY.preprocessing())


# ---- The run


def test_a_few_pictures_can_be_learned_by_heart(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    few = replace(sets[0], items=sets[0].items[:12], labels=sets[0].labels[:12])
    assert 0 < few.labels.sum() < 12
    net = ZFNetConfig(48, 1 / 4, 64, dropout=0)
    recipe = Recipe("zfnet", net, epochs=60, batch=12, rate=0.02, patience=60, seed=1)
    past = train(few, few, recipe, tmp_path, ALONE, setting=PLAIN)
    assert past[0].loss > 0.5
    assert past[-1].loss < 0.1
    kept = past[best(past)]
    assert kept.auc == 1
    assert kept.validation_loss < 0.1
    model = load(tmp_path)
    assert model.threshold is not None
    x = recipe.preprocessing().normalise(torch.from_numpy(few.kept[:12]))
    with torch.inference_mode():
        scores = positive(model.net(x).double().numpy())
    assert np.array_equal(scores >= model.threshold, few.labels == 1)
    assert auc(few.labels, scores) == 1


def test_a_run_says_what_it_was_made_of(sets: tuple[Pictures, Pictures], tmp_path: Path) -> None:
    seen = []
    recipe = replace(TINY, epochs=2)
    past = train(*sets, recipe, tmp_path, ALONE, seen.append, PLAIN)
    told = json.loads((tmp_path / "history.json").read_text())
    assert told["train"] == sets[0].digest
    assert told["validation"] == sets[1].digest
    assert (told["arch"], told["seed"], told["setting"]) == ("zfnet", 5, "1-fp32")
    assert told["net"]["size"] == 48
    assert told["versions"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert told["seconds"] > 0
    assert [Epoch(**epoch) for epoch in told["history"]] == past
    assert [(p.step, p.steps, len(p.history)) for p in seen] == [
        (1, 3, 0), (2, 3, 0), (3, 3, 0), (0, 3, 1),
        (1, 3, 1), (2, 3, 1), (3, 3, 1), (0, 3, 2),
    ]  # fmt: skip
    assert load(tmp_path / "last.safetensors").preprocessing == recipe.preprocessing()
    momentum = [name for name in weights(tmp_path / "last.safetensors") if "momentum/" in name]
    assert len(momentum) == 16


def test_training_leaves_the_callers_random_numbers_and_threads_alone(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    train(*sets, replace(TINY, epochs=1), tmp_path, ALONE)  # times the settings, too
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_a_run_continues_only_as_it_was_begun(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    train(*sets, replace(TINY, epochs=1), tmp_path, ALONE, setting=PLAIN)
    kept = (tmp_path / "last.safetensors").read_bytes()
    others = [
        ((*sets, TINY), PLAIN, "epochs 1"),
        ((*sets, replace(TINY, epochs=1, seed=6)), PLAIN, "seed 5"),
        ((sets[1], sets[0], replace(TINY, epochs=1)), PLAIN, "train '[0-9a-f]{64}'"),
        ((*sets, replace(TINY, epochs=1)), Setting(2, False), "setting '1-fp32'"),
    ]
    for call, setting, told in others:
        with pytest.raises(ValueError, match=f"^expected {told}, with which .* was begun, got "):
            train(*call, tmp_path, ALONE, setting=setting)
    assert (tmp_path / "last.safetensors").read_bytes() == kept
    assert len(train(*sets, replace(TINY, epochs=1), tmp_path, ALONE)) == 1  # nothing is left to do
    assert (tmp_path / "last.safetensors").read_bytes() == kept


def test_a_loss_that_is_no_number_stops_the_run(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"^expected a finite loss, got (nan|inf)"):
        train(*sets, replace(TINY, rate=1e6), tmp_path, ALONE, setting=PLAIN)


def test_open_nsfw_is_trained_on_from_its_weights(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    recipe = Recipe("open_nsfw", None, epochs=1, batch=4, rate=1e-4)
    picked = [0, 1, *np.flatnonzero(sets[0].labels)[:2]]
    labelled = LabelledSet(tuple(sets[0].items[k] for k in picked), sets[0].root)
    few = pictures(labelled, recipe.preprocessing())
    (epoch,) = train(few, few, recipe, tmp_path, ALONE, setting=PLAIN)
    assert math.isfinite(epoch.loss)
    model, published = load(tmp_path), load("open_nsfw")
    assert model.preprocessing == published.preprocessing
    for (name, ours), theirs in zip(
        model.net.state_dict().items(), published.net.state_dict().values(), strict=True
    ):
        moved = (ours - theirs).abs().max()
        assert moved < 0.05, name
    assert not torch.equal(model.net.conv1.weight, published.net.conv1.weight)


# ---- The command


def arguments(drawn: Path, out: Path, *more: object) -> list[object]:
    train, validation = (drawn / split / "manifest.csv" for split in ("train", "validation"))
    tiny = ["--size", 48, "--width", 1 / 16, "--epochs", 12, "--batch", 2, "--setting", "1-fp32"]
    return ["convnet", "train", train, "--validation", validation, "--out", out, *tiny, *more]


def test_a_run_that_is_killed_ends_with_the_same_weights(
    drawn: Path, tmp_path: Path, skindeep: Call
) -> None:
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "killed"
    status, printed, said = skindeep(*arguments(drawn, undisturbed))
    assert status == 0, said
    past = json.loads((undisturbed / "history.json").read_text())["history"]
    epochs = [f"epoch {number}" for number in range(1, len(past) + 1)]
    assert [line.partition(":")[0] for line in said.splitlines()] == epochs
    kept = rf"^best epoch: \d+ of {len(past)}, validation AUC [01]\.\d{{4}}$"
    assert re.search(kept, printed, re.M)
    assert f"\ncheckpoint: {undisturbed / 'best.safetensors'}\n" in printed
    with Image.open(undisturbed / "curves.png") as curves:
        assert curves.size[0] > 500
    process = subprocess.Popen(
        [sys.executable, "-m", "compare.cli", *map(str, arguments(drawn, out))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (out / "last.safetensors").exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 1 <= len(json.loads((out / "history.json").read_text())["history"]) < len(past)
    status, printed, said = skindeep(*arguments(drawn, out))
    assert status == 0, said
    assert [line.partition(":")[0] for line in said.splitlines()] == epochs
    for name in ("best.safetensors", "last.safetensors"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()
    assert {path.name for path in out.iterdir() if path.suffix != ".tmp"} == {
        path.name for path in undisturbed.iterdir()
    }


def test_ctrl_c_stops_in_order_and_says_how_to_go_on(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    process = subprocess.Popen(
        [sys.executable, "-m", "compare.cli", *map(str, arguments(drawn, out, "--epochs", 5000))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (out / "last.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    last = complaint.splitlines()[-1]
    assert last == "stopped: the same command continues after the last whole epoch"


def test_a_step_that_is_interrupted_is_done_to_its_end(
    sets: tuple[Pictures, Pictures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, backward = list[bool](), torch.autograd.backward

    def interrupted(loss: torch.Tensor) -> None:
        signal.raise_signal(signal.SIGINT)
        backward(loss)

    monkeypatch.setattr(torch.autograd, "backward", interrupted)
    monkeypatch.setattr(ZFNet, "renormalise", lambda _: ended.append(True))
    with pytest.raises(KeyboardInterrupt):
        train(*sets, TINY, tmp_path, ALONE, setting=PLAIN)
    assert ended == [True]


def test_two_processes_train_as_one(
    sets: tuple[Pictures, Pictures], drawn: Path, tmp_path: Path
) -> None:
    """Same pictures, same batches; sums in another order, hence the tolerance of 1e-5."""
    recipe = replace(TINY, net=ZFNetConfig(48, 1 / 16, 16, dropout=0), epochs=2, batch=9)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    past = train(*sets, recipe, tmp_path / "one", ALONE, setting=PLAIN)
    script = tmp_path / "share.py"
    script.write_text(
        "from pathlib import Path\n"
        "from convnet.data import pictures\n"
        "from convnet.ranks import ranks\n"
        "from convnet.recipe import Recipe\n"
        "from convnet.settings import Setting\n"
        "from convnet.training import train\n"
        "from convnet.zfnet import ZFNetConfig\n"
        "from images.labelled import LabelledSet\n"
        f"recipe = {recipe!r}\n"
        "sets = [\n"
        f"    pictures(LabelledSet.read(Path({str(drawn)!r}, split, 'manifest.csv')),"
        " recipe.preprocessing())\n"
        "    for split in ('train', 'validation')\n"
        "]\n"
        "with ranks('cpu') as everyone:\n"
        "    assert everyone.world == 2\n"
        f"    train(*sets, recipe, Path({str(tmp_path / 'two')!r}), everyone,"
        " setting=Setting(1, False))\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    process = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"},
    )
    assert process.returncode == 0, process.stderr
    told = json.loads((tmp_path / "two" / "history.json").read_text())["history"]
    for ours, theirs in zip(past, told, strict=True):
        assert ours.loss == pytest.approx(theirs["loss"], abs=1e-5)
        assert ours.validation_loss == pytest.approx(theirs["validation_loss"], abs=1e-5)
    one, two = (weights(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], rtol=0, atol=1e-5), name


def test_more_processes_than_pictures_in_a_batch_are_refused(
    sets: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    many = Ranks(0, TINY.batch + 1, torch.device("cpu"))
    with pytest.raises(ValueError, match=r"^expected a picture or more for each process, got "):
        train(*sets, TINY, tmp_path, many)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--size", 40], "expected a size of 47 to 4096 px, got 40"),
        (["--device", "cuda"], "expected a device that is here"),
        (["--setting", "fast"], "expected a setting such as 1-fp32 or 8-bf16, got fast"),
        (["--setting", "999-fp32"], "expected at most "),
        (["--width", "inf"], "expected a width above 0, got inf"),
        (["--width", "nan"], "expected a width above 0, got nan"),
        (["--arch", "open_nsfw", "--size", 64], "expected --size and --width with zfnet alone"),
        (["--out", "none/run"], "expected a folder, or the name of a new one, got none/run"),
        (["--out", "README.md"], "expected a folder, or the name of a new one, got README.md"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    drawn: Path, tmp_path: Path, skindeep: Call, more: list[object], complaint: str
) -> None:
    if "cuda" in more and torch.cuda.is_available():
        pytest.skip("there is a card")
    status, printed, said = skindeep(*arguments(drawn, tmp_path / "run", *more))
    assert (status, printed) == (2, "")
    assert said.startswith(f"skindeep: {complaint}")
    assert said.count("\n") == 1


def test_validation_on_what_was_learned_is_refused(
    drawn: Path, tmp_path: Path, skindeep: Call
) -> None:
    own = drawn / "train" / "manifest.csv"
    status, _, said = skindeep("convnet", "train", own, "--out", tmp_path / "run")
    assert status == 2
    assert said.startswith("skindeep: expected pictures whose split is validation in ")
    text = own.read_text()
    same = drawn / "train" / "same.csv"
    same.write_text(text.replace(",train,", ",validation,"))
    try:
        status, _, said = skindeep(
            "convnet", "train", own, "--validation", same, "--out", tmp_path / "run"
        )
    finally:
        same.unlink()
    assert status == 2
    number = len(text.splitlines()) - 1
    assert said == (
        f"skindeep: expected validation on other pictures than training's, got {number} in both\n"
    )
    assert not (tmp_path / "run").exists()
