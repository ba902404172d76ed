"""What is true of a drawn picture: where skin is, which part is where, and how it was made."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from images.mannequins.camera import Camera
from images.mannequins.solids import Hits, Solid

LIMB_PARTS = ("upper arm", "forearm", "thigh", "shank")


@dataclass(frozen=True)
class Part:
    """One solid of a figure as the picture shows it.

    Attributes
    ----------
    name : str
        Such as "left forearm".
    figure : int
        Number of the figure.
    ends : ((float, float), (float, float))
        The axis' ends, (row, col) px; they may lie outside the frame.
    width : float
        2 f r / z at the axis' middle, px.
    visible : float
        Share of the axis that is in the frame and not hidden by another solid.
    bare : bool
        Whether it is skin.
    """

    name: str
    figure: int
    ends: tuple[tuple[float, float], tuple[float, float]]
    width: float
    visible: float
    bare: bool


@dataclass(frozen=True)
class Truth:
    """Truth about one picture.

    Attributes
    ----------
    skin : ndarray (H, W), bool
        Where at least half of a pixel is skin.
    labels : ndarray (H, W), uint8
        0 for everything else; otherwise one more than the index of a part in `parts`.
    parts : tuple of Part
    attributes : mapping of str to str
        Kind, tone, pose, framing, light, capture: the columns of a manifest.
    """

    skin: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.uint8]
    parts: tuple[Part, ...]
    attributes: Mapping[str, str]

    @property
    def joints(self) -> dict[str, tuple[float, float]]:
        """Where the balls between the parts are: name, with the figure's number, to (row, col)."""
        names = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "waist")
        return {
            f"{part.figure} {part.name}": part.ends[0]
            for part in self.parts
            if part.name.endswith(names)
        }


def truth_of(
    solids: list[Solid],
    skin: frozenset[int],
    camera: Camera,
    hits: Hits,
    attributes: Mapping[str, str],
) -> Truth:
    """Read the truth off the solids and what the rays met.

    Parameters
    ----------
    solids : list of Solid
    skin : frozenset of int
        Materials that are skin.
    camera : Camera
        At the picture's own size; `hits` may be larger.
    attributes : mapping
        Carried along; the shares of skin and of what is hidden are added.
    """
    size = camera.size
    bodies = [k for k, solid in enumerate(solids) if solid.figure >= 0]
    number = np.zeros(len(solids) + 1, np.uint8)
    number[bodies] = np.arange(1, len(bodies) + 1)
    is_skin = np.array([*(s.figure >= 0 and s.material in skin for s in solids), False])
    cover = is_skin[hits.solid].astype(np.float32)
    mask = cv2.resize(cover, size[::-1], interpolation=cv2.INTER_AREA) >= 0.5
    nearest = cv2.resize(number[hits.solid], size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    labels = nearest.astype(np.uint8, copy=False)
    parts = tuple(_part(solids[k], k, is_skin[k], camera, hits) for k in bodies)
    limbs = [part.visible for part in parts if part.name.endswith(LIMB_PARTS)]
    return Truth(
        mask,
        labels,
        parts,
        {
            **attributes,
            "skin_share": f"{mask.mean():.4f}",
            "limbs_visible": f"{np.mean(limbs):.3f}" if limbs else "",
        },
    )


def _part(solid: Solid, index: int, bare: bool, camera: Camera, hits: Hits) -> Part:
    points = solid.start + np.linspace(0, 1, 33)[:, None] * (solid.end - solid.start)
    places, depth = camera.project(points)
    factor = np.array(hits.solid.shape) / np.array(camera.size)
    fine = np.rint((places + 0.5) * factor - 0.5).astype(int)
    inside = ((fine >= 0) & (fine < hits.solid.shape)).all(axis=1) & (depth > 0)
    seen = np.zeros(len(points), bool)
    seen[inside] = hits.solid[fine[inside, 0], fine[inside, 1]] == index
    radius = (solid.start_radius + solid.end_radius) / 2
    first, last = places[0], places[-1]
    return Part(
        solid.name,
        solid.figure,
        ((float(first[0]), float(first[1])), (float(last[0]), float(last[1]))),
        float(2 * camera.focal * radius / max(float(depth[16]), 1e-3)),
        float(seen.mean()),
        bool(bare),
    )
