"""The lessons as a site: an index, a page a lesson, and their numbers beside them.

Nothing is fetched from anywhere, and the same results give the same bytes. A lesson is a module of
this package with ``build(results, out) -> Page``.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from markupsafe import Markup

from compare.lessons.pages import Page, asset, cited, environment
from compare.lessons.results import Results
from compare.page import payload
from compare.references import references
from images.durable import commit

__all__ = ["LESSONS", "Page", "Results", "build_site"]

LESSONS = (
    "knowledge_by_hand",
    "learned",
    "side_by_side",
    "curves_hide",
    "who_is_missed",
    "exercises",
)
"""The modules, in the order of reading."""

PICTURE = re.compile(r"img/[0-9a-f]{16}-\d+x\d+\.webp")
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
HEADING = re.compile(r'<h2 id="([^"]+)"[^>]*>(.*?)</h2>', re.DOTALL)


def build_site(
    results: Results, out: Path, say: Callable[[str], None] = lambda _: None
) -> tuple[Page, ...]:
    """Build every lesson and the index into a folder.

    Parameters
    ----------
    results : Results
    out : Path
        Pages of an earlier site in it are replaced; nothing else there is touched.
    say : callable
        Called with each page's title when it is done.
    """
    (out / "data").mkdir(parents=True, exist_ok=True)
    pages = []
    for name in LESSONS:
        pages.append(import_module(f"compare.lessons.{name}").build(results, out))
        say(pages[-1].title)
    for number, page in enumerate(pages):
        _write(out / f"{page.slug}.html", _framed(page, number, pages))
        _write(
            out / "data" / f"{page.slug}.json",
            json.dumps(page.data, sort_keys=True, indent=1, allow_nan=False) + "\n",
        )
    _write(out / "index.html", _index(pages))
    _sweep(out, pages)
    return tuple(pages)


def _sweep(out: Path, pages: Sequence[Page]) -> None:
    """Remove pictures of earlier sites that no page shows any more."""
    shown = {name for page in pages for name in PICTURE.findall(page.html + json.dumps(page.data))}
    for path in (out / "img").glob("*.webp"):
        if PICTURE.fullmatch(f"img/{path.name}") and f"img/{path.name}" not in shown:
            path.unlink()


def _write(path: Path, text: str) -> None:
    commit(path.parent, path, [text.encode()])


def _framed(page: Page, number: int, pages: Sequence[Page]) -> str:
    """Return a whole page: frame, navigation, body, sources."""
    sources = [(name, references()[name]) for name in cited(page.html)]
    headings = [(anchor, Markup(words).striptags()) for anchor, words in HEADING.findall(page.html)]
    return _document(
        "frame.html.j2",
        page=page,
        body=Markup(page.html),
        number=number,
        pages=pages,
        headings=headings,
        sources=sources,
        payload=payload(page.data),
    )


def _index(pages: Sequence[Page]) -> str:
    return _document("index.html.j2", pages=pages)


def _document(template: str, **parts: object) -> str:
    """Render a document, with a policy that allows its own style and scripts and nothing else."""
    sheet = asset("../design.css") + asset("lessons.css") + asset("net.css")
    written = (
        environment({})
        .get_template(template)
        .render(sheet=Markup(sheet), script=Markup(asset("lessons.js")), policy="POLICY", **parts)
    )
    scripts = " ".join(sorted({f"'sha256-{_digest(found)}'" for found in SCRIPT.findall(written)}))
    return written.replace(
        'content="POLICY"',
        f"content=\"default-src 'none'; style-src 'sha256-{_digest(sheet)}'; "
        f"script-src {scripts}; img-src 'self' file: data:; base-uri 'none'; "
        "form-action 'none'\"",
        1,
    )


def _digest(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
