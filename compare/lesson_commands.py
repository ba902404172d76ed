"""``skindeep lessons cue-experiment``, from which one of the lessons is told; and its bar."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import progress as bars
from rich.console import Console
from rich.table import Table

from images.folders import printable
from images.scans import stoppable
from images.workers import processors

if TYPE_CHECKING:
    from compare.cue import CueResults
    from compare.intervals import Estimate

WIDTH = 120  # characters of the table, also where nobody sees it on a terminal


def cue_experiment(
    out: Annotated[Path, typer.Option(help="A new folder; or one to finish.")],
    seeds: Annotated[
        int, typer.Option(min=1, help="Nets before the repair, and as many after it.")
    ] = 3,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="number of processors", help="Processes.")
    ] = None,
) -> None:
    """Plant a cue in drawings, see what the curves hide, repair the training data, and see again.

    Draws some 2,000 scenes, trains twice as many nets as there are seeds, for about a minute each,
    and asks them what they look at. What was stopped continues with the same command. OUT gets
    every number, cue.json, and some of the maps, pictures.
    """
    # torch takes its time, and telling what the commands are does not need it
    from compare.cue import CuePlan
    from compare.cue import cue_experiment as experiment

    with stoppable(), bar() as say:
        results = experiment(out, CuePlan(seeds=seeds), workers or processors(), say)
    console = Console()
    console.width = max(console.width, WIDTH)
    console.print(table(results))
    print(f"results: {printable(str(out / 'cue.json'))}")


def table(results: "CueResults") -> Table:
    """Return the means over seeds, before and after the repair, with the seeds' own spread."""
    found = Table(
        caption=f"{results.plan.seeds} nets each; 95 % intervals over test pictures", box=None
    )
    for name in ("", "before the repair", "its seeds", "after the repair", "its seeds"):
        found.add_column(name)
    for name, row in results.rows.items():
        found.add_row(
            results.measures[name],
            _text(row.before), _range(row.seeds_before), _text(row.after), _range(row.seeds_after),
        )  # fmt: skip
    found.add_row("share of area on the cue", _text(results.area))
    return found


def _text(found: "Estimate") -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar, on a terminal: a function that is told what is done."""
    console = Console(stderr=True)
    columns = (
        bars.SpinnerColumn(),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("beginning", total=None)

        def say(text: str, done: int, all_: int) -> None:
            bar.update(task, completed=done, total=all_, description=text)

        yield say
