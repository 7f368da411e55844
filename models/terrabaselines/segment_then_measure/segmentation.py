"""Segmentation of whole scenes: one classifier for each layer of classes, fitted once and kept as plain arrays."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terrabaselines.segment_then_measure.boosting import Boosting
from terrabaselines.segment_then_measure.lessons import Layer, Lesson, labels_of, layers_of
from terrabaselines.segment_then_measure.stacks import Floats, Stack, stack_of
from terrabaselines.segment_then_measure.unet import UNet
from terracot.io import atomic_write_bytes, canonical_json
from terracot.plugins import ModelError, Prompt
from terracot.scenes import BoolMask

SMOOTHED = 3
"""Probabilities are averaged over squares of so many pixels before the likeliest class is taken."""
_KEPT_SCENES = 16


class Segmenter(Protocol):
    """A fitted classifier of pixels."""

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Everything that it is made of."""
        ...

    def probabilities(self, stack: Stack) -> Floats:
        """``(classes, H, W)``."""
        ...


SEGMENTERS: dict[str, Any] = {"boosting": Boosting, "unet": UNet}


def fitted(lessons: Sequence[Lesson], name: str, seed: int, effort: float) -> list[tuple[Layer, Segmenter]]:
    """A segmenter of the named kind for each layer that the lessons know at least two classes of."""
    found: list[tuple[Layer, Segmenter]] = []
    for layer in layers_of(lessons):
        labelled = [(lesson.stack, labels) for lesson in lessons if (labels := labels_of(lesson, layer)) is not None]
        if len(set(np.unique(np.concatenate([labels.ravel() for _, labels in labelled]))) - {-1}) > 1:
            stacks, known = [stack for stack, _ in labelled], [label for _, label in labelled]
            found.append((layer, SEGMENTERS[name].fit(stacks, known, len(layer.classes), seed, effort)))
    if not found:
        raise ModelError("the training masks show fewer than two classes of every kind of images; give a larger folder")
    return found


def saved(path: Path, parts: Sequence[tuple[Layer, Segmenter]]) -> None:
    """Write fitted segmenters as one ``.npz`` of plain arrays."""
    arrays: dict[str, Any] = {}
    for number, (layer, segmenter) in enumerate(parts):
        arrays[f"{number}/layer"] = np.array(canonical_json([_plain(layer.look), list(layer.classes)]))
        arrays |= {f"{number}/{name}": array for name, array in segmenter.arrays().items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(path, buffer.getvalue())


def loaded(path: Path, name: str) -> list[tuple[Layer, Segmenter]]:
    """Read what ``saved`` wrote; no pickle is read. ``ModelError`` for anything else."""
    import json

    parts: dict[int, dict[str, npt.NDArray[Any]]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                number, _, own = key.partition("/")
                parts.setdefault(int(number), {})[own] = arrays[key]
        found = []
        for _, own in sorted(parts.items()):
            look, classes = json.loads(str(own.pop("layer")))
            found.append((Layer(_tuples(look), tuple(classes)), SEGMENTERS[name](own)))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is damaged ({error}); remove it, and it is made anew") from error
    return found


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


class Segmentation:
    """Masks of named classes on the images of a prompt; the last scenes are remembered."""

    def __init__(self, parts: Sequence[tuple[Layer, Segmenter]]) -> None:
        self._parts = parts
        self._known: OrderedDict[tuple[str, str], dict[str, BoolMask]] = OrderedDict()
        self.names = sorted({name for layer, _ in parts for name in layer.classes if name is not None})

    def masks(self, prompt: Prompt, t: int) -> dict[str, BoolMask] | str:
        """``(H, W)`` masks by class name on date ``t``, or a sentence that says why there are none."""
        dates = max((frame.t for frame in prompt.frames), default=0)
        if not any(frame.t == t for frame in prompt.frames):
            return f"there is no image of date {t}"
        stack = stack_of(prompt.frames, t, dates)
        digest = hashlib.sha256(repr(stack.look).encode())
        for image in stack.images:
            digest.update(np.ascontiguousarray(image).tobytes())
        key = digest.hexdigest(), str(stack.images[0].shape)
        if key not in self._known:
            parts = [(layer, segmenter) for layer, segmenter in self._parts if layer.look == stack.look]
            if not parts:
                return f"not trained on such images: {_described(stack)}"
            found: dict[str, BoolMask] = {}
            for layer, segmenter in parts:
                likely = segmenter.probabilities(stack)
                smooth = ndimage.uniform_filter(likely, (0, SMOOTHED, SMOOTHED), mode="nearest")
                best = smooth.argmax(axis=0)
                found |= {name: best == i for i, name in enumerate(layer.classes) if name is not None}
            self._known[key] = found
            if len(self._known) > _KEPT_SCENES:
                self._known.popitem(last=False)
        return self._known[key]


def _described(stack: Stack) -> str:
    role, own, images = stack.look
    shown = [f"{modality} ({', '.join(bands)}; {unit})" for modality, bands, unit in images]
    beside = f", beside {' and '.join(shown[own:])}" if shown[own:] else ""
    return f"{' and '.join(shown[:own])} of the {role} date{beside}"
