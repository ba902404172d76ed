"""The page says what the JSON says, number by number, whatever the names in it are."""

import base64
import copy
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from urllib.parse import unquote

import pytest
from pages import SILENT, Walk, visible
from report_example import PIXEL, barren, example

from compare.page import live, page, payload, reasons
from compare.pointers import resolve
from compare.report import Absent, Curve, to_json
from compare.wording import text

HOSTILE = (
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "{{7*7}}{% raw %}",
    "two\nlines\r\n",
    "\u202eright to left\u202c",
    "caf\udce9~1/~0",
    "</script><!--",
    "' onclick='x",
    "&lt;b&gt; &amp;",
)


FIXED_WORDS = {"kind", "overlay", "occlusion", "measure", "origin"}


def numbers(walk):
    """Yield (pointer, how, text) of every wrapped value."""
    for opened, words in visible(walk):
        _, attributes = opened[-1]
        if "data-at" in attributes:
            yield attributes["data-at"], attributes["data-as"], words


def hostile_report():
    """The example with everything that is text replaced by something nasty, names kept apart."""
    data = to_json(example())
    renamed = {s["name"]: f"{HOSTILE[i]} {HOSTILE[i + 4]}" for i, s in enumerate(data["scorers"])}

    def spoilt(value, at):
        if isinstance(value, dict):
            return {
                k if k in FIXED else renamed.get(k, k + HOSTILE[len(k) % 9]): spoilt(v, k)
                for k, v in value.items()
            }
        if isinstance(value, list):
            return [spoilt(v, at) for v in value]
        if isinstance(value, str) and at not in FIXED_WORDS:
            return renamed.get(value, value + HOSTILE[len(value) % 9])
        return value

    FIXED = _keys(data)
    return spoilt(data, "")


def _keys(data):
    """Names of fields; what is left are names of scorers, attributes, sources and so on."""
    free = {*data["tested"]["statuses"], *data["tested"]["sources"], *data["tested"]["licences"]}
    free |= {*data["making"]["versions"], *data["making"]["digests"]}
    for card in data["gallery"]:
        free |= {*card["attributes"], *card["scores"]}
    free |= {name for row in data["prevalence"] for name in row["precision"]}
    found = set()

    def visit(value):
        if isinstance(value, dict):
            found.update(value)
            for child in value.values():
                visit(child)
        elif isinstance(value, list):
            for child in value:
                visit(child)

    visit(data)
    return found - free


@pytest.fixture(scope="module", params=["example", "barren", "hostile", "lone"])
def data(request):
    if request.param == "hostile":
        return hostile_report()
    if request.param == "lone":
        whole = example()
        return to_json(replace(whole, scorers=whole.scorers[:1], pairs=[], slices=[], gallery=[]))
    return to_json({"example": example, "barren": barren}[request.param]())


@pytest.fixture(scope="module")
def walk(data):
    return Walk(page(data))


def test_every_number_is_the_json_s(data, walk):
    found = list(numbers(walk))
    assert len(found) >= 40
    for fragment, how, words in found:
        assert words == text(resolve(data, unquote(fragment, errors="surrogatepass")), how)


def test_no_digit_stands_alone(walk):
    for opened, words in visible(walk):
        marked = {"data-at", "data-constant", "data-text"}
        if not any(marked & set(attributes) for _, attributes in opened):
            assert not re.search(r"\d", words), (words, opened[-1])


def test_a_wrong_number_would_be_seen(data, walk):
    """Shift every number of the JSON, and no text of the page is right any more."""
    moved = json.loads(json.dumps(data), parse_float=lambda v: float(v) + 0.25)
    texts = [
        (text(resolve(moved, unquote(at, errors="surrogatepass")), how), words)
        for at, how, words in numbers(walk)
        if how in {"percent", "rate", "difference"}
    ]
    assert all(new != old for new, old in texts)


def test_all_that_matters_is_on_the_page():
    data = to_json(example())
    shown = {unquote(at) for at, _, _ in numbers(Walk(page(data)))}
    for i in range(4):
        for name in ("auc", "ap"):
            assert {f"/scorers/{i}/{name}/{end}" for end in ("value", "low", "high")} <= shown
        for part in ("at_threshold", "counted_as_missed"):
            for name in ("precision", "recall", "f1", "fpr"):
                ends = ("value", "low", "high")
                assert {f"/scorers/{i}/{part}/{name}/{end}" for end in ends} <= shown
        assert {f"/scorers/{i}/recall_at/{k}/recall/low" for k in range(3)} <= shown
        assert {f"/scorers/{i}/{n}/{c}" for n in ("answered", "unanswered")
                for c in ("targets", "controls")} <= shown  # fmt: skip
    assert {f"/scorers/{i}/brier/value" for i in (1, 2, 3)} <= shown
    assert {f"/pairs/{k}/sentence" for k in range(3)} <= shown
    assert {
        f"/pairs/{k}/agreement/{c}/pictures/targets" for k in range(3) for c in range(4)
    } <= shown
    assert {f"/funnel/{k}/targets/high" for k in range(3)} <= shown
    assert {f"/slices/{k}/scores/3/recall/value" for k in range(6)} <= shown
    assert {f"/prevalence/{k}/precision/ZFNet/low" for k in range(5)} <= shown


def test_what_is_absent_says_why(data, walk):
    letters = reasons(data)
    dashes = {a["data-absent"] for _, a in walk.elements if "data-absent" in a}
    told = {unquote(at, errors="surrogatepass") for at, _, _ in numbers(walk)}
    for fragment in dashes:
        reason = resolve(data, unquote(fragment, errors="surrogatepass"))["absent"]
        assert reason in letters
        assert any(at.endswith("/absent") and resolve(data, at) == reason for at in told)


def test_names_stay_text():
    data = hostile_report()
    source = page(data)
    source.encode()
    walk = Walk(source)
    tags = {tag for tag, _ in walk.elements}
    plain = {tag for tag, _ in Walk(page(to_json(example()))).elements}
    assert tags == plain
    assert sum(tag == "script" for tag, _ in walk.elements) == 2
    assert not any(name.startswith("on") for _, found in walk.elements for name in found)
    assert "{{7*7}}" in source
    assert "49" not in {words.strip() for _, words in visible(walk)}
    assert "\u202e" not in source
    first = next(words for at, _, words in numbers(walk) if at == "/scorers/0/name")
    assert first == "<script>alert(1)</script> \\u202eright to left\\u202c"


def test_nothing_is_fetched(walk):
    for tag, found in walk.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert "style" not in found  # the policy knows one style sheet only
        for name in ("src", "href", "action", "data"):
            if name in found:
                assert found[name].startswith(("data:image/", "#"))
    assert not re.search(r"url\(|@import", _inside(walk, "style"))


def _inside(walk, tag):
    return "".join(words for opened, words in walk.texts if opened and opened[-1][0] == tag)


def test_the_policy_names_the_style_and_the_script():
    walk = Walk(page(to_json(example())))
    [policy] = [f["content"] for t, f in walk.elements if f.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    [script] = [w for o, w in walk.texts if o and o[-1] == ("script", {})]
    for content in (_inside(walk, "style"), script):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_json_in_a_script_stays_json():
    value = {"a": "</script><!--&", "b": [1, None, "\u2028"]}
    written = str(payload(value))
    assert json.loads(written) == value
    assert not set("<>&") & set(written)


def test_same_data_same_bytes():
    data = to_json(example())
    before = copy.deepcopy(data)
    assert page(data) == page(copy.deepcopy(data))
    assert data == before


def test_a_reason_keeps_its_letter():
    data = {"a": {"absent": "one"}, "b": [{"absent": "two"}, {"absent": "one"}]}
    assert reasons(data) == {"one": "a", "two": "b"}
    assert list(reasons([{"absent": str(i)} for i in range(28)]).values())[25:] == ["z", "aa", "ab"]


def test_without_a_gallery_it_says_how_to_get_one():
    source = page(to_json(replace(example(), gallery=[])))
    assert "--gallery" in source
    assert "<img" not in source
    assert PIXEL in page(to_json(example()))


def test_a_threshold_that_marks_nothing():
    whole = example()
    lone = whole.scorers[1]
    nothing = Absent("nothing is marked")
    at = replace(lone.at_threshold, tp=0, fp=0, precision=nothing, f1=nothing)
    strict = replace(lone, at_threshold=at, threshold=replace(lone.threshold, value=2.0))
    data = to_json(replace(whole, scorers=[strict, *whole.scorers[1:]]))
    data["scorers"][0]["name"] = "1996 detector"
    assert "nothing is marked" in page(data)


def test_the_slider_stops_at_the_threshold_of_a_thinned_curve():
    whole = example()
    lone = whole.scorers[1]
    kept = [0, 1, 2, len(lone.curve.tp) - 1]
    ends = Curve(*([getattr(lone.curve, name)[k] for k in kept]
                   for name in ("thresholds", "tp", "fp")))  # fmt: skip
    data = to_json(replace(whole, scorers=[replace(lone, curve=ends)]))
    [found] = live(data)["scorers"]
    at, k = data["scorers"][0]["at_threshold"], found["start"]
    assert (found["tp"][k], found["fp"][k], found["words"][k]) == (at["tp"], at["fp"], "0.31")
    assert found["tp"] == sorted(found["tp"])
    assert found["fp"] == sorted(found["fp"])
    [whole_found] = live(to_json(replace(whole, scorers=[lone])))["scorers"]
    assert len(whole_found["tp"]) == len(lone.curve.tp)  # nothing to add where it is not thinned


def test_recalls_that_one_scorer_lacks():
    whole = example()
    scorers = [replace(whole.scorers[0], recall_at=[]), *whole.scorers[1:]]
    shown = {at for at, _, _ in numbers(Walk(page(to_json(replace(whole, scorers=scorers)))))}
    assert "/scorers/1/recall_at/2/fpr" in shown
    assert "/scorers/3/recall_at/2/recall/high" in shown


def test_the_page_needs_neither_matplotlib_nor_torch():
    code = "import sys, compare.page; print({'matplotlib', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def read(report):
    """A page as it is read: all its text, one space between words."""
    texts = Walk(page(to_json(report))).texts
    shown = (words for opened, words in texts if not any(tag in SILENT for tag, _ in opened))
    return " ".join("".join(shown).split())


def test_it_says_who_chose_each_threshold():
    whole = example()
    origins = ("scorer", "validation", "hand")
    scorers = [
        replace(one, threshold=replace(one.threshold, rule="a rule", origin=origin))
        for one, origin in zip(whole.scorers, origins, strict=False)
    ]
    words = read(replace(whole, scorers=scorers, pairs=[], slices=[]))
    for told in ("the scorer's own", "on the validation set", "set by hand"):
        assert words.count(f"a rule, {told}") == 1


def test_every_method_is_listed_once_a_measure():
    whole = example()
    odd = replace(whole.scorers[2].auc, method="another way")
    scorers = [*whole.scorers[:2], replace(whole.scorers[2], auc=odd), whole.scorers[3]]
    words = read(replace(whole, scorers=scorers))
    for told in (
        "AUC: DeLong; another way",
        "recall at a given false positive rate: Wilson",
        "precision: Wilson",
        "F1: stratified bootstrap",
        "precision at another share of targets: bootstrap",
        "band of the ROC curve: pointwise bootstrap",
        "differences of a pair: DeLong; paired bootstrap",
        "slices: DeLong; Wilson",
    ):
        assert words.count(told) == 1, told


def test_without_a_threshold_no_mark_is_promised():
    whole = example()
    assert "The large marks follow the thresholds below" in read(whole)
    nothing = Absent("no threshold was chosen")
    loose = replace(whole.scorers[1], threshold=None, at_threshold=nothing,
                    counted_as_missed=nothing)  # fmt: skip
    words = read(replace(whole, scorers=[loose], pairs=[], slices=[]))
    assert "The large marks follow" not in words
    assert "Look here what other thresholds would do" not in words
    assert "none has a mark" in words


def test_nobody_s_missing_answers_take_no_rows():
    whole = example()
    counted = "pictures without an answer counted as not marked"
    assert counted in read(whole)
    words = read(replace(whole, scorers=whole.scorers[1:], pairs=[], slices=[]))
    assert counted not in words
    assert "everyone answered for every picture" in words


def test_the_set_s_own_share_is_where_one_begins():
    whole = example()
    pictures = whole.tested.pictures
    own = pictures.targets / (pictures.targets + pictures.controls)
    assert "as in this set" not in read(whole)
    listed = [*whole.prevalence, replace(whole.prevalence[0], prevalence=own)]
    data = to_json(replace(whole, prevalence=listed))
    source = page(data)
    assert source.count("as in this set") == 1
    begin = live(data)
    assert begin["prevalences"][begin["prevalence_start"]] == own


def test_a_card_names_everyone_who_is_wrong_and_the_net_that_was_asked():
    words = read(example())
    assert "false positive of 1996 detector, ZFNet" in words
    assert words.count("occlusion, ZFNet") == 1


def test_letters_and_sources_are_explained():
    words = read(example())
    assert "A: limb-limb girdle; B: limb-segment girdle;" in words
    assert "[ECCV96]M. M. Fleck, D. A. Forsyth, C. Bregler. Finding naked people." in words
    assert "no picture here" not in words
    whole = example()
    points = [replace(point, precision=Absent("none")) if point.name in "AD" else point
              for point in whole.scorers[0].operating_points]  # fmt: skip
    first = replace(whole.scorers[0], operating_points=points)
    words = read(replace(whole, scorers=[first, *whole.scorers[1:]]))
    assert "A, D of the detector of 1996 mark no picture here, and so have no precision" in words


def test_a_difference_without_an_interval_says_why():
    whole = example()
    pair = whole.pairs[0]
    alike = replace(
        pair.differences[1], difference=Absent("no two marks differ"), p=None, test=None
    )
    words = read(replace(whole, pairs=[replace(pair, differences=[alike])]))
    assert words.count("no two marks differ") == 1


def test_only_the_first_attribute_is_unfolded():
    walk = Walk(page(to_json(example())))
    folded = ["open" not in found for tag, found in walk.elements if found.get("class") == "slice"]
    assert folded == [False, True]


def test_slices_without_any_measure_are_a_table_alone():
    """As of sources that hold one class each, and scorers that have no threshold."""
    report, nothing = example(), Absent("the slice holds one class")
    empty = [
        replace(
            part, scores=[replace(s, auc=nothing, recall=nothing, fpr=nothing) for s in part.scores]
        )
        for part in report.slices
    ]
    made = page(to_json(replace(report, slices=empty)))
    assert "Plot of the slices by" in page(to_json(report))
    assert "Plot of the slices by" not in made
    assert made.count("AUC, recall and false positive rate in each slice") == len(
        {part.attribute for part in empty}
    )
