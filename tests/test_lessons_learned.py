"""The lessons on nets: what is shown is what the net and the experiment say, number by number."""

import json
import re

import numpy as np
import pytest
import torch
from pages import Walk, count_numbers
from torch import nn

from compare.cue_sets import labelled
from compare.lessons import curves_hide, net_plots, net_views, site, toy
from compare.lessons.results import Results
from compare.wording import text
from convnet.cli_deconv import opened, prepared
from convnet.deconvnet import RULES, deconvnet, output_of
from convnet.views import view
from convnet.zfnet import ZFNet, ZFNetConfig
from images.labelled import Item, LabelledSet

OURS = ("learned", "curves_hide", "exercises")
SLUGS = ["learned", "curves-hide", "exercises"]


@pytest.fixture(scope="module")
def model(lessons):
    return prepared(str(lessons.results.run))


# ---- Every page


@pytest.mark.parametrize("slug", SLUGS)
def test_every_number_is_the_datas(lessons, slug):
    source = (lessons.folder / f"{slug}.html").read_text("utf-8")
    assert count_numbers(source, lessons.data[slug]) >= 30


def test_pictures_have_words_and_wait(lessons):
    for slug in SLUGS:
        for tag, found in Walk((lessons.folder / f"{slug}.html").read_text("utf-8")).elements:
            if tag == "img":
                assert len(found["alt"]) > 10
                assert found["loading"] == "lazy"
                assert int(found["width"]) > 0
                assert int(found["height"]) > 0
                assert (lessons.folder / found["src"]).is_file()


def test_building_twice_gives_the_same_bytes(lessons, tmp_path, monkeypatch):
    """These lessons alone, and among all; the frame around them is another, with fewer links."""
    monkeypatch.setattr(site, "LESSONS", OURS)
    pages = site.build_site(Results(lessons.results.root, short=True), tmp_path)
    assert [page.slug for page in pages] == SLUGS
    assert pages == tuple(page for page in lessons.pages if page.slug in SLUGS)
    for path in [*tmp_path.glob("data/*"), *tmp_path.glob("img/*")]:
        assert path.read_bytes() == (lessons.folder / path.relative_to(tmp_path)).read_bytes(), path


# ---- The toy net, by hand


def filtered(picture, weights, padding):
    """Correlation, place by place."""
    padded = np.pad(np.array(picture), padding)
    side = len(weights)
    rows = len(padded) - side + 1
    return [
        [int((padded[i : i + side, j : j + side] * weights).sum()) for j in range(rows)]
        for i in range(rows)
    ]


def test_the_way_up_is_what_a_hand_computes():
    steps = toy.steps()
    up = steps["up"]
    assert up["conv1"] == filtered(toy.PICTURE, toy.EDGES, 1)
    assert up["relu1"] == [[max(v, 0) for v in row] for row in up["conv1"]]
    assert up["pool1"] == [[3, 1], [3, 0]]
    assert up["conv2"] == [[2 * 3 - 1 * 1 + 1 * 3 + 1 * 0]]
    flat = [v for row in up["relu1"] for v in row]
    pooled = [v for row in up["pool1"] for v in row]
    switches = [v for row in steps["switches"] for v in row]
    assert [flat[k] for k in switches] == pooled


def test_all_that_matters_happens_in_it():
    steps = toy.steps()
    switches = [v for row in steps["switches"] for v in row]
    assert len(set(switches)) == 3  # two windows share one
    empty = switches[[v for row in steps["up"]["pool1"] for v in row].index(0)]
    assert [v for row in steps["up"]["conv1"] for v in row][empty] <= 0  # its ReLU was closed
    assert min(v for row in toy.CORNERS for v in row) < 0


def test_the_way_down_is_what_a_hand_computes():
    down = toy.steps()["down"]
    for rule in RULES:
        assert down[rule]["conv2"] == [[2, -1], [1, 1]]
        at_relu = [v for row in down[rule]["pool1"] for v in row]
        assert {k: v for k, v in enumerate(at_relu) if v} == {3: -1, 11: 2 + 1, 12: 1}
    past = {rule: [v for row in down[rule]["relu1"] for v in row] for rule in RULES}
    assert {k: v for k, v in enumerate(past["deconvnet"]) if v} == {11: 3, 12: 1}
    assert {k: v for k, v in enumerate(past["guided"]) if v} == {11: 3}
    assert {k: v for k, v in enumerate(past["gradient"]) if v} == {3: -1, 11: 3}
    for rule in RULES:  # the filter, transposed: turned round and slid over
        turned = np.array(toy.EDGES)[::-1, ::-1]
        assert down[rule]["conv1"] == filtered(down[rule]["relu1"], turned, 1)


def test_only_the_gradient_foretells_the_answer():
    """Brighten a pixel a little where no maximum changes: the answer moves as the gradient says."""
    steps, net, x = toy.steps(), toy.net(), toy.picture()
    before = float(net(x).detach())
    moved = x.clone()
    moved[0, 0, 1, 2] += 0.25
    change = float(net(moved).detach()) - before
    assert change / 0.25 == steps["down"]["gradient"]["conv1"][1][2] == 4
    assert steps["down"]["deconvnet"]["conv1"][1][2] == steps["down"]["guided"]["conv1"][1][2] == 3
    assert steps["gradient_error"] == 0


# ---- What is asked of the trained net


def test_pictures_are_chosen_by_their_scores():
    labels = [1, 0, 1, 0, 1]
    items = tuple(
        Item(f"{k}.png", "0" * 64, label, "", "", "g", "test") for k, label in enumerate(labels)
    )
    found = net_views.Looked(items, None, np.array([0.4, 0.9, 0.7, 0.1, 0.2]))
    assert net_views.chosen(found) == {
        "target with the highest score": 2,
        "control with the highest score": 1,
        "target with the lowest score": 4,
    }  # fmt: skip
    with pytest.raises(ValueError, match="expected targets and controls"):
        net_views.chosen(net_views.Looked(items[::2], None, np.array([0.4, 0.7, 0.2])))


def test_windows_scores_are_the_nets(lessons, model):
    """Cover a window by hand, or cut it out, and ask."""
    results = lessons.results
    seen = {item.path: results.drawn.root / item.path for item in results.drawn.items}
    for picture in lessons.data["learned"]["pictures"]:
        image = opened(seen[picture["path"]])
        assert picture["score"] == pytest.approx(float(model.score([image])[0]))
        whole = model.preprocessing.fit(image)
        side = picture["side"]
        for row, column in ((0, 0), (1, 2), (-1, -1)):
            top, left = picture["tops"][row], picture["lefts"][column]
            box = np.s_[top : top + side, left : left + side]
            covered = whole.copy()
            covered[box] = 0
            with torch.inference_mode():
                x = model.preprocessing.normalise(torch.from_numpy(covered[None]))
                score = float(model.net(x).softmax(1)[0, 1])
            assert picture["covered"][row][column] == pytest.approx(score, abs=1e-5)
            alone = float(model.score([whole[box].copy()])[0])
            assert picture["alone"][row][column] == pytest.approx(alone, abs=1e-5)
        assert picture["lowest_covered"] == min(map(min, picture["covered"]))
        assert picture["highest_alone"] == max(map(max, picture["alone"]))


def test_channels_are_those_that_tell_best(lessons, model):
    """A slow twin of the AUC: all pairs of a target's and a control's peak."""
    checked = LabelledSet.read(lessons.results.validation).split("validation")
    judged = net_views.looked(model, checked)
    layer = lessons.data["learned"]["features"][1]
    peaks = []
    for k in range(len(judged.items)):
        with torch.no_grad():
            maps = output_of(model.net, view(judged.image(k), model.preprocessing).x, "conv2")
        peaks.append(maps[0].amax(dim=(1, 2)).numpy())
    labels, peaks = checked.labels, np.array(peaks)
    pairs = peaks[labels == 1][:, None] - peaks[labels == 0][None]
    areas = ((pairs > 0) + (pairs == 0) / 2).mean(axis=(0, 1))
    shown = [channel["channel"] for channel in layer["channels"]]
    assert [channel["auc"] for channel in layer["channels"]] == pytest.approx(areas[shown])
    silent = set(range(len(areas))) - set(shown)
    assert areas[shown[-1]] >= min(1.0, np.median(areas[sorted(silent)]))
    assert sorted(areas[shown], reverse=True) == pytest.approx(areas[shown])


def test_what_patches_show_is_counted(lessons):
    learned = lessons.data["learned"]
    every = [channel for layer in learned["features"] for channel in layer["channels"]]
    for key in ("shown", "targets"):
        assert learned["patches"][key] == sum(channel[key] for channel in every)
    assert learned["patches"]["photo"] <= learned["patches"]["shown"]
    places = [item.attributes["place"] for item in lessons.results.drawn.items]
    assert learned["patches"]["photo_looked"] == places.count("photo")
    assert learned["conv5_sees"] == 139
    report = lessons.results.report["scorers"]
    lines = [one["threshold"]["value"] for one in report if one["kind"] == "net"]
    assert learned["judge"]["threshold"] == lines[0]


def test_cosines_are_of_what_deconvnet_gives(lessons, model):
    picture = lessons.data["learned"]["pictures"][0]
    x = view(opened(lessons.results.drawn.root / picture["path"]), model.preprocessing).x
    rows = {row["layer"]: row for row in lessons.data["learned"]["cosines"]}
    planes = {rule: deconvnet(model, x, "fc8", 1, rule=rule).pixels.ravel() for rule in RULES}
    exact = planes["gradient"]
    for rule in ("deconvnet", "guided"):
        wanted = planes[rule] @ exact / np.linalg.norm(planes[rule]) / np.linalg.norm(exact)
        assert rows["fc8"][rule]["each"] == pytest.approx([wanted], abs=1e-6)
        assert rows["conv1"][rule]["each"] == pytest.approx([1.0] * 8)
        assert rows["conv3"][rule]["median"] == pytest.approx(
            np.median(rows["conv3"][rule]["each"])
        )
    assert [row["relus"] for row in rows.values()] == list(range(8))
    assert max(row["error"] for row in rows.values()) < 1e-5


def test_an_unlearned_net_has_not_moved(lessons):
    told = json.loads((lessons.results.run / "history.json").read_bytes())
    state = torch.random.get_rng_state()
    begun = net_views.at_the_start(told)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(told["seed"])
    twin = ZFNet(ZFNetConfig(**told["net"]))
    weights = net_views.first_weights(begun)
    assert np.array_equal(weights, net_views.first_weights(twin))
    assert net_views.moved(weights, weights) == pytest.approx(1)
    assert net_views.moved(weights, -weights) == pytest.approx(-1)
    torch.random.set_rng_state(state)


def test_small_tiles_are_enlarged_by_whole_pixels():
    tile = np.arange(7 * 7 * 3, dtype=np.uint8).reshape(7, 7, 3)
    big = net_views.large(tile)
    assert big.shape == (56, 56, 3)
    assert np.array_equal(big[::8, ::8], tile)
    assert np.array_equal(big[7::8, 7::8], tile)
    whole = np.zeros((112, 112, 3), np.uint8)
    assert net_views.large(whole).shape == whole.shape


def test_relus_are_counted_below():
    chain = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU())
    assert isinstance(chain[1], nn.ReLU)
    names = ["conv1", "relu1", "conv2", "relu2", "fc3"]
    assert [net_views.relus_below(names, name) for name in ("conv1", "conv2", "fc3")] == [0, 1, 2]


def test_curves_of_one_epoch_are_drawn():
    history = [{"loss": 1.4, "validation_loss": 0.7, "auc": 0.3, "rate": 0.01}]
    assert "M" in str(net_plots.losses(history))
    assert "kept" in str(net_plots.areas(history, 1))


def test_the_kept_first_epoch_leaves_the_ticks_alone():
    history = [
        {"loss": 1.4, "validation_loss": 0.7, "auc": auc, "rate": 0.01} for auc in (0.9, 0.8)
    ]
    anchors = [re.search(r'text-anchor="(\w+)">kept', str(net_plots.areas(history, best)))[1]
               for best in (1, 2)]  # fmt: skip
    assert anchors == ["start", "middle"]


# ---- What the curves hide


def test_curves_are_those_whose_areas_are_told(lessons):
    cue = json.loads(lessons.results.cue.read_bytes())
    nets = {net["training"]: net for net in cue["nets"] if net["seed"] == 0}
    for training, sets in lessons.data["curves-hide"]["curves"].items():
        for name, curve in sets.items():
            area = np.trapezoid(curve["recall"], curve["fpr"])
            wanted = nets[training]["figures"][f"auc_{name}"]["value"]
            assert area == pytest.approx(wanted, abs=1e-3), (training, name)


def test_sets_are_those_on_the_disk(lessons):
    folder = lessons.results.cue.parent
    for title, told in lessons.data["curves-hide"]["sets"].items():
        split, name = title.split()
        items = labelled(folder / split, name).items
        worn = [item.attributes["cue"] == "1" for item in items]
        assert told["pictures"] == len(items)
        assert told["cued_targets"] == sum(
            w and item.label for w, item in zip(worn, items, strict=True)
        )


def test_the_missed_are_counted_at_the_first_nets_lines():
    nets = [
        {"training": "biased", "seed": 0, "threshold": 0.4},
        {"training": "biased", "seed": 1, "threshold": 0.9},
        {"training": "repaired", "seed": 0, "threshold": 0.2},
    ]
    examples = [
        {"with_cue": {"biased": value, "repaired": other}, "without_cue": {}}
        for value, other in ((0.4, 0.1), (0.39, 0.3), (0.1, 0.9))
    ]
    assert curves_hide.missed(nets, examples) == {
        "biased": {"line": 0.4, "count": 2, "of": 3},
        "repaired": {"line": 0.2, "count": 1, "of": 3},
    }


def test_only_an_interval_clear_of_zero_says_something():
    assert curves_hide.says({"low": 0.01, "high": 0.2}) == "rises"
    assert curves_hide.says({"low": -0.2, "high": -0.01}) == "falls"
    assert curves_hide.says({"low": -0.2, "high": 0.01}) == "may as well have stayed the same"


def test_every_measure_is_drawn(lessons):
    rows = lessons.data["curves-hide"]["rows"]
    drawn = str(curves_hide.overview(rows))
    assert drawn.count('class="mark"') == 2 * len(curves_hide.ROWS)
    assert set(curves_hide.ROWS) == {name for name in rows if not name.endswith("change")}
    assert all(words in drawn for words in curves_hide.ROWS.values())


# ---- In a browser


def shown(tab):
    return [tab.inner_text(f"#{name}-score") for name in ("covered", "alone", "whole")]


def place(tab):
    """Where the cover lies: column and row of its top left pixel."""
    return [float(tab.get_attribute("#covered rect", side)) for side in "xy"]


def scores_at(picture, row, column):
    values = picture["covered"][row][column], picture["alone"][row][column], picture["score"]
    return [text(value, "rate") for value in values]


def test_the_window_begins_where_covering_changes_most(visit, lessons):
    tab = visit("learned")
    picture = lessons.data["learned"]["pictures"][0]
    assert shown(tab)[0] == text(picture["lowest_covered"], "rate")


def test_keys_on_the_picture_move_the_window(visit, lessons):
    tab = visit("learned")
    picture = lessons.data["learned"]["pictures"][0]
    tab.focus("#covered")
    for _ in picture["tops"]:
        tab.keyboard.press("ArrowUp")
    for _ in picture["lefts"]:
        tab.keyboard.press("ArrowLeft")
    assert place(tab) == [0, 0]
    assert shown(tab) == scores_at(picture, 0, 0)
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    assert place(tab) == [picture["lefts"][2], picture["tops"][1]]
    assert shown(tab) == scores_at(picture, 1, 2)
    side = picture["side"]
    box = f"{picture['lefts'][2]} {picture['tops'][1]} {side} {side}"
    assert tab.get_attribute("#alone", "viewBox") == box
    assert scores_at(picture, 1, 2)[0] in tab.inner_text("#probe-said")


def test_sliders_do_the_same(visit, lessons):
    tab = visit("learned")
    picture = lessons.data["learned"]["pictures"][0]
    tab.focus("#across")
    tab.keyboard.press("End")
    tab.focus("#down")
    tab.keyboard.press("Home")
    assert place(tab) == [picture["lefts"][-1], 0]
    assert shown(tab) == scores_at(picture, 0, -1)
    assert shown(tab)[0] in tab.get_attribute("#down", "aria-valuetext")


def test_the_mouse_drags_it(visit, lessons):
    tab = visit("learned", viewport={"width": 1280, "height": 1000})
    picture = lessons.data["learned"]["pictures"][0]
    tab.locator("#covered").scroll_into_view_if_needed()
    box = tab.locator("#covered").bounding_box()
    middle = picture["tops"][3] + picture["side"] / 2
    scale = box["width"] / picture["size"]
    tab.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.mouse.down()
    assert shown(tab) == scores_at(picture, 0, 0)
    tab.mouse.move(box["x"] + middle * scale, box["y"] + middle * scale)
    tab.mouse.up()
    assert shown(tab) == scores_at(picture, 3, 3)
    tab.mouse.move(box["x"] + 5, box["y"] + 5)
    assert shown(tab) == scores_at(picture, 3, 3)


def test_another_picture_has_its_own_scores(visit, lessons):
    tab = visit("learned")
    tab.focus("#across")
    tab.keyboard.press("Home")
    tab.focus("#down")
    tab.keyboard.press("Home")
    before = tab.get_attribute("#covered image", "href")
    for k, picture in enumerate(lessons.data["learned"]["pictures"]):
        tab.locator(f"[name=probed][value='{k}']").check()
        assert shown(tab) == scores_at(picture, 0, 0)
    after = {tab.get_attribute(f"#{name} image", "href") for name in ("covered", "alone")}
    assert len(after) == 1
    assert before not in after


def test_without_script_the_maps_stay(visit):
    tab = visit("learned", java_script_enabled=False)
    assert not tab.locator("#probe").is_visible()
    assert tab.locator(".thirds").first.is_visible()
