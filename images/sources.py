"""What a scan is given to look at: a folder, a list, a manifest, or tar archives.

=================  =================================================================================
a folder           every file in it and below; or, if it holds nothing but files called ``*.tar``,
                   those archives
``*.txt``, ``-``   a list: a path a line, ended by a newline with or without a carriage return;
                   ``-`` is standard input
``*.csv``          a manifest: what is in its column ``path``, labelled sets among them
``*.parquet``      likewise; text, or bytes for paths that are no UTF-8
``*.tar``          an archive; several by braces in the name, ``set-{000..146}.tar`` or
                   ``{train,test}.tar``
=================  =================================================================================

Paths in a list or manifest are relative to its folder (those from standard input to the present
one), or absolute; they may lead out of the folder, for whoever writes a list says what to read. So
a stranger's list is to be read before it is used: its records tell whether a file is there, how
large its picture is, and its sha256. Symbolic links are not followed, whoever names them, save in
the directories on the way. A path that is given twice is worked on twice. Everything is streamed:
no source is ever in memory as a whole.
"""

import csv
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, product
from pathlib import Path

from images.durable import sha256_of
from images.folders import printable
from images.labelled import bare
from images.tars import Entry, members

MOST_ARCHIVES = 1_000_000


@dataclass(frozen=True)
class Source:
    """Where entries come from.

    Attributes
    ----------
    folder : Path
        What paths are relative to.
    kind : str
        ``folder``, ``list``, ``csv``, ``parquet`` or ``tar``.
    names : tuple of str
        Of the list, manifest or archives in the folder; ``-`` for standard input.
    """

    folder: Path
    kind: str = "folder"
    names: tuple[str, ...] = ()

    def terms(self) -> dict[str, object]:
        """Return what tells this source from another, as a run's configuration keeps it.

        Of lists and manifests the bytes count, of archives the sizes and times. Standard input
        cannot be read again: a run that continues has its own index of what it was given.
        """
        if self.kind == "folder":
            return {}
        digest = hashlib.sha256()
        if self.names == ("-",):
            digest.update(b"standard input")
        elif self.kind == "tar":
            for name in self.names:
                status = (self.folder / name).stat()
                digest.update(f"{name!r} {status.st_size} {status.st_mtime_ns}\n".encode())
        else:
            digest.update(sha256_of(self.folder / self.names[0]).encode())
        return {"source": {"kind": self.kind, "sha256": digest.hexdigest()}}

    def entries(self) -> Iterator[Entry] | None:
        """Return what is to be worked on, in its order; None for a folder, which a run walks.

        Raises
        ------
        ValueError
            While it is drawn from, if a manifest is none.
        OSError
            Likewise, if something cannot be read.
        """
        if self.kind == "folder":
            return None
        if self.kind == "tar":
            return chain.from_iterable(members(self.folder, name) for name in self.names)
        (name,) = self.names
        read = {"list": _listed, "csv": _csv_paths, "parquet": _parquet_paths}[self.kind]
        return read(Path(name) if name == "-" else self.folder / name)


def source(text: str, left_out: Iterable[Path] = ()) -> Source:
    """Return what a text names; the rule is at the top of this file.

    Parameters
    ----------
    text : str
    left_out : iterable of Path
        The run's own files, which do not count in a folder of archives.

    Raises
    ------
    ValueError
        If there is nothing of that name, or of a kind that is no source.
    """
    path = Path(text)
    if path.is_dir():
        archives = _only_archives(path, left_out)
        return Source(path, "tar", archives) if archives else Source(path)
    if text == "-":
        return Source(Path(), "list", ("-",))
    kinds = {".txt": "list", ".csv": "csv", ".parquet": "parquet", ".tar": "tar"}
    kind = kinds.get(path.suffix)
    if kind == "tar":
        names = tuple(braced(path.name))
    elif path.is_file():
        names = (path.name,)
    else:
        kind = None
    if kind is None:
        raise ValueError(
            f"expected a folder of pictures, got {printable(text)}, which is none; or a list "
            "(.txt, or - for standard input), a manifest (.csv, .parquet) or archives (.tar)"
        )
    for name in names:
        if not (path.parent / name).is_file():
            raise ValueError(f"expected an archive, got {path.parent / name}, which is none")
    if kind == "parquet" and find_spec("pyarrow") is None:
        raise ValueError("expected the extra for tables: pip install 'skindeep[parquet]'")
    return Source(path.parent, kind, names)


def braced(text: str) -> Iterator[str]:
    """Yield the names that braces stand for, as a shell would write them out.

    Raises
    ------
    ValueError
        If a range is none, or there are too many names.

    Examples
    --------
    >>> list(braced("set-{08..10}-{a,b}.tar"))[:3]
    ['set-08-a.tar', 'set-08-b.tar', 'set-09-a.tar']
    """
    pieces = re.split(r"\{([^{}]*)\}", text)
    choices = [_choices(piece) if k % 2 else [piece] for k, piece in enumerate(pieces)]
    number = 1
    for some in choices:
        number *= len(some)
    if number > MOST_ARCHIVES:
        raise ValueError(f"expected at most {MOST_ARCHIVES:,} archives, got {number:,}")
    yield from map("".join, product(*choices))


def _choices(inside: str) -> list[str] | tuple[str, ...]:
    if not (match := re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", inside, re.ASCII)):
        return inside.split(",")
    first, last = match.groups()
    numbers = range(int(first), int(last) + 1)
    if not numbers or len(numbers) > MOST_ARCHIVES:
        raise ValueError(f"expected a range such as 000..146, got {inside}")
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in numbers]


def _only_archives(folder: Path, left_out: Iterable[Path]) -> tuple[str, ...]:
    own = {path.parent.resolve() / path.name for path in left_out}
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if folder.resolve() / entry.name in own:
                continue
            if not entry.name.endswith(".tar") or not entry.is_file(follow_symlinks=False):
                return ()
            names.append(entry.name)
    return tuple(sorted(names, key=os.fsencode))


# ---- Lists and manifests


def _listed(path: Path) -> Iterator[str]:
    with (
        open(sys.stdin.fileno(), "rb", closefd=False) if path == Path("-") else path.open("rb")
    ) as lines:
        for line in lines:
            if name := os.fsdecode(line.removesuffix(b"\n").removesuffix(b"\r")):
                yield name


def _csv_paths(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        table = csv.reader(text, strict=True)
        line = 1
        try:
            names = [bare(name) for name in next(table, [])]
            if names.count("path") != 1:
                raise ValueError(f"expected one column called path, got {_short(names)} in {path}")
            column = names.index("path")
            for cells in table:
                if cells and len(cells) != len(names):
                    got = f"{len(cells)} in line {line + 1}"
                    raise ValueError(f"expected {len(names)} cells, got {got} of {path}")
                if cells:
                    yield _expected(bare(cells[column]), f"line {line + 1}", path)
                line = table.line_num
        except csv.Error as error:
            raise ValueError(f"expected CSV, got: {error}, in line {line + 1} of {path}") from error


def _parquet_paths(path: Path) -> Iterator[str]:
    import pyarrow
    from pyarrow import parquet

    row = 0
    try:
        with parquet.ParquetFile(path) as table:
            if table.schema_arrow.names.count("path") != 1:
                got = _short(table.schema_arrow.names)
                raise ValueError(f"expected one column called path, got {got} in {path}")
            for batch in table.iter_batches(columns=["path"]):
                for value in batch.column(0).to_pylist():
                    row += 1
                    name = os.fsdecode(value) if isinstance(value, bytes) else value
                    yield _expected(name, f"row {row}", path)
    except pyarrow.ArrowException as error:
        raise ValueError(f"expected a Parquet table, got {path}: {_short([str(error)])}") from error


def _expected(name: object, where: str, path: Path) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"expected a path, got {name!r} in {where} of {path}")
    return name


def _short(names: Iterable[str]) -> str:
    return printable(", ".join(names)[:80]) or "none"
