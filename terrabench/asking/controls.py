"""Controls: the same questions with something taken away, to see what an answer rests on.

    terrabench run ... --control NAME        # `terrabench run --help` says what each of them does

Every control is one small pure function of a prompt; its input is never changed. What it hides is gone: pictures,
bands, valid masks, times and ids of what a model may not see are not reachable from the prompt that it gets. A function
that finds nothing to take away returns the prompt itself. The pixel size (``ground``) stays with the question, but for
other-image, where it is that of the picture shown.
``terrabench.asking.prompts`` decides which function is used on which item.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from terrabench.asking.cloud_paint import Cloud, under
from terracot.memo import fixed
from terracot.plugins import LETTERS, Prompt, PromptFrame
from terracot.render import default_display
from terracot.scenes import BoolMask, Modality

VERSION = 1
"""Goes up with any change of what a control shows."""


@dataclass(frozen=True)
class Greys:
    """Mean images: ``colour`` by modality, and ``bands``, a value by (modality, unit, band) in the bands' own type."""

    colour: Mapping[Modality, tuple[int, int, int]]
    bands: Mapping[tuple[Modality, str, str], Any]


def without_image(prompt: Prompt) -> Prompt:
    """No frames; every pixel of every date counts as valid, so that the valid masks tell the size and nothing else."""
    return replace(prompt, frames=(), valid=_everywhere(prompt))


def grey(prompt: Prompt, greys: Greys) -> Prompt:
    """Every frame uniform and without its time; every pixel valid."""
    return replace(prompt, frames=tuple(_grey(frame, greys) for frame in prompt.frames), valid=_everywhere(prompt))


def other_image(other: Prompt, own_id: str, question: str, options: Sequence[str]) -> Prompt:
    """The words and the id of an item below frames, valid masks and pixel size of another item's prompt ``other``."""
    return replace(other, id=own_id, question=question, options=tuple(options))


def only(prompt: Prompt, modalities: Collection[Modality]) -> Prompt | None:
    """The frames of these modalities, numbered anew; None when there are none."""
    return _keep(prompt, [frame for frame in prompt.frames if frame.modality in modalities])


def first_and_last_date(prompt: Prompt) -> Prompt:
    """Frames and valid masks of the first and the last date; ``t`` stays, since questions name dates by it."""
    dates = {frame.t for frame in prompt.frames}
    if len(dates) < 3:
        return prompt
    return _keep(prompt, [frame for frame in prompt.frames if frame.t in (min(dates), max(dates))]) or prompt


def clouded(prompt: Prompt, clouds: Mapping[int, Cloud]) -> Prompt:
    """Clouds, by date, painted into the picture and all bands of every frame that is not SAR."""
    frames = tuple(
        _clouded(frame, clouds[frame.t]) if frame.t in clouds and frame.modality != Modality.SAR else frame
        for frame in prompt.frames
    )
    return _with(prompt, frames)


def rgb_only(prompt: Prompt) -> Prompt:
    """Native bands of frames that are not SAR cut to red, green and blue.

    Where these cannot be told by name among several bands, the picture itself is what remains.
    """
    frames = tuple(frame if frame.modality == Modality.SAR else _rgb(frame) for frame in prompt.frames)
    return _with(prompt, frames)


def rotated(prompt: Prompt, rotation: int) -> Prompt:
    """Options moved up by ``rotation`` places: A shows what stood there before, and so on.

    Each rotation has an opaque id of its own, so that a model cannot tell that it is asked the same thing again.
    """
    if rotation == 0:
        return prompt
    own = hashlib.sha256(f"{prompt.id}\nrotation {rotation}".encode()).hexdigest()[:16]
    return replace(prompt, id=own, options=rotated_options(prompt.options, rotation))


def rotated_options(options: Sequence[str], rotation: int) -> tuple[str, ...]:
    """The option texts as rotation ``rotation`` shows them."""
    return (*options[rotation:], *options[:rotation])


def stored_letter(letter: str | None, rotation: int, options: int) -> str | None:
    """The letter that an option has in the benchmark, from the one that it had in a rotation."""
    return None if letter is None else LETTERS[(LETTERS.index(letter) + rotation) % options]


def _everywhere(prompt: Prompt) -> dict[int, BoolMask]:
    dates = sorted({frame.t for frame in prompt.frames} | set(prompt.valid))
    return {t: np.ones(prompt.shape, dtype=bool) for t in dates}


def _with(prompt: Prompt, frames: tuple[PromptFrame, ...]) -> Prompt:
    same = all(a is b for a, b in zip(frames, prompt.frames, strict=True))
    return prompt if same else replace(prompt, frames=frames)


def _keep(prompt: Prompt, frames: Sequence[PromptFrame]) -> Prompt | None:
    if not frames:
        return None
    if len(frames) == len(prompt.frames):
        return prompt
    dates = {frame.t for frame in frames}
    numbered = tuple(replace(frame, id=f"{n}-{frame.modality}") for n, frame in enumerate(frames, 1))
    return replace(prompt, frames=numbered, valid={t: mask for t, mask in prompt.valid.items() if t in dates})


def _grey(frame: PromptFrame, greys: Greys) -> PromptFrame:
    shape = frame.image.shape[:2]
    colour = np.array(greys.colour[frame.modality], dtype=np.uint8)
    values = np.array([greys.bands[frame.modality, frame.unit, band] for band in frame.bands])
    picture = np.broadcast_to(colour, (*shape, 3)).copy()
    return replace(frame, image=picture, native=partial(_uniform, values, shape), time=None)


def _clouded(frame: PromptFrame, cloud: Cloud) -> PromptFrame:
    pixels = under(cloud, frame.native(), frame.unit)
    return replace(frame, image=cloud.over_picture(frame.image), native=partial(_held, fixed(pixels)))


def _rgb(frame: PromptFrame) -> PromptFrame:
    try:
        wanted = tuple(dict.fromkeys(default_display(frame.modality, frame.bands, frame.unit).bands))
    except ValueError:
        shown = partial(_held, fixed(np.moveaxis(frame.image, -1, 0).copy()))
        return replace(frame, bands=("red", "green", "blue"), unit="digital number", native=shown)
    if len(wanted) == len(frame.bands):
        return frame
    # Read now, copied by the list of indices: a function that cuts later would still hold all bands.
    pixels = frame.native()[[frame.bands.index(band) for band in wanted]]
    return replace(frame, bands=wanted, native=partial(_held, fixed(pixels)))


def _uniform(values: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    return np.broadcast_to(values[:, None, None], (len(values), *shape))


def _held(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels
