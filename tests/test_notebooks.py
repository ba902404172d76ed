"""The notebooks: valid, the same every time, and running from top to bottom."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from compare.lessons.notebooks import FULL, NOTEBOOKS, SHORT, notebook, write_notebooks
from compare.lessons.tasks import TASKS

RUN = """
import sys
import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

made = nbformat.read(sys.argv[1], 4)
kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
NotebookClient(made, timeout=300, km=kernel).execute()
nbformat.write(made, sys.argv[1])
"""


def code(made):
    return ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("short", [True, False])
def test_they_are_valid_and_empty(name, short):
    made = notebook(name, short)
    nbformat.validate(nbformat.reads(json.dumps(made), 4))
    assert all(cell["outputs"] == [] for cell in made["cells"] if cell["cell_type"] == "code")
    kinds = {cell["cell_type"] for cell in made["cells"]}
    assert kinds == {"markdown", "code"}
    assert "{{" not in json.dumps(made)
    for source in code(made):
        compile(source, name, "exec")


def test_numbers_are_filled_in():
    assert f"epochs={FULL['epochs']}" in "".join(code(notebook("2014")))
    assert f"epochs={SHORT['epochs']}" in "".join(code(notebook("2014", True)))
    assert FULL.keys() == SHORT.keys()


def test_each_task_is_in_one_of_them():
    whole = "\n".join("\n".join(code(notebook(name))) for name in NOTEBOOKS)
    for name in TASKS:
        assert whole.count(f'check("{name}", ') == 1


def test_writing_twice_gives_the_same_bytes(tmp_path):
    write_notebooks(tmp_path / "one")
    write_notebooks(tmp_path / "two")
    for name in NOTEBOOKS:
        one, two = ((tmp_path / part / f"{name}.ipynb").read_bytes() for part in ("one", "two"))
        assert one == two
        assert json.loads(one) == notebook(name)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_they_run(name, tmp_path):
    """In a process of its own, whose sockets and warnings are nbclient's."""
    write_notebooks(tmp_path, short=True)
    path = tmp_path / f"{name}.ipynb"
    place = os.environ | {"TMPDIR": str(tmp_path)}  # where it puts its drawings
    command = [sys.executable, "-c", RUN, path]
    done = subprocess.run(command, env=place, cwd=tmp_path, capture_output=True)  # sockets, too
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    cells = json.loads(path.read_bytes())["cells"]
    outputs = [out for cell in cells if cell["cell_type"] == "code" for out in cell["outputs"]]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert ["".join(out["text"]) for out in outputs if out.get("name") == "stderr"] == []
