"""Fixtures that several test modules share."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from calling import Call
from serving import Service

from compare import cli
from images import scoring
from images.workers import processors

pytest.register_assert_rewrite("pages")  # its assertions explain themselves, as in a test
# Who starts the tests in the background may have left Ctrl-C ignored, and the tests' programs too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Two tests run at a time: with more threads each, torch's wait for one another and burn the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which(
    "google-chrome"
)  # fmt: skip
REQUIRED = os.environ.get("SKINDEEP_BROWSER") == "required"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors: tests wait for others a third of their time."""
    return processors() + 1


@pytest.fixture
def skindeep(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process: its exit status, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skindeep", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capfd.readouterr()
        return int(exit_.value.code or 0), out, err

    return call


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk in memory, to be mounted, and anew with other options; that takes a privilege."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        kind = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if not shutil.which("mount") or subprocess.run(kind, capture_output=True).returncode:
            pytest.skip("nobody but root can mount a small disk")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # a traceback holds files


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the scorer waited between attempts, without waiting it."""
    slept: list[float] = []
    monkeypatch.setattr(scoring.time, "sleep", slept.append)
    return slept


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch keeps to one thread."""
    import torch  # takes its time, and few modules need it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---- The lessons, and pages in a browser


class Lessons(NamedTuple):
    """The site of lessons, built."""

    results: Any
    folder: Path
    pages: tuple[Any, ...]
    data: dict[str, Any]
    """What is beside each page, by its slug."""


@pytest.fixture(scope="session")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    """All lessons in their short form; no other fixture takes as long."""
    from compare.lessons import site  # takes its time, too

    root = tmp_path_factory.mktemp("lessons")
    results, out = site.Results(root / "results", short=True), root / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compare.figures.figures", lambda *_: [])  # they are no part of the lessons
        pages = site.build_site(results, out)
    data = {page.slug: json.loads((out / f"data/{page.slug}.json").read_bytes()) for page in pages}
    return Lessons(results, out, pages, data)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, for no longer than a module: while it is there, no other event loop can run."""
    if CHROMIUM is None:
        message = "no chromium on the path; with one, these tests run"
        (pytest.fail if REQUIRED else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any, lessons: Lessons) -> Iterator[Callable[..., Any]]:
    """Open a lesson by its slug; it may ask for nothing but the files of the site."""
    from pages import Visitor  # only now: it has to be registered first

    visitor = Visitor(browser)
    yield lambda slug, **options: visitor.open(lessons.folder / f"{slug}.html", **options)
    asked = visitor.leave()
    assert asked
    assert all(url.startswith((lessons.folder.as_uri(), "data:")) for url in asked)
