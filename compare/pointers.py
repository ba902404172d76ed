"""JSON pointers (RFC 6901): where a number stands in a report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def escaped(name: str) -> str:
    """Return a key as a token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def resolve(data: Any, pointer: str) -> Any:
    """Return what a JSON pointer points at.

    Examples
    --------
    >>> resolve({"a": [{"b/c": 7}]}, "/a/0/b~1c")
    7
    """
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        data = data[int(name)] if isinstance(data, Sequence) else data[name]
    return data


def matching(data: Any, pattern: str) -> Iterator[tuple[str, Any]]:
    """Yield the pointers of a pattern, in which * is every key or index, with what they point at.

    Examples
    --------
    >>> list(matching({"a": [{"b": 7}, {"c": 8}]}, "/a/*/b"))
    [('/a/0/b', 7)]
    """
    found: list[tuple[str, Any]] = [("", data)]
    for token in pattern.split("/")[1:]:
        found = [
            (f"{pointer}/{escaped(name)}", child)
            for pointer, value in found
            for name, child in _children(value)
            if token in ("*", name)
        ]
    yield from found


def _children(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list):
        return [(str(index), child) for index, child in enumerate(value)]
    return []
