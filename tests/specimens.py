"""Whole picture files of every kind, each with the array that it must become."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from writers import (
    adam7,
    bmp_runs,
    encode,
    gif,
    png,
    png_chunk,
    strips,
    tiff,
    tiff_tags,
    with_thumbnail,
    without_segment,
)

RGB = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")


class Specimen(NamedTuple):
    """A file's bytes and what must come of them: an array (within `tolerance`) or a status."""

    data: bytes
    truth: RGB | None = None
    status: str = "ok"
    tolerance: int = 0
    frames: int = 1
    mode: str | None = None


def scene(height: int = 24, width: int = 36) -> RGB:
    """A picture without any symmetry: smooth colours, and a white corner mark at the top left."""
    row, col = np.mgrid[:height, :width]
    planes = 40 + 4 * row + col, 200 - 3 * col + row, 60 + 2 * col - row
    picture = np.stack(planes, axis=-1).clip(0, 255)
    picture[: height // 3, : width // 4] = 255
    return picture.astype(np.uint8)


def image(height: int = 24, width: int = 36) -> Image.Image:
    return Image.fromarray(scene(height, width))


def over_grey(rgb: npt.ArrayLike, alpha: npt.ArrayLike) -> RGB:
    """The compositing rule, in floating point."""
    share = np.asarray(alpha, float)[..., None] / 255
    return np.rint(np.asarray(rgb, float) * share + 128 * (1 - share)).astype(np.uint8)


def grey_to_rgb(grey: npt.ArrayLike) -> RGB:
    return np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=-1)


@functools.cache
def pictures() -> dict[str, Specimen]:
    """Whole files by name, each with the array that it must become."""
    return {**_plain(), **_deep(), **_transparent(), **_moving(), **_tiffs(), **_black_rows()}


def _plain() -> dict[str, Specimen]:
    rgb = scene()
    grey = rgb[..., 0].copy()
    bits = grey > 100
    palette = Image.fromarray(rgb).quantize(16)
    flat = np.asarray(palette.convert("RGB"))
    jpeg = encode(rgb, "JPEG", quality=95, subsampling=0)
    colours = np.arange(12, dtype=np.uint8).reshape(4, 3)
    runs = np.array([[2, 1, 1], [3, 3, 0]], np.uint8)
    zoo = {
        f"rgb.{kind}": Specimen(encode(rgb, kind), rgb, mode="RGB")
        for kind in ("PNG", "BMP", "TIFF")
    }
    zoo |= {
        f"grey.{kind}": Specimen(encode(grey, kind), grey_to_rgb(grey))
        for kind in ("PNG", "BMP", "TIFF", "GIF")
    }
    zoo |= {
        f"bits.{kind}": Specimen(encode(bits, kind), grey_to_rgb(255 * bits))
        for kind in ("PNG", "BMP", "TIFF", "GIF")
    }
    zoo |= {
        f"palette.{kind}": Specimen(encode(palette, kind), flat, mode="P")
        for kind in ("PNG", "BMP", "TIFF", "GIF")
    }
    zoo |= {
        "rgb.JPEG": Specimen(jpeg, rgb, tolerance=6, mode="RGB"),
        "progressive.JPEG": Specimen(
            encode(rgb, "JPEG", quality=95, subsampling=0, progressive=True), rgb, tolerance=6
        ),
        "grey.JPEG": Specimen(encode(grey, "JPEG", quality=95), grey_to_rgb(grey), tolerance=6),
        "rgb.WEBP": Specimen(encode(rgb, "WEBP", quality=100), rgb, tolerance=40),
        "lossless.WEBP": Specimen(encode(rgb, "WEBP", lossless=True), rgb),
        "tall.PNG": Specimen(encode(scene(150, 7), "PNG"), scene(150, 7)),
        "interlaced.PNG": Specimen(png((24, 36), 8, 2, adam7(rgb), interlace=1), rgb),
        "runs.BMP": Specimen(bmp_runs(2, runs, colours), colours[runs[::-1]]),
        "interlaced.GIF": Specimen(encode(palette, "GIF", interlace=1), flat),
        "profile.PNG": Specimen(encode(rgb, "PNG", icc_profile=b"not a real profile"), rgb),
        "thumbnail.JPEG": Specimen(with_thumbnail(jpeg), rgb, tolerance=6),
        "trailer.JPEG": Specimen(jpeg + b"\xff\xda motion photograph" * 9, rgb, tolerance=6),
        "garbled-exif.JPEG": Specimen(
            encode(rgb, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0no directory"),
            rgb,
            tolerance=6,
        ),
        "broken-exif.JPEG": Specimen(
            encode(rgb, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\1"),
            rgb,
            tolerance=6,
        ),
    }
    for height, width in ((1, 1), (1, 36), (24, 1)):
        for kind in FORMATS:
            tiny = np.full((height, width, 3), 90, np.uint8)
            zoo[f"{height}x{width}.{kind}"] = Specimen(encode(tiny, kind), tiny, tolerance=2)
    zoo |= _inks(rgb)
    return zoo


def _inks(rgb: RGB) -> dict[str, Specimen]:
    black = np.tile(np.arange(36, dtype=np.uint8) * 5, (24, 1))
    inks = Image.fromarray(np.dstack([255 - rgb, black]), "CMYK")
    truth = np.rint(rgb * (255.0 - black[..., None]) / 255).astype(np.uint8)
    adobe = encode(inks, "JPEG", quality=95, subsampling=0)
    cmyk = functools.partial(Specimen, truth=truth, mode="CMYK", tolerance=6)
    ycbcr = encode(Image.fromarray(rgb).convert("YCbCr"), "TIFF")
    return {
        "cmyk.TIFF": cmyk(encode(inks, "TIFF"), tolerance=1),
        "cmyk-adobe.JPEG": cmyk(adobe),
        "cmyk-plain.JPEG": cmyk(without_segment(adobe, 0xEE)),
        "ycbcr-jpeg.TIFF": Specimen(
            encode(Image.fromarray(rgb).convert("YCbCr"), "TIFF", compression="jpeg", quality=95),
            rgb,
            tolerance=6,
        ),
        "ycbcr.TIFF": Specimen(ycbcr, rgb, mode="YCbCr", tolerance=3),
    }


def _deep() -> dict[str, Specimen]:
    """16-bit files, with every residue of a division by 257 and both ends."""
    deep = np.linspace(0, 65535, 24 * 36).astype(np.uint16).reshape(24, 36)
    deep[0, :4] = 128, 129, 65406, 65407
    shallow = np.rint(deep / 257).astype(np.uint8)
    colour = np.stack([deep, deep[::-1], deep.T.reshape(24, 36)], axis=-1)
    rows = [row.astype(">u2").tobytes() for row in colour]
    alpha = np.stack([deep, deep[::-1]], axis=-1)
    tag = functools.partial(tiff_tags, (24, 36), photometric=1, rows=24)
    flat = grey_to_rgb(shallow)
    key = png_chunk(b"tRNS", struct.pack(">H", deep[5, 5]))
    twelve = (deep >> 4).astype(np.uint16)
    packed = np.stack(
        [twelve[:, ::2] >> 4, (twelve[:, ::2] & 15) << 4 | twelve[:, 1::2] >> 8, twelve[:, 1::2]],
        axis=-1,
    ).astype(np.uint8)
    return {
        "grey16.PNG": Specimen(encode(deep, "PNG"), flat, mode="I;16"),
        "grey16.TIFF": Specimen(encode(deep, "TIFF"), flat, mode="I;16"),
        "grey16-big.TIFF": Specimen(
            tiff(tag(bits=(16,)), [deep.astype(">u2").tobytes()], endian=">"), flat, mode="I;16B"
        ),
        "grey16-deflate.TIFF": Specimen(
            tiff(tag(bits=(16,), compression=8), [zlib.compress(deep.tobytes())]), flat
        ),
        "grey16-negative.TIFF": Specimen(
            tiff({**tag(bits=(16,)), 262: ("H", [0])}, [deep.tobytes()]), 255 - flat
        ),
        "grey12.TIFF": Specimen(
            tiff(tag(bits=(12,)), [packed.tobytes()]),
            grey_to_rgb(np.rint(twelve / 4095 * 255)),
            mode="I;16",
        ),
        "integers.TIFF": Specimen(encode(deep.astype(np.int32), "TIFF"), flat, mode="I"),
        "grey16-key.PNG": Specimen(
            png((24, 36), 16, 0, [row.astype(">u2").tobytes() for row in deep], key),
            over_grey(flat, 255 * (deep != deep[5, 5])),
        ),
        "rgb16.PNG": Specimen(
            png((24, 36), 16, 2, rows), (colour >> 8).astype(np.uint8), mode="RGB"
        ),
        "rgb16-key.PNG": Specimen(
            png((24, 36), 16, 2, rows, png_chunk(b"tRNS", rows[3][12:18])),
            over_grey(colour >> 8, 255 * (colour >> 8 != colour[3, 2] >> 8).any(axis=-1)),
        ),
        "grey-alpha16.PNG": Specimen(
            png((24, 36), 16, 4, [row.astype(">u2").tobytes() for row in alpha]),
            over_grey(grey_to_rgb(deep >> 8), deep[::-1] >> 8),
        ),
        "rgb16.TIFF": Specimen(
            tiff(tiff_tags((24, 36), bits=(16, 16, 16), rows=24), [colour.astype("<u2").tobytes()]),
            (colour >> 8).astype(np.uint8),
        ),
    }


def _transparent() -> dict[str, Specimen]:
    rgb = scene()
    alpha = np.linspace(0, 255, rgb.shape[0] * rgb.shape[1]).astype(np.uint8).reshape(rgb.shape[:2])
    rgba = np.dstack([rgb, alpha])
    grey_alpha = np.dstack([rgb[..., 0], alpha])
    levels = np.arange(4, dtype=np.uint8)
    key = struct.pack
    indices = (np.arange(24 * 36) % 4).reshape(24, 36).astype(np.uint8)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    image = Image.fromarray(indices).convert("L")
    image.putpalette(colours.tobytes())
    one, some = np.array([255, 255, 0, 255]), np.array([255, 40, 0, 200])
    zoo = {
        f"alpha.{kind}": Specimen(
            encode(rgba, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})),
            over_grey(rgb, alpha),
            mode="RGBA",
            tolerance=1,
        )
        for kind in ("PNG", "TIFF", "WEBP")
    }
    zoo |= {
        f"grey-alpha.{kind}": Specimen(
            encode(grey_alpha, kind), over_grey(grey_to_rgb(rgb[..., 0]), alpha), tolerance=1
        )
        for kind in ("PNG", "TIFF")
    }
    zoo |= {
        "palette-alpha.TIFF": Specimen(
            encode(_palette_alpha(image, alpha), "TIFF"),
            over_grey(colours[indices], alpha),
            mode="PA",
            tolerance=1,
        ),
        "one-clear.PNG": Specimen(
            encode(image, "PNG", transparency=2), over_grey(colours[indices], one[indices])
        ),
        "some-clear.PNG": Specimen(
            encode(image, "PNG", transparency=bytes(some.tolist())),
            over_grey(colours[indices], some[indices]),
            tolerance=1,
        ),
        "one-clear.GIF": Specimen(
            encode(image, "GIF", transparency=2), over_grey(colours[indices], one[indices])
        ),
        "rgb-key.PNG": Specimen(
            encode(rgb, "PNG", transparency=tuple(rgb[9, 20].tolist())),
            over_grey(rgb, 255 * (rgb != rgb[9, 20]).any(axis=-1)),
        ),
        "bits-key.PNG": Specimen(
            png((1, 8), 1, 0, [b"\x55"], png_chunk(b"tRNS", key(">H", 1))),
            grey_to_rgb([[0, 128] * 4]),
        ),
        "grey2-key.PNG": Specimen(
            png((1, 4), 2, 0, [b"\x1b"], png_chunk(b"tRNS", key(">H", 2))),
            over_grey(grey_to_rgb([levels * 85]), [255 * (levels != 2)]),
        ),
        "grey4-key.PNG": Specimen(
            png((1, 4), 4, 0, [b"\x01\x23"], png_chunk(b"tRNS", key(">H", 3))),
            over_grey(grey_to_rgb([levels * 17]), [255 * (levels != 3)]),
        ),
        "grey8-key.PNG": Specimen(
            png((1, 4), 8, 0, [bytes(levels)], png_chunk(b"tRNS", key(">H", 1))),
            over_grey(grey_to_rgb([levels]), [255 * (levels != 1)]),
        ),
    }
    return zoo


def _palette_alpha(image: Image.Image, alpha: RGB) -> Image.Image:
    both = image.convert("PA")
    both.putalpha(Image.fromarray(alpha))
    return both


def _moving() -> dict[str, Specimen]:
    rgb = scene()
    frames = [Image.fromarray(rgb[::step, ::turn]) for step, turn in ((1, 1), (-1, 1), (1, -1))]
    rest = {"save_all": True, "append_images": frames[1:]}
    small = np.full((2, 3, 3), 128, np.uint8)
    small[1, 1:] = [[0, 255, 0], [0, 0, 255]]
    palette = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    control = struct.pack(">LLLLLHHBB", 0, 2, 1, 1, 1, 1, 10, 0, 0)
    patch = [
        png_chunk(b"acTL", struct.pack(">LL", 1, 0)),
        png_chunk(b"fcTL", control),
    ]
    part = bytearray(png((2, 3), 8, 2, [bytes([0, 255, 0, 0, 0, 255])], *patch))
    return {
        "moving.GIF": Specimen(encode(frames[0], "GIF", **rest), rgb, tolerance=8, frames=3),
        "moving.PNG": Specimen(encode(frames[0], "PNG", **rest), rgb, frames=3),
        "default-image.PNG": Specimen(
            encode(frames[0], "PNG", default_image=True, **rest), rgb, frames=3
        ),
        "moving.WEBP": Specimen(encode(frames[0], "WEBP", lossless=True, **rest), rgb, frames=3),
        "pages.TIFF": Specimen(encode(frames[0], "TIFF", **rest), rgb, frames=3),
        "pair.MPO": Specimen(
            encode(frames[0], "MPO", quality=95, subsampling=0, **rest), rgb, tolerance=6, frames=3
        ),
        "part.GIF": Specimen(gif((2, 3), (1, 1, 1, 2), [1, 2], palette), small),
        "part-clear.GIF": Specimen(
            gif((2, 3), (1, 1, 1, 2), [1, 3], palette, key=3),
            np.where(np.arange(3)[:, None] == 2, 128, small).astype(np.uint8),
        ),
        "part.PNG": Specimen(bytes(part), small),
    }


def _tiffs() -> dict[str, Specimen]:
    rgb = scene()
    tags = functools.partial(tiff_tags, (24, 36))
    packed = [zlib.compress(piece) for piece in strips(rgb)]
    tiled = np.zeros((32, 48, 3), np.uint8)
    tiled[:24, :36] = rgb
    tiles = [tiled[r : r + 16, c : c + 16].tobytes() for r in (0, 16) for c in (0, 16, 32)]
    tile_tags = {k: v for k, v in tags().items() if k != 278} | {
        322: ("L", [16]),
        323: ("L", [16]),
    }
    deflated = {**tile_tags, 259: ("H", [8])}
    lab = Image.fromarray(rgb).convert("LAB")
    return {
        "strips.TIFF": Specimen(tiff(tags(), strips(rgb)), rgb),
        "strips-big.TIFF": Specimen(tiff(tags(), strips(rgb), endian=">"), rgb),
        "planes.TIFF": Specimen(
            tiff(
                tags(extra={284: ("H", [2])}),
                [piece for band in range(3) for piece in strips(rgb[..., band])],
            ),
            rgb,
        ),
        "deflate.TIFF": Specimen(tiff(tags(compression=8), packed), rgb),
        "tiles.TIFF": Specimen(tiff(tile_tags, tiles, tiles=True), rgb),
        "deflate-tiles.TIFF": Specimen(
            tiff(deflated, [zlib.compress(tile) for tile in tiles], tiles=True), rgb
        ),
        "big.TIFF": Specimen(encode(rgb, "TIFF", big_tiff=True), rgb),
        "lzw.TIFF": Specimen(encode(rgb, "TIFF", compression="tiff_lzw"), rgb),
        "packbits.TIFF": Specimen(encode(rgb, "TIFF", compression="packbits"), rgb),
        "jpeg.TIFF": Specimen(
            encode(rgb, "TIFF", compression="jpeg", quality=95), rgb, tolerance=6
        ),
        "fax.TIFF": Specimen(
            encode(rgb[..., 0] > 100, "TIFF", compression="group4"),
            grey_to_rgb(255 * (rgb[..., 0] > 100)),
        ),
        "lab.TIFF": Specimen(encode(lab, "TIFF"), rgb, mode="LAB", tolerance=10),
    }


PNG_KINDS = {  # name: bit depth, colour type, bytes in a row of eight
    "bits": (1, 0, 1),
    "grey": (8, 0, 8),
    "grey16": (16, 0, 16),
    "rgb": (8, 2, 24),
    "rgb16": (16, 2, 48),
    "palette": (8, 3, 8),
    "grey-alpha": (8, 4, 16),
    "alpha": (8, 6, 32),
}


def _black_rows() -> dict[str, Specimen]:
    """PNGs whose last rows are zero, as Pillow leaves rows that never came."""
    grey = {"alpha": 128, "grey-alpha": 128, "palette": 7}
    zoo = {}
    for name, (depth, colour, length) in PNG_KINDS.items():
        rows = [b"\xff" * length] * 3 + [bytes(length)] * 2
        palette = [png_chunk(b"PLTE", b"\7" * 3 + b"\xff" * 765)] if colour == 3 else []
        truth = grey_to_rgb(np.repeat([255, grey.get(name, 0)], (3, 2))[:, None].repeat(8, axis=1))
        zoo[f"black-rows-{name}.PNG"] = Specimen(png((5, 8), depth, colour, rows, *palette), truth)
    return zoo
