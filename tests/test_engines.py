"""Engines: the same bytes from all of them, whatever befalls their processes. Ray is a real one."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import ray
from hashing import BUSY, ENDLESS, FAULTY, GONE, GREEDY, KILLER, job, numbered, records
from PIL import Image

from images.jobs import Job
from images.limits import Allowance
from images.ray_engine import on_ray
from images.shards import How, run

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, started once: a run uses what is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # its workers need these modules
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = numbered(tmp_path / "in", 40)
    (folder / "a" / "not utf-8 \udcff").touch()
    (folder / "a" / FAULTY).touch()
    return folder


@pytest.mark.usefixtures("cluster")
def test_ray_writes_the_bytes_of_a_bare_loop(folder: Path, tmp_path: Path) -> None:
    bare, by_ray = tmp_path / "bare", tmp_path / "by_ray"
    run(job(folder, bare))
    assert run(job(folder, by_ray), 2, how=How(on_ray))
    assert by_ray.read_bytes() == bare.read_bytes()
    assert not run(job(folder, by_ray), 1)  # complete, whoever asks


DETAILS = {
    KILLER: ("crashed", "the process that worked on this file died by SIGKILL"),
    ENDLESS: ("timeout", "expected an answer within 4 s"),
    BUSY: ("timeout", "expected an answer within 0.3 s of processor time"),
    GREEDY: (
        "crashed",
        "expected at most 1,000,000,000 bytes of memory for one file, got: MemoryError()",
    ),
}


@pytest.mark.usefixtures("cluster")
def test_each_limit_ends_one_file_and_says_so_by_every_engine(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / FAULTY).unlink()
    for name in DETAILS:
        (folder / "b" / name).touch()
    allowance = Allowance(seconds=4, processor_seconds=0.3, memory=1_000_000_000)
    by_pool, by_ray = tmp_path / "pool", tmp_path / "ray"
    run(job(folder, by_pool, allowance=allowance), 2)
    found = {
        Path(str(r["path"])).name: (r["status"], r["detail"])
        for r in records(by_pool)
        if r["status"] != "ok"
    }
    assert found == DETAILS
    run(job(folder, by_ray, allowance=allowance), 2, how=How(on_ray))
    assert by_ray.read_bytes() == by_pool.read_bytes()


@pytest.mark.usefixtures("cluster")
def test_an_actor_that_finds_no_room_holds_no_shard(folder: Path, tmp_path: Path) -> None:
    taken = ray.remote(num_cpus=1)(Counter).remote()
    ray.get(taken.total.remote())
    run(job(folder, tmp_path / "out"), 2, how=How(on_ray))
    ray.kill(taken)
    assert len(records(tmp_path / "out")) == 42


@pytest.mark.soak
@pytest.mark.usefixtures("cluster")
def test_no_number_of_files_that_kill_stops_ray(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "in", 200)
    for number in range(50):
        (folder / "abc"[number % 3] / f"{KILLER}-{number}").touch()
    run(job(folder, tmp_path / "out"), 2, how=How(on_ray))
    found = Counter(record["status"] for record in records(tmp_path / "out"))
    assert found == {"ok": 200, "crashed": 50}


@pytest.mark.usefixtures("cluster")
def test_what_stops_ray_is_the_error_itself_and_others_continue(
    folder: Path, tmp_path: Path
) -> None:
    bare, out, gone = tmp_path / "bare", tmp_path / "out", folder / "c" / GONE
    gone.write_text("now")
    with pytest.raises(ConnectionError, match=r"^the disk is elsewhere$"):
        run(job(folder, out), 2, how=How(on_ray))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out.parts").glob("0*.receipt*")}
    assert len(kept) > 5
    gone.write_text("later")
    run(job(folder, bare))
    seen = []
    run(job(folder, out), 1, seen.append)
    assert out.read_bytes() == bare.read_bytes()
    assert seen[-1].resumed > 10


def test_a_limit_is_set_for_a_file_and_taken_back() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with Allowance(9, 8, 50_000_000).kept():
        assert 8 < signal.getitimer(signal.ITIMER_REAL)[0] <= 9
        assert 7 < signal.getitimer(signal.ITIMER_PROF)[0] <= 8.1
        np.ones(40_000_000, np.uint8)
        with pytest.raises(MemoryError):
            np.ones(60_000_000, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert signal.getitimer(signal.ITIMER_REAL) == signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def decode_hungrily(folder: Path, path: str) -> tuple[dict[str, object], dict[str, float]]:
    from images.scans import opened

    found, _, seconds = opened(folder, path, ("decision",))
    return found, seconds


def test_memory_that_a_decoder_is_refused_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    from images.scans import unanswered

    (tmp_path / "in").mkdir()
    Image.new("RGB", (6000, 6000)).save(tmp_path / "in" / "large.png")
    Image.new("RGB", (60, 60)).save(tmp_path / "in" / "small.png")
    out, allowance = tmp_path / "out", Allowance(memory=90_000_000)  # 108 MB of pixels
    no_answer = partial(unanswered, answer=("decision",))
    run(Job(tmp_path / "in", out, decode_hungrily, no_answer, {}, (), allowance), workers=2)
    large, small = records(out)
    assert (large["status"], small["status"]) == ("crashed", "ok")
    assert str(large["detail"]).startswith("expected at most 90,000,000 bytes of memory for one")


# ---- The command


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "compare.cli", "baseline", "scan", *map(str, arguments)]


def test_ray_by_the_command_is_quiet_stops_at_sigterm_and_goes_on_elsewhere(tmp_path: Path) -> None:
    folder, rng = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    for number in range(200):
        pixels = rng.integers(0, 256, (16, 16 + number % 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    out = tmp_path / "out"
    scan = subprocess.Popen(
        command(folder, "--out", out, "--engine", "ray", "--workers", 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list((tmp_path / "out.parts").glob("*.receipt.json")):
        assert scan.poll() is None
        time.sleep(0.001)
    scan.send_signal(signal.SIGTERM)
    said, complaint = scan.communicate(timeout=60)
    assert (scan.returncode, said) == (128 + signal.SIGTERM, ""), complaint
    assert complaint.startswith("stopped: ")
    assert complaint.endswith(" of 200 files are done, and the same command continues\n")
    ended = subprocess.run(
        command(folder, "--out", out, "--workers", 1), check=True, capture_output=True, text=True
    )
    assert ended.stderr == ""
    assert [r["path"] for r in records(out)] == [f"{number:03d}.png" for number in range(200)]
