"""Protocols: under which rules a benchmark may ask a question, and how its options are made.

``strict`` is ours and the default. ``paper`` is that of arXiv 2603.19039 as far as it is printed, for comparability:
its filters, 10 m for every pixel whatever the projection, and its ladder of options, which tells the answer. Numbers of
the two are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from terracot.ground import GroundSampling
from terracot.rules import Filters
from terracot.scenes import MapLimits, Scene, SourceError

ANY = 1e9
"""As good as no limit, and still a number in JSON."""

TEN_METRES = GroundSampling.nominal(10.0, 10.0, "10 m for every pixel, as in arXiv 2603.19039")


@dataclass(frozen=True)
class Robustness:
    """What an answer has to survive; ``terrabench.building.robust`` says how each is measured."""

    majority: bool = True  # a 3 x 3 majority filter of the whole label map
    ignore_either_way: bool = True  # pixels without a label counted as the class asked about, and as another one
    min_object_px: int = 16  # the evidence without components of fewer pixels
    min_touch_edges: int = 10  # boundary, "touch": shared pixel edges
    min_gap_px: float = 3.0  # boundary, "no touch": pixels between the two


@dataclass(frozen=True)
class Protocol:
    """One set of rules. ``ladders``: tasks whose options are multiples of the truth instead of true values of others.

    ``balanced``: of every pair of classes each outcome is as frequent as the other.
    """

    name: str
    filters: Filters
    ten_metres: bool = False
    robustness: Robustness | None = None
    balanced: bool = True
    ladders: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def scene(self, scene: Scene) -> Scene:
        """The scene as this protocol sees it: under ``ten_metres`` without its true ground sampling and map limits."""
        if not self.ten_metres:
            return scene
        return replace(scene, ground=TEN_METRES, labels=tuple(replace(m, limits=MapLimits()) for m in scene.labels))


STRICT = Protocol(
    "strict",
    Filters(min_component_share=1.0),
    robustness=Robustness(),
)
PAPER = Protocol(
    "paper",
    Filters(min_valid_share=0.0, max_drift=ANY, max_area_drift=ANY, max_hidden_share=100.0),
    ten_metres=True,
    balanced=False,
    # As printed in the paper's figures; of coverage and building change no options are printed.
    ladders={"distance": (0.7, 1.0, 1.2, 1.4), "area": (0.1, 0.5, 1.0, 2.0)},
)
PROTOCOLS = {protocol.name: protocol for protocol in (STRICT, PAPER)}


def protocol_named(name: str) -> Protocol:
    """A protocol by its name; ``SourceError`` lists the known ones."""
    if name not in PROTOCOLS:
        raise SourceError(f"unknown protocol {name!r}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
