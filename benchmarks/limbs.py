"""Segments against the annotated limbs of athletes, on crops around the person.

A limb counts when at least 80 % of the line between its joints is detected skin, and it is at
least 12 px long at working size. It is found when a segment lies along it: axes within 20
degrees, the limb's middle no farther than half the segment's width from the segment's axis, and
at least half of the limb covered, at least half of the segment used. By chance: the same limbs
against the segments of the next crop, moved to this one's size.

The joints tell no widths. Width is therefore compared with what anatomy makes of the limb's
length on the picture (the thigh is 43 cm by 15.5); foreshortening makes limbs shorter, so
ratios above one are expected.

    python -m benchmarks.limbs --photos DIR
"""

import argparse
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from baseline import Detection, Params, detect
from baseline.segments import Segment
from benchmarks.photos import LIMBS, Person, people
from compare.funnel import share

STOUTNESS = {"upper arm": 10 / 33, "forearm": 7.8 / 26, "thigh": 15.5 / 43, "shank": 10.8 / 43}

Line = npt.NDArray[np.float64]


def overlap(segment: Segment, limb: Line) -> tuple[float, float, float, float]:
    """Angle in degrees, offset in widths, share of the limb, share of the segment."""
    sin, cos = math.sin(segment.axis), math.cos(segment.axis)
    along = (limb - segment.centre) @ (sin, cos)
    across = (limb - segment.centre) @ (cos, -sin)
    angle = math.degrees(math.atan2(abs(np.diff(across)[0]), abs(np.diff(along)[0])))
    half = segment.length / 2
    common = max(0.0, min(along.max(), half) - max(along.min(), -half))
    return (
        angle,
        abs(float(across.mean())) / segment.width,
        common / max(float(np.ptp(along)), 1e-9),
        common / segment.length,
    )


def match(segments: tuple[Segment, ...], limb: Line) -> Segment | None:
    """Return the segment that lies along a limb, by the least angle."""
    fits = [(overlap(segment, limb), segment) for segment in segments]
    good = [
        (angle, segment)
        for (angle, offset, of_limb, of_segment), segment in fits
        if angle <= 20 and offset <= 0.5 and of_limb >= 0.5 and of_segment >= 0.5
    ]
    return min(good, key=lambda pair: pair[0])[1] if good else None


def at_working_size(person: Person, detection: Detection) -> list[tuple[str, Line]]:
    factor = np.array(detection.working.shape[:2]) / detection.original_size
    return [(name, (limb + 0.5) * factor - 0.5) for name, limb in person.limbs]


def on_skin(detection: Detection, limb: Line) -> bool:
    points = np.rint(np.linspace(limb[0], limb[1], 50)).astype(int)
    points = np.clip(points, 0, np.array(detection.skin.mask.shape) - 1)
    covered = detection.skin.mask[points[:, 0], points[:, 1]].mean()
    return bool(covered >= 0.8 and math.dist(*limb) >= 12)


def measure(photos: Path, params: Params) -> None:
    params = replace(params, score="grouper_first")  # segments wanted, whatever the skin's share
    persons = list(people(photos))
    detections = [detect(person.image, params) for person in persons]
    counted, found, chance = Counter[str](), Counter[str](), Counter[str]()
    angles, offsets, widths = [], [], []
    for k, (person, detection) in enumerate(zip(persons, detections, strict=True)):
        other = detections[(k + 1) % len(persons)]
        for name, limb in at_working_size(person, detection):
            if not on_skin(detection, limb):
                continue
            counted[name] += 1
            moved = limb * np.array(other.working.shape[:2]) / detection.working.shape[:2]
            chance[name] += match(other.segments, moved) is not None
            segment = match(detection.segments, limb)
            if segment is not None:
                found[name] += 1
                angle, offset, *_ = overlap(segment, limb)
                angles.append(angle)
                offsets.append(offset)
                widths.append(segment.width / (STOUTNESS[name] * math.dist(*limb)))
    print(f"{len(persons)} crops, {sum(len(d.segments) for d in detections)} segments")
    for name in (*LIMBS, "all"):
        pick = LIMBS if name == "all" else (name,)
        total, hits, luck = (sum(c[n] for n in pick) for c in (counted, found, chance))
        print(f"{name:10s} found {share(hits, total):38s} by chance {share(luck, total)}")
    for label, values in (
        ("axis error, degrees", angles),
        ("offset of the limb's middle, widths", offsets),
        ("width, in widths that anatomy expects", widths),
    ):
        quartiles = np.percentile(values, [25, 50, 75])
        print(f"{label}: quartiles {', '.join(f'{q:.2f}' for q in quartiles)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    measure(parser.parse_args().photos, Params())


if __name__ == "__main__":
    main()
