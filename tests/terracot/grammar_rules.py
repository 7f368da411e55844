"""Rules of grammar for the language test: what may not stand in a sentence, with class names marked by number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wording import Case

SINGULAR_VERBS = "is|was|has|does|covers|lies|takes|makes|occurs|appears|occupies|touches|holds|borders|falls|consists"
SINGULAR_VERBS += "|grows|shrinks|belongs|meets|reaches|gains|loses|remains|forms|comes|stands|surrounds|keeps|shows"
PLURAL_VERBS = "are|were|have|do|cover|lie|take|make|occur|appear|occupy|touch|hold|border|fall|consist"
PLURAL_VERBS += "|grow|shrink|belong|meet|reach|gain|lose|remain|form|come|stand|surround|keep|show"
NOUNS = "pixels|patches|buildings|classes|images|dates|pieces|parts|regions|steps|neighbours|metres"
# After these words a name does not rule the verb: "the pixels of wetlands have", "does the wetland cover".
NOT_SUBJECT = "of|by|with|from|to|in|on|between|and|or|for|as|at|into|than|over|around|along|beside|without|towards"
NOT_SUBJECT += (
    "|bordering|is|are|labelled|called|named|for|near|onto|inside|outside|beyond|under|like|class|cover|covers|shows"
)
HELPERS = re.compile(r"\b(does|do|did|can|could|would|may|might|will|shall|let|see|make|where|must|should|if)\b", re.I)
SUBJECT = r"(?:(?P<before>\w+),? )?(?:(?:the|any|all|some) )?(?:(?:nearest|earlier|later|initial) )?"

FORBIDDEN = {
    "template mark": r"[{}|]|\bNone\b(?! of)|\bnan\b",
    "double space": r"  ",
    "space before a sign": r" [.,;:?!)]",
    "doubled sign": r"[.,;:?!][.,;:?!]",
    "doubled word": r"\b(?i:([a-z]+) \1)\b",
    "article before a name": r"\b[Aa]n? (?:the )?[SP]NAME\b",
    "article before another": r"\b[Aa]n? (?:the|an?|any|each)\b",
    "a before a vowel": r"\b[Aa] (?!one\b|uni|use|eu)[aeiou]",
    "an before a consonant": r"\b[Aa]n (?!hour|8|11|18|[A-Z]{2})[^aeiou\W]",
    "two verbs": r"\b(?:is|are|was|were) (?:is|are|was|were|has|have|does|do)\b",
    "plural after 1": rf"(?<![\d.,-])1 (?:(?:valid|separate|connected|different|single|such) )?(?:{NOUNS})\b",
    "plural verb after 1": r"(?:^|[.:;] )1 \w+(?: of (?:the )?[SP]NAME)? (?:are|were|have|lie|cover|belong|form)\b",
    "there are 1": r"\b[Tt]here (?:are|were) 1(?![\d,.]*\d)\b(?! \w+ of \w+ and| \w+ of \w+, )",
    "singular after a number": r"(?<![\d.,-])(?!1\b)\d[\d,.]* (?:pixel|patch|building)\b(?! \w+s\b)",
    "this is, of a plural": r"\b(?i:this|here) (?:is|was) the PNAME\b",
    "these are, of a singular": r"\b(?i:these|here) (?:are|were) the SNAME\b(?! and)",
    "question about a plural": r"(?:^|[.:;?] |, )(?i:is|does|has|was) (?:the |any )?PNAME\b",
    "question about a singular": r"(?:^|[.:;?] |, )(?i:are|do|have|were) (?:the |any )?SNAME\b(?!,| and| or)",
    "does before a plural": r"\b(?i:does) (?:the |any )?PNAME\b",
    "a measure of uncountable kind": r"\b(?:much of the \w+ pixels|amount of (?:\w+ )?pixels|less pixels)\b",
    "no distance at all": r"\bat 0 pixels\b|\bnext to \S+ at 0\b",
}


def normal(text: str, case: Case) -> str:
    """The text with SNAME for each singular class name and PNAME for each plural one."""
    names = {mask.class_name: "PNAME" if mask.plural else "SNAME" for mask in case.finding.masks}
    for name in sorted(names, key=len, reverse=True):
        if name not in ("building", "destroyed building"):  # which may take an article
            text = re.sub(rf"\b{re.escape(name)}\b", names[name], text, flags=re.I)
    return text


def faults(text: str) -> Iterator[str]:
    """What is wrong with a normalised text."""
    for rule, pattern in FORBIDDEN.items():
        if hit := re.search(pattern, text):
            yield f"{rule}: {hit[0]!r}"
    for sentence in re.split(r"(?<=[.:;?!]) ", text):
        for name, verbs in (("PNAME", SINGULAR_VERBS), ("SNAME", PLURAL_VERBS)):
            for hit in re.finditer(rf"{SUBJECT}{name} (?:{verbs})\b", sentence):
                helped = name == "SNAME" and HELPERS.search(sentence[: hit.end()])
                if not helped and not re.fullmatch(NOT_SUBJECT, hit["before"] or "", re.I):
                    yield f"agreement: {hit[0]!r}"
