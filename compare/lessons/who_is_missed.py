"""Page 5: who is missed. Slices of the judge's report, a scene in ten tones, grey pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from baseline.detector import Detection, detect
from compare.forest import Dot, forest
from compare.intervals import wilson
from compare.lessons import views
from compare.lessons.pages import Page, rendered, save
from compare.lessons.results import Results
from compare.lessons.side_by_side import contestants
from compare.lessons.walk import answered
from compare.lines import attributes
from compare.page import PER_CENT, slices_plot
from compare.paired import mcnemar
from compare.scorers import Contestant, answer
from images.mannequins import draw
from images.mannequins.drawing import Drawing
from images.mannequins.tones import TONES
from images.reading import RGB, read

TITLE = "Who is missed"
LEAD = (
    "A mean over all pictures hides whom the mistakes fall on. The same scores again, by tone of "
    "skin, by light and by framing; one scene in ten tones; and a world without colour."
)
ATTRIBUTES = "tone", "light", "framing"
RARE = 0.001  # share of targets among all pictures
SEED = 1996, 5  # of the scenes in ten tones
SCENES, FEW = 24, 2  # drawn in all tones; in the short form

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """Both contestants, and the score from which the report lets each mark a picture."""

    names: tuple[str, str]
    thresholds: tuple[float, float]
    net: Contestant

    def scores(self, image: RGB, detection: Detection) -> tuple[float, float]:
        """Return both scores of a picture."""
        return detection.score, float(answer(self.net, image)["score"])

    def marked(self, scores: Sequence[float]) -> list[bool]:
        """Return whether each marks a picture of these scores."""
        return [s >= t for s, t in zip(scores, self.thresholds, strict=True)]


def build(results: Results, out: Path) -> Page:
    """Tell whom both contestants miss."""
    report = results.report
    scorers = [report["scorers"][k] for k in contestants(report)]
    asked = Asked(
        (scorers[0]["name"], scorers[1]["name"]),
        (_threshold(scorers[0]), _threshold(scorers[1])),
        results.net,
    )
    slices = [
        {**part, "scores": [one for one in part["scores"] if one["scorer"] in asked.names]}
        for part in report["slices"]
        if part["attribute"] in ATTRIBUTES and part["pictures"]["targets"]
    ]
    data: dict[str, Any] = {
        "scorers": [
            {key: one[key] for key in ("name", "kind", "description", "threshold")}
            for one in scorers
        ],
        "slices": slices,
        "with": {
            "controls": report["tested"]["pictures"]["controls"],
            **{
                name: sum(
                    part["pictures"]["controls"] for part in slices if part["attribute"] == name
                )
                for name in ATTRIBUTES
            },
        },
        "tones": _tones(asked, FEW if results.short else SCENES, out),
        "grey": _grey(results, asked, out),
        "rare": [row for row in report["prevalence"] if row["prevalence"] == RARE],
    }
    html = rendered(
        "who_is_missed.html.j2",
        data,
        attributes=attributes(data),
        slices_plot=lambda indices: slices_plot(data, indices),
        tones_plot=_tones_plot(data["tones"]["rows"]),
    )
    return Page("who-is-missed", TITLE, LEAD, html, data)


def _threshold(scorer: Mapping[str, Any]) -> float:
    if scorer["threshold"] is None:
        raise ValueError(f"expected a report with a threshold of {scorer['name']}, got none")
    return float(scorer["threshold"]["value"])


# ---- The same scene in ten tones


def _tones(asked: Asked, scenes: int, out: Path) -> dict[str, Any]:
    """Draw scenes in every tone, nothing else changed, and ask both.

    Shown is the scene in which the share of skin found differs most between the outermost tones.
    """
    found = np.zeros((3, TONES, scenes))  # share of true skin found; marked by either
    for scene in range(scenes):
        for tone in range(TONES):
            drawing, detection, scores = _asked(asked, scene, tone + 1)
            share = _found(detection, drawing.truth.skin)
            found[:, tone, scene] = share, *asked.marked(scores)
    scene = int(np.argmax(abs(found[0, -1] - found[0, 0])))
    shown = [_shown(asked, scene, tone, out) for tone in range(1, TONES + 1)]
    rows = [
        {
            "tone": tone + 1,
            **{
                name: asdict(wilson(float(found[k, tone].sum()), scenes))
                for k, name in enumerate(("found", "first", "second"))
            },
        }
        for tone in range(TONES)
    ]
    return {"scenes": scenes, "shown": shown, "rows": rows}


def _asked(asked: Asked, scene: int, tone: int) -> tuple[Drawing, Detection, tuple[float, float]]:
    drawing = draw(np.random.default_rng([*SEED, scene]), "bare", {"tone": tone}, scale=0.5)
    detection = detect(drawing.image)
    return drawing, detection, asked.scores(drawing.image, detection)


def _shown(asked: Asked, scene: int, tone: int, out: Path) -> dict[str, Any]:
    drawing, detection, scores = _asked(asked, scene, tone)
    picture = views.working(drawing.image, detection)
    return {
        "tone": tone,
        **answered(detection),
        "found": _found(detection, drawing.truth.skin),
        "scores": list(scores),
        "marked": asked.marked(scores),
        "picture": save(picture, out),
        "skin": save(views.skin(drawing.image, detection), out),
        "size": list(picture.shape[:2]),
    }


def _found(detection: Detection, truth: Bools) -> float:
    """Return the share of true skin that the filter finds, at its working size; 0 if none."""
    size = detection.working.shape[1::-1]
    skin = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    return float((detection.skin.mask & skin).sum() / max(1, skin.sum()))


def _tones_plot(rows: Sequence[Mapping[str, Any]]) -> str:
    panels = [
        ("skin found by 1996, %", PER_CENT),
        ("marked by 1996, %", PER_CENT),
        ("marked by the net, %", PER_CENT),
    ]
    lines = [
        (
            f"tone {row['tone']}",
            [[Dot(0, row["found"])], [Dot(0, row["first"])], [Dot(1, row["second"])]],
        )
        for row in rows
    ]
    return forest(panels, lines, "Share of skin found, and of scenes marked, tone by tone")


# ---- Without colour


def grey(image: RGB) -> RGB:
    """Return a picture without its colours, by the weights of Rec. 601."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(
        np.uint8
    )


def _grey(results: Results, asked: Asked, out: Path) -> dict[str, Any]:
    """Ask both about every target, in colour and in grey; show the one the net is surest of."""
    targets = [item for item in results.drawn.items if item.label == 1]
    marked = np.zeros((2, 2, len(targets)), bool)  # contestant, colour or grey
    best: tuple[float, dict[str, Any]] | None = None
    for index, item in enumerate(targets):
        image = read(results.drawn.root / item.path).image
        if image is None:
            raise OSError(f"expected a picture at {results.drawn.root / item.path}")
        pictures = image, grey(image)
        detections = [detect(picture) for picture in pictures]
        scores = [asked.scores(*both) for both in zip(pictures, detections, strict=True)]
        marked[:, :, index] = np.array([asked.marked(pair) for pair in scores]).T
        if best is None or scores[0][1] > best[0]:
            best = (
                scores[0][1],
                {
                    "path": item.path,
                    "pictures": [
                        {
                            "picture": save(views.working(picture, detection), out),
                            "scores": list(pair),
                            "marked": asked.marked(pair),
                        }
                        for picture, detection, pair in zip(
                            pictures, detections, scores, strict=True
                        )
                    ],
                },
            )
    return {
        "targets": len(targets),
        "shown": best[1] if best else None,
        "recall": [
            {
                "scorer": name,
                "colour": asdict(wilson(int(marked[k, 0].sum()), len(targets))),
                "grey": asdict(wilson(int(marked[k, 1].sum()), len(targets))),
                **_paired(marked[k, 0], marked[k, 1]),
            }
            for k, name in enumerate(asked.names)
        ],
    }


def _paired(colour: Bools, without: Bools) -> dict[str, Any]:
    test = mcnemar(colour, without)
    return {"difference": asdict(test.difference), "p": test.p}
