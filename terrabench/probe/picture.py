"""The curves of a probe as a picture: a panel per task, a line per way. Needs matplotlib (the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from terrabench.probe.degrade import WAYS, ProbeError
from terrabench.probe.table import reader_name
from terracot.io import atomic_file

# Okabe and Ito's palette, told apart by colour-blind readers; markers for those who print in grey.
_LOOKS = dict(zip(WAYS, (("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#CC79A7", "D")), strict=True))
_LABELS = {
    "boundary": "boundary eroded or dilated",
    "blockiness": "blocky, on a coarser grid",
    "missing": "parts missing",
    "wrong": "parts elsewhere (area kept)",
}
_COLUMNS = {1: 1, 2: 2, 4: 4, 7: 4, 8: 4}
"""Panels side by side, by the number of tasks: so that few places stay empty; 3 for all other numbers."""

_DODGE = 0.009  # so that intervals of one level stand side by side
_DPI = 100


def draw(found: Mapping[str, Any], path: str | Path) -> Path:
    """Draw the content of ``probe.json`` as a PNG 1600 pixels wide. ``ProbeError`` when matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
    except ImportError as error:
        raise ProbeError(
            "the picture needs matplotlib: install the extra `plot` (pip install 'terrascope-bench[plot]'), or give "
            "--no-picture"
        ) from error
    readers = {name: curves["tasks"] for name, curves in found["readers"].items() if curves["tasks"]}
    if not readers:
        raise ProbeError("nothing to draw: no level was reached by any item; ask for higher --levels")
    columns = [_COLUMNS.get(len(tasks), 3) for tasks in readers.values()]
    rows = [-(-len(tasks) // across) for tasks, across in zip(readers.values(), columns, strict=True)]
    figure = Figure(figsize=(16, 1.2 + sum(0.6 + 4.1 * n for n in rows)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(len(readers), 1, height_ratios=rows, squeeze=False)[:, 0]
    spec = (found.get("model") or {}).get("spec")
    handles: dict[str, Any] = {}
    for part, (reader, tasks), down, across in zip(parts, readers.items(), rows, columns, strict=True):
        part.suptitle(f"Accuracy of {reader_name(reader, spec)}, as the masks get worse", fontsize=17, weight="bold")
        axes = part.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        for axis, (task, ways) in zip(axes, tasks.items(), strict=False):
            handles |= _panel(axis, task, ways)
        for axis in axes[len(tasks) :]:
            axis.set_visible(False)
        part.supxlabel("IoU of the masks with the true ones", fontsize=14)
        part.supylabel("accuracy: 0 is chance, 1 all right", fontsize=14)
        axes[0].set_ylim(_lowest(tasks), 1.06)
    handles["fewer than half of the items can be degraded so far"] = Line2D(
        [], [], color="#555555", marker="o", markerfacecolor="white", linestyle="", markersize=6.5
    )
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=13, frameon=False)
    with atomic_file(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
    return Path(path)


def _lowest(tasks: Mapping[str, Mapping[str, Any]]) -> float:
    """Where the vertical axis begins: below every point. Long intervals of few items may leave the panel."""
    values = [row["chance_centred"] for ways in tasks.values() for own in ways.values() for row in own["levels"]]
    return min([-0.3, *(float(value) - 0.1 for value in values if value is not None)])


def _panel(axis: Any, task: str, ways: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    handles = {}
    drawn = [way for way in _LOOKS if way in ways]
    for number, way in enumerate(drawn):
        colour, marker = _LOOKS[way]
        shift = (number - (len(drawn) - 1) / 2) * _DODGE
        rows = ways[way]["levels"]
        x = [(row["level"] if row["iou"] is None else row["iou"]) + shift for row in rows]
        y = [row["chance_centred"] for row in rows]
        (handles[_LABELS[way]],) = axis.plot(
            [1.0, *x], [rows[0]["true_centred"], *y], color=colour, linewidth=1.8, marker=marker, markersize=6.5
        )
        _intervals(axis, x, rows, colour)
        _hollow(axis, x, y, rows, colour, marker)
    items = max(row["items"] for own in ways.values() for row in own["levels"])
    axis.set_title(f"{task.replace('_', ' ')} ({items} items)", fontsize=14)
    handles["chance"] = axis.axhline(0, color="#555555", linewidth=1.4, linestyle="--", zorder=1)
    axis.set_xlim(1.03, 0.06)
    axis.set_xticks([1.0, 0.8, 0.6, 0.4, 0.2])
    axis.tick_params(labelsize=12, labelbottom=True, labelleft=True)
    axis.grid(color="#e4e4e4", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return handles


def _intervals(axis: Any, x: Sequence[float], rows: Sequence[Mapping[str, Any]], colour: str) -> None:
    known = [(at, row["centred_ci95"]) for at, row in zip(x, rows, strict=True) if row["centred_ci95"]]
    if known:
        places, ends = zip(*known, strict=True)
        low, high = zip(*ends, strict=True)
        axis.vlines(places, low, high, color=colour, linewidth=1.6, alpha=0.55)


def _hollow(
    axis: Any, x: Sequence[float], y: Sequence[float], rows: Sequence[Mapping[str, Any]], colour: str, marker: str
) -> None:
    """Points that less than half of the series reach: a selection, so they are drawn hollow."""
    few = [i for i, row in enumerate(rows) if row["reached"] < 0.5]
    axis.plot([x[i] for i in few], [y[i] for i in few], marker, color=colour, markerfacecolor="white", markersize=6.5)
