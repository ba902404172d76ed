"""Pages as a reader and a browser meet them: the report's and the lessons'."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

from compare.pointers import resolve
from compare.wording import text

VOID = {"meta", "link", "br", "img", "input"}
SILENT = {"style", "script", "svg"}  # svg: axes, ticks and direct labels


# ---- Read


class Walk(HTMLParser):
    """Collects elements, and texts with what is open around them; elements close in order."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.elements = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        assert len(found) == len(attributes), f"an attribute twice: {tag} {attributes}"
        self.elements.append((tag, found))
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_endtag(self, tag):
        opened, _ = self.open.pop()
        assert opened == tag

    def handle_data(self, data):
        self.texts.append((list(self.open), data))


def visible(walk, silent=SILENT):
    """Yield every text that is read, with what is open around it."""
    for opened, words in walk.texts:
        if words.strip() and not any(tag in silent for tag, _ in opened):
            yield opened, words


def count_numbers(source, data, free=()):
    """Count the numbers on a lesson's page: each is as its data say, and no digit stands alone.

    It may in titles, which name years, and in elements of the classes in `free`.
    """
    found = 0
    for opened, words in visible(Walk(source), SILENT | {"math"}):  # math: the method's constants
        near = opened[-1][1]
        if "data-at" in near:
            value = resolve(data, unquote(near["data-at"]))
            assert words == text(value, near["data-as"]), near["data-at"]
            found += 1
            continue
        marked = any({"data-constant", "data-text"} & some.keys() for _, some in opened)
        titled = any(
            tag in {"title", "h1", "nav"} or some.get("class") in free for tag, some in opened
        )
        assert marked or titled or not re.search(r"\d", words), words
    return found


# ---- In a browser


class Visitor:
    """Opens pages in a browser, and knows what they said on the console and asked for."""

    def __init__(self, browser):
        self._browser = browser
        self.contexts, self.said, self.asked = [], [], []

    def open(self, path, **options):
        context = self._browser.new_context(**options)
        self.contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: self.said.append(message.text))
        tab.on("pageerror", lambda error: self.said.append(str(error)))
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("requestfailed", lambda request: self.said.append(f"failed: {request.url}"))
        tab.goto(path.as_uri())
        return tab

    def leave(self):
        """Close the pages, none of which may have said a word; return what they asked for."""
        for context in self.contexts:
            context.close()
        assert self.said == []
        return self.asked


def until(tab, condition, polling=50):
    """Wait for a condition; the page's own policy forbids it what `wait_for_function` asks."""
    for _ in range(200):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(polling)
    raise AssertionError(f"it does not happen: {condition}")


def unfold(tab):
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def grave_faults(tab):
    """What axe finds serious, with everything unfolded: the rule, and the first elements."""
    from axe_playwright_python.sync_playwright import Axe

    unfold(tab)
    found = Axe().run(tab).response["violations"]
    grave = [v for v in found if v["impact"] in {"serious", "critical"}]
    return [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in grave]
