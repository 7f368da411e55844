"""Building change: how many buildings, or which share of them, were destroyed between the first and the last date?"""

from __future__ import annotations

from terracot.questions.writer import Question, Writer

NUMBER = (
    "How many buildings were destroyed between the first and the last image?",
    "What is the number of buildings that the event destroyed?",
    "How many of the buildings in the first image are destroyed in the last one?",
    "Count the buildings that were destroyed.",
)
SHARE = (
    "Which share of the buildings was destroyed between the first and the last image, in per cent of their number?",
    "What percentage of the buildings did the event destroy?",
    "How large a share of the buildings in the first image is destroyed in the last one, by number?",
    "What part of all buildings, by number, was destroyed, in per cent?",
)
BEFORE = ("Before the event I mark each {name}:", "First each {name} before the event:")
AFTER = ("After it, each {name} is here:", "After the event I mark each {name}:")
COUNTED = ("Of {all} {all:building|buildings} that could be judged, {gone} {gone:was|were} destroyed.",)
SHARED = (
    "Of {all} {all:building|buildings} that could be judged, {gone} {gone:was|were} destroyed, which is {share}.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``building_change``."""
    number = w.finding.parameters["measure"] == "number"
    asked = w.say(NUMBER if number else SHARE)
    counts = {"all": w.value("components", 0, unit="count"), "gone": w.value("components", 1, unit="count")}
    before, after = w.ground(BEFORE, 0), w.ground(AFTER, 1)
    if number:
        return w.question(asked, before, after, w.say(COUNTED, **counts))
    return w.question(asked, before, after, w.say(SHARED, **counts, share=w.value("component_share", 1, 0, unit="%")))
