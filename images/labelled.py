"""A labelled set: pictures in a folder, and a manifest beside them that says what each one is.

    path,label,sha256,source,licence,group,split,attributes ...
    beach/0012.jpg,1,9f86d0...,beach,CC0,beach,train,...

The manifest is CSV (RFC 4180, one header line) in the file system's own bytes, so that any file
name reads back exactly: quotes, newlines, even bytes that are no UTF-8. Spreadsheets run cells
that begin with ``= + - @``, a tab or a line break: in front of these, and of apostrophes before
these, goes an apostrophe, which reading takes off again. Every path lies below the manifest's
folder, so that a set moves as a whole and a stranger's manifest cannot point at other files; a
folder on the way may be a symbolic link, which only the folder's owner can have laid.
"""

import csv
import hashlib
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from images.durable import commit, json_line

COLUMNS = ("path", "label", "sha256", "source", "licence", "group", "split")
SPLITS = {"train": 0.70, "validation": 0.15, "test": 0.15}  # of the groups, on average

# What a manifest may cost to read: some 2,800,000 pictures without attributes.
MOST_BYTES = 500_000_000
MOST_CELLS = 20_000_000


@dataclass(frozen=True)
class Item:
    """One picture of a labelled set; whatever is an `Item` can be written and read back.

    Attributes
    ----------
    path : str
        Of the file, relative to the manifest's folder and below it, with slashes, in its shortest
        form. What is no UTF-8 in it is as `os.fsdecode` gives it.
    sha256 : str
        Of the file's bytes, 64 hexadecimal digits in lower case.
    label : int
        1 positive, 0 negative.
    source, licence : str
        Where the picture comes from, and on what terms; empty where unknown.
    group : str
        Pictures that belong together (one person, one video) share it; all are in one split.
    split : str
        ``train``, ``validation`` or ``test``.
    attributes : mapping of str to str
        Whatever else is known.

    Raises
    ------
    ValueError
        If a field is not as it says here.
    """

    path: str
    sha256: str
    label: int
    source: str
    licence: str
    group: str
    split: str
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _expect_path(self.path)
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"expected a sha256 of 64 digits 0 to f, got {_short(self.sha256)}")
        if self.label not in (0, 1):
            raise ValueError(f"expected label 1 or 0, got {self.label}")
        if not self.group:
            raise ValueError("expected a group, got an empty one")
        _expect_split(self.split)


@dataclass(frozen=True)
class LabelledSet:
    """Labelled pictures, and the folder that their paths start from.

    Attributes
    ----------
    items : tuple of Item
        In the manifest's order.
    root : Path
        The manifest's folder.
    """

    items: tuple[Item, ...]
    root: Path

    @classmethod
    def read(cls, manifest: Path) -> "LabelledSet":
        """Read a manifest; no picture is opened.

        Raises
        ------
        ValueError
            If it is no manifest, or has a row that is no item: with the row's line.
        OSError
            If it cannot be read.
        """
        items = []
        for row in rows(manifest):
            if isinstance(row, BadRow):
                raise ValueError(f"{row.reason}, in line {row.line} of {manifest}")
            items.append(row)
        if not items:
            raise ValueError(f"expected pictures below the header of {manifest}, got none")
        return cls(tuple(items), manifest.parent)

    def split(self, name: str) -> "LabelledSet":
        """Return the part in one split, which may be empty; `ValueError` if there is no such."""
        _expect_split(name)
        return LabelledSet(tuple(item for item in self.items if item.split == name), self.root)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(n,) of 1 and 0, in the order of the items."""
        return np.array([item.label for item in self.items], np.int64)

    @cached_property
    def digest(self) -> str:
        """What the set holds, whatever its order, as a sha256.

        Of lines ``["path", "sha256", label]``, JSON in ASCII, sorted by path.
        """
        triples = sorted((item.path, item.sha256, item.label) for item in self.items)
        return hashlib.sha256(b"".join(map(json_line, triples))).hexdigest()


# ---- Groups and splits


class GroupBy(StrEnum):
    """What tells that pictures belong together, as the command line spells it."""

    FOLDER = "folder"
    PREFIX = "prefix"


def group_of(path: str, by: GroupBy) -> str:
    """Return the group that a path tells.

    The folder is that which the file lies in. The prefix is the folder with the file's name up to
    its last number: without the suffix, the last run of the digits 0 to 9 and what follows it,
    and whatever stands before these that is neither letter nor digit. A name of which nothing
    would be left keeps all but its suffix.

    Examples
    --------
    >>> group_of("beach/anna_day2-0031.jpg", GroupBy.FOLDER)
    'beach'
    >>> group_of("beach/anna_day2-0031.jpg", GroupBy.PREFIX)
    'beach/anna_day2'
    >>> [group_of(name, GroupBy.PREFIX) for name in ("IMG 7 (edited).png", "0031.jpg", "sea.jpg")]
    ['IMG', '0031', 'sea']
    """
    folder, name = posixpath.split(path)
    if by is GroupBy.FOLDER:
        return folder or "."
    stem = posixpath.splitext(name)[0]
    return posixpath.join(folder, re.sub(r"[\W_]*[0-9]+[^0-9]*\Z", "", stem) or stem)


def split_of(group: str) -> str:
    """Return a group's split, by its name alone: it stays when others come or go.

    The first 8 bytes of the name's sha256, as a fraction of 2^64, fall into the shares of `SPLITS`.

    >>> [split_of(name) for name in ("anna", "lena", "tom")]
    ['train', 'validation', 'test']
    """
    fraction = int.from_bytes(hashlib.sha256(os.fsencode(group)).digest()[:8], "big") / 2**64
    for name, share in SPLITS.items():
        if fraction < share:
            return name
        fraction -= share
    return name  # the shares, as floats, may end a hair below 1


def torn_groups(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Return the items of each group that is in more than one split."""
    groups = defaultdict[str, list[Item]](list)
    for item in items:
        groups[item.group].append(item)
    return {name: some for name, some in groups.items() if len({i.split for i in some}) > 1}


# ---- The manifest


@dataclass(frozen=True)
class BadRow:
    """A row that is no item: the line it begins in, its first cell, and why, on one line."""

    line: int
    path: str
    reason: str


def rows(manifest: Path) -> Iterator[Item | BadRow]:
    """Yield what each row says; of two rows with one path, the second is a bad one.

    A byte order mark, either end of line and empty lines are read as spreadsheets leave them.

    Raises
    ------
    ValueError
        If the file is no manifest: no regular file, no CSV, other columns, or beyond the limits.
    """
    if not manifest.is_file():
        raise ValueError(f"expected a manifest, got {manifest}, which is no file")
    if (size := manifest.stat().st_size) > MOST_BYTES:
        raise ValueError(f"expected a manifest of at most {MOST_BYTES:,} bytes, got {size:,}")
    table = _table(manifest)
    names = _attribute_names(next(table, (1, []))[1], manifest)
    seen = set[str]()
    for line, cells in table:
        try:
            item = _item(cells, names)
            if item.path in seen:
                raise ValueError(f"expected each path once, got {_short(item.path)} again")
            seen.add(item.path)
            yield item
        except ValueError as error:
            yield BadRow(line, cells[0], str(error))


def write_manifest(path: Path, items: Iterable[Item]) -> None:
    """Write a manifest, whole or not at all, over one that may be there.

    Attributes become columns in the order in which they first come up; an item without one of
    them gets an empty cell.

    Raises
    ------
    ValueError
        If there are no items, two have one path, or an attribute has a column's name or none.
    OSError
        If it cannot be written.
    """
    items = tuple(items)
    if not items or len({item.path for item in items}) < len(items):
        raise ValueError(f"expected items, each with a path of its own, for {path}")
    names = dict.fromkeys(chain.from_iterable(item.attributes for item in items))
    header = [*COLUMNS, *_attribute_names([*COLUMNS, *names], path)]
    commit(path.parent, path, map(_line, chain([header], (_cells(item, names) for item in items))))


def _table(manifest: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the line that it begins in."""
    with manifest.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        table = csv.reader(file, strict=True)
        line, left = 1, MOST_CELLS
        try:
            for cells in table:
                left -= max(1, len(cells))
                if left < 0:
                    raise ValueError(f"expected at most {MOST_CELLS:,} cells, got more: {manifest}")
                if cells:
                    yield line, [bare(cell) for cell in cells]
                line = table.line_num + 1
        except csv.Error as error:
            raise ValueError(f"expected CSV, got: {error}, in line {line} of {manifest}") from error


def _attribute_names(header: list[str], manifest: Path) -> list[str]:
    if tuple(header[: len(COLUMNS)]) != COLUMNS:
        raise ValueError(
            f"expected a manifest with the columns {','.join(COLUMNS)} first, "
            f"got {_short(','.join(header))} in {manifest}"
        )
    if "" in header or len(set(header)) < len(header):
        raise ValueError(f"expected a name of its own for every column of {manifest}")
    return header[len(COLUMNS) :]


def _item(cells: list[str], names: list[str]) -> Item:
    if len(cells) != len(COLUMNS) + len(names):
        raise ValueError(f"expected {len(COLUMNS) + len(names)} cells, got {len(cells)}")
    path, label, sha256, source, licence, group, split, *values = cells
    if label not in ("0", "1"):  # int would read more than these two
        raise ValueError(f"expected label 1 or 0, got {_short(label)}")
    attributes = dict(zip(names, values, strict=True))
    return Item(path, sha256, int(label), source, licence, group, split, attributes)


def _cells(item: Item, names: Iterable[str]) -> list[str]:
    own = (item.path, str(int(item.label)), item.sha256, item.source, item.licence, item.group)
    return [*own, item.split, *(item.attributes.get(name, "") for name in names)]


class _Echo:
    """A file that gives back what is written to it, so that csv's writer makes single lines."""

    def write(self, text: str) -> str:
        return text


def _line(cells: Iterable[str]) -> bytes:
    text: str = csv.writer(_Echo()).writerow([escaped(cell) for cell in cells])
    return text.encode("utf-8", "surrogateescape")


_RUNS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def escaped(cell: str) -> str:
    """Return a cell as it is written, so that no spreadsheet runs it."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def bare(cell: str) -> str:
    """Return what a written cell says."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell, 1) else cell


# ---- What is expected


def _expect_path(path: str) -> None:
    below = posixpath.normpath(path) == path and path.partition("/")[0] not in ("", ".", "..")
    if not below or "\0" in path:
        raise ValueError(
            f"expected a path below the manifest's folder, in its shortest form, got {_short(path)}"
        )


def _expect_split(name: str) -> None:
    if name not in SPLITS:
        raise ValueError(f"expected split {', '.join(SPLITS)}, got {_short(name)}")


def _short(text: str) -> str:
    shown = repr(text[:80])
    return shown if len(text) <= 80 and len(shown) <= 80 else f"{shown[:80]}..."
