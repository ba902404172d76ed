"""A generated zoo of picture files, good, odd and hostile, for every test that reads files.

`pictures()` are whole files, each with the array that it must become. `refusals()` are files that
must be refused, each with its status. `bombs()` claim far more pixels than they hold. `fill` puts a
folder together in which nothing is as it seems.
"""

from __future__ import annotations

import functools
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from specimens import FORMATS, PNG_KINDS, Specimen, image, pictures, scene
from writers import (
    adam7,
    bmp_runs,
    encode,
    gif,
    jpeg_marker,
    patched,
    png,
    png_chunk,
    strips,
    tiff,
    tiff_tags,
    webp_canvas,
    with_thumbnail,
)

__all__ = ["FORMATS", "HOSTILE_NAMES", "bombs", "fill", "image", "pictures", "refusals", "scene"]

HOSTILE_NAMES = (
    b"two\nlines.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    b"=HYPERLINK(1).jpg",
    b"undecodable-\xff\xfe.jpg",
    b"-rf .jpg",
    "Ünï çødé 🙂.jpg".encode(),
)


@functools.cache
def refusals() -> dict[str, Specimen]:
    """Files that are no picture, or not a whole one, each with the status that it must get."""
    rgb = scene()
    jpeg = encode(rgb, "JPEG", quality=95)
    rows = [row.tobytes() for row in rgb]
    tags = functools.partial(tiff_tags, (24, 36))
    packed = [zlib.compress(piece) for piece in strips(rgb)]
    palette = bytes(range(12))
    foreign = {
        "page.HTML": b"<!DOCTYPE html><html><body><img src=x onerror=alert(1)></body></html>",
        "words.TXT": b"Not a picture at all, whatever its name says.\n",
        "drawing.SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "archive.ZIP": b"PK\x05\x06" + bytes(18),
        "page.PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        "script.EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "sound.RIFF": b"RIFF" + struct.pack("<L", 36) + b"WAVEfmt " + bytes(28),
        "icon.ICO": encode(rgb, "ICO", sizes=[(16, 16)]),
        "map.PPM": encode(rgb, "PPM"),
        "zeros": bytes(4096),
        "noise": np.random.default_rng(7).bytes(4096),
    }
    zoo = {name: Specimen(data, status="unsupported") for name, data in foreign.items()}
    floats = encode(rgb[..., 0].astype(np.float32), "TIFF")
    late = encode(rgb[..., 0].astype(np.int32) - 50, "TIFF")
    swapped = tiff(
        tags(photometric=1, bits=(16,), rows=24, compression=8, extra={339: ("H", [2])}),
        [zlib.compress((rgb[..., 0] // 2).astype(">i2").tobytes())],
        endian=">",
    )
    lenient = tiff(tags(photometric=6, compression=8, extra={530: ("H", [1, 1])}), packed)
    zoo |= {
        "floats.TIFF": Specimen(floats, status="unsupported"),
        "negative-integers.TIFF": Specimen(late, status="unsupported"),
        "swapped-integers.TIFF": Specimen(swapped, status="unsupported"),
        "lenient-ycbcr.TIFF": Specimen(lenient, status="unsupported"),
        "empty": Specimen(b"", status="unreadable"),
        "missing-strip.TIFF": Specimen(tiff(tags(), strips(rgb)[:2]), status="unreadable"),
        "missing-plane.TIFF": Specimen(
            tiff(
                tags(extra={284: ("H", [2])}),
                [piece for band in range(2) for piece in strips(rgb[..., band])],
            ),
            status="unreadable",
        ),
        "short-strip.TIFF": Specimen(
            tiff(tags(compression=8), [*packed[:2], packed[2][:20]]), status="unreadable"
        ),
        "unknown-compression.TIFF": Specimen(
            tiff(tags(compression=999), packed), status="unreadable"
        ),
        "cut-strip.TIFF": Specimen(tiff(tags(compression=8), packed)[:-9], status="truncated"),
        "short-passes.PNG": Specimen(
            png((23, 36), 8, 2, adam7(rgb[:23])[:-1], interlace=1), status="truncated"
        ),
        "interlace-in-text.PNG": Specimen(  # in one column, the passes fit without a gap
            png((24, 1), 8, 2, [row[:3] for row in rows], png_chunk(b"tEXt", b"interlace\0yes")),
            status="unreadable",
        ),
        "no-data.PNG": Specimen(
            b"\x89PNG\r\n\x1a\n"
            + png_chunk(b"IHDR", struct.pack(">LLBBBBB", 9, 9, 8, 2, 0, 0, 0))
            + png_chunk(b"IEND", b""),
            status="unreadable",
        ),
        "wrong-sum.PNG": Specimen(
            encode(rgb, "PNG").replace(b"IHDR", b"IHDR\1", 1), status="unreadable"
        ),
        "early-end.GIF": Specimen(gif((2, 3), (0, 0, 2, 3), [1, 2], palette), status="truncated"),
        "bad-code.GIF": Specimen(
            gif((2, 3), (0, 0, 2, 3), [1, 2, 7, 7], palette), status="unreadable"
        ),
        "no-end.GIF": Specimen(
            gif((2, 3), (0, 0, 2, 3), [1, 2], palette, end=False), status="truncated"
        ),
        "padded.JPEG": Specimen(jpeg[: len(jpeg) // 2] + bytes(70_000), status="truncated"),
        "padded-with-thumbnail.JPEG": Specimen(
            with_thumbnail(jpeg)[: -len(jpeg) // 2] + bytes(70_000), status="truncated"
        ),
        "twelve-bit.JPEG": Specimen(
            patched(jpeg, jpeg_marker(jpeg, 0xC0) + 4, b"\x0c"), status="unreadable"
        ),
        "short-runs.BMP": Specimen(
            bmp_runs(3, np.zeros((2, 3), np.uint8), np.ones((4, 3), np.uint8)), status="truncated"
        ),
        "odd-header.BMP": Specimen(patched(encode(rgb, "BMP"), 14, b"\x29"), status="unreadable"),
    }
    for name, (depth, colour, length) in PNG_KINDS.items():
        palette = [png_chunk(b"PLTE", b"\7" * 768)] if colour == 3 else []
        short = png((5, 8), depth, colour, [b"\xff" * length] * 3, *palette)
        zoo[f"short-rows-{name}.PNG"] = Specimen(short, status="truncated")
    return zoo


@functools.cache
def bombs() -> dict[str, Specimen]:
    """Small files that claim 60,000 x 60,000 pixels, and WebPs that claim 12,000 x 12,000.

    Pillow refuses the first kind by itself once it has allocated nothing else; the second kind lies
    below its limit.
    """
    side = 60_000
    word = struct.pack("<L", side)
    jpeg = encode(scene(), "JPEG")
    pieces = [zlib.compress(bytes(100))]
    tile = {322: ("L", [side]), 323: ("L", [side])}
    tags = tiff_tags((9, 9), compression=8, extra=tile)
    del tags[278]
    palette = bytes(12)
    half = struct.pack(">HH", side, side)
    files = {
        "bomb.JPEG": patched(jpeg, jpeg_marker(jpeg, 0xC0) + 5, half),
        "bomb.PNG": png((side, side), 8, 2, [bytes(99)]),
        "bomb.GIF": gif((side, side), (0, 0, 2, 2), [1, 2, 1, 2], palette),
        "frame-bomb.GIF": gif((9, 9), (0, 0, side, side), [1, 2], palette),
        "bomb.BMP": patched(encode(scene(), "BMP"), 18, word + word),
        "bomb.TIFF": tiff(tiff_tags((side, side), compression=8, rows=side), pieces),
        "raw-bomb.TIFF": tiff(tiff_tags((side, side), rows=side), [bytes(99)]),
        "tile-bomb.TIFF": tiff(tags, pieces, tiles=True),
        "bomb.WEBP": webp_canvas(12_000, 12_000),
        "lossless-bomb.WEBP": patched(
            encode(scene(), "WEBP", lossless=True), 21, struct.pack("<L", 11_999 << 14 | 11_999)
        ),
        "lossy-bomb.WEBP": patched(encode(scene(), "WEBP"), 26, struct.pack("<HH", 12_000, 12_000)),
    }
    return {name: Specimen(data, status="too_large") for name, data in files.items()}


def fill(folder: Path) -> dict[Path, str]:
    """Fill a folder with the whole zoo and its worst company; the status that each must get.

    Good pictures come under hostile names and wrong extensions; beside them lie a directory, a
    named pipe, a dangling link and a link to a picture. Nothing in it can be read only by luck.
    """
    expected: dict[Path, str] = {}
    for name, specimen in {**pictures(), **refusals(), **bombs()}.items():
        expected[folder / name] = specimen.status
        (folder / name).write_bytes(specimen.data)
    good = pictures()["rgb.JPEG"].data
    for raw in HOSTILE_NAMES:
        path = folder / os.fsdecode(raw)
        path.write_bytes(good)
        expected[path] = "ok"
    (folder / "directory.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "dangling.jpg").symlink_to(folder / "nowhere")
    (folder / "link.png").symlink_to(folder / "rgb.JPEG")
    expected |= dict.fromkeys(
        (folder / "directory.jpg", folder / "pipe.jpg", folder / "dangling.jpg"), "unreadable"
    )
    expected[folder / "link.png"] = "ok"
    return expected
