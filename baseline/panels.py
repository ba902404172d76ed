"""The panels of an explanation: each draws one stage's answer, and the key to it underneath.

Scales are fixed, so that pictures can be compared with each other.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Curve

from baseline.canvas import Canvas, Draw, dot, label, legend, line, pale, show
from baseline.colour import LogOpponent
from baseline.colourmaps import hue_colours, opponent_colours
from baseline.detector import Detection
from baseline.discs import Mask, Plane
from baseline.grouping import RULES
from baseline.overlay import INK, SKIN, resized
from baseline.shapes import draw_edges, draw_group, draw_segments, draw_symmetries
from baseline.skin import ColourBox
from images.reading import RGB

SHARP = 768  # px, at most, of the long side of the picture behind lines


def panels(image: RGB, detection: Detection) -> dict[str, Draw | None]:
    """Return what draws each panel; None where the stage was not reached.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
        The picture that was given to `detect`; it shows through behind edges and segments.

    Returns
    -------
    panels : dict
        Keys as in `baseline.captions.captions`.
    """
    return _colour_panels(detection) | _skin_panels(detection) | _shape_panels(image, detection)


def _colour_panels(detection: Detection) -> dict[str, Draw | None]:
    planes, sure = detection.planes, detection.skin.params.red_box.saturation[0]
    levels = {0.0: "0", 127.0: "127", 254.0: "254"}
    opposed = {-60.0: "≤ −60", 0.0: "0", 60.0: "≥ 60"}
    strength = {0: "0", sure: f"{sure:g}", 60: "≥ 60"}
    return {
        "working": partial(_working, detection.working),
        "intensity": partial(_plane, planes.intensity, "gray", levels),
        "rg": partial(_plane, planes.rg, opponent_colours(75), opposed),
        "by": partial(_plane, planes.by, opponent_colours(0), opposed),
        "hue": partial(_hue, detection),
        "colours": partial(_colours, detection),
        "saturation": partial(_plane, planes.saturation, "viridis", strength),
    }


def _skin_panels(detection: Detection) -> dict[str, Draw | None]:
    skin, working = detection.skin, detection.working
    smooth = skin.params.texture_limit
    roughness = {0: "0", smooth: f"{smooth:g}", 15: "≥ 15"}
    return {
        "texture": partial(_plane, skin.texture, "viridis", roughness),
        "tight": partial(_mask, working, skin.tight, None),
        "enlarged": partial(_mask, working, skin.enlarged, None),
        "loose": partial(_mask, working, skin.mask, skin.params.min_fraction),
    }


def _shape_panels(image: RGB, detection: Detection) -> dict[str, Draw | None]:
    drawn: dict[str, Draw | None] = dict.fromkeys(("edges", "symmetries", "segments", *RULES))
    backdrop = partial(show, pale(resized(image, 1, SHARP)), detection.working.shape)
    edges, symmetries, grouping = detection.edges, detection.symmetries, detection.grouping
    if edges is not None and symmetries is not None and grouping is not None:
        drawn["edges"] = partial(draw_edges, backdrop, edges)
        drawn["symmetries"] = partial(draw_symmetries, backdrop, symmetries, detection.ribbons)
        drawn["segments"] = partial(draw_segments, backdrop, detection.segments)
        numbers = {segment: number for number, segment in enumerate(detection.segments)}
        most = detection.params.grouping.max_tau
        for rule in RULES if numbers else ():
            groups, tau = grouping.groups[rule], grouping.taus[rule]
            drawn[rule] = partial(draw_group, backdrop, groups, tau, rule, numbers, most)
    return drawn


def _working(working: RGB, canvas: Canvas) -> None:
    """Show the working picture, with a scale; a very long one is drawn fatter than it is."""
    show(working, working.shape, canvas)
    length = max((n for n in (1, 2, 5, 10, 20, 50) if n <= working.shape[1] / 3), default=1)
    points = canvas.pixel * length
    stretched = "" if np.isclose(canvas.aspect, 1) else ", stretched"
    canvas.key.axis("off")
    canvas.key.set(xlim=(0, canvas.key.bbox.width / canvas.key.figure.dpi * 72), ylim=(0, 1))
    canvas.key.plot((0, points), (0.5, 0.5), color=INK, lw=canvas.font / 4, solid_capstyle="butt")
    text = f"{length} px{stretched}"
    canvas.key.text(points + canvas.font / 2, 0.4, text, size=canvas.font, va="center")


def _plane(
    plane: Plane, colours: str | Colormap, ticks: Mapping[float, str], canvas: Canvas
) -> None:
    """Show a plane in colours from the least to the greatest tick, with its colour bar."""
    limits = min(ticks), max(ticks)
    show(plane, plane.shape, canvas, colours, limits)
    bar = np.linspace(*limits, 256)[None]
    canvas.key.imshow(bar, cmap=colours, extent=(*limits, 0, 1), aspect="auto")
    label(canvas, ticks, "log units")


def _hue(detection: Detection, canvas: Canvas) -> None:
    """Show hues, paler the less colour there is; skin's are framed on the bar."""
    planes, params = detection.planes, detection.skin.params
    strength = planes.saturation / params.red_box.saturation[0]
    show(hue_colours(planes.hue, strength), planes.hue.shape, canvas)
    degrees = np.linspace(-180, 180, 361, dtype=np.float32)[None]
    bar = hue_colours(degrees, np.ones_like(degrees))
    canvas.key.imshow(bar, extent=(-180, 180, 0, 1), aspect="auto")
    low, high = params.loose_box.hue
    frame = Rectangle((low, -0.2), high - low, 1.4, fill=False, ec=INK, lw=1, clip_on=False)
    canvas.key.add_patch(frame)
    label(canvas, {-180: "−180", 0: "0", (low + high) / 2: "skin"}, "degrees")


def _colours(detection: Detection, canvas: Canvas) -> None:
    """Draw the plane of By and Rg: the key to the hues, with the pixels and the skin boxes."""
    axes, planes, params = canvas.picture, detection.planes, detection.skin.params
    across, up = np.array([axes.bbox.width, axes.bbox.height]) * 100 / min(axes.bbox.size)
    left, right, low, high = extent = (-40 - across, -40 + across, 40 - up, 40 + up)

    by, rg = np.meshgrid(np.linspace(left, right, 300), np.linspace(low, high, 300))
    field = LogOpponent(by * 0, rg, by)
    ground = hue_colours(field.hue, field.saturation / params.red_box.saturation[0])
    counts, _, _ = np.histogram2d(
        planes.rg.ravel(), planes.by.ravel(), (round(up), round(across)), (extent[2:], extent[:2])
    )
    ink = np.zeros((*counts.shape, 4))
    ink[..., 3] = 0.9 * np.log1p(counts) / np.log1p(max(counts.max(), 1))
    for layer in (ground, ink):
        axes.imshow(layer, extent=extent, origin="lower", aspect="auto", interpolation="nearest")

    boxes = {params.red_box: "-", params.yellow_box: "-", params.loose_box: "--"}
    for box, style in boxes.items():
        axes.add_patch(PathPatch(_sector(box), fill=False, ec=INK, lw=1, ls=style))
    axes.axhline(0, color=INK, lw=0.3)
    axes.axvline(0, color=INK, lw=0.3)
    axes.text(0, high - 4, " red", size=canvas.font, va="top")
    axes.text(0, low + 4, " green", size=canvas.font, va="bottom")
    axes.text(left, 0, " yellow", size=canvas.font, va="top")
    axes.text(right, 0, "blue ", size=canvas.font, va="top", ha="right")
    axes.set(xlim=(left, right), ylim=(low, high))
    keys = [line(INK), line(INK, style="--"), dot(INK)]
    legend(canvas, keys, ["tight boxes", "loose box", "pixels"])


def _sector(box: ColourBox) -> Curve:
    """Outline of a box of hue and saturation in the plane of By and Rg."""
    angle = np.radians(np.linspace(*box.hue, 40))
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Curve([*arc * box.saturation[0], *arc[::-1] * box.saturation[1], arc[0]], closed=True)


def _mask(working: RGB, mask: Mask, needed: float | None, canvas: Canvas) -> None:
    """Show the picture where it is marked, pale elsewhere, and the share on a gauge."""
    show(np.where(mask[..., None], working, pale(working)), mask.shape, canvas)
    if mask.any():
        rows, cols = (np.arange(-1, side + 1) for side in mask.shape)
        width = float(np.clip(0.4 * canvas.pixel, 0.4, 1))
        canvas.picture.contour(
            cols, rows, np.pad(mask, 1), levels=[0.5], colors=SKIN, linewidths=width
        )
    canvas.key.set(xlim=(0, 100), ylim=(0, 1), facecolor="#E8E8E8")
    canvas.key.axvspan(0, 100 * float(mask.mean()), color=SKIN, lw=0)
    ticks = {0.0: "0", 100.0: "100"}
    if needed is not None:
        canvas.key.plot((100 * needed,) * 2, (-0.3, 1.3), color=INK, lw=1, clip_on=False)
        ticks[100 * needed] = f"{100 * needed:g} needed"
    label(canvas, ticks, "% of the picture")
