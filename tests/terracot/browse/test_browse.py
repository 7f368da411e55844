"""What goes into the page of ``terracot browse``, without a browser."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_pages import sample, scene

from terracot.browse import browse, draw, json_in_html, picture_uri, pieces
from terracot.cli import main
from terracot.io import OutputError
from terracot.render import png_bytes

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<!-- <script>",
    '"><img src=x onerror="window.hacked=1">',
    "@DATA@ @SCRIPT@",
    "\u2028\u2029\u202e\x00]]>&lt;",
]
JSON = st.recursive(st.text() | st.sampled_from(HOSTILE) | st.integers(), st.lists, max_leaves=8)


@given(JSON)
def test_json_in_a_page_cannot_leave_its_element(value: Any) -> None:
    text = json_in_html(value)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


def test_hostile_texts_are_data_and_never_markup(page_of: Callable[..., Path]) -> None:
    """Title, question, class names, options, provenance: the page has its own four kinds of elements only."""
    masks = [m | {"class_name": HOSTILE[n]} for n, m in enumerate(sample()["masks"])]
    rows = [sample(f"id{n}", question=text, answer=text, source=text, masks=masks) for n, text in enumerate(HOSTILE)]
    text = page_of(rows, [scene(attribution=HOSTILE[0], provenance=json.dumps({"file": HOSTILE[2]}))]).read_text(
        "utf-8"
    )
    assert len(re.findall(r"<script", text)) == 3  # data, one scene, the page's own script
    assert text.count("</script>") == 3
    assert "<img" not in text
    assert "onerror=&quot;" not in text


def test_page_names_no_address_outside_itself(page_of: Callable[..., Path]) -> None:
    text = page_of([sample()]).read_text("utf-8")
    assert re.findall(r"https?:|//[a-z]+\.|@import|url\(", text) == []
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_same_folder_gives_the_same_page(folder_of: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of([sample(f"id{n}") for n in range(9)])
    first, second = (browse(folder, tmp_path / name, limit=4).out.read_bytes() for name in ("a.html", "b.html"))
    assert first == second
    assert str(tmp_path).encode() not in first


# --- the draw -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(folder_of: Callable[..., Path]) -> Path:
    """40 l1, 20 captions, 3 refer."""
    levels = ["l1"] * 40 + ["caption"] * 20 + ["refer"] * 3
    return folder_of([sample(f"id{n:02d}", level=level) for n, level in enumerate(levels)])


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(30, {"l1": 14, "caption": 13, "refer": 3}), (3, {"l1": 1, "caption": 1, "refer": 1}),
     (1000, {"l1": 40, "caption": 20, "refer": 3}), (2, {"l1": 1, "refer": 1})],
)  # fmt: skip
def test_draw_is_even_over_levels_and_the_scarce_give_all(mixed: Path, limit: int, expected: dict[str, int]) -> None:
    chosen, total = draw(mixed, "samples", limit, 0)
    level = {f"id{n:02d}": "l1" if n < 40 else "caption" if n < 60 else "refer" for n in range(63)}
    assert total == 63
    assert Counter(level[row_id] for row_id in chosen) == expected


def test_draw_depends_on_the_seed_alone(mixed: Path) -> None:
    assert draw(mixed, "samples", 10, 0) == draw(mixed, "samples", 10, 0)
    assert draw(mixed, "samples", 10, 0) != draw(mixed, "samples", 10, 1)


def test_page_says_how_many_of_how_many_it_holds(mixed: Path, tmp_path: Path) -> None:
    page = browse(mixed, tmp_path / "page.html", limit=10, seed=7)
    assert (page.shown, page.total) == (10, 63)
    assert "10 of 63 rows, drawn evenly over levels (seed 7)" in page.out.read_text("utf-8")


# --- texts and pictures ---------------------------------------------------------------------------------------------


def _value(text: str, of: tuple[int, ...] = (0,), quantity: str = "pixels", unit: str = "px") -> dict[str, Any]:
    return {"quantity": quantity, "of": list(of), "value": float(text.replace(",", "")), "unit": unit, "text": text}


def test_numbers_are_cut_out_with_their_quantity() -> None:
    cut = pieces("It has 1,200 pixels, 7.5 ha.", [_value("1,200"), _value("7.5", (0, 1), "area", "ha")], ["a", "b"])
    assert [piece if isinstance(piece, str) else piece["text"] for piece in cut] == [
        "It has ", "1,200", " pixels, ", "7.5", " ha.",
    ]  # fmt: skip
    assert cut[1] == {"text": "1,200", "tip": "pixels of mask 1 (a): 1,200", "masks": [0]}
    assert cut[3]["tip"] == "area of mask 1 (a) and mask 2 (b): 7.5 ha"


def test_digits_of_class_names_are_no_numbers() -> None:
    assert pieces("zone 3 has 3 pixels", [_value("3")], ["zone 3"])[0] == "zone 3 has "


def test_text_whose_numbers_are_not_those_recorded_stays_whole() -> None:
    assert pieces("4 of 5", [_value("4")], ["a"]) == ["4 of 5"]


@given(st.text(), st.lists(st.sampled_from(["1", "2,000", "3.5"]), max_size=3))
def test_pieces_put_together_are_the_text(text: str, numbers: list[str]) -> None:
    text = " ".join([text, *numbers])
    cut = pieces(text, [_value(number) for number in numbers], ["a"])
    assert "".join(piece if isinstance(piece, str) else piece["text"] for piece in cut) == text


def test_large_pictures_are_reduced_and_small_ones_stay_as_they_are(tmp_path: Path) -> None:
    import numpy as np

    small = png_bytes(np.zeros((8, 8, 3), np.uint8))
    assert picture_uri({"bytes": small, "path": None}, tmp_path).startswith("data:image/png;base64,")
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png_bytes(noise))
    reduced = picture_uri({"bytes": None, "path": "images/a.png"}, tmp_path)
    assert reduced.startswith("data:image/jpeg;base64,")
    assert len(reduced) < len(png_bytes(noise)) / 2


# --- the command ----------------------------------------------------------------------------------------------------


def test_missing_scene_is_named(folder_of: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="scene elsewhere is missing"):
        browse(folder_of([sample(scene_id="elsewhere")]), tmp_path / "page.html")


def test_command_writes_the_page(
    folder_of: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = folder_of([sample()]), tmp_path / "page.html"
    assert main(["browse", str(folder), "--out", str(out)]) == 0
    assert "1 of 1 rows" in capsys.readouterr().out
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert main(["browse", str(folder), "--out", str(tmp_path / "page.png")]) == 2
    assert "ends in .html" in capsys.readouterr().err


def test_every_text_can_be_read_in_both_themes() -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2 AA) between each ink and the papers that it is written on."""
    from importlib.resources import files

    style = (files("terracot.browser") / "style.css").read_text("utf-8")
    blocks = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root[^{]*\{([^}]*)\}", style)]
    themes = [block for block in blocks if block]
    assert len(themes) == 3  # light, dark by preference, dark by choice
    assert themes[1] == themes[2]
    pairs = [(ink, paper) for ink in ("ink", "faint", "accent") for paper in ("paper", "card", "soft")]
    for theme in themes:
        for ink, paper in [*pairs, ("on-accent", "accent"), ("right-ink", "right"), ("ink", "mark"), ("paper", "ink")]:
            assert _contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper, theme[ink], theme[paper])


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)
