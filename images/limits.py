"""What one file may cost the process that works on it: time, processor time and memory."""

import errno
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TIMERS: dict[int, str] = {signal.SIGALRM: "", signal.SIGPROF: " of processor time"}


@dataclass(frozen=True)
class Allowance:
    """Limits on the work on one file, by whose end its process ends or its memory is refused.

    Attributes
    ----------
    seconds : float
        On the clock (ours: a loaded machine that compiles the detector needs one minute).
    processor_seconds : float
        Of all the process's threads together (ours: what does not merely wait has less time).
    memory : int
        Bytes beyond what the process held before (ours: twice what the costliest picture that
        `images.reading` lets pass needs, and a network beside it). Counted are private writable
        pages, used or not: address space that is only reserved, as torch and CUDA do by the
        terabyte, is not. Linux alone knows this limit.
    """

    seconds: float = 300.0
    processor_seconds: float = 200.0
    memory: int = 4_000_000_000

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep to the limits, in the main thread or any other.

        The timers' signals are not handled, so that they end the process: a handler in Python
        would wait for a decoder to return.
        """
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        signal.setitimer(signal.ITIMER_PROF, self.processor_seconds)
        try:
            with _memory(self.memory):
                yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)

    def ended(self, number: int) -> tuple[str, str]:
        """Return the status and detail of a file at which a signal ended the process, 0 if none."""
        if number in TIMERS:
            seconds = self.seconds if number == signal.SIGALRM else self.processor_seconds
            return "timeout", f"expected an answer within {seconds:g} s{TIMERS[number]}"
        by = f" by {signal.Signals(number).name}" if number in signal.valid_signals() else ""
        return "crashed", f"the process that worked on this file died{by}"

    def refused(self, error: Exception) -> str:
        """Return the detail of a file for which memory was refused."""
        return f"expected at most {self.memory:,} bytes of memory for one file, got: {error!r}"


def out_of_memory(error: Exception) -> bool:
    """Tell whether an error, in the words of one library or another, is of lacking memory."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or speaks_of_memory(str(error))


def speaks_of_memory(text: str) -> bool:
    """Tell whether an error's text is of lacking memory.

    >>> speaks_of_memory("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 GB")
    True
    """
    return bool(re.search(r"MemoryError|(out of|insufficient|allocate) memory", text, re.I))


@contextmanager
def _memory(more: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [_held() + more, *(limit for limit in before if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _held() -> int:
    """Return the bytes of this process's private writable pages, as the kernel counts them."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
