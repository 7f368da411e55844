"""Erosion risk: is the mean cover factor of the land above that of the European Union?

A screening rule on one of the five factors of RUSLE, the cover-management factor C: soil loss is proportional to it,
and it depends on land cover. Each class takes the European mean of its kind (bare ground that of sparsely vegetated
areas), and the mean over the land of the named classes is held against the mean of the European Union. It knows nothing
of rain, soil, slope and conservation practice, which differ as much as cover does; other classes take no part.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

C_CROP = 0.233
C_TREE = 0.00116
C_BARE = 0.265
LIMIT = 0.104

SOURCES = (
    Source(
        "Estimating the soil erosion cover-management factor at the European scale",
        "P. Panagos, P. Borrelli, K. Meusburger, C. Alewell, E. Lugato and L. Montanarella",
        2015,
        "Land Use Policy 48, 38-50",
        "https://doi.org/10.1016/j.landusepol.2015.05.021",
        "Mean C in the European Union is 0.1043; in arable land 0.233, in forests 0.00116, in sparsely vegetated areas "
        "0.2651. Written here with three digits.",
    ),
)

RULE = Rule(
    name="erosion_risk",
    groups={"crop": ("crop",), "tree": ("tree",), "bare": ("bare",)},
    optional=("bare",),
    quantity="mean_factor",
    unit="",
    limit=LIMIT,
    parameters={"factor_crop": C_CROP, "factor_tree": C_TREE, "factor_bare": C_BARE},
    sources=SOURCES,
    questions=(
        "By the cover-factor rule of soil erosion, with {factors}, the risk is raised when the mean over the land of "
        "these classes is at least {limit}: is that so in {image}?",
        "Is the risk of soil erosion raised in {image} by the cover-factor rule, that is, is the mean factor at least"
        " {limit}, with {factors}?",
        "Does the cover-factor rule see a raised risk of soil erosion in {image}, if it sets {factors} and requires a "
        "mean of {limit} or more?",
        "The cover-factor rule sets {factors} and sees a raised risk of soil erosion if the mean over these pixels is "
        "{limit} or more. Does that hold for {image}?",
        "Given {factors}, does the mean cover factor of {image} reach {limit}, from which the cover-factor rule "
        "speaks of a raised risk of soil erosion?",
        "Take the cover-factor rule: the risk of soil erosion is raised if the factors ({factors}) have a mean of "
        "{limit} or more. Does this apply to {image}?",
        "In {image}, is the mean cover factor, with {factors}, at least {limit}, so that the cover-factor rule speaks "
        "of a raised risk of soil erosion?",
        "Would you call the risk of soil erosion in {image} raised under the cover-factor rule, which sets {factors} "
        "and draws the line at a mean of {limit} or more?",
        "By the cover-factor rule, with {factors}, the risk of soil erosion is raised where the mean factor is no "
        "less than {limit}. Is it raised in {image}?",
        "How does the cover-factor rule judge {image}: with {factors}, is the mean at least {limit}, which means a "
        "raised risk of soil erosion?",
        "A raised risk of soil erosion by the cover-factor rule needs a mean factor of {limit} or more; is this "
        "reached in {image}, with {factors}?",
        "Apply the cover-factor rule to {image}: give every pixel its factor ({factors}); is the mean at least "
        "{limit}, so that the risk of soil erosion is raised?",
        "With {factors}, is the land in {image} at a mean of {limit} or more, where the cover-factor rule sees a "
        "raised risk of soil erosion?",
        "Suppose, as the cover-factor rule does, that soil is lost in proportion to the cover factors ({factors}). Is "
        "their mean in {image} at least {limit}, so that the risk of soil erosion is raised?",
        "The cover-factor rule sets cover factors of {factors}, and says that the risk of soil erosion is raised "
        "where their mean is {limit} or more. Is it raised in {image}?",
        "With cover factors of {factors}, weighted by pixel count in {image}, is the mean {limit} or more, which "
        "means a raised risk of soil erosion by the cover-factor rule?",
        "Check the cover-factor rule on {image}: is the risk of soil erosion raised, with a mean of at least {limit} "
        "from {factors}?",
        "What does the cover-factor rule, with {factors}, say of {image}: yes, a raised risk of soil erosion, as the "
        "mean over these pixels is at least {limit}, or no?",
        "Is the risk of soil erosion raised in {image}, if the cover-factor rule requires a mean factor of {limit} or "
        "more, with {factors}?",
        "Judged by the cover-factor rule (a raised risk of soil erosion when the mean factor is {limit} or more, with"
        " {factors}), is the risk raised in {image}?",
    ),
    measures=(
        "With {counts}, the mean factor is {found}.",
        "I count {counts}; weighted by these, the mean factor is {found}.",
        "There are {counts}, which gives a mean factor of {found}.",
        "The masks have {counts}, so the mean of the factors is {found}.",
        "Counting gives {counts}, and the factors average {found}.",
        "Weighting each factor by its pixels ({counts}) gives a mean of {found}.",
        "The land consists of {counts}, with a mean factor of {found}.",
        "From {counts} I get a mean factor of {found}.",
        "Over {counts} the mean factor comes to {found}.",
        "Multiplying factors by {counts} and dividing by their sum gives {found}.",
        "The numbers are {counts}; their weighted mean factor is {found}.",
        "Taken together, {counts} have a mean factor of {found}.",
        "The mean factor is {found}, from {counts}.",
        "Given {counts}, each pixel has a factor of {found} on average.",
        "The average over {counts} is a factor of {found}.",
        "Found on the map: {counts}. Their mean factor is {found}.",
        "With the factors above and {counts}, the mean is {found}.",
        "The factors, spread over {counts}, have the mean {found}.",
        "Summing the factors over {counts} and taking the mean leads to {found}.",
        "A mean factor of {found} results from {counts}.",
    ),
    above="the risk of soil erosion is raised by this rule",
    below="the risk of soil erosion is not raised by this rule",
    left_out="rain, soil, slope and farming practice",
)
