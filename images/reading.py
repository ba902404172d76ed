"""Bytes to one upright RGB array, or a named refusal: the one decode path of the project.

JPEG (with MPO), PNG, GIF, BMP, WebP and TIFF are read, told by their first bytes alone; what
becomes of each kind of pixel is written down in `images.pixels`. A picture that is read is whole.
Anything else comes back as a `Reading` without an image, with a `Status` and one line that says
why; nothing is raised. Every user gets the same array, which is why JPEG's draft mode, a picture
already scaled to one user's taste, is never used.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from images.pixels import RGB, Refusal, Status, orientation, pixels

__all__ = ["LIMITS", "RGB", "Limits", "Reading", "Status", "decode", "read"]


@dataclass(frozen=True)
class Limits:
    """What a file may cost; both are checked before anything is decoded.

    Attributes
    ----------
    bytes : int
        The file's size, bytes (ours: a camera's largest JPEG, several times over).
    pixels : int
        Height times width of the first frame by its header, pixels (ours: all but the largest
        cameras stay below; decoding that many costs 0.7 GB, as a WebP 1.6 GB). No tile of a TIFF
        may be larger either. Pillow itself stops a WebP or TIFF at 178,956,970.
    """

    bytes: int = 100_000_000
    pixels: int = 100_000_000


LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Reading:
    """One file's picture, or why there is none: `image` is None exactly where `status` is not ok.

    Attributes
    ----------
    image : RGB or None
        (H, W, 3) uint8, sRGB, upright.
    status : Status
        What became of the file.
    detail : str
        One printable line for people: what was expected, what came; empty when ok.
    sha256 : str or None
        Of the file's bytes, hexadecimal. None where they could not be read, or exceed the limit:
        hashing a file of any length would be work of any length.
    format, mode : str or None
        As Pillow names them, of the file and of its pixels as stored.
    size : tuple of int or None
        (height, width) of the upright picture, in pixels; by its header where it is refused (a
        WebP's not yet turned).
    frames : int or None
        Frames, pages or pictures in the file, of which the first was read. None where there is no
        image, a later frame is broken, or a TIFF has more than 1,000 pages.
    icc : bool
        Whether the file carries a colour profile (ignored).
    """

    image: RGB | None
    status: Status
    detail: str = ""
    sha256: str | None = None
    format: str | None = None
    mode: str | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None
    icc: bool = False


def read(path: str | os.PathLike[str], limits: Limits = LIMITS) -> Reading:
    """Read the picture in a file, whatever its name says, following symbolic links.

    Never waits: a pipe, a socket, a device or a directory is ``unreadable``, and so are a missing
    file, one without permission and one whose length changes meanwhile.

    >>> read("no-such-file.jpg").detail
    'expected a file that can be opened, got: No such file or directory'
    """
    try:
        data = _file_bytes(path, limits)
    except Refusal as refusal:
        return Reading(None, refusal.status, refusal.detail)
    return decode(data, limits)


def decode(data: bytes, limits: Limits = LIMITS) -> Reading:
    """Read the picture in a file's bytes; no bytes at all are ``unreadable``.

    One decode runs at a time in a process, since silencing Pillow's warnings is process-wide:
    use processes, not threads, for speed.

    >>> reading = decode(b"BM" + bytes(12))
    >>> reading.status, reading.format, reading.image
    ('truncated', 'BMP', None)
    """
    if len(data) > limits.bytes:
        refusal = _too_many_bytes(len(data), limits)
        return Reading(None, refusal.status, refusal.detail)
    reading = Reading(None, "unreadable", sha256=hashlib.sha256(data).hexdigest())
    stream = _Stream(data)
    try:
        name = _format(data)
        reading = replace(reading, format=name)
        if name == "WEBP":  # Pillow allocates its canvas before it tells the size
            reading = replace(reading, size=_webp_size(data))
            _check_pixels(reading.size, limits)
        # The limits bound every picture before Pillow's warnings of bombs would.
        with _WARNINGS, warnings.catch_warnings(action="ignore"):
            picture = _FORMATS[name][1](stream)
            reading = replace(
                reading,
                format=picture.format,
                mode=picture.mode,
                size=_upright_size(picture),
                icc=bool(picture.info.get("icc_profile")),
            )
            _check_pixels(reading.size, limits)
            _check_pixels(_tile_size(picture), limits)
            image = pixels(picture, data, stream.tell())
            frames = _frames(picture)
        return replace(reading, image=image, status="ok", size=image.shape[:2], frames=frames)
    except Refusal as refusal:
        return replace(reading, status=refusal.status, detail=refusal.detail)
    except Exception as error:  # decoders raise whatever a hostile file makes them raise
        status = _status(error, stream, header_read=reading.mode is not None)
        early = f"{len(data)} bytes that end too early"
        got = early if status == "truncated" else _line(error)
        return replace(reading, status=status, detail=f"expected a whole {name}, got: {got}")


def _status(error: Exception, stream: _Stream, header_read: bool) -> Status:
    if isinstance(error, Image.DecompressionBombError):
        return "too_large"
    if re.search("truncated|not enough image data", str(error), re.IGNORECASE):
        return "truncated"
    # A header is read to the byte, the data behind it in blocks that overshoot every end.
    return "truncated" if stream.short and not header_read else "unreadable"


class _Stream(io.BytesIO):
    """A file's bytes, and whether somebody asked for more of them than there are."""

    short = False

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self.short |= size is not None and len(block) < size
        return block


_WARNINGS = threading.Lock()

_FORMATS: dict[str, tuple[re.Pattern[bytes], Callable[[_Stream], ImageFile]]] = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), jpeg_factory),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile),
    "GIF": (re.compile(rb"GIF8[79]a"), GifImageFile),
    "BMP": (re.compile(rb"BM"), BmpImageFile),
    "WEBP": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WebPImageFile),
    "TIFF": (re.compile(rb"II[*+]\0|MM\0[*+]"), TiffImageFile),
}

# From a path to bytes


def _file_bytes(path: str | os.PathLike[str], limits: Limits) -> bytes:
    try:
        # Without O_NONBLOCK, opening a named pipe waits for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        detail = f"expected a file that can be opened, got: {_line(error)}"
        raise Refusal("unreadable", detail) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("unreadable", "expected a regular file, got a directory, pipe or device")
        if status.st_size > limits.bytes:
            raise _too_many_bytes(status.st_size, limits)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(status.st_size + 1)
    except (OSError, MemoryError) as error:
        detail = f"expected a file that can be read, got: {_line(error)}"
        raise Refusal("unreadable", detail) from error
    finally:
        os.close(descriptor)
    if len(data) != status.st_size:
        detail = f"expected {status.st_size} bytes, got a file that changes while it is read"
        raise Refusal("unreadable", detail)
    return data


def _too_many_bytes(count: int, limits: Limits) -> Refusal:
    return Refusal("too_large", f"expected at most {limits.bytes} bytes, got {count}")


def _line(error: Exception) -> str:
    cause = error.__cause__ or error
    text = getattr(cause, "strerror", None) or str(cause)
    if not text or isinstance(cause, LookupError):  # a bare key or index says nothing by itself
        text = f"{type(cause).__name__} {text}".strip()
    return "".join(c if c.isprintable() else " " for c in text)[:200]


# What the first bytes and the header say


def _format(data: bytes) -> str:
    if not data:
        raise Refusal("unreadable", "expected a picture, got an empty file")
    for name, (signature, _) in _FORMATS.items():
        if signature.match(data):
            return name
    detail = f"expected JPEG, PNG, GIF, BMP, WebP or TIFF, got bytes that begin with {data[:8]!r}"
    raise Refusal("unsupported", detail)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Height and width of the canvas, by the container's header."""

    def number(start: int, stop: int) -> int:
        return int.from_bytes(data[start:stop], "little")

    length = 8 + number(4, 8)
    if len(data) < max(30, length):
        raise Refusal("truncated", f"expected {length} bytes of WEBP, got {len(data)}")
    if data[12:16] == b"VP8X":
        return 1 + number(27, 30), 1 + number(24, 27)
    if data[12:16] == b"VP8L":
        return 1 + (number(21, 25) >> 14 & 0x3FFF), 1 + (number(21, 25) & 0x3FFF)
    return number(28, 30) & 0x3FFF, number(26, 28) & 0x3FFF


def _upright_size(picture: ImageFile) -> tuple[int, int]:
    width, height = picture.size
    return (width, height) if orientation(picture) >= 5 else (height, width)


def _check_pixels(size: tuple[int, int] | None, limits: Limits) -> None:
    height, width = size or (0, 0)
    if height * width > limits.pixels:
        detail = f"expected at most {limits.pixels} pixels, got {height} rows of {width}"
        raise Refusal("too_large", detail)


def _tile_size(picture: ImageFile) -> tuple[int, int]:
    """(height, width) of a TIFF's tiles: libtiff allocates one whole, however small the picture."""
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    return tags.get(323, 0), tags.get(322, 0)


def _frames(picture: ImageFile) -> int | None:
    try:
        if not isinstance(picture, TiffImageFile):
            return int(getattr(picture, "n_frames", 1))
        for page in range(1, _PAGES + 1):  # one by one: a hostile chain of pages is endless
            try:
                picture.seek(page)
            except EOFError:
                return page
    except Exception:  # the first frame, which is the one that was asked for, is sound
        return None
    return None


_PAGES = 1000
