"""Shards on a cluster, or on this machine, by Ray: the extra ``skindeep[ray]``.

Ray only calls functions. It is asked for no data, no retries and no checkpoints: what is committed
lies in the run's own folder, which every machine of a cluster has to see under the same path, as
it has to see the pictures. Nor does a process of Ray's work on a file: it watches over one of our
own, so that a file which kills that is met as the local pool meets it.
"""

import os
import pickle
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

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
from images.workers import Died, one_worker

DEATHS = (WorkerCrashedError, ActorDiedError, NodeDiedError, OutOfMemoryError)
OBJECTS = 100_000_000  # bytes of shared memory: only receipts travel


def on_ray(
    task: Task,
    shards: Iterator[Shard],
    workers: int,
    address: str | None = None,
    gpus: bool = False,
) -> Receipts:
    """Do shards by Ray; an `images.engines.Engine` once the rest is bound.

    Parameters
    ----------
    task : Task
    shards : iterator of Shard
    workers : int
        So many of Ray's actors have a shard under way each. One that finds no room on the cluster
        holds none.
    address : str, optional
        Of a running cluster, ``auto`` or HOST:PORT; without it Ray is started here and ends with
        the run.
    gpus : bool
        Whether the graphics cards are shared out among the actors.

    Raises
    ------
    OSError
        If there is no such cluster, a shard cannot be committed, or two actors die over one shard;
        the same call continues.
    """
    packed = pickle.dumps(replace(task, limited=True))
    with ExitStack() as stack:
        stack.enter_context(_connected(address, workers))
        have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        kind: Any = ray.remote(
            num_cpus=_share(have.get("CPU", 1), workers),
            num_gpus=_share(have.get("GPU", 0), workers) if gpus else 0,
        )(_Watch)
        busy: dict[Any, tuple[Any, Shard | None]] = {}  # actors: at a shard, or None as they start
        free, lost, deaths = list[Any](), list[Shard](), Counter[int | None]()

        def engage() -> None:
            watch = kind.remote(packed)
            stack.callback(ray.kill, watch)
            busy[watch.do.remote(None)] = watch, None

        for _ in range(workers):
            engage()
        while True:
            while free and (shard := lost.pop() if lost else next(shards, None)):
                watch = free.pop()
                busy[watch.do.remote(shard)] = watch, shard
            if free and not any(shard for _, shard in busy.values()):
                return
            (done, *_), _ = ray.wait(list(busy))
            watch, shard = busy.pop(done)
            try:
                receipt: Receipt | None = ray.get(done)
            except DEATHS as death:
                over = shard.number if shard else None
                deaths[over] += 1
                if deaths[over] > (1 if shard else workers):
                    raise OSError(f"expected Ray's workers to live, got: {_line(death)}") from death
                # Whoever is free does the shard: where a machine was lost there may be no room.
                lost += [shard] if shard else []
                engage()
            except RayTaskError as error:
                if isinstance(error.cause, RayError):  # it could not even begin
                    raise OSError(f"expected Ray to work, got: {_line(error.cause)}") from error
                raise error.cause from None
            else:
                free.append(watch)
                if receipt:
                    yield receipt


class _Watch:
    """Ray's process, which has one of our own do the shards and knows what that died of.

    It stays small: the task, at whose unpacking the detector or a network's library is imported,
    is unpacked in the other.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed, self._stack = packed, ExitStack()
        self._work = partial(_process, packed)
        self._worker = self._stack.enter_context(one_worker(self._work))

    def do(self, shard: Shard | None) -> Receipt | None:
        """Return the shard's receipt, None for none."""
        if not shard:
            return None
        try:
            return self._worker.call(self._work, shard)
        except Died:
            return file_by_file(pickle.loads(self._packed), self._worker, shard)


def _process(packed: bytes, shard: Shard) -> Receipt:
    return process_shard(pickle.loads(packed), shard)


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Where memory is short, Ray would end its own process; the system ends the one that swells.
    os.environ.setdefault("RAY_memory_monitor_refresh_ms", "0")
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
