"""A whole probe: answers, curves, picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from terrabench.items import Benchmark
from terrabench.probe.curves import report
from terrabench.probe.folder import SETTINGS
from terrabench.probe.picture import draw
from terrabench.probe.run import run_probe
from terracot.io import atomic_write_text, pretty_json, read_json

PROBE, PICTURE = "probe.json", "probe.png"


def probe(bench: Benchmark, out: str | Path, *, picture: bool = True, **settings: Any) -> dict[str, Any]:
    """Run or resume a probe (``settings`` as for ``run_probe``), write the curves and their picture, return the curves.

    Errors are those of ``run_probe`` and, for the picture, of ``draw``.
    """
    lines = run_probe(bench, out, **settings)
    asked = read_json(Path(out) / SETTINGS)
    items = {item["id"]: item for item in bench.items}
    found = {
        **{key: value for key, value in asked.items() if key != "stamp"},
        "answers": sum(len(line["points"]) for line in lines),
        "asked": sum(len(line["points"]) + len(line["unreached"]) for line in lines),
        **report(lines, items, model=asked["model"] is not None),
        "probe_stamp": asked["stamp"],
    }
    atomic_write_text(Path(out) / PROBE, pretty_json(found))
    if picture:
        draw(found, Path(out) / PICTURE)
    return found
