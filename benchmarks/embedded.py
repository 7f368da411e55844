"""Makes the benchmark that comes with the package, and its recipe, again: after a new version, or when items change.

    python benchmarks/embedded.py WORKING_FOLDER

Two procedural pools are built in WORKING_FOLDER; of each task so many items are chosen as WANTED says, on as few bytes
of scenes as can be had: what a scene has already cost is free, and every item of a stratum makes the next one dearer.
Answers play no part in it, but that two-option items come in couples, one of each answer. Then terrabench/recipes and
terrabench/embedded are written. Prints items, scenes and bytes.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terrabench.building.build import build
from terrabench.building.recipe_build import build_recipe
from terrabench.building.recipes import SHIPPED, new_recipe, read_recipe, write_recipe
from terrabench.items import EMBEDDED, Benchmark
from terracot.generate import source_spec

POOLS = {
    "land-64": "{scenes: 200, size: 64, families: {landscape: 0.3, change: 0.4, sequence: 0.3}}",
    "towns-96": "{scenes: 72, first: 1000, size: 96, families: {settlement: 1.0}}",
}
WANTED = {
    "building_change": 4,
    "distance": 3,
    "flood_change": 3,
    "sequence_change": 3,
    "coverage": 6,
    "area": 6,
    "ranking": 20,
    "boundary": 18,
}
"""The rarest first: they bring the scenes that the others are asked about."""
REPEATED = 15_000
"""Bytes that an item of the same stratum makes the next one dearer."""
ABOUT = "Synthetic scenes of two sizes, items of all six tasks and of the two apart; comes with the package."

Item = dict[str, Any]


class Choice:
    """The items chosen so far, and what another one would cost."""

    def __init__(self, cost_of_scene: dict[str, int], cost_of_item: dict[str, int]) -> None:
        self.items: dict[str, Item] = {}
        self.scenes: set[str] = set()
        self.strata: Counter[str] = Counter()
        self._scene, self._item = cost_of_scene, cost_of_item

    def price(self, couple: tuple[Item, ...]) -> tuple[int, list[str]]:
        """Bytes of items that leave and come together, and their names, which decide between equals."""
        new = {item["scene_id"] for item in couple} - self.scenes
        size = sum(self._scene[scene] for scene in new) + sum(self._item[item["id"]] for item in couple)
        return size + REPEATED * sum(self.strata[i["stratum"]] for i in couple), [i["scene_id"] for i in couple]

    def take(self, couple: tuple[Item, ...]) -> None:
        """Choose them."""
        for item in couple:
            self.items[item["id"]] = item
            self.scenes.add(item["scene_id"])
            self.strata[item["stratum"]] += 1


def choose(benches: list[Benchmark]) -> Choice:
    """The items of every task."""
    choice = Choice(
        {scene: _bytes(bench.scene(scene)) for bench in benches for scene in {i["scene_id"] for i in bench.items}},
        {name: len(picture) for bench in benches for name, picture in bench.pictures()},
    )
    for task, number in WANTED.items():
        items = [item for bench in benches for item in bench.items if item["task"] == task]
        taken = 0
        while taken < number:
            couple = min(_couples(items, choice), key=choice.price)
            choice.take(couple)
            taken += len(couple)
    return choice


def _couples(items: list[Item], choice: Choice) -> Iterator[tuple[Item, ...]]:
    """Items that may be chosen next: numbers alone, words with the cheapest item of the other answer."""
    strata: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        if item["id"] not in choice.items:
            if item["option_values"][0] is not None or len(item["options"]) > 2:
                yield (item,)
            else:
                strata[item["stratum"]][item["truth"]["text"]].append(item)
    for answers in strata.values():
        if len(answers) == 2:
            yield tuple(min(same, key=lambda item: choice.price((item,))) for same in answers.values())


def _bytes(scene: dict[str, Any]) -> int:
    return sum(int(0.65 * len(frame["pixels"])) + len(frame["image"]["bytes"]) for frame in scene["frames"])


def main(folder: Path) -> None:
    """Build the pools, choose, write the recipe, build the folder by it."""
    for name, path in POOLS.items():
        build(source_spec("procedural", path), folder / "pool" / name, workers=2)
    only = list(choose([Benchmark.open(folder / "pool" / name) for name in POOLS]).items)
    parts = {name: folder / "chosen" / name for name in POOLS}
    for name, path in POOLS.items():
        build(source_spec("procedural", path), parts[name], workers=2, only=only)
    write_recipe(new_recipe(parts, "embedded", ABOUT), SHIPPED / "embedded.yaml")
    shutil.rmtree(EMBEDDED, ignore_errors=True)
    built = build_recipe(read_recipe("embedded"), {}, EMBEDDED, workers=2)
    size = sum(path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file())
    print(f"{built.summary.counts}, {size} bytes, {len(built.differences)} differences from its recipe")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
