"""What other settings of the detector would do: the table of REFERENCES.md.

For each setting: limbs found (see `benchmarks.limbs`), segments a control picture, and the share
of controls and of athletes past the skin filter that F marks. The first rows change nothing but
the seed of the noise, so they tell how far such figures wander by themselves.

    python -m benchmarks.settings --photos DIR
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from baseline import Detection, Params, detect
from benchmarks.limbs import at_working_size, match, on_skin
from benchmarks.photos import people, pictures

SETTINGS: list[tuple[str, str, dict[str, Any]]] = [
    ("as shipped", "edges", {}),
    *((f"noise seed {seed}", "colour", {"seed": seed}) for seed in range(1, 6)),
    ("without the outline of the skin", "edges", {"outline": False}),
    ("edges of I, Rg and By together", "edges", {"planes": "all"}),
    ("sigma 1.5", "edges", {"sigma": 1.5}),
    ("hysteresis 4 / 1.5", "edges", {"high": 4.0, "low": 1.5}),
    ("hysteresis 3 / 1", "edges", {"high": 3.0, "low": 1.0}),
    ("skew 20 degrees", "symmetry", {"skew": 20.0}),
    ("taper 40 degrees", "symmetry", {"taper": 40.0}),
    ("60 % of the chord skin", "symmetry", {"min_skin": 0.6}),
    ("gap 0.5 widths", "ribbons", {"max_gap": 0.5}),
    ("gap 1.5 widths", "ribbons", {"max_gap": 1.5}),
    ("width variation 0.3", "ribbons", {"max_width_variation": 0.3}),
    ("6 positions make a ribbon", "ribbons", {"min_positions": 6}),
    ("kneecaps allowed", "grouping", {"refuse_kneecaps": False}),
    ("crossing others allowed", "grouping", {"refuse_crossing": False}),
    ("trunk across the pelvis only", "grouping", {"trunk_opposite": True}),
]


def changed(params: Params, stage: str, values: dict[str, Any]) -> Params:
    """Return the parameters with some numbers of one stage replaced."""
    old = getattr(params, stage)
    new = old._replace(**values) if hasattr(old, "_replace") else replace(old, **values)
    return replace(params, **{stage: new})


def marked(detections: list[Detection]) -> str:
    """Share of pictures that F marks whatever the skin's share, as text."""
    hits = sum(detection.decision for detection in detections)
    return f"{hits}/{len(detections)} = {100 * hits / len(detections):.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    photos = parser.parse_args().photos

    everyone = Params(score="grouper_first")  # the grouper runs, whatever the skin's share
    persons = list(people(photos))
    controls = [
        photo.image for photo in pictures(photos, "controls") if detect(photo.image).grouping
    ]
    passing = [detect(person.image).grouping is not None for person in persons]
    print(f"{'setting':34s} limbs found  segments a control  F: controls, athletes")
    for label, stage, values in SETTINGS:
        params = changed(everyone, stage, values)
        athletes = [detect(person.image, params) for person in persons]
        others = [detect(image, params) for image in controls]
        limbs = [
            match(detection.segments, limb) is not None
            for person, detection in zip(persons, athletes, strict=True)
            for _, limb in at_working_size(person, detection)
            if on_skin(detection, limb)
        ]
        past = [d for d, passes in zip(athletes, passing, strict=True) if passes]
        segments = np.mean([len(d.segments) for d in others])
        found = f"{sum(limbs)}/{len(limbs)}"
        print(f"{label:34s} {found:12s} {segments:18.1f}  {marked(others)}, {marked(past)}")


if __name__ == "__main__":
    main()
