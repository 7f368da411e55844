"""What is measured on the model's own masks, written into the sequence as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from terrascope_vlm.slots import Query

if TYPE_CHECKING:
    from terrascope_vlm.evidence import Region


def measured_text(query: Query, regions: Sequence[Region]) -> str:
    """What is measured on the last of ``regions``, alone and against the earlier ones."""
    count = int(regions[-1].mask.sum())
    return f" ({count:,} pixels)"
