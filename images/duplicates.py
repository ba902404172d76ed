"""One picture more than once in a set: the same bytes, or other bytes that look alike.

Looks are compared by a 64-bit perceptual hash. Two hashes that differ in at most 6 bits agree, but
for one bit, in one of their four quarters. So each quarter and its 16 neighbours, looked up among
all quarters, find every such pair (multi-index hashing, Norouzi, Punjani and Fleet 2012); only
what they find is compared in full.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from images.labelled import Item
from images.reading import RGB

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.intp]

NEAR = 6
"""Bits in which near-duplicates may differ (ours).

Of 30 photographs packaged with scikit-image and scikit-learn, re-encoding (JPEG quality 30) keeps
27 so near, halving 28, gamma 0.7 28, losing 2 % of two sides 20; unrelated ones differ in 20 bits
or more. Of 4.5 million pairs of drawn figures on one plain ground, 3 are so near.
"""

_QUARTER = 16
_BLOCK = 4_000_000


def same_bytes(items: Iterable[Item]) -> list[list[Item]]:
    """Return the families of two or more items whose files, by their sha256, are the same."""
    return _families((item.sha256, item) for item in items)


def look_alikes(items: Sequence[Item], hashes: Sequence[int | None]) -> list[list[Item]]:
    """Return the families of items that look alike without all being the same bytes.

    Parameters
    ----------
    items : (n,) sequence of Item
    hashes : (n,) sequence of int or None
        Of `perceptual_hash`; an item without one looks like no other.

    Returns
    -------
    list of list of Item
        A family is what near hashes connect, so that its farthest members may differ by more. One
        that lies in two splits has two items in different splits that look alike.
    """
    seen = [(item, hash_) for item, hash_ in zip(items, hashes, strict=True) if hash_ is not None]
    numbers = clusters(np.array([hash_ for _, hash_ in seen], np.uint64))
    families = _families(zip(numbers, (item for item, _ in seen), strict=True))
    return [family for family in families if len({item.sha256 for item in family}) > 1]


def _families(named: Iterable[tuple[Hashable, Item]]) -> list[list[Item]]:
    families = defaultdict[Hashable, list[Item]](list)
    for name, item in named:
        families[name].append(item)
    return [family for family in families.values() if len(family) > 1]


def perceptual_hash(image: RGB) -> int | None:
    """Return the DCT hash of a picture's look, or None where there is nothing to see.

    Grey, 32 x 32, cosine transform; the 8 x 8 lowest frequencies, row by row from the highest
    bit, are 1 where above their median. This is pHash (Zauner 2010) with the coefficients that
    the package imagehash takes. It outlives another encoding, size or brightness; not mirroring,
    turning, or a crop of more than some per cent.

    Parameters
    ----------
    image : RGB
        (H, W, 3) uint8.

    Returns
    -------
    int or None
        In [0, 2^64). None if the greys of the small picture vary by less than 1 (standard
        deviation, ours): the bits would be those of noise.

    Examples
    --------
    >>> tiles = np.random.default_rng(0).integers(0, 200, (8, 8, 3), np.uint8)
    >>> picture = tiles.repeat(24, axis=0).repeat(16, axis=1)
    >>> perceptual_hash(picture) == perceptual_hash(picture[::3, ::2] + 20)
    True
    >>> perceptual_hash(np.full((64, 64, 3), 90, np.uint8)) is None
    True
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < 1:
        return None
    low = cv2.dct(small)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def clusters(hashes: Hashes, near: int = NEAR) -> Indices:
    """Give near hashes, and all that near hashes connect, one number.

    Parameters
    ----------
    hashes : (n,) uint64
    near : int
        Bits in which near hashes may differ.

    Returns
    -------
    (n,) int
    """
    distinct, place = np.unique(hashes, return_inverse=True)
    number = np.arange(len(distinct))
    for left, right in near_pairs(distinct, near):
        ones = np.ones(len(left), bool)
        graph = coo_array((ones, (number[left], number[right])), shape=2 * distinct.shape)
        number = connected_components(graph, directed=False)[1][number]
    return number[place]


def near_pairs(hashes: Hashes, near: int = NEAR) -> Iterator[tuple[Indices, Indices]]:
    """Yield, block by block, indices i < j of all near hashes; a pair may come more than once.

    As good as linear in their number while hashes are spread; quadratic where all are alike, but
    in bounded memory.
    """
    # Of four quarters, the one that differs least does so in at most a quarter of the bits.
    flips = [
        sum(1 << bit for bit in bits)
        for count in range(near // 4 + 1)
        for bits in combinations(range(_QUARTER), count)
    ]
    for shift in range(0, 64, _QUARTER):
        quarter = (hashes >> np.uint64(shift)).astype(np.uint16).astype(np.intp)
        order = np.argsort(quarter, kind="stable")
        start = np.searchsorted(quarter[order], np.arange((1 << _QUARTER) + 1))
        for flip in flips:
            first, stop = start[quarter ^ flip], start[(quarter ^ flip) + 1]
            for left, position in _ranges(first, stop):
                right = order[position]
                later = left < right
                left, right = left[later], right[later]
                close = np.bitwise_count(hashes[left] ^ hashes[right]) <= near
                if close.any():
                    yield left[close], right[close]


def _ranges(first: Indices, stop: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield each index with every integer from its first to before its stop, in blocks."""
    total = np.concatenate([[0], np.cumsum(stop - first)])
    begin = 0
    while begin < len(first):
        end = max(begin + 1, int(np.searchsorted(total, total[begin] + _BLOCK, side="right")) - 1)
        size = np.diff(total[begin : end + 1])
        index = np.repeat(np.arange(begin, end), size)
        yield index, np.arange(total[begin], total[end]) + (first - total[:-1])[index]
        begin = end
