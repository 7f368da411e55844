"""What a procedural source is asked for: split, number of scenes, size, families; read from YAML or built in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from terracot.scenes import SourceError
from terracot.sources.procedural.seeds import SPLITS

FAMILIES = ("landscape", "change", "settlement", "sequence")
BUILT_IN = ("default", "default-train", "everything")
BANDS = ("optical", "multispectral")
SMALLEST, LARGEST = 64, 1024


@dataclass(frozen=True)
class Config:
    """``families`` maps family to its share of the scenes; ``cloud_share`` is that of cloudy optical frames.

    With ``bands`` "multispectral" the optical frames of landscapes have short-wave infrared as well (B11 and B12).
    """

    split: str = "test"
    scenes: int = 128
    first: int = 0
    size: int = 128
    families: dict[str, float] = field(default_factory=lambda: {"landscape": 0.5, "change": 0.2, "settlement": 0.3})
    cloud_share: float = 0.25
    bands: str = "optical"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def read_config(path: str) -> Config:
    """One of ``BUILT_IN``, a YAML file or inline YAML in braces; ``SourceError`` names what is wrong."""
    if path.lstrip().startswith("{"):
        return _parse(path, "inline YAML")
    if path in BUILT_IN:
        return _parse(files(__package__).joinpath(f"{path}.yaml").read_text("utf-8"), path)
    file = Path(path)
    if not file.is_file():
        raise SourceError(
            f"procedural source: expected one of {', '.join(BUILT_IN)} or a YAML file, found no file {path!r}; "
            "name one of these or write a file with keys such as `scenes: 64`"
        )
    return _parse(file.read_text("utf-8"), path)


def _parse(text: str, where: str) -> Config:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError(f"{where}: not valid YAML ({error}); expected `key: value` lines") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise SourceError(f"{where}: expected a mapping of keys to values, found {type(values).__name__}")
    known = [f.name for f in fields(Config)]
    unknown = sorted(str(k) for k in values if k not in known)
    if unknown:
        raise SourceError(f"{where}: unknown keys {', '.join(unknown)}; known keys: {', '.join(known)}")
    config = Config(**values)
    for key, good, expected in _rules(config):
        if not good:
            raise SourceError(f"{where}: {key} must be {expected}, found {getattr(config, key)!r}")
    return config


def _rules(config: Config) -> list[tuple[str, bool, str]]:
    def whole(value: object, low: int, high: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    def share(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

    shares = config.families
    named = isinstance(shares, dict) and set(shares) <= set(FAMILIES) and all(share(v) for v in shares.values())
    return [
        ("split", config.split in SPLITS, " or ".join(SPLITS)),
        ("scenes", whole(config.scenes, 1, 10**9), "a whole number from 1 to 1e9"),
        ("first", whole(config.first, 0, 10**9), "a whole number from 0 to 1e9"),
        ("size", whole(config.size, SMALLEST, LARGEST), f"a whole number of pixels from {SMALLEST} to {LARGEST}"),
        ("families", named and sum(shares.values()) > 0, f"shares from 0 to 1 (not all 0) of {', '.join(FAMILIES)}"),
        ("cloud_share", share(config.cloud_share), "a share from 0 to 1"),
        ("bands", config.bands in BANDS, " or ".join(BANDS)),
    ]
