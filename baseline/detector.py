"""The whole detector on one screen: `detect(image) -> Detection`.

Skin filter, edges, symmetries, segments, groups; whichever stage says no ends the search.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from baseline.colour import ColourParams, LogOpponent, colour_planes
from baseline.edges import EdgeParams, EdgePoints, edge_points
from baseline.grouping import CONFIGURATIONS, RULES, Group, Grouping, Rule, find_groups
from baseline.ribbons import RibbonParams, find_ribbons
from baseline.rules import NEVER, GroupingParams
from baseline.segments import Segment, SegmentParams, find_segments
from baseline.skin import SkinMap, SkinParams, skin_filter
from baseline.symmetry import Symmetries, SymmetryParams, local_symmetries
from images.reading import RGB

Stage = Literal["skin_filter", "segments", "groups"]
ScoreName = Literal["cascade", "grouper_first"]


@dataclass(frozen=True)
class Params:
    """Every number of the detector, a stage at a time.

    Attributes
    ----------
    window : (int, int)
        A picture is reduced to fit this or its transpose, px. [ECCV96] (r)
    configuration : str
        Which rules mark a picture, no unit: a key of `CONFIGURATIONS`. [IJCV99] (q)
    score : {"cascade", "grouper_first"}
        How a picture is graded, no unit: see `graded_score`. Ours
    """

    window: tuple[int, int] = (128, 192)
    configuration: str = "F"
    score: ScoreName = "cascade"
    colour: ColourParams = field(default_factory=ColourParams)
    skin: SkinParams = field(default_factory=SkinParams)
    edges: EdgeParams = field(default_factory=EdgeParams)
    symmetry: SymmetryParams = field(default_factory=SymmetryParams)
    ribbons: RibbonParams = field(default_factory=RibbonParams)
    segments: SegmentParams = field(default_factory=SegmentParams)
    grouping: GroupingParams = field(default_factory=GroupingParams)

    def __post_init__(self) -> None:
        if self.configuration not in CONFIGURATIONS:
            raise ValueError(
                f"expected a configuration {', '.join(CONFIGURATIONS)}, got {self.configuration!r}"
            )
        if self.score not in ("cascade", "grouper_first"):
            raise ValueError(f"expected score cascade or grouper_first, got {self.score!r}")


@dataclass(frozen=True)
class Detection:
    """The detector's answer and every step on the way to it.

    Positions are (row, col) px of `working`, the picture at working size. Steps that were not
    reached are None or empty.

    Attributes
    ----------
    original_size : (int, int)
        Height and width of the picture as it came, px.
    working : ndarray (h, w, 3), uint8
    planes : LogOpponent
    skin : SkinMap
    edges : EdgePoints or None
    symmetries : Symmetries or None
    ribbons : tuple of Symmetries
    segments : tuple of Segment
    grouping : Grouping or None
        Groups and relaxations of every rule, whatever the configuration.
    stopped_at : str or None
        The stage that said no; None for a picture that is marked.
    score : float
        In [0, 1].
    decision : bool
        Exactly ``score >= 0.5``.
    cut : tuple of str
        Searches that ended at a limit of theirs.
    """

    original_size: tuple[int, int]
    working: RGB
    planes: LogOpponent
    skin: SkinMap
    edges: EdgePoints | None
    symmetries: Symmetries | None
    ribbons: tuple[Symmetries, ...]
    segments: tuple[Segment, ...]
    grouping: Grouping | None
    stopped_at: Stage | None
    score: float
    decision: bool
    cut: tuple[str, ...]
    params: Params

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that the configuration's rules found, rule by rule."""
        if self.grouping is None:
            return ()
        rules = CONFIGURATIONS[self.params.configuration]
        return tuple(g for rule in RULES if rule in rules for g in self.grouping.groups[rule])

    def graded(self, configuration: str) -> float:
        """Score that the same picture has in another configuration."""
        return graded_score(self.skin.fraction, self.grouping, configuration, self.params)


def detect(
    image: RGB,
    params: Params = Params(),
    filter_skin: Callable[[RGB, LogOpponent, SkinParams], SkinMap] = skin_filter,
) -> Detection:
    """Run the detector on one picture.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
        sRGB, upright, of any size.
    filter_skin : callable
        `skin_filter`, or for teaching `hsv_skin_filter`.

    Examples
    --------
    >>> grey = np.full((100, 150, 3), 128, np.uint8)
    >>> detect(grey).stopped_at
    'skin_filter'
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"expected an (H, W, 3) uint8 array, got {image.shape} {image.dtype}")
    working = reduce(image, params.window)
    planes = colour_planes(working, params.colour)
    skin = filter_skin(working, planes, params.skin)

    edges = symmetries = grouping = None
    ribbons: tuple[Symmetries, ...] = ()
    segments: tuple[Segment, ...] = ()
    cut: tuple[str, ...] = ()
    passed = skin.fraction >= params.skin.min_fraction
    if passed or params.score == "grouper_first":
        edges = edge_points(skin, params.edges)
        symmetries = local_symmetries(edges, skin.mask, params.symmetry)
        ribbons, many_peaks = find_ribbons(symmetries, working.shape, params.ribbons)
        segments, many_segments = find_segments(ribbons, skin.mask, params.segments)
        grouping = find_groups(segments, params.grouping)
        cut = ("ribbons",) * many_peaks + ("segments",) * many_segments + grouping.cut

    score = graded_score(skin.fraction, grouping, params.configuration, params)
    decision = score >= 0.5
    stopped_at: Stage | None = None
    if not decision:
        stopped_at = "groups" if segments else "segments" if grouping else "skin_filter"
    return Detection(
        image.shape[:2], working, planes, skin, edges, symmetries, ribbons, segments, grouping,
        stopped_at, score, decision, cut, params,
    )  # fmt: skip


def reduce(image: RGB, window: tuple[int, int] = Params.window) -> RGB:
    """Reduce a picture to fit the window or its transpose, whichever reduces less.

    Area averaging of sRGB values; a picture that fits already is left as it is.

    Examples
    --------
    >>> reduce(np.zeros((384, 256, 3), np.uint8)).shape
    (192, 128, 3)
    """
    height, width = image.shape[:2]
    short, long = sorted(window)
    factor = max(min(short / height, long / width), min(long / height, short / width))
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def least_tau(grouping: Grouping | None, configuration: str) -> float:
    """Least relaxation at which a rule of the configuration passes; infinity if none does."""
    rules: frozenset[Rule] = CONFIGURATIONS[configuration]
    return min((grouping.taus[rule] for rule in rules), default=NEVER) if grouping else NEVER


def graded_score(
    fraction: float, grouping: Grouping | None, configuration: str, params: Params = Params()
) -> float:
    """Grade a picture in [0, 1] so that its decision is exactly ``score >= 0.5``. Ours.

    "cascade", in the detector's own order: a picture that the image test stops scores
    0.25 x fraction / 0.30; one that passes without a group even at the greatest relaxation, 2,
    scores 0.25; otherwise 1 / (2 tau) for tau >= 1 and 1 - tau / 2 below.
    "grouper_first" does without the image test: a group's tau decides, and where there is no
    group the fraction orders pictures, at 0.25 x fraction.

    Parameters
    ----------
    fraction : float
        Share of the picture that is skin.
    grouping : Grouping or None
        None where the image test stopped the picture.
    """
    nothing = min(0.25, 1 / (2 * params.grouping.max_tau))
    if params.score == "cascade" and fraction < params.skin.min_fraction:
        return nothing * fraction / params.skin.min_fraction
    tau = least_tau(grouping, configuration)
    if tau > params.grouping.max_tau:
        return nothing * fraction if params.score == "grouper_first" else nothing
    return 1 / (2 * tau) if tau >= 1 else 1 - tau / 2
