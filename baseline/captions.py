"""What each stage asked and what it answered, in plain words and this picture's own numbers.

Numbers that are held against a limit are rounded to its unfavourable side, so that no sentence
contradicts the decision: 29.96 % of skin reads "29.9 %, 30 % needed".
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from baseline.colour import picture_scale, scaled_radius
from baseline.detector import Detection, least_tau
from baseline.discs import Mask
from baseline.grouping import CONFIGURATIONS, RULES, Group, Limb, LimbSegmentGirdle, Rule
from baseline.segments import Segment

RULE_NAMES: Mapping[Rule, str] = {
    "limb": "limb",
    "limb_limb_girdle": "limb-limb girdle",
    "limb_segment_girdle": "limb-segment girdle",
    "spine_thigh": "spine-thigh group",
}
QUESTIONS: Mapping[Rule, str] = {
    "limb": "Do two segments of like width meet at a joint?",
    "limb_limb_girdle": "Can a pelvis join two limbs?",
    "limb_segment_girdle": "Can a pelvis join a limb and a segment?",
    "spine_thigh": "Do two thighs, a pelvis and a trunk meet?",
}
STOPS = {"skin_filter": "skin filter", "segments": "segments", "groups": "groups"}


class Caption(NamedTuple):
    """A panel's name, what is asked there, and the picture's answer."""

    name: str
    question: str
    answer: str


# The answer in a line -------------------------------------------------------------------------


def verdict(detection: Detection) -> str:
    """Return the decision and its reason, as one reads them at a glance."""
    if detection.decision:
        rule = RULE_NAMES[deciding_rule(detection)]
        return f"marked: {rule}, score {score_text(detection.score)}"
    if detection.stopped_at == "skin_filter":
        covered, needed = skin_text(detection), percent(detection.skin.params.min_fraction)
        return f"not marked: skin covers {covered} of the picture, {needed} needed"
    if detection.stopped_at == "segments":
        return "not marked: the skin holds no straight segment"
    number = count(len(detection.segments), "segment")
    tau = least_tau(detection.grouping, detection.params.configuration)
    if math.isinf(tau):
        return f"not marked: {number}, but no group"
    rule = RULE_NAMES[deciding_rule(detection)]
    return f"not marked: {number}, but no group; nearest is a {rule} at tau {tau_text(tau)}"


def details(detection: Detection) -> str:
    """Return what the verdict leaves out: skin, parts and groups, or score and where it ended."""
    skin = f"skin {skin_text(detection)} of the picture"
    if detection.decision:
        segments = count(len(detection.segments), "segment")
        return f"{skin}, {segments}, {count(len(detection.groups), 'group')}"
    stop = STOPS[str(detection.stopped_at)]
    return f"score {score_text(detection.score)}, {skin}, stopped at the {stop}"


def deciding_rule(detection: Detection) -> Rule:
    """Return the configuration's rule with the least tau, which sets the score."""
    rules = [rule for rule in RULES if rule in CONFIGURATIONS[detection.params.configuration]]
    taus = detection.grouping.taus if detection.grouping else {}
    return min(rules, key=lambda rule: taus.get(rule, math.inf))


def part_names(group: Group) -> tuple[str, ...]:
    """Name the group's `segments`, in their order."""
    if isinstance(group, Limb):
        return ("limb", "limb")
    if isinstance(group, LimbSegmentGirdle):
        return ("limb", "limb", "segment")
    if group.rule == "spine_thigh":
        return ("thigh", "thigh", "trunk")
    return ("limb 1", "limb 1", "limb 2", "limb 2")


# A caption a panel ----------------------------------------------------------------------------


def captions(detection: Detection) -> dict[str, Caption]:
    """Caption every panel, in the order of the method.

    Returns
    -------
    captions : dict
        Keys ``working``, ``intensity``, ``rg``, ``by``, ``hue``, ``saturation``, ``colours``,
        ``texture``, ``tight``, ``enlarged``, ``loose``, ``edges``, ``symmetries``, ``segments``,
        and the names of the four rules.
    """
    return _colour(detection) | _skin(detection) | _shape(detection) | _groups(detection)


def unreached(detection: Detection) -> str:
    """Say why there is nothing to show; empty where the grouper was reached."""
    return "" if detection.grouping else "not reached: the skin filter said no"


def _colour(detection: Detection) -> dict[str, Caption]:
    planes, params = detection.planes, detection.skin.params
    (height, width), (rows, cols) = detection.original_size, detection.working.shape[:2]
    reduced = "not enlarged, not reduced" if (height, width) == (rows, cols) else (
        f"reduced from {width} × {height}"
    )  # fmt: skip
    low, high = params.loose_box.hue
    least = min(params.red_box.saturation[0], params.yellow_box.saturation[0])
    hue, saturation = planes.hue, planes.saturation
    dark, bright = np.percentile(planes.intensity, (5, 95))
    tight = params.red_box.contains(hue, saturation) | params.yellow_box.contains(hue, saturation)
    return {
        "working": Caption(
            "Working picture", "What does the detector look at?", f"{cols} × {rows} px, {reduced}"
        ),
        "intensity": Caption(
            "Intensity I",
            "How bright is the green plane?",
            f"median {np.median(planes.intensity):.0f} log units; "
            f"nine tenths lie between {dark:.0f} and {bright:.0f}",
        ),
        "rg": Caption(
            "Red-green Rg",
            "Redder or greener than grey?",
            f"median {np.median(planes.rg):+.0f} log units; "
            f"{share(planes.rg > 0)} of the pixels are redder",
        ),
        "by": Caption(
            "Blue-yellow By",
            "Bluer or yellower than grey?",
            f"median {np.median(planes.by):+.0f} log units; "
            f"{share(planes.by < 0)} of the pixels are yellower",
        ),
        "hue": Caption(
            "Hue",
            "Which way from grey does the colour lie?",
            f"{low:g} to {high:g} degrees is skin's; "
            f"{share((low <= hue) & (hue <= high))} of the pixels are",
        ),
        "saturation": Caption(
            "Saturation",
            "How far from grey does the colour lie?",
            f"at least {least:g} log units for sure skin; "
            f"{share(saturation >= least)} of the pixels are",
        ),
        "colours": Caption(
            "Hue and saturation",
            "Which colours are skin's?",
            f"{share(tight)} of the pixels lie in a tight box, "
            f"{share(detection.skin.loose)} in the loose one",
        ),
    }


def _skin(detection: Detection) -> dict[str, Caption]:
    skin, params = detection.skin, detection.skin.params
    radius = scaled_radius(params.enlarge_radius, picture_scale(skin.mask.shape))
    needed = percent(params.min_fraction)
    if detection.params.score == "grouper_first":
        outcome = "the grouper is asked in any case"
    else:
        outcome = f"{needed} needed: {'goes on' if skin.fraction >= params.min_fraction else 'stop'}"
    return {
        "texture": Caption(
            "Texture",
            "Is the surface smooth?",
            f"amplitude at most {params.texture_limit:g} log units; "
            f"{share(skin.texture <= params.texture_limit)} of the pixels are",
        ),
        "tight": Caption(
            "Tight",
            "Surely skin: its colour, and smooth?",
            f"{share(skin.tight)} of the picture is",
        ),
        "enlarged": Caption(
            "Enlarged",
            f"Is {percent(params.enlarge_share)} of the disc of {radius:.0f} px around it marked?",
            f"grows from {share(skin.tight)} to {share(skin.enlarged)} of the picture",
        ),
        "loose": Caption(
            "Loose",
            "Of what was enlarged: roughly skin's colour?",
            f"{skin_text(detection)} of the picture is; {outcome}",
        ),
    }


def _shape(detection: Detection) -> dict[str, Caption]:
    edges, symmetries = detection.edges, detection.symmetries
    edge_answer = symmetry_answer = segment_answer = unreached(detection)
    if edges is not None and symmetries is not None:
        curves = count(len(np.unique(edges.curve)), "curve")
        outline = int(edges.outline.sum())
        edge_answer = (
            f"{count(len(edges), 'point')} in {curves}, {outline} of them on the skin's outline"
        )
        ribbons = count(len(detection.ribbons), "ribbon")
        symmetry_answer = f"{count(len(symmetries), 'pair')}; they line up in {ribbons}"
        if len(symmetries):
            low, high = symmetries.width.min(), symmetries.width.max()
            symmetry_answer += f"; {low:.0f} to {high:.0f} px across"
        segment_answer = count(len(detection.segments), "segment")
        if detection.segments:
            segment_answer += f"; the longest, 0, is {size_text(detection.segments[0])}"
    cut = {name: "; the search was cut at its limit" for name in detection.cut}
    params = detection.params.segments
    return {
        "edges": Caption("Edges", "Where do brightness or skin end?", edge_answer),
        "symmetries": Caption(
            "Symmetries",
            "Which edge points face each other across skin?",
            symmetry_answer + cut.get("ribbons", ""),
        ),
        "segments": Caption(
            "Segments",
            f"Which are straight, {params.min_aspect:g} to {params.max_aspect:g} times as long as "
            "wide?",
            segment_answer + cut.get("segments", ""),
        ),
    }


def _groups(detection: Detection) -> dict[str, Caption]:
    return {
        rule: Caption(
            RULE_NAMES[rule][0].upper() + RULE_NAMES[rule][1:],
            QUESTIONS[rule],
            _group_answer(detection, rule),
        )
        for rule in RULES
    }


def _group_answer(detection: Detection, rule: Rule) -> str:
    if detection.grouping is None:
        return unreached(detection)
    if not detection.segments:
        return "not reached: there is no segment"
    found, tau = detection.grouping.groups[rule], detection.grouping.taus[rule]
    if found:
        answer = f"{len(found)} found, best at tau {tau_text(tau)} (at most 1)"
    elif math.isinf(tau):
        answer = f"none, even at tau {detection.params.grouping.max_tau:g}"
    else:
        answer = f"none; nearest at tau {tau_text(tau)} (at most 1)"
    if rule not in CONFIGURATIONS[detection.params.configuration]:
        answer += f"; does not mark in configuration {detection.params.configuration}"
    if rule == "limb" and "limbs" in detection.cut:
        answer += "; the search was cut at its limit"
    return answer


# Numbers as people write them -----------------------------------------------------------------


def percent(value: float) -> str:
    """Write a share in whole per cent, and to a tenth below ten and next to none and all.

    >>> percent(0.3), percent(0.0312), percent(0.9996), percent(1.0)
    ('30 %', '3.1 %', '99.9 %', '100 %')
    """
    whole = 0.1 <= value <= 0.995 or value in (0, 1)
    return f"{100 * value:.0f} %" if whole else f"{math.floor(1000 * value + 0.5 * (value < 0.1)) / 10:g} %"


def share(mask: Mask) -> str:
    """Write the marked share of a picture."""
    return percent(float(mask.mean()))


def skin_text(detection: Detection) -> str:
    """Write the share of skin, rounded down to a tenth of a per cent if near what is needed."""
    fraction, needed = detection.skin.fraction, detection.skin.params.min_fraction
    if abs(fraction - needed) < 0.01:
        return f"{math.floor(1000 * fraction + 1e-6) / 10:g} %"
    return percent(fraction)


def score_text(score: float) -> str:
    """Write a score to two places, rounded down.

    >>> score_text(0.4999), score_text(0.57)
    ('0.49', '0.57')
    """
    return f"{math.floor(100 * score + 1e-9) / 100:.2f}"


def tau_text(tau: float) -> str:
    """Write a tau to two places, rounded up.

    >>> tau_text(1.0001), tau_text(0.7)
    ('1.01', '0.70')
    """
    return f"{math.ceil(100 * tau - 1e-9) / 100:.2f}"


def size_text(segment: Segment) -> str:
    """Write a segment's length and width."""
    return f"{segment.length:.0f} × {segment.width:.0f} px"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(0, "segment"), count(1, "segment"), count(12, "curve")
    ('no segment', '1 segment', '12 curves')
    """
    return f"{number or 'no'} {noun}" + "s" * (number > 1)
