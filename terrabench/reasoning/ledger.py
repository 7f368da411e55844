"""Error ledger: at which stage a wrong answer went wrong, found by doing the later stages again, exactly.

terrabench ledger RUN [--json]

A model outlines regions, states what it measures on them, and picks an option. So, for each wrong answer, the first
stage that fails is the verdict:

- ``unanswered``: the item has no reply (an error, or never asked); ``format``: no letter can be read;
- ``perception``: exact arithmetic on the model's own masks picks a wrong option;
- ``arithmetic``: they pick the right one, but the last number or relation of the asked kind that it states does not;
- ``choice``: masks and statement pick the right option, the letter is another one;
- ``unmeasured``: there are no masks for all that the question is about, or no statement, so the stage is not known.

The same for right answers: ``lucky`` when the masks pick a wrong option, ``misstated`` when only the statement does,
``sound`` otherwise, ``unmeasured`` without masks. Masks are given their parts as scoring does: on each date, paired
with the true ones for the largest total IoU; which class a model says it outlines is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from terrabench.asking.responses import NOT_APPLICABLE, load_responses, load_run
from terrabench.items import Benchmark, tasks_of
from terrabench.reasoning.arithmetic import nearest_option
from terrabench.reasoning.faithfulness import Statement, faithfulness, statements_of
from terrabench.reasoning.relations import destroyed, larger, last_option, touching, yes_or_no
from terrabench.reasoning.statements import DIMENSIONS, base_value, last_of, numbers, reasoning
from terrabench.replies.answers import PARSER_VERSION, parse
from terrabench.scoring.results import benchmark_of, predicted_masks
from terrabench.statistics.intervals import share_interval
from terracot import measure
from terracot.ground import GroundSampling
from terracot.io import atomic_write_text, pretty_json, stamp
from terracot.language import UNITS
from terracot.masks import match
from terracot.plugins import EvidenceMask, PredictedMask
from terracot.rules import Truth, answer_from_masks
from terracot.scenes import BoolMask
from terracot.shards import read_rows

LEDGER = "ledger.json"
WRONG = ("perception", "arithmetic", "choice", "format", "unanswered", "unmeasured")
RIGHT = ("sound", "lucky", "misstated", "unmeasured")


@dataclass(frozen=True)
class Entry:
    """The verdict on one item, and the letters that its masks, its statement and its reply come to (None: none)."""

    id: str
    task: str
    group: str
    correct: bool
    verdict: str
    answer: str
    masks: str | None
    stated: str | None
    letter: str | None


def ledger(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Make the ledger of a run, write ``ledger.json`` into it, and return its content; ``RunError`` as in ``score``.

    Of a run with every rotation of the options, the first rotation is looked at.
    """
    run = load_run(run_dir)
    benchmark, items = benchmark_of(run, run_dir, bench)
    entries, statements = [], []
    book = _Book(benchmark)
    lines = load_responses(run_dir)
    for item in items:
        line = lines.get(item["id"])
        if line is None or line["status"] != NOT_APPLICABLE:
            entry, stated = book.entry(item, line)
            entries.append(entry)
            statements += stated
    content = {
        "model": run["model"],
        "bench": run["bench"],
        "parser": PARSER_VERSION,
        **summary(entries),
        "faithfulness": faithfulness(statements),
        "stamp": stamp(),
        "items": [asdict(entry) for entry in entries],
    }
    atomic_write_text(Path(run_dir) / LEDGER, pretty_json(content))
    return content


def summary(entries: Sequence[Entry]) -> dict[str, Any]:
    """Shares of the verdicts among wrong and among right answers, over all items and by task."""
    by_task = {task: [e for e in entries if e.task == task] for task in tasks_of({e.task for e in entries})}
    return {**_shares(entries), "tasks": {task: _shares(of_task) for task, of_task in by_task.items()}}


def _shares(entries: Sequence[Entry]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(entries)}
    for name, verdicts in (("wrong", WRONG), ("right", RIGHT)):
        those = [e for e in entries if e.correct == (name == "right")]
        groups = [e.group for e in those]
        shares = {}
        for verdict in verdicts:
            hits = [e.verdict == verdict for e in those]
            interval = share_interval(hits, groups) if those else None
            shares[verdict] = {
                "n": sum(hits),
                "share": sum(hits) / len(hits) if hits else None,
                "ci95": interval.ci95 if interval else None,
                "ci_method": interval.method if interval else "none",
            }
        found[name] = {"n": len(those), "verdicts": shares}
    return found


def verdict(answer: str, masks: str | None, stated: str | None, letter: str | None) -> str:
    """The verdict from the letters: of the truth, of the masks, of the statement, of the reply."""
    if letter is None:
        return "format"
    if masks is None:
        return "unmeasured"
    if letter == answer:
        return "lucky" if masks != answer else "misstated" if stated not in (None, answer) else "sound"
    if masks != answer:
        return "perception"
    if stated is None:
        return "unmeasured"
    return "arithmetic" if stated != answer else "choice"


def claim(item: Mapping[str, Any], reply: str) -> Truth | None:
    """What the reasoning of a reply says last of what the item asks for; None when it does not say."""
    text = reasoning(reply, item["options"])
    unit = item["truth"]["unit"] if item["truth"] else ""
    if unit:
        stated = numbers(text, item["options"])
        dimension = DIMENSIONS.get(unit, "")
        number = last_of(stated, dimension)
        if item["kind"] == "building_change" and dimension == "count":
            number = destroyed(text, stated)
        return Truth(base_value(number) / UNITS.get(unit, 1.0), unit, "") if number else None
    if item["kind"] == "boundary":
        word = touching(text)
    elif item["kind"] == "ranking":
        word = larger(text, [m["class_name"] for m in item["masks"] or ()])
    else:
        word = last_option(text, item["options"]) or yes_or_no(text)
    return Truth(None, "", word) if word else None


def parts(
    predicted: Sequence[PredictedMask], true: Sequence[EvidenceMask], valid: Mapping[int, BoolMask]
) -> tuple[EvidenceMask, ...] | None:
    """The predicted mask that plays the part of each true one, on its valid pixels; None when a part is not played."""
    played: dict[int, BoolMask] = {}
    for t in {m.t for m in true}:
        given = [m.mask for m in predicted if m.t == t]
        wanted = [number for number, m in enumerate(true) if m.t == t]
        here = valid.get(t)
        for pair in match(given, [true[number].mask for number in wanted], here):
            mask = given[pair.predicted]
            played[wanted[pair.true]] = mask if here is None else mask & here
    if not true or len(played) < len(true):
        return None
    return tuple(EvidenceMask(m.t, m.class_name, played[number]) for number, m in enumerate(true))


def measured(
    item: Mapping[str, Any],
    masks: Sequence[EvidenceMask] | None,
    valid: Mapping[int, BoolMask],
    ground: GroundSampling,
) -> Truth | None:
    """What the rule of an item measures on masks; None when they cannot answer.

    Distances are measured between masks without parts narrower than three pixels, as the questions say.
    """
    if masks is None:
        return None
    if item["kind"] == "distance":
        masks = [EvidenceMask(m.t, m.class_name, measure.opened(m.mask)) for m in masks]
    try:
        return answer_from_masks(item["kind"], masks, valid, ground, json.loads(item["parameters"] or "{}"))
    except (ValueError, ZeroDivisionError):  # an empty mask has no distance, no building no share
        return None


class _Book:
    """A benchmark with what the ledger needs of its scenes."""

    def __init__(self, bench: Benchmark) -> None:
        self.bench = bench

    @cached_property
    def grounds(self) -> dict[str, GroundSampling]:
        """Ground sampling by scene."""
        rows: Iterator[dict[str, Any]] = read_rows(self.bench.path, "scenes", ["scene_id", "ground"])
        return {row["scene_id"]: GroundSampling.from_dict(row["ground"]) for row in rows}

    def entry(self, item: Mapping[str, Any], line: Mapping[str, Any] | None) -> tuple[Entry, list[Statement]]:
        """The entry of one item, and the numbers that its reply states and its masks can be held against."""
        if line is None or line["status"] == "error":
            return self._entry(item, "unanswered"), []
        reply, options = str(line["reply"]), item["options"]
        letter, said = parse(reply, options).letter, claim(item, reply)
        stated = nearest_option(said, options) if said else None
        if not line.get("masks") or not item["masks"]:
            return self._entry(item, verdict(item["answer"], None, stated, letter), None, stated, letter), []
        shape = self.bench.shape(item)
        given = predicted_masks(line, shape)
        valid, ground = self.bench.valid(item), self.grounds[item["scene_id"]]
        exact = measured(item, parts(given, self.bench.evidence(item), valid), valid, ground)
        masks = nearest_option(exact, options) if exact else None
        entry = self._entry(item, verdict(item["answer"], masks, stated, letter), masks, stated, letter)
        return entry, statements_of(item, reply, given, valid, ground, exact)

    def _entry(
        self,
        item: Mapping[str, Any],
        verdict: str,
        masks: str | None = None,
        stated: str | None = None,
        letter: str | None = None,
    ) -> Entry:
        named = {name: item[name] for name in ("id", "task", "group", "answer")}
        return Entry(
            **named, correct=letter == item["answer"], verdict=verdict, masks=masks, stated=stated, letter=letter
        )
