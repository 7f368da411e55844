"""Habitat fragmentation: does less than half of the tree cover lie in large connected stands?

A screening rule. In the Amazon, fragments of 1, 10 and 100 ha lost their bird species the faster the smaller they were,
and even those of 100 ha lost half of them in about ten years. So 10 and 100 ha are the sizes asked about. That a
habitat counts as fragmented when less than half of its tree cover lies in stands of that size is our own convention. It
knows nothing of species, of tree age and of edges, and a stand that the image cuts counts with what the image shows.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

SMALL_HA = 10.0
LARGE_HA = 100.0
LIMIT = 50.0  # per cent of the tree cover; ours

SOURCES = (
    Source(
        "Rates of species loss from Amazonian forest fragments",
        "G. Ferraz, G. J. Russell, P. C. Stouffer, R. O. Bierregaard, S. L. Pimm and T. E. Lovejoy",
        2003,
        "Proceedings of the National Academy of Sciences 100, 14069-14073",
        "https://doi.org/10.1073/pnas.2336195100",
        "Fragments of 1, 10 and 100 ha lose bird species, smaller ones faster; those of 100 ha lost half of them in "
        "less than 15 years.",
    ),
    Source(
        "Habitat fragmentation and its lasting impact on Earth's ecosystems",
        "N. M. Haddad and others",
        2015,
        "Science Advances 1, e1500052",
        "https://doi.org/10.1126/sciadv.1500052",
        "Fragmentation reduces biodiversity by 13 to 75 %, most in the smallest and most isolated fragments.",
    ),
)

RULE = Rule(
    name="habitat_fragmentation",
    groups={"tree": ("tree",)},
    quantity="blocks_share",
    limit=LIMIT,
    yes_above=False,
    parameters={"block": SMALL_HA},
    variants=({}, {"block": LARGE_HA}),
    sources=SOURCES,
    questions=(
        "By the stand rule, {tree} {tree:is|are} a fragmented habitat when less than {limit} of {tree:it|them} "
        "{tree:lies|lie} in connected stands of {block} or more: is that so in {image}?",
        "{tree:Is|Are} the {tree} in {image} a fragmented habitat by the stand rule, that is, is less than {limit} of"
        " {tree:its|their} area in stands of no less than {block}?",
        "Does the stand rule call the {tree} of {image} fragmented, which it does unless at least {limit} of "
        "{tree:it is|them are} in connected stands of {block} or more?",
        "The stand rule leaves out connected stands of {tree} below {block} and calls the habitat fragmented if less "
        "than {limit} of the {tree} is left: is the habitat in {image} fragmented by this rule?",
        "Do connected stands of {block} or more hold less than {limit} of the {tree} in {image}, which makes it a "
        "fragmented habitat by the stand rule?",
        "Take the stand rule: a habitat is fragmented if less than {limit} of the {tree} {tree:is|are} in connected "
        "stands of {block} or larger. Does this apply to {image}?",
        "In {image}, is the share of the {tree} in connected stands of at least {block} below {limit}, the point at "
        "which the stand rule sees a fragmented habitat?",
        "Would you call the habitat in {image} fragmented under the stand rule, that is, with less than {limit} of "
        "the {tree} in connected stands of at least {block}?",
        "Under the stand rule, a habitat is fragmented if less than {limit} of its {tree} {tree:forms|form} connected "
        "stands of {block} or more. Is the habitat in {image} fragmented?",
        "How does the stand rule judge {image}: is the share of {tree} in connected stands of at least {block} "
        "smaller than {limit}, so that the habitat is fragmented?",
        "Under the stand rule, a habitat is fragmented when less than {limit} of the {tree} {tree:is|are} in connected"
        " stands of {block} or more; is this the case in {image}?",
        "Apply the stand rule to {image}: {tree:does|do} less than {limit} of the {tree} lie in connected stands of "
        "{block} or more, so that the habitat is fragmented?",
        "Of the {tree} in {image}, is a share of less than {limit} found in connected stands of {block} and above, so"
        " that the stand rule calls the habitat fragmented?",
        "Suppose, as the stand rule does, that only connected stands of at least {block} are intact habitat, and that "
        "a habitat is fragmented if less than {limit} of the {tree} {tree:is|are} intact. Is the habitat in {image} "
        "fragmented?",
        "The stand rule calls a habitat fragmented where less than {limit} of the {tree} {tree:belongs|belong} to "
        "connected stands of at least {block}. Does that hold for {image}?",
        "If connected stands smaller than {block} do not count, {tree:is|are} less than {limit} of the {tree} in "
        "{image} left, so that the stand rule calls the habitat fragmented?",
        "Check the stand rule on {image}: is the habitat fragmented, with less than {limit} of the {tree} in "
        "connected stands of {block} or more?",
        "What does the stand rule say of {image}: yes, a fragmented habitat, as less than {limit} of the {tree} "
        "{tree:is|are} in connected stands of {block} or more, or no?",
        "Does {image} show a fragmented habitat, if the stand rule defines that as less than {limit} of the {tree} in "
        "connected stands no smaller than {block}?",
        "Judged by the stand rule (fragmented when less than {limit} of the {tree} {tree:is|are} in connected stands "
        "of at least {block}), is the habitat in {image} fragmented?",
    ),
    measures=(
        "{part} of the {all:+pixel} of {tree} {part:lies|lie} in stands of {block} or more, which is {found}.",
        "In connected stands of at least {block} I count {part} of the {all:+pixel} of {tree}, or {found}.",
        "Stands of {block} and more hold {part} of {all:+pixel} of {tree}, that is {found}.",
        "Of {all:+pixel} of {tree}, {part} {part:belongs|belong} to stands no smaller than {block}; this makes "
        "{found}.",
        "The large stands, from {block} upwards, take in {part} of the {all:+pixel} of {tree}, a share of {found}.",
        "Counting pixels of {tree} in stands of {block} or more gives {part} of {all}, so {found}.",
        "There {part:is|are} {part:+pixel} of {tree} in stands of at least {block}, of {all} altogether: {found}.",
        "Without the stands below {block}, {part} of the {all:+pixel} of {tree} {part:is|are} left, or {found}.",
        "If all stands smaller than {block} are left out, {part} of the {all:+pixel} of {tree} {part:remains|remain}, "
        "which is {found}.",
        "In all, {tree} {tree:takes|take} up {all:+pixel}, and {part} of these {part:is|are} in stands of {block} or "
        "more, which is {found}.",
        "I find {part} of {all:+pixel} of {tree} in large stands, meaning {block} at least; the share is {found}.",
        "Pixels of {tree} in connected stands of {block} or larger: {part} of {all}, hence {found}.",
        "The share of {tree} in stands of at least {block} is {found}, from {part} of {all:+pixel}.",
        "Going stand by stand, those that reach {block} have {part} of the {all:+pixel} of {tree}, which is {found}.",
        "{found} of the {tree} {tree:is|are} in stands of {block} or more: {part} of {all:+pixel}.",
        "Adding up all stands of {block} or more gives {part} of {all:+pixel} of {tree}. As a share, this is {found}.",
        "Among the {all:+pixel} of {tree}, {part} {part:is|are} part of a stand of at least {block}, which makes "
        "{found}.",
        "For {part} of the {all:+pixel} of {tree}, the stand that they belong to is {block} or larger; that is "
        "{found}.",
        "Large stands ({block} or more) contain {part} of the {all:+pixel} of {tree}, thus {found}.",
        "Dividing the {part:+pixel} of {tree} in stands of {block} or more by all {all} gives {found}.",
    ),
    above="the habitat is not fragmented",
    below="the habitat is fragmented",
    left_out="species, tree age and edges",
)
