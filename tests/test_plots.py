"""What is drawn lies where the numbers say: drawings are read back as XML."""

import copy
import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from report_example import barren, example
from sklearn.metrics import average_precision_score, roc_auc_score

from compare import distributions, plots
from compare.forest import Dot, forest
from compare.lines import (
    STYLES,
    det_line,
    pr_line,
    probit,
    published_series,
    reweighted,
    roc_line,
    style,
)
from compare.page import slices_plot
from compare.report import to_json
from compare.svg import Axis, Panel, element, label_places, letter_box, letter_places

DRAWN = {"roc": plots.roc, "pr": plots.precision_recall, "det": plots.det}


@pytest.fixture(scope="module")
def data():
    return to_json(example())


@pytest.fixture(scope="module")
def drawn(data):
    return {name: ElementTree.fromstring(draw(data)) for name, draw in DRAWN.items()}


def place(drawing, x, y):
    """Where rates lie in a linear plot, from the attributes that the page's script uses."""
    left, top, width, height = (float(drawing.get(f"data-{k}")) for k in
                                ("left", "top", "width", "height"))  # fmt: skip
    return left + x * width, top + (1 - y) * height


def corners(path):
    return np.array([[float(v) for v in p.split(",")] for p in path.strip("MZ").split(" ")])


def translation(mark):
    return [float(v) for v in re.fullmatch(r"translate\((\S+) (\S+)\)", mark).groups()]


@pytest.mark.parametrize(("name", "across", "up"), [("roc", "fpr", "recall"),
                                                    ("pr", "recall", "precision")])  # fmt: skip
def test_marks_stand_at_the_thresholds(data, drawn, name, across, up):
    for i, scorer in enumerate(data["scorers"]):
        [mark] = drawn[name].findall(f".//*[@data-mark='{i}']")
        at = scorer["at_threshold"]
        expected = place(drawn[name], at[across]["value"], at[up]["value"])
        np.testing.assert_allclose(translation(mark.get("transform")), expected, atol=0.006)


def test_lines_lie_on_the_counts(data, drawn):
    for i, scorer in enumerate(data["scorers"]):
        [line] = drawn["roc"].findall(f".//*[@data-line='{i}']")
        tp, fp = np.array(scorer["curve"]["tp"]), np.array(scorer["curve"]["fp"])
        expected = np.transpose(place(drawn["roc"], fp / 1401, tp / 138))
        np.testing.assert_allclose(corners(line.get("d")), expected, atol=0.006)


def test_configurations_stand_with_their_crosses(data, drawn):
    points = data["scorers"][0]["operating_points"]
    dots = [d for d in drawn["roc"].iter("circle") if d.get("class") == "dot"]
    bars = [c.get("d") for c in drawn["roc"].findall(".//g[@class='series-0']/*[@class='cross']")]
    assert len(dots) == len(points) == len(bars) == 8
    for dot, bar, point in zip(dots, bars, points, strict=True):
        fpr, recall = point["fpr"], point["recall"]
        expected = place(drawn["roc"], fpr["value"], recall["value"])
        np.testing.assert_allclose(
            (float(dot.get("cx")), float(dot.get("cy"))), expected, atol=0.006
        )
        ends = [place(drawn["roc"], fpr[end], recall["value"]) for end in ("low", "high")]
        ends += [place(drawn["roc"], fpr["value"], recall[end]) for end in ("low", "high")]
        found = np.concatenate([corners(part) for part in bar.split("M")[1:]])
        np.testing.assert_allclose(found, ends, atol=0.006)
    written = drawn["roc"].findall(".//g[@class='series-0']/text[@class='letter']")
    assert sorted("".join(t.text for t in written)) == list("ABCDEFGH")


def test_published_marks_are_open_and_named(data, drawn):
    [group] = drawn["roc"].findall(".//g[@class='published']")
    marks = [m for m in group.iter() if m.get("class") == "mark open"]
    for mark, point in zip(marks, data["published"], strict=True):
        expected = place(drawn["roc"], point["fpr"]["value"], point["recall"]["value"])
        np.testing.assert_allclose(translation(mark.get("transform")), expected, atol=0.006)
    assert all("another test set" in title.text for title in group.iter("title"))
    letters = [t.text for t in group.iter("text") if t.get("class") == "letter"]
    assert letters == ["F", "H"]  # what follows the comma
    assert published_series(data) == [("ECCV 1996", 0), ("IJCV 1999", 1)]


def test_the_det_s_axes_are_normal_deviates(data, drawn):
    """A straight line of normal deviates is a straight line in px: all lie on one affine map."""
    values, pixels = [], []
    for i, scorer in enumerate(data["scorers"]):
        [line] = drawn["det"].findall(f".//*[@data-line='{i}']")
        values += det_line(scorer)
        pixels += corners(line.get("d")).tolist()
    for axis in (0, 1):
        x, y = np.array(values)[:, axis], np.array(pixels)[:, axis]
        slope, start = np.polyfit(x, y, 1)
        np.testing.assert_allclose(slope * x + start, y, atol=0.01)
    assert probit(0.5) == 0
    assert probit(0) == probit(0.001) == pytest.approx(-3.0902, abs=1e-4)
    assert probit(1) == probit(0.99) == pytest.approx(2.3263, abs=1e-4)


def test_the_area_under_the_steps_is_ap_and_under_roc_auc(data):
    for scorer in data["scorers"]:
        x, y = np.transpose(pr_line(scorer))
        area = float(np.sum(np.diff(x) * y[1:]))
        assert area == pytest.approx(scorer["ap"]["value"], abs=1e-12)
        x, y = np.transpose(roc_line(scorer))
        assert float(np.trapezoid(y, x)) == pytest.approx(scorer["auc"]["value"], abs=1e-12)


def test_the_lines_by_hand():
    labels, scores = [1, 0, 1, 0], [0.9, 0.9, 0.4, 0.1]
    scorer = {
        "curve": {"thresholds": [None, 0.9, 0.4, 0.1], "tp": [0, 1, 2, 2], "fp": [0, 1, 1, 2]},
        "answered": {"targets": 2, "controls": 2},
    }
    assert roc_line(scorer) == [(0, 0), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert pr_line(scorer) == [
        (0, 0.5), (0.5, 0.5), (0.5, 2 / 3), (1, 2 / 3), (1, 0.5), (1, 0.5),
    ]  # fmt: skip
    assert average_precision_score(labels, scores) == pytest.approx(0.5 * 0.5 + 0.5 * 2 / 3)
    assert roc_auc_score(labels, scores) == pytest.approx(0.625)


def test_reweighting_by_counting():
    """Of 1000 pictures, 10 targets: 8 are found; of 990 controls, 99 are marked."""
    assert reweighted(0.8, 0.1, 0.01) == pytest.approx(8 / 107)
    assert reweighted(0, 0, 0.01) == 0


def test_dots_stand_on_their_intervals():
    found = {"value": 0.5, "low": 0.25, "high": 1.0}
    rows = [("a", [[Dot(0, found)]]), ("<b>", [[Dot(1, {"absent": "no"}), Dot(1, found, True)]])]
    drawing = ElementTree.fromstring(forest([("rate", ("0", "50", "100"))], rows, "label"))
    bars = [corners(c.get("d")) for c in drawing.iter("path") if c.get("class") == "cross"]
    marks = [
        translation(m.get("transform")) for m in drawing.iter() if "mark" in m.get("class", "")
    ]
    assert len(bars) == len(marks) == 2
    grid = [corners(g.get("d"))[0, 0] for g in drawing.iter("path") if g.get("class") == "grid"]
    for bar, mark in zip(bars, marks, strict=True):
        start, end = grid[0], grid[-1]
        np.testing.assert_allclose((bar[:, 0] - start) / (end - start), [0.25, 1], atol=1e-4)
        assert (mark[0] - start) / (end - start) == pytest.approx(0.5, abs=1e-4)
        assert mark[1] == bar[0, 1]


def test_bars_have_the_shares_of_their_class(data):
    drawing = ElementTree.fromstring(distributions.histogram(data["scorers"][1], 1))
    found = data["scorers"][1]["histogram"]
    zero = float(drawing.get("data-top")) + float(drawing.get("data-height")) / 2
    for kind in ("targets", "controls"):
        bars = [
            corners(b.get("d")) for b in drawing.iter("path") if b.get("class") == f"bar {kind}"
        ]
        heights = np.array([abs(bar[1, 1] - zero) for bar in bars])
        counts = np.array([n for n in found[kind] if n])
        most = max(max(found[k]) / sum(found[k]) for k in ("targets", "controls"))
        scale = float(drawing.get("data-height")) / 2 / most
        np.testing.assert_allclose(heights, scale * counts / sum(found[kind]), atol=0.02)


def test_calibration_points_lie_at_mean_and_share(data):
    scorer = data["scorers"][2]
    drawing = ElementTree.fromstring(distributions.calibration(scorer, 2))
    marks = [translation(m.get("transform")) for m in drawing.iter() if m.get("class") == "mark"]
    expected = [place(drawing, b["mean"], b["rate"]["value"]) for b in scorer["calibration"]]
    np.testing.assert_allclose(marks, expected, atol=0.006)


def test_absent_curves_leave_axes():
    data = to_json(barren())
    for draw in (*DRAWN.values(), plots.prevalence_curve):
        drawing = ElementTree.fromstring(draw(data))
        assert not drawing.findall(".//*[@data-line]")
        assert len(list(drawing.iter("text"))) >= 10


def test_styles_differ_without_colour():
    assert len({(s.dashes, s.mark) for s in STYLES}) == len(STYLES)
    assert len({s.colour for s in STYLES}) == len(STYLES)
    assert style(7) == style(1)


def test_elements_escape():
    written = element("text", "</text><script>", class_='"><script>', x=1.0)
    parsed = ElementTree.fromstring(written)
    assert parsed.text == "</text><script>"
    assert parsed.get("class") == '"><script>'


PANEL = Panel(Axis("", 0, 1, []), Axis("", 0, 1, []))


def test_names_stand_nearer_to_their_own_line():
    high = [PANEL.at(x, 0.9) for x in (0, 1)]
    low = [PANEL.at(x, 0.2) for x in (0, 1)]
    (_, up), (_, down) = label_places(PANEL, [("upper", high), ("lower", low)], [])
    assert abs(up - high[0][1]) < 25
    assert abs(down - low[0][1]) < 25


def test_words_that_fit_nowhere_are_left_out():
    line = [PANEL.at(x, 0.5) for x in (0, 1)]
    twin = [(x, y + 1) for x, y in line]
    assert label_places(PANEL, [("x" * 90, line)], []) == [None]
    above, below = label_places(PANEL, [("one", line), ("other", twin)], [])
    assert above[1] < line[0][1] < below[1]


def test_letters_join_where_points_coincide():
    points = [(100, 100), (102, 101), (160, 100)]
    found = letter_places("ABC", points, PANEL.box)
    assert [letters for letters, _, _ in found] == ["AB", "C"]
    assert [letters for letters, _, _ in letter_places(["", "A"], points[1:], PANEL.box)] == ["A"]


def test_letters_stay_inside_and_apart():
    corners = [PANEL.at(x, y) for x, y in ((0, 0), (0.033, 0), (0.066, 0.02), (1, 1))]
    left, top, width, height = PANEL.box
    boxes = [
        letter_box(*one) for one in letter_places(["ADE", "BCF", "GH", "I"], corners, PANEL.box)
    ]
    for box in boxes:
        assert left <= box[0] <= box[0] + box[2] <= left + width
        assert top <= box[1] <= box[1] + box[3] <= top + height
    for one, other in combinations(boxes, 2):
        across = max(one[0], other[0]) - min(one[0] + one[2], other[0] + other[2])
        down = max(one[1], other[1]) - min(one[1] + one[3], other[1] + other[3])
        assert max(across, down) >= 0


def test_names_keep_off_letters():
    line = [PANEL.at(x, 0.5) for x in (0, 1)]
    [(left, baseline)] = label_places(PANEL, [("name", line)], [])
    taken = letter_box("BCDEF", left + 10, baseline)
    [(x, y)] = label_places(PANEL, [("name", line)], [taken])
    name = letter_box("name", x, y)
    assert name[0] >= taken[0] + taken[2] or name[0] + name[2] <= taken[0] or abs(y - baseline) > 11


def test_a_small_slice_keeps_its_warning_whatever_its_name(data):
    long = copy.deepcopy(data)
    small = next(part for part in long["slices"] if part["small"])
    small["value"] = "a name of many, many letters"
    drawing = ElementTree.fromstring(slices_plot(long, [long["slices"].index(small)]))
    [row] = [t.text for t in drawing.iter("text") if t.get("class") == "row"]
    assert row == "a name of m… (small)"


def test_a_measure_that_no_slice_has_takes_no_room(data):
    def titles(indices):
        drawing = ElementTree.fromstring(slices_plot(data, indices))
        return [t.text for t in drawing.iter("text") if t.get("class") == "axis"]

    small = [k for k, part in enumerate(data["slices"]) if part["small"]]  # none has an AUC
    assert titles(small) == ["recall, %", "false positive rate, %"]
    assert titles([0, *small]) == ["AUC", "recall, %", "false positive rate, %"]
