"""Statistics of a finished folder: what is in it, how answers are spread, how far apart its splits are.

Tables are streamed. What is kept grows by 8 bytes a number answered and some hundred bytes a scene; pixels and masks
are not read at all.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terracot.kinds import folder_kind
from terracot.language import UNITS, quantity_text
from terracot.nearest import SceneIndex, quantiles
from terracot.plugins import LETTERS
from terracot.shards import read_rows
from terracot.status import require_finished

WITHIN_KM = 5.0
COUNTED = {
    "level": "level",
    "kind": "kind",
    "form": "form",
    "modality": "modality",
    "dates": "dates",
    "source": "source",
    "split": "split",
    "license": "licence",
    "ground_basis": "pixel size",
}
MOST_WORDS = 1000
OTHER = "(others)"
_AREA, _LENGTH = ("m2", "ha", "km2"), ("m", "km")

_COLUMNS = ["question", "options", "answer", "truth", "masks.list.element.class_name"]
_STEPS = ["steps.list.element.kind", "steps.list.element.text"]
_SCENE = ["scene_id", "split", "crs", "transform", "height", "width", "frames.list.element.sha256"]


class _Rows:
    """Counts over rows, one row at a time."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.letters: dict[int, Counter[str]] = defaultdict(Counter)
        self.words: dict[str, Counter[str]] = defaultdict(Counter)
        self.values: dict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
        self.lengths: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        self.rows += 1
        for column in COUNTED:
            if column in row:
                self.counts[column][str(row[column])] += 1
        names = [mask["class_name"] for mask in row["masks"] or ()]
        self.counts["class"].update(set(names))
        if row["options"]:
            self.letters[len(row["options"])][row["answer"]] += 1
        self._add_truth(row)
        steps = row.get("steps")
        grounded = len(names) if steps is None else sum(step["kind"] == "ground" for step in steps)
        self.lengths["seg"][grounded] += 1
        self.lengths["question_words"][len(row["question"].split())] += 1
        if steps:
            self.lengths["trace_words"][sum(len(step["text"].split()) for step in steps)] += 1

    def _add_truth(self, row: Mapping[str, Any]) -> None:
        truth = row["truth"]
        if truth["value"] is not None:
            unit = truth["unit"]
            base = "m2" if unit in _AREA else "m" if unit in _LENGTH else unit
            self.values[row["kind"], base].append(truth["value"] * UNITS.get(unit, 1.0))
        elif row.get("level") not in ("caption", "refer") and truth["text"]:
            words, text = self.words[row["kind"]], truth["text"].lower()
            words[text if text in words or len(words) < MOST_WORDS else OTHER] += 1


def stats(folder: Path, within_km: float = WITHIN_KM) -> dict[str, Any]:
    """Statistics as plain values for JSON; ``OutputError`` when the folder is not a finished one."""
    manifest = require_finished(folder)
    stem = folder_kind(str(manifest["kind"]), str(folder)).stem
    rows, scenes = _Rows(), SceneIndex()
    sample = stem == "samples"
    missing = () if sample else ("level", "form", "modality", "dates")
    for row in read_rows(
        folder, stem, [*(c for c in COUNTED if c not in missing), *_COLUMNS, *(_STEPS if sample else ())]
    ):
        rows.add(row)
    for scene in read_rows(folder, "scenes", _SCENE):
        scenes.add(scene)
    return {
        "folder": folder.resolve().name,
        "kind": manifest["kind"],
        "rows": rows.rows,
        "scenes": scenes.scenes.total(),
        "scenes_by_split": dict(sorted(scenes.scenes.items())),
        "counts": {name: _by_count(rows.counts[name]) for name in [*COUNTED, "class"] if rows.counts[name]},
        "answers": {
            "letters": {str(n): letter_test(counted, n) for n, counted in sorted(rows.letters.items())},
            "words": {kind: _by_count(words) for kind, words in sorted(rows.words.items())},
        },
        "values": [_value_entry(kind, unit, values) for (kind, unit), values in sorted(rows.values.items())],
        "lengths": {name: _length_entry(counted) for name, counted in rows.lengths.items()},
        "neighbours": scenes.neighbours(within_km),
        "duplicates": scenes.duplicates(),
    }


def letter_test(counted: Mapping[str, int], options: int) -> dict[str, Any]:
    """How often each letter is right, and the chi-square test of "all equally often".

    A small ``p`` says that letters tell something; one near 1 that they were balanced on purpose.
    """
    from scipy.special import chdtrc

    counts = {letter: counted.get(letter, 0) for letter in LETTERS[:options]}
    expected = sum(counts.values()) / options
    statistic = sum((n - expected) ** 2 / expected for n in counts.values())
    p = float(chdtrc(options - 1, statistic)) if options > 1 else None
    return {"counts": counts, "chi_square": statistic, "p": p}


def _by_count(counter: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def _value_entry(kind: str, unit: str, values: Sequence[float]) -> dict[str, Any]:
    mean = math.fsum(values) / len(values)
    return {"kind": kind, "unit": unit, "count": len(values), "mean": mean, "quantiles": quantiles(values)}


def _length_entry(counted: Mapping[int, int]) -> dict[str, Any]:
    sizes = sorted(counted)
    every = np.repeat(np.array(sizes, dtype=float), [counted[n] for n in sizes])
    return {"counts": {str(n): counted[n] for n in sizes}, "mean": float(every.mean()), "quantiles": quantiles(every)}


# --- as text --------------------------------------------------------------------------------------------------------

SHOWN = 12


def stats_text(found: Mapping[str, Any]) -> str:
    """The statistics as aligned tables."""
    return "\n".join(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['folder']} ({found['kind']}): {found['rows']:,} rows over {found['scenes']:,} scenes"
    for name, counts in found["counts"].items():
        note = ", rows that show it" if name == "class" else ""
        yield from _counted(f"{COUNTED.get(name, name)}{note}", counts, found["rows"])
    yield from _answer_lines(found["answers"])
    yield from _value_lines(found["values"])
    yield from _length_lines(found["lengths"])
    yield from _split_lines(found)


def _counted(title: str, counts: Mapping[str, int], total: int) -> Iterator[str]:
    yield f"\n{title}"
    shown = dict(list(counts.items())[:SHOWN])
    if len(counts) == SHOWN + 1:
        shown = dict(counts)
    elif len(counts) > SHOWN:
        shown[f"{len(counts) - SHOWN} others"] = sum(counts.values()) - sum(shown.values())
    width = max(map(len, shown))
    for name, count in shown.items():
        yield f"  {name:<{width}}  {count:>9,}  {count / total:>6.1%}"


def _answer_lines(answers: Mapping[str, Any]) -> Iterator[str]:
    if answers["letters"]:
        yield "\nright letter (p: chance of a spread as uneven as this if all were equally likely)"
    for options, entry in answers["letters"].items():
        counts = "  ".join(f"{letter} {n:,}" for letter, n in entry["counts"].items())
        p = "" if entry["p"] is None else f"  p {entry['p']:.2g}"
        yield f"  of {options:>2}: {counts}{p}"
    if answers["words"]:
        yield "\nanswers in words"
    width = max(map(len, answers["words"]), default=0)
    for kind, words in answers["words"].items():
        shown = [f"{word} {n:,}" for word, n in list(words.items())[:6]]
        more = f"  and {len(words) - 6:,} others" if len(words) > 6 else ""
        yield f"  {kind:<{width}}  {'  '.join(shown)}{more}"


def _value_lines(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not values:
        return
    heads = ("numbers", "rows", "min", "5%", "25%", "median", "75%", "95%", "max")
    table: list[tuple[str, ...]] = [heads]
    for entry in values:
        table.append(
            (entry["kind"], f"{entry['count']:,}", *(_shown(v, entry["unit"]) for v in entry["quantiles"].values()))
        )
    yield ""
    yield from _table(table)


def _shown(value: float, unit: str) -> str:
    """A value in the unit of its kind that suits its size."""
    units = _AREA if unit == "m2" else _LENGTH if unit == "m" else (unit,)
    fitting = [u for u in units if abs(value) >= UNITS.get(u, 1.0)] or units[:1]
    return quantity_text(value / UNITS.get(fitting[-1], 1.0), fitting[-1])


def _length_lines(lengths: Mapping[str, Any]) -> Iterator[str]:
    titles = {"seg": "masks a row", "question_words": "words a question", "trace_words": "words a trace"}
    table: list[tuple[str, ...]] = [("lengths", "mean", "min", "5%", "25%", "median", "75%", "95%", "max")]
    for name, entry in lengths.items():
        numbers = (f"{value:.0f}" for value in entry["quantiles"].values())
        table.append((titles[name], f"{entry['mean']:.1f}", *numbers))
    yield ""
    yield from _table(table)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first = f"{row[0]:<{widths[0]}}" if number else f"{row[0]:<{widths[0] + 2}}"
        cells = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        yield f"{'  ' if number else ''}{first}  {cells}".rstrip()


def _split_lines(found: Mapping[str, Any]) -> Iterator[str]:
    near = found["neighbours"]
    yield "\ndistance to the nearest train scene, centre to centre"
    if not near["splits"]:
        yield "  all scenes are in train"
    if not near["train"]["scenes"]:
        yield "  no scene is in train"
    for split, entry in near["splits"].items():
        if "km" in entry:
            km = [quantity_text(entry["km"][q], "km") for q in ("0", "50", "100")]
            close = f"{entry['within']:,} of {entry['measured']:,} closer than {near['within_km']:g} km"
            yield f"  {split}: min {km[0]}, median {km[1]}, max {km[2]}; {close}"
        else:
            yield f"  {split}: {entry['scenes']:,} scenes, none could be measured"
        if entry["unknown"]:
            yield f"  {split}: unknown for {entry['unknown']:,} scenes without georeference"
    if near["train"]["unknown"]:
        yield f"  train: {near['train']['unknown']:,} scenes without georeference are not compared with"
    for one in near["scenes"][:3]:
        yield f"    {quantity_text(one['km'], 'km'):>9}  {one['scene_id']} ({one['split']}) to {one['train_scene_id']}"
    same = found["duplicates"]
    yield "\nimages by the hash of their pixels"
    yield f"  {same['images']:,} different; {same['repeated']:,} repeat another one"
    if not same["across_splits"]:
        yield "  none is in two splits"
    for splits, count in same["by_splits"].items():
        yield f"  {count:,} in {splits.replace('+', ' and ')}"
    for holders in same["examples"]:
        yield "    the same: " + ", ".join(f"{scene_id} ({split})" for split, scene_id in holders.items())
