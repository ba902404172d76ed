"""From what the rays met to light: patterns, a key light with shadows, an ambient one, highlights.

A second trace from the light gives the depths that shadows are told by; a third from beneath the
ground, how closely things stand above it, which darkens the ground where they touch it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from images.compiled import compiled
from images.mannequins.camera import Camera
from images.mannequins.solids import Floats, Hits, Rays, Solids, trace, unit
from images.mannequins.textures import GRAIN_WEIGHTS, PITCH, TILE, Materials

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """One key light, far away, and light from everywhere.

    Attributes
    ----------
    towards : ndarray (3,)
        Unit vector to the key light.
    ambient : float
        Share of all light that is ambient.
    tint : (float, float, float)
        Of the ambient light.
    softness : float
        Blur of the shadows' edges, metres; 0 is hard.
    """

    towards: Floats
    ambient: float
    tint: tuple[float, float, float]
    softness: float


class Ground(NamedTuple):
    """Floor and wall: the floor's height, the wall's distance and the direction that it faces.

    ``materials`` holds the two material indices; ``origin`` moves their patterns, metres.
    """

    floor: float
    wall: float
    facing: Floats
    materials: npt.NDArray[np.int64]
    origin: Floats


class Shadow(NamedTuple):
    """Depths from a light: lookup by ``(point - origin) @ down / texel`` and so on."""

    depth: Image
    origin: Floats
    down: Floats
    right: Floats
    along: Floats
    texel: float


SHADOW_SIDE = 256  # texels
FAR = 50.0  # where a shadow's rays start, metres from what they fall on
STRENGTH = 0.85  # of a shadow: the share of the key light that it takes; ours
MOST_BLUR = 5  # texels
WRAP = 0.15  # how far light wraps around; ours


def shadow_map(solids: Solids, along: Floats, centre: Floats, reach: float) -> Shadow:
    """Trace parallel rays to where a ball is, and keep the depths.

    The ball is the sight of the camera and not of the solids: one more or less moves no other's
    shadow, and far ones do not coarsen the near ones'.
    """
    other = np.array([0, 1.0, 0]) if abs(along[1]) < 0.9 else np.array([1.0, 0, 0])
    right = unit(np.cross(along, other))
    down = np.cross(along, right)
    texel = 2 * reach / SHADOW_SIDE
    origin = centre - along * FAR - (down + right) * reach
    still = np.zeros(3)
    rays = Rays(origin, down * texel, right * texel, along, still, still)
    places = np.stack([(solids.centre - origin) @ down, (solids.centre - origin) @ right], axis=1)
    radius = solids.bound / texel + 1
    low2 = np.clip(np.floor(places / texel - radius[:, None]), 0, SHADOW_SIDE).astype(np.int64)
    high2 = np.clip(np.ceil(places / texel + radius[:, None]) + 1, 0, SHADOW_SIDE).astype(np.int64)
    boxes = np.stack([low2[:, 0], high2[:, 0], low2[:, 1], high2[:, 1]], axis=1)
    depth = trace(solids, rays, boxes, (SHADOW_SIDE, SHADOW_SIDE)).depth
    return Shadow(depth, origin, down, right, along, texel)


def cast_shadows(
    camera: Camera, solids: Solids, ground: Ground, light: Light
) -> tuple[Shadow, Shadow]:
    """Return the depths from the key light, and how closely the ground is touched, 0 to 1."""
    centre, reach = camera.sight()
    key = shadow_map(solids, -light.towards, centre, 1.5 * reach)
    below = shadow_map(solids, np.array([0, 0, 1.0]), centre, 4 * reach)
    clearance = below.depth - (ground.floor - below.origin[2])
    touch = np.exp(-np.clip(clearance, 0, 5) / 0.10).astype(np.float32)
    blurred = cv2.GaussianBlur(touch, (0, 0), max(0.05 / below.texel, 0.5))
    return key, below._replace(depth=blurred)


def shade(
    camera: Camera,
    hits: Hits,
    solids: Solids,
    look: npt.NDArray[np.int64],
    across: Floats,
    materials: Materials,
    tiles: npt.NDArray[np.float32],
    ground: Ground,
    backdrop: Image,
    light: Light,
    shadows: tuple[Shadow, Shadow],
) -> Image:
    """Light the picture: (H, W, 3) float32, linear.

    Parameters
    ----------
    hits : Hits
        Of `camera`'s rays.
    look : ndarray (N, 2), int64
        Of each solid its material, and whether its ends are seamed.
    across : ndarray (N, 3)
        Direction from which the angle around each solid counts.
    tiles : ndarray (6, TILE, TILE)
    ground : Ground
        Its `wall` is 1e9, and its `floor` -1e9, where there is none.
    backdrop : ndarray (H, W, 3)
        What is seen where nothing is.
    shadows : (Shadow, Shadow)
        From `cast_shadows`.
    """
    key, contact = shadows
    blur = min(max(1, round(light.softness / key.texel)), MOST_BLUR)
    image = backdrop.copy()
    _shade(
        camera.rays(), hits, solids, look, across, materials, tiles, ground, image, key, contact,
        light.towards, light.ambient, np.array(light.tint), blur, GRAIN_WEIGHTS,
    )  # fmt: skip
    return image


Vector = tuple[float, float, float]


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def vector(array: Floats) -> Vector:
    """Three numbers of an array, in registers."""
    return (array[0], array[1], array[2])


@compiled
def along(origin: Vector, direction: Vector, depth: float) -> Vector:
    """Point of a ray."""
    return (
        origin[0] + depth * direction[0],
        origin[1] + depth * direction[1],
        origin[2] + depth * direction[2],
    )


@compiled
def _shade(
    rays: Rays, hits: Hits, solids: Solids, look: npt.NDArray[np.int64], across: Floats,
    materials: Materials, tiles: npt.NDArray[np.float32], ground: Ground, image: Image,
    key: Shadow, contact: Shadow, light: Floats, ambient: float, tint: Floats, blur: int,
    weights: Floats,
) -> None:  # fmt: skip
    height, width = hits.depth.shape
    eye, towards, facing = vector(rays.origin), vector(light), vector(ground.facing)
    first, by_row = vector(rays.direction), vector(rays.direction_row)
    by_col = vector(rays.direction_col)
    wall_at = -(dot(eye, facing) + ground.wall)
    for row in range(height):
        start = along(first, by_row, row)
        for col in range(width):
            view = along(start, by_col, col)
            solid = hits.solid[row, col]
            if solid < -1:  # somebody else's
                continue
            dark = 0.0
            if solid >= 0:
                point = along(eye, view, hits.depth[row, col])
                normal = (
                    float(hits.normal[row, col, 0]),
                    float(hits.normal[row, col, 1]),
                    float(hits.normal[row, col, 2]),
                )
                u, v, end = _surface(
                    point, solids.shape[solid], solids.base[solid], solids.matrix[solid],
                    solids.far[solid], solids.radii[solid], vector(across[solid]),
                )  # fmt: skip
                material = look[solid, 0]
                if look[solid, 1] == 1 and end < 0.14:
                    dark = 0.55 * (1 - end / 0.14)
                shift = 0.37 * solid
            else:
                floor = (ground.floor - eye[2]) / view[2] if view[2] < -1e-6 else 1e9
                approach = dot(view, facing)
                wall = wall_at / approach if approach < -1e-6 and ground.wall < 1e8 else 1e9
                if min(floor, wall) >= 1e8 or min(floor, wall) <= 0:
                    continue
                if floor < wall:
                    point, normal = along(eye, view, floor), (0.0, 0.0, 1.0)
                    u, v = point[0], point[1]
                    dark = 0.6 * _soft(contact, point)
                    material, shift = ground.materials[0], 0.0
                else:
                    point, normal = along(eye, view, wall), facing
                    u, v = point[0] * facing[1] - point[1] * facing[0], point[2]
                    material, shift = ground.materials[1], 3.1
                u, v = u + ground.origin[0], v + ground.origin[1]

            cosine = dot(normal, towards)
            direct = max(0.0, (cosine + WRAP) / (1 + WRAP)) * (1 - ambient)
            if direct > 0:
                direct *= 1 - STRENGTH * _shadowed(key, point, normal, blur)
            gleam = 0.0
            if direct > 0 and cosine > 0:
                length = math.sqrt(dot(view, view))
                half = along(towards, view, -1 / length)
                facing_half = max(0.0, dot(half, normal) / math.sqrt(dot(half, half)))
                sharp = materials.numbers[material, 4]
                gleam = direct * materials.numbers[material, 3]
                gleam *= facing_half / (sharp - sharp * facing_half + facing_half)  # Schlick
            direct *= 1 - 0.5 * dark
            sky = ambient * (0.62 + 0.38 * normal[2]) * (1 - dark)
            albedo = _albedo(
                materials.colours, materials.pattern[material], materials.numbers,
                materials.grain, material, u, v, shift, tiles, weights,
            )  # fmt: skip
            for i in range(3):
                image[row, col, i] = albedo[i] * (direct + sky * tint[i]) + gleam


@compiled
def _surface(
    point: Vector, shape: int, base: Floats, matrix: Floats, far: Floats, radii: Floats,
    across: Vector,
) -> Vector:  # fmt: skip
    """Coordinates on a solid, metres: along it and around it; and how near its ends, in radii."""
    x, y, z = point[0] - base[0], point[1] - base[1], point[2] - base[2]
    if shape == 2:
        return dot((x, y, z), across), z + x - y, 1.0
    local = (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z,
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z,
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z,
    )
    length = math.sqrt(far[0] ** 2 + far[1] ** 2 + far[2] ** 2)
    axis = (far[0] / length, far[1] / length, far[2] / length)
    place = dot(local, axis)
    out = along(local, axis, -place)
    sideways = (
        axis[1] * across[2] - axis[2] * across[1],
        axis[2] * across[0] - axis[0] * across[2],
        axis[0] * across[1] - axis[1] * across[0],
    )
    radius = radii[0] + (radii[1] - radii[0]) * min(max(place / length, 0.0), 1.0)
    # On the round ends the distance from the axis tells how near the pole is.
    end = 1.0
    if place < 0 or place > length:
        end = max(math.sqrt(dot(out, out)) / radius - 0.45, 0.0)
    return place, math.atan2(dot(out, sideways), dot(out, across)) * radius, end


@compiled
def _albedo(
    colours: Floats, pattern: int, numbers: Floats, grain: Floats, material: int, u: float,
    v: float, shift: float, tiles: npt.NDArray[np.float32], weights: Floats,
) -> Vector:  # fmt: skip
    scale = numbers[material, 0]
    sin, cos = numbers[material, 1], numbers[material, 2]
    a, b = (cos * u + sin * v) / scale, (cos * v - sin * u) / scale
    share = 0.0
    if pattern == 1:
        share = _step(abs(2 * (a - math.floor(a)) - 1) - 0.5, 0.06)
    elif pattern == 2:
        across = _step(abs(2 * (a - math.floor(a)) - 1) - 0.5, 0.06)
        share = 0.5 * across + 0.5 * _step(abs(2 * (b - math.floor(b)) - 1) - 0.5, 0.06)
    elif pattern == 3:
        share = _step(_tile(tiles, 4, a * 24, b * 24), 0.5)
    elif pattern == 4:
        wave = 3 * b + 0.9 * _tile(tiles, 2, a * 6, b * 14) + 0.15 * _tile(tiles, 0, a * 8, b * 90)
        share = 0.5 + 0.5 * math.sin(2 * math.pi * wave)
    elif pattern == 5:
        x, y = a - math.floor(a) - 0.5, b - math.floor(b) - 0.5
        share = _step(0.28 - math.sqrt(x * x + y * y), 0.05)
    elif pattern == 6:  # an artist's cross, on the front of a head
        share = 1.0 if abs(v) < 0.0045 or (abs(u - 0.035) < 0.004 and abs(v) < 0.09) else 0.0
    x, y = u * PITCH + 97 * shift, v * PITCH + 61 * shift
    fine = grain[material, 0] * _tile(tiles, 0, x, y)
    one = grain[material, 1] * _tile(tiles, 2, 0.7 * x, 0.7 * y)
    two = grain[material, 2] * _tile(tiles, 3, 0.7 * x, 0.7 * y)
    return (
        _mix(colours, material, 0, share)
        * _exp(weights[0, 0] * fine + weights[1, 0] * one + weights[2, 0] * two),
        _mix(colours, material, 1, share)
        * _exp(weights[0, 1] * fine + weights[1, 1] * one + weights[2, 1] * two),
        _mix(colours, material, 2, share)
        * _exp(weights[0, 2] * fine + weights[1, 2] * one + weights[2, 2] * two),
    )


@compiled
def _exp(x: float) -> float:
    """Exponential of a small number, to the third power."""
    return 1 + x * (1 + x * (0.5 + x / 6))


@compiled
def _mix(colours: Floats, material: int, channel: int, share: float) -> float:
    first, second = colours[material, 0, channel], colours[material, 1, channel]
    return float(first + share * (second - first))


@compiled
def _step(x: float, width: float) -> float:
    """0 below, 1 above, a ramp between."""
    return min(max(x / width + 0.5, 0.0), 1.0)


@compiled
def _tile(tiles: npt.NDArray[np.float32], which: int, x: float, y: float) -> float:
    """Tile's value at (x, y) px, between its four neighbours."""
    left, top = math.floor(x), math.floor(y)
    fx, fy = x - left, y - top
    c0, r0 = int(left) & (TILE - 1), int(top) & (TILE - 1)
    c1, r1 = (c0 + 1) & (TILE - 1), (r0 + 1) & (TILE - 1)
    upper = tiles[which, r0, c0] + fx * (tiles[which, r0, c1] - tiles[which, r0, c0])
    lower = tiles[which, r1, c0] + fx * (tiles[which, r1, c1] - tiles[which, r1, c0])
    return float(upper + fy * (lower - upper))


@compiled
def _texel(shadow: Shadow, point: Vector) -> Vector:
    """Row and column of a point in a light's picture, and its depth there, metres."""
    x, y, z = (
        point[0] - shadow.origin[0],
        point[1] - shadow.origin[1],
        point[2] - shadow.origin[2],
    )
    return (
        (x * shadow.down[0] + y * shadow.down[1] + z * shadow.down[2]) / shadow.texel,
        (x * shadow.right[0] + y * shadow.right[1] + z * shadow.right[2]) / shadow.texel,
        x * shadow.along[0] + y * shadow.along[1] + z * shadow.along[2],
    )


@compiled
def _shadowed(key: Shadow, point: Vector, normal: Vector, blur: int) -> float:
    """Share of the light that is blocked: depths compared in a square of texels."""
    # Lifted off the surface, else it would shadow itself.
    row, col, depth = _texel(key, along(point, normal, 1.5 * key.texel))
    top, left = math.floor(row), math.floor(col)
    height, width = key.depth.shape
    if not (-blur < top < height + blur and -blur < left < width + blur):
        return 0.0
    blocked, weight = 0.0, 0.0
    for r in range(top - blur + 1, top + blur + 1):
        for c in range(left - blur + 1, left + blur + 1):
            share = (blur - abs(r - row)) * (blur - abs(c - col))
            weight += share
            if 0 <= r < height and 0 <= c < width and key.depth[r, c] < depth - 0.5 * key.texel:
                blocked += share
    return blocked / weight


@compiled
def _soft(shadow: Shadow, point: Vector) -> float:
    """Look up the nearest texel; 0 outside."""
    row, col, _ = _texel(shadow, point)
    r, c = math.floor(row + 0.5), math.floor(col + 0.5)
    if 0 <= r < shadow.depth.shape[0] and 0 <= c < shadow.depth.shape[1]:
        return float(shadow.depth[r, c])
    return 0.0
