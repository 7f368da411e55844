"""Chance: a uniform letter that depends on nothing but the opaque prompt id.

terrabench run --bench BENCH --model chance --out RUN
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from terracot.plugins import Prompt, Response


class Chance:
    """Answers every prompt with a uniformly random option; another run seed draws other letters."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """One letter per prompt, the same one whenever the same prompt id is asked."""
        return [Response(f"<answer>{_letter(p)}</answer>") for p in prompts]


def _letter(prompt: Prompt) -> str:
    if not prompt.letters:
        return ""
    number = int.from_bytes(hashlib.sha256(prompt.id.encode()).digest())
    return prompt.letters[number % len(prompt.letters)]
