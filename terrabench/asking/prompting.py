"""In which form a model is asked to reply: named, versioned instructions that stand below question and options.

    terrabench run ... --prompt letter | think | box-cot | none

The first two forms are those of arXiv 2603.19039 (the letter alone; reasoning and then the letter), in our own words;
``box-cot`` asks for boxes before the letter, an ablation of pixels by boxes. Without ``--prompt`` a model's own
``prompt_template`` decides, and without that "letter". ``run.json`` holds the whole text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from terracot.plugins import ModelError, Prompt


@dataclass(frozen=True)
class Template:
    """One instruction. ``version`` goes up with any change of ``text``."""

    name: str
    version: int
    text: str

    def record(self) -> dict[str, Any]:
        """Plain values for ``run.json``."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return {"name": self.name, "version": self.version, "text": self.text, "sha256": digest}


TEMPLATES = {
    template.name: template
    for template in (
        Template("letter", 1, "Reply with nothing but the letter of the right option."),
        Template(
            "think",
            1,
            "Write down how you get to the answer between <think> and </think>, "
            "then the letter of the right option, and nothing else, between <answer> and </answer>.",
        ),
        Template(
            "box-cot",
            1,
            "First give the bounding box of every region that the question is about, each with its name. "
            "Then write the letter of the right option, and nothing else, between <answer> and </answer>.",
        ),
        Template("none", 1, ""),
    )
}
"""By name; "none" is for models that bring an instruction of their own."""

DEFAULT = "letter"


def template_for(model: Any, wanted: str | None = None) -> Template:
    """The template named ``wanted``, else the model's own ``prompt_template``, else the default.

    ``ModelError`` for a name that is none of ``TEMPLATES``.
    """
    own = getattr(model, "prompt_template", None)
    name = wanted if wanted is not None else DEFAULT if own is None else own
    if not isinstance(name, str) or name not in TEMPLATES:
        where = f"prompt_template of {type(model).__name__}" if wanted is None else "--prompt"
        raise ModelError(f"{where} is {name!r}; expected one of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def instructed(prompt: Prompt, template: Template) -> Prompt:
    """The prompt with the instruction; a question without options has no letter to ask for and stays as it is."""
    return replace(prompt, instruction=template.text) if prompt.options else prompt
