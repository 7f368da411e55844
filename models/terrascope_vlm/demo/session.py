"""What the page works with: uploaded files, opened scenes, the one model, and answers as a stream of plain values."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from terracot.plugins import Prompt, describe
from terracot.render import Picture, png_bytes
from terracot.scenes import Modality
from terracot.sheet import COLOURS
from terracot.show import ground_line
from terrascope_vlm.demo import DemoError, values
from terrascope_vlm.demo.examples import Example, examples
from terrascope_vlm.drawing import frame_title
from terrascope_vlm.image_files import OPTIONS, ImageFile
from terrascope_vlm.opening import prompt_of
from terrascope_vlm.told import answer_line, region_record

if TYPE_CHECKING:
    from terrascope_vlm.plugin import TerraScope

MAX_UPLOAD = 128 * 2**20
"""Bytes of one file."""
KEPT_FILES, KEPT_SCENES = 16, 8
"""The oldest beyond these are let go of."""
MAX_IMAGES, MAX_QUESTION, MAX_OPTIONS = 24, 2000, 10
PICTURE_SIDE, SMALL_SIDE = 1024, 512
"""Pictures are reduced to this many pixels a side; those beyond ``SMALL_SIDE`` go as JPEG."""
WAIT_S = 1.0

Write = Callable[[Mapping[str, Any]], None]


class Readable(Protocol):
    """Where the bytes of an upload come from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class Session:
    """One model and what its users have opened. ``folder`` is emptied by whoever made it."""

    def __init__(self, model: TerraScope, folder: Path, make_examples: Callable[[], list[Example]] = examples) -> None:
        self._model, self._folder = model, folder
        self._lock = threading.Lock()  # the model answers one at a time
        self._reading = threading.Lock()  # and so does GDAL
        self._table = threading.Lock()
        self._files: OrderedDict[str, tuple[Path, str]] = OrderedDict()
        self._scenes: OrderedDict[str, tuple[Prompt, Sequence[Mapping[str, Any]]]] = OrderedDict()
        self._numbers = count(1)
        pool = ThreadPoolExecutor(1)
        self._examples: Future[list[Example]] = pool.submit(make_examples)
        pool.shutdown(wait=False)

    def about(self) -> dict[str, Any]:
        """The model, and what the page has to know of this module."""
        return {"model": self._model.info, "colours": COLOURS, "max_upload": MAX_UPLOAD}

    def examples(self) -> dict[str, Any]:
        """Titles and small pictures of the examples; waits until they are made."""
        shown = [
            {"title": example.title, "shows": _shows(example.prompt), "src": _uri(example.prompt.frames[0].image)}
            for example in self._examples.result()
        ]
        return {"examples": shown}

    def upload(self, name: str, stream: Readable, size: int) -> dict[str, Any]:
        """Keep a file under a name of our own; ``DemoError`` when it is too large, or breaks off."""
        if size > MAX_UPLOAD:
            raise DemoError(f"{name} has {size / 2**20:.0f} MB; expected at most {MAX_UPLOAD // 2**20} MB a file")
        with self._table:
            number = str(next(self._numbers))
        path = self._folder / number
        left = size
        try:
            with path.open("wb") as out:
                while left and (part := stream.read(min(left, 2**20))):
                    left -= len(part)
                    out.write(part)
            if left:
                raise DemoError(f"{name} broke off while it was sent; drop it again")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        with self._table:
            self._files[number] = path, name
            while len(self._files) > KEPT_FILES:
                self._files.popitem(last=False)[1][0].unlink(missing_ok=True)
        return {"file": number, "name": name}

    def open(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Open uploaded files (``images``) or an ``example`` as a scene."""
        if "example" in asked:
            made = self._examples.result()
            place = values.whole(asked, "example", 0, len(made) - 1)
            return self._keep(made[place].prompt, made[place].questions, title=made[place].title, synthetic=True)
        files = [self._file(one, asked) for one in values.listed(asked, "images", MAX_IMAGES)]
        with self._reading:
            prompt = prompt_of(files, "", gsd=values.metres(asked), window=values.window(asked))
        return self._keep(prompt, (), title="", synthetic=False)

    def ask(self, asked: Mapping[str, Any], write: Write) -> None:
        """Answer a question about an opened scene; ``write`` gets words, regions and at last all of the reply."""
        prompt, questions = self._scene(asked)
        question, options = (
            values.text(asked, "question", MAX_QUESTION),
            [
                values.words(option, "an option", MAX_QUESTION)
                for option in values.listed(asked, "options", MAX_OPTIONS)
            ],
        )
        if not question:
            raise DemoError("ask something: the question is empty")
        if len(options) == 1:
            raise DemoError("one option is no choice; give two or more, or none")
        while not self._lock.acquire(timeout=WAIT_S):
            write({"waiting": True})  # also finds out whether the page is still there
        try:
            self._answer(replace(prompt, question=question, options=tuple(options)), questions, write)
        finally:
            self._lock.release()

    def _answer(self, prompt: Prompt, questions: Sequence[Mapping[str, Any]], write: Write) -> None:
        from terrascope_vlm.generation import Drew, Wrote

        text, drawn = "", 0

        def hook(_: int, query: Any, event: Any) -> None:
            nonlocal text, drawn
            if isinstance(event, Wrote):
                text += event.text
                write({"wrote": event.text})
            elif isinstance(event, Drew):
                write({"drew": region_record(prompt, query, text, event.drawn, drawn)})
                drawn += 1

        start = time.perf_counter()
        write({"started": True})
        (told,) = self._model.tell([prompt], on_event=hook)
        record = told.record()
        asked = (prompt.question, list(prompt.options))
        truth = next((one["answer"] for one in questions if (one["question"], one["options"]) == asked), "")
        done = {name: record[name] for name in ("reply", "think", "answer", "option", "ended", "tokens", "regions")}
        seconds = round(time.perf_counter() - start, 2)
        write({"done": {**done, "line": answer_line(record), "truth": truth, "seconds": seconds}})

    def _file(self, one: Any, asked: Mapping[str, Any]) -> ImageFile:
        if not isinstance(one, Mapping):
            raise DemoError("an image is named by its file; load the page again")
        with self._table:
            found = self._files.get(str(one.get("file")))
        if found is None:
            raise DemoError("a file is not here any more; drop it again")
        sar = bool(one.get("sar"))
        path, name = found
        given = asked.get("sar_options" if sar else "image_options") or {}
        if not isinstance(given, Mapping):
            raise DemoError("options of images are names and values; load the page again")
        options = {key: values.words(given[key], key, 200) for key in OPTIONS if given.get(key)}
        return ImageFile(path, name, values.whole(one, "t", 1, MAX_IMAGES), sar, options)

    def _keep(
        self, prompt: Prompt, questions: Sequence[Mapping[str, Any]], *, title: str, synthetic: bool
    ) -> dict[str, Any]:
        with self._table:
            number = str(next(self._numbers))
            self._scenes[number] = prompt, questions
            while len(self._scenes) > KEPT_SCENES:
                self._scenes.popitem(last=False)
        height, width = prompt.shape
        frames = [
            {
                "t": frame.t,
                "modality": str(frame.modality),
                "title": frame_title(frame, prompt.frames),
                "src": _uri(frame.image),
            }
            for frame in prompt.frames
        ]
        return {
            "scene": number,
            "title": title,
            "synthetic": synthetic,
            "height": height,
            "width": width,
            "frames": frames,
            "ground": ground_line(prompt.ground.to_dict()),
            "questions": [{name: one[name] for name in ("question", "options")} for one in questions],
        }

    def _scene(self, asked: Mapping[str, Any]) -> tuple[Prompt, Sequence[Mapping[str, Any]]]:
        with self._table:
            found = self._scenes.get(str(asked.get("scene")))
        if found is None:
            raise DemoError("the images are not open any more; drop them again")
        return found


def problem(error: Exception) -> str:
    """What went wrong, on one line and without a traceback. Options are named as the page names them."""
    if isinstance(error, ValueError) and type(error).__module__.partition(".")[0] in ("terracot", "terrascope_vlm"):
        return " ".join(str(error).replace("-o ", "").split())
    return f"it failed: {describe(error)}"


def _shows(prompt: Prompt) -> str:
    """What an example shows, in a few words: "2 dates, multispectral + SAR"."""
    dates = len({frame.t for frame in prompt.frames})
    sensors = dict.fromkeys("SAR" if frame.modality == Modality.SAR else str(frame.modality) for frame in prompt.frames)
    return f"{f'{dates} dates, ' if dates > 1 else ''}{' + '.join(sensors)}"


def _uri(picture: Picture) -> str:
    if max(picture.shape[:2]) <= SMALL_SIDE:
        return f"data:image/png;base64,{base64.b64encode(png_bytes(picture)).decode()}"
    reduced = Image.fromarray(picture)
    reduced.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    reduced.save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
