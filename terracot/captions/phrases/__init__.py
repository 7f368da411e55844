"""Phrasings of captions, at least twenty for each step.

``subj`` is what a sentence is about: "it" right after its mask, or "this region". ``whole`` is "the image", or "the
labelled pixels" where some have no label; it takes plural verbs then. Other slots are names and measured numbers.
"""
