"""The kinds of the levels "refer" and "caption"."""

from __future__ import annotations

from terracot.captions.caption import KIND
from terracot.captions.refer import REFER_KIND

KINDS = (REFER_KIND, KIND)
