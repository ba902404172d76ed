"""The options that scan and score share, and the ways in which a long scan is cut short."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Call
from hashing import records
from pyarrow import parquet
from writers import noise_png

from images.formats import read_records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures and a file that is none."""
    (tmp_path / "in").mkdir()
    for number in range(10):
        (tmp_path / "in" / f"{number}.png").write_bytes(noise_png(number))
    (tmp_path / "in" / "torn.png").write_bytes(noise_png(10)[:50])
    return tmp_path / "in"


@pytest.mark.parametrize("command", [("baseline", "scan"), ("convnet", "score", "--device", "cpu")])
def test_every_source_has_the_same_answers(
    skindeep: Call, folder: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    names = sorted(path.name for path in folder.iterdir())
    (tmp_path / "list.txt").write_text("".join(f"in/{name}\n" for name in names))
    (tmp_path / "set.csv").write_text("path\n" + "".join(f"in/{name}\n" for name in names))
    with tarfile.open(tmp_path / "a-0.tar", "w") as first:
        for name in names[:4]:
            first.add(folder / name, name)
    with tarfile.open(tmp_path / "a-1.tar", "w") as second:
        for name in names[4:]:
            second.add(folder / name, name)
    answers = []
    for source in ("in", "list.txt", "set.csv", "a-{0..1}.tar"):
        out = tmp_path / f"{source}.out"
        status, printed, _ = skindeep(*command, tmp_path / source, "--out", out, "--workers", 1)
        assert status == 0
        assert "files: 11\n" in printed
        assert "no answer: 1 (truncated 1)\n" in printed
        answers.append(
            [{**record, "path": str(record["path"]).split("/")[-1]} for record in records(out)]
        )
    assert all(some == answers[0] for some in answers)


def test_a_table_of_a_scan_is_its_lines(skindeep: Call, folder: Path, tmp_path: Path) -> None:
    lines, table = tmp_path / "out.jsonl", tmp_path / "out.parquet"
    for out in (lines, table):
        status, printed, _ = skindeep("baseline", "scan", folder, "--out", out, "--workers", 1)
        assert (status, printed.count("no answer: 1 (truncated 1)\n")) == (0, 1)
    assert list(read_records(table)) == records(lines)
    columns = {field.name: str(field.type) for field in parquet.read_schema(table)}
    assert columns["score"] == columns["skin_fraction"] == "double"
    assert columns["decision"] == "bool"
    assert columns["size"] == "list<element: int64>"
    assert columns["segments"] == columns["taus"] == "string"
    assert {type(r["segments"]) for r in read_records(table)} == {list, type(None)}


def test_limit_shard_and_retry(skindeep: Call, folder: Path, tmp_path: Path) -> None:
    scan = ("baseline", "scan", folder, "--workers", 1, "--out")
    skindeep(*scan, tmp_path / "whole")
    for number in (1, 2, 3):
        assert skindeep(*scan, tmp_path / f"{number}", "--shard", f"{number}/3")[0] == 0
    parts = [(tmp_path / f"{number}").read_bytes() for number in (1, 2, 3)]
    assert b"".join(parts) == (tmp_path / "whole").read_bytes()
    assert "files: 4\n" in skindeep(*scan, tmp_path / "few", "--limit", 4)[1]
    (folder / "torn.png").write_bytes(noise_png(10))
    _, printed, _ = skindeep(*scan, tmp_path / "whole", "--retry-failed")
    assert "no answer: 0\n" in printed
    skindeep(*scan, tmp_path / "fresh")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "fresh").read_bytes()
    _, printed, _ = skindeep(*scan, tmp_path / "whole", "--retry-failed")
    assert "is complete already" in printed


def test_nothing_but_failures_is_said(skindeep: Call, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nowhere.png\n")
    out = tmp_path / "out"
    status, printed, _ = skindeep("baseline", "scan", tmp_path / "list.txt", "--out", out)
    assert status == 0
    assert "note: not one could be read; paths in a list or manifest are relative" in printed


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("in --out r --shard 3/2", "expected a shard from 1/N to N/N, got 3/2"),
        ("in --out r --shard 0/2", "expected a shard from 1/N to N/N, got 0/2"),
        ("in --out r --shard half", "expected a shard from 1/N to N/N, got half"),
        ("in --out r --address auto", "expected --engine ray with an address, got auto without"),
        ("in --out r --retry-failed", "expected finished results to retry, got none in r"),
        ("in --out r.csv", "expected results in .jsonl or .parquet, got r.csv"),
        ("in/0.png --out r", "expected a folder of pictures, got in/0.png, which is none; or a"),
        ("b-{0..1}.tar --out r", "expected an archive, got b-0.tar, which is none"),
        (
            "in --out r --engine ray --address 127.0.0.1:9 --workers 2",
            "expected a Ray cluster at 127.0.0.1:9, got: ",
        ),
    ],
)
def test_errors_are_one_line(
    skindeep: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, options: str, complaint: str
) -> None:
    monkeypatch.chdir(folder.parent)
    status, printed, said = skindeep("baseline", "scan", *options.split())
    assert (status, printed) == (2, "")
    assert complaint in said
    assert said.count("\n") == 1
    assert {path.name for path in folder.parent.iterdir()} <= {"in", "r.parts"}


def test_without_the_extras_it_says_which(
    skindeep: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("images.scans.find_spec", lambda _: None)
    monkeypatch.setattr("images.formats.find_spec", lambda _: None)
    scan = ("baseline", "scan", folder, "--out")
    assert "skindeep[ray]" in skindeep(*scan, tmp_path / "r", "--engine", "ray")[2]
    assert "skindeep[parquet]" in skindeep(*scan, tmp_path / "r.parquet")[2]


def test_neither_ray_nor_arrow_is_imported_unasked(folder: Path, tmp_path: Path) -> None:
    code = (
        "import atexit, sys; from compare.cli import main; sys.argv[0] = 'skindeep';"
        "atexit.register(lambda: print('\\n', *sys.modules)); main()"
    )
    scan = ["baseline", "scan", str(folder), "--out", str(tmp_path / "r"), "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, *scan], capture_output=True, text=True, check=True
    )
    assert {"ray", "pyarrow", "torch"}.isdisjoint(done.stdout.splitlines()[-1].split())


# ---- Cut short


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_with_one_line_and_the_scan_goes_on_later(
    skindeep: Call, folder: Path, tmp_path: Path, disk: Callable[[str], Path], workers: int
) -> None:
    small = disk("size=256k")
    scan = ("baseline", "scan", folder, "--workers", workers, "--out")
    filling, out = small / "filling", small / "out.jsonl"
    filling.write_bytes(bytes(228 * 1024))
    status, printed, said = skindeep(*scan, out)
    assert (status, printed) == (2, "")
    assert "No space left on device" in said
    assert said.endswith("the same command continues\n")
    assert said.count("\n") == 1
    assert not list(small.rglob("*.tmp"))
    filling.unlink()
    assert skindeep(*scan, out)[0] == 0
    skindeep(*scan, tmp_path / "elsewhere")
    assert out.read_bytes() == (tmp_path / "elsewhere").read_bytes()


FORBIDDEN = """
import os, sys
from pathlib import Path
from hashing import failed
from images.jobs import Job
from images.shards import run

folder, out, nobody = Path(sys.argv[1]), Path(sys.argv[2]), 65534
if os.getuid() == 0:
    for path in (folder.parent, folder):
        os.chown(path, nobody, nobody)

def look(folder, path):
    try:
        (folder / path).open("rb").close()
    except PermissionError as error:
        return failed(path, "unreadable", str(error)), {}
    return failed(path, "ok", ""), {}

def forbid(progress):
    if progress.done > 5:
        folder.chmod(0)
        if os.getuid() == 0:
            os.seteuid(nobody)

job = Job(folder, out, look, failed, {})
try:
    run(job, report=forbid)
except PermissionError as error:
    print(error)
os.seteuid(os.getuid())
folder.chmod(0o700)
run(job)
"""


def test_a_folder_that_may_no_longer_be_read_makes_no_records() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders let nobody else in
        folder = Path(name) / "in"
        folder.mkdir()
        for number in range(20):
            (folder / f"{number}").touch()
        path = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
        done = subprocess.run(
            [sys.executable, "-c", FORBIDDEN, folder, Path(name) / "out"],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith("expected to be let into the folder ")
        out = [json.loads(line) for line in (Path(name) / "out").read_text().splitlines()]
        assert [record["status"] for record in out] == ["ok"] * 20
