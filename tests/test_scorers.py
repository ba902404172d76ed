"""Contestants: how they are named, what they say of a picture, and the rival of colours."""

import hashlib
import json
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from drawings import SKIN, SLATE, canvas, draw, posed
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from baseline.cli import scan_folder
from baseline.colour import colour_planes
from baseline.detector import Params, detect, reduce
from compare import histogram, scorers
from compare.funnel import passes
from compare.histogram import ColourModel, colours, fit, fitted, learned
from compare.scorers import answer, answer_all, contestant, contestants, expect_names, prepared
from convnet import load
from convnet.cli import score_folder
from convnet.models import Checkpoint, Preprocessing, save
from convnet.zfnet import ZFNet, ZFNetConfig
from images.labelled import LabelledSet, write_manifest
from images.mannequins.sets import Plan, write_set
from images.reading import RGB, read

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny drawn sets."""
    folder = tmp_path_factory.mktemp("drawn")
    write_set(folder / "test", Plan(6, 10, 3, "test", 0.2))
    write_set(folder / "train", Plan(12, 14, 3, "train", 0.2))
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that was never trained, as a run's best."""
    return untrained(tmp_path_factory.mktemp("runs") / "lr=0.1", 1)


def untrained(run: Path, seed: int) -> Path:
    config = ZFNetConfig(48, 1 / 16, 8)
    preprocessing = Preprocessing(48, (120.0, 110.0, 100.0), 1 / 58, "RGB", "pad")
    torch.manual_seed(seed)
    run.mkdir()
    path = run / "best.safetensors"
    save(path, Checkpoint("zfnet", config, preprocessing, 0.5, "a rule"), ZFNet(config))
    return path


def pictures(folder: Path) -> dict[str, RGB]:
    found = {path.name: read(path).image for path in sorted(folder.iterdir())}
    return {name: image for name, image in found.items() if image is not None}


# ---- Names


def test_the_words_and_their_default_names(checkpoint: Path, drawn: Path) -> None:
    manifest = drawn / "train" / "manifest.csv"
    texts = ["baseline", "skin_fraction", "open_nsfw", f"run=convnet:{checkpoint.parent}"]
    texts += [f"colour_histogram:{manifest}", f"mine 2=convnet:{checkpoint}"]
    found = contestants(texts)
    told = [(c.name, c.kind, c.is_probability, c.threshold) for c in found]
    assert told == [
        ("baseline", "baseline", False, 0.5),
        ("skin_fraction", "rule", False, 0.3),
        ("open_nsfw", "net", True, None),
        ("run", "net", True, 0.5),
        ("colour_histogram", "rule", True, None),
        ("mine 2", "net", True, 0.5),
    ]
    assert found[3].threshold_rule == "a rule"
    assert found[3].digest == found[5].digest == load(checkpoint).digest
    assert len({c.digest for c in found}) == 5
    for one in found:
        assert (one.threshold is None) == (one.threshold_rule is None)
        assert one.description.endswith(".")
        assert "\n" not in one.description
        assert pickle.loads(pickle.dumps(one)) == one
        assert contestant(one.spec) == one
        hash(one)


def test_a_networks_default_name_is_its_runs_folder(tmp_path: Path) -> None:
    best = untrained(tmp_path / "small", 1)
    other = best.with_name("last.safetensors")
    other.write_bytes(best.read_bytes())
    assert contestant(f"convnet:{best.parent}").name == "small"
    assert contestant(f"convnet:{best}").name == "small"
    assert contestant(f"convnet:{other}").name == "last"


def test_a_folder_without_a_run_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^expected a run's folder with best.safetensors, got .* without it$"
    ):
        contestant(f"convnet:{tmp_path}")


@pytest.mark.parametrize(
    "text",
    ["", "resnet", "baseline:F", "convnet", "convnet:", "a:b=baseline", "x=", "mudepy\n", "=1"],
)
def test_nobody_of_that_word(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected baseline, .*convnet:RUN, .* got ") as caught:
        contestant(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "-rf", "=SUM(A1)", " a", "a ", "a\nb", "<b>", "read", "path", "status", "a" * 41, "a,b"],
)
def test_odd_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"^expected ") as caught:
        contestant(f"{name}=baseline")
    assert "\n" not in str(caught.value)


def test_no_two_have_one_name(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match="a name of its own for everyone, got baseline 2 times"):
        contestants(["baseline", "a=baseline", "baseline"])
    with pytest.raises(ValueError, match=r"got 'lr=0\.1'; put another in front"):
        contestant(f"convnet:{checkpoint.parent}")
    found = contestants(["baseline", "old=baseline", f"net=convnet:{checkpoint}"])
    assert [c.name for c in found] == ["baseline", "old", "net"]
    expect_names(iter(["Zoë", "net-2", "v1.0+x"]))


def test_a_digest_tells_parameters_and_training_sets_apart(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contestant("baseline"), contestant("skin_fraction")
    monkeypatch.setattr(scorers, "Params", lambda: Params(window=(64, 96)))
    after = contestant("baseline"), contestant("skin_fraction")
    assert len({c.digest for c in (*before, *after)}) == 4
    monkeypatch.undo()
    monkeypatch.setattr(scorers, "version", lambda _: "another")
    assert contestant("baseline").digest != before[0].digest
    monkeypatch.undo()
    assert contestant("baseline") == before[0]

    items = LabelledSet.read(drawn / "train" / "manifest.csv").items
    digests = set()
    for number, some in enumerate([items, items[::-1], items[1:]]):
        write_manifest(tmp_path / f"{number}.csv", some)
        digests.add(contestant(f"colour_histogram:{tmp_path / f'{number}.csv'}").digest)
    assert len(digests) == 3


def test_1996_alone_imports_no_torch_and_compiles_before_the_clock() -> None:
    program = """
import sys, numpy as np
from compare.scorers import answer_all, contestants
import compare.answers
from baseline import ribbons, search
answer_all(contestants(["baseline", "skin_fraction"]), np.full((100, 150, 3), 128, np.uint8))
assert "torch" not in sys.modules and "sklearn" not in sys.modules
assert "matplotlib" not in sys.modules
assert ribbons._runs.signatures and search.spine_thighs.signatures
assert search.limb_limb_girdles.signatures and search.limb_segment_girdles.signatures
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# ---- Answers


def test_the_detectors_threshold_makes_its_decision(drawn: Path) -> None:
    baseline, fraction = contestants(["baseline", "skin_fraction"])
    some = list(pictures(drawn / "test" / "pictures").values())
    some += [canvas(100, 150, SKIN), canvas(100, 150, SLATE)]
    for seed in range(4):
        strokes, height, width = posed(np.random.default_rng(seed))
        some.append(draw(*strokes, height=height, width=width, ground=SLATE))
    decisions = []
    for image in some:
        detection = detect(image)
        said, taken = answer_all([baseline, fraction], image)
        assert baseline.threshold is not None
        assert fraction.threshold is not None
        found = said[baseline.digest]
        assert (found["score"] >= baseline.threshold) == detection.decision
        assert found["segments"] == len(detection.segments)
        assert passes(found)["F"] == detection.decision
        passed = said[fraction.digest]["score"] >= fraction.threshold
        assert passed == passes(found)["skin filter"]
        assert taken[baseline.digest] == taken[fraction.digest] > 0
        decisions.append((detection.decision, passed))
    assert set(decisions) == {(True, True), (False, True), (False, False)}


def test_the_detector_looks_once_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counting(image: RGB) -> object:
        nonlocal looks
        looks += 1
        return detect(image)

    both, image = contestants(["baseline", "skin_fraction"]), canvas(60, 90, SKIN)
    answer_all(both, image)
    monkeypatch.setattr(scorers, "detect", counting)
    together, _ = answer_all(both, image)
    assert looks == 1
    assert together == {one.digest: answer(one, image) for one in both}


def test_scan_and_comparison_give_equal_scores(
    drawn: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = drawn / "test" / "pictures"
    scan_folder(folder, tmp_path / "scan", None, Params(), 1)
    score_folder(folder, tmp_path / "net", str(checkpoint), "cpu", 1)
    score_folder(folder, tmp_path / "yahoo", "open_nsfw", "cpu", 1)
    texts = ["baseline", "skin_fraction", f"net=convnet:{checkpoint}", "open_nsfw"]
    everyone = contestants(texts)
    images, seen = pictures(folder), []
    scans = [(tmp_path / name).read_bytes().splitlines() for name in ("scan", "net", "yahoo")]
    for lines in zip(*scans, strict=True):
        scan, net, yahoo = map(json.loads, lines)
        said, _ = answer_all(everyone, images[scan["path"]])
        assert [said[one.digest]["score"] for one in everyone] == [
            scan["score"], scan["skin_fraction"], net["score"], yahoo["score"],
        ]  # fmt: skip
        assert passes(said[everyone[0].digest]) == passes(scan)
        seen.append(net["score"])
    assert len(set(seen)) == 16


def test_a_network_that_changes_under_a_comparison_stops_it(checkpoint: Path) -> None:
    one = replace(contestant(f"net=convnet:{checkpoint}"), digest="0" * 64)
    with pytest.raises(OSError, match=r"^expected .*best.safetensors to stay as it was"):
        answer(one, canvas(60, 90, SKIN))


# ---- Colours


def old_fitted(train: Floats, labels: npt.ArrayLike, test: Floats) -> Floats:
    """The same, in scikit-learn's own words."""
    middle, spread = train.mean(axis=0), train.std()
    strengths = {"C": [1e-4, 1e-3, 1e-2, 1e-1]}
    model = GridSearchCV(LogisticRegression(max_iter=2000), strengths, scoring="roc_auc", cv=3)
    model.fit((train - middle) / spread, labels)
    scores: Floats = model.decision_function((test - middle) / spread)
    return scores


def test_fitting_is_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    train, test = rng.normal(size=(60, 7)) + labels[:, None], rng.normal(size=(20, 7))
    np.testing.assert_allclose(
        fitted(train, labels, test), old_fitted(train, labels, test), rtol=1e-9, atol=1e-12
    )
    assert fitted(train[:, :1], labels, test[:, :1]).tolist() == test[:, 0].tolist()


def test_the_histogram_is_that_of_hue_and_saturation() -> None:
    image = canvas(100, 150, SKIN)
    image[:, 75:] = SLATE
    planes = colour_planes(reduce(image))
    counts, *_ = np.histogram2d(
        planes.hue.ravel(), planes.saturation.ravel(), 12, [(-180, 180), (0, 120)]
    )
    seen = colours(planes)
    np.testing.assert_allclose(seen.reshape(12, 12) ** 2 * planes.hue.size, counts, atol=1e-6)
    assert seen @ seen <= 1 + 1e-12
    assert (seen > 0.4).sum() >= 2


def test_colours_that_differ_are_told_apart() -> None:
    rng = np.random.default_rng(4)
    skin, slate = (
        np.array([
            colours(colour_planes(np.clip(rng.normal(colour, 12, (40, 60, 3)), 0, 255)
                    .astype(np.uint8)))
            for _ in range(12)
        ])
        for colour in (SKIN, SLATE)
    )  # fmt: skip
    model = fit(np.concatenate([skin[:8], slate[:8]]), np.repeat([1, 0], 8))
    scores = model.logits(np.concatenate([skin[8:], slate[8:]]))
    assert roc_auc_score(np.repeat([1, 0], 4), scores) == 1
    assert model.score(canvas(40, 60, SKIN)) > 0.5 > model.score(canvas(40, 60, SLATE))
    same = colours(colour_planes(reduce(canvas(40, 60, SKIN))))
    assert model.score(canvas(40, 60, SKIN)) == 1 / (1 + np.exp(-model.logits(same[None])[0]))


def test_what_was_learned_is_kept_as_text_and_learned_again_where_that_is_damaged(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = drawn / "train" / "manifest.csv"
    train = LabelledSet.read(manifest).split("train")
    one = prepared(contestant(f"colour_histogram:{manifest}"), tmp_path)
    (kept,) = tmp_path.iterdir()
    assert one.kept == str(kept)
    whole = kept.read_bytes()
    model = learned(manifest, train.digest)
    features = np.array([
        colours(colour_planes(reduce(image)))
        for image in (read(train.root / item.path).image for item in train.items)
        if image is not None
    ])  # fmt: skip
    assert model == fit(features, train.labels)
    image = canvas(60, 90, SKIN)
    assert answer(one, image) == {"score": model.score(image)}

    for damaged in (b"[]", b"{}", b"\xff", b""):
        kept.write_bytes(damaged)
        assert histogram._read(kept, train.digest) is None
    kept.write_bytes(whole)
    monkeypatch.setattr(histogram, "fit", None)
    assert learned(manifest, train.digest, kept) == model
    monkeypatch.undo()
    content = json.loads(whole)
    edited = json.dumps(content | {"intercept": 3.0}).encode()
    torn, other = whole[:-9], json.dumps(content | {"train": "0" * 64}).encode()
    for damaged in (edited, torn, other):
        kept.write_bytes(damaged)
        assert learned(manifest, train.digest, kept) == model
        assert kept.read_bytes() == whole
    assert asdict(model)["strength"] in histogram.STRENGTHS


def test_what_cannot_be_learned_from_is_said_in_one_line(drawn: Path, tmp_path: Path) -> None:
    train = LabelledSet.read(drawn / "train" / "manifest.csv")
    with pytest.raises(ValueError, match=r"expected 3 targets and 3 controls .* got 0 and 0"):
        contestant(f"colour_histogram:{drawn / 'test' / 'manifest.csv'}")
    with pytest.raises(ValueError, match=r"expected a manifest, got .*none\.csv"):
        contestant(f"colour_histogram:{tmp_path / 'none.csv'}")
    (tmp_path / "pictures").mkdir()
    for item in train.items:
        (tmp_path / item.path).write_bytes((train.root / item.path).read_bytes())
    manifest, victim = tmp_path / "set.csv", train.items[5]
    write_manifest(manifest, train.items)
    one = contestant(f"colour_histogram:{manifest}")
    (tmp_path / victim.path).write_bytes((tmp_path / train.items[4].path).read_bytes())
    with pytest.raises(ValueError, match=f"expected {victim.path} as the manifest has it"):
        prepared(one, tmp_path)
    (tmp_path / victim.path).write_bytes(b"no picture")
    with pytest.raises(ValueError, match=f"to learn from, got {victim.path}: unsupported; "):
        prepared(one, tmp_path)
    digest = hashlib.sha256(b"no picture").hexdigest()
    write_manifest(manifest, [replace(i, sha256=digest) if i == victim else i for i in train.items])
    with pytest.raises(ValueError, match=r"expected .*set\.csv to stay as it was"):
        prepared(one, tmp_path)


def test_log_odds_by_hand() -> None:
    model = ColourModel((0.0, 1.0), 2.0, (3.0, -1.0), 0.5, 0.1)
    np.testing.assert_allclose(model.logits(np.array([[2.0, 3.0]])), [3 * 1 - 1 * 1 + 0.5])
