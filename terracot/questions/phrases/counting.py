"""How the number of patches or of buildings is asked for and derived."""

from __future__ import annotations

QUESTIONS = (
    "How many separate patches of {name} of at least {minimum:+pixel} are there in {image}? Pixels that meet at a "
    "corner are connected.",
    "How many connected regions of {name} have at least {minimum:+pixel}? Each pixel is connected to its eight "
    "neighbours.",
    "How many patches of {minimum:+pixel} or more {name:does|do} the {name} form in {image}, if diagonal neighbours "
    "are connected?",
    "How many distinct areas of {name}, of {minimum:+pixel} or more each, does {image} show? Pixels that touch at a "
    "corner belong to the same area.",
    "How many patches of {name} can be told apart in {image}, if those of {minimum:+pixel} or more count and pixels "
    "that meet at a corner are joined?",
    "How many individual patches of {name} have {minimum:+pixel} or more, when diagonal neighbours count as connected?",
    "How many separate pieces of {name} of {minimum:+pixel} and more can be found in {image}, if corners connect as "
    "well as edges?",
    "How often does a separate patch of {name} of at least {minimum:+pixel} occur in {image}? Pixels that meet at a "
    "corner are part of one patch.",
    "Into how many pieces of at least {minimum:+pixel} {name:does|do} the {name} fall, if pixels connect at corners "
    "too?",
    "Of how many separate patches {name:does|do} the {name} in {image} consist, if patches of fewer than "
    "{minimum:+pixel} are left out and diagonal neighbours are connected?",
    "What is the number of patches of {name} with {minimum:+pixel} or more, if pixels are connected at corners too?",
    "What is the count of connected patches of {name} that have no fewer than {minimum:+pixel}? Touching at a corner "
    "is enough to be connected.",
    "What number of patches of {name} remains in {image} without those of fewer than {minimum:+pixel}, if pixels that "
    "share a corner belong together?",
    "Leaving out patches of fewer than {minimum:+pixel}, how many separate patches of {name} does {image} have, if "
    "diagonal neighbours are connected?",
    "Without pieces smaller than {minimum:+pixel}, in how many pieces {name:does|do} the {name} occur in {image}? "
    "Pixels that share a corner are in one piece.",
    "Ignoring specks of fewer than {minimum:+pixel}, how many patches make up the {name} in {image}? Diagonal "
    "neighbours are connected.",
    "If patches of {name} may connect across corners, how many of them have at least {minimum:+pixel}?",
    "Count the separate patches of {name} that have {minimum:+pixel} or more; pixels that meet at a corner belong "
    "together.",
    "Count the pieces of {name} with at least {minimum:+pixel}, where each pixel is connected to all of its eight "
    "neighbours.",
    "Give the number of separate patches of {name} in {image} that have at least {minimum:+pixel}, with pixels "
    "connected at corners as well.",
    "Determine how many patches of {name} with at least {minimum:+pixel} there are in {image}, joining diagonal "
    "neighbours.",
)

COUNTS = (
    "Without pieces of fewer than {minimum:+pixel}, the region has {pixels:+pixel} in {count:+connected patch}.",
    "Leaving out pieces of fewer than {minimum:+pixel}, I get {count:+connected patch} of {pixels:+pixel} in all.",
    "Pieces of fewer than {minimum:+pixel} are left out; what remains, {pixels:+pixel}, forms "
    "{count:+connected patch}.",
    "Pieces of fewer than {minimum:+pixel} do not count, so there {pixels:is|are} {pixels:+pixel} left, in "
    "{count:+separate patch}.",
    "With pieces of fewer than {minimum:+pixel} removed, {count:+separate patch} and {pixels:+pixel} are left.",
    "Counting only patches of at least {minimum:+pixel}, I find {count:+patch} with {pixels:+pixel} altogether.",
    "Only patches of at least {minimum:+pixel} are marked: {count} in number, {pixels:+pixel} in size.",
    "The mask leaves out what has fewer than {minimum:+pixel}; its {pixels:+pixel} {pixels:falls|fall} into "
    "{count:+patch}.",
    "The mask has {pixels:+pixel} in {count:+patch}, none of fewer than {minimum:+pixel}.",
    "The mask of {pixels:+pixel} falls into {count:+connected patch} of at least {minimum:+pixel}.",
    "The {pixels:+pixel} of the mask {pixels:forms|form} {count:+connected patch}, each of at least {minimum:+pixel}.",
    "The marked region consists of {count:+patch} of {minimum:+pixel} or more, and of {pixels:+pixel} in total.",
    "The region is left with patches of {minimum:+pixel} and more: {count:+connected patch} on {pixels:+pixel}.",
    "In this mask of {pixels:+pixel}, joined over corners too, there {count:is|are} {count:+patch} of "
    "{minimum:+pixel} or more.",
    "Joining diagonal neighbours, I count {count:+patch} of at least {minimum:+pixel}, {pixels:+pixel} in all.",
    "Joined over edges and corners, its {pixels:+pixel} {pixels:makes|make} {count:+patch} of at least "
    "{minimum:+pixel}.",
    "Each patch of at least {minimum:+pixel} counts once, which gives {count:+patch} on {pixels:+pixel}.",
    "Counting from one to the next, I get {count:+patch} of at least {minimum:+pixel}, {pixels:+pixel} in total.",
    "Once specks of fewer than {minimum:+pixel} are gone, {pixels:+pixel} in {count:+patch} {pixels:remains|remain}.",
    "I leave out specks of fewer than {minimum:+pixel} and count {count:+patch} of {pixels:+pixel} in total.",
)

BUILDING_QUESTIONS = (
    "How many buildings are there in {image}?",
    "How many buildings does {image} show?",
    "How many buildings can be counted in {image}?",
    "How many buildings stand in {image}?",
    "How many individual buildings does {image} hold?",
    "How many separate buildings can be seen in {image}?",
    "How many single buildings appear in {image}?",
    "How many different buildings can be told apart in {image}?",
    "How many buildings do you see in {image}?",
    "How large is the number of buildings in {image}?",
    "What is the number of buildings in {image}?",
    "What is the number of separate buildings in {image}?",
    "What is the count of buildings in {image}?",
    "What is the total number of individual buildings in {image}?",
    "What number of buildings does {image} contain?",
    "Count the buildings in {image}.",
    "Count every single building in {image}.",
    "Give the number of buildings in {image}.",
    "Say how many buildings {image} has.",
    "Tell how many separate buildings there are in {image}.",
    "Determine the number of buildings that {image} shows.",
)

BUILDINGS_HERE = (
    "Each {name} is marked:",
    "Each {name} is marked here:",
    "Here each {name} is marked:",
    "I mark each {name}:",
    "I mark every single {name}:",
    "I outline every single {name}:",
    "I outline each {name} on its own:",
    "I segment each {name} separately:",
    "I segment every {name}:",
    "I go from {name} to {name} and mark each:",
    "Let me mark each {name}:",
    "Let me outline each {name} in turn:",
    "Let me segment every {name}, one by one:",
    "First I mark each {name}:",
    "To count, I mark each {name}:",
    "To begin, I outline every {name}:",
    "Every {name}, one by one:",
    "Every {name} is outlined in this mask:",
    "This mask shows each {name}:",
    "The mask has every {name} in it:",
)

BUILDING_COUNTS = (
    "The marked region has {pixels:+pixel} and falls into {count:+separate building}.",
    "The mask of {pixels:+pixel} falls into {count:+building}.",
    "The mask shows {count:+separate building} on {pixels:+pixel}.",
    "The mask has {count:+separate part} of {pixels:+pixel} in all, each of them a building.",
    "The {pixels:+pixel} of the mask {pixels:belongs|belong} to {count:+building}.",
    "Its {pixels:+pixel} {pixels:forms|form} {count:+separate building}.",
    "There {count:is|are} {count:+separate building}, {pixels:+pixel} in all.",
    "In all, {count:+building} can be told apart, on {pixels:+pixel}.",
    "The total is {pixels:+pixel}, and the number of separate buildings {count}.",
    "That makes {count:+separate building} on a total of {pixels:+pixel}.",
    "This gives {count:+building} with {pixels:+pixel} altogether.",
    "I count {count:+separate building} that {count:covers|cover} {pixels:+pixel} in all.",
    "I find {count:+building} in this mask of {pixels:+pixel}.",
    "I can tell {count:+building} apart on the {pixels:+pixel} marked.",
    "Counting the parts of this mask of {pixels:+pixel}, I get {count:+building}.",
    "Counted one by one, {count:+separate building} {count:makes|make} up the {pixels:+pixel}.",
    "Going from one to the next, I count {count:+building} on {pixels:+pixel}.",
    "With a gap of a pixel between neighbours, {count:+separate building} can be told apart on {pixels:+pixel}.",
    "Neighbours are a pixel apart in the mask, so its {pixels:+pixel} {pixels:shows|show} {count:+separate building}.",
    "The number of separate buildings is {count}, and that of their pixels {pixels}.",
)
