"""Options across pixel sizes: scenes of other pixel sizes lend values in pixels, and the stated size tells nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from terrabench.building.found import Assigned, Found
from terrabench.building.options_plan import assign
from terrabench.building.protocols import PAPER
from terrabench.building.settings import Settings
from terracot.language import UNITS


def areas(sizes: np.ndarray, seed: int = 0) -> list[Found]:
    """Area findings of as many places, 500 to 50,000 pixels each, at the pixel sizes given (metres)."""
    pixels = np.exp(np.random.default_rng(seed).uniform(np.log(500), np.log(50_000), len(sizes))).round()
    return [
        Found(
            key=f"k{n}",
            task="area",
            kind="area",
            classes=("water",),
            stratum="area | one",
            source="one",
            scene_id=f"s{n}",
            group=f"g{n}",
            value=float(count * size**2),
            word="",
            unit="m2",
            scale=float(size**2),
        )
        for n, (count, size) in enumerate(zip(pixels, sizes, strict=True))
    ]


def test_every_pixel_size_of_its_own_still_finds_options() -> None:
    # As on drone and disaster images: no two scenes have the same pixel size.
    found = areas(np.linspace(0.3, 3.0, 40))
    assigned, audit = assign(found, Settings())
    assert len(assigned) == 10  # four findings make one item
    assert audit["area"]["dropped_with_options"] == {"lent_as_distractor": 30}
    by_key = {f.key: f for f in found}
    counts = {round(f.in_pixels(f.value)) for f in found}
    for key, one in assigned.items():
        own = by_key[key]
        assert one.values[one.answer] == pytest.approx(own.value, rel=1e-11)
        assert {round(value / own.scale) for value in one.values} <= counts  # true counts of pixels, of this size


def test_the_last_bits_of_an_option_do_not_tell_the_answer() -> None:
    """Truths taken as they are, beside values that went through a division, were told apart by a blind reader."""
    found = areas(np.random.default_rng(5).uniform(0.3, 3.0, 400), seed=5)
    by_key = {f.key: f for f in found}
    exact = {f.value for f in found}
    assigned, _ = assign(found, Settings())
    shares = {
        True: [0, 0],
        False: [0, 0],
    }  # by whether it is the answer: bit-identical to a count times an area, or not
    for key, one in assigned.items():
        for position, value in enumerate(one.values):
            whole = round(value / by_key[key].scale) * by_key[key].scale == value
            shares[position == one.answer][whole] += 1
    assert shares[True][0] == shares[False][0] == 0, (shares, len(exact))


def test_no_count_of_pixels_is_an_option_twice() -> None:
    found = areas(np.linspace(0.3, 3.0, 80))
    by_key = {f.key: f for f in found}
    assigned, _ = assign(found, Settings(3))
    shown = Counter(round(v / by_key[key].scale, 3) for key, one in assigned.items() for v in one.values)
    assert max(shown.values()) == 1


def test_the_pixel_size_says_nothing_of_the_rank_of_the_answer() -> None:
    """A reader of pixel size and options who guesses by size is at chance: the die falls before the size is known."""
    ranks: dict[bool, list[int]] = {True: [], False: []}
    for seed in range(40):
        sizes = np.random.default_rng(seed).choice([0.3, 3.0], 80)
        found = areas(sizes, seed)
        fine = {f.key: f.scale < 1 for f in found}
        assigned, _ = assign(found, Settings(seed))
        for key, one in assigned.items():
            ranks[fine[key]].append(sorted(one.values).index(one.values[one.answer]))
    for of_size in ranks.values():
        n = len(of_size)
        assert n > 300
        # Mean rank of four is 1.5, its standard deviation sqrt(1.25 / n); four of those are never left by chance here.
        assert np.mean(of_size) == pytest.approx(1.5, abs=4 * np.sqrt(1.25 / n))


def test_the_unit_follows_the_pool_at_the_size_of_the_item() -> None:
    found = areas(np.array([0.3] * 20 + [30.0] * 20))
    assigned, _ = assign(found, Settings(1))
    units = {(round(next(f for f in found if f.key == key).scale, 2), one.unit) for key, one in assigned.items()}
    # Median of 500 to 50,000 pixels is about 5,000: 450 m2 at 0.3 m, 4.5 km2 at 30 m.
    assert units == {(0.09, "m2"), (900.0, "km2")}
    assert UNITS["km2"] == 1e6


def extents(classes: Sequence[str], scenes: int = 400) -> list[Found]:
    """Shares and areas of scenes of 10,000 pixels at 10 m: what each class covers, all of them 100 %."""
    rng = np.random.default_rng(3)
    first = rng.permutation(np.linspace(500, 9500, scenes).round())  # no two alike
    rest = (10_000 - first) * (rng.uniform(0.2, 0.8, scenes) if len(classes) == 3 else 1.0)
    counts = np.stack([first, rest.round(), 10_000 - first - rest.round()])[: len(classes)]
    return [
        Found(
            key=f"s{n} | {task} | {name} | date 1 of 1",
            task=task,
            kind=task,
            classes=(name,),
            stratum=f"{task} | {name}",
            source="test",
            scene_id=f"s{n}",
            group=f"g{n}",
            value=float(count) * size,
            word="",
            unit=unit,
            scale=100.0 if task == "area" else 1.0,
        )
        for name, of_class in zip(classes, counts, strict=True)
        for n, count in enumerate(of_class)
        for task, unit, size in (("coverage", "%", 0.01), ("area", "m2", 100.0))
    ]


def shown(found: Sequence[Found], assigned: Mapping[str, Assigned]) -> list[tuple[str, int]]:
    """Class and pixels of every option of every item."""
    by_key = {one.key: one for one in found}
    return [
        (by_key[key].classes[0], round(value * 100 if by_key[key].unit == "%" else value / 100))
        for key, entry in assigned.items()
        for value in entry.values
    ]


def test_share_and_area_of_one_mask_are_not_both_asked_nor_lent() -> None:
    """Who saw both items, or counted how often a value is an option anywhere, would know more than chance."""
    found = extents(["water", "land"])[:800]  # those of water
    strict, audit = assign(found, Settings())
    assert len(strict) == pytest.approx(100, abs=2)  # 400 masks, four to an item
    values = shown(found, strict)
    assert len(values) == len(set(values)) == 4 * len(strict)
    lost = [audit[task]["dropped_with_options"]["fact_asked_in_other_words"] for task in ("coverage", "area")]
    assert sum(lost) == 400
    assert min(lost) > 150  # by hash, not always the same of the two


def test_of_two_classes_one_tells_the_other_and_is_not_seen_beside_it() -> None:
    """Flood water and dry land of one scene, asked for apart, were answered by adding options up to 100."""
    found = extents(["water", "land"])
    strict, _ = assign(found, Settings())
    water = [count if name == "water" else 10_000 - count for name, count in shown(found, strict)]
    assert len(water) == len(set(water)) > 350


def test_a_flood_is_the_extent_of_its_scene() -> None:
    """New water over an image that had none is the water of the second date: one fact, whatever it is called."""
    found = extents(["water", "crops", "town"])
    floods = [
        replace(one, key=f"{one.key} | flood", task="flood_change", kind="flood_share", stratum="flood")
        for one in found
        if one.task == "coverage" and one.classes == ("water",)
    ]
    strict, _ = assign([*found, *floods], Settings())
    by_key = {one.key: one for one in (*found, *floods)}
    water = [
        round(value * (100 if by_key[key].unit == "%" else 0.01))
        for key, entry in strict.items()
        for value in entry.values
        if by_key[key].classes == ("water",)
    ]
    assert {by_key[key].task for key in strict} == {"coverage", "area", "flood_change"}
    assert len(water) == len(set(water)) > 100


def test_a_scene_is_asked_for_one_share_as_all_of_them_add_up_to_a_hundred() -> None:
    found = extents(["water", "crops", "town"])
    strict, audit = assign(found, Settings())
    scenes = [entry.scene_id for entry in strict.values()]
    assert len(scenes) == len(set(scenes)) > 150
    dropped = [audit[task]["dropped_with_options"]["scene_asked_for_another_number"] for task in ("coverage", "area")]
    assert min(dropped) > 0
    for task in ("coverage", "area"):
        of_task = sum(key.split(" | ")[1] == task for key in strict)
        assert of_task + sum(audit[task]["dropped_with_options"].values()) == audit[task]["found"]


def test_the_paper_protocol_asks_for_share_and_area_as_the_paper_does() -> None:
    found = extents(["water", "land"])
    items, _ = assign(found, Settings(protocol=PAPER))
    assert sum(key.split(" | ")[1] == "area" for key in items) == 800  # every one
