"""The exercises: every model answer passes its check, and plausible mistakes do not."""

from dataclasses import asdict
from math import comb, log10

import numpy as np
import pytest

from compare.lessons import exercises
from compare.lessons.tasks import TASKS, check, heads, task
from compare.wording import text

FOUND = {
    "pixel": {"Rg of tan": 105 * log10(211.5 / 181.5)},
    "forearm": {"least width beside 10 px": 5.0},
    "letters": {"detectors": 9},
    "window": {"windows of 2016": 55**2, "over a corner pixel": 1},
    "field": {"conv1 sees, px": 7, "conv5 sees, px": 139},
    "unpool": {"outputs": 320},
    "paired": {"p of 10 gained, 2 lost": 2 * (1 + 12 + 66) / 2**12},
}
"""What some checks answer of the model, computed here."""


def scaled(colours):
    red, green, blue = (105 * log10(v + 1) for v in colours)  # the noise forgotten
    return red - green, blue - (green + red) / 2


def overwritten(signal, switches, size):
    below = [0.0] * size
    for value, where in zip(signal, switches, strict=True):
        below[where] = value
    return below


def unweighted(scores, positions, side, shape):
    sums = np.zeros(shape)
    for score, (top, left) in zip(scores, positions, strict=True):
        sums[top : top + side, left : left + side] += score
    return sums / len(scores)


def without_ties(labels, scores):
    targets = [s for s, label in zip(scores, labels, strict=True) if label]
    controls = [s for s, label in zip(scores, labels, strict=True) if not label]
    return sum(t > c for t in targets for c in controls) / (len(targets) * len(controls))


def one_sided(gained, lost):
    n = gained + lost
    return sum(comb(n, k) for k in range(max(gained, lost), n + 1)) / 2**n


def side_only(layers):
    return 1 + sum(window - 1 for window, _ in layers), 2 ** len(layers)


MISTAKES = {
    "pixel": [lambda *colours: scaled(colours), lambda *_: (0.0, 0.0)],
    "skin": [
        lambda mask, truth: (
            (mask & truth).sum() / max(mask.sum(), 1), (mask & truth).sum() / max(truth.sum(), 1)
        ),
        lambda *_: (1.0, 1.0),
    ],
    "forearm": [lambda width: 0.4 * width, lambda width: 0.6 * width, lambda _: 5.0],
    "letters": [lambda rules, _: 2 ** len(rules) - 1, lambda *_: 9],
    "window": [unweighted],
    "field": [side_only],
    "unpool": [overwritten],
    "area": [without_ties, lambda *_: 0.5],
    "paired": [one_sided, lambda *_: 1.0],
    "heads": [lambda _: [(1.0, 1.0, 1.0)]],
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_the_model_answer_passes(name):
    one = task(name)
    found = one.check(one.answer, 4) if name == "heads" else one.check(one.answer)
    assert found
    for words, value in FOUND.get(name, {}).items():
        assert found[words] == pytest.approx(value, abs=0.01 if name == "pixel" else 1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_mistakes_are_told(name):
    for mistake in (*MISTAKES[name], lambda *_: None):
        with pytest.raises(ValueError, match=r"^expected [^\n]*$"):
            check(name, mistake)


@pytest.mark.parametrize("name", TASKS)
def test_the_model_answer_runs_as_it_is_shown(name, monkeypatch):
    """What the page shows, pasted between the import and the check that it shows."""
    monkeypatch.setattr(heads.check, "__defaults__", (1,))
    one = task(name)
    typed = f"from compare.lessons.tasks import check\n\n{one.source}\n\n"
    names = {}
    exec(typed + f"found = check({name!r}, {one.answer.__name__})", names)
    assert names["found"] == one.check(one.answer)


@pytest.mark.parametrize("name", TASKS)
def test_the_given_beginning_is_told_what_to_do(name):
    names = {}
    exec(f"from compare.lessons.tasks import check\n\n{task(name).head}\n    ...\n", names)
    with pytest.raises(ValueError, match=r"^expected .* to return its answer, got None"):
        check(name, names[task(name).answer.__name__])


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_text_and_hints_and_says_its_name(name):
    one = task(name)
    assert one.title
    assert not one.title.endswith(".")
    assert len(one.hints) >= 2
    assert any(f"`{one.answer.__name__}(" in paragraph for paragraph in one.text)
    assert all(text(paragraph, "words") == paragraph for paragraph in (*one.text, *one.hints))
    assert (" ".join(one.text) + " ".join(one.hints)).count("`") % 2 == 0


def test_there_are_ten():
    assert len(set(TASKS)) == len(TASKS) == 10
    assert set(MISTAKES) == set(TASKS)


def test_the_beginning_has_the_answers_parameters():
    assert task("paired").head == "def chance(gained, lost):"


def test_prose_escapes_and_marks_code():
    assert exercises.prose("`a < b` & c") == "<code>a &lt; b</code> &amp; c"


# ---- The rule for heads


def disc(mask, row, column, radius):
    rows, columns = np.indices(mask.shape)
    mask |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def test_a_disc_on_a_neck_is_a_head_and_a_bar_is_none():
    body = np.zeros((128, 128), bool)
    disc(body, 40, 64, 14)
    body[50:64, 60:68] = True
    body[62:120, 40:90] = True
    found = heads.find_heads(body)
    assert any(np.hypot(row - 40, column - 64) < 4 for row, column, _ in found)
    arm = np.zeros((128, 128), bool)
    arm[55:75, 10:118] = True
    assert not any(30 < column < 98 for _, column, _ in heads.find_heads(arm))
    lone = np.zeros((128, 128), bool)
    disc(lone, 64, 64, 20)
    assert heads.find_heads(lone) == []  # no neck


def test_claims_are_counted_as_a_slow_twin_does():
    """A rule that claims the middle of every truth's head is always right."""
    seen = {}
    for number in range(16):
        bare, _ = heads._drawings(number)
        skin, scale = heads._skin(bare)
        numbers = [k + 1 for k, part in enumerate(bare.truth.parts) if part.name == "head"]
        places = np.argwhere(np.isin(bare.truth.labels, numbers))
        if len(places) and skin.any():
            seen[skin.tobytes()] = places[len(places) // 2], scale
    assert len(seen) >= 2

    def oracle(skin):
        if skin.tobytes() not in seen:
            return []
        middle, scale = seen[skin.tobytes()]
        return [(*((middle + 0.5) / scale - 0.5), 5.0)]

    found = heads.check(oracle, 16)
    assert found["claims"] == len(seen)
    assert found["claims that are heads"].value == 1
    assert found["controls with a claim"].value == 0
    assert found["of them on detected skin"] >= 1
    assert found["of these found"].value == 1


def test_estimates_are_plain_in_the_data():
    found = heads.check(heads.find_heads, 3)
    assert set(asdict(found["controls with a claim"])) >= {"value", "low", "high"}
