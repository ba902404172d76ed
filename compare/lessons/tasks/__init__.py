"""Ten small tasks, each a file: what to write, hints, a model answer, and a check of any answer.

A file's docstring is the task: title, text, and paragraphs that begin with "Hint:". The first
function is the model answer, and ``check(answer)`` takes the reader's in its place: it raises a
ValueError that says what was expected, or returns what the answer makes of the project's data.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

TASKS = (
    "pixel",
    "skin",
    "limb",
    "letters",
    "window",
    "field",
    "unpool",
    "area",
    "paired",
    "heads",
)
"""Names of the modules, in the order of the lessons."""


@dataclass(frozen=True)
class Task:
    """An exercise.

    Attributes
    ----------
    name, title : str
        Of the module in `compare.lessons.tasks`; and the first line of its docstring.
    text, hints : tuple of str
        Paragraphs; code stands in backticks.
    answer : callable
        The model answer.
    check : callable
        Takes an answer; raises a ValueError that says what is wrong, or returns what was found.
    """

    name: str
    title: str
    text: tuple[str, ...]
    hints: tuple[str, ...]
    answer: Callable[..., Any]
    check: Callable[..., Mapping[str, Any]]

    @property
    def source(self) -> str:
        """The model answer's source."""
        return inspect.getsource(self.answer).rstrip()

    @property
    def head(self) -> str:
        """The answer's first line, without types."""
        return (
            f"def {self.answer.__name__}({', '.join(inspect.signature(self.answer).parameters)}):"
        )


def task(name: str) -> Task:
    """Return an exercise by its module's name."""
    module = import_module(f"compare.lessons.tasks.{name}")
    title, *parts = re.split(r"\n\n", inspect.getdoc(module) or "")
    parts = [" ".join(part.split()) for part in parts]
    answer = next(
        value
        for value in vars(module).values()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    )
    return Task(
        name,
        title.removesuffix("."),
        tuple(part for part in parts if not part.startswith("Hint: ")),
        tuple(part.removeprefix("Hint: ") for part in parts if part.startswith("Hint: ")),
        answer,
        module.check,
    )
