"""The funnel of the 1996 detector: who passes the skin filter, and whom each configuration marks.

Every configuration's answer follows from a scan's records, whichever configuration it was made
with.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from scipy.stats import binomtest

from baseline.grouping import CONFIGURATIONS

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
    """Return a rate with its Wilson 95 % interval, in per cent.

    >>> share(241, 565)
    '241/565 = 42.7 % [38.6, 46.8]'
    """
    if total == 0:
        return "no cases"
    interval = binomtest(hits, total).proportion_ci(method="wilson")
    low, high = 100 * interval.low, 100 * interval.high
    return f"{hits}/{total} = {100 * hits / total:.1f} % [{low:.1f}, {high:.1f}]"


def funnel_table(
    targets: Iterable[Mapping[str, Any]], controls: Iterable[Mapping[str, Any]]
) -> Table:
    """Lay the funnel out beside the published one."""
    ours = [[passes(record) for record in records] for records in (targets, controls)]
    table = Table("passes", "targets", "controls", "published targets", "published controls")
    for row in ("skin filter", "segments", *CONFIGURATIONS):
        counts = (share(sum(p[row] for p in passed), len(passed)) for passed in ours)
        published = ("", "")
        if row in PUBLISHED:
            of_targets, of_controls = PUBLISHED_TOTALS
            published = (
                f"{100 * PUBLISHED[row][0] / of_targets:.1f} %",
                f"{100 * PUBLISHED[row][1] / of_controls:.1f} %",
            )
        table.add_row(row, *counts, *published)
    return table
