"""Whoever is compared: the detector of 1996, networks, and rivals that know less than either.

A contestant is named on the command line, with a name of the user's own in front if they like:

    baseline                        the detector of 1996, as published
    skin_fraction                   its first question alone: how much of the picture is skin
    open_nsfw                       Yahoo's network, with its published weights
    convnet:RUN                     a network of one's own: a run's folder, or a checkpoint
    colour_histogram:MANIFEST       colours alone, learned from the manifest's split train
    NAME=convnet:RUN                the same under another name: two networks need two

Scores are those that ``skindeep baseline scan`` and ``skindeep convnet score --device cpu`` write.
torch is imported only when a network is named.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from baseline.detector import Params, detect
from baseline.records import record
from compare.histogram import BINS, FOLDS, RANGES, STRENGTHS, ColourModel, learned, taught
from images.compiled import source_digest
from images.folders import printable
from images.reading import RGB

if TYPE_CHECKING:
    from convnet.models import Model

Kind = Literal["baseline", "net", "rule"]
Answer = dict[str, Any]

SOURCES = {
    "baseline": "",
    "skin_fraction": "",
    "open_nsfw": "",
    "convnet": "RUN",
    "colour_histogram": "MANIFEST",
}
"""The words that name a contestant, and what follows each of them."""

TAKEN = frozenset({"path", "sha256", "label", "status", "read"})
"""What the results call other things."""


@dataclass(frozen=True)
class Contestant:
    """One who gives every picture a score, higher for more likely positive.

    It holds no weights, so that it travels to worker processes, which load them once each.

    Attributes
    ----------
    name : str
        For people, tables and files; no two in one comparison share it.
    spec : str
        As the user gave it.
    kind : str
        ``baseline``, ``net`` or ``rule``.
    word : str
        The part of `spec` that says who it is.
    source : str
        Absolute path of the run, checkpoint or manifest; empty where there is none.
    digest : str
        A sha256 that tells its code, parameters and weights from all others: equal digests, equal
        scores.
    is_probability : bool
        Whether scores mean a probability.
    threshold : float or None
        Scores of at least as much count as positive, by the contestant's own account.
    threshold_rule : str or None
        How that was chosen.
    description : str
        One plain sentence for a report.
    train_digest : str or None
        Of the set that a colour histogram learns from.
    kept : str or None
        The file that holds what it learned, once it is `prepared`.
    """

    name: str
    spec: str
    kind: Kind
    word: str
    source: str
    digest: str
    is_probability: bool
    threshold: float | None
    threshold_rule: str | None
    description: str
    train_digest: str | None = None
    kept: str | None = None


# ---- From words to contestants


def contestants(texts: Sequence[str]) -> tuple[Contestant, ...]:
    """Return who is named, in that order.

    Raises
    ------
    ValueError
        If there is nobody of that kind, or two have one name.
    """
    found = tuple(contestant(text) for text in texts)
    expect_names(one.name for one in found)
    return found


def contestant(text: str) -> Contestant:
    """Return whom a text names; see the top of this file.

    Raises
    ------
    ValueError
        If it names nobody, or by an odd name, or the run or manifest is not what it should be.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> contestant("skin_fraction").threshold
    0.3
    >>> contestant("by hand=baseline").name
    'by hand'
    """
    match = re.fullmatch(r"(?:([^:/=]*)=)?([a-z_]+)(?::(.+))?", text, re.DOTALL)
    given, word, source = match.groups() if match else (None, "", None)
    if word not in SOURCES or bool(SOURCES[word]) != bool(source):
        usage = ", ".join(f"{word}:{what}".strip(":") for word, what in SOURCES.items())
        raise ValueError(
            f"expected {usage}, with NAME= in front or not, got {printable(text[:100])!r}"
        )
    found = _MAKERS[word](text, source or "")
    found = found if given is None else replace(found, name=given)
    expect_names([found.name])
    return found


def made_with(one: Contestant) -> dict[str, str]:
    """Return what a contestant's answers depend on besides its digest: code and packages."""
    rooms, packages = ["images", "baseline"], ["numpy", "opencv-python", "pillow", "numba"]
    if one.kind == "net":
        rooms, packages = ["images", "convnet"], ["numpy", "pillow", "torch"]
    if one.train_digest is not None:
        rooms.append("compare")
        packages.append("scikit-learn")
    versions = {package: version(package) for package in packages}
    return {f"code of {room}": source_digest(room) for room in rooms} | versions


def expect_names(names: Iterable[str]) -> None:
    """Raise `ValueError` unless names are plain, and no two the same."""
    counts = Counter(names)
    for name, count in counts.items():
        if not re.fullmatch(r"\w[\w .+-]{0,39}", name) or name != name.strip() or name in TAKEN:
            raise ValueError(
                "expected a name of at most 40 letters, digits, spaces and . _ + -, a letter or "
                f"digit first, none of {', '.join(sorted(TAKEN))}; got {printable(name[:60])!r}; "
                "put another in front, NAME="
            )
        if count > 1:
            raise ValueError(
                f"expected a name of its own for everyone, got {name} {count} times; "
                "put others in front, NAME="
            )


def _digest(**parts: object) -> str:
    text = json.dumps({"skindeep": version("skindeep"), **parts}, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _baseline(spec: str, _: str) -> Contestant:
    params = Params()
    return Contestant(
        "baseline",
        spec,
        "baseline",
        "baseline",
        "",
        _digest(contestant="baseline", params=asdict(params)),
        False,
        0.5,
        "the detector marks a picture in which a group of limbs passes its rules as published",
        "The detector of 1996: skin by its colour and texture, limbs by their sides, groups of "
        f"limbs by rules of anatomy, in configuration {params.configuration}.",
    )


def _skin_fraction(spec: str, _: str) -> Contestant:
    params = Params()
    return Contestant(
        "skin_fraction",
        spec,
        "rule",
        "skin_fraction",
        "",
        _digest(contestant="skin_fraction", params=asdict(params)),
        False,
        params.skin.min_fraction,
        "the detector of 1996 looks for limbs from this share of skin on",
        "The share of the picture that the detector of 1996 takes for skin, and nothing else; its "
        "time is that of the whole detector, which is run for it.",
    )


def _open_nsfw(spec: str, _: str) -> Contestant:
    return _net(spec, "open_nsfw", "", "open_nsfw", "Yahoo's open_nsfw, with its weights of 2016.")


def _convnet(spec: str, source: str) -> Contestant:
    path = Path(source).resolve()
    if path.is_dir() and not (path / "best.safetensors").is_file():
        raise ValueError(
            f"expected a run's folder with best.safetensors, got {printable(source)} without it"
        )
    best = path.name == "best.safetensors"
    name = path.name if path.is_dir() else path.parent.name if best else path.stem
    return _net(spec, "convnet", str(path), name, "A network trained by skindeep, {model}.")


def _net(spec: str, word: str, source: str, name: str, description: str) -> Contestant:
    from convnet.models import load  # torch takes its time

    model = load(source or "open_nsfw")
    return Contestant(
        name,
        spec,
        "net",
        word,
        source,
        model.digest,
        model.is_probability,
        model.threshold,
        model.threshold_rule,
        description.format(model=model.name),
    )


def _colour_histogram(spec: str, source: str) -> Contestant:
    path = Path(source).resolve()
    train = taught(path)
    code = {"bins": BINS, "ranges": RANGES, "strengths": STRENGTHS, "folds": FOLDS}
    return Contestant(
        "colour_histogram",
        spec,
        "rule",
        "colour_histogram",
        str(path),
        # The order of the pictures decides the folds, and so may decide the strength.
        _digest(contestant="colour_histogram", train=[i.sha256 for i in train.items],
                labels=train.labels.tolist(), **code),
        True,
        None,
        None,
        "Logistic regression on the histogram of hue and saturation, learned from "
        f"{len(train.items)} pictures: what colours alone can tell.",
        train_digest=train.digest,
    )  # fmt: skip


_MAKERS = {
    "baseline": _baseline,
    "skin_fraction": _skin_fraction,
    "open_nsfw": _open_nsfw,
    "convnet": _convnet,
    "colour_histogram": _colour_histogram,
}


# ---- From pictures to answers


def prepared(one: Contestant, folder: Path) -> Contestant:
    """Let a contestant that has to learn do so now, and keep in a folder what it learned."""
    if one.train_digest is None:
        return one
    kept = folder / f"colour_histogram-{one.digest[:16]}.json"
    learned(Path(one.source), one.train_digest, kept)
    return replace(one, kept=str(kept.resolve()))


def answer(one: Contestant, image: RGB) -> Answer:
    """Return what a contestant says of one picture.

    Parameters
    ----------
    one : Contestant
    image : ndarray (H, W, 3), uint8

    Returns
    -------
    answer : dict
        ``score``; from the detector also ``stopped_at``, the number of ``segments``, ``taus`` and
        ``skin_fraction``, from which the answer of every configuration follows.
    """
    return answer_all([one], image)[0][one.digest]


def answer_all(
    everyone: Sequence[Contestant], image: RGB
) -> tuple[dict[str, Answer], dict[str, float]]:
    """Ask several contestants about one picture.

    The detector looks once, for its own answer and for the share of skin, and its time counts for
    each of the two. Loading and compiling come before the clock starts.

    Returns
    -------
    answers : dict
        By the contestants' digests.
    seconds : dict
        Likewise.
    """
    answers: dict[str, Answer] = {}
    seconds: dict[str, float] = {}
    looked: tuple[Answer, float] | None = None
    for one in everyone:
        if one.word in ("baseline", "skin_fraction"):
            found, seconds[one.digest] = looked = looked or _look(image)
            whole = one.word == "baseline"
            answers[one.digest] = found if whole else {"score": found["skin_fraction"]}
            continue
        scorer = _loaded(one)
        began = time.perf_counter()
        score = scorer.score(image) if isinstance(scorer, ColourModel) else scorer.score([image])[0]
        seconds[one.digest] = time.perf_counter() - began
        answers[one.digest] = {"score": float(score)}
    return answers, seconds


def _look(image: RGB) -> tuple[Answer, float]:
    _compile()
    began = time.perf_counter()
    detection = detect(image)
    taken = time.perf_counter() - began
    found = record(detection)
    kept = {key: found[key] for key in ("score", "stopped_at", "taus", "skin_fraction")}
    return kept | {"segments": len(detection.segments)}, taken


@lru_cache(maxsize=1)
def _compile() -> None:
    """Have numba compile or load every function of the detector: four bars of skin need all."""
    bars = np.full((128, 192, 3), (40, 50, 60), np.uint8)
    for left in (20, 60, 100, 140):
        bars[16:112, left : left + 24] = (198, 134, 100)
    detect(bars)


@lru_cache(maxsize=16)
def _loaded(one: Contestant) -> "Model | ColourModel":
    """Return a network or a histogram, loaded once in every process.

    Raises
    ------
    OSError
        If it is no longer that which was named: whatever is under way has to stop.
    """
    if one.train_digest is not None:
        return learned(Path(one.source), one.train_digest, Path(one.kept) if one.kept else None)
    import torch

    from convnet.models import load

    torch.set_num_threads(1)  # a picture at a time keeps no more busy
    model = load(one.source or "open_nsfw")
    if model.digest != one.digest:
        raise OSError(f"expected {one.source or one.word} to stay as it was, but it has changed")
    return model
