"""Where in a picture the evidence lies, found by asking again and again: occlusion sensitivity.

Two experiments with windows over one picture [BLOG16]. *Windows cropped*: each window is scored
alone, and a pixel gets the mean score of the windows over it. *Windows occluded*: each window is
covered in turn, and a pixel gets the mean of one minus the score while it is covered. Nobody looks
inside what gives the scores: any black box will do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch

from convnet.incremental import full, incremental
from convnet.models import Model
from convnet.windows import BORDER, Numbers, Windows
from convnet.zfnet import ZFNet
from images.reading import RGB
from images.scoring import CallableScorer, Scorer, Scores, checked

Occluder = Literal["black", "mean"]
Experiment = Literal["whole", "occluded", "cropped"]
Colour = tuple[int, int, int]
Ask = Callable[[Numbers], npt.ArrayLike]
"""From windows' positions, (n, 2), to a score for each."""

MOST_BYTES = 400_000_000  # of pictures that are handed over at once


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """What both experiments found.

    Attributes
    ----------
    picture : ndarray (H, W, 3), uint8
        What the windows lie on: the picture as it was given, or as the network's input.
    score : float
        Of the whole picture.
    cropped, occluded : ndarray (H, W), float64
        For each pixel, 0 to 1: the mean score of the windows over it, each alone; the mean of one
        minus the score while it is covered.
    windows : Windows
    cropped_scores, occluded_scores : ndarray (N,), float64
        Score of each window alone, and of the picture with that window covered.
    occluder : str
        ``black``; or ``mean``, the mean colour of `picture`.
    colour : (int, int, int)
        The occluder's, RGB.
    border : str
        What happens where the stride does not fit, in words.
    """

    picture: RGB
    score: float
    cropped: Scores
    occluded: Scores
    windows: Windows
    cropped_scores: Scores
    occluded_scores: Scores
    occluder: Occluder
    colour: Colour
    border: str = BORDER

    @property
    def window(self) -> int:
        """Side of a window, px."""
        return self.windows.side

    @property
    def stride(self) -> int:
        """From one window to the next, px."""
        return self.windows.stride

    @property
    def positions(self) -> Numbers:
        """(N, 2): row and column of each window's top left pixel."""
        return self.windows.positions


class Scored(NamedTuple):
    """Scores that came together.

    Attributes
    ----------
    experiment : str
        ``whole``, ``occluded`` or ``cropped``.
    windows : ndarray (n,), int64
        Which ones, as rows of `OcclusionMap.positions`; 0 for the whole picture.
    scores : ndarray (n,), float64
    """

    experiment: Experiment
    windows: Numbers
    scores: Scores


def occlusion_maps(
    image: RGB,
    scorer: Scorer | Callable[[list[RGB]], npt.ArrayLike],
    window: int = 64,
    stride: int = 3,
    occluder: Occluder = "black",
    batch: int = 125,
    *,
    size: int | None = None,
    known: Iterable[Scored] = (),
    tell: Callable[[Scored], object] | None = None,
) -> OcclusionMap:
    """Run both experiments on one picture.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
    scorer : Scorer or callable
        A `Model`, any other scorer (see `images.scoring`), or a function from a list of pictures
        to as many probabilities. What it raises comes through.
    window, stride : int
        Side of a window, and step from one to the next, px of what the windows lie on. The last
        row and column of windows are shifted back to end at the border.
    occluder : str
        ``black``; or ``mean``, the mean colour of what the windows lie on.
    batch : int
        Pictures handed to the scorer at once, fewer where they are large. The maps do not depend
        on it.
    size : int, optional
        By default, the windows lie on the image, and every crop and every occluded picture is one
        of its own to the scorer. With the input size of a `Model`, they lie on the network's
        input: the image is brought to it once, and covered there, which is faster; crops are
        still brought to that size one by one, as pictures of their own.
    known : iterable of Scored
        What need not be asked again: all that `tell` was told in a run with the same arguments.
    tell : callable, optional
        Is told scores as they come, so that an interruption loses none.

    Raises
    ------
    ValueError
        If the windows do not fit on the picture, or the answers are no probabilities.
    """
    asked = scorer if isinstance(scorer, Scorer) else CallableScorer(scorer)
    if not asked.is_probability:
        raise ValueError(f"expected a scorer that gives probabilities, got {asked.name}")
    if occluder not in get_args(Occluder) or batch < 1:
        raise ValueError(
            f"expected occluder black or mean and a batch of 1 or more, got {occluder} and {batch}"
        )
    picture = image if size is None else _input(image, asked, size)
    windows = Windows(picture.shape[0], picture.shape[1], window, stride)
    positions = windows.positions
    colour = _colour(picture, occluder)

    fewer = max(1, min(batch, MOST_BYTES // picture.nbytes))
    questions: tuple[tuple[Experiment, int, int, Ask], ...] = (
        ("whole", 1, 1, lambda _: asked.score([image.copy()])),
        ("occluded", len(positions), fewer, _occluded(asked, picture, windows, colour, size)),
        ("cropped", len(positions), batch, _cropped(asked, picture, windows)),
    )
    found = {name: np.full(count, np.nan) for name, count, _, _ in questions}
    for name, some, scores in known:
        found[name][some] = scores
    for name, _, most, ask in questions:
        missing = np.flatnonzero(np.isnan(found[name]))
        for start in range(0, len(missing), most):
            some = missing[start : start + most]
            found[name][some] = scores = _probabilities(ask(positions[some]), asked.name, len(some))
            if tell:
                tell(Scored(name, some, scores))
    return OcclusionMap(
        picture,
        float(found["whole"][0]),
        windows.means(found["cropped"]),
        windows.means(1 - found["occluded"]),
        windows,
        found["cropped"],
        found["occluded"],
        occluder,
        colour,
    )


def _cropped(scorer: Scorer, picture: RGB, windows: Windows) -> Ask:
    return lambda places: scorer.score([windows.crop(picture, top, left) for top, left in places])


def _occluded(
    scorer: Scorer, picture: RGB, windows: Windows, colour: Colour, size: int | None
) -> Ask:
    if size is None or not isinstance(scorer, Model):
        return lambda places: scorer.score(
            [windows.cover(picture, top, left, colour) for top, left in places]
        )
    net = scorer.net
    device = next(net.parameters()).device

    def prepared(pixels: RGB) -> torch.Tensor:
        return scorer.preprocessing.normalise(torch.from_numpy(pixels[None]))[0].to(device)

    whole = prepared(picture)
    cover = prepared(np.full((windows.side, windows.side, 3), colour, np.uint8))
    covered = incremental(net.layers, whole) if isinstance(net, ZFNet) else full(net, whole)
    return lambda places: covered(places, cover).cpu().double().softmax(1)[:, 1].numpy()


def _input(image: RGB, scorer: Scorer, size: int) -> RGB:
    """Return the image as the network's input shows it."""
    own = scorer.preprocessing.size if isinstance(scorer, Model) else None
    if size != own or not isinstance(scorer, Model):
        expected = "no size for a black box" if own is None else f"size {own}, the network's own"
        raise ValueError(f"expected {expected}, got {size}")
    return scorer.preprocessing.fit(image)


def _colour(picture: RGB, occluder: Occluder) -> Colour:
    mean = picture.mean(axis=(0, 1)) if occluder == "mean" else np.zeros(3)
    red, green, blue = (round(float(value)) for value in mean)
    return red, green, blue


def _probabilities(scores: npt.ArrayLike, name: str, count: int) -> Scores:
    array = checked(scores, count, name)
    if array.min(initial=0) < 0 or array.max(initial=1) > 1:
        raise ValueError(
            f"expected probabilities, 0 to 1, from {name}, got {array.min():g} to {array.max():g}"
        )
    return array
