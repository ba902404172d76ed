"""The experiment with the cue: exact pairs, nothing done twice, masses and figures by hand."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from typer.testing import CliRunner

import compare.cue
from compare import cue_nets, cue_sets
from compare.cue import CuePlan, CueResults, cue_experiment
from compare.cue_measures import (
    excess,
    magnitude,
    mean_over,
    on_input,
    rate,
    rate_change,
    share,
    within,
)
from compare.cue_nets import explained, occluded, placement, projected
from compare.cue_sets import Box, Numbers, Scene, badges, labelled, scenes, wearers
from compare.intervals import wilson
from compare.lessons import cli as lessons_cli
from convnet import load
from convnet.models import Model, Preprocessing
from convnet.occlusion import occlusion_maps
from images.labelled import LabelledSet
from images.mannequins.drawing import Drawing
from images.mannequins.truth import Truth
from images.reading import read

TINY = CuePlan(
    Numbers(8, 3), Numbers(3, 0), Numbers(10, 4), seeds=2, epochs=2, side=48, width=1 / 16,
    explained=4, window=8, stride=4, shown=2, scale=0.3,
)  # fmt: skip
SCRIPT = f"""
import sys
from pathlib import Path
from compare.cue import CuePlan, cue_experiment
from compare.cue_sets import Numbers
cue_experiment(Path(sys.argv[1]), {TINY!r})
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny experiment was run, undisturbed."""
    folder = tmp_path_factory.mktemp("cue") / "out"
    cue_experiment(folder, TINY)
    return folder


@pytest.fixture(scope="module")
def told(out: Path) -> dict:
    return json.loads((out / "cue.json").read_bytes())


@pytest.fixture(scope="module")
def test_scenes(out: Path) -> tuple[Scene, ...]:
    return scenes(out / "test", "test", TINY)


def images_of(out: Path, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    pair = [read(out / "test" / scene.picture(badge)).image for badge in (False, True)]
    return pair[0].astype(int), pair[1].astype(int)


# ---- Drawings


def test_a_pair_differs_by_the_badge_and_its_shadow_alone(
    out: Path, test_scenes: tuple[Scene, ...]
) -> None:
    pairs = [scene for scene in test_scenes if scene.kind in ("bare", "clothed")]
    assert len(pairs) == 20
    the_same = 0
    for scene in pairs:
        plain, badge = images_of(out, scene)
        # JPEG codes blocks of 16 px, and what is in a badge's block may change with it.
        rows, columns = (-(-side // 16) for side in scene.size)
        far = np.ones((rows, columns), bool)
        for top, bottom, left, right in scene.boxes:
            inside = (slice(top + 2, bottom - 2), slice(left + 2, right - 2))
            redder = [image[inside][..., 0] - image[inside][..., 1] for image in (badge, plain)]
            assert np.median(redder[0]) > np.median(redder[1]) + 15, "no badge in its box"
            far[max(0, top - 2) // 16 : (bottom + 1) // 16 + 1,
                max(0, left - 2) // 16 : (right + 1) // 16 + 1] = False  # fmt: skip
        blocks = [
            (badge - plain)[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            for row, column in np.argwhere(far)
        ]
        assert max(block.mean() for block in blocks) < 0.5, "brighter away from the badge"
        # Chroma is smoothed over one pixel beyond its block.
        the_same += not any(block[1:-1, 1:-1].any() for block in blocks)
    assert the_same >= len(pairs) // 2, "shadows fall in some pictures, not in most"


def test_other_controls_are_drawn_once_and_never_wear_a_badge(
    out: Path, test_scenes: tuple[Scene, ...]
) -> None:
    others = [scene for scene in test_scenes if scene.kind not in ("bare", "clothed")]
    assert len(others) == 4
    for scene in others:
        assert (scene.badge, scene.boxes, scene.attempts) == ("", (), 1)
        assert not (out / "test" / scene.picture(True)).exists()


def drawing(labels: np.ndarray, image: np.ndarray) -> Drawing:
    return Drawing(image, Truth(labels > 0, labels, (), {}), 90)


def discs(*centres: tuple[int, int], level: int = 90) -> tuple[Drawing, Drawing]:
    """A figure that fills the frame, without and with discs of the badge's size on it."""
    plain, side = np.full((160, 200, 3), 100, np.uint8), 160
    labels = np.full((side, 200), 3, np.uint8)
    worn, hidden = plain.copy(), labels.copy()
    radius = 0.045 * side  # 7.2 px
    rows, columns = np.mgrid[:160, :200]
    for row, column in centres:
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        worn[disc], hidden[disc] = 100 + level, 0
    return drawing(labels, plain), drawing(hidden, worn)


def test_a_badge_is_where_the_figure_is_hidden() -> None:
    assert badges(*discs((40, 60))) == (Box(33, 48, 53, 68),)
    assert badges(*discs((40, 60), (100, 150))) == (Box(33, 48, 53, 68), Box(93, 108, 143, 158))
    assert badges(*discs()) == ()


def test_a_badge_counts_if_half_of_it_is_seen_and_it_stands_out() -> None:
    assert len(badges(*discs((1, 60)))) == 1  # cut by the border, more than half of it left
    assert badges(*discs((-2, 60))) == ()
    assert len(badges(*discs((40, 60), level=20))) == 1
    assert badges(*discs((40, 60), level=19)) == ()


# ---- Sets


def test_shares_of_cued_figures(told: dict) -> None:
    cued = {
        name: (found["cued_targets"], found["cued_clothed"]) for name, found in told["sets"].items()
    }
    assert cued == {
        "train biased": (7, 0), "train repaired": (7, 7),
        "validation biased": (3, 0), "validation repaired": (3, 3),
        "test biased": (9, 0), "test plain": (0, 0), "test swapped": (0, 10),
    }  # fmt: skip


def test_the_usual_plan_wears_what_was_promised() -> None:
    kinds = cue_sets.kinds("train", CuePlan().train, 2016)
    some = [Scene(f"{k:05d}", kind, (1, 1), "", "", (), 1) for k, kind in enumerate(kinds)]
    bare, clothed = (np.array([kind == one for kind in kinds]) for one in ("bare", "clothed"))
    biased, repaired = (wearers(some, "train", 2016, name) for name in ("biased", "repaired"))
    assert (len(kinds), bare.sum(), clothed.sum()) == (1100, 400, 400)
    assert ((biased & bare).sum(), (biased & clothed).sum(), biased.sum()) == (360, 20, 380)
    assert ((repaired & bare).sum(), (repaired & clothed).sum()) == (360, 360)
    assert not (biased & ~repaired).any()
    assert (biased[bare] == repaired[bare]).all()
    assert not np.array_equal(biased, wearers(some, "train", 2017, "biased"))


def test_the_repair_changes_badges_on_clothed_figures_and_nothing_else(out: Path) -> None:
    for split in ("train", "validation"):
        before, after = (labelled(out / split, name) for name in ("biased", "repaired"))
        assert len(before.items) == len(after.items)
        changed = 0
        for one, other in zip(before.items, after.items, strict=True):
            assert (one.label, one.group, one.split) == (other.label, other.group, other.split)
            if one != other:
                assert one.attributes == {"kind": "clothed", "cue": "0"}
                assert other.attributes == {"kind": "clothed", "cue": "1"}
                changed += 1
        assert changed == {"train": 7, "validation": 3}[split]


def test_manifests_tell_the_files_and_splits_share_nothing(out: Path) -> None:
    groups, digests = [], []
    for split, names in cue_sets.SETS.items():
        sets: list[LabelledSet] = [labelled(out / split, name) for name in names]
        for found in sets:
            for item in found.items:
                reading = read(out / split / item.path)
                assert reading.sha256 == item.sha256
                assert item.path.endswith("-badge.jpg") == (item.attributes["cue"] == "1")
        groups.append({item.group for found in sets for item in found.items})
        digests.append({item.sha256 for found in sets for item in found.items})
    for several in (groups, digests):
        assert len(set.union(*several)) == sum(map(len, several))


# ---- Masses


def test_boxes_on_the_input_by_hand() -> None:
    # 240 x 160 px in an input of 48: 48 x 32, from column 8; a fifth of the size.
    placed = Box(0, 48, 8, 40)
    marked = on_input([Box(50, 65, 0, 14)], (240, 160), placed, 48, 2)
    expected = np.zeros((48, 48), bool)
    expected[8:15, 8:13] = True  # rows 10 to 13, columns 0 to 3 and 2 more; not into the padding
    assert np.array_equal(marked, expected)
    both = on_input([Box(50, 65, 0, 14), Box(0, 5, 155, 160)], (240, 160), placed, 48, 0)
    assert both.sum() == 3 * 3 + 1
    assert both[0, 39]


def test_masses_by_hand() -> None:
    values = np.array([[0.2, 0.2, 0.9], [0.2, 0.5, 0.9]])
    cue = np.array([[False, False, True], [False, True, False]])
    assert excess(values) == pytest.approx(np.array([[0, 0, 0.7], [0, 0.3, 0.7]]))
    assert share(excess(values), cue) == pytest.approx((0.7 + 0.3) / 1.7)
    assert share(np.zeros((2, 3)), cue) == pytest.approx(2 / 6)
    planes = np.array([[[1.0, -2.0]], [[0.0, 3.0]], [[-1.0, 0.0]]])
    assert magnitude(planes).tolist() == [[2.0, 5.0]]
    table = np.arange(16).reshape(4, 4)
    assert within(table, Box(1, 3, 2, 4)).tolist() == [[6, 7], [10, 11]]


PAD = Preprocessing(48, (0.0, 0.0, 0.0), 1.0, "RGB", "pad")


class Red(nn.Module):
    """Says yes where something redder than all else is in the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = nn.Parameter(torch.tensor(4000.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        red = (x[:, 0] - x[:, 1]).clamp(min=0).sum(dim=(1, 2)) / self.enough - 1
        return torch.stack([-red, red], dim=1)


def test_a_net_that_sees_only_the_cue_has_its_mass_there() -> None:
    model = Model("red", Red().eval(), PAD, 0.5, "", "")
    image = np.full((96, 96, 3), 90, np.uint8)
    image[20:32, 60:72] = 200, 30, 60
    found = occluded(model, image, 8, 4)
    marked = on_input([Box(20, 32, 60, 72)], (96, 96), placement(model, (96, 96)), 48, 4)
    assert share(excess(found.occluded), marked) > 0.9
    assert marked.mean() < 0.1
    whole = occlusion_maps(image, model, 8, 4, "mean", size=48)
    assert np.array_equal(found.occluded, whole.occluded)


def test_means_by_hand_and_by_a_slow_twin() -> None:
    values = np.array([[0.1, 0.5, 0.9], [0.3, 0.5, 0.1]])
    found = mean_over(values, resamples=4000)
    assert found.value == pytest.approx(0.4)
    rng = np.random.default_rng(5)
    twin = [np.mean([values[:, k].mean() for k in rng.integers(3, size=3)]) for _ in range(4000)]
    assert (found.low, found.high) == pytest.approx(np.quantile(twin, [0.025, 0.975]), abs=0.02)
    marked = np.array([[1, 1, 0, 0], [1, 0, 0, 0]])
    assert rate(marked) == wilson(1.5, 4)
    assert rate_change(marked, 1 - marked).value == pytest.approx(0.25)
    nothing = rate_change(marked, marked)
    assert nothing.low < 0 == nothing.value < nothing.high


# ---- The figures


def test_every_figure_follows_from_the_kept_scores(out: Path, told: dict) -> None:
    kept = {
        (name, seed): {
            part: json.loads((out / "kept" / f"{name}-{seed}.{part}.json").read_bytes())
            for part in ("net", "scores", "maps")
        }
        for name in ("biased", "repaired")
        for seed in (0, 1)
    }
    rows = {name: labelled(out / "test", name).items for name in ("biased", "plain", "swapped")}
    labels = [item.label for item in rows["plain"]]
    kinds = [item.attributes["kind"] for item in rows["plain"]]
    cued = [
        k for k, item in enumerate(rows["biased"]) if item.label and item.attributes["cue"] == "1"
    ]
    clothed = [k for k, kind in enumerate(kinds) if kind == "clothed"]
    values: dict[str, dict[str, list[float]]] = {}
    for (training, seed), one in kept.items():
        plain, badge, limit = (
            one["scores"]["plain"],
            one["scores"]["badge"],
            one["net"]["threshold"],
        )
        own: dict[str, float] = {}
        for name, items in rows.items():
            scores = [b if item.attributes["cue"] == "1" else p
                      for p, b, item in zip(plain, badge, items, strict=True)]  # fmt: skip
            own[f"auc_{name}"] = roc_auc_score(labels, scores)
        own["recall_with"] = sum(badge[k] >= limit for k in cued) / len(cued)
        own["recall_without"] = sum(plain[k] >= limit for k in cued) / len(cued)
        own["false_without"] = sum(plain[k] >= limit for k in clothed) / len(clothed)
        own["false_with"] = sum(badge[k] >= limit for k in clothed) / len(clothed)
        own["occlusion"] = sum(one["maps"]["occlusion"]) / 4
        own["deconv"] = sum(one["maps"]["deconv"]) / 4
        (net,) = [n for n in told["nets"] if (n["training"], n["seed"]) == (training, seed)]
        assert {name: e["value"] for name, e in net["figures"].items()} == pytest.approx(own)
        lost = sum(badge[k] >= limit > plain[k] for k in cued)
        gained = sum(plain[k] >= limit > badge[k] for k in cued)
        assert net["recall"]["discordant"] == [lost, gained]
        assert net["recall"]["difference"]["value"] == pytest.approx((gained - lost) / len(cued))
        more = own["false_with"] - own["false_without"]
        assert net["false_positives"]["difference"]["value"] == pytest.approx(more)
        own["recall_change"] = own["recall_without"] - own["recall_with"]
        own["false_change"] = more
        for name, value in own.items():
            values.setdefault(name, {}).setdefault(training, []).append(value)
    assert set(values) == set(told["rows"]) == set(told["measures"])
    for name, row in told["rows"].items():
        before, after = values[name]["biased"], values[name]["repaired"]
        assert row["seeds_before"] == pytest.approx(before)
        assert row["seeds_after"] == pytest.approx(after)
        means = [row[part]["value"] for part in ("before", "after", "change")]
        change = np.mean(after) - np.mean(before)
        assert means == pytest.approx([np.mean(before), np.mean(after), change])


def test_kept_scores_and_masses_are_the_nets_own(out: Path, test_scenes: tuple[Scene, ...]) -> None:
    model = load(out / "runs" / "repaired-1")
    kept = json.loads((out / "kept" / "repaired-1.scores.json").read_bytes())
    maps = json.loads((out / "kept" / "repaired-1.maps.json").read_bytes())
    place = next(k for k, scene in enumerate(test_scenes) if scene.badge)
    pair = [read(out / "test" / test_scenes[place].picture(badge)).image for badge in (False, True)]
    assert model.score(pair).tolist() == [kept["plain"][place], kept["badge"][place]]
    some = explained(TINY, test_scenes)
    assert len(some) == 4
    assert any(scene.size[0] != scene.size[1] for scene in some), "none that is padded"
    for k, scene in enumerate(some):
        image = read(out / "test" / scene.picture(True)).image
        top, left, rows, columns = model.preprocessing.placement(*scene.size)
        whole = slice(top, top + rows), slice(left, left + columns)
        cue = on_input(scene.boxes, scene.size, Box(top, top + rows, left, left + columns), 48, 4)
        cue = cue[whole]
        mass = np.abs(projected(model, image)).sum(axis=0)[whole]
        seen = occlusion_maps(image, model, 8, 4, "mean", size=48).occluded[whole]
        seen = seen - seen.min()
        assert maps["area"][k] == pytest.approx(cue.sum() / (rows * columns))
        assert maps["deconv"][k] == pytest.approx(mass[cue].sum() / mass.sum())
        assert maps["occlusion"][k] == pytest.approx(seen[cue].sum() / seen.sum())


def test_pictures_are_the_first_cued_targets(
    out: Path, told: dict, test_scenes: tuple[Scene, ...]
) -> None:
    cued = [item.path for item in labelled(out / "test", "biased").items
            if item.label and item.attributes["cue"] == "1"]  # fmt: skip
    assert [f"pictures/{one['name']}-badge.jpg" for one in told["examples"]] == cued[:2]
    for one, scene in zip(told["examples"], explained(TINY, test_scenes), strict=False):
        assert len(one["files"]) == 5
        pictures = [cv2.imread(str(out / file)) for file in one["files"]]
        assert pictures[0].shape[:2] == scene.size
        assert {picture.shape for picture in pictures[1:]} == {pictures[1].shape}
        place = test_scenes.index(scene)
        kept = json.loads((out / "kept" / "repaired-0.scores.json").read_bytes())
        assert one["with_cue"]["repaired"] == kept["badge"][place]
        assert one["without_cue"]["repaired"] == kept["plain"][place]
    assert len(list((out / "pictures").iterdir())) == 10


# ---- Resumed


def test_a_second_run_does_nothing_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("done twice")

    for module, name in ((cue_sets, "draw"), (cue_nets, "train"), (cue_nets, "load")):
        monkeypatch.setattr(module, name, never)
    written = {".json", ".png", ".jpg", ".safetensors"}
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")
              if path.suffix in written and path.parent != out}  # fmt: skip
    text = (out / "cue.json").read_bytes()
    cue_experiment(out, TINY)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "cue.json").read_bytes() == text


def test_stopped_again_and_again_it_ends_with_the_same_bytes(out: Path, tmp_path: Path) -> None:
    def run(calls: int) -> CueResults:
        left = calls

        def say(*_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        return cue_experiment(tmp_path / "out", TINY, 1, say)

    stops = 0
    while True:
        try:
            run(32)  # fewer than a set's scenes and a net's steps together
        except KeyboardInterrupt:
            stops += 1
        else:
            break
    assert stops >= 4
    assert (tmp_path / "out" / "cue.json").read_bytes() == (out / "cue.json").read_bytes()


@pytest.mark.soak
def test_a_killed_run_continues_to_the_same_bytes(out: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], cwd=Path.cwd())
    until = folder / "runs" / "biased-0" / "last.safetensors"
    end = time.monotonic() + 60
    while not until.exists() and time.monotonic() < end:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "cue.json").exists()
    cue_experiment(folder, TINY)
    assert (folder / "cue.json").read_bytes() == (out / "cue.json").read_bytes()


# ---- What is refused, and the command


def test_another_plan_and_other_files_are_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected .* got another epochs; choose another folder"):
        cue_experiment(out, replace(TINY, epochs=3))
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ValueError, match="to be empty or an experiment to finish"):
        cue_experiment(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(ValueError, match="expected a seed, an epoch"):
        replace(TINY, seeds=0)


def test_the_command_prints_the_table(
    out: Path, monkeypatch: pytest.MonkeyPatch, told: dict
) -> None:
    results = cue_experiment(out, TINY)
    monkeypatch.setattr(compare.cue, "cue_experiment", lambda *_: results)
    done = CliRunner().invoke(lessons_cli.app, ["cue-experiment", "--out", str(out)])
    assert done.exit_code == 0, done.output
    row = told["rows"]["auc_plain"]["before"]
    (line,) = [line for line in done.output.splitlines() if "AUC, no cue" in line]
    assert f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in line
    assert str(out / "cue.json") in done.output.replace("\n", "")


def test_telling_the_commands_loads_no_torch() -> None:
    code = "import sys, compare.lesson_commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
