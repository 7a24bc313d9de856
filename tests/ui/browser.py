"""A real browser for tests of web pages: Debian's Chromium, driven by Playwright, and the machine's own addresses only.

Pages are waited for by what they show, never for a time. Pictures for the guides are taken where MODELSTORE_PICTURES
says so, in few colours, so that they weigh little.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from tests.needs import program

__all__ = ["Visit", "browsing", "visiting"]

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
_SIZE = {"width": 1440, "height": 1000}
_PATIENCE = 120_000.0
_LARGEST = 200_000
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    # Pages find no other machine. Not by Playwright's routes: these switch the browser's cache off.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without windows, closed at the end."""
    path = program("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One page of a server, and where its requests went.

    Attributes:
        page: Playwright's.
        address: The server's.
        elsewhere: Requests to other machines, none of which is found.
    """

    page: Page
    address: str
    elsewhere: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go there."""
        self.page.goto(f"{self.address}{path}", wait_until="domcontentloaded")

    def see(self, text: str | re.Pattern[str], *, exact: bool = False) -> Locator:
        """Wait until the page shows it."""
        found = self.page.get_by_text(text, exact=exact).first
        expect(found).to_be_visible()
        return found

    def press(self, name: str, *, holding: Literal["Shift"] | None = None) -> None:
        """Press the newest button or link of this name, once it is there and can be pressed."""
        found = self.page.locator("button, a").filter(has_text=re.compile(name)).last
        found.click(modifiers=[] if holding is None else [holding])

    def picture(self, name: str, *, height: int = _SIZE["height"]) -> None:
        """What is seen now, for the guides, if pictures are asked for; in a window so high."""
        self.page.set_viewport_size({"width": _SIZE["width"], "height": height})
        self.page.wait_for_load_state("networkidle")
        picture = self.page.screenshot(animations="disabled")
        self.page.set_viewport_size({"width": _SIZE["width"], "height": _SIZE["height"]})
        if os.environ.get("MODELSTORE_PICTURES") != "1":
            return
        IMAGES.mkdir(exist_ok=True)
        small = Image.open(BytesIO(picture)).convert("P", palette=Image.Palette.ADAPTIVE, colors=96)
        small.save(IMAGES / f"{name}.png", optimize=True)
        assert (IMAGES / f"{name}.png").stat().st_size <= _LARGEST


@contextmanager
def visiting(browser: Browser, address: str) -> Iterator[Visit]:
    """A fresh page, as somebody sees it who has never been there."""
    expect.set_options(timeout=_PATIENCE)
    context = browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]  # a plain dict is one of its kind
    context.set_default_timeout(_PATIENCE)
    visit = Visit(page=context.new_page(), address=address)

    def note(url: str) -> None:
        if urlsplit(url).hostname not in {"127.0.0.1", "localhost", None}:
            visit.elsewhere.append(url)

    visit.page.on("request", lambda request: note(request.url))
    try:
        yield visit
    finally:
        context.close()
