"""The page of ``terrascope-vlm demo`` in a real browser: what is seen, lit, dropped, and done by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faces import REPLY, dictate, noise, sentinel_1, sentinel_2
from terrascope_vlm.demo.server import Server
from terrascope_vlm.plugin import TerraScope

from terracot.plugins import EvidenceMask

pytest.importorskip("torch")


class Page:
    """The page in a browser, and everything that it complained of or asked the network for."""

    def __init__(self, browser: Any, server: Server, width: int = 1400, scheme: str = "light") -> None:
        self.server = server
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(15_000)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(server.url)
        self.page.wait_for_selector("#examples button")

    def until(self, condition: str) -> None:
        """Wait for an expression of the page (Playwright's own waiting needs `eval`, which the page forbids)."""
        for _ in range(600):
            if self.page.evaluate(f"Boolean({condition})"):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"{condition} did not become true")

    def open_example(self) -> None:
        self.page.click("#examples button")
        self.until("state.scene && state.pictures.length && state.pictures.every((p) => p.complete)")

    def done(self) -> None:
        self.until("!state.asking && document.getElementById('status').textContent")
        self.until("state.shown === null")

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        """Colour of a pixel of the scene as drawn in the frame in view."""
        return tuple(
            self.page.evaluate(
                """([x, y]) => {
                  const canvas = document.querySelector("#canvases figure:not([hidden]) canvas");
                  const scale = canvas.width / state.scene.width;
                  const at = (n) => Math.round((n + 0.5) * scale);
                  return [...canvas.getContext("2d").getImageData(at(x), at(y), 1, 1).data].slice(0, 3);
                }""",
                [x, y],
            )
        )


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Page]:
    """The page; the test fails when anything was written to its console or asked of another address."""
    one = Page(browser, server)
    yield one
    one.page.close()
    assert [text for text in one.errors if "willReadFrequently" not in text] == []
    assert all(url.startswith((server.url, "data:")) for url in one.requests)


def give_masks(monkeypatch: pytest.MonkeyPatch, model: TerraScope) -> None:
    """Two masks known by hand: the upper left cell on date 1, the lower right one on date 2."""
    masks = [EvidenceMask(t, "", np.zeros((32, 32), dtype=bool)) for t in (1, 2)]
    masks[0].mask[:8, :8] = masks[1].mask[24:, 24:] = True
    tell = model.tell
    monkeypatch.setattr(model, "tell", lambda prompts, forced=None, on_event=None: tell(prompts, [masks], on_event))


def test_question_is_asked_and_its_masks_appear_in_the_reasoning(
    page: Page, demo_model: TerraScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictate(monkeypatch, REPLY)
    give_masks(monkeypatch, demo_model)
    page.open_example()
    page.page.click("#suggestions button")
    page.done()
    shown = page.page
    assert shown.inner_text("#status") == "Done."
    assert shown.inner_text("#answer") == "B: 2 ha"
    assert shown.inner_text("#truth") == "Measured on the true labels: A: 1 ha"
    # Words of the model stay words: its tags are shown, not obeyed.
    assert "It has 9 <b>pixels</b>." in shown.inner_text("#reasoning")
    assert shown.locator("#reasoning b").count() == 0
    assert shown.locator("#reasoning button.seg").count() == 2
    rows = [" ".join(text.split()) for text in shown.locator("#masks .row").all_inner_texts()]
    assert rows == ["1 water 64 px (6.3%) · 6,400 m² · image 1", "2 tree cover 64 px (6.3%) · 6,400 m² · image 2"]


def test_hovering_and_focusing_a_seg_lights_its_mask_on_its_date(
    page: Page, demo_model: TerraScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictate(monkeypatch, REPLY)
    give_masks(monkeypatch, demo_model)
    page.open_example()
    page.page.fill("#ask", "Where?")
    page.page.keyboard.press("Control+Enter")
    page.done()
    page.page.mouse.move(0, 0)
    page.page.evaluate("document.activeElement.blur()")
    first, second = noise(10), noise(20)  # of dates 1 and 2
    assert page.pixel(20, 20) == tuple(first[20, 20])
    page.page.hover("#reasoning button.seg >> nth=0")
    assert page.page.evaluate("state.lit") == [0]
    assert max(abs(a - 0.45 * b) for a, b in zip(page.pixel(20, 20), first[20, 20], strict=True)) <= 2  # darkened
    page.page.focus("#reasoning button.seg >> nth=1")
    page.page.mouse.move(0, 0)
    assert page.page.evaluate("state.lit") == [1]
    assert max(abs(a - 0.45 * b) for a, b in zip(page.pixel(4, 4), second[4, 4], strict=True)) <= 2
    # The cell that was read is outlined in white; without the tick it is not.
    edge = page.page.evaluate(
        """() => {
          const canvas = document.querySelector("#canvases figure:not([hidden]) canvas");
          const scale = canvas.width / 32;
          const look = () => Math.min(...canvas.getContext("2d").getImageData(24 * scale + 1, 28 * scale, 1, 1).data);
          const ticked = look();
          document.getElementById("cells").click();
          return [ticked, look()];
        }"""
    )
    assert edge[0] > 150 > edge[1]


def test_files_are_dropped_and_asked_about(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "<think>Here: [SEG].</think><answer>water</answer>")
    paths = [sentinel_2(tmp_path / "optical.tif"), sentinel_1(tmp_path / "pair_SAR.tif")]
    page.page.evaluate(
        """async (files) => {
          const data = new DataTransfer();
          for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [[path.name, list(path.read_bytes())] for path in paths],
    )
    page.until("!document.getElementById('trouble').hidden")
    assert "nothing says what they mean" in page.page.inner_text("#trouble")
    assert page.page.locator("#chosen select").evaluate_all("(all) => all.map((one) => one.value)") == ["", "sar"]
    page.errors.clear()  # the browser notes the refusal
    page.page.select_option("#image-unit", "reflectance")
    page.until("!document.getElementById('trouble').hidden")
    page.errors.clear()
    page.page.fill("#image-scale", "0.0001")
    page.page.press("#image-scale", "Tab")
    page.until("state.scene && state.scene.frames.length === 2")
    assert page.page.is_hidden("#trouble")
    assert "10 m down, 10 m across, measured" in page.page.inner_text("#ground")
    page.page.fill("#ask", "What is there?")
    page.page.click("#go")
    page.done()
    assert page.page.inner_text("#answer") == "water"
    page.page.click("#chosen button >> nth=1")
    page.until("state.scene.frames.length === 1")


def test_answer_can_be_stopped(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "word " * 150)
    page.open_example()
    page.page.fill("#ask", "Where?")
    page.page.click("#go")
    page.until("state.text.length > 10")
    page.page.keyboard.press("Escape")
    page.done()
    assert page.page.inner_text("#status") == "Stopped."
    assert page.page.is_enabled("#go")


def test_another_question_or_scene_takes_the_place_of_a_running_one(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictate(monkeypatch, "word " * 150, "<think>No.</think><answer>no</answer>", "word " * 150)
    page.open_example()
    page.page.fill("#ask", "Where?")
    page.page.click("#go")
    page.until("state.text.length > 10")
    page.page.click("#suggested summary")
    page.page.click("#suggestions button")
    page.done()
    assert page.page.inner_text("#reasoning") == "No."
    page.page.fill("#ask", "Where?")
    page.page.click("#go")
    page.until("state.text.length > 10")
    page.page.click("#examples button")
    page.until("!state.asking")
    assert page.page.is_enabled("#go")
    assert page.page.is_hidden("#reply")
    assert page.page.inner_text("#status") == ""


def test_page_is_used_by_keys_alone(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, REPLY)
    focus = "document.activeElement.id || document.activeElement.textContent"
    page.page.keyboard.press("Tab")
    assert page.page.evaluate(focus) == "Skip to the question"
    page.page.focus("#examples button")
    page.page.keyboard.press("Enter")
    page.until("state.scene && state.pictures.every((p) => p.complete)")
    page.page.focus("#ask")
    page.page.keyboard.type("Where?")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Tab")
    assert page.page.evaluate(focus) == "go"
    page.page.keyboard.press("Enter")
    page.done()
    page.page.focus("#reasoning button.seg >> nth=0")
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("state.lit") == [1]
    unnamed = page.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")].filter((one) =>
          !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).map((one) => one.outerHTML)"""
    )
    assert unnamed == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_page_fits_and_can_be_read_in_light_and_dark(
    browser: Any, server: Server, demo_model: TerraScope, monkeypatch: pytest.MonkeyPatch, width: int, scheme: str
) -> None:
    dictate(monkeypatch, REPLY)
    give_masks(monkeypatch, demo_model)
    one = Page(browser, server, width, scheme)
    one.open_example()
    one.page.fill("#ask", "Where?")
    one.page.click("#go")
    one.done()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = one.page.evaluate(
        """() => {
          const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => v / 255)
              .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const paper = (one) => {
            const colour = getComputedStyle(one).backgroundColor;
            return /, 0\\)$/.test(colour) && one.parentElement ? paper(one.parentElement) : colour;
          };
          const ids = ["about", "ask", "go", "status", "asked", "reasoning", "answer", "facts", "ground"];
          return ids.map((id) => {
            const one = document.getElementById(id);
            const [a, b] = [light(getComputedStyle(one).color), light(paper(one))];
            return [id, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
          });
        }"""
    )
    assert {id for id, contrast in contrasts if contrast < 4.5} == set()
    one.page.close()
