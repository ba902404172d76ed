"""Labelled sets: what is written reads back, nothing leaks between splits, and faults are found."""

import csv
import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from calling import Call
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from zoo import HOSTILE_NAMES

import images.cli
from images import duplicates, labelled
from images.duplicates import clusters, look_alikes, near_pairs, perceptual_hash
from images.labelled import (
    COLUMNS,
    GroupBy,
    Item,
    LabelledSet,
    group_of,
    rows,
    split_of,
    write_manifest,
)
from images.reading import RGB, read

HEADER = ",".join(COLUMNS)
SHA = hashlib.sha256(b"").hexdigest()
ROW = f"a.png,1,{SHA},s,,g,train"


@pytest.fixture
def command(skindeep: Call) -> Call:
    return partial(skindeep, "labelled")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six people in three pictures each, half of them in pos, half in neg."""
    monkeypatch.chdir(tmp_path)
    for number in range(18):
        name = f"{'pos' if number < 9 else 'neg'}/{'abcdef'[number // 3]}{number % 3}.png"
        save(Path(name), number)
    return tmp_path


def tiles(seed: int) -> RGB:
    """A picture of random tiles; no two seeds look alike."""
    some = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return some.repeat(8, axis=0).repeat(8, axis=1)


def save(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tiles(seed)).save(path, "PNG")


def item(path: str, **fields: object) -> Item:
    given = {"sha256": SHA, "label": 1, "source": "s", "licence": "", "group": path}
    return Item(**({"path": path, "split": "train"} | given | fields))  # type: ignore[arg-type]


# ---- Written and read back


names = st.binary(min_size=1, max_size=30).map(lambda name: os.fsdecode(name.replace(b"\0", b"x")))
paths = names.filter(lambda path: os.path.normpath(path) == path and path[0] not in "/.")
texts = st.one_of(st.text(max_size=20), names, st.from_regex(r"\A'*[=+@\t\r\n-]['=\r\n]*\Z"))


@settings(deadline=None)  # a busy disk is no failure
@given(data=st.data())
def test_whatever_an_item_says_reads_back(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    manifest = tmp_path_factory.getbasetemp() / "hypothesis.csv"
    attributes = data.draw(st.sets(texts.filter(lambda t: t and t not in COLUMNS), max_size=3))
    items = tuple(
        Item(
            path=path,
            sha256=hashlib.sha256(os.fsencode(path)).hexdigest(),
            label=data.draw(st.sampled_from([0, 1])),
            source=data.draw(texts),
            licence=data.draw(texts),
            group=data.draw(texts.filter(bool)),
            split=data.draw(st.sampled_from(["train", "validation", "test"])),
            attributes={name: data.draw(texts) for name in attributes},
        )
        for path in data.draw(st.lists(paths, min_size=1, max_size=4, unique=True))
    )
    write_manifest(manifest, items)
    back = LabelledSet.read(manifest)
    assert back == LabelledSet(items, manifest.parent)
    with manifest.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        for cells in csv.reader(file):
            assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in cells)


def test_columns_come_in_their_order_and_attributes_behind(tmp_path: Path) -> None:
    manifest = tmp_path / "set.csv"
    first = item("b.png", attributes={"pose": "-3"})
    second = item("a.png", label=0, licence="CC0", attributes={"dress": "none, or few"})
    write_manifest(manifest, [first, second])
    assert manifest.read_text().splitlines() == [
        "path,label,sha256,source,licence,group,split,pose,dress",
        f"b.png,1,{SHA},s,,b.png,train,'-3,",
        f'a.png,0,{SHA},s,CC0,a.png,train,,"none, or few"',
    ]
    assert LabelledSet.read(manifest).items[0].attributes == {"pose": "-3", "dress": ""}


def test_apostrophes_written_by_hand_stay(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(f"{HEADER}\n'tis.png,1,{SHA},''=,'=,'',train\n")
    (only,) = LabelledSet.read(tmp_path / "set.csv").items
    assert (only.path, only.source, only.licence, only.group) == ("'tis.png", "'=", "=", "''")


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n\n{ROW}",
        f'{HEADER}\n"a.png"{ROW[5:]}',
    ],
    ids=["byte order mark", "CRLF", "empty line, no end of line", "quotes"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.csv").write_bytes(text.encode())
    assert LabelledSet.read(tmp_path / "set.csv").items == (item("a.png", group="g"),)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [item("a"), item("a", label=0)],
        [item("a", attributes={"label": "1"})],
        [item("a", attributes={"": "1"})],
    ],
    ids=["no items", "doubled path", "attribute named like a column", "attribute without a name"],
)
def test_what_would_not_read_back_is_not_written(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        write_manifest(tmp_path / "set.csv", items)
    assert list(tmp_path.iterdir()) == []


def test_digest_tells_what_the_set_holds_in_any_order() -> None:
    items = (item("b", label=0), item("a"), item("\udcff\n"))
    digest = LabelledSet(items, Path()).digest
    lines = "".join(
        json.dumps([p, SHA, n]) + "\n" for p, n in (("a", 1), ("b", 0), ("\udcff\n", 1))
    )
    assert digest == hashlib.sha256(lines.encode()).hexdigest()
    assert digest == LabelledSet(items[::-1], Path("elsewhere")).digest
    for other in ({"label": 1}, {"path": "c"}, {"sha256": "0" * 64}):
        assert digest != LabelledSet((replace(items[0], **other), *items[1:]), Path()).digest
    same = (replace(items[0], source="x", licence="x", group="x", split="test"), *items[1:])
    assert digest == LabelledSet(same, Path()).digest


def test_splits_are_sets_of_their_own() -> None:
    whole = LabelledSet((item("a"), item("b", label=0, split="test"), item("c")), Path("root"))
    assert whole.labels.tolist() == [1, 0, 1]
    assert whole.split("train") == LabelledSet((whole.items[0], whole.items[2]), Path("root"))
    assert whole.split("validation").labels.shape == (0,)
    with pytest.raises(ValueError, match="expected split train, validation, test, got 'dev'"):
        whole.split("dev")


# ---- Groups and splits


@pytest.mark.parametrize(
    ("path", "folder", "prefix"),
    [
        ("anna.jpg", ".", "anna"),
        ("x/anna_01.jpg", "x", "x/anna"),
        ("x/y/anna_01 (copy).jpg", "x/y", "x/y/anna"),
        ("video7_frame0031.png", ".", "video7_frame"),
        ("7/31.2.png", "7", "7/31"),
        ("0031.jpg", ".", "0031"),
        (".1.png", ".", ".1"),
        ("é٣3.png", ".", "é٣"),
        ("a\n1\n.png", ".", "a"),
        ("2024/anna", "2024", "2024/anna"),
    ],
)
def test_group_of_a_path(path: str, folder: str, prefix: str) -> None:
    assert group_of(path, GroupBy.FOLDER) == folder
    assert group_of(path, GroupBy.PREFIX) == prefix


def test_splits_take_their_shares_of_the_groups() -> None:
    count = 10_000
    splits = [split_of(f"group {number}") for number in range(count)]
    for name, share in (("train", 0.70), ("validation", 0.15), ("test", 0.15)):
        # Four standard deviations: the names are fixed, so this passes always or never.
        assert abs(splits.count(name) / count - share) < 4 * (share * (1 - share) / count) ** 0.5
    assert split_of("\udcff") in splits


def test_no_group_is_torn_and_every_split_has_some(command: Call, tmp_path: Path) -> None:
    for number in range(90):
        save(tmp_path / "pos" / f"person{number // 3}_{number % 3}.png", number)
    make = ("make", tmp_path / "set.csv", "--positive", tmp_path / "pos", "--group-by", "prefix")
    assert command(*make, "--workers", 1)[0] == 0
    splits: dict[str, list[str]] = {}
    for one in LabelledSet.read(tmp_path / "set.csv").items:
        splits.setdefault(one.group, []).append(one.split)
    assert splits.keys() == {f"pos/person{number}" for number in range(30)}
    assert all(len(some) == 3 and len(set(some)) == 1 for some in splits.values())
    assert {some[0] for some in splits.values()} == {"train", "validation", "test"}


# ---- make


def test_make_writes_the_same_bytes_every_time(command: Call, folder: Path) -> None:
    (folder / "more").mkdir()
    save(folder / "more" / "x.png", 99)
    written = set()
    for number, (first, second) in enumerate((("pos", "more"), ("more", "pos"))):
        for workers in (1, 2):
            out = folder / f"{number}{workers}.csv"
            status, said, complaint = command(
                "make", out, "--positive", first, "--positive", second, "--negative", "neg",
                "--workers", workers,
            )  # fmt: skip
            assert (status, complaint) == (0, "")  # no bar where there is no terminal
            assert (
                "files: 19\npictures: 19\ncopies, left out: 0\nno pictures, left out: 0\n" in said
            )
            assert said.endswith(
                f"licence: unknown; fill it in where you know it\nmanifest: {out}\n"
            )
            written.add(out.read_bytes())
    assert len(written) == 1
    whole = LabelledSet.read(out)
    assert [one.path for one in whole.items] == sorted(one.path for one in whole.items)
    for one in whole.items:
        data = (folder / one.path).read_bytes()
        assert one.sha256 == one.group == hashlib.sha256(data).hexdigest()
        assert one.split == split_of(one.group)
        assert (one.source, one.licence, one.attributes) == (one.path.split("/")[0], "", {})
        assert one.label == (one.source != "neg")


def test_hostile_names_come_back_from_the_manifest(command: Call, tmp_path: Path) -> None:
    for number, name in enumerate((*HOSTILE_NAMES, b"\x1b[31mred.png", b"'@quoted\",.png", b"\r")):
        save(tmp_path / "pos" / os.fsdecode(name), number)
        (tmp_path / "pos" / os.fsdecode(b"text " + name)).write_text("no picture")
    out = tmp_path / "set.csv"
    status, said, _ = command("make", out, "--positive", tmp_path / "pos", "--workers", 1)
    assert status == 0
    expected = {p.name for p in (tmp_path / "pos").iterdir() if not p.name.startswith("text ")}
    assert {one.path for one in LabelledSet.read(out).items} == {f"pos/{p}" for p in expected}
    assert said.count("  pos/text ") == len(expected)
    assert all(character.isprintable() or character == "\n" for character in said)
    status, said, _ = command("check", out, "--workers", 1)
    assert status == 0


def test_only_pictures_enter_and_the_rest_is_listed(command: Call, folder: Path) -> None:
    for number in range(25):
        (folder / "pos" / f"text{number:02}").write_text("no picture")
    (folder / "pos" / "torn.png").write_bytes((folder / "pos" / "a0.png").read_bytes()[:100])
    (folder / "pos" / "link.png").symlink_to("a0.png")
    (folder / "pos" / "around").symlink_to(folder)
    status, said, _ = command(
        "make", "s.csv", "--positive", "pos", "--negative", "neg", "--workers", 1
    )
    assert status == 0
    assert "files: 46\npictures: 18\n" in said
    assert "no pictures, left out: 28 (truncated 1, unsupported 27)\n" in said
    assert "  pos/torn.png: expected a whole PNG, got: " in said
    assert "  pos/link.png: symbolic link, not followed\n" in said
    assert "  pos/text17: expected JPEG" in said
    assert "pos/text18" not in said
    assert "  and 7 more\n" in said
    assert len(LabelledSet.read(Path("s.csv")).items) == 18


def test_copies_enter_once_and_never_under_both_labels(command: Call, folder: Path) -> None:
    data = (folder / "pos" / "b0.png").read_bytes()
    (folder / "pos" / "a.png").write_bytes(data)
    make = ("make", "s.csv", "--positive", "pos", "--negative", "neg", "--workers", 1)
    status, said, _ = command(*make)
    assert status == 0
    assert "pictures: 18\ncopies, left out: 1\n" in said
    kept = {one.path for one in LabelledSet.read(folder / "s.csv").items}
    assert "pos/a.png" in kept
    assert "pos/b0.png" not in kept
    (folder / "s.csv").unlink()
    (folder / "neg" / "z.png").write_bytes(data)
    status, said, complaint = command(*make)
    assert (status, said) == (2, "")
    assert complaint == (
        "skindeep: expected a picture to have one label, got the same bytes labelled "
        "0 in neg/z.png and 1 in pos/a.png; remove one of the files\n"
    )
    assert not (folder / "s.csv").exists()


def test_a_link_beside_the_manifest_brings_in_a_folder(command: Call, folder: Path) -> None:
    (folder / "set").mkdir()
    (folder / "set" / "elsewhere").symlink_to(folder / "pos")
    assert command("make", "set/s.csv", "--positive", "set/elsewhere", "--workers", 1)[0] == 0
    whole = LabelledSet.read(folder / "set" / "s.csv")
    assert {one.source for one in whole.items} == {"elsewhere"}
    assert command("check", "set/s.csv", "--workers", 1)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("s.csv", "expected a folder of pictures, got neither --positive nor --negative"),
        ("s.csv --positive nowhere", "expected a folder of pictures, got nowhere, which is none"),
        ("s.csv --positive file", "expected a folder of pictures, got file, which is none"),
        ("file --positive pos", "expected a new file for the manifest, got file, which is there"),
        ("pos --positive pos", "expected a new file for the manifest, got pos, which is there"),
        ("no/s.csv --positive pos", "expected a folder to write s.csv in, got no"),
        ("pos/s.csv --positive neg", "expected a folder below that of pos/s.csv, got neg; write"),
        ("pos/s.csv --positive ..", "expected a folder below that of pos/s.csv, got ..; write"),
        (
            "s.csv --positive pos --negative pos/sub",
            "folders apart, got pos/sub, which overlaps pos",
        ),
        ("s.csv --positive pos/sub --negative .", "folders apart, got ., which overlaps pos/sub"),
        ("s.csv --positive pos --negative alias", "folders apart, got alias, which overlaps pos"),
        ("s.csv --positive pos/sub", "expected pictures in pos/sub, got none in files: 0"),
        ("s.csv --positive texts", "in texts, got none in files: 1 (unsupported 1)"),
    ],
)
def test_make_says_what_is_wrong_on_one_line(
    command: Call, folder: Path, arguments: str, complaint: str
) -> None:
    (folder / "pos" / "sub").mkdir()
    (folder / "alias").symlink_to("pos")
    (folder / "texts").mkdir()
    (folder / "texts" / "x").write_text("no picture")
    (folder / "file").write_text("mine")
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    status, said, complained = command("make", *arguments.split(), "--workers", 1)
    assert (status, said) == (2, "")
    assert complained.startswith("skindeep: expected ")
    assert complaint in complained
    assert complained.count("\n") == 1
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before


def deadly(root: Path, fingerprint: bool, path: str) -> images.cli.Look:
    if path == "pos/b1.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return images.cli.look_at(root, fingerprint, path)


def test_a_file_that_kills_its_reader_is_left_out(
    command: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images.cli, "look_at", deadly)
    status, said, _ = command("make", folder / "s.csv", "--positive", "pos", "--workers", 2)
    assert status == 0
    assert "pictures: 8\n" in said
    assert "  pos/b1.png: the process that read this file died\n" in said


# ---- check


@pytest.fixture
def manifest(folder: Path) -> Path:
    """A clean set of the folder's pictures: train and test, both balanced."""
    items = [
        Item(
            path,
            hashlib.sha256((folder / path).read_bytes()).hexdigest(),
            label,
            kind,
            "",
            group,
            split,
        )
        for label, kind in enumerate(("neg", "pos"))
        for path in sorted(map(str, Path(kind).iterdir()))
        for group, split in [(path[:5], "test" if path[4] in "ad" else "train")]
    ]
    write_manifest(folder / "set.csv", items)
    return folder / "set.csv"


def amend(manifest: Path, path: str, **fields: object) -> None:
    """Write the manifest anew, with one item's fields changed."""
    items = LabelledSet.read(manifest).items
    write_manifest(manifest, [replace(i, **fields) if i.path == path else i for i in items])


def check(command: Call, manifest: Path) -> tuple[int, list[str]]:
    """The exit status, and what is said of faults and notes."""
    status, said, complaint = command("check", manifest, "--workers", 1)
    assert complaint == ""
    lines = said.splitlines()
    assert lines[1] == f"digest: {LabelledSet.read(manifest).digest}"
    return status, lines[next(i for i, line in enumerate(lines) if line.startswith("└")) + 1 :]


def test_clean_set(command: Call, manifest: Path) -> None:
    assert check(command, manifest) == (0, ["kinds of faults: 0, of notes: 0"])
    with_workers = command("check", manifest)
    assert with_workers == command("check", manifest, "--workers", 1)


def test_missing_files_are_a_fault(command: Call, manifest: Path) -> None:
    (manifest.parent / "pos/a0.png").unlink()
    assert check(command, manifest) == (
        1,
        ["fault: files that are missing: 1", "  pos/a0.png", "kinds of faults: 1, of notes: 0"],
    )


def test_changed_bytes_are_a_fault(command: Call, manifest: Path) -> None:
    save(manifest.parent / "pos/a0.png", 99)
    status, said = check(command, manifest)
    assert (status, said[:-1]) == (
        1,
        ["fault: files with other bytes than the manifest says: 1", "  pos/a0.png"],
    )


def test_unreadable_pictures_are_a_fault(command: Call, manifest: Path) -> None:
    for name in ("a0", "a1"):
        (manifest.parent / f"pos/{name}.png").unlink()
    (manifest.parent / "pos/a0.png").symlink_to("b0.png")
    (manifest.parent / "pos/a1.png").write_bytes(b"text")
    amend(manifest, "pos/a1.png", sha256=hashlib.sha256(b"text").hexdigest())
    status, said = check(command, manifest)
    assert (status, len(said)) == (1, 4)
    assert said[0] == "fault: files that cannot be read as a picture: 2"
    assert said[1] == "  pos/a0.png: unsupported; symbolic link, not followed"
    assert said[2].startswith("  pos/a1.png: unsupported; expected JPEG, ")


def test_same_bytes_are_a_fault_also_inside_one_split(command: Call, manifest: Path) -> None:
    root = manifest.parent
    for path, source in (("pos/c0.png", "pos/b0.png"), ("neg/d0.png", "pos/b1.png")):
        (root / path).write_bytes((root / source).read_bytes())
        amend(manifest, path, sha256=hashlib.sha256((root / path).read_bytes()).hexdigest())
    status, said = check(command, manifest)
    assert status == 1
    assert said == [
        "fault: the same bytes more than once: 2",
        "  neg/d0.png (test 0), pos/b1.png (train 1)",
        "  pos/b0.png (train 1), pos/c0.png (train 1)",
        "kinds of faults: 1, of notes: 0",
    ]


@pytest.mark.parametrize(("split", "expected"), [("test", 1), ("train", 0)])
def test_look_alikes_are_a_fault_across_splits_and_a_note_inside_one(
    command: Call, manifest: Path, split: str, expected: int
) -> None:
    Image.fromarray(tiles(3)).resize((48, 48)).save("pos/z.jpg", quality=60)
    sha256 = hashlib.sha256(Path("pos/z.jpg").read_bytes()).hexdigest()
    twin = Item("pos/z.jpg", sha256, 1, "pos", "", "new", split)
    write_manifest(manifest, [*LabelledSet.read(manifest).items, twin])
    status, said = check(command, manifest)
    assert status == expected
    where = "across splits" if expected else "inside one split"
    assert said == [
        f"{'fault' if expected else 'note'}: pictures that look alike {where}: 1",
        f"  pos/b0.png (train 1), pos/z.jpg ({split} 1)",
        f"kinds of faults: {expected}, of notes: {1 - expected}",
    ]


def test_torn_groups_are_a_fault(command: Call, manifest: Path) -> None:
    amend(manifest, "pos/b0.png", split="test")
    status, said = check(command, manifest)
    assert (status, said[:-1]) == (
        1,
        [
            "fault: groups in more than one split: 1",
            "  pos/b: pos/b0.png (test 1), pos/b1.png (train 1) and 1 more",
        ],
    )


def test_lopsided_splits_are_a_note(command: Call, manifest: Path) -> None:
    items = LabelledSet.read(manifest).items
    write_manifest(manifest, [i for i in items if i.split != "test" or i.label])
    assert check(command, manifest) == (
        0,
        [
            "note: splits of which one label has less than a tenth: 1",
            "  test: 3 positive, 0 negative",
            "kinds of faults: 0, of notes: 1",
        ],
    )


BAD_ROWS = {
    "2": (f"a.png,2,{SHA},s,,g,train", "expected label 1 or 0, got '2'"),
    "yes": (f"a.png,yes,{SHA},s,,g,train", "expected label 1 or 0, got 'yes'"),
    "one and a blank": (f"a.png,1 ,{SHA},s,,g,train", "expected label 1 or 0, got '1 '"),
    "Arabic one": (f"a.png,١,{SHA},s,,g,train", "expected label 1 or 0, got '١'"),
    "no label": (f"a.png,,{SHA},s,,g,train", "expected label 1 or 0, got ''"),
    "cells missing": ("a.png,1", "expected 7 cells, got 2"),
    "cells to spare": (f"{ROW},x", "expected 7 cells, got 8"),
    "a million cells": ("," * 999_999, "expected 7 cells, got 1000000"),
    "doubled": (f"b.png,0,{SHA},s,,g,train", "expected each path once, got 'b.png' again"),
    "no path": (f",1,{SHA},s,,g,train", "expected a path below the manifest's folder"),
    "absolute": (f"/etc/passwd,1,{SHA},s,,g,train", "got '/etc/passwd'"),
    "upwards": (f"../a.png,1,{SHA},s,,g,train", "got '../a.png'"),
    "down and upwards": (f"x/../../a.png,1,{SHA},s,,g,train", "got 'x/../../a.png'"),
    "the folder": (f".,1,{SHA},s,,g,train", "got '.'"),
    "the one above": (f"..,1,{SHA},s,,g,train", "got '..'"),
    "roundabout": (f"x//a.png,1,{SHA},s,,g,train", "got 'x//a.png'"),
    "NUL": (f"a\0.png,1,{SHA},s,,g,train", r"got 'a\x00.png'"),
    "short sha256": ("a.png,1,abc,s,,g,train", "expected a sha256 of 64 digits 0 to f, got 'abc'"),
    "capital sha256": (ROW.upper().replace("A.PNG", "a.png"), "expected a sha256 of 64 digits"),
    "no group": (f"a.png,1,{SHA},s,,,train", "expected a group, got an empty one"),
    "unknown split": (f"a.png,1,{SHA},s,,g,dev", "expected split train, validation, test, got 'd"),
}


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_are_a_fault_and_refused_with_their_line(
    command: Call, tmp_path: Path, row: str, reason: str
) -> None:
    manifest = tmp_path / "set.csv"
    save(tmp_path / "b.png", 0)
    sha256 = hashlib.sha256((tmp_path / "b.png").read_bytes()).hexdigest()
    good = f'b.png,0,{sha256},"s\ns",,g,train'
    manifest.write_bytes(f"{HEADER}\r\n{good}\r\n{row}\r\n".encode())
    status, said, complaint = command("check", manifest, "--workers", 1)
    assert (status, complaint) == (1, "")
    (fault,) = (
        i for i, t in enumerate(said.splitlines()) if t == "fault: rows that are no item: 1"
    )
    line = said.splitlines()[fault + 1]
    assert line.startswith("  line 4: expected ")
    assert reason in line
    with pytest.raises(ValueError, match=r"^expected ") as error:
        LabelledSet.read(manifest)
    assert reason in str(error.value)
    assert str(error.value).endswith(f", in line 4 of {manifest}")
    assert "\n" not in str(error.value)


NO_MANIFESTS = {
    "nothing": b"",
    "header alone": HEADER.encode(),
    "other columns": b"file,label\na.png,1\n",
    "other order": HEADER.replace("path,label", "label,path").encode(),
    "a column missing": f"{HEADER[:-6]}\n{ROW[:-6]}".encode(),
    "a column twice": f"{HEADER},label\n{ROW},1".encode(),
    "a column without a name": f"{HEADER},\n{ROW},1".encode(),
    "a million columns": b"x," * 1_000_000,
    "a million columns behind": f"{HEADER}{',x' * 1_000_000}\n{ROW}".encode(),
    "NUL bytes": b"\0" * 100,
    "UTF-16": f"{HEADER}\n{ROW}".encode("utf-16"),
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x1b[31m",
    "an open quote": f'{HEADER}\n"{ROW}'.encode(),
    "text behind a quote": f'{HEADER}\n"a"b{ROW}'.encode(),
    "an endless cell": f"{HEADER}\n{'x' * 200_000}".encode(),
}


@pytest.mark.parametrize("data", NO_MANIFESTS.values(), ids=NO_MANIFESTS)
def test_what_is_no_manifest_ends_in_one_line_and_status_2(
    command: Call, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "set.csv").write_bytes(data)
    status, said, complaint = command("check", tmp_path / "set.csv", "--workers", 1)
    assert (status, said) == (2, "")
    assert complaint.startswith("skindeep: expected ")
    assert complaint.count("\n") == 1
    assert complaint.rstrip("\n").isprintable()
    assert len(complaint) < 400
    with pytest.raises(ValueError, match=r"^expected "):
        LabelledSet.read(tmp_path / "set.csv")


def test_only_a_file_is_a_manifest(command: Call, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nowhere", Path("/dev/zero")):
        status, said, complaint = command("check", path)
        assert (status, said) == (2, "")
        assert complaint == f"skindeep: expected a manifest, got {path}, which is no file\n"


@pytest.mark.parametrize(
    ("limit", "most", "complaint"),
    [("MOST_BYTES", 200, "at most 200 bytes, got "), ("MOST_CELLS", 20, "at most 20 cells, got")],
)
def test_limits(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, complaint: str
) -> None:
    monkeypatch.setattr(labelled, limit, most)
    with pytest.raises(ValueError, match=complaint):
        LabelledSet.read(manifest)


def test_empty_lines_count_against_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled, "MOST_CELLS", 1000)
    (tmp_path / "set.csv").write_text(HEADER + "\n" * 1000)
    with pytest.raises(ValueError, match="at most 1,000 cells"):
        list(rows(tmp_path / "set.csv"))


# ---- Look-alikes


@pytest.fixture(scope="module")
def photographs() -> dict[str, RGB]:
    from compare.demo import packaged_pictures  # brings numba, for which no worker need wait

    wanted = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "china.jpg", "flower.jpg")
    return {path.name: image for path in packaged_pictures() if path.name in wanted
            and (image := read(path).image) is not None}  # fmt: skip


def altered(image: RGB, folder: Path) -> Iterator[tuple[str, RGB]]:
    picture = Image.fromarray(image)
    height, width = image.shape[:2]
    picture.save(folder / "again.jpg", quality=40)
    picture.resize((width // 2, height // 2)).save(folder / "half.png")
    picture.resize((width * 3 // 4, height)).save(folder / "squeezed.webp")
    picture.convert("L").save(folder / "grey.png")
    picture.point(lambda value: value * 0.8 + 30).save(folder / "pale.jpg")
    for name in ("again.jpg", "half.png", "squeezed.webp", "grey.png", "pale.jpg"):
        reading = read(folder / name)
        assert reading.image is not None
        yield name, reading.image


def test_photographs_are_known_again_and_not_mixed_up(
    photographs: dict[str, RGB], tmp_path: Path
) -> None:
    assert len(photographs) == 6
    items, hashes = [], []
    for name, image in photographs.items():
        for change, picture in (("itself", image), *altered(image, tmp_path)):
            sha256 = hashlib.sha256(f"{name} {change}".encode()).hexdigest()
            items.append(item(f"{change} of {name}", sha256=sha256, group=name))
            hashes.append(perceptual_hash(picture))
    families = look_alikes(items, hashes)
    assert len(families) == 6
    for family in families:
        assert len(family) == 6
        assert len({one.group for one in family}) == 1


def test_the_same_bytes_alone_are_no_look_alikes() -> None:
    twins = [item("a"), item("b")]
    assert look_alikes(twins, [7, 7]) == []
    other = item("c", sha256="0" * 64)
    assert look_alikes([*twins, other], [7, 7, 6]) == [[*twins, other]]
    assert look_alikes([*twins, other], [None, None, None]) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 50_000), (50_000, 1), (31, 33), (7, 5)])
def test_hash_of_any_shape(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    found = perceptual_hash(image)
    assert found is None or 0 <= found < 2**64
    assert perceptual_hash(np.full((*shape, 3), 200, np.uint8)) is None


def crowded(count: int, seed: int) -> np.ndarray:
    """Random hashes, of which most differ from another one in 0 to 8 bits."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(count // 4, count):
        bits = rng.choice(64, rng.integers(0, 9), replace=False).astype(np.uint64)
        flip = np.bitwise_or.reduce(np.uint64(1) << bits, initial=np.uint64(0))
        hashes[place] = hashes[rng.integers(place)] ^ flip
    return hashes


def all_pairs(hashes: np.ndarray, near: int) -> set[tuple[int, int]]:
    return {
        (i, j)
        for (i, one), (j, two) in combinations(enumerate(map(int, hashes)), 2)
        if (one ^ two).bit_count() <= near
    }


@pytest.mark.parametrize("block", [5, 4_000_000])
@pytest.mark.parametrize("near", [0, 3, 4, 6, 8])
def test_banded_search_finds_what_all_pairs_find(
    monkeypatch: pytest.MonkeyPatch, near: int, block: int
) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", block)
    hashes = crowded(200, seed=near)
    found = {
        (int(i), int(j))
        for left, right in near_pairs(hashes, near)
        for i, j in zip(left, right, strict=True)
    }
    assert found == all_pairs(hashes, near)
    assert len(found) >= 10


def test_clusters_are_what_pairs_connect() -> None:
    hashes = crowded(300, seed=1)
    number = list(range(300))
    for i, j in all_pairs(hashes, duplicates.NEAR):
        number = [number[i] if n == number[j] else n for n in number]
    found = clusters(hashes)
    assert len(set(found)) == len(set(number)) == len(set(zip(found, number, strict=True)))
    assert clusters(np.array([], np.uint64)).shape == (0,)
