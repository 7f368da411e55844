"""Phrasings of the question whether a class lies between two others."""

QUESTIONS = (
    "{c:Does|Do} the {c} lie between the {a} and the {b}?",
    "{c:Is|Are} there {c} on the straight line between the {a} and the {b}?",
    "Going straight from the {a} to the {b}, does one cross {c}?",
    "On the shortest way from the {a} to the {b}, {c:is|are} {c} passed?",
    "{c:Is|Are} the {c} in between where the {a} and the {b} come closest?",
    "Would the shortest straight connection of {a} and {b} run through {c}?",
    "Is the direct line from the {a} to the {b} crossed by {c}?",
    "{c:Does|Do} {c} separate the {a} from the {b} along their shortest connection?",
    "If the {a} and the {b} were joined by the shortest straight line, would it meet {c}?",
    "Look at the shortest line between {a} and {b}: {c:is|are} {c} on it?",
    "{c:Does|Do} the {c} come between {a} and {b} in {image}?",
    "Is part of the {c} on the shortest line that links the {a} with the {b}?",
    "Say whether the shortest line from {a} to {b} passes over {c}.",
    "Tell whether there {c:is|are} {c} between the {a} and the {b}, yes or no.",
    "Between the {a} and the {b}, {c:is|are} there {c} on the direct line?",
    "Draw the shortest line from the {a} to the {b}. Does it touch {c}?",
    "Must one cross {c} to get from the {a} to the {b} by the shortest straight line?",
    "{c:Does|Do} {c} stand in the way of the shortest line from {a} to {b}?",
    "Where the {a} {a:comes|come} closest to the {b}, {c:does|do} the {c} lie in between?",
    "Check the straight line at the narrowest place between {a} and {b}: does it run over {c}?",
    "Are the {a} and the {b} parted by {c} on the shortest straight line between them?",
)
LINE = (
    "The line runs straight between the centres of the two closest pixels of {a} and {b}, and parts of a class "
    "narrower than three pixels are left out.",
    "What counts is the straight line that joins the closest pixel centres of {a} and {b}; ignore all parts "
    "narrower than three pixels.",
    "Take the pixel of {a} and the pixel of {b} whose centres are closest, and the straight line between them. "
    "Parts narrower than three pixels do not count.",
    "Leave out parts narrower than three pixels, and join the two closest pixel centres of {a} and {b} by a "
    "straight line.",
    "Meant is the straight line from centre to centre of the two closest pixels, one of {a} and one of {b}, without "
    "parts narrower than three pixels.",
)
CROSSED = (
    "The two are {gap} {gap:pixel width|pixel widths} apart at the closest, and {on} of the {length} "
    "{length:pixel|pixels} of that line {on:is|are} {c}, so yes.",
    "A line over {length} {length:pixel|pixels} joins them where they are closest, {gap} {gap:pixel width|pixel "
    "widths} apart; it crosses {on} {on:pixel|pixels} of {c}. Yes.",
    "The shortest line, {gap} {gap:pixel width|pixel widths} long, passes over {length} {length:pixel|pixels}, of "
    "which {on} {on:belongs|belong} to the {c}: yes.",
    "At the narrowest place, {gap} {gap:pixel width|pixel widths} across, {on} of {length} {length:pixel|pixels} on "
    "the line {on:is|are} {c}. So yes.",
    "Of the {length} {length:pixel|pixels} on the line, which is {gap} {gap:pixel width|pixel widths} long, {on} "
    "{on:is|are} {c}; so {c:it lies|they lie} in between.",
    "The closest pixels are {gap} {gap:pixel width|pixel widths} apart. Between them the line has {on} "
    "{on:pixel|pixels} of {c} among {length}, hence yes.",
    "Along the line of {length} {length:pixel|pixels}, {on} {on:is|are} {c}, at a distance of {gap} {gap:pixel "
    "width|pixel widths} from end to end. The answer is yes.",
    "With a gap of {gap} {gap:pixel width|pixel widths}, the line takes in {length} {length:pixel|pixels} and meets "
    "{on} of {c}, which means yes.",
    "{on} {on:pixel|pixels} of {c} {on:lies|lie} on the line of {length} {length:pixel|pixels} that bridges the gap "
    "of {gap} {gap:pixel width|pixel widths}. Yes.",
    "The gap measures {gap} {gap:pixel width|pixel widths}; its line of {length} {length:pixel|pixels} has {on} of "
    "{c}, so it is crossed.",
    "Following the line of {length} {length:pixel|pixels} over the gap of {gap} {gap:pixel width|pixel widths}, I "
    "come across {on} {on:pixel|pixels} of {c}: yes.",
    "Between the closest pixels, {gap} {gap:pixel width|pixel widths} from each other, the line runs through "
    "{length} {length:pixel|pixels} and {on} of them {on:is|are} {c}. That is a yes.",
    "The direct line is {gap} {gap:pixel width|pixel widths} long and covers {length} {length:pixel|pixels}. As "
    "{on} {on:is|are} {c}, the answer is yes.",
    "I follow the shortest line, {gap} {gap:pixel width|pixel widths} long: {on} of its {length} "
    "{length:pixel|pixels} {on:is|are} {c}. Yes, {c:it comes|they come} between.",
    "Since {on} of {length} {length:pixel|pixels} on the line of length {gap} {gap:pixel width|pixel widths} "
    "{on:is|are} {c}, {c:it lies|they lie} between the two.",
    "Shortest distance: {gap} {gap:pixel width|pixel widths}. Pixels on the line: {length}. Pixels of {c} among "
    "them: {on}. So yes.",
    "There {on:is|are} {on} {on:pixel|pixels} of {c} on the line, which has {length} {length:pixel|pixels} and a "
    "length of {gap} {gap:pixel width|pixel widths}: yes.",
    "The {a} and the {b} come as close as {gap} {gap:pixel width|pixel widths}; on the {length} "
    "{length:pixel|pixels} from one to the other I find {on} of {c}. Yes.",
    "The line from {a} to {b} spans {gap} {gap:pixel width|pixel widths} and has {length} {length:pixel|pixels}, "
    "{on} of them {c}. So the {c} {c:lies|lie} in between.",
    "Counting along the line gives {length} {length:pixel|pixels}, {on} of {c} included, for a distance of {gap} "
    "{gap:pixel width|pixel widths}; yes.",
)
FREE = (
    "The two are {gap} {gap:pixel width|pixel widths} apart at the closest, and none of the {length} "
    "{length:pixel|pixels} of that line is {c}, so no.",
    "A line over {length} {length:pixel|pixels} joins them where they are closest, {gap} {gap:pixel width|pixel "
    "widths} apart; it crosses no {c}. No.",
    "The shortest line, {gap} {gap:pixel width|pixel widths} long, passes over {length} {length:pixel|pixels}, of "
    "which none belongs to the {c}: no.",
    "At the narrowest place, {gap} {gap:pixel width|pixel widths} across, none of {length} {length:pixel|pixels} on "
    "the line is {c}. So no.",
    "Of the {length} {length:pixel|pixels} on the line, which is {gap} {gap:pixel width|pixel widths} long, none is "
    "{c}; so {c:it does|they do} not lie in between.",
    "The closest pixels are {gap} {gap:pixel width|pixel widths} apart. Between them the line has no pixel of {c} "
    "among {length}, hence no.",
    "Along the line of {length} {length:pixel|pixels}, none is {c}, at a distance of {gap} {gap:pixel width|pixel "
    "widths} from end to end. The answer is no.",
    "With a gap of {gap} {gap:pixel width|pixel widths}, the line takes in {length} {length:pixel|pixels} and meets "
    "no {c}, which means no.",
    "No pixel of {c} lies on the line of {length} {length:pixel|pixels} that bridges the gap of {gap} {gap:pixel "
    "width|pixel widths}. No.",
    "The gap measures {gap} {gap:pixel width|pixel widths}; its line of {length} {length:pixel|pixels} has none of "
    "{c}, so it is not crossed.",
    "Following the line of {length} {length:pixel|pixels} over the gap of {gap} {gap:pixel width|pixel widths}, I "
    "come across no {c}: no.",
    "Between the closest pixels, {gap} {gap:pixel width|pixel widths} from each other, the line runs through "
    "{length} {length:pixel|pixels} and none of them is {c}. That is a no.",
    "The direct line is {gap} {gap:pixel width|pixel widths} long and covers {length} {length:pixel|pixels}. As "
    "none is {c}, the answer is no.",
    "I follow the shortest line, {gap} {gap:pixel width|pixel widths} long: none of its {length} "
    "{length:pixel|pixels} is {c}. No, {c:it does|they do} not come between.",
    "Since none of {length} {length:pixel|pixels} on the line of length {gap} {gap:pixel width|pixel widths} is "
    "{c}, {c:it does|they do} not lie between the two.",
    "Shortest distance: {gap} {gap:pixel width|pixel widths}. Pixels on the line: {length}. Pixels of {c} among "
    "them: none. So no.",
    "There is no pixel of {c} on the line, which has {length} {length:pixel|pixels} and a length of {gap} "
    "{gap:pixel width|pixel widths}: no.",
    "The {a} and the {b} come as close as {gap} {gap:pixel width|pixel widths}; on the {length} "
    "{length:pixel|pixels} from one to the other I find no {c}. No.",
    "The line from {a} to {b} spans {gap} {gap:pixel width|pixel widths} and has {length} {length:pixel|pixels}, "
    "none of them {c}. So the {c} {c:does|do} not lie in between.",
    "Counting along the line gives {length} {length:pixel|pixels}, none of {c} included, for a distance of {gap} "
    "{gap:pixel width|pixel widths}; no.",
)
