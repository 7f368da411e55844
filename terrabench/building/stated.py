"""Stated questions as findings: what a source asks and answers itself becomes items without masks.

Answers are the source's, so nothing is filtered by what a map can show. Referring phrases are no choice among options
and give no item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from terrabench.building.found import Found
from terracot.findings import SceneFacts
from terracot.plugins import LETTERS
from terracot.scenes import Scene, Stated
from terracot.stated import REFER, StatedFinding, check_stated, finding_of

PROTOCOL = "stated"
"""Answers as the source states them, on its own authority."""


def stated_findings(facts: SceneFacts, rejected: Counter[str]) -> Iterator[tuple[Found, StatedFinding]]:
    """The stated questions of a scene that can be items; the others are counted in ``rejected``.

    ``SceneError`` for questions that cannot be asked as they stand.
    """
    scene = facts.scene
    if not scene.stated:
        return
    check_stated(scene)
    for one in scene.stated:
        refusal = _refusal(one)
        if refusal:
            rejected[f"{one.task}/{refusal}"] += 1
        else:
            yield _found(one, scene), finding_of(one)


def _refusal(one: Stated) -> str | None:
    if one.task == REFER:
        return "no_choice_among_options"
    if one.value is not None:
        return None
    options = one.options or one.words
    if len(options) > len(LETTERS):
        return "more_options_than_letters"
    if len(options) < 2:
        return "one_option_only"
    return "options_read_alike" if len({" ".join(o.split()) for o in options}) < len(options) else None


def _found(one: Stated, scene: Scene) -> Found:
    """Options come from answers to the same question, of the same task, source and split, given in the same form.

    The words of a question tell much of its answer ("more roads than airports?"), so each is balanced by itself.
    """
    asked = () if one.options else (one.question,)
    form = "published options" if one.options else "number" if one.value is not None else " / ".join(one.words)
    return Found(
        key=f"{scene.id} | {one.task} | {one.key}",
        task=one.task,
        kind=one.task,
        classes=(),
        stratum=" | ".join([one.task, scene.source, scene.split, form, *asked]),
        source=scene.source,
        scene_id=scene.id,
        group=scene.group,
        value=one.value,
        word=one.answer,
        options=one.options,
        words=one.words,
    )
