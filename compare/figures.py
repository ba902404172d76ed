"""The report's plots for a paper: one column wide, as SVG and PDF, the same bytes every time.

Lines, colours, dashes and marks are those of the page.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compare.lines import (
    DET_LIMITS,
    DET_TICKS,
    Data,
    Points,
    attributes,
    det_line,
    own_share,
    pr_line,
    present,
    probit,
    published_series,
    reweighted,
    roc_line,
    style,
)
from compare.svg import letter_places
from compare.wording import text

PAGE = 300  # px: the side of the page's plots, about
COLUMN = 3.35  # inches: a column of a two-column paper
MARKS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D"}
LOOK: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 6,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.hashsalt": "skindeep",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
UNDATED: Mapping[str, Mapping[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def figures(data: Data, out: Path) -> list[Path]:
    """Draw a report's figures into a folder.

    Parameters
    ----------
    data : mapping
        As `report.to_json` returns it.
    out : Path
        Made if it is not there.

    Returns
    -------
    list of Path
        roc, precision-recall, det, calibration, and the slices by each attribute, numbered in the
        order of the report, each as .svg and .pdf; what the report has not is not drawn.
    """
    out.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Callable[[Data], Figure]] = {
        "roc": roc,
        "precision-recall": precision_recall,
        "det": det,
    }
    if any(scorer["calibration"] for scorer in data["scorers"]):
        drawn["calibration"] = calibration
    for number, (attribute, indices) in enumerate(attributes(data), 1):
        drawn[f"slices-{number}-{_plain(attribute)}".rstrip("-")] = partial(slices, indices=indices)
    paths = []
    look: dict[Any, Any] = {**matplotlib.rcParamsDefault, **LOOK}
    with matplotlib.rc_context(look):
        for name, draw in drawn.items():
            figure = draw(data)
            for suffix, undated in UNDATED.items():
                path = out / f"{name}.{suffix}"
                figure.savefig(path, metadata=dict(undated))
                paths.append(path)
    return paths


def roc(data: Data) -> Figure:
    """Draw recall over the false positive rate."""
    figure, axes = _square("false positive rate, %", "recall, %")
    _curves(axes, data, roc_line, ("fpr", "recall"), "roc_band")
    _published(axes, data, [(_ends(p["fpr"]), _ends(p["recall"])) for p in data["published"]])
    axes.plot([0, 1], [0, 1], ":", color="0.5", linewidth=0.8, zorder=1)
    _legend(figure)
    return figure


def precision_recall(data: Data) -> Figure:
    """Draw precision over recall in steps; published figures at this set's prevalence."""
    figure, axes = _square("recall, %", "precision, %")
    _curves(axes, data, pr_line, ("recall", "precision"), "pr_band")
    share = own_share(data)
    points = []
    for found in data["published"]:
        precision = reweighted(found["recall"]["value"], found["fpr"]["value"], share)
        points.append((_ends(found["recall"]), (precision, precision, precision)))
    _published(axes, data, points)
    axes.axhline(share, linestyle=":", color="0.5", linewidth=0.8, zorder=1)
    _legend(figure)
    return figure


def det(data: Data) -> Figure:
    """Draw misses over the false positive rate, both on normal deviates."""
    figure, axes = _square("false positive rate, %", "missed targets, %")
    ends = [probit(limit) for limit in DET_LIMITS]
    axes.set(xlim=ends, ylim=ends)
    _curves(axes, data, det_line, ("fpr", "recall"), None, lambda x, y: (probit(x), probit(1 - y)))
    points = [
        (
            tuple(map(probit, _ends(p["fpr"]))),
            tuple(probit(1 - rate) for rate in _ends(p["recall"])),
        )
        for p in data["published"]
    ]
    _published(axes, data, points)
    places, words = [probit(tick) for tick in DET_TICKS], [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.plot(ends, ends[::-1], ":", color="0.5", linewidth=0.8, zorder=1)
    axes.set(xticks=places, yticks=places, xticklabels=words, yticklabels=words)
    _legend(figure)
    return figure


def calibration(data: Data) -> Figure:
    """Draw the share of targets over the mean score, bin by bin, where scores are probabilities."""
    figure, axes = _square("mean score, %", "targets, %")
    for index, scorer in enumerate(data["scorers"]):
        bins = [b for b in scorer["calibration"] if present(b["rate"])]
        if bins:
            rates = [_ends(found["rate"]) for found in bins]
            means = [found["mean"] for found in bins]
            _with_bars(axes, index, means, rates, _label(scorer["name"]))
    axes.plot([0, 1], [0, 1], ":", color="0.5", linewidth=0.8, zorder=1)
    _legend(figure)
    return figure


def slices(data: Data, indices: Sequence[int]) -> Figure:
    """Draw AUC, recall and false positive rate in an attribute's slices, as dots on intervals."""
    names = [scorer["name"] for scorer in data["scorers"]]
    parts = [data["slices"][i] for i in indices]
    height = 0.6 + len(parts) * (0.1 + 0.09 * max(len(names), 2))
    figure = Figure(figsize=(2 * COLUMN, height), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    measures = (("auc", "AUC, %"), ("recall", "recall, %"), ("fpr", "false positive rate, %"))
    for axes, (measure, title) in zip(panels, measures, strict=True):
        for row, part in enumerate(parts):
            for k, score in enumerate(part["scores"]):
                if present(score[measure]):
                    y = row + 0.7 * ((k + 0.5) / len(part["scores"]) - 0.5)
                    _dot(axes, names.index(score["scorer"]), _ends(score[measure]), y)
        axes.set(xlabel=title, xlim=(0, 1), ylim=(len(parts) - 0.5, -0.5))
        _hundredths(axes, "x")
    words = [text(f"{p['attribute']}: {p['value']}" + " *" * p["small"], "words") for p in parts]
    panels[0].set_yticks(range(len(parts)), words)
    for index, name in enumerate(names):
        _dot(panels[0], index, (2, 2, 2), 0, _label(name))  # beyond the axis: for the legend
    _legend(figure, 4)
    return figure


# ---- Parts


def _plain(name: str) -> str:
    """Return of a name what may stand in a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def _square(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(COLUMN, 1.15 * COLUMN), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=across, ylabel=up, xlim=(0, 1), ylim=(0, 1))
    _hundredths(axes, "x")
    _hundredths(axes, "y")
    return figure, axes


def _legend(figure: Figure, columns: int = 2) -> None:
    figure.legend(loc="outside upper center", ncols=columns)


def _label(name: str) -> str:
    """Return a name for a legend, which would leave out one that begins with an underscore."""
    written = text(name, "words")
    return f" {written}" if written.startswith("_") else written


def _hundredths(axes: Axes, which: str) -> None:
    fifths = [k / 5 for k in range(6)]
    axes.set(**{f"{which}ticks": fifths, f"{which}ticklabels": [str(20 * k) for k in range(6)]})


def _ends(found: Data) -> tuple[float, ...]:
    return found["value"], found["low"], found["high"]


def _same(x: float, y: float) -> tuple[float, float]:
    return x, y


def _curves(
    axes: Axes,
    data: Data,
    line: Callable[[Data], Points],
    names: tuple[str, str],
    band: str | None,
    place: Callable[[float, float], tuple[float, float]] = _same,
) -> None:
    """Draw every scorer's band, line, lettered configurations, and mark at its threshold."""
    for index, scorer in enumerate(data["scorers"]):
        colour, dashes, shape = style(index)
        if band and present(scorer[band]):
            found = scorer[band]
            axes.fill_between(found["x"], found["low"], found["high"], color=colour, alpha=0.13,
                              linewidth=0)  # fmt: skip
        if present(scorer["curve"]):
            axes.plot(*zip(*line(scorer), strict=True), color=colour, dashes=dashes or (None, None))
        lettered = [
            (point["name"], _ends(point[names[0]]), _ends(point[names[1]]))
            for point in scorer["operating_points"]
            if all(present(point[name]) for name in names)
        ]
        for _, (x, *across), (y, *up) in lettered:
            for bar in ([(end, y) for end in across], [(x, end) for end in up]):
                axes.plot(*zip(*(place(*end) for end in bar), strict=True), color=colour,
                          linewidth=0.5)  # fmt: skip
            axes.plot(*place(x, y), ".", color=colour, markersize=3)
        _letters(
            axes,
            [text(letter, "words") for letter, _, _ in lettered],
            [place(across[0], up[0]) for _, across, up in lettered],
        )
        at = scorer["at_threshold"]
        marked = present(at) and all(present(at[name]) for name in names)
        where = [place(*(at[name]["value"] for name in names))] if marked else []
        axes.plot(
            *(zip(*where, strict=True) if where else ([], [])), color=colour, marker=MARKS[shape],
            dashes=dashes or (None, None), markeredgecolor="white", markeredgewidth=0.6, zorder=3,
            label=_label(scorer["name"]),
        )  # fmt: skip


def _letters(axes: Axes, words: Sequence[str], points: Points) -> None:
    """Write configurations' letters clear of each other, as on the page."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    across, down = PAGE / (right - left), PAGE / (top - bottom)  # px on the page
    places = [((x - left) * across, (top - y) * down) for x, y in points]
    for letters, x, y in letter_places(words, places, (0.0, 0.0, PAGE, PAGE)):
        axes.annotate(letters, (left + x / across, top - y / down), fontsize=5)


def _published(axes: Axes, data: Data, points: Sequence[tuple[Any, Any]]) -> None:
    """Draw published figures as open marks with their intervals, and letters as on the page."""
    order = [name for name, _ in published_series(data)]
    told: set[str] = set()
    for (x, y), found in zip(points, data["published"], strict=True):
        name, _, _ = found["name"].partition(", ")
        axes.plot(x[1:], [y[0], y[0]], color="0.2", linewidth=0.6)
        axes.plot([x[0], x[0]], y[1:], color="0.2", linewidth=0.6)
        axes.plot(x[0], y[0], MARKS[style(order.index(name)).mark], color="0.2",
                  markersize=3, markerfacecolor="white", markeredgewidth=0.7,
                  label="_" if name in told else f"{_label(name)} (another test set)")  # fmt: skip
        told.add(name)
    letters = [text(found["name"].partition(", ")[2], "words") for found in data["published"]]
    _letters(axes, letters, [(x[0], y[0]) for x, y in points])


def _with_bars(
    axes: Axes, index: int, x: Sequence[float], rates: Sequence[tuple[float, ...]], label: str
) -> None:
    values, low, high = zip(*rates, strict=True)
    colour, dashes, shape = style(index)
    axes.vlines(x, low, high, color=colour, linewidth=0.6)
    axes.plot(x, values, marker=MARKS[shape], color=colour, dashes=dashes or (None, None),
              linewidth=0.6, label=label)  # fmt: skip


def _dot(axes: Axes, index: int, ends: tuple[float, ...], y: float, label: str = "") -> None:
    value, low, high = ends
    colour, _, shape = style(index)
    axes.plot([low, high], [y, y], color=colour, linewidth=0.6)
    axes.plot(value, y, MARKS[shape], color=colour, markersize=3, label=label or "_nolegend_")
