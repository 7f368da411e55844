"""The released scorer of TerraScope-Bench, for comparing with numbers that were made with it. Never mixed with ours.

    terrabench score RUN --compat release        # writes scores.release.json beside scores.json

What is known of it: the first option letter, found by a regular expression without word boundaries and in either case
("crop" reads as C), is the answer; a reply without one is wrong; the average that it prints is over items (micro), not
over tasks. It has no IoU, for the released table has no masks. What is not known, and assumed here: letters are A to D,
and where a reply has answer tags only what stands in the last one counts (else every "<answer>" would read as A).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from terrabench.asking.control_names import CIRCULAR
from terrabench.asking.responses import NOT_APPLICABLE, RunError, control_of, load_responses, load_run
from terrabench.items import Benchmark, tasks_of
from terrabench.scoring.results import benchmark_of, item_results
from terracot.io import atomic_write_text, pretty_json, stamp

RELEASE = "release"
SCORES_RELEASE = "scores.release.json"

_ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.IGNORECASE | re.DOTALL)
_LETTER = re.compile(r"[A-D]", re.IGNORECASE)


def released_letter(reply: str) -> str | None:
    """The letter that the released scorer reads in a reply."""
    tags = _ANSWER.findall(reply)
    found = _LETTER.search(tags[-1] if tags else reply)
    return found[0].upper() if found else None


def release_scores(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Score a run as the released scorer does, write ``scores.release.json`` into it, and return its content.

    ``accuracy`` is the micro average that it prints. ``tasks`` has {n, right, accuracy} by our task names;
    ``letters_differ`` counts the items that it reads otherwise than our parser. ``RunError`` as for our own scores,
    and for a run under shuffled-options, which the released scorer does not know.
    """
    run = load_run(run_dir)
    if control_of(run) == CIRCULAR:
        raise RunError(f"{run_dir} asked every rotation of the options; --compat {RELEASE} scores plain letters only")
    benchmark, items = benchmark_of(run, run_dir, bench)
    ours = {r.id: r.letter for r in item_results(run_dir, benchmark, items)}
    lines = load_responses(run_dir)
    read = {i["id"]: _read(lines.get(i["id"])) for i in items if i["id"] in ours}
    by_task: dict[str, list[bool]] = {}
    for item in items:
        if item["id"] in read:
            by_task.setdefault(item["task"], []).append(read[item["id"]] == item["answer"])
    every = [right for part in by_task.values() for right in part]
    scores = {
        "compat": RELEASE,
        "model": run["model"],
        "privileged": run.get("privileged", False),
        "bench": run["bench"],
        "control": run.get("control"),
        "prompt": run.get("prompt"),
        "items": len(items),
        "not_applicable": len(items) - len(read),
        **_accuracy(every),
        "average": "micro",
        "without_letter": sum(letter is None for letter in read.values()),
        "letters_differ": sum(letter != ours[item] for item, letter in read.items()),
        "tasks": {task: _accuracy(by_task[task]) for task in tasks_of(set(by_task))},
        "run_stamp": run.get("stamp"),
        "score_stamp": stamp(),
    }
    atomic_write_text(Path(run_dir) / SCORES_RELEASE, pretty_json(scores))
    return scores


def refuse_release(scores_list: Sequence[Mapping[str, Any]]) -> None:
    """``RunError`` when one of these is not scored by our rules; called before scores are compared or tabled."""
    for scores in scores_list:
        if scores.get("compat"):
            raise RunError(
                f"{scores['model']['spec']} is scored as by the {scores['compat']} (--compat {scores['compat']}), by "
                "other rules; such scores are not compared with ours. Give scores.json, made by `terrabench score RUN`"
            )


def release_text(scores_list: Sequence[Mapping[str, Any]]) -> str:
    """A few lines a run, to be printed below our table, with a title that keeps the two apart."""
    lines = ["As by the released scorer (first letter A to D, no word boundary, micro average); not comparable:"]
    for scores in scores_list:
        tasks = ", ".join(f"{task} {_percent(part['accuracy'])}" for task, part in scores["tasks"].items())
        lines.append(
            f"  {scores['model']['spec']}: {_percent(scores['accuracy'])} of {scores['n']} ({tasks}); "
            f"{scores['letters_differ']} read otherwise than by our parser, {scores['without_letter']} without a letter"
        )
    return "\n".join(lines)


def _read(line: Mapping[str, Any] | None) -> str | None:
    if line is None or line["status"] in ("error", NOT_APPLICABLE):
        return None
    return released_letter(str(line["reply"]))


def _accuracy(right: Sequence[bool]) -> dict[str, Any]:
    return {"n": len(right), "right": sum(right), "accuracy": sum(right) / len(right) if right else None}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
