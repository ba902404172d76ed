"""What each stage asked and what it answered, in plain words and this picture's own numbers.

Numbers that are held against a limit get as many digits as it takes to stay on their side of it,
so that no sentence contradicts the decision: 29.96 % of skin is never "30 %, 30 % needed".
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
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
        covered, needed = skin_text(detection), needed_text(detection)
        return f"not marked: skin covers {covered} of the picture, {needed} needed"
    if detection.stopped_at == "segments":
        return "not marked: the skin holds no straight segment"
    number = count(len(detection.segments), "segment")
    tau = least_tau(detection.grouping, detection.params.configuration)
    if math.isinf(tau):
        return f"not marked: {number}, but no group"
    rule = RULE_NAMES[deciding_rule(detection)]
    return f"not marked: {number}, but no group; nearest: {rule}, tau {tau_text(tau)} (at most 1)"


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
        Keys ``working``, ``intensity``, ``rg``, ``by``, ``hue``, ``colours``, ``saturation``,
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
            f"median {signed(float(np.median(planes.rg)))} log units; "
            f"{share(planes.rg > 0)} of the pixels are redder",
        ),
        "by": Caption(
            "Blue-yellow By",
            "Bluer or yellower than grey?",
            f"median {signed(float(np.median(planes.by)))} log units; "
            f"{share(planes.by < 0)} of the pixels are yellower",
        ),
        "hue": Caption(
            "Hue",
            "Which way from grey lies the colour?",
            f"{share((low <= hue) & (hue <= high))} of the pixels lie in skin's range, "
            f"{low:g} to {high:g} degrees",
        ),
        "colours": Caption(
            "Hue and saturation",
            "Which colours are skin's?",
            f"{share(tight)} of the pixels lie in a tight box, "
            f"{share(detection.skin.loose)} in the loose one",
        ),
        "saturation": Caption(
            "Saturation",
            "How far from grey lies the colour?",
            f"{share(saturation >= least)} of the pixels reach {least:g} log units, "
            "the least of sure skin",
        ),
    }


def _skin(detection: Detection) -> dict[str, Caption]:
    skin, params = detection.skin, detection.skin.params
    radius = scaled_radius(params.enlarge_radius, picture_scale(skin.mask.shape))
    if detection.params.score == "grouper_first":
        outcome = "the grouper is asked in any case"
    else:
        goes_on = skin.fraction >= params.min_fraction
        outcome = f"{needed_text(detection)} needed, so it {'goes on' if goes_on else 'ends here'}"
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
            f"Is {100 * params.enlarge_share:g} % of the disc of radius {radius:.0f} px tight?",
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
        edge_answer = symmetry_answer = "none"
        segment_answer = count(len(detection.segments), "segment")
        if len(edges):
            curves, outline = len(np.unique(edges.curve)), int(edges.outline.sum())
            edge_answer = (
                f"{count(len(edges), 'point')} in {count(curves, 'curve')}, "
                f"{outline or 'none'} of them on the skin's outline"
            )
        if len(symmetries):
            ribbons = count(len(detection.ribbons), "ribbon")
            low, high = symmetries.width.min(), symmetries.width.max()
            symmetry_answer = (
                f"{count(len(symmetries), 'pair')}, {low:.0f} to {high:.0f} px across; "
                f"they line up in {ribbons}"
            )
        if detection.segments:
            segment_answer += f"; the longest, 0, is {size_text(detection.segments[0])}"
    cut = dict.fromkeys(detection.cut, "; the search was cut at its limit")
    params = detection.params.segments
    shape = f"{params.min_aspect:g} to {params.max_aspect:g} times as long as wide"
    return {
        "edges": Caption("Edges", "Where does brightness step, or skin end?", edge_answer),
        "symmetries": Caption(
            "Symmetries",
            "Which edge points face each other across skin?",
            symmetry_answer + cut.get("ribbons", ""),
        ),
        "segments": Caption(
            "Segments",
            f"Which ribbons are {shape}?",
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
        most = detection.params.grouping.max_groups
        number = (
            f"{'over ' if 'groups' in detection.cut and len(found) == most else ''}{len(found)}"
        )
        answer = f"{number} found, best at tau {tau_text(tau)} (at most 1)"
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


def beside(value: float, limits: Sequence[float], places: int) -> str:
    """Round to some places, or to as many more as keep the number on its side of each limit.

    >>> beside(29.4, [30], 0), beside(29.96, [30], 0), beside(1.0004, [1], 2), beside(1, [1], 2)
    ('29', '29.96', '1.0004', '1.00')
    """
    for digits in range(places, 16):
        text = f"{value:.{digits}f}"
        if all(np.sign(float(text) - limit) == np.sign(value - limit) for limit in limits):
            return text
    return repr(value)


def signed(value: float) -> str:
    """Write a whole number with its sign.

    >>> signed(-7.2), signed(0.3)
    ('−7', '+0')
    """
    return f"{value:+.0f}".replace("-", "−")


def percent(part: float, *limits: float) -> str:
    """Write a share of one as per cent; neither none nor all if it is not.

    >>> percent(0.3), percent(0.0004), percent(0.9996), percent(1.0), percent(0.2996, 0.3)
    ('30 %', '0.04 %', '99.96 %', '100 %', '29.96 %')
    """
    return f"{beside(100 * part, [0, 100, *(100 * limit for limit in limits)], 0)} %"


def share(mask: Mask) -> str:
    """Write how much of a picture is marked."""
    return percent(float(mask.mean()))


def skin_text(detection: Detection) -> str:
    """Write how much of the picture is skin."""
    return percent(detection.skin.fraction, detection.skin.params.min_fraction)


def needed_text(detection: Detection) -> str:
    """Write how much of a picture must be skin."""
    return f"{100 * detection.skin.params.min_fraction:g} %"


def score_text(score: float) -> str:
    """Write a score; from 0.5 a picture is marked."""
    return beside(score, [0.5], 2)


def tau_text(tau: float) -> str:
    """Write a relaxation; at most 1 is the paper's yes."""
    return beside(tau, [1], 2)


def size_text(segment: Segment) -> str:
    """Write a segment's length and width."""
    return f"{segment.length:.0f} × {segment.width:.0f} px"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(0, "segment"), count(1, "segment"), count(12, "curve")
    ('no segment', '1 segment', '12 curves')
    """
    return f"{number or 'no'} {noun}" + "s" * (number > 1)


def wrapped(text: str, room: float, length: Callable[[str], float]) -> list[str]:
    """Break a text into lines no longer than there is room, single long words excepted.

    A number stays with its unit.

    >>> wrapped("skin covers 12 % of it", 14, len)
    ['skin covers', '12 % of it']
    """
    lines: list[str] = []
    for word in re.sub(r"(?<=\d) (?=%|px|×)|(?<=×) ", "\u00a0", text).split(" "):
        if lines and length(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line.replace("\u00a0", " ") for line in lines]
