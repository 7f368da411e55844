"""Farming suitability: does at least half of the cropland lie in large blocks?

A screening rule for one use, large-scale field farming: the FAO framework judges land for a stated kind of use. Fields
from 16 ha up are large by the classes of field size, and from 100 ha up very large; here connected blocks of cropland
stand for fields, though a block may hold many. That half of the cropland is enough is our own convention. It knows
nothing of soil, slope, climate, ownership and roads, and a block that the image cuts counts with what the image shows.
"""

from __future__ import annotations

from terracot.semantic.rule import Rule, Source

LARGE_HA = 16.0
VERY_LARGE_HA = 100.0
LIMIT = 50.0  # per cent of the cropland; ours

SOURCES = (
    Source(
        "Estimating the global distribution of field size using crowdsourcing",
        "M. Lesiv and others",
        2019,
        "Global Change Biology 25, 174-186",
        "https://doi.org/10.1111/gcb.14492",
        "Classes of field size: large fields have 16 to 100 ha, very large ones more.",
    ),
    Source(
        "A framework for land evaluation",
        "Food and Agriculture Organization of the United Nations",
        1976,
        "FAO Soils Bulletin 32",
        "https://www.fao.org/4/x5310e/x5310e00.htm",
        "Land is suitable or not suitable for a stated kind of use.",
    ),
)

RULE = Rule(
    name="farming_suitability",
    groups={"crop": ("crop",)},
    quantity="blocks_share",
    limit=LIMIT,
    parameters={"block": LARGE_HA},
    variants=({}, {"block": VERY_LARGE_HA}),
    sources=SOURCES,
    questions=(
        "By the block rule, {crop} {crop:suits|suit} large-scale farming when at least {limit} of {crop:it|them} "
        "{crop:lies|lie} in connected blocks of {block} or more: is that so in {image}?",
        "{crop:Is|Are} the {crop} in {image} suitable for large-scale farming by the block rule, that is, is at least"
        " {limit} of {crop:its|their} area in blocks of no less than {block}?",
        "Does the block rule find the {crop} in {image} fit for large-scale farming, given that it requires {limit} "
        "or more of {crop:it|them} to lie in connected blocks of {block} or more?",
        "The block rule leaves out connected blocks of {crop} below {block} and calls land suited to large-scale "
        "farming if {limit} or more of the {crop} is left: is {image} suited by this rule?",
        "Do connected blocks of {block} or more hold at least {limit} of the {crop} in {image}, which makes it "
        "suitable for large-scale farming by the block rule?",
        "Take the block rule: suitable for large-scale farming if {limit} or more of the {crop} {crop:is|are} in "
        "connected blocks of {block} or larger. Does this apply to {image}?",
        "In {image}, {crop:is|are} {limit} or more of the {crop} in connected blocks of at least {block}, large "
        "enough for the block rule of large-scale farming?",
        "Would you call the {crop} in {image} suited to large-scale farming under the block rule, which asks for "
        "{limit} of {crop:it|them} or more in connected blocks of at least {block}?",
        "Under the block rule, land suits large-scale farming if no less than {limit} of the {crop} {crop:forms|form} "
        "connected blocks of {block} or more. Does the land in {image} suit it?",
        "How does the block rule judge {image}: is the share of {crop} in connected blocks of at least {block} no "
        "smaller than {limit}, so that large-scale farming is suitable?",
        "To be suitable for large-scale farming by the block rule, land needs {limit} or more of its {crop} in "
        "connected blocks of {block} or more; is this so in {image}?",
        "Apply the block rule to {image}: {crop:does|do} at least {limit} of the {crop} lie in connected blocks of "
        "{block} or more and so suit large-scale farming?",
        "Of the {crop} in {image}, is a share of {limit} or more found in connected blocks of at least {block}, as "
        "the block rule requires for large-scale farming?",
        "Suppose, as the block rule does, that only connected blocks of at least {block} can be farmed on a large "
        "scale. {crop:Is|Are} {limit} or more of the {crop} in {image} suitable?",
        "The block rule calls land suitable for large-scale farming where {limit} or more of the {crop} "
        "{crop:belongs|belong} to connected blocks of at least {block}. Does that hold for {image}?",
        "If connected blocks smaller than {block} do not count, {crop:is|are} {limit} or more of the {crop} in "
        "{image} left, which the block rule requires for large-scale farming?",
        "Check the block rule on {image}: is large-scale farming suitable, with at least {limit} of the {crop} in "
        "connected blocks of {block} or more?",
        "What does the block rule say of {image}: yes, suitable for large-scale farming, as at least {limit} of the "
        "{crop} {crop:is|are} in connected blocks of {block} or more, or no?",
        "Is the land in {image} suitable for large-scale farming, if the block rule requires {limit} or more of the "
        "{crop} to lie in connected blocks no smaller than {block}?",
        "Judged by the block rule (suitable for large-scale farming when {limit} or more of the {crop} {crop:is|are} "
        "in connected blocks of at least {block}), is {image} suitable?",
    ),
    measures=(
        "{part} of the {all:+pixel} of {crop} {part:lies|lie} in blocks of {block} or more, which is {found}.",
        "In connected blocks of at least {block} I count {part} of the {all:+pixel} of {crop}, or {found}.",
        "Blocks of {block} and more hold {part} of {all:+pixel} of {crop}, that is {found}.",
        "Of {all:+pixel} of {crop}, {part} {part:belongs|belong} to blocks no smaller than {block}; this makes "
        "{found}.",
        "The large blocks, from {block} upwards, take in {part} of the {all:+pixel} of {crop}, a share of {found}.",
        "Counting pixels of {crop} in blocks of {block} or more gives {part} of {all}, so {found}.",
        "There {part:is|are} {part:+pixel} of {crop} in blocks of at least {block}, of {all} altogether: {found}.",
        "Without the blocks below {block}, {part} of the {all:+pixel} of {crop} {part:is|are} left, or {found}.",
        "If all blocks smaller than {block} are left out, {part} of the {all:+pixel} of {crop} {part:remains|remain}, "
        "which is {found}.",
        "In all, {crop} {crop:takes|take} up {all:+pixel}, and {part} of these {part:is|are} in blocks of {block} or "
        "more, which is {found}.",
        "I find {part} of {all:+pixel} of {crop} in large blocks, meaning {block} at least; the share is {found}.",
        "Pixels of {crop} in connected blocks of {block} or larger: {part} of {all}, hence {found}.",
        "The share of {crop} in blocks of at least {block} is {found}, from {part} of {all:+pixel}.",
        "Going block by block, those that reach {block} have {part} of the {all:+pixel} of {crop}, which is {found}.",
        "{found} of the {crop} {crop:is|are} in blocks of {block} or more: {part} of {all:+pixel}.",
        "Adding up all blocks of {block} or more gives {part} of {all:+pixel} of {crop}. As a share, this is {found}.",
        "Among the {all:+pixel} of {crop}, {part} {part:is|are} part of a block of at least {block}, which makes "
        "{found}.",
        "For {part} of the {all:+pixel} of {crop}, the block that they belong to is {block} or larger; that is "
        "{found}.",
        "Large blocks ({block} or more) contain {part} of the {all:+pixel} of {crop}, thus {found}.",
        "Dividing the {part:+pixel} of {crop} in blocks of {block} or more by all {all} gives {found}.",
    ),
    above="the {crop} {crop:suits|suit} large-scale farming by this rule",
    below="the {crop} {crop:does|do} not suit large-scale farming by this rule",
    left_out="soil, slope and climate",
)
