"""The page of ``terracot browse`` in a real browser: what is drawn, lit, found and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from make_pages import BROWN, GREEN, GREY, Opened, sample, scene

from terracot.browse import browse
from terracot.masks import RleError, decode, encode

RED, BLUE = (255, 70, 70), (70, 190, 255)  # of the first two masks
Rows = Callable[..., Path]


def near(found: tuple[int, int, int], expected: tuple[float, ...], tolerance: float = 3) -> bool:
    return max(abs(f - e) for f, e in zip(found, expected, strict=True)) <= tolerance


def mixed(picture: tuple[int, ...], colour: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    return tuple(p * (1 - alpha) + c * alpha for p, c in zip(picture, colour, strict=True))


def listed(page: Any) -> list[str]:
    return [link.get_attribute("href")[1:] for link in page.locator("#list li:not([hidden]) a").all()]


# --- pictures and masks ---------------------------------------------------------------------------------------------


def test_picture_is_drawn_with_the_mask_of_its_date(opened: Opened, page_of: Rows) -> None:
    opened.go(page_of([sample()]))
    assert near(opened.pixel(6, 6), GREY)  # outside every mask of date 1
    assert near(opened.pixel(1, 1), mixed(GREY, RED, 0.28))


def test_mask_that_is_switched_off_is_gone_and_comes_back(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    page.uncheck("#mask-0")
    page.mouse.move(0, 0)
    assert near(opened.pixel(1, 1), GREY)
    assert page.inner_text("#all-masks") == "Show all"
    page.click("#all-masks")
    assert page.is_checked("#mask-0")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    assert near(opened.pixel(1, 1), mixed(GREY, RED, 0.28))


def test_tint_can_be_taken_away_from_the_outlines(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    page.fill("#tint", "0")
    assert near(opened.pixel(1, 1), GREY)
    edge = page.evaluate(
        "(() => { const c = document.querySelector('canvas'); const s = c.width / 8;"
        " return [...c.getContext('2d').getImageData(3 * s, 1.5 * s, 1, 1).data].slice(0, 3) })()"
    )
    assert near(tuple(edge), RED, 40)  # the line between its third and fourth column


def test_hovering_a_step_lights_its_mask_and_darkens_the_rest(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    page.hover("#trace li:nth-child(1)")
    assert near(opened.pixel(1, 1), mixed(GREY, RED, 0.168))
    assert near(opened.pixel(6, 6), mixed(GREY, (0, 0, 0), 0.55))
    assert "lit" in (page.get_attribute("#trace li:nth-child(1)", "class") or "")
    page.hover("#question")
    assert near(opened.pixel(6, 6), GREY)


def test_step_of_another_date_shows_the_image_of_that_date_while_it_is_lit(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    assert near(opened.pixel(3, 7), GREY)
    page.hover("#trace li:nth-child(2)")
    assert near(opened.pixel(6, 6), mixed(BROWN, BLUE, 0.168))
    assert "Image 2" in page.inner_text("#canvases figure:not([hidden]) figcaption")
    page.hover("#question")
    assert near(opened.pixel(3, 7), GREY)


def test_step_about_both_dates_leaves_the_chosen_image_in_view(opened: Opened, page_of: Rows) -> None:
    ratio = {"quantity": "share", "of": [0, 1], "value": 100.0, "unit": "%", "text": "100"}
    step = {"kind": "say", "text": "Both are equal: 100%.", "mask": None, "values": [ratio]}
    page = opened.go(page_of([sample(steps=[*sample()["steps"], step])]))
    page.click("#frames label:nth-of-type(3)")
    page.hover("#trace li:nth-child(5)")
    assert page.evaluate("state.lit") == [0, 1]
    assert near(opened.pixel(6, 6), mixed(BROWN, BLUE, 0.168))


def test_focus_lights_as_the_pointer_does(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    page.focus("#trace li:nth-child(1)")
    assert near(opened.pixel(6, 6), mixed(GREY, (0, 0, 0), 0.55))
    page.keyboard.press("Tab")  # to the second step
    assert page.evaluate("state.lit") == [1]
    page.keyboard.press("Tab")  # to the third, which measures the second mask
    assert page.evaluate("state.lit") == [1]
    page.keyboard.press("Tab")  # to its number
    page.keyboard.press("Tab")  # to the last, which has no mask
    assert page.evaluate("state.lit") == []


def test_legend_names_each_mask_its_size_and_its_date(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    rows = [" ".join(text.split()) for text in page.locator("#masks li").all_inner_texts()]
    assert rows == ["1 water 9 px · image 1", "2 town 9 px · image 2"]
    page.hover("#masks li:nth-child(2)")
    assert page.evaluate("state.lit") == [1]


def test_images_are_chosen_by_sensor_and_date(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample(), sample("s2")]))
    labels = page.locator("#frames label").all_inner_texts()
    assert labels == ["1 optical", "1 sar", "2", "side by side"]
    page.click("#frames label:nth-of-type(2)")
    assert near(opened.pixel(6, 6), GREEN)
    page.keyboard.press("j")  # the next sample opens with the sensor that was chosen
    opened.until("state.at === 1 && state.pictures.every((p) => p.complete)")
    assert near(opened.pixel(6, 6), GREEN)
    page.click("#frames label:nth-of-type(4)")
    assert page.locator("#canvases figure:visible").count() == 3


def test_every_row_is_shown_with_its_own_scene(opened: Opened, page_of: Rows) -> None:
    names = ["b", "a", "c", "a", "b"]
    page = opened.go(page_of([sample(f"s{n}", scene_id=name) for n, name in enumerate(names)], list(map(scene, "abc"))))
    for place, name in enumerate(names):
        opened.until(f"state.at === {place}")
        assert f"Scene\n{name}\n" in page.inner_text("#origin")
        page.keyboard.press("j")


def test_damaged_mask_is_named_and_the_rest_is_shown(opened: Opened, page_of: Rows) -> None:
    masks = sample()["masks"]
    masks[1]["rle"]["counts"] = "~~~"
    page = opened.go(page_of([sample(masks=masks)]))
    assert "mask holds the character" in page.inner_text("#masks li:nth-child(2)")
    assert near(opened.pixel(1, 1), mixed(GREY, RED, 0.28))


# --- words ----------------------------------------------------------------------------------------------------------


def test_question_trace_answer_and_origin_are_told(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample()]))
    assert page.inner_text("#question") == "How much town is there?"
    steps = [" ".join(text.split()) for text in page.locator("#trace li").all_inner_texts()]
    assert steps == ["The water is here: 1[SEG]", "The town is here: 2[SEG]", "It has 9 pixels.", "That is all."]
    assert page.inner_text("#answer") == "9 pixels"
    origin = page.inner_text("#origin")
    for words in ("CC-BY-NC-4.0 (no commercial use)", "(c) somebody", "unknown (no georeference)"):
        assert words in origin


@pytest.mark.parametrize("way", ["hover", "focus"])
def test_number_tells_its_quantity(opened: Opened, page_of: Rows, way: str) -> None:
    page = opened.go(page_of([sample()]))
    assert page.is_hidden("#tip")
    getattr(page, way)("#trace .number")
    assert page.inner_text("#tip") == "pixels of mask 2 (town): 9"
    assert page.get_attribute("#trace .number", "aria-describedby") == "tip"


def test_right_option_is_marked(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of([sample(form="choice", options=["4", "9", "17", "30"], answer="B")]))
    assert page.locator("#options li").all_inner_texts() == ["A 4", "B 9 ✓ right", "C 17", "D 30"]
    assert page.inner_text("#answer") == "B: 9"


def test_row_without_masks_and_trace_is_shown(opened: Opened, page_of: Rows) -> None:
    truth = {"value": None, "unit": "", "text": "yes"}
    page = opened.go(page_of([sample(masks=[], steps=[], answer="yes", kind="rsvqa-lr/presence", truth=truth)]))
    assert page.inner_text("#answer") == "yes"
    assert page.is_hidden("#trace-part")
    assert page.is_hidden(".legend")


# --- finding --------------------------------------------------------------------------------------------------------


def several() -> list[dict[str, Any]]:
    rows = [sample(f"id{n}", kind=("area", "distance")[n % 2], split=("train", "test")[n < 2]) for n in range(6)]
    rows[5]["question"] = "Where is the ferry?"
    return rows


def test_filters_reduce_the_list_and_are_cleared(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of(several()))
    assert len(listed(page)) == 6
    page.select_option("#facet-kind", label="distance (3)")
    assert listed(page) == ["id1", "id3", "id5"]
    page.select_option("#facet-split", label="train (4)")
    assert listed(page) == ["id3", "id5"]
    assert page.inner_text("#found") == "2 of 6 samples"
    page.click("#reset")
    assert len(listed(page)) == 6
    page.fill("#text", "FERRY where")
    assert listed(page) == ["id5"]
    page.fill("#text", "nothing has these words")
    assert listed(page) == []
    assert page.is_disabled("#next")


def test_class_filter_finds_rows_by_any_of_their_masks(opened: Opened, page_of: Rows) -> None:
    only_water = sample("dry", masks=sample()["masks"][:1], steps=[])
    page = opened.go(page_of([sample(), only_water]))
    page.select_option("#facet-classes", label="town (1)")
    assert listed(page) == ["s1"]


def test_keys_go_through_what_the_filters_leave(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of(several()))
    page.select_option("#facet-kind", label="distance (3)")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    assert page.evaluate("location.hash") == "#id1"
    page.keyboard.press("ArrowRight")
    opened.until("location.hash === '#id3'")
    page.keyboard.press("k")
    opened.until("location.hash === '#id1'")
    assert page.inner_text("#position") == "1 of 3"
    assert page.is_disabled("#previous")


def test_keys_switch_masks_and_images_but_not_while_typing(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of(several()))
    page.keyboard.press("2")
    assert not page.is_checked("#mask-1")
    page.keyboard.press("m")
    assert page.is_checked("#mask-1")
    page.keyboard.press("f")
    assert near(opened.pixel(6, 6), GREEN)
    page.keyboard.press("/")
    page.keyboard.type("j2m")
    assert page.input_value("#text") == "j2m"
    assert page.is_checked("#mask-1")


def test_link_opens_its_sample_and_an_unknown_one_says_so(opened: Opened, page_of: Rows) -> None:
    path = page_of(several())
    page = opened.go(path, "#id5")
    assert page.inner_text("#question") == "Where is the ferry?"
    assert page.get_attribute("#list a[aria-current]", "href") == "#id5"
    page.evaluate("location.hash = 'gone'")
    page.wait_for_selector("#missing:visible")
    assert "Sample gone is not in this page, which holds 6 of 6" in page.inner_text("#missing")


# --- for everybody --------------------------------------------------------------------------------------------------


def test_every_control_has_a_name(opened: Opened, page_of: Rows) -> None:
    page = opened.go(page_of(several()))
    nameless = page.evaluate(
        """[...document.querySelectorAll("input, select, button, canvas")].filter((one) =>
             !one.labels?.length && !one.ariaLabel && !one.textContent.trim()).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert page.get_attribute("html", "lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_follows_the_system_and_the_button(opened: Opened, page_of: Rows, scheme: str) -> None:
    opened.page.emulate_media(color_scheme=scheme)
    page = opened.go(page_of([sample()]))
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    papers = {"light": "rgb(246, 247, 245)", "dark": "rgb(17, 22, 20)"}
    assert page.evaluate(colour) == papers.pop(scheme)
    page.click("#theme")
    assert [page.evaluate(colour)] == list(papers.values())


def test_narrow_page_fits_and_opens_its_list(browser: Any, page_of: Rows) -> None:
    opened = Opened(browser, 390, 844)
    page = opened.go(page_of([sample(question="W" * 300), sample("s2")]))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.is_hidden("#finder")
    page.click("#open-finder")
    page.click("#list li:nth-child(2) a")
    assert page.is_hidden("#finder")
    assert page.evaluate("state.at") == 1
    assert opened.errors == []
    page.close()


# --- hostile content ------------------------------------------------------------------------------------------------

NASTY = [
    "</script><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "<svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "'); window.hacked = 1; ('",
    "<!--<script>",
    "\u202egnp.\u202c \U0001f30d é \u2028",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.sampled_from(NASTY)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS, TEXTS)
@example(*NASTY[:3])
@example(*NASTY[3:6])
def test_text_of_any_kind_is_shown_as_it_is_and_never_run(
    opened: Opened, page_of: Rows, question: str, name: str, option: str
) -> None:
    masks = [mask | {"class_name": name} for mask in sample()["masks"]]
    steps = [step | {"text": option} for step in sample()["steps"]]
    row = sample(question=question, options=[option, "x" + option], answer="A", masks=masks, steps=steps, kind=name)
    page = opened.go(page_of([row], [scene(attribution=question, provenance=json.dumps({"file": option}))]))
    assert page.evaluate("document.getElementById('question').textContent") == question
    assert page.evaluate("document.querySelector('#options li span').textContent") == option
    assert page.evaluate("document.querySelector('#masks .name').textContent") == name
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, svg").count() == 0


# --- masks: the decoder of the page against terracot.masks -----------------------------------------------------------


@pytest.fixture(scope="module")
def decoder(browser: Any) -> Any:
    """A blank page with the decoder."""
    from importlib.resources import files

    page = browser.new_page()
    page.add_script_tag(content=(files("terracot.browser") / "rle.js").read_text("utf-8"))
    yield page
    page.close()


def js_decode(page: Any, size: list[int], counts: str) -> list[int] | str:
    code = "(rle) => { try { return [...decodeRle(rle)] } catch (error) { return error.message } }"
    found: list[int] | str = page.evaluate(code, {"size": size, "counts": counts})
    return found


@settings(max_examples=150, deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_decoder_gives_the_mask_that_was_encoded(decoder: Any, mask: np.ndarray) -> None:
    rle = encode(mask)
    assert js_decode(decoder, rle["size"], rle["counts"]) == mask.ravel().astype(int).tolist()


def test_decoder_reads_long_runs(decoder: Any) -> None:
    """A run of 1,048,575 and one of 1 pixel: five characters, and a difference with a sign."""
    mask = np.zeros((1024, 1024), bool)
    mask[-1, -1] = True
    rle = encode(mask)
    code = "(rle) => { const bits = decodeRle(rle); return [bits.length, bits.indexOf(1)] }"
    assert decoder.evaluate(code, rle) == [1 << 20, (1 << 20) - 1]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=130), max_size=12))
def test_decoder_refuses_what_terracot_refuses(decoder: Any, counts: str) -> None:
    found = js_decode(decoder, [4, 3], counts)
    try:
        expected = decode({"size": [4, 3], "counts": counts}, (4, 3))
    except RleError:
        assert isinstance(found, str)
    else:
        assert found == expected.ravel().astype(int).tolist()


# --- real rows ------------------------------------------------------------------------------------------------------


def test_generated_data_set_and_benchmark_can_be_looked_through(opened: Opened, tmp_path: Path) -> None:
    from terrabench.building.build import build
    from terracot.dataset import generate
    from terracot.generate import source_spec
    from terracot.levels import parse_mix

    source = source_spec("procedural", "{scenes: 32, size: 64}")
    generate(source, tmp_path / "set", mix=parse_mix("l1", "all"))
    build(source, tmp_path / "bench")
    for name in ("set", "bench"):
        page = opened.go(browse(tmp_path / name, tmp_path / f"{name}.html", limit=20).out)
        for place in range(len(listed(page))):
            opened.until(f"state.at === {place}")
            assert page.inner_text("#question")
            assert page.inner_text("#answer")
            assert page.locator("#masks li").count() >= 1
            assert "mask has" not in page.inner_text("#masks")
            page.keyboard.press("j")
