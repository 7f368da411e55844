"""Randomness by name: every choice is a function of a key, never of the order in which work is done."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*key: object) -> int:
    """A 64-bit seed from a key (plain values); equal keys give equal seeds on every machine."""
    text = "\x1f".join(map(str, key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def seeded_index(size: int, *key: object) -> int:
    """A number in ``0 .. size - 1`` from a key."""
    return seed_of(*key) % size


def seeded_rng(*key: object) -> np.random.Generator:
    """A generator of its own for a key."""
    return np.random.default_rng(seed_of(*key))
