"""The command ``skindeep``: every part's commands under one roof, imported when they are used."""

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
        print(f"skindeep: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)


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
    """Scan the harmless photographs that scikit-image and scikit-learn bring along."""
    from compare.demo import show

    show(out)


if __name__ == "__main__":
    main()
