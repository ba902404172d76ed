"""What a scan may be given, and that nothing of it is lost: lists, manifests, archives, parts."""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from driver import start
from hashing import job, paths, records
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from writers import noise_png

from images.durable import json_line
from images.formats import read_records, table_bytes
from images.jobs import Job
from images.scans import entries_of
from images.shards import How, run
from images.sources import Source, braced, source
from images.tars import from_json, members, path_of, read_member, to_json


def tar(path: Path, named: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in named:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def names_of(found: Source) -> list[str]:
    return [path_of(entry) for entry in found.entries() or ()]


# ---- Lists and manifests


def test_a_list_is_a_path_a_line_relative_to_it_or_absolute(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(b"a.jpg\nsub/b.jpg\r\n\n../c\n/d e\n caf\xc3\xa9 \xff\na.jpg\nlast")
    found = source(str(file))
    assert found.folder == tmp_path
    expected = ["a.jpg", "sub/b.jpg", "../c", "/d e", " café \udcff", "a.jpg", "last"]
    assert names_of(found) == expected


def test_paths_of_a_list_are_found_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("near", "in/below", "far"):
        (tmp_path / name).write_text(name)
    lines = ["../near", "below", str(tmp_path / "far"), "missing", "nul\0"]
    (tmp_path / "in" / "list.txt").write_text("\n".join(lines))
    found, out = source(str(tmp_path / "in" / "list.txt")), tmp_path / "out"
    run(job(found.folder, out), paths=found.entries())
    assert paths(out) == lines
    assert [r["status"] for r in records(out)] == ["ok"] * 3 + ["unsupported"] * 2


def test_a_csv_manifest_is_its_column_path(tmp_path: Path) -> None:
    file = tmp_path / "set.csv"
    file.write_bytes(b'\xef\xbb\xbflabel,path\n1,"a, b.jpg"\n\n0,"new\nline"\n1,\'=1+1\n0,\xff\n')
    assert names_of(source(str(file))) == ["a, b.jpg", "new\nline", "=1+1", "\udcff"]


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.binary(), pyarrow.large_string()])
def test_a_parquet_manifest_is_its_column_path(tmp_path: Path, kind: pyarrow.DataType) -> None:
    file, wanted = tmp_path / "set.parquet", [f"{n}.jpg" for n in range(1000)]
    table = pyarrow.table({"label": range(1000), "path": pyarrow.array(wanted, kind)})
    parquet.write_table(table, file, row_group_size=300)
    assert names_of(source(str(file))) == wanted


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.csv", b"", "expected one column called path, got none in "),
        ("a.csv", b"path,path\n", "expected one column called path, got path, path in "),
        ("a.csv", b"path,b\nx,1\n\ny\n", r"expected 2 cells, got 1 in line 4 of "),
        ("a.csv", b"path,b\n,1\n", r"expected a path, got '' in line 2 of "),
        ("a.csv", b'path\n"x\n', "expected CSV, got: unexpected end of data, in line 2 of "),
        ("a.parquet", b"PAR1PAR1", "expected a Parquet table, got "),
    ],
)
def test_manifests_that_are_none_say_where(
    tmp_path: Path, name: str, data: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(data)
    found, out = source(str(tmp_path / name)), tmp_path / "out"
    with pytest.raises(ValueError, match=complaint) as told:
        run(job(tmp_path, out), paths=found.entries())
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out.parts").exists()


def test_a_null_in_a_parquet_manifest_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"path": ["a", None]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="expected a path, got None in row 2 of "):
        names_of(source(str(tmp_path / "a.parquet")))
    parquet.write_table(pyarrow.table({"paths": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="expected one column called path, got paths in "):
        names_of(source(str(tmp_path / "b.parquet")))


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").touch()
    for text in ("picture.jpg", "nowhere", "nowhere.txt", "nowhere.csv"):
        with pytest.raises(ValueError, match=f"expected a folder of pictures, got .*{text}, which"):
            source(str(tmp_path / text))
    with pytest.raises(ValueError, match=r"expected an archive, got .*a-1\.tar, which is none"):
        source(str(tmp_path / "a-{1..3}.tar"))
    assert source(str(tmp_path)) == Source(tmp_path)
    assert Source(tmp_path).entries() is None


def test_other_bytes_are_another_source(tmp_path: Path) -> None:
    lists = [tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"]
    for file, text in zip(lists, ("x\n", "x\n", "y\n"), strict=True):
        file.write_text(text)
    same, too, other = (source(str(file)).terms() for file in lists)
    assert same == too != other
    archive = tar(tmp_path / "a.tar", [("x", b"1")])
    before = source(str(archive)).terms()
    tar(archive, [("x", b"1"), ("y", b"2")])
    assert source(str(archive)).terms() != before


def test_standard_input_is_a_list_that_a_continued_run_need_not_see_again(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.png").write_bytes(noise_png(number))
    scan = [sys.executable, "-m", "compare.cli", "baseline", "scan", "-", "--out", "out"]
    names = "".join(f"{number}.png\n" for number in range(29, -1, -1))
    done = subprocess.run(
        [*scan, "--workers", "1"], input=names, text=True, cwd=tmp_path, capture_output=True,
        check=True,
    )  # fmt: skip
    assert "files: 30\n" in done.stdout
    assert paths(tmp_path / "out") == names.split()
    again = [*scan, "--workers", "1", "--retry-failed"]
    done = subprocess.run(again, input="", cwd=tmp_path, capture_output=True, check=True)
    assert paths(tmp_path / "out") == names.split()


# ---- Archives


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("a{1..3}", ["a1", "a2", "a3"]),
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{a,b}{0..1}", ["a0", "a1", "b0", "b1"]),
        ("{,x}", ["", "x"]),
    ],
)
def test_braces_stand_for_what_a_shell_makes_of_them(text: str, names: list[str]) -> None:
    assert list(braced(text)) == names
    by_shell = subprocess.run(["bash", "-c", f"printf '%s\\n' ''{text}"], capture_output=True)
    assert by_shell.stdout.decode().split("\n")[:-1] == names


@pytest.mark.parametrize("text", ["{3..1}", "{0..9999999}", "{0..999}{0..999}{0..999}"])
def test_braces_too_many_or_backwards_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected (a range|at most 1,000,000 archives)"):
        list(braced(text))


def test_members_are_read_where_they_lie(tmp_path: Path) -> None:
    data = {f"{'long/' * 40}{n}é.png": noise_png(n) for n in range(5)}
    tar(tmp_path / "a.tar", data.items())
    found = list(members(tmp_path, "a.tar"))
    assert [member.path for member in found] == [f"a.tar!/{name}" for name in data]
    for member in found:
        reading = read_member(tmp_path, member)
        with Image.open(io.BytesIO(data[member.name])) as truth:
            assert np.array_equal(reading.image, np.asarray(truth))
        assert from_json(json.loads(json_line(to_json(member)))) == member
    assert list(tmp_path.iterdir()) == [tmp_path / "a.tar"]


def test_a_folder_of_archives_is_all_of_them_and_any_other_is_its_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        tar(tmp_path / f"{name}.tar", [(name, noise_png(1))])
    own = [tmp_path / "out", tmp_path / "out.parts"]
    own[1].mkdir()
    found = source(str(tmp_path), own)
    assert names_of(found) == ["a.tar!/a", "b.tar!/b"]
    run(job(found.folder, own[0]), paths=found.entries())
    assert paths(own[0]) == ["a.tar!/a", "b.tar!/b"]
    (tmp_path / "picture.png").write_bytes(noise_png(1))
    assert source(str(tmp_path), own).kind == "folder"


def test_hostile_members_are_records_and_touch_nothing(tmp_path: Path) -> None:
    good = noise_png(1)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("good.png", "../out.png", "/abs.png", "a/../../b", "good.png"):
            member = tarfile.TarInfo(name)
            member.size = len(good)
            archive.addfile(member, io.BytesIO(good))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo(f"kind {kind!r}")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        directory = tarfile.TarInfo("directory")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        empty = tarfile.TarInfo("empty")
        archive.addfile(empty)
    found = source(str(tmp_path / "a.tar"))
    run(job(tmp_path, tmp_path / "out"), paths=found.entries())
    status = [str(record["status"]) for record in records(tmp_path / "out")]
    refused = ["unsupported"]
    assert status == ["ok", *refused * 3, "ok", *refused * 4, "unreadable"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar", "out", "out.receipt.json"}


def damaged(data: bytes, how: str) -> bytes:
    headers = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    third = headers[2]
    if how == "cut in a header":
        return data[: third + 100]
    if how == "cut in a member":
        return data[: third + 520]
    if how == "bits in a header":
        return data[: third + 9] + b"\xaa" + data[third + 10 :]
    if how == "goes backwards":
        size = b"\xff" * 10 + (-4096).to_bytes(2, "big", signed=True)
        block = bytearray(data[third : third + 512])
        block[124:136] = size
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return data[:third] + bytes(block) + data[third + 512 :]
    return b"\x1f\x8b" + data  # compressed


@pytest.mark.parametrize(
    ("how", "whole"),
    [
        ("cut in a header", 2),
        ("cut in a member", 2),
        ("bits in a header", 2),
        ("goes backwards", 2),
        ("compressed", 0),
    ],
)
def test_the_rest_of_a_damaged_archive_is_a_record(tmp_path: Path, how: str, whole: int) -> None:
    archive = tar(tmp_path / "a.tar", [(f"{n}.png", noise_png(n)) for n in range(5)])
    archive.write_bytes(damaged(archive.read_bytes(), how))
    run(job(tmp_path, tmp_path / "out"), paths=source(str(archive)).entries())
    found = records(tmp_path / "out")
    good = [record["path"] for record in found if record["status"] == "ok"]
    assert good == [f"a.tar!/{n}.png" for n in range(whole)]
    assert found[-1]["path"] in ("a.tar!/", "a.tar!/2.png")
    assert found[-1]["status"] in ("unreadable", "truncated")


def test_a_header_that_claims_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 10**9
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(member.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(10**9 + 2048)  # a hole: the disk has room for it
    (found,) = members(tmp_path, "a.tar")
    assert "a header of 1000000000 bytes" in found.refusal or "1000000512" in found.refusal


@given(st.binary(max_size=3000))
def test_any_bytes_at_all_give_entries_and_no_error(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.tar").write_bytes(data)
    for member in members(folder, "any.tar"):
        read_member(folder, member)


def test_an_archive_that_has_gone_stops_the_run(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar", [(f"{n}.png", noise_png(n)) for n in range(20)])
    out = tmp_path / "out"

    def vanish(_: object) -> None:
        archive.rename(tmp_path / "away")

    with pytest.raises(FileNotFoundError):
        run(job(tmp_path, out), report=vanish, paths=source(str(archive)).entries())
    (tmp_path / "away").rename(archive)
    run(job(tmp_path, out), paths=source(str(archive)).entries())
    assert [record["status"] for record in records(out)] == ["ok"] * 20


# ---- Parts, limits, and once more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(43):
        (tmp_path / "in" / f"{number:02d}").write_text(str(number))
    return tmp_path / "in"


@pytest.mark.parametrize(("of", "limit"), [(1, 20), (2, None), (7, 20), (5, 3)])
def test_parts_one_behind_the_other_are_the_whole(
    folder: Path, tmp_path: Path, of: int, limit: int | None
) -> None:
    whole, parts = tmp_path / "whole", []
    run(job(folder, whole), how=How(limit=limit))
    assert len(records(whole)) == (limit or 43)
    for number in range(1, of + 1):
        out = tmp_path / f"part-{number}"
        run(job(folder, out), how=How(limit=limit, part=(number, of)))
        parts.append(out.read_bytes())
    assert b"".join(parts) == whole.read_bytes()
    sizes = [part.count(b"\n") for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_another_part_or_limit_does_not_continue(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(job(folder, out), how=How(limit=9))
    for how in (How(), How(limit=8), How(limit=9, part=(1, 2))):
        with pytest.raises(ValueError, match=r"expected (limit 9|part None), with which"):
            run(job(folder, out), how=how)


def test_retry_does_the_failed_again_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    out, log, fresh = tmp_path / "out", tmp_path / "log", tmp_path / "fresh"
    for name in ("05", "06", "42"):
        (folder / name).unlink()
        (folder / name).symlink_to("nowhere")
    run(job(folder, out, log))
    for name in ("05", "42"):
        (folder / name).unlink()
        (folder / name).write_text("mended")
    (folder / "99").touch()  # new since: no business of a retry
    log.unlink()
    assert run(job(folder, out, log), how=How(retry=True))
    assert log.read_text().split() == ['"05"', '"06"', '"42"']
    (folder / "99").unlink()
    run(job(folder, fresh))
    assert out.read_bytes() == fresh.read_bytes()
    receipt = json.loads((tmp_path / "out.receipt.json").read_text())
    (retried,) = receipt["retried"]
    assert (retried["records"], retried["ok"], receipt["records"]) == (3, 2, 43)
    assert not run(job(folder, out, log))
    assert run(job(folder, out, log), how=How(retry=True))
    (folder / "06").unlink()
    (folder / "06").write_text("6")
    assert run(job(folder, out), how=How(retry=True))
    assert not run(job(folder, out), how=How(retry=True))  # nothing is left
    assert not (tmp_path / "out.parts").exists()


def test_retry_wants_finished_results(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected finished results to retry, got none in "):
        run(job(folder, tmp_path / "out"), how=How(retry=True))
    assert not (tmp_path / "out.parts").exists()


def test_retry_finds_members_in_their_archive(tmp_path: Path) -> None:
    data = [("a.png", noise_png(1)), ("b.png", b"torn"), ("c.png", noise_png(2)), ("d", b"")]
    found = source(str(tar(tmp_path / "a.tar", data)))
    out, how = tmp_path / "out", How(part=(2, 2), retry=True)
    run(job(tmp_path, out), paths=found.entries(), how=How(part=(2, 2)))
    before = out.read_bytes()
    assert run(job(tmp_path, out), paths=entries_of(found, how), how=how)
    assert out.read_bytes() == before
    assert json.loads((tmp_path / "out.receipt.json").read_text())["retried"][0]["records"] == 1


def test_retry_killed_before_every_step_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """As the runs themselves are killed in test_shards."""
    folder, out, fresh = tmp_path / "in", tmp_path / "out", tmp_path / "fresh"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)
    (folder / "d").symlink_to("nowhere")
    for step in range(1, 100):
        out.unlink(missing_ok=True)
        run(job(folder, out))
        old = out.read_bytes()
        (folder / "d").unlink()
        (folder / "d").write_text("mended")
        killed = start(folder, out, tmp_path / "log", 1, KILL_BEFORE_STEP=step, RETRY=1)
        if killed == 0:
            break
        assert out.read_bytes() in (old, fresh.read_bytes() if fresh.exists() else old)
        run(job(folder, out), how=How(retry=True))
        run(job(folder, fresh))
        assert out.read_bytes() == fresh.read_bytes()
        assert not (tmp_path / "out.parts").exists()
        (folder / "d").unlink()
        (folder / "d").symlink_to("nowhere")
    assert step > 8


# ---- Tables


def as_table(folder: Path, out: Path) -> Job:
    one = job(folder, out)
    return Job(folder, out, one.process, one.failed, {}, columns={"sha256": str, "detail": str})


@pytest.mark.parametrize("workers", [1, 2])
def test_a_table_holds_the_records_of_the_lines(folder: Path, tmp_path: Path, workers: int) -> None:
    (folder / "not utf-8 \udcff").touch()
    (folder / "link").symlink_to("nowhere")
    lines, table = tmp_path / "out.jsonl", tmp_path / "out.parquet"
    run(job(folder, lines))
    run(as_table(folder, table), workers)
    keys = ("path", "status", "detail", "sha256", "decision")
    truth = [{key: record.get(key) for key in keys} for record in records(lines)]
    assert list(read_records(table)) == truth
    assert list(read_records(lines)) == records(lines)
    found = parquet.read_table(table)
    assert found.schema.names == [*keys, "path_bytes"]
    assert found["path_bytes"].null_count == len(truth) - 1
    assert found["path"].to_pylist()[-1] == "not utf-8 \\udcff"
    assert not run(as_table(folder, table))


def test_tables_are_the_same_bytes_and_can_be_retried(folder: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
    (folder / "42").unlink()
    run(as_table(folder, one))
    (folder / "42").symlink_to("nowhere")
    run(as_table(folder, two), 2)
    (folder / "42").unlink()
    (folder / "42").write_text("42")
    one.unlink()
    run(as_table(folder, one))
    run(as_table(folder, two), how=How(retry=True))
    assert one.read_bytes() == two.read_bytes()


def test_everything_nested_is_json_text_and_comes_back(tmp_path: Path) -> None:
    truth = [
        {"path": "a", "status": "ok", "decision": True, "size": [3, 4], "score": 0.1, "more": more}
        for more in ({"a": [1, None]}, [], "null", 3, False, None, "\udcff")
    ]
    columns = {"size": list[int], "score": float}
    data = b"".join(table_bytes(map(json_line, truth), truth[0], columns))
    (tmp_path / "a.parquet").write_bytes(data)
    assert list(read_records(tmp_path / "a.parquet")) == truth
    schema = parquet.read_schema(tmp_path / "a.parquet")
    assert str(schema.field("size").type) == "list<element: int64>"
    assert str(schema.field("more").type) == "string"


def test_a_table_of_many_rows_is_written_by_groups(tmp_path: Path) -> None:
    lines = (json_line({"path": str(n), "status": "ok", "decision": None}) for n in range(25_000))
    chunks = list(table_bytes(lines, ("path", "status", "decision"), {}))
    assert len(chunks) == 4  # three groups and the end
    (tmp_path / "a.parquet").write_bytes(b"".join(chunks))
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3
    assert [r["path"] for r in read_records(tmp_path / "a.parquet")] == [
        str(n) for n in range(25_000)
    ]
