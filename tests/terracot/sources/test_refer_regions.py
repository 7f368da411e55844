"""Regions of referring sets: burnt right, and a bad one costs its pair and not the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pycocotools import mask as coco
from refer_on_disk import (
    HEIGHT,
    RECTANGLE,
    SHAPE,
    WIDTH,
    annotation,
    areas,
    box,
    image_record,
    instances,
    load_reason,
    reference,
    region,
    rle,
    rrsisd,
    runs,
)

from terracot.sources.refer import ReferSource
from terracot.sources.refer_regions import burn

# --- regions ---


BAD_REGIONS: dict[str, tuple[Any, str]] = {
    "polygon outside the image": ([[200, 10, 220, 10, 220, 30]], "empty_mask"),
    "polygon between pixel centres": ([[10.6, 10.6, 10.9, 10.6, 10.9, 10.9]], "empty_mask"),
    "polygon far away": ([[0, 0, 1e300, 0, 0, 10]], "bad_label"),
    "polygon of NaN": ([[0, 0, float("nan"), 0, 0, 10]], "bad_label"),
    "polygon of infinity": ([[0, 0, float("inf"), 0, 0, 10]], "bad_label"),
    "polygon of huge integers": ([[0, 0, 10**400, 0, 0, 10]], "bad_label"),
    "two points": ([[0, 0, 10, 10]], "bad_label"),
    "odd number of values": ([[0, 0, 10, 10, 5, 9, 3]], "bad_label"),
    "text among the values": ([[0, 0, 10, 10, "5", 9]], "bad_label"),
    "flat list": (RECTANGLE, "bad_label"),
    "polygon and RLE mixed": ([RECTANGLE, rle(box(0, 0, 9, 9))], "bad_label"),
    "text": ("abc", "bad_label"),
    "number": (7, "bad_label"),
    "too many points": ([[0, 0, 10, 0, 10, 10] * 40_000], "bad_label"),
    "RLE of no pixel": ([rle(box(0, 0, 0, 0))], "empty_mask"),
    "RLE of another size": (rle(box(0, 0, 9, 9, (WIDTH, HEIGHT))), "mismatched_shapes"),
    "RLE of a gigantic size": ({"size": [10**9, 10**9], "counts": "0"}, "mismatched_shapes"),
    "RLE of too few runs": ({"size": [HEIGHT, WIDTH], "counts": "0"}, "bad_label"),
    "RLE of negative runs": ({"size": [HEIGHT, WIDTH], "counts": [-1, HEIGHT * WIDTH + 1]}, "bad_label"),
    "RLE without size": ({"counts": "0"}, "bad_label"),
    "RLE in a foreign alphabet": ({"size": [HEIGHT, WIDTH], "counts": "\u00e9"}, "bad_label"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_REGIONS.values(), ids=BAD_REGIONS)
def test_a_bad_region_costs_its_pair_and_not_the_image(tmp_path: Path, bad: Any, reason: str) -> None:
    refs = [reference(1, "a ship", image=1), reference(2, "the other ship", image=1)]
    content = instances([image_record(1)], [annotation(1, bad, image=1), annotation(2, region(0), image=1)])
    source = ReferSource(rrsisd(tmp_path, refs, content))
    scene = source.load("train/00001")
    assert areas(scene) == {"2/1": 1600}
    (left,) = scene.provenance["left_out"]
    assert (left["key"], left["reason"]) == ("1/1", reason)
    assert "train/00001, ref 1/1" in left["message"]


def test_an_image_all_of_whose_regions_are_bad_is_refused(tmp_path: Path) -> None:
    content = instances([image_record(1)], [annotation(1, [[0, 0, 10, 10]])])
    source = ReferSource(rrsisd(tmp_path, [reference(1, "a ship")], content))
    assert load_reason(source, "train/00001") == "bad_label"


def test_polygons_are_burnt_by_pixel_centre() -> None:
    """Centres with x + y < 40.5, that is columns + rows <= 39: 40 + 39 + ... + 1 = 820 pixels."""
    mask = burn([[0, 0, 40.5, 0, 0, 40.5]], SHAPE, "here")
    assert mask.sum() == 820
    assert mask[0, 39]
    assert not mask[0, 40]


def test_parts_of_a_region_are_united_also_where_they_overlap() -> None:
    """1,600 + 1,600 - 20 x 40 in both = 2,400; the published loaders lose the pixels that are in two parts."""
    shifted = [v + 20 if i % 2 == 0 else v for i, v in enumerate(RECTANGLE)]
    assert burn([RECTANGLE, shifted], SHAPE, "here").sum() == 2400
    assert burn([rle(box(20, 10, 60, 50)), runs(box(20, 30, 60, 70))], SHAPE, "here").sum() == 2400


@pytest.mark.parametrize("seed", range(8))
def test_large_polygons_agree_with_their_area_and_with_pycocotools(seed: int) -> None:
    """Area of the vector polygon to 1 % (over 500 pixels), and pixels of another rasteriser but for the edge."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 14))
    radii = rng.uniform(140, 230, 14)
    ring = np.stack([256 + radii * np.cos(angles), 256 + radii * np.sin(angles)], axis=1)
    polygon = shapely.Polygon(ring)
    assert polygon.is_valid
    assert polygon.area > 500
    mask = burn([ring.ravel().tolist()], (512, 512), "here")
    assert mask.sum() == pytest.approx(polygon.area, rel=0.01)
    other = coco.decode(coco.merge(coco.frPyObjects([ring.ravel().tolist()], 512, 512))).astype(bool)
    assert np.count_nonzero(mask ^ other) < 2 * polygon.length
