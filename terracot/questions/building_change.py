"""Building change: how many buildings, or which share of them, were destroyed between the first and the last date?"""

from __future__ import annotations

from terracot.questions.phrases.building_change import AFTER, BEFORE, COUNTED, NUMBER, SHARE, SHARED
from terracot.questions.writer import Question, Writer


def ask(w: Writer) -> Question:
    """Word a finding of kind ``building_change``."""
    number = w.finding.parameters["measure"] == "number"
    asked = w.say(NUMBER if number else SHARE)
    counts = {"all": w.value("components", 0, unit="count"), "gone": w.value("components", 1, unit="count")}
    before, after = w.ground(BEFORE, 0), w.ground(AFTER, 1)
    if number:
        return w.question(asked, before, after, w.say(COUNTED, **counts))
    return w.question(asked, before, after, w.say(SHARED, **counts, share=w.value("component_share", 1, 0, unit="%")))
