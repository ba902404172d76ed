"""Parts of a labelled set in which an attribute has one value: who is missed, and what misleads."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from images.labelled import Item

MOST_VALUES = 12  # of an attribute; more than a reader takes in would be noise
UNKNOWN = "not known"
OTHERS = "others"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures whose attribute has one value, or lies in one range: `mask`, (n,)."""

    attribute: str
    value: str
    mask: Mask


def parts(items: Sequence[Item]) -> Iterator[Part]:
    """Yield the parts by every attribute that has more than one value, and last by source.

    An attribute whose values are numbers, more than 12 of them, is cut into quarters of equal size;
    of words the 11 most frequent stand, and the others together. An attribute that tells the
    pictures one by one, as a name does, yields nothing.
    """
    for name in dict.fromkeys(name for item in items for name in item.attributes):
        yield from _by(name, [item.attributes.get(name, "") for item in items])
    yield from _by("source", [item.source for item in items])


def _by(attribute: str, values: Sequence[str]) -> Iterator[Part]:
    count = Counter(values)
    known = [value for value in count if value]
    if len(count) < 2:
        return
    numbers = _numbers(values)
    if numbers is None and len(known) > MOST_VALUES:
        if count.most_common(1)[0][1] == 1:
            return
        kept = {value for value, _ in Counter({v: count[v] for v in known}).most_common(11)}
        values = [value if value in kept or not value else OTHERS for value in values]
        known = [*sorted(kept), OTHERS]
    elif numbers is not None and len(known) > MOST_VALUES:
        yield from _quarters(attribute, numbers)
        known = []
    elif numbers is not None:
        known.sort(key=float)
    else:
        known.sort()
    array = np.array(values, object)
    for value in known:
        yield Part(attribute, value, array == value)
    if "" in count:
        yield Part(attribute, UNKNOWN, array == "")


def _numbers(values: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Return numbers, NaN where nothing is known, or None if there are words among the values."""
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers[[bool(value) for value in values]]).all() else None


def _quarters(attribute: str, numbers: npt.NDArray[np.float64]) -> Iterator[Part]:
    edges = np.unique(np.nanquantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    for low, high in pairwise(edges):
        last = high == edges[-1]
        inside = (numbers >= low) & (numbers <= high if last else numbers < high)
        yield Part(attribute, f"{low:.3g} to {high:.3g}", inside)
