"""Reads the saved replies of a run again with the present parser, and says what that changes.

    terrabench rescore RUN...

The lines of ``responses.jsonl`` stay as they are: they are what the model said, and how it was read at the time.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from terrabench.asking.controls import rotated_options
from terrabench.asking.responses import load_rotations, load_run
from terrabench.items import Benchmark
from terrabench.replies.answers import PARSER_VERSION, parse
from terrabench.scoring.results import benchmark_of
from terrabench.scoring.scores import score


def rescore(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Parse every saved reply again, write ``scores.json``, and return what changed.

    ``parser`` {from, to}: versions that the lines were read with, and the present one. ``replies``: how many were read;
    ``changed``: how many letters are others now, by ``readings``, a line for each pair of rules with the number of
    letters ``gained``, ``lost`` and ``replaced``; ``lines``: each changed one. ``scores`` is the content of
    ``scores.json``. Errors are those of ``score``.
    """
    run = load_run(run_dir)
    benchmark, _ = benchmark_of(run, run_dir, bench)
    scores = score(run_dir, benchmark)  # refuses lines that are not the benchmark's
    options = {item["id"]: item["options"] for item in benchmark.items}
    read, versions, changed = 0, set(), []
    for (item, rotation), line in load_rotations(run_dir).items():
        if line["status"] not in ("ok", "unparsed"):
            continue
        read += 1
        versions.add(line.get("parser"))
        parsed = parse(str(line["reply"]), rotated_options(options[item], rotation))
        if parsed.letter != line.get("letter"):
            before, now = line.get("letter"), parsed.letter
            changed.append(
                {
                    "id": item,
                    "rotation": rotation,
                    "letter": {"from": before, "to": now},
                    "rule": {"from": line.get("rule"), "to": parsed.rule},
                    "kind": "gained" if before is None else "lost" if now is None else "replaced",
                }
            )
    return {
        "model": run["model"]["spec"],
        "parser": {"from": sorted(versions, key=str), "to": PARSER_VERSION},
        "replies": read,
        "changed": len(changed),
        "readings": _by_rules(changed),
        "lines": changed,
        "scores": scores,
    }


def _by_rules(changed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter((str(c["rule"]["from"]), str(c["rule"]["to"]), c["kind"]) for c in changed)
    rules = sorted({(before, now) for before, now, _ in counts})
    return [
        {"from": before, "to": now, **{kind: counts[before, now, kind] for kind in ("gained", "lost", "replaced")}}
        for before, now in rules
    ]


def rescore_text(found: dict[str, Any]) -> str:
    """The same in words."""
    versions = ", ".join(str(version) for version in found["parser"]["from"]) or "none"
    read = f"{found['replies']} replies, read by parser {versions}, now by parser {found['parser']['to']}"
    head = f"{found['model']}: {read}: {found['changed']} letters changed"
    return "\n".join(
        [head]
        + [
            f"  {r['from']} -> {r['to']}: {r['gained']} gained, {r['lost']} lost, {r['replaced']} replaced"
            for r in found["readings"]
        ]
    )
