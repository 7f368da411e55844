"""What the model needs installed beyond the package's own dependencies, and how that is done."""

from __future__ import annotations

from importlib.util import find_spec

TO_ANSWER = ("torch", "transformers", "tokenizers", "safetensors")
TO_TRAIN = ("accelerate", "peft")
INSTALL = "pip install 'terrascope-bench[models]'"


def missing() -> list[str]:
    """Packages that the model needs to answer and that are not installed."""
    return [name for name in TO_ANSWER if find_spec(name) is None]
