"""The model card of a run: what it was trained on, how long, by which settings."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import yaml

from terracot.io import stamp
from terrascope_vlm.training.folders import Folders
from terrascope_vlm.training.order import Order
from terrascope_vlm.training.settings import Settings


def card_text(settings: Settings, folders: Folders, order: Order, summary: Mapping[str, float]) -> str:
    """Markdown; nothing in it names a folder of this machine."""
    made = stamp()
    weights = [folder.weight for folder in settings.data]
    data = [
        f"| {path.name} | `{sha256}` | {weight:g} |"
        for path, sha256, weight in zip(folders.paths, folders.hashes, weights, strict=True)
    ]
    shown = {key: value for key, value in settings.as_dict().items() if key not in ("out", "data")}
    samples = order.steps * order.batch
    return "\n".join(
        [
            "# TerraScope checkpoint",
            "",
            f"Trained by `terrascope-vlm train {settings.stage}` for {order.steps:,} steps of {order.batch} samples "
            f"({samples:,} in all, {order.epoch_of(order.steps):.2f} epochs of {order.epoch_size:,}).",
            "",
            "## Data",
            "",
            "| Terra-CoT folder | sha256 of its manifest.json | weight |",
            "|---|---|---|",
            *data,
            "",
            f"{len(folders.rows):,} rows were chosen. The manifests say which sources and licences are in them.",
            "",
            "## Run",
            "",
            f"- package {made['package']} {made['version']}, commit {made['commit'] or 'unknown'}"
            f"{' with changes' if made['dirty'] else ''}",
            f"- {platform.system()} {platform.machine()}, Python {platform.python_version()}; the last session took "
            f"{summary['steps']:,} steps in {summary['seconds'] / 60:.1f} minutes: {summary['samples_per_s']:g} "
            f"samples/s, {summary['tokens_per_s']:g} tokens/s, peak memory {summary['peak_memory_mib']:,.0f} MiB",
            "",
            "## Settings",
            "",
            "```yaml",
            yaml.safe_dump(_plain(shown), sort_keys=False, allow_unicode=True).rstrip(),
            "```",
            "",
        ]
    )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
