"""Answers: everyone asked once about everything, kept, and never asked again without need."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import typer
from drawings import SLATE, draw, posed
from driver import kill_before
from PIL import Image
from zoo import HOSTILE_NAMES

from baseline.cli import scan_folder
from baseline.detector import Params
from compare import answers as kept_answers
from compare import scorers
from compare.answers import Answers, answers
from compare.funnel import passes
from compare.scorers import Contestant, answer, contestants
from images import scans
from images.labelled import LabelledSet, write_manifest
from images.mannequins.sets import Plan, write_set
from images.reading import read

BOTH = ("baseline", "skin_fraction")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten tiny drawn pictures and two stick figures, under plain names and under hostile ones."""
    folder = tmp_path_factory.mktemp("set")
    write_set(folder, Plan(4, 6, 3, "test", 0.2))
    items = list(LabelledSet.read(folder / "manifest.csv").items)
    for seed in range(2):
        strokes, height, width = posed(np.random.default_rng(seed))
        path = f"pictures/sticks-{seed}.png"
        Image.fromarray(draw(*strokes, height=height, width=width, ground=SLATE)).save(
            folder / path
        )
        items.append(replace(items[0], path=path, label=1, sha256=digest_of(folder / path)))
    for number, name in enumerate(HOSTILE_NAMES):
        path = f"pictures/{os.fsdecode(name)}"
        shutil.copyfile(folder / items[number].path, folder / path)
        items.append(replace(items[number], path=path))
    write_manifest(folder / "manifest.csv", items)
    return folder


@pytest.fixture
def labelled(source: Path, tmp_path: Path) -> LabelledSet:
    shutil.copytree(source, tmp_path / "set")
    return LabelledSet.read(tmp_path / "set" / "manifest.csv")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to measure memory."""
    monkeypatch.setattr(kept_answers, "_memory", lambda *_: 1)


def digest_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def kept(folder: Path) -> dict[str, bytes]:
    """The answers in a folder, by file name, without what is timed or measured."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}


def same(one: Answers, other: Answers) -> None:
    assert (one.items, one.statuses, one.details) == (other.items, other.statuses, other.details)
    assert (one.seconds, one.memory) == (other.seconds, other.memory)
    assert one.scores.keys() == other.scores.keys()
    for name, scores in one.scores.items():
        np.testing.assert_array_equal(scores, other.scores[name])
    np.testing.assert_array_equal(one.labels, other.labels)


class Counted:
    """How often pictures are read, and who is asked about each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.asked: list[list[str]] = []
        monkeypatch.setattr(scans, "read", self._read)
        monkeypatch.setattr(kept_answers, "answer_all", self._ask)

    def _read(self, path: Path) -> object:
        self.read.append(str(path))
        return read(path)

    def _ask(self, everyone: Sequence[Contestant], image: object) -> object:
        self.asked.append([one.word for one in everyone])
        return scorers.answer_all(everyone, image)  # type: ignore[arg-type]


# ---- Asked once


@pytest.mark.usefixtures("quick")
def test_everyone_is_asked_about_every_picture_once_in_the_order_of_the_set(
    labelled: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, everyone = Counted(monkeypatch), contestants(BOTH)
    found = answers(labelled, everyone, tmp_path / "kept")
    paths = [item.path for item in labelled.items]
    assert sorted(counted.read) == sorted(str(labelled.root / path) for path in paths)
    assert [sorted(asked) for asked in counted.asked] == [sorted(BOTH)] * len(paths)
    assert found.items == labelled.items
    assert found.labels.tolist() == labelled.labels.tolist()
    assert found.statuses == ("ok",) * len(paths)
    for index, path in enumerate(paths):
        image = read(labelled.root / path).image
        assert image is not None
        for one in everyone:
            said = answer(one, image)
            assert found.scores[one.name][index] == said["score"]
            if one.word == "baseline":
                assert found.details[one.name][index] == said
    assert found.details.keys() == {"baseline"}
    assert found.seconds.keys() == {"read", *BOTH}
    assert all(0 < seconds < 10 for seconds in found.seconds.values())
    assert len(set(found.scores["skin_fraction"])) >= 10
    assert {path.name.count(".run.") for path in (tmp_path / "kept").iterdir()} == {0}
    assert len(list((tmp_path / "kept").iterdir())) == 4


@pytest.mark.usefixtures("quick")
def test_a_rerun_asks_nobody_and_one_more_contestant_alone(
    labelled: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    first = answers(labelled, contestants(["baseline"]), folder)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    counted = Counted(monkeypatch)
    same(first, answers(labelled, contestants(["baseline"]), folder))
    assert counted.read == counted.asked == []
    both = answers(labelled, contestants(["old=baseline", "skin_fraction"]), folder)
    assert counted.asked == [["skin_fraction"]] * len(labelled.items)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    np.testing.assert_array_equal(both.scores["old"], first.scores["baseline"])
    assert both.seconds["old"] == first.seconds["baseline"]
    together = tmp_path / "together"
    answers(labelled, contestants(BOTH), together)
    assert kept(together) == kept(folder)


@pytest.mark.usefixtures("quick")
def test_one_contestant_under_two_names_is_asked_once(
    labelled: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    found = answers(labelled, contestants(["a=baseline", "b=baseline"]), tmp_path / "kept")
    assert counted.asked == [["baseline"]] * len(labelled.items)
    np.testing.assert_array_equal(found.scores["a"], found.scores["b"])


@pytest.mark.usefixtures("quick")
def test_the_order_of_set_and_contestants_and_the_workers_change_nothing(
    labelled: LabelledSet, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    found = answers(labelled, contestants(BOTH), one)
    backwards = LabelledSet(labelled.items[::-1], labelled.root)
    other = answers(backwards, contestants(BOTH[::-1]), two, workers=2)
    assert kept(one) == kept(two)
    for name in BOTH:
        np.testing.assert_array_equal(found.scores[name], other.scores[name][::-1])
    same(answers(backwards, contestants(BOTH), one), replace(
        found, items=backwards.items, labels=found.labels[::-1],
        scores={name: scores[::-1] for name, scores in found.scores.items()},
        details={"baseline": found.details["baseline"][::-1]},
    ))  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_the_funnel_follows_from_what_is_kept(labelled: LabelledSet, tmp_path: Path) -> None:
    found = answers(labelled, contestants(["baseline"]), tmp_path / "kept")
    scan_folder(labelled.root, tmp_path / "scan", None, Params(), 1)
    lines = map(json.loads, (tmp_path / "scan").read_bytes().splitlines())
    scan = {record["path"]: record for record in lines}
    passed = [passes(detail) for detail in found.details["baseline"]]
    assert passed == [passes(scan[item.path]) for item in labelled.items]
    scores = [scan[item.path]["score"] for item in labelled.items]
    assert found.scores["baseline"].tolist() == scores
    assert {some["F"] for some in passed} == {True, False}


def test_memory_and_times_are_measured_once(labelled: LabelledSet, tmp_path: Path) -> None:
    few = LabelledSet(labelled.items[:3], labelled.root)
    folder = tmp_path / "kept"
    found = answers(few, contestants(["skin_fraction"]), folder)
    assert 20e6 < found.memory["skin_fraction"] < 2e9

    def files() -> dict[Path, tuple[int, bytes]]:
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    before = files()
    same(found, answers(few, contestants(["skin_fraction"]), folder))
    assert files() == before
    (memory,) = folder.glob("*.memory.json")
    memory.write_bytes(memory.read_bytes()[:-9])
    again = answers(few, contestants(["skin_fraction"]), folder)
    assert again.memory["skin_fraction"] > 20e6
    assert again.seconds == found.seconds


def test_memory_is_not_measured_unasked(labelled: LabelledSet, tmp_path: Path) -> None:
    found = answers(labelled, contestants(["skin_fraction"]), tmp_path / "kept", measured=False)
    assert found.memory == {}
    assert not list((tmp_path / "kept").glob("*.memory.json"))


# ---- Pictures that are not as they should be


@pytest.mark.usefixtures("quick")
def test_pictures_that_cannot_be_read_have_a_status_and_no_score(
    labelled: LabelledSet, tmp_path: Path
) -> None:
    broken, missing, link, *_ = labelled.items
    junk = b"no picture at all"
    (labelled.root / broken.path).write_bytes(junk)
    (labelled.root / missing.path).unlink()
    (labelled.root / link.path).unlink()
    (labelled.root / link.path).symlink_to(labelled.root / labelled.items[5].path)
    told = replace(broken, sha256=sha256(junk).hexdigest())
    found = answers(
        LabelledSet((told, *labelled.items[1:]), labelled.root),
        contestants(BOTH),
        tmp_path / "kept",
    )
    assert found.statuses[:4] == ("unsupported", "unreadable", "unsupported", "ok")
    assert set(found.statuses[3:]) == {"ok"}
    for name in BOTH:
        assert np.isnan(found.scores[name][:3]).all()
        assert np.isfinite(found.scores[name][3:]).all()
    assert found.details["baseline"][:3] == ({}, {}, {})
    assert all(found.details["baseline"][3:])


def test_a_set_without_any_readable_picture(labelled: LabelledSet, tmp_path: Path) -> None:
    nowhere = LabelledSet(labelled.items, tmp_path)
    found = answers(nowhere, contestants(["skin_fraction"]), tmp_path / "kept")
    assert set(found.statuses) == {"unreadable"}
    assert np.isnan(found.scores["skin_fraction"]).all()
    assert np.isnan(found.seconds["skin_fraction"])
    assert found.memory["skin_fraction"] > 0


@pytest.mark.usefixtures("quick")
def test_other_bytes_than_the_manifests_are_refused_and_nothing_is_kept(
    labelled: LabelledSet, tmp_path: Path
) -> None:
    folder, changed = tmp_path / "kept", sorted(item.path for item in labelled.items)[3:5]
    before = [(labelled.root / path).read_bytes() for path in changed]
    for path in changed:
        shutil.copyfile(labelled.root / "pictures/sticks-0.png", labelled.root / path)
    with pytest.raises(ValueError, match=r"other bytes in 2 of 18, .* the first; run skindeep"):
        answers(labelled, contestants(BOTH), folder)
    assert not kept(folder)
    for path, data in zip(changed, before, strict=True):
        (labelled.root / path).write_bytes(data)
    assert set(answers(labelled, contestants(BOTH), folder).statuses) == {"ok"}


# ---- Damage, and runs that end too early


@pytest.mark.parametrize(
    "damage", ["torn", "edited", "receipt torn", "of another", "removed", "older"]
)
@pytest.mark.usefixtures("quick")
def test_damaged_answers_are_asked_for_again(
    labelled: LabelledSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    folder = tmp_path / "kept"
    found = answers(labelled, contestants(BOTH), folder)
    undamaged = kept(folder)
    (digest,) = (one.digest for one in contestants(["skin_fraction"]))
    (file,) = folder.glob(f"*-{digest[:16]}.jsonl")
    receipt = file.with_suffix(".receipt.json")
    data = file.read_bytes()
    if damage == "torn":
        file.write_bytes(data[:-9])
    elif damage == "edited":
        file.write_bytes(data.replace(b"0.", b"1.", 1))
    elif damage == "receipt torn":
        receipt.write_bytes(receipt.read_bytes()[:50])
    elif damage == "older":
        text = receipt.read_text()
        receipt.write_text(re.sub(r'"code of baseline": ".', '"code of baseline": "x', text))
    elif damage == "removed":
        receipt.unlink()
    else:  # whole in itself, but somebody else's
        (other,) = set(folder.glob("*.jsonl")) - {file}
        shutil.copyfile(other, file)
        shutil.copyfile(other.with_suffix(".receipt.json"), receipt)
    counted = Counted(monkeypatch)
    again = answers(labelled, contestants(BOTH), folder)
    assert counted.asked == [["skin_fraction"]] * len(labelled.items)
    assert kept(folder) == undamaged
    for name in BOTH:
        np.testing.assert_array_equal(again.scores[name], found.scores[name])


@pytest.mark.usefixtures("quick")
def test_killed_at_any_step_it_continues_to_the_same_bytes(
    labelled: LabelledSet, tmp_path: Path
) -> None:
    """The driver below dies before its n-th rename or removal, early ones and all of the last."""
    few = LabelledSet(labelled.items[-4:], labelled.root)
    write_manifest(few.root / "few.csv", few.items)
    undisturbed = tmp_path / "undisturbed"
    status, steps = start(few.root / "few.csv", undisturbed, 0)
    assert (status, len(kept(undisturbed))) == (0, 2)
    assert steps > 25
    for step in (3, 8, *range(steps - 12, steps + 1, 3)):
        folder = tmp_path / str(step)
        status, _ = start(few.root / "few.csv", folder, step)
        assert status == -signal.SIGKILL
        answers(few, contestants(BOTH), folder)
        assert kept(folder) == kept(undisturbed)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            path.name for path in undisturbed.iterdir()
        )


@pytest.mark.usefixtures("quick")
def test_what_a_killed_run_has_done_is_not_done_again(
    labelled: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(labelled.root / "set.csv", labelled.items)
    folder = tmp_path / "kept"
    # Two removals, index, plan; then two shards of two pictures, each with its receipt.
    assert start(labelled.root / "set.csv", folder, 9)[0] == -signal.SIGKILL
    counted = Counted(monkeypatch)
    answers(labelled, contestants(BOTH), folder)
    assert len(counted.asked) == 14
    # All is done, but only one contestant's part is kept with its receipt.
    _, steps = start(labelled.root / "set.csv", tmp_path / "whole", 0)
    shutil.rmtree(folder)
    assert start(labelled.root / "set.csv", folder, steps - 5)[0] == -signal.SIGKILL
    assert len(list(folder.glob("*-*.receipt.json"))) == 1
    answers(labelled, contestants(BOTH), folder)
    assert len(counted.asked) == 14


@pytest.mark.usefixtures("quick")
def test_a_stop_says_that_the_same_command_continues(
    labelled: LabelledSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    undisturbed = answers(labelled, contestants(BOTH), tmp_path / "undisturbed")
    counted, calls = Counted(monkeypatch), iter(range(100))

    def stopping(everyone: Sequence[Contestant], image: object) -> object:
        if next(calls) == 11:
            signal.raise_signal(signal.SIGINT)
        return counted._ask(everyone, image)

    monkeypatch.setattr(kept_answers, "answer_all", stopping)
    with pytest.raises(typer.Exit) as stopped:
        answers(labelled, contestants(BOTH), tmp_path / "kept")
    assert stopped.value.exit_code == 130
    said = capsys.readouterr().err
    assert said == "stopped: 10 of 18 files are done, and the same command continues\n"
    found = answers(labelled, contestants(BOTH), tmp_path / "kept")
    assert len(counted.asked) == 19
    for name in BOTH:
        np.testing.assert_array_equal(found.scores[name], undisturbed.scores[name])


def test_a_second_comparison_in_the_folder_is_refused_meanwhile(
    labelled: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(*_: object) -> int:
        with pytest.raises(ValueError, match="expected no other run on answers"):
            answers(labelled, contestants(["skin_fraction"]), tmp_path / "kept")
        return 7

    monkeypatch.setattr(kept_answers, "_memory", another)
    found = answers(labelled, contestants(["skin_fraction"]), tmp_path / "kept")
    assert found.memory == {"skin_fraction": 7}


def test_nobody_to_ask_and_names_twice(labelled: LabelledSet, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a contestant or more, got none"):
        answers(labelled, [], tmp_path / "kept")
    with pytest.raises(ValueError, match="a name of its own for everyone"):
        answers(labelled, [*contestants(BOTH), *contestants(["baseline"])], tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


# ---- The driver: this file run as a program, which dies at the given step


def start(manifest: Path, folder: Path, step: int) -> tuple[int, int]:
    """Return the driver's exit status, and the number of its steps if it lived."""
    command = [sys.executable, __file__, str(manifest), str(folder), str(step)]
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, int(done.stdout or 0)


def main(manifest: str, folder: str, step: str) -> None:
    kept_answers._memory = lambda *_: 1
    everyone = contestants(BOTH)
    steps = kill_before(int(step))
    answers(LabelledSet.read(Path(manifest)), everyone, Path(folder))
    print(steps())


if __name__ == "__main__":
    main(*sys.argv[1:])
