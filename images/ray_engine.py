"""Shards on a cluster, or on this machine, by Ray: the extra ``skindeep[ray]``.

Ray only calls functions. It is asked for no data, no retries and no checkpoints: what is committed
lies in the run's own folder, which every machine of a cluster has to see under the same path, as
it has to see the pictures.
"""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Any, Protocol

import cv2
import ray
from ray.exceptions import (
    ActorDiedError,
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from images.engines import Receipts
from images.jobs import Receipt, Shard, Task, file_by_file, process_shard
from images.workers import one_worker

DEATHS = (WorkerCrashedError, ActorDiedError, NodeDiedError, OutOfMemoryError)
_remote: Any = ray.remote  # whose overloads know no computed options
OBJECTS = 100_000_000  # bytes of shared memory: only receipts travel


def on_ray(
    task: Task,
    shards: Iterator[Shard],
    workers: int,
    address: str | None = None,
    actors: bool = False,
    gpus: bool = False,
) -> Receipts:
    """Do shards by Ray; an `images.engines.Engine` once the rest is bound.

    Parameters
    ----------
    task : Task
    shards : iterator of Shard
    workers : int
        So many shards are under way at a time; without a cluster, as many processes are started.
    address : str, optional
        Of a running cluster, ``auto`` or HOST:PORT; without it Ray is started here and ends with
        the run.
    actors : bool
        Whether the processes stay, for work that begins by loading a network. Else each shard is a
        task, which Ray puts where it likes.
    gpus : bool
        Whether the graphics cards are shared out among the actors.

    Raises
    ------
    OSError
        If there is no such cluster, or a shard cannot be committed; the same call continues.
    """
    task = replace(task, limited=True)
    work, rescue = partial(process_shard, task), partial(_rescue, task)
    with ExitStack() as stack:
        stack.enter_context(_connected(address, workers))
        have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        share = {
            "num_cpus": _share(have.get("CPU", 1), workers),
            "num_gpus": _share(have.get("GPU", 0), workers) if gpus else 0,
        }
        everyone: list[_Hand] = [(_Actor if actors else _Tasks)(share) for _ in range(workers)]
        free, busy = everyone.copy(), dict[Any, tuple[_Hand, Shard, bool]]()
        for hand in everyone:
            stack.callback(hand.close)
        while True:
            while free and (shard := next(shards, None)):
                hand = free.pop()
                busy[hand.start(work, shard)] = hand, shard, False
            if not busy:
                return
            (done, *_), _ = ray.wait(list(busy))
            hand, shard, rescued = busy.pop(done)
            try:
                receipt: Receipt = ray.get(done)
            except DEATHS as death:
                if rescued:  # the rescue only watches others die
                    raise OSError(f"expected Ray's workers to live, got: {_line(death)}") from death
                hand.renew()
                busy[hand.start(rescue, shard)] = hand, shard, True
            except RayTaskError as error:
                if isinstance(error.cause, RayError):  # it could not even begin
                    raise OSError(f"expected Ray to work, got: {_line(error.cause)}") from error
                raise error.cause from None
            else:
                free.append(hand)
                yield receipt


class _Hand(Protocol):
    """One of the places for calls."""

    def start(self, function: Callable[[Shard], Receipt], shard: Shard) -> Any:
        """Start a call; Ray's reference to its answer is returned."""

    def renew(self) -> None:
        """See that there is a living process again."""

    def close(self) -> None:
        """End the call under way, here or elsewhere."""


class _Tasks:
    """A place for tasks, each in whatever process Ray has."""

    def __init__(self, share: dict[str, float]) -> None:
        self._call = _remote(max_retries=0, **share)(_call)
        self._last: Any = None

    def start(self, function: Callable[[Shard], Receipt], shard: Shard) -> Any:
        self._last = self._call.remote(function, shard)
        return self._last

    def renew(self) -> None:
        pass

    def close(self) -> None:
        # By force, Ray aborts this process if the answer comes at the same moment.
        if self._last is not None:
            ray.cancel(self._last)


class _Actor:
    """A process that stays."""

    def __init__(self, share: dict[str, float]) -> None:
        self._class = _remote(**share)(_Caller)
        self.renew()

    def start(self, function: Callable[[Shard], Receipt], shard: Shard) -> Any:
        return self._actor.call.remote(function, shard)

    def renew(self) -> None:
        self._actor: Any = self._class.remote()

    def close(self) -> None:
        ray.kill(self._actor)


class _Caller:
    def call(self, function: Callable[[Shard], Receipt], shard: Shard) -> Receipt:
        return _call(function, shard)


def _call(function: Callable[[Shard], Receipt], shard: Shard) -> Receipt:
    _prepare()
    return function(shard)


@cache
def _prepare() -> None:
    cv2.setNumThreads(1)


def _rescue(task: Task, shard: Shard) -> Receipt:
    """Do a shard that killed its process, with a process of our own beneath Ray's.

    Of that one it is known what it died of, and the records are those of the local engine.
    """
    with one_worker(partial(process_shard, task)) as worker:
        return file_by_file(task, worker, shard)


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        _expect_listening(address)
        options["address"] = address
    else:
        options |= {"num_cpus": workers, "include_dashboard": False, "object_store_memory": OBJECTS}
    stop = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OSError(f"expected Ray to answer, got: {_line(error)}") from error
    finally:
        if callable(stop):
            signal.signal(signal.SIGTERM, stop)  # Ray's own handler would leave without a word
    try:
        yield
    finally:
        ray.shutdown()


def _expect_listening(address: str) -> None:
    """Raise `OSError` at once where nobody listens: Ray itself would try for seven minutes."""
    if match := re.fullmatch(r"\[?([^/]+?)\]?:(\d{1,5})", address):
        try:
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
        except OSError as error:
            raise OSError(f"expected a Ray cluster at {address}, got: {error}") from error


def _share(number: float, workers: int) -> float:
    """Return how much of a resource one of the workers may claim, in the steps that Ray knows."""
    return min(1.0, int(10_000 * number / workers) / 10_000)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
