"""Synthetic landscapes with exact labels: a seeded generator behind the same contract as a folder of images.

Nothing here is an observation. Scenes are made from noise, drainage, parcels and spectra, and say so in their
provenance (``synthetic: true``). Same id, same ``VERSION``: same bytes.
"""

from terracot.sources.procedural.seeds import VERSION
from terracot.sources.procedural.source import ProceduralSource

__all__ = ["VERSION", "ProceduralSource"]
