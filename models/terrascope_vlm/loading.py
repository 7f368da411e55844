"""A checkpoint on a device, ready to answer. ``ModelError`` says what to do where that cannot be had.

torch and transformers are imported when a model is loaded: importing this module needs neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.io import sha256_file
from terracot.plugins import ModelError, describe
from terrascope_vlm import needs

BUNDLED = Path(__file__).with_name("checkpoints") / "terrascope-tiny"
"""The checkpoint that comes with the package."""

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model and its processor. ``name`` is that of the checkpoint, ``revision`` the sha256 of its weights."""

    model: Any
    processor: Any
    name: str
    revision: str
    device: str
    dtype: str

    def about(self) -> dict[str, Any]:
        """Plain values that say which model answers, and how it is run."""
        import torch
        import transformers

        config = self.model.config
        parts = {name: getattr(config, name) for name in ("evidence", "min_cover", "max_evidence", "max_tiles")}
        pairs = {name: getattr(config, name) for name in ("fusion", "mask_fusion", "bands", "grounding_backend")}
        where = torch.cuda.get_device_name(self.device) if self.device.startswith("cuda") else self.device
        return {
            "checkpoint": self.name,
            "revision": self.revision,
            "parameters": sum(weight.numel() for weight in self.model.parameters()),
            **parts,
            **pairs,
            "device": where,
            "dtype": self.dtype,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }


def load_checkpoint(
    checkpoint: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    settings: Mapping[str, Any] | None = None,
    *,
    allow_download: bool = False,
) -> Loaded:
    """The model of a folder (or hub name, with ``allow_download``), ``settings`` of its configuration replaced."""
    require_packages()
    if dtype not in DTYPES:
        raise ModelError(f"unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}")
    folder = _checkpoint(checkpoint)
    import torch

    from terrascope_vlm import checkpoints

    place = _device(device)
    given = {name: value for name, value in (settings or {}).items() if value is not None}
    try:
        model, processor = checkpoints.load(
            folder, dtype=getattr(torch, dtype), device=place, allow_download=allow_download, **given
        )
    except (ValueError, OSError) as error:
        raise ModelError(str(error)) from error
    path = Path(folder)
    return Loaded(model, processor, path.resolve().name, _revision(path), place, dtype)


def require_packages() -> None:
    """``ModelError`` names what has to be installed for the model to run."""
    if missing := needs.missing():
        raise ModelError(f"the TerraScope model needs {', '.join(missing)}, not installed here: {needs.INSTALL}")


def _checkpoint(given: str | Path | None) -> str:
    if given is not None:
        return str(given)
    if not (BUNDLED / "config.json").is_file():
        raise ModelError(
            f"no checkpoint was named, and {BUNDLED.name} does not come with this installation; name a folder that "
            "`terrascope-vlm train` made: checkpoint=DIR in --model-args of terrabench, --checkpoint DIR of "
            "terrascope-vlm"
        )
    return str(BUNDLED)


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(wanted)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device {wanted!r} cannot be used ({describe(error)}); expected auto, cpu or a GPU such as cuda or cuda:1"
        ) from error
    return str(found)


def _revision(folder: Path) -> str:
    """sha256 of the weights: of the one file, or of the names and hashes of several; empty for a hub name."""
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return sha256_file(files[0])
    listed = "".join(f"{sha256_file(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest() if files else ""
