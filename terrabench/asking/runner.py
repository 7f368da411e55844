"""Asks a model all items of a benchmark, appends what it says, and takes up where it was interrupted.

Every item that was asked ends as one line of ``responses.jsonl``, flushed batch by batch. A batch that raises is asked
again one by one, so that only the item at fault becomes an error. The order is fixed, and prompts do not depend on
the batch, so the batch size changes the timings alone.

A model with a ``concurrency`` of more than one waits for somebody else, a server: so many items are asked at a time,
each on its own, and each line is written as its reply comes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from terrabench.asking.in_flight import as_completed
from terrabench.asking.prompting import template_for
from terrabench.asking.prompts import Asked, Asking, Item
from terrabench.asking.response_lines import answered, not_applicable
from terrabench.asking.responses import (
    RESPONSES,
    RUN,
    RunError,
    ids_sha256,
    latest,
    load_run,
    run_status,
    selected_items,
    value_at,
)
from terrabench.items import Benchmark
from terrabench.replies.answers import PARSER_VERSION
from terracot.io import append_line, atomic_write_text, lock, open_log, pretty_json, read_jsonl_healing, stamp
from terracot.plugins import Model, ModelError, ReferenceModel, Response, describe

_PRIVILEGED_PACKAGE = "terrabaselines"
Answer = tuple[Response | None, float, str | None, Mapping[str, Any]]
"""Response, seconds, error, and what is known of an asking that failed."""

_SAME_ON_RESUME = (
    "format",
    "bench.manifest_sha256",
    "model",
    "prompt",
    "control",
    "seed",
    "privileged",
    "parser",
    "stamp",
)


def run(
    bench: Benchmark,
    model: Any,
    spec: str,
    out: str | Path,
    *,
    arguments: Mapping[str, Any] | None = None,
    limit: int | None = None,
    batch_size: int = 1,
    seed: int = 0,
    retry_errors: bool = False,
    progress: bool = False,
    template: str | None = None,
    control: str | None = None,
) -> dict[str, Any]:
    """Ask ``model`` (named ``spec``, built with ``arguments``) and return the status of the run folder ``out``.

    ``template`` names a reply form of ``terrabench.asking.prompting`` (None: the model's own), ``control`` one of
    ``terrabench.asking.controls`` (None: a plain run). Items that ``out`` already holds are not asked again, errors
    only with ``retry_errors``. A resumed run may change those of ``arguments`` that the model lists as
    ``free_arguments``. ``ModelError`` for a model that may not or cannot be asked, ``RunError`` for a folder
    of another run, ``OutputError`` for a full disk.
    """
    if batch_size < 1 or (limit is not None and limit < 1):
        raise RunError(f"batch size and limit must be at least 1; found {batch_size} and {limit}")
    ask, privileged = _asker(model, spec)
    concurrency = getattr(model, "concurrency", 1)
    if type(concurrency) is not int or concurrency < 1:
        raise ModelError(f"{spec}: concurrency is {concurrency!r}; expected how many items to ask at a time, 1 or more")
    if bench.manifest_sha256 in (getattr(model, "fitted_on", None) or ()):
        raise ModelError(f"{spec} was fitted on this very benchmark ({bench.path}); fit it on a training split")
    asking = Asking(bench, model, template_for(model, template), control, seed, privileged)
    items = selected_items(bench, limit)
    out = Path(out)
    record = _record(bench, model, spec, arguments, items, limit, seed, privileged) | asking.record()
    _settle(out, record, tuple(getattr(model, "free_arguments", ())))
    with _exclusive(out / RESPONSES) as handle:
        done = latest(read_jsonl_healing(out / RESPONSES))
        # Scene after scene (the sort is stable), so that pixels are read once.
        askings = [a for item in sorted(items, key=asking.place) for a in asking.askings(item)]
        todo = [(item, r) for item, r in askings if _is_open(done.get((item["id"], r)), retry_errors)]
        answers = _answers(ask, (asking.ask(*one) for one in todo), batch_size, concurrency)
        with _bar(len(askings), len(todo), progress) as bar:
            for asked, answer in answers:
                line = not_applicable(asked) if asked.prompt is None else answered(asked, asked.prompt, *answer)
                append_line(handle, line)
                bar.update()
    return run_status(out)


def _is_open(line: Mapping[str, Any] | None, retry_errors: bool) -> bool:
    return line is None or (retry_errors and line["status"] == "error")


def _asker(model: Any, spec: str) -> tuple[Callable[[Sequence[Any]], Sequence[Response]], bool]:
    """The method to ask, and whether it is privileged (sees the evidence; built-in reference models only)."""
    if isinstance(model, Model):
        return model.respond, False
    built_in = type(model).__module__.split(".")[0] == _PRIVILEGED_PACKAGE
    if isinstance(model, ReferenceModel) and built_in and ".py:" not in spec:
        return model.respond_items, True
    raise ModelError(
        f"{spec}: {type(model).__name__} has no respond(prompts). respond_items sees the true masks and is open to the "
        "built-in reference models only; a submission answers from the prompts"
    )


def _record(
    bench: Benchmark,
    model: Any,
    spec: str,
    arguments: Mapping[str, Any] | None,
    items: Sequence[Item],
    limit: int | None,
    seed: int,
    privileged: bool,
) -> dict[str, Any]:
    """Content of ``run.json``. A model may say more of itself (revision, decoding, device) in ``info``."""
    kind = type(model)
    try:
        info = json.loads(json.dumps(dict(getattr(model, "info", {})), allow_nan=False))
        given = json.loads(json.dumps(dict(arguments or {}), allow_nan=False))
    except Exception as error:
        raise ModelError(f"{spec}: arguments and `info` must be plain JSON values ({describe(error)})") from error
    return {
        "format": 1,
        "bench": {
            "path": str(bench.path.resolve()),
            "manifest_sha256": bench.manifest_sha256,
            "ids_sha256": ids_sha256(items),
            "size": len(bench),
        },
        "model": {
            "spec": spec,
            "arguments": given,
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "info": info,
            **({"gives_masks": False} if getattr(model, "gives_masks", True) is False else {}),
        },
        "seed": seed,
        "limit": limit,
        "items": len(items),
        "privileged": privileged,
        "parser": PARSER_VERSION,
        "stamp": stamp(),
    }


def _settle(out: Path, record: dict[str, Any], free: Sequence[str]) -> None:
    """Write ``run.json``, or make sure that the one which is there is of the same run, ``free`` arguments apart."""
    if (out / RUN).is_file():
        before = load_run(out)
        differences = [
            d
            for key in _SAME_ON_RESUME
            for d in _differences(key, value_at(before, key), value_at(record, key))
            if not d.startswith(tuple(f"model.arguments.{name} was " for name in free))
        ]
        if differences:
            raise RunError(
                f"{out} holds another run and cannot be resumed: {'; '.join(differences)}. "
                "Give another --out, or the settings of that run"
            )
        if before["items"] > record["items"]:  # a smaller --limit asks less, but does not make the run smaller
            return
    elif out.is_dir() and any(out.iterdir()):
        raise RunError(f"{out} is not empty and has no {RUN}; give a new folder as --out")
    atomic_write_text(out / RUN, pretty_json(record))


def _differences(name: str, before: Any, now: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *[k for k in now if k not in before]]
        return [d for k in keys for d in _differences(f"{name}.{k}", before.get(k), now.get(k))]
    return [] if before == now else [f"{name} was {before!r}, is now {now!r}"]


@contextmanager
def _exclusive(path: Path) -> Iterator[IO[bytes]]:
    """Open for appending; a second process that writes the same run is refused (where the system has locks)."""
    with open_log(path) as handle:
        if not lock(handle):
            raise RunError(f"another process is writing {path}; wait for it or give another --out")
        yield handle


def _bar(total: int, todo: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=total - todo, unit="item", file=sys.stderr, disable=not progress)


def _answers(
    ask: Callable[[Sequence[Any]], Sequence[Response]], askings: Iterator[Asked], batch_size: int, concurrency: int
) -> Iterator[tuple[Asked, Answer]]:
    """Every asking with its answer, which says nothing where there is no prompt."""
    if concurrency > 1:
        yield from as_completed(lambda one: _ask(ask, [one])[0], askings, concurrency)
        return
    while batch := list(islice(askings, batch_size)):
        yield from zip(batch, _ask(ask, batch), strict=True)


def _ask(ask: Callable[[Sequence[Any]], Sequence[Response]], batch: Sequence[Asked]) -> list[Answer]:
    """The answers to a batch. ``ModelError`` ends the run: no item would do better."""
    answers = iter(_asked(ask, [asked.given for asked in batch if asked.prompt is not None]))
    return [(None, 0.0, None, {}) if asked.prompt is None else next(answers) for asked in batch]


def _asked(ask: Callable[[Sequence[Any]], Sequence[Response]], given: Sequence[Any]) -> list[Answer]:
    if not given:
        return []
    start = time.perf_counter()
    try:
        responses = list(ask(given))
        if len(responses) != len(given):
            raise ValueError(f"the model gave {len(responses)} responses to {len(given)} prompts")
    except ModelError:
        raise
    # The per-item boundary: whatever a model raises is recorded. sys.exit(0) in a model would end the run as "done".
    except (Exception, SystemExit) as error:  # noqa: BLE001
        if len(given) > 1:
            return [answer for one in given for answer in _asked(ask, [one])]
        return [(None, time.perf_counter() - start, describe(error), getattr(error, "meta", {}))]
    seconds = (time.perf_counter() - start) / len(given)
    return [
        (r, seconds, None, {})
        if isinstance(r, Response) and isinstance(r.text, str)
        else (None, seconds, f"TypeError: expected a Response with a text, found {type(r).__name__}", {})
        for r in responses
    ]
