"""What there is to learn from: the images and class masks of a training folder, date by date.

A benchmark has masks of the classes that its items ask about; the pixels of other classes stay unknown. A Terra-CoT
folder with the level ``refer`` has every class of every scene.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terrabaselines.segment_then_measure.stacks import Look, Stack, stack_of
from terrabench.items import Benchmark
from terracot.dataset import TERRA_COT
from terracot.io import MANIFEST, read_json, sha256_file
from terracot.language import plural
from terracot.masks import decode
from terracot.plugins import ModelError, PromptFrame
from terracot.scenes import BoolMask, Modality
from terracot.shards import frame_image, frame_pixels, read_rows, row_valid

MAY_OVERLAP = 0.02
"""Two classes that share more than this part of the smaller one cannot be of one map."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """One date of a scene: its images, the masks of the classes that are known, the pixels that have a label."""

    stack: Stack
    masks: Mapping[str, BoolMask]
    valid: BoolMask


@dataclass(frozen=True)
class Layer:
    """Classes of one kind of images that exclude each other, so that one classifier tells them apart.

    A class that is alone is told from everything else; ``classes`` then has None before it.
    """

    look: Look
    classes: tuple[str | None, ...]


def lessons_of_benchmark(bench: Benchmark) -> Iterator[Lesson]:
    """Every date of every scene that has evidence masks, joined over its items."""
    by_scene: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in bench.items:
        by_scene[item["scene_id"]].append(item)
    for items in sorted(by_scene.values(), key=lambda items: bench.place(items[0])):
        masks: dict[int, dict[str, BoolMask]] = defaultdict(dict)
        for item in items:
            for region in bench.evidence(item):
                known = masks[region.t].get(region.class_name)
                masks[region.t][region.class_name] = region.mask if known is None else known | region.mask
        prompt = bench.prompt(items[0], 0)
        yield from _dated(prompt.frames, masks, prompt.valid)


def lessons_of_terra_cot(folder: Path, names: Collection[str] = ()) -> Iterator[Lesson]:
    """Every date of every scene that has rows of the level ``refer``. ``ModelError`` when there is none.

    Rows speak of "buildings" where the masks of a benchmark are called "building": the plural of one of ``names`` is
    taken for that name.
    """
    spelling = {plural(2, name): name for name in names}
    by_scene: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(folder, "samples", ["scene_id", "level", "masks"]):
        if row["level"] == "refer":
            by_scene[row["scene_id"]] += row["masks"]
    if not by_scene:
        raise ModelError(f"{folder} has no samples of the level refer; generate it with --levels refer --mix all")
    for scene in read_rows(folder, "scenes"):
        masks: dict[int, dict[str, BoolMask]] = defaultdict(dict)
        for mask in by_scene.get(scene["scene_id"], ()):
            name = spelling.get(mask["class_name"], mask["class_name"])
            masks[mask["t"]][name] = decode(mask["rle"], (scene["height"], scene["width"]))
        frames = [
            PromptFrame(
                id=str(number),
                t=frame["t"],
                modality=Modality(frame["modality"]),
                bands=tuple(frame["bands"]),
                unit=frame["unit"],
                image=frame_image(frame),
                native=partial(frame_pixels, scene, frame),
            )
            for number, frame in enumerate(scene["frames"])
        ]
        yield from _dated(frames, masks, row_valid(scene))


def _dated(
    frames: Sequence[PromptFrame], masks: Mapping[int, Mapping[str, BoolMask]], valid: Mapping[int, BoolMask]
) -> Iterator[Lesson]:
    dates = max(frame.t for frame in frames)
    for t, known in sorted(masks.items()):
        if known and t in valid:
            yield Lesson(stack_of(frames, t, dates), known, valid[t])


def kind_of_folder(folder: Path) -> tuple[str, str]:
    """What a training folder says it is, and the hash of its manifest. ``ModelError`` when it has none."""
    if not (folder / MANIFEST).is_file():
        raise ModelError(
            f"{folder} has no {MANIFEST}; expected a finished folder of `terrabench build` or `terracot generate`"
        )
    return str(read_json(folder / MANIFEST).get("kind")), sha256_file(folder / MANIFEST)


def is_terra_cot(kind: str) -> bool:
    """True for what `terracot generate` writes."""
    return kind == TERRA_COT


def layers_of(lessons: Sequence[Lesson]) -> list[Layer]:
    """The classes of each kind of images, put into as few layers as their overlaps allow; frequent classes first."""
    pixels: dict[Look, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    shared: dict[Look, dict[frozenset[str], int]] = defaultdict(lambda: defaultdict(int))
    for lesson in lessons:
        names = sorted(lesson.masks)
        for i, a in enumerate(names):
            pixels[lesson.stack.look][a] += int(np.count_nonzero(lesson.masks[a]))
            for b in names[i + 1 :]:
                common = int(np.count_nonzero(lesson.masks[a] & lesson.masks[b]))
                shared[lesson.stack.look][frozenset((a, b))] += common
    layers = []
    for look, sizes in pixels.items():
        maps: list[list[str]] = []
        for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
            fitting = [
                one
                for one in maps
                if all(shared[look][frozenset((name, b))] <= MAY_OVERLAP * min(sizes[name], sizes[b]) for b in one)
            ]
            if fitting:
                fitting[0].append(name)
            else:
                maps.append([name])
        layers += [Layer(look, tuple(one) if len(one) > 1 else (None, one[0])) for one in maps]
    return layers


def labels_of(lesson: Lesson, layer: Layer) -> npt.NDArray[np.int8] | None:
    """``(H, W)`` position in ``layer.classes``, -1 where nothing is known; None when no class of the layer is there."""
    present = [name for name in layer.classes if name in lesson.masks]
    if lesson.stack.look != layer.look or not present:
        return None
    labels = np.full(lesson.valid.shape, 0 if layer.classes[0] is None else -1, dtype=np.int8)
    for name in present:
        labels[lesson.masks[str(name)]] = layer.classes.index(name)
    labels[~lesson.valid] = -1
    return labels
