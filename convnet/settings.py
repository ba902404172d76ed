"""How to compute, chosen by timing: on a busy machine two threads can be slower than one."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from images.workers import processors

WORTH = 1.1
"""How many times as fast another setting must be to be worth leaving the plain one."""


@dataclass(frozen=True, order=True)
class Setting:
    """Number of threads, and whether convolutions and products are computed in bfloat16.

    >>> str(Setting.of("2-bf16")), Setting.of("1-fp32")
    ('2-bf16', Setting(threads=1, bf16=False))
    """

    threads: int
    bf16: bool

    @classmethod
    def of(cls, text: str) -> "Setting":
        """Return the setting that the command line spells so; `ValueError` if it is none."""
        match = re.fullmatch(r"([1-9]\d{0,3})-(bf16|fp32)", text)
        if not match:
            raise ValueError(f"expected a setting such as 1-fp32 or 8-bf16, got {text}")
        return cls(int(match[1]), match[2] == "bf16")

    def __str__(self) -> str:
        return f"{self.threads}-{'bf16' if self.bf16 else 'fp32'}"

    def autocast(self, device: torch.device) -> torch.autocast:
        """Return the context in which to compute."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)


def chosen(seconds: Mapping[Setting, float]) -> Setting:
    """Return the fastest setting; of those that differ by less than a tenth, the plainest.

    >>> one, two, half = Setting(1, False), Setting(2, False), Setting(2, True)
    >>> chosen({one: 1.0, two: 0.95, half: 15.0})
    Setting(threads=1, bf16=False)
    >>> chosen({one: 1.0, two: 0.6, half: 0.5})
    Setting(threads=2, bf16=True)
    """
    fastest = min(seconds.values())
    return min(setting for setting, taken in seconds.items() if taken <= fastest * WORTH)


def time_settings(
    step: Callable[[Setting], None], device: torch.device, processes: int = 1
) -> dict[Setting, float]:
    """Return how long a step takes in each setting, seconds; the better of two, after one more.

    Parameters
    ----------
    step : callable
        What is done again and again; here it must change nothing.
    device : torch.device
        A card keeps one thread: it does not wait for the processor.
    processes : int
        How many share this machine's processors.
    """
    every = max(1, processors() // processes) if device.type == "cpu" else 1
    # What a card has no circuits for, torch would emulate; of Apple's we know nothing.
    halves = {"cpu": True, "cuda": torch.cuda.is_available() and _has_bf16()}
    numbers = {every} | {2**k for k in range(every.bit_length())}
    settings = {Setting(threads, False) for threads in numbers}
    if halves.get(device.type):
        settings |= {Setting(threads, True) for threads in numbers}
    found = {}
    for setting in sorted(settings):
        torch.set_num_threads(setting.threads)
        step(setting)
        found[setting] = min(_seconds(step, setting, device) for _ in range(2))
    return found


def _has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _seconds(step: Callable[[Setting], None], setting: Setting, device: torch.device) -> float:
    began = time.perf_counter()
    step(setting)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
