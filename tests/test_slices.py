"""Parts of a set by attribute."""

import numpy as np
import pytest

from compare.slices import OTHERS, UNKNOWN, parts
from images.labelled import Item


def items(**columns: list[str]) -> list[Item]:
    rows = zip(*columns.values(), strict=True)
    return [
        Item(f"{k}.png", "0" * 64, 0, "here", "", "g", "test", dict(zip(columns, row, strict=True)))
        for k, row in enumerate(rows)
    ]


def found(**columns: list[str]) -> dict[tuple[str, str], list[int]]:
    return {
        (p.attribute, p.value): np.flatnonzero(p.mask).tolist() for p in parts(items(**columns))
    }


def test_words_and_few_numbers_are_taken_one_by_one_in_order():
    assert found(light=["low", "high", "low"], tone=["10", "9", ""]) == {
        ("light", "high"): [1],
        ("light", "low"): [0, 2],
        ("tone", "9"): [1],
        ("tone", "10"): [0],
        ("tone", UNKNOWN): [2],
    }


def test_what_has_one_value_or_tells_every_picture_is_no_slice():
    assert found(cue=["0"] * 20, name=[f"n{k}" for k in range(20)]) == {}


def test_many_words_leave_the_most_frequent():
    values = [f"w{k:02}" for k in range(14) for _ in range(14 - k)]
    kept = found(kind=values)
    assert [value for _, value in kept] == [*(f"w{k:02}" for k in range(11)), OTHERS]
    assert len(kept["kind", OTHERS]) == 3 + 2 + 1
    assert sum(map(len, kept.values())) == len(values)


def test_many_numbers_are_cut_into_quarters_that_cover_all():
    rng = np.random.default_rng(0)
    numbers = rng.permutation(40)
    cut = found(share=[*map(str, numbers), ""])
    assert list(cut) == [
        ("share", "0 to 9.75"),
        ("share", "9.75 to 19.5"),
        ("share", "19.5 to 29.2"),
        ("share", "29.2 to 39"),
        ("share", UNKNOWN),
    ]
    assert [len(some) for some in cut.values()] == [10, 10, 10, 10, 1]
    assert sorted(numbers[cut["share", "0 to 9.75"]]) == list(range(10))


def test_numbers_that_mostly_repeat_give_fewer_parts_but_lose_nobody():
    values = ["0"] * 90 + [str(k) for k in range(1, 21)]
    cut = found(share=values)
    assert sorted(k for some in cut.values() for k in some) == list(range(110))


@pytest.mark.parametrize("odd", ["nan", "inf"])
def test_numbers_that_are_none_are_words(odd):
    values = [odd, *map(str, range(20)), *map(str, range(20))]
    assert ("kind", OTHERS) in found(kind=values)
