"""The command line as people meet it: what it prints, writes and returns."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from drawings import capsule, draw
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from zoo import fill

from baseline.cli import overlay_name
from compare import cli, demo, figures
from compare.demo import packaged_pictures
from images.mannequins.sets import Plan

ANSWER = ["skin_fraction", "stopped_at", "score", "decision", "segments", "groups"]
ANSWER += ["taus", "cut"]
KEYS = ["path", "sha256", "status", "detail", "size", "format", "frames", *ANSWER, "overlay"]
EXECUTABLE = [sys.executable, "-m", "compare.cli"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Small pictures: every third is plain ground, the rest are a stroke each."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(60):
        stroke = capsule((64, 96), 6 * number, 80, 60 if number % 3 else 0)
        Image.fromarray(draw(stroke)).save(folder / f"{number:03d}.png")
    return folder


def records(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.read_bytes().splitlines()]


# ---- scan


def test_scan_gives_every_file_of_a_hostile_folder_its_record(skindeep, tmp_path: Path) -> None:
    folder, out = tmp_path / "zoo", tmp_path / "results.jsonl"
    folder.mkdir()
    expected = {os.fspath(path.relative_to(folder)): s for path, s in fill(folder).items()}
    del expected["directory.jpg"]  # an empty directory holds no file
    expected |= {"link.png": "unsupported", "dangling.jpg": "unsupported"}
    status, printed, complaint = skindeep("baseline", "scan", folder, "--out", out, "--workers", 1)
    assert status == 0
    assert {str(r["path"]): r["status"] for r in records(out)} == expected
    for record in records(out):
        assert list(record) == KEYS
        if record["status"] == "ok":
            assert record["decision"] in (True, False)
            assert record["detail"] == ""
        else:
            assert [record[key] for key in ANSWER] == [None] * len(ANSWER)
            assert record["detail"]
    (link,) = (record for record in records(out) if record["path"] == "link.png")
    assert link["detail"] == "symbolic link, not followed"
    failed = sum(s != "ok" for s in expected.values())
    assert f"files: {len(expected)}\n" in printed
    assert f"no answer: {failed} (" in printed
    assert f"unsupported {sum(s == 'unsupported' for s in expected.values())}" in printed
    assert printed.endswith(f"results: {out}\n")
    assert "\r" not in complaint  # no bar where there is no terminal
    assert "\x1b" not in printed + complaint


def test_scan_records_what_the_detector_says(skindeep, tmp_path: Path) -> None:
    from baseline import detect, record
    from images.reading import read

    folder, out = tmp_path / "in", tmp_path / "results.jsonl"
    folder.mkdir()
    limbs = draw(capsule((64, 40), 20, 50, 22), capsule((64, 150), 100, 60, 24), height=128)
    Image.fromarray(np.kron(limbs, np.ones((2, 2, 1), np.uint8))).save(folder / "limbs.png")
    skindeep("baseline", "scan", folder, "--out", out, "--score", "grouper-first", "--workers", 1)
    (found,) = records(out)
    from baseline import Params

    truth = record(detect(read(folder / "limbs.png").image, Params(score="grouper_first")))
    assert found["size"] == [256, 384]
    assert len(found["segments"]) == 2
    assert {key: found[key] for key in ANSWER} == truth


def test_two_worker_counts_give_the_same_bytes(skindeep, pictures: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert skindeep("baseline", "scan", pictures, "--out", out, "--workers", workers)[0] == 0
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert len(records(out)) == 60


def start(pictures: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    command = [*EXECUTABLE, "baseline", "scan", pictures, "--out", out, "--workers", workers]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_shards(scan: subprocess.Popen[str], out: Path, number: int) -> None:
    parts = out.with_name(f"{out.name}.parts")
    while len(list(parts.glob("*.receipt.json"))) < number or not (parts / "plan.json").exists():
        assert scan.poll() is None, "the scan ended before it could be disturbed"
        time.sleep(0.001)


@pytest.mark.parametrize("workers", [1, 2])
def test_scan_killed_twice_loses_nothing_and_repeats_nothing(
    skindeep, pictures: Path, tmp_path: Path, workers: int
) -> None:
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "results"
    skindeep("baseline", "scan", pictures, "--out", undisturbed, "--workers", 1)
    for shards in (0, 3):
        scan = start(pictures, out, workers)
        wait_for_shards(scan, out, shards)
        scan.kill()
        scan.communicate()
        assert scan.returncode == -signal.SIGKILL
    status, printed, _ = skindeep("baseline", "scan", pictures, "--out", out, "--workers", workers)
    assert status == 0
    assert "files: 60\n" in printed
    assert out.read_bytes() == undisturbed.read_bytes()
    assert not out.with_name("results.parts").exists()


@pytest.mark.parametrize(
    ("number", "workers", "shards"),
    [(signal.SIGINT, 2, 0), (signal.SIGINT, 2, 3), (signal.SIGTERM, 1, 2)],
)
def test_stopped_scan_says_how_far_it_came_and_how_to_go_on(
    skindeep, pictures: Path, tmp_path: Path, number: signal.Signals, workers: int, shards: int
) -> None:
    out = tmp_path / "results"
    scan = start(pictures, out, workers)
    wait_for_shards(scan, out, shards)
    if shards == 0:  # stop the workers, too, while they are starting
        time.sleep(0.2)
    os.killpg(scan.pid, number)  # as the terminal does at Ctrl-C
    printed, complaint = scan.communicate(timeout=60)
    assert scan.returncode == 128 + number
    assert printed == ""
    done = int(complaint.removeprefix("stopped: ").split()[0])
    assert complaint == f"stopped: {done} of 60 files are done, and the same command continues\n"
    assert max(0, shards - workers) <= done < 60  # a shard may be committed and not yet counted
    assert skindeep("baseline", "scan", pictures, "--out", out, "--workers", 1)[0] == 0
    assert len(records(out)) == 60


def test_complete_results_are_summed_up_again(skindeep, pictures: Path, tmp_path: Path) -> None:
    arguments = ("baseline", "scan", pictures, "--out", tmp_path / "r", "--workers", 1)
    _, first, _ = skindeep(*arguments)
    before = (tmp_path / "r").stat().st_mtime_ns
    status, second, _ = skindeep(*arguments)
    assert status == 0
    assert second == f"{tmp_path / 'r'} is complete already; remove it to scan anew\n{first}"
    assert (tmp_path / "r").stat().st_mtime_ns == before


def test_overlays_are_flat_named_in_their_records_and_never_scanned(
    skindeep, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "in" / "results.jsonl"
    drawn = folder / "drawn"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/a.png", "sub/-\n[red].png"):
        Image.fromarray(draw(capsule((64, 96), 0, 80, 60))).save(folder / name)
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    scan = ("baseline", "scan", folder, "--out", out, "--overlays", drawn, "--workers", 1)
    for _ in range(2):  # the second time, with overlays and a receipt in the folder
        status, printed, _ = skindeep(*scan)
        assert status == 0
        assert f"overlays: {drawn}\n" in printed
        named = {record["path"]: record["overlay"] for record in records(out)}
        assert named.pop("torn.png") is None
        assert named.keys() == {"a.png", "sub/a.png", "sub/-\n[red].png"}
        assert {path.name for path in drawn.iterdir()} == set(named.values())
        with Image.open(drawn / named["a.png"]) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
        out.unlink()


@given(st.sets(st.text(min_size=1, max_size=300), min_size=2, max_size=4))
def test_overlay_names_are_safe_and_unique(paths: set[str]) -> None:
    encodable = {path for path in paths if path.encode(errors="ignore").decode() == path}
    names = {overlay_name(path) for path in encodable}
    assert len(names) == len(encodable)
    for name in names:
        assert len(os.fsencode(name)) <= 100 + len("-12345678.jpg")
        assert not name.startswith((".", "-")) or name[1:9].isalnum()
        assert all(c.isalnum() or c in "_-." for c in name)


# ---- What goes wrong, on one line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("scan nowhere --out r", "expected a folder of pictures, got nowhere"),
        ("scan file --out r", "expected a folder of pictures, got file"),
        ("scan in --out missing/r", "expected a folder to write r in, got missing"),
        ("scan in --out file/r", "expected a folder to write r in, got file"),
        ("scan in --out in", "expected a file's name for the results, got the folder in"),
        ("scan in --out /proc/r", "No such file or directory: '/proc/r.parts'"),
        ("scan in --out r --configuration Z", "expected a configuration A, B, "),
        ("scan in --out r --overlays in", "expected a folder of their own for the overlays"),
        ("scan in --out r --overlays .", "expected a folder of their own for the overlays"),
        ("scan in --out r --overlays file", "expected to read or write file, got: File exists"),
        ("scan in --out file", "got file without its receipt"),
        ("explain nowhere.jpg --out e", "No such file or directory"),
        ("explain file --out e", "expected a picture, got file: unsupported; "),
        ("explain \x1b[31mred --out e", r"got \x1b[31mred: unreadable; "),
    ],
)
def test_errors_are_one_line_and_status_2(
    skindeep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "file").write_text("no picture")
    status, printed, said = skindeep("baseline", *arguments.split(" "))
    assert (status, printed) == (2, "")
    assert said.startswith("skindeep: ")
    assert complaint in said
    assert said.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"in", "file"}


def test_faults_of_the_program_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ValueError, match="broadcast"):
        cli.main()


# ---- The root


def imported(*arguments: str) -> set[str]:
    """Run the command in a new process; the modules that it has imported by the end."""
    code = (
        "import atexit, sys; from compare.cli import main; sys.argv[0] = 'skindeep';"
        "atexit.register(lambda: print('\\n', *sys.modules)); main()"
    )
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    modules = imported("--help")
    assert "typer" in modules
    assert modules.isdisjoint({"torch", "numba", "numpy", "matplotlib", "cv2", "baseline"})


def test_scan_imports_neither_torch_nor_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "small.png")
    modules = imported(
        "baseline", "scan", str(tmp_path / "in"), "--out", str(tmp_path / "r"), "--workers", "1"
    )
    assert "numba" in modules
    assert modules.isdisjoint({"torch", "matplotlib"})


@pytest.mark.parametrize(
    "command",
    ["", "demo", "baseline", "baseline scan", "baseline explain", "mannequins", "labelled"],
)
def test_help_ends_with_an_example(skindeep, command: str) -> None:
    status, printed, _ = skindeep(*command.split(), "--help")
    assert status == 0
    assert printed.strip().splitlines()[-1].strip().startswith(f"Example: skindeep {command}")


def test_version(skindeep) -> None:
    from importlib.metadata import version

    assert skindeep("--version") == (0, f"skindeep {version('skindeep')}\n", "")


def test_completion_knows_the_commands_that_are_imported_late() -> None:
    asked = {
        "_SKINDEEP_COMPLETE": "complete_bash",
        "COMP_WORDS": "skindeep baseline ",
        "COMP_CWORD": "2",
    }
    code = "import sys; sys.argv[0] = 'skindeep'; from compare.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == ["scan", "explain"]


# ---- explain and demo


def test_explain_writes_what_it_names(skindeep, tmp_path: Path) -> None:
    picture, out = tmp_path / "$limb[red].png", tmp_path / "explained"
    Image.fromarray(draw(capsule((64, 96), 0, 80, 60))).save(picture)
    status, printed, _ = skindeep("baseline", "explain", picture, "--out", out)
    assert status == 0
    assert printed.splitlines()
    written = [Path(line) for line in printed.splitlines()]
    assert set(written) == set(out.iterdir())
    assert out / "contact-sheet.png" in written
    assert all(path.stat().st_size > 1000 for path in written)


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_demo_begins_afresh_in_its_own_files_only(
    skindeep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setenv("COLUMNS", "120")  # no name is folded
    monkeypatch.setattr(demo, "DRAWN", Plan(3, 5, scale=0.5))
    learned = {split: Plan(4, 4, split=split, scale=0.3) for split in ("train", "validation")}
    monkeypatch.setattr(demo, "LEARNED", learned)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "processors", lambda: 1)  # starting another costs more than it does
    monkeypatch.setattr(
        figures, "figures", lambda *_: []
    )  # for a paper; they take most of the time
    out = tmp_path / "demo"
    names = {path.name for path in packaged_pictures()}
    assert "astronaut.png" in names
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "photographs.jsonl").write_text("an earlier demo's")
    (out / "occluded").mkdir()
    (out / "occluded" / "earlier.png").touch()
    for _ in range(times):
        status, printed, _ = skindeep("demo", "--out", out)
        assert status == 0
        assert (out / "mine.txt").read_text() == "mine"
        assert not (out / "occluded" / "earlier.png").exists()
        answers = records(out / "photographs.jsonl")
        assert {str(record["path"]) for record in answers} == names
        report = json.loads((out / "compared" / "report.json").read_text())
        assert [one["name"] for one in report["scorers"]] == [
            "baseline", "zfnet", "colour_histogram", "open_nsfw",
        ]  # fmt: skip
        assert report["tested"]["pictures"] == {"targets": 3, "controls": 5}
        assert {card["overlay"] is None for card in report["gallery"]} <= {False}
        assert all(name in printed for name in names)
        for line in (
            "overlays: ",
            "one picture explained: ",
            "drawings: ",
            "occlusion: ",
            "report: ",
        ):
            (path,) = (t.removeprefix(line) for t in printed.splitlines() if t.startswith(line))
            assert Path(path).exists()
