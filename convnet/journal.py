"""Scores that outlive an interruption: a line for each batch, on disk before the next is asked for.

The first line says of what run they are; no other is continued with them.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from convnet.occlusion import Scored
from images.durable import json_line


@contextmanager
def journal(
    path: Path, terms: Mapping[str, object]
) -> Iterator[tuple[list[Scored], Callable[[Scored], None]]]:
    """Hold a file of scores: a list of what is in it, and a function that adds to both.

    Parameters
    ----------
    path : Path
        Made if need be; its folder is there.
    terms : mapping
        All that shapes the scores, as JSON gives it back.

    Raises
    ------
    ValueError
        If another process holds the file, or it is of other terms or damaged.
    OSError
        If it cannot be written.
    """
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"expected no other run on {path.parent}, but one is at work; wait until it ends"
            ) from None
        file.seek(0)
        data, head = file.read(), json_line(terms)
        whole = data.rfind(b"\n") + 1  # a line behind it was only begun when the machine stopped
        try:
            if not whole and not head.startswith(data):
                raise ValueError("no line of it")
            lines = [json.loads(line) for line in (data[:whole] or head).splitlines()]
            kept = dict(lines[0])
            known = [Scored(e, np.array(n, np.int64), np.array(s)) for e, n, s in lines[1:]]
        except (ValueError, TypeError) as error:
            raise ValueError(f"expected kept scores in {path}, got: {error}; remove it") from error
        if kept != terms and known:
            name = next(name for name in terms if kept.get(name) != terms[name])
            raise ValueError(
                f"expected {path.parent} to be of the same run, got {name} {kept.get(name)} there "
                f"and {terms[name]} here; remove it or choose another"
            )
        if kept != terms:
            whole = 0  # the other run has no scores yet: nothing is lost with it
        file.truncate(whole)
        if not whole:
            file.write(head)

        def keep(scored: Scored) -> None:
            name, windows, scores = scored
            file.write(json_line([name, windows.tolist(), scores.tolist()]))
            file.flush()
            known.append(scored)  # before the slow part: whoever interrupts that has kept it
            os.fsync(file.fileno())

        yield known, keep
