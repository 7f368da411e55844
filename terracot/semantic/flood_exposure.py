"""Flood exposure: does a tenth (or a quarter) of the built-up land lie in the set-back zone along water?

A screening rule. The zone of 100 m is that in which the Mediterranean coastal protocol keeps new buildings away from
the shore; here it is laid around all water of the land-cover map. The limits of a tenth and a quarter are our own
convention. It knows nothing of terrain, defences and water levels: land within the zone may never be flooded, and land
outside of it may be.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

ZONE_M = 100.0
LIMIT = 10.0  # per cent of the built-up land; ours
HIGHER_LIMIT = 25.0  # ours as well

SOURCES = (
    Source(
        "Protocol on Integrated Coastal Zone Management in the Mediterranean",
        "Contracting Parties to the Barcelona Convention",
        2008,
        "United Nations Environment Programme, Mediterranean Action Plan",
        "https://www.informea.org/en/node/77747/text",
        "Article 8-2: in coastal zones, a zone at least 100 m wide from the winter waterline where construction is "
        "not allowed, also in view of areas affected by climate change and natural risks.",
    ),
)

RULE = Rule(
    name="flood_exposure",
    groups={"built": ("built",), "water": ("water", "sea")},
    quantity="near_share",
    limit=LIMIT,
    parameters={"distance": ZONE_M},
    variants=({}, {"limit": HIGHER_LIMIT}),
    sources=SOURCES,
    questions=(
        "By the set-back rule, {built} {built:counts|count} as exposed to flooding when at least {limit} of "
        "{built:it|them} {built:lies|lie} within {distance} of {water}: is that so in {image}?",
        "{built:Is|Are} the {built} of {image} exposed to flooding by the set-back rule, that is, {built:does|do} at "
        "least {limit} of {built:its|their} pixels lie within {distance} of the {water}?",
        "The set-back rule draws a zone of {distance} around {water} and calls a place exposed to flooding if the "
        "zone holds at least {limit} of the {built}. Is {image} such a place?",
        "Does the zone of {distance} around the {water} hold at least {limit} of the {built} of {image}, which the "
        "set-back rule takes for exposure to flooding?",
        "Take the set-back rule: exposed to flooding if {limit} or more of the {built} {built:is|are} no farther than"
        " {distance} from {water}. Does this apply to {image}?",
        "In {image}, {built:is|are} {limit} or more of the {built} within {distance} of {water}, so that the set-back"
        " rule speaks of flood exposure?",
        "Would you call the {built} in {image} exposed to flooding under the set-back rule, that is, with at least "
        "{limit} of {built:it|them} within {distance} of {water}?",
        "For the set-back rule, flood exposure means that {water} {water:comes|come} within {distance} of at least "
        "{limit} of the {built}. Does {image} show flood exposure?",
        "How does the set-back rule judge {image}: is the share of {built} no farther than {distance} from {water} at"
        " least {limit}, which means exposure to flooding?",
        "Flood exposure by the set-back rule needs at least {limit} of the {built} at {distance} or less from "
        "{water}; is this reached in {image}?",
        "Apply the set-back rule to {image}: {built:does|do} at least {limit} of the {built} lie within {distance} of"
        " the {water}, so that there is exposure to flooding?",
        "Of the {built} in {image}, is a share of {limit} or more exposed to flooding in the sense of the set-back "
        "rule, which means at most {distance} away from {water}?",
        "Suppose, as the set-back rule does, that {built} at {distance} or less from {water} could be flooded. "
        "{built:Is|Are} at least {limit} of the {built} in {image} affected?",
        "The set-back rule calls a place exposed to flooding where no less than {limit} of the {built} {built:is|are} "
        "within {distance} of {water}. Does that hold for {image}?",
        "With a set-back of {distance} from {water} as the rule, {built:does|do} {limit} or more of the {built} in "
        "{image} lie too close and count as exposed to flooding?",
        "Check the set-back rule on {image}: {built:is|are} the {built} exposed to flooding, with {limit} or more of "
        "{built:it|them} in a belt of {distance} around the {water}?",
        "What does the set-back rule say of {image}: yes, flood exposure, as at least {limit} of the {built} "
        "{built:is|are} within {distance} of {water}, or no?",
        "{built:Is|Are} the {built} in {image} exposed to flooding, if the set-back rule defines that as {limit} or "
        "more of {built:it|them} lying within {distance} of {water}?",
        "Judged by the set-back rule (exposed to flooding when {limit} or more of the {built} {built:is|are} within "
        "{distance} of {water}), is {image} a case of exposure?",
        "Measured against the set-back rule, which allows less than {limit} of the {built} within {distance} of "
        "{water}, does {image} show exposure to flooding?",
    ),
    measures=(
        "{part} of the {all:+pixel} of {built} {part:lies|lie} within {distance} of the {water}, which is {found}.",
        "Within {distance} of the {water} I count {part} of the {all:+pixel} of {built}: {found}.",
        "A belt of {distance} around the {water} holds {part} of {all:+pixel} of {built}, that is {found}.",
        "Of {all:+pixel} of {built}, {part} {part:is|are} no farther than {distance} from the {water}; this makes "
        "{found}.",
        "The zone of {distance} takes in {part} of the {all:+pixel} of {built}, a share of {found}.",
        "Counting pixels of {built} up to {distance} from the {water} gives {part} of {all}, so {found}.",
        "There {part:is|are} {part:+pixel} of {built} in the zone of {distance}, of {all} altogether: {found}.",
        "The {water} {water:is|are} at most {distance} away from {part} of the {all:+pixel} of {built}, or {found}.",
        "If the {water} {water:is|are} widened by {distance}, {part} of the {all:+pixel} of {built} {part:falls|fall}"
        " inside, {found} of them.",
        "In all, {built} {built:takes|take} up {all:+pixel}, and {part} of these {part:is|are} within {distance} of "
        "the {water}: {found}.",
        "I find {part} of {all:+pixel} of {built} close to the {water}, meaning within {distance}; the share is "
        "{found}.",
        "Pixels of {built} at {distance} or less from the {water}: {part} of {all}, hence {found}.",
        "The share of {built} inside the zone of {distance} is {found}, from {part} of {all:+pixel}.",
        "Going {distance} outwards from the {water}, one meets {part} of the {all:+pixel} of {built}, equal to "
        "{found}.",
        "{found} of the {built} {built:is|are} in the zone of {distance}: {part} of {all:+pixel}.",
        "Measured from the {water}, {part} of {all:+pixel} of {built} {part:falls|fall} within {distance}. As a share"
        " this is {found}.",
        "Near the {water}, up to {distance} away, there {part:is|are} {part} of the {all:+pixel} of {built}, which "
        "makes {found}.",
        "The distance to the {water} is {distance} or less for {part} of the {all:+pixel} of {built}, {found} in all.",
        "Close to the {water} ({distance} or less) {part:lies|lie} {part} of the {all:+pixel} of {built}, thus "
        "{found}.",
        "Dividing the {part:+pixel} of {built} within {distance} of the {water} by all {all} gives {found}.",
    ),
    above="the {built} {built:counts|count} as exposed to flooding",
    below="the {built} {built:does|do} not count as exposed to flooding",
    left_out="terrain, defences and water levels",
)
