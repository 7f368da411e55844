"""The scores of one run by task, with intervals: accuracy against chance, and IoU against correctness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terrabench.scoring.tables import aligned_table, interval_text, p_text, percent, r_text, run_name


def detail_lines(scores: Mapping[str, Any]) -> list[str]:
    """Tables below a title; nothing for a run without items."""
    if not scores["tasks"]:
        return []
    return ["", f"{run_name(scores)}, by task", *_accuracy(scores), *_iou(scores), *_deciles(scores)]


def _accuracy(scores: Mapping[str, Any]) -> list[str]:
    header = ["accuracy", "n", "groups", "right", "95 %", "chance", "95 % guess", "p", "centred", "shows from"]
    rows = [
        [
            name,
            str(task["n"]),
            str(task["groups"]),
            percent(task["accuracy"]),
            interval_text(task["ci95"]),
            percent(task["chance"]),
            interval_text(task["chance_range95"]),
            p_text(task["p_chance"]),
            percent(task["chance_centred"]),
            percent(task["power"]["smallest_difference"]),
        ]
        for name, task in _parts(scores).items()
    ]
    macro = [
        "macro",
        str(scores["pooled"]["n"]),
        str(scores["groups"]),
        percent(scores["macro_accuracy"]),
        interval_text(scores["macro_ci95"]),
        percent(scores["chance_macro"]),
        interval_text(scores["chance_macro_range95"]),
        p_text(scores["p_chance_macro"]),
        percent(scores["macro_chance_centred"]),
        "-",
    ]
    return aligned_table(header, [*rows, macro])


def _iou(scores: Mapping[str, Any]) -> list[str]:
    header = ["IoU and right", "n", "mIoU", "95 %", "r", "95 %", "Spearman", "AUROC", "IoU right", "IoU wrong"]
    rows = []
    for name, task in _parts(scores).items():
        related = task["association"]
        if related is None:
            continue
        ends = related["r_ci95"]
        rows.append(
            [
                name,
                str(related["n"]),
                percent(task["mean_iou"]),
                interval_text(task["mean_iou_ci95"]),
                r_text(related["r"]),
                "-" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}",
                r_text(related["spearman"]),
                r_text(related["auroc"]),
                percent(related["iou_right"]),
                percent(related["iou_wrong"]),
            ]
        )
    return ["", *aligned_table(header, rows)] if rows else []


def _deciles(scores: Mapping[str, Any]) -> list[str]:
    """Accuracy in tenths of the items by IoU, all tasks together."""
    related = scores["pooled"]["association"]
    if related is None or not related["deciles"] or len(related["deciles"]) < 2:
        return []
    rows = [
        [
            f"{100 * tenth['iou_low']:.1f}-{100 * tenth['iou_high']:.1f}",
            str(tenth["n"]),
            percent(tenth["accuracy"]),
            interval_text(tenth["ci95"]),
        ]
        for tenth in related["deciles"]
    ]
    return ["", *aligned_table(["tenths by IoU", "n", "right", "95 %"], rows)]


def _parts(scores: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Tasks, and the headline tasks as one set when there is more than one."""
    pooled = {"micro": scores["pooled"]} if len(scores["macro_tasks"]) > 1 else {}
    return {**scores["tasks"], **pooled}
