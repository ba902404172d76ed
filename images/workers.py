"""Processes that take one call at a time, outlive a call that kills one, and die with their parent.

Every worker is a pool of one: when a process dies, only its own call is in doubt, and the others
go on. Processes are spawned, not forked, because OpenCV does not survive a fork.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Generic, ParamSpec, TypeVar

A = TypeVar("A")  # what the function is given
R = TypeVar("R")  # what it returns
P = ParamSpec("P")
T = TypeVar("T")
_SPAWN = multiprocessing.get_context("spawn")


def answers(
    function: Callable[[A], R],
    arguments: Iterator[A],
    workers: int,
    rescue: "Callable[[Worker[A, R], A], R]",
) -> Generator[R, None, None]:
    """Yield the function's answers as they come, never more than one call a worker in flight.

    Parameters
    ----------
    function : callable
        Importable by name in a new process.
    arguments : iterator
        Drawn from only when a worker is free.
    workers : int
        Number of processes.
    rescue : callable
        ``rescue(worker, argument)`` answers, in this process, for a call that killed its own. It
        may use the worker, which has a living process again.

    Raises
    ------
    OSError
        If no process can take the place of a dead one.
    """
    # Workers hold one end of this pipe and leave when the other closes, however that comes about.
    lifeline, held = _SPAWN.Pipe(duplex=False)
    everyone = [Worker(function, lifeline) for _ in range(workers)]
    busy: dict[Future[R], tuple[Worker[A, R], A]] = {}

    def start(worker: Worker[A, R]) -> None:
        for argument in arguments:
            busy[worker.submit(function, argument)] = worker, argument
            break

    try:
        for worker in everyone:
            start(worker)
        while busy:
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                worker, argument = busy.pop(future)
                try:
                    answer = future.result()
                except BrokenProcessPool:
                    worker.renew()
                    answer = rescue(worker, argument)
                yield answer
                start(worker)
    finally:
        held.close()
        for worker in everyone:
            worker.close()
        lifeline.close()


class Died(Exception):
    """A worker's process died during a call.

    Attributes
    ----------
    signal : int
        Number of the signal that ended it; 0 if it left by itself.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Worker(Generic[A, R]):
    """One process, replaced when it dies."""

    def __init__(self, function: Callable[[A], R], lifeline: Connection) -> None:
        self._function, self._lifeline = function, lifeline
        self._pool = self._new_pool()
        self._process: BaseProcess | None = None

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call; its future raises `BrokenProcessPool` if the process dies."""
        # A new process inherits the mask: Ctrl-C is for the parent to handle.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            try:
                future = self._pool.submit(function, *args, **kwargs)
            except BrokenProcessPool:  # it died while it had nothing to do
                self.renew()
                future = self._pool.submit(function, *args, **kwargs)
            # The pool forgets a process that died, and with it what it died of.
            self._process = next(iter((self._pool._processes or {}).values()), None)
            return future
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return a call's answer, or raise `Died` with a living process in place."""
        try:
            return self.submit(function, *args, **kwargs).result()
        except BrokenProcessPool:
            ended, self._process = self._process, None
            self.renew()
            code = ended.exitcode if ended else None
            raise Died(max(0, -(code or 0))) from None

    def renew(self) -> None:
        """Replace the process, and see that the new one can receive the function."""
        self.close()
        self._pool = self._new_pool()
        try:
            self.submit(_receive, self._function).result()
        except BrokenProcessPool as error:
            # Else every file would look like one that kills its process.
            raise OSError("expected a worker process to start, but it died at once") from error

    def close(self) -> None:
        """Wait for the process to leave."""
        self._pool.shutdown(cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, _SPAWN, _enter, (self._lifeline,))


@contextmanager
def one_worker(function: Callable[[A], R]) -> Iterator[Worker[A, R]]:
    """Start a process for a function, and see that it leaves."""
    lifeline, held = _SPAWN.Pipe(duplex=False)
    worker = Worker(function, lifeline)
    try:
        yield worker
    finally:
        held.close()
        worker.close()
        lifeline.close()


def _receive(function: Callable[..., object]) -> None:
    """Do nothing: to arrive here is the test."""


def _enter(lifeline: Connection) -> None:
    import cv2

    cv2.setNumThreads(1)
    Thread(target=_leave_with, args=(lifeline,), daemon=True).start()


def _leave_with(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)
