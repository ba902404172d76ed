"""Where a scene takes place: frame, floor, wall or backdrop, light, props. Never the label's.

Everything here is drawn from a stream of its own, before and without the subject.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from images.mannequins.shading import Ground
from images.mannequins.solids import Floats, Shape, Solid
from images.mannequins.textures import Material, Pattern
from images.mannequins.tones import TONES, skin_colour
from images.reading import read

FRAMES = ((480, 320), (320, 480), (392, 392))  # height and width, px; ours
FRAME_SHARES = (0.5, 0.35, 0.15)
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Prop:
    """A thing in the picture, placed by where it is seen: it stands on the floor or hangs there.

    Attributes
    ----------
    place : (float, float)
        Share of the frame's height and width.
    near : float
        Distance of a post in front of the subject, in the subject's own; 0 for what is behind.
    size : float
        Share of the frame's shorter side.
    shape : str
    stretch : float
        Length over width.
    material : Material
    """

    place: tuple[float, float]
    near: float
    size: float
    shape: Shape
    stretch: float
    material: Material


@dataclass(frozen=True)
class Surroundings:
    """All of a picture that is not its subject.

    Attributes
    ----------
    kind : str
        "room", "landscape", or the kind of backdrop.
    size : (int, int)
        Height and width, px, at full size.
    floor, wall : Material
    wall_distance : float
        Behind the subject, metres.
    origin : (float, float)
        Shift of the patterns, metres.
    backdrop : ndarray (h, w, 3) or None
        What is seen where there is no floor or wall, linear; stretched over the frame.
    props : tuple of Prop
    """

    kind: str
    size: tuple[int, int]
    floor: Material
    wall: Material
    wall_distance: float
    origin: tuple[float, float]
    backdrop: npt.NDArray[np.float32] | None
    props: tuple[Prop, ...]


def any_colour(rng: np.random.Generator, skin_like: float = 0.06) -> tuple[float, float, float]:
    """Draw a linear colour as paint and cloth have them; now and then one like skin."""
    like, tone = rng.random() < skin_like, int(rng.integers(1, TONES + 1))
    skin = skin_colour(rng, tone)
    hue, saturation, value = rng.random(), rng.beta(1.3, 2.2), rng.uniform(0.05, 0.75)
    hsv = np.array([[[360 * hue, saturation, value]]], np.float32)
    paint = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return skin if like else (float(paint[0]), float(paint[1]), float(paint[2]))


def any_material(
    rng: np.random.Generator, patterns: dict[Pattern, float], scale: tuple[float, float],
    skin_like: float = 0.06,
) -> Material:  # fmt: skip
    """Draw a material with one of the patterns, which are given with their shares."""
    pattern = str(rng.choice(list(patterns), p=list(patterns.values())))
    first, second = any_colour(rng, skin_like), any_colour(rng, skin_like)
    mix = rng.uniform(0.25, 0.9)  # the second colour leans towards the first
    other = tuple(mix * a + (1 - mix) * b for a, b in zip(second, first, strict=True))
    return Material(
        first,
        (other[0], other[1], other[2]),
        pattern,  # type: ignore[arg-type]
        float(np.exp(rng.uniform(*np.log(scale)))),
        float(rng.uniform(0, np.pi)),
        (float(rng.uniform(0.02, 0.16)), float(rng.uniform(0.02, 0.12)), 0.05),
        float(rng.uniform(0, 0.05)),
        float(rng.uniform(6, 30)),
    )


_FLOOR: dict[Pattern, float] = {
    "plain": 0.3, "noise": 0.25, "wood": 0.2, "check": 0.15, "stripe": 0.05, "spots": 0.05,
}  # fmt: skip
_WALL: dict[Pattern, float] = {
    "plain": 0.5, "noise": 0.2, "stripe": 0.1, "wood": 0.1, "check": 0.05, "spots": 0.05,
}  # fmt: skip


def draw_surroundings(rng: np.random.Generator, split: str) -> Surroundings:
    """Draw a place of one split."""
    size = FRAMES[int(rng.choice(len(FRAMES), p=FRAME_SHARES))]
    kind = str(rng.choice(["room", "landscape", "gradient", "photo"], p=[0.6, 0.2, 0.1, 0.1]))
    floor = any_material(rng, _FLOOR, (0.12, 0.8))
    wall = any_material(rng, _WALL, (0.08, 0.8))
    distance = float(rng.uniform(0.5, 2.5))
    origin = float(rng.uniform(-9, 9)), float(rng.uniform(-9, 9))
    sky = _gradient(rng)
    photo = photo_crop(rng, split, size)
    backdrop = {"landscape": sky, "gradient": _gradient(rng), "photo": photo}.get(kind)
    return Surroundings(
        kind, size, floor, wall, distance, origin, backdrop, _draw_props(rng)
    )  # fmt: skip


def _gradient(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    top, bottom = np.array(any_colour(rng)), np.array(any_colour(rng))
    sky = np.array([0.35, 0.5, 0.75]) * rng.uniform(0.5, 1.3)
    ramp = np.linspace(0, 1, 64)[:, None, None] ** rng.uniform(0.5, 2)
    if rng.random() < 0.6:
        top = sky
    return np.broadcast_to(top + ramp * (bottom - top), (64, 2, 3)).astype(np.float32)


def _draw_props(rng: np.random.Generator) -> tuple[Prop, ...]:
    """Draw a few things; in 95 % of the pictures one is nearly black, as something mostly is."""
    props = []
    for number in range(int(rng.integers(1, 5))):
        front = rng.random() < 0.07
        material = any_material(rng, _WALL, (0.03, 0.3))
        shade = 0.01 * rng.random()
        if number == 0 and rng.random() < 0.95:
            material = Material((shade, shade, shade), grain=(0.1, 0.1, 0.1), gloss=0.01)
        row, col = 0.08 + 0.84 * rng.random(2)
        if front:  # near a side, so that it hides a part and not the whole
            col = rng.choice([0.03, 0.97])
        shape: Shape = ("box", "cylinder", "capsule")[int(rng.integers(3))]
        props.append(
            Prop(
                (float(row), float(col)),
                float(rng.uniform(0.6, 0.8)) * front,
                float(rng.uniform(0.07, 0.28)),
                shape,
                float(np.exp(rng.uniform(0, 1.2))),
                material,
            )
        )
    return tuple(props)


def prop_solid(
    prop: Prop, material: int, eye: Floats, ray: Floats, distance: float, metres: float,
    ground: Ground,
) -> Solid:  # fmt: skip
    """Build a prop: upright on the floor, hung on the wall, else a post from below the frame.

    Parameters
    ----------
    material : int
        Its number.
    ray : ndarray (3,)
        From the camera through its place, of length 1 along the view.
    distance : float
        Of the subject from the camera, metres.
    metres : float
        Width of the frame's shorter side at the subject, metres.
    ground : Ground
    """
    up = np.array([0, 0, 1.0])
    floor = (ground.floor - eye[2]) / ray[2] if ray[2] < 0 and ground.floor > -1e8 else np.inf
    approach = float(ray @ ground.facing)
    wall = np.inf
    if approach < 0 and ground.wall < 1e8:
        wall = -(float(eye @ ground.facing) + ground.wall) / approach
    depth = min(floor, wall)
    radius = prop.size * metres / 2 / np.sqrt(prop.stretch)
    sideways = np.cross(up, ground.facing)
    if prop.near or not 1.05 * distance < depth < 12 * distance:  # nowhere to stand
        depth = distance * (prop.near or 1.3)
        top = eye + ray * depth
        shape: Shape = "capsule" if prop.shape == "box" else prop.shape
        radius *= depth / distance / 1.5
        return Solid("prop", top - up * 9 * metres, top, radius, radius, material, shape=shape)
    radius *= depth / distance
    spot = eye + ray * depth
    half = radius * prop.stretch
    across = sideways if prop.shape == "box" else None
    if floor < wall:
        return Solid("prop", spot, spot + up * 2 * half, radius, radius, material, -1, across, 1.0,
                     prop.shape)  # fmt: skip
    return Solid("prop", spot - sideways * half, spot + sideways * half, radius, radius, material,
                 -1, up, 0.15, "box")  # fmt: skip


# Packaged photographs without people, shared out between the splits so that none is in two.
PHOTOGRAPHS = {
    "train": ("chelsea.png", "china.jpg", "grass.png", "rocket.jpg"),
    "validation": ("coffee.png", "gravel.png"),
    "test": ("flower.jpg", "brick.png", "motorcycle_left.png"),
}


def photo_crop(
    rng: np.random.Generator, split: str, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Draw a crop of a packaged photograph of the split, linear, in the frame's proportions."""
    names = PHOTOGRAPHS[split]
    image = _photograph(names[int(rng.integers(len(names)))])
    height, width = image.shape[:2]
    share = rng.uniform(0.4, 0.95) * min(height / size[0], width / size[1])
    h, w = round(share * size[0]), round(share * size[1])
    row, col = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    crop = image[row : row + h, col : col + w]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


@lru_cache(maxsize=16)
def _photograph(name: str) -> npt.NDArray[np.float32]:
    import skimage
    import sklearn

    folders = (
        Path(skimage.__file__).parent / "data",
        Path(sklearn.__file__).parent / "datasets" / "images",
    )
    for folder in folders:
        image = read(folder / name).image
        if image is not None:
            linear = (image / 255) ** 2.2
            return linear.astype(np.float32)
    raise ValueError(f"expected {name} among the photographs of scikit-image and scikit-learn")
