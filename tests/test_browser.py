"""The page in a real browser: sliders, keyboard, small screens, dark mode, paper, no network."""

from dataclasses import replace

import pytest
from pages import Visitor, grave_faults, unfold
from report_example import barren, example

from compare.page import live, page
from compare.report import Absent, to_json
from compare.wording import text


@pytest.fixture(scope="module")
def data():
    return to_json(example())


@pytest.fixture(scope="module")
def written(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(data), "utf-8")
    return path


@pytest.fixture
def visit(browser, written):
    """Open the page, which is all that may be asked for."""
    visitor = Visitor(browser)
    yield lambda path=written, **options: visitor.open(path, **options)
    asked = visitor.leave()
    assert all(url.startswith(("file://", "data:")) for url in asked)
    assert sum(url.startswith("file://") for url in asked) == len(visitor.contexts)


def outputs(tab, index):
    box = tab.locator(f"[data-scorer='{index}']")
    return {
        out.get_attribute("data-out"): out.inner_text() for out in box.locator("[data-out]").all()
    }


def test_the_script_begins_with_what_was_written(visit):
    names = ("threshold", "tp", "fp", "fn", "tn", "recall", "fpr", "precision")
    plain, lively = visit(java_script_enabled=False), visit()
    for i in range(4):
        before = {
            name: plain.locator(f"[data-scorer='{i}'] [data-out='{name}']").text_content()
            for name in names
        }
        assert outputs(lively, i) == before
    share = plain.locator("#share-out").text_content()
    assert lively.locator("#share-out").inner_text() == share == "10\u202f%"


def test_the_share_moves_precision_by_keyboard(visit, data):
    tab = visit()
    tab.focus("#share")
    tab.keyboard.press("Home")
    assert tab.inner_text("#share-out") == "50\u202f%"
    for i, scorer in enumerate(data["scorers"]):
        at = scorer["at_threshold"]
        recall, fpr = at["recall"]["value"], at["fpr"]["value"]
        assert outputs(tab, i)["precision"] == text(recall / (recall + fpr), "percent")
    tab.keyboard.press("End")
    assert tab.inner_text("#share-out") == "0.01\u202f%"
    assert tab.get_attribute("#share", "aria-valuetext") == "0.01\u202f%"
    low = outputs(tab, 1)["precision"]
    tab.keyboard.press("ArrowLeft")
    assert outputs(tab, 1)["precision"] != low
    line = tab.get_attribute("[data-live=pr] [data-line='1']", "d")
    tab.keyboard.press("Home")
    assert tab.get_attribute("[data-live=pr] [data-line='1']", "d") != line


def test_the_threshold_moves_point_and_table_as_counts_say(visit, data):
    tab = visit()
    begun = {each["index"]: each["start"] for each in live(data)["scorers"]}
    for i, scorer in enumerate(data["scorers"]):
        slider, mark = f"#threshold-{i}", f"[data-live=roc] [data-mark='{i}']"
        before = tab.get_attribute(mark, "transform")
        tab.focus(slider)
        for _ in range(3):
            tab.keyboard.press("ArrowRight")
        k = begun[i] + 3
        tp, fp = scorer["curve"]["tp"][k], scorer["curve"]["fp"][k]
        found = outputs(tab, i)
        assert found["tp"] == text(tp, "count")
        assert found["fp"] == text(fp, "count")
        assert found["fn"] == text(138 - tp, "count")
        assert found["tn"] == text(1401 - fp, "count")
        assert found["recall"] == text(tp / 138, "percent")
        assert found["fpr"] == text(fp / 1401, "percent")
        assert found["threshold"] == text(scorer["curve"]["thresholds"][k], "score")
        x, y = tab.eval_on_selector(
            mark, "m => { const t = m.transform.baseVal[0].matrix; return [t.e, t.f]; }"
        )
        box = tab.eval_on_selector("[data-live=roc] svg.plot", "s => ({...s.dataset})")
        sides = {name: float(value) for name, value in box.items()}
        assert x == pytest.approx(sides["left"] + fp / 1401 * sides["width"], abs=0.01)
        assert y == pytest.approx(sides["top"] + (1 - tp / 138) * sides["height"], abs=0.01)
        assert tab.get_attribute(mark, "transform") != before
    tab.focus("#threshold-1")
    tab.keyboard.press("Home")
    assert outputs(tab, 1)["threshold"] == "nothing"
    assert outputs(tab, 1)["precision"] == "–"


def test_a_scorer_without_a_threshold_moves_along(visit, tmp_path):
    whole = example()
    nothing = Absent("no threshold was chosen")
    loose = replace(whole.scorers[2], threshold=None, at_threshold=nothing,
                    counted_as_missed=nothing)  # fmt: skip
    path = tmp_path / "loose.html"
    path.write_text(
        page(to_json(replace(whole, scorers=[whole.scorers[0], loose], slices=[], pairs=[]))),
        "utf-8",
    )
    tab = visit(path)
    assert tab.locator("#threshold-0").count() == 1
    assert tab.locator("#threshold-1").count() == 0
    line = "[data-live=pr] [data-line='1']"
    before = tab.get_attribute(line, "d")
    tab.focus("#share")
    tab.keyboard.press("End")
    assert tab.get_attribute(line, "d") != before


def test_numbers_are_written_alike_in_both_languages(visit, data):
    """Walk a slider over all its stops: every percentage is what `wording` writes."""
    tab = visit()
    scorer = data["scorers"][1]
    found = tab.evaluate(
        """() => {
          const slider = document.getElementById("threshold-1"), rows = [];
          const out = (name) => document.querySelector(`[data-scorer="1"] [data-out="${name}"]`);
          for (let k = 0; k <= slider.max; k++) {
            slider.value = k;
            slider.dispatchEvent(new Event("input"));
            rows.push([out("recall").textContent, out("fpr").textContent, out("tn").textContent]);
          }
          return rows;
        }"""
    )
    for row, tp, fp in zip(found, scorer["curve"]["tp"], scorer["curve"]["fp"], strict=True):
        assert row == [
            text(tp / 138, "percent"), text(fp / 1401, "percent"), text(1401 - fp, "count"),
        ]  # fmt: skip


@pytest.mark.parametrize("width", [360, 768, 1360])
def test_only_boxes_scroll_sideways(visit, width):
    tab = visit(viewport={"width": width, "height": 800})
    unfold(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_pictures_are_blurred_until_asked_for(visit):
    for scripts in (True, False):
        tab = visit(java_script_enabled=scripts)
        blurred = tab.locator(".veil img").evaluate_all if scripts else None
        cards = tab.locator(".gallery .card")
        if blurred:
            filters = "all => all.map((image) => getComputedStyle(image).filter)"
            assert set(blurred(filters)) == {"blur(24px)"}
        cards.nth(0).locator("input").focus()
        tab.keyboard.press("Space")
        if blurred:
            assert blurred(filters) == ["none", "none", "blur(24px)"]
            cards.nth(1).get_by_text("show").click()
            assert set(blurred(filters)) == {"none"}
        assert cards.nth(0).locator("input").is_checked()


def test_axe_finds_no_serious_fault(visit, tmp_path):
    lone = tmp_path / "barren.html"
    lone.write_text(page(to_json(barren())), "utf-8")
    for path in ((), (lone,)):
        tab = visit(*path, color_scheme="light")
        assert grave_faults(tab) == []
        tab.emulate_media(color_scheme="dark")
        assert grave_faults(tab) == []


def test_without_javascript_the_tables_stay(visit):
    tab = visit(java_script_enabled=False)
    assert not tab.locator(".live").is_visible()
    assert tab.locator("#prevalence-table").is_visible()
    assert tab.locator("#numbers-table").is_visible()


def test_it_prints_with_everything_open(visit):
    tab = visit(viewport={"width": 794, "height": 1123})  # A4
    assert tab.pdf(format="A4").startswith(b"%PDF")
    tab.emulate_media(media="print")
    assert not tab.locator("nav").is_visible()
    assert tab.get_by_text("Ways to an interval").bounding_box()["height"] > 0
    assert not tab.locator(".live").is_visible()  # nobody moves a slider on paper
    command = tab.locator("pre").evaluate("pre => [pre.scrollWidth, pre.clientWidth]")
    assert command[0] <= command[1]


def test_printing_folds_up_again_what_it_unfolded(visit):
    tab = visit()
    unfolded = "[...document.querySelectorAll('details')].map((details) => details.open)"
    before = tab.evaluate(unfolded)
    assert set(before) == {True, False}
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert set(tab.evaluate(unfolded)) == {True}
    tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(unfolded) == before
