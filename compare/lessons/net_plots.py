"""The drawings of the lesson on the net: its training, and the rules' cosines with the gradient."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from compare.svg import Axis, Panel, drawing, element, frame, label_places, line, mark

Data = Mapping[str, Any]

FIFTHS = [(k / 5, f"{k / 5:g}") for k in range(6)]


def losses(history: Sequence[Data]) -> Markup:
    """Draw both losses, epoch by epoch.

    Parameters
    ----------
    history : sequence of mapping
        `convnet.recipe.Epoch` as JSON: ``loss``, ``validation_loss``, ``auc``.
    """
    highest = max(1.0, *(e[key] for e in history for key in ("loss", "validation_loss")))
    panel = Panel(_epochs(len(history)), Axis("loss", 0, highest, FIFTHS), height=220)
    lines = [
        (words, [panel.at(k, e[key]) for k, e in enumerate(history, start=1)])
        for words, key in (("training set", "loss"), ("validation set", "validation_loss"))
    ]
    parts = [element("g", line(points), class_=f"series-{k}") for k, (_, points) in
             enumerate(lines)]  # fmt: skip
    for (words, _), place in zip(lines, label_places(panel, lines, []), strict=True):
        if place:
            parts.append(element("text", words, class_="name", x=place[0], y=place[1]))
    label = "Loss on the training set and on the validation set, epoch by epoch"
    return drawing(400, 284, label, frame(panel), *parts)


def areas(history: Sequence[Data], best: int) -> Markup:
    """Draw the validation AUC, epoch by epoch; the kept epoch, counted from 1, carries a mark."""
    low = min(0.5, *(e["auc"] for e in history))
    ticks = [(k / 10, f"{k / 10:g}") for k in range(11) if k / 10 >= low]
    panel = Panel(_epochs(len(history)), Axis("AUC", low, 1, ticks), height=220)
    points = [panel.at(k, e["auc"]) for k, e in enumerate(history, start=1)]
    x, y = points[best - 1]
    kept = element("g", line(points), mark("circle", x, y), class_="series-2")
    side = "start" if best == 1 else "middle"  # a tick's number stands before the first epoch
    words = element("text", "kept", class_="name", x=x, y=y - 10, text_anchor=side)
    label = "AUC on the validation set, epoch by epoch"
    return drawing(400, 284, label, frame(panel), kept, words)


def _epochs(last: int) -> Axis:
    step = max(1, last // 5)
    return Axis("epoch", 1, max(last, 2), [(k, str(k)) for k in range(step, last + 1, step)])


def cosines(rows: Sequence[Data]) -> Markup:
    """Draw each projection's cosine with the gradient: a row a layer, a dot a channel."""
    fifths = [(k / 5, f"{k / 5:g}") for k in range(-1, 6)]
    step, top = 34, 14
    panel = Panel(Axis("cosine with the gradient", -0.2, 1, fifths), Axis("", 0, 1, []),
                  left=90, top=top, width=620, height=step * len(rows))  # fmt: skip
    parts = [frame(panel)]
    for number, row in enumerate(rows):
        y = top + step * (number + 0.5)
        parts.append(element("text", row["layer"], class_="row", x=80, y=y + 5, text_anchor="end"))
        for series, (rule, shape, shift) in enumerate(
            (("deconvnet", "circle", -6), ("guided", "square", 6))
        ):
            dots = [mark(shape, panel.at(value, 0)[0], y + shift, 4) for value in row[rule]["each"]]
            parts.append(element("g", *dots, class_=f"series-{series}"))
    label = "Cosine of the projections with the gradient, by the layer where they start"
    return drawing(752, top + step * len(rows) + 52, label, *parts)
