"""Ctrl-C in the midst of a piece of work."""

import signal
import threading

import numpy as np
import pytest

from convnet import load
from images.signals import STOPS, unbroken


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in STOPS]


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_waits_until_the_piece_is_done(number: int) -> None:
    done: list[str] = []
    outside = signal.signal(number, lambda *_: done.append("handled"))
    try:
        with unbroken():
            signal.raise_signal(number)
            with unbroken():
                done.append("inner")
            done.append("outer")
        assert done == ["inner", "outer", "handled"]
    finally:
        signal.signal(number, outside)


def test_handlers_are_as_before_whatever_happens() -> None:
    before = handlers()
    with pytest.raises(ZeroDivisionError), unbroken():
        raise ZeroDivisionError
    assert handlers() == before
    with pytest.raises(KeyboardInterrupt), unbroken():
        signal.raise_signal(signal.SIGINT)
    assert handlers() == before


def test_other_threads_have_no_handlers_to_keep() -> None:
    done: list[int] = []

    def work() -> None:
        with unbroken():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]


def test_a_network_scores_a_picture_to_the_end() -> None:
    model, ended = load("open_nsfw"), list[tuple[int, ...]]()
    model.net.register_forward_pre_hook(lambda *_: signal.raise_signal(signal.SIGINT))
    model.net.register_forward_hook(lambda _net, _x, logits: ended.append(tuple(logits.shape)))
    with pytest.raises(KeyboardInterrupt):
        model.score([np.zeros((8, 8, 3), np.uint8)] * 2)
    assert ended == [(1, 2)]
