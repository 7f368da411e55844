"""The data-set card (README.md of a folder): front matter for the hub, counts, how to read it, licences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import terracot
from terracot.croissant import CITATION
from terracot.licences import mark
from terracot.shards import read_columns
from terracot.stated import REFER

COUNTED = {
    "levels": "level",
    "kinds": "kind",
    "forms": "form",
    "modalities": "modality",
    "dates": "dates",
    "sources": "source",
    "splits": "split",
}
"""What cards and manifests count samples by -> the column."""

_PROVENANCE = ("provenance",)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def counts_of(folder: Path) -> dict[str, dict[str, int]]:
    """Samples of a folder by everything in ``COUNTED``."""
    counters = {name: Counter[str]() for name in COUNTED}
    alike = Counter(read_columns(folder, "samples", list(COUNTED.values())))
    for values, count in alike.items():
        for name, value in zip(COUNTED, values, strict=True):
            counters[name][str(value)] += count
    return {name: dict(sorted(counter.items())) for name, counter in counters.items()}


def licences_of(folder: Path) -> list[tuple[str, str, str, int]]:
    """Source, licence, attribution and number of scenes of each combination in a folder."""
    counter = Counter(read_columns(folder, "scenes", ("source", "license", "attribution")))
    return [(*names, count) for names, count in sorted(counter.items())]


def synthetic_scenes(folder: Path) -> int:
    """How many scenes of a folder were generated, by their provenance."""
    return sum(json.loads(told).get("synthetic") is True for (told,) in read_columns(folder, "scenes", _PROVENANCE))


def card_head(configs: Sequence[str], licences: Sequence[str], rows: int | None = None) -> str:
    """YAML front matter of a data-set card, so that ``datasets.load_dataset(folder, config)`` finds the tables."""
    lines = ["---", "license: other", "language: en", "configs:"]
    for config in configs:
        lines += [f"- config_name: {config}", f"  data_files: data/{config}-*.parquet"]
        if config == configs[0]:
            lines.append("  default: true")
    lines += ["task_categories:", "- visual-question-answering", "- image-segmentation"]
    lines += ["tags:", "- earth-observation", "- visual-question-answering", "- segmentation", "- croissant"]
    if rows is not None:
        size = next((name for limit, name in _SIZES if rows < limit), "1M<n<10M" if rows < 10_000_000 else "n>10M")
        lines += ["size_categories:", f"- {size}"]
    lines += ["source_licenses:", *(f"- {licence!r}" for licence in licences), "---", ""]
    return "\n".join(lines)


def credit_lines(licences: Sequence[tuple[str, str]]) -> str:
    """The section of a card that names licences, whether they forbid commercial use, and whom to credit."""
    return "\n".join(f"- {licence}{mark(licence)}: {who or 'no attribution asked for'}" for licence, who in licences)


def _stated_note(levels: Mapping[str, int], kinds: Mapping[str, int]) -> str:
    """What the card says of samples that nobody measured; empty where there are none."""
    notes = []
    if pointed := kinds.get(REFER):
        notes.append(
            f"{pointed} samples (level `refer`) have a phrase and the mask of the region that it names: a class of the "
            "label map, or a phrase of the source."
        )
    if levels.get("qa"):
        notes.append(
            f"{levels['qa']} samples (level `qa`) have question and answer as the source states them: **their answers "
            "are not measured** on any mask, and `terracot verify` can only compare them with the source (`--source`)."
        )
    return "".join(f"\n{note}\n" for note in notes)


def _table(title: str, counts: Mapping[str, int]) -> str:
    rows = "".join(f"| {name} | {count} |\n" for name, count in counts.items())
    return f"| {title} | samples |\n|---|---|\n{rows}"


def card(
    source: str,
    totals: Mapping[str, int],
    counts: Mapping[str, Mapping[str, int]],
    licences: Sequence[tuple[str, str, str, int]],
    embedded: bool = True,
    synthetic: int = 0,
) -> str:
    """The data-set card: what is in the folder, how to read it, whom to credit.

    ``counts`` is that of ``counts_of``, ``licences`` that of ``licences_of``; ``embedded``: pictures and pixels lie in
    the scene table; ``synthetic`` scenes were generated.
    """
    how_many = "All" if synthetic == totals["scenes"] else f"{synthetic} of {totals['scenes']}"
    warning = f"\n**{how_many} scenes of this data set are synthetic: no satellite saw them.**\n" if synthetic else ""
    tables = "\n".join(_table(column, counts[name]) for name, column in COUNTED.items())
    credits = "\n".join(
        f"- {name} ({number} scenes): {licence}{mark(licence)}; {who or 'no attribution asked for'}"
        for name, licence, who, number in licences
    )
    return (
        card_head(("samples", "scenes"), sorted({licence for _, licence, *_ in licences}), totals["samples"])
        + f"""# Terra-CoT from `{source}`
{warning}
{totals["samples"]} question-and-answer samples with reasoning traces over {totals["scenes"]} scenes. Each `[SEG]` of a
trace stands for one mask of `masks` (compressed COCO RLE); every number of question and trace is recorded under
`values` and can be measured again: `terracot verify` does so.
{_stated_note(counts["levels"], counts["kinds"])}
{tables}
## Reading

```python
from pathlib import Path

from datasets import load_dataset

FOLDER = str(Path().resolve())  # this folder; or its name on the hub

samples = load_dataset(FOLDER, "samples", split="train")  # all rows; `datasets` calls them "train"
test = load_dataset(FOLDER, "samples", split="train", filters=[("split", "==", "test")])  # our split is a column
scenes = load_dataset(FOLDER, "scenes", split="train", streaming=True)  # pictures, pixels, ground sampling

print(samples[0]["question"], samples[0]["text"])
print(next(iter(scenes))["frames"][0]["image"])
```

{_IMAGES_EMBEDDED if embedded else _IMAGES_BESIDE}

Samples and scenes are joined by `scene_id`. Files of one number hold the same scenes, so a join needs one pair of files
at a time:

```python
from pathlib import Path

import pyarrow.parquet as pq

for file in sorted(Path("data").glob("samples-*.parquet")):
    own = pq.read_table(file.with_name(file.name.replace("samples", "scenes"))).to_pylist()
    scene_of = {{scene["scene_id"]: scene for scene in own}}
    for sample in pq.read_table(file).to_pylist():
        scene = scene_of[sample["scene_id"]]
```

Splits are the column `split`, not files: scenes of one file may be of several splits. Names and types of all columns
are in `croissant.json`, their meaning in `docs/data-layout.md` of terrascope-bench {terracot.__version__}; scenes that
could not be used, and why, in `quarantine.jsonl`; hashes and versions in `manifest.json`.

## Licences

By source. A row has the licence of its scene (column `license`); `non_commercial` says whether it forbids commercial
use, or does not say.

{credits}

## Citation

The recipe, the tasks and their filters follow this paper; these data are an independent work, not by its authors.

    {CITATION}
"""
    )


_IMAGES_EMBEDDED = "Pictures are embedded, once per scene."
_IMAGES_BESIDE = (
    "Pictures and pixels lie beside the table, once per scene: `image.path` (PNG) and `pixels_path` (`numpy.load`) of\n"
    "a frame are relative to this folder, and `datasets` gives them as they are."
)
