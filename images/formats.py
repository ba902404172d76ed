"""Results as files: JSON lines, or a Parquet table if their name ends so; the same records.

In a table, keys that a job declares are columns of their types; everything else is JSON text. A
path that is no UTF-8 is in a column of text with its bytes escaped, and whole in ``path_bytes``,
which is null for all others. Tables are the extra ``skindeep[parquet]``.
"""

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from images.durable import json_line
from images.jobs import Column, Record

ROWS = 10_000  # of a row group: so many records are in memory at a time
BYTES = "path_bytes"
JSON = {b"skindeep": b"json"}  # what a column of JSON text says of itself


def is_table(path: Path) -> bool:
    """Tell whether results of this name are a table; `ValueError` if none can be had."""
    if path.suffix.lower() != ".parquet":
        return False
    if find_spec("pyarrow") is None:
        raise ValueError(
            f"expected the extra for tables to be installed, for {path.name}: "
            "pip install 'skindeep[parquet]'"
        )
    return True


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of results in either form, in their order.

    Raises
    ------
    ValueError
        If the file is not what its name says.
    OSError
        If it cannot be read.
    """
    if is_table(path):
        yield from _rows(path)
    else:
        with path.open("rb") as lines:
            yield from map(json.loads, lines)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as file, parquet.ParquetFile(file) as table:
            nested = {
                f.name for f in table.schema_arrow if (f.metadata or {}).items() >= JSON.items()
            }
            for batch in table.iter_batches(ROWS):
                for row in batch.to_pylist():
                    whole = row.pop(BYTES, None)
                    if whole is not None:
                        row["path"] = os.fsdecode(whole)
                    yield {
                        key: json.loads(value) if key in nested and value is not None else value
                        for key, value in row.items()
                    }
    except pyarrow.ArrowException as error:
        raise ValueError(f"expected a Parquet table, got {path}: {error}") from error


def table_bytes(
    lines: Iterable[bytes], keys: Iterable[str], columns: Mapping[str, Column]
) -> Iterator[bytes]:
    """Yield a Parquet table's bytes, a row group at a time.

    Parameters
    ----------
    lines : iterable of bytes
        Records as JSON.
    keys : iterable of str
        All that records hold, ``path`` among them.
    columns : mapping of str to type
        Of those that are not to be JSON text.

    Raises
    ------
    ValueError
        If a record has another key.
    """
    import pyarrow
    from pyarrow import parquet

    types = {
        str: pyarrow.string(),
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        list[int]: pyarrow.list_(pyarrow.int64()),
    }
    columns = {"path": str, "status": str, "decision": bool} | dict(columns)
    keys = tuple(keys)
    fields = [
        pyarrow.field(key, types[columns[key]])
        if key in columns
        else pyarrow.field(key, pyarrow.string(), metadata=JSON)
        for key in keys
    ]
    schema = pyarrow.schema([*fields, pyarrow.field(BYTES, pyarrow.binary())])
    records = (_row(json.loads(line), keys, columns) for line in lines)
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        while some := list(islice(records, ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
            yield sink.taken()
    yield sink.taken()


def _row(record: Record, keys: tuple[str, ...], columns: Mapping[str, Column]) -> Record:
    if unknown := record.keys() - set(keys):
        raise ValueError(f"expected records of {', '.join(keys)}, got {', '.join(sorted(unknown))}")
    row = {
        key: value if key in columns or value is None else json_line(value).decode().rstrip()
        for key, value in record.items()
    }
    path = str(record["path"])
    if not _is_utf8(path):
        row |= {"path": path.encode(errors="backslashreplace").decode(), BYTES: os.fsencode(path)}
    for key, value in row.items():  # other text, such as an overlay's name, may quote a path
        if isinstance(value, str) and not _is_utf8(value):
            row[key] = value.encode(errors="backslashreplace").decode()
    return row


def _is_utf8(text: str) -> bool:
    return text.encode(errors="replace") == text.encode(errors="surrogatepass")


class _Sink(io.RawIOBase):
    """A file that hands on what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
