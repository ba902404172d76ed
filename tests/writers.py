"""Picture files written byte by byte, where Pillow cannot write them, and cut to shape."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

Tags = dict[int, tuple[str, Sequence[int]]]
"""TIFF tags: struct letter, H or L, and values."""


def encode(picture: Image.Image | npt.NDArray[np.generic], kind: str, **options: object) -> bytes:
    """The picture as Pillow writes it."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise_png(seed: int) -> bytes:
    """A picture that is like no other."""
    return encode(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8), "PNG")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def png(
    size: tuple[int, int],
    depth: int,
    colour: int,
    rows: Iterable[bytes],
    *chunks: bytes,
    interlace: int = 0,
) -> bytes:
    """A PNG of (height, width) with its rows unfiltered, and `chunks` before its image data."""
    height, width = size
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    parts = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_last_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG that says something more behind its image data."""
    return png[:-12] + png_chunk(kind, body) + png[-12:]


def adam7(picture: npt.NDArray[np.uint8]) -> list[bytes]:
    """The rows of a PNG's seven interlaced passes."""
    starts = ((0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0))
    steps = ((8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1))
    passes = [picture[r::dr, c::dc] for (r, c), (dr, dc) in zip(starts, steps, strict=True)]
    return [row.tobytes() for part in passes for row in part]


def bmp_runs(height: int, rows: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8]) -> bytes:
    """A run-length BMP that claims a height and holds these rows of indices, the lowest first."""
    data = b"".join(b"".join(bytes([1, index]) for index in row) + b"\0\0" for row in rows)
    table = b"".join(bytes(colour[::-1]) + b"\0" for colour in colours)
    start, width = 54 + len(table), rows.shape[1]
    head = b"BM" + struct.pack("<LHHL", start + len(data) + 2, 0, 0, start)
    info = struct.pack("<LllHHLLllLL", 40, width, height, 1, 8, 1, 0, 0, 0, len(colours), 0)
    return head + info + table + data + b"\0\1"


def tiff(
    tags: Tags,
    pieces: Sequence[bytes],
    *,
    endian: str = "<",
    tiles: bool = False,
) -> bytes:
    """A TIFF with its directory first and its strips (or tiles) last, which Pillow never writes."""
    offsets_tag, counts_tag = (324, 325) if tiles else (273, 279)
    tags = {**tags, offsets_tag: ("L", [0] * len(pieces))}
    tags[counts_tag] = ("L", [len(piece) for piece in pieces])
    sizes = {tag: struct.calcsize(f"={len(v)}{letter}") for tag, (letter, v) in tags.items()}
    position = 8 + 2 + 12 * len(tags) + 4 + sum(size for size in sizes.values() if size > 4)
    starts = np.cumsum([position, *(len(piece) for piece in pieces)])[:-1]
    tags[offsets_tag] = ("L", [int(start) for start in starts])
    directory, outside = b"", b""
    for tag, (letter, values) in sorted(tags.items()):
        value = struct.pack(f"{endian}{len(values)}{letter}", *values)
        if len(value) > 4:
            place = 8 + 2 + 12 * len(tags) + 4 + len(outside)
            outside += value
            value = struct.pack(f"{endian}L", place)
        kind = {"H": 3, "L": 4}[letter]
        directory += struct.pack(f"{endian}HHL", tag, kind, len(values)) + value.ljust(4, b"\0")
    head = {"<": b"II*\0", ">": b"MM\0*"}[endian] + struct.pack(f"{endian}L", 8)
    count = struct.pack(f"{endian}H", len(tags))
    return head + count + directory + bytes(4) + outside + b"".join(pieces)


def tiff_tags(
    size: tuple[int, int],
    *,
    compression: int = 1,
    photometric: int = 2,
    bits: Sequence[int] = (8, 8, 8),
    rows: int = 8,
    extra: Tags | None = None,
) -> Tags:
    return {
        256: ("L", [size[1]]),
        257: ("L", [size[0]]),
        258: ("H", bits),
        259: ("H", [compression]),
        262: ("H", [photometric]),
        277: ("H", [len(bits)]),
        278: ("L", [rows]),
        **(extra or {}),
    }


def strips(array: npt.NDArray[np.generic], rows: int = 8) -> list[bytes]:
    return [array[top : top + rows].tobytes() for top in range(0, len(array), rows)]


def gif(
    canvas: tuple[int, int],
    box: tuple[int, int, int, int],
    indices: Sequence[int],
    palette: bytes,
    *,
    key: int | None = None,
    end: bool = True,
) -> bytes:
    """A GIF of four colours: a (height, width) canvas and one frame (top, left, height, width).

    The codes keep a fixed width of three bits: a clear code stands before every second pixel.
    """
    codes = [code for i, index in enumerate(indices) for code in ((4, index), (index,))[i % 2]]
    bits = sum(code << 3 * i for i, code in enumerate([*codes, *([5] if end else [])]))
    data = bits.to_bytes((3 * len(codes) + 10) // 8, "little")
    blocks = b"".join(
        bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)
    )
    top, left, height, width = box
    control = b"" if key is None else b"!\xf9\x04\x01\0\0" + bytes([key]) + b"\0"
    frame = b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x02"
    screen = struct.pack("<HHBBB", canvas[1], canvas[0], 0x81, 0, 0)
    return b"GIF89a" + screen + palette + control + frame + blocks + b"\0;"


def jpeg_marker(data: bytes, marker: int) -> int:
    """Where a marker's segment begins, walking the header."""
    place = 2
    while data[place + 1] != marker:
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return place


def without_segment(data: bytes, marker: int) -> bytes:
    place = jpeg_marker(data, marker)
    return data[:place] + data[place + 2 + int.from_bytes(data[place + 2 : place + 4], "big") :]


def webp_canvas(height: int, width: int) -> bytes:
    """A WebP that claims a canvas and holds one frame of 8 x 8."""
    still = encode(np.full((8, 8, 3), 90, np.uint8), "WEBP")[12:]
    corner, side = bytes(6), struct.pack("<L", 7)[:3]
    frame = corner + side + side + bytes(4) + still
    size = struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    chunks = [(b"VP8X", b"\x02\0\0\0" + size), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(kind + struct.pack("<L", len(c)) + c for kind, c in chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def with_thumbnail(jpeg: bytes) -> bytes:
    """A JPEG that carries itself, end marker and all, in an application segment."""
    return jpeg[:2] + b"\xff\xe5" + struct.pack(">H", len(jpeg) + 2) + jpeg + jpeg[2:]


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]
