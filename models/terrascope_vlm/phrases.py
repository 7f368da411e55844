"""The name of a region from the words before its ``[SEG]``: "Now I mark the tree cover: [SEG]" names the tree cover."""

from __future__ import annotations

import re

from terracot.traces import SEG

_DATE = re.compile(r"Image: \d+\s*$")
_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z])|[\n>]")
_NAMED = re.compile(r"\b(?:the|labelled) (?=[a-z])", re.I)
_END = re.compile(
    r"[,:;.()]|\s(?:is|are|was|were|has|have|had|lies?|occup\w+|covers|takes?|shows?|can|in|on|of|at|as|to|by|for|with"
    r"|from|over|under|here|there|this|these|which|where|before|after|too|also|again|first|next|now|labelled"
    r"|common|comes?|goes|marked|date|one|I|and (?:mark|outline|segment|trace)|gets?)\b|$"
)
_NO_NAME = re.compile(
    r"(?:(?:main|largest|smallest|most|extensive|whole|earlier|later|next|first|last|other|same|following|two|optical"
    r"|sar|part|radar)\s?)*(?:images?|masks?|regions?|dates?|extents?|pixels?|scenes?|frames?|parts?|class|area|start|end"
    r"|rest|change|place|one|event)?",
    re.I,
)
LONGEST = 60
"""Characters of a name; what is longer is none."""


def name_before(text: str) -> str | None:
    """What a ``[SEG]`` shows, by the ``text`` that ends before it; None where that is not clear.

    Clear is a name after "the" in the last sentence, if it is the only one, or if others are of images and masks.
    """
    own = _DATE.sub("", text.rpartition(SEG)[2]).rstrip()
    sentence = _SENTENCE.split(own)[-1]
    found = {name for match in _NAMED.finditer(sentence) if (name := _name_at(sentence, match.end()))}
    return found.pop() if len(found) == 1 else None


def _name_at(sentence: str, start: int) -> str | None:
    end = _END.search(sentence, start)
    name = sentence[start : end.start() if end else None].strip()
    clear = 0 < len(name) <= LONGEST and " that" not in name and not _NO_NAME.fullmatch(name)
    return name if clear else None
