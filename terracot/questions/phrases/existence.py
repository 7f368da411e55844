"""How it is asked whether a class occurs, and how the answer is derived."""

from __future__ import annotations

QUESTIONS = (
    "Does {image} contain any {name}?",
    "Does {image} show any {name}?",
    "Does {image} include an area of {name}?",
    "Does {image} have any pixels of {name}?",
    "Does any part of {image} show {name}?",
    "Do any pixels of {image} belong to {name}?",
    "Do you see any {name} in {image}?",
    "{name:does|do} {name} occur anywhere in {image}?",
    "{name:does|do} {name} appear in {image}?",
    "{name:is|are} {name} present in {image}?",
    "{name:is|are} any {name} visible in {image}?",
    "{name:is|are} {name} among the classes that {image} shows?",
    "Is any part of {image} covered by {name}?",
    "Is at least one pixel of {image} covered by {name}?",
    "Is there a place in {image} that is covered by {name}?",
    "Can {name} be seen in {image}?",
    "Can any {name} be found in {image}?",
    "Are there any pixels of {name} in {image}?",
    "Yes or no: does {image} show {name}?",
    "Say whether {image} contains {name}.",
    "Decide whether any {name} can be seen in {image}.",
    "Tell whether {name} {name:occurs|occur} anywhere in {image}.",
)

LOOKS = (
    "I look for {name}:",
    "First I look for any {name}:",
    "Let me look for {name} everywhere:",
    "I search the image for {name}:",
    "I go through the image in search of {name}:",
    "I check every pixel for {name}:",
    "I check where {name} could be:",
    "To answer, I mark whatever counts as {name}:",
    "Let me segment whatever is covered by {name}:",
    "Let me mark any {name} that can be found:",
    "Let me see whether any pixel shows {name}:",
    "I mark every pixel of {name}:",
    "I collect the pixels of {name}:",
    "I outline what belongs to {name}:",
    "Wherever {name} {name:occurs|occur}, I mark {name:it|them}:",
    "If {name} {name:occurs|occur}, this mask shows where:",
    "The search for {name} gives this mask:",
    "Searching the image for {name}, I get this mask:",
    "This mask holds all that is covered by {name}:",
    "The mask of {name} is this one:",
    "Here is the mask of {name}:",
)

_FOUND = (
    (
        "The mask holds {pixels} of the {valid:+pixel} of known class, so {name} {name:is|are} ",
        ("present.", "absent."),
    ),
    (
        "The region has {pixels:+pixel} out of {valid} of known class, so the image ",
        ("does contain {name}.", "does not contain {name}."),
    ),
    (
        "Of the {valid:+pixel} whose class is known, {pixels} {pixels:belongs|belong} to {name}: ",
        ("{name:it occurs|they occur} here.", "{name:it does|they do} not occur here."),
    ),
    (
        "{pixels} of {valid:+pixel} of known class {pixels:is|are} covered by {name}, so the answer is ",
        ("yes.", "no."),
    ),
    (
        "That makes {pixels} of the {valid:+pixel} of known class; the image shows ",
        ("{name}.", "no {name}."),
    ),
    (
        "With {pixels} of the {valid:+pixel} of known class in the mask, {name} ",
        ("can be seen.", "cannot be seen."),
    ),
    (
        "The number of pixels of {name} is {pixels}, out of {valid} of known class, hence ",
        ("{name:it is|they are} present.", "{name:it is|they are} absent."),
    ),
    (
        "Counting the mask gives {pixels:+pixel}; the image has {valid} of known class. So {name} ",
        ("{name:does|do} occur.", "{name:does|do} not occur."),
    ),
    (
        "Its size is {pixels} of {valid:+pixel} of known class, which means that {name} ",
        ("{name:appears|appear} in the image.", "{name:does|do} not appear in the image."),
    ),
    (
        "Among {valid:+pixel} of known class I find {pixels} of {name}, so the image ",
        ("includes {name:it|them}.", "does not include {name:it|them}."),
    ),
    (
        "I count {pixels:+pixel} of {name} among the {valid} whose class is known: ",
        ("the class is present.", "the class is absent."),
    ),
    (
        "It comes to {pixels} of the {valid:+pixel} of known class, which shows that {name} ",
        ("{name:is|are} here.", "{name:is|are} not here."),
    ),
    (
        "The image has {valid:+pixel} of known class, of which {pixels} {pixels:shows|show} {name}; so the class ",
        ("occurs.", "does not occur."),
    ),
    (
        "The mask covers {pixels} of {valid:+pixel} of known class, and therefore ",
        ("{name} can be found.", "no {name} can be found."),
    ),
    (
        "The image has {valid:+pixel} of known class, and {name} {name:occupies|occupy} {pixels} of them: ",
        ("the class does occur.", "the class does not occur."),
    ),
    (
        "All in all, {pixels} of the {valid:+pixel} of known class {pixels:is|are} {name}, so ",
        ("the class is among those shown.", "the class is not among those shown."),
    ),
    (
        "{name} {name:takes|take} up {pixels} of the {valid:+pixel} of known class, and so ",
        ("{name:is|are} present.", "{name:is|are} not present."),
    ),
    (
        "The count is {pixels} out of {valid:+pixel} of known class, so ",
        ("some pixels do show {name}.", "not a single pixel shows {name}."),
    ),
    (
        "Measured against {valid:+pixel} of known class, the mask has {pixels}; hence ",
        ("the image contains {name}.", "the image contains no {name}."),
    ),
    (
        "What I marked amounts to {pixels} of {valid:+pixel} of known class, so ",
        ("there is a place that shows {name}.", "there is no place that shows {name}."),
    ),
)
"""What is measured, and what follows where there is any of the class and where there is none."""

PRESENT = tuple(measured + present for measured, (present, _) in _FOUND)
ABSENT = tuple(measured + absent for measured, (_, absent) in _FOUND)
