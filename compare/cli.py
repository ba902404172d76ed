"""The command ``skindeep``: every part's commands under one roof, imported when they are used."""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from images.folders import printable


def main() -> None:
    """Run the command line; what is wrong in a way that people can mend is said on one line.

    Their errors are `OSError`, and the `ValueError` whose text begins with "expected": whatever
    else is raised is a fault of the program and keeps its traceback.
    """
    try:
        app()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and not str(error).startswith("expected "):
            raise
        print(f"skindeep: {printable(_said(error))}", file=sys.stderr)
        sys.exit(2)


def _said(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes) and error.strerror:
        return f"expected to read or write {os.fsdecode(error.filename)}, got: {error.strerror}"
    return str(error)


def _later(module: str) -> type[TyperGroup]:
    """Return a group that imports its commands, the module's ``app``, when it is asked for one."""

    class Later(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return self._commands().list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return self._commands().get_command(ctx, cmd_name)

        def _commands(self) -> TyperGroup:
            return typer.main.get_group(import_module(module).app)

    return Later


def _later_command(module: str) -> type[TyperCommand]:
    """Return a command that stands for the module's ``app`` of one command until it is called."""

    class Later(TyperCommand):
        def make_context(self, *args: Any, **kwargs: Any) -> Any:
            return typer.main.get_command(import_module(module).app).make_context(*args, **kwargs)

    return Later


app = typer.Typer(
    help="Find naked people in pictures, the way it was first done.",
    epilog="Example: skindeep demo --out demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(
    typer.Typer(cls=_later("baseline.cli"), no_args_is_help=True),
    name="baseline",
    help="The detector of 1996: scan a folder, explain a picture.",
    epilog="Example: skindeep baseline scan holiday --out results.jsonl",
)
app.add_typer(
    typer.Typer(cls=_later("convnet.cli"), no_args_is_help=True),
    name="convnet",
    help="The networks of 2014 and 2016: score a folder, train, look inside.",
    epilog="Example: skindeep convnet score holiday --out scores.jsonl",
)
app.add_typer(
    typer.Typer(cls=_later("images.cli"), no_args_is_help=True),
    name="labelled",
    help="Labelled sets of your own: make a manifest, check one.",
    epilog="Example: skindeep labelled make set.csv --positive beach --negative city",
)


@app.command(
    cls=_later_command("images.mannequins.cli"),
    epilog="Example: skindeep mannequins drawn --preset eccv96 --size 160x240",
)
def mannequins() -> None:
    """Draw a test set that anybody can have: artist's lay figures, and controls."""


@app.command(
    cls=_later_command("compare.command"),
    epilog="Example: skindeep compare set.csv --scorer baseline --scorer open_nsfw --out compared",
)
def compare() -> None:
    """Judge several scorers on one labelled set, and write one report."""


@app.command(
    "lessons",
    cls=_later_command("compare.lessons.cli"),
    epilog="Example: skindeep lessons --out lessons --results demo",
)
def lessons() -> None:
    """Teach the history of the field by running it: a small site of lessons, for a browser."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"skindeep {version('skindeep')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: skindeep demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the photographs and all results.")],
) -> None:
    """Show the program: harmless packaged photographs and drawn lay figures, start to finish."""
    from compare.demo import show
    from images.scans import stoppable

    with stoppable():
        show(out)


if __name__ == "__main__":
    main()
