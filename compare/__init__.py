"""The judge, who knows every contestant, and the root of the command line.

In Python: ``from compare import roc, precision_recall, delong, mcnemar, paired_bootstrap``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.metrics import precision_recall, roc
    from compare.paired import delong, mcnemar, paired_bootstrap

__all__ = ["delong", "mcnemar", "paired_bootstrap", "precision_recall", "roc"]

_HOMES = {
    "delong": "compare.paired",
    "mcnemar": "compare.paired",
    "paired_bootstrap": "compare.paired",
    "precision_recall": "compare.metrics",
    "roc": "compare.metrics",
}


def __getattr__(name: str) -> Any:
    """Import the statistics when asked for: every worker of a scan imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
