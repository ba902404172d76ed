"""The gallery: which mistakes it shows, and with what pictures."""

import base64
import io
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from drawings import capsule, draw
from PIL import Image

from compare import gallery
from compare.gallery import CARDS, WIDE, cards, worst
from compare.scorers import contestant
from images.labelled import Item, LabelledSet

NAN = float("nan")


def test_the_worst_come_first_of_each_kind():
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    scores = np.array([0.9, 0.1, 0.2, 0.3, 0.95, 0.8, NAN, NAN])
    found = [(one.index, one.is_target) for one in worst("one", labels, scores, 0.5)]
    assert found == [(4, False), (0, False), (1, True), (3, True)]


def test_of_many_mistakes_a_few_are_shown_and_ties_go_by_place():
    labels = np.array([0] * 9 + [1] * 9)
    found = [one.index for one in worst("one", labels, np.repeat([1.0, 0.0], 9), 0.5)]
    assert found == [*range(CARDS), *range(9, 9 + CARDS)]


@pytest.fixture
def labelled(tmp_path: Path) -> LabelledSet:
    items = []
    for number, shape in enumerate([(64, 96), (96, 48)]):
        path = tmp_path / f"{number}.png"
        stroke = capsule((shape[0] / 2, shape[1] / 2), 0.4, 40, 14)
        Image.fromarray(draw(stroke, height=shape[0], width=shape[1])).save(path)
        digest = sha256(path.read_bytes()).hexdigest()
        attributes = {"tone": "5", "pose": ""}
        items.append(Item(path.name, digest, number, "", "", "g", "test", attributes))
    return LabelledSet(tuple(items), tmp_path)


def decoded(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_card_shows_what_both_contestants_saw(labelled, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "WINDOWS", 4)
    scores = {"one": np.array([0.9, 0.2]), "two": np.array([NAN, 0.4])}
    wrong = worst("one", labelled.labels, scores["one"], 0.5)
    kept = tmp_path / "kept"
    kept.mkdir()
    first, second = cards(labelled, wrong, scores, contestant("open_nsfw"), kept)
    assert (first.why, first.path, first.scores) == ("false positive", "0.png", {"one": 0.9})
    assert (first.scorers, first.net) == (["one"], "open_nsfw")
    assert (second.why, second.path) == ("miss", "1.png")
    assert second.scores == {"one": 0.2, "two": 0.4}
    assert second.attributes == {"tone": "5"}
    for card, (height, width) in ((first, (64, 96)), (second, (96, 48))):
        heat = decoded(card.occlusion)
        assert max(heat.size) == WIDE
        assert heat.width / heat.height == pytest.approx(width / height, rel=0.02)
        assert max(decoded(card.overlay).size) == WIDE
    monkeypatch.setattr(gallery, "detect", None)  # nothing is drawn twice
    assert [*cards(labelled, wrong, scores, contestant("open_nsfw"), kept)] == [first, second]
    for file in kept.iterdir():
        file.write_bytes(b"{}")
    monkeypatch.undo()
    monkeypatch.setattr(gallery, "WINDOWS", 4)
    assert [*cards(labelled, wrong, scores, contestant("open_nsfw"), kept)] == [first, second]


def test_a_picture_that_has_gone_leaves_a_card_without_pictures(labelled, tmp_path):
    (labelled.root / "0.png").unlink()
    scores = {"one": np.array([0.9, 0.8])}
    wrong = worst("one", labelled.labels, scores["one"], 0.5)
    (card,) = cards(labelled, wrong, scores, None, tmp_path)
    assert (card.overlay, card.occlusion, card.net) == (None, None, None)


def test_a_picture_has_one_card_whoever_gets_it_wrong(labelled, tmp_path):
    scores = {"one": np.array([0.9, 0.8]), "two": np.array([0.7, 0.1])}
    wrong = [w for name, some in scores.items() for w in worst(name, labelled.labels, some, 0.5)]
    found = [(c.path, c.why, c.scorers) for c in cards(labelled, wrong, scores, None, tmp_path)]
    assert found == [("0.png", "false positive", ["one", "two"]), ("1.png", "miss", ["two"])]
