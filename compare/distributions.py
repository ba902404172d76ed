"""One scorer's scores: how honest they are as probabilities, and how they part the classes."""

from markupsafe import Markup

from compare.lines import Data, answered_share, present, style
from compare.plots import FIFTHS, drawn, series
from compare.svg import Axis, Panel, cross, element, line, mark, path
from compare.wording import text

SIDE = 226  # px: panels that stand three in a row


def calibration(scorer: Data, index: int) -> Markup:
    """Draw the share of targets over the mean score, bin by bin, with the line of honesty."""
    axes = Axis("mean score, %", 0, 1, FIFTHS), Axis("targets, %", 0, 1, FIFTHS)
    panel = Panel(*axes, width=SIDE, height=SIDE)
    inside = []
    for found in scorer["calibration"]:
        if present(found["rate"]):
            x, y = found["mean"], found["rate"]["value"]
            inside.append(cross(panel, x, y, [], [(found["rate"]["low"], found["rate"]["high"])]))
            inside.append(mark(style(index).mark, *panel.at(x, y)))
    honest = line([panel.at(0, 0), panel.at(1, 1)], class_="chance")
    label = f"Calibration of {text(scorer['name'], 'words')}: targets over the mean score"
    return drawn(panel, label, honest, element("g", *inside, class_=series(index)))


def histogram(scorer: Data, index: int) -> Markup:
    """Draw the scores of targets upwards and of controls downwards, as shares of their class."""
    found = scorer["histogram"]
    edges = found["edges"]
    up, down = answered_share(found["targets"]), answered_share(found["controls"])
    most = max(*up, *down) or 1.0
    ends = [edges[0], (edges[0] + edges[-1]) / 2, edges[-1]]
    top = text(most, "share").removesuffix("\u202f%")
    panel = Panel(
        Axis("score", edges[0], edges[-1], [(v, text(v, "score")) for v in ends]),
        Axis("controls, %   |   targets, %", -most, most, [(-most, top), (0, "0"), (most, top)]),
        width=SIDE, height=170,
    )  # fmt: skip
    parts = []
    for low, high, above, below in zip(edges, edges[1:], up, down, strict=False):
        for share, kind in ((above, "targets"), (-below, "controls")):
            corners = [panel.at(x, y) for x, y in
                       ((low, 0), (low, share), (high, share), (high, 0))]  # fmt: skip
            if share:
                parts.append(element("path", class_=f"bar {kind}", d=path(corners, closed=True)))
    if scorer["threshold"] is not None:
        value = scorer["threshold"]["value"]
        ends_at = [panel.at(value, -most), panel.at(value, most)]
        parts.append(line(ends_at, class_="threshold"))
    label = f"Scores of {text(scorer['name'], 'words')}: targets upwards, controls downwards"
    return drawn(panel, label, element("g", *parts, class_=series(index)))
