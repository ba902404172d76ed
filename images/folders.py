"""What a folder holds, whatever its files are called."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def walk(folder: Path, left_out: Iterable[Path] = ()) -> Iterator[str]:
    """Yield the path, relative to the folder, of everything in it that is not a real directory.

    Symbolic links are items and are never followed; a directory that cannot be listed is an item
    too, so that nothing is lost in silence. The order is that of the paths' bytes. In memory are
    the names of one directory and of those above it.

    Raises
    ------
    OSError
        If the folder itself cannot be listed.
    """
    root = os.fsencode(folder) + b"/"
    omitted = {os.fsencode(path) for path in left_out}
    levels = [(b"", _names(root))]
    while levels:
        prefix, names = levels[-1]
        if not names:
            levels.pop()
            continue
        path = prefix + names.pop()
        if root + path.rstrip(b"/") in omitted:
            continue
        if path.endswith(b"/"):
            try:
                levels.append((path, _names(root + path)))
                continue
            except OSError:
                path = path[:-1]  # whoever processes the item finds out what is wrong with it
        yield os.fsdecode(path)


def _names(directory: bytes) -> list[bytes]:
    """Return the names in a directory, last first, those of real directories with a slash."""
    with os.scandir(directory) as entries:
        names = (e.name + b"/" * e.is_dir(follow_symlinks=False) for e in entries)
        return sorted(names, reverse=True)


def make_folder(out: Path) -> None:
    """Make a folder for results, if it is not there; `ValueError` where none can be."""
    if not out.resolve().parent.is_dir() or not (out.is_dir() or not out.exists()):
        raise ValueError(f"expected a folder, or the name of a new one, got {out}")
    out.mkdir(exist_ok=True)


def printable(text: str) -> str:
    r"""Return text as one line that is safe on a terminal: what is not printable is escaped.

    Examples
    --------
    >>> printable("Zoë\n\x1b[31m\udcff.jpg") == r"Zoë\n\x1b[31m\udcff.jpg"
    True
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
