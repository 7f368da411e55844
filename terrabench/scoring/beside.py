"""Several runs scored together: a run under a control that leaves items out beside its plain run on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from terrabench.asking.responses import load_run
from terrabench.items import Benchmark
from terrabench.scoring.results import Result, benchmark_of, item_results
from terrabench.scoring.scores import score, summary
from terrabench.scoring.tables import plain_run_of


def score_all(run_dirs: Sequence[str | Path], bench: str | Path | Benchmark | None = None) -> list[dict[str, Any]]:
    """``terrabench.scoring.scores.score`` of every run, in their order.

    A run that leaves items out as not applicable gets ``plain_part`` as well, when its plain run is among them: the
    scores of that run over the items that the control applies to, so that a difference compares like with like. It
    depends on which runs are scored together, and is not written to ``scores.json``.
    """
    scored = [score(run_dir, bench) for run_dir in run_dirs]
    for scores, run_dir in zip(scored, run_dirs, strict=True):
        plain = plain_run_of(scores, scored) if scores["not_applicable"] else None
        if plain is not None:
            plain_dir = next(d for s, d in zip(scored, run_dirs, strict=True) if s is plain)
            applies = {result.id for result in _results(run_dir, bench)}
            same = [result for result in _results(plain_dir, bench) if result.id in applies]
            about = {"part": f"items of {scores['control']['label']}", "not_applicable": plain["items"] - len(same)}
            scores["plain_part"] = {**plain, **summary(same), **about}
    return scored


def _results(run_dir: str | Path, bench: str | Path | Benchmark | None) -> list[Result]:
    return item_results(run_dir, *benchmark_of(load_run(run_dir), run_dir, bench))
