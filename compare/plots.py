"""The plots of the page, as inline SVG: pure functions from a report's data to markup.

A scorer keeps its colour, dashes and mark in every plot (class `series-0` and so on; the style
sheet has them). Marks on curves stand at each scorer's threshold; letters are configurations of the
1996 detector, whatever threshold its score is given; open marks are published figures, measured on
another test set. Rates are in per cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log10
from typing import Any

from markupsafe import Markup

from compare.lines import (
    DET_LIMITS,
    DET_TICKS,
    STYLES,
    Data,
    Points,
    band,
    own_share,
    pr_line,
    present,
    probit,
    published_series,
    reweighted,
    roc_line,
    style,
)
from compare.svg import (
    Axis,
    Panel,
    cross,
    drawing,
    element,
    frame,
    label_places,
    letter_box,
    letter_places,
    line,
    mark,
    path,
)
from compare.wording import text

FIFTHS = [(k / 5, str(20 * k)) for k in range(6)]
RECALL = Axis("recall, %", 0, 1, FIFTHS)
PRECISION = Axis("precision, %", 0, 1, FIFTHS)
FPR = Axis("false positive rate, %", 0, 1, FIFTHS)
LONGEST = 20  # letters of a name beside a line


def series(index: int) -> str:
    """Return the class of a scorer's marks and lines."""
    return f"series-{index % len(STYLES)}"


def swatch(index: int, published: bool = False) -> Markup:
    """Return a scorer's line and mark, for a legend; open and without a line if published."""
    shape = mark(style(index).mark, 18, 8, class_="mark open" if published else "mark")
    parts = [shape] if published else [line([(1, 8), (35, 8)]), shape]
    inside = element("g", *parts, class_="published" if published else series(index))
    return element("svg", inside, class_="swatch",
                   viewBox="0 0 36 16", aria_hidden="true")  # fmt: skip


def elided(name: str, longest: int = LONGEST) -> str:
    """Return a name as it may stand beside a line."""
    written = text(name, "words")
    return written if len(written) <= longest else written[: longest - 1] + "…"


# ---- Curves


def roc(data: Data) -> Markup:
    """Draw recall over the false positive rate."""
    panel = Panel(FPR, RECALL)
    chance = line([panel.at(0, 0), panel.at(1, 1)], class_="chance")
    points = [(p["fpr"], p["recall"]) for p in data["published"]]
    parts = [chance, *_bands(data, panel, "roc_band"), *_lines(data, panel, roc_line)]
    parts += _open_marks(panel, points, data)
    parts += _points(data, panel, ("fpr", "recall"))
    label = "ROC: recall over the false positive rate, every scorer"
    return drawn(panel, label, *parts, *_names(data, panel, roc_line, ("fpr", "recall"), points))


def precision_recall(data: Data) -> Markup:
    """Draw precision over recall, in the steps that average precision adds up.

    Published figures are re-weighted to this set's prevalence, whose line is that of chance.
    """
    panel = Panel(RECALL, PRECISION)
    share = own_share(data)
    chance = line([panel.at(0, share), panel.at(1, share)], class_="chance")
    parts = [chance, *_bands(data, panel, "pr_band"), *_lines(data, panel, pr_line)]
    moved = [
        (
            p["recall"],
            {"value": reweighted(p["recall"]["value"], p["fpr"]["value"], share)},
        )
        for p in data["published"]
    ]
    parts += _open_marks(panel, moved, data)
    parts += _points(data, panel, ("recall", "precision"))
    label = "Precision over recall, every scorer, with the line of chance"
    return drawn(
        panel, label, *parts, *_names(data, panel, pr_line, ("recall", "precision"), moved)
    )


def det(data: Data) -> Markup:
    """Draw misses over false alarms on normal deviates: normal scores make straight lines."""
    ticks = [(rate, _tick(rate)) for rate in DET_TICKS]
    panel = Panel(
        Axis("false positive rate, %", *DET_LIMITS, ticks, probit),
        Axis("missed targets, %", *DET_LIMITS, ticks, probit),
    )

    def rates(scorer: Data) -> Points:
        return [(fpr, 1 - recall) for fpr, recall in roc_line(scorer)]

    points = [(p["fpr"], _missed(p["recall"])) for p in data["published"]]
    chance = line([panel.at(x, 1 - x) for x in DET_LIMITS], class_="chance")
    parts = [chance, *_lines(data, panel, rates)]
    parts += _open_marks(panel, points, data)
    parts += _points(data, panel, ("fpr", "miss"))
    label = "DET: missed targets over the false positive rate, on normal deviates"
    return drawn(panel, label, *parts, *_names(data, panel, rates, ("fpr", "miss"), points))


def _tick(rate: float) -> str:
    return f"{100 * rate:g}"


def drawn(panel: Panel, label: str, *parts: str) -> Markup:
    """Return a plot; where its panel lies is kept for the page's script."""
    width, height = panel.left + panel.width + 16, panel.top + panel.height + 52
    box = {
        "data_left": panel.left,
        "data_top": panel.top,
        "data_width": panel.width,
        "data_height": panel.height,
    }
    return drawing(width, height, label, frame(panel), *parts, **box)


def _missed(recall: Mapping[str, Any]) -> dict[str, float]:
    return {"value": 1 - recall["value"], "low": 1 - recall["high"], "high": 1 - recall["low"]}


def _with_curves(data: Data) -> list[tuple[int, Data]]:
    return [(i, s) for i, s in enumerate(data["scorers"]) if present(s["curve"])]


def _bands(data: Data, panel: Panel, key: str) -> list[Markup]:
    return [
        element("path", class_=f"band {series(i)}",
                d=path([panel.at(*point) for point in band(s[key])], closed=True))
        for i, s in enumerate(data["scorers"])
        if present(s[key])
    ]  # fmt: skip


def _lines(data: Data, panel: Panel, points: Any) -> list[Markup]:
    return [
        element("g", line([panel.at(*p) for p in points(s)], data_line=str(i)), class_=series(i))
        for i, s in _with_curves(data)
    ]


def _measure(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an estimate of a confusion table or configuration; `miss` is what recall leaves."""
    if name == "miss":
        return _missed(found["recall"]) if present(found["recall"]) else found["recall"]
    return dict(found[name])


def _points(data: Data, panel: Panel, names: tuple[str, str]) -> list[Markup]:
    """Return each scorer's mark at its threshold, and the lettered configurations' crosses."""
    parts = []
    for i, scorer in enumerate(data["scorers"]):
        found = _placed(scorer["operating_points"], names)
        inside = [
            cross(panel, x["value"], y["value"], [(x["low"], x["high"])], [(y["low"], y["high"])])
            for _, x, y in found
        ]
        places = [panel.at(x["value"], y["value"]) for _, x, y in found]
        inside += [element("circle", class_="dot", cx=x, cy=y, r=2.5) for x, y in places]
        inside += [
            element("text", letters, class_="letter", x=x, y=y)
            for letters, x, y in _configurations(scorer, panel, names)
        ]
        for _, x, y in _placed([scorer["at_threshold"]], names):
            inside.append(mark(style(i).mark, *panel.at(x["value"], y["value"]), data_mark=str(i)))
        parts.append(element("g", *inside, class_=series(i)))
    return parts


def _configurations(
    scorer: Data, panel: Panel, names: tuple[str, str]
) -> list[tuple[str, float, float]]:
    """Return the letters of a detector's configurations, and where they begin."""
    found = _placed(scorer["operating_points"], names)
    words = [text(point["name"], "words") for point, _, _ in found]
    return letter_places(words, [panel.at(x["value"], y["value"]) for _, x, y in found], panel.box)


def _placed(tables: Iterable[Data], names: tuple[str, str]) -> list[tuple[Data, Data, Data]]:
    """Return the tables that have both measures, with them."""
    found = []
    for at in filter(present, tables):
        x, y = (_measure(at, name) for name in names)
        if present(x) and present(y):
            found.append((at, x, y))
    return found


def _open_marks(panel: Panel, points: Sequence[Any], data: Data) -> list[Markup]:
    """Return published points with their crosses and letters."""
    order = [name for name, _ in published_series(data)]
    parts: list[Markup] = []
    for (x, y), found in zip(points, data["published"], strict=True):
        name, _, _ = found["name"].partition(", ")
        across = [(x["low"], x["high"])] if "low" in x else []
        up = [(y["low"], y["high"])] if "low" in y else []
        title = element("title", f"{text(found['name'], 'words')}, another test set")
        shape = style(order.index(name)).mark
        parts.append(cross(panel, x["value"], y["value"], across, up))
        place = panel.at(x["value"], y["value"])
        parts.append(element("g", title, mark(shape, *place, 4, class_="mark open")))
    parts += [
        element("text", words, class_="letter", x=x, y=y)
        for words, x, y in _published_letters(panel, points, data)
    ]
    return [element("g", *parts, class_="published")]


def _published_letters(
    panel: Panel, points: Sequence[Any], data: Data
) -> list[tuple[str, float, float]]:
    """Return what follows a comma in the names of published points, and where it begins."""
    letters = [text(found["name"].partition(", ")[2], "words") for found in data["published"]]
    return letter_places(letters, [panel.at(x["value"], y["value"]) for x, y in points], panel.box)


def _names(
    data: Data, panel: Panel, points: Any, names: tuple[str, str], published: Sequence[Any]
) -> list[Markup]:
    """Return the scorers' names beside their lines, clear of the other lines and marks."""
    found = _with_curves(data)
    labels = [(elided(s["name"]), [panel.at(*p) for p in points(s)]) for _, s in found]
    marks = [
        (x, y)
        for scorer in data["scorers"]
        for _, x, y in _placed([*scorer["operating_points"], scorer["at_threshold"]], names)
    ]
    taken = [(*panel.at(x["value"], y["value"]), 0.0, 0.0) for x, y in [*marks, *published]]
    taken += [
        letter_box(*letters)
        for scorer in data["scorers"]
        for letters in _configurations(scorer, panel, names)
    ]
    taken += [letter_box(*letters) for letters in _published_letters(panel, published, data)]
    places = label_places(panel, labels, taken)
    return [
        element(
            "g",
            line([(x, y - 4), (x + 10, y - 4)]),  # a mark would look like an operating point
            element("text", words, class_="name", x=x + 14, y=y),
            class_=series(i),
        )
        for (i, _), (words, _), place in zip(found, labels, places, strict=True)
        if place
        for x, y in [place]
    ]


# ---- Prevalence


def prevalence_curve(data: Data) -> Markup:
    """Draw the precision at each scorer's threshold over the share of targets, on a log scale."""
    ticks = [(10.0**-k, text(10.0**-k, "share")) for k in (4, 3, 2, 1)] + [
        (0.5, text(0.5, "share"))
    ]
    panel = Panel(Axis("targets among all pictures", 1e-4, 0.5, ticks, log10), PRECISION)
    parts: list[Markup] = []
    for i, scorer in enumerate(data["scorers"]):
        at = scorer["at_threshold"]
        if not present(at) or not present(at["recall"]) or not present(at["fpr"]):
            continue
        shares = [1e-4 * 5000 ** (k / 60) for k in range(61)]
        rates = at["recall"]["value"], at["fpr"]["value"]
        inside = [line([panel.at(p, reweighted(*rates, p)) for p in shares])]
        for row in data["prevalence"]:
            found = row["precision"].get(scorer["name"])
            if present(found):
                x, y = row["prevalence"], found["value"]
                inside.append(cross(panel, x, y, [], [(found["low"], found["high"])]))
                inside.append(mark(style(i).mark, *panel.at(x, y), 4))
        parts.append(element("g", *inside, class_=series(i)))
    label = "Precision over the share of targets among all pictures, every scorer"
    return drawn(panel, label, *parts)
