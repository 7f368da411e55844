"""Phrasings of the question which of two classes is nearer to a third."""

QUESTIONS = (
    "Which is nearer to the {a}, the {b} or the {c}?",
    "{b:Is|Are} the {b} or the {c} closer to the {a}?",
    "Of {b} and {c}, which comes closest to the {a}?",
    "Which of the two lies at the smaller distance from the {a}: {b} or {c}?",
    "Starting from the {a}, what is reached over the shorter distance, {b} or {c}?",
    "Compare the gaps to the {a}: is the one to the {b} smaller or the one to the {c}?",
    "Between {b} and {c}, which gets nearer to the {a} in {image}?",
    "Name the class that comes nearer to the {a}: {b} or {c}.",
    "What lies nearer to the {a} in {image}, {b} or {c}?",
    "Which has its nearest point closer to the {a}, the {b} or the {c}?",
    "Looking out from the {a}, which is the closer neighbour, {b} or {c}?",
    "From the {a}, is it a shorter way to the {b} or to the {c}?",
    "Is the shortest distance from the {a} the one to the {b} or the one to the {c}?",
    "Tell which is closer to the {a}: the {b} or the {c}.",
    "The {a} {a:is|are} nearer to one of {b} and {c} than to the other. Which one is it?",
    "Measured from the {a}, which is less far away, {b} or {c}?",
    "Starting from the {a} and going the shortest way, would you reach {b} or {c} over the smaller distance?",
    "Which class is at the smaller distance from the {a} in {image}: {b} or {c}?",
    "Decide which of {b} and {c} is the nearer one to the {a}.",
    "To which of the two {a:is|are} the {a} closer, to the {b} or to the {c}?",
    "{b:Does|Do} the {b} or the {c} come closer to the {a}?",
)
CLEAN = (
    "A distance runs in a straight line between the centres of the two closest pixels of two classes, and parts "
    "narrower than three pixels are left out.",
    "Distances are those between the closest pixel centres of two classes; parts narrower than three pixels do not "
    "count.",
    "Leave out all parts narrower than three pixels, and measure from pixel centre to pixel centre where two "
    "classes are closest.",
    "What counts is the straight distance between the closest pixel centres, without parts narrower than three pixels.",
    "The distance between two classes is the shortest one between the centres of their pixels. Parts narrower than "
    "three pixels are ignored.",
)
FOUND = (
    "The {b} {b:comes|come} within {p} {p:pixel|pixels} and the {c} within {q}, so the {d} {d:is|are} nearer.",
    "From the {a} it is {p} {p:pixel|pixels} to the {b} and {q} to the {c}; the nearer one is {d}.",
    "Where they are closest, the {b} {b:is|are} {p} {p:pixel|pixels} away and the {c} {q}. That makes the {d} closer.",
    "The smallest distance is {p} {p:pixel|pixels} for {b} and {q} for {c}, so the answer is {d}.",
    "The gap to the {b} is {p} {p:pixel|pixels}, the gap to the {c} {q}; it is smaller for the {d}.",
    "Pixel centres of {a} and {b} come as close as {p} {p:pixel|pixels}, those of {a} and {c} as close as {q}. "
    "Hence it is the {d}.",
    "Distances: {p} {p:pixel|pixels} to {b}, {q} to {c}. The shorter one leads to the {d}.",
    "I measure {p} {p:pixel|pixels} between {a} and {b}, but {q} between {a} and {c}, so the {d} {d:lies|lie} closer.",
    "{p} {p:pixel|pixels} to the {b} against {q} to the {c}: the {d} {d:is|are} the nearer of the two.",
    "With {p} {p:pixel|pixels} to the {b} and {q} {q:pixel|pixels} to the {c}, the {d} {d:is|are} closer.",
    "At the closest point the {b} {b:is|are} {p} {p:pixel|pixels} from the {a}; for the {c} this is {q}. So {d}.",
    "The {a} and the {b} are {p} {p:pixel|pixels} apart, the {a} and the {c} {q}; the smaller distance belongs to {d}.",
    "Going from the {a}, the {b} {b:begins|begin} after {p} {p:pixel|pixels}, the {c} after {q}. The {d} "
    "{d:comes|come} first.",
    "Comparing {p} {p:pixel|pixels} for the {b} with {q} for the {c} shows that the {d} {d:is|are} closer.",
    "As the {b} {b:is|are} at least {p} {p:pixel|pixels} away and the {c} {q}, the {d} {d:is|are} nearer.",
    "Closest approach: {p} {p:pixel|pixels} for the {b}, {q} for the {c}. So it is the {d}.",
    "Measured between centres, the {b} {b:is|are} {p} {p:pixel|pixels} away and the {c} {q}; therefore the {d} "
    "{d:is|are} nearer.",
    "The {a} {a:is|are} {q} {q:pixel|pixels} away from the {c} and {p} from the {b}, so the answer is the {d}.",
    "For {b} the minimum distance comes to {p} {p:pixel|pixels}, for {c} to {q}, and so the {d} {d:is|are} the "
    "closer one.",
    "It takes {p} {p:pixel|pixels} to get from the {a} to the {b} and {q} to get to the {c}, so the {d} {d:is|are} "
    "nearer.",
)
