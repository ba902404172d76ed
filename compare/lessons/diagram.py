"""The rules of the paper's first figure, drawn anew: what makes which group, and what fires."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from baseline.captions import RULE_NAMES
from compare.svg import drawing, element, path

WIDE, HIGH = 176.0, 84.0  # px, of a box

# Where each box stands: left and top; what it is made of; and its little figure: capsules, as
# (x, y) to (x, y) and width, from the box's middle.
PLACES: Mapping[str, tuple[float, float]] = {
    "segment": (0, 150),
    "limb": (232, 60),
    "limb_limb_girdle": (460, 0),
    "limb_segment_girdle": (460, 110),
    "spine_thigh": (460, 220),
    "head": (0, 330),
    "shoulder_girdle": (460, 330),
}
ARROWS = (
    ("segment", "limb"),
    ("limb", "limb_limb_girdle"),
    ("limb", "limb_segment_girdle"),
    ("segment", "limb_segment_girdle"),
    ("segment", "spine_thigh"),
)
DASHED = (("segment", "head"), ("segment", "shoulder_girdle"))
Capsule = tuple[float, float, float, float, float]
PELVIS: Capsule = (-14, -8, 14, -8, 4)
FIGURES: Mapping[str, Sequence[Capsule]] = {
    "segment": [(-30, 0, 30, 0, 17)],
    "limb": [(-34, 10, -4, -6, 13), (4, -6, 34, 10, 11)],
    "limb_limb_girdle": [
        PELVIS, (-20, -8, -34, 6, 10), (-34, 10, -22, 22, 8), (20, -8, 34, 6, 10),
        (34, 10, 22, 22, 8),
    ],
    "limb_segment_girdle": [
        PELVIS, (-20, -8, -34, 6, 10), (-34, 10, -22, 22, 8), (20, -8, 38, 14, 10),
    ],
    "spine_thigh": [(0, -16, 0, -13, 16), PELVIS, (-12, 0, -20, 22, 10), (12, 0, 20, 22, 10)],
    "head": [(0, -2, 0, 4, 22)],
    "shoulder_girdle": [(-14, -4, 14, -4, 4), (-20, -4, -34, 16, 9), (20, -4, 34, 16, 9)],
}  # fmt: skip
NAMES: Mapping[str, str] = {
    "segment": "segment",
    "head": "head",
    "shoulder_girdle": "shoulder girdle",
    **{str(rule): name for rule, name in RULE_NAMES.items()},
}


def firing(answer: Mapping[str, Any]) -> list[str]:
    """Return which boxes an answer of the detector lights, see `walk.answered`."""
    rules = [str(rule) for rule, name in RULE_NAMES.items() if answer["rules"][name]]
    return ["segment"] * (answer["segments"] > 0) + rules


def rules_diagram(lit: Collection[str]) -> Markup:
    """Draw the rules; some boxes, and the arrows between these, are lit.

    What a part needs to be lit is told with it, so that the page can light it anew.
    """
    arrows = [_arrow(a, b, "link on" if a in lit and b in lit else "link") for a, b in ARROWS]
    arrows += [_arrow(a, b, "link never") for a, b in DASHED]
    boxes = [_box(name, name in lit) for name in PLACES]
    label = (
        "The rules: two segments make a limb; two limbs and a pelvis a limb-limb girdle; a limb, "
        "a segment and a pelvis a limb-segment girdle; two thighs, a pelvis and a trunk a "
        "spine-thigh group; heads and shoulder girdles were only proposed."
    )
    return drawing(640, 420, label, *arrows, *boxes)


def _box(name: str, lit: bool) -> Markup:
    left, top = PLACES[name]
    never = name in ("head", "shoulder_girdle")
    middle = left + WIDE / 2, top + HIGH / 2 - 8
    shape = element("rect", x=left + 1, y=top + 1, width=WIDE, height=HIGH, rx=8)
    limbs = [
        element("path", class_="bone" + " pelvis" * (width == 4), stroke_width=width,
                d=path([(middle[0] + a, middle[1] + b), (middle[0] + c, middle[1] + d)]))
        for a, b, c, d, width in FIGURES[name]
    ]  # fmt: skip
    words = element(
        "text", NAMES[name], x=middle[0], y=top + HIGH - 9, text_anchor="middle", class_="row"
    )
    state = "node never" if never else "node on" if lit else "node"
    return element("g", shape, *limbs, words, class_=f"{state} {name}", data_lit_by=name)


def _arrow(start: str, end: str, state: str) -> Markup:
    (a, b), (c, d) = PLACES[start], PLACES[end]
    if a == c:  # straight down
        x, tip = a + WIDE / 2, d - 4
        shaft = [(x, b + HIGH + 3), (x, tip)]
        return element(
            "path",
            class_=state,
            data_lit_by=f"{start} {end}",
            d=path(shaft) + path([(x - 4, tip - 8), (x, tip), (x + 4, tip - 8)]),
        )
    begin, stop = (a + WIDE + 3, b + HIGH / 2), (c - 4, d + HIGH / 2)
    head = [(stop[0] - 8, stop[1] - 4), stop, (stop[0] - 8, stop[1] + 4)]
    bend = (begin[0] + stop[0]) / 2
    curve = (
        f"M{begin[0]:g},{begin[1]:g}C{bend:g},{begin[1]:g} {bend:g},{stop[1]:g} "
        f"{stop[0]:g},{stop[1]:g}"
    )
    return element("path", class_=state, data_lit_by=f"{start} {end}", d=curve + path(head))
