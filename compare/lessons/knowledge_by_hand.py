"""Page 1, 1996: knowledge by hand. A picture's way through the detector; stages can be moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baseline.captions import RULE_NAMES
from baseline.detector import Detection, detect, reduce
from baseline.grouping import CONFIGURATIONS, RULES
from compare.lessons import skin_rules, views
from compare.lessons.diagram import NAMES, firing, rules_diagram
from compare.lessons.pages import Page, rendered, save
from compare.lessons.results import Results
from compare.lessons.side_by_side import contestants
from compare.lessons.walk import SHIPPED, STAGES, answered, walked
from compare.page import funnel_plot
from compare.wording import text
from images.labelled import Item, LabelledSet
from images.mannequins.sets import PRESETS
from images.reading import RGB, read

TITLE = "1996: knowledge by hand"
LEAD = (
    "What colour has skin, how straight is a limb, what does a skeleton allow? In 1996 three "
    "people wrote the answers down as rules. Here is a picture on its way through all of them; "
    "one number of each stage can be moved."
)


WOOD = "logs", "furniture"


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture of the drawn set, and what the detector made of it."""

    item: Item
    image: RGB
    detection: Detection


Choice = tuple[Seen, str, str]
"""A picture, what it is called, and by which rule it was chosen."""


def build(results: Results, out: Path) -> Page:
    """Walk four pictures through the detector, and set its skin rule beside a plainer one."""
    drawn = results.drawn
    targets = [_seen(drawn, item) for item in drawn.items if item.label == 1]
    report = results.report
    detector = report["scorers"][contestants(report)[0]]["name"]
    scores = {path: float(row[detector] or 0) for path, row in results.scores.items()}
    four = chosen(targets, fooling(drawn, scores))
    cases = [_case(drawn, seen, why, rule, out) for seen, why, rule in four]
    of_targets = [_skin(drawn, seen.item, seen.detection.working)[0] for seen in targets]
    of_controls = [
        _skin(drawn, item, reduce(_read(drawn, item)))[0] for item in drawn.items if not item.label
    ]
    data: dict[str, Any] = {
        "cases": cases,
        "skin": {
            "targets": len(of_targets),
            "controls": len(of_controls),
            **skin_rules.over_pictures(of_targets, of_controls),
        },
        "funnel": [{**row, "rules": rules_of(row["stage"])} for row in report["funnel"]],
        "lost": 1 - sum(seen.detection.grouping is not None for seen in targets) / len(targets),
        "frames": {
            name: sum(seen.item.attributes.get("framing") == name for seen in targets)
            for name in ("close", "whole")
        },
        "published": {
            name: dict(zip(("targets", "controls"), numbers, strict=True))
            for name, numbers in PRESETS.items()
        },
        "edges": {"kept": SHIPPED.edges.low / SHIPPED.edges.high},
        "tested": report["tested"]["pictures"],
    }
    html = rendered(
        "knowledge_by_hand.html.j2",
        data,
        stages={stage.slug: stage for stage in STAGES},
        fired=firing,
        diagrams=[rules_diagram(firing(case)) for case in cases],
        named=NAMES,
        colours=views.COLOURS,
        rules=[*RULE_NAMES.values()],
        funnel=funnel_plot(
            {
                **report,
                "funnel": [{**row, "stage": labelled(row["stage"])} for row in report["funnel"]],
            }
        ),
        text=text,
    )
    return Page("knowledge-by-hand", TITLE, LEAD, html, data)


def _seen(drawn: LabelledSet, item: Item) -> Seen:
    image = _read(drawn, item)
    return Seen(item, image, detect(image))


def _read(drawn: LabelledSet, item: Item) -> RGB:
    image = read(drawn.root / item.path).image
    if image is None:
        raise OSError(f"expected a picture at {drawn.root / item.path}")
    return image


# ---- What the letters stand for


def rules_of(stage: str) -> str:
    """Name the rules whose union a letter is; nothing for a stage that is none.

    >>> rules_of("E"), rules_of("segments")
    ('limb-limb girdle or spine-thigh group', '')
    """
    return " or ".join(RULE_NAMES[rule] for rule in RULES if rule in CONFIGURATIONS.get(stage, ()))


def labelled(stage: str) -> str:
    """Return a stage's label in the plot; letters of one rule stand for it in those of several.

    >>> labelled("D"), labelled("H"), labelled("segments")
    ('D: spine-thigh', 'H: limb, A, B, D', 'segments')
    """
    rules = [rule for rule in RULES if rule in CONFIGURATIONS.get(stage, ())]
    if not rules:
        return stage
    if len(rules) == 1:
        return f"{stage}: {RULE_NAMES[rules[0]].rsplit(' ', 1)[0]}"
    alone = {rule: letter for letter, each in CONFIGURATIONS.items() for rule in each
             if len(each) == 1}  # fmt: skip
    return f"{stage}: " + ", ".join(alone.get(rule, RULE_NAMES[rule]) for rule in rules)


# ---- Which pictures


def chosen(targets: Sequence[Seen], control: Choice) -> list[Choice]:
    """Choose the pictures by the detector's answers: three targets, and the control between them.

    Where the rules say yes to no target, those with the highest scores stand in.
    """
    best = sorted(targets, key=lambda seen: (-seen.detection.score, seen.item.path))
    marked = [seen for seen in best if seen.detection.decision] or best[:1]
    lead = min(marked, key=lambda seen: (len(seen.detection.segments), -seen.detection.score))
    found: list[Choice] = [
        (lead, "It works", "of the figures to which the rules say yes, the one with the fewest "
         "segments, which is the easiest to follow"),
    ]  # fmt: skip
    others = [seen for seen in best if seen is not lead]
    if others:
        found.append(
            (others[0], "It works again" if others[0].detection.decision else "The next best",
             "of the other figures, the one with the highest score")
        )  # fmt: skip
    found.append(control)
    missed = [seen for seen in others[1:] if not seen.detection.decision]
    if missed:
        found.append(
            (max(missed, key=lambda seen: float(seen.item.attributes["limbs_visible"] or 0)),
             "It misses", "of the figures to which they say no, the one whose limbs are seen best")
        )  # fmt: skip
    return found


def fooling(drawn: LabelledSet, scores: Mapping[str, float]) -> Choice:
    """Choose a control to which the rules say yes, of wood if they do to any of these.

    Where they say yes to no control, the one of wood with the highest score stands in.
    """
    controls = sorted(
        (item for item in drawn.items if not item.label),
        key=lambda item: (-scores[item.path], item.path),
    )
    wood = [item for item in controls if item.attributes.get("kind") in WOOD]
    first = [
        (_seen(drawn, some[0]), rule)
        for some, rule in (
            (wood, "of the drawings of logs and of furniture, the one with the highest score"),
            (controls, "of all controls, the one with the highest score, for to logs and furniture "
             "the rules say no"),
        )
        if some
    ]  # fmt: skip
    for seen, rule in first:
        if seen.detection.decision:
            return seen, "It is fooled", rule
    seen, rule = first[0]
    return seen, "It is not fooled", f"{rule}; the rules say yes to no control"


# ---- What is shown of them


def _case(drawn: LabelledSet, seen: Seen, why: str, rule: str, out: Path) -> dict[str, Any]:
    numbers, found, truth = _skin(drawn, seen.item, seen.detection.working)
    image, detection = seen.image, seen.detection
    height, width = views.working(image, detection).shape[:2]
    return {
        "why": why,
        "rule": rule,
        "path": seen.item.path,
        "label": seen.item.label,
        "kind": seen.item.attributes.get("kind", ""),
        "tone": seen.item.attributes.get("tone", ""),
        "seen": _described(seen.item),
        "size": [height, width],
        "working": list(detection.working.shape[:2]),
        "picture": save(views.working(image, detection), out),
        "hues": save(views.hues(image, detection), out),
        **answered(detection),
        "middle": _middle(detection),
        "stages": walked(image, out),
        "skin": {
            name: {
                **numbers[name],
                "picture": save(views.compared(detection.working, found[name], truth), out),
            }
            for name in skin_rules.RULES
        },
    }


def _described(item: Item) -> str:
    """Say in words what is drawn, for those who do not see it."""
    known = item.attributes
    if item.label == 0:
        return f"A drawing of {known.get('kind', 'something else')}"
    parts = [f"{name} {known[name]}" for name in ("pose", "framing", "place") if known.get(name)]
    return f"A drawing of a bare lay figure of wood: {', '.join(parts)}"


def _skin(
    drawn: LabelledSet, item: Item, working: RGB
) -> tuple[dict[str, dict[str, float | None]], dict[str, views.Mask], views.Mask]:
    truth = skin_rules.true_skin(drawn, item, working.shape)
    found = skin_rules.masks(working)
    return {name: skin_rules.against(mask, truth) for name, mask in found.items()}, found, truth


def _middle(detection: Detection) -> dict[str, Any]:
    """Return the pixel nearest the middle that passed the tight test, in numbers, if any did."""
    places = np.argwhere(detection.skin.tight)
    if not len(places):
        return {}
    middle = np.array(detection.working.shape[:2]) / 2
    row, col = places[np.argmin(((places - middle) ** 2).sum(axis=1))]
    planes = detection.planes
    return {
        "rgb": [int(value) for value in detection.working[row, col]],
        **{
            name: float(plane[row, col])
            for name, plane in (
                ("rg", planes.rg),
                ("by", planes.by),
                ("hue", planes.hue),
                ("saturation", planes.saturation),
            )
        },
    }
