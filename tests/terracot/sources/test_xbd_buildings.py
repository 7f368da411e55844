"""Building polygons of xBD: clipped, repaired, drawn and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from xbd_on_disk import (
    PAIR,
    SCENE,
    SIZE,
    THREE,
    Building,
    change_label,
    counts,
    opened,
    rectangle,
    three_buildings,
    wkt,
    write_pair,
)

from terracot.findings import Finding, Rejected, SceneFacts, find
from terracot.rules import Filters
from terracot.scenes import IGNORE, SceneError
from terracot.sources.polygons import burn, inside_frame, read_polygon


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return three_buildings(tmp_path)


# --- polygons ---------------------------------------------------------------------------------------------------------


def test_polygons_over_the_border_are_clipped(tmp_path: Path) -> None:
    """x from -50 to 30 and from 1000 to 1100: 30 and 24 columns are inside."""
    write_pair(tmp_path, PAIR, [rectangle(-50, 10, 30, 20), rectangle(1000, 1014, 1100, 1040.5, "destroyed")])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 2)["undamaged building cover"] == 30 * 10
    assert counts(scene, 2)["destroyed building cover"] == 24 * 10
    assert scene.ground.known


def test_buildings_of_which_less_than_a_pixel_is_inside_are_counted_apart(tmp_path: Path) -> None:
    """Outside; touching the border; 0.5 x 1.9 pixels inside; 0.9 x 0.9 pixels around a pixel centre; two that stay."""
    buildings = [
        rectangle(1030, 10, 1090, 60),
        rectangle(1024, 10, 1090, 60),
        rectangle(-20, 10, 0.5, 11.9),
        rectangle(500.05, 500.05, 500.95, 500.95),
        rectangle(600, 600, 601, 601),
        rectangle(10, 10, 20, 20),
    ]
    write_pair(tmp_path, PAIR, buildings)
    scene = opened(tmp_path).load(SCENE)
    assert scene.provenance["buildings"]["pre"] == {"building": 2, "below_a_pixel": 4}
    assert [i.uid for i in scene.instances[1].instances] == ["00000000-0004", "00000000-0005"]
    assert counts(scene, 1)["building cover"] == 101


def test_a_sliver_along_the_border_does_not_cost_the_count_of_all_others(tmp_path: Path) -> None:
    """Its 0.4 x 20 pixels are 8 pixels of area and hold no centre, so the raster cannot show it: 4 of 12, not of 13."""
    buildings = [rectangle(60 * n + 10, 10, 60 * n + 40, 40, "destroyed" if n < 4 else "no-damage") for n in range(12)]
    scene_id = write_pair(tmp_path, PAIR, [*buildings, rectangle(-20, 100, 0.4, 120, "destroyed")])
    scene = opened(tmp_path).load(scene_id)
    assert scene.provenance["buildings"]["post"] == {"destroyed": 4, "no-damage": 8, "below_a_pixel": 1}
    found = [f for f in find("building_change", SceneFacts(scene), Filters()) if isinstance(f, Finding)]
    assert [f.truth.value for f in found] == [4, pytest.approx(100 * 4 / 12)]


def test_an_outline_that_crosses_itself_is_repaired(tmp_path: Path) -> None:
    """A bow tie of two triangles, each 100 wide and 100 high at its base: 2 x 100 x 50 / 2 = 5000 square pixels."""
    write_pair(tmp_path, PAIR, [Building((((100, 100), (200, 200), (200, 100), (100, 200)),)), THREE[1]])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 1)["building cover"] - 4000 == pytest.approx(5000, abs=100)
    assert scene.labels[0].classes()[[110, 150, 150], [150, 110, 190]].tolist() == [0, 1, 1]


def test_holes_stay_open_and_multipolygons_are_one_building(tmp_path: Path) -> None:
    yard = Building(
        (((100, 100), (200, 100), (200, 200), (100, 200)), ((120, 120), (120, 180), (180, 180), (180, 120)))
    )
    left, right = ((300, 310), (320, 330))
    squares = (f"(({a} 100, {b} 100, {b} 110, {a} 110, {a} 100))" for a, b in (left, right))
    two = f"MULTIPOLYGON ({', '.join(squares)})"
    write_pair(tmp_path, PAIR, [yard, Building(THREE[1].rings, wkt=two)])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 1)["building cover"] == 100 * 100 - 60 * 60 + 2 * 100
    numbers = scene.instances[0].numbers()
    assert (numbers[150, 150], numbers[105, 305], numbers[105, 325], numbers[105, 315]) == (0, 2, 2, 0)


def test_pixels_belong_to_the_polygon_that_holds_their_centre(tmp_path: Path) -> None:
    """Columns 10 to 19 have centres 10.5 to 19.5: from 10.4 on ten of them are in, from 10.6 on nine."""
    write_pair(tmp_path, PAIR, [rectangle(10.4, 0, 20, 10), rectangle(30.6, 0, 40, 10)])
    numbers = opened(tmp_path).load(SCENE).instances[0].numbers()
    assert [int((numbers == n).sum()) for n in (1, 2)] == [100, 90]


def test_later_buildings_lie_over_earlier_ones_and_undecidable_ones_over_all(tmp_path: Path) -> None:
    """Three squares of 20 pixels, each 10 columns on: the un-classified one, first in the file, is drawn last."""
    write_pair(
        tmp_path,
        PAIR,
        [
            rectangle(110, 100, 130, 120, "un-classified"),
            rectangle(100, 100, 120, 120, "no-damage"),
            rectangle(90, 100, 110, 120, "destroyed"),
        ],
    )
    classes = opened(tmp_path).load(SCENE).labels[1].classes()
    assert classes[110, [95, 105, 115, 125]].tolist() == [4, 4, IGNORE, IGNORE]


def test_a_building_that_one_file_alone_has_is_open_in_the_other(root: Path) -> None:
    """The pre file loses the first (2400 pixels), the post file the second (4000)."""
    change_label(root, SCENE, "pre", lambda c: c["features"]["xy"].pop(0))
    change_label(root, SCENE, "post", lambda c: c["features"]["xy"].pop(1))
    scene = opened(root).load(SCENE)
    assert counts(scene, 1) == {
        "ground without buildings": SIZE**2 - 8900,
        "building cover": 4000 + 2500,
        "ignored": 2400,
    }
    assert counts(scene, 2) == {
        "ground without buildings": SIZE**2 - 8900,
        "undamaged building cover": 2400,
        "ignored": 4000 + 2500,
    }
    assert scene.provenance["without_partner"] == {"pre": 1, "post": 1}
    assert [i.uid for i in scene.instances[1].instances] == ["00000000-0000", "00000000-0002"]


def test_other_uids_in_the_two_files_cost_no_label(root: Path) -> None:
    write_pair(root, PAIR, THREE)
    for n in range(3):
        change_label(root, SCENE, "pre", lambda c, n=n: c["features"]["xy"][n]["properties"].update(uid=f"other-{n}"))
    assert counts(opened(root).load(SCENE), 2)["ignored"] == 2500


def test_a_building_that_others_cover_is_never_lost_from_a_count(tmp_path: Path) -> None:
    """Eleven polygons, two of them on one spot: whoever counts ten of the raster would be wrong about the list."""
    buildings = [rectangle(60 * n + 10, 10, 60 * n + 40, 40, "destroyed") for n in range(10)]
    scene_id = write_pair(tmp_path, PAIR, [*buildings, rectangle(5, 5, 45, 45, "no-damage")])
    facts = SceneFacts(opened(tmp_path).load(scene_id))
    assert len(facts.scene.instances[1].instances) == 11
    found = list(find("building_change", facts, Filters()))
    assert [(type(f), f.reason) for f in found if isinstance(f, Rejected)] == [
        (Rejected, "buildings_cannot_be_told_apart")
    ]
    assert len(found) == 1


def test_undecidable_buildings_are_in_neither_side_of_the_share(tmp_path: Path) -> None:
    """12 judged buildings, 3 of them destroyed, and 4 un-classified: 3 of 12 is 25 %, never 3 of 16."""
    buildings = [rectangle(60 * n + 10, 10, 60 * n + 40, 40, "destroyed" if n < 3 else "no-damage") for n in range(12)]
    buildings += [rectangle(60 * n + 10, 90, 60 * n + 40, 120, "un-classified") for n in range(4)]
    scene_id = write_pair(tmp_path, PAIR, buildings)
    facts = SceneFacts(opened(tmp_path).load(scene_id))
    found = [f for f in find("building_change", facts, Filters()) if isinstance(f, Finding)]
    assert [(f.parameters["measure"], f.truth.value) for f in found] == [("number", 3), ("share", 25.0)]


@settings(max_examples=100, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-200, 1200), st.floats(-200, 1200)), min_size=3, max_size=9))
def test_repair_keeps_what_is_drawn_close_to_the_area_of_the_polygon(points: list[tuple[float, float]]) -> None:
    """A raster differs from its polygon by at most about half a pixel along the outline, and never leaves the frame."""
    part = inside_frame(read_polygon(wkt([points]), "x"), (1000, 1000), "x")
    assert part.is_valid
    assert part.is_empty or (min(part.bounds) > -1e-9 and max(part.bounds) < 1000 + 1e-9)
    drawn = int(burn([(part, 1)], (1000, 1000), "uint8").sum())
    assert abs(drawn - part.area) <= part.length + 4


@pytest.mark.parametrize(("corners", "refused"), [(300, False), (2000, True)])
def test_a_tangled_outline_cannot_hang_the_reading(corners: int, refused: bool) -> None:
    """Repaired by the even-odd rule, 300 random corners took a minute; a hostile file could stop a whole run."""
    points = np.random.default_rng(0).uniform(0, 1000, (corners, 2))
    outline = shapely.Polygon(points)
    if refused:
        with pytest.raises(SceneError, match="crosses itself; at most 1000 can be repaired"):
            inside_frame(outline, (1024, 1024), "label, building 0")
    else:
        part = inside_frame(outline, (1024, 1024), "label, building 0")
        assert part.is_valid
        assert 0 < part.area <= outline.convex_hull.area
