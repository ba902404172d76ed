"""The lesson on knowledge by hand: every answer on its page is the detector's."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pages import until

from baseline.captions import RULE_NAMES
from baseline.detector import Params, detect
from baseline.grouping import CONFIGURATIONS, RULES
from baseline.records import record
from compare.lessons import knowledge_by_hand, skin_rules, views
from compare.lessons.diagram import ARROWS, NAMES, rules_diagram
from compare.lessons.knowledge_by_hand import WOOD, fooling, labelled, rules_of
from compare.lessons.walk import SHIPPED, STAGES
from compare.wording import text
from images.reading import read


def changed(slug, value):
    """The parameters that a slider stands for, built anew from what the page says of it."""
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


def test_every_stop_is_the_detectors_answer(lessons):
    drawn = lessons.results.drawn
    for case in lessons.data["knowledge-by-hand"]["cases"]:
        image = read(drawn.root / case["path"]).image
        for stage in case["stages"]:
            for stop in stage["stops"]:
                found = record(detect(image, changed(stage["stage"], stop["value"])))
                for name in ("score", "decision", "stopped_at", "skin_fraction"):
                    assert stop[name] == found[name], (case["path"], stage["stage"], stop["value"])
                assert stop["segments"] == len(found["segments"])
                taus = [found["taus"][rule] for rule in RULES]
                assert list(stop["rules"].values()) == [t is not None and t <= 1 for t in taus]


def test_sliders_begin_at_the_shipped_numbers(lessons):
    for case in lessons.data["knowledge-by-hand"]["cases"]:
        for stage in case["stages"]:
            stop = stage["stops"][stage["shipped"]]
            assert (stop["score"], stop["verdict"]) == (case["score"], case["verdict"])
    assert all(stage.change(SHIPPED, stage.shipped) == SHIPPED for stage in STAGES)


def test_the_first_picture_is_marked_and_moved_by_sliders(lessons):
    lead = lessons.data["knowledge-by-hand"]["cases"][0]
    assert lead["decision"]
    moved = [stage["stage"] for stage in lead["stages"]
             if len({stop["score"] for stop in stage["stops"]}) > 1]  # fmt: skip
    assert len(moved) >= 6
    drawn = [stage["stage"] for stage in lead["stages"]
             if len({stop["came_out"] for stop in stage["stops"]}) > 1]  # fmt: skip
    assert len(drawn) >= 7


def test_pictures_are_chosen_by_their_rules(lessons):
    drawn = lessons.results.drawn
    answers = {item.path: detect(read(drawn.root / item.path).image)
               for item in drawn.items
               if item.label == 1 or item.attributes["kind"] == "logs"}  # fmt: skip
    targets = {item.path: answers[item.path] for item in drawn.items if item.label == 1}
    cases = {case["why"]: case for case in lessons.data["knowledge-by-hand"]["cases"]}
    marked = [found for found in targets.values() if found.decision]
    assert cases["It works"]["segments"] == min(len(found.segments) for found in marked)
    missed = {item.path: float(item.attributes["limbs_visible"] or 0) for item in drawn.items
              if item.label == 1 and not answers[item.path].decision}  # fmt: skip
    taken = {case["path"] for case in cases.values()} - {cases["It misses"]["path"]}
    left = {path: seen for path, seen in missed.items() if path not in taken}
    assert left[cases["It misses"]["path"]] == max(left.values())


def test_skin_is_held_against_the_truth(lessons):
    """A slow twin: pixels counted one by one, at twice the size that the truth is kept at."""
    drawn = lessons.results.drawn
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
    over = lessons.data["knowledge-by-hand"]["skin"]
    assert (over["targets"], over["controls"]) == (6, 18)
    assert over["log_opponent"]["recall"]["low"] <= over["log_opponent"]["recall"]["value"]


def test_the_diagram_lights_what_fired():
    drawn = str(rules_diagram(["segment", "limb", "limb_segment_girdle"]))
    assert 'class="node on limb_segment_girdle"' in drawn
    assert 'class="node limb_limb_girdle"' in drawn
    assert 'class="node never head"' in drawn
    assert 'class="link on" data-lit-by="limb limb_segment_girdle"' in drawn
    assert 'class="link" data-lit-by="limb limb_limb_girdle"' in drawn
    assert "node on" not in str(rules_diagram([]))


def test_at_the_limbs_no_group_is_drawn_yet(lessons):
    """The picture of limbs alone, where a girdle is found: blind to what groups there are."""
    case = lessons.data["knowledge-by-hand"]["cases"][0]
    image = read(lessons.results.drawn.root / case["path"]).image
    found = detect(image)
    assert found.grouping.groups["limb_segment_girdle"]
    without = replace(found, grouping=replace(
        found.grouping, groups={**found.grouping.groups, "limb_segment_girdle": ()}))  # fmt: skip
    assert np.array_equal(views.limbs(image, found), views.limbs(image, without))
    assert not np.array_equal(views.limbs(image, found), views.groups(image, without))


def test_who_fools_the_rules_is_looked_for(lessons, monkeypatch):
    """Wood first, then anything; and where nothing fools them it is said."""
    drawn = lessons.results.drawn
    controls = {item.path: item.attributes["kind"] for item in drawn.items if not item.label}
    scores = {path: k / 100 for k, path in enumerate(sorted(controls))}
    wood = max((path for path in controls if controls[path] in WOOD), key=scores.get)
    last = max(controls, key=scores.get)
    assert wood != last
    for marked, path, why in (
        ({wood, last}, wood, "It is fooled"),
        ({last}, last, "It is fooled"),
        (set(), wood, "It is not fooled"),
    ):

        def seen(_, item, marked=marked):
            return SimpleNamespace(
                item=item, detection=SimpleNamespace(decision=item.path in marked)
            )

        monkeypatch.setattr(knowledge_by_hand, "_seen", seen)
        found, called, rule = fooling(drawn, scores)
        assert (found.item.path, called) == (path, why)
        assert rule
    assert rule.endswith("the rules say yes to no control")


def test_letters_are_told_by_their_rules(lessons):
    """Read a plot's label back, letters of one rule first, and compare it with the rules."""
    alone = {letter: rules for letter, rules in CONFIGURATIONS.items() if len(rules) == 1}
    short = {name.rsplit(" ", 1)[0]: rule for rule, name in RULE_NAMES.items()}
    for letter, rules in CONFIGURATIONS.items():
        before, parts = labelled(letter).split(": ")
        read_back = [alone.get(part) or {short[part]} for part in parts.split(", ")]
        assert before == letter
        assert set().union(*read_back) == rules
        assert set(rules_of(letter).split(" or ")) == {RULE_NAMES[rule] for rule in rules}
        assert labelled(letter) in (lessons.folder / "knowledge-by-hand.html").read_text("utf-8")
    told = {row["stage"]: row["rules"] for row in lessons.data["knowledge-by-hand"]["funnel"]}
    assert told["segments"] == ""
    assert told["C"] == "limb-limb girdle or limb-segment girdle"


def test_a_slider_that_moves_nothing_says_so(lessons):
    said = set()
    for case in lessons.data["knowledge-by-hand"]["cases"]:
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


def test_the_lost_are_those_with_too_little_skin(lessons):
    targets = [item for item in lessons.results.drawn.items if item.label == 1]
    found = [detect(read(lessons.results.drawn.root / item.path).image) for item in targets]
    lost = sum(one.stopped_at == "skin_filter" for one in found) / len(found)
    assert lessons.data["knowledge-by-hand"]["lost"] == pytest.approx(lost)


# ---- In a browser


def test_each_slider_shows_what_detect_answers(visit, lessons):
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
    cases = lessons.data["knowledge-by-hand"]["cases"]
    assert len(shown) == len(STAGES) * len(cases)
    hows = {stage.slug: stage.how for stage in STAGES}
    for box in shown:
        case = cases[box["case"]]
        image = read(lessons.results.drawn.root / case["path"]).image
        stops = next(one["stops"] for one in case["stages"] if one["stage"] == box["stage"])
        for stop, row in zip(stops, box["rows"], strict=True):
            found = detect(image, changed(box["stage"], stop["value"]))
            assert row["number"] == 1
            assert row["output"] == text(stop["value"], hows[box["stage"]])
            last = box["stage"] == "girdles"  # what comes out of it is the end
            assert row["images"] == [stop["came_out"]] + [stop["end"]] * (not last)
            assert (stop["end"] is None) == last
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


def test_the_diagram_follows_the_slider(visit, lessons):
    tab = visit("knowledge-by-hand")
    cases = lessons.data["knowledge-by-hand"]["cases"]
    lit = set()
    for stage in cases[0]["stages"]:
        tab.focus(f"#{stage['stage']}-0")
        tab.keyboard.press("Home")
        for k, stop in enumerate(stage["stops"]):
            if k:
                tab.keyboard.press("ArrowRight")
            names = ["segment"] * (stop["segments"] > 0)
            names += [name for name, fires in stop["rules"].items() if fires]
            figure = tab.locator("figure[data-case='0']", has=tab.locator("[data-firing]"))
            assert figure.locator(".node.on text").all_text_contents() == names
            assert figure.locator("[data-firing]").inner_text() == (", ".join(names) or "nothing")
            arrows = [{NAMES[a], NAMES[b]} <= {*names} for a, b in ARROWS]
            assert figure.locator(".link.on").count() == sum(arrows)
            lit.add(tuple(names))
    assert len(lit) > 2
    other = tab.locator("figure[data-case='1']", has=tab.locator("[data-firing]"))
    fires = [name for name, on in cases[1]["rules"].items() if on]
    assert other.locator(".node.on").count() == (cases[1]["segments"] > 0) + len(fires)


def test_a_slider_moves_by_keyboard_and_back(visit, lessons):
    tab = visit("knowledge-by-hand")
    for stage in lessons.data["knowledge-by-hand"]["cases"][0]["stages"]:
        box = f"[data-case='0'][data-stage='{stage['stage']}']"
        tab.focus(f"#{stage['stage']}-0")
        for key, k in (("Home", 0), ("ArrowRight", 1), ("End", -1)):
            tab.keyboard.press(key)
            now = tab.locator(f"{box} [data-stop]:visible")
            assert now.count() == 1
            assert now.locator("img").nth(0).get_attribute("src") == stage["stops"][k]["came_out"]
        tab.click(f"{box} [data-back]")
        assert tab.input_value(f"#{stage['stage']}-0") == str(stage["shipped"])


def test_pictures_are_really_drawn(visit, lessons):
    tab = visit("knowledge-by-hand")
    box = tab.locator("[data-case='0'][data-stage='box']")
    box.scroll_into_view_if_needed()
    picture = box.locator("[data-stop]:visible img").nth(0)
    picture.evaluate("image => image.decode()")
    case = lessons.data["knowledge-by-hand"]["cases"][0]
    assert picture.evaluate("image => [image.naturalHeight, image.naturalWidth]") == case["size"]


def test_choosing_a_picture_needs_no_script(visit, lessons):
    for scripts in (True, False):
        tab = visit("knowledge-by-hand", java_script_enabled=scripts)
        for k in range(len(lessons.data["knowledge-by-hand"]["cases"])):
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


def test_links_find_their_places_before_pictures_come(visit):
    """The last heading of the first page: its link must not miss by pictures not yet loaded."""
    tab = visit("knowledge-by-hand", viewport={"width": 1280, "height": 800})
    lazy = "[...document.images].filter((i) => !i.complete && i.offsetParent && !i.offsetHeight)"
    assert tab.evaluate(f"{lazy}.length") == 0
    tab.click("nav.contents a[href='#results']")
    until(
        tab,
        """() => { const now = window.scrollY, same = now === window.was; window.was = now;
          return same && now > 0; }""",
        polling=300,
    )
    top = tab.locator("#results").bounding_box()["y"]
    assert 0 <= top < 250


def test_it_prints_every_answer(visit):
    tab = visit("knowledge-by-hand")
    tab.emulate_media(media="print")
    box = tab.locator("[data-case='0'][data-stage='box']")
    assert box.locator("[data-stop]:visible").count() == 7
    assert not tab.locator("nav.contents").is_visible()
    assert tab.pdf(format="A4").startswith(b"%PDF")
