"""The lessons: numbers are the data's, answers the detector's, and nothing needs a network."""

import json
import os
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from baseline.captions import RULE_NAMES
from baseline.detector import Params, detect
from baseline.grouping import CONFIGURATIONS, RULES
from baseline.records import record
from compare.lessons import site, skin_rules
from compare.lessons.cli import app
from compare.lessons.diagram import rules_diagram
from compare.lessons.knowledge_by_hand import labelled, rules_of
from compare.lessons.pages import cite, cited, references, save
from compare.lessons.results import FULL, Results
from compare.lessons.side_by_side import nearest, operating_points
from compare.lessons.walk import SHIPPED, STAGES
from compare.lessons.who_is_missed import grey
from compare.metrics import counts
from compare.page import resolve
from compare.wording import text
from images.labelled import LabelledSet
from images.reading import read

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which(
    "google-chrome"
)  # fmt: skip
REQUIRED = os.environ.get("SKINDEEP_BROWSER") == "required"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
OURS = ["knowledge-by-hand", "side-by-side", "who-is-missed"]
MOST_BYTES = 15_000_000
VOID = {"meta", "link", "br", "img", "input"}
SILENT = {"style", "script", "svg", "math"}  # svg: axes and ticks; math: the method's own constants


class Walk(HTMLParser):
    """Collects elements, and texts with what is open around them; elements close in order."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.elements = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.elements.append((tag, found))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append((tag, found))

    def handle_endtag(self, tag):
        opened, _ = self.open.pop()
        assert opened == tag

    def handle_data(self, data):
        self.texts.append((list(self.open), data))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The whole site in its short form: results, the site's folder, pages, seconds."""
    root = tmp_path_factory.mktemp("lessons")
    results, out = Results(root / "results", short=True), root / "site"
    began = time.monotonic()
    pages = site.build_site(results, out)
    return results, out, pages, time.monotonic() - began


@pytest.fixture(scope="module")
def data(built):
    return {page.slug: json.loads((built[1] / f"data/{page.slug}.json").read_bytes())
            for page in built[2]}  # fmt: skip


# ---- The whole


def test_pages_are_in_order_and_small_and_quick(built):
    _, out, pages, seconds = built
    assert [page.slug for page in pages if page.slug in OURS] == OURS
    assert sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) < MOST_BYTES
    assert seconds < 120  # a bound for slow machines; some 30 s where nobody else works


def test_building_twice_gives_the_same_bytes(built, tmp_path):
    results, out, _, _ = built
    site.build_site(Results(results.root, short=True), tmp_path)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (out, tmp_path)
    )
    assert first.keys() == second.keys()
    assert [str(path) for path in first if first[path] != second[path]] == []


def test_results_that_are_there_are_not_computed_again(built, monkeypatch):
    results = built[0]

    def refused(*_args, **_more):
        raise AssertionError("computed again")

    monkeypatch.setattr("compare.lessons.results.draw_set", refused)
    monkeypatch.setattr("compare.lessons.results.compare_set", refused)
    monkeypatch.setattr("convnet.cli.train_folder", refused)
    again = Results(results.root, short=True)
    assert again.report == results.report
    assert again.run.is_dir()
    assert set(again.scores) == {item.path for item in results.drawn.items}


def test_a_report_of_another_set_is_not_used(built, tmp_path, monkeypatch):
    results = built[0]
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


def test_every_number_is_the_datas(built, data):
    _, out, pages, _ = built
    for page in pages:
        if page.slug not in OURS:
            continue
        walk = Walk((out / f"{page.slug}.html").read_text("utf-8"))
        found = 0
        for opened, words in walk.texts:
            if not words.strip() or any(tag in SILENT for tag, _ in opened):
                continue
            near = opened[-1][1]
            if "data-at" in near:
                value = resolve(data[page.slug], unquote(near["data-at"]))
                assert words == text(value, near["data-as"]), near["data-at"]
                found += 1
            elif not any({"data-constant", "data-text"} & attributes.keys()
                         for _, attributes in opened) and not _titled(opened):  # fmt: skip
                assert not re.search(r"\d", words), (page.slug, words)
        assert found > 100


def _titled(opened):
    """Whether a text is a page's title, where it links or stands; years are in them."""
    return any(
        tag in {"title", "h1", "nav"} or attributes.get("class") == "lead"
        for tag, attributes in opened
    )


def test_data_is_in_the_page_and_beside_it(built, data):
    for page in built[2]:
        source = (built[1] / f"{page.slug}.html").read_text("utf-8")
        inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', source)
        assert json.loads(inside[1]) == data[page.slug] == json.loads(json.dumps(page.data))


def test_links_and_anchors_and_pictures_hold(built):
    out = built[1]
    documents = {path.name: Walk(path.read_text("utf-8")) for path in out.glob("*.html")}
    anchors = {
        name: [found["id"] for _, found in walk.elements if "id" in found]
        for name, walk in documents.items()
    }
    assert set(documents) == {"index.html", *(f"{page.slug}.html" for page in built[2])}
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


def test_sources_are_those_of_the_references(built):
    assert references()["ECCV96"].startswith("M. M. Fleck, D. A. Forsyth, C. Bregler")
    assert cited(cite("ZF14") + cite("ECCV96")) == ["ECCV96", "ZF14"]
    with pytest.raises(ValueError, match="expected a key"):
        cite("NOBODY99")
    source = (built[1] / "knowledge-by-hand.html").read_text("utf-8")
    for name in cited(built[2][0].html):
        assert f'<dt id="ref-{name}">' in source


def test_nothing_of_this_machine_is_told(built):
    for path in [*built[1].rglob("*.html"), *built[1].rglob("*.json")]:
        assert str(built[0].root.parent) not in path.read_text("utf-8"), path


def test_pictures_no_page_shows_go(built, tmp_path):
    stale = [tmp_path / f"img/0123456789abcdef{size}.webp" for size in ("", "-8x6")]
    other = tmp_path / "img/mine.webp"
    other.parent.mkdir()
    for path in (*stale, other):
        path.write_bytes(b"")
    site._sweep(tmp_path, built[2])
    assert not any(path.exists() for path in stale)
    assert other.exists()


def test_equal_pictures_are_one_file(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    assert save(image, tmp_path) == save(image.copy(), tmp_path)
    assert save(image + 1, tmp_path) != save(image, tmp_path)
    assert len(list((tmp_path / "img").iterdir())) == 2


# ---- Page 1: every answer is the detector's


def changed(slug, value):
    """The parameters that a slider stands for, built anew from what the page says of it."""
    from dataclasses import replace

    p = Params()
    skin, grouping = p.skin, p.grouping
    if slug == "box":
        red, yellow = skin.red_box, skin.yellow_box
        return replace(p, skin=replace(
            skin, red_box=red._replace(saturation=(value, 60)),
            yellow_box=yellow._replace(saturation=(value + 10, 130))))  # fmt: skip
    if slug in ("texture", "enlargement", "enough"):
        name = {"texture": "texture_limit", "enlargement": "enlarge_share",
                "enough": "min_fraction"}[slug]  # fmt: skip
        return replace(p, skin=replace(skin, **{name: value}))
    if slug == "edges":
        return replace(p, edges=replace(p.edges, high=value, low=0.4 * value))
    if slug == "symmetries":
        return replace(p, symmetry=p.symmetry._replace(skew=value))
    if slug == "segments":
        return replace(p, segments=replace(p.segments, max_aspect=value),
                       grouping=grouping._replace(max_aspect=value))  # fmt: skip
    name = {"limbs": "limb_width_ratio", "girdles": "max_pelvis"}[slug]
    return replace(p, grouping=grouping._replace(**{name: value}))


def test_every_stop_is_the_detectors_answer(built, data):
    drawn = built[0].drawn
    for case in data["knowledge-by-hand"]["cases"]:
        image = read(drawn.root / case["path"]).image
        for stage in case["stages"]:
            assert len({stop["came_out"] for stop in stage["stops"]}) >= 1
            for stop in stage["stops"]:
                found = record(detect(image, changed(stage["stage"], stop["value"])))
                for name in ("score", "decision", "stopped_at", "skin_fraction"):
                    assert stop[name] == found[name], (case["path"], stage["stage"], stop["value"])
                assert stop["segments"] == len(found["segments"])
                taus = [found["taus"][rule] for rule in RULES]
                assert list(stop["rules"].values()) == [t is not None and t <= 1 for t in taus]


def test_sliders_begin_at_the_shipped_numbers(data):
    for case in data["knowledge-by-hand"]["cases"]:
        for stage in case["stages"]:
            stop = stage["stops"][stage["shipped"]]
            assert (stop["score"], stop["verdict"]) == (case["score"], case["verdict"])
    assert all(stage.change(SHIPPED, stage.shipped) == SHIPPED for stage in STAGES)


def test_the_first_picture_is_marked_and_moved_by_sliders(data):
    lead = data["knowledge-by-hand"]["cases"][0]
    assert lead["decision"]
    moved = [stage["stage"] for stage in lead["stages"]
             if len({stop["score"] for stop in stage["stops"]}) > 1]  # fmt: skip
    assert len(moved) >= 6
    drawn = [stage["stage"] for stage in lead["stages"]
             if len({stop["came_out"] for stop in stage["stops"]}) > 1]  # fmt: skip
    assert len(drawn) >= 7


def test_pictures_are_chosen_by_their_rules(built, data):
    drawn = built[0].drawn
    answers = {item.path: detect(read(drawn.root / item.path).image)
               for item in drawn.items
               if item.label == 1 or item.attributes["kind"] == "logs"}  # fmt: skip
    targets = {item.path: answers[item.path] for item in drawn.items if item.label == 1}
    cases = {case["why"]: case for case in data["knowledge-by-hand"]["cases"]}
    marked = [found for found in targets.values() if found.decision]
    assert cases["It works"]["segments"] == min(len(found.segments) for found in marked)
    missed = {item.path: float(item.attributes["limbs_visible"] or 0) for item in drawn.items
              if item.label == 1 and not answers[item.path].decision}  # fmt: skip
    taken = {case["path"] for case in cases.values()} - {cases["It misses"]["path"]}
    left = {path: seen for path, seen in missed.items() if path not in taken}
    assert left[cases["It misses"]["path"]] == max(left.values())


def test_skin_is_held_against_the_truth(built, data):
    """A slow twin: pixels counted one by one, at twice the size that the truth is kept at."""
    drawn = built[0].drawn
    item = next(item for item in drawn.items if item.label == 1)
    detection = detect(read(drawn.root / item.path).image)
    truth = skin_rules.true_skin(drawn, item, detection.working.shape)
    share = float(item.attributes["skin_share"])
    assert truth.mean() == pytest.approx(share, abs=0.03)
    found = np.zeros_like(truth)
    found[:, : truth.shape[1] // 2] = True
    both = sum(bool(a and b) for a, b in zip(found.flat, truth.flat, strict=True))
    said = skin_rules.against(found, truth)
    assert said["recall"] == pytest.approx(both / truth.sum())
    assert said["precision"] == pytest.approx(both / found.sum())
    assert skin_rules.against(~truth & False, truth)["precision"] is None
    over = data["knowledge-by-hand"]["skin"]
    assert (over["targets"], over["controls"]) == (6, 18)
    assert over["log_opponent"]["recall"]["low"] <= over["log_opponent"]["recall"]["value"]


def test_the_diagram_lights_what_fired():
    drawn = str(rules_diagram(["limb", "limb_segment_girdle"], segments=True))
    assert 'data-fired="limb limb_segment_girdle segment"' in drawn
    assert 'class="node on limb_segment_girdle"' in drawn
    assert 'class="node limb_limb_girdle"' in drawn
    assert 'class="node never head"' in drawn
    assert "node on" not in str(rules_diagram([], segments=False))


def test_letters_are_told_by_their_rules(built, data):
    """Read a plot's label back, letters of one rule first, and compare it with the rules."""
    alone = {letter: rules for letter, rules in CONFIGURATIONS.items() if len(rules) == 1}
    short = {name.rsplit(" ", 1)[0]: rule for rule, name in RULE_NAMES.items()}
    for letter, rules in CONFIGURATIONS.items():
        before, parts = labelled(letter).split(": ")
        read_back = [alone.get(part) or {short[part]} for part in parts.split(", ")]
        assert before == letter
        assert set().union(*read_back) == rules
        assert set(rules_of(letter).split(" or ")) == {RULE_NAMES[rule] for rule in rules}
        assert labelled(letter) in (built[1] / "knowledge-by-hand.html").read_text("utf-8")
    told = {row["stage"]: row["rules"] for row in data["knowledge-by-hand"]["funnel"]}
    assert told["segments"] == ""
    assert told["C"] == "limb-limb girdle or limb-segment girdle"


def test_a_slider_that_moves_nothing_says_so(data):
    said = set()
    for case in data["knowledge-by-hand"]["cases"]:
        for stage in case["stages"]:
            answers = {(stop["score"], stop["verdict"]) for stop in stage["stops"]}
            seen = {stop["came_out"] for stop in stage["stops"]}
            assert bool(stage["moves"]) == (len(answers) == 1)
            assert stage["moves"].startswith("Moves nothing") == (len(answers) == len(seen) == 1)
            if "skin filter" in stage["moves"]:
                assert case["stopped_at"] == "skin_filter"
            said.add(stage["moves"])
    assert len(said) > 1


def test_a_shorter_pelvis_than_the_rule_allows_is_not_on_offer():
    least = SHIPPED.grouping.min_pelvis
    assert min(next(s for s in STAGES if s.slug == "girdles").values) == least


def test_the_lost_are_those_with_too_little_skin(built, data):
    targets = [item for item in built[0].drawn.items if item.label == 1]
    found = [detect(read(built[0].drawn.root / item.path).image) for item in targets]
    lost = sum(one.stopped_at == "skin_filter" for one in found) / len(found)
    assert data["knowledge-by-hand"]["lost"] == pytest.approx(lost)


# ---- Page 3


def test_operating_points_run_from_strict_to_lax_through_the_threshold():
    scores = np.array([0.1, 0.1, 0.2, 0.4, 0.4, 0.9])
    found = operating_points(scores, 0.3)
    assert found == sorted(found, reverse=True)
    assert 0.3 in found
    assert found[-1] == 0.1
    assert set(found) <= {*scores, 0.3}


def test_changes_of_side_are_counted(built, data):
    results = built[0]
    for slider in data["side-by-side"]["sliders"]:
        rows = results.scores
        items = results.drawn.items
        scores = np.array([float(rows[item.path][slider["scorer"]]) for item in items])
        before = 0
        for stop in slider["stops"]:
            table = counts(results.drawn.labels, scores, stop["threshold"])
            assert (stop["tp"], stop["fp"]) == (table.tp, table.fp)
            assert stop["new"] == stop["tp"] + stop["fp"] - before
            assert all(one["score"] >= stop["threshold"] for one in stop["pictures"])
            before = stop["tp"] + stop["fp"]
        assert before == len(items)


def test_pictures_nearest_the_threshold_come_first():
    scores = np.array([0.9, 0.3, 0.5, 0.31, 0.1])
    assert nearest(scores, [0, 1, 2, 3]) == [1, 3, 2, 0]


# ---- Page 5


def test_grey_pictures_hold_no_skin(data):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), np.uint8)
    without = grey(image)
    assert (without == without[..., :1]).all()
    assert detect(without).skin.fraction == 0
    row = data["who-is-missed"]["grey"]["recall"][0]
    assert row["grey"]["value"] == 0
    assert row["difference"]["value"] == pytest.approx(-row["colour"]["value"])


def test_tones_change_nothing_but_the_tone(data):
    tones = data["who-is-missed"]["tones"]
    assert [one["tone"] for one in tones["shown"]] == list(range(1, 11))
    assert len({one["picture"] for one in tones["shown"]}) == 10
    assert [row["tone"] for row in tones["rows"]] == list(range(1, 11))
    share = [one["found"] for one in tones["shown"]]
    assert share[-1] > share[0]


def test_slices_are_the_reports(built, data):
    for part in data["who-is-missed"]["slices"]:
        assert part["attribute"] in {"tone", "light", "framing"}
        name = part["attribute"], part["value"]
        whole = next(
            one for one in built[0].report["slices"] if (one["attribute"], one["value"]) == name
        )
        assert [one for one in whole["scores"] if one in part["scores"]] == part["scores"]


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


def test_a_set_of_ones_own_is_used(built, tmp_path):
    assert isinstance(built[0].drawn, LabelledSet)
    assert built[0].manifest == built[0].root / "drawn/manifest.csv"
    assert Results(tmp_path / "none", short=True).root == tmp_path / "none"


# ---- In a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        message = "no chromium on the path; with one, these tests run"
        (pytest.fail if REQUIRED else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def visit(browser, built):
    """Open a page; nothing may be said on the console, and only this folder's files be asked."""
    contexts, said, asked = [], [], []

    def open_page(slug, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        tab.goto((built[1] / f"{slug}.html").as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    home = Path(built[1]).as_uri()
    assert asked
    assert all(url.startswith((home, "data:")) for url in asked)


def test_each_slider_shows_what_detect_answers(visit, built, data):
    """Every stop of every slider: one answer is shown, with its own pictures, and it is right."""
    tab = visit("knowledge-by-hand")
    shown = tab.evaluate(
        """() => [...document.querySelectorAll("[data-stage]")].map((box) => {
          const slider = box.querySelector("input"), rows = [];
          for (let k = 0; k <= slider.max; k++) {
            slider.value = k;
            slider.dispatchEvent(new Event("input"));
            const stops = [...box.querySelectorAll("[data-stop]:not([hidden])")];
            rows.push({
              number: stops.length,
              output: box.querySelector("output").textContent,
              says: slider.getAttribute("aria-valuetext"),
              images: [...stops[0].querySelectorAll("img")].map((i) => i.getAttribute("src")),
              facts: [...stops[0].querySelectorAll(".facts dd")].map((d) => d.textContent),
              verdict: stops[0].querySelector(".verdict").textContent,
              lamps: [...stops[0].querySelectorAll(".lamps li")].map((l) => l.className === "on"),
            });
          }
          return {stage: box.dataset.stage, case: Number(box.dataset.case), rows};
        })"""
    )
    cases = data["knowledge-by-hand"]["cases"]
    assert len(shown) == len(STAGES) * len(cases)
    hows = {stage.slug: stage.how for stage in STAGES}
    for box in shown:
        case = cases[box["case"]]
        image = read(built[0].drawn.root / case["path"]).image
        stops = next(one["stops"] for one in case["stages"] if one["stage"] == box["stage"])
        for stop, row in zip(stops, box["rows"], strict=True):
            found = detect(image, changed(box["stage"], stop["value"]))
            assert row["number"] == 1
            assert row["output"] == text(stop["value"], hows[box["stage"]])
            assert row["images"] == [stop["came_out"], stop["end"]]
            assert row["facts"] == [
                text(round(found.skin.fraction, 6), "percent"),
                text(len(found.segments), "count"),
                text(found.score, "rate"),
            ]
            assert row["verdict"].startswith(
                "The rules say yes: " if found.decision else "The rules say no: "
            )
            assert row["says"] == f"{row['output']}. {row['verdict']}"
            taus = found.grouping.taus if found.grouping else {}
            assert row["lamps"] == [taus.get(rule, 2) <= 1 for rule in RULES]


def test_a_slider_moves_by_keyboard_and_back(visit, data):
    tab = visit("knowledge-by-hand")
    for stage in data["knowledge-by-hand"]["cases"][0]["stages"]:
        box = f"[data-case='0'][data-stage='{stage['stage']}']"
        tab.focus(f"#{stage['stage']}-0")
        for key, k in (("Home", 0), ("ArrowRight", 1), ("End", -1)):
            tab.keyboard.press(key)
            now = tab.locator(f"{box} [data-stop]:visible")
            assert now.count() == 1
            assert now.locator("img").nth(0).get_attribute("src") == stage["stops"][k]["came_out"]
        tab.click(f"{box} [data-back]")
        assert tab.input_value(f"#{stage['stage']}-0") == str(stage["shipped"])


def test_pictures_are_really_drawn(visit, data):
    tab = visit("knowledge-by-hand")
    box = tab.locator("[data-case='0'][data-stage='box']")
    box.scroll_into_view_if_needed()
    picture = box.locator("[data-stop]:visible img").nth(0)
    picture.evaluate("image => image.decode()")
    case = data["knowledge-by-hand"]["cases"][0]
    assert picture.evaluate("image => [image.naturalHeight, image.naturalWidth]") == case["size"]


def test_choosing_a_picture_needs_no_script(visit, data):
    for scripts in (True, False):
        tab = visit("knowledge-by-hand", java_script_enabled=scripts)
        for k in range(len(data["knowledge-by-hand"]["cases"])):
            tab.locator(f"#case-{k}").check(force=True)
            assert tab.locator(f"[data-case='{k}']").first.is_visible()
            assert not tab.locator(
                f"[data-case='{(k + 1) % 2 if k < 2 else 0}']"
            ).first.is_visible()


def test_without_script_all_answers_stand(visit):
    tab = visit("knowledge-by-hand", java_script_enabled=False)
    box = tab.locator("[data-case='0'][data-stage='segments']")
    assert box.locator("[data-stop]:visible").count() == 7
    assert not box.locator("input").is_visible()


def test_the_line_moves_marks_and_pictures(visit, data):
    tab = visit("side-by-side")
    for outer, slider in enumerate(data["side-by-side"]["sliders"]):
        mark = f"[data-plot=roc] [data-mark='{outer}']"
        box = tab.locator(f"[data-mark-of='{outer}']")
        places = set()
        tab.focus(f"#line-{outer}")
        tab.keyboard.press("Home")
        for k, stop in enumerate(slider["stops"]):
            if k:
                tab.keyboard.press("ArrowRight")
            now = box.locator("[data-stop]:visible")
            assert now.locator("[data-at$='/tp']").inner_text() == text(stop["tp"], "count")
            assert now.locator("img").count() == len(stop["pictures"])
            x, y = tab.eval_on_selector(
                mark, "m => { const t = m.transform.baseVal[0].matrix; return [t.e, t.f]; }"
            )
            plot = tab.eval_on_selector("[data-plot=roc] svg", "s => ({...s.dataset})")
            side = {name: float(value) for name, value in plot.items()}
            fpr, recall = stop["fpr"]["value"], stop["recall"]["value"]
            assert x == pytest.approx(side["left"] + fpr * side["width"], abs=0.02)
            assert y == pytest.approx(side["top"] + (1 - recall) * side["height"], abs=0.02)
            places.add((x, y))
        assert len(places) > 2


@pytest.mark.parametrize("slug", ["index", *OURS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit, slug, scheme):
    from axe_playwright_python.sync_playwright import Axe

    tab = visit(slug, color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = Axe().run(tab).response["violations"]
    grave = [v for v in found if v["impact"] in {"serious", "critical"}]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in grave] == []


@pytest.mark.parametrize("slug", ["index", *OURS])
@pytest.mark.parametrize("width", [360, 1280])
def test_only_boxes_scroll_sideways(visit, slug, width):
    tab = visit(slug, viewport={"width": width, "height": 800})
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
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


def test_links_find_their_places_before_pictures_come(visit):
    """The last heading of the first page: its link must not miss by pictures not yet loaded."""
    tab = visit("knowledge-by-hand", viewport={"width": 1280, "height": 800})
    lazy = "[...document.images].filter((i) => !i.complete && i.offsetParent && !i.offsetHeight)"
    assert tab.evaluate(f"{lazy}.length") == 0
    tab.click("nav.contents a[href='#results']")
    tab.wait_for_function(
        """() => { const now = window.scrollY, same = now === window.was; window.was = now;
          return same && now > 0; }""", polling=300)  # fmt: skip
    top = tab.locator("#results").bounding_box()["y"]
    assert 0 <= top < 250


@pytest.mark.parametrize("slug", OURS)
def test_what_is_cut_at_360_px_says_so(visit, slug):
    """No formula is cut; a plot that scrolls has its words above it."""
    tab = visit(slug, viewport={"width": 360, "height": 800})
    cut = "[...document.querySelectorAll('math')].filter((m) => m.scrollWidth > m.clientWidth + 1)"
    assert tab.evaluate(f"{cut}.length") == 0
    said = """[...document.querySelectorAll(".wide")].map(
      (e) => getComputedStyle(e, "::before").display)"""
    assert set(tab.evaluate(said)) <= {"block"}


def test_it_prints_every_answer(visit):
    tab = visit("knowledge-by-hand")
    tab.emulate_media(media="print")
    box = tab.locator("[data-case='0'][data-stage='box']")
    assert box.locator("[data-stop]:visible").count() == 7
    assert not tab.locator("nav.contents").is_visible()
    assert tab.pdf(format="A4").startswith(b"%PDF")
