"""``skindeep lessons``: build the lessons, or run an experiment that they tell of."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from compare.lesson_commands import cue_experiment
from images.folders import printable
from images.scans import stoppable
from images.workers import processors

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
app.command(epilog="Example: skindeep lessons cue-experiment --out cue")(cue_experiment)


@app.callback(epilog="Example: skindeep lessons --out lessons --results demo")
def lessons(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the site; open its index.html.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            show_default="OUT-results, or OUT-results-short",
            help="Folder of results as skindeep demo leaves it; what is missing there is "
            "computed, which takes some minutes, and kept.",
        ),
    ] = None,
    short: Annotated[
        bool,
        typer.Option("--short", help="Compute tiny sets: the same in a minute or two, for a look."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="number of processors", help="Processes.")
    ] = None,
) -> None:
    """Teach the history of the field by running it: a small site of lessons, for a browser.

    It needs no network. The same results give the same bytes.
    """
    if context.invoked_subcommand:
        if out or results or short or workers:
            raise ValueError(
                f"expected the options of {context.invoked_subcommand} behind it, got some before"
            )
        return
    if out is None:
        raise ValueError("expected --out, the folder for the site, got none")
    from compare.lessons.results import Results
    from compare.lessons.site import build_site

    place = out.resolve()  # "." has no name
    beside = place.parent / f"{place.name}-results{'-short' * short}"
    with stoppable():
        pages = build_site(
            Results(results or beside, short, workers or processors()),
            out,
            lambda title: print(f"written: {title}", file=sys.stderr),
        )
    print(f"{len(pages)} lessons: {printable(str(out / 'index.html'))}")
