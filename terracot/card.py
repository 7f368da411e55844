"""The data-set card (README.md of a folder): front matter for the hub, counts, how to read it, licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from terracot.licences import mark
from terracot.stated import REFER


def card_head(configs: Sequence[str], licences: Sequence[str]) -> str:
    """YAML front matter of a data-set card, so that ``datasets.load_dataset(folder, config)`` finds the tables."""
    lines = ["---", "license: other", "configs:"]
    for config in configs:
        lines += [f"- config_name: {config}", f"  data_files: data/{config}-*.parquet"]
        if config == configs[0]:
            lines.append("  default: true")
    lines += ["tags:", "- earth-observation", "- visual-question-answering", "- segmentation"]
    lines += ["source_licenses:", *(f"- {licence!r}" for licence in licences), "---", ""]
    return "\n".join(lines)


def credit_lines(licences: Sequence[tuple[str, str]]) -> str:
    """The section of a card that names licences, whether they forbid commercial use, and whom to credit."""
    return "\n".join(f"- {licence}{mark(licence)}: {who or 'no attribution asked for'}" for licence, who in licences)


def _stated_note(levels: Mapping[str, int]) -> str:
    """What the card says of samples that nobody measured; empty where there are none."""
    notes = []
    if levels.get(REFER):
        notes.append(
            f"{levels[REFER]} samples (level `refer`) have a phrase of the source and the mask of the region that it "
            "names; phrase and mask are the source's."
        )
    if levels.get("qa"):
        notes.append(
            f"{levels['qa']} samples (level `qa`) have question and answer as the source states them: **their answers "
            "are not measured** on any mask, and `terracot verify` can only compare them with the source (`--source`)."
        )
    return "".join(f"\n{note}\n" for note in notes)


def card(
    source: str,
    totals: Mapping[str, int],
    kinds: Mapping[str, int],
    levels: Mapping[str, int],
    licences: Sequence[tuple[str, str]],
) -> str:
    """The data-set card: what is in the folder, how to read it, whom to credit."""
    rows = "\n".join(f"| {kind} | {count} |" for kind, count in sorted(kinds.items()))
    synthetic = "\n**All images of this data set are synthetic.**\n" if source == "procedural" else ""
    return (
        card_head(("samples", "scenes"), [licence for licence, _ in licences])
        + f"""# Terra-CoT from `{source}`
{synthetic}
{totals["samples"]} question-and-answer samples with reasoning traces over {totals["scenes"]} scenes. Each `[SEG]` of a
trace stands for one mask of `masks` (compressed COCO RLE); every number of question and trace is recorded under
`values` and can be measured again: `terracot verify` does so.
{_stated_note(levels)}
| kind | samples |
|---|---|
{rows}

```python
from datasets import load_dataset

samples = load_dataset("parquet", data_files="data/samples-*.parquet", split="train")
scenes = load_dataset("parquet", data_files="data/scenes-*.parquet", split="train")  # joined by scene_id
```

Scenes that could not be used, and why: `quarantine.jsonl`. Hashes and versions: `manifest.json`.

## Licences

{credit_lines(licences)}
"""
    )
