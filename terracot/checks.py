"""Row checks of ``verify``: each function measures one stored row again and yields what is wrong, as sentences.

Nothing is taken on trust: masks are decoded, every quantity is measured on them, every number is parsed out of the text
and held against both. Samples (traces) and items (options) share the columns that most checks read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from terracot.choices import K
from terracot.findings import Finding, Setting, pixels_sha256
from terracot.ground import GroundError, GroundSampling
from terracot.language import NUMBER, number_text, option_text
from terracot.levels import kind_named
from terracot.licences import non_commercial
from terracot.masks import RleError
from terracot.plugins import LETTERS, EvidenceMask
from terracot.quantities import Regions, Value, measured_value
from terracot.questions import Question
from terracot.questions.clouds import UNMENTIONED, clouds_over, split
from terracot.released.told import check_told_row, is_told
from terracot.rewriting import problems_of
from terracot.rules import Truth, answer_from_masks
from terracot.samples import content_id
from terracot.shards import content_sha256, frame_image, frame_pixels, row_ground, row_masks, row_valid, row_views
from terracot.stated import is_stated, stated_number
from terracot.stated_checks import check_stated_row
from terracot.traces import Ground, seg_dates, split_text, step_to_dict, trace_text
from terracot.views import modality_of

TOLERANCE = 1e-9

UNNAMED = ("building_change", "flood_share", "flood_area")
"""Kinds whose questions need not name what their masks show."""

Wording = Callable[[Mapping[str, Any], Finding, Setting], Question]


def scene_setting(row: Mapping[str, Any]) -> Setting:
    """What the rows of a stored scene are measured and worded against; ``RleError`` on damaged masks."""
    dates = max(frame["t"] for frame in row["frames"])
    named = {v["t"]: v["according_to"] for v in row["valid"] if v["according_to"]}
    return Setting(row["scene_id"], dates, row_ground(row), row_valid(row), named, row_views(row))


def check_scene(row: Mapping[str, Any], ground: GroundSampling | None = None) -> Iterator[str]:
    """Ground sampling from CRS and transform, pixel hash, pictures and dates of a scene.

    ``ground`` is the ground sampling that the folder's rules set for all scenes, whatever their CRS.
    """
    shape = (row["height"], row["width"])
    stored = row_ground(row)
    if ground is not None:
        if not _same_ground(ground, stored):
            yield f"ground sampling ({stored.origin}) is not that of its protocol ({ground.origin})"
    elif row["crs"] is not None and row["transform"] is not None:
        try:
            if not _same_ground(GroundSampling.from_georeference(row["crs"], row["transform"], shape), stored):
                yield f"ground sampling ({stored.origin}) does not follow from its CRS and transform"
        except GroundError as error:
            yield f"georeference: {error}"
    elif stored.basis == "measured":
        yield "ground sampling is called measured, but CRS or transform is missing"
    elif stored != _stated_ground(stored):
        yield f"ground sampling is called {stored.basis}, but its numbers are not those of one stated pixel size"
    if row["non_commercial"] != non_commercial(row["license"]):
        yield f"non_commercial is {row['non_commercial']}, which does not follow from {row['license']!r}"
    if content_sha256(row) != row["content_sha256"]:
        yield "the recorded sha256 does not follow from its frames"
    dates = sorted({frame["t"] for frame in row["frames"]})
    if dates != list(range(1, len(dates) + 1)):
        yield f"dates of the frames are {dates}, expected 1, 2 ..."
    for frame in row["frames"]:
        if frame["sha256"] != pixels_sha256(frame_pixels(row, frame)):
            yield f"pixels of frame {frame['id']} do not have the recorded sha256"
        if frame_image(frame).shape[:2] != shape:
            yield f"picture of frame {frame['id']} is not {shape}"
    if sorted(v["t"] for v in row["valid"]) != dates:
        yield "valid pixels are not recorded for every date"


def check_belongs(row: Mapping[str, Any], scene: Mapping[str, Any]) -> Iterator[str]:
    """What a row repeats of its stored scene: columns by name, and the published picture of an item."""
    for column in ("source", "split", "group", "license", "non_commercial"):
        if row[column] != scene[column]:
            yield f"{column} is {row[column]!r}, its scene has {scene[column]!r}"
    if row["pixels_sha256"] != [frame["sha256"] for frame in scene["frames"]]:
        yield "the hashes of its pixels are not those of its scene"
    if "image" in row:  # not part of the id, so a picture of another place would go unnoticed
        t = row["masks"][-1]["t"] if row["masks"] else json.loads(row["parameters"]).get("t")
        asked = [frame["image"]["bytes"] for frame in scene["frames"] if frame["t"] == t]
        if row["image"]["bytes"] not in asked:
            yield "its picture is none of its scene on the date asked about"


def check_row(row: Mapping[str, Any], scene: Setting, shape: tuple[int, int], word: Wording) -> Iterator[str]:
    """All that samples and items have in common, then what is particular to either."""
    if content_id(row) != row["id"]:
        yield "id does not follow from the content"
    if (row["rewriter"] is None) != (row["template_id"] is None):
        yield f"rewriter is {row['rewriter']!r} with template_id {row['template_id']!r}, expected both or none"
    try:
        masks = row_masks(row, shape)
    except RleError as error:
        yield f"mask: {error}"
        return
    if row["ground_basis"] != scene.ground.basis:
        yield f"ground basis {row['ground_basis']} differs from the scene's {scene.ground.basis}"
    if is_told(row["kind"]):
        yield from check_told_row(row, masks, scene)
        yield from _check_scene_columns(row, scene)
        if row["options"]:
            yield from _check_options(row)
        if (row["form"] == "choice") != bool(row["options"]):
            yield f"form is {row['form']!r} with {len(row['options'])} options"
        return
    if is_stated(row["kind"]):
        yield from check_stated_row(row, masks, scene)
        if "candidates" in row:
            yield from _check_options(row)
        else:
            yield from _check_scene_columns(row, scene)
            if row["form"] != "open" or row["options"]:
                yield f"form is {row['form']!r} with {len(row['options'])} options, stated samples are open"
        return
    for number, mask in enumerate(masks, 1):
        if not 1 <= mask.t <= scene.dates:
            yield f"mask {number} belongs to date {mask.t}, the scene has {scene.dates}"
            return
        if np.any(mask.mask & ~scene.valid[mask.t]):
            yield f"mask {number} covers pixels without a valid label"
        if "steps" not in row and row["kind"] not in UNNAMED and mask.class_name not in row["question"]:
            yield f"mask {number} shows {mask.class_name!r}, which the question does not ask about"
    parameters = json.loads(row["parameters"])
    try:
        evidence, clouds = split(masks, parameters)
    except ValueError as error:
        yield str(error)
        return
    if "steps" in row and not _same_masks(clouds, _clouds(row["kind"], evidence, scene)):
        yield "the masks of clouds are not what hides the evidence where a SAR image shows it"
        return
    regions = Regions(evidence, scene.valid, scene.ground, parameters, scene.views, clouds)
    truth = _measured_truth(regions, row["kind"])
    if isinstance(truth, str):
        yield truth
        return
    names = tuple(mask.class_name for mask in evidence)
    finding = Finding(row["kind"], evidence[-1].t, names, evidence, truth, parameters, clouds=clouds)
    yield from _check_truth(row, truth)
    yield from _check_numbers("question", row["question"], row["values"], regions)
    if "steps" in row:
        yield from _check_trace(row, regions, scene)
        yield from _check_sample(row, scene, finding)
    else:
        yield from _check_options(row)
    yield from _check_words(row, word(row, finding, scene))


def _clouds(kind: str, evidence: tuple[EvidenceMask, ...], scene: Setting) -> tuple[EvidenceMask, ...]:
    """The clouds that a trace of this kind has to speak of."""
    try:
        level = kind_named(kind).level
    except ValueError:  # said by those who look for its rule
        return ()
    return () if level in UNMENTIONED else clouds_over(evidence, scene.valid, scene.views)


def _same_masks(a: tuple[EvidenceMask, ...], b: tuple[EvidenceMask, ...]) -> bool:
    return len(a) == len(b) and all(
        (one.t, one.class_name, one.plural) == (other.t, other.class_name, other.plural)
        and np.array_equal(one.mask, other.mask)
        for one, other in zip(a, b, strict=True)
    )


def _measured_truth(regions: Regions, kind: str) -> Truth | str:
    """The answer that follows from the masks, or why there is none."""
    try:
        return answer_from_masks(kind, regions.masks, regions.valid, regions.ground, regions.parameters, regions.views)
    except (ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        return f"answer cannot be measured: {error}"


def _check_truth(row: Mapping[str, Any], truth: Truth) -> Iterator[str]:
    stored = row["truth"]
    if truth.text != stored["text"] or truth.unit != stored["unit"] or not _same(truth.value, stored["value"]):
        yield f"answer is {stored['text']} ({stored['value']}), measured {truth.text} ({truth.value})"


def _check_words(row: Mapping[str, Any], worded: Question) -> Iterator[str]:
    """Words follow from what was measured, the scene and the seed; so units and relations are checked too."""
    if row.get("rewriter") is not None:
        yield from problems_of(row, worded)
    elif row["question"] != worded.text:
        yield f"question is {row['question']!r}, worded again it is {worded.text!r}"
    if row["template"] != worded.template:
        yield f"template is {row['template']!r}, expected {worded.template!r}"
    if not _same_values(row["values"], worded.values):
        yield "the numbers recorded for the question are not those of its words"
    if "steps" in row:
        if row["answer"] != worded.answer:
            yield f"answer is {row['answer']!r}, worded again it is {worded.answer!r}"
        if not _same_values(row["answer_values"], worded.answer_values):
            numbers = [value["text"] for value in row["answer_values"]]
            yield f"the answer records the numbers {numbers}, worded again it has others"
        yield from _check_steps(row, worded)


def _check_steps(row: Mapping[str, Any], worded: Question) -> Iterator[str]:
    """Each step with what it points at and records; its text is another where a model has reworded it."""
    for number, (stored, step) in enumerate(zip_longest(row["steps"], worded.steps), 1):
        text = None if stored is None else stored["text"]
        again = None if step is None else step.text
        if stored is None or step is None or (row["rewriter"] is None and text != again):
            yield f"step {number} is {text!r}, worded again it is {again!r}"
            continue
        fresh = step_to_dict(step)
        for column in ("kind", "mask"):
            if stored[column] != fresh[column]:
                yield f"step {number}: {column} is {stored[column]!r}, expected {fresh[column]!r}"
        if not _same_values(stored["values"], () if isinstance(step, Ground) else step.values):
            yield f"step {number}: the numbers recorded are not those of its words"


def _same_values(stored: Sequence[Mapping[str, Any]], fresh: Sequence[Value]) -> bool:
    """Equal records of numbers: which quantity of which masks, in which unit; values but for their last digits."""
    return len(stored) == len(fresh) and all(
        {**one, "value": None} == {**other.to_dict(), "value": None} and _same(one["value"], other.value)
        for one, other in zip(stored, fresh, strict=True)
    )


def _check_numbers(what: str, text: str, values: list[dict[str, Any]], regions: Regions) -> Iterator[str]:
    """Digits in the text, recorded value and fresh measurement agree, number by number."""
    for mask in (*regions.masks, *regions.clouds):  # a class name may hold digits of its own
        text = text.replace(mask.class_name, "")
    found = NUMBER.findall(text)
    recorded = [value["text"] for value in values]
    if found != recorded:
        yield f"{what}: the text has the numbers {found}, recorded are {recorded}"
    for value in values:
        try:
            fresh = measured_value(regions, value["quantity"], value["of"], value["unit"])
        except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
            yield f"{what}: {value['quantity']} of masks {value['of']} cannot be measured: {error}"
            continue
        if not _same(fresh, value["value"]) or number_text(fresh, value["unit"]) != value["text"]:
            yield f"{what}: {value['quantity']} is {value['text']} ({value['value']}), measured {fresh}"


def _check_trace(row: Mapping[str, Any], regions: Regions, scene: Setting) -> Iterator[str]:
    steps = row["steps"]
    pointed = [step["mask"] for step in steps if step["kind"] == "ground"]
    masks = (*regions.masks, *regions.clouds)
    if pointed != list(range(len(masks))):
        yield f"the trace points at masks {pointed}, expected each of {len(masks)} once and in order"
        return
    for number, step in enumerate(steps, 1):
        if step["kind"] == "ground" and masks[step["mask"]].class_name not in step["text"]:
            yield f"step {number} does not name {masks[step['mask']].class_name!r}"
        yield from _check_numbers(f"step {number}", step["text"], step["values"], regions)
    dates = [mask.t for mask in masks]
    yield from _check_numbers("answer", row["answer"] if row["answer_values"] else "", row["answer_values"], regions)
    if row["text"] != trace_text(steps, dates, scene.dates, row["answer"]):
        yield "text is not the text form of the steps"
    expected = [date if scene.dates > 1 else None for date in dates]
    if split_text(row["text"]) is None or seg_dates(row["text"]) != expected:
        yield f"text has [SEG] of dates {seg_dates(row['text'])}, expected {expected}"
    if not any(step["kind"] == "say" for step in steps):
        yield "the trace says nothing"


def _check_sample(row: Mapping[str, Any], scene: Setting, finding: Finding) -> Iterator[str]:
    """Level, modality, dates and form of a sample."""
    level = kind_named(row["kind"]).level
    if row["level"] != level:
        yield f"level is {row['level']!r}, expected {level!r}"
    yield from _check_scene_columns(row, scene)
    if row["form"] not in ("open", "choice") or (row["form"] == "choice") != bool(row["options"]):
        yield f"form is {row['form']!r} with {len(row['options'])} options"
    elif row["options"]:
        yield from _check_options(row)
        yield from _check_choice(row, finding)


def _check_choice(row: Mapping[str, Any], finding: Finding) -> Iterator[str]:
    """Options of a sample: as many as its kind gives, and the possible words where there are only these."""
    choice = kind_named(row["kind"]).choice
    if choice is None:
        yield f"{row['kind']} has no options, found {row['options']}"
    elif choice.mode == "word":
        words = sorted(word.lower() for word in choice.words(finding))
        if sorted(option.lower() for option in row["options"]) != words:
            yield f"options are {row['options']}, expected {words}"
    elif len(row["options"]) != K:
        yield f"{len(row['options'])} options, expected {K}"


def _check_scene_columns(row: Mapping[str, Any], scene: Setting) -> Iterator[str]:
    """What a sample repeats of the images of its scene."""
    expected = {"modality": modality_of(scene.views), "dates": scene.dates}
    for column, value in expected.items():
        if row[column] != value:
            yield f"{column} is {row[column]!r}, expected {value!r}"


def _check_options(row: Mapping[str, Any]) -> Iterator[str]:
    options, letters = row["options"], LETTERS[: len(row["options"])]
    if len(set(options)) != len(options) or not 2 <= len(options) <= len(LETTERS):
        yield f"options {options} are not 2 to {len(LETTERS)} different texts"
        return
    if len(row["option_values"]) != len(options):
        yield f"{len(options)} options have {len(row['option_values'])} values"
        return
    if "candidates" in row and json.loads(row["candidates"]) != dict(zip(letters, options, strict=True)):
        yield "candidates are not the lettered options"
    if row["answer"] not in letters or len(row["answer"]) != 1:
        yield f"answer {row['answer']!r} is no option letter"
        return
    truth, chosen = row["truth"], options[letters.index(row["answer"])]
    numeric, stated = truth["value"] is not None, is_stated(row["kind"])

    def shown(value: float) -> str:
        return stated_number(value) if stated else option_text(value, truth["unit"])

    expected = shown(truth["value"]) if numeric else truth["text"]
    if chosen != expected if stated else chosen.lower() != expected.lower():
        yield f"option {row['answer']} is {chosen!r}, the truth is {expected!r}"
    for option, value in zip(options, row["option_values"], strict=True):
        if numeric != (value is not None) or (numeric and shown(value) != option):
            yield f"option {option!r} does not show its value {value}"


def _stated_ground(stored: GroundSampling) -> GroundSampling | None:
    """What its own pixel size makes of a ground sampling that was not measured; None if there is no such size."""
    if stored.basis == "unknown":
        return GroundSampling.unknown(stored.origin)
    try:
        return GroundSampling.nominal(stored.dy_m or 0.0, stored.dx_m or 0.0, stored.origin)
    except GroundError:
        return None


def _same_ground(a: GroundSampling, b: GroundSampling) -> bool:
    """Equal but for the last digits, in which versions of PROJ may differ."""
    one, other = a.to_dict(), b.to_dict()
    rows, others = one.pop("row_areas_m2"), other.pop("row_areas_m2")
    same_rows = len(rows) == len(others) and all(map(_same, rows, others))
    numbers = ("dy_m", "dx_m", "drift", "area_drift")
    same_numbers = all(_same(one.pop(n), other.pop(n)) for n in numbers)
    return same_rows and same_numbers and one == other


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
