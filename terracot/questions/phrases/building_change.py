"""How the number and the share of destroyed buildings are asked for and derived."""

from __future__ import annotations

NUMBER = (
    "How many buildings were destroyed between the first and the last image?",
    "How many buildings did the event between the first and the last image destroy?",
    "How many buildings that stand in the first image are destroyed in the last one?",
    "How many of the buildings in the first image are destroyed in the last one?",
    "How many buildings went from standing to destroyed between the first and the last image?",
    "How many buildings shown in the first image have been destroyed by the time of the last one?",
    "How many destroyed buildings does the last image show?",
    "How many destroyed buildings can be counted in the last image?",
    "How many buildings has the event destroyed, comparing the last image with the first?",
    "How large is the number of buildings destroyed between the first and the last image?",
    "What is the number of buildings that the event destroyed between the first and the last image?",
    "What is the number of destroyed buildings in the last image?",
    "What is the count of buildings destroyed from the first image to the last?",
    "What is the total number of buildings that were destroyed after the first image was taken?",
    "What number of buildings did the event destroy, going by the first and the last image?",
    "By the last image, how many of the buildings in the first one have been destroyed?",
    "Comparing the first and the last image, how many buildings were destroyed?",
    "Count the buildings that were destroyed between the first and the last image.",
    "Count the buildings of the first image that are destroyed in the last one.",
    "Give the number of buildings destroyed between the first and the last image.",
    "Determine how many buildings the event destroyed, from the first and the last image.",
)

_JUDGED = " Buildings whose damage could not be judged are left out."
_SHARE = (
    "What share of the buildings was destroyed between the first and the last image, in per cent of their number?",
    "What percentage of the buildings, by number, did the event between the first and the last image destroy?",
    "What portion of all buildings in the first image is destroyed in the last one, in per cent of their number?",
    "What percentage of the buildings were destroyed between the first and the last image, by number?",
    "What percentage of the buildings, counted one by one, are destroyed in the last image?",
    "What share of the buildings did the event destroy, in per cent of their number?",
    "What part of all buildings, by number, was destroyed between the first and the last image, in per cent?",
    "What proportion of the buildings in the first image is destroyed in the last one, in per cent of their number?",
    "What is the share of destroyed buildings in the last image, in per cent of the number of all buildings?",
    "What is the percentage of buildings that were destroyed from the first image to the last, by number?",
    "How large a share of the buildings in the first image is destroyed in the last one, in per cent of their number?",
    "How large is the share of buildings destroyed between the first and the last image, as a percentage by number?",
    "How large a percentage of the buildings did the event destroy, by number?",
    "Counting buildings, what percentage were destroyed between the first and the last image?",
    "What percentage of all buildings, by number, are destroyed in the last image?",
    "In per cent of their number, how many of the buildings were destroyed between the first and the last image?",
    "By number and in per cent, what part of the buildings has been destroyed by the time of the last image?",
    "Comparing the first and the last image, what percentage of the buildings, by number, were destroyed?",
    "Give the share of buildings that were destroyed between the first and the last image, in per cent of their "
    "number.",
    "Determine what percentage of the buildings, by number, the event between the first and the last image destroyed.",
    "Work out what percentage of the buildings in the first image, by number, are destroyed in the last one.",
)
SHARE = tuple(share + _JUDGED for share in _SHARE)

BEFORE = (
    "Before the event I mark each {name} whose damage is known:",
    "Before the event, each {name} whose damage is known is here:",
    "Before the event, every {name} whose damage is known is in this mask:",
    "First, in the image before the event, I mark each {name} whose damage is known:",
    "First I mark each {name} before the event, as long as its damage is known:",
    "First I outline every {name} in the first image whose damage is known:",
    "To begin, I segment each {name} whose damage could be judged:",
    "I begin with each {name} in the first image whose damage could be judged:",
    "I mark each {name} of known damage in the first image:",
    "I mark every {name} that could be judged, before the event:",
    "I segment each {name} that could be judged, as it was before the event:",
    "I outline each {name} of known damage as the first image shows it:",
    "In the first image I mark each {name} whose damage is known:",
    "In the first image, each {name} that could be judged is outlined here:",
    "In the first image, this mask shows each {name} of known damage:",
    "Let me mark each {name} before the event whose damage could be judged:",
    "Let me start with every {name} of known damage in the first image:",
    "Here I mark each {name} before the event, where its damage is known:",
    "Here is every {name} of the first image whose damage is known:",
    "This mask shows each {name} of known damage before the event:",
)

AFTER = (
    "After the event I mark each {name}:",
    "After the event, each {name} is here:",
    "After the event, every {name} is in this mask:",
    "After it, each {name} is here:",
    "Looking at the last image, I outline each {name}:",
    "Then I mark each {name} after the event:",
    "Then I outline every {name} in the last image:",
    "Then I segment each {name} after the event:",
    "Next I segment each {name} after the event:",
    "Next, I mark each {name} in the last image:",
    "Now I mark every {name} in the last image:",
    "Now for each {name} after the event:",
    "I go on with each {name} in the last image:",
    "I also mark each {name} in the last image:",
    "In the last image I mark each {name}:",
    "In the last image, each {name} is outlined here:",
    "In the last image, this mask shows each {name}:",
    "Let me mark each {name} after the event:",
    "Here is every {name} in the last image:",
    "This mask shows each {name} after the event:",
)

_COUNTED = (
    "Of {all:+building} that could be judged, {gone} {gone:was|were} destroyed",
    "Of the {all:+building} that could be judged, I find {gone} destroyed",
    "Of {all:+building} with a known state, the event destroyed {gone}",
    "Out of {all:+building} that could be judged, {gone} {gone:is|are} destroyed",
    "Out of {all:+building}, {gone} {gone:has|have} been destroyed",
    "Among the {all:+building} that could be judged, {gone} {gone:is|are} destroyed",
    "Among {all:+building} I count {gone} destroyed",
    "From {all:+building} before the event, {gone} {gone:was|were} lost",
    "The first mask has {all:+separate building}, the second {gone} destroyed {gone:one|ones}",
    "The first mask shows {all:+building}, of which {gone} {gone:is|are} in the second as well",
    "The masks show {all:+building} before the event and {gone} destroyed after it",
    "There {all:is|are} {all:+building} that could be judged, and {gone} of them {gone:was|were} destroyed",
    "There {all:was|were} {all:+building} to judge; {gone} of them {gone:is|are} destroyed",
    "I count {all:+building} in the first mask and {gone} destroyed in the second",
    "I count {gone} destroyed among the {all:+building} that could be judged",
    "Counting both masks gives {all:+building}, {gone} of them destroyed",
    "Before the event I count {all:+building}; after it, {gone} {gone:is|are} destroyed",
    "With {all:+building} judged, {gone} {gone:turns|turn} out to be destroyed",
    "The state of {all:+building} is known; {gone} of these {gone:was|were} destroyed",
    "By number, {gone} of the {all:+building} that could be judged {gone:is|are} destroyed",
)
COUNTED = tuple(f"{counted}." for counted in _COUNTED)
SHARED = tuple(
    counted + so
    for counted, so in zip(
        _COUNTED,
        (
            *(
                ", which is {share:about}.",
                ", that is {share:about}.",
                ", hence {share:about}.",
                ", or {share:about}.",
                ": {share:about}.",
            ),
            *(
                ", a share of {share:about}.",
                ", so the share is {share:about}.",
                ", which makes {share:about}.",
                "; that is {share:about}.",
            ),
            *(
                "; the share is {share:about}.",
                ", which gives {share:about}.",
                ", so {share:about}.",
                ", therefore {share:about}.",
            ),
            *("; in per cent, {share:about}.", ", which comes to {share:about}.", ", and so a share of {share:about}."),
            *(
                "; as a share, {share:about}.",
                ", that is a share of {share:about}.",
                ", which amounts to {share:about}.",
                ", or {share:about}.",
            ),
        ),
        strict=True,
    )
)
