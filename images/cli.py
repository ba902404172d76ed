"""``skindeep labelled``: make a labelled set of one's own folders, and check one."""

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table
from rich.text import Text

from images.duplicates import look_alikes, perceptual_hash, same_bytes
from images.folders import printable, walk
from images.labelled import (
    SPLITS,
    BadRow,
    GroupBy,
    Item,
    LabelledSet,
    group_of,
    rows,
    split_of,
    torn_groups,
    write_manifest,
)
from images.reading import read
from images.workers import Worker, answers

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")

SHOWN = 20
LOPSIDED = 0.1

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        show_default="number of processors",
        help="Processes; with 1, a file that crashes takes the command with it.",
    ),
]


@app.command(epilog="Example: skindeep labelled make set.csv --positive beach --negative city")
def make(
    out: Annotated[Path, typer.Argument(help="The manifest, a new CSV file.")],
    positive: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of pictures with label 1; give it again for another."),
    ] = None,
    negative: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of pictures with label 0; give it again for another."),
    ] = None,
    group_by: Annotated[
        GroupBy | None,
        typer.Option(
            show_default="every picture by itself",
            help="What belongs together: all of one folder, or all of one folder whose names are "
            "alike up to their last number, as in anna_01.jpg and anna_02.jpg.",
        ),
    ] = None,
    workers: Workers = None,
) -> None:
    """Write the manifest of a labelled set: every picture in some folders, and its label.

    The folders lie below the manifest's own; a symbolic link there to one elsewhere will do.
    Links inside them are not followed.

    About 70 % of the groups go to the split train, 15 % to validation and 15 % to test. A group's
    name alone decides, so that no group is torn, and none moves when others come or go.

    Only what can be read as a picture enters; the rest is listed. Of files with the same bytes
    the first by name enters; under both labels they are an error. The licence stays empty, since
    no folder tells it: fill it in where you know it. A cell that a spreadsheet would run (one
    that begins with = + - @) has an apostrophe in front, which reading takes off again.
    """
    sources = _sources(out, positive or [], negative or [])
    root = out.parent.resolve()
    found = {
        os.path.normpath(f"{source}/{path}"): source
        for source in sources
        for path in walk(root / source)
    }
    looks = look_at_all(root, found, workers or _processors(), fingerprints=False)
    refused = [look for look in looks if look.status != "ok"]
    statuses = _counts(Counter(look.status for look in refused))
    if len(refused) == len(looks):
        raise ValueError(
            f"expected pictures in {', '.join(sources)}, got none in files: {statuses}"
        )
    pictures = [
        _item(look, found[look.path], sources[found[look.path]], group_by)
        for look in looks
        if look.status == "ok"
    ]
    items = without_copies(pictures)
    write_manifest(out, items)

    print(f"files: {len(looks)}")
    print(f"pictures: {len(items)}")
    print(f"copies, left out: {len(pictures) - len(items)}")
    print(f"no pictures, left out: {statuses}")
    for status in sorted({look.status for look in refused}):
        _print_rows([f"{look.path}: {look.detail}" for look in refused if look.status == status])
    _print_splits(items)
    print("licence: unknown; fill it in where you know it")
    print(f"manifest: {printable(str(out))}")


@app.command(epilog="Example: skindeep labelled check set.csv")
def check(
    manifest: Annotated[Path, typer.Argument(help="As skindeep labelled make writes it.")],
    workers: Workers = None,
) -> None:
    """Hold a labelled set against its files, and say what is wrong with it.

    Faults, with exit status 1:

    - rows that are no item: the number of cells, a label other than 1 and 0, a path that is
      doubled or not below the manifest's folder, no group, no such split, no sha256;
    - files that are missing, have other bytes than the manifest says, or cannot be read as a
      picture (links are not followed);
    - the same bytes more than once;
    - pictures that look alike across splits;
    - groups in more than one split.

    Notes, with exit status 0:

    - pictures that look alike inside one split;
    - splits of which one label has less than a tenth.

    Two pictures look alike if their 64-bit perceptual hashes differ in at most 6 bits: it may be
    one picture in another encoding, size or brightness. A mirror image is not found, nor is a
    picture without any structure.

    What is not a manifest at all has exit status 2.
    """
    told = list(rows(manifest))
    if not told:
        raise ValueError(f"expected pictures below the header of {manifest}, got none")
    items = tuple(row for row in told if isinstance(row, Item))
    bad = [row for row in told if isinstance(row, BadRow)]
    looks = look_at_all(manifest.parent, [item.path for item in items], workers or _processors())
    print(f"pictures: {len(items)}")
    print(f"digest: {LabelledSet(items, manifest.parent).digest}")
    _print_splits(items)
    faults = notes = 0
    for finding in findings(items, bad, {look.path: look for look in looks}):
        faults, notes = faults + finding.fault, notes + (not finding.fault)
        _print_finding(finding)
    print(f"kinds of faults: {faults}, of notes: {notes}")
    if faults:
        raise typer.Exit(1)


# ---- From folders to items


def _sources(out: Path, positive: Iterable[Path], negative: Iterable[Path]) -> dict[str, int]:
    """Return the label of each folder, by its path relative to the manifest; no two overlap."""
    if os.path.lexists(out):
        raise ValueError(
            f"expected a new file for the manifest, got {out}, which is there already; "
            "remove it or choose another name"
        )
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(
            f"expected a folder to write {out.name} in, got {out.parent}, "
            "which is none or may not be written to"
        )
    root, sources = out.parent.resolve(), dict[str, int]()
    folders = [*((folder, 1) for folder in positive), *((folder, 0) for folder in negative)]
    if not folders:
        raise ValueError("expected a folder of pictures, got neither --positive nor --negative")
    for folder, label in folders:
        if not folder.is_dir():
            raise ValueError(f"expected a folder of pictures, got {folder}, which is none")
        # A link keeps its own place: that is how a folder from elsewhere comes in.
        link = folder.is_symlink()
        place = folder.parent.resolve() / folder.name if link else folder.resolve()
        if not place.is_relative_to(root):
            raise ValueError(
                f"expected a folder below that of {out}, got {folder}; "
                "write the manifest further up, or lay a symbolic link to the folder beside it"
            )
        for other in sources:
            one, two = place.resolve(), (root / other).resolve()
            if one.is_relative_to(two) or two.is_relative_to(one):
                raise ValueError(f"expected folders apart, got {folder}, which overlaps {other}")
        sources[place.relative_to(root).as_posix()] = label
    return sources


def _item(look: "Look", source: str, label: int, by: GroupBy | None) -> Item:
    sha256 = str(look.sha256)
    # Named by its bytes, a picture keeps its split when it is renamed, and in other sets.
    group = group_of(look.path, by) if by else sha256
    return Item(look.path, sha256, label, source, "", group, split_of(group))


def without_copies(items: Sequence[Item]) -> list[Item]:
    """Keep the first of items with the same bytes; `ValueError` if they have both labels."""
    families = same_bytes(items)
    for family in families:
        other = next((item for item in family if item.label != family[0].label), None)
        if other:
            raise ValueError(
                "expected a picture to have one label, got the same bytes labelled "
                f"{family[0].label} in {family[0].path} and {other.label} in {other.path}; "
                "remove one of the files"
            )
    copies = {item.path for family in families for item in family[1:]}
    return [item for item in items if item.path not in copies]


# ---- From files to looks


@dataclass(frozen=True)
class Look:
    """What a file turned out to be: as its `Reading` says, or ``missing``; and its hash."""

    path: str
    status: str
    detail: str
    sha256: str | None = None
    fingerprint: int | None = None


def look_at_all(
    root: Path, paths: Collection[str], workers: int, fingerprints: bool = True
) -> list[Look]:
    """Read every file, with a bar on standard error where that is a terminal.

    Returns
    -------
    list of Look
        In the order of the paths' bytes.
    """
    work = partial(look_at, root, fingerprints)
    looks = (
        (work(path) for path in paths)
        if workers == 1
        else answers(work, iter(paths), workers, _died)
    )
    console = Console(stderr=True)
    with closing(looks):
        bar = track(looks, "reading", len(paths), console=console, disable=not console.is_terminal)
        return sorted(bar, key=lambda look: os.fsencode(look.path))


def look_at(root: Path, fingerprint: bool, path: str) -> Look:
    """Read one file."""
    file = root / path
    if os.path.islink(file):  # noqa: PTH114  (Path.is_symlink raises where a path is too long)
        return Look(path, "unsupported", "symbolic link, not followed")
    if not os.path.exists(file):  # noqa: PTH110  (as above)
        return Look(path, "missing", "no such file")
    reading = read(file)
    seen = perceptual_hash(reading.image) if fingerprint and reading.image is not None else None
    return Look(path, reading.status, reading.detail, reading.sha256, seen)


def _died(_: Worker[str, Look], path: str) -> Look:
    return Look(path, "crashed", "the process that read this file died")


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


# ---- From looks to findings


@dataclass(frozen=True)
class Finding:
    """One kind of thing that is wrong (a fault) or odd (a note), with a line for each case."""

    fault: bool
    what: str
    cases: Sequence[str]


def findings(
    items: Sequence[Item], bad: Sequence[BadRow], looks: dict[str, Look]
) -> Iterator[Finding]:
    """Yield what there is to say about a set, faults first, each kind only if it has cases."""
    seen = [looks[item.path] for item in items]
    changed = [
        item.path
        for item, look in zip(items, seen, strict=True)
        if look.sha256 not in (None, item.sha256)
    ]
    alike = look_alikes(items, [look.fingerprint for look in seen])
    across = [family for family in alike if len({item.split for item in family}) > 1]
    inside = [family for family in alike if len({item.split for item in family}) == 1]
    torn = torn_groups(items)
    kinds = (
        Finding(
            True, "rows that are no item", [f"line {b.line}: {b.reason}: {b.path}" for b in bad]
        ),
        Finding(True, "files that are missing", [s.path for s in seen if s.status == "missing"]),
        Finding(True, "files with other bytes than the manifest says", changed),
        Finding(
            True,
            "files that cannot be read as a picture",
            [
                f"{s.path}: {s.status}; {s.detail}"
                for s in seen
                if s.status not in ("ok", "missing")
            ],
        ),
        Finding(True, "the same bytes more than once", [*map(_family, same_bytes(items))]),
        Finding(True, "pictures that look alike across splits", [*map(_family, across)]),
        Finding(True, "groups in more than one split", [f"{g}: {_family(torn[g])}" for g in torn]),
        Finding(False, "pictures that look alike inside one split", [*map(_family, inside)]),
        Finding(False, "splits of which one label has less than a tenth", [*_lopsided(items)]),
    )
    yield from (finding for finding in kinds if finding.cases)


def _lopsided(items: Sequence[Item]) -> Iterator[str]:
    for split in SPLITS:
        labels = [item.label for item in items if item.split == split]
        if min(sum(labels), len(labels) - sum(labels)) < LOPSIDED * len(labels):
            yield f"{split}: {sum(labels)} positive, {len(labels) - sum(labels)} negative"


def _family(items: Sequence[Item]) -> str:
    """Name the items that tell most about a family: one of each split and label, or just two."""
    kinds = {(item.split, item.label): item for item in reversed(items)}
    some = sorted(kinds.values(), key=items.index) if len(kinds) > 1 else items[:2]
    more = f" and {len(items) - len(some)} more" if len(items) > len(some) else ""
    return ", ".join(f"{item.path} ({item.split} {item.label})" for item in some) + more


# ---- What people see


def _print_finding(finding: Finding) -> None:
    head = f"{'fault' if finding.fault else 'note'}: {finding.what}: {len(finding.cases)}"
    Console().print(Text(head, "bold red" if finding.fault else "bold"), soft_wrap=True)
    _print_rows(finding.cases)


def _print_rows(lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        print(f"  {printable(line)}")
    if len(lines) > SHOWN:
        print(f"  and {len(lines) - SHOWN} more")


def _print_splits(items: Sequence[Item]) -> None:
    numbers = (Column(name, justify="right") for name in ("positive", "negative", "groups"))
    table = Table("split", *numbers)
    for split in SPLITS:
        part = [item for item in items if item.split == split]
        positive = sum(item.label for item in part)
        groups = len({item.group for item in part})
        table.add_row(split, *map(str, (positive, len(part) - positive, groups)))
    Console().print(table)


def _counts(counter: Counter[str]) -> str:
    parts = ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))
    return f"{counter.total()} ({parts})" if parts else "0"
