"""What a report says besides its figures: the set, how it was made, what it cannot say."""

import platform
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from compare.entries import RESAMPLES, SEED, Entry
from compare.report import Classes, Making, SetSummary
from compare.scorers import Contestant
from images.compiled import source_digest
from images.labelled import LabelledSet

LIMITS = (
    "Every figure is of this set: pictures that come from elsewhere, or in another mixture, can "
    "give others, and no interval covers that.",
    "Intervals take the pictures as drawn one by one; pictures of one person or one scene are not, "
    "and make them too narrow.",
    "The exact test is careful: where few pictures are marked by one scorer alone, its p can stay "
    "above 1 in 20 while the interval just leaves out 0. Sentences go by p.",
    "An interval at a threshold takes the threshold as given: other pictures to choose it on would "
    "have given another.",
    "With few controls a low false positive rate means none at all: 1 % of 80 is no picture.",
    "Intervals are of one figure at a time: of twenty comparisons without a true difference, one "
    "falls outside by chance.",
    "Precision, average precision and calibration follow the share of targets in the set.",
    "Published figures were measured on other pictures, which nobody has any more.",
)


def summary(manifest: Path, tested: LabelledSet, statuses: Sequence[str]) -> SetSummary:
    """Return what was tested on: how many pictures, how they read, where they are from."""

    def classes(keep: Iterable[bool]) -> Classes:
        labels = [item.label for item, kept in zip(tested.items, keep, strict=True) if kept]
        return Classes(sum(labels), len(labels) - sum(labels))

    return SetSummary(
        name=str(Path(manifest.resolve().parent.name, manifest.name)),
        digest=tested.digest,
        split="test",
        pictures=classes([True] * len(statuses)),
        statuses={
            status: classes(one == status for one in statuses)
            for status in sorted(set(statuses) - {""})
        },
        sources=_counted(item.source for item in tested.items),
        licences=_counted(item.licence for item in tested.items),
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(value or "not known" for value in values).most_common(20))


def making(
    tested: LabelledSet,
    checked: LabelledSet | None,
    everyone: Sequence[Contestant],
    entries: Sequence[Entry],
) -> Making:
    """Return the command line, versions, seeds and digests that a report came of, and its limits.

    Parameters
    ----------
    tested, checked : LabelledSet
        The set that was tested on, and the one that chose thresholds.
    everyone : sequence of Contestant
        Who was asked.
    entries : sequence of Entry
        Theirs, and those of scores that came in files.
    """
    packages = ["skindeep", "numpy", "scipy", "opencv-python", "pillow", "numba", "matplotlib"]
    if any(one.kind == "net" for one in everyone):
        packages.append("torch")
    if any(one.train_digest is not None for one in everyone):
        packages.append("scikit-learn")
    return Making(
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        versions={"python": platform.python_version()} | {p: version(p) for p in packages},
        platform=platform.platform(),
        seed=SEED,
        resamples=RESAMPLES,
        digests={
            "test set": tested.digest,
            **({"validation set": checked.digest} if checked else {}),
            **{one.name: one.digest for one in entries},
            **{f"code of {p}": source_digest(p) for p in ("images", "baseline", "compare")},
            **(
                {"code of convnet": source_digest("convnet")}
                if any(one.kind == "net" for one in everyone)
                else {}
            ),
        },
        limits=LIMITS,
    )
