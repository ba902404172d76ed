"""Scores that others give, joined to a set; and ours, written for spreadsheets."""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from zoo import HOSTILE_NAMES

from baseline.cli import scan_folder
from baseline.detector import Params
from compare import external as external_scores
from compare.answers import Answers
from compare.external import external, write_scores
from images.formats import read_records
from images.labelled import Item, LabelledSet
from images.reading import read

Scores = npt.NDArray[np.float64]
Write = Callable[[str], Path]

NAMES = ("a.png", "in/b.png", "in/c.png", *map(os.fsdecode, HOSTILE_NAMES))
SET = LabelledSet(
    tuple(
        Item(name, f"{number:064x}", number % 2, "", "", "g", "test")
        for number, name in enumerate(NAMES)
    ),
    Path(),
)
SHA = [item.sha256 for item in SET.items]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def call(text: str) -> Path:
        file = tmp_path / "theirs"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        return file

    return call


def row_by_row(rows: list[dict[str, Any]]) -> Scores:
    """The rule, as slowly as it is said."""
    found: list[set[float]] = [set() for _ in SET.items]
    for row in rows:
        mine = [
            index
            for index, item in enumerate(SET.items)
            if item.path == row.get("path") and row.get("sha256") in (None, item.sha256)
        ]
        mine = mine or [k for k, item in enumerate(SET.items) if item.sha256 == row.get("sha256")]
        for index in mine:
            found[index].add(row["score"])
    assert max(map(len, found)) <= 1
    return np.array([some.pop() if some else np.nan for some in found])


def as_csv(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    lines = [",".join(columns)]
    for row in rows:
        cells = ("" if row.get(c) is None else str(row[c]) for c in columns)
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    return "\n".join(lines) + "\n"


def as_json(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# ---- Joining


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_wordjoin_by_path_and_then_by_bytes(seed: int, kind: str, write: Write) -> None:
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for index in rng.permutation(len(NAMES) + 2)[: rng.integers(1, len(NAMES) + 2)]:
        own = index < len(NAMES)
        row: dict[str, Any] = {"score": float(np.round(rng.normal(), 3))}
        how = rng.integers(4)
        if how != 1:
            row["path"] = NAMES[index] if own else "unknown.png"
        if how != 0:
            row["sha256"] = SHA[index] if own else "f" * 64
        if how == 3 and own:
            row["path"] = "elsewhere/" + NAMES[index]
        rows.append(row)
    columns = ("score", "sha256", "path")
    file = write(as_json(rows) if kind == "json" else as_csv(rows, columns))
    scores, notes = external("theirs", file, SET)
    np.testing.assert_array_equal(scores, row_by_row(rows))
    missing = int(np.isnan(scores).sum())
    unknown = len(rows) - (len(NAMES) - missing)
    word = "row" if unknown == 1 else "rows"
    expected = [f"theirs: no answer for {missing} of 9 pictures"] * (missing > 0)
    expected += [f"theirs: {unknown} {word} of none of the pictures"] * (unknown > 0)
    assert list(notes) == expected


def test_another_pictures_bytes_under_a_known_path_are_that_other_pictures(write: Write) -> None:
    rows = [{"path": NAMES[0], "sha256": SHA[1], "score": 0.5}]
    scores, notes = external("x", write(as_json(rows)), SET)
    assert np.flatnonzero(np.isfinite(scores)).tolist() == [1]
    rows = [{**rows[0], "sha256": "e" * 64}, {"path": NAMES[2], "sha256": SHA[2], "score": 0.1}]
    scores, notes = external("x", write(as_json(rows)), SET)
    assert np.flatnonzero(np.isfinite(scores)).tolist() == [2]
    assert notes == ("x: no answer for 8 of 9 pictures", "x: 1 row of none of the pictures")


def test_pictures_of_the_same_bytes_share_a_score_given_by_bytes(write: Write) -> None:
    twins = LabelledSet((*SET.items[:2], replace(SET.items[1], path="twin.png")), Path())
    scores, _ = external("x", write(f"sha256,score\n{SHA[1].upper()},2\n"), twins)
    np.testing.assert_array_equal(scores, [np.nan, 2, 2])
    scores, _ = external("x", write(f"path,sha256,score\ntwin.png,{SHA[1]},2\n"), twins)
    np.testing.assert_array_equal(scores, [np.nan, np.nan, 2])


def test_no_answer_is_an_empty_score_or_a_status(write: Write) -> None:
    text = "path,score,status\na.png,,ok\nin/b.png,0.3,timeout\nin/c.png,0.1,ok\n"
    scores, _ = external("x", write(text), SET)
    np.testing.assert_array_equal(scores[:3], [np.nan, np.nan, 0.1])
    rows = [
        {"path": "a.png", "score": None, "status": "unreadable"},
        {"path": "in/b.png", "score": 0.3, "status": "timeout"},
        {"path": "in/c.png", "score": 1, "status": "ok"},
    ]
    scores, notes = external("x", write(as_json(rows)), SET)
    np.testing.assert_array_equal(scores[:3], [np.nan, np.nan, 1])
    assert notes == ("x: no answer for 8 of 9 pictures",)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_scan_of_a_folder_inside_the_set_joins(tmp_path: Path, kind: str) -> None:
    folder, rng = tmp_path / "pictures" / "deep", np.random.default_rng(0)
    folder.mkdir(parents=True)
    items = []
    for number, name in enumerate(HOSTILE_NAMES):
        file = folder / os.fsdecode(name)
        with file.open("wb") as out:
            Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(out, "PNG")
        digest = read(file).sha256
        assert digest
        items.append(Item(f"pictures/deep/{file.name}", digest, number % 2, "", "", "g", "test"))
    (folder / "page.html").write_bytes(b"<html>")
    labelled = LabelledSet(tuple(items), tmp_path)
    for root in (tmp_path, folder):
        out = tmp_path.with_name(f"{tmp_path.name}-{root.name}.{kind}")
        scan_folder(root, out, None, Params(), 1)
        scores, notes = external("scan", out, labelled)
        scan = {found["sha256"]: found for found in read_records(out)}
        assert scores.tolist() == [scan[item.sha256]["score"] for item in items]
        assert notes == ("scan: 1 row of none of the pictures",)


# ---- Refusals


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,score\na.png,nan\n", r"finite number as score, got 'nan', in line 2 of "),
        ("path,score\na.png,1\nin/b.png,-inf\n", r"finite number .* '-inf', in line 3 of "),
        ("path,score\n\na.png,1e999\n", r"finite number .* in line 3 of "),
        ("path,score\na.png,likely\n", r"finite number .* got 'likely', in line 2 of "),
        ("path,score\na.png,1_0\n", r"finite number .* got '1_0', in line 2 of "),
        ("path,score\na.png,٣\n", r"finite number .* in line 2 of "),
        ("path,score\na.png,1,2\n", r"expected 2 cells, got 3, in line 2 of "),
        ('path,score\n"a.png,1\n', r"expected CSV, got .*, in line 2 of "),
        ("path,scores\na.png,1\n", r"expected a score, and a path or sha256.* path,scores in "),
        ("name,score\na.png,1\n", r"expected a score, and a path or sha256"),
        ("path,score,score\na.png,1,1\n", r"each once"),
        ("", r"expected a score, .* got none in "),
        ('{"path": "a.png", "score": NaN}\n', r"finite number .* got nan, in line 1 of "),
        ('{"path": "a.png", "score": true}\n', r"finite number .* got True, in line 1 of "),
        ('{"path": "a.png", "score": "1"}\n', r"finite number .* got '1', in line 1 of "),
        (f'{{"path": "a.png", "score": 1{"0" * 400}}}\n', r"finite number .* in line 1 of "),
        ('{"path": "a.png", "score": 1}\n[1]\n', r"a JSON object, got \[1\], in line 2 of "),
        ('{"path": "a.png", "score": 1}\n{\n', r"expected JSON, got .* in line 2 of "),
        ('{"path": 7, "score": 1}\n', r"expected text as path, got 7, in line 1 of "),
        ('{"path": "a.png"}\n', r"expected a score, .* got path in line 1 of "),
        ('{"a": ' + "[" * 100_000, r"expected JSON, got .* in line 1 of "),
        (
            "path,score\na.png,1\nin/b.png,2\na.png,1.5\n",
            r"one score for a.png, got 1 in line 2 and 1.5 in line 4 of ",
        ),
        (
            "path,score\na.png,1\na.png,\n",
            r"one score for a.png, got 1 in line 2 and none in line 3 of ",
        ),
        (
            f"path,sha256,score\nin/c.png,{SHA[2]},1\n/abs/c.png,{SHA[2]},3\n",
            r"one score for in/c.png, got 1 in line 2 and 3 in line 3 of ",
        ),
    ],
)
def test_what_is_no_score_is_refused_in_one_line(text: str, complaint: str, write: Write) -> None:
    with pytest.raises(ValueError, match=f"^expected .*{complaint.removeprefix('expected ')}") as e:
        external("theirs", write(text), SET)
    assert "\n" not in str(e.value)
    assert len(str(e.value)) < 500


def test_a_file_of_other_pictures_says_what_was_expected(write: Write) -> None:
    with pytest.raises(
        ValueError, match=r"such as path .*, got none among 2; the first is of y.png"
    ):
        external("x", write("path,score\ny.png,1\nz.png,2\n"), SET)


def test_the_same_score_twice_is_one(write: Write) -> None:
    scores, _ = external("x", write("path,score\na.png,1\na.png,1.0\na.png,1e0\n"), SET)
    assert scores[0] == 1


def test_sizes_are_bounded(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write("path,score\n" + "a.png,1\n" * 50)
    monkeypatch.setattr(external_scores, "MOST_CELLS", 99)
    with pytest.raises(ValueError, match="expected at most 99 cells"):
        external("x", file, SET)
    monkeypatch.setattr(external_scores, "MOST_BYTES", 99)
    with pytest.raises(ValueError, match="expected scores of at most 99 bytes, got 411"):
        external("x", file, SET)
    with pytest.raises(ValueError, match="expected a file of scores, got"):
        external("x", tmp_path, SET)
    with pytest.raises(ValueError, match="got '=x'"):
        external("=x", file, SET)


def test_a_spreadsheets_habits_are_read(write: Write) -> None:
    text = "\ufeffpath,score\r\na.png, 0.5 \r\n\r\n'=HYPERLINK(1).jpg,'-2.5e-1\r\n"
    scores, _ = external("x", write(text), SET)
    assert scores[0] == 0.5
    assert scores[NAMES.index("=HYPERLINK(1).jpg")] == -0.25


# ---- Writing


def test_scores_are_written_whole_and_harmless(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ours = {"old": rng.normal(size=len(NAMES)), "net": rng.random(len(NAMES)) * 1e-9}
    ours["net"][2] = np.nan
    others = {"theirs": np.full(len(NAMES), -0.1)}
    statuses = ("ok", "ok", "timeout", *["ok"] * 6)
    answered = Answers(SET.items, SET.labels, statuses, ours, {}, {}, {})
    path = tmp_path / "scores.csv"
    path.write_text("old")
    write_scores(path, answered, others)
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == ["path", "sha256", "label", "status", "old", "net", "theirs"]
    assert [row["path"].removeprefix("'") for row in rows] == list(NAMES)
    for row in rows:
        assert row["path"][0] not in "=+-@"
    assert [row["sha256"] for row in rows] == SHA
    assert [row["label"] for row in rows] == [str(item.label) for item in SET.items]
    assert [row["status"] for row in rows] == list(statuses)
    for name, scores in {**ours, **others}.items():
        np.testing.assert_array_equal([float(row[name] or "nan") for row in rows], scores)
    assert list(tmp_path.iterdir()) == [path]

    theirs = tmp_path / "theirs.csv"
    theirs.write_bytes(path.read_bytes().replace(b",net,", b",score,", 1))
    back, notes = external("back", theirs, SET)
    np.testing.assert_array_equal(back, ours["net"])
    assert notes == ("back: no answer for 1 of 9 pictures",)
    with pytest.raises(ValueError, match="a name of its own for everyone, got old 2 times"):
        write_scores(path, answered, {"old": ours["old"]})


def test_rows_of_another_set_are_joined_to_it_and_no_strangers(write: Write) -> None:
    """A path that both sets have is the first's, unless the row's sha256 says otherwise."""
    other = [
        Item("a.png", "e" * 64, 0, "", "", "g", "validation"),
        Item("own.png", "f" * 64, 1, "", "", "g", "validation"),
    ]
    rows = f"path,sha256,score\na.png,,1\na.png,{'e' * 64},2\nown.png,,3\nnobody.png,,4\n"
    scores, notes = external("x", write(rows), SET, other)
    assert len(scores) == len(NAMES) + 2
    assert (scores[0], *scores[-2:]) == (1, 2, 3)
    assert np.isnan(scores[1:-2]).all()
    missing = len(NAMES) - 1
    assert notes == (
        f"x: no answer for {missing} of {len(NAMES)} pictures",
        "x: 1 row of none of the pictures",
    )
