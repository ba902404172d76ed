"""How every number is written, on the page and by the commands: one function, one place.

Units stand behind a narrow no-break space (U+202F), which also groups thousands; minus is U+2212.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, get_args

How = Literal[
    "percent", "share", "points", "rate", "difference", "p",
    "count", "plain", "score", "seconds", "bytes", "sha", "words",
]  # fmt: skip

THIN = "\u202f"
MINUS = "\u2212"


def text(value: Any, how: How) -> str:
    r"""Return a value as a reader should see it.

    Parameters
    ----------
    value : number or str
        Rates and shares as fractions, times in seconds, sizes in bytes.
    how : str
        percent: one decimal, two figures below 1 %; share: a round share, two figures at most;
        points: a difference of percentages, with its sign; rate: three decimals; difference: the
        same with its sign; p: three decimals, never 0; count; plain: a whole number that counts
        nothing; score: four figures at most; seconds; bytes; sha: twelve figures; words: any text,
        on one line, with everything that is not printable escaped.

    Raises
    ------
    ValueError
        If `how` is none of these.

    Examples
    --------
    >>> [text(v, h) for v, h in ((0.668, "rate"), (0.0001, "p"), (4289, "count"))]
    ['0.668', '< 0.001', '4\u202f289']
    >>> text(241 / 565, "percent"), text(0.00042, "percent"), text(-0.0312, "difference")
    ('42.7\u202f%', '0.042\u202f%', '−0.031')
    """
    if how not in _WRITERS:
        raise ValueError(f"expected one of {', '.join(get_args(How))}, got {how!r}")
    return _WRITERS[how](value)


def _fixed(value: float, places: int) -> str:
    """Round halves up, as JavaScript's toFixed does: the page's sliders write the same numbers."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def _figures(value: float, figures: int) -> str:
    """Write with so many significant figures, zeros kept, never with an exponent."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.{figures - 1}e}".split("e")[1])  # after rounding: 0.999 is 1.0
    return _fixed(value, max(figures - 1 - exponent, 0))


def _stripped(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _percent(value: float) -> str:
    hundredths = value * 100
    if 0 < hundredths < 0.001:
        return f"<{THIN}0.001{THIN}%"
    small = 0 < hundredths < 1
    return (_figures(hundredths, 2) if small else _fixed(hundredths, 1)) + f"{THIN}%"


def _share(value: float) -> str:
    return _stripped(_figures(value * 100, 2)) + f"{THIN}%"


def _points(value: float) -> str:
    return _signed(_fixed(value * 100, 1)) + f"{THIN}points"


def _rate(value: float) -> str:
    return _signed(_fixed(value, 3)).removeprefix("+")


def _difference(value: float) -> str:
    return _signed(_fixed(value, 3))


def _signed(number: str) -> str:
    """Put a sign before everything but zero, whose minus would mean nothing."""
    if float(number) == 0:
        return number.removeprefix("-")
    return number.replace("-", MINUS) if number.startswith("-") else f"+{number}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else _fixed(value, 3)


def _count(value: int) -> str:
    return f"{value:,}".replace(",", THIN)


def _score(value: float) -> str:
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        written = _stripped(_figures(value, 4))
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        written = f"{mantissa}e{int(exponent)}"
    return written.replace("-", MINUS)


def _seconds(value: float) -> str:
    return _scaled(value, (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)))


def _bytes(value: int) -> str:
    return _scaled(value, (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))


def _scaled(value: float, units: Sequence[tuple[str, float]]) -> str:
    """Write in the first unit of which there is at least one, with two figures below a hundred."""
    unit, size = next((unit for unit in units if value >= unit[1]), units[-1])
    count = value / size
    return (_figures(count, 2) if count < 99.5 else _fixed(count, 0)) + THIN + unit


def _words(value: str) -> str:
    spaces = THIN + "\u00a0"
    return "".join(c if c.isprintable() or c in spaces else ascii(c)[1:-1] for c in value)


_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "percent": _percent,
    "share": _share,
    "points": _points,
    "rate": _rate,
    "difference": _difference,
    "p": _p,
    "count": _count,
    "plain": str,
    "score": _score,
    "seconds": _seconds,
    "bytes": _bytes,
    "sha": lambda value: _words(value[:12]),
    "words": _words,
}
