"""The run over a folder: resumed after any kill, exactly once, the same bytes for everyone."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from driver import start
from hashing import (
    ENDLESS,
    FAULTY,
    KILLER,
    failed,
    hash_file,
    job,
    numbered,
    paths,
    processed,
    records,
)

from images.durable import commit
from images.folders import walk
from images.jobs import Job
from images.limits import Allowance
from images.shards import Progress, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return numbered(tmp_path / "in", 40)


@pytest.fixture
def undisturbed(folder: Path, tmp_path: Path) -> bytes:
    out = tmp_path / "undisturbed.jsonl"
    assert run(job(folder, out))
    return out.read_bytes()


# ---- Killed, and continued


def test_killed_before_every_single_step_on_the_disk(folder: Path, tmp_path: Path) -> None:
    """The driver dies before its n-th rename or removal, for every n until one run survives.

    It begins with what a former run left when its results were removed: their receipt.
    """
    first, *_ = files = sorted(folder.rglob("*.txt"))
    for file in files[3:]:
        file.unlink()
    out, log, undisturbed = (tmp_path / name for name in ("results", "log", "undisturbed"))
    run(job(folder, out))
    for step in range(1, 100):
        out.unlink()
        first.write_text(f"changed {step} times")
        killed = start(folder, out, log, workers=1, KILL_BEFORE_STEP=step)
        if killed == 0:
            break
        assert killed == -signal.SIGKILL
        run(job(folder, out))
        run(job(folder, undisturbed))
        assert out.read_bytes() == undisturbed.read_bytes()
        undisturbed.unlink()
        assert {path.name for path in tmp_path.glob("results*")} == {
            out.name,
            "results.receipt.json",
        }
    assert step > 20  # of the index, the plan, three shards with receipts, the results, the rest


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_loses_and_repeats_nothing_committed(
    folder: Path, undisturbed: bytes, tmp_path: Path, workers: int
) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "log"
    calls_when_committed: dict[object, int] = {}
    kills = 0
    while start(folder, out, log, workers, KILL_AT_FILE=len(processed(log)) + 13) != 0:
        kills += 1
        assert kills < 10, "the runs get nowhere"
        for receipt in out.with_name("results.jsonl.parts").glob("*.receipt.json"):
            for path in paths(receipt.with_name(receipt.name.replace(".receipt.json", ".jsonl"))):
                calls_when_committed.setdefault(path, processed(log).count(str(path)))
    assert kills >= 2
    assert len(calls_when_committed) >= 20
    assert out.read_bytes() == undisturbed
    calls = processed(log)
    assert calls_when_committed == {path: calls.count(str(path)) for path in calls_when_committed}


def test_workers_leave_when_their_parent_is_killed(folder: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    start(folder, tmp_path / "out", tmp_path / "log", 2, KILL_AT_FILE=5, PIDS=pids)
    workers = {int(line) for line in pids.read_text().splitlines()}
    assert workers
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_interrupt_drops_the_shards_in_hand_and_leaves_no_process(
    folder: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "log"
    for workers in (1, 2):
        begun = time.monotonic()
        assert start(folder, out, log, workers, INTERRUPT_AT_FILE=9, SLOW=30) == 130
        assert time.monotonic() - begun < 30, "the interrupt waited for the shard in hand"
        log.unlink()
    assert run(job(folder, out))
    assert out.read_bytes() == undisturbed


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        commit(tmp_path, target, (b"%d" % (1 // n) for n in (1, 0)))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


# ---- Exactly once


def test_worker_counts_give_the_same_bytes(
    folder: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "results.jsonl"
    seen: list[Progress] = []
    assert run(job(folder, out), workers=2, report=seen.append)
    assert out.read_bytes() == undisturbed
    assert seen[0] == Progress(total=40)
    marked = sum(record["decision"] is True for record in records(out))
    assert seen[-1] == Progress(total=40, done=40, marked=marked)


def test_results_are_one_record_a_file_in_order(folder: Path, undisturbed: bytes) -> None:
    found = [json.loads(line)["path"] for line in undisturbed.splitlines()]
    assert found == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.txt"))


def test_receipt_tells_how_the_results_were_made(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run(job(folder, out, threshold=3), command="scan in")
    receipt = json.loads(out.with_name("results.jsonl.receipt.json").read_text())
    assert receipt["records"] == 40
    assert receipt["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert receipt["configuration"] == {"threshold": 3}
    assert receipt["command"] == "scan in"
    assert receipt["versions"].keys() >= {"skindeep", "python", "numpy", "opencv-python", "numba"}
    assert receipt["seconds"]["hash"] == pytest.approx(0.04)
    assert receipt["seconds"]["total"] > 0
    assert receipt["peak_memory"] > 2**20


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_is_the_record_of_its_file_alone(folder: Path, workers: int) -> None:
    (folder / "a" / FAULTY).touch()
    out = folder.parent / "results.jsonl"
    run(job(folder, out), workers)
    (record,) = (record for record in records(out) if record["status"] != "ok")
    assert (record["path"], record["status"], record["decision"]) == (
        f"a/{FAULTY}",
        "crashed",
        None,
    )
    assert str(record["detail"]).startswith("ZeroDivisionError at hashing.py:")


def test_a_file_that_kills_its_process_is_the_only_one_recorded_as_crashed(folder: Path) -> None:
    killers = {f"a/{KILLER}", f"b/{KILLER}"}
    for name in killers:
        (folder / name).touch()
    out = folder.parent / "results.jsonl"
    run(job(folder, out), workers=2)
    status = {record["path"]: record["status"] for record in records(out)}
    assert len(status) == 42
    assert {path for path in status if status[path] != "ok"} == killers
    assert {status[path] for path in killers} == {"crashed"}


def test_a_file_that_takes_too_long_is_recorded_and_the_rest_go_on(folder: Path) -> None:
    (folder / "a" / ENDLESS).touch()
    out = folder.parent / "results.jsonl"
    run(Job(folder, out, hash_file, failed, {}, allowance=Allowance(seconds=0.5)), workers=2)
    (record,) = (record for record in records(out) if record["status"] != "ok")
    assert (record["path"], record["status"]) == (f"a/{ENDLESS}", "timeout")
    assert record["detail"] == "expected an answer within 0.5 s"


def test_workers_that_cannot_start_are_not_mistaken_for_killers(folder: Path) -> None:
    out, log = folder.parent / "results.jsonl", folder.parent / "log"
    assert start(folder, out, log, 2, UNIMPORTABLE=1) == 74
    assert not list(out.with_name("results.jsonl.parts").glob("*.receipt.json"))


@pytest.mark.parametrize("damage", ["torn", "tampered", "receipt torn", "of another folder"])
def test_a_damaged_shard_is_done_again(
    folder: Path, undisturbed: bytes, tmp_path: Path, damage: str
) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "log"
    start(folder, out, log, 1, KILL_AT_FILE=30)
    shard = out.with_name("results.jsonl.parts") / "000002.jsonl"
    receipt = shard.with_suffix(".receipt.json")
    data = shard.read_bytes()
    if damage == "torn":
        shard.write_bytes(data[:-9])
    elif damage == "tampered":
        shard.write_bytes(data.replace(b"true", b"null"))
        assert shard.read_bytes() != data
    elif damage == "receipt torn":
        receipt.write_bytes(receipt.read_bytes()[:40])
    else:  # whole in itself, but not the index's paths
        for suffix in (".jsonl", ".receipt.json"):
            (shard.parent / f"000001{suffix}").replace(shard.with_suffix(suffix))
    seen: list[Progress] = []
    run(job(folder, out), report=seen.append)
    assert out.read_bytes() == undisturbed
    assert seen[-1].resumed == 25 - 5 * (2 if damage == "of another folder" else 1)


# ---- Refusals


def test_a_second_run_is_refused_while_the_first_is_at_work(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    parts = out.with_name("results.jsonl.parts")

    def second(progress: Progress) -> None:
        if progress.done == 0:
            assert start(folder, out, tmp_path / "log", 1) == 65

    run(job(folder, out), report=second)
    assert not parts.exists()
    assert len(records(out)) == 40
    parts.mkdir()
    with (parts / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match=r"expected no other run on results\.jsonl"):
            run(job(folder, out))


def test_complete_results_are_left_alone(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "log"
    assert run(job(folder, out, log))
    before = out.stat().st_mtime_ns
    assert not run(job(folder, out, log), workers=2)
    assert out.stat().st_mtime_ns == before
    assert len(processed(log)) == 40


def test_another_configuration_or_folder_is_refused_finished_or_not(
    folder: Path, tmp_path: Path
) -> None:
    finished, unfinished = tmp_path / "finished", tmp_path / "unfinished"
    run(job(folder, finished, score={"kind": "cascade"}))
    with pytest.raises(ZeroDivisionError):
        run(job(folder, unfinished, score={"kind": "cascade"}), report=lambda p: 1 // (p.done < 9))
    for out in (finished, unfinished):
        with pytest.raises(
            ValueError, match=r"expected configuration\.score\.kind 'cascade', .* got 'other'"
        ):
            run(job(folder, out, score={"kind": "other"}))
        with pytest.raises(ValueError, match=r"expected folder '.*/in', .* got '.*/in/a'"):
            run(job(folder / "a", out, score={"kind": "cascade"}))
    run(job(folder, unfinished, score={"kind": "cascade"}))
    assert unfinished.read_bytes() == finished.read_bytes()


def test_a_file_that_no_run_wrote_is_never_replaced(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "letter.txt"
    out.write_text("dear")
    with pytest.raises(ValueError, match=r"letter\.txt without its receipt"):
        run(job(folder, out))
    assert out.read_text() == "dear"
    assert {path.name for path in tmp_path.iterdir()} == {"in", "letter.txt"}


def test_changed_results_are_not_called_complete(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run(job(folder, out))
    out.write_bytes(out.read_bytes()[:-1])
    with pytest.raises(ValueError, match="got other bytes; remove it to begin anew"):
        run(job(folder, out))


def test_an_index_that_has_changed_or_gone_is_refused(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"

    def stop(now: Progress) -> None:
        if now.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job(folder, out), 1, stop)
    index = tmp_path / "results.jsonl.parts" / "index.jsonl"
    for spoil in (lambda: index.write_bytes(index.read_bytes()[:-1]), index.unlink):
        spoil()
        with pytest.raises(ValueError, match=r"got none or other bytes; remove .* to begin anew"):
            run(job(folder, out))


def test_results_removed_means_begin_anew(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "log"
    run(job(folder, out, log))
    out.unlink()
    (folder / "a" / "0.txt").write_text("changed")
    run(job(folder, out, log))
    assert records(out)[0]["sha256"] == hashlib.sha256(b"changed").hexdigest()
    assert len(processed(log)) == 80


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_stops_the_run_which_then_continues(
    folder: Path, undisturbed: bytes, tmp_path: Path, workers: int
) -> None:
    """The limit on a file's size stands in for the disk's: the same write fails the same way."""
    out = tmp_path / "results.jsonl"
    (folder / "b" / ("0" * 200)).touch()  # this one's record does not fit
    assert start(folder, out, tmp_path / "log", workers, FILE_LIMIT=1500) == 74
    parts = out.with_name("results.jsonl.parts")
    assert list(parts.glob("*.receipt.json"))
    assert not list(parts.glob("*.tmp"))
    run(job(folder, out))
    kept = [r for r in out.read_bytes().splitlines(keepends=True) if b"0000" not in r[:40]]
    assert b"".join(kept) == undisturbed


def test_a_vanished_folder_makes_no_records(folder: Path, undisturbed: bytes) -> None:
    out = folder.parent / "results.jsonl"
    elsewhere = folder.parent / "elsewhere"

    def vanish(progress: Progress) -> None:
        if progress.done >= 10:
            folder.rename(elsewhere)

    with pytest.raises(FileNotFoundError, match=r"expected the folder .* but it has gone"):
        run(job(folder, out), report=vanish)
    elsewhere.rename(folder)
    run(job(folder, out))
    assert out.read_bytes() == undisturbed


# ---- The index

HOSTILE = [
    b"-rf",
    b"[red]markup[bold]",
    b"caf\xc3\xa9",
    b"new\nline",
    b"\x1b[31mescape",
    b"not utf-8 \xff\xfe",
    b'quote"',
    b"\xe2\x80\xae right to left",
    b"=1+1",
    b"x" * 255,
]


@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_names_survive(tmp_path: Path, workers: int) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)  # noqa: PTH102  (bytes)
    for name in HOSTILE:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(name)
    out = tmp_path / "results.jsonl"
    run(job(Path(os.fsdecode(folder)), out), workers)
    assert out.read_bytes().isascii()
    found = {os.fsencode(str(r["path"])): r["sha256"] for r in records(out)}
    assert found == {name: hashlib.sha256(name).hexdigest() for name in HOSTILE}


def test_what_is_no_file_is_an_item_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub" / "empty").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "file").touch()
    (tmp_path / "in" / "sub" / "loop").symlink_to("..")
    (tmp_path / "in" / "sub.file").symlink_to("sub/file")
    (tmp_path / "in" / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "in" / "pipe")
    found = list(walk(tmp_path / "in"))
    assert found == ["dangling", "pipe", "sub.file", "sub/file", "sub/loop"]


def test_a_directory_that_cannot_be_listed_is_an_item(tmp_path: Path) -> None:
    """Too long a path cannot be listed, not even by root, whom permissions do not stop."""
    home = os.open(tmp_path, os.O_RDONLY)
    try:
        deep, name = os.dup(home), "d" * 250
        for _ in range(18):
            os.mkdir(name, dir_fd=deep)
            deep, above = os.open(name, os.O_RDONLY, dir_fd=deep), deep
            os.close(above)
        os.close(deep)
        (item,) = walk(tmp_path)
        assert set(item.split("/")) == {name}
        assert len(str(tmp_path / item)) > 4096 - 251
    finally:
        os.close(home)
        subprocess.run(["rm", "-rf", str(tmp_path / name)], check=True)


def test_own_output_inside_the_folder_is_left_out(folder: Path) -> None:
    out, marked = folder / "results.jsonl", folder / "marked"
    marked.mkdir()
    (marked / "drawn.jpg").touch()
    (folder / "a" / "results.jsonl").touch()  # of the same name, but not this run's
    run(Job(folder, out, hash_file, failed, {}, left_out=(marked,)))
    assert len(paths(out)) == 41
    assert "a/results.jsonl" in paths(out)


@pytest.mark.parametrize("workers", [1, 2])
def test_given_paths_are_worked_on_in_their_order_and_no_others(
    folder: Path, tmp_path: Path, workers: int
) -> None:
    wanted = ["b/31.txt", "a/0.txt", "missing\udcff", "c/2.txt"]
    out = tmp_path / "results.jsonl"
    assert run(job(folder, out), workers, paths=iter(wanted))
    assert paths(out) == wanted
    assert [r["status"] for r in records(out)] == ["ok", "ok", "unsupported", "ok"]
    assert not run(job(folder, out), workers, paths=wanted)


def test_given_paths_continue_after_a_stop(folder: Path, tmp_path: Path) -> None:
    wanted = [f"{'abc'[number % 3]}/{number}.txt" for number in (39, 3, 20, 8, 11, 0, 17, 5, 1, 9)]
    out, log, undisturbed = (tmp_path / name for name in ("out", "log", "undisturbed"))
    with pytest.raises(ZeroDivisionError):
        run(job(folder, out, log), report=lambda p: 1 // (p.done < 5), paths=wanted)
    run(job(folder, out, log), paths=wanted)
    run(job(folder, undisturbed), paths=wanted)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert processed(log) == wanted


def test_no_given_paths_are_none(folder: Path, tmp_path: Path) -> None:
    run(job(folder, tmp_path / "out"), paths=())
    assert (tmp_path / "out").read_bytes() == b""


def test_an_empty_folder_has_empty_results(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert run(job(tmp_path / "in", tmp_path / "out"), workers=2)
    assert (tmp_path / "out").read_bytes() == b""


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    """8,000 records of 4,000 bytes are 32 MB as bare bytes, and more as dictionaries."""
    for directory in range(200):
        (tmp_path / "in" / str(directory)).mkdir(parents=True)
        for number in range(40):
            (tmp_path / "in" / str(directory) / str(number)).touch()
    peaks = []
    for some in ("in/7", "in"):
        out = tmp_path / f"{some.replace('/', '-')}.jsonl"
        assert start(tmp_path / some, out, tmp_path / "log", 1, WORDY=1, PEAK=tmp_path / "p") == 0
        peaks.append(int((tmp_path / "p").read_text()))
    with out.open() as lines:
        assert sum(1 for _ in lines) == 8_000
    assert out.stat().st_size > 32e6
    assert peaks[1] - peaks[0] < 8e6
