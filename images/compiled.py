"""Loops over pixels and pairs, compiled by numba and kept on disk between runs."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` at its first call; later processes load it from numba's cache."""
    return cast(Callable[P, R], numba.njit(cache=True)(function))
