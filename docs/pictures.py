"""Make the pictures that README shows, from drawings.

python docs/pictures.py
python docs/pictures.py demo/compared/report.html lessons/curves-hide.html    # pages, by Chromium
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from baseline import detect
from baseline.overlay import overlay
from images.mannequins import CONTROLS, draw
from images.reading import RGB

HERE = Path(__file__).parent
TILE = 168


def tile(image: RGB) -> RGB:
    """Fit a picture into a square on white."""
    factor = TILE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    square = np.full((TILE, TILE, 3), 255, np.uint8)
    top, left = (TILE - small.shape[0]) // 2, (TILE - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def contact_sheet(columns: int = 7) -> RGB:
    """Lay out drawings: two rows of bare lay figures, then a row each of some controls."""
    rows = [("bare", k) for k in (0, 1)]
    rows += [(kind, 0) for kind in ("clothed", "quadruped", "logs", "food")]
    rows += [("", 0)]
    others = [kind for kind in CONTROLS if kind not in dict(rows)]
    sheet = []
    for kind, first in rows:
        tiles = []
        for column in range(columns):
            chosen = kind or others[column % len(others)]
            rng = np.random.default_rng([7, len(sheet) if kind else 99, first, column])
            tiles.append(tile(draw(rng, chosen).image))
        sheet.append(np.hstack(tiles))
    return np.vstack(sheet)


def screen(page_file: Path, anchor: str, name: str) -> None:
    """Photograph a page, from an anchor on if there is one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1180, "height": 880})
        page.goto(page_file.resolve().as_uri())
        if anchor:  # as if nobody had come by a link: no highlight, no room above
            page.locator(anchor).evaluate(
                "place => { place.style.scrollMargin = '1.5rem'; place.scrollIntoView(); }"
            )
        page.wait_for_load_state("networkidle")
        page.screenshot(path=HERE / name)
        browser.close()


def main() -> None:
    """Write the pictures beside this file."""
    if len(sys.argv) > 1:
        report, lesson = map(Path, sys.argv[1:])
        screen(report, "", "report.png")
        screen(lesson, "#looking", "lesson.png")
        return
    drawing = draw(np.random.default_rng([1996, 31]), "bare")
    found = overlay(drawing.image, detect(drawing.image))
    Image.fromarray(found).save(HERE / "overlay.jpg", quality=88)
    Image.fromarray(contact_sheet()).save(HERE / "drawings.jpg", quality=85)


if __name__ == "__main__":
    main()
