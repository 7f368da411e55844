"""Distance: how far apart are two classes, from pixel centre to pixel centre, after opening?"""

from __future__ import annotations

from terracot.questions.writer import ALSO_HERE, HERE, Question, Writer, with_clause
from terracot.traces import Say

QUESTIONS = (
    "What is the shortest distance between {a} and {b}, centre to centre of the nearest pixels?",
    "How far is the nearest {b} from the {a}, measured between pixel centres?",
    "How many metres separate the {a} from the nearest {b}, from pixel centre to pixel centre?",
    "What is the minimum distance from {a} to {b}, between the centres of the closest pixels?",
)
OPENED = "Parts narrower than three pixels are left out"
RULES = (
    "Where the two are closest, their pixel centres are {pixels} pixels apart, which is {metres} on the ground.",
    "The closest pixel centres are {pixels} pixels from each other; at the given pixel size that makes {metres}.",
    "The smallest centre-to-centre distance is {pixels} pixels, so {metres}.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``distance``."""
    a, b = w.names
    size = w.pixel_size()
    asked = with_clause(w.asked(QUESTIONS, a=a, b=b), Say(f"{OPENED.lower()}; {size.text}", size.values))
    pixels = w.value("distance_px", 0, 1, unit="px distance")
    metres = w.value("distance", 0, 1, unit=w.finding.truth.unit)
    return w.question(asked, w.ground(HERE, 0), w.ground(ALSO_HERE, 1), w.say(RULES, pixels=pixels, metres=metres))
