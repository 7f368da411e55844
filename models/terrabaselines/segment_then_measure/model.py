"""The model: understand, segment, measure, pick the nearest option; guess, and say so, where one of these fails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from terrabaselines.chance import Chance
from terrabaselines.segment_then_measure.understanding import Asked, Understanding
from terrabench.items import Benchmark
from terrabench.reasoning.arithmetic import nearest_option
from terracot.io import canonical_json
from terracot.plugins import EvidenceMask, ModelError, PredictedMask, Prompt, Response
from terracot.scenes import BoolMask

SEGMENTERS = ("boosting", "unet")
FORMAT = 1
"""Of the files of a cache; another one is made when features or training change."""


class SegmentThenMeasure:
    """``train``: a benchmark of another split; ``masks``: a Terra-CoT folder with the level ``refer``, if there is one.

    The benchmark teaches what questions ask. Class masks come from ``masks``, which has every class of every scene, or
    else from the benchmark's evidence. ``segmenter`` is "boosting" or "unet" (needs torch); ``effort`` multiplies its
    training. With ``cache`` (a folder) what was fitted is kept there. Not privileged: it sees prompts only.
    """

    def __init__(
        self,
        train: str | Path | None = None,
        masks: str | Path | None = None,
        segmenter: str = "boosting",
        cache: str | Path | None = None,
        seed: int = 0,
        effort: float = 1.0,
    ) -> None:
        if train is None:
            raise ModelError(
                "segment-then-measure needs a benchmark of the training split: --model-args train=FOLDER, and better "
                "masks=FOLDER too, a data set of `terracot generate --levels refer --mix all` of the same split"
            )
        if segmenter not in SEGMENTERS:
            raise ModelError(f"unknown segmenter {segmenter!r}; known: {', '.join(SEGMENTERS)}")
        if not 0 < effort <= 100:
            raise ModelError(f"effort multiplies the training and has to be above 0 and at most 100; found {effort}")
        from terrabaselines.segment_then_measure.lessons import is_terra_cot, kind_of_folder
        from terrabaselines.segment_then_measure.segmentation import Segmentation

        bench = Benchmark.open(train)
        if not bench.items:
            raise ModelError(f"{train} has no items, so there is nothing to learn from; give a larger benchmark")
        shown = None if masks is None else Path(masks)
        hashes = [bench.manifest_sha256]
        if shown is not None:
            kind, digest = kind_of_folder(shown)
            if not is_terra_cot(kind):
                raise ModelError(
                    f"masks={shown} is {kind!r}; expected a folder of `terracot generate` with level refer"
                )
            hashes.append(digest)
        self.fitted_on = tuple(hashes)
        self.info = {"segmenter": segmenter, "effort": effort, "seed": seed, "fitted_on": hashes}
        name = "torch" if segmenter == "unet" else "scikit-learn"
        identity = canonical_json([FORMAT, hashes, segmenter, seed, effort, _version(name)])
        file = None if cache is None else Path(cache) / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npz"
        self._segmentation = Segmentation(_parts(bench, shown, segmenter, seed, effort, file))
        dated = [
            (item, max(frame["t"] for frame in bench.scene(item["scene_id"])["frames"])) for item in _by_place(bench)
        ]
        self._understanding = Understanding(dated, self._segmentation.names)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """One reply per prompt, with a trace and the masks that it measured."""
        return [self._respond(prompt, None) for prompt in prompts]

    def respond_with_evidence(
        self, prompts: Sequence[Prompt], masks: Sequence[Sequence[EvidenceMask]]
    ) -> list[Response]:
        """The same with masks that are given instead of its own."""
        return [self._respond(prompt, given) for prompt, given in zip(prompts, masks, strict=True)]

    def _respond(self, prompt: Prompt, given: Sequence[EvidenceMask] | None) -> Response:
        from terrabaselines.segment_then_measure.measuring import answer

        dates = max(prompt.valid, default=1)
        asked = self._understanding.read(prompt.question, prompt.options, dates)
        if isinstance(asked, str):
            return _guess(prompt, asked)
        regions = list(given) if given is not None else self._regions(asked, prompt)
        if isinstance(regions, str):
            return _guess(prompt, regions, asked)
        try:
            truth = answer(asked, regions, prompt)
        except (ValueError, ZeroDivisionError) as error:
            return _guess(prompt, f"the masks cannot answer: {error}", asked, regions)
        letter = nearest_option(truth, prompt.options)
        if letter is None:
            return _guess(prompt, f"no option is of the kind of {truth.text!r}", asked, regions)
        said = f"<think>{_steps(regions, dates)} Measured: {truth.text}.</think><answer>{letter}</answer>"
        return Response(said, _predicted(regions), {"kind": asked.kind, "measured": truth.text})

    def _regions(self, asked: Asked, prompt: Prompt) -> list[EvidenceMask] | str:
        from terrabaselines.segment_then_measure.measuring import regions_for

        found: dict[int, dict[str, BoolMask]] = {}
        for t in {t for t, _ in asked.regions}:
            masks = self._segmentation.masks(prompt, t)
            if isinstance(masks, str):
                return masks
            found[t] = masks
        lacking = sorted({name for t, name in asked.regions if name not in found[t]})
        if lacking:
            return f"no training masks of {', '.join(lacking)} on such images"
        return regions_for(asked, found, prompt)


def _parts(bench: Benchmark, shown: Path | None, segmenter: str, seed: int, effort: float, file: Path | None) -> Any:
    """The fitted segmenters: from the cache where they are, else fitted and put there."""
    from terrabaselines.segment_then_measure import lessons, segmentation

    try:
        if file is not None and file.is_file():
            return segmentation.loaded(file, segmenter)
        names = {mask["class_name"] for item in bench.items for mask in item["masks"] or ()}
        found = lessons.lessons_of_benchmark(bench) if shown is None else lessons.lessons_of_terra_cot(shown, names)
        parts = segmentation.fitted(list(found), segmenter, seed, effort)
    except ImportError as error:
        raise ModelError(
            f"segmenter={segmenter} needs scikit-learn: pip install 'scikit-learn>=1.4' ({error})"
        ) from error
    if file is not None:
        segmentation.saved(file, parts)
    return parts


def _by_place(bench: Benchmark) -> list[dict[str, Any]]:
    """Items scene after scene, so that each scene is read once."""
    return sorted(bench.items, key=bench.place)


def _steps(regions: Sequence[EvidenceMask], dates: int) -> str:
    return " ".join(f"{f'Image: {r.t} ' if dates > 1 else ''}I mark the {r.class_name}: [SEG]." for r in regions)


def _predicted(regions: Sequence[EvidenceMask]) -> tuple[PredictedMask, ...]:
    return tuple(PredictedMask(r.t, r.mask, r.class_name) for r in regions)


def _guess(prompt: Prompt, reason: str, asked: Asked | None = None, regions: Sequence[EvidenceMask] = ()) -> Response:
    """A letter by lot, with the reason; masks that were found are shown all the same."""
    guess = Chance().respond([prompt])[0]
    meta = {"guess": reason} | ({"kind": asked.kind} if asked else {})
    dates = max(prompt.valid, default=1)
    steps = f"<think>{_steps(regions, dates)} A guess.</think>" if regions else ""
    return Response(steps + guess.text, _predicted(regions), meta)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
