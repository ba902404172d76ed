import os
import socket
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from writers import encode, exif, strips, tiff, tiff_tags, with_last_chunk

from images.reading import Limits, Reading, Status, _line, decode, read

STATUSES = {"ok", "unreadable", "truncated", "too_large", "unsupported"}


def distance(image, truth):
    return np.abs(image.astype(int) - truth).max()


def check_contract(reading: Reading) -> None:
    """What holds for every reading, of whatever bytes."""
    assert reading.status in STATUSES
    assert (reading.image is None) == (reading.status != "ok")
    assert (reading.detail == "") == (reading.status == "ok")
    assert reading.detail.isprintable()
    assert len(reading.detail) < 300
    if reading.image is not None:
        assert reading.image.dtype == np.uint8
        assert reading.image.flags.c_contiguous
        assert reading.image.shape == (*reading.size, 3)


def test_the_statuses_are_those_of_reading_and_of_its_workers():
    assert set(get_args(Status)) == STATUSES | {"timeout", "crashed"}


# Whole pictures


@pytest.mark.parametrize("name", zoo.pictures())
def test_a_whole_picture_becomes_its_true_array(name):
    specimen = zoo.pictures()[name]
    reading = decode(specimen.data)
    check_contract(reading)
    assert (reading.status, reading.detail) == ("ok", "")
    assert reading.image.shape == specimen.truth.shape
    assert distance(reading.image, specimen.truth) <= specimen.tolerance
    assert reading.frames == specimen.frames
    assert reading.format == name.rpartition(".")[2]
    assert reading.sha256 == sha256(specimen.data).hexdigest()
    assert specimen.mode in (None, reading.mode)


def turned(stored, orientation):
    """How EXIF's table says that stored rows and columns stand upright."""
    return {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }.get(orientation, stored)


WITH_EXIF = {
    "JPEG": lambda o: encode(zoo.scene(), "JPEG", exif=exif(o)),
    "MPO": lambda o: encode(
        zoo.image(), "MPO", exif=exif(o), save_all=True, append_images=[zoo.image()]
    ),
    "PNG": lambda o: encode(zoo.scene(), "PNG", exif=exif(o)),
    "PNG, behind the data": lambda o: with_last_chunk(
        encode(zoo.scene(), "PNG"), b"eXIf", exif(o)[6:]
    ),
    "PNG, grey of 16 bits": lambda o: encode(
        zoo.scene()[..., 0].astype(np.uint16) * 257, "PNG", exif=exif(o)
    ),
    "WEBP": lambda o: encode(zoo.scene(), "WEBP", exif=exif(o)),
    "TIFF": lambda o: encode(zoo.scene(), "TIFF", exif=exif(o)),
    "TIFF, deflated": lambda o: tiff(
        tiff_tags((24, 36), compression=8, extra={274: ("H", [o])}),
        [zlib.compress(strip) for strip in strips(zoo.scene())],
    ),
}


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", WITH_EXIF)
def test_every_orientation_stands_upright(kind, orientation):
    stored = decode(WITH_EXIF[kind](1)).image
    reading = decode(WITH_EXIF[kind](orientation))
    assert np.array_equal(reading.image, turned(stored, orientation))


def test_a_refused_picture_has_the_size_that_it_would_have_upright():
    data = [specimen.data for specimen in zoo.pictures().values()]
    data += [WITH_EXIF[kind](6) for kind in ("JPEG", "PNG", "TIFF", "TIFF, deflated")]
    for file in data:
        refused = decode(file, Limits(pixels=0))
        assert refused.status == "too_large"
        assert refused.size == decode(file).size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_colour_profile_is_noted_and_ignored(kind):
    with_profile = decode(encode(zoo.scene(), kind, icc_profile=b"no profile at all"))
    without = decode(encode(zoo.scene(), kind))
    assert (with_profile.icc, without.icc) == (True, False)
    assert np.array_equal(with_profile.image, without.image)


def test_a_broken_later_frame_does_not_take_the_first():
    for name in ("moving.GIF", "pages.TIFF"):
        specimen = zoo.pictures()[name]
        lengths = range(len(specimen.data) // 2, len(specimen.data), 9)
        readings = [decode(specimen.data[:length]) for length in lengths]
        assert None in {reading.frames for reading in readings}
        for reading in readings:
            assert distance(reading.image, specimen.truth) <= specimen.tolerance


def test_a_chain_of_pages_without_end_is_not_counted():
    page = zoo.pictures()["strips.TIFF"].data
    pages = encode(zoo.image(1, 1), "TIFF", save_all=True, append_images=[zoo.image(1, 1)] * 1000)
    assert decode(page).frames == 1
    assert decode(pages).frames is None


# Refusals


@pytest.mark.parametrize("name", zoo.refusals())
def test_what_is_no_whole_picture_is_refused_by_name(name):
    specimen = zoo.refusals()[name]
    reading = decode(specimen.data)
    check_contract(reading)
    assert reading.status == specimen.status
    assert reading.sha256 == sha256(specimen.data).hexdigest()
    assert reading.detail.startswith("expected ")


def test_a_refusal_says_why_in_words_and_on_one_line():
    details = {name: decode(specimen.data).detail for name, specimen in zoo.refusals().items()}
    assert details["no-data.PNG"].endswith("cannot load this image")
    assert details["unknown-compression.TIFF"].endswith("KeyError 999")
    assert _line(ValueError("two\nlines, \x1b[31mred")) == "two lines,  [31mred"
    assert _line(MemoryError()) == "MemoryError"


def cuts(data):
    return sorted(
        {len(data) * tenth // 10 for tenth in range(10)} | {len(data) - n for n in (1, 2)}
    )


@pytest.mark.parametrize("name", zoo.pictures())
def test_a_cut_file_is_refused_unless_every_pixel_is_there(name):
    data = zoo.pictures()[name].data
    whole = decode(data).image
    for length in cuts(data):
        reading = decode(data[:length])
        check_contract(reading)
        assert reading.image is None or np.array_equal(reading.image, whole), length


@pytest.mark.parametrize("kind", zoo.FORMATS)
def test_a_cut_file_is_called_truncated(kind):
    data = zoo.pictures()[f"rgb.{kind}" if kind != "GIF" else "palette.GIF"].data
    lengths = [len(data) * tenth // 10 for tenth in range(1, 9)]
    assert {decode(data[:length]).status for length in lengths} == {"truncated"}


def test_the_limit_of_pixels_is_the_last_number_allowed():
    data = zoo.pictures()["rgb.PNG"].data
    height, width, _ = zoo.scene().shape
    assert decode(data, Limits(pixels=height * width)).status == "ok"
    assert decode(data, Limits(pixels=height * width - 1)).status == "too_large"


def test_the_limit_of_bytes_is_the_last_number_allowed(tmp_path):
    data = zoo.pictures()["rgb.PNG"].data
    path = tmp_path / "picture"
    path.write_bytes(data)
    for reading in (decode(data, Limits(bytes=len(data))), read(path, Limits(bytes=len(data)))):
        assert reading.status == "ok"
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert read(tmp_path / "sparse").status == "too_large"
    for limits in (Limits(bytes=len(data) - 1), Limits(bytes=0)):
        for reading in (decode(data, limits), read(path, limits)):
            check_contract(reading)
            assert (reading.status, reading.sha256) == ("too_large", None)


def run(code: str) -> str:
    """The standard output of a fresh Python that may not take longer than half a minute."""
    here = Path(__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads the address space's size from /proc")
def test_bombs_are_refused_from_their_headers_without_allocating():
    code = """
import resource, pathlib, zoo
from images.reading import decode
decode(zoo.pictures()["rgb.TIFF"].data), decode(zoo.pictures()["rgb.WEBP"].data)
bombs = zoo.bombs()
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 50_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for name, bomb in bombs.items():
    print(name, decode(bomb.data).status)
"""
    printed = dict(line.split() for line in run(code).splitlines())
    assert printed == dict.fromkeys(zoo.bombs(), "too_large")


@pytest.mark.parametrize("name", zoo.bombs())
def test_a_bomb_is_too_large(name):
    reading = decode(zoo.bombs()[name].data)
    check_contract(reading)
    assert reading.status == "too_large"


# Files


def test_a_folder_of_the_worst_company_reads_as_it_should(tmp_path):
    expected = zoo.fill(tmp_path)
    pipe = os.open(tmp_path / "pipe.jpg", os.O_RDWR)  # a reader that waits hangs elsewhere, below
    try:
        assert {path: read(path).status for path in tmp_path.iterdir()} == expected
    finally:
        os.close(pipe)


def test_the_name_is_not_asked(tmp_path):
    data = zoo.pictures()["rgb.JPEG"].data
    for name in ("picture.png", "picture", "picture.eps", "picture.txt"):
        (tmp_path / name).write_bytes(data)
        reading = read(tmp_path / name)
        assert (reading.status, reading.format) == ("ok", "JPEG")


def test_nothing_waits_for_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code = f"""
from images.reading import read
for path in ({str(tmp_path / "pipe")!r}, "/dev/zero", "/dev/tty", {str(tmp_path)!r}):
    print(read(path).status)
"""
    assert run(code).split() == ["unreadable"] * 4


def test_what_cannot_be_opened_is_unreadable_and_says_why(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        readings = {
            "No such file": read(tmp_path / "missing"),
            "Not a directory": read(Path(__file__) / "below"),
            "Too many levels": read(tmp_path / "loop"),
            "No such device": read(tmp_path / "socket"),
            "null": read("nul\0byte"),
            "File name too long": read("x" * 5000),
            "a directory": read(tmp_path),
        }
    for words, reading in readings.items():
        check_contract(reading)
        assert reading.status == "unreadable"
        assert words in reading.detail
        assert reading.sha256 is None


def test_a_file_without_permission_is_unreadable(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(zoo.pictures()["rgb.PNG"].data)
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        reading = read(path)
    finally:
        if root:
            os.seteuid(0)
    assert reading.status == "unreadable"
    assert "Permission denied" in reading.detail


def test_a_file_that_is_not_as_long_as_it_says_is_unreadable():
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("needs a file that grows while it is read")
    reading = read(path)
    assert reading.status == "unreadable"
    assert "changes" in reading.detail


# Any bytes at all

SEEDS = [
    s.data for s in (*zoo.pictures().values(), *zoo.refusals().values(), *zoo.bombs().values())
]


@st.composite
def mutants(draw):
    """A file of the zoo after a few flips, cuts and insertions, or with another one's head."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "delete", "insert", "head"])):
            case "flip" if place < len(data):
                data[place] ^= draw(st.integers(1, 255))
            case "delete":
                del data[place : place + draw(st.integers(1, 64))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=16))
            case "head":
                data[:place] = draw(st.sampled_from(SEEDS))[:place]
    return bytes(data)


@settings(max_examples=4000, deadline=None)
@given(mutants())
def test_no_bytes_whatever_do_more_than_be_refused(data):
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        reading = decode(data, Limits(pixels=1_000_000))
    check_contract(reading)
    assert leaked == []


def test_threads_get_the_same_pictures_and_leave_the_warnings_as_they_were():
    names = ["broken-exif.JPEG", "moving.GIF", "grey16.PNG", "deflate.TIFF"] * 50
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda name: decode(zoo.pictures()[name].data), names))
    assert warnings.filters == filters
    for name, reading in zip(names, readings, strict=True):
        assert distance(reading.image, zoo.pictures()[name].truth) <= zoo.pictures()[name].tolerance
