"""Phrasings that all domain rules share."""

from __future__ import annotations

GROUND = (
    "Here I mark the {name}:",
    "The rule looks at the {name}, marked here:",
    "The {name} {name:is|are} marked here:",
    "The rule needs the {name}, which I mark here:",
    "The rule concerns the {name}, which I mark:",
    "Let me mark the {name}:",
    "The pixels of the {name} are these:",
    "To apply the rule I segment the {name}:",
    "This mask holds the {name}:",
    "I find the {name} here:",
    "This is the mask of the {name}:",
    "I mark everything that is labelled {name}:",
    "Now I mark the {name}:",
    "The {name} {name:takes|take} up these pixels:",
    "I trace the outline of the {name}:",
    "Here is the extent of the {name}:",
    "I outline the {name}:",
    "The {name} can be seen here:",
    "I select all pixels of the {name}:",
    "For the {name} I get this region:",
)
"""Grounding steps, in any order of the masks."""

REACHED = (
    "{found} reaches the limit of {limit}, so {verdict}.",
    "The limit is {limit}, and {found} is not below it, so {verdict}.",
    "As {found} is at least {limit}, {verdict}.",
    "Since {found} is no less than {limit}, {verdict}.",
    "The rule draws the line at {limit}; with {found} that line is reached, so {verdict}.",
    "Next to the limit of {limit}, {found} is the higher value, so {verdict}.",
    "Because {found} is above {limit}, {verdict}.",
    "The limit of {limit} is passed by {found}, hence {verdict}.",
    "At {found}, the value is more than {limit}; therefore {verdict}.",
    "With {found} the limit of {limit} is exceeded, which means that {verdict}.",
    "Compared with {limit}, {found} is higher, so {verdict}.",
    "With {found}, the threshold of {limit} is met; it follows that {verdict}.",
    "Now {found} exceeds {limit}, and so {verdict}.",
    "The rule puts its limit at {limit}, and the value found is {found}, so {verdict}.",
    "Measured against the limit of {limit}, {found} is on the upper side, so {verdict}.",
    "The rule asks for {limit}, and {found} reaches that: {verdict}.",
    "We have {found} where the limit is {limit}, so the limit is reached and {verdict}.",
    "The value of {found} is greater than {limit}; hence {verdict}.",
    "A value of {found} is over the limit of {limit}; thus {verdict}.",
    "Comparing {found} with {limit}, I see that the limit is exceeded, so {verdict}.",
)
"""The limit is reached; ``{verdict}`` is a clause."""

MISSED = (
    "{found} does not reach the limit of {limit}, so {verdict}.",
    "The limit is {limit}, and {found} is below it, so {verdict}.",
    "As {found} is less than {limit}, {verdict}.",
    "Since {found} falls short of {limit}, {verdict}.",
    "The rule draws the line at {limit}; with {found} that line is not reached, so {verdict}.",
    "Next to the limit of {limit}, {found} is the lower value, so {verdict}.",
    "Because {found} is below {limit}, {verdict}.",
    "{found} against a limit of {limit}: the limit is not met, hence {verdict}.",
    "At {found}, the value is less than {limit}; therefore {verdict}.",
    "With {found} the value stays under the limit of {limit}, which means that {verdict}.",
    "Compared with {limit}, {found} is lower, so {verdict}.",
    "With {found}, the threshold of {limit} is not met; it follows that {verdict}.",
    "Now {found} falls below {limit}, and so {verdict}.",
    "The rule puts its limit at {limit}, but the value found is only {found}, so {verdict}.",
    "Measured against the limit of {limit}, {found} is on the lower side, so {verdict}.",
    "The rule asks for {limit}, and {found} does not reach that: {verdict}.",
    "We have {found} where the limit is {limit}, so the limit is not reached and {verdict}.",
    "The value of {found} is smaller than {limit}; hence {verdict}.",
    "A value of {found} is under the limit of {limit}; thus {verdict}.",
    "Comparing {found} with {limit}, I see that the limit is not reached, so {verdict}.",
)
"""The limit is missed."""

CLAUSE = (
    "a screening by land cover alone, without {left_out}",
    "this screening looks at land cover only, not at {left_out}",
    "screening rule on land cover, which leaves out {left_out}",
    "only land cover is judged; {left_out} are left aside",
    "land cover alone decides; {left_out} do not count",
    "a first screening from land cover, blind to {left_out}",
    "{left_out} are not considered, since this is a screening by land cover",
    "judge by land cover alone and leave out {left_out}",
    "as a screening by land cover, this ignores {left_out}",
    "no more than a land-cover screening: {left_out} are not considered",
    "the screening uses land cover and takes no account of {left_out}",
    "land cover is all that counts in this screening; {left_out} are left out",
    "{left_out} play no part in this land-cover screening",
    "a simple screening of land cover that takes no account of {left_out}",
    "this looks at land cover but not at {left_out}",
    "as a screening, this considers land cover and ignores {left_out}",
    "screen by land cover only, setting {left_out} aside",
    "nothing but land cover enters the screening, so {left_out} do not count",
    "disregard {left_out}, since only land cover is screened",
    "a land-cover screening that does not account for {left_out}",
)
"""What every question says in brackets; ``{left_out}`` is a plural."""
