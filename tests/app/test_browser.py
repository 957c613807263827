"""The page in Chromium: typing, pictures, reasons, filters, keys, themes and narrow screens; nothing goes elsewhere."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from skxmr.app import server
from skxmr.app.application import application
from skxmr.app.settings import Settings
from tests.app.conftest import HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
# The smallest contrast of text that the guidelines for accessibility (WCAG 2.2, AA) allow.
CONTRAST = 4.5
MEASURE = """() => {
  const luminance = (rgb) => {
    const parts = rgb.slice(0, 3).map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
  };
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(".hidden, .skip, noscript")) continue;
    const pair = [numbers(getComputedStyle(node).color), behind(node)].map(luminance).sort((a, b) => b - a);
    found.push([(pair[0] + .05) / (pair[1] + .05), node.tagName, node.className, node.textContent.slice(0, 40)]);
  }
  return found;
}"""
UNNAMED = """() => [...document.querySelectorAll("button, input, img, a, summary")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.textContent.trim() || node.getAttribute("alt") || node.getAttribute("aria-label")
    || (node.labels && node.labels.length)))
  .map((node) => node.outerHTML)"""


def started(current, **settings):
    """Start a server in a thread; return it and its address."""
    listener = server.listening("127.0.0.1", 0)
    config = uvicorn.Config(application(current, Settings(**settings)), http="h11", ws="none", log_level="warning")
    running = uvicorn.Server(config)
    threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True).start()
    return running, f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def address(served):
    running, address = started(served)
    yield address
    running.should_exit = True


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started_playwright:
        browser = started_playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """A function that opens a page; afterwards nothing may have gone wrong in it, or have gone elsewhere."""
    errors = []
    outside = []
    contexts = []

    def open_page(address, expected=(), **options):
        context = chromium.new_context(**({"viewport": {"width": 1100, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)

        def heard(message):
            if message.type in ("error", "warning") and not any(word in message.text for word in expected):
                errors.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        home = "/".join(address.split("/")[:3])
        page.on("request", lambda sent: outside.append(sent.url) if not _is_inside(sent.url, home) else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == [] and outside == []


def _is_inside(url, home):
    return url.startswith((f"{home}/", "blob:", "data:"))


def until(page, expression):
    """Wait until an expression is true; playwright's own way would evaluate strings within the page, which may not."""
    end = time.monotonic() + 60
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def settled(page):
    """Wait until the results and all of their pictures are there."""
    page.wait_for_selector("#results:not([aria-busy]) li")
    until(page, "[...document.querySelectorAll('#results img')].every((image) => image.naturalWidth > 0)")


def headings(page):
    settled(page)
    return page.locator("#results h2").all_text_contents()


def keep(page, name):
    """Write a screenshot where somebody has asked for them."""
    folder = os.environ.get("SKXMR_OUTPUT")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def is_accessible(page):
    """Tell that all text has contrast, that everything has a name, and that nothing is cut off at the side."""
    too_faint = [found for found in page.evaluate(MEASURE) if found[0] < CONTRAST]
    assert too_faint == [] and page.evaluate(UNNAMED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_words_are_typed_and_found(opened, address):
    page = opened(address)
    settled(page)
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("a red bird")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#status').textContent.includes('a red bird')")
    found = headings(page)
    assert found[0] == "a red bird" and len(found) == 24
    assert "72 items, for “a red bird”, 1 to 24 shown." in page.text_content("#status")
    assert "text=a+red+bird" in page.url
    is_accessible(page)
    keep(page, "words")
    page.keyboard.press("Escape")
    page.go_back()
    until(page, "!document.querySelector('#status').textContent.includes('for')")
    assert page.input_value("#text") == ""


def test_a_picture_is_chosen_dropped_and_removed(opened, address, folder):
    page = opened(address)
    settled(page)
    page.set_input_files("#file", folder / "pictures" / "blue_boat_5.png")
    until(page, "document.querySelector('#status').textContent.includes('for the picture')")
    assert headings(page)[0] == "a blue boat" and page.is_visible("#preview")
    keep(page, "picture")
    page.click("#forget")
    until(page, "!document.querySelector('#status').textContent.includes('for')")
    assert page.is_hidden("#preview") and page.evaluate("document.activeElement.id") == "text"
    content = list((folder / "pictures" / "green_house_7.png").read_bytes())
    page.evaluate(
        """(content) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(content)], "dropped.png", { type: "image/png" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    until(page, "document.querySelector('#status').textContent.includes('for the picture')")
    assert headings(page)[0] == "a green house"


def test_why_and_more_like_this_by_keys(opened, address):
    page = opened(f"{address}/?text=a+red+bird&modality=image")
    settled(page)
    page.keyboard.press("Tab")
    why = page.locator("#results button", has_text="Why?").first
    why.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#why[open] table")
    body = page.text_content("#why-body")
    assert "Score" in body and "red" in body and "bird" in body
    is_accessible(page)
    keep(page, "why")
    page.keyboard.press("Escape")
    assert page.is_hidden("#why") and page.evaluate("document.activeElement.textContent") == "Why?"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"
    page.locator("#results button", has_text="More like this").first.press("Enter")
    until(page, "document.querySelector('#status').textContent.includes('what is like red_bird')")
    assert headings(page)[0] == "a red bird" and page.evaluate("document.activeElement.id") == "results"


def test_tags_and_kinds_filter(opened, address):
    page = opened(f"{address}/?text=a+bird")
    settled(page)
    page.locator("#results .chip", has_text="blue").first.press("Enter")
    until(page, "document.querySelector('#status').textContent.startsWith('24 items')")
    # What was pressed is gone, and who goes on by keys is still among the results.
    settled(page)
    assert page.evaluate("document.activeElement.id") == "results"
    assert all("blue" in heading for heading in headings(page)) and page.is_visible("#filters")
    page.check("[name=modality][value=text]")
    until(page, "document.querySelector('#status').textContent.startsWith('12 items')")
    page.locator("#filters .chip").press("Enter")
    until(page, "document.querySelector('#status').textContent.startsWith('36 items')")
    assert page.evaluate("document.activeElement.id") == "text"
    page.click("#tags summary")
    page.fill("#prefix", "hou")
    until(page, "document.querySelectorAll('#tag-list .chip').length === 1")
    page.click("#tag-list .chip")
    until(page, "document.querySelector('#status').textContent.startsWith('12 items')")
    assert page.get_attribute("#tag-list .chip", "aria-pressed") == "true"
    is_accessible(page)
    keep(page, "filter")


def test_pages_are_turned(opened, address):
    page = opened(f"{address}/?text=a+bird")
    first = headings(page)
    page.click("#next")
    until(page, "document.querySelector('#range').textContent === 'Page 2 of 3'")
    settled(page)
    assert "25 to 48 shown" in page.text_content("#status") and page.is_enabled("#previous")
    page.click("#previous")
    until(page, "document.querySelector('#range').textContent === 'Page 1 of 3'")
    assert headings(page) == first and page.is_disabled("#previous")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_themes_and_widths(opened, address, theme, width):
    page = opened(f"{address}/?text=a+red+bird&tag=red", color_scheme=theme, viewport={"width": width, "height": 800})
    settled(page)
    is_accessible(page)
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(251, 251, 250)"
    assert is_dark == (theme == "dark")
    keep(page, f"{theme}_{width}")


def test_what_strangers_wrote_is_text(opened, changing):
    from skxmr.app.current import Current

    many = ";".join([HOSTILE, *(f"tag {i}" for i in range(1000))])
    running, address = started(Current(changing(HOSTILE, tags=many, **{HOSTILE: "x"})))
    page = opened(f"{address}/")
    settled(page)
    page.click("#tags summary")
    page.wait_for_selector("#tag-list .chip")
    page.locator("#results .chip", has_text="more").click()
    assert page.locator("#results .chip").count() == 1001
    page.locator("#results .chip").first.click()
    page.wait_for_selector("#filters .chip")
    settled(page)
    assert page.title() == "Search" and page.text_content("#results h2") == HOSTILE
    assert page.locator("#results img, #results script, #tag-list script").count() == 0
    running.should_exit = True


def test_a_token_is_asked_for_and_taken_from_the_address(opened, served):
    running, address = started(served, token="a-long-random-word")
    page = opened(f"{address}/", expected=["401"])
    page.wait_for_selector("#door:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "token"
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#status').textContent.includes('not the right one')")
    page.fill("#token", "a-long-random-word")
    page.keyboard.press("Enter")
    settled(page)
    assert page.is_hidden("#door")
    by_address = opened(f"{address}/#token=a-long-random-word")
    settled(by_address)
    assert "token" not in by_address.url
    running.should_exit = True


def test_a_new_version_and_the_end_of_the_server_are_said(opened, changing):
    from skxmr.app.current import Current

    running, address = started(Current(changing("first")))
    page = opened(f"{address}/", expected=["ERR_CONNECTION_REFUSED", "Failed to load resource"])
    assert headings(page) == ["first"]
    before = page.text_content("#about")
    changing("second")
    start = time.monotonic()
    while headings(page) != ["second"]:
        assert time.monotonic() - start < 5
        page.press("#text", "Enter")
        page.wait_for_timeout(200)
    assert page.text_content("#about") != before
    running.should_exit = True
    page.wait_for_timeout(1500)
    page.press("#text", "Enter")
    page.wait_for_selector("#problem:not([hidden])")
    assert "cannot be reached" in page.text_content("#problem")
