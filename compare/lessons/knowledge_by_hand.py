"""Page 1, 1996: knowledge by hand. A picture's way through the detector, every number movable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baseline.captions import RULE_NAMES
from baseline.detector import Detection, detect, reduce
from baseline.grouping import CONFIGURATIONS, RULES
from compare.lessons import skin_rules, views
from compare.lessons.diagram import rules_diagram
from compare.lessons.pages import Page, rendered, save
from compare.lessons.results import Results
from compare.lessons.walk import STAGES, answered, walked
from compare.page import funnel_plot
from compare.wording import text
from images.labelled import Item, LabelledSet
from images.reading import RGB, read

TITLE = "1996: knowledge by hand"
LEAD = (
    "What colour has skin, how straight is a limb, what does a skeleton allow? In 1996 three "
    "people wrote the answers down as rules. Here is a picture on its way through all of them; "
    "every number can be moved."
)


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture of the drawn set, and what the detector made of it."""

    item: Item
    image: RGB
    detection: Detection


def build(results: Results, out: Path) -> Page:
    """Walk four pictures through the detector, and set its skin rule beside a plainer one."""
    drawn = results.drawn
    targets = [_seen(drawn, item) for item in drawn.items if item.label == 1]
    logs = [_seen(drawn, item) for item in drawn.items if item.attributes.get("kind") == "logs"]
    cases = [_case(drawn, seen, why, rule, out) for seen, why, rule in chosen(targets, logs)]
    of_targets = [_skin(drawn, seen.item, seen.detection.working)[0] for seen in targets]
    of_controls = [
        _skin(drawn, item, reduce(_read(drawn, item)))[0] for item in drawn.items if not item.label
    ]
    report = results.report
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
        "published": report["published"],
        "tested": report["tested"]["pictures"],
    }
    html = rendered(
        "knowledge_by_hand.html.j2",
        data,
        stages={stage.slug: stage for stage in STAGES},
        diagrams=[_diagram(case) for case in cases],
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


def chosen(targets: Sequence[Seen], logs: Sequence[Seen]) -> list[tuple[Seen, str, str]]:
    """Choose the pictures by the detector's answers: what they are called, and by which rule.

    Where the rules say yes to no target, those with the highest scores stand in.
    """
    best = sorted(targets, key=lambda seen: (-seen.detection.score, seen.item.path))
    marked = [seen for seen in best if seen.detection.decision] or best[:1]
    lead = min(marked, key=lambda seen: (len(seen.detection.segments), -seen.detection.score))
    found = [
        (lead, "It works", "of the figures to which the rules say yes, the one with the fewest "
         "segments, which is the easiest to follow"),
    ]  # fmt: skip
    others = [seen for seen in best if seen is not lead]
    if others:
        found.append(
            (others[0], "It works again" if others[0].detection.decision else "The next best",
             "of the other figures, the one with the highest score")
        )  # fmt: skip
    if logs:
        fooled = max(logs, key=lambda seen: (seen.detection.score, seen.item.path))
        found.append((fooled, "It is fooled" if fooled.detection.decision else "It is not fooled",
                      "of the drawings of logs, the one with the highest score"))  # fmt: skip
    missed = [seen for seen in others[1:] if not seen.detection.decision]
    if missed:
        found.append(
            (max(missed, key=lambda seen: float(seen.item.attributes["limbs_visible"] or 0)),
             "It misses", "of the figures to which they say no, the one whose limbs are seen best")
        )  # fmt: skip
    return found


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


def _diagram(case: Mapping[str, Any]) -> str:
    fired = [rule for rule, name in zip(RULES, case["rules"], strict=True) if case["rules"][name]]
    return rules_diagram(fired, case["segments"] > 0)
