"""What every page of the lessons is made with: templates, numbers, sources, formulas, pictures."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image, features

from compare import plots
from compare.lines import present
from compare.page import difference_formats, estimate, key, number, reasons, with_reasons
from compare.pointers import escaped
from compare.references import references
from images.durable import commit

QUALITY = 82  # of WebP
ENCODED_BY = features.version("webp")


@dataclass(frozen=True)
class Page:
    """A page without its frame.

    Attributes
    ----------
    slug : str
        Of its address, SLUG.html.
    title, lead : str
        A few words, and a sentence or two.
    html : str
        The body, sections with an ``h2`` that has an id; scripts inline.
    data : mapping
        The numbers shown, ready for JSON: written beside the page as data/SLUG.json, and into it.
    """

    slug: str
    title: str
    lead: str
    html: str
    data: Mapping[str, Any]


def rendered(template: str, data: Mapping[str, Any], **more: Any) -> str:
    """Render a template of ``templates/lessons`` over a page's data.

    In it are `number` and `estimate`, which show a value of the data by its JSON pointer, as in
    the report; `cite`, which names a source; `key`, `c` and `present`; `plots`; `img`.
    """
    return environment(data).get_template(template).render(data=data, **more)


def environment(data: Mapping[str, Any]) -> Environment:
    """Return where templates are found, and what stands in them."""
    made = Environment(
        loader=PackageLoader("compare", "templates/lessons"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    marks = reasons(data)
    made.filters["with_reasons"] = partial(with_reasons, data, marks)
    made.globals.update(
        number=partial(number, data),
        estimate=partial(estimate, data, marks),
        key=key,
        escaped=escaped,
        difference_formats=difference_formats,
        plots=plots,
        present=present,
        cite=cite,
        c=constant,
        img=img,
    )
    return made


def constant(words: str) -> Markup:
    """Return words that hold digits which are nobody's result, such as a year."""
    return Markup("<span data-constant>{}</span>").format(words)


def asset(name: str) -> str:
    """Return a file of ``templates/lessons``."""
    return (files("compare") / "templates" / "lessons" / name).read_text("utf-8")


# ---- Sources


def cite(name: str) -> Markup:
    """Return a source's key, linked to its entry at the end of the page.

    Raises
    ------
    ValueError
        If REFERENCES.md has no such key.
    """
    if name not in references():
        raise ValueError(f"expected a key of REFERENCES.md, got {name!r}")
    return Markup('<a class="cite" href="#ref-{0}">[<span data-text>{0}</span>]</a>').format(name)


def cited(html: str) -> list[str]:
    """Return the keys that a page cites, in the order of REFERENCES.md."""
    found = set(re.findall(r'href="#ref-(\w+)"', html))
    return [name for name in references() if name in found]


# ---- Pictures


def save(image: npt.NDArray[np.uint8], out: Path, lossless: bool = False) -> str:
    """Write a picture as WebP under ``img``, named by its pixels and size; return its address.

    A picture that is there already is not encoded again.

    Parameters
    ----------
    image : ndarray (H, W, 3), uint8
    out : Path
        The site's folder.
    lossless : bool
        For what has few colours, and stays sharp so.
    """
    made = repr((image.shape, QUALITY, lossless, ENCODED_BY)).encode()
    digest = hashlib.sha256(made + image.tobytes()).hexdigest()
    name = f"img/{digest[:16]}-{image.shape[1]}x{image.shape[0]}.webp"
    if not (out / name).exists():
        with io.BytesIO() as file:
            Image.fromarray(image).save(file, "WEBP", quality=QUALITY, lossless=lossless, method=2)
            (out / "img").mkdir(parents=True, exist_ok=True)
            commit(out / "img", out / name, [file.getvalue()])
    return name


def img(src: str, alt: str) -> Markup:
    """Return a picture that `save` wrote; it is loaded when it is about to be seen.

    Its size is told, so that nothing moves when it comes, and links find their places before.
    """
    width, height = src.removesuffix(".webp").rsplit("-", 1)[1].split("x")
    return Markup(
        '<img src="{}" alt="{}" width="{}" height="{}" loading="lazy" decoding="async">'
    ).format(src, alt, width, height)
