"""Any OpenAI-compatible server as a model of the benchmark.

terrabench run --bench BENCH --model openai --model-args url=http://127.0.0.1:8000/v1,model=NAME --out RUN

The key is read from the environment variable OPENAI_API_KEY (``key_env`` names another one) and is never written. The
runner keeps ``concurrency`` items in flight; docs/models.md has all arguments.
"""

from __future__ import annotations

import difflib
import json
import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from terrabaselines.grounding.drawing import draw
from terrabaselines.grounding.reading import boxed_answer, read_regions
from terrabaselines.openai_server.messages import messages_of
from terrabaselines.openai_server.replies import Prices, completion_of
from terrabaselines.vlm.conversation import Conversation, conversation_of
from terrabaselines.vlm.profiles import Grounding, profile_for
from terracot.pacing import Pace, Patience
from terracot.plugins import ModelError, Prompt, Response
from terracot.render import VERSION as RENDER_VERSION
from terracot.server import KEY, ChatError, RequestFailed, Server

MIN_SIDE = 448
"""Pixels that the shorter side of pictures has at least, as for models of the library transformers."""

_OURS = ("model", "messages", "stream", "n")


class OpenAIServer:
    """The model called ``model`` of the server at ``url``; without ``model`` the only one that it serves.

    Decoding is greedy (``temperature=0``) with a ``seed``; null leaves either out of the requests, ``extra`` adds
    fields. ``profile`` says how pictures are named and boxes written (``vlm/profiles.yaml``); with ``box_cot`` the
    model is asked for boxes first, and they become masks. ``price_in`` and ``price_out`` are for a million tokens.
    After ``give_up_after`` items that failed one after another the run ends, to be resumed. ``ModelError`` for
    arguments that cannot be, and for a server that cannot be asked.
    """

    free_arguments = (
        *("url", "key_env", "concurrency", "requests_per_minute", "timeout_s", "attempts", "backoff_s"),
        *("longest_wait_s", "price_in", "price_out", "give_up_after"),
    )

    def __init__(
        self,
        url: str | None = None,
        model: str | None = None,
        temperature: float | None = 0.0,
        seed: int | None = 0,
        max_tokens: int = 1024,
        tokens_field: str = "max_tokens",
        extra: dict[str, Any] | None = None,
        profile: str = "default",
        min_side: int = MIN_SIDE,
        detail: str | None = None,
        box_cot: bool = False,
        key_env: str | None = KEY,
        concurrency: int = 8,
        requests_per_minute: float | None = None,
        timeout_s: float = 120.0,
        attempts: int = 6,
        backoff_s: float = 1.0,
        longest_wait_s: float = 300.0,
        price_in: float | None = None,
        price_out: float | None = None,
        give_up_after: int = 10,
        api_key: None = None,
    ) -> None:
        if api_key is not None:
            raise ModelError(f"a key is no argument, since arguments are written down; put it into the variable {KEY}")
        if not isinstance(url, str):
            raise ModelError(
                "openai needs the address of a server: --model-args url=http://127.0.0.1:8000/v1,model=NAME"
            )
        whole = (("max_tokens", max_tokens, 1), ("min_side", min_side, 0), ("concurrency", concurrency, 1))
        for name, value, least in (*whole, ("attempts", attempts, 1), ("give_up_after", give_up_after, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ModelError(f"{name} is {value!r}; expected a whole number, {least} or more")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ModelError(f"seed is {seed!r}; expected a whole number or null")
        _check_number("temperature", temperature, optional=True)
        _check_number("timeout_s", timeout_s, zero=False)
        _check_number("requests_per_minute", requests_per_minute, zero=False, optional=True)
        for name, number in (("backoff_s", backoff_s), ("longest_wait_s", longest_wait_s)):
            _check_number(name, number)
        for name, price in (("price_in", price_in), ("price_out", price_out)):
            _check_number(name, price, optional=True)
        if (price_in is None) != (price_out is None):
            raise ModelError("price_in and price_out come together: money for a million tokens of prompt and of reply")
        for name, flag in (("tokens_field", tokens_field), ("profile", profile), ("detail", detail or "auto")):
            if not isinstance(flag, str) or not flag:
                raise ModelError(f"{name} is {flag!r}; expected a word")
        if not isinstance(box_cot, bool):
            raise ModelError(f"box_cot is {box_cot!r}; expected true or false")
        self._profile = profile_for("", profile)
        self._grounding = _grounding(self._profile.grounding, profile) if box_cot else None
        patience = Patience(attempts, backoff_s, longest_retry_after_s=longest_wait_s, unreadable_too=True)
        try:
            self._server = Server(url, key_env, timeout_s, patience, Pace(requests_per_minute))
        except ChatError as error:
            raise ModelError(str(error)) from error
        if self._server.holds_key(json.dumps([model, extra, tokens_field, detail], default=str)):
            raise ModelError("an argument holds the key of the server; arguments are written down, so leave it out")
        known = self._known_models()
        self._names = [str(entry.get("id")) for entry in known]
        self._model = self._name(model)
        self._fixed = _decoding(temperature, seed, max_tokens, tokens_field, extra)
        self._prices, self._detail, self._min_side = Prices(price_in, price_out), detail, min_side
        self._give_up_after, self._failures, self._lock = give_up_after, 0, threading.Lock()
        self._slots = threading.BoundedSemaphore(concurrency)
        self.concurrency = concurrency
        self.gives_masks = box_cot
        self.prompt_template = "box-cot" if box_cot else None
        self.info: dict[str, Any] = {
            "model": self._model,
            "served": next((_identity(entry) for entry in known if entry.get("id") == self._model), None),
            "decoding": self._fixed,
            "images": {"format": "PNG data URL", "render": RENDER_VERSION, "min_side": min_side, "detail": detail},
            "profile": self._profile.record(),
            "box_cot": box_cot,
        }

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """One reply per prompt, ``concurrency`` of them at a time.

        ``RequestFailed`` for a prompt that failed for good, ``ModelError`` when no other would do better.
        """
        if len(prompts) == 1:
            return [self._respond(prompts[0])]
        with ThreadPoolExecutor(self.concurrency) as pool:
            return list(pool.map(self._respond, prompts))

    def _respond(self, prompt: Prompt) -> Response:
        shown = conversation_of(prompt, self._profile, min_side=self._min_side, box_first=self._grounding is not None)
        body = {"model": self._model, "messages": messages_of(shown, self._detail), **self._fixed}
        try:
            with self._slots:
                (text, meta), attempts = self._server.ask(
                    "/chat/completions", body, lambda answer: completion_of(answer, self._prices)
                )
        except ChatError as error:
            raise ModelError(f"{error}{self._hint() if error.status == 404 else ''}") from error
        except RequestFailed as error:
            self._count_failure(error)
            raise
        with self._lock:
            self._failures = 0
        return self._response(text, meta | {"attempts": attempts}, shown)

    def _response(self, text: str, meta: dict[str, Any], shown: Conversation) -> Response:
        """A reply; with ``box_cot`` its boxes are masks."""
        if self._grounding is None:
            return Response(text, meta=meta)
        scale = float(self._grounding.scale)
        drawn = draw(read_regions(text, self._grounding.syntax), (scale, scale), shown.shape, shown.dates)
        read = boxed_answer(text) if self._grounding.syntax == "begin_of_box" else text
        boxes = {"boxes": drawn.counts()} if drawn.regions else {}
        return Response(read, drawn.masks, meta | boxes | ({} if read == text else {"raw": text}))

    def _count_failure(self, error: RequestFailed) -> None:
        """``ModelError`` when so many items have failed in a row that the server, not the items, is at fault."""
        with self._lock:
            self._failures += 1
            failures = self._failures
        if failures >= self._give_up_after:
            raise ModelError(
                f"{failures} items in a row failed, the last one with: {error}. Mend the server or the arguments, then "
                "run the same command with --retry-errors; what is finished is safe"
            ) from error

    def _known_models(self) -> list[dict[str, Any]]:
        """What ``GET models`` lists; nothing where a server has no such list, or does not show it."""

        def entries(answer: dict[str, Any]) -> list[dict[str, Any]]:
            listed = answer.get("data")
            return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []

        try:
            return self._server.ask("/models", None, entries)[0]
        except RequestFailed:
            return []
        except ChatError as error:
            if error.status in (403, 404, 405):
                return []
            raise ModelError(str(error)) from error

    def _name(self, wanted: str | None) -> str:
        if wanted is not None and str(wanted).strip():
            return str(wanted)
        if len(self._names) == 1:
            return self._names[0]
        told = f"it serves {', '.join(self._names[:8])}" if self._names else "it does not say what it serves"
        raise ModelError(f"which model of {self._server.url}? {told}; give --model-args model=NAME")

    def _hint(self) -> str:
        near = difflib.get_close_matches(self._model, self._names, 3, 0.3) or self._names[:5]
        return f". The server serves {', '.join(near)}" if near else ""


def _identity(entry: dict[str, Any]) -> dict[str, Any]:
    """What a list of models says of one and does not change from hour to hour."""
    return {name: entry[name] for name in ("id", "root", "owned_by") if isinstance(entry.get(name), str)}


def _decoding(
    temperature: float | None, seed: int | None, max_tokens: int, tokens_field: str, extra: dict[str, Any] | None
) -> dict[str, Any]:
    """Fields of every request besides model and messages."""
    given = {} if extra is None else extra
    if not isinstance(given, dict):
        raise ModelError(f"extra is {given!r:.80}; expected a JSON object with fields of the request")
    if wrong := [name for name in given if name in _OURS]:
        raise ModelError(f"extra may not set {', '.join(wrong)}, which the adapter sets")
    fields = {"temperature": temperature, "seed": seed, tokens_field: max_tokens}
    return {name: value for name, value in fields.items() if value is not None} | given


def _grounding(grounding: Grounding | None, profile: str) -> Grounding:
    if grounding is None or isinstance(grounding.scale, str):
        raise ModelError(
            f"box_cot=true wants a profile whose boxes do not depend on how a server resizes images; {profile} "
            f"{'has no form of boxes' if grounding is None else 'counts pixels of the resized image'}. Name one that "
            "has, such as profile=qwen3-vl, or leave box_cot out"
        )
    return grounding


def _check_number(name: str, value: Any, zero: bool = True, optional: bool = False) -> None:
    if optional and value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (value == 0 and not zero):
        raise ModelError(f"{name} is {value!r}; expected a number{', 0 or more' if zero else ' above 0'}")
