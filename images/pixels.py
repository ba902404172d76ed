"""What becomes of a picture that Pillow has opened: the conversion table, and nothing by halves.

==================  ===============================================================================
grey, 1-bit         repeated in all three channels
palette             expanded
16-bit grey         divided by 257 and rounded; 12-bit TIFF likewise by its own white; a TIFF whose
                    white is zero is turned round; 32-bit and signed integers (mode I) count as
                    16-bit, and are unsupported where a value lies outside 0 to 65535
16-bit colour       the high byte of each sample, as Pillow reads it; grey with alpha likewise
floating point      unsupported: nothing in the file says which value is white
CMYK                by Pillow, without profiles; a JPEG's as Adobe writes it, inverted
YCbCr, LAB          by Pillow; LAB through LittleCMS to sRGB; a TIFF's YCbCr compressed otherwise
                    than by today's JPEG is unsupported, since its decoder hides errors
transparency        composited over mid grey, (128, 128, 128): alpha, transparent palette entries,
                    and a PNG's transparent colour (in 16-bit colour, every colour that shares its
                    high bytes)
several frames      the first; what it leaves uncovered of the canvas is transparent; of a TIFF the
                    first page, of an MPO the first picture
EXIF orientation    1 to 8 applied in every format; an EXIF block that does not parse turns
                    nothing; XMP and text chunks are not asked (of a TIFF, Pillow also asks XMP)
colour profile      ignored
anything else       unsupported
==================  ===============================================================================

Two things cannot be told from here. Samples that were altered or lost inside a file (a bit flipped
in a JPEG's scan, zeros over the end of a BMP, an end marker put behind half a JPEG) decode to other
pixels without complaint. And libtiff writes its own line about a damaged TIFF to standard error.
"""

from __future__ import annotations

import io
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

RGB: TypeAlias = npt.NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, sRGB, upright, C-contiguous."""

Status: TypeAlias = Literal[
    "ok", "unreadable", "truncated", "too_large", "unsupported", "timeout", "crashed"
]
"""What became of a file.

- ``ok``: the picture was read whole.
- ``unsupported``: none of the six formats, or samples that the conversion table has no rule for.
- ``too_large``: more bytes or pixels than the limits allow.
- ``truncated``: the bytes end before the picture does.
- ``unreadable``: any other failure: no such file, no permission, no regular file, no bytes, damage.
- ``timeout``, ``crashed``: set by whoever runs the reading in a worker, never by the reading.
"""


class Refusal(Exception):
    """Why there will be no picture, in one line for people."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def pixels(picture: ImageFile, data: bytes, position: int) -> RGB:
    """Decode the first frame of an opened picture, whole and upright.

    Parameters
    ----------
    picture : ImageFile
        One of the six formats, its header read and nothing more.
    data : bytes
        The whole file.
    position : int
        Where the header ended, in bytes.

    Raises
    ------
    Refusal
        Where Pillow would decode a part of the picture, or to a wrong scale, and call it good.
    Exception
        Whatever a decoder makes of a damaged file.
    """
    if picture.mode not in _MODES:
        raise Refusal("unsupported", f"expected 8 or 16 bits a sample, got mode {picture.mode}")
    if isinstance(picture, TiffImageFile):
        _check_tiff(picture, len(data))
    # A download padded with zeros has no end marker. A thumbnail's lies in the header; the search
    # begins at the end of the file, where the picture's belongs.
    if picture.format == "JPEG" and data.rfind(b"\xff\xd9", position) < 0:
        raise Refusal("truncated", f"expected an end marker, got none in {len(data)} bytes")
    flat = _flat(picture, data)
    turn = _TURNS.get(orientation(picture))
    return _array(flat if turn is None else flat.transpose(turn))


def orientation(picture: ImageFile) -> int:
    """Return the EXIF orientation, 1 to 8; always 1 for a TIFF, which Pillow turns as it loads."""
    exif = Image.Exif()
    try:
        exif.load(picture.info.get("exif", b""))
        value = exif.get(ExifTags.Base.Orientation)
        return value if value in _TURNS else 1
    except Exception:  # the picture is sound, and its stored rows are the best guess there is
        return 1


_MODES_16 = {"I;16", "I;16B", "I"}
_MODES = _MODES_16 | {"1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "LA", "PA", "RGBA"}

_GREY = (128, 128, 128)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284
_STRIPS = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles

_BAND = 64


def _flat(picture: ImageFile, data: bytes) -> Image.Image:
    """Compose the first frame as mode RGB, not yet turned, over grey where one sees through it."""
    whole = (0, 0, *picture.size)
    box = whole
    if picture.tile and isinstance(picture, PngImageFile | GifImageFile):
        tile = picture.tile[0]  # load() forgets it
        box = tile.extents or whole
        if "transparency" in picture.info:
            picture.info["transparency"] = _eight_bit_key(picture.info["transparency"], tile.args)
    picture.load()
    if isinstance(picture, PngImageFile):
        _check_png(picture, box, data)
    image = _eight_bit_grey(picture) if picture.mode in _MODES_16 else picture
    if box == whole and not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA").crop(box)
    flat = Image.new("RGB", picture.size, _GREY)
    flat.paste(image, box, image)
    return flat


def _eight_bit_key(key: object, raw: object) -> object:
    """Bring a PNG's transparent colour to 8 bits, as Pillow brings the pixels but not the key."""
    if isinstance(key, tuple) and raw == "RGB;16B":
        return tuple(sample >> 8 for sample in key)
    if isinstance(key, int) and raw == "L;2":
        return (key & 3) * 85
    if isinstance(key, int) and raw == "L;4":
        return (key & 15) * 17
    return key


def _eight_bit_grey(picture: ImageFile) -> Image.Image:
    """Scale 16-bit grey to mode L, or LA where a PNG names one of its greys transparent."""
    values = np.asarray(picture)
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    white = 4095 if tags.get(_BITS) == (12,) else 65535
    low, high = values.min(), values.max()
    if low < 0 or high > white:
        raise Refusal("unsupported", f"expected greys of 0 to {white}, got {low} to {high}")
    scale = ((np.arange(white + 1) * 255 + white // 2) // white).astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero: Pillow turns 8-bit greys round, not these
        scale = scale[::-1]
    grey = Image.fromarray(scale[values])
    if "transparency" not in picture.info:
        return grey
    opaque = np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(opaque)))


def _array(image: Image.Image) -> RGB:
    """Copy a mode RGB image into an array, by bands of rows: three times faster than at once."""
    array = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, _BAND):
        bottom = min(top + _BAND, image.height)
        array[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return array


def _check_png(picture: PngImageFile, box: tuple[int, int, int, int], data: bytes) -> None:
    """Refuse a PNG whose stream ends before its rows do: Pillow leaves those at zero.

    Where the last row is zero, or rows come interlaced, a second decode over another ground tells.
    """
    interlace = picture.info.get("interlace", 0)
    if not isinstance(interlace, int):
        raise Refusal("unreadable", "expected image data, got a text chunk that unsettles Pillow")
    left, _, right, bottom = box
    if not interlace and np.asarray(picture.crop((left, bottom - 1, right, bottom))).any():
        return
    again = PngImageFile(io.BytesIO(data))
    again.im = Image.new(again.mode, again.size, 1).im
    again.load()
    if not np.array_equal(np.asarray(again.crop(box)), np.asarray(picture.crop(box))):
        raise Refusal("truncated", "expected all rows of a PNG, got data for some of them")


def _check_tiff(picture: TiffImageFile, length: int) -> None:
    tags = picture.tag_v2
    compression = picture.info["compression"]
    planar = tags.get(_PLANAR, 1) == 2
    if compression == "raw":
        # Pillow leaves black what no strip covers.
        boxes = [tile.extents or (0, 0, 0, 0) for tile in picture.tile]
        covered = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
        wanted = picture.width * picture.height * (len(picture.getbands()) if planar else 1)
        if covered < wanted:
            raise Refusal("unreadable", f"expected strips of {wanted} pixels, got {covered}")
        return
    for offsets, counts in _STRIPS:
        for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False):
            if (end := offset + count) > length:
                raise Refusal("truncated", f"expected strips up to byte {end}, got {length} bytes")
    # libtiff reads these by another way, which leaves out what it cannot decode and says nothing.
    ycbcr = tags.get(_PHOTOMETRIC) == 6 or compression == "tiff_jpeg"
    if ycbcr and (compression != "jpeg" or planar):
        raise Refusal("unsupported", f"expected RGB, got YCbCr compressed by {compression}")
    if picture.mode == "I" and tags.prefix == b"MM":  # Pillow would swap their bytes
        raise Refusal("unsupported", "expected 16-bit grey, got compressed big-endian integers")
