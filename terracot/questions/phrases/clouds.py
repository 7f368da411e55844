"""How a trace says that clouds hide a part of what it is about in the optical image, and that the SAR image is read.

``{name}`` is "cloud or shadow". ``{when}`` is nothing, or " in image 2" where a scene has several dates. What follows
in a trace speaks of the marked region, so the last sentence here ends with it.
"""

from __future__ import annotations

MARKS = (
    "Here I mark the {name}:",
    "I mark the {name} over the optical image:",
    "I outline the {name} in the optical image:",
    "I segment the {name} of the optical image:",
    "I check the optical image for {name}, which this mask shows:",
    "I note where the optical image shows {name}:",
    "Let me mark the {name} as well:",
    "Let me see where the optical image shows {name}:",
    "But the optical image has {name} here:",
    "But there is {name} in the optical image:",
    "Here the optical image shows {name}:",
    "The optical image is not clear everywhere, with {name} here:",
    "The {name} in the optical image is here:",
    "The mask of {name} in the optical image is this one:",
    "Not all of the optical image is clear; the {name} is here:",
    "A part of the optical image lies under {name}:",
    "This part of the optical image is under {name}:",
    "These pixels of the optical image show {name}:",
    "In the optical image there is {name} here:",
    "In the optical image, {name} covers these pixels:",
)

OVER = (
    "It hides {hidden} of the {pixels} marked pixels{when}, which is {share}; the SAR image sees through it and shows "
    "the whole of the marked region.",
    "It covers {hidden} of the {pixels} marked pixels{when}, or {share}; radar passes through clouds, so I use the SAR "
    "image for the marked region.",
    "It lies over {hidden} of the {pixels} marked pixels{when}, which is {share}; in the SAR image, which clouds do "
    "not disturb, I can read all of the marked region.",
    "It takes away {hidden} of the {pixels} marked pixels{when}, that is {share}, and so I read the SAR image for the "
    "marked region.",
    "It makes {hidden} of the {pixels} marked pixels{when}, or {share}, unreadable in the optical image; the SAR "
    "image has the marked region in full.",
    "This hides {share} of the marked pixels{when}, {hidden} of {pixels}; I turn to the SAR image, which shows all of "
    "the marked region.",
    "This leaves {hidden} of the {pixels} marked pixels{when} unseen, which is {share}; radar passes through clouds, "
    "so the SAR image shows the whole marked region.",
    "This keeps {hidden} of the {pixels} marked pixels{when} from view, that is {share}; I rely on the SAR image for "
    "the marked region.",
    "Under it {hidden:lies|lie} {hidden} of the {pixels} marked pixels{when}, or {share}; I therefore read the SAR "
    "image, in which clouds hide none of the marked region.",
    "Below it {hidden:is|are} {hidden} of the {pixels} marked pixels{when}, or {share}; clouds do not stop radar, and "
    "the SAR image shows the entire marked region.",
    "Behind it {hidden:is|are} {hidden} of the {pixels} marked pixels{when}, which is {share}; the SAR image is free "
    "of clouds and fills in this part of the marked region.",
    "Of the {pixels} marked pixels{when}, cloud or shadow hides {hidden}, that is {share}; I rely on the SAR image "
    "for the whole marked region.",
    "Of the {pixels} marked pixels{when}, {hidden} cannot be seen in the optical image, which is {share}; the SAR "
    "image completes the marked region.",
    "Because it hides {hidden} of the {pixels} marked pixels{when}, or {share}, I read the SAR image, where nothing is "
    "missing from the marked region.",
    "Since {share} of the marked pixels{when} lie under it, {hidden} of {pixels}, I read the SAR image, which shows "
    "all of the marked region.",
    "As {hidden} of the {pixels} marked pixels{when}, or {share}, {hidden:lies|lie} behind it, I use the SAR image for "
    "the marked region.",
    "With {hidden} of the {pixels} marked pixels{when} hidden, which is {share}, I use the SAR image, since clouds do "
    "not hide the marked region there.",
    "The optical image thus misses {hidden} of the {pixels} marked pixels{when}, or {share}; the SAR image, unhindered "
    "by clouds, has the complete marked region.",
    "The optical image therefore lacks {share} of the marked pixels{when}, {hidden} of {pixels}; from the SAR image I "
    "read all of the marked region.",
    "So {hidden} of the {pixels} marked pixels{when}, that is {share}, cannot be read in the optical image, and it is "
    "the SAR image that shows the whole marked region.",
)

SEARCHED = (
    "It hides {hidden} of the {pixels} valid pixels{when}, which is {share}; the SAR image sees through it, so I "
    "search that as well.",
    "It covers {hidden} of the {pixels} valid pixels{when}, or {share}; radar passes through clouds, so I search the "
    "SAR image there.",
    "It lies over {hidden} of the {pixels} valid pixels{when}, which is {share}; there I look at the SAR image, which "
    "clouds do not disturb.",
    "It takes away {hidden} of the {pixels} valid pixels{when}, that is {share}, and for those I go through the SAR "
    "image.",
    "It makes {hidden} of the {pixels} valid pixels{when}, or {share}, unreadable in the optical image; I look for "
    "the class in the SAR image too.",
    "This hides {share} of the valid pixels{when}, {hidden} of {pixels}; there I turn to the SAR image.",
    "This leaves {hidden} of the {pixels} valid pixels{when} unseen, which is {share}; SAR looks through clouds, so I "
    "search it there.",
    "This keeps {hidden} of the {pixels} valid pixels{when} from view, that is {share}; for them I rely on the SAR "
    "image.",
    "Under it {hidden:lies|lie} {hidden} of the {pixels} valid pixels{when}, or {share}; I therefore "
    "check the SAR image as well.",
    "Below it {hidden:is|are} {hidden} of the {pixels} valid pixels{when}, or {share}; clouds do not stop radar, and "
    "I check them in the SAR image.",
    "Behind it {hidden:is|are} {hidden} of the {pixels} valid pixels{when}, which is {share}; the SAR image is free of "
    "clouds, so I examine it there.",
    "Of the {pixels} valid pixels{when} it hides {hidden}, that is {share}; these I examine in the SAR image.",
    "Of the {pixels} valid pixels{when}, {hidden} cannot be seen in the optical image, which is {share}; the SAR image "
    "shows them.",
    "Because it hides {hidden} of the {pixels} valid pixels{when}, or {share}, I search the SAR image too.",
    "Since {share} of the valid pixels{when} lie under it, {hidden} of {pixels}, I search the SAR image, which shows "
    "them all.",
    "As {hidden} of the {pixels} valid pixels{when}, or {share}, {hidden:lies|lie} behind it, the SAR image has to be "
    "searched.",
    "With {hidden} of the {pixels} valid pixels{when} hidden, which is {share}, I use the SAR image, where clouds hide "
    "nothing.",
    "The optical image thus misses {hidden} of the {pixels} valid pixels{when}, or {share}; the SAR image, unhindered "
    "by clouds, has them.",
    "The optical image therefore lacks {share} of the valid pixels{when}, {hidden} of {pixels}; I look for the class "
    "in the SAR image as well.",
    "So {hidden} of the {pixels} valid pixels{when}, that is {share}, cannot be read in the optical image, and I "
    "search the SAR image.",
)
"""The same where nothing is marked, since the class was not found anywhere."""
