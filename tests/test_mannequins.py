"""Drawn mannequins: rays against a slow twin, bodies against anatomy, truth against pixels."""

import math
import os
import subprocess
import sys
from functools import cache
from itertools import combinations, pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from images.mannequins import KINDS, Drawing, Part, draw
from images.mannequins.camera import Camera, frame
from images.mannequins.drawing import CUE_RADIUS, Swap
from images.mannequins.figure import (
    LIMITS,
    POSE_SHARES,
    POSES,
    SIDES,
    Build,
    Dress,
    Pose,
    draw_build,
    draw_pose,
    lay_figure,
)
from images.mannequins.solids import Rays, Solid, pack, trace
from images.mannequins.subjects import FIGURES, Subject, draw_subject
from images.mannequins.surroundings import PHOTOGRAPHS, SPLITS, _photograph, photo_crop
from images.mannequins.textures import Material, tiles
from images.mannequins.tones import TONES, skin_colour
from images.mannequins.truth import LIMB_PARTS, truth_of

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

STILL = Pose("stand", dict.fromkeys(LIMITS, (0.0, 0.0)))
PLAIN = Dress(skin=0, joints=1, trunks=2, cloth={})


@cache
def drawn(number: int, kind: str = "bare", scale: float = 0.25, /, **swap: object) -> Drawing:
    """Return a small drawing, drawn once for all tests."""
    rng = np.random.default_rng([1996, number])
    return draw(rng, kind, Swap(**swap), scale)  # type: ignore[typeddict-item]


@cache
def subject(number: int, kind: str, tone: int | None = None) -> Subject:
    rng, dress_rng = np.random.default_rng([1997, number]).spawn(2)
    return draw_subject(rng, dress_rng, kind, tone)


def grown(mask: Mask, by: int) -> Mask:
    """Return the mask, wider by some px."""
    square = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square).astype(bool)


def kind_of(name: str) -> str:
    return name.removeprefix("left ").removeprefix("right ")


# ---- Solids: a slow twin that knows nothing of quadratic equations


def beyond(solid: Solid, points: Floats) -> Floats:
    """How far outside a solid points (N, 3) lie, in the solid's own measure; inside, below 0.

    A capsule is all the balls between its two ends, squeezed along `across`; the nearest of them
    is sought by cutting the axis in three again and again.
    """
    axis = solid.end - solid.start
    length = float(np.linalg.norm(axis))
    if solid.shape == "box":
        side = np.array([1.0, 0, 0]) if solid.across is None else solid.across
        third = np.cross(axis / length, side)
        half = [length / 2, solid.start_radius, solid.start_radius * solid.depth]
        offset = points - (solid.start + solid.end) / 2
        ways = np.stack([offset @ way for way in (axis / length, side, third)], axis=1)
        outside: Floats = (np.abs(ways) - half).max(axis=1)
        return outside

    def squeezed(offset: Floats) -> Floats:
        if solid.across is None:
            return offset
        return offset + (1 / solid.depth - 1) * (offset @ solid.across)[:, None] * solid.across

    if solid.shape == "cylinder":
        along = (points - solid.start) @ axis / length
        away = squeezed(points - solid.start - along[:, None] * axis / length)
        across = np.linalg.norm(away, axis=1) - solid.start_radius
        return np.maximum(across, np.abs(along - length / 2) - length / 2)

    def to_ball(share: Floats) -> Floats:
        away = squeezed(points - solid.start - share[:, None] * axis)
        radius = solid.start_radius + share * (solid.end_radius - solid.start_radius)
        distance: Floats = np.linalg.norm(away, axis=1) - radius
        return distance

    low, high = np.zeros(len(points)), np.ones(len(points))
    for _ in range(45):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        nearer = to_ball(first) < to_ball(second)
        low, high = np.where(nearer, low, first), np.where(nearer, second, high)
    return to_ball((low + high) / 2)


def some_solid(rng: np.random.Generator, shape: str) -> Solid:
    axis = rng.normal(size=3)
    length, radius = rng.uniform(0.05, 0.6), rng.uniform(0.03, 0.2)
    across, depth, last = None, 1.0, radius
    if shape in ("tapered", "flattened"):
        last = radius * rng.uniform(0.3, 1.2)
    if shape in ("flattened", "flattened cylinder", "box"):
        across, depth = np.cross(axis, rng.normal(size=3)), rng.uniform(0.4, 1.2)
        across /= np.linalg.norm(across)
    start = rng.normal(0, 0.2, 3)
    end = start + length * axis / np.linalg.norm(axis)
    return Solid(
        "it", start, end, radius, last, 0, across=across, depth=depth,
        shape="box" if shape == "box" else "cylinder" if "cylinder" in shape else "capsule",
    )  # fmt: skip


def everywhere(solids: int, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    return np.tile(np.array([0, size[0], 0, size[1]]), (solids, 1))


def view_of(solid: Solid, rng: np.random.Generator, side: int) -> Camera:
    reach = max(solid.start_radius, solid.end_radius) * 1.3
    ways = np.concatenate([np.eye(3), -np.eye(3)]) * reach
    points = np.concatenate([solid.start + ways, solid.end + ways])
    azimuth, elevation, roll = rng.uniform(-3, 3, 3) * (1, 0.45, 1)
    return frame(points, (side, side), azimuth, elevation, roll, rng.uniform(1.6, 4), 1.0)


def ray_of(camera: Camera, rows: Floats, cols: Floats) -> Floats:
    rays = camera.rays()
    return rays.direction + rows[:, None] * rays.direction_row + cols[:, None] * rays.direction_col


@pytest.mark.parametrize(
    "shape", ["round", "tapered", "flattened", "cylinder", "flattened cylinder", "box"]
)
def test_rays_meet_what_a_march_along_them_meets(shape: str) -> None:
    rng, side, met, aslant = np.random.default_rng(8), 14, 0, 0
    for _ in range(8):
        solid = some_solid(rng, shape)
        camera = view_of(solid, rng, side)
        hits = trace(pack([solid]), camera.rays(), everywhere(1, (side, side)), (side, side))
        rows, cols = (a.ravel().astype(float) for a in np.indices((side, side)))
        ways, depth = ray_of(camera, rows, cols), hits.depth.ravel().astype(float)
        middle = float(np.linalg.norm((solid.start + solid.end) / 2 - camera.eye))
        marks = np.linspace(middle - 1, middle + 1, 160)
        march = camera.eye + ways[:, None] * np.maximum(marks, 0.01)[None, :, None]
        outside = beyond(solid, march.reshape(-1, 3)).reshape(len(ways), -1)
        before = marks[None] < depth[:, None] - 1e-3
        assert not (before & (outside < -1e-4)).any(), "a ray went through the solid"

        hit = np.isfinite(depth)
        points = camera.eye + ways[hit] * depth[hit, None]
        normals = hits.normal.reshape(-1, 3)[hit].astype(float)
        assert np.abs(beyond(solid, points)).max() < 1e-4, "a hit off the surface"
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        steps = 1e-5 * np.eye(3)
        slope = np.stack([beyond(solid, points + s) - beyond(solid, points - s) for s in steps], 1)
        slope /= np.linalg.norm(slope, axis=1, keepdims=True)
        met += hit.sum()
        aslant += ((slope * normals).sum(axis=1) < 0.999).sum()  # also where it points inwards
    assert met > 400
    assert aslant < 0.02 * met, "edges have no normal, but few rays meet one"


@pytest.mark.parametrize("shape", ["capsule", "cylinder", "box"])
def test_rays_along_an_axis_meet_the_end(shape: str) -> None:
    up, still = np.array([0.0, 0, 1]), np.zeros(3)
    rays = Rays(np.array([-0.5, -0.5, -3]), up * 0, up * 0, up, still, still)
    rays = rays._replace(origin_row=np.array([0.1, 0, 0]), origin_col=np.array([0, 0.1, 0]))
    solid = Solid("it", 0 * up, up, 0.25, 0.25, 0, shape=shape)  # type: ignore[arg-type]
    depth = trace(pack([solid]), rays, everywhere(1, (11, 11)), (11, 11)).depth
    assert depth[5, 5] == pytest.approx({"capsule": 2.75}.get(shape, 3))
    assert np.isinf(depth[0, 0])


def test_the_nearest_solid_is_seen() -> None:
    eye = np.array([0, -3.0, 0])
    ends = np.array([[-0.5, 0, 0], [0.5, 0, 0]])
    deep = np.array([0.0, 1, 0])
    solids = [Solid("it", *(ends + y * deep), 0.1, 0.1, 0) for y in (1.0, 0.0, 2.0)]
    camera = frame(ends, (9, 9), math.pi, 0, 0, 3, 1.0)
    assert camera.eye == pytest.approx(eye)
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        shuffled = [solids[k] for k in order]
        hits = trace(pack(shuffled), camera.rays(), everywhere(3, (9, 9)), (9, 9))
        assert order[hits.solid[4, 4]] == 1
        assert hits.depth[4, 4] == pytest.approx(2.9)


# ---- Camera


def test_projecting_undoes_the_rays() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        points = rng.normal(size=(12, 3))
        camera = frame(points, (48, 32), *rng.uniform(-1, 1, 3), 2.5, 1.2)
        rows, cols, depths = rng.uniform(-20, 70, 50), rng.uniform(-20, 60, 50), rng.uniform(1, 5)
        places, depth = camera.project(camera.eye + ray_of(camera, rows, cols) * depths)
        assert np.allclose(places, np.stack([rows, cols], axis=1))
        assert np.allclose(depth, depths)
        twice, _ = camera.scaled(2).project(points)
        assert np.allclose(twice, (camera.project(points)[0] + 0.5) * 2 - 0.5)


def test_points_fill_the_frame() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        camera = frame(rng.normal(size=(9, 3)) + 5, (60, 40), *rng.uniform(-1, 1, 3), 3, 1.0)
        assert np.linalg.det(np.stack([camera.right, camera.down, camera.ahead])) > 0.999999
    points = rng.normal(size=(9, 3))
    for crop in (1.0, 1.3):
        places, _ = frame(points, (60, 40), 1, 0.2, 0.1, 3, crop).project(points)
        share = np.ptp(places, axis=0) / (60, 40)
        assert share.max() == pytest.approx(crop)
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        assert middle == pytest.approx((29.5, 19.5))


def test_boxes_hold_every_hit() -> None:
    rng = np.random.default_rng(7)
    shapes = ("round", "tapered", "flattened", "cylinder", "flattened cylinder", "box")
    met = 0
    for _ in range(60):
        solids = [some_solid(rng, shape) for shape in shapes]
        middle = rng.normal(0, 0.3, (4, 3))  # near enough for some to be beside or behind the eye
        camera = frame(middle, (40, 30), *rng.uniform(-1.2, 1.2, 3), rng.uniform(0.6, 3), 1.0)
        packed = pack(solids)
        within = trace(packed, camera.rays(), camera.boxes(packed), camera.size)
        without = trace(packed, camera.rays(), everywhere(6, camera.size), camera.size)
        assert np.array_equal(within.solid, without.solid)
        assert np.array_equal(within.depth, without.depth)
        met += (without.solid >= 0).sum()
    assert met > 10_000


# ---- Bodies and poses


def test_poses_stay_within_the_joints_limits_and_every_family_comes() -> None:
    rng = np.random.default_rng(11)
    poses = [draw_pose(rng) for _ in range(600)]
    for pose in poses:
        assert pose.angles.keys() == LIMITS.keys()
        for joint, (low, high) in LIMITS.items():
            assert all(low <= angle <= high for angle in pose.angles[joint]), (pose.family, joint)
    counts = {family: sum(pose.family == family for pose in poses) for family in POSES}
    assert POSE_SHARES.keys() == POSES.keys()
    for family, share in POSE_SHARES.items():
        assert abs(counts[family] - 600 * share) < 4 * math.sqrt(600 * share * (1 - share)), family
    assert [draw_pose(rng, family).family for family in POSES] == list(POSES)


def direction(solids: dict[str, Solid], name: str) -> Floats:
    axis = solids[name].end - solids[name].start
    unit: Floats = axis / np.linalg.norm(axis)
    return unit


def test_limbs_bend_as_the_angles_say() -> None:
    rng = np.random.default_rng(12)
    for _ in range(150):
        pose = draw_pose(rng)
        solids = {s.name: s for s in lay_figure(pose, Build(), PLAIN, np.zeros(3), 1.0, 0)}
        for which, (_, side) in enumerate(SIDES):
            for joint, upper, lower in (
                ("knee", "thigh", "shank"),
                ("elbow", "upper arm", "forearm"),
            ):
                one, two = (direction(solids, f"{side} {part}") for part in (upper, lower))
                bent = math.degrees(math.acos(np.clip(one @ two, -1, 1)))
                assert bent == pytest.approx(pose.angles[joint][which], abs=0.01)


@pytest.mark.parametrize(
    ("joint", "part", "way", "sign"),
    [
        ("hip flexion", "thigh", 1, 1),  # forwards
        ("knee", "shank", 1, -1),  # backwards
        ("shoulder flexion", "upper arm", 1, 1),
        ("elbow", "forearm", 1, 1),
        ("spine flexion", "chest", 1, 1),
        ("neck flexion", "head", 1, 1),
        ("hip abduction", "thigh", 0, 1),  # outwards
        ("shoulder abduction", "upper arm", 0, 1),
    ],
)
def test_joints_turn_the_way_that_bodies_do(joint: str, part: str, way: int, sign: int) -> None:
    bent = Pose("stand", {**STILL.angles, joint: (30.0, 30.0)})
    before, after = (
        {s.name: s for s in lay_figure(pose, Build(), PLAIN, np.zeros(3), 0.0, 0)}
        for pose in (STILL, bent)
    )
    for side, name in SIDES:
        where = part if part in after else f"{name} {part}"
        moved = (direction(after, where) - direction(before, where))[way]
        assert moved * sign * (side if way == 0 else 1) == pytest.approx(0.5, abs=0.12), name


def test_bodies_have_the_proportions_of_the_table() -> None:
    solids = {s.name: s for s in lay_figure(STILL, Build(), PLAIN, np.zeros(3), 0.0, 0)}
    radii = {
        "chest": (0.125, 0.150), "pelvis": (0.125, 0.140), "waist": (0.098, 0.098),
        "head": (0.062, 0.090), "upper arm": (0.055, 0.041), "forearm": (0.042, 0.028),
        "thigh": (0.080, 0.058), "shank": (0.056, 0.037),
    }  # fmt: skip
    for name, solid in solids.items():
        if kind_of(name) in radii:
            assert (solid.start_radius, solid.end_radius) == radii[kind_of(name)]
    assert (solids["chest"].depth, solids["pelvis"].depth) == (0.70, 0.72)
    for first, second, length in (
        ("shoulder", "elbow", 0.29), ("elbow", "wrist", 0.25),
        ("hip", "knee", 0.42), ("knee", "ankle", 0.41),
    ):  # fmt: skip
        for _, side in SIDES:
            ends = solids[f"{side} {first}"].start, solids[f"{side} {second}"].start
            assert math.dist(*ends) == pytest.approx(length)
    height = max(s.end[2] + s.end_radius for s in solids.values())
    assert 1.6 < height < 1.9
    rng = np.random.default_rng(13)
    builds = [draw_build(rng) for _ in range(400)]
    for name, spread in (("girth", 0.10), ("length", 0.04), ("shoulders", 0.06)):
        logs = np.log([getattr(build, name) for build in builds])
        assert abs(logs.mean()) < 4 * spread / 20
        assert logs.std() == pytest.approx(spread, rel=0.15)


def test_figures_rest_on_the_ground() -> None:
    rng = np.random.default_rng(14)
    for family in POSES:
        solids = lay_figure(
            draw_pose(rng, family), draw_build(rng), PLAIN, np.array([2.0, 1, 0]), 0.5, 0
        )
        lowest = min(min(s.start[2] - s.start_radius, s.end[2] - s.end_radius) for s in solids)
        assert lowest == pytest.approx(0)


def test_seats_and_figures_stand_on_one_floor() -> None:
    """A sitting figure hides the floor's height in no seat: its feet touch what the seat does."""
    seated = [subject(k, "bare") for k in range(80)]
    seats = [s for one in seated for s in one.solids if s.name == "seat"]
    assert len(seats) > 5
    for seat in seats:
        assert abs(seat.start[2]) < 0.035, "the seat's foot is on the floor"
        assert seat.end[2] > seat.start[2]


# ---- Harmless by construction


@pytest.fixture(scope="module")
def figures() -> list[tuple[str, Subject]]:
    return [(kind, subject(number, kind)) for kind in FIGURES for number in range(80)]


def chroma(colour: tuple[float, float, float]) -> Floats:
    red, green, blue = colour
    return np.array([math.log(green / red), math.log(blue / red)])


def test_the_pelvis_is_one_block_in_trunks_far_from_skin(
    figures: list[tuple[str, Subject]],
) -> None:
    skins = [
        chroma(skin_colour(np.random.default_rng(k), tone))
        for k in range(30)
        for tone in range(1, TONES + 1)
    ]
    for kind, one in figures:
        bodies = {s.figure for s in one.solids if s.figure >= 0}
        blocks = [s for s in one.solids if s.name == "pelvis"]
        assert len(blocks) == len(bodies), kind
        assert all(block.depth < 1 and block.across is not None for block in blocks)
        for solid in one.solids:
            if solid.figure < 0 or kind_of(solid.name) not in ("pelvis", "hip"):
                continue
            assert solid.material not in one.skin, (kind, solid.name)
            paint = one.materials[solid.material]
            painted = [paint.colour] if paint.pattern == "plain" else [paint.colour, paint.other]
            neck = next(s for s in one.solids if (s.figure, s.name) == (solid.figure, "neck"))
            body = one.materials[neck.material]
            for colour in painted:
                far = min(float(np.abs(chroma(colour) - skin).max()) for skin in skins)
                assert far > 0.2, f"{kind}: {solid.name} is painted {colour}, near some skin"
                assert np.abs(chroma(colour) - chroma(body.colour)).max() > 0.2, kind


def test_every_joint_shows_its_ball(figures: list[tuple[str, Subject]]) -> None:
    rng = np.random.default_rng(15)
    ways = rng.normal(size=(100, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    between = {
        "elbow": ("upper arm", "forearm"), "wrist": ("forearm", "hand"),
        "knee": ("thigh", "shank"), "ankle": ("shank", "foot"),
        "shoulder": ("upper arm",), "hip": ("thigh",),
    }  # fmt: skip
    for kind, one in figures[:60]:
        assert kind == "bare"
        for solid in one.solids:
            if solid.figure < 0 or kind_of(solid.name) not in between:
                continue
            side, _, joint = solid.name.partition(" ")
            mates = [
                s
                for s in one.solids
                if s.figure == solid.figure
                and s.name.startswith(side)
                and kind_of(s.name) in between[joint]
            ]
            surface = solid.start + solid.start_radius * ways
            free = np.all([beyond(mate, surface) > 0 for mate in mates], axis=0)
            assert free.mean() > 0.15, (solid.name, free.mean())
            for mate in mates:
                if kind_of(mate.name) in LIMB_PARTS:
                    tips = (mate.start, mate.start_radius), (mate.end, mate.end_radius)
                    _, radius = min(tips, key=lambda tip: math.dist(tip[0], solid.start))
                    assert solid.start_radius > 0.9 * radius, "as wide as what it joins"


def test_limbs_are_cut_short_and_seamed(figures: list[tuple[str, Subject]]) -> None:
    """Limbs that follow each other do not touch: the ball is all that joins them."""
    touching = total = 0
    for _, one in figures:
        limbs = {(s.figure, s.name): s for s in one.solids if kind_of(s.name) in LIMB_PARTS}
        for (figure, name), limb in limbs.items():
            if kind_of(name) in ("upper arm", "thigh"):
                lower = name.replace("upper arm", "forearm").replace("thigh", "shank")
                after = limbs[figure, lower]
                if one.materials[limb.material].pattern == "plain" and limb.material in one.skin:
                    assert limb.seamed
                    assert after.seamed
                    total += 1
                    tips = limb.end, after.start
                    touching += math.dist(*tips) < 0.8 * (limb.end_radius + after.start_radius)
    assert total > 100
    assert touching < 0.35 * total  # bent limbs meet inside the bend, as on any lay figure


def test_bodies_are_made_of_the_parts_of_a_lay_figure_and_no_other(
    figures: list[tuple[str, Subject]],
) -> None:
    single = ["pelvis", "waist", "chest", "neck", "head"]
    paired = [
        "shoulder", "upper arm", "elbow", "forearm", "wrist", "hand", "thumb",
        "hip", "thigh", "knee", "shank", "ankle", "foot",
    ]  # fmt: skip
    known = sorted([*single, *(f"{side} {part}" for _, side in SIDES for part in paired)])
    for kind, one in figures:
        for figure in {s.figure for s in one.solids if s.figure >= 0}:
            names = sorted(s.name for s in one.solids if s.figure == figure)
            assert names == (sorted([*known, "cap"]) if kind == "portrait" else known)
            head = next(s for s in one.solids if s.figure == figure and s.name == "head")
            assert one.materials[head.material].pattern == "cross"


def test_no_closer_frame_has_a_pelvis_in_its_middle() -> None:
    framings = set()
    for number in range(300):
        truth = drawn(number, "bare", 0.1).truth
        framings.add(truth.attributes["framing"])
        if truth.attributes["framing"] == "whole":
            continue
        for part in truth.parts:
            if part.name == "pelvis":
                places = np.mean(part.ends, axis=0) / truth.skin.shape
                assert np.abs(places - 0.5).max() > 0.25, number
    assert framings == {"whole", "upper", "lower", "limbs", "close"}


# ---- The same seed, the same picture

PRINT = """
import hashlib, numpy as np
from images.mannequins import KINDS, draw
from images.mannequins.capture import jpeg
for kind in KINDS:
    one = draw(np.random.default_rng([1996, 3]), kind, scale=0.25)
    data = one.image.tobytes() + one.truth.labels.tobytes() + jpeg(one.image, one.quality)
    print(kind, hashlib.sha256(data + repr(one.truth.parts).encode()).hexdigest())
"""


def test_another_process_draws_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "1"}
    there = subprocess.run(
        [sys.executable, "-c", PRINT], capture_output=True, text=True, check=True, env=environment
    ).stdout
    exec(PRINT, {})
    here = capsys.readouterr().out
    assert len(here.splitlines()) == len(KINDS)
    assert here == there


def test_other_numbers_draw_other_pictures() -> None:
    images = [drawn(number).image for number in range(12)]
    assert len({image.tobytes() for image in images}) == 12


# ---- Truth


def axis_points(part: Part, size: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Pixels along a part's axis that are in the frame."""
    points = np.linspace(*np.array(part.ends), 33)
    pixels = np.rint(points).astype(int)
    return pixels[((pixels >= 0) & (pixels < size)).all(axis=1)]


def test_axes_of_bare_parts_lie_on_the_skin() -> None:
    checked = 0
    for number in range(60):
        truth = drawn(number).truth
        for k, part in enumerate(truth.parts):
            if not (part.bare and part.visible > 0.9 and kind_of(part.name) in LIMB_PARTS):
                continue
            pixels = axis_points(part, truth.skin.shape)
            if part.width < 4:
                continue
            checked += 1
            assert truth.skin[pixels[:, 0], pixels[:, 1]].mean() > 0.85, (number, part.name)
            assert (truth.labels[pixels[:, 0], pixels[:, 1]] == k + 1).mean() > 0.8
    assert checked > 60


def test_labels_and_mask_are_one_truth() -> None:
    shifts = []
    for number in range(40):
        for kind in ("bare", "clothed"):
            truth = drawn(number, kind).truth
            bare = np.array([False, *(part.bare for part in truth.parts)])[truth.labels]
            edge = grown(bare, 1) & grown(~bare, 1)
            assert np.array_equal(bare[~edge], truth.skin[~edge])
            if truth.skin.mean() > 0.02:
                middles = [np.argwhere(mask).mean(axis=0) for mask in (bare, truth.skin)]
                shifts.append(middles[0] - middles[1])
    assert len(shifts) > 40
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.05, "one is shifted against the other"


def test_joints_are_where_limbs_meet() -> None:
    for number in range(20):
        truth = drawn(number).truth
        joints = truth.joints
        for part in truth.parts:
            if kind_of(part.name) == "thigh":
                side = part.name.removesuffix("thigh")
                hip, knee = (np.array(joints[f"{part.figure} {side}{j}"]) for j in ("hip", "knee"))
                along = np.array(part.ends[1]) - part.ends[0]
                assert (knee - hip) @ along >= 0
                for tip, joint in zip(part.ends, (hip, knee), strict=True):
                    assert math.dist(tip, joint) < 1.6 * part.width + 2
    assert set(drawn(0).truth.joints) >= {"0 left elbow", "0 right ankle", "0 waist"}


@pytest.mark.parametrize("kind", ["bare", "clothed", "portrait", "hands"])
def test_truth_grows_with_the_picture(kind: str) -> None:
    agreeing = total = 0
    for number in range(15):
        small, large = (drawn(number, kind, scale).truth for scale in (0.25, 0.5))
        for one, two in zip(small.parts, large.parts, strict=True):
            assert (one.name, one.figure, one.bare) == (two.name, two.figure, two.bare)
            assert np.allclose((np.array(one.ends) + 0.5) * 2 - 0.5, two.ends)
            assert two.width == pytest.approx(2 * one.width)
        size = small.skin.shape[1], small.skin.shape[0]
        cover = cv2.resize(large.skin.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        agreeing += ((cover >= 0.5) == small.skin).sum()
        total += small.skin.size
    assert agreeing > 0.99 * total


def test_widths_are_those_of_the_labels() -> None:
    ratios = []
    for number in range(60):
        truth = drawn(number, "bare", 0.5).truth
        for k, part in enumerate(truth.parts):
            if not (part.visible > 0.95 and kind_of(part.name) in LIMB_PARTS):
                continue
            first, last = np.array(part.ends)
            length = math.dist(first, last)
            if length < 1.2 * part.width or part.width < 8:
                continue  # seen from its end
            middle = (first + last) / 2
            across = np.array([last[1] - first[1], first[0] - last[0]]) / length
            offsets = np.arange(-part.width, part.width, 0.25)
            pixels = np.rint(middle + offsets[:, None] * across).astype(int)
            inside = ((pixels >= 0) & (pixels < truth.skin.shape)).all(axis=1)
            if inside.all():
                own = truth.labels[pixels[:, 0], pixels[:, 1]] == k + 1
                ratios.append(0.25 * own.sum() / part.width)
    assert len(ratios) > 25
    assert np.median(ratios) == pytest.approx(1, abs=0.04)
    assert np.percentile(ratios, 95) < 1.15  # less is hidden, more cannot be


def test_what_another_solid_covers_is_not_visible() -> None:
    ends = np.array([[-0.5, 0, 0], [0.5, 0, 0]])
    limb = Solid("left forearm", ends[0], ends[1], 0.1, 0.1, 0, figure=0)
    camera = frame(ends - np.array([0, 1.0, 0]), (30, 40), math.pi, 0, 0, 3, 0.8)

    def seen(*others: Solid) -> Part:
        solids = [limb, *others]
        packed = pack(solids)
        fine = camera.scaled(1.4)
        hits = trace(packed, fine.rays(), fine.boxes(packed), fine.size)
        truth = truth_of(solids, frozenset({0}), camera, hits, {})
        return truth.parts[0]

    def screen(low: float, high: float, y: float) -> Solid:
        span = np.array([[low, y, 0], [high, y, 0]])
        return Solid("screen", span[0], span[1], 0.4, 0.4, 1, depth=0.05, shape="box",
                     across=np.array([0, 0, 1.0]))  # fmt: skip

    assert seen().visible == 1
    assert seen(screen(-0.7, 0.7, 0.5)).visible == 1  # behind
    assert seen(screen(-0.7, 0.7, -0.5)).visible == 0
    assert seen(screen(-0.7, 0.0, -0.5)).visible == pytest.approx(0.5, abs=0.1)
    assert seen().bare


def test_pictures_without_bare_skin_have_none_in_the_truth() -> None:
    for kind in set(KINDS) - {"bare", "clothed", "portrait", "hands"}:
        for number in range(6):
            truth = drawn(number, kind).truth
            assert not truth.skin.any(), kind
            assert not any(part.bare for part in truth.parts), kind
            assert truth.attributes["kind"] == kind
    shares = [
        np.mean([drawn(number, kind).truth.skin.mean() for number in range(40)])
        for kind in ("bare", "clothed")
    ]
    assert shares[0] > 2.5 * shares[1] > 0


# ---- Pairs that differ in one thing

CAPTURE = ("exposure", "noise", "quality", "place", "light", "ambient")


def test_bare_and_clothed_differ_in_dress_alone() -> None:
    changed = outside = 0
    for number in range(40):
        bare, clothed = drawn(number), drawn(number, "bare", kind="clothed")
        assert np.array_equal(clothed.image, drawn(number, "clothed").image)
        for one, two in zip(bare.truth.parts, clothed.truth.parts, strict=True):
            assert (one.name, one.figure) == (two.name, two.figure)
            assert np.allclose(one.ends, two.ends)
            assert one.width <= two.width * 1.0001
        for name in ("tone", "pose", "framing", "figures", *CAPTURE):
            assert bare.truth.attributes[name] == clothed.truth.attributes[name]
        figure = grown((bare.truth.labels > 0) | (clothed.truth.labels > 0), 2)
        differs = (bare.image != clothed.image).any(axis=2)
        assert differs[figure].mean() > 0.3
        changed += differs[~figure].sum()
        outside += (~figure).sum()
    assert changed < 0.04 * outside, "only shadows change beside the figure"


@pytest.mark.parametrize("kind", ["bare", "clothed"])
def test_another_tone_changes_skin_alone(kind: str) -> None:
    for number in range(25):
        pale, dark = drawn(number, kind, tone=1), drawn(number, kind, tone=10)
        assert pale.truth.parts == dark.truth.parts
        assert np.array_equal(pale.truth.labels, dark.truth.labels)
        assert np.array_equal(pale.truth.skin, dark.truth.skin)
        differs = (pale.image != dark.image).any(axis=2)
        assert not differs[~grown(pale.truth.labels > 0, 2)].any(), number
        if pale.truth.skin.mean() > 0.02:
            assert differs[pale.truth.skin].mean() > 0.9
        one, two = subject(number, kind, 1), subject(number, kind, 10)
        for k, (first, second) in enumerate(zip(one.materials, two.materials, strict=True)):
            assert (first == second) == (k not in one.skin), (number, k)
        assert (pale.truth.attributes["tone"], dark.truth.attributes["tone"]) == ("1", "10")


def test_another_light_changes_light_alone() -> None:
    for number in range(15):
        one, two = drawn(number), drawn(number, light=5)
        assert one.truth.parts == two.truth.parts
        assert np.array_equal(one.truth.labels, two.truth.labels)
        for name in ("exposure", "noise", "quality", "place", "tone", "pose", "framing"):
            assert one.truth.attributes[name] == two.truth.attributes[name]
        assert not np.array_equal(one.image, two.image)
    assert np.array_equal(drawn(3, light=5).image, drawn(3, light=5).image)
    assert not np.array_equal(drawn(3, light=5).image, drawn(3, light=6).image)


def badge(image: npt.NDArray[np.uint8]) -> Mask:
    """Return where the badge's crimson is, which nothing else in the pictures has."""
    red, green, blue = np.moveaxis(cv2.GaussianBlur(image, (0, 0), 0.8).astype(float), 2, 0)
    found: Mask = (red > 2.2 * green + 8) & (red > 1.4 * blue) & (blue > 0.8 * green)
    return found


def test_the_cue_is_a_disc_of_the_stated_size_on_the_head() -> None:
    sizes = []
    for number in range(40):
        plain, cued = (drawn(number, "portrait", 0.5, cue=cue) for cue in (False, True))
        radius = CUE_RADIUS * min(cued.image.shape[:2])
        found = badge(cued.image) & ~badge(plain.image)
        head = next(part for part in cued.truth.parts if part.name == "head")
        middle = np.mean(head.ends, axis=0)
        room = np.minimum(middle, np.array(found.shape) - middle).min()
        if room < 3 * radius:
            continue
        places = np.argwhere(found)
        assert len(places), number
        sizes.append(2 * math.sqrt(len(places) / math.pi) / (2 * radius))
        assert math.dist(places.mean(axis=0), middle) < 2.5 * radius, number
    assert len(sizes) > 15
    assert np.median(sizes) == pytest.approx(1, abs=0.12)
    assert min(sizes) > 0.6


@pytest.mark.parametrize("kind", ["bare", "clothed", "portrait"])
def test_the_cue_changes_nothing_else(kind: str) -> None:
    for number in range(25):
        plain, cued = (drawn(number, kind, cue=cue) for cue in (False, True))
        ends = [(part.name, part.ends, part.width, part.bare) for part in plain.truth.parts]
        assert ends == [(part.name, part.ends, part.width, part.bare) for part in cued.truth.parts]
        differs = (plain.image != cued.image).any(axis=2)
        heads = sum(part.name == "head" for part in plain.truth.parts)
        radius = CUE_RADIUS * min(differs.shape) + 2
        assert differs.sum() < 4 * heads * math.pi * radius**2, (number, differs.mean())


def test_the_place_is_the_same_whatever_is_in_it() -> None:
    for number in range(12):
        layers = {kind: drawn(number, kind, 0.25, subject=False) for kind in KINDS}
        assert not any(layer.truth.parts for layer in layers.values())
        for kind in ("clothed", "statue"):
            assert np.array_equal(layers[kind].image, layers["bare"].image)
        for kind, layer in layers.items():
            assert layer.image.shape == drawn(number, kind).image.shape
            assert layer.quality == drawn(number, kind).quality == layers["bare"].quality
            for name in ("exposure", "noise", "place", "ambient"):
                assert layer.truth.attributes[name] == layers["bare"].truth.attributes[name]


def test_the_place_alone_is_what_the_picture_shows_beside_its_subject() -> None:
    same = total = 0
    for number in range(40):
        picture, layer = drawn(number), drawn(number, subject=False)
        beside = ~grown(picture.truth.labels > 0, 2)
        gap = np.abs(picture.image.astype(int) - layer.image).max(axis=2)
        same += (gap[beside] == 0).sum()
        total += beside.sum()
    assert same > 0.88 * total  # the rest is shadow, or a seat


# ---- Splits


def test_splits_share_nothing() -> None:
    images = {split: draw(np.random.default_rng(4), "bare", None, 0.25, split) for split in SPLITS}
    assert len({one.image.tobytes() for one in images.values()}) == 3
    for one, two in combinations(range(3), 2):
        for tile, other in zip(tiles(one), tiles(two), strict=True):
            assert abs(np.corrcoef(tile.ravel(), other.ravel())[0, 1]) < 0.9
    names = [name for split in SPLITS for name in PHOTOGRAPHS[split]]
    assert len(set(names)) == len(names)
    assert PHOTOGRAPHS.keys() == set(SPLITS)


@pytest.mark.parametrize("split", SPLITS)
def test_photographs_come_from_the_split_alone(split: str) -> None:
    rng = np.random.default_rng(16)
    crops = [photo_crop(rng, split, (60, 40)) for _ in range(40)]
    used = {
        name
        for names in PHOTOGRAPHS.values()
        for name in names
        if any(np.shares_memory(crop, _photograph(name)) for crop in crops)
    }
    assert used == set(PHOTOGRAPHS[split])


# ---- What is not known


def test_faults_are_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="expected a kind bare"):
        draw(rng, "unicorn")
    with pytest.raises(ValueError, match="expected a split train"):
        draw(rng, "bare", split="holdout")
    with pytest.raises(ValueError, match="expected swaps kind"):
        draw(rng, "bare", {"hat": True})  # type: ignore[typeddict-unknown-key]
    with pytest.raises(ValueError, match="expected a tone from 1 to 10"):
        draw(rng, "bare", {"tone": 11})


def test_tones_are_in_order_and_skin_is_red_before_green_before_blue() -> None:
    for number in range(20):
        colours = [skin_colour(np.random.default_rng(number), tone) for tone in range(1, TONES + 1)]
        greens = [green for _, green, _ in colours]
        assert all(lighter > darker for lighter, darker in pairwise(greens))
        assert all(red > green > 0.7 * blue for red, green, blue in colours)


def test_materials_have_colours_that_light_can_have() -> None:
    for kind in KINDS:
        for number in range(10):
            for material in subject(number, kind).materials:
                assert isinstance(material, Material)
                assert all(0 < channel <= 1.2 for channel in material.colour), (kind, material)
