"""Seeds of synthetic scenes: from an id to numpy Generators, with train and test in disjoint ranges."""

from __future__ import annotations

import hashlib

import numpy as np

VERSION = "2"
"""Generator version: goes up whenever any byte of any scene changes."""

SPLITS = ("train", "test")
_HALF = 1 << 62  # seeds fit a signed 64-bit column: train in [0, 2^62), test in [2^62, 2^63)


def scene_seed(split: str, family: str, index: int) -> int:
    """The seed of one scene; no train scene can have the seed of a test scene."""
    digest = hashlib.sha256(f"{VERSION}/{split}/{family}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _HALF + SPLITS.index(split) * _HALF


def stream(seed: int, name: str) -> np.random.Generator:
    """One independent random stream of a scene, e.g. ``labels`` or ``t1-optical``: reading one never moves another."""
    digest = hashlib.sha256(f"{VERSION}/{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
