"""What a picture shows: lay figures bare or clothed, and the things that are mistaken for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from images.mannequins.figure import Dress, draw_build, draw_pose, lay_figure, worn
from images.mannequins.solids import Floats, Shape, Solid, unit
from images.mannequins.surroundings import any_colour, any_material
from images.mannequins.textures import SKIN_GRAIN, Material, Pattern
from images.mannequins.tones import TONES, skin_colour

CONTROLS: Mapping[str, float] = {
    "clothed": 0.40,
    "portrait": 0.07,
    "hands": 0.04,
    "quadruped": 0.15,
    "logs": 0.05,
    "food": 0.05,
    "furniture": 0.03,
    "texture": 0.10,
    "photo": 0.05,
    "empty": 0.03,
    "statue": 0.03,
}
KINDS = ("bare", *CONTROLS)
FIGURES = ("bare", "clothed", "portrait", "hands", "statue")

FRAMINGS = {"whole": 0.05, "upper": 0.20, "lower": 0.05, "limbs": 0.30, "close": 0.40}
LIMBS = {"arm": 0.2, "leg": 0.25, "both arms": 0.2, "both legs": 0.35}  # of framing "limbs"
_ARM = ("upper arm", "elbow", "forearm", "wrist", "hand", "thumb")
_LEG = ("thigh", "knee", "shank", "ankle", "foot")
# The parts that fill the frame; none is centred on the pelvis.
_FRAMED: Mapping[str, tuple[str, ...]] = {
    "upper": ("head", "neck", "chest", "shoulder", *_ARM),
    "lower": ("thigh", "knee", "shank", "ankle", "foot"),
    "close": ("chest", "shoulder", "upper arm", "elbow", "forearm"),
    "portrait": ("head", "neck", "cap"),
}


@dataclass(frozen=True)
class Subject:
    """What is in front of the camera.

    Attributes
    ----------
    solids : list of Solid
        Materials count from the start of `materials`.
    materials : list of Material
    framed : ndarray (N, 3)
        Points that fill the frame, metres.
    framing : str
    facing : float or None
        Direction that the camera must look from, radians, give or take `freedom`.
    freedom : float
        Radians either side.
    from_above : bool
    attributes : mapping
        Tone, pose and so on, as text.
    skin : frozenset of int
        The materials that are skin.
    """

    solids: list[Solid]
    materials: list[Material]
    framed: Floats
    framing: str = "whole"
    facing: float | None = None
    freedom: float = np.pi
    from_above: bool = False
    closer: float = 1.0
    attributes: Mapping[str, str] = field(default_factory=dict)
    skin: frozenset[int] = frozenset()


def draw_subject(
    rng: np.random.Generator, dress_rng: np.random.Generator, kind: str, tone: int | None
) -> Subject:
    """Draw a subject; bare and clothed figures from the same generators differ in dress alone.

    Parameters
    ----------
    rng : Generator
        Of bodies, poses, framing, shapes.
    dress_rng : Generator
        Of colours.
    kind : str
        One of `KINDS`.
    tone : int or None
        Of skin, 1 to 10; drawn if None.
    """
    if kind in FIGURES:
        return _figures(rng, dress_rng, kind, tone)
    makers: Mapping[str, Callable[[np.random.Generator], Subject]] = {
        "quadruped": _quadruped,
        "logs": _logs,
        "food": _food,
        "furniture": _furniture,
        "texture": _nothing,
        "photo": _nothing,
        "empty": _nothing,
    }
    if kind not in makers:
        raise ValueError(f"expected a kind {', '.join(KINDS)}, got {kind!r}")
    return makers[kind](rng)


def outline(solids: list[Solid]) -> Floats:
    """Points that hold solids between them: their ends, moved by the radius each way."""
    ways = np.concatenate([np.eye(3), -np.eye(3)])
    return np.concatenate(
        [
            end + radius * ways
            for s in solids
            for end, radius in ((s.start, s.start_radius), (s.end, s.end_radius))
        ]
    )


def _figures(
    rng: np.random.Generator, dress_rng: np.random.Generator, kind: str, tone: int | None
) -> Subject:
    framing = str(rng.choice(list(FRAMINGS), p=list(FRAMINGS.values())))
    count = int(rng.choice([1, 2, 3], p=[0.82, 0.15, 0.03]))
    side = str(rng.choice(["left", "right"]))
    limbs = str(rng.choice(list(LIMBS), p=list(LIMBS.values())))
    if kind in ("portrait", "hands"):
        framing, count = kind, 1
    drawn_tone = int(dress_rng.integers(1, TONES + 1))
    tone = drawn_tone if tone is None else tone
    bodies: list[Solid] = []
    solids: list[Solid] = []
    materials: list[Material] = []
    families, facing, skin = [], 0.0, set[int]()
    for number in range(count):
        pose, build = draw_pose(rng), draw_build(rng)
        heading = float(rng.uniform(-np.pi, np.pi))
        if number:
            heading = facing + float(rng.normal(0, 0.8))
        else:
            facing = heading
        dress, made = _dress(dress_rng, kind, tone, len(materials))
        if kind != "statue":
            skin |= {len(materials) + offset for offset in (0, 1, 6)}
        materials += made
        body = lay_figure(pose, build, dress, np.zeros(3), heading, number)
        if number:
            body = _beside(bodies, body, rng)
        bodies += body
        solids += worn(body, dress)
        families.append(pose.family)
        if pose.family == "sit":
            solids.append(_seat(body, len(materials)))
            materials.append(any_material(rng, {"plain": 0.6, "wood": 0.4}, (0.1, 0.3)))
    names = _FRAMED.get(framing, ())
    if framing == "limbs":
        parts = _ARM if "arm" in limbs else _LEG
        names = parts if limbs.startswith("both") else tuple(f"{side} {part}" for part in parts)
    elif framing == "hands":
        names = tuple(f"{side} {part}" for part in ("forearm", "wrist", "hand", "thumb"))
    shown = [s for s in bodies if s.figure == 0 and (not names or s.name.endswith(names))]
    if framing in ("close", "upper") and kind != "portrait":
        shown = [s for s in bodies if s.name.endswith(names)][: 2 * len(shown)]
    framed = outline(shown)
    # Legs are seen from the front half and from above, whatever the framing.
    legs = framing == "lower" or (framing == "limbs" and "leg" in limbs)
    freedom = 1.3 if legs else 0.9 if framing == "portrait" else np.pi
    return Subject(
        solids, materials, framed, framing,
        None if freedom == np.pi else facing,
        freedom,
        legs,
        1.2 if framing in ("limbs", "close") else 1.0,
        {"tone": str(tone) if kind != "statue" else "", "pose": families[0],
         "figures": str(count)},
        frozenset(skin),
    )  # fmt: skip


def _beside(others: list[Solid], body: list[Solid], rng: np.random.Generator) -> list[Solid]:
    """Move a body to one side of the others, so that no two touch."""
    side, gap, depth = rng.choice([-1, 1]), rng.uniform(0.02, 0.2), rng.uniform(-0.3, 0.3)
    edge = max(side * outline(others)[:, 0])
    near = min(side * outline(body)[:, 0])
    shift = np.array([side * (edge + gap - near), depth, 0.0])
    return [replace(s, start=s.start + shift, end=s.end + shift) for s in body]


def _seat(body: list[Solid], material: int) -> Solid:
    pelvis = next(s for s in body if s.name == "pelvis")
    top = min(pelvis.start[2], pelvis.end[2]) - pelvis.end_radius * 0.9
    foot = np.array([pelvis.end[0], pelvis.end[1], 0.0])
    up = np.array([0, 0, max(top, 0.05)])
    return Solid("seat", foot, foot + up, 0.2, 0.2, material, shape="cylinder")


_CLOTH: dict[Pattern, float] = {"plain": 0.5, "stripe": 0.17, "check": 0.13, "noise": 0.2}


def _dress(
    rng: np.random.Generator, kind: str, tone: int, first: int
) -> tuple[Dress, list[Material]]:
    """Draw colours; always as many numbers, so that kinds and tones differ in nothing else."""
    skin_rng, trunks_rng, cloth_rng = rng.spawn(3)
    gloss, exponent = float(skin_rng.uniform(0.02, 0.16)), float(skin_rng.uniform(6, 30))
    skin = skin_colour(skin_rng, tone)
    darker = tuple(0.82 * channel for channel in skin)
    if kind == "statue":
        stones = ((0.55, 0.58, 0.62), (0.25, 0.42, 0.36), (0.15, 0.25, 0.55), (0.78, 0.82, 0.88))
        skin = stones[int(skin_rng.integers(len(stones)))]
        darker = tuple(0.85 * channel for channel in skin)
    shaded = tuple(0.3 * channel for channel in skin)
    body = Material(_three(skin), grain=SKIN_GRAIN, gloss=gloss, exponent=exponent)
    joints = Material(_three(darker), grain=SKIN_GRAIN, gloss=gloss, exponent=exponent)
    face = Material(_three(skin), _three(shaded), "cross", grain=SKIN_GRAIN, gloss=gloss,
                    exponent=exponent)  # fmt: skip
    trunks = _far_from(skin, trunks_rng)
    top = any_material(cloth_rng, _CLOTH, (0.02, 0.12), skin_like=0.08)
    bottom = any_material(cloth_rng, _CLOTH, (0.02, 0.12), skin_like=0.08)
    cap = any_material(cloth_rng, {"plain": 1.0}, (0.1, 0.2), skin_like=0.0)
    short = cloth_rng.random() < 0.25
    wide = cloth_rng.uniform(1.03, 1.3, 3)
    materials = [body, joints, trunks, top, bottom, cap, face]
    cloth: dict[str, tuple[int, float]] = {"head": (first + 6, 1.0), "hip": (first + 2, 1.0)}
    if kind in ("clothed", "portrait", "hands"):
        covered = ["chest", "waist", "shoulder", "upper arm"]
        covered += [] if short else ["elbow"]
        cloth |= {part: (first + 3, float(wide[0])) for part in covered}
        cloth |= {part: (first + 2, float(wide[1])) for part in ("pelvis", "hip")}
        cloth |= {part: (first + 4, float(wide[1])) for part in ("thigh", "knee", "shank", "ankle")}
        cloth |= {"foot": (first + 5, float(wide[2]))}
    dress = Dress(first, first + 1, first + 2, cloth, first + 5 if kind == "portrait" else None)
    return dress, materials


def _three(colour: tuple[float, ...]) -> tuple[float, float, float]:
    return colour[0], colour[1], colour[2]


def _far_from(skin: tuple[float, float, float], rng: np.random.Generator) -> Material:
    """Draw a colour for the trunks that nobody takes for skin: blue or green before red.

    Unlike a statue's stone, too. Every tone of skin passes that, so that none changes the trunks.
    """
    for _ in range(100):
        red, green, blue = any_colour(rng, skin_like=0.0)
        apart = max(abs(green / red - skin[1] / skin[0]), abs(blue / red - skin[2] / skin[0]))
        if max(green, blue) > max(1.35 * red, 0.1) and apart > 0.4:
            return Material((red, green, blue), grain=(0.05, 0.05, 0.05), gloss=0.03)
    return Material((0.05, 0.09, 0.24), grain=(0.05, 0.05, 0.05), gloss=0.03)


def _quadruped(rng: np.random.Generator) -> Subject:
    """Draw an animal from capsules, seen from its side."""
    coats = ((0.42, 0.26, 0.13), (0.20, 0.11, 0.06), (0.55, 0.42, 0.28), (0.07, 0.06, 0.06),
             (0.62, 0.60, 0.56), (0.33, 0.17, 0.08))  # fmt: skip
    coat = np.array(coats[int(rng.integers(len(coats)))]) * np.exp(rng.normal(0, 0.12, 3))
    dark = 0.5 * coat
    pattern = str(rng.choice(["plain", "noise", "spots"], p=[0.6, 0.25, 0.15]))
    other = _three(tuple(coat * rng.uniform(0.4, 1.5)))
    materials = [
        Material(_three(tuple(coat)), other, pattern, float(rng.uniform(0.1, 0.3)),  # type: ignore[arg-type]
                 grain=(0.18, 0.12, 0.08), gloss=0.02),
        Material(_three(tuple(dark)), grain=(0.18, 0.12, 0.08), gloss=0.02),
    ]  # fmt: skip
    size = float(rng.uniform(0.35, 1.0))
    trunk, height, girth = size * rng.uniform(0.9, 1.2), size * rng.uniform(0.55, 0.95), size * 0.2

    def at(x: float, y: float, z: float) -> Floats:
        return np.array([x, y, z])

    solids = [
        Solid("body", at(0, -trunk / 2, height), at(0, trunk / 2, height * 1.04),
              girth, girth * 1.12, 0)
    ]  # fmt: skip
    lift, reach = rng.uniform(0.1, 0.6), rng.uniform(0.25, 0.5)
    poll = at(rng.normal(0, 0.08) * size, trunk / 2 + reach * size, height + lift * size)
    solids.append(Solid("neck", at(0, trunk / 2, height + 0.05 * size), poll,
                        girth * 0.75, girth * 0.5, 0))  # fmt: skip
    solids.append(Solid("muzzle", poll, poll + at(0, 0.26 * size, -0.12 * size),
                        girth * 0.5, girth * 0.3, 0))  # fmt: skip
    for x in (-1, 1):
        solids.append(Solid("ear", poll + at(0.05 * x * size, -0.02 * size, 0.06 * size),
                            poll + at(0.08 * x * size, -0.04 * size, 0.17 * size),
                            0.03 * size, 0.012 * size, 1))  # fmt: skip
        for y in (-1, 1):
            step = rng.normal(0, 0.12) * size
            hip = at(0.11 * x * size, y * trunk * 0.46, height - 0.05 * size)
            knee = hip + at(0, step, -height * 0.5)
            solids.append(Solid("leg", hip, knee, girth * 0.52, girth * 0.3, 0))
            solids.append(Solid("leg", knee, knee + at(0, -step * 0.4, -height * 0.46),
                                girth * 0.3, girth * 0.22, 1 if y < 0 else 0))  # fmt: skip
    tail = at(0, -trunk / 2 - girth * 0.8, height + 0.1 * size)
    tip = tail + at(0.02, -0.1 * size, -0.4 * size * rng.uniform(-1, 1))
    solids.append(Solid("tail", tail, tip,
                        0.035 * size, 0.02 * size, 1))  # fmt: skip
    side = float(rng.choice([-1, 1])) * np.pi / 2
    return Subject(solids, materials, outline(solids), "animal", side, np.radians(55))


def _logs(rng: np.random.Generator) -> Subject:
    """Draw cut logs or pipes, with flat ends, lying or leaning."""
    wood = any_wood(rng)
    bark = Material(wood.colour, wood.other, "noise", 0.1, grain=(0.25, 0.15, 0.1), gloss=0.01)
    materials = [wood if rng.random() < 0.5 else bark]
    direction = rng.uniform(0, np.pi)
    solids = []
    for number in range(int(rng.integers(2, 8))):
        turn = direction + rng.normal(0, 0.25)
        axis = np.array([np.cos(turn), np.sin(turn), abs(rng.normal(0, 0.15))])
        radius = float(rng.uniform(0.05, 0.14))
        middle = np.array([*rng.normal(0, 0.22, 2), radius + 0.16 * (number // 3)])
        half = unit(axis) * rng.uniform(0.25, 0.6)
        solids.append(Solid("log", middle - half, middle + half, radius, radius, 0,
                            shape="cylinder"))  # fmt: skip
    return Subject(solids, materials, outline(solids), "things")


def any_wood(rng: np.random.Generator) -> Material:
    """Draw wood in the colours of skin."""
    colour = np.array(skin_colour(rng, int(rng.integers(1, TONES + 1))))
    darker = colour * rng.uniform(0.55, 0.9)
    return Material(
        _three(tuple(colour)), _three(tuple(darker)), "wood", float(rng.uniform(0.05, 0.25)),
        float(rng.choice([0, np.pi / 2])), (0.08, 0.05, 0.05), float(rng.uniform(0, 0.06)),
    )  # fmt: skip


def _food(rng: np.random.Generator) -> Subject:
    """Draw many small textured pieces on a board: rolls, fruit, pastries."""
    materials = []
    for _ in range(3):
        colour = np.array(skin_colour(rng, int(rng.integers(2, 8)))) * np.exp(rng.normal(0, 0.2, 3))
        pattern: Pattern = "noise" if rng.random() < 0.5 else "spots"
        materials.append(
            Material(_three(tuple(colour)), _three(tuple(0.55 * colour)), pattern,
                     float(rng.uniform(0.02, 0.06)), grain=(0.2, 0.15, 0.1), gloss=0.04)
        )  # fmt: skip
    materials.append(any_material(rng, {"plain": 0.5, "wood": 0.5}, (0.1, 0.3)))
    solids = [Solid("board", np.array([-0.5, 0, 0.0]), np.array([0.5, 0, 0.0]), 0.5, 0.5, 3,
                    across=np.array([0, 1.0, 0]), depth=0.03, shape="box")]  # fmt: skip
    size, up = float(rng.uniform(0.035, 0.07)), np.array([0, 0, 1.0])
    for _ in range(int(rng.integers(8, 22))):
        turn = rng.uniform(0, np.pi)
        radius = size * float(rng.uniform(0.7, 1.1))
        pile = 1.2 * size * (rng.random() < 0.2)
        middle = np.array([*rng.uniform(-0.32, 0.32, 2), 0.01 + 0.72 * radius + pile])
        half = np.array([np.cos(turn), np.sin(turn), 0]) * size * rng.uniform(0.2, 1.1)
        solids.append(Solid("food", middle - half, middle + half, radius, radius * 0.95,
                            int(rng.integers(3)), across=up, depth=0.75))  # fmt: skip
    return Subject(solids, materials, outline(solids[1:]), "things", from_above=True)


def _furniture(rng: np.random.Generator) -> Subject:
    """Draw a table or stool with round or square legs, in wood or paint."""
    wood = any_wood(rng) if rng.random() < 0.7 else any_material(rng, {"plain": 1.0}, (0.1, 0.2))
    width, depth, height = rng.uniform(0.4, 1.1), rng.uniform(0.35, 0.7), rng.uniform(0.4, 0.8)
    legs: Shape = ("cylinder", "capsule", "box")[int(rng.integers(3))]
    radius = float(rng.uniform(0.02, 0.05))
    up = np.array([0, 0, 1.0])
    solids = [Solid("top", np.array([-width / 2, 0, height]), np.array([width / 2, 0, height]),
                    depth / 2, depth / 2, 0, across=np.array([0, 1.0, 0]), depth=0.06,
                    shape="box")]  # fmt: skip
    for x in (-1, 1):
        for y in (-1, 1):
            foot = np.array([x * (width / 2 - 0.06), y * (depth / 2 - 0.06), 0.0])
            solids.append(Solid("leg", foot, foot + up * height, radius, radius, 0,
                                across=np.array([1.0, 0, 0]) if legs == "box" else None,
                                shape=legs))  # fmt: skip
    return Subject(solids, [wood], outline(solids), "things")


def _nothing(rng: np.random.Generator) -> Subject:
    """Draw no subject at all; the frame is that of a person's size."""
    reach = float(rng.uniform(0.3, 1.0))
    return Subject([], [], np.array([[-reach, -reach, 0.0], [reach, reach, 2 * reach]]), "scene")
