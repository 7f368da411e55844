"""Phrasings of the question along which share of its border a class runs beside another."""

QUESTIONS = (
    "What share of the border of the {a} runs along {b}, in per cent?",
    "What percentage of the border pixels of the {a} touch {b}?",
    "How much of the border of the {a} is shared with {b}, in per cent?",
    "Along what percentage of {a:its|their} border {a:does|do} the {a} have {b} next to {a:it|them}?",
    "In per cent, how much of the outer edge of the {a} lies beside {b}?",
    "Of the border pixels of the {a}, what percentage have {b} next to them?",
    "Following the border of the {a}, at what percentage of the border pixels do you find {b} next to it?",
    "How large is the part of the border of the {a} that faces {b}, in per cent?",
    "To what extent {a:is|are} the {a} bordered by {b}, as a percentage of the border?",
    "What share of the outline of the {a} is in contact with {b}, in per cent?",
    "Give the percentage of the border of the {a} that adjoins {b}.",
    "State what percentage of the edge of the {a} meets {b}.",
    "Over what percentage of {a:its|their} border {a:does|do} the {a} adjoin {b}?",
    "Express in per cent how much of the border of the {a} is shared with {b}.",
    "What part of the rim of the {a} touches {b}, in per cent?",
    "Looking only at the border of the {a}, what percentage of it adjoins {b}?",
    "Along the whole border of the {a}, on what percentage of the pixels is {b} directly beside?",
    "What percentage of the border of the {a} is lined by {b}?",
    "Measure the border of the {a} in pixels: what percentage of them has {b} as a neighbour?",
    "If the border pixels of the {a} are counted, what percentage of them is next to {b}?",
    "What is the share of border pixels with {b} beside them in the whole border of the {a}, in per cent?",
)
RIM = (
    "Border pixels of a class are those with a pixel of another class among their eight neighbours; the image edge "
    "and pixels without a class make no border.",
    "The border is made of all pixels of {a} that have some other class among their eight neighbours; neither the "
    "edge of the image nor pixels without a class count as one.",
    "A pixel of {a} is on the border when any of its eight neighbours has another class, and it is beside {b} when "
    "any of them is {b}. Neither the image edge nor pixels without a class count.",
    "Neighbours are the eight pixels around a pixel. The border has all pixels of {a} next to another class, so not "
    "those that only meet the image edge or pixels without a class.",
    "A pixel of {a} is a border pixel if at least one of its eight neighbours has another class; the edge of the "
    "image and pixels without a class make no border.",
)
FOUND = (
    "The {a} {a:has|have} {all} border {all:pixel|pixels}, and {on} of them {on:has|have} {b} as a neighbour: {share}.",
    "Of {all} border {all:pixel|pixels}, {on} {on:lies|lie} beside {b}, which is {share}.",
    "I count {all} {all:pixel|pixels} on the border and {b} next to {on} of them, so {share}.",
    "{on} of the {all} border {all:pixel|pixels} {on:touches|touch} {b}; that makes {share}.",
    "The border comes to {all} {all:pixel|pixels}, of which {on} {on:is|are} next to {b}. That is {share}.",
    "With {all} border {all:pixel|pixels} in all and {on} beside {b}, the share is {share}.",
    "{b} {b:adjoins|adjoin} {on} of {all} border {all:pixel|pixels}, hence {share}.",
    "Dividing {on} {on:pixel|pixels} beside {b} by {all} on the whole border gives {share}.",
    "Along the border, which has {all} {all:pixel|pixels}, {on} {on:is|are} next to {b}, which is {share}.",
    "In all, {all} {all:pixel|pixels} of {a} {all:lies|lie} next to another class, and {on} next to {b}, or {share}.",
    "The whole border has {all} {all:pixel|pixels} and the stretch along {b} has {on}, so the answer is {share}.",
    "There {all:is|are} {all} border {all:pixel|pixels}; {on} of these {on:meets|meet} {b}, in other words {share}.",
    "The border has {all} {all:pixel|pixels}, and {on} of them {on:is|are} beside {b}, so the share is {share}.",
    "Among {all} border {all:pixel|pixels} of {a} I find {on} with {b} as a neighbour, i.e. {share}.",
    "{all} {all:pixel|pixels} of {a} {all:forms|form} the border. As {on} of them {on:touches|touch} {b}, it is "
    "{share}.",
    "Out of {all} {all:pixel|pixels} along the border, {on} {on:faces|face} {b}. This equals {share}.",
    "The contact with {b} extends over {on} of {all} border {all:pixel|pixels}, that is {share}.",
    "Following the border over {all} {all:pixel|pixels}, I meet {b} at {on} of them, thus {share}.",
    "{on} {on:pixel|pixels} of contact with {b} on a border of {all} {on:amounts|amount} to {share}.",
    "Since {on} of the {all} border {all:pixel|pixels} {on:is|are} beside {b}, the share comes to {share}.",
)
