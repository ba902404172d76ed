"""Figures for a paper: the same bytes every time, no trace left, and names that are only names."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import pytest
from report_example import barren, example

from compare.figures import COLUMN, det, figures, roc
from compare.report import to_json

NAMES = ["roc", "precision-recall", "det", "calibration", "slices-1-view", "slices-2-tone"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    before = dict(matplotlib.rcParams)
    folder = tmp_path_factory.mktemp("figures") / "new"
    paths = figures(to_json(example()), folder)
    assert dict(matplotlib.rcParams) == before
    return paths


def test_every_figure_twice(made):
    assert [p.name for p in made] == [f"{n}.{s}" for n in NAMES for s in ("svg", "pdf")]
    for path in made:
        content = path.read_bytes()
        assert content.startswith(b"<?xml" if path.suffix == ".svg" else b"%PDF")


def test_same_bytes_whatever_the_settings(made, tmp_path):
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": None, "axes.facecolor": "red"}):
        again = figures(to_json(example()), tmp_path)
    for old, new in zip(made, again, strict=True):
        assert old.read_bytes() == new.read_bytes(), new.name


def test_no_dates(made):
    for path in made:
        assert not re.search(rb"CreationDate|ModDate|<dc:date>", path.read_bytes()), path.name


def test_a_column_wide(made):
    for path in made:
        if path.suffix == ".svg":
            width = ElementTree.parse(path).getroot().get("width")
            columns = 2 if path.stem.startswith("slices") else 1
            assert float(width.removesuffix("pt")) == pytest.approx(72 * COLUMN * columns)


def test_what_is_absent_is_not_drawn(tmp_path):
    paths = figures(to_json(barren()), tmp_path)
    assert [p.name for p in paths] == [f"{n}.{s}" for n in NAMES[:3] for s in ("svg", "pdf")]


def test_names_are_no_formulas(tmp_path):
    """Dollars and carets would be mathematics, and an underscore would hide a legend's line."""
    whole = example()
    named = replace(whole.scorers[1], name=r"_$\frac{<b>^$")
    data = to_json(replace(whole, scorers=[named], slices=[], pairs=[], prevalence=[]))
    assert figures(data, tmp_path)


def test_letters_are_inside_and_so_are_drawn():
    """Matplotlib leaves out what is written at a place outside the axes."""
    whole = example()
    nothing = replace(whole.scorers[0].operating_points[0].recall, value=0.0, low=0.0)
    points = [replace(point, recall=nothing, fpr=nothing)
              for point in whole.scorers[0].operating_points]  # fmt: skip
    data = to_json(
        replace(whole, scorers=[replace(whole.scorers[0], operating_points=points)], published=[])
    )
    for draw in (roc, det):
        axes = draw(data).axes[0]
        [letters] = axes.texts
        assert letters.get_text() == "ABCDEFGH"
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < letters.xy[0] < right
        assert bottom < letters.xy[1] < top


def test_an_attribute_s_name_is_no_path(tmp_path):
    whole = example()
    named = [replace(part, attribute={"view": "../a b", "tone": "..."}[part.attribute])
             for part in whole.slices]  # fmt: skip
    paths = figures(to_json(replace(whole, slices=named)), tmp_path)
    assert [p.name for p in paths if p.suffix == ".svg"][-2:] == [
        "slices-1-a-b.svg",
        "slices-2.svg",
    ]
    assert {p.parent for p in paths} == {tmp_path}
