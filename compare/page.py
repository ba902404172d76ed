"""The judge's report as one HTML file: nothing is fetched, and it reads without JavaScript too.

Every number is written once, in report.json; the page's text shows it through `wording.text` and
says in `data-at` where it stands (a JSON pointer, as a URI's fragment: RFC 6901, 6) and in
`data-as` how it is written, so that a test can compare all of them; plots write their own ticks.
What is absent is a dash with a letter, and the letter's reason stands below.
"""

import base64
import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from string import ascii_lowercase
from typing import Any
from urllib.parse import quote, unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compare import distributions, plots
from compare.forest import Dot, forest
from compare.glossary import configuration_rules, methods, sources
from compare.lines import DET_LIMITS, attributes, own_share, present, published_series
from compare.pointers import escaped, resolve
from compare.wording import How, text

Data = Mapping[str, Any]

IN_PERCENT = {"recall", "precision", "false positive rate"}
PER_CENT = "0", "50", "100"
MEASURES = (  # of a slice: key, title, ticks
    ("auc", "AUC", ("0", "0.5", "1")),
    ("recall", "recall, %", PER_CENT),
    ("fpr", "false positive rate, %", PER_CENT),
)
STOPS = 121  # of the slider, at equal ratios from one in two to one in ten thousand
ABSENT = re.compile(r'data-absent="([^"]*)"')


def page(data: Data) -> str:
    """Return a report as an HTML document.

    Parameters
    ----------
    data : mapping
        As `report.to_json` returns it.

    Returns
    -------
    str
        Equal for equal data; it can be encoded as UTF-8 whatever names the data holds.
    """
    environment = Environment(
        loader=PackageLoader("compare"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _asset("report.js")
    sheet = _asset("design.css") + _asset("report.css")
    environment.filters["with_reasons"] = partial(with_reasons, data, reasons(data))
    environment.globals.update(
        number=partial(number, data),
        estimate=partial(estimate, data, reasons(data)),
        key=key,
        escaped=escaped,
        difference_formats=difference_formats,
        plots=plots,
        distributions=distributions,
        attributes=attributes(data),
        published_series=published_series(data),
        slices_plot=partial(slices_plot, data),
        funnel_plot=partial(funnel_plot, data),
        recall_rows=recall_rows(data["scorers"]),
        live=live(data),
        start=start(data),
        own_share=own_share(data),
        present=present,
        lacking=any(sum(scorer["unanswered"].values()) for scorer in data["scorers"]),
        markless=markless(data["scorers"]),
        det_limits=[text(limit, "share") for limit in DET_LIMITS],
        rules=configuration_rules(data["scorers"]),
        sources=sources(data["published"]),
        methods=methods(data),
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        data=data,
        sheet=Markup(sheet),
        script=Markup(script),
        policy=policy(sheet, script),
        payload=payload(live(data)),
    )


def _asset(name: str) -> str:
    return (files("compare") / "templates" / name).read_text("utf-8")


def policy(sheet: str, script: str) -> str:
    """Return a content security policy: this style sheet, this script, pictures in the page."""

    def digest(content: str) -> str:
        return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(sheet)}'; "
        f"script-src 'sha256-{digest(script)}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def payload(value: Any) -> Markup:
    """Return JSON that can stand inside a script element."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Markup(written)


# ---- Numbers in the page


def _fragment(pointer: str) -> str:
    return quote(pointer, safe="/~", errors="surrogatepass")


def number(data: Data, pointer: str, how: How = "words") -> Markup:
    """Return a value of the report, with where it stands; null is "none"."""
    value = resolve(data, pointer)
    if value is None:
        return Markup('<span class="muted">none</span>')
    return Markup('<span data-at="{}" data-as="{}">{}</span>').format(
        _fragment(pointer), how, text(value, how)
    )


def estimate(data: Data, marks: Mapping[str, str], pointer: str, how: How = "percent") -> Markup:
    """Return an estimate and, below it, its interval; or a dash with its reason's letter."""
    value = resolve(data, pointer)
    if not present(value):
        return Markup('<span class="absent" data-absent="{}">–<sup>{}</sup></span>').format(
            _fragment(pointer), marks[value["absent"]]
        )
    interval = Markup('<span class="interval">[{}, {}]</span>').format(
        number(data, f"{pointer}/low", how), number(data, f"{pointer}/high", how)
    )
    return Markup("{} {}").format(number(data, f"{pointer}/value", how), interval)


def key(name: str) -> Markup:
    """Return a name, path or digest: text that may hold digits."""
    return Markup("<span data-text>{}</span>").format(text(name, "words"))


def reasons(value: Any) -> dict[str, str]:
    """Return the letters of all reasons why something is absent, in the order of the report."""
    found: dict[str, str] = {}

    def visit(part: Any) -> None:
        if isinstance(part, Mapping):
            if "absent" in part and part["absent"] not in found:
                found[part["absent"]] = _letters(len(found))
            for child in part.values():
                visit(child)
        elif isinstance(part, list):
            for child in part:
                visit(child)

    visit(value)
    return found


def _letters(index: int) -> str:
    """Return a, b, ..., z, aa, ab, ..."""
    head, tail = divmod(index, 26)
    return (_letters(head - 1) if head else "") + ascii_lowercase[tail]


def with_reasons(data: Data, marks: Mapping[str, str], body: str) -> Markup:
    """Return a piece of the page, followed by the reasons of the dashes in it."""
    found: dict[str, str] = {}
    for fragment in ABSENT.findall(body):
        pointer = unquote(fragment, errors="surrogatepass")
        found.setdefault(resolve(data, pointer)["absent"], pointer)
    if not found:
        return Markup(body)
    items = Markup("").join(
        Markup("<li><sup>{}</sup> {}</li>").format(mark, number(data, f"{found[reason]}/absent"))
        for reason, mark in marks.items()
        if reason in found
    )
    return Markup('{}<ul class="reasons">{}</ul>').format(Markup(body), items)


def difference_formats(measure: str) -> tuple[How, How]:
    """Return how a measure and a difference of it are written."""
    return ("percent", "points") if measure in IN_PERCENT else ("rate", "difference")


def markless(scorers: Sequence[Data]) -> list[str]:
    """Return the configurations that mark nothing, and so are nowhere in a plot of precision."""
    return [
        point["name"]
        for scorer in scorers
        for point in scorer["operating_points"]
        if not present(point["precision"])
    ]


def recall_rows(scorers: Sequence[Data]) -> list[str]:
    """Return where the first scorer that has recalls at given false positive rates keeps them."""
    for index, scorer in enumerate(scorers):
        if scorer["recall_at"]:
            return [f"/scorers/{index}/recall_at/{k}" for k in range(len(scorer["recall_at"]))]
    return []


# ---- Plots with rows


def slices_plot(data: Data, indices: Sequence[int]) -> Markup:
    """Return the plot of one attribute's slices, of the measures that any has; nothing for none."""
    names = [scorer["name"] for scorer in data["scorers"]]
    rows = []
    for part in (data["slices"][i] for i in indices):
        scores = [(names.index(s["scorer"]), s) for s in part["scores"]]
        cells = [[Dot(i, s[measure]) for i, s in scores] for measure, _, _ in MEASURES]
        small = " (small)" if part["small"] else ""
        rows.append((plots.elided(part["value"], plots.LONGEST - len(small)) + small, cells))
    full = [
        k
        for k in range(len(MEASURES))
        if any(present(dot.estimate) for _, cells in rows for dot in cells[k])
    ]
    if not full:
        return Markup("")
    return forest(
        [MEASURES[k][1:] for k in full],
        [(words, [cells[k] for k in full]) for words, cells in rows],
        f"{' and '.join(MEASURES[k][1] for k in full)}, slice by slice",
    )


def funnel_plot(data: Data) -> Markup:
    """Return the plot of the funnel: ours filled, published open."""
    ours = next((i for i, s in enumerate(data["scorers"]) if s["kind"] == "baseline"), 0)
    rows = [
        (
            row["stage"],
            [
                [Dot(ours, row[name]), Dot(ours, row[f"published_{name}"], published=True)]
                for name in ("targets", "controls")
            ],
        )
        for row in data["funnel"]
    ]
    panels = [("targets that pass, %", PER_CENT), ("controls that pass, %", PER_CENT)]
    return forest(panels, rows, "Shares that pass each stage, here and as published")


# ---- Sliders


def start(data: Data) -> int | None:
    """Return which of the listed prevalences the slider begins at: that nearest to the set's."""
    distances = [abs(row["prevalence"] - own_share(data)) for row in data["prevalence"]]
    return distances.index(min(distances)) if distances else None


def live(data: Data) -> dict[str, Any]:
    """Return what the sliders need: stops of prevalence, and every curve with its words."""
    grid = {0.5 * 5000 ** (-k / (STOPS - 1)) for k in range(STOPS)}
    stops = sorted(grid | {row["prevalence"] for row in data["prevalence"]}, reverse=True)
    first = start(data)
    begin = own_share(data) if first is None else data["prevalence"][first]["prevalence"]
    return {
        "prevalences": stops,
        "prevalence_words": [text(stop, "share") for stop in stops],
        "prevalence_start": min(range(len(stops)), key=lambda i: abs(stops[i] - begin)),
        "scorers": [
            _live_scorer(index, scorer)
            for index, scorer in enumerate(data["scorers"])
            if present(scorer["curve"])
        ],
    }


def _live_scorer(index: int, scorer: Data) -> dict[str, Any]:
    """Return a scorer's counts and words at every stop; its threshold, if any, is one of them."""
    curve, at = scorer["curve"], scorer["at_threshold"]
    words = ["nothing", *(text(value, "score") for value in curve["thresholds"][1:])]
    tp, fp = list(curve["tp"]), list(curve["fp"])
    begin = None
    if present(at):
        value = scorer["threshold"]["value"]
        begin = bisect_right([-other for other in curve["thresholds"][1:]], -value)
        if (tp[begin], fp[begin]) != (at["tp"], at["fp"]):  # the curve was thinned here
            begin += 1
            words.insert(begin, "")
            tp.insert(begin, at["tp"])
            fp.insert(begin, at["fp"])
        words[begin] = text(value, "score")  # marks the same pictures as the score next above it
    return {
        "index": index,
        "targets": scorer["answered"]["targets"],
        "controls": scorer["answered"]["controls"],
        "tp": tp,
        "fp": fp,
        "words": words,
        "start": begin,
    }
