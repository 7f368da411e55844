"""Vision-language models of the library transformers as models of the benchmark.

terrabench run --bench BENCH --model transformers --model-args pretrained=DIR,batch=8 --batch-size 8 --out RUN

The family is told by ``model_type`` in config.json (``profiles.yaml``). Decoding is greedy. With ``box_cot=true`` a
family that can point at things is asked for boxes first, then for the answer; boxes become masks, so IoU is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from terrabaselines.grounding.drawing import draw
from terrabaselines.grounding.reading import boxed_answer, read_regions
from terrabaselines.vlm.conversation import Conversation, conversation_of
from terrabaselines.vlm.loading import load
from terracot.plugins import ModelError, Prompt, Response

MIN_SIDE = 448
"""Pixels that the shorter side of pictures has at least: of a tile of 64 some families would see four tokens."""


class Transformers:
    """The model of ``pretrained``, a folder in the layout of the hub (or a hub name, with ``allow_download``).

    Of the prompts that are given together at most ``batch`` are answered at once. ``profile`` names a family, or a file
    with one, where config.json does not tell; ``min_side`` is what smaller pictures are enlarged to (0: never).
    ``ModelError`` says what is wrong with any of these.
    """

    def __init__(
        self,
        pretrained: str | Path | None = None,
        batch: int = 1,
        device: str = "auto",
        dtype: str = "auto",
        profile: str | None = None,
        max_new_tokens: int = 1024,
        min_side: int = MIN_SIDE,
        box_cot: bool = False,
        revision: str | None = None,
        allow_download: bool = False,
    ) -> None:
        if pretrained is None:
            raise ModelError(
                "transformers needs a checkpoint: --model-args pretrained=DIR, a folder with config.json, safetensors, "
                "tokenizer and processor files as the hub has them"
            )
        for name, value, least in (
            ("batch", batch, 1),
            ("max_new_tokens", max_new_tokens, 1),
            ("min_side", min_side, 0),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ModelError(f"{name} is {value!r}; expected a whole number, {least} or more")
        for name, flag in (("box_cot", box_cot), ("allow_download", allow_download)):
            if not isinstance(flag, bool):
                raise ModelError(f"{name} is {flag!r}; expected true or false")
        self._loaded = load(
            pretrained, device=device, dtype=dtype, profile=profile, revision=revision, allow_download=allow_download
        )
        self._profile = self._loaded.profile
        if box_cot and self._profile.grounding is None:
            raise ModelError(
                f"box_cot=true wants a family that writes boxes; the profile {self._profile.name} of {pretrained} "
                "has no form for them. Leave it out, or name a profile with `grounding`: profile=FILE"
            )
        from terrabaselines.vlm.encoding import Encoder

        self.encoder = Encoder(self._loaded)
        self._batch, self._min_side, self._box_cot, self._max_new = batch, min_side, box_cot, max_new_tokens
        self.prompt_template = "box-cot" if box_cot else None
        self.gives_masks = box_cot
        self._ends = self._end_tokens()
        self._loaded.model.generation_config = self._greedy(max_new_tokens)
        grounding = self._profile.grounding
        self.info: dict[str, Any] = self._loaded.about() | {
            "label": f"{self._loaded.name} box-cot" if box_cot else self._loaded.name,
            "decoding": {"rule": "greedy", "max_new_tokens": max_new_tokens},
            "images": {"min_side": min_side, "upscaling": "bicubic", "sar": "common render, stated in the prompt"},
            "box_cot": box_cot,
            "grounding": None if grounding is None else {"syntax": grounding.syntax, "scale": grounding.scale},
        }

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """One reply per prompt, with a mask for every name and date that it has boxes or points of."""
        responses: list[Response] = []
        for start in range(0, len(prompts), self._batch):
            responses += self._answer([self.conversation(prompt) for prompt in prompts[start : start + self._batch]])
        return responses

    def conversation(self, prompt: Prompt) -> Conversation:
        """What the model is shown of a prompt."""
        return conversation_of(
            prompt, self._profile, min_side=self._min_side, box_first=self._box_cot, special=self.encoder.special
        )

    def response(self, reply: str, conversation: Conversation, seen: tuple[float, float]) -> Response:
        """A reply with its masks; ``seen`` is the size of the pictures as the vision encoder had them."""
        grounding = self._profile.grounding
        if grounding is None:
            return Response(reply)
        drawn = draw(
            read_regions(reply, grounding.syntax),
            seen if isinstance(grounding.scale, str) else (grounding.scale, grounding.scale),
            conversation.shape,
            conversation.dates,
        )
        text = boxed_answer(reply) if grounding.syntax == "begin_of_box" else reply
        meta: dict[str, Any] = {"boxes": drawn.counts()} if drawn.regions else {}
        return Response(text, drawn.masks, meta if text == reply else meta | {"raw": reply})

    def _answer(self, conversations: Sequence[Conversation]) -> list[Response]:
        import torch

        batch = self.encoder.batch(conversations)
        model = self._loaded.model
        tensors = {
            name: value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
            for name, value in batch.tensors.items()
        }
        with torch.inference_mode():
            made = model.generate(**tensors)
        responses = []
        for ids, conversation, seen in zip(made[:, batch.prompt :].tolist(), conversations, batch.seen, strict=True):
            ends = [place for place, token in enumerate(ids) if token in self._ends]
            kept = ids[: ends[0]] if ends else ids
            reply = self._loaded.tokenizer.decode(
                kept, skip_special_tokens=False, clean_up_tokenization_spaces=False
            ).strip()
            found = self.response(reply, conversation, seen)
            meta = {"tokens": len(kept), "ended": "end" if ends else "length", **found.meta}
            responses.append(Response(found.text, found.masks, meta))
        return responses

    def _end_tokens(self) -> set[int]:
        """What ends a reply: by the checkpoint's generation settings, its tokenizer and the profile."""
        own = getattr(self._loaded.model.generation_config, "eos_token_id", None)
        tokenizer = self._loaded.tokenizer
        vocabulary = tokenizer.get_vocab()
        known = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
        known += [vocabulary.get(token) for token in self._profile.ends]
        return {int(token) for token in known if token is not None}

    def _greedy(self, max_new_tokens: int) -> Any:
        """Settings that leave nothing to chance, in place of the checkpoint's own.

        Whatever a call to ``generate`` leaves open, such as a penalty on repetition, is filled in from those.
        """
        from transformers import GenerationConfig

        return GenerationConfig(
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=self.encoder.pad,
        )
