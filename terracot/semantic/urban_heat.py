"""Urban heat: is there less tree cover on and around the built-up land than in cities on average, or than cools them?

A screening rule. European cities have a tree cover of 14.9 % on average, and 30 % would cool them; canopy acts at the
scale of a city block, 60 to 90 m. Here the share of tree cover is taken once, over all land within 60 m of built-up
pixels, those included. It knows nothing of building heights, materials, weather and trees smaller than a pixel.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

BLOCK_M = 60.0
MEAN = 14.9  # per cent of tree cover, the mean of European cities
TARGET = 30.0  # per cent of tree cover, at which they would be cooler

SOURCES = (
    Source(
        "Cooling cities through urban green infrastructure: a health impact assessment of European cities",
        "T. Iungman and others",
        2023,
        "The Lancet 401, 577-589",
        "https://doi.org/10.1016/S0140-6736(22)02585-5",
        "Mean tree coverage of 93 European cities is 14.9 %; 30 % would cool them by 0.4 degrees on average.",
    ),
    Source(
        "Scale-dependent interactions between tree canopy cover and impervious surfaces reduce daytime urban heat "
        "during summer",
        "C. D. Ziter, E. J. Pedersen, C. J. Kucharik and M. G. Turner",
        2019,
        "Proceedings of the National Academy of Sciences 116, 7575-7580",
        "https://doi.org/10.1073/pnas.1817561116",
        "Daytime air temperature is substantially reduced with canopy cover of 40 % or more at the scale of a city "
        "block, 60 to 90 m.",
    ),
)

RULE = Rule(
    name="urban_heat",
    groups={"built": ("built", "road"), "tree": ("tree",)},
    quantity="surroundings_share",
    limit=MEAN,
    yes_above=False,
    parameters={"distance": BLOCK_M},
    variants=({}, {"limit": TARGET}),
    sources=SOURCES,
    questions=(
        "By the canopy rule, {built} {built:is|are} prone to heat when {tree} {tree:takes|take} up less than {limit} "
        "of all land within {distance} of {built:it|them}: is that so in {image}?",
        "{built:Is|Are} the {built} in {image} prone to heat by the canopy rule, that is, {tree:does|do} {tree} take "
        "up less than {limit} of the land up to {distance} from {built:it|them}, {built:itself|themselves} included?",
        "Does the canopy rule see a risk of heat in {image}, given that at least {limit} of the land within "
        "{distance} of the {built} has to be {tree} to rule that out?",
        "The canopy rule looks at the land within {distance} of the {built} and calls a place prone to heat if less "
        "than {limit} of that land is {tree}: is {image} prone to heat by this rule?",
        "Is less than {limit} of the zone within {distance} of the {built} in {image} covered by {tree}, which makes "
        "it prone to heat by the canopy rule?",
        "Take the canopy rule: prone to heat if {tree} {tree:makes|make} up less than {limit} of the {built} and "
        "{built:its|their} surroundings of {distance}. Does this apply to {image}?",
        "In {image}, is the share of {tree} on the land within {distance} of the {built} below {limit}, which the "
        "canopy rule takes as a sign of heat?",
        "Would you call the {built} in {image} prone to heat under the canopy rule, that is, with less than {limit} "
        "of {tree} on the land within {distance} of {built:it|them}?",
        "For the canopy rule, a place is prone to heat when the land up to {distance} from {built} has less than "
        "{limit} of {tree}. Is {image} such a place?",
        "How does the canopy rule judge {image}: {tree:does|do} {tree} fill less than {limit} of the land within "
        "{distance} of the {built}, so that the place is prone to heat?",
        "By the canopy rule, heat is to be expected where less than {limit} of the land within {distance} of {built} "
        "is {tree}; is this the case in {image}?",
        "Apply the canopy rule to {image}: {tree:does|do} {tree} take up less than {limit} of the land within "
        "{distance} of the {built}, so that the place is prone to heat?",
        "Of the land at {distance} or less from the {built} in {image}, is less than {limit} {tree}, so that the "
        "canopy rule calls it prone to heat?",
        "Suppose, as the canopy rule does, that {limit} of {tree} or more on the land around {built} keeps a place "
        "from heat. {tree:Does|Do} the {tree} within {distance} of the {built} in {image} fall short of that, so that "
        "the place is prone to heat?",
        "The canopy rule calls a place prone to heat where {tree} {tree:makes|make} up less than {limit} of the land "
        "within {distance} of {built}. Does that hold for {image}?",
        "Within {distance} of the {built} in {image}, {tree:does|do} {tree} take up less than {limit} of the land, "
        "which means that the place is prone to heat by the canopy rule?",
        "Check the canopy rule on {image}: {built:is|are} the {built} prone to heat, with less than {limit} of {tree}"
        " on the land within {distance} of {built:it|them}?",
        "What does the canopy rule say of {image}: yes, prone to heat, as less than {limit} of the land within "
        "{distance} of {built} is {tree}, or no?",
        "Is {image} prone to heat, if the canopy rule defines that as {tree} taking up less than {limit} of the land "
        "up to {distance} from {built}?",
        "Judged by the canopy rule (prone to heat when less than {limit} of the land within {distance} of {built} is "
        "{tree}), is {image} prone to heat?",
    ),
    measures=(
        "{part} of the {all:+pixel} within {distance} of the {built} {part:is|are} {tree}, which is {found}.",
        "Within {distance} of the {built} there {all:is|are} {all:+pixel}, and {part} of them {part:is|are} {tree}: "
        "{found}.",
        "The {built} and the land within {distance} have {all:+pixel}, of which {part} {part:is|are} {tree}; that is "
        "{found}.",
        "Of {all:+pixel} up to {distance} from the {built}, {part} {part:shows|show} {tree}; this makes {found}.",
        "The zone of {distance}, the {built} included, has {all:+pixel} with {part} of {tree}, a share of {found}.",
        "Counting {tree} on the land within {distance} of the {built} gives {part} of {all:+pixel}, so {found}.",
        "There {part:is|are} {part:+pixel} of {tree} in the zone of {distance}, which has {all} altogether, so the "
        "share is {found}.",
        "Around the {built}, out to {distance}, {tree} {tree:takes|take} up {part} of {all:+pixel}, or {found}.",
        "If the {built} {built:is|are} widened by {distance}, the zone has {all:+pixel}; {part} of these "
        "{part:is|are} {tree}, which is {found}.",
        "In all, the zone of {distance} covers {all:+pixel}, and {part} of these {part:is|are} {tree}: {found}.",
        "I find {tree} on {part} of the {all:+pixel} at {distance} or less from the {built}; the share is {found}.",
        "Pixels of {tree} at {distance} or less from the {built}: {part} of {all}, hence {found}.",
        "The share of {tree} in the zone of {distance} is {found}, from {part} of {all:+pixel}.",
        "Of all {all:+pixel} within {distance} of the {built}, {tree} {tree:accounts|account} for {part}, which is "
        "{found}.",
        "{found} of the land within {distance} of the {built} is {tree}: {part} of {all:+pixel}.",
        "Measured over the {all:+pixel} within {distance} of the {built}, {part} {part:is|are} {tree}. As a share "
        "this is {found}.",
        "The {built} and a margin of {distance} make {all:+pixel}, of which {part} {part:is|are} {tree}, which makes "
        "{found}.",
        "The land {distance} or less from the {built} is {tree} on {part} of its {all:+pixel}, which is {found}.",
        "Near the {built} ({distance} or less) {tree} {tree:occupies|occupy} {part} of {all:+pixel}, thus {found}.",
        "Dividing the {part:+pixel} of {tree} within {distance} of the {built} by all {all:+pixel} there gives "
        "{found}.",
    ),
    above="the place is not prone to heat by this rule",
    below="the place is prone to heat by this rule",
    left_out="building heights, materials and weather",
)
