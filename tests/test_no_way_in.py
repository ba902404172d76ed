"""What a stranger gives us says what it is, and does nothing: names, links, models, plans, text."""

import io
import os
import pickle
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from calling import Call
from hashing import records
from writers import noise_png
from zoo import HOSTILE_NAMES

from images.formats import read_records

EVIL = os.fsdecode(b"\x1b[2J\n<script>alert(1)</script>\xff\xe2\x80\xae")
FLAT = EVIL.replace("/", "")
DEEP = "[" * 200_000
WORKER = ("--workers", "1")


def expect_one_line(answer: tuple[int, str, str]) -> str:
    """A refusal: status 2, nothing printed, and one line that a terminal shows as it is."""
    status, printed, said = answer
    assert (status, printed) == (2, ""), said
    line = said.removesuffix("\n")
    assert line.isprintable(), ascii(line)
    assert line.startswith("skindeep: ")
    return line


# ---- Names


def archive(path: Path) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for seed, raw in enumerate((*HOSTILE_NAMES, os.fsencode(EVIL))):
            member = tarfile.TarInfo(os.fsdecode(raw))
            member.size = len(noise_png(seed))
            tar.addfile(member, io.BytesIO(noise_png(seed)))
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_names_of_members_come_back_whole_and_print_harmless(
    skindeep: Call, tmp_path: Path, suffix: str
) -> None:
    evil, out = tmp_path / FLAT, tmp_path / f"{FLAT}.{suffix}"
    evil.mkdir()
    archive(evil / f"{FLAT}.tar")
    status, printed, said = skindeep("baseline", "scan", evil, "--out", out, *WORKER)
    assert (status, said) == (0, "")
    assert printed.replace("\n", "").isprintable()
    names = [os.fsdecode(name) for name in (*HOSTILE_NAMES, os.fsencode(EVIL))]
    assert [r["path"] for r in read_records(out)] == [f"{FLAT}.tar!/{name}" for name in names]
    assert {r["status"] for r in read_records(out)} == {"ok"}


@pytest.mark.parametrize(
    "source",
    [
        EVIL.replace("/", ""),
        f"{EVIL.replace('/', '')}.tar",
        f"{EVIL.replace('/', '')}-{{0..1}}.tar",
    ],
)
def test_a_source_that_is_none_is_named_on_one_line(
    skindeep: Call, tmp_path: Path, source: str
) -> None:
    expect_one_line(skindeep("baseline", "scan", tmp_path / source, "--out", tmp_path / "r"))


# ---- Links


def test_no_link_leads_out_of_the_folder(skindeep: Call, tmp_path: Path) -> None:
    """Whatever names them: the folder's walk, a list or an archive's members."""
    folder, secret = tmp_path / "in", tmp_path / "secret"
    folder.mkdir()
    secret.mkdir()
    (secret / "a.png").write_bytes(noise_png(0))
    (folder / "own.png").write_bytes(noise_png(1))
    (folder / "out.png").symlink_to(secret / "a.png")
    (folder / "out").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / "itself").symlink_to("itself")
    (folder / "ring-1").symlink_to("ring-2")
    (folder / "ring-2").symlink_to("ring-1")
    names = ["itself", "loop", "out", "out.png", "own.png", "ring-1", "ring-2"]
    (tmp_path / "list.txt").write_text("".join(f"in/{name}\n" for name in names))
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in names:
            tar.add(folder / name, name)
        member = tarfile.TarInfo("out/a.png")  # through the link before, if it were unpacked
        member.size = len(noise_png(1))
        tar.addfile(member, io.BytesIO(noise_png(1)))
    statuses = {}
    for source in ("in", "list.txt", "a.tar"):
        out = tmp_path / f"{source}.out"
        assert skindeep("baseline", "scan", tmp_path / source, "--out", out, *WORKER)[0] == 0
        found = {str(r["path"]).rpartition("/")[2]: r for r in records(out)}
        statuses[source] = {name for name, record in found.items() if record["status"] == "ok"}
        assert {r["status"] for r in found.values()} == {"ok", "unsupported"}
    assert statuses == {"in": {"own.png"}, "list.txt": {"own.png"}, "a.tar": {"own.png", "a.png"}}
    assert len(records(tmp_path / "in.out")) == len(names)
    assert [path.name for path in secret.iterdir()] == ["a.png"]


HEADER = "path,label,sha256,source,licence,group,split\n"


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "a/../../secret.png", "."])
def test_a_labelled_set_names_only_what_is_below_it(
    skindeep: Call, tmp_path: Path, path: str
) -> None:
    """A set may be a stranger's, and its pictures enter a report that is passed on."""
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.png").write_bytes(noise_png(0))
    manifest = tmp_path / "set" / "set.csv"
    manifest.write_text(f"{HEADER}{path},1,{'0' * 64},s,l,g,test\n")
    compare = ("compare", manifest, "--scorer", "baseline", "--out", tmp_path / "compared")
    line = expect_one_line(skindeep(*compare))
    assert "line 2" in line
    assert "secret" not in "".join(p.name for p in tmp_path.rglob("*") if p.parent != tmp_path)


# ---- Models that would run code, or fill the memory


class Payload:
    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.touched),)


@pytest.mark.parametrize("kind", ["pickle", "torch", "header of 2^62", "header of 99 MB"])
@pytest.mark.parametrize("command", ["score", "occlude"])
def test_a_checkpoint_runs_nothing(skindeep: Call, tmp_path: Path, kind: str, command: str) -> None:
    touched, model = tmp_path / "touched", tmp_path / "model.safetensors"
    if kind == "pickle":
        model.write_bytes(pickle.dumps(Payload(touched)))
    elif kind == "torch":
        torch.save({"weights": Payload(touched)}, model)
    else:
        length = 2**62 if kind == "header of 2^62" else 99_000_000
        with model.open("wb") as file:
            file.write(length.to_bytes(8, "little") + b'{"a":' + DEEP.encode())
            file.truncate(8 + min(length, 99_000_000))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(noise_png(0))
    what = tmp_path / "in" if command == "score" else tmp_path / "in" / "a.png"
    answer = skindeep("convnet", command, what, "--model", model, "--out", tmp_path / "r")
    assert "expected a checkpoint" in expect_one_line(answer)
    assert not touched.exists()


# ---- JSON without end, and plans of another hand


@pytest.mark.parametrize("name", ["plan.json", "index.jsonl", "results", "receipt"])
@pytest.mark.parametrize("text", [DEEP, '{"items": 9}', "null", "\0"])
def test_a_working_folder_of_another_hand_ends_in_one_line_or_is_not_believed(
    skindeep: Call, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(noise_png(0))
    parts = tmp_path / "r.parts"
    parts.mkdir()
    (parts / name).write_text(text)
    scan = ("baseline", "scan", tmp_path / "in", "--out", tmp_path / "r", *WORKER)
    status, printed, said = skindeep(*scan)
    if status:
        expect_one_line((status, printed, said))
    else:
        assert [record["status"] for record in records(tmp_path / "r")] == ["ok"]


@pytest.mark.parametrize("text", [DEEP, '{"records": 9}', "null", "\0"])
def test_a_receipt_of_another_hand_ends_in_one_line(
    skindeep: Call, tmp_path: Path, text: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "r").write_text("{}\n")
    (tmp_path / "r.receipt.json").write_text(text)
    expect_one_line(skindeep("baseline", "scan", tmp_path / "in", "--out", tmp_path / "r"))


def test_shards_of_another_hand_are_done_again(skindeep: Call, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.png").write_bytes(noise_png(number))
    scan = ("baseline", "scan", tmp_path / "in", *WORKER, "--out")
    skindeep(*scan, tmp_path / "undisturbed")
    code = """
import os, signal, sys
from images import shards
shards._merge = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from compare.cli import main
main()
"""
    words = list(map(str, (*scan, tmp_path / "r")))
    killed = subprocess.run([sys.executable, "-c", code, *words], check=False)
    assert killed.returncode == -9
    parts = tmp_path / "r.parts"
    (parts / "000000.jsonl").write_text(DEEP)
    (parts / "000001.receipt.json").write_text(DEEP)
    (parts / "000002.receipt.json").write_text("null")
    assert skindeep(*scan, tmp_path / "r")[0] == 0
    assert (tmp_path / "r").read_bytes() == (tmp_path / "undisturbed").read_bytes()


def test_scores_nested_without_end_are_refused(skindeep: Call, tmp_path: Path) -> None:
    rows = []
    for label in (0, 1):
        data = noise_png(label)
        (tmp_path / f"{label}.png").write_bytes(data)
        rows.append(f"{label}.png,{label},{sha256(data).hexdigest()},s,l,{label},test\n")
    (tmp_path / "set.csv").write_text(HEADER + "".join(rows))
    scores = tmp_path / "scores.jsonl"
    scores.write_text('{"path": ' + DEEP + "\n")
    compare = ("compare", tmp_path / "set.csv", "--scores", f"x={scores}", "--out", tmp_path / "c")
    assert "expected JSON" in expect_one_line(skindeep(*compare))
