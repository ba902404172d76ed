"""What a net sees of a picture: the whole of it, padded to a square where it is none.

Scores may come from stretched pictures; a projection of a stretched picture would show a stretched
world, so explanations never stretch. The padding is the mean colour, which to the net is zero.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from convnet.models import Preprocessing
from convnet.receptive import Field
from images.reading import RGB


@dataclass(frozen=True, eq=False)
class View:
    """A picture as the net sees it.

    Attributes
    ----------
    x : Tensor (1, 3, S, S), float32
        The net's input.
    image : ndarray (S, S, 3), uint8
        The same as a picture.
    box : Field
        What of it is the picture; the rest is padding.
    """

    x: torch.Tensor
    image: RGB
    box: Field


def view(picture: RGB, preprocessing: Preprocessing) -> View:
    """Pad a picture of any shape to a square and prepare it as the model prepares all.

    Parameters
    ----------
    picture : ndarray (H, W, 3), uint8
    preprocessing : Preprocessing
        Where it cuts out the middle, as ``open_nsfw`` does, the middle of the square is seen.
    """
    shift_down, shift_right, whole, _ = preprocessing.placement(1, 1)  # of any square
    padding = replace(preprocessing, size=whole, rule="pad")
    image = preprocessing.fit(padding.fit(picture))
    top, left, rows, columns = padding.placement(*picture.shape[:2])
    top, left = top + shift_down, left + shift_right
    seen = Field(0, preprocessing.size, 0, preprocessing.size)
    box = Field(top, top + rows, left, left + columns).meet(seen)
    return View(preprocessing.normalise(torch.from_numpy(image)[None]), image, box)


def in_rgb(
    planes: npt.NDArray[np.float32], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Return what is laid out as the net's input, (3, H, W), as (H, W, 3), red first."""
    return np.moveaxis(planes if preprocessing.order == "RGB" else planes[::-1], 0, -1)
