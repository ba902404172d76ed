"""An artist's lay figure: turned wood on ball joints, posed by the angles of its joints.

Every limb is a tapered piece cut short at both ends, with a ball between it and the next and a
dark seam where they meet. The pelvis is one flattened block, always in trunks; hands are
mittens, feet are blocks, the head is an egg with an artist's cross. Nothing blends into anything.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from images.mannequins.solids import Floats, Shape, Solid, unit

SIDES = ((-1, "left"), (1, "right"))

LIMITS: Mapping[str, tuple[float, float]] = {  # degrees; ours
    "hip flexion": (-25, 125),
    "hip abduction": (0, 45),
    "knee": (0, 140),
    "shoulder flexion": (-30, 170),
    "shoulder abduction": (0, 150),
    "elbow": (0, 110),
    "spine flexion": (-25, 45),
    "spine side": (-25, 25),
    "spine twist": (-15, 15),
    "neck flexion": (-20, 30),
    "neck turn": (-40, 40),
    "neck tilt": (-15, 15),
}

# Mean and standard deviation of each angle, degrees; a pair of means is for the two sides, which
# change places at random. What is not named stays near zero. Ours.
_CALM = {
    "shoulder flexion": (5, 14),
    "shoulder abduction": (14, 9),
    "elbow": (18, 14),
    "hip abduction": (6, 4),
    "knee": (6, 5),
}
POSES: Mapping[str, Mapping[str, tuple[float | tuple[float, float], float]]] = {
    "stand": {**_CALM, "hip flexion": (2, 6)},
    "walk": {
        **_CALM,
        "hip flexion": ((24, -12), 7),
        "knee": ((12, 26), 8),
        "shoulder flexion": ((-16, 24), 8),
    },
    "run": {
        "hip flexion": ((55, -18), 10),
        "hip abduction": (4, 3),
        "knee": ((70, 60), 18),
        "shoulder flexion": ((-25, 40), 12),
        "shoulder abduction": (14, 8),
        "elbow": (85, 12),
        "spine flexion": (12, 6),
    },
    "sit": {
        "hip flexion": (84, 10),
        "hip abduction": (12, 9),
        "knee": (84, 16),
        "shoulder flexion": (34, 22),
        "shoulder abduction": (14, 10),
        "elbow": (48, 26),
        "spine flexion": (6, 8),
    },
    "lie": {
        "hip flexion": (14, 16),
        "hip abduction": (12, 8),
        "knee": (26, 22),
        "shoulder flexion": (20, 40),
        "shoulder abduction": (55, 40),
        "elbow": (35, 25),
    },
    "kneel": {
        "hip flexion": (8, 12),
        "hip abduction": (10, 6),
        "knee": (112, 10),
        "shoulder flexion": (28, 26),
        "shoulder abduction": (18, 12),
        "elbow": (35, 22),
    },
    "crouch": {
        "hip flexion": (104, 10),
        "hip abduction": (16, 8),
        "knee": (124, 8),
        "shoulder flexion": (55, 20),
        "shoulder abduction": (14, 8),
        "elbow": (45, 24),
        "spine flexion": (28, 8),
    },
    "reach": {
        **_CALM,
        "shoulder flexion": ((150, 70), 28),
        "shoulder abduction": (22, 14),
        "hip flexion": (2, 6),
        "spine side": (0, 10),
    },
    "dance": {
        "hip flexion": ((58, -6), 20),
        "hip abduction": ((28, 8), 10),
        "knee": ((62, 8), 22),
        "shoulder flexion": (40, 40),
        "shoulder abduction": (85, 32),
        "elbow": (30, 24),
        "spine side": (0, 10),
        "spine twist": (0, 8),
    },
}
POSE_SHARES = {
    "stand": 0.22,
    "walk": 0.08,
    "run": 0.06,
    "sit": 0.16,
    "lie": 0.16,
    "kneel": 0.08,
    "crouch": 0.06,
    "reach": 0.10,
    "dance": 0.08,
}


@dataclass(frozen=True)
class Build:
    """Factors on a body's girths, lengths and shoulders; no unit."""

    girth: float = 1.0
    length: float = 1.0
    shoulders: float = 1.0


@dataclass(frozen=True)
class Pose:
    """A family's name and the angles of the joints, degrees, (left, right) where there are two."""

    family: str
    angles: Mapping[str, tuple[float, float]]
    facing_up: float = 0.0  # of "lie": degrees turned about the body's own axis


@dataclass(frozen=True)
class Dress:
    """Materials of a figure's parts, and by how much cloth is wider than the body beneath.

    Attributes
    ----------
    skin, joints, trunks : int
        Materials of bare parts, of the balls between them, and of the pelvis block.
    cloth : mapping of str to (int, float)
        Material and inflation of the parts that are covered, by the part's name without its side.
    cap : int or None
        Material of a cap on the head.
    """

    skin: int
    joints: int
    trunks: int
    cloth: Mapping[str, tuple[int, float]]
    cap: int | None = None


def draw_build(rng: np.random.Generator) -> Build:
    """Draw a body's proportions."""
    girth, length, shoulders = np.exp(rng.normal(0, (0.10, 0.04, 0.06)))
    return Build(float(girth), float(length), float(shoulders))


def draw_pose(rng: np.random.Generator, family: str | None = None) -> Pose:
    """Draw a pose within the limits of the joints, of a given family or of any."""
    chosen = family or str(rng.choice(list(POSE_SHARES), p=list(POSE_SHARES.values())))
    swap = rng.random() < 0.5
    angles = {}
    for joint, (low, high) in LIMITS.items():
        mean, spread = POSES[chosen].get(joint, (0.0, 4.0))
        pair = mean if isinstance(mean, tuple) else (mean, mean)
        values = np.clip(rng.normal(pair[::-1] if swap else pair, spread), low, high)
        angles[joint] = float(values[0]), float(values[1])
    return Pose(chosen, angles, float(rng.uniform(-180, 180)))


def rotation(axis: int, degrees: float) -> Floats:
    """Return the matrix that turns about an axis of the frame, 3 x 3."""
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = -sin, sin
    return matrix


def without_side(name: str) -> str:
    """Return a part's name without "left" or "right"."""
    return name.removeprefix("left ").removeprefix("right ")


def worn(body: list[Solid], dress: Dress) -> list[Solid]:
    """Return a body's solids with the width of their cloth.

    Apart from `lay_figure`, so that the body, which says where it stands and what fills the frame,
    is the same bare and clothed.
    """
    return [
        replace(s, start_radius=wider * s.start_radius, end_radius=wider * s.end_radius)
        for s in body
        for _, wider in (dress.cloth.get(without_side(s.name), (0, 1.0)),)
    ]


def lay_figure(
    pose: Pose, build: Build, dress: Dress, place: Floats, heading: float, figure: int
) -> list[Solid]:
    """Build a posed figure that stands, sits or lies on the ground at ``place``.

    Parameters
    ----------
    place : ndarray (3,)
        Point of the ground under the body, metres.
    heading : float
        Direction that it faces, radians from the world's second axis.
    figure : int
        Its number in the scene.

    Returns
    -------
    list of Solid
        In the figure's frame right is the first axis, forward the second, up the third.
    """
    g, l = build.girth, build.length  # noqa: E741
    angle = pose.angles
    pelvis = rotation(2, -math.degrees(heading))
    if pose.family == "lie":
        pelvis = pelvis @ rotation(0, -90) @ rotation(2, pose.facing_up)
    solids: list[Solid] = []

    def part(
        name: str, start: Floats, end: Floats, radii: tuple[float, float],
        across: Floats | None = None, depth: float = 1.0, ball: bool = False,
        shape: Shape = "capsule",
    ) -> None:  # fmt: skip
        material = dress.joints if ball else dress.skin
        kind = without_side(name)
        if kind in dress.cloth:
            material = dress.cloth[kind][0]
        elif kind == "pelvis":
            material = dress.trunks
        solids.append(
            Solid(
                name, start, end, radii[0] * g, radii[1] * g, material, figure,
                across, depth, shape,
                seamed=not ball and kind not in (*dress.cloth, "hand", "thumb", "foot", "head"),
            )
        )  # fmt: skip

    def ball(name: str, centre: Floats, radius: float) -> None:
        part(name, centre, centre + np.array([0, 0, 1e-4]), (radius, radius), ball=True)

    def limb(
        name: str, start: Floats, end: Floats, radii: tuple[float, float],
        cut: tuple[float, float] = (0.06, 0.05),
    ) -> None:  # fmt: skip
        # Cut short, so that the round ends stop where the balls of the joints show.
        axis = unit(end - start)
        part(name, start + cut[0] * l * axis, end - cut[1] * l * axis, radii)

    def at(frame: Floats, x: float, y: float, z: float) -> Floats:
        moved: Floats = frame @ np.array([x, y, z])
        return moved

    # Trunk and head
    hips = np.zeros(3)
    forward = pelvis[:, 1]
    part("pelvis", hips + at(pelvis, 0, 0, 0.045), hips + at(pelvis, 0, 0, -0.035),
         (0.125, 0.140), forward, 0.72)  # fmt: skip
    waist = hips + at(pelvis, 0, 0, 0.185 * l)
    ball("waist", waist, 0.098)
    flexion, side, twist = (angle[f"spine {name}"][0] for name in ("flexion", "side", "twist"))
    chest = pelvis @ rotation(0, -flexion) @ rotation(1, side) @ rotation(2, twist)
    part("chest", waist + at(chest, 0, 0, 0.13 * l), waist + at(chest, 0, 0, 0.25 * l),
         (0.125, 0.150), chest[:, 1], 0.70)  # fmt: skip
    neck = waist + at(chest, 0, 0, 0.385 * l)
    flexion, turn, tilt = (angle[f"neck {name}"][0] for name in ("flexion", "turn", "tilt"))
    head = chest @ rotation(2, turn) @ rotation(0, -flexion) @ rotation(1, tilt)
    part("neck", neck, neck + at(head, 0, 0, 0.05), (0.055, 0.050))
    chin, crown = neck + at(head, 0, 0.018, 0.115), neck + at(head, 0, -0.004, 0.205)
    part("head", chin, crown, (0.062, 0.090), head[:, 1], 1.06)
    if dress.cap is not None:
        solids.append(
            Solid("cap", crown + at(head, 0, 0.004, 0.012), crown + at(head, 0, 0.05, 0.018),
                  0.092 * g, 0.085 * g, dress.cap, figure)
        )  # fmt: skip

    for sign, name in SIDES:
        which = 0 if sign < 0 else 1
        # Arms
        shoulder = waist + at(chest, sign * 0.195 * build.shoulders, 0, 0.315 * l)
        arm = (
            chest
            @ rotation(0, angle["shoulder flexion"][which])
            @ rotation(1, -sign * angle["shoulder abduction"][which])
        )
        elbow = shoulder + at(arm, 0, 0, -0.29 * l)
        forearm = arm @ rotation(0, angle["elbow"][which])
        wrist = elbow + at(forearm, 0, 0, -0.25 * l)
        ball(f"{name} shoulder", shoulder, 0.056)
        limb(f"{name} upper arm", shoulder, elbow, (0.055, 0.041), (0.075, 0.055))
        ball(f"{name} elbow", elbow, 0.040)
        limb(f"{name} forearm", elbow, wrist, (0.042, 0.028), (0.055, 0.036))
        ball(f"{name} wrist", wrist, 0.026)
        palm = wrist + at(forearm, 0, 0.002, -0.04)
        part(f"{name} hand", palm, wrist + at(forearm, 0, 0.010, -0.125), (0.036, 0.030),
             forearm[:, 0], 0.45)  # fmt: skip
        part(f"{name} thumb", palm + at(forearm, 0, 0.030, 0.0),
             palm + at(forearm, 0, 0.058, -0.040), (0.013, 0.011))  # fmt: skip
        # Legs
        hip = hips + at(pelvis, sign * 0.088 * g, 0, -0.075)
        thigh = (
            pelvis
            @ rotation(0, angle["hip flexion"][which])
            @ rotation(1, -sign * angle["hip abduction"][which])
        )
        knee = hip + at(thigh, 0, 0, -0.42 * l)
        shank = thigh @ rotation(0, -angle["knee"][which])
        ankle = knee + at(shank, 0, 0, -0.41 * l)
        ball(f"{name} hip", hip, 0.078)
        limb(f"{name} thigh", hip, knee, (0.080, 0.058), (0.105, 0.075))
        ball(f"{name} knee", knee, 0.055)
        limb(f"{name} shank", knee, ankle, (0.056, 0.037), (0.072, 0.046))
        ball(f"{name} ankle", ankle, 0.034)
        sole = ankle + at(shank, 0, 0, -0.055)
        part(f"{name} foot", sole + at(shank, 0, -0.045, 0), sole + at(shank, 0, 0.150, 0),
             (0.042, 0.042), shank[:, 0], 0.6, shape="box")  # fmt: skip
    ground = min(min(s.start[2] - s.start_radius, s.end[2] - s.end_radius) for s in solids)
    shift = place - np.array([0, 0, ground])
    return [replace(s, start=s.start + shift, end=s.end + shift) for s in solids]
