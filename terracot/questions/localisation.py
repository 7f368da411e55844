"""Localisation: which of the nine parts of the image holds most of a class?"""

from __future__ import annotations

from terracot.questions.writer import HERE, Question, Writer

GRID = " The parts are upper, centre and lower by left, centre and right."
QUESTIONS = (
    "Divide {image} into three by three equal parts. Which part holds most of the {name}?" + GRID,
    "Where is most of the {name}, if {image} is split into three by three equal parts?" + GRID,
    "Which ninth of {image} has the largest share of the {name}?" + GRID,
    "In a three by three grid over {image}, which part has most {name}?" + GRID,
)
PLACES = (
    "It has {pixels} pixels, and the {part} part has the most of them: {most}.",
    "The {part} part holds {most} of its {pixels} pixels, the most of all nine.",
    "Counted by part, {most} of its {pixels} pixels lie in the {part} one, where there are most.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``localisation``."""
    asked = w.asked(QUESTIONS, name=w.names[0])
    return w.question(
        asked,
        w.ground(HERE, 0),
        w.say(
            PLACES,
            part=w.finding.truth.text,
            pixels=w.value("pixels", 0, unit="px"),
            most=w.value("most_in_part", 0, unit="px"),
        ),
    )
