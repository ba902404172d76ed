"""Ten small tasks, each a file: what to write, hints, a model answer, and a check of any answer.

A file's docstring is the task: title, text, and paragraphs that begin with "Hint:". The first
function is the model answer; all that it needs stands above the file's ``check(answer)``, which
takes the reader's in its place: it raises a ValueError that says what was expected, or returns what
the answer makes of the project's data.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

TASKS = (
    "pixel",
    "skin",
    "forearm",
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
    module : module
        The file.
    """

    name: str
    title: str
    text: tuple[str, ...]
    hints: tuple[str, ...]
    answer: Callable[..., Any]
    module: ModuleType

    @property
    def source(self) -> str:
        """The model answer with all that it needs: its file from the docstring to the check."""
        _, _, below = inspect.getsource(self.module).partition('"""\n\n')
        return below.partition("\n\n\ndef check(")[0]

    @property
    def head(self) -> str:
        """The answer's first line, without types."""
        return (
            f"def {self.answer.__name__}({', '.join(inspect.signature(self.answer).parameters)}):"
        )

    def check(self, answer: Callable[..., Any], *more: Any) -> Mapping[str, Any]:
        """Try an answer, and tell what it makes of the project's data.

        Raises
        ------
        ValueError
            If the answer is wrong, or gives nothing, as one does that is not written yet.
        """

        def given(*arguments: Any) -> Any:
            found = answer(*arguments)
            if found is None:
                raise ValueError(
                    f"expected {self.head[4:-1]} to return its answer, got None: "
                    "end it with a return"
                )
            return found

        found: Mapping[str, Any] = self.module.check(given, *more)
        return found


def check(name: str, answer: Callable[..., Any]) -> Mapping[str, Any]:
    """Check an answer to the exercise of that name, as `Task.check` does."""
    return task(name).check(answer)


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
        module,
    )
