"""The lessons as a site: numbers are the data's, links hold, and nothing needs a network."""

import json
import re
import shutil

import numpy as np
import pytest
from pages import Walk, count_numbers, grave_faults, unfold, until
from PIL import Image

from compare.lessons import site
from compare.lessons.cli import app
from compare.lessons.pages import cite, cited, save
from compare.lessons.results import FULL, Results
from compare.references import references
from compare.wording import text

SLUGS = [
    "knowledge-by-hand", "learned", "side-by-side", "curves-hide", "who-is-missed", "exercises",
]  # fmt: skip
WITHOUT_NETS = ["knowledge-by-hand", "side-by-side", "who-is-missed"]
MOST_BYTES = 15_000_000


def test_pages_are_in_order_and_small(lessons):
    assert [page.slug for page in lessons.pages] == SLUGS
    files = [path for path in lessons.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


@pytest.mark.soak
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

    monkeypatch.setattr("images.mannequins.sets.Plan.draw", refused)
    monkeypatch.setattr("compare.lessons.results.compare_set", refused)
    monkeypatch.setattr("convnet.cli.train_folder", refused)
    monkeypatch.setattr("compare.cue.cue_experiment", refused)
    again = Results(results.root, short=True)
    assert again.report == results.report
    assert again.run.is_dir()
    assert again.cue == results.cue
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


def test_the_short_form_is_not_taken_for_the_full(lessons, tmp_path):
    """Each kind of result by itself: the others are as the full form wants them."""
    root = tmp_path / "results"
    shutil.copytree(lessons.results.root, root)
    full, short = Results(root), Results(root, short=True)
    for name in ("drawn", "train", "validation"):
        with pytest.raises(ValueError, match=f"^expected .*{name} to be new or of the same plan"):
            full._set(name)
    with pytest.raises(ValueError, match=r"^expected .*cue to be new or of the same plan"):
        _ = full.cue
    full.__dict__.update(train=short.train, validation=short.validation)  # as if they were its own
    with pytest.raises(ValueError, match=r"^expected net .* with which .*zfnet was begun"):
        _ = full.run


def test_an_experiment_of_more_nets_is_used(lessons, tmp_path, monkeypatch):
    (tmp_path / "cue").mkdir()
    kept = json.loads(lessons.results.cue.read_bytes())
    kept["plan"]["seeds"] = 7
    (tmp_path / "cue/cue.json").write_text(json.dumps(kept))
    monkeypatch.setattr("compare.cue.cue_experiment", None)
    assert Results(tmp_path, short=True).cue == tmp_path / "cue/cue.json"


@pytest.mark.parametrize("name", ["compared/report.json", "zfnet/history.json", "cue/cue.json"])
@pytest.mark.parametrize("held", ["{}", "[]", '{"schema":', "\x00"])
def test_what_was_damaged_is_named(lessons, tmp_path, name, held):
    root = tmp_path / "results"
    shutil.copytree(lessons.results.root, root)
    (root / name).write_text(held)
    part = {"compared": "report", "zfnet": "run", "cue": "cue"}[name.split("/")[0]]
    with pytest.raises(ValueError, match=rf"^expected [^\n]*{name}, got [^\n]*; remove [^\n]*$"):
        getattr(Results(root, short=True), part)


# ---- Numbers, links, sources


def test_every_number_is_the_datas(lessons):
    for slug in WITHOUT_NETS:
        source = (lessons.folder / f"{slug}.html").read_text("utf-8")
        assert count_numbers(source, lessons.data[slug], free={"lead"}) > 100


def shown(lessons, slug):
    """What a page shows, by where its data have it."""
    walk = Walk((lessons.folder / f"{slug}.html").read_text("utf-8"))
    return {
        opened[-1][1]["data-at"]: words
        for opened, words in walk.texts
        if opened and "data-at" in opened[-1][1]
    }


def test_numbers_are_those_of_the_results(lessons):
    """Followed back past the pages' own data, to the files that they were built from."""
    root = lessons.results.root
    report = json.loads((root / "compared/report.json").read_bytes())
    cue = json.loads((root / "cue/cue.json").read_bytes())
    history = json.loads((root / "zfnet/history.json").read_bytes())
    pages = {slug: shown(lessons, slug) for slug in SLUGS}
    sides, wanted = ("value", "low", "high"), []
    for k, row in enumerate(report["funnel"]):
        wanted += [("knowledge-by-hand", f"/funnel/{k}/{part}/{side}", row[part][side], "percent")
                   for part in ("targets", "controls") for side in sides]  # fmt: skip
    (pair,) = (one for one in report["pairs"] if {one["first"], one["second"]}
               == {"baseline", "zfnet"})  # fmt: skip
    for k, one in enumerate(pair["differences"]):
        wanted.append(("side-by-side", f"/pairs/0/differences/{k}/p", one["p"], "p"))
    for name, row in cue["rows"].items():
        how = "points" if "change" in name else "rate" if "auc" in name else "percent"
        wanted += [("curves-hide", f"/rows/{name}/{part}/{side}", row[part][side], how)
                   for part in ("before", "after") for side in sides]  # fmt: skip
    best = max(epoch["auc"] for epoch in history["history"])
    wanted.append(("learned", "/run/auc", best, "rate"))
    (line,) = (one["threshold"]["value"] for one in report["scorers"] if one["kind"] == "baseline")
    wanted.append(("who-is-missed", "/scorers/0/threshold/value", line, "score"))
    for slug, at, value, how in wanted:
        assert pages[slug][at] == text(value, how), (slug, at)


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
    stale, other = tmp_path / "img/0123456789abcdef-8x6.webp", tmp_path / "img/mine.webp"
    other.parent.mkdir()
    for path in (stale, other):
        path.write_bytes(b"")
    site._sweep(tmp_path, lessons.pages)
    assert not stale.exists()
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
    for before in (["--short"], ["--workers", "3"]):
        with pytest.raises(ValueError, match="behind it"):
            runner.invoke(app, [*before, "cue-experiment", "--out", str(tmp_path)],
                          catch_exceptions=False)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--out", "."], "here-results"),
        (["--out", ".", "--short"], "here-results-short"),
        (["--out", "site", "--short"], "here/site-results-short"),
        (["--out", "site", "--results", "mine", "--short"], "here/mine"),
    ],
)
def test_results_lie_beside_the_site(tmp_path, monkeypatch, arguments, kept):
    from typer.testing import CliRunner

    asked = []
    monkeypatch.setattr(
        "compare.lessons.site.build_site", lambda found, *_: asked.append(found) or ()
    )
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert asked[0].root.resolve() == tmp_path / kept


# ---- In a browser


@pytest.mark.parametrize("slug", ["index", *SLUGS])
def test_axe_finds_no_serious_fault(visit, slug):
    tab = visit(slug, color_scheme="light")
    assert grave_faults(tab) == []
    tab.emulate_media(color_scheme="dark")
    assert grave_faults(tab) == []


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


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_cut_at_360_px_says_so(visit, slug):
    """No formula is cut; what scrolls has its words above it, and what does not has none."""
    tab = visit(slug, viewport={"width": 360, "height": 800})
    cut = "[...document.querySelectorAll('math')].filter((m) => m.scrollWidth > m.clientWidth + 1)"
    assert tab.evaluate(f"{cut}.length") == 0
    unfold(tab)
    told = """() => [...document.querySelectorAll(".wide, .fifths, .scroll, pre")].map((box) => [
      box.scrollWidth > box.clientWidth, getComputedStyle(box, "::before").display === "block"])"""
    until(tab, f"({told})().every(([cut, said]) => cut === said)")
    assert any(cut for cut, _ in tab.evaluate(told))
