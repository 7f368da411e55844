"""Options across pixel sizes: scenes of other pixel sizes lend values in pixels, and the stated size tells nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from terrabench.found import Found
from terrabench.options_plan import assign
from terrabench.settings import Settings
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


def test_share_and_area_of_one_mask_are_not_both_asked() -> None:
    """Whoever sees both items and the pixel size would know the one value that is an option of both."""
    rng = np.random.default_rng(3)
    pixels = rng.permutation(np.linspace(1000, 9000, 400)).round()
    found = []
    for n, count in enumerate(pixels):
        for task, unit, value, scale in (("coverage", "%", count / 100.0, 1.0), ("area", "m2", count * 100.0, 100.0)):
            found.append(
                Found(
                    key=f"s{n} | {task} | water | date 1 of 1",
                    task=task,
                    kind=task,
                    classes=("water",),
                    stratum=task,
                    source="test",
                    scene_id=f"s{n}",
                    group=f"g{n}",
                    value=value,
                    word="",
                    unit=unit,
                    scale=scale,
                )
            )
    strict, audit = assign(found, Settings())
    scenes = [entry.scene_id for entry in strict.values()]
    assert len(scenes) == len(set(scenes)) > 100
    lost = [audit[task]["dropped_with_options"].get("fact_asked_in_another_unit", 0) for task in ("coverage", "area")]
    assert min(lost) > 0  # by hash, not always the same of the two
