"""What steps of many kinds are worded with: regions, the option chosen, and what a valid pixel is."""

from __future__ import annotations

HERE = (
    "Here I mark the {name}:",
    "I mark the {name}:",
    "I outline the {name}:",
    "I segment the {name}:",
    "I locate the {name}:",
    "Let me mark the {name}:",
    "Let me segment the {name}:",
    "First I mark the {name}:",
    "First I outline the {name}:",
    "To begin, I segment the {name}:",
    "I begin by marking the {name}:",
    "{name:this is|these are} the {name}:",
    "{name:here is|here are} the {name}:",
    "The {name} {name:is|are} here:",
    "The {name} {name:lies|lie} here:",
    "The {name} {name:occupies|occupy} this region:",
    "The following region shows the {name}:",
    "The region labelled {name} is this one:",
    "This mask covers the {name}:",
    "The mask of the {name} is this one:",
)
"""Phrasings of a grounding step."""

ALSO_HERE = (
    "Next I mark the {name}:",
    "Then I mark the {name}:",
    "Now I mark the {name}:",
    "I also mark the {name}:",
    "I go on to mark the {name}:",
    "Next I outline the {name}:",
    "Then I segment the {name}:",
    "After that, I outline the {name}:",
    "Likewise I segment the {name}:",
    "In the same way, I mark the {name}:",
    "Let me mark the {name} as well:",
    "Let me turn to the {name}:",
    "Now for the {name}:",
    "As for the {name}, {name:it is|they are} here:",
    "The {name}, in turn, {name:is|are} here:",
    "The {name} {name:is|are} to be found here:",
    "And {name:this is|these are} the {name}:",
    "Another region shows the {name}:",
    "The next region shows the {name}:",
    "The next mask covers the {name}:",
)
"""Phrasings of a grounding step after the first."""

LETTER = (
    "So the answer is option {letter}.",
    "So option {letter} is right.",
    "So option {letter} is the right one.",
    "So I choose option {letter}.",
    "Hence the answer is option {letter}.",
    "Hence option {letter} is correct.",
    "Therefore option {letter} is the answer.",
    "Therefore I pick option {letter}.",
    "Thus the right choice is option {letter}.",
    "Thus option {letter} holds.",
    "This is option {letter}.",
    "This makes option {letter} the answer.",
    "This agrees with option {letter}.",
    "This points to option {letter}.",
    "That is option {letter}.",
    "Among the options, {letter} is the right one.",
    "Of the options given, {letter} is correct.",
    "Option {letter} is the one that agrees.",
    "Option {letter} matches this.",
    "The option that fits is {letter}.",
)
"""Phrasings of the last step of a question with options."""

VALID = "Valid pixels are those whose class is known."
"""What "valid pixels" are, for every question that speaks of them."""
