"""The first contestant: Fleck, Forsyth and Bregler's detector of 1996, from pixels to girdles."""

from baseline.detector import Detection, Params, detect
from baseline.records import record

__all__ = ["Detection", "Params", "detect", "record"]
