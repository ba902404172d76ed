"""``skindeep compare``: what it asks, what it keeps, what it writes, and what it refuses."""

import csv
import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare import answers as kept_answers
from compare import command, entries, figures, making
from compare.command import compare_set
from images.labelled import LabelledSet, write_manifest
from images.mannequins.sets import Plan, write_set


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for split in ("train", "validation", "test"):
        write_set(folder / split, Plan(5, 7, 3, split, 0.25))
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples, and no process is started to measure memory."""
    monkeypatch.setattr(entries, "RESAMPLES", 50)
    monkeypatch.setattr(making, "RESAMPLES", 50)
    monkeypatch.setattr(kept_answers, "_memory", lambda *_: 1)


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "figures", lambda _data, _out: [])


def mine(drawn: Path, file: Path, split: str = "test") -> Path:
    """Somebody else's scores: the label, with one picture missing and one turned round."""
    items = LabelledSet.read(drawn / split / "manifest.csv").items
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["path", "score"])
        for number, item in enumerate(items[1:]):
            table.writerow([item.path, 0.9 if item.label ^ (number == 0) else 0.2])
    return file


def test_everyone_on_one_set_and_one_report(skindeep, drawn, tmp_path):
    scores = mine(drawn, tmp_path / "mine.csv")
    status, printed, complaint = skindeep(
        "compare", drawn / "test" / "manifest.csv", "--scorer", "baseline",
        "--scorer", f"colours=colour_histogram:{drawn / 'train' / 'manifest.csv'}",
        "--scores", f"mine={scores}", "--threshold", "mine=0.5",
        "--validation", drawn / "validation" / "manifest.csv", "--rule", "cost=3",
        "--gallery", "--out", tmp_path / "out", "--workers", 1,
    )  # fmt: skip
    assert (status, complaint) == (0, "")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["answer"].replace("\u202f", " ") == printed.splitlines()[0]
    assert "note: mine: no answer for 1 of 12 pictures" in printed
    assert printed.endswith(f"report: {tmp_path / 'out' / 'report.html'}\n")
    assert report["schema"] == "skindeep report 1"
    assert report["tested"]["pictures"] == {"targets": 5, "controls": 7}
    by_name = {one["name"]: one for one in report["scorers"]}
    assert list(by_name) == ["baseline", "colours", "mine"]
    origins = {name: one["threshold"]["origin"] for name, one in by_name.items()}
    assert origins == {"baseline": "validation", "colours": "validation", "mine": "hand"}
    assert by_name["mine"]["is_probability"]
    assert by_name["mine"]["memory"] is None
    assert report["making"]["command"].startswith("skindeep compare ")
    assert {"scikit-learn", "matplotlib"} <= set(report["making"]["versions"])
    assert report["making"]["digests"]["test set"] == report["tested"]["digest"]
    wrong = [card["path"] for card in report["gallery"]]
    assert len(wrong) == len(set(wrong))
    assert any("mine" in card["scorers"] for card in report["gallery"])
    assert all(card["overlay"].startswith("data:image/jpeg;base64,") for card in report["gallery"])
    assert all(card["occlusion"] is None for card in report["gallery"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "mine" in page
    header = (tmp_path / "out" / "scores.csv").read_text().splitlines()[0]
    assert header.split(",") == ["path", "sha256", "label", "status", "baseline", "colours", "mine"]
    assert {path.suffix for path in (tmp_path / "out" / "figures").iterdir()} == {".svg", ".pdf"}


@pytest.mark.usefixtures("without_figures")
def test_a_scorer_s_own_threshold_stands_unless_another_is_chosen(drawn, tmp_path):
    report = compare_set(drawn / "test" / "manifest.csv", ["baseline"], tmp_path / "out")
    (one,) = report.scorers
    assert one.threshold.origin == "scorer"
    assert one.threshold.value == 0.5
    (f,) = (point for point in one.operating_points if point.name == "F")
    assert one.at_threshold.recall == f.recall
    assert one.at_threshold.fpr == f.fpr


@pytest.mark.usefixtures("without_figures")
def test_one_more_scorer_asks_that_one_alone(drawn, tmp_path, monkeypatch):
    asked, true = [], kept_answers.answer_all

    def noted(everyone, image):
        asked.append([one.word for one in everyone])
        return true(everyone, image)

    monkeypatch.setattr(kept_answers, "answer_all", noted)
    manifest, out = drawn / "test" / "manifest.csv", tmp_path / "out"
    first = compare_set(manifest, ["baseline"], out)
    assert asked == [["baseline"]] * 12
    second = compare_set(manifest, ["baseline", "skin_fraction"], out)
    assert asked[12:] == [["skin_fraction"]] * 12
    assert second.scorers[0] == first.scorers[0]
    third = compare_set(manifest, ["skin_fraction", "baseline"], out)
    assert len(asked) == 24
    assert third.scorers == second.scorers[::-1]


@pytest.mark.usefixtures("without_figures")
def test_same_inputs_and_kept_timings_same_bytes(drawn, tmp_path):
    def written() -> dict[str, bytes]:
        compare_set(
            drawn / "test" / "manifest.csv", ["baseline", "skin_fraction"], tmp_path / "out",
            validation=drawn / "validation" / "manifest.csv", gallery=True,
        )  # fmt: skip
        files = [p for p in (tmp_path / "out").rglob("*") if p.is_file() and "kept" not in p.parts]
        return {str(path): path.read_bytes() for path in sorted(files)}

    first = written()
    assert len(first) == 3
    assert written() == first


@pytest.mark.usefixtures("without_figures")
def test_an_unreadable_picture_is_counted_not_fatal(tmp_path):
    folder = tmp_path / "set"
    write_set(folder, Plan(5, 7, 3, "test", 0.25))
    items = LabelledSet.read(folder / "manifest.csv").items
    (folder / items[0].path).unlink()
    report = compare_set(folder / "manifest.csv", ["skin_fraction"], tmp_path / "out")
    (one,) = report.scorers
    lost = (one.unanswered.targets, one.unanswered.controls)
    assert lost == ((1, 0) if items[0].label else (0, 1))
    assert set(report.tested.statuses) == {"ok", "unreadable"}
    assert report.notes[0] == "no answer for 1 of the 12 pictures (unreadable 1)"


def test_a_manifest_away_from_its_pictures_is_refused(skindeep, drawn, tmp_path):
    moved = tmp_path / "manifest.csv"
    moved.write_bytes((drawn / "test" / "manifest.csv").read_bytes())
    arguments = ("compare", moved, "--scorer", "skin_fraction", "--out", tmp_path / "out")
    status, printed, said = skindeep(*arguments)
    assert (status, printed, said.count("\n")) == (2, "", 1)
    assert said.startswith("skindeep: expected answers to compare, got no answer for ")
    assert said.endswith("; paths in a manifest are relative to its folder\n")


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "expected --scorer or --scores, once or more, got neither"),
        (["--scorer", "nobody"], "expected baseline, skin_fraction, open_nsfw, convnet:RUN"),
        (["--scorer", "baseline", "--scorer", "baseline"], "expected a name of its own"),
        (["--scorer", "baseline", "--threshold", "other=1"], "expected a threshold for baseline"),
        (["--scorer", "baseline", "--threshold", "baseline=nan"], "expected a number as threshold"),
        (["--scorer", "baseline", "--threshold", "baseline"], "expected NAME=X"),
        (["--scorer", "baseline", "--rule", "f1"], "expected --validation, on which --rule"),
        (["--scores", "mine=nowhere.csv"], "expected a file of scores, got nowhere.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_on_one_line(skindeep, drawn, tmp_path, words, complaint):
    status, printed, said = skindeep(
        "compare", drawn / "test" / "manifest.csv", *words, "--out", tmp_path / "out"
    )
    assert (status, printed) == (2, "")
    assert said.startswith(f"skindeep: {complaint}")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("without_figures")
def test_a_rule_that_nothing_meets_costs_one_scorer_its_threshold(drawn, tmp_path, monkeypatch):
    true = command.choose

    asked = []

    def choosy(rule, labels, scores):
        asked.append(rule)
        if len(asked) == 1:  # of the first scorer
            raise ValueError("expected a threshold, got none")
        return true(rule, labels, scores)

    monkeypatch.setattr(command, "choose", choosy)
    report = compare_set(
        drawn / "test" / "manifest.csv", ["baseline", "skin_fraction"], tmp_path / "out",
        validation=drawn / "validation" / "manifest.csv",
    )  # fmt: skip
    told = {one.name: one.threshold is None for one in report.scorers}
    assert told == {"baseline": True, "skin_fraction": False}
    assert report.notes == [
        "baseline: no threshold on the validation set; expected a threshold, got none"
    ]


def test_a_bad_rule_is_refused_before_anything_is_scored(drawn, tmp_path):
    manifest = drawn / "validation" / "manifest.csv"
    with pytest.raises(ValueError, match="expected a rule such as youden"):
        compare_set(
            drawn / "test" / "manifest.csv", ["baseline"], tmp_path / "out",
            validation=manifest, rule="best",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def relabelled(drawn: Path, split: str) -> Path:
    """The pictures that are tested on, as if they were there to choose by or to learn from."""
    items = LabelledSet.read(drawn / "test" / "manifest.csv").items
    file = drawn / "test" / f"as-{split}.csv"
    write_manifest(file, [replace(item, split=split) for item in items])
    return file


def test_what_is_tested_on_neither_chooses_nor_teaches(drawn, tmp_path):
    manifest, out = drawn / "test" / "manifest.csv", tmp_path / "out"
    with pytest.raises(
        ValueError, match=r"^expected a validation set without .*, got 12 pictures of the test set$"
    ):
        compare_set(manifest, ["baseline"], out, validation=relabelled(drawn, "validation"))
    with pytest.raises(
        ValueError, match=r"^expected a training set of c without .*, got 12 pictures of the test"
    ):
        compare_set(manifest, [f"c=colour_histogram:{relabelled(drawn, 'train')}"], out)
    assert not out.exists()


@pytest.mark.usefixtures("without_figures")
def test_scores_from_a_file_get_their_threshold_on_the_validation_set(drawn, tmp_path):
    manifest, both = drawn / "test" / "manifest.csv", tmp_path / "both.csv"
    tested = mine(drawn, tmp_path / "tested.csv")
    checked = mine(drawn, tmp_path / "checked.csv", "validation")
    both.write_text(tested.read_text() + checked.read_text().partition("\n")[2])
    report = compare_set(
        manifest, [], tmp_path / "out", {"whole": str(both), "half": str(tested)},
        validation=drawn / "validation" / "manifest.csv",
    )  # fmt: skip
    whole, half = report.scorers
    assert (whole.threshold.value, whole.threshold.origin) == (0.9, "validation")
    assert half.threshold is None
    assert report.notes == [
        "whole: no answer for 1 of 12 pictures",
        "half: no answer for 1 of 12 pictures",
        "half: no threshold, since it has no score for a picture of the validation set; "
        "--threshold half=X gives one",
    ]


def test_out_must_be_a_folder(skindeep, drawn, tmp_path):
    out = tmp_path / "out"
    out.write_text("")
    status, _, said = skindeep(
        "compare", drawn / "test" / "manifest.csv", "--scorer", "baseline", "--out", out
    )
    assert (status, said) == (2, f"skindeep: expected a folder, got {out}\n")


@pytest.mark.usefixtures("without_figures")
def test_ctrl_c_at_the_gallery_leaves_the_report(skindeep, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_gallery", lambda *_: signal.raise_signal(signal.SIGINT))
    out = tmp_path / "out"
    status, printed, complaint = skindeep(
        "compare", drawn / "test" / "manifest.csv", "--scorer", "baseline", "--gallery",
        "--out", out,
    )  # fmt: skip
    assert (status, printed, complaint) == (130, "", "stopped: the same command continues\n")
    assert json.loads((out / "report.json").read_text())["gallery"] == []
    assert (out / "report.html").is_file()


def test_a_set_without_a_test_split_or_with_one_class_is_refused(skindeep, drawn, tmp_path):
    status, _, said = skindeep(
        "compare", drawn / "train" / "manifest.csv", "--scorer", "baseline", "--out", tmp_path / "a"
    )
    assert (status, said.count("\n")) == (2, 1)
    assert "expected pictures whose split is test" in said
    labelled = LabelledSet.read(drawn / "test" / "manifest.csv")
    targets = tmp_path / "targets"
    write_set(targets, Plan(5, 7, 3, "test", 0.25))
    write_manifest(targets / "manifest.csv", [item for item in labelled.items if item.label])
    status, _, said = skindeep(
        "compare", targets / "manifest.csv", "--scorer", "baseline", "--out", tmp_path / "b"
    )
    assert (status, said.count("\n")) == (2, 1)
    assert "expected targets and controls to test with, got 5 targets and 0 controls" in said
    assert not (tmp_path / "b").exists()  # nothing was scored


def test_statistics_are_at_hand_in_python():
    from compare import delong, mcnemar, paired_bootstrap, precision_recall, roc

    labels, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert roc(labels, scores).auc.value == 0.75
    assert precision_recall(labels, scores).ap.value == pytest.approx(5 / 6)
    assert delong(labels, scores, scores).p == 1
    assert mcnemar([1, 0], [1, 0]).p == 1
    assert paired_bootstrap(labels, scores, scores, "auc", resamples=20).difference.value == 0
    assert np.isfinite(roc(labels, scores).fpr).all()
