"""Water access: does at least half of the built-up land lie within the Sphere distance of open water?

A screening rule. The Sphere standards put the nearest water point at most 500 m from any household; here open inland
water of the land-cover map stands for water points. That half of the built-up land is enough is our own convention. It
knows nothing of wells, pipes, rights and the quality of the water: a place that fails may be well supplied, and one
that passes may have nothing to drink.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

REACH_M = 500.0
LIMIT = 50.0  # per cent of the built-up land; ours

SOURCES = (
    Source(
        "The Sphere Handbook: Humanitarian Charter and Minimum Standards in Humanitarian Response, fourth edition",
        "Sphere Association",
        2018,
        "Geneva: Sphere Association",
        "https://www.spherestandards.org/handbook/",
        "Water supply standard on access and water quantity: from any household to the nearest water point it is less"
        " than 500 m.",
    ),
)

RULE = Rule(
    name="water_access",
    groups={"built": ("built",), "water": ("water",)},
    quantity="near_share",
    limit=LIMIT,
    parameters={"distance": REACH_M},
    sources=SOURCES,
    questions=(
        "By the Sphere distance rule, {built} {built:has|have} access to water when at least {limit} of "
        "{built:it|them} {built:lies|lie} within {distance} of {water}: is that so in {image}?",
        "{image} shows {built} and {water}: by the Sphere distance rule, is there access to water, which means "
        "{distance} or less to {water} for at least {limit} of the {built}?",
        "{built:Does|Do} the {built} in {image} pass the Sphere distance rule for access to water, with at least "
        "{limit} of {built:its|their} pixels within {distance} of the {water}?",
        "{water:Is|Are} {water} within {distance} of at least {limit} of the {built} in {image}, as the Sphere "
        "distance rule requires for access to water?",
        "Under the Sphere distance rule, access to water holds where {limit} or more of the {built} {built:is|are} at"
        " most {distance} away from {water}. Does it hold in {image}?",
        "In {image}, {built:is|are} {limit} or more of the {built} close enough to {water} for the Sphere distance "
        "rule, that is, no more than {distance} away?",
        "The walk from {built} to {water} should be {distance} or less for at least {limit} of the {built}, says the "
        "Sphere distance rule. {built:Does|Do} the {built} in {image} have access to water in this sense?",
        "Take the Sphere distance rule for access to water: {limit} or more of the {built} within {distance} of "
        "{water}. Is it fulfilled in {image}?",
        "Does the Sphere distance rule find that the {built} in {image} {built:has|have} access to water, given that "
        "it requires {limit} or more of {built:it|them} to lie within {distance} of {water}?",
        "Apply the Sphere distance rule to {image}: {built:does|do} at least {limit} of the {built} lie within "
        "{distance} of {water} and so have access to water?",
        "For at least {limit} of the {built} in {image}, {water:is|are} the {water} {distance} away or less, which "
        "the Sphere distance rule calls access to water?",
        "Check access to water in {image} by the Sphere distance rule: does the zone of {distance} around the {water}"
        " hold {limit} or more of the {built}?",
        "When {distance} is the farthest that {water} may be, and {limit} of the {built} the least that has to be "
        "served, does {image} have access to water by the Sphere distance rule?",
        "How does the Sphere distance rule judge {image}: {built:is|are} {limit} or more of the {built} within "
        "{distance} of {water}, so that there is access to water?",
        "Access to water by the Sphere distance rule needs {limit} of the {built} or more at {distance} or less from "
        "{water}; does {image} reach this?",
        "Does {image} give access to water, if the Sphere distance rule requires that no less than {limit} of the "
        "{built} {built:lies|lie} within {distance} of {water}?",
        "What does the Sphere distance rule say of {image}: yes, access to water, as at least {limit} of the {built} "
        "{built:is|are} within {distance} of {water}, or no?",
        "Judged by the Sphere distance rule (access to water when {limit} or more of the {built} {built:is|are} "
        "within {distance} of {water}), does {image} pass?",
        "Suppose, as the Sphere distance rule does, that {water} at a distance of {distance} or less can be reached. "
        "Can {limit} or more of the {built} in {image} be served?",
        "Of the {built} in {image}, does a share of {limit} or more have access to water in the sense of the Sphere "
        "distance rule, which means {water} within {distance}?",
    ),
    measures=(
        "{part} of the {all:+pixel} of {built} {part:has|have} {water} within {distance}, which is {found}.",
        "Within {distance} of the {water} I count {part} of the {all:+pixel} of {built}: {found}.",
        "From {part} of {all:+pixel} of {built} it is {distance} or less to the {water}, that is {found}.",
        "Of {all:+pixel} of {built}, {part} {part:is|are} no farther than {distance} from the {water}; this makes "
        "{found}.",
        "The reach of {distance} around the {water} takes in {part} of the {all:+pixel} of {built}, a share of "
        "{found}.",
        "Counting pixels of {built} up to {distance} from the {water} gives {part} of {all}, so {found}.",
        "There {part:is|are} {part:+pixel} of {built} in reach of the {water} ({distance}), of {all} altogether: "
        "{found}.",
        "The {water} can be reached in {distance} from {part} of the {all:+pixel} of {built}, or {found}.",
        "If the {water} {water:is|are} widened by {distance}, {part} of the {all:+pixel} of {built} {part:falls|fall}"
        " inside, {found} of them.",
        "In all, {built} {built:takes|take} up {all:+pixel}, and {part} of these {part:is|are} within {distance} of "
        "the {water}: {found}.",
        "I find {part} of {all:+pixel} of {built} near enough, meaning {distance} or less from the {water}; the share"
        " is {found}.",
        "Pixels of {built} served by {water} within {distance}: {part} of {all}, hence {found}.",
        "The share of {built} with {water} within {distance} is {found}, from {part} of {all:+pixel}.",
        "Walking {distance} from the {water}, one gets to {part} of the {all:+pixel} of {built}, equal to {found}.",
        "{found} of the {built} {built:is|are} within {distance} of the {water}: {part} of {all:+pixel}.",
        "Measured from the {water}, {part} of {all:+pixel} of {built} {part:falls|fall} within {distance}. As a share"
        " this is {found}.",
        "Around the {water}, up to {distance} away, there {part:is|are} {part} of the {all:+pixel} of {built}, which "
        "makes {found}.",
        "The way to the {water} is {distance} or shorter for {part} of the {all:+pixel} of {built}, {found} in all.",
        "Near the {water} ({distance} or less) {part:lies|lie} {part} of the {all:+pixel} of {built}, thus {found}.",
        "Dividing the {part:+pixel} of {built} within {distance} of the {water} by all {all} gives {found}.",
    ),
    above="the {built} {built:has|have} access to water by this rule",
    below="the {built} {built:has|have} no access to water by this rule",
    left_out="wells, pipes and water quality",
)
