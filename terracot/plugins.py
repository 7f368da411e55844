"""The Model contract: what a model is asked (Prompt), what it answers (Response), and how a model is found.

A model is one small class with ``respond(prompts) -> responses``. It is named by a registered name (entry point group
``terrabench.models``) or by ``path.py:Class``, and built with the keyword arguments of ``--model-args``. Two optional
methods are capabilities: ``respond_with_evidence`` (masks are given, used for probing) and ``respond_items``
(privileged: sees the evidence masks; accepted only from built-in reference models and stamped as such).

Optional attributes: ``info`` (plain values such as revision, decoding, device) goes into ``run.json``; ``fitted_on``
(manifest hashes of benchmarks that the model was fitted on) keeps it from being asked those; ``prompt_template`` names
the reply form it wants (a name of ``terrabench.asking.prompting``); ``needs_image = True`` says that it cannot answer
without one; ``gives_masks = False`` that it points at nothing, so that its IoU is "no masks" and not 0.
``info["label"]`` says in tables which of many checkpoints it is.

For models that wait for a server: ``concurrency`` (how many threads may call ``respond`` at a time, each with one
prompt) and ``free_arguments`` (names of arguments that cannot change a reply, such as an address or a timeout; a
resumed run may change them). ``meta["usage"]`` of a response (names and numbers: tokens, cost) is summed over a
run, ``meta["revision"]`` counted; an exception may carry such a ``meta`` as well.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from terracot.ground import GroundSampling
from terracot.scenes import BoolMask, Modality

ENTRY_POINT_GROUP = "terrabench.models"
LETTERS = "ABCDEFGHIJ"


class ModelError(ValueError):
    """A model that cannot be found, built or used; the message says what to do."""


@dataclass(frozen=True)
class PromptFrame:
    """One image of a prompt: ``image`` is the common render ``(H, W, 3) uint8``; ``native()`` gives ``(C, H, W)``."""

    id: str
    t: int
    modality: Modality
    bands: tuple[str, ...]
    unit: str
    image: npt.NDArray[np.uint8]
    native: Callable[[], npt.NDArray[Any]]
    time: str | None = None


@dataclass(frozen=True)
class Prompt:
    """All that a model may know about an item. ``id`` is opaque and differs between runs with other seeds.

    ``options`` are the option texts in the order of the letters A, B, ...; empty for open questions. Masks are expected
    on the pixel grid of the frames, ``shape``. ``valid`` has, by date, the pixels that count in shares ("valid pixels"
    in the questions): those that the reference labels at all. ``instruction`` says in which form to reply; the runner
    puts it there, by the template that the model asks for. A control may take all frames away.
    """

    id: str
    frames: tuple[PromptFrame, ...]
    ground: GroundSampling
    question: str
    options: tuple[str, ...]
    valid: Mapping[int, BoolMask] = field(default_factory=dict)
    instruction: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)`` of the frames and of every mask."""
        like = self.frames[0].image if self.frames else next(iter(self.valid.values()))
        return like.shape[0], like.shape[1]

    @property
    def letters(self) -> str:
        """The letters of the options: "ABCD" for four."""
        return LETTERS[: len(self.options)]

    @property
    def text(self) -> str:
        """Question, lettered options and the instruction, one a line."""
        options = (f"{letter}. {option}" for letter, option in zip(self.letters, self.options, strict=True))
        return "\n".join([self.question, *options, *([self.instruction] if self.instruction else [])])


@dataclass(frozen=True)
class PredictedMask:
    """A region that a model pointed at: ``(H, W)`` booleans on date ``t`` (from 1), and its own word for it."""

    t: int
    mask: BoolMask
    label: str | None = None


@dataclass(frozen=True)
class Response:
    """A model's raw reply and its masks in the order of the reply. ``meta`` (plain values) is kept beside them."""

    text: str
    masks: tuple[PredictedMask, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EvidenceMask:
    """A true region: ``(H, W)`` booleans on date ``t``, the name of what it shows, whether the name is a plural."""

    t: int
    class_name: str
    mask: BoolMask
    plural: bool = False


@dataclass(frozen=True)
class PrivilegedItem:
    """What a reference model sees: the prompt, the task and the evidence masks.

    Neither the answer letter nor the numeric truth is here, so a reference model can only get them by measuring.
    ``parameters`` says how the task's rule measures ("unit", "measure"), never what came out.
    """

    prompt: Prompt
    task: str
    evidence: tuple[EvidenceMask, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Model(Protocol):
    """The one method every model has. ``respond`` returns one Response per Prompt, in order."""

    def respond(self, prompts: Sequence[Prompt]) -> Sequence[Response]:
        """Answer a batch; the result for a prompt may not depend on its neighbours."""
        ...


@runtime_checkable
class EvidenceModel(Protocol):
    """Capability: answers with masks that are given instead of its own (one sequence of masks per prompt)."""

    def respond_with_evidence(
        self, prompts: Sequence[Prompt], masks: Sequence[Sequence[EvidenceMask]]
    ) -> Sequence[Response]:
        """Answer a batch, reading the regions given."""
        ...


@runtime_checkable
class ReferenceModel(Protocol):
    """Capability, privileged: a built-in bound that measures the true masks. Never a submission."""

    def respond_items(self, items: Sequence[PrivilegedItem]) -> Sequence[Response]:
        """Answer a batch from the evidence masks."""
        ...


def registered_models() -> dict[str, EntryPoint]:
    """Registered model names and their entry points, in alphabetical order."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name)}


def describe(error: BaseException) -> str:
    """Type and message of any exception on one line, also of one that cannot be turned into text or be printed."""
    try:
        message = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
    except Exception:  # noqa: BLE001
        message = "its message cannot be shown"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def load_model(spec: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """Build the model named by ``spec``; ``ModelError`` says which names exist or why it could not be built."""
    factory = _from_file(spec) if ".py:" in spec else _from_registry(spec)
    given = dict(arguments or {})
    try:
        inspect.signature(factory).bind(**given)
    except TypeError as error:
        raise ModelError(
            f"model {spec} does not take these arguments ({error}); check --model-args key=value,..."
        ) from error
    except ValueError:  # written in C: no signature to check beforehand
        pass
    try:
        model = factory(**given)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"model {spec} could not be built with {given or 'no arguments'}: {describe(error)}; "
            "check --model-args key=value,... and the __init__ of the class"
        ) from error
    if not isinstance(model, Model | ReferenceModel):
        raise ModelError(
            f"{spec}: {type(model).__name__} has no method respond(prompts); "
            "see the Model contract in terracot/plugins.py"
        )
    return model


def _from_registry(name: str) -> Callable[..., Any]:
    known = registered_models()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ModelError(
            f"unknown model {name!r}.{hint} Registered: {', '.join(known)}. A file works too: path.py:Class"
        )
    try:
        return known[name].load()  # type: ignore[no-any-return]
    except ImportError as error:
        raise ModelError(f"model {name} needs a package that is not installed: {describe(error)}") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"model {name}: {known[name].value} cannot be imported: {describe(error)}") from error


def _from_file(spec: str) -> Callable[..., Any]:
    filename, _, attribute = spec.rpartition(":")
    path = Path(filename)
    if not path.is_file():
        raise ModelError(f"{filename} is not a file; expected path.py:Class")
    module_spec = importlib.util.spec_from_file_location(f"terrabench_plugin_{path.stem}", path)
    if module_spec is None or module_spec.loader is None:
        raise ModelError(f"{filename} is not a Python file")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_spec.name] = module
    try:
        module_spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_spec.name]
        raise ModelError(
            f"{filename} cannot be imported: {describe(error)}; mend it, expected path.py:Class"
        ) from error
    if not hasattr(module, attribute):
        classes = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__]
        raise ModelError(f"{filename} has no {attribute!r}; it defines {', '.join(classes) or 'no class'}")
    return getattr(module, attribute)  # type: ignore[no-any-return]
