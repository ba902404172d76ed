"""Loops over pixels and pairs, compiled by numba and kept on disk between runs.

numba looks at a function's own file alone to tell whether what it kept is stale; a function that
calls one of another file would outlive that file's changes. So what is kept lies in a folder named
by a digest of the whole package's sources.
"""

import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` at its first call; later processes load it from the disk.

    Where the package's own folder is not to be written to, numba keeps it in the user's.
    """
    folder = _folder(function.__module__.partition(".")[0])
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
    return cast(Callable[P, R], numba.njit(cache=True)(function))


@cache
def source_digest(package: str) -> str:
    """Return a sha256 of an imported package's sources: another version, another digest."""
    root = Path(sys.modules[package].__path__[0])
    return sha256(b"\0".join(path.read_bytes() for path in sorted(root.rglob("*.py")))).hexdigest()


def _folder(package: str) -> str:
    root = Path(sys.modules[package].__path__[0])
    return str(root / "__pycache__" / f"numba-{source_digest(package)[:16]}")
