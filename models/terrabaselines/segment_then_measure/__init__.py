"""Segment, then measure: a classical baseline. It understands the question, classifies pixels, and does arithmetic.

terrabench run --bench TEST --model segment-then-measure --model-args train=TRAIN --out RUN

It shows what exact arithmetic on an ordinary segmentation is worth, so that readers see whether language adds anything.
"""

from terrabaselines.segment_then_measure.model import SegmentThenMeasure

__all__ = ["SegmentThenMeasure"]
