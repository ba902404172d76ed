"""Numbers as people read them: by hand, and against Python's own formatting where that agrees."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.wording import MINUS, THIN, How, text


@pytest.mark.parametrize(
    ("value", "how", "expected"),
    [
        (241 / 565, "percent", "42.7_%"),
        (0.1225, "percent", "12.3_%"),  # an exact tie, upwards as in JavaScript
        (0, "percent", "0.0_%"),
        (1, "percent", "100.0_%"),
        (0.0101, "percent", "1.0_%"),
        (0.00999, "percent", "1.0_%"),
        (0.00042, "percent", "0.042_%"),
        (1e-9, "percent", "<_0.001_%"),
        (0.042, "share", "4.2_%"),
        (0.5, "share", "50_%"),
        (0.0001, "share", "0.01_%"),
        (1, "share", "100_%"),
        (0, "share", "0_%"),
        (0.493, "points", "+49.3_points"),
        (-0.0004, "points", "0.0_points"),
        (0.668, "rate", "0.668"),
        (-0.0312, "difference", "−0.031"),
        (0.0312, "difference", "+0.031"),
        (-0.0001, "difference", "0.000"),
        (0.0004, "difference", "0.000"),
        (0.0004, "p", "< 0.001"),
        (0, "p", "< 0.001"),
        (0.2114, "p", "0.211"),
        (7, "count", "7"),
        (1401, "count", "1_401"),
        (1234567, "count", "1_234_567"),
        (1996, "plain", "1996"),
        (0.5, "score", "0.5"),
        (0, "score", "0"),
        (0.99991, "score", "0.9999"),
        (-2.25, "score", "−2.25"),
        (1234.5, "score", "1235"),
        (1e-5, "score", "1.00e−5"),
        (0.0015, "seconds", "1.5_ms"),
        (12.3, "seconds", "12_s"),
        (99.7, "seconds", "100_s"),
        (2e-7, "seconds", "0.20_µs"),
        (0, "seconds", "0_µs"),
        (412_000_000, "bytes", "412_MB"),
        (512, "bytes", "512_B"),
        ("9f86d081884c7d659a2f", "sha", "9f86d081884c"),
        ("Zoë\u202f4.2\u00a0%", "words", "Zoë_4.2\u00a0%"),
        ("a\nb\u202e\udcff\x1b", "words", r"a\nb\u202e\udcff\x1b"),
    ],
)
def test_written_by_hand(value, how, expected):
    assert text(value, how) == expected.replace("_", THIN)


@given(st.floats(0.01, 1))
def test_percentages_are_within_half_a_tenth(value):
    assert abs(float(text(value, "percent").removesuffix(f"{THIN}%")) - 100 * value) <= 0.0500001


@given(st.integers(0, 10**12))
def test_counts_are_python_s_with_other_commas(value):
    assert text(value, "count") == f"{value:,}".replace(",", THIN)


@given(st.floats(-1, 1))
def test_differences_turn_round(value):
    there, back = text(value, "difference"), text(-value, "difference")
    assert there == back.translate({ord("+"): MINUS, ord(MINUS): "+"})


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match=r"expected one of percent, share, .*, got 'loud'"):
        text(1, "loud")


@given(st.text())
def test_words_can_be_sent_and_stay_on_a_line(value):
    written = text(value, "words")
    assert written.encode().decode() == written
    assert len(written.splitlines()) <= 1


def test_every_way_is_tested():
    [marks] = [m for m in test_written_by_hand.pytestmark if m.name == "parametrize"]
    assert {how for _, how, _ in marks.args[1]} == set(get_args(How))
