"""Folders of the published form made into Terra-CoT folders of ours.

What a row says is kept; nothing is measured. Rows that cannot be read go to ``quarantine.jsonl`` by file and number,
each with its reason, and cost no other row. Rows of the same images share a scene. The ground sampling is unknown, and
pixels are those of the pictures.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from terracot.dataset import TERRA_COT, Summary, describe_folder, hashes_of, summary, total_counts, write_quarantine
from terracot.findings import SceneFacts
from terracot.generate import write_tables
from terracot.ground import GroundSampling
from terracot.io import OutputError, sha256_file, stamp, write_manifest
from terracot.masks import RleError, decode
from terracot.pipeline import fingerprint, run_shards, shards_of, working_on
from terracot.pixel_files import EMBED, inside
from terracot.plugins import EvidenceMask
from terracot.released.entries import Entry, content_of, entries, files_of
from terracot.released.form import JOINT, FormError, Row, row_of
from terracot.released.told import SOURCE, told_row
from terracot.render import default_display, render_stamp
from terracot.samples import SCHEMA_VERSION
from terracot.scenes import Frame, Modality, Scene
from terracot.shards import scene_row

SCENES_PER_SHARD = 32
MAX_IMAGE_PIXELS = 1 << 26
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
UNSTATED = "unstated"
_BANDS = ("red", "green", "blue")
_TELL_ALIKE = ("scene_id", "source", "split", "group", "license", "attribution")


@dataclass(frozen=True)
class ImportJob:
    """Everything a worker needs to write one shard. Its "scene ids" are JSON lists of the entries of a scene's rows."""

    files: tuple[str, ...]
    root: str
    out: str
    license: str
    images: str = EMBED

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Write ``scenes-INDEX`` and ``samples-INDEX``; returns files, counts and quarantined rows."""
        quarantine: list[dict[str, str]] = []
        samples: list[dict[str, Any]] = []
        scenes: list[dict[str, Any]] = []
        for scene_id in scene_ids:
            facts: SceneFacts | None = None
            first: Row | None = None
            own: list[dict[str, Any]] = []
            for entry in (Entry(*numbers) for numbers in json.loads(scene_id)):
                key = _key(self.files, entry)
                try:
                    row = row_of(content_of(Path(self.files[entry.file]), entry))
                    if facts is None or first is None:
                        facts, first = SceneFacts(_scene(row, Path(self.root), self.license)), row
                    _check_alike(row, first)
                    masks = _masks(row, facts.scene.shape)
                    for number, turn in enumerate(row.turns, 1):
                        own.append(told_row(turn, masks[turn.masks.start : turn.masks.stop], facts, f"{key}:{number}"))
                except FormError as error:
                    quarantine.append(_quarantined(key, error))
            if own and facts is not None:
                scenes.append(scene_row(facts))
                samples += own
        files = write_tables(Path(self.out), index, samples, scenes, self.images)
        return {"files": files, "counts": {"scenes": len(scenes), "samples": len(samples)}, "quarantine": quarantine}


def import_released(
    path: Path,
    out: Path,
    root: Path | None = None,
    license: str = UNSTATED,
    workers: int = 1,
    progress: bool = False,
    images: str = EMBED,
) -> Summary:
    """Make a Terra-CoT folder ``out`` of the rows at ``path``, a file or a folder; resumes what a killed call began.

    Images are looked for below ``root`` (default: the folder of the rows), never outside it. ``license`` is taken for
    rows that state none. ``OutputError`` for what is no such form, or a folder that cannot be used.
    """
    files = files_of(path)
    root = root or (path if path.is_dir() else path.parent)
    job = ImportJob(tuple(map(str, files)), str(root), str(out), license, images)
    ids, read, refused = _index(files)
    if not read:
        raise OutputError(f"{path} has no rows; expected the published form, one JSON object a line or one array")
    identity = {"job": "import", "files": [file.name for file in files], "license": license, "images": images}
    content = " ".join(sha256_file(file) for file in files)
    plan = fingerprint(identity, content, ids)
    shards = shards_of(ids, SCENES_PER_SHARD)
    with working_on(out, plan, {"import": len(shards)}) as finished:
        if not finished:
            records = run_shards(job, "import", shards, out, workers, progress)
            all_records = [{"quarantine": refused, "counts": {"scenes": 0, "samples": 0}}, *records]
            write_quarantine(out, all_records)
            hashes = hashes_of(records)
            manifest = {
                "kind": TERRA_COT,
                "schema": SCHEMA_VERSION,
                "plan": plan,
                "source": {
                    "name": SOURCE,
                    "path": path.name,
                    "options": {},
                    "fingerprint": content,
                    "generated": False,
                },
                "seed": 0,
                "licenses": [],
                "license_of_rows_without": license,
                "scenes_read": read,
                "scenes_per_shard": SCENES_PER_SHARD,
                "images": images,
                "counts": describe_folder(out, SOURCE, total_counts(all_records), images == EMBED, hashes),
                "quarantined": sum(len(r["quarantine"]) for r in all_records),
                "render": render_stamp(),
                "stamp": stamp(),
            }
            write_manifest(out, manifest, hashes)
    return summary(out)


def _index(files: Sequence[Path]) -> tuple[list[str], int, list[dict[str, str]]]:
    """The rows by scene, in order of their first; how many there are in all; and those whose structure is unsound."""
    scenes: dict[tuple[str, ...], list[Entry]] = {}
    refused: list[dict[str, str]] = []
    read = 0
    names = [str(file) for file in files]
    for number, path in enumerate(files):
        for found in entries(number, path):
            read += 1
            if not isinstance(found, Entry):
                refused.append(_quarantined(f"{path.name}:{found[0]}", found[1]))
                continue
            try:
                row = row_of(content_of(path, found))
                scenes.setdefault(row.images, []).append(found)
            except FormError as error:
                refused.append(_quarantined(_key(names, found), error))
    ids = [json.dumps([list(asdict(entry).values()) for entry in own]) for own in scenes.values()]
    return ids, read, refused


def _key(files: Sequence[str], entry: Entry) -> str:
    return f"{Path(files[entry.file]).name}:{entry.number}"


def _quarantined(key: str, error: FormError) -> dict[str, str]:
    message = str(error).encode("utf-8", "backslashreplace").decode()  # hostile names may be no text
    return {"scene_id": key, "reason": error.reason, "message": message}


def _check_alike(row: Row, first: Row) -> None:
    """Rows of one scene may not differ in what belongs to the scene."""
    for name in ("dates", "modalities", *_TELL_ALIKE):
        own, other = (
            getattr(one, name) if name in ("dates", "modalities") else one.told.get(name) for one in (row, first)
        )
        if own != other:
            raise FormError("contradiction", f"{name} is {own!r}, an earlier row of the same images has {other!r}")


def _masks(row: Row, shape: tuple[int, int]) -> tuple[EvidenceMask, ...]:
    """The masks of a row, each the union of its parts; ``FormError`` for damaged RLE or another size."""
    masks = []
    for number, (t, label, parts) in enumerate(zip(row.mask_dates, row.labels, row.masks, strict=True), 1):
        whole = np.zeros(shape, dtype=bool)
        for part in parts:
            try:
                whole |= decode(part, shape)
            except RleError as error:
                raise FormError("bad_rle", f"mask {number}: {error}") from error
        masks.append(EvidenceMask(t, label, whole))
    return tuple(masks)


def _scene(row: Row, root: Path, license: str) -> Scene:
    pictures = [read_picture(root, name) for name in row.images]
    shapes = sorted({picture.shape[1:] for picture in pictures})
    if len(shapes) > 1:
        raise FormError("image_sizes", f"the images of a row need one size, found {shapes}")
    name = JOINT.join(row.images)
    provenance: dict[str, Any] = {"images": list(row.images)}
    if row.told:
        provenance["told"] = {key: row.told[key] for key in ("scene_id", "source") if key in row.told}
    if row.synthetic:
        provenance["synthetic"] = True
    return Scene(
        id=name,
        source=SOURCE,
        group=row.told.get("group", name),
        license=row.told.get("license", license),
        frames=tuple(
            _frame(f"{number}-{modality}", t, modality, picture)
            for number, (t, modality, picture) in enumerate(zip(row.dates, row.modalities, pictures, strict=True), 1)
        ),
        labels=(),
        ground=GroundSampling.unknown(),
        split=row.told.get("split", "train"),
        attribution=row.told.get("attribution", ""),
        provenance=provenance,
    )


def _frame(name: str, t: int, modality: Modality, picture: npt.NDArray[np.uint8]) -> Frame:
    unit = "digital number"
    display = default_display(modality, _BANDS, unit)
    return Frame(name, t, modality, _BANDS, (picture.shape[1], picture.shape[2]), lambda: picture, unit, display)


def read_picture(root: Path, name: str) -> npt.NDArray[np.uint8]:
    """``(3, H, W)`` of an image below ``root``; ``FormError`` for names that lead out of it, and for unusable files."""
    try:
        path = inside(root, name)
        if not path.is_file():
            raise FormError("missing_image", f"there is no image {name!r} below {root.name or 'the folder'}")
    except FormError:
        raise
    except (OutputError, OSError, ValueError) as error:
        raise FormError("image_path", f"{name!r} is no path inside the folder of images") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise FormError(
                        "image_too_large",
                        f"{name!r} has {image.height} x {image.width} pixels, at most {MAX_IMAGE_PIXELS} are read",
                    )
                return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    except FormError:
        raise
    except Exception as error:
        raise FormError("unreadable_image", f"{name!r} cannot be read as an image: {error}") from error
