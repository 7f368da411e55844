"""How it is asked whether two classes touch, and how the answer is derived."""

from __future__ import annotations

QUESTIONS = (
    "{a:does|do} the {a} touch the {b} anywhere in {image}, even if only at a corner?",
    "{a:does|do} the {a} in {image} meet the {b} at any point, corners included?",
    "{a:does|do} the {a} border on the {b} in {image}, corners included?",
    "{a:does|do} the {a} lie right next to the {b} at any place in {image}, diagonally included?",
    "{a:does|do} the {a} have any {b} directly beside {a:it|them} in {image}, corners included?",
    "{a:is|are} the {a} adjacent to the {b} at some point of {image}, corners included?",
    "{a:is|are} the {a} in contact with the {b} anywhere in {image}, be it at an edge or a corner?",
    "{a:is|are} any {a} directly next to {b} in {image}, corners included?",
    "Do the {a} and the {b} share a border in {image}, corners included?",
    "Do the {a} and the {b} touch anywhere in {image}, where a common corner is enough?",
    "Do the {a} and the {b} have any common boundary in {image}, corners included?",
    "Do any pixels of {a} and {b} meet in {image}, at an edge or at a corner?",
    "Do pixels of {a} lie beside pixels of {b} anywhere in {image}, diagonally included?",
    "Does any pixel of {a} in {image} touch a pixel of {b}, at an edge or at a corner?",
    "Does {image} show a place where {a} and {b} touch, corners included?",
    "Is there a place in {image} where {a} and {b} meet, corners included?",
    "Is any pixel of {a} in {image} among the eight neighbours of a pixel of {b}?",
    "Can a border between {a} and {b} be found in {image}, corners included?",
    "Are there neighbouring pixels of {a} and {b} in {image}, diagonal neighbours included?",
    "Are the {a} and the {b} neighbours at any point in {image}, corners included?",
    "Is it possible to step from the {a} straight onto the {b} somewhere in {image}, diagonal steps included?",
    "Say whether the {a} and the {b} touch anywhere in {image}, corners included.",
)

_FOUND = (
    (
        "{contact:+pixel} of {a} {contact:has|have} {b} among {contact:its|their} eight neighbours, so the two ",
        ("touch.", "do not touch."),
    ),
    (
        "Of the {a}, {contact:+pixel} {contact:borders|border} on {b}: the two ",
        ("share a border.", "do not share a border."),
    ),
    (
        "A margin of one pixel around the {b} meets {contact:+pixel} of {a}: the two ",
        ("do meet.", "do not meet."),
    ),
    (
        "I count {contact:+pixel} of {a} that {contact:has|have} {b} beside {contact:it|them}, so the answer is ",
        ("yes.", "no."),
    ),
    (
        "I find {contact:+pixel} of {a} right beside {b}, diagonals included; the two ",
        ("are adjacent.", "are not adjacent."),
    ),
    (
        "The number of pixels of {a} with {b} next to them is {contact}, hence the two ",
        ("touch.", "stay apart."),
    ),
    (
        "The number of pixels of {a} that have {b} among their neighbours is {contact}, so the two ",
        ("have a border in common.", "have no border in common."),
    ),
    (
        "Looking at the eight neighbours of each pixel of {a}, I find {contact:+pixel} beside {b}, so the two ",
        ("are in contact.", "are not in contact."),
    ),
    (
        "Along the edge of the {a}, {contact:+pixel} {contact:touches|touch} {b}, so ",
        ("the regions meet.", "the regions do not meet."),
    ),
    (
        "Growing the {b} by one pixel covers {contact:+pixel} of {a}; therefore the two ",
        ("touch.", "do not touch."),
    ),
    (
        "If the {b} grew by one pixel on all sides, {contact:+pixel} of {a} would be reached: ",
        ("the two are neighbours.", "the two are not neighbours."),
    ),
    (
        "Among all pixels of {a}, {contact} {contact:has|have} {b} next to {contact:it|them}, and so the regions ",
        ("do border on each other.", "do not border on each other."),
    ),
    (
        "Searching the pixels around the {b}, I find {contact:+pixel} of {a}; so the two ",
        ("do touch.", "do not touch."),
    ),
    (
        "Comparing both masks, {contact:+pixel} of {a} {contact:lies|lie} directly beside {b}, which makes the two ",
        ("neighbours.", "separate."),
    ),
    (
        "Corners included, {contact:+pixel} of {a} {contact:touches|touch} {b}; ",
        ("so they do meet.", "so they do not meet."),
    ),
    (
        "The contact between the two comes to {contact:+pixel} of {a}, so ",
        ("there is a common border.", "there is no common border."),
    ),
    (
        "Checking every pixel of {a} for {b} among its neighbours gives {contact}: the two ",
        ("meet.", "do not meet."),
    ),
    (
        "Between the two masks, {contact:+pixel} of {a} {contact:is|are} in contact with {b}, so they ",
        ("are adjacent.", "are not adjacent."),
    ),
    (
        "With {contact:+pixel} of {a} directly next to {b}, the two ",
        ("do share a border.", "share no border."),
    ),
    (
        "As {contact:+pixel} of {a} {contact:is|are} found to touch {b}, the answer has to be ",
        ("yes.", "no."),
    ),
)
"""What is measured, and what follows where the two touch and where they do not."""

TOUCH = tuple(measured + touch for measured, (touch, _) in _FOUND)
APART = tuple(measured + apart for measured, (_, apart) in _FOUND)

LARGE_ONLY = (
    "connected patches smaller than {least} of the valid pixels do not count",
    "leave out connected patches that cover less than {least} of the valid pixels",
    "only connected patches of at least {least} of the valid pixels count",
    "patches below {least} of the valid pixels are not considered",
)
"""A clause behind the question, where small patches are left out of the evidence."""
