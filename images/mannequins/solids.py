"""Solids that a scene is made of, and the compiled tracer that sees them.

A solid is a tapered capsule (two spheres and the cone that touches both), a cylinder with flat
ends, or a box, bent out of round by one matrix. Rays are tested against each solid inside its own
bounding box on the picture, in closed form; the nearest hit stays.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from images.compiled import compiled

Floats = npt.NDArray[np.float64]
Shape = Literal["capsule", "cylinder", "box"]
SHAPES: tuple[Shape, ...] = ("capsule", "cylinder", "box")


@dataclass(frozen=True)
class Solid:
    """One solid, in metres; the world's third axis points up.

    Attributes
    ----------
    name : str
        Of the part that it is, such as "left forearm".
    start, end : ndarray (3,)
        Centres of the two ends; of a box the middles of two opposite faces.
    start_radius, end_radius : float
        At the ends, in the plane across; of a box half its width.
    across : ndarray (3,)
        Direction along which the section is `depth` times as wide: a flattened solid.
    depth : float
        Ratio of the section's two widths; 1 is round.
    material : int
        Index into the scene's materials.
    figure : int
        Which figure it belongs to; -1 for a thing.
    shape : {"capsule", "cylinder", "box"}
    seamed : bool
        Whether its ends are darkened, as turned wood is where parts meet.
    """

    name: str
    start: Floats
    end: Floats
    start_radius: float
    end_radius: float
    material: int
    figure: int = -1
    across: Floats | None = None
    depth: float = 1.0
    shape: Shape = "capsule"
    seamed: bool = False


class Solids(NamedTuple):
    """Solids as arrays, as compiled code takes them; N of them.

    Attributes
    ----------
    shape : ndarray (N,), int64
        Index into `SHAPES`.
    base : ndarray (N, 3)
        The start, in the world.
    matrix : ndarray (N, 3, 3)
        From the world, about the base, to a space in which sections are round.
    far : ndarray (N, 3)
        The end, in that space.
    radii : ndarray (N, 2)
    centre : ndarray (N, 3)
        Of a sphere around it all, in the world.
    bound : ndarray (N,)
        That sphere's radius.
    tips : ndarray (N, 2, 3)
        Centres of two spheres whose hull holds the solid, in the world.
    reach : ndarray (N, 2)
        Their radii.
    """

    shape: npt.NDArray[np.int64]
    base: Floats
    matrix: Floats
    far: Floats
    radii: Floats
    centre: Floats
    bound: Floats
    tips: Floats
    reach: Floats


class Rays(NamedTuple):
    """A bundle of rays, one a pixel: through (row, col) from ``origin + row * origin_row + ...``.

    A pinhole's rays share their origin, a light's their direction. Directions have length 1 along
    the view, so that the distance along a ray is the depth.
    """

    origin: Floats
    origin_row: Floats
    origin_col: Floats
    direction: Floats
    direction_row: Floats
    direction_col: Floats


class Hits(NamedTuple):
    """What the rays met: depth (H, W), inf for nothing; solid (H, W), -1; normal (H, W, 3)."""

    depth: npt.NDArray[np.float32]
    solid: npt.NDArray[np.int32]
    normal: npt.NDArray[np.float32]


def unit(vector: Floats) -> Floats:
    """Return the vector at length 1."""
    return vector / np.linalg.norm(vector)


def pack(solids: list[Solid]) -> Solids:
    """Lay solids out as arrays."""
    count = len(solids)
    matrix = np.tile(np.eye(3), (count, 1, 1))
    base, far, centre = np.empty((count, 3)), np.empty((count, 3)), np.empty((count, 3))
    bound = np.empty(count)
    tips, reach = np.empty((count, 2, 3)), np.empty((count, 2))
    for k, solid in enumerate(solids):
        axis = solid.end - solid.start
        base[k] = solid.start
        if solid.shape == "box":  # to a cube of half side 1 about the middle
            side = unit(np.array([1.0, 0, 0]) if solid.across is None else solid.across)
            third = np.cross(unit(axis), side)
            base[k] = (solid.start + solid.end) / 2
            matrix[k] = np.stack([
                unit(axis) / (np.linalg.norm(axis) / 2),
                side / solid.start_radius,
                third / (solid.start_radius * solid.depth),
            ])  # fmt: skip
        elif solid.across is not None:
            across = unit(solid.across)
            matrix[k] += (1 / solid.depth - 1) * np.outer(across, across)
        far[k] = matrix[k] @ axis
        centre[k] = (solid.start + solid.end) / 2
        widest = max(solid.start_radius, solid.end_radius) * max(1.0, solid.depth)
        bound[k] = np.linalg.norm(axis) / 2 + widest * (1.8 if solid.shape == "box" else 1.0)
        if solid.shape == "cylinder":
            bound[k] = math.hypot(float(np.linalg.norm(axis)) / 2, widest)
        stout = max(1.0, solid.depth) * (1.5 if solid.shape == "box" else 1.0)
        tips[k] = solid.start, solid.end
        reach[k] = solid.start_radius * stout, solid.end_radius * stout
    return Solids(
        np.array([SHAPES.index(solid.shape) for solid in solids], dtype=np.int64),
        base, matrix, far,
        np.array([(solid.start_radius, solid.end_radius) for solid in solids]).reshape(count, 2),
        centre, bound, tips, reach,
    )  # fmt: skip


def trace(solids: Solids, rays: Rays, boxes: npt.NDArray[np.int64], size: tuple[int, int]) -> Hits:
    """Follow every ray to the nearest solid.

    Parameters
    ----------
    solids : Solids
    rays : Rays
    boxes : ndarray (N, 4)
        Rows and columns, from and to, in which each solid can be seen.
    size : (int, int)
        Height and width of the picture.
    """
    hits = Hits(
        np.full(size, np.inf, np.float32),
        np.full(size, -1, np.int32),
        np.zeros((*size, 3), np.float32),
    )
    _trace(solids, rays, boxes, hits)
    return hits


@compiled
def _trace(solids: Solids, rays: Rays, boxes: npt.NDArray[np.int64], hits: Hits) -> None:
    for k in range(len(solids.shape)):
        matrix, base, far = solids.matrix[k], solids.base[k], solids.far[k]
        first, last = solids.radii[k, 0], solids.radii[k, 1]
        m00, m01, m02 = matrix[0]
        m10, m11, m12 = matrix[1]
        m20, m21, m22 = matrix[2]
        shape = solids.shape[k]
        for row in range(boxes[k, 0], boxes[k, 1]):
            for col in range(boxes[k, 2], boxes[k, 3]):
                ox = rays.origin[0] + row * rays.origin_row[0] + col * rays.origin_col[0] - base[0]
                oy = rays.origin[1] + row * rays.origin_row[1] + col * rays.origin_col[1] - base[1]
                oz = rays.origin[2] + row * rays.origin_row[2] + col * rays.origin_col[2] - base[2]
                dx = rays.direction[0] + row * rays.direction_row[0] + col * rays.direction_col[0]
                dy = rays.direction[1] + row * rays.direction_row[1] + col * rays.direction_col[1]
                dz = rays.direction[2] + row * rays.direction_row[2] + col * rays.direction_col[2]
                px, py, pz = (
                    m00 * ox + m01 * oy + m02 * oz,
                    m10 * ox + m11 * oy + m12 * oz,
                    m20 * ox + m21 * oy + m22 * oz,
                )
                qx, qy, qz = (
                    m00 * dx + m01 * dy + m02 * dz,
                    m10 * dx + m11 * dy + m12 * dz,
                    m20 * dx + m21 * dy + m22 * dz,
                )
                if shape == 0:
                    depth, nx, ny, nz = _capsule(px, py, pz, qx, qy, qz, far, first, last)
                elif shape == 1:
                    depth, nx, ny, nz = _cylinder(px, py, pz, qx, qy, qz, far, first)
                else:
                    depth, nx, ny, nz = _box(px, py, pz, qx, qy, qz)
                if 0 < depth < hits.depth[row, col]:
                    hits.depth[row, col] = depth
                    hits.solid[row, col] = k
                    # A normal transforms with the transpose of the matrix.
                    wx = m00 * nx + m10 * ny + m20 * nz
                    wy = m01 * nx + m11 * ny + m21 * nz
                    wz = m02 * nx + m12 * ny + m22 * nz
                    length = math.sqrt(wx * wx + wy * wy + wz * wz)
                    hits.normal[row, col, 0] = wx / length
                    hits.normal[row, col, 1] = wy / length
                    hits.normal[row, col, 2] = wz / length


Hit = tuple[float, float, float, float]


@compiled
def _capsule(
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    far: Floats,
    first: float,
    last: float,
) -> Hit:
    """Depth and normal where a ray meets two spheres and the cone that touches both.

    The ray's equation with the cone's, after Quilez; a cone's hit counts between the circles in
    which it touches the spheres.
    """  # fmt: skip
    scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx * scale, dy * scale, dz * scale
    bx, by, bz = far[0], far[1], far[2]
    taper = first - last
    m0 = bx * bx + by * by + bz * bz
    m1 = bx * ox + by * oy + bz * oz
    m2 = bx * dx + by * dy + bz * dz
    m3 = dx * ox + dy * oy + dz * oz
    m5 = ox * ox + oy * oy + oz * oz
    d2 = m0 - taper * taper
    k2 = d2 - m2 * m2
    k1 = d2 * m3 - m1 * m2 + m2 * taper * first
    k0 = d2 * m5 - m1 * m1 + m1 * taper * first * 2 - m0 * first * first
    h = k1 * k1 - k0 * k2
    if d2 > 0 and k2 != 0 and h >= 0:
        depth = (-math.sqrt(h) - k1) / k2
        along = m1 - first * taper + depth * m2
        if 0 < along < d2:
            return (
                depth * scale,
                d2 * (ox + depth * dx) - bx * along,
                d2 * (oy + depth * dy) - by * along,
                d2 * (oz + depth * dz) - bz * along,
            )
    best, nx, ny, nz = math.inf, 0.0, 0.0, 1.0
    h1 = m3 * m3 - m5 + first * first
    if h1 > 0:
        best = -m3 - math.sqrt(h1)
        nx, ny, nz = ox + best * dx, oy + best * dy, oz + best * dz
    cx, cy, cz = ox - bx, oy - by, oz - bz
    m6 = dx * cx + dy * cy + dz * cz
    h2 = m6 * m6 - (cx * cx + cy * cy + cz * cz) + last * last
    if h2 > 0:
        depth = -m6 - math.sqrt(h2)
        if depth < best:
            best = depth
            nx, ny, nz = cx + best * dx, cy + best * dy, cz + best * dz
    return best * scale, nx, ny, nz


@compiled
def _cylinder(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, far: Floats, radius: float
) -> Hit:
    """Depth and normal where a ray meets a cylinder with flat ends."""
    length = math.sqrt(far[0] ** 2 + far[1] ** 2 + far[2] ** 2)
    ax, ay, az = far[0] / length, far[1] / length, far[2] / length
    od, dd = ox * ax + oy * ay + oz * az, dx * ax + dy * ay + dz * az
    ux, uy, uz = ox - od * ax, oy - od * ay, oz - od * az
    vx, vy, vz = dx - dd * ax, dy - dd * ay, dz - dd * az
    a = vx * vx + vy * vy + vz * vz
    b = ux * vx + uy * vy + uz * vz
    c = ux * ux + uy * uy + uz * uz - radius * radius
    h = b * b - a * c
    if h < 0:
        return math.inf, 0.0, 0.0, 1.0
    if a > 0:  # else along the axis, where only the ends can be met
        depth = (-b - math.sqrt(h)) / a
        along = od + depth * dd
        if 0 < along < length:
            return depth, ux + depth * vx, uy + depth * vy, uz + depth * vz
    if dd == 0:
        return math.inf, 0.0, 0.0, 1.0
    end = 0.0 if dd > 0 else length
    sign = -1.0 if dd > 0 else 1.0
    depth = (end - od) / dd
    wx, wy, wz = ux + depth * vx, uy + depth * vy, uz + depth * vz
    if wx * wx + wy * wy + wz * wz > radius * radius:
        return math.inf, 0.0, 0.0, 1.0
    return depth, sign * ax, sign * ay, sign * az


@compiled
def _box(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> Hit:
    """Depth and normal where a ray enters the cube from -1 to 1."""
    near, far, face, sign = -math.inf, math.inf, 0, 1.0
    for axis in range(3):
        o = ox if axis == 0 else oy if axis == 1 else oz
        d = dx if axis == 0 else dy if axis == 1 else dz
        if d == 0:
            if abs(o) > 1:
                return math.inf, 0.0, 0.0, 1.0
            continue
        enter, leave = (-1 - o) / d, (1 - o) / d
        if enter > leave:
            enter, leave = leave, enter
        if enter > near:
            near, face, sign = enter, axis, -1.0 if d > 0 else 1.0
        far = min(far, leave)
    if near > far or near <= 0:
        return math.inf, 0.0, 0.0, 1.0
    return near, sign * (face == 0), sign * (face == 1), sign * (face == 2)
