"""How it is asked which ninth of the image has most of a class, and how the answer is derived."""

from __future__ import annotations

_GRID = " Rows are called upper, centre and lower, columns left, centre and right."

_WHICH = (
    "If {image} is divided into three by three equal parts, which one holds the largest share of the {name}?",
    "When {image} is cut into three rows and three columns of equal parts, which part has more {name} than any other?",
    "In a three by three grid of equal cells over {image}, which cell has the most {name}?",
    "With three by three equal cells laid over {image}, in which cell {name:is|are} the {name} most extensive?",
    "Among the nine equal cells of a three by three grid over {image}, which one contains the largest extent of "
    "{name}?",
    "Of nine equal parts of {image}, in three rows and three columns, which one has the most pixels of {name}?",
    "Of three by three equal parts of {image}, in which {name:does|do} the {name} take up the most pixels?",
    "Of the three by three equal parts of {image}, which comes first by its extent of {name}?",
    "Which of the nine equal parts of {image}, three by three, contains the most {name}?",
    "Which ninth of {image}, in a three by three grid of equal cells, has the largest share of the {name}?",
    "Which cell of a three by three grid of equal cells over {image} shows more {name} than each of the others?",
    "Which part of {image}, out of three by three equal ones, is covered most by {name}?",
    "In which part of {image} {name:does|do} the {name} occupy the most pixels, out of three by three equal parts?",
    "In which ninth of {image}, cut into three by three equal parts, is the largest share of the {name} found?",
    "Where is the largest share of the {name}, if {image} is split into three by three equal parts?",
    "Where in {image} {name:is|are} the {name} most extensive, on a grid of three by three equal cells?",
    "What is the part of {image} with the most {name}, on a grid of three by three equal parts?",
    "Name the part of {image} that holds the most {name}, out of three by three equal parts.",
    "Tell in which of three by three equal cells over {image} the {name} {name:takes|take} up the largest area.",
    "Give the cell with the largest extent of {name}, when {image} is divided by a three by three grid of equal cells.",
    "Find the part with the most {name}, where {image} is split into three equal rows and three equal columns.",
)
QUESTIONS = tuple(which + _GRID for which in _WHICH)

PLACES = (
    "The region has {pixels:+pixel}, and the {part} part has the most of them: {most}.",
    "The mask has {pixels:+pixel}; {most} of them {most:lies|lie} in the {part} part, more than in any other.",
    "The {part} part holds {most} of the {pixels:+pixel}, the most of all nine.",
    "The {part} part comes first, with {most} of the {pixels:+pixel} marked.",
    "The part with the most pixels, {most} of {pixels}, is the {part} one.",
    "The largest number of marked pixels in one part is {most} of {pixels}, in the {part} one.",
    "Counted by part, {most} of the {pixels:+pixel} {most:lies|lie} in the {part} one, which has the most.",
    "Counting the nine parts one by one, I find the most in the {part} one: {most} of {pixels:+pixel}.",
    "Comparing the nine parts, the {part} one leads with {most} of the {pixels:+pixel}.",
    "Compared part by part, none has more of the {pixels:+pixel} than the {part} one with its {most}.",
    "Of the {pixels:+pixel} marked, {most} {most:falls|fall} into the {part} part, and fewer into each of the others.",
    "Of {pixels:+pixel} in all, the {part} part has {most}; no other has so many.",
    "Out of {pixels:+pixel}, {most} {most:belongs|belong} to the {part} part, which has more than any other.",
    "With {most} of the {pixels:+pixel}, the {part} part has more than each of the other eight.",
    "In the {part} part I count {most} of the {pixels:+pixel}, more than anywhere else.",
    "No other part has so many of the {pixels:+pixel} as the {part} one: {most}.",
    "I count {most} of {pixels:+pixel} in the {part} part and fewer in each of the others.",
    "Among the nine parts the {part} one has the largest share, {most} of {pixels:+pixel}.",
    "Laying the grid over the mask of {pixels:+pixel}, I find that the {part} part has the most, {most}.",
    "As {most} of the {pixels:+pixel} {most:is|are} in the {part} part, it holds more than any other.",
)
