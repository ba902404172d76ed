"""Ctrl-C that waits until a piece of work is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def unbroken() -> Iterator[None]:
    """Keep SIGINT and SIGTERM until the block ends, then let them through to their handlers.

    A handler that raises does so wherever the program is, and inside torch an exception may be
    swallowed, so that the program runs on, or abort the process. In other threads than the main
    one, where Python runs no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {stop: signal.signal(stop, lambda now, _: came.append(now)) for stop in STOPS}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
        for number in came:
            signal.raise_signal(number)
