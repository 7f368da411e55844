"""From a stored row to what is read and learned: through the whole chain, against the row itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from terra_cot import SIZES
from terrascope_vlm.evidence import Region, evidence_for
from terrascope_vlm.frames import frames_at
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.slots import IGNORED
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer
from terrascope_vlm.training.examples import ExampleError, example_of
from terrascope_vlm.training.feeding import Feed, example_from, micro_of
from terrascope_vlm.training.folders import Chosen, Folders
from terrascope_vlm.training.lessons import Reader
from terrascope_vlm.training.order import Order

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folders(data: Path) -> Folders:
    return Folders([data], Chosen(level=("l1", "l2-temporal", "l2-spatial", "caption")))


@pytest.fixture(scope="module")
def parts(folders: Folders) -> tuple[Any, TerraScopeProcessor]:
    tokenizer = tiny_tokenizer(folders.texts(1000), 400)
    config = tiny_config(tokenizer, **SIZES, fusion="text-guided")
    return config, TerraScopeProcessor.of(config, tokenizer, system="")


@pytest.fixture(scope="module")
def lessons(folders: Folders) -> list[Any]:
    reader = Reader(folders, 9)
    return [reader.lesson(row, row) for row in range(len(folders.rows))]


def test_every_seg_is_supervised_on_the_image_of_the_date_that_the_reply_names(parts: Any, lessons: Any) -> None:
    """The released code never supervises the second [SEG] of two dates."""
    config, processor = parts
    later = 0
    for lesson in lessons:
        example = example_from(processor, config, lesson)
        named = [int(t) for t in re.findall(r"Image: (\d+) \[SEG\]", lesson.reply)] or [1] * len(lesson.masks)
        assert len(example.targets) == len(lesson.masks) == lesson.reply.count("[SEG]")
        for t, mask, target in zip(named, lesson.masks, example.targets, strict=True):
            assert (target.frame, target.other) == frames_at(example.query.frames, t)
            assert example.query.frames[target.frame].t == mask.t == t
            assert np.array_equal(target.mask, mask.mask)
            assert np.array_equal(target.valid, lesson.counted[t])
            assert int(example.slots.ids[target.slot]) == processor.ids["seg"]
            later += t > 1
    assert later > 10


def test_the_reply_and_its_end_are_learned_and_nothing_else_is(parts: Any, lessons: Any) -> None:
    config, processor = parts
    injected = 0
    for lesson in lessons:
        example = example_from(processor, config, lesson)
        learned = example.slots.labels[example.slots.labels != IGNORED]
        assert processor.decode(learned.tolist()) == lesson.reply + "<|im_end|>"
        unlearned = example.slots.labels[len(example.query.slots) :] == IGNORED
        evidence = example.slots.visual[len(example.query.slots) :] != -1
        assert torch.equal(unlearned, evidence)  # of what follows the question, just the evidence
        injected += int(evidence.sum())
    assert injected > 100


def test_the_true_masks_are_the_evidence(parts: Any, lessons: Any) -> None:
    config, processor = parts
    for lesson in lessons[::5]:
        example = example_from(processor, config, lesson)
        slots, regions = example.slots, []
        for target, mask in zip(example.targets, lesson.masks, strict=True):
            regions.append(Region(mask.t, target.frame, target.other, mask.mask))
            expected = evidence_for(example.query, regions, config, processor).slots
            here = slice(target.slot + 1, target.slot + 1 + len(expected))
            assert torch.equal(slots.visual[here], expected.visual)
            assert torch.equal(slots.other[here], expected.other)


def test_a_sample_that_contradicts_itself_is_refused_with_what_contradicts_what(parts: Any, lessons: Any) -> None:
    config, processor = parts
    lesson = next(one for one in lessons if len({mask.t for mask in one.masks}) == 2)
    query = processor.of_prompt(lesson.prompt)

    def made(reply: str, masks: Any, shown: Any = None) -> None:
        example_of(processor, config, query, reply, masks, shown)

    with pytest.raises(ExampleError, match=r"\[SEG\] and 1 masks; expected one mask for each"):
        made(lesson.reply, lesson.masks[:1])
    with pytest.raises(ExampleError, match=r"on date \d, its mask on date \d; the words before it have to name"):
        made(lesson.reply, lesson.masks[::-1])
    small = replace(lesson.masks[0], mask=lesson.masks[0].mask[:-1])
    with pytest.raises(ExampleError, match=r"mask 1 is \(63, 64\); expected the shape of the image, \(64, 64\)"):
        made(lesson.reply, [small, *lesson.masks[1:]])
    with pytest.raises(ExampleError, match="0 masks of evidence for"):
        made(lesson.reply, lesson.masks, [])
    wrong = replace(lesson, masks=lesson.masks[:1])
    with pytest.raises(ExampleError, match=f"sample {lesson.prompt.id}: .*terracot verify"):
        micro_of(processor, config, [wrong])


# Feeding


def fed(folders: Folders, parts: Any, micro: int, world: int, workers: int, first: int = 0) -> list[list[Any]]:
    """For each step what its processes get, by process."""
    config, processor = parts
    order = Order(folders.rows, [1.0], np.zeros(len(folders.rows)), batch=8, steps=5, shuffle=16, bucket=2)
    found: list[list[Any]] = []
    for rank in range(world):
        options = {"micro": micro, "workers": workers, "rank": rank, "world": world}
        feed = Feed(Reader(folders, 3), order, processor, config, **options)
        try:
            found.append([[(m.words, m.masks, m.tokens, own(m)) for m in step] for step in feed.steps(first)])
        finally:
            feed.close()
    return [list(step) for step in zip(*found, strict=True)]


def own(micro: Any) -> tuple[tuple[int, str], ...]:
    return tuple((lesson.number, lesson.prompt.id) for lesson in micro.lessons)


@pytest.mark.parametrize(("micro", "world"), [(1, 1), (4, 2), (2, 2), (1, 4), (2, 4)])
def test_processes_and_micro_batches_share_out_the_very_samples_of_each_step(
    folders: Folders, parts: Any, micro: int, world: int
) -> None:
    whole = fed(folders, parts, 8, 1, 0)
    shared = fed(folders, parts, micro, world, 0)
    for one, several in zip(whole, shared, strict=True):
        micros = [m for process in several for m in process]
        assert {len(process) for process in several} == {8 // micro // world}
        assert sorted(sample for m in micros for sample in m[3]) == sorted(one[0][0][3])
        for place in (0, 1):  # words and masks
            assert sum(m[place] for m in micros) == one[0][0][place]


def test_threads_change_nothing_and_any_step_can_be_the_first(folders: Folders, parts: Any) -> None:
    plain = fed(folders, parts, 4, 1, 0)
    assert fed(folders, parts, 4, 1, 3) == plain
    assert fed(folders, parts, 4, 1, 2, first=3) == plain[3:]


def test_an_error_in_a_thread_comes_out_with_the_name_of_the_sample(folders: Folders, parts: Any) -> None:
    config, processor = parts
    order = Order(folders.rows, [1.0], np.zeros(len(folders.rows)), batch=4, steps=3)

    class Broken(Reader):
        def lesson(self, row: int, number: int = 0) -> Any:
            lesson = super().lesson(row, number)
            return replace(lesson, masks=lesson.masks * 2) if number == 6 else lesson

    feed = Feed(Broken(folders, 9), order, processor, config, micro=2, workers=2)
    try:
        with pytest.raises(ExampleError, match=r"sample [0-9a-f]{16}: "):
            list(feed.steps(0))
    finally:
        feed.close()
