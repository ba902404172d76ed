"""The sources that reports and lessons name, as REFERENCES.md has them."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def references() -> Mapping[str, str]:
    """Return the sources of REFERENCES.md by key."""
    inside = files("compare") / "REFERENCES.md"  # in a wheel; in a checkout it lies above
    text = (
        inside.read_text("utf-8")
        if inside.is_file()
        else (Path(str(files("compare"))).parent / "REFERENCES.md").read_text("utf-8")
    )
    return dict(re.findall(r"^\| (\w+) \| (.+?) \|$", text.split("## Marks")[0], re.MULTILINE))
