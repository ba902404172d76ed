"""Whatever turns pictures into scores, asked in one way: a function, a command, a web service.

A higher score means more likely positive. Scores come in the order of the pictures, one for each,
all finite; whoever answers otherwise is told so in one line, and nothing is guessed.

A command is started once for each batch, without a shell. It reads paths of PNG files from
standard input, one a line, until the input ends, and prints one score a line. The files are gone
when it has ended. Its exit status is 0 if all went well.

A web service gets ``POST`` requests of ``multipart/form-data`` (RFC 7578) with 1 to 127 parts named
``images``, each a JPEG (quality 95, full colour resolution) with a file name from ``000.jpg``
upwards. It answers with status 200 and a JSON list of as many numbers: ``[0.02, 0.97]``. Dropped
connections, time-outs and the statuses 408, 429 and 5xx are tried again, after a wait that doubles
each time and is cut by chance, so that many clients do not come back all at once. Redirections are
not followed: pictures go to the address that the user gave, or nowhere.
"""

import io
import json
import random
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from PIL import Image

from images.folders import printable
from images.reading import RGB

Scores = npt.NDArray[np.float64]

MOST_PICTURES = 127  # a request
MOST_BYTES = 1_000_000  # of an answer
LONGEST_WAIT = 30.0  # seconds between two attempts


@runtime_checkable
class Scorer(Protocol):
    """What every contestant is to the judge, and every black box to its explanation."""

    @property
    def name(self) -> str:
        """For people and records."""

    @property
    def threshold(self) -> float | None:
        """Scores of at least as much count as positive; None where nobody chose one."""

    @property
    def is_probability(self) -> bool:
        """Whether scores lie from 0 to 1 and mean a probability."""

    def score(self, images: Sequence[RGB], /) -> Scores:
        """Return a score for each picture, (N,), higher for more likely positive."""


def scorer_of(text: str) -> Scorer:
    """Return the scorer that a user names on the command line: a URL or a command.

    Raises
    ------
    ValueError
        If it is neither, or a URL other than http and https.

    Examples
    --------
    >>> scorer_of("https://example.org/score?key=secret").name
    'example.org/score'
    >>> scorer_of("python score.py --fast").name
    'python score.py --fast'
    """
    return (
        HttpScorer(text) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) else CommandScorer(text)
    )


def checked(scores: npt.ArrayLike, count: int, name: str) -> Scores:
    """Return scores as (count,) float64; `ValueError` if there are others, or not finite ones.

    >>> checked([0.25, 1], 2, "mine")
    array([0.25, 1.  ])
    """
    try:
        array = np.asarray(scores, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected numbers as scores from {name}, got: {error}") from error
    if array.shape != (count,):
        got = f"{array.size}" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise ValueError(f"expected {count} scores from {name}, got {got}")
    if not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"expected finite scores from {name}, got {array[where]} for picture {where + 1} "
            f"of {count}"
        )
    return array


@dataclass(frozen=True)
class CallableScorer:
    """A Python function as a scorer.

    Attributes
    ----------
    function : callable
        Given a list of pictures, (H, W, 3) uint8 each, returns as many numbers. What it raises
        comes through.
    name : str
    threshold : float or None
    is_probability : bool
    """

    function: Callable[[list[RGB]], npt.ArrayLike]
    name: str = "function"
    threshold: float | None = None
    is_probability: bool = True

    def score(self, images: Sequence[RGB], /) -> Scores:
        """Return what the function says; `ValueError` if these are no scores."""
        return checked(self.function(list(images)), len(images), self.name)


@dataclass(frozen=True)
class CommandScorer:
    """A command as a scorer; see the top of this file for what it reads and prints.

    Attributes
    ----------
    command : str
        Split into words as a shell would, but no shell runs: ``$``, ``;``, ``|`` and ``>`` are
        nothing but characters.
    """

    command: str
    threshold: ClassVar[float | None] = None
    is_probability: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.words()

    @property
    def name(self) -> str:
        """The command, as one line."""
        return printable(self.command)

    def words(self) -> list[str]:
        """Return the program and its arguments; `ValueError` if there are none."""
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise ValueError(f"expected a command, got {self.name}: {error}") from error
        if not words or "\0" in self.command:
            raise ValueError(f"expected a command, got {self.command!r}")
        return words

    def score(self, images: Sequence[RGB], /) -> Scores:
        """Run the command on the pictures.

        Raises
        ------
        ValueError
            If it answers with anything but a finite number for each.
        OSError
            If it cannot be started, or fails.
        """
        with tempfile.TemporaryDirectory(prefix="skindeep-") as folder:
            if not folder.isprintable():
                raise ValueError(
                    f"expected a printable path for temporary files, got {folder!r}; set TMPDIR"
                )
            paths = [Path(folder, f"{number:06d}.png") for number in range(len(images))]
            for image, path in zip(images, paths, strict=True):
                Image.fromarray(image).save(path, compress_level=1)
            answer = self._run("".join(f"{path}\n" for path in paths).encode())
        return checked([self._number(line) for line in answer], len(images), self.name)

    def _run(self, paths: bytes) -> list[str]:
        try:
            done = subprocess.run(self.words(), input=paths, capture_output=True, check=False)
        except OSError as error:
            raise OSError(
                f"expected a command that can be run, got {self.name}: {error.strerror}"
            ) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            status = f"exit status {done.returncode}"
            if done.returncode < 0:
                status = f"an end by signal {-done.returncode}"
            raise OSError(
                f"expected scores from {self.name}, got {status}"
                + (f": {_short(said[-1])}" if said else "")
            )
        return done.stdout.decode(errors="replace").splitlines()

    def _number(self, line: str) -> float:
        try:
            return float(line)
        except ValueError as error:
            raise ValueError(
                f"expected a score a line from {self.name}, got {_short(line)!r}"
            ) from error


@dataclass(frozen=True)
class HttpScorer:
    """A web service as a scorer; see the top of this file for requests and answers.

    Attributes
    ----------
    url : str
        http or https. Its query is sent, but never shown: it may hold a key.
    batch : int
        Pictures a request, at most 127.
    timeout : float
        Seconds that the service may be silent.
    attempts : int
        How often a request is sent before giving up.
    backoff : float
        Seconds before the second attempt, at most; twice as many before each further one.
    rng : random.Random
        Cuts each wait by up to half.
    """

    url: str
    batch: int = 125
    timeout: float = 60.0
    attempts: int = 6
    backoff: float = 1.0
    rng: random.Random = field(default_factory=random.Random, repr=False, compare=False)
    threshold: ClassVar[float | None] = None
    is_probability: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.parts()
        if not 1 <= self.batch <= MOST_PICTURES:
            raise ValueError(f"expected 1 to {MOST_PICTURES} pictures a request, got {self.batch}")
        if self.attempts < 1:
            raise ValueError(f"expected at least 1 attempt, got {self.attempts}")

    @property
    def name(self) -> str:
        """Host and path."""
        parts = self.parts()
        return f"{parts.netloc}{parts.path}"

    def parts(self) -> SplitResult:
        """Return the URL in parts; `ValueError` if it is none that can be asked."""
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"expected a URL, got one that is none: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError(
                f"expected a URL that begins with http:// or https:// and a host, "
                f"got {_short(self.url.partition('?')[0])!r}"
            )
        if not re.fullmatch("[!-~]+", self.url) or parts.username is not None:
            raise ValueError(
                "expected a URL without spaces, other than ASCII, user name and password, "
                f"got one for {host!r} that has some"
            )
        return parts

    def score(self, images: Sequence[RGB], /) -> Scores:
        """Send the pictures, `batch` at a time.

        Raises
        ------
        ValueError
            If the service answers with anything but a finite number for each.
        OSError
            If it cannot be reached, or refuses.
        """
        batches = (images[k : k + self.batch] for k in range(0, len(images), self.batch))
        return np.concatenate([np.empty(0), *(self._ask(batch) for batch in batches)])

    def _ask(self, images: Sequence[RGB]) -> Scores:
        body, kind = multipart([_jpeg(image) for image in images])
        trouble, tried = "", 0
        while tried < self.attempts:
            if tried:
                longest = min(self.backoff * 2 ** (tried - 1), LONGEST_WAIT)
                time.sleep(longest * self.rng.uniform(0.5, 1))
            tried += 1
            try:
                status, answer = self._post(body, kind)
            except (OSError, HTTPException) as error:
                trouble = str(error) or type(error).__name__
                continue
            if status == 200:
                return checked(self._numbers(answer, len(images)), len(images), self.name)
            trouble = f"status {status}"
            if status not in (408, 429) and status < 500:
                break
        times = f"in {tried} attempts" if tried > 1 else "at once"
        raise OSError(f"expected scores from {self.name}, got {_short(trouble)} {times}")

    def _post(self, body: bytes, kind: str) -> tuple[int, bytes]:
        parts = self.parts()
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(str(parts.hostname), parts.port, timeout=self.timeout)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Content-Type": kind, "Accept": "application/json"}
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            answer = response.read(MOST_BYTES + 1)
            if response.length and len(answer) <= MOST_BYTES:
                raise ConnectionError("an answer that breaks off")
            return response.status, answer
        finally:
            connection.close()

    def _numbers(self, answer: bytes, count: int) -> list[float]:
        try:
            numbers = json.loads(answer)
        except (ValueError, RecursionError):
            numbers = None
        if not isinstance(numbers, list) or any(type(n) not in (int, float) for n in numbers):
            text = _short(answer.decode(errors="replace"))
            raise ValueError(
                f"expected a JSON list of {count} numbers from {self.name}, got {text!r}"
            )
        return numbers


def multipart(pictures: Sequence[bytes]) -> tuple[bytes, str]:
    """Return the body of a request with JPEG pictures, and its content type."""
    boundary = uuid4().hex
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="images"; filename="%03d.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (boundary.encode(), number, picture)
        for number, picture in enumerate(pictures)
    ]
    body = b"".join(parts) + b"--%s--\r\n" % boundary.encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _jpeg(image: RGB) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, "JPEG", quality=95, subsampling=0)
        return file.getvalue()


def _short(text: str) -> str:
    """Return the beginning of what a stranger said, as one line that is safe on a terminal."""
    return printable(text[:200]) + ("..." if len(text) > 200 else "")
