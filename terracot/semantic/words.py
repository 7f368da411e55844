"""Phrasings that all domain rules share."""

from __future__ import annotations

GROUND = (
    "Here I mark the {name}:",
    "This is where the {name} {name:lies|lie}:",
    "Pixel by pixel, the {name} {name:is|are} here:",
    "The rule needs the {name}, which I mark here:",
    "One of the parts is the {name}:",
    "Let me mark the {name}:",
    "The pixels of the {name} are these:",
    "To apply the rule I segment the {name}:",
    "What counts as {name} is this:",
    "I find the {name} here:",
    "The mask of the {name}:",
    "Everything that is labelled {name}:",
    "Now the {name} {name:is|are} marked:",
    "The {name} {name:takes|take} up these pixels:",
    "I trace the outline of the {name}:",
    "The extent of the {name} is as follows:",
    "With the {name} in view, I mark {name:it|them}:",
    "The {name} can be seen here:",
    "I select all pixels of the {name}:",
    "For the {name} I get this region:",
)
"""Grounding steps, in any order of the masks."""

REACHED = (
    "{found} reaches the limit of {limit}, so {verdict}.",
    "The limit is {limit} and {found} is not below it: {verdict}.",
    "As {found} is at least {limit}, {verdict}.",
    "Since {found} is no less than {limit}, {verdict}.",
    "The rule draws the line at {limit}; with {found} that line is reached, so {verdict}.",
    "Held against the limit of {limit}, {found} is enough: {verdict}.",
    "Because {found} is above {limit}, {verdict}.",
    "{found} against a limit of {limit}: the limit is passed, hence {verdict}.",
    "That is more than {limit}, since it is {found}; therefore {verdict}.",
    "With {found} the limit of {limit} is exceeded, which means that {verdict}.",
    "Compared with {limit}, {found} lies above, so {verdict}.",
    "The threshold of {limit} is met by {found}; it follows that {verdict}.",
    "Now {found} exceeds {limit}, and so {verdict}.",
    "The rule puts its limit at {limit}; the value found is {found}: {verdict}.",
    "Measured by the limit of {limit}, {found} lies on the upper side; so {verdict}.",
    "It takes {limit} to reach the limit, and {found} does: {verdict}.",
    "We have {found} where {limit} is the limit, so it is reached and {verdict}.",
    "{found} is greater than {limit}; hence {verdict}.",
    "Given the limit of {limit}, a value of {found} is over it, thus {verdict}.",
    "The comparison of {found} with {limit} is clear: it is above, so {verdict}.",
)
"""The limit is reached; ``{verdict}`` is a clause."""

MISSED = (
    "{found} does not reach the limit of {limit}, so {verdict}.",
    "The limit is {limit} and {found} is below it: {verdict}.",
    "As {found} is less than {limit}, {verdict}.",
    "Since {found} falls short of {limit}, {verdict}.",
    "The rule draws the line at {limit}; with {found} that line is not reached, so {verdict}.",
    "Held against the limit of {limit}, {found} is not enough: {verdict}.",
    "Because {found} is below {limit}, {verdict}.",
    "{found} against a limit of {limit}: the limit is missed, hence {verdict}.",
    "That is less than {limit}, since it is {found}; therefore {verdict}.",
    "With {found} the value stays under the limit of {limit}, which means that {verdict}.",
    "Compared with {limit}, {found} lies below, so {verdict}.",
    "The threshold of {limit} is not met by {found}; it follows that {verdict}.",
    "Now {found} is short of {limit}, and so {verdict}.",
    "The rule puts its limit at {limit}; the value found is only {found}: {verdict}.",
    "Measured by the limit of {limit}, {found} lies on the lower side; so {verdict}.",
    "It takes {limit} to reach the limit, and {found} does not: {verdict}.",
    "We have {found} where {limit} is the limit, so it is missed and {verdict}.",
    "{found} is smaller than {limit}; hence {verdict}.",
    "Given the limit of {limit}, a value of {found} is under it, thus {verdict}.",
    "The comparison of {found} with {limit} is clear: it is below, so {verdict}.",
)
"""The limit is missed."""

CLAUSE = (
    "a screening by land cover alone, without {left_out}",
    "this screening looks at land cover only, not at {left_out}",
    "screening rule on land cover, which leaves out {left_out}",
    "only land cover is judged; {left_out} are left aside",
    "land cover alone decides, {left_out} do not count",
    "a first screening from land cover, blind to {left_out}",
    "{left_out} are not looked at, since this is a screening by land cover",
    "judge by land cover alone and leave out {left_out}",
    "as a screening on land cover this ignores {left_out}",
    "no more than a land-cover screening: {left_out} are not considered",
    "the screening uses land cover and nothing of {left_out}",
    "land cover is all that counts in this screening, {left_out} stay out of it",
    "{left_out} play no part in this land-cover screening",
    "a simple screening of land cover, in which {left_out} have no say",
    "this looks at land cover but not at {left_out}",
    "being a screening, it takes in land cover and passes over {left_out}",
    "screen by land cover, {left_out} aside",
    "nothing but land cover enters the screening, so {left_out} do not",
    "disregard {left_out}, since only land cover is screened",
    "a land-cover screening that says nothing of {left_out}",
)
"""What every question says in brackets; ``{left_out}`` is a plural."""
