"""Distance: how far apart two classes are, centre to centre, after opening (published as distance measurement)."""

from __future__ import annotations

import math

from terrabench.tasks.task import Task
from terracot.options import Separation
from terracot.questions import Writer
from terracot.questions.distance import OPENED
from terracot.questions.writer import with_clause
from terracot.traces import Say

QUESTIONS = (
    "What is the shortest distance between {a} and {b}, centre to centre of the nearest pixels?",
    "How far is the nearest {b} from the {a}, measured between pixel centres?",
    "Which distance separates the {a} from the nearest {b}, from pixel centre to pixel centre?",
    "What is the minimum distance from {a} to {b}, between the centres of the closest pixels?",
)


def phrase(w: Writer) -> Say:
    """Word a distance item, with the opening and the pixel size."""
    a, b = w.names
    size = w.pixel_size()
    return with_clause(w.asked(QUESTIONS, a=a, b=b), Say(f"{OPENED.lower()}; {size.text}", size.values))


TASK = Task(
    "distance",
    phrase,
    separation=lambda measure: Separation(ratio=1.2),
    units=("m", "km"),
    pixel=lambda ground: math.sqrt(math.prod(ground.sampling)),
)
