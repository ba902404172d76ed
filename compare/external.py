"""Scores that others give: read from a file of theirs, and ours written for them.

CSV has one header line with a column ``score``, and ``path`` or ``sha256`` or both; JSON lines
have the same keys, and so the results of ``skindeep baseline scan`` and ``skindeep convnet score``
are such files, as JSON lines or as Parquet. Other columns and keys are nobody's business. A row
belongs to the picture whose path in the manifest it names, unless it gives another sha256 than that
picture has; else, to all pictures with its sha256. So a scan of any folder that holds the pictures
will do. An empty score or null, or a ``status`` other than ``ok``, is no answer.
"""

import csv
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np
import numpy.typing as npt

from compare.answers import Answers
from compare.scorers import expect_names
from images.durable import commit
from images.folders import printable
from images.formats import is_table, read_records
from images.labelled import MOST_CELLS, Item, LabelledSet, bare, escaped

Scores = npt.NDArray[np.float64]

MOST_BYTES = 20_000_000_000  # read as it comes: the detector's records of some 10 million pictures
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One row of a file of scores: the line that it begins in, whose it is, NaN for no answer."""

    line: int
    path: str | None
    sha256: str | None
    score: float


# ---- Reading


def external(
    name: str, file: Path, labelled: LabelledSet, also: Sequence[Item] = ()
) -> tuple[Scores, tuple[str, ...]]:
    """Join a file's scores to a labelled set.

    Parameters
    ----------
    name : str
        Of whoever gave them; as plain as a contestant's.
    file : Path
        CSV or JSON lines, told by its first character; see the top of this file.
    labelled : LabelledSet
    also : sequence of Item
        Of another set, whose pictures the file may hold too; a path that both have is the first's.

    Returns
    -------
    scores : ndarray (n + m,)
        In the order of the items, then of those in `also`; NaN for pictures without an answer.
    notes : tuple of str
        For people: how many pictures of the set have no answer, how many rows are of no picture.

    Raises
    ------
    ValueError
        If the file is not as described, too large, has a score that is no finite number, or two
        different ones for one picture: with the line.
    OSError
        If it cannot be read.
    """
    expect_names([name])
    items = (*labelled.items, *also)
    by_path: dict[str, int] = {}
    by_bytes = defaultdict[str, list[int]](list)
    for index, item in enumerate(items):
        by_path.setdefault(item.path, index)
        by_bytes[item.sha256].append(index)

    scores = np.full(len(items), np.nan)
    lines = dict[int, int]()
    unknown, stranger = 0, None
    for row in _rows(file):
        same = by_path.get(row.path or "")
        if same is not None and row.sha256 in (None, items[same].sha256):
            found = [same]
        else:
            found = by_bytes.get(row.sha256 or "", [])
        unknown += not found
        for index in found:
            before = lines.setdefault(index, row.line)
            if before == row.line:
                scores[index] = row.score
            elif not np.array_equal(scores[index], row.score, equal_nan=True):
                raise ValueError(
                    f"expected one score for {printable(items[index].path)}, got "
                    f"{_told(scores[index])} in line {before} and {_told(row.score)} in line "
                    f"{row.line} of {printable(str(file))}"
                )
        stranger = stranger or (None if found else row)
    if stranger and not lines:
        own = labelled.items[0]
        raise ValueError(
            f"expected rows of the set's pictures, such as path {printable(own.path)} or sha256 "
            f"{own.sha256[:12]}..., got none among {unknown}; the first is of "
            f"{printable((stranger.path or stranger.sha256 or 'nothing')[:80])}, in line "
            f"{stranger.line} of {printable(str(file))}"
        )
    return scores, tuple(_notes(name, scores[: len(labelled.items)], unknown))


def _notes(name: str, scores: Scores, unknown: int) -> Iterator[str]:
    if missing := int(np.isnan(scores).sum()):
        yield f"{name}: no answer for {missing} of {len(scores)} pictures"
    if unknown:
        yield f"{name}: {unknown} row{'s' * (unknown > 1)} of none of the pictures"


def _told(score: float) -> str:
    return "none" if math.isnan(score) else f"{score:g}"


def _rows(file: Path) -> Iterator[Row]:
    if not file.is_file():
        raise ValueError(f"expected a file of scores, got {file}, which is none")
    if (size := file.stat().st_size) > MOST_BYTES:
        raise ValueError(f"expected scores of at most {MOST_BYTES:,} bytes, got {size:,}")
    if is_table(file):
        for number, values in enumerate(read_records(file), 1):
            yield _record_row(values, number, file)
        return
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        first = text.read(1)
        text.seek(0)
        yield from (_json_rows if first == "{" else _csv_rows)(text, file)


def _csv_rows(text: TextIO, file: Path) -> Iterator[Row]:
    table = csv.reader(text, strict=True)
    line, left, names = 1, MOST_CELLS, list[str]()
    try:
        for cells in table:
            left -= max(1, len(cells))
            if left < 0:
                raise ValueError(f"expected at most {MOST_CELLS:,} cells, got more: {file}")
            if cells and not names:
                names = [bare(cell) for cell in cells]
                _expect_columns(names, file)
            elif cells:
                if len(cells) != len(names):
                    _refuse(f"{len(names)} cells", str(len(cells)), line, file)
                values = {name: bare(cell) for name, cell in zip(names, cells, strict=True)}
                yield _csv_row(values, line, file)
            line = table.line_num + 1
    except csv.Error as error:
        _refuse("CSV", str(error), line, file)
    if not names:
        _expect_columns([], file)


def _csv_row(values: Mapping[str, str], line: int, file: Path) -> Row:
    text = values["score"].strip()
    score = math.nan
    if text:
        score = float(text) if NUMBER.fullmatch(text) else math.inf
        if not math.isfinite(score):
            _refuse("a finite number as score", repr(text[:80]), line, file)
    if values.get("status", "ok") != "ok":
        score = math.nan
    return Row(line, values.get("path") or None, values.get("sha256", "").lower() or None, score)


def _json_rows(text: TextIO, file: Path) -> Iterator[Row]:
    for line, one in enumerate(text, 1):
        if not one.strip():
            continue
        try:
            values = json.loads(one)
        except (ValueError, RecursionError) as error:
            _refuse("JSON", str(error), line, file)
        if not isinstance(values, dict):
            _refuse("a JSON object", one.strip()[:80], line, file)
        yield _record_row(values, line, file)


def _record_row(values: Mapping[str, object], line: int, file: Path) -> Row:
    _expect_columns(list(values), file, f"line {line} of ")
    path, sha256 = (_text(values, key, line, file) for key in ("path", "sha256"))
    score = math.nan
    if values["score"] is not None:
        score = _json_number(values["score"])
        if not math.isfinite(score):
            _refuse("a finite number as score", repr(values["score"])[:80], line, file)
    if values.get("status", "ok") != "ok":
        score = math.nan
    return Row(line, path, sha256 and sha256.lower(), score)


def _json_number(value: object) -> float:
    """Return a number as float; infinity for whatever is none, or larger than a float can be."""
    if type(value) not in (int, float):
        return math.inf
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf


def _text(values: Mapping[str, object], key: str, line: int, file: Path) -> str | None:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        _refuse(f"text as {key}", repr(value)[:80], line, file)
    return value


def _expect_columns(names: list[str], file: Path, where: str = "") -> None:
    if "score" not in names or not {"path", "sha256"} & set(names) or len(set(names)) < len(names):
        got = printable(",".join(names)[:80]) or "none"
        raise ValueError(
            "expected a score, and a path or sha256, each once, as columns of a header or keys of "
            f"JSON lines, got {got} in {where}{printable(str(file))}"
        )


def _refuse(expected: str, got: str, line: int, file: Path) -> NoReturn:
    raise ValueError(
        f"expected {expected}, got {printable(got)}, in line {line} of {printable(str(file))}"
    )


# ---- Writing


def write_scores(path: Path, answers: Answers, others: Mapping[str, Scores] | None = None) -> None:
    """Write everyone's scores as CSV, whole or not at all, over a file that may be there.

    Columns ``path``, ``sha256``, ``label``, ``status``, and one for every scorer; a cell is empty
    where there is no answer. Text that a spreadsheet would run is escaped as in a manifest.

    Parameters
    ----------
    path : Path
    answers : Answers
    others : mapping of str to ndarray (n,), optional
        Scores by the names of those who were not asked by us.

    Raises
    ------
    ValueError
        If a name is odd or there twice.
    OSError
        If it cannot be written.
    """
    others = others or {}
    expect_names([*answers.scores, *others])
    scores = {**answers.scores, **others}
    header = ["path", "sha256", "label", "status", *scores]

    def rows() -> Iterator[list[str]]:
        yield [escaped(name) for name in header]
        for index, (item, status) in enumerate(zip(answers.items, answers.statuses, strict=True)):
            numbers = [float(some[index]) for some in scores.values()]
            cells = ["" if math.isnan(number) else repr(number) for number in numbers]
            yield [escaped(item.path), item.sha256, str(item.label), status, *cells]

    commit(path.parent, path, map(_line, rows()))


def _line(cells: Iterable[str]) -> bytes:
    with io.StringIO(newline="") as text:
        csv.writer(text).writerow(cells)
        return text.getvalue().encode("utf-8", "surrogateescape")
