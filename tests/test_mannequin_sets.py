"""Drawn sets on disk: the same bytes for everyone, finished after any kill, read like any set."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from calling import Call

from images.labelled import LabelledSet
from images.mannequins import CONTROLS, draw
from images.mannequins.capture import jpeg
from images.mannequins.cli import scale_of
from images.mannequins.sets import PRESETS, Plan, write_set
from images.reading import read

PLAN = Plan(12, 28, seed=5, scale=0.2)
ARGUMENTS = ("--targets", 12, "--controls", 28, "--seed", 5, "--size", "64x96")


def bytes_of(folder: Path) -> dict[str, str]:
    """Every file below a folder, with the digest of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def start(out: Path, workers: int) -> "subprocess.Popen[bytes]":
    arguments = ["mannequins", str(out), *map(str, ARGUMENTS), "--workers", str(workers)]
    program = "import sys; from compare.cli import main; sys.argv[0] = 'skindeep'; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "set"
    assert write_set(out, PLAN) == 40
    return out


# ---- The same bytes


def test_two_workers_in_other_processes_write_the_same(undisturbed: Path, tmp_path: Path) -> None:
    process = start(tmp_path / "set", 2)
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    assert "40 pictures, 12 of them bare lay figures" in out.decode()
    assert bytes_of(tmp_path / "set") == bytes_of(undisturbed)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_is_finished_to_the_same_set(
    undisturbed: Path, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "set"
    process = start(out, workers)
    while len(list(out.glob("truth/*.json"))) < 1:
        assert process.poll() is None, "killed too late"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = len(list(out.glob("truth/*.json")))
    assert not (out / "manifest.csv").exists()
    assert write_set(out, PLAN) <= 40 - kept
    assert bytes_of(out) == bytes_of(undisturbed)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_in_order_and_says_how_to_go_on(
    undisturbed: Path, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "set"
    process = start(out, workers)
    while len(list(out.glob("truth/*.json"))) < 1:
        assert process.poll() is None, "stopped too late"
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    printed, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert (printed, complaint) == (b"", b"stopped: the same command continues\n")
    write_set(out, PLAN)
    assert bytes_of(out) == bytes_of(undisturbed)


def test_what_a_kill_leaves_at_any_moment_is_finished(undisturbed: Path, tmp_path: Path) -> None:
    """Of every sort of file some are missing, one is half written, and none is taken for whole."""
    out = tmp_path / "set"
    subprocess.run(["cp", "-r", str(undisturbed), str(out)], check=True)
    texts = sorted((out / "truth").glob("*.json"))
    for path in texts[::3]:
        path.unlink()
    (out / "pictures" / f"{texts[0].stem}.jpg").unlink()
    (out / "pictures" / f"{texts[3].stem}.jpg").write_bytes(b"half a picture")
    (out / f"{texts[6].stem}.jpg.77.tmp").write_bytes(b"a quarter")
    (out / "manifest.csv").unlink()
    assert write_set(out, PLAN) == 14
    assert bytes_of(out) == bytes_of(undisturbed)


@pytest.mark.parametrize("made", [(), ("plan.json",), ("plan.json", "pictures")])
def test_a_run_killed_before_its_first_picture_is_finished(
    undisturbed: Path, tmp_path: Path, made: tuple[str, ...]
) -> None:
    out = tmp_path / "set"
    out.mkdir()
    for name in made:
        subprocess.run(["cp", "-r", str(undisturbed / name), str(out)], check=True)
    for picture in out.glob("pictures/*"):
        picture.unlink()
    assert write_set(out, PLAN) == 40
    assert bytes_of(out) == bytes_of(undisturbed)


def test_a_finished_set_is_left_alone(undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("pictures/*")}
    told = list[tuple[int, int]]()
    assert write_set(undisturbed, PLAN, report=lambda *step: told.append(step)) == 0
    assert before == {path: path.stat().st_mtime_ns for path in undisturbed.rglob("pictures/*")}
    assert told == [(40, 40)]


def test_progress_comes_up_to_the_whole(tmp_path: Path) -> None:
    told = list[tuple[int, int]]()
    write_set(tmp_path / "set", Plan(10, 10, scale=0.1), report=lambda *step: told.append(step))
    assert told == [(0, 20), (16, 20), (20, 20)]


# ---- What is in it


def test_pictures_and_truth_are_what_draw_gives(undisturbed: Path) -> None:
    kinds = PLAN.kinds()
    for number, kind in enumerate(kinds):
        rng = np.random.default_rng([5, 2, number])
        drawing, name = draw(rng, kind, scale=0.2), PLAN.name(number)
        data = (undisturbed / "pictures" / f"{name}.jpg").read_bytes()
        assert data == jpeg(drawing.image, drawing.quality)
        labels = cv2.imread(str(undisturbed / "truth" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(labels, drawing.truth.labels)
        text = json.loads((undisturbed / "truth" / f"{name}.json").read_text())
        assert text["label"] == (kind == "bare")
        assert len(text["parts"]) == len(drawing.truth.parts)
        for kept, part in zip(text["parts"], drawing.truth.parts, strict=True):
            assert kept["name"] == part.name
            assert (kept["figure"], kept["bare"]) == (part.figure, part.bare)
            assert np.array_equal(kept["ends"], part.ends)
            assert (kept["width"], kept["visible"]) == (part.width, part.visible)


def test_the_manifest_reads_as_a_labelled_set(undisturbed: Path) -> None:
    drawn = LabelledSet.read(undisturbed / "manifest.csv")
    assert len(drawn.items) == 40
    assert drawn.labels.sum() == 12
    assert {item.split for item in drawn.items} == {"test"}
    assert len({item.group for item in drawn.items}) == 40
    assert {item.licence for item in drawn.items} == {"CC0-1.0"}
    for item in drawn.items:
        reading = read(undisturbed / item.path)
        assert reading.status == "ok"
        assert reading.sha256 == item.sha256
        assert item.label == (item.attributes["kind"] == "bare")
        assert item.attributes["kind"] in ("bare", *CONTROLS)


def test_labelled_check_finds_no_fault(undisturbed: Path, skindeep: Call) -> None:
    status, out, err = skindeep("labelled", "check", undisturbed / "manifest.csv")
    assert status == 0, out + err
    assert "kinds of faults: 0" in out
    assert "pictures: 40" in out


def test_labelled_check_finds_a_swapped_label_file(
    undisturbed: Path, tmp_path: Path, skindeep: Call
) -> None:
    out = tmp_path / "set"
    subprocess.run(["cp", "-r", str(undisturbed), str(out)], check=True)
    first, second = sorted((out / "pictures").iterdir())[:2]
    first.write_bytes(second.read_bytes())
    status, text, _ = skindeep("labelled", "check", out / "manifest.csv")
    assert status == 1
    assert "kinds of faults: 0" not in text


def test_pictures_carry_no_metadata_and_names_no_label(undisturbed: Path) -> None:
    with (undisturbed / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    for row in rows:
        data = (undisturbed / row["path"]).read_bytes()
        assert b"Exif" not in data
        assert b"bare" not in data
        assert len(Path(row["path"]).stem) == 12
    kinds = PLAN.kinds()
    assert kinds[:12] != ["bare"] * 12
    assert kinds == Plan(12, 28, seed=5, scale=1.0).kinds()


def test_names_and_kinds_are_of_one_seed_and_split() -> None:
    plans = [
        Plan(30, 30, seed, split) for seed in (1, 2) for split in ("train", "validation", "test")
    ]
    names = [plan.name(number) for plan in plans for number in range(60)]
    assert len(set(names)) == len(names)
    assert len({tuple(plan.kinds()) for plan in plans}) == len(plans)


def test_kinds_come_in_the_stated_shares() -> None:
    kinds = Plan(138, 4000).kinds()
    assert kinds.count("bare") == 138
    assert sum(CONTROLS.values()) == pytest.approx(1)
    for kind, share in CONTROLS.items():
        spread = (4000 * share * (1 - share)) ** 0.5
        assert abs(kinds.count(kind) - 4000 * share) < 4 * spread, kind


# ---- Errors are for people


def test_another_plan_in_the_same_folder_is_one_clear_line(
    undisturbed: Path, skindeep: Call
) -> None:
    before = bytes_of(undisturbed)
    status, out, err = skindeep(
        "mannequins", undisturbed, *ARGUMENTS[:-1], "96x144", "--workers", 1
    )
    assert status == 2
    assert out == ""
    assert err.startswith("skindeep: expected ")
    assert err.count("\n") == 1
    assert "another folder" in err
    assert bytes_of(undisturbed) == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, skindeep: Call) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "draft.tmp").write_text("dearest")
    before = bytes_of(tmp_path)
    status, _, err = skindeep("mannequins", tmp_path, *ARGUMENTS)
    assert status == 2
    assert "other files" in err
    assert err.count("\n") == 1
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    "size", ["320", "320x481", "480x320", "0x0", "x", "160 x 240", "-160x-240", "99999x1"]
)
def test_sizes_that_are_none_are_named(tmp_path: Path, skindeep: Call, size: str) -> None:
    arguments = ("--targets", 1, "--controls", 1, f"--size={size}", "--workers", 1)
    status, _, err = skindeep("mannequins", tmp_path / "set", *arguments)
    assert status == 2
    assert err.startswith("skindeep: expected ")
    assert err.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_sizes_are_factors_of_320x480() -> None:
    assert [scale_of(size) for size in ("320x480", "160x240", "64x96")] == [1, 0.5, 0.2]
    with pytest.raises(ValueError, match="expected a size of 320x480 times a factor"):
        scale_of("240x160")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"split": "holdout"}, "expected a split train"),
        ({"targets": -1}, "expected .* 0 or more"),
        ({"controls": -1}, "expected .* 0 or more"),
        ({"seed": -1}, "expected .* 0 or more"),
        ({"targets": 0, "controls": 0}, "expected a picture or more"),
        ({"scale": 0.09}, "expected 0.1 to 8"),
        ({"scale": 8.1}, "expected 0.1 to 8"),
        ({"scale": float("nan")}, "expected 0.1 to 8"),
    ],
)
def test_plans_that_cannot_be_are_named(fields: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Plan(**({"targets": 1, "controls": 1} | fields))  # type: ignore[arg-type]


def test_presets_are_the_published_numbers() -> None:
    assert PRESETS == {"eccv96": (138, 1401), "ijcv99": (565, 4289)}


def test_numbers_given_replace_those_of_a_preset(tmp_path: Path, skindeep: Call) -> None:
    out = tmp_path / "set"
    arguments = (out, "--preset", "ijcv99", "--targets", 0, "--controls", 1, "--size", "32x48")
    status, text, err = skindeep("mannequins", *arguments, "--split", "train")
    assert status == 0, err
    assert "1 pictures, 0 of them bare" in text
    plan = json.loads((out / "plan.json").read_text())
    assert (plan["targets"], plan["controls"], plan["split"]) == (0, 1, "train")
    (item,) = LabelledSet.read(out / "manifest.csv").items
    assert item.split == "train"
