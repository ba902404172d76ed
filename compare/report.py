"""What a comparison found: every number of the report, as it is kept in report.json.

The judge fills a `Report`, the page and the figures draw it, and neither knows the other. A number
that depends on the pictures is an `Estimate`, which carries its interval and method; where there
is none, an `Absent` says why in words. `SCHEMA` changes whenever a reader of older files would
misread a newer one; docs/report.md describes the file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from compare.metrics import Estimate

SCHEMA = "skindeep report 1"


@dataclass(frozen=True)
class Absent:
    """A number that there is none of, and why, in words."""

    absent: str


Maybe = Estimate | Absent


@dataclass(frozen=True)
class Classes:
    """A number of targets and one of controls."""

    targets: int
    controls: int


# ---- The set


@dataclass(frozen=True)
class SetSummary:
    """The labelled set that everyone was asked about.

    Attributes
    ----------
    name : str
        The manifest's file name, with its folder's.
    digest : str
        `LabelledSet.digest` of the part that was used.
    split : str
    pictures : Classes
    statuses : mapping
        Of each reading status that came up, the pictures with it.
    sources, licences : mapping
        Number of pictures of each, the most frequent first.
    """

    name: str
    digest: str
    split: str
    pictures: Classes
    statuses: Mapping[str, Classes]
    sources: Mapping[str, int]
    licences: Mapping[str, int]


# ---- One scorer


@dataclass(frozen=True)
class Threshold:
    """Scores of at least `value` mark a picture; `rule` chose it, on what `origin` names."""

    value: float
    rule: str
    origin: Literal["validation", "scorer", "hand"]


@dataclass(frozen=True)
class AtThreshold:
    """The confusion table at a threshold, and the rates that follow from it."""

    tp: int
    fp: int
    fn: int
    tn: int
    precision: Maybe
    recall: Maybe
    f1: Maybe
    fpr: Maybe


@dataclass(frozen=True)
class RecallAt:
    """The best recall whose false positive rate is at most `fpr`, and the threshold there."""

    fpr: float
    recall: Maybe
    threshold: float | None


@dataclass(frozen=True)
class Curve:
    """The confusion table at every threshold, thinned: no visible pixel of a plot moves.

    Attributes
    ----------
    thresholds : sequence of float or None
        Falling; the first is None: nothing is marked.
    tp, fp : sequence of int
        Targets and controls with at least so high a score.
    """

    thresholds: Sequence[float | None]
    tp: Sequence[int]
    fp: Sequence[int]


@dataclass(frozen=True)
class Band:
    """Pointwise 95 % limits of a curve: at each `x`, from `low` to `high`."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    method: str


@dataclass(frozen=True)
class OperatingPoint:
    """What one configuration of a detector answers, whatever threshold its score is given."""

    name: str
    recall: Maybe
    fpr: Maybe
    precision: Maybe


@dataclass(frozen=True)
class CalibrationBin:
    """Pictures whose scores lie from `low` to `high`: their mean score, and their share of targets.

    The share is of this set, and so follows its prevalence.
    """

    low: float
    high: float
    n: int
    mean: float
    rate: Maybe


@dataclass(frozen=True)
class Histogram:
    """Number of targets and of controls between each pair of neighbouring `edges`."""

    edges: Sequence[float]
    targets: Sequence[int]
    controls: Sequence[int]


@dataclass(frozen=True)
class ScorerReport:
    """Everything about one contestant.

    Attributes
    ----------
    name, description, kind, digest : str
        `kind`: baseline, net, rule or external; `digest` of what determines its scores.
    is_probability : bool
    answered, unanswered : Classes
        Pictures with and without a score; all figures but `counted_as_missed` are of the former.
    threshold : Threshold or None
    auc, ap, brier, ece : Estimate or Absent
    at_threshold : AtThreshold or Absent
    counted_as_missed : AtThreshold or Absent
        The same, where pictures without a score count as not marked.
    recall_at : sequence of RecallAt
    curve : Curve or Absent
    roc_band, pr_band : Band or Absent
        Of recall over the false positive rate, and of precision over recall.
    operating_points : sequence of OperatingPoint
        The 1996 detector's configurations A to H; else empty.
    calibration : sequence of CalibrationBin
    histogram : Histogram or Absent
    seconds : float or None
        A picture, after reading, in the mean.
    memory : int or None
        Bytes: the peak of a fresh process that reads and scores pictures by this scorer alone.
    """

    name: str
    description: str
    kind: Literal["baseline", "net", "rule", "external"]
    digest: str
    is_probability: bool
    answered: Classes
    unanswered: Classes
    threshold: Threshold | None
    auc: Maybe
    ap: Maybe
    brier: Maybe
    ece: Maybe
    at_threshold: AtThreshold | Absent
    counted_as_missed: AtThreshold | Absent
    recall_at: Sequence[RecallAt]
    curve: Curve | Absent
    roc_band: Band | Absent
    pr_band: Band | Absent
    operating_points: Sequence[OperatingPoint]
    calibration: Sequence[CalibrationBin]
    histogram: Histogram | Absent
    seconds: float | None
    memory: int | None


# ---- Two scorers, slices, the funnel


@dataclass(frozen=True)
class Difference:
    """Second minus first of a pair in one measure, and whether chance would do as much.

    Attributes
    ----------
    measure : str
        AUC, AP, recall, false positive rate, precision or F1.
    first, second : float
        On the pictures that both answered.
    difference : Estimate or Absent
    p : float or None
    test : str or None
        DeLong, exact McNemar or paired bootstrap, in words.
    """

    measure: str
    first: float
    second: float
    difference: Maybe
    p: float | None
    test: str | None


@dataclass(frozen=True)
class Cell:
    """One cell of agreement: whether each of a pair marks the pictures counted here."""

    first: bool
    second: bool
    pictures: Classes


@dataclass(frozen=True)
class Pair:
    """Two scorers on the pictures that both answered.

    `agreement` is empty where one of them has no threshold. `sentence` says in words what the
    differences allow one to say.
    """

    first: str
    second: str
    pictures: Classes
    differences: Sequence[Difference]
    agreement: Sequence[Cell]
    sentence: str


@dataclass(frozen=True)
class SliceScores:
    """One scorer in one slice; `fpr` and `recall` at its threshold."""

    scorer: str
    auc: Maybe
    recall: Maybe
    fpr: Maybe


@dataclass(frozen=True)
class Slice:
    """Pictures whose attribute has one value; `small` where an interval can say little."""

    attribute: str
    value: str
    pictures: Classes
    small: bool
    scores: Sequence[SliceScores]


@dataclass(frozen=True)
class AtPrevalence:
    """Precision of each scorer, at its threshold, if so large a share of pictures were targets."""

    prevalence: float
    precision: Mapping[str, Maybe]


@dataclass(frozen=True)
class FunnelRow:
    """How many pictures get past one stage or rule, beside the published shares."""

    stage: str
    targets: Maybe
    controls: Maybe
    published_targets: Maybe
    published_controls: Maybe


@dataclass(frozen=True)
class PublishedPoint:
    """An operating point from the literature, measured on another test set."""

    name: str
    source: str
    recall: Estimate
    fpr: Estimate


# ---- The gallery and the making


@dataclass(frozen=True)
class Card:
    """A picture worth a look; pictures are data URIs, re-encoded, and may be absent.

    `why`: false positive or miss; `scorers`: whose; `net`: whose occlusion map it is.
    """

    why: Literal["false positive", "miss"]
    scorers: Sequence[str]
    path: str
    attributes: Mapping[str, str]
    scores: Mapping[str, float]
    overlay: str | None
    occlusion: str | None
    net: str | None


@dataclass(frozen=True)
class Making:
    """How the report was made."""

    command: str
    versions: Mapping[str, str]
    platform: str
    seed: int
    resamples: int
    digests: Mapping[str, str]
    limits: Sequence[str]


@dataclass(frozen=True)
class Report:
    """Everything that report.json holds, in the order in which a reader needs it."""

    answer: str
    tested: SetSummary
    scorers: Sequence[ScorerReport]
    published: Sequence[PublishedPoint]
    pairs: Sequence[Pair]
    prevalence: Sequence[AtPrevalence]
    slices: Sequence[Slice]
    funnel: Sequence[FunnelRow]
    gallery: Sequence[Card]
    making: Making
    notes: Sequence[str]
    schema: str = SCHEMA


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON knows it, with its schema first; no number is rounded."""
    data = asdict(report)
    plain: dict[str, Any] = json.loads(
        json.dumps({"schema": data.pop("schema"), **data}, allow_nan=False)
    )
    return plain
