"""Every number of the detector says in its documentation what unit it has and where it is from."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import baseline

UNIT = re.compile(
    r"\b(px|degrees|log units|widths|lengths of the pelvis|twice the mean width|no unit|a count)\b",
    re.IGNORECASE,
)
MARK = re.compile(r"\((q|q2|d|r|g)\)")
KEY = re.compile(r"\[([A-Z]+\d*)\]")
REFERENCES = Path(__file__).parents[1] / "REFERENCES.md"


def params_classes():
    """Every class of the package whose name ends in Params."""
    found = {}
    for module in pkgutil.iter_modules(baseline.__path__):
        for name, thing in vars(importlib.import_module(f"baseline.{module.name}")).items():
            if inspect.isclass(thing) and name.endswith("Params"):
                found[thing.__qualname__] = thing
    return found


CLASSES = params_classes()


def fields(cls):
    """Field name to default, of a dataclass or a named tuple."""
    if dataclasses.is_dataclass(cls):
        return {f.name: getattr(cls(), f.name) for f in dataclasses.fields(cls)}
    return dict(cls._field_defaults)


def documented(cls):
    """Field name to its entry under Attributes; fields that share an entry share its text."""
    _, _, section = inspect.getdoc(cls).partition("Attributes\n----------\n")
    entries = {}
    for names, text in re.findall(r"^(\w[\w, ]*?) : .*\n((?:(?: +.*)?(?:\n|\Z))+)", section, re.M):
        for name in names.split(","):
            entries[name.strip()] = " ".join(text.split())
    return entries


NUMBERS = [
    (cls, name, default)
    for cls in CLASSES.values()
    for name, default in fields(cls).items()
    if type(default) not in CLASSES.values()  # a stage's own numbers are walked with its class
]


def test_every_stage_is_walked():
    assert set(CLASSES) >= {
        "ColourParams", "SkinParams", "EdgeParams", "SymmetryParams", "RibbonParams",
        "SegmentParams", "GroupingParams", "Params",
    }  # fmt: skip
    assert len(NUMBERS) > 60


@pytest.mark.parametrize(
    ("cls", "name"),
    [(cls, name) for cls, name, _ in NUMBERS],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_a_field_states_its_unit_and_its_source(cls, name):
    entry = documented(cls).get(name)
    assert entry, f"{cls.__name__}.{name} has no entry under Attributes"
    assert UNIT.search(entry), f"no unit: {entry}"
    known = set(re.findall(r"^\| ([A-Z]+\d*) \|", REFERENCES.read_text(), re.M))
    keys = set(KEY.findall(entry))
    assert keys <= known, f"not in REFERENCES.md: {keys - known}"
    assert keys or re.search(r"\bours\b", entry, re.I), f"no source: {entry}"


@pytest.mark.parametrize(
    ("cls", "name"),
    [(cls, name) for cls, name, default in NUMBERS if not isinstance(default, str)],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_a_number_carries_its_mark(cls, name):
    """Read in the source, second-hand, derived, recalled, or our own: never left open."""
    entry = documented(cls)[name]
    assert MARK.search(entry), f"no mark: {entry}"
    if not KEY.search(entry):
        assert "(g)" in entry


def test_nothing_is_documented_that_does_not_exist():
    for cls in CLASSES.values():
        assert set(documented(cls)) <= set(fields(cls))


def test_fields_of_one_entry_are_read_together():
    entries = documented(CLASSES["EdgeParams"])
    assert entries["high"] == entries["low"]
    assert "log units per px" in entries["high"]
