"""Pictures in tar archives, as WebDataset keeps them: read where they lie, never unpacked.

An *entry* is what one record is of: a file, by its path, or a `Member` of an archive. A member is
called ``TAR!/NAME``. Archives are hostile like any file: a name that points outside, a link or a
device is an entry that is refused, and so is the rest of an archive behind damage.
"""

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeAlias

from images.reading import LIMITS, Reading, decode

LONGEST_HEADER = 1_000_000


@dataclass(frozen=True)
class Member:
    """One member of a tar archive.

    Attributes
    ----------
    tar : str
        The archive's path, relative to the source's folder.
    name : str
        As the archive has it; empty where the entry stands for the rest of a damaged archive.
    offset, size : int
        Where its bytes lie in the archive, and how many there are.
    refusal : str
        Why it will not be read; empty if it will.
    """

    tar: str
    name: str
    offset: int = 0
    size: int = 0
    refusal: str = ""

    @property
    def path(self) -> str:
        """What records call it."""
        return f"{self.tar}!/{self.name}"


Entry: TypeAlias = str | Member


def path_of(entry: Entry) -> str:
    """Return what an entry is called in its record."""
    return entry if isinstance(entry, str) else entry.path


def to_json(entry: Entry) -> object:
    """Return an entry as JSON can hold it."""
    return entry if isinstance(entry, str) else astuple(entry)


def from_json(value: str | list[object]) -> Entry:
    """Return the entry that was written so."""
    return value if isinstance(value, str) else Member(*value)  # type: ignore[arg-type]


# ---- Finding


def members(folder: Path, tar: str) -> Iterator[Member]:
    """Yield an archive's members in their order, directories left out, two of one name both.

    Only headers are read. What is no uncompressed tar, or not to its end, gives an entry without
    a name that says so, in place of what could not be found.

    Raises
    ------
    OSError
        If the archive cannot be opened.
    """
    with (folder / tar).open("rb", buffering=0) as raw, _Headers(raw) as file:
        end = 0
        try:
            with tarfile.TarFile(fileobj=file) as archive:
                while found := archive.next():
                    archive.members = []  # type: ignore[attr-defined]  # else all stay in memory
                    if archive.offset <= end:
                        raise tarfile.ReadError("a member that ends before it begins")
                    end = archive.offset
                    if not found.isdir():
                        name = found.name
                        yield Member(tar, name, found.offset_data, found.size, _refusal(found))
                end = archive.offset
            file.seek(end)
            if any(file.read(tarfile.BLOCKSIZE)):  # tarfile takes any damage for the end
                raise tarfile.ReadError("a damaged header")
        except Exception as error:  # tarfile raises whatever a hostile header makes it raise
            got = f"{type(error).__name__} {error}"
            yield Member(tar, "", refusal=f"expected headers of a tar to its end, got: {got}")


class _Headers(io.BufferedReader):
    """An archive that gives no header away that would fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _refusal(found: tarfile.TarInfo) -> str:
    if not found.isreg() or found.issparse():
        return "expected a regular file, got another kind of member"
    if found.name.startswith("/") or ".." in found.name.split("/"):
        return "expected a name inside the archive, got one that leads out"
    return ""


# ---- Reading


def read_member(folder: Path, member: Member) -> Reading:
    """Read the picture in a member; all that can be wrong with it is in the answer.

    Raises
    ------
    OSError
        If the archive itself has gone.
    """
    if member.refusal:
        damaged = not member.name
        return Reading(None, "unreadable" if damaged else "unsupported", member.refusal)
    if member.size > LIMITS.bytes:
        detail = f"expected at most {LIMITS.bytes} bytes, got {member.size}"
        return Reading(None, "too_large", detail)
    descriptor = os.open(folder / member.tar, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Reading(None, "unreadable", "expected an archive, got another kind of file")
        try:
            data = os.pread(descriptor, member.size, member.offset)
        except OSError as error:
            return Reading(None, "unreadable", f"expected bytes of the archive, got: {error}")
    finally:
        os.close(descriptor)
    if len(data) < member.size:
        detail = f"expected {member.size} bytes in the archive, got {len(data)}"
        return Reading(None, "truncated", detail)
    return decode(data)
