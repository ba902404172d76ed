"""The command, called in the process of a test by the fixture `skindeep`."""

from collections.abc import Callable

Call = Callable[..., tuple[int, str, str]]
"""From the words behind `skindeep` to exit status, standard output and standard error."""
