"""One picture: surroundings, subject, light and capture, each from a random stream of its own.

Because the streams are separate, a picture can be drawn again with one thing changed and nothing
else: bare or clothed, another tone, another light, a cue or none. What the label might leak into
(frame, place, props, light, exposure, noise, JPEG) is drawn without it.
"""

from dataclasses import dataclass, replace
from typing import TypedDict

import cv2
import numpy as np
import numpy.typing as npt

from images.mannequins.camera import Camera, frame
from images.mannequins.capture import Capture, develop, draw_capture
from images.mannequins.shading import Ground, Light, cast_shadows, shade
from images.mannequins.solids import Floats, Hits, Solid, pack, trace, unit
from images.mannequins.subjects import Subject, any_wood, draw_subject
from images.mannequins.surroundings import (
    SPLITS,
    Surroundings,
    draw_surroundings,
    photo_crop,
    prop_solid,
)
from images.mannequins.textures import Material, pack_materials, tiles
from images.mannequins.truth import Truth, truth_of
from images.reading import RGB

SUPERSAMPLING = 1.4
CUE_RADIUS = 0.045  # of the frame's shorter side: large enough to be seen at a net's input size


class Swap(TypedDict, total=False):
    """The one thing that a paired drawing changes; what is not named stays.

    ``kind``: another kind, such as "clothed" for "bare". ``tone``: 1 to 10. ``light``: any number,
    for another light. ``cue``: whether a round badge sits on each head. ``subject``: False for the
    place without it.
    """

    kind: str
    tone: int
    light: int
    cue: bool
    subject: bool


@dataclass(frozen=True)
class Drawing:
    """A picture, how it is to be encoded, and the truth about it.

    Attributes
    ----------
    image : ndarray (H, W, 3), uint8
        Before JPEG.
    truth : Truth
    quality : int
        Of the JPEG.
    """

    image: RGB
    truth: Truth
    quality: int


def draw(
    rng: np.random.Generator,
    kind: str,
    swap: Swap | None = None,
    scale: float = 1.0,
    split: str = "test",
) -> Drawing:
    """Draw one picture.

    Parameters
    ----------
    rng : Generator
        The same generator gives the same picture.
    kind : str
        "bare" is the target class; the others are controls: see `images.mannequins.KINDS`.
    swap : Swap, optional
        The one thing to change, for an exact counterfactual.
    scale : float
        1 is 320 x 480 px and its kin.
    split : str
        "train", "validation" or "test": textures and photographs are not shared between them.

    Raises
    ------
    ValueError
        If the kind, the split or a swap is not known.
    """
    change: Swap = swap or {}
    if split not in SPLITS:
        raise ValueError(f"expected a split {', '.join(SPLITS)}, got {split!r}")
    if unknown := set(change) - set(Swap.__annotations__):
        raise ValueError(f"expected swaps {', '.join(Swap.__annotations__)}, got {unknown}")
    place_rng, light_rng, subject_rng, dress_rng, camera_rng, capture_rng = rng.spawn(6)
    if "light" in change:
        light_rng = np.random.default_rng([change["light"], 0x116417])
    kind = change.get("kind", kind)
    place = draw_surroundings(place_rng, split)
    subject = draw_subject(subject_rng, dress_rng, kind, change.get("tone"))
    if change.get("subject", True):
        place = _filling(place, kind, subject_rng, split)
    camera = _camera(camera_rng, subject, place.size)
    light = _light(light_rng, camera)
    capture = draw_capture(capture_rng)
    scene = _assemble(place, subject, camera, change)
    camera = camera.scaled(scale)
    image, hits = _render(scene, camera, light, tiles(SPLITS.index(split)))
    attributes = {
        "kind": kind,
        "tone": "",
        "pose": "",
        "figures": "0",
        "framing": subject.framing,
        **subject.attributes,
        "cue": str(int(change.get("cue", False))),
        "place": place.kind,
        **_described(light, capture),
    }
    truth = truth_of(scene.solids, scene.skin, camera, hits, attributes)
    return Drawing(develop(image, capture), truth, capture.quality)


@dataclass(frozen=True)
class _Scene:
    """Everything in the world, and which materials are skin."""

    place: Surroundings
    solids: list[Solid]
    materials: list[Material]
    skin: frozenset[int]
    ground: Ground


def _filling(place: Surroundings, kind: str, rng: np.random.Generator, split: str) -> Surroundings:
    """Return the place for kinds that fill the picture with a surface or a photograph."""
    if kind == "texture":
        surface = any_wood(rng)
        if rng.random() < 0.5:  # dunes
            surface = replace(surface, pattern="noise", grain=(0.12, 0.2, 0.2))
        return replace(place, kind="surface", wall=surface, wall_distance=0.0)
    if kind == "photo":
        return replace(place, kind="photo", backdrop=photo_crop(rng, split, place.size))
    return place


def _camera(rng: np.random.Generator, subject: Subject, size: tuple[int, int]) -> Camera:
    """Draw where the camera stands: above the floor, no pelvis in the middle of a closer frame."""
    blocks = np.array([s.start for s in subject.solids if s.name == "pelvis"])
    for _ in range(50):
        azimuth, elevation = rng.uniform(-1, 1), rng.normal(0.12, 0.2)
        roll, distance, crop = rng.normal(0, 0.06), rng.uniform(1.6, 4), rng.uniform(1.05, 1.45)
        if subject.from_above:
            elevation = 0.25 + abs(elevation)
        crop *= subject.closer
        azimuth = (subject.facing or 0.0) + azimuth * subject.freedom
        elevation = float(np.clip(elevation, -0.35, 1.2))
        camera = frame(subject.framed, size, azimuth, elevation, roll, distance, crop)
        if camera.eye[2] < 0.05:  # under the floor: from as far above instead
            camera = frame(subject.framed, size, azimuth, -elevation, roll, distance, crop)
        if subject.framing == "whole" or not len(blocks):
            return camera
        places, _ = camera.project(blocks)
        central = (abs(places / np.array(size) - 0.5) < 0.3).all(axis=1)
        if not central.any():
            return camera
    # Where no view will do, the frame moves up until the blocks are at its lower edge.
    lift = 0.85 * size[0] - places[central, 0].min()
    return replace(camera, middle=(camera.middle[0] + float(lift), camera.middle[1]))


def _light(rng: np.random.Generator, camera: Camera) -> Light:
    """Draw a key light, from anywhere in front of the subject or at its side."""
    azimuth = np.arctan2(-camera.ahead[0], -camera.ahead[1]) + rng.uniform(-1.9, 1.9)
    elevation = rng.uniform(0.1, 1.3)
    towards = np.array([
        np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth), np.sin(elevation)
    ])  # fmt: skip
    warm = rng.normal(0, 0.10)
    tint = float(np.exp(warm)), 1.0, float(np.exp(-1.2 * warm))
    softness = float(rng.choice([0.0, rng.uniform(0.01, 0.06)]))
    return Light(towards, float(rng.uniform(0.25, 0.6)), tint, softness)


def _assemble(place: Surroundings, subject: Subject, camera: Camera, change: Swap) -> _Scene:
    """Put props, subject and ground together, seen from the camera.

    Props come first: their grain goes by their number, which must not depend on the subject.
    """
    solids, materials = list[Solid](), list(subject.materials)
    middle = (subject.framed.min(axis=0) + subject.framed.max(axis=0)) / 2
    distance = camera.distance
    metres = min(place.size) * distance / camera.focal
    level = np.array([-camera.ahead[0], -camera.ahead[1], 0.0])
    facing = unit(level)
    back = min(
        [float((p - middle) @ facing) for s in subject.solids for p in (s.start, s.end)] or [0.0]
    )
    wall = -(float(middle @ facing) + back - 0.3 - place.wall_distance)
    floor = 0.0
    if place.kind in ("gradient", "photo"):
        floor, wall = -1e9, 1e9
    elif place.kind == "landscape":
        wall = 1e9
    elif place.kind == "surface":
        floor = -1e9
    count = len(materials)
    materials += [place.floor, place.wall]
    ground = Ground(floor, wall, facing, np.array([count, count + 1]), np.array(place.origin))
    for prop in place.props:
        row, col = (share * side for share, side in zip(prop.place, place.size, strict=True))
        ray = (
            camera.ahead
            + camera.down * (row - camera.middle[0]) / camera.focal
            + camera.right * (col - camera.middle[1]) / camera.focal
        )
        solids.append(prop_solid(prop, len(materials), camera.eye, ray, distance, metres, ground))
        materials.append(prop.material)
    shown = subject.solids if change.get("subject", True) else []
    solids += shown
    if change.get("cue", False):
        materials.append(Material((0.62, 0.02, 0.16), grain=(0, 0, 0), gloss=0.02))
        solids += [
            _badge(head, camera, min(place.size), len(materials) - 1)
            for head in shown
            if head.name == "head"
        ]
    return _Scene(place, solids, materials, subject.skin, ground)


def _badge(head: Solid, camera: Camera, side: int, material: int) -> Solid:
    """Return a flat round badge on a head, turned to the camera, the cue of a paired experiment."""
    centre = (head.start + head.end) / 2
    towards = unit(camera.eye - centre)
    half = float(np.linalg.norm(head.end - head.start)) / 2
    front = centre + towards * (half + head.end_radius * 1.35)  # clear of head and cap
    depth = float((front - camera.eye) @ camera.ahead)
    radius = CUE_RADIUS * side * depth / camera.focal
    return Solid("badge", front, front + towards * 0.01, radius, radius, material, shape="cylinder")


def _render(
    scene: _Scene, camera: Camera, light: Light, noise: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], Hits]:
    """Trace and shade: linear light (H, W, 3) at the camera's size, and the hits beneath it.

    Solids are drawn larger and reduced, for smooth edges; the ground is drawn at its own size,
    and only where it is seen.
    """
    size = camera.size
    backdrop = np.full((1, 1, 3), 0.5, np.float32)
    if scene.place.backdrop is not None:
        backdrop = scene.place.backdrop
    image = cv2.resize(backdrop, size[::-1]).astype(np.float32, copy=False)
    materials = pack_materials(scene.materials)
    solids = pack(scene.solids)
    look = np.array([(s.material, int(s.seamed)) for s in scene.solids], dtype=np.int64).reshape(
        -1, 2
    )
    across = np.array([_across(s) for s in scene.solids]).reshape(-1, 3)
    args = (solids, look, across, materials, noise, scene.ground)

    fine = camera.scaled(SUPERSAMPLING)
    hits = trace(solids, fine.rays(), fine.boxes(solids), fine.size)
    seen = (hits.solid >= 0).astype(np.float32)
    cover = cv2.resize(seen, size[::-1], interpolation=cv2.INTER_AREA)
    open_ground = np.where(cover < 1, -1, -2).astype(np.int32)
    nothing = Hits(np.full(size, np.inf, np.float32), open_ground, np.zeros((*size, 3), np.float32))
    shadows = cast_shadows(camera, solids, scene.ground, light)
    ground = shade(camera, nothing, *args, image, light, shadows)
    only = hits._replace(solid=np.where(hits.solid >= 0, hits.solid, -2).astype(np.int32))
    front = shade(fine, only, *args, np.zeros((*fine.size, 3), np.float32), light, shadows)
    reduced = cv2.resize(front, size[::-1], interpolation=cv2.INTER_AREA)
    mixed = reduced + (1 - cover[..., None]) * ground
    return mixed.astype(np.float32, copy=False), hits


def _across(solid: Solid) -> Floats:
    """Direction from which the angle around a solid counts: forward for a head."""
    if solid.across is not None:
        return unit(solid.across)
    axis = unit(solid.end - solid.start)
    return unit(np.cross(axis, np.array([0.31, 0.52, 0.79])))


def _described(light: Light, capture: Capture) -> dict[str, str]:
    """Describe how a picture was lit and taken, as columns of a manifest."""
    height = float(np.degrees(np.arcsin(light.towards[2])))
    return {
        "light": "low" if height < 25 else "high" if height > 50 else "middle",
        "ambient": f"{light.ambient:.3f}",
        "exposure": f"{capture.exposure:.3f}",
        "noise": f"{capture.noise:.4f}",
        "quality": str(capture.quality),
    }
