"""One static page to look through a data set or benchmark: pictures, masks that light up with their steps, filters.

The page needs nothing but itself: style and scripts are inside (their hashes in its content security policy, so that
nothing else runs), pictures are data URIs once per scene, masks stay RLE and are decoded by ``browser/rle.js``. It
holds a sample of rows, drawn evenly over levels by a hash of the seed, and says of how many.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import html
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from terracot.io import OutputError, atomic_write_text
from terracot.kinds import folder_kind
from terracot.language import NUMBER
from terracot.pixel_files import inside
from terracot.plugins import LETTERS
from terracot.seeding import seed_of
from terracot.shards import read_rows
from terracot.sheet import COLOURS
from terracot.show import frame_title, ground_line, is_synthetic
from terracot.status import require_finished

SCRIPTS = ("rle.js", "draw.js", "page.js")
PICTURE_SIDE, JPEG_QUALITY, SMALL_PICTURE = 768, 88, 24_000
"""Pictures are reduced to this many pixels a side; those of more bytes than ``SMALL_PICTURE`` become JPEG."""

FACETS = {
    "level": "Level",
    "kind": "Kind",
    "form": "Form",
    "classes": "Class",
    "modality": "Modality",
    "source": "Source",
    "split": "Split",
}
UNIT_NAMES = {
    "px": "pixels",
    "px distance": "pixels",
    "m2": "m²",
    "km2": "km²",
    "m2/px": "m² a pixel",
    "m/px": "m a pixel",
    "count": "",
    "date": "",
}
_UNREAD = (".pixels", ".hidden.counts", ".hidden.size.list.element")


@dataclass(frozen=True)
class Page:
    """What was written: rows in the page, rows of the folder, and bytes of the page."""

    out: Path
    shown: int
    total: int
    size: int


def browse(folder: Path, out: Path, limit: int = 500, seed: int = 0) -> Page:
    """Write the page of a finished folder; ``OutputError`` when it is none or cannot be written.

    Memory grows with ``limit``, not with the folder.
    """
    manifest = require_finished(folder)
    stem = folder_kind(str(manifest.get("kind")), str(folder)).stem
    chosen, total = draw(folder, stem, limit, seed)
    rows = list(_rows_of(folder, stem, "id", chosen, ("image.bytes", "image.path")))
    scenes = {name: n for n, name in enumerate(dict.fromkeys(row["scene_id"] for row in rows))}
    stored = {s["scene_id"]: s for s in _rows_of(folder, "scenes", "scene_id", set(scenes), _UNREAD, folder)}
    if missing := [name for name in scenes if name not in stored]:
        raise OutputError(f"{folder}: scene {missing[0]} is missing; make the folder again")
    samples = [sample_record(row, scenes[row["scene_id"]], stored[row["scene_id"]]) for row in rows]
    about = f"all {total:,} rows"
    if len(rows) < total:
        tiers = "levels" if stem == "samples" else "tasks"
        about = f"{len(rows):,} of {total:,} rows, drawn evenly over {tiers} (seed {seed})"
    if any(is_synthetic(scene) for scene in stored.values()):
        about += " · synthetic images"
    title = f"{folder.resolve().name} · {manifest['kind']}"
    data = {
        "title": title,
        "total": total,
        "colours": COLOURS,
        "facets": facets_of(samples),
        "samples": samples,
    }
    text = page_text(title, about, data, (scene_record(stored[name]) for name in scenes))
    atomic_write_text(out, text)
    return Page(out, len(rows), total, len(text.encode()))


def draw(folder: Path, stem: str, limit: int, seed: int) -> tuple[set[str], int]:
    """Ids of at most ``limit`` rows, as many of each level as of any other if it has them; and the number of all."""
    smallest: dict[str, list[tuple[int, str]]] = defaultdict(list)  # per level, a heap with the largest hash on top
    total = 0
    tier = "level" if stem == "samples" else "task"
    for row in read_rows(folder, stem, ["id", tier]):
        total += 1
        heap, entry = smallest[row[tier]], (-seed_of(seed, "browse", row["id"]), row["id"])
        if len(heap) < limit:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)
    chosen: set[str] = set()
    left = limit
    by_supply = sorted(smallest, key=lambda name: (len(smallest[name]), name))
    for place, name in enumerate(by_supply):
        share = left // (len(by_supply) - place)  # what the scarce leave over goes to the others
        taken = sorted(smallest[name], reverse=True)[:share]
        chosen.update(row_id for _, row_id in taken)
        left -= len(taken)
    return chosen, total


def _rows_of(
    folder: Path, stem: str, key: str, wanted: Collection[str], unread: Sequence[str], pictures: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Rows with these keys, without the columns whose path ends in one of ``unread``; stored pictures are shrunk."""
    for path in sorted((folder / "data").glob(f"{stem}-*.parquet")):
        try:
            file = pq.ParquetFile(path)
            leaves = [file.schema.column(n).path for n in range(len(file.schema))]
            columns = [leaf for leaf in leaves if not leaf.endswith(tuple(unread))]
            for group in range(file.num_row_groups):
                keys = file.read_row_group(group, columns=[key])[key].to_pylist()
                places = [n for n, name in enumerate(keys) if name in wanted]
                if not places:
                    continue
                for row in file.read_row_group(group, columns=columns).take(places).to_pylist():
                    for frame in row["frames"] if pictures else ():
                        frame["image"] = picture_uri(frame["image"], pictures or folder)
                    yield row
        except (pa.ArrowException, OSError) as error:
            raise OutputError(f"{path} cannot be read ({error}); make the folder again") from error


def picture_uri(image: Mapping[str, Any], folder: Path) -> str:
    """A stored picture as a data URI: as it is when small, else reduced and as JPEG."""
    data: bytes = image["bytes"] or inside(folder, image["path"]).read_bytes()
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    with Image.open(io.BytesIO(data)) as picture:
        if len(data) > SMALL_PICTURE or max(picture.size) > PICTURE_SIDE or kind == "jpeg":
            reduced = picture.convert("RGB")
            reduced.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
            buffer = io.BytesIO()
            reduced.save(buffer, "JPEG", quality=JPEG_QUALITY)
            data, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


# --- records of the page --------------------------------------------------------------------------------------------


def sample_record(row: Mapping[str, Any], scene: int, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a row; ``scene`` is the number of its scene in the page."""
    names = [mask["class_name"] for mask in row["masks"] or ()]
    options = list(row.get("options") or ())
    level = row.get("level") or ""
    answer: list[Any] = pieces(row["answer"], row.get("answer_values") or (), names)
    if options:
        answer = [f"{row['answer']}: {options[LETTERS.index(row['answer'])]}"]
    return {
        "id": row["id"],
        "scene_id": row["scene_id"],
        "scene": scene,
        "level": level,
        "kind": row["kind"],
        "form": row.get("form") or ("choice" if options else "open"),
        "classes": sorted(set(names)),
        "modality": row.get("modality") or "+".join(sorted({f["modality"] for f in stored["frames"]})),
        "source": row["source"],
        "split": row["split"],
        "chips": [text for text in dict.fromkeys((level, row["kind"], f"split {row['split']}")) if text],
        "question": pieces(row["question"], row["values"] or (), names),
        "options": options,
        "right": LETTERS.index(row["answer"]) if options else None,
        "steps": [_step(step, names) for step in row.get("steps") or ()],
        "answer": answer,
        "masks": [
            {"t": m["t"], "name": m["class_name"], "size": m["rle"]["size"], "counts": m["rle"]["counts"]}
            for m in row["masks"] or ()
        ],
        "origin": _row_origin(row),
    }


def _step(step: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    own = {n for value in step["values"] or () for n in value["of"]}
    seg = step["mask"] if step["kind"] == "ground" else None
    masks = sorted(own) if seg is None else [seg]
    return {"text": pieces(step["text"], step["values"] or (), names), "seg": seg, "masks": masks}


def pieces(text: str, values: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Any]:
    """A text cut at its recorded numbers: strings, and for each number its text, quantity and masks.

    Digits of class names are no numbers. A text whose numbers are not those recorded stays whole.
    """
    blank = text
    for name in sorted(set(names), key=len, reverse=True):
        blank = blank.replace(name, " " * len(name))
    found = list(NUMBER.finditer(blank))
    if [match.group() for match in found] != [value["text"] for value in values]:
        return [text]
    cut: list[Any] = []
    end = 0
    for match, value in zip(found, values, strict=True):
        cut += [text[end : match.start()], {"text": match.group(), "tip": _tip(value, names), "masks": value["of"]}]
        end = match.end()
    return [piece for piece in [*cut, text[end:]] if piece != ""]


def _tip(value: Mapping[str, Any], names: Sequence[str]) -> str:
    what = value["quantity"].replace("parameter.", "set by the question: ").replace("_", " ")
    of = " and ".join(f"mask {n + 1} ({names[n]})" for n in value["of"] if 0 <= n < len(names))
    unit = UNIT_NAMES.get(value["unit"], value["unit"])
    return f"{what}{f' of {of}' if of else ''}: {value['value']:,.10g} {'' if unit in what else unit}".strip()


def _row_origin(row: Mapping[str, Any]) -> list[list[str]]:
    truth = row["truth"]
    measured = truth["text"]
    if truth["value"] is not None:
        unit = UNIT_NAMES.get(truth["unit"], truth["unit"])
        measured = f"{truth['value']:,.10g} {unit}".strip()
    rewriter = json.loads(row.get("rewriter") or "{}")
    reworded = f"by {rewriter.get('model', 'a model')}" if rewriter else ""
    lines = [
        ["Sample", row["id"], row["id"]],
        ["True value" if truth["value"] is not None else "True answer", measured],
        ["Template", f"{row['template']}, seed {row['seed']}, {row['generator']}"],
        ["Reworded", reworded],
    ]
    return [line for line in lines if line[1]]


def scene_record(scene: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a scene: pictures by frame, and where it comes from."""
    dates = len({frame["t"] for frame in scene["frames"]})
    of_date = Counter(frame["t"] for frame in scene["frames"])
    frames = []
    for frame in scene["frames"]:
        when = f"{frame['t']}" if dates > 1 else ""
        sensor = frame["modality"] if of_date[frame["t"]] > 1 or dates == 1 else ""
        frames.append(
            {
                "t": frame["t"],
                "modality": frame["modality"],
                "label": " ".join(filter(None, (when, sensor))),
                "title": frame_title(frame, dates),
                "src": frame["image"],
            }
        )
    licence = scene["license"] + (" (no commercial use)" if scene["non_commercial"] else "")
    lines = [
        ["Scene", scene["scene_id"]],
        ["Source", scene["source"] + (", synthetic images" if is_synthetic(scene) else "")],
        ["Licence", licence],
        ["Attribution", scene["attribution"] or "none asked for"],
        ["Group", scene["group"]],
        [
            "Grid",
            f"{scene['height']} × {scene['width']} pixels{', ' + _crs_text(scene['crs']) if scene['crs'] else ''}",
        ],
        ["Pixel size", ground_line(scene["ground"]).removeprefix("Ground sampling: ").rstrip(".")],
        ["Provenance", scene["provenance"]],
    ]
    return {"height": scene["height"], "width": scene["width"], "frames": frames, "origin": lines}


def _crs_text(crs: str) -> str:
    return crs if len(crs) <= 40 else f"{crs[:37]}..."


def facets_of(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns that can be chosen from: those with at least two values in the page, with counts."""
    facets = []
    for key, label in FACETS.items():
        counts: Counter[str] = Counter()
        for sample in samples:
            counts.update(sample[key] if isinstance(sample[key], list) else [sample[key]] if sample[key] else [])
        if len(counts) > 1:
            facets.append({"key": key, "label": label, "values": sorted(counts.items())})
    return facets


# --- the page -------------------------------------------------------------------------------------------------------


def page_text(title: str, about: str, data: Mapping[str, Any], scenes: Iterable[Mapping[str, Any]]) -> str:
    """The whole page. Only style and script of this package are allowed by its policy; everything else is data."""
    style = _part("style.css")
    script = '"use strict";\n' + "\n".join(_part(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    blocks = (
        f'<script type="application/json" id="scene-{n}">{json_in_html(scene)}</script>'
        for n, scene in enumerate(scenes)
    )
    parts = {
        "CSP": html.escape(policy),
        "TITLE": html.escape(title),
        "ABOUT": html.escape(about),
        "STYLE": style,
        "DATA": json_in_html(data),
        "SCENES": "\n".join(blocks),
        "SCRIPT": script,
    }
    return re.sub("@([A-Z]+)@", lambda match: parts[match[1]], _part("page.html"))


def json_in_html(value: Any) -> str:
    """JSON that may stand inside a script element: no character of it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _part(name: str) -> str:
    return (files("terracot.browser") / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
