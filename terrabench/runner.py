"""Asks a model all items of a benchmark, appends what it says, and takes up where it was interrupted.

Every item that was asked ends as one line of ``responses.jsonl``, flushed batch by batch. A batch that raises is asked
again one by one, so that only the item at fault becomes an error. The order is fixed, and prompts do not depend on
the batch, so the batch size changes the timings alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from terrabench.answers import PARSER_VERSION, parse
from terrabench.asking import Asked, Asking, Item
from terrabench.items import Benchmark
from terrabench.prompting import template_for
from terrabench.responses import (
    NOT_APPLICABLE,
    RESPONSES,
    RUN,
    RunError,
    ids_sha256,
    latest,
    load_run,
    run_status,
    selected_items,
)
from terracot.io import append_line, atomic_write_text, lock, open_log, pretty_json, read_jsonl_healing, stamp
from terracot.masks import encode
from terracot.plugins import Model, ModelError, PredictedMask, Prompt, ReferenceModel, Response, describe

_PRIVILEGED_PACKAGE = "terrabaselines"
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

    ``template`` names a reply form of ``terrabench.prompting`` (None: the model's own), ``control`` one of
    ``terrabench.controls`` (None: a plain run). Items that ``out`` already holds are not asked again, errors only with
    ``retry_errors``. ``ModelError`` for a model that may not or cannot be asked, ``RunError`` for a folder of another
    run, ``OutputError`` for a full disk.
    """
    if batch_size < 1 or (limit is not None and limit < 1):
        raise RunError(f"batch size and limit must be at least 1; found {batch_size} and {limit}")
    ask, privileged = _asker(model, spec)
    if bench.manifest_sha256 in getattr(model, "fitted_on", ()):
        raise ModelError(f"{spec} was fitted on this very benchmark ({bench.path}); fit it on a training split")
    asking = Asking(bench, model, template_for(model, template), control, seed, privileged)
    items = selected_items(bench, limit)
    out = Path(out)
    _settle(out, _record(bench, model, spec, arguments, items, limit, seed, privileged) | asking.record())
    with _exclusive(out / RESPONSES) as handle:
        done = latest(read_jsonl_healing(out / RESPONSES))
        # Scene after scene (the sort is stable), so that pixels are read once.
        askings = [a for item in sorted(items, key=asking.place) for a in asking.askings(item)]
        todo = [(item, r) for item, r in askings if _is_open(done.get((item["id"], r)), retry_errors)]
        for line in _answers(asking, ask, todo, batch_size, len(askings), progress):
            append_line(handle, line)
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
    except (TypeError, ValueError) as error:
        raise ModelError(f"{spec}: arguments and `info` must be plain JSON values ({error})") from error
    return {
        "format": 1,
        "bench": {
            "path": str(bench.path.resolve()),
            "manifest_sha256": bench.manifest_sha256,
            "ids_sha256": ids_sha256(items),
            "size": len(bench),
        },
        "model": {"spec": spec, "arguments": given, "class": f"{kind.__module__}.{kind.__qualname__}", "info": info},
        "seed": seed,
        "limit": limit,
        "items": len(items),
        "privileged": privileged,
        "parser": PARSER_VERSION,
        "stamp": stamp(),
    }


def _settle(out: Path, record: dict[str, Any]) -> None:
    """Write ``run.json``, or make sure that the one which is there belongs to the same run."""
    if (out / RUN).is_file():
        before = load_run(out)
        differences = [d for key in _SAME_ON_RESUME for d in _differences(key, _at(before, key), _at(record, key))]
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


def _at(record: Mapping[str, Any], dotted: str) -> Any:
    value: Any = record
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


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


def _answers(
    asking: Asking,
    ask: Callable[[Sequence[Any]], Sequence[Response]],
    todo: Sequence[tuple[Item, int]],
    batch_size: int,
    total: int,
    progress: bool,
) -> Iterator[dict[str, Any]]:
    from tqdm import tqdm

    with tqdm(total=total, initial=total - len(todo), unit="item", file=sys.stderr, disable=not progress) as bar:
        for start in range(0, len(todo), batch_size):
            batch = [asking.ask(item, rotation) for item, rotation in todo[start : start + batch_size]]
            answers = iter(_ask(ask, [asked.given for asked in batch if asked.prompt is not None]))
            for asked in batch:
                yield _not_applicable(asked) if asked.prompt is None else _line(asked, asked.prompt, *next(answers))
                bar.update()


def _ask(
    ask: Callable[[Sequence[Any]], Sequence[Response]], asked: Sequence[Any]
) -> list[tuple[Response | None, float, str | None]]:
    """Response, seconds and error of every prompt of a batch. ``ModelError`` ends the run: no item would do better."""
    if not asked:
        return []
    start = time.perf_counter()
    try:
        responses = list(ask(asked))
        if len(responses) != len(asked):
            raise ValueError(f"the model gave {len(responses)} responses to {len(asked)} prompts")
    except ModelError:
        raise
    # The per-item boundary: whatever a model raises is recorded. sys.exit(0) in a model would end the run as "done".
    except (Exception, SystemExit) as error:  # noqa: BLE001
        if len(asked) > 1:
            return [answer for one in asked for answer in _ask(ask, [one])]
        return [(None, time.perf_counter() - start, describe(error))]
    seconds = (time.perf_counter() - start) / len(asked)
    return [
        (r, seconds, None)
        if isinstance(r, Response) and isinstance(r.text, str)
        else (None, seconds, f"TypeError: expected a Response with a text, found {type(r).__name__}")
        for r in responses
    ]


def _line(asked: Asked, prompt: Prompt, response: Response | None, seconds: float, error: str | None) -> dict[str, Any]:
    """One line of ``responses.jsonl``."""
    reply = response.text if response else ""
    parsed = parse(reply, prompt.options)
    masks, problems = _checked_masks(response.masks if response else (), prompt)
    meta, complaint = _plain(response.meta if response else {})
    notes = [note for note in (error, *problems, complaint) if note]
    return _of(asked) | {
        "status": "error" if response is None else "ok" if parsed.letter else "unparsed",
        "letter": parsed.letter,
        "rule": parsed.rule,
        "parser": PARSER_VERSION,
        "reply": reply,
        "masks": masks,
        "dropped_masks": len(problems),
        "seconds": round(seconds, 4),
        "error": "; ".join(notes) or None,
        "meta": meta,
        "note": asked.note,
    }


def _not_applicable(asked: Asked) -> dict[str, Any]:
    """The line of an item that the control leaves nothing to show of; the model is not asked."""
    return _of(asked) | {
        "status": NOT_APPLICABLE,
        "letter": None,
        "rule": "none",
        "parser": PARSER_VERSION,
        "reply": "",
        "masks": [],
        "dropped_masks": 0,
        "seconds": 0.0,
        "error": None,
        "meta": {},
        "note": None,
    }


def _of(asked: Asked) -> dict[str, Any]:
    item = asked.item
    return {"id": item["id"], "rotation": asked.rotation, "rotations": asked.rotations, "task": item["task"]}


def _checked_masks(masks: Any, prompt: Prompt) -> tuple[list[dict[str, Any]], list[str]]:
    """Masks as RLE, and a sentence for each one that had to be dropped."""
    kept: list[dict[str, Any]] = []
    problems: list[str] = []
    dates = sorted({frame.t for frame in prompt.frames} | set(prompt.valid))  # without frames, those of the blind one
    if not isinstance(masks, Sequence):
        return [], [f"masks must be a sequence of PredictedMask, found {type(masks).__name__}"]
    for number, given in enumerate(masks, 1):
        problem = _mask_problem(given, dates, prompt.shape)
        if problem:
            problems.append(f"mask {number} dropped: {problem}")
        else:
            kept.append({"t": int(given.t), "label": given.label, "rle": encode(given.mask)})
    return kept, problems


def _mask_problem(given: Any, dates: list[int], shape: tuple[int, int]) -> str | None:
    if not isinstance(given, PredictedMask):
        return f"expected a PredictedMask, found {type(given).__name__}"
    if isinstance(given.t, bool) or not isinstance(given.t, int | np.integer) or given.t not in dates:
        return f"date {given.t!r} is not one of {dates}"
    if not isinstance(given.mask, np.ndarray) or given.mask.dtype != np.bool_:
        found = given.mask.dtype if isinstance(given.mask, np.ndarray) else type(given.mask).__name__
        return f"expected a numpy array of booleans, found {found}"
    if given.mask.shape != shape:
        return f"expected shape {shape}, found {given.mask.shape}"
    if given.label is not None and not isinstance(given.label, str):
        return f"expected a label of words or None, found {type(given.label).__name__}"
    return None


def _plain(meta: Any) -> tuple[dict[str, Any], str | None]:
    try:
        return json.loads(json.dumps(dict(meta), allow_nan=False)), None
    except (TypeError, ValueError, RecursionError) as error:
        return {}, f"meta dropped: it must be plain JSON values ({error})"
