"""The lessons as a site: numbers are the data's, links hold, and nothing needs a network."""

import json
import re
import shutil

import numpy as np
import pytest
from pages import Walk, count_numbers, grave_faults, unfold
from PIL import Image

from compare.lessons import site
from compare.lessons.cli import app
from compare.lessons.pages import cite, cited, references, save
from compare.lessons.results import FULL, Results
from images.labelled import LabelledSet

SLUGS = [
    "knowledge-by-hand", "learned", "side-by-side", "curves-hide", "who-is-missed", "exercises",
]  # fmt: skip
WITHOUT_NETS = ["knowledge-by-hand", "side-by-side", "who-is-missed"]
MOST_BYTES = 15_000_000


def test_pages_are_in_order_and_small(lessons):
    assert [page.slug for page in lessons.pages] == SLUGS
    files = [path for path in lessons.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_building_twice_gives_the_same_bytes(lessons, tmp_path):
    site.build_site(Results(lessons.results.root, short=True), tmp_path)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (lessons.folder, tmp_path)
    )
    assert first.keys() == second.keys()
    assert [str(path) for path in first if first[path] != second[path]] == []


def test_results_that_are_there_are_not_computed_again(lessons, monkeypatch):
    results = lessons.results

    def refused(*_args, **_more):
        raise AssertionError("computed again")

    monkeypatch.setattr("compare.lessons.results.draw_set", refused)
    monkeypatch.setattr("compare.lessons.results.compare_set", refused)
    monkeypatch.setattr("convnet.cli.train_folder", refused)
    again = Results(results.root, short=True)
    assert again.report == results.report
    assert again.run.is_dir()
    assert set(again.scores) == {item.path for item in results.drawn.items}


def test_a_report_of_another_set_is_not_used(lessons, tmp_path, monkeypatch):
    results = lessons.results
    shutil.copytree(results.root, tmp_path / "results")
    file = tmp_path / "results/compared/report.json"
    kept = json.loads(file.read_bytes())
    kept["tested"]["digest"] = "0" * 64
    file.write_text(json.dumps(kept))
    asked = []

    def instead(manifest, scorers, out, **_more):
        asked.append((manifest, scorers))
        shutil.copyfile(results.root / "compared/report.json", out / "report.json")

    monkeypatch.setattr("compare.lessons.results.compare_set", instead)
    assert Results(tmp_path / "results", short=True).report == results.report
    assert len(asked) == 1


def test_the_full_form_is_the_demos():
    assert FULL["drawn"].targets == 138
    assert FULL["drawn"].controls == 1401


# ---- Numbers, links, sources


def test_every_number_is_the_datas(lessons):
    for slug in WITHOUT_NETS:
        source = (lessons.folder / f"{slug}.html").read_text("utf-8")
        assert count_numbers(source, lessons.data[slug], free={"lead"}) > 100


def test_data_is_in_the_page_and_beside_it(lessons):
    for page in lessons.pages:
        source = (lessons.folder / f"{page.slug}.html").read_text("utf-8")
        inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', source)
        assert json.loads(inside[1]) == lessons.data[page.slug] == json.loads(json.dumps(page.data))


def test_links_and_anchors_and_pictures_hold(lessons):
    out = lessons.folder
    documents = {path.name: Walk(path.read_text("utf-8")) for path in out.glob("*.html")}
    anchors = {
        name: [found["id"] for _, found in walk.elements if "id" in found]
        for name, walk in documents.items()
    }
    assert set(documents) == {"index.html", *(f"{page.slug}.html" for page in lessons.pages)}
    shown = set()
    for name, walk in documents.items():
        assert len(anchors[name]) == len(set(anchors[name])), name
        for tag, found in walk.elements:
            if "src" in found:
                assert (out / found["src"]).is_file(), found["src"]
                assert tag != "img" or (found["loading"] == "lazy" and "alt" in found)
                with Image.open(out / found["src"]) as picture:
                    assert (found["width"], found["height"]) == tuple(map(str, picture.size))
                shown.add(found["src"])
            if tag == "a":
                target, _, anchor = found["href"].partition("#")
                if (out / (target or name)).suffix == ".html":
                    assert not anchor or anchor in anchors[target or name], (name, found["href"])
                assert (out / target).exists(), (name, found["href"])
            if "for" in found or "aria-labelledby" in found:
                asked = found.get("for") or found["aria-labelledby"]
                assert asked in anchors[name], (name, asked)
    assert {f"img/{path.name}" for path in (out / "img").glob("*.webp")} == shown


def test_sources_are_those_of_the_references(lessons):
    assert references()["ECCV96"].startswith("M. M. Fleck, D. A. Forsyth, C. Bregler")
    assert cited(cite("ZF14") + cite("ECCV96")) == ["ECCV96", "ZF14"]
    with pytest.raises(ValueError, match="expected a key"):
        cite("NOBODY99")
    source = (lessons.folder / "knowledge-by-hand.html").read_text("utf-8")
    for name in cited(lessons.pages[0].html):
        assert f'<dt id="ref-{name}">' in source


def test_nothing_of_this_machine_is_told(lessons):
    for path in [*lessons.folder.rglob("*.html"), *lessons.folder.rglob("*.json")]:
        assert str(lessons.results.root.parent) not in path.read_text("utf-8"), path


def test_pictures_no_page_shows_go(lessons, tmp_path):
    stale = [tmp_path / f"img/0123456789abcdef{size}.webp" for size in ("", "-8x6")]
    other = tmp_path / "img/mine.webp"
    other.parent.mkdir()
    for path in (*stale, other):
        path.write_bytes(b"")
    site._sweep(tmp_path, lessons.pages)
    assert not any(path.exists() for path in stale)
    assert other.exists()


def test_equal_pictures_are_one_file(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    assert save(image, tmp_path) == save(image.copy(), tmp_path)
    assert save(image + 1, tmp_path) != save(image, tmp_path)
    assert len(list((tmp_path / "img").iterdir())) == 2


# ---- The command


def test_the_command_says_what_is_missing(tmp_path):
    from typer.testing import CliRunner

    runner = CliRunner()
    with pytest.raises(ValueError, match="expected --out"):
        runner.invoke(app, ["--short"], catch_exceptions=False)
    assert "cue-experiment" in runner.invoke(app, ["--help"]).output
    with pytest.raises(ValueError, match="behind it"):
        runner.invoke(app, ["--short", "cue-experiment", "--out", str(tmp_path)],
                      catch_exceptions=False)  # fmt: skip


def test_a_set_of_ones_own_is_used(lessons, tmp_path):
    assert isinstance(lessons.results.drawn, LabelledSet)
    assert lessons.results.manifest == lessons.results.root / "drawn/manifest.csv"
    assert Results(tmp_path / "none", short=True).root == tmp_path / "none"


# ---- In a browser


@pytest.mark.parametrize("slug", ["index", *SLUGS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit, slug, scheme):
    assert grave_faults(visit(slug, color_scheme=scheme)) == []


@pytest.mark.parametrize("slug", ["index", *SLUGS])
@pytest.mark.parametrize("width", [360, 1280])
def test_only_boxes_scroll_sideways(visit, slug, width):
    tab = visit(slug, viewport={"width": width, "height": 800})
    unfold(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_the_menu_folds_where_there_is_little_room(visit):
    tab = visit("side-by-side", viewport={"width": 360, "height": 800})
    assert tab.locator("nav.contents").bounding_box()["height"] < 160
    assert not tab.locator("nav.contents li").first.is_visible()
    tab.click("nav.contents summary")
    assert tab.locator("nav.contents li").first.is_visible()
    tab.set_viewport_size({"width": 1280, "height": 800})
    assert tab.locator("nav.contents li").first.is_visible()
    assert not tab.locator("nav.contents summary").is_visible()


@pytest.mark.parametrize("slug", WITHOUT_NETS)
def test_what_is_cut_at_360_px_says_so(visit, slug):
    """No formula is cut; a plot that scrolls has its words above it."""
    tab = visit(slug, viewport={"width": 360, "height": 800})
    cut = "[...document.querySelectorAll('math')].filter((m) => m.scrollWidth > m.clientWidth + 1)"
    assert tab.evaluate(f"{cut}.length") == 0
    said = """[...document.querySelectorAll(".wide")].map(
      (e) => getComputedStyle(e, "::before").display)"""
    assert set(tab.evaluate(said)) <= {"block"}
