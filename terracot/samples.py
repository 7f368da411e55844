"""The Arrow types that data sets and benchmarks share, and the Sample (one Terra-CoT row).

A folder of either kind holds two tables, joined by ``scene_id``: ``scenes-*.parquet`` (pixels, valid masks, ground
sampling, once per scene) and ``samples-*.parquet`` or ``items-*.parquet`` (question, trace or options, masks).
Masks are compressed COCO RLE on the scene's own pixel grid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 4

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""An encoded picture in the form that Hugging Face's ``Image`` feature reads."""

RLE = pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])
"""Compressed COCO RLE: ``size`` is ``[H, W]``."""

MASK = pa.struct([("t", pa.int32()), ("class_name", pa.string()), ("plural", pa.bool_()), ("rle", RLE)])

VALUE = pa.struct(
    [
        ("quantity", pa.string()),  # name in terracot.quantities
        ("of", pa.list_(pa.int32())),  # the masks it is measured on, by position in `masks`
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("text", pa.string()),  # as it stands in the sentence
    ]
)

STEP = pa.struct(
    [
        ("kind", pa.string()),  # "say" or "ground"
        ("text", pa.string()),  # the sentence, or the phrase that names the region
        ("mask", pa.int32()),  # position in `masks` for "ground", null for "say"
        ("values", pa.list_(VALUE)),  # every number of the sentence, in order
    ]
)

TRUTH = pa.struct([("value", pa.float64()), ("unit", pa.string()), ("text", pa.string())])

MARGIN = pa.struct(
    [
        # the least and the most that a disturbed label map makes of the truth, in its unit; null for words
        ("low", pa.float64()),
        ("high", pa.float64()),
        # the answer with every mask eroded, and dilated, by one pixel; null where nothing is left to measure
        ("eroded", TRUTH),
        ("dilated", TRUTH),
    ]
)

GROUND = pa.struct(
    [
        ("basis", pa.string()),
        ("dy_m", pa.float64()),
        ("dx_m", pa.float64()),
        ("row_areas_m2", pa.list_(pa.float64())),
        ("drift", pa.float64()),
        ("origin", pa.string()),
        ("area_drift", pa.float64()),
    ]
)

FRAME = pa.struct(
    [
        ("id", pa.string()),
        ("t", pa.int32()),
        ("modality", pa.string()),
        ("bands", pa.list_(pa.string())),
        ("unit", pa.string()),
        ("time", pa.string()),
        ("image", IMAGE),  # the common render, PNG
        ("pixels", pa.binary()),  # native bands: the C-order bytes of a (bands, H, W) array of `dtype`
        ("pixels_path", pa.string()),  # where they lie (.npy) in a folder that keeps its images as files
        ("dtype", pa.string()),
        ("hidden", RLE),  # pixels behind cloud or shadow, where known
        ("sha256", pa.string()),  # of dtype, shape and pixels alone: the same image under another name has the same
    ]
)

VALID = pa.struct([("t", pa.int32()), ("rle", RLE), ("according_to", pa.string())])

SCENE_SCHEMA = pa.schema(
    [
        ("scene_id", pa.string()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("group", pa.string()),
        ("license", pa.string()),
        ("non_commercial", pa.bool_()),  # the licence forbids commercial use, or does not say
        ("attribution", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("crs", pa.string()),
        ("transform", pa.list_(pa.float64())),
        ("ground", GROUND),
        ("valid", pa.list_(VALID)),  # pixels with a label by date, and the map that says so where questions name it
        ("frames", pa.list_(FRAME)),
        ("content_sha256", pa.string()),  # of the frames: ids, dates, modalities and their sha256
        ("provenance", pa.string()),  # JSON
    ]
)

_COMMON = [
    ("id", pa.string()),  # content-derived
    ("scene_id", pa.string()),
    ("source", pa.string()),
    ("split", pa.string()),
    ("group", pa.string()),
    ("license", pa.string()),
    ("non_commercial", pa.bool_()),
    ("pixels_sha256", pa.list_(pa.string())),  # of each frame of the scene, in order
    ("kind", pa.string()),  # which question: a name of terracot.rules
    ("question", pa.string()),
    ("values", pa.list_(VALUE)),  # every number of the question, in order
    ("masks", pa.list_(MASK)),
    ("truth", TRUTH),
    ("parameters", pa.string()),  # JSON: what the rule needs beyond the masks (connectivity, unit, class names)
    ("ground_basis", pa.string()),  # measured | nominal | unknown
    ("template", pa.string()),  # which phrasing, and its version
    ("seed", pa.int64()),
    ("generator", pa.string()),
]

SAMPLE_SCHEMA = pa.schema(
    [
        *_COMMON,
        ("level", pa.string()),  # a name of terracot.levels.LEVELS, or qa
        ("modality", pa.string()),  # of the scene's frames: "optical", "multispectral+sar" ...
        ("dates", pa.int32()),  # of the scene
        ("form", pa.string()),  # "open" or "choice"
        ("options", pa.list_(pa.string())),  # in letter order; empty for open questions
        ("option_values", pa.list_(pa.float64())),  # null where options are words
        ("steps", pa.list_(STEP)),
        ("answer", pa.string()),  # a text, or the letter of an option
        ("answer_values", pa.list_(VALUE)),  # the numbers of a caption's summary; an answer's number is in `truth`
        ("text", pa.string()),  # <think> ... [SEG] ... </think><answer> ... </answer>
        ("rewriter", pa.string()),  # JSON: the model that reworded question and steps; null for templates
        ("template_id", pa.string()),  # of a reworded row: the id it has in the words of the templates
    ]
)

ITEM_SCHEMA = pa.schema(
    [
        # the published columns first, as they are published
        ("image", IMAGE),
        ("question", pa.string()),
        ("candidates", pa.string()),  # JSON object, letter -> text
        ("answer", pa.string()),  # letter
        ("task_type", pa.string()),
        # then ours
        *[column for column in _COMMON if column[0] != "question"],
        ("task", pa.string()),
        ("options", pa.list_(pa.string())),
        ("option_values", pa.list_(pa.float64())),  # null where options are words
        ("stratum", pa.string()),  # what the pool of distractors has in common
        ("protocol", pa.string()),
        ("difficulty", pa.string()),  # near | far: how close the options of the set lie; null where they are words
        ("margin", MARGIN),
        ("rewriter", pa.string()),  # JSON: the model that reworded the question; null for templates
        ("template_id", pa.string()),  # of a reworded item: the id it has in the words of the templates
    ]
)


def content_id(record: Mapping[str, Any]) -> str:
    """Identifier of a row: the first 16 hex digits of the sha256 of its canonical JSON, without ``id`` and pixels."""
    content = {k: v for k, v in record.items() if k not in ("id", "image")}
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()[:16]


# ``io.canonical_json``, made once and without looking for cycles, which rows cannot have
_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)
