"""How the region that a phrase names is asked for, and pointed at.

``{it}`` is a phrase with its article, of one thing or of several ("the red roofs", "all cars"): no verb goes with it.
"""

from __future__ import annotations

ASKED = (
    "Segment {it}.",
    "Please segment {it}.",
    "Can you segment {it}?",
    "Could you outline {it} for me?",
    "Mark {it}.",
    "Please mark {it}.",
    "Outline {it}.",
    "Draw the outline of {it}.",
    "Find {it} and mark the pixels.",
    "Locate {it} with a mask.",
    "Point out {it} with a mask.",
    "Show me {it} as a mask.",
    "Show where to find {it}.",
    "Give me a mask of {it}.",
    "Produce a segmentation mask for {it}.",
    "Make a mask of {it}.",
    "Which pixels show {it}?",
    "Which region shows {it}?",
    "Which pixels belong to {it}?",
    "Where can {it} be seen? Mark the region.",
    "Where do you see {it}? Answer with a mask.",
    "Which region would you mark as {it}?",
)
"""How a region is asked for."""

SHOWN = (
    "The mask here shows {it}:",
    "I outline {it} here:",
    "I have marked {it} here:",
    "This mask shows {it}:",
    "Here I mark {it}:",
    "Here I outline {it}:",
    "Here you can see {it}:",
    "Here is a mask of {it}:",
    "I mark {it} here:",
    "I find {it} in this region:",
    "I find {it} here:",
    "I have segmented {it}:",
    "Let me mark {it}:",
    "This region shows {it}:",
    "This mask covers {it}:",
    "You can find {it} here:",
    "These pixels show {it}:",
    "The mask of {it} is this one:",
    "The region of {it} is marked here:",
    "The following mask shows {it}:",
)
"""How it is pointed at; the mask follows."""
