"""Overlays and explanations: what is drawn, what is said, and that neither can be broken."""

import dataclasses
import itertools
import math
import re
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from drawings import Capsule, draw
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from baseline.captions import (
    beside,
    captions,
    deciding_rule,
    details,
    part_names,
    percent,
    verdict,
    wrapped,
)
from baseline.colourmaps import PALE, hue_colours, opponent_colours
from baseline.detector import Detection, Params, detect
from baseline.figures import (
    SHEET,
    STAGE,
    STAGES,
    cells,
    elided,
    explain,
    in_rows,
    legible,
    page,
    style,
    text_width,
)
from baseline.grouping import CONFIGURATIONS, RULES
from baseline.overlay import BEST, RULE_COLOURS, SEGMENT, SKIN, overlay, resized
from baseline.panels import panels
from baseline.skin import SkinParams
from images.reading import RGB

STAGE_FILES = [
    "01-working-picture.png",
    "02-log-opponent-planes.png",
    "03-hue.png",
    "04-saturation.png",
    "05-texture.png",
    "06-tight.png",
    "07-enlarged.png",
    "08-loose.png",
    "09-edges.png",
    "10-symmetries.png",
    "11-segments.png",
    "12-groups.png",
    "contact-sheet.png",
    "contact-sheet.pdf",
]
SIZES = [(1, 1), (2, 3), (1, 700), (700, 1), (40, 60), (300, 200), (600, 700), (900, 1400)]
HOSTILE = {
    "$x^2$ and $\\alpha$.jpg": "$x^2$ and $\\alpha$.jpg",
    "$5 of $": "$5 of $",
    r"\frac{a}{$": r"\frac{a}{$",
    "<b>&amp;": "<b>&amp;",
    "two\nlines\t": r"two\nlines\t",
    "undecodable-\udcff.jpg": r"undecodable-\udcff.jpg",
    "\u202egnp.exe": r"\u202egnp.exe",
    "写真 🙂": r"\u5199\u771f \U0001f642",
    "Ünï çødé": "Ünï çødé",
    "": "",
}


def mannequin() -> RGB:
    """A crude stick mannequin: a wide stroke, and a jointed pair of strokes for each limb."""
    return draw(
        Capsule((24, 64), (76, 64), 38),
        Capsule((102, 48), (130, 42), 20),
        Capsule((102, 80), (130, 86), 20),
        Capsule((150, 38), (180, 40), 17),
        Capsule((150, 90), (180, 88), 17),
        Capsule((26, 30), (58, 24), 14),
        Capsule((26, 98), (58, 104), 14),
        Capsule((74, 24), (98, 28), 12),
        Capsule((74, 104), (98, 100), 12),
        height=192,
        width=128,
    )


def plain(height: int, width: int) -> RGB:
    return np.full((height, width, 3), (96, 112, 140), np.uint8)


@pytest.fixture(scope="module")
def image() -> RGB:
    return mannequin()


@pytest.fixture(scope="module")
def marked(image: RGB) -> Detection:
    detection = detect(image)
    assert detection.decision
    assert {group.rule for group in detection.groups} == CONFIGURATIONS["F"]
    return detection


@pytest.fixture(scope="module")
def stopped(image: RGB) -> Detection:
    """The same picture with the same skin, stopped at the image test."""
    detection = detect(image, Params(skin=SkinParams(min_fraction=0.5)))
    assert detection.stopped_at == "skin_filter"
    return detection


def rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


# Overlay --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_an_overlay_is_a_picture_to_look_at_with_a_strip_beneath(size: tuple[int, int]) -> None:
    image = plain(*size)
    drawn = overlay(image, detect(image))
    shown = resized(image, 512, 768)
    height, width = shown.shape[:2]
    assert drawn.dtype == np.uint8
    assert 512 <= max(height, width) <= 768
    assert max(height, width) / max(size) == pytest.approx(min(height, width) / min(size), abs=0.6)
    faded = 0.45 * shown + 0.55 * 225  # nothing found, nothing drawn
    np.testing.assert_allclose(drawn[:height, :width], faded, atol=1)
    assert drawn.shape[1] == max(width, 360)
    assert 30 < drawn.shape[0] - height < 120
    assert (drawn[:height, width:] == 255).all()
    assert (drawn[height:] < 128).any()  # there is text


def test_pictures_of_a_size_to_look_at_keep_their_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (520, 700, 3), np.uint8)
    copy = resized(image, 512, 768)
    np.testing.assert_array_equal(copy, image)
    assert copy is not image


def test_a_marked_picture_differs_from_the_unmarked_at_the_segments_alone(
    image: RGB, marked: Detection, stopped: Detection
) -> None:
    with_groups, without = overlay(image, marked), overlay(image, stopped)
    height = resized(image, 512, 768).shape[0]
    differs = (with_groups[:height] != without[:height]).any(axis=2)
    factor = height / 192
    lines = [segment.corners for segment in marked.segments]
    for group in marked.groups:
        lines += [group.pelvis] if group.rule != "limb" else []
    near = np.zeros(differs.shape, np.uint8)
    for line in lines:
        points = np.rint((line[:, ::-1] + 0.5) * factor).astype(np.int32)
        cv2.polylines(near, [points], True, 1, 44)
        cv2.fillPoly(near, [points], 1)
    assert not differs[near == 0].any()
    for segment in marked.segments:
        own = np.zeros(differs.shape, np.uint8)
        cv2.fillPoly(own, [np.rint((segment.corners[:, ::-1] + 0.5) * factor).astype(np.int32)], 1)
        assert differs[own == 1].any()


def test_lines_lie_where_segments_do(image: RGB, marked: Detection) -> None:
    """Of a segment in no group the rectangle's corners have the segments' colour."""
    grouped = {s for rule in RULES for g in [g for g in marked.groups if g.rule == rule][:BEST]
               for s in g.segments}  # fmt: skip
    alone = [segment for segment in marked.segments if segment not in grouped]
    assert alone
    drawn = overlay(image, marked).astype(int)
    factor = 512 / 192
    for row, col in np.concatenate([segment.corners for segment in alone]):
        r, c = round((row + 0.5) * factor - 0.5), round((col + 0.5) * factor - 0.5)
        around = drawn[max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3].reshape(-1, 3)
        assert np.abs(around - rgb(SEGMENT)).max(axis=1).min() < 40


def test_each_rule_is_drawn_and_named_in_its_colour(
    image: RGB, marked: Detection, stopped: Detection
) -> None:
    height = resized(image, 512, 768).shape[0]
    drawn, unmarked = overlay(image, marked), overlay(image, stopped)
    for rule, colour in RULE_COLOURS.items():
        expected = rule in CONFIGURATIONS["F"]
        for part in (drawn[:height], drawn[height:]):
            assert (part == rgb(colour)).all(axis=2).any() == expected
        assert not (unmarked == rgb(colour)).all(axis=2).any()


def test_what_is_not_skin_fades_and_skin_does_not(image: RGB, stopped: Detection) -> None:
    drawn = overlay(image, stopped).astype(int)
    shown = resized(image, 512, 768).astype(int)
    factor = 512 / 192
    for (row, col), skin in ((50, 64), True), ((140, 64), False):
        assert stopped.skin.mask[row, col] == skin
        r, c = round(row * factor), round(col * factor)
        mixed = shown[r, c] + 0.55 * (not skin) * (225 - shown[r, c])
        assert drawn[r, c] == pytest.approx(mixed, abs=1)


def test_overlays_repeat_and_leave_the_picture_alone(image: RGB, marked: Detection) -> None:
    before = image.copy()
    np.testing.assert_array_equal(overlay(image, marked), overlay(image, marked))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("drawing", [overlay, lambda i, d: explain(i, d, Path("never"), "")])
def test_a_foreign_picture_is_refused(drawing, marked: Detection) -> None:
    with pytest.raises(ValueError, match=r"expected the detection's picture, \(192, 128, 3\)"):
        drawing(plain(192, 129), marked)


# The colour-vision deficiencies' matrices, severity 1: Machado, Oliveira and Fernandes 2009.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_palette_is_told_apart_by_colour_blind_eyes(deficiency: str) -> None:
    colours = np.array([rgb(colour) for colour in (*RULE_COLOURS.values(), SEGMENT, SKIN)]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(DEFICIENCIES[deficiency]).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))
    assert min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2)) > 10


# Captions -------------------------------------------------------------------------------------


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_captions_carry_the_detections_own_numbers(marked: Detection) -> None:
    said = {key: numbers(caption.answer) for key, caption in captions(marked).items()}
    skin, planes = marked.skin, marked.planes

    def share(mask) -> float:
        return pytest.approx(100 * mask.mean(), abs=0.5)

    assert said["working"] == [128, 192]
    assert said["intensity"][0] == pytest.approx(np.median(planes.intensity), abs=0.5)
    assert said["rg"] == [pytest.approx(abs(np.median(planes.rg)), abs=0.5), share(planes.rg > 0)]
    assert said["by"] == [pytest.approx(abs(np.median(planes.by)), abs=0.5), share(planes.by < 0)]
    hues = (planes.hue >= 110) & (planes.hue <= 180)
    assert said["hue"] == [share(hues), 110, 180]
    assert said["colours"][1] == share(skin.loose)
    assert said["saturation"] == [share(planes.saturation >= 20), 20]
    assert said["texture"] == [5, share(skin.texture <= 5)]
    assert said["tight"] == [share(skin.tight)]
    assert said["enlarged"] == [share(skin.tight), share(skin.enlarged)]
    assert said["loose"] == [share(skin.mask), 30]
    curves = len(set(marked.edges.curve.tolist()))
    outline = int(marked.edges.outline.sum())
    assert said["edges"] == [len(marked.edges), curves, *([outline] if outline else [])]
    assert ("none of them" in captions(marked)["edges"].answer) == (outline == 0)
    widths = marked.symmetries.width
    assert said["symmetries"] == [
        len(widths), round(widths.min()), round(widths.max()), len(marked.ribbons)
    ]  # fmt: skip
    longest = max(marked.segments, key=lambda segment: segment.length)
    assert said["segments"] == [
        len(marked.segments), 0, round(longest.length), round(longest.width)
    ]  # fmt: skip
    for rule in RULES:
        groups = marked.grouping.groups[rule]
        assert said[rule] == [len(groups), pytest.approx(groups[0].tau, abs=0.005), 1]


def test_a_reduced_picture_tells_its_first_size() -> None:
    answer = captions(detect(plain(400, 600)))["working"].answer
    assert answer == "192 × 128 px, reduced from 600 × 400"


def test_stages_that_were_not_reached_say_why(stopped: Detection) -> None:
    said = captions(stopped)
    for key in ("edges", "symmetries", "segments", *RULES):
        assert said[key].answer == "not reached: the skin filter said no"
    assert said["loose"].answer.endswith(" % of the picture is; 50 % needed, so it ends here")
    blank = detect(np.full((128, 192, 3), (198, 134, 100), np.uint8), Params(score="grouper_first"))
    assert blank.grouping is not None
    assert not blank.segments
    assert captions(blank)["limb"].answer == "not reached: there is no segment"


def test_the_image_test_is_told_as_left_out_where_it_is(image: RGB) -> None:
    params = Params(skin=SkinParams(min_fraction=0.5), score="grouper_first")
    detection = detect(image, params)
    assert detection.decision
    assert captions(detection)["loose"].answer.endswith("; the grouper is asked in any case")
    assert verdict(detection).startswith("marked: ")


def test_a_search_that_was_cut_says_so(marked: Detection) -> None:
    whole = captions(marked)
    for name, key in (("ribbons", "symmetries"), ("segments", "segments"), ("limbs", "limb")):
        cut = captions(dataclasses.replace(marked, cut=(name,)))
        assert [k for k in whole if cut[k] != whole[k]] == [key]
        assert cut[key].answer == whole[key].answer + "; the search was cut at its limit"
    most = len(marked.grouping.groups["limb"])
    params = dataclasses.replace(
        marked.params, grouping=marked.params.grouping._replace(max_groups=most)
    )
    listed = captions(dataclasses.replace(marked, cut=("groups",), params=params))
    assert listed["limb"].answer.startswith(f"over {most} found")


def test_verdicts(marked: Detection, stopped: Detection) -> None:
    best = min(marked.groups, key=lambda group: group.tau)
    name = {"spine_thigh": "spine-thigh group"}.get(best.rule, best.rule.replace("_", " "))
    name = name.replace("limb limb", "limb-limb").replace("limb segment", "limb-segment")
    assert verdict(marked) == f"marked: {name}, score {marked.score:.2f}"
    groups, segments = len(marked.groups), len(marked.segments)
    skin = f"{100 * marked.skin.fraction:.0f} % of the picture"
    assert details(marked) == f"skin {skin}, {segments} segments, {groups} groups"
    assert verdict(stopped) == f"not marked: skin covers {skin}, 50 % needed"
    assert details(stopped) == (
        f"score {stopped.score:.2f}, skin {skin}, stopped at the skin filter"
    )


def test_verdicts_of_pictures_that_the_grouper_stops() -> None:
    smooth = detect(np.full((128, 192, 3), (141, 85, 60), np.uint8), Params(score="grouper_first"))
    assert verdict(smooth) == "not marked: the skin holds no straight segment"
    one = draw(Capsule((64, 40), (64, 150), 40), colour=(141, 85, 60))
    one = detect(one, Params(skin=SkinParams(min_fraction=0.1)))
    assert one.stopped_at == "groups"
    assert verdict(one) == "not marked: 1 segment, but no group"
    assert details(one).endswith("stopped at the groups")
    nearly = dataclasses.replace(
        one,
        grouping=dataclasses.replace(
            one.grouping, taus={**one.grouping.taus, "limb": 0.6, "spine_thigh": 1.002}
        ),
    )
    assert verdict(nearly) == (
        "not marked: 1 segment, but no group; nearest: spine-thigh group, tau 1.002 (at most 1)"
    )


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_rule_decides_only_where_the_configuration_asks_for_it(
    image: RGB, configuration: str
) -> None:
    detection = detect(image, Params(configuration=configuration))
    rule = deciding_rule(detection)
    assert rule in CONFIGURATIONS[configuration]
    taus = detection.grouping.taus
    assert taus[rule] == min(taus[r] for r in CONFIGURATIONS[configuration])
    for asked in RULES:
        silent = "does not mark" not in captions(detection)[asked].answer
        assert silent == (asked in CONFIGURATIONS[configuration])


def test_every_part_of_a_group_has_a_name(marked: Detection) -> None:
    groups = [group for rule in RULES for group in marked.grouping.groups[rule]]
    assert {group.rule for group in groups} == set(RULES)
    for group in groups:
        assert len(part_names(group)) == len(group.segments)
    spine = marked.grouping.groups["spine_thigh"][0]
    assert dict(zip(spine.segments, part_names(spine), strict=True))[spine.trunk] == "trunk"


@given(st.floats(0, 100), st.sampled_from([0.5, 1.0, 30.0]), st.integers(0, 3))
def test_rounding_never_crosses_a_limit(value: float, limit: float, places: int) -> None:
    text = beside(value, [limit], places)
    assert math.isclose(float(text), value, abs_tol=0.5 * 10.0**-places * 1.001)
    assert (float(text) >= limit) == (value >= limit)
    assert (float(text) <= limit) == (value <= limit)


@given(st.integers(0, 24576))
def test_only_all_is_all_and_none_is_none(marked_pixels: int) -> None:
    text = percent(marked_pixels / 24576)
    assert (text == "100 %") == (marked_pixels == 24576)
    assert (text == "0 %") == (marked_pixels == 0)


@given(st.lists(st.text("ab7", min_size=1, max_size=9), max_size=12), st.integers(1, 30))
def test_wrapping_keeps_every_word(words: list[str], room: int) -> None:
    text = " ".join(words)
    lines = wrapped(text, room, len)
    assert " ".join(lines) == text
    assert all(len(line) <= room or " " not in line for line in lines)


# Colours --------------------------------------------------------------------------------------


def test_what_has_no_colour_is_shown_without_hue() -> None:
    hues = np.linspace(-180, 180, 37, dtype=np.float32)
    assert hue_colours(hues, np.zeros_like(hues)) == pytest.approx(PALE)
    spread = [np.ptp(hue_colours(hues, np.full_like(hues, s)), axis=1).min() for s in (0.2, 0.6, 1)]
    assert 0 < spread[0] < spread[1] < spread[2]


def test_hues_go_round_in_even_lightness_and_their_own_colours() -> None:
    hues = np.array([-180, -90, 0, 90, 180], np.float32)
    olive, green, blue, red, again = hue_colours(hues, np.ones_like(hues))
    np.testing.assert_array_equal(olive, again)
    assert green.argmax() == 1
    assert blue.argmax() == 2
    assert red.argmax() == 0
    assert olive.argmin() == 2
    every = np.arange(-180, 180, dtype=np.float32)
    assert np.ptp(rgb2lab(hue_colours(every, np.ones_like(every)))[:, 0]) < 6


@pytest.mark.parametrize("hue", [0, 75])
def test_opponent_colours_are_balanced(hue: float) -> None:
    lightness = rgb2lab(opponent_colours(hue)(np.linspace(0, 1, 101))[:, :3])[:, 0]
    assert lightness.argmax() == 50
    assert lightness == pytest.approx(lightness[::-1], abs=3)
    assert (np.diff(lightness[:51]) > 0).all()


# Figures --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained(
    image: RGB, marked: Detection, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    return explain(image, marked, tmp_path_factory.mktemp("explained") / "new", "a drawing")


def sheet(image: RGB, detection: Detection, title: str = "") -> Figure:
    with style():
        figure = page(in_rows(cells(image, detection)), detection, title, *SHEET)
        figure.canvas.draw()
    return figure


def test_every_stage_is_written_in_order(explained: list[Path]) -> None:
    assert [path.name for path in explained] == STAGE_FILES
    assert sorted(path.name for path in explained[0].parent.iterdir()) == sorted(STAGE_FILES)
    for path in explained[:-1]:
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert min(picture.size) > 600
    assert explained[-1].read_bytes().startswith(b"%PDF-")


def test_the_same_picture_gives_the_same_bytes(
    image: RGB, marked: Detection, explained: list[Path], tmp_path: Path
) -> None:
    with matplotlib.rc_context({"font.size": 30, "pdf.fonttype": 3, "axes.facecolor": "red"}):
        again = explain(image, marked, tmp_path, "a drawing")
        assert matplotlib.rcParams["font.size"] == 30
    for first, second in zip(explained, again, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_nothing_is_dated(explained: list[Path]) -> None:
    for path in explained:
        assert b"CreationDate" not in path.read_bytes()
        assert b"atplotlib" not in path.read_bytes()


def test_panels_captions_and_stages_agree(image: RGB, marked: Detection) -> None:
    keys = [key for stage in STAGES.values() for key in stage]
    assert list(captions(marked)) == keys
    assert list(panels(image, marked)) == keys
    assert {len(stage) for stage in STAGES.values()} <= STAGE.keys()


def test_the_sheet_says_all_that_the_captions_say(image: RGB, marked: Detection) -> None:
    written = texts(sheet(image, marked, "a title"))
    said = " ".join(written)
    for caption in captions(marked).values():
        for part in (caption.name, caption.question, caption.answer):
            assert part in said
    for part in ("a title", verdict(marked), details(marked)):
        assert part in said
    assert written.count("pelvis") == 3
    trunk = marked.grouping.groups["spine_thigh"][0].trunk
    assert f"trunk ({marked.segments.index(trunk)})" in written


def test_what_was_not_reached_keeps_its_panel(image: RGB, stopped: Detection) -> None:
    figure = sheet(image, stopped)
    assert texts(figure).count("not reached: the skin filter said no") == 7
    # A panel for every cell, and a key for those that were reached.
    assert len(figure.axes) == 18 + 11


def test_a_panel_is_drawn_wherever_something_was_found(image: RGB, marked: Detection) -> None:
    figure = sheet(image, marked)
    assert len(figure.axes) == 2 * 18
    boxes = {
        tuple(np.round(axes.get_position(original=True).bounds[2:], 6)) for axes in figure.axes
    }
    assert len(boxes) == 2  # panels of one size, keys of one size


def test_panels_show_things_where_they_were_found(image: RGB, marked: Detection) -> None:
    figure = sheet(image, marked)
    keys = [key for stage in STAGES.values() for key in stage]
    axes = dict(zip(keys, figure.axes[::2], strict=True))

    (rectangles,) = (c for c in axes["segments"].collections if isinstance(c, PolyCollection))
    for path, segment in zip(rectangles.get_paths(), marked.segments, strict=True):
        np.testing.assert_allclose(path.vertices[:4], segment.corners[:, ::-1])
    points = np.concatenate([c.get_offsets() for c in axes["edges"].collections])
    canny = ~marked.edges.outline
    expected = np.concatenate([marked.edges.position[canny], marked.edges.position[~canny]])
    np.testing.assert_allclose(points, expected[:, ::-1])
    for key in ("working", "texture", "loose", "edges", "limb"):
        assert axes[key].get_xlim() == (-0.5, 127.5)
        assert axes[key].get_ylim() == (191.5, -0.5)
    for rule in CONFIGURATIONS["F"]:
        pelvis = marked.grouping.groups[rule][0].pelvis[:, ::-1]
        assert any(np.array_equal(line.get_xydata(), pelvis) for line in axes[rule].lines)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 700), (700, 1), (9, 300)])
def test_pictures_of_any_shape_are_explained(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), (198, 134, 100), np.uint8)
    figure = sheet(image, detect(image, Params(score="grouper_first")))
    shown = figure.axes[0].get_window_extent()
    assert 1 / 6.01 <= shown.width / shown.height <= 6.01
    for text in figure.texts:
        assert figure.bbox.contains(*text.get_window_extent().p0), text


@pytest.mark.parametrize("title", HOSTILE)
def test_titles_are_plain_text(title: str, tmp_path: Path) -> None:
    image = plain(8, 9)
    detection = detect(image)
    stage = cells(image, detection)[:1]
    with style():
        figure = page(stage, detection, title, *STAGE[1])
        head = figure.texts[0]
        drawn = head.get_window_extent().width / figure.dpi * 72
        figure.savefig(tmp_path / "page.png")
        figure.savefig(tmp_path / "page.pdf")
    assert head.get_text() == HOSTILE[title]
    # As wide as its letters are: neither mathematics nor markup was made of them.
    assert drawn == pytest.approx(text_width(HOSTILE[title], head.get_size(), bold=True), rel=0.05)


@given(st.text())
def test_any_title_becomes_one_legible_line(title: str) -> None:
    line = legible(title)
    assert line.isprintable()
    assert legible(line) == line


def test_a_long_title_loses_its_middle() -> None:
    title = "beginning" + "m" * 5000 + "end.jpg"
    short = elided(title, 300, 12)
    assert short.startswith("beginning")
    assert short.endswith("end.jpg")
    assert 200 < text_width(short, 12, bold=True) <= 300
    assert elided("short.jpg", 300, 12) == "short.jpg"
