"""Three notebooks, written from short scripts in ``templates/lessons`` and from the tasks.

A script's cells begin with a line ``# %%``, those of text with ``# %% [markdown]``; a line
``# %% [task] NAME`` stands for a task with its hints, its beginning and its check. The same
scripts give the same bytes, and the notebooks carry no results: those are the reader's.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compare.lessons.pages import environment
from compare.lessons.tasks import task
from images.durable import commit

NOTEBOOKS = {
    "1996": "the detector of 1996, step by step, with numbers to change",
    "2014": "a small net, trained and looked into",
    "comparing": "both on one set: curves, intervals, and a test whether they differ",
}

FULL = {"pictures": 120, "learned": 550, "checked": 150, "epochs": 20, "side": 112}
SHORT = {"pictures": 8, "learned": 10, "checked": 8, "epochs": 1, "side": 48}
"""What the scripts are filled with: as for readers, and as for tests."""


def write_notebooks(out: Path, short: bool = False) -> None:
    """Write the notebooks into a folder, which is made if it is not there."""
    out.mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        text = json.dumps(notebook(name, short), indent=1, ensure_ascii=False)
        commit(out, out / f"{name}.ipynb", [text.encode() + b"\n"])


def notebook(name: str, short: bool = False) -> dict[str, Any]:
    """Return a notebook in Jupyter's format 4.5.

    Parameters
    ----------
    name : str
        One of `NOTEBOOKS`.
    short : bool
        Whether its numbers of pictures and epochs are tiny.
    """
    script = environment({}).get_template(f"{name}.py.j2").render(**(SHORT if short else FULL))
    return {
        "cells": [
            _cell(f"cell-{number}", kind, text)
            for number, (kind, text) in enumerate(_cells(script))
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cells(script: str) -> Iterator[tuple[str, str]]:
    """Yield each cell's kind, markdown or code, and its text."""
    for part in re.split(r"^# %%", script, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind = head.strip()
        if kind.startswith("[task]"):
            yield from _task_cells(kind.removeprefix("[task]").strip())
        elif kind == "[markdown]":
            yield "markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)
        else:
            yield "code", body.strip()


def _task_cells(name: str) -> Iterator[tuple[str, str]]:
    one = task(name)
    hints = "\n".join(
        f"<details><summary>A hint</summary>\n\n{hint}\n\n</details>" for hint in one.hints
    )
    yield "markdown", "\n\n".join([f"### Task: {one.title}", *one.text, hints])
    answer = one.answer.__name__
    yield (
        "code",
        f"from compare.lessons.tasks import check, task\n\n\n{one.head}\n    ...  # yours\n\n\n"
        f"# The model answer passes; put `{answer}` in its place.\n"
        f'check("{name}", task("{name}").answer)',
    )


def _cell(id_: str, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": id_,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
