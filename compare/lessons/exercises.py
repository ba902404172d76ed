"""Lesson 6: exercises in Python against the public functions, with hints and model answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from compare.intervals import Estimate
from compare.lessons.notebooks import NOTEBOOKS, write_notebooks
from compare.lessons.pages import Page, rendered
from compare.lessons.results import Results
from compare.lessons.tasks import TASKS, Task, task

LEAD = (
    "Ten small tasks, from the colour of one pixel to a rule that the paper only dashes. Each has "
    "hints, a check for your answer, and a model answer that the project's own tests run."
)
FEWER = 8  # drawings of each class for the last check, in the short form


def build(results: Results, out: Path) -> Page:
    """Build the page of exercises, and the notebooks below ``notebooks``.

    Parameters
    ----------
    results : Results
    out : Path
        The site's folder.
    """
    write_notebooks(out / "notebooks", results.short)
    tasks = [task(name) for name in TASKS]
    data: dict[str, Any] = {
        "tasks": [
            {
                "name": one.name,
                "title": one.title,
                "found": [
                    {
                        "words": words,
                        "value": asdict(value) if isinstance(value, Estimate) else value,
                    }
                    for words, value in _found(one, results.short).items()
                ],
            }
            for one in tasks
        ],
        "notebooks": list(NOTEBOOKS),
    }
    data = json.loads(json.dumps(data))
    html = rendered("exercises.html.j2", data, tasks=tasks, prose=prose, notebooks=NOTEBOOKS)
    return Page("exercises", "Exercises", LEAD, html, data)


def _found(one: Task, short: bool) -> Mapping[str, Any]:
    if one.name == "heads" and short:
        return one.check(one.answer, FEWER)
    return one.check(one.answer)


def prose(text: str) -> Markup:
    """Return a paragraph whose code, in backticks, is marked up as such.

    >>> print(prose("Write `f(x)` & go."))
    Write <code>f(x)</code> &amp; go.
    """
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if k % 2 else escape(part)
        for k, part in enumerate(parts)
    )
