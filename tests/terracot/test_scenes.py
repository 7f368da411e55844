"""Scene, Frame, LabelMap and Legend refuse what would make wrong numbers later."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest

from terracot.ground import GroundSampling
from terracot.scenes import (
    IGNORE,
    Display,
    Frame,
    InstanceMap,
    LabelMap,
    Legend,
    LegendClass,
    Modality,
    Scene,
    SceneError,
    SourceError,
)

LEGEND = Legend("two", (LegendClass(0, "water", (10, 11)), LegendClass(1, "forest", (20,))), ignore=(0,))
GREY = Display(("b", "b", "b"), (0, 0, 0), (255, 255, 255))


def frame(t: int = 1, shape: tuple[int, int] = (4, 5), read: Callable[[], Any] | None = None) -> Frame:
    pixels = read or (lambda: np.zeros((1, *shape), dtype=np.uint8))
    return Frame(f"f{t}", t, Modality.OPTICAL, ("b",), shape, pixels, "digital number", GREY)


def labels(t: int = 1, shape: tuple[int, int] = (4, 5), ids: Any = None) -> LabelMap:
    return LabelMap(t, LEGEND, shape, lambda: np.zeros(shape, np.uint8) if ids is None else np.asarray(ids, np.uint8))


def scene(frames: list[Frame], label_maps: list[LabelMap], **more: Any) -> Scene:
    return Scene("s", "test", "g", "CC0-1.0", tuple(frames), tuple(label_maps), GroundSampling.unknown(), **more)


def test_raw_codes_become_class_ids_and_ignore() -> None:
    raw = np.array([[10, 11, 20], [0, 20, 10]])
    assert LEGEND.encode(raw).tolist() == [[0, 0, 1], [IGNORE, 1, 0]]
    assert LEGEND.encode(raw.astype(np.float32)).tolist() == [[0, 0, 1], [IGNORE, 1, 0]]


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "uint32"])
def test_rasters_of_whole_numbers_are_read_by_code_also_where_they_cannot_hold_all_codes(kind: str) -> None:
    classes = (LegendClass(0, "land", (10, 300, 70_000)), LegendClass(1, "water", (20,)))
    legend = Legend("wide", classes, ignore=(0, -1))
    raw = np.array([[10, 20], [0, 10]], kind)
    assert legend.encode(raw).tolist() == [[0, 1], [IGNORE, 0]]
    assert legend.encode(raw).dtype == np.uint8
    raw[1, 1] = 44  # which is 300 in 8 bits
    with pytest.raises(SceneError, match=r"label codes \[44\]"):
        legend.encode(raw)


def test_unknown_code_is_not_guessed() -> None:
    with pytest.raises(SceneError, match=r"a\.tif: label codes \[7, 99\] are not in legend two") as caught:
        LEGEND.encode(np.array([[10, 99, 7]]), "a.tif")
    assert caught.value.reason == "unknown_code"


def test_an_error_of_a_worker_process_reaches_its_parent() -> None:
    sent = ForkingPickler.dumps(SceneError("unreadable", "a.tif is cut short"))
    received = ForkingPickler.loads(sent)
    assert type(received) is SceneError
    assert (received.reason, str(received)) == ("unreadable", "a.tif is cut short")


def test_nan_in_a_label_raster_is_an_unknown_code() -> None:
    with pytest.raises(SceneError, match="nan"):
        LEGEND.encode(np.array([[10.0, np.nan]]))


def test_label_raster_with_bands_is_refused() -> None:
    with pytest.raises(SceneError) as caught:
        LEGEND.encode(np.zeros((3, 4, 5)))
    assert caught.value.reason == "label_shape"


@pytest.mark.parametrize(
    ("classes", "ignore", "words"),
    [
        ((LegendClass(0, "a", (1,)), LegendClass(1, "b", (1,))), (), "listed twice"),
        ((LegendClass(0, "a", (1,)),), (1,), "listed twice"),
        ((LegendClass(0, "a", (1,)), LegendClass(2, "b", (2,))), (), "must run"),
        ((LegendClass(0, "a", (1,)), LegendClass(1, "a", (2,))), (), "share a name"),
    ],
)
def test_ambiguous_legend_is_refused(classes: tuple[LegendClass, ...], ignore: tuple[int, ...], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        Legend("bad", classes, ignore)


def test_class_names_resolve_to_ids() -> None:
    assert (LEGEND.names, LEGEND.id_of("forest")) == (("water", "forest"), 1)
    with pytest.raises(KeyError, match="no class 'desert'; it has water, forest"):
        LEGEND.id_of("desert")


def test_layers_on_different_grids_are_refused() -> None:
    with pytest.raises(SceneError, match=r"Frame of date 1: \(4, 5\), LabelMap of date 1: \(4, 6\)") as caught:
        scene([frame()], [labels(shape=(4, 6))])
    assert caught.value.reason == "mismatched_shapes"


def test_scene_without_an_image_is_refused() -> None:
    with pytest.raises(SceneError) as caught:
        scene([], [labels()])
    assert caught.value.reason == "no_frames"


@pytest.mark.parametrize("dates", [[2], [1, 3], [2, 1]])
def test_dates_must_count_from_one_in_order(dates: list[int]) -> None:
    with pytest.raises(SceneError) as caught:
        scene([frame(t) for t in dates], [])
    assert caught.value.reason == "dates"


def test_labels_of_a_date_without_an_image_are_refused() -> None:
    with pytest.raises(SceneError, match=r"dates \[2\] have no frame") as caught:
        scene([frame(1)], [labels(2)])
    assert caught.value.reason == "dates"


def test_two_sensors_may_share_a_date() -> None:
    both = scene([frame(1), frame(1), frame(2)], [labels(2)])
    assert both.dates == 2
    assert both.shape == (4, 5)
    assert both.label_of(1) is None
    assert both.label_of(2) is both.labels[0]


def test_instances_are_found_by_date() -> None:
    buildings = InstanceMap(1, (), (4, 5), lambda: np.zeros((4, 5), np.int32))
    one = scene([frame()], [], instances=(buildings,))
    assert one.instances_of(1) is buildings
    assert one.instances_of(2) is None


def test_pixels_of_another_shape_than_promised_are_refused() -> None:
    with pytest.raises(SceneError) as caught:
        frame(read=lambda: np.zeros((1, 4, 6))).pixels()
    assert caught.value.reason == "frame_shape"
    wrong = InstanceMap(1, (), (4, 5), lambda: np.zeros((3, 3), np.int32))
    with pytest.raises(SceneError) as caught:
        wrong.numbers()
    assert caught.value.reason == "instance_shape"


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (np.full((4, 5), IGNORE), "no_valid_pixels"),
        (np.full((4, 5), 2), "unknown_code"),
        (np.zeros((4, 6)), "label_shape"),
    ],
)
def test_label_map_is_checked_when_read(ids: Any, reason: str) -> None:
    with pytest.raises(SceneError) as caught:
        labels(ids=ids).classes()
    assert caught.value.reason == reason
