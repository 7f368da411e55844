"""Answers: text in which the model draws regions and reads their pixels, for a whole batch on one cache."""

from terrascope_vlm.generation.decoding import reason
from terrascope_vlm.generation.events import Decoding, Drawn, Drew, Event, Reasoning, Wrote

__all__ = ["Decoding", "Drawn", "Drew", "Event", "Reasoning", "Wrote", "reason"]
