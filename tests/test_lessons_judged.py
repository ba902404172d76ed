"""The lessons by the judge's report: two detectors side by side, and who is missed."""

import numpy as np
import pytest

from baseline.detector import detect
from compare.lessons.side_by_side import nearest, operating_points
from compare.lessons.who_is_missed import grey
from compare.metrics import counts
from compare.wording import text

# ---- Side by side


def test_operating_points_run_from_strict_to_lax_through_the_threshold():
    scores = np.array([0.1, 0.1, 0.2, 0.4, 0.4, 0.9])
    found = operating_points(scores, 0.3)
    assert found == sorted(found, reverse=True)
    assert 0.3 in found
    assert found[-1] == 0.1
    assert set(found) <= {*scores, 0.3}


def test_changes_of_side_are_counted(lessons):
    results = lessons.results
    for slider in lessons.data["side-by-side"]["sliders"]:
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


def test_the_line_moves_marks_and_pictures(visit, lessons):
    tab = visit("side-by-side")
    for outer, slider in enumerate(lessons.data["side-by-side"]["sliders"]):
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


# ---- Who is missed


def test_grey_pictures_hold_no_skin(lessons):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), np.uint8)
    without = grey(image)
    assert (without == without[..., :1]).all()
    assert detect(without).skin.fraction == 0
    row = lessons.data["who-is-missed"]["grey"]["recall"][0]
    assert row["grey"]["value"] == 0
    assert row["difference"]["value"] == pytest.approx(-row["colour"]["value"])


def test_tones_change_nothing_but_the_tone(lessons):
    tones = lessons.data["who-is-missed"]["tones"]
    assert [one["tone"] for one in tones["shown"]] == list(range(1, 11))
    assert len({one["picture"] for one in tones["shown"]}) == 10
    assert [row["tone"] for row in tones["rows"]] == list(range(1, 11))
    share = [one["found"] for one in tones["shown"]]
    assert share[-1] > share[0]


def test_slices_are_the_reports(lessons):
    for part in lessons.data["who-is-missed"]["slices"]:
        assert part["attribute"] in {"tone", "light", "framing"}
        name = part["attribute"], part["value"]
        report = lessons.results.report["slices"]
        whole = next(one for one in report if (one["attribute"], one["value"]) == name)
        assert [one for one in whole["scores"] if one in part["scores"]] == part["scores"]
