"""Which prompts an item becomes: the reply form of the model, the control of the run, and nothing else.

This is where controls meet the benchmark: masks for clouds, partners for other images, mean images for grey ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from terrabench.asking import controls
from terrabench.asking.cloud_paint import cloud_over
from terrabench.asking.control_names import CIRCULAR, NAMES
from terrabench.asking.prompting import Template, instructed
from terrabench.asking.responses import RunError, rotations
from terrabench.asking.survey import Survey, partners
from terrabench.items import Benchmark, prompt_id
from terracot.plugins import ModelError, Prompt
from terracot.scenes import Modality

Item = dict[str, Any]

UNCHANGED = "unchanged"
NO_PARTNER = "grey image: no partner"
_NOTHING_TO_SEE = (None, CIRCULAR)
"""What a privileged model can be asked under: it measures the true masks, whatever the image shows."""


class Asked(NamedTuple):
    """One asking: ``given`` goes to the model (a Prompt or PrivilegedItem), or is None where nothing can be shown."""

    item: Item
    rotation: int
    rotations: int
    given: Any
    prompt: Prompt | None
    note: str | None


class Asking:
    """Turns items into prompts for one run. ``record()`` is its part of ``run.json``.

    ``ModelError`` for a privileged model under a control that it could not notice, ``RunError`` for an unknown control.
    """

    def __init__(
        self, bench: Benchmark, model: Any, template: Template, control: str | None, seed: int, privileged: bool
    ) -> None:
        if control is not None and control not in NAMES:
            raise RunError(f"unknown control {control!r}; expected one of {', '.join(NAMES)}")
        if privileged and control not in _NOTHING_TO_SEE:
            raise ModelError(
                f"{type(model).__name__} measures the true masks and sees no image, so {control} would change nothing; "
                f"of the controls it can be asked under {CIRCULAR} only"
            )
        self._bench, self._template, self._seed, self._privileged = bench, template, seed, privileged
        self.control = control
        self._grey_for_blind = control == "blind" and bool(getattr(model, "needs_image", False))
        self._shown: dict[str | None, Callable[[Item], tuple[Prompt | None, str | None]]] = {
            "blind": self._blind,
            "grey": lambda item: (controls.grey(self._plain(item), self._survey.greys), None),
            "other-image": self._other_image,
            "optical-only": lambda item: self._changed(
                item, lambda p: controls.only(p, (Modality.OPTICAL, Modality.MULTISPECTRAL))
            ),
            "sar-only": lambda item: self._changed(item, lambda p: controls.only(p, (Modality.SAR,))),
            "cloudy": self._cloudy,
            "rgb-only": lambda item: self._changed(item, controls.rgb_only),
            "first-and-last-date": lambda item: self._changed(item, controls.first_and_last_date),
        }

    def record(self) -> dict[str, Any]:
        """``prompt`` and ``control`` of ``run.json``; ``control`` is null for a plain run."""
        found: dict[str, Any] = {"prompt": self._template.record(), "control": None}
        if self.control is None:
            return found
        label = "blind (grey image)" if self._grey_for_blind else self.control
        about: dict[str, Any] = {"name": self.control, "label": label, "version": controls.VERSION}
        if self.control == "other-image":
            about["without_partner"] = sum(item["id"] not in self._partners for item in self._bench.items)
        if self.control == "grey" or self._grey_for_blind or about.get("without_partner"):
            about["colour"] = {str(m): list(colour) for m, colour in self._survey.greys.colour.items()}
        return found | {"control": about}

    def askings(self, item: Item) -> Iterator[tuple[Item, int]]:
        """The item with each of the rotations in which it is asked."""
        return ((item, rotation) for rotation in rotations(item, self.control))

    def place(self, item: Item) -> tuple[str, int, int]:
        """Where the image lies that is shown with an item; sorting by it reads every part of the benchmark once."""
        partner = self._partners.get(item["id"]) if self.control == "other-image" else None
        return self._bench.place(partner or item)

    def ask(self, item: Item, rotation: int) -> Asked:
        """What the model is given; ``prompt`` is None when the control leaves nothing of the item to show."""
        total = len(rotations(item, self.control))
        if self._privileged:
            whole = self._bench.privileged(item, self._seed)
            prompt = self._dressed(whole.prompt, rotation)
            return Asked(item, rotation, total, replace(whole, prompt=prompt), prompt, None)
        show = self._shown.get(self.control)
        shown, note = show(item) if show else (self._plain(item), None)
        asked = shown and self._dressed(shown, rotation)
        given = asked and replace(asked, valid=dict(asked.valid))  # what a model does to its own does not matter
        return Asked(item, rotation, total, given, asked, note)

    def _dressed(self, prompt: Prompt, rotation: int) -> Prompt:
        return instructed(controls.rotated(prompt, rotation), self._template)

    def _plain(self, item: Item) -> Prompt:
        return self._bench.prompt(item, self._seed)

    def _changed(self, item: Item, change: Callable[[Prompt], Prompt | None]) -> tuple[Prompt | None, str | None]:
        plain = self._plain(item)
        shown = change(plain)
        return shown, UNCHANGED if shown is plain else None

    def _blind(self, item: Item) -> tuple[Prompt, None]:
        plain = self._plain(item)
        return controls.grey(plain, self._survey.greys) if self._grey_for_blind else controls.without_image(plain), None

    def _other_image(self, item: Item) -> tuple[Prompt, str | None]:
        partner = self._partners.get(item["id"])
        if partner is None:
            return controls.grey(self._plain(item), self._survey.greys), NO_PARTNER
        own = prompt_id(item["id"], self._seed)
        return controls.other_image(self._plain(partner), own, item["question"], item["options"]), None

    def _cloudy(self, item: Item) -> tuple[Prompt | None, str | None]:
        regions = [mask.mask for mask in self._bench.evidence(item)]
        everywhere = np.logical_or.reduce(regions) if regions else np.zeros(self._bench.shape(item), dtype=bool)

        def change(prompt: Prompt) -> Prompt:
            # On every date: what is there on one of them mostly is there on the others.
            drawn = {t: cloud_over(everywhere, f"{item['id']}\n{t}") for t in {frame.t for frame in prompt.frames}}
            return controls.clouded(prompt, {t: cloud for t, cloud in drawn.items() if cloud is not None})

        return self._changed(item, change)

    @cached_property
    def _survey(self) -> Survey:
        return Survey.of(self._bench)

    @cached_property
    def _partners(self) -> dict[str, Item]:
        return partners(self._bench.items, self._survey.looks)
