"""One question about image files: the files as a prompt, and the answer in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from terracot.plugins import LETTERS, Prompt
from terracot.scenes import SourceError
from terracot.show import ground_line
from terracot.traces import SEG
from terrascope_vlm.drawing import frame_title
from terrascope_vlm.image_files import ImageFile
from terrascope_vlm.told import Told, answer_line, region_line

_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


def files_of(
    images: Sequence[str],
    sar: Sequence[str] = (),
    dates: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    sar_options: Mapping[str, str] | None = None,
) -> list[ImageFile]:
    """The n-th of ``images`` and of ``sar`` are of date n; ``dates`` say when that was. ``SourceError`` if they cannot.

    SAR images may stand alone; beside others there may be fewer of them.
    """
    total = len(images) or len(sar)
    if len(sar) > total:
        raise SourceError(
            f"{len(sar)} SAR images for {total} dates; expected at most one for each image, in the order of the images"
        )
    if dates and len(dates) != total:
        raise SourceError(f"{len(dates)} dates for {total} images; expected one for each, in their order")
    for date in dates:
        if not _DATE.fullmatch(date):
            raise SourceError(f"date {date!r} is not understood; expected YYYY-MM-DD, YYYY-MM or YYYY")
    if sorted(dates) != list(dates):
        raise SourceError(f"images in the order of time are expected, found {', '.join(dates)}")
    times = dict(enumerate(dates, 1))
    return [
        ImageFile(Path(name), name, t, kind == "sar", dict(given or {}), times.get(t))
        for kind, names, given in (("image", images, options), ("sar", sar, sar_options))
        for t, name in enumerate(names, 1)
    ]


def answer_text(told: Told) -> str:
    """What was shown, the trace with its masks numbered, the masks, and the answer, on several lines."""
    record = told.record()
    dates = len({frame.t for frame in told.prompt.frames})
    lines = [*shown_lines(told.prompt), "", _numbered(record["think"]) or "(no reasoning)", ""]
    lines += [f"[SEG {n}] {region_line(region, dates)}" for n, region in enumerate(record["regions"], 1)]
    if record["regions"]:
        lines.append("")
    lines += [f"{letter}: {option}" for letter, option in zip(LETTERS, told.prompt.options, strict=False)]
    if record["ended"] == "length":
        lines.append(f"The reply was cut off after {record['tokens']} tokens.")
    return _printable("\n".join([*lines, f"Answer: {answer_line(record)}"]))


def _printable(text: str) -> str:
    """The text without what would steer a terminal: a model may write any character."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def shown_lines(prompt: Prompt) -> list[str]:
    """A line for each image of a prompt, and one about the ground."""
    height, width = prompt.shape
    lines = [
        f"{frame_title(frame, prompt.frames)} · {'+'.join(frame.bands)} in {frame.unit}" for frame in prompt.frames
    ]
    return [*lines, f"{height} x {width} pixels. {ground_line(prompt.ground.to_dict())}"]


def _numbered(text: str) -> str:
    """The trace with ``[SEG 1]``, ``[SEG 2]`` ... in the place of each ``[SEG]``."""
    first, *rest = text.split(SEG)
    return first + "".join(f"[SEG {n}]{part}" for n, part in enumerate(rest, 1))
