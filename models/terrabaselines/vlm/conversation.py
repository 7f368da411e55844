"""What a model is shown of a prompt: pictures, their names, the question, and how radar and boxes are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from terrabaselines.vlm.profiles import Profile
from terracot.plugins import Prompt, PromptFrame
from terracot.render import default_display, upscale
from terracot.scenes import Modality


@dataclass(frozen=True, eq=False)
class Conversation:
    """Texts and pictures in the order of the message. ``shape``: that of the scene; ``dates``: its ``t`` in order."""

    parts: tuple[str | Image.Image, ...]
    system: str | None
    shape: tuple[int, int]
    dates: tuple[int, ...]

    @property
    def images(self) -> list[Image.Image]:
        """The pictures in their order."""
        return [part for part in self.parts if not isinstance(part, str)]

    def messages(self, with_pixels: bool = False, as_lists: bool = False) -> list[dict[str, Any]]:
        """As chat templates take it; ``with_pixels`` puts the pictures into it, which stock processors want.

        Some templates want the system message as text, some as a list of parts: ``as_lists``.
        """
        content: list[dict[str, Any]] = []
        for part in self.parts:
            if isinstance(part, str):
                content.append({"type": "text", "text": part})
            else:
                content.append({"type": "image", "image": part} if with_pixels else {"type": "image"})
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if self.system is None:
            return messages
        listed = [{"type": "text", "text": self.system}]
        return [{"role": "system", "content": listed if as_lists or with_pixels else self.system}, *messages]


def conversation_of(
    prompt: Prompt, profile: Profile, *, min_side: int, box_first: bool = False, special: Sequence[str] = ()
) -> Conversation:
    """The message for a prompt; ``special`` are tokens that a question from outside cannot write.

    Pictures are the common render; those whose shorter side is under ``min_side`` are enlarged (bicubic).
    """
    shown = [Image.fromarray(upscale(frame.image, min_side or None)) for frame in prompt.frames]
    names = image_names(prompt.frames, profile.image_name)
    dates = tuple(sorted({frame.t for frame in prompt.frames} or set(prompt.valid))) or (1,)
    lines = [*radar_lines(prompt.frames), harmless(replace(prompt, instruction="").text, special)]
    if prompt.instruction:
        lines.append(prompt.instruction)
    if box_first and profile.grounding is not None:
        lines.append(profile.grounding.dated if len(dates) > 1 else profile.grounding.request)
    pictures: list[str | Image.Image] = []
    if profile.naming == "listed":
        pictures += shown
        if any(names):
            lines.insert(0, f"The images are, in their order: {', '.join(names)}.")
    else:
        for name, picture in zip(names, shown, strict=True):
            pictures += [*([name] if name else []), picture]
    text = "\n".join(lines)
    parts = [*pictures, text] if profile.order == "before" else [text, *pictures]
    shape = prompt.shape if prompt.frames or prompt.valid else (1, 1)
    return Conversation(tuple(parts), profile.system, shape, dates)


def image_names(frames: Sequence[PromptFrame], form: str) -> list[str]:
    """The name of each picture: its date, and optical or SAR if there is SAR; "" for a single optical one."""
    radar = any(frame.modality == Modality.SAR for frame in frames)
    if len(frames) == 1 and not radar:
        return [""]
    kinds = ["" if not radar else " (SAR)" if frame.modality == Modality.SAR else " (optical)" for frame in frames]
    return [form.format(t=frame.t, kind=kind) for frame, kind in zip(frames, kinds, strict=True)]


def radar_lines(frames: Sequence[PromptFrame]) -> list[str]:
    """How the common render shows SAR, in words: which polarisation is which colour, and between which limits."""
    found: dict[str, None] = {}
    for frame in frames:
        if frame.modality != Modality.SAR:
            continue
        try:
            display = default_display(frame.modality, frame.bands, frame.unit)
        except ValueError:
            found["SAR images show backscatter: the brighter, the stronger."] = None
            continue
        unit = "dB" if frame.unit == "dB" else "digital numbers"
        limits = [f"{low:g} to {high:g} {unit}" for low, high in zip(display.low, display.high, strict=True)]
        red, green, _ = display.bands
        if red == green:
            found[f"SAR images are grey: {red}, {limits[0]}."] = None
        else:
            found[f"In SAR images red and blue are {red}, {limits[0]}, and green is {green}, {limits[1]}."] = None
    return list(found)


def harmless(text: str, special: Sequence[str]) -> str:
    """``text`` with a space inside whatever a tokenizer would read as one of its special tokens."""
    for token in sorted(special, key=len, reverse=True):
        if len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text
