"""The funnel: who passes the skin filter, and whom each configuration marks.

Crops that people's bare skin fills, against controls without a person, beside the published
table. The people are clothed for sport or the street; they stand in for the target class only
in that limbs are bare.

    python -m benchmarks.funnel --photos DIR
"""

import argparse
from pathlib import Path

from sklearn.metrics import roc_auc_score

from baseline import Detection, detect, record
from benchmarks.photos import masked, people, pictures, skin_crop
from compare.funnel import PUBLISHED, passes, share
from images.reading import RGB


def funnel(detections: list[Detection]) -> dict[str, tuple[int, int]]:
    """Pictures that pass and pictures seen, by stage and configuration."""
    passed = [passes(record(detection)) for detection in detections]
    return {row: (sum(p[row] for p in passed), len(passed)) for row in passed[0]}


def auc(positive: list[Detection], negative: list[Detection], what: str) -> str:
    """Area under the ROC curve of the score, or of the skin's share, as text."""
    scores = [d.graded("F") if what == "score" else d.skin.fraction for d in (*positive, *negative)]
    labels = [1] * len(positive) + [0] * len(negative)
    return f"{roc_auc_score(labels, scores):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    photos = parser.parse_args().photos

    sets: dict[str, list[RGB]] = {"athletes, cropped to the person": []}
    sets["athletes, cropped to the person"] = [person.image for person in people(photos)]
    for photo, truth in masked(photos):
        crop = skin_crop(photo.image, truth)
        if crop is not None:
            sets.setdefault(f"skin crops, {photo.source}", []).append(crop)
    for photo in pictures(photos, "controls"):
        sets.setdefault("controls, all", []).append(photo.image)
        sets.setdefault(f"controls, {photo.source}", []).append(photo.image)

    print("published (IJCV 1999), targets | controls")
    for row, (targets, controls) in PUBLISHED.items():
        print(f"  {row:12s} {share(targets, 565):38s} | {share(controls, 4289)}")
    seen = {name: [detect(image) for image in images] for name, images in sets.items()}
    for name, detections in seen.items():
        table = funnel(detections)
        passed = table["skin filter"][0]
        print(f"{name}: of all | of those past the skin filter")
        for row, (marked, total) in table.items():
            print(f"  {row:12s} {share(marked, total):38s} | {share(marked, passed)}")

    people_seen, controls_seen = (
        [d for d in seen[name] if d.grouping is not None]
        for name in ("athletes, cropped to the person", "controls, all")
    )
    print("AUC of athletes against controls, both past the skin filter")
    for what in ("score", "skin share"):
        print(f"  {what:12s} {auc(people_seen, controls_seen, what)}")


if __name__ == "__main__":
    main()
