"""Scorers: a function, a real child process, a real web service, and everything they do wrong."""

import random
import shlex
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from serving import Service

from images.reading import RGB
from images.scoring import CallableScorer, CommandScorer, HttpScorer, Scorer, checked, scorer_of

SCRIPT = """
import sys
from PIL import Image
for path in sys.stdin.read().splitlines():
    with Image.open(path) as picture:
        print(sum(value * n for value, n in enumerate(picture.histogram()[:256])) / 6 / 255)
"""


def plain(*levels: int) -> list[RGB]:
    """Pictures of 2 x 3 px, each of one grey."""
    return [np.full((2, 3, 3), level, np.uint8) for level in levels]


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text.startswith("expected ")
    assert text.isprintable()
    return text


# ---- Scores


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.5], "expected 2 scores from me, got 1"),
        ([0.5, 0.5, 0.5], "expected 2 scores from me, got 3"),
        ([[0.5], [0.5]], r"expected 2 scores from me, got an array of shape \(2, 1\)"),
        (0.5, r"expected 2 scores from me, got an array of shape \(\)"),
        ([0.5, float("nan")], "expected finite scores from me, got nan for picture 2 of 2"),
        ([float("-inf"), 0.5], "expected finite scores from me, got -inf for picture 1 of 2"),
        (["high", "low"], "expected numbers as scores from me"),
        ([None, {}], "expected numbers as scores from me"),
        ([[0.5], [0.5, 0.5]], "expected numbers as scores from me"),
        ([10**400, 1], "expected numbers as scores from me"),
    ],
)
def test_what_are_no_scores(scores: object, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}") as error:
        checked(scores, 2, "me")  # type: ignore[arg-type]
    one_line(error.value)


def test_a_function_is_a_scorer() -> None:
    scorer = CallableScorer(lambda images: [image.mean() / 255 for image in images], "mean")
    assert isinstance(scorer, Scorer)
    assert scorer.score(plain(0, 51, 255)).tolist() == [0.0, 0.2, 1.0]
    assert scorer.score([]).shape == (0,)
    with pytest.raises(ValueError, match=r"^expected 2 scores from short, got 1$"):
        CallableScorer(lambda _: [0.5], "short").score(plain(1, 2))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("score --fast", CommandScorer),
        ("/opt/score http://example.org", CommandScorer),
        ("http://example.org/score", HttpScorer),
        ("HTTPS://example.org/score", HttpScorer),
    ],
)
def test_what_a_user_names(text: str, kind: type) -> None:
    scorer = scorer_of(text)
    assert type(scorer) is kind
    assert isinstance(scorer, Scorer)


# ---- Commands


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], CommandScorer]:
    def write(text: str, *arguments: str) -> CommandScorer:
        # A name that would run four other commands if a shell ever saw it.
        path = tmp_path / "it's; touch pwned; $(touch pwned) `touch pwned` | touch pwned &.py"
        path.write_text(text)
        return CommandScorer(shlex.join([sys.executable, str(path), *arguments]))

    return write


def test_a_command_scores_exactly_what_it_is_given(
    script: Callable[..., CommandScorer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a 'quoted' $HOME; *"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    levels = [255, 0, 51, 102, 3]
    scores = script(SCRIPT).score(plain(*levels))
    np.testing.assert_array_equal(scores, np.array(levels) * 6 / 6 / 255)
    assert list(folder.iterdir()) == []
    assert not list(tmp_path.rglob("pwned"))


def test_no_shell_sees_a_command(script: Callable[..., CommandScorer]) -> None:
    words = ["$HOME", ";", "|", ">", "out", "&&", "*", "`id`", "a b"]
    scorer = script(f"import sys; print(float(sys.argv[1:] == {words!r}))", *words)
    assert scorer.score(plain(0)).tolist() == [1.0]
    bare = f"{sys.executable} -c 'import sys; print(len(sys.argv))' $HOME ; echo 0 > out"
    assert CommandScorer(bare).score(plain(0)).tolist() == [7.0]


@pytest.mark.parametrize("printed", ["0.5\\n0.25\\n", "0.5\\n0.25", "0.5\\r\\n 0.25 \\r\\n"])
def test_lines_end_as_they_like(script: Callable[..., CommandScorer], printed: str) -> None:
    scorer = script(f"import sys; sys.stdout.write({printed!r}.encode().decode('unicode_escape'))")
    assert scorer.score(plain(1, 2)).tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("raise SystemExit(3)", OSError, "got exit status 3$"),
        ("import nothing_like_it", OSError, "got exit status 1: ModuleNotFoundError"),
        (r"import sys; sys.exit('\x1b[31mred\a')", OSError, r"exit status 1: \\x1b\[31mred\\x07$"),
        ("import os; os.kill(os.getpid(), 9)", OSError, "got an end by signal 9$"),
        ("print(0.5)", ValueError, "^expected 2 scores from .*, got 1$"),
        ("print('0.5\\n' * 3)", ValueError, "got ''$"),
        ("print('0.5\\nhigh')", ValueError, "^expected a score a line from .*, got 'high'$"),
        ("print('0.5\\nnan')", ValueError, "got nan for picture 2 of 2$"),
        ("", ValueError, "^expected 2 scores from .*, got 0$"),
        ("import os; os.write(1, b'\\xff\\xfe')", ValueError, "^expected a score a line"),
        ("print('x' * 10**6)", ValueError, r"x\.\.\.'$"),
    ],
)
def test_a_command_that_goes_wrong(
    script: Callable[..., CommandScorer], text: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as error:
        script(text).score(plain(1, 2))
    assert type(error.value) is kind
    assert len(one_line(error.value)) < 700


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program-anywhere --now", "No such file or directory"),
        ("/", "Permission denied"),
    ],
)
def test_a_command_that_cannot_be_run(command: str, said: str) -> None:
    with pytest.raises(OSError, match=f"^expected a command that can be run, .*: {said}$"):
        CommandScorer(command).score(plain(1))


@pytest.mark.parametrize("command", ["", "  ", "score 'unclosed", "score \0"])
def test_what_is_no_command(command: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a command, got ") as error:
        CommandScorer(command)
    one_line(error.value)


def test_temporary_files_need_a_path_that_fits_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "two\nlines"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(ValueError, match=r"set TMPDIR$") as error:
        CommandScorer("true").score(plain(1))
    one_line(error.value)
    assert list(folder.iterdir()) == []


# ---- A web service


def test_a_service_gets_batches_in_order(service: Service) -> None:
    levels = [k % 256 for k in range(300)]
    scores = HttpScorer(service.url + "?a=b&c=%20").score(plain(*levels))
    np.testing.assert_array_equal(scores, np.array(levels) / 255)
    assert [len(names) for names in service.requests] == [125, 125, 50]
    assert service.requests[2] == [f"{k:03d}.jpg" for k in range(50)]
    assert set(service.targets) == {"/score?a=b&c=%20"}
    assert service.sizes == {(3, 2)}
    assert HttpScorer(service.url).score([]).shape == (0,)


@pytest.mark.parametrize("fault", ["drop", "reset", "half", "babble", "500", "503", "429", "408"])
def test_what_passes_is_tried_again(service: Service, waits: list[float], fault: str) -> None:
    service.faults = ["", fault, fault]
    scores = HttpScorer(service.url, batch=2).score(plain(10, 20, 30))
    np.testing.assert_array_equal(scores, np.array([10, 20, 30]) / 255)
    assert [len(names) for names in service.requests] == [2, 1, 1, 1]
    assert len(waits) == 2


def test_a_slow_answer_is_not_waited_for(service: Service) -> None:
    service.faults = ["slow"]
    scorer = HttpScorer(service.url, timeout=0.3, backoff=0.01)
    np.testing.assert_array_equal(scorer.score(plain(51)), [0.2])
    assert len(service.requests) == 2


def test_waits_double_and_are_cut_by_chance(service: Service, waits: list[float]) -> None:
    service.faults = ["500"] * 9
    scorer = HttpScorer(service.url, attempts=9, rng=random.Random(1))
    with pytest.raises(OSError, match=r"^expected scores from .*, got status 500 in 9 attempts$"):
        scorer.score(plain(1))
    longest = [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    assert len({wait / most for wait, most in zip(waits, longest, strict=True)}) == 8
    assert len(service.requests) == 9


@pytest.mark.parametrize("fault", ["400", "401", "404", "413", "302"])
def test_a_refusal_is_final(service: Service, waits: list[float], fault: str) -> None:
    service.faults = [fault]
    with pytest.raises(OSError, match=f"got status {fault} at once$") as error:
        HttpScorer(service.url + "?key=secret").score(plain(1))
    assert "secret" not in one_line(error.value)
    assert service.targets == ["/score?key=secret"]
    assert waits == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("[0.5]", "^expected 2 scores from .*, got 1$"),
        ("[0.5, NaN]", "got nan for picture 2 of 2$"),
        ("[0.5, 1e999]", "got inf for picture 2 of 2$"),
        ('[0.5, "0.5"]', "^expected a JSON list of 2 numbers from .*, got '"),
        ("[0.5, true]", "^expected a JSON list of 2 numbers"),
        ('{"scores": [0.5, 0.5]}', "^expected a JSON list of 2 numbers"),
        ("<h1>\x1b[31mhello", r"^expected a JSON list of 2 numbers .*\\x1b\[31mhello'$"),
        ("", "^expected a JSON list of 2 numbers from .*, got ''$"),
        ("[" * 100_000, r"^expected a JSON list of 2 numbers from .*\.\.\.'$"),
        (" " * 2_000_000, r"^expected a JSON list of 2 numbers from .*\.\.\.'$"),
    ],
)
def test_what_is_no_answer(service: Service, waits: list[float], answer: str, said: str) -> None:
    service.faults = [f"say {answer}"]
    with pytest.raises(ValueError, match=said) as error:
        HttpScorer(service.url).score(plain(1, 2))
    assert len(one_line(error.value)) < 500
    assert len(service.requests) == 1
    assert waits == []


def test_nobody_there(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match=r"refused in 3 attempts$") as error:
        HttpScorer(f"http://127.0.0.1:{port}/", attempts=3).score(plain(1))
    one_line(error.value)
    assert len(waits) == 2


@pytest.mark.usefixtures("waits")
def test_an_address_without_a_certificate(service: Service) -> None:
    url = service.url.replace("http", "https")
    with pytest.raises(OSError, match=r"in 2 attempts$") as error:
        HttpScorer(url, attempts=2).score(plain(1))
    assert type(error.value) is OSError
    one_line(error.value)
    assert service.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/score",
        "file:///etc/passwd",
        "data://x",
        "http://",
        "http:///score",
        "http://example.org:99999/",
        "http://example.org:port/",
        "http://[::1/",
        "http://anna:secret@example.org/",
        "http://example.org/a b",
        "http://example.org/a\r\nX: y",
        "http://example.org/é",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a URL") as error:
        scorer_of(url)
    assert "secret" not in one_line(error.value)


@pytest.mark.parametrize("batch", [0, 128])
def test_requests_are_bounded(batch: int) -> None:
    with pytest.raises(ValueError, match=f"^expected 1 to 127 pictures a request, got {batch}$"):
        HttpScorer("http://example.org", batch=batch)
    with pytest.raises(ValueError, match=r"^expected at least 1 attempt, got 0$"):
        HttpScorer("http://example.org", attempts=0)
