"""Croissant 1.1 metadata of a folder (``croissant.json``), so that catalogues and loaders know its tables by column.

One ``FileObject`` with its sha256 for each Parquet file, one ``FileSet`` and one ``RecordSet`` for each table. Members
of a struct inside a struct stand beside the others (``masks/rle_counts``). Readers of Croissant take one value out of
each element of a list, so a list of structs inside a list of structs has no field: its column says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

import terracot
from terracot.io import atomic_write_text, pretty_json, sha256_file
from terracot.samples import IMAGE

CROISSANT = "croissant.json"
PUBLISHED = "2026-11-23"
"""Date of this form of the tables. A folder has no date of its own: it follows from source, seed and version."""

PARQUET = "application/x-parquet"
CITATION = (
    "@inproceedings{shu2026terrascope, "
    "title={TerraScope: Pixel-Grounded Visual Reasoning for Earth Observation}, "
    'author={Shu, Yan and Ren, Bin and Xiong, Zhitong and Zhu, Xiao Xiang and Demir, Beg{\\"u}m and Sebe, Nicu and '
    "Rota, Paolo}, booktitle={CVPR}, year={2026}, note={arXiv:2603.19039}}"
)
"""The paper whose recipe, tasks and filters these data follow."""

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {
    pa.string(): "sc:Text",
    pa.binary(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.float64(): "cr:Float64",
}


def write_croissant(
    folder: Path,
    name: str,
    description: str,
    tables: Mapping[str, tuple[pa.Schema, str]],
    licences: Iterable[str],
    hashes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write ``croissant.json`` of a folder with these tables: stem -> schema and key column.

    Call it when the tables are complete and before the manifest is written. ``hashes`` are those that are known since
    the files were written, by path.
    """
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": description,
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "license": sorted(set(licences)) or ["not stated"],
        "citeAs": CITATION,
        "version": terracot.__version__,
        "datePublished": PUBLISHED,
        "distribution": [entry for stem in tables for entry in _distribution(folder, stem, hashes)],
        "recordSet": [_record_set(stem, *table) for stem, table in tables.items()],
    }
    atomic_write_text(folder / CROISSANT, pretty_json(content))


def _distribution(folder: Path, stem: str, hashes: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "data").glob(f"{stem}-*.parquet")):
        name = f"data/{path.name}"
        yield {
            "@type": "cr:FileObject",
            "@id": path.name,
            "name": path.name,
            "contentUrl": name,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": PARQUET,
            "sha256": hashes.get(name) or sha256_file(path),
        }
    yield {
        "@type": "cr:FileSet",
        "@id": f"{stem}-files",
        "name": f"{stem}-files",
        "description": f"All files of the table {stem}.",
        "encodingFormat": PARQUET,
        "includes": f"data/{stem}-*.parquet",
    }


def _record_set(stem: str, schema: pa.Schema, key: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": stem,
        "name": stem,
        "description": f"One record for each row of the table {stem}.",
        "key": {"@id": f"{stem}/{key}"},
        "field": [_column(stem, column) for column in schema],
    }


def _column(stem: str, column: pa.Field) -> dict[str, Any]:
    kind = column.type
    listed = pa.types.is_list(kind)
    inner = kind.value_type if listed else kind
    field = _named(f"{stem}/{column.name}", listed)
    if kind == IMAGE:
        return field | {"dataType": "sc:ImageObject", "source": _source(stem, column.name, ["bytes"])}
    if not pa.types.is_struct(inner):
        return field | {"dataType": _TYPES[inner], "source": _source(stem, column.name, [])}
    parts: list[tuple[list[str], pa.DataType]] = []
    deeper: list[tuple[list[str], pa.DataType]] = []
    for steps, leaf in _leaves(inner, []):
        nested = pa.types.is_list(leaf) and pa.types.is_struct(leaf.value_type)
        (deeper if nested else parts).append((steps, leaf))
    if deeper:
        names = ", ".join("_".join(steps) for steps, _ in deeper)
        field["description"] = f"In the files each element also has {names}, a list of structs."
    field["subField"] = [
        _named(f"{stem}/{column.name}/{'_'.join(steps)}", pa.types.is_list(leaf))
        | {
            "dataType": _TYPES[leaf.value_type if pa.types.is_list(leaf) else leaf],
            "source": _source(stem, column.name, steps),
        }
        for steps, leaf in parts
    ]
    return field


def _leaves(struct: pa.StructType, above: list[str]) -> Iterator[tuple[list[str], pa.DataType]]:
    """Paths of the members of a struct that are no structs."""
    for member in struct:
        if pa.types.is_struct(member.type):
            yield from _leaves(member.type, [*above, member.name])
        else:
            yield [*above, member.name], member.type


def _named(name: str, listed: bool) -> dict[str, Any]:
    field = {"@type": "cr:Field", "@id": name, "name": name.rpartition("/")[2]}
    return field | {"isArray": True, "arrayShape": "-1"} if listed else field


def _source(stem: str, column: str, steps: Sequence[str]) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": f"{stem}-files"}, "extract": {"column": column}}
    if steps:
        source["transform"] = {"jsonPath": ".".join(f"'{step}'" for step in steps)}
    return source
