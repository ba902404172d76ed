"""The funnel of the 1996 detector: who passes the skin filter, and whom each configuration marks.

Every configuration's answer follows from a scan's records, whichever configuration it was made
with.
"""

from collections.abc import Mapping
from typing import Any

from baseline.grouping import CONFIGURATIONS
from compare.intervals import wilson

PUBLISHED = {  # [IJCV99]: of 565 targets and 4289 controls; skin filter and F (q), others (r)
    "skin filter": (448, 485),
    "A": (38, 27),
    "B": (148, 94),
    "C": (149, 96),
    "D": (218, 170),
    "E": (218, 171),
    "F": (241, 182),
    "G": (310, 278),
    "H": (316, 286),
}
PUBLISHED_TOTALS = 565, 4289


def passes(record: Mapping[str, Any]) -> dict[str, bool]:
    """Tell which stages and configurations a picture passes, by its record."""
    through = record["stopped_at"] != "skin_filter"
    found = {rule for rule, tau in record["taus"].items() if tau is not None and tau <= 1}
    return {
        "skin filter": through,
        "segments": through and bool(record["segments"]),
        **{name: through and bool(rules & found) for name, rules in CONFIGURATIONS.items()},
    }


def share(hits: int, total: int) -> str:
    """Return counts and their rate with its Wilson 95 % interval.

    >>> share(241, 565)
    '241/565 = 42.7 % [38.6, 46.8]'
    """
    if not total:
        return "no cases"
    found = wilson(hits, total)
    value, low, high = (100 * end for end in (found.value, found.low, found.high))
    return f"{hits}/{total} = {value:.1f} % [{low:.1f}, {high:.1f}]"
