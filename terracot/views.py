"""View: one image of a scene as measurements need it, whether it comes from a source or from a stored row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.scenes import BoolMask, Modality


@dataclass(frozen=True, eq=False)
class View:
    """An image on date ``t``: ``pixels()`` gives ``(C, H, W)`` in ``unit``; ``hidden`` is behind cloud, where known."""

    t: int
    modality: Modality
    bands: tuple[str, ...]
    unit: str
    pixels: Callable[[], npt.NDArray[Any]]
    hidden: BoolMask | None = None
    time: str | None = None

    @property
    def clear(self) -> BoolMask | None:
        """Pixels not behind cloud or shadow; None where nobody knows."""
        return None if self.hidden is None else np.logical_not(self.hidden)


def modality_of(views: tuple[View, ...]) -> str:
    """The kinds of sensor of a scene in one word: "optical", "sar", "multispectral+sar"."""
    return "+".join(sorted({str(view.modality) for view in views}))
