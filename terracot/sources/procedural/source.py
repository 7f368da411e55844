"""ProceduralSource: synthetic scenes behind the same contract as a folder of images."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from terracot.scenes import Scene, SceneError
from terracot.sources.procedural.config import FAMILIES, read_config
from terracot.sources.procedural.scene import Request, build_scene
from terracot.sources.procedural.seeds import VERSION, scene_seed

_ID = re.compile(r"procedural-(train|test)-([a-z]+)-(\d{6,10})")
_GOLDEN, _WORD = 2654435769, 1 << 32  # 2^32 over the golden ratio: spreads families evenly over any run of indices


class ProceduralSource:
    """Seeded synthetic landscapes and settlements with exact labels.

    ``path`` is ``default`` (test seeds), ``default-train``, ``everything``, a YAML file or inline YAML in braces, with
    any of the keys split, scenes, first, size, families, cloud_share and bands. Raises ``SourceError`` for a file or
    key that it cannot use.
    """

    name = "procedural"

    def __init__(self, path: str) -> None:
        self.config = read_config(str(path))

    def ids(self) -> Sequence[str]:
        """Ids such as ``procedural-test-landscape-000012``, by index."""
        return [self._id(i) for i in range(self.config.first, self.config.first + self.config.scenes)]

    def load(self, scene_id: str) -> Scene:
        """The scene of an id; labels and pixels are made when first read. ``SceneError`` for an id not in ``ids()``."""
        first, last = self.config.first, self.config.first + self.config.scenes - 1
        match = _ID.fullmatch(scene_id)
        index = int(match[3]) if match else -1
        if not first <= index <= last or self._id(index) != scene_id:
            raise SceneError(
                "unknown_id",
                f"procedural source: expected an id of its {self.config.scenes} scenes, from {self._id(first)} to "
                f"{self._id(last)}; found {scene_id!r}. Take one from ids(), or change `first` and `scenes`",
            )
        family = self._family(index)
        seed = scene_seed(self.config.split, family, index)
        return build_scene(
            Request(
                scene_id, self.config.split, family, seed, self.config.size, self.config.cloud_share, self.config.bands
            )
        )

    def fingerprint(self) -> str:
        """Hash of the generator version and the configuration."""
        text = json.dumps({"version": VERSION, **self.config.as_dict()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def inline(self) -> str:
        """The configuration as inline YAML, which ``path`` may be."""
        return json.dumps(self.config.as_dict(), sort_keys=True)

    def _family(self, index: int) -> str:
        """The family of an index: shares hold over any run of indices, not only on average."""
        place = index * _GOLDEN % _WORD / _WORD * sum(self.config.families.values())
        shares = [(name, self.config.families.get(name, 0.0)) for name in FAMILIES]
        for name, share in shares:
            if place < share:
                return name
            place -= share
        return next(name for name, share in reversed(shares) if share > 0)

    def _id(self, index: int) -> str:
        return f"procedural-{self.config.split}-{self._family(index)}-{index:06d}"
