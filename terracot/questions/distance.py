"""Distance: how far apart are two classes, from pixel centre to pixel centre, after opening?"""

from __future__ import annotations

from terracot.questions.phrases.distance import QUESTIONS, RULES
from terracot.questions.phrases.shared import ALSO_HERE, HERE
from terracot.questions.writer import UNIT_WORDS, Question, Writer, with_clause
from terracot.traces import Say

OPENED = "Parts narrower than three pixels are left out"


def ask(w: Writer) -> Question:
    """Word a finding of kind ``distance``."""
    a, b, unit = w.name(0), w.name(1), w.finding.truth.unit
    size = w.pixel_size()
    asked = with_clause(
        w.asked(QUESTIONS, a=a, b=b, unit=UNIT_WORDS[unit]), Say(f"{OPENED.lower()}; {size.text}", size.values)
    )
    pixels, metres = w.value("distance_px", 0, 1, unit="px distance"), w.value("distance", 0, 1, unit=unit)
    return w.question(asked, w.ground(HERE, 0), w.ground(ALSO_HERE, 1), w.say(RULES, pixels=pixels, metres=metres))
