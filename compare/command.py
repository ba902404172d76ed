"""``skindeep compare``: everyone on one labelled set, and one report."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from compare.answers import Answers, answers
from compare.entries import Entry, Labels, Scores
from compare.external import external, write_scores
from compare.gallery import cards, worst
from compare.histogram import taught
from compare.judge import expect_both, judge
from compare.making import making, summary
from compare.page import page
from compare.report import Card, Report, Threshold, to_json
from compare.scorers import Contestant, contestants, expect_names
from compare.thresholds import choose, parsed
from compare.wording import THIN
from images.durable import commit
from images.folders import printable
from images.labelled import LabelledSet
from images.scans import stoppable
from images.workers import processors

app = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False)


@app.command(
    epilog="Example: skindeep compare set.csv --scorer baseline --scorer open_nsfw --out compared"
)
def compare(
    manifest: Annotated[
        Path, typer.Argument(help="Of a labelled set; its split test is what everyone is asked.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report, and for scores that are kept.")],
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            help="baseline, skin_fraction, open_nsfw, convnet:RUN, or colour_histogram:MANIFEST, "
            "which learns from that manifest's split train; NAME= in front gives it a name. "
            "Give it once for every scorer."
        ),
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FILE: somebody else's scores, CSV or JSON lines, joined by path or sha256."
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            show_default="every scorer's own threshold",
            help="Manifest whose split validation chooses the thresholds.",
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            show_default="youden",
            help="How it chooses: youden, f1, recall>=X, fpr<=X, or cost=X, a miss's in false "
            "alarms.",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=X: a scorer's threshold, by hand; scores of at least X are marked."
        ),
    ] = None,
    gallery: Annotated[
        bool,
        typer.Option(
            "--gallery", help="Show the worst mistakes in the report, blurred until clicked."
        ),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="number of processors", help="Processes.")
    ] = None,
) -> None:
    """Score a labelled set by several scorers, and report how they differ, with intervals.

    Each picture is read once and handed to every scorer. Scores are kept in OUT: with one more
    scorer, the same command asks that one alone, and what was stopped continues.

    OUT gets the report (report.html, one file; report.json, every number), everyone's scores
    (scores.csv), and the curves for a paper (figures, as SVG and PDF).
    """
    if rule and not validation:
        raise ValueError("expected --validation, on which --rule chooses, got --rule alone")
    with stoppable():
        report = compare_set(
            manifest, scorer or [], out, _named(scores, "FILE"), validation, rule or "youden",
            {name: _number(name, value) for name, value in _named(threshold, "X").items()},
            gallery, workers or processors(),
        )  # fmt: skip
    print(printable(report.answer.replace(THIN, " ")))
    for one in report.notes:
        print(f"note: {printable(one)}")
    print(f"report: {printable(str(out / 'report.html'))}")


def compare_set(
    manifest: Path,
    scorers: Sequence[str],
    out: Path,
    scores: Mapping[str, str] = {},
    validation: Path | None = None,
    rule: str = "youden",
    by_hand: Mapping[str, float] = {},
    gallery: bool = False,
    workers: int = 1,
) -> Report:
    """Compare scorers on a set, write everything to a folder, and return the report.

    Raises
    ------
    ValueError
        If somebody or something is named that is not there, or nothing can be compared.
    OSError
        If it cannot go on; the same call continues.
    typer.Exit
        With status 128 and the signal's number, if it was interrupted.
    """
    tested = _part(manifest, "test")
    everyone = contestants(scorers)
    names = [*(one.name for one in everyone), *scores]
    expect_names(names)
    if not names:
        raise ValueError("expected --scorer or --scores, once or more, got neither")
    if unknown := [name for name in by_hand if name not in names]:
        raise ValueError(
            f"expected a threshold for {', '.join(names)}, got one for {printable(unknown[0])}"
        )
    parsed(rule)
    expect_both(tested.labels)
    checked = _part(validation, "validation") if validation else None
    _expect_apart(tested, checked, everyone)
    if not out.resolve().parent.is_dir():
        raise ValueError(f"expected a folder to make {out.name} in, got {out.parent}")
    if out.exists() and not out.is_dir():
        raise ValueError(f"expected a folder, got {out}")
    notes: list[str] = []
    outside: dict[str, Scores] = {}
    seen_before: dict[str, Scores] = {}  # on the validation set
    for name, file in scores.items():
        joined, said = external(name, Path(file), tested, checked.items if checked else ())
        outside[name], seen_before[name] = np.split(joined, [len(tested.items)])
        notes += said
    out.mkdir(exist_ok=True)
    asked = answers(tested, everyone, out / "kept", workers) if everyone else _nobody(tested)
    if checked and everyone:
        seen_before |= answers(checked, everyone, out / "kept", workers, measured=False).scores

    def threshold(name: str, own: Threshold | None) -> Threshold | None:
        if name in by_hand:
            return Threshold(by_hand[name], "as given", "hand")
        if checked is None:
            return own
        return _chosen(name, rule, checked.labels, seen_before[name], notes)

    notes += _unanswered(asked, bool(scores))
    entries = [
        Entry(
            one.name, one.description, one.kind, one.digest, one.is_probability,
            asked.scores[one.name], threshold(one.name, _own(one)),
            asked.details.get(one.name, ()), _known(asked.seconds[one.name]),
            asked.memory[one.name],
        )
        for one in everyone
    ]  # fmt: skip
    for name, values in outside.items():
        known = values[np.isfinite(values)]
        entries.append(
            Entry(
                name, "Scores that came in a file; from 0 to 1, they count as probabilities.",
                "external", sha256(values.tobytes()).hexdigest(),
                bool(len(known) and known.min() >= 0 and known.max() <= 1),
                values, threshold(name, None),
            )
        )  # fmt: skip
    report = judge(
        summary(manifest, tested, asked.statuses),
        tested.items,
        entries,
        making(tested, checked, everyone, entries),
        notes=notes,
    )
    _write(report, asked, outside, out)
    _draw(report, out)
    if gallery:  # takes its time: until it is there, the report is without it
        report = replace(report, gallery=_gallery(tested, everyone, entries, out / "kept"))
        _write(report, asked, outside, out)
    return report


def _part(manifest: Path, split: str) -> LabelledSet:
    part = LabelledSet.read(manifest).split(split)
    if not part.items:
        raise ValueError(f"expected pictures whose split is {split} in {manifest}, got none")
    return part


def _expect_apart(
    tested: LabelledSet, checked: LabelledSet | None, everyone: Sequence[Contestant]
) -> None:
    """Raise `ValueError` if what is tested on has chosen a threshold, or taught a histogram."""
    others = {"a validation set": checked} if checked else {}
    others |= {
        f"a training set of {one.name}": taught(Path(one.source))
        for one in everyone
        if one.train_digest is not None
    }
    pictures = {item.sha256 for item in tested.items}
    for what, other in others.items():
        if shared := len(pictures & {item.sha256 for item in other.items}):
            raise ValueError(
                f"expected {what} without what is tested on, got {shared} "
                f"picture{'s' * (shared > 1)} of the test set"
            )


def _unanswered(asked: Answers, others: bool) -> list[str]:
    """Tell of pictures that nobody could be asked about; `ValueError` if that leaves nothing."""
    failed = Counter(status for status in asked.statuses if status not in ("", "ok"))
    if not failed:
        return []
    counted = ", ".join(f"{status} {number}" for status, number in sorted(failed.items()))
    told = f"no answer for {failed.total()} of the {len(asked.statuses)} pictures ({counted})"
    if failed.total() == len(asked.statuses) and not others:
        raise ValueError(
            f"expected answers to compare, got {told}; "
            "paths in a manifest are relative to its folder"
        )
    return [told]


def _nobody(tested: LabelledSet) -> Answers:
    """Return the answers of nobody: all scores come from files, and no picture is opened."""
    return Answers(tested.items, tested.labels, ("",) * len(tested.items), {}, {}, {}, {})


def _named(texts: Iterable[str] | None, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in texts or ():
        name, equals, value = one.partition("=")
        if not equals or not value or name in found:
            raise ValueError(f"expected NAME={what}, each name once, got {printable(one)!r}")
        found[name] = value
    return found


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"expected a number as threshold of {name}, got {printable(value)!r}")
    return number


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _own(one: Contestant) -> Threshold | None:
    if one.threshold is None:
        return None
    return Threshold(one.threshold, one.threshold_rule or "as it came", "scorer")


def _chosen(
    name: str, rule: str, labels: Labels, scores: Scores, notes: list[str]
) -> Threshold | None:
    """Choose a threshold on the validation set; where there is none, a note says why."""
    known = np.isfinite(scores)
    if not known.any():
        notes.append(
            f"{name}: no threshold, since it has no score for a picture of the validation set; "
            f"--threshold {name}=X gives one"
        )
        return None
    try:
        value, words = choose(rule, labels[known], scores[known])
    except ValueError as error:  # the others' comparison is not lost for that
        notes.append(f"{name}: no threshold on the validation set; {error}")
        return None
    return Threshold(value, words, "validation")


# ---- What is written


def _gallery(
    tested: LabelledSet, everyone: Sequence[Contestant], entries: Sequence[Entry], kept: Path
) -> list[Card]:
    wrong = [
        one
        for entry in entries
        if entry.threshold
        for one in worst(entry.name, tested.labels, entry.scores, entry.threshold.value)
    ]
    nets = [one for one in everyone if one.kind == "net"]
    # A network of one's own is what one wants to look into; it is also the faster to ask.
    net = next((one for one in nets if one.source), nets[0] if nets else None)
    found = cards(tested, wrong, {entry.name: entry.scores for entry in entries}, net, kept)
    count = len({one.index for one in wrong})
    return list(track(found, "drawing the gallery", count, disable=not sys.stderr.isatty()))


def _write(report: Report, asked: Answers, outside: Mapping[str, Scores], out: Path) -> None:
    data = to_json(report)
    parts = out / "kept"
    parts.mkdir(exist_ok=True)
    commit(parts, out / "report.json", [json.dumps(data, indent=1).encode() + b"\n"])
    commit(parts, out / "report.html", [page(data).encode()])
    write_scores(out / "scores.csv", asked, outside)


def _draw(report: Report, out: Path) -> None:
    """Write the figures for a paper, none of which is of the gallery."""
    from compare.figures import figures  # matplotlib takes its time

    figures(to_json(report), out / "figures")
