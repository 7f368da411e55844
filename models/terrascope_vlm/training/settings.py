"""Settings of a training run: a YAML file, read strictly, with ``key=value`` changes from the command line.

Every key is listed in ``Settings`` and the classes that it is made of. A key that is unknown, missing or of the wrong
type is an error that names the key and what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from terracot.scenes import SourceError
from terracot.sources import strict_yaml as y

STAGES = ("stage1", "stage2")
PRECISIONS = ("fp32", "bf16")
ALL = "all"
"""What is trained when ``trainable`` names nothing else: every weight."""

FREE_TO_CHANGE = ("workers", "save_every", "keep", "tensorboard", "out")
"""Settings that a resumed run may change: they do not touch the curve."""


@dataclass(frozen=True)
class Data:
    """One Terra-CoT folder. Each of its samples is seen ``weight`` times an epoch; of a fraction, chance decides.

    ``levels`` and ``kinds`` choose among its rows; None leaves that to the settings of the run.
    """

    path: str
    weight: float = 1.0
    levels: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ModelSource:
    """Where the model comes from; exactly one of these.

    ``checkpoint``: a TerraScope folder. ``internvl`` and ``sam2``: two checkpoints in the layout of the hub, folders
    or, with ``download``, names. ``tiny``: sizes of ``terrascope_vlm.tiny.tiny_config``, weights from the seed, and a
    tokenizer of ``vocabulary`` words learned from the texts of the data. ``settings`` are those of
    ``TerraScopeConfig`` (evidence, fusion ...), for all three.
    """

    checkpoint: str | None = None
    internvl: str | None = None
    sam2: str | None = None
    download: bool = False
    tiny: Mapping[str, Any] | None = None
    vocabulary: int = 1500
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters of the language model."""

    rank: int = 64
    alpha: float = 128.0
    dropout: float = 0.0


@dataclass(frozen=True)
class Settings:
    """All settings of a run. ``batch`` samples make a step, on all processes together, ``micro_batch`` at once on each.

    ``levels``, ``kinds``, ``modalities``, ``splits`` choose rows (None: all). ``ids`` names a file with the ids to use,
    one a line. ``shuffle``: within how many samples the order is free. ``bucket``: so many steps are sorted by length
    together. ``together``: so many rows of a scene are seen in one go, so that its images are encoded once for all of
    them. ``warmup`` is a share of the steps. ``predicted`` (in the file ``inject: {predicted: 0.3}``): how likely a
    sample gets the model's own masks as evidence instead of the true ones. ``digits``: to how many significant digits
    the numbers of traces and open answers are rounded (None: as they stand). ``trainable``: patterns of names of
    weights (``fnmatch``), or "all".
    """

    stage: str
    model: ModelSource
    data: tuple[Data, ...]
    out: str | None = None
    levels: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    modalities: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = ("train",)
    ids: str | None = None
    trainable: tuple[str, ...] = (ALL,)
    lora: Lora | None = None
    batch: int = 32
    micro_batch: int = 4
    epochs: float = 1.0
    steps: int | None = None
    lr: float = 4e-5
    warmup: float = 0.03
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    precision: str = "bf16"
    gradient_checkpointing: bool = False
    predicted: float = 0.0
    digits: int | None = None
    seed: int = 0
    shuffle: int = 4096
    bucket: int = 8
    together: int = 1
    workers: int = 2
    save_every: int = 500
    keep: int = 2
    tensorboard: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files."""
        return asdict(self)

    def curve(self) -> dict[str, Any]:
        """All that the loss curve depends on but the content of the data; a resumed run must have the same."""
        values = self.as_dict() | {"data": [{**asdict(folder), "path": ""} for folder in self.data]}
        return {key: value for key, value in values.items() if key not in FREE_TO_CHANGE}


def recipes() -> tuple[str, ...]:
    """Names of the settings that come with the package."""
    folder = files("terrascope_vlm").joinpath("recipes")
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def read_settings(stage: str, config: str, changes: Sequence[str] = ()) -> Settings:
    """Settings of ``config``, a YAML file or the name of a recipe; ``SourceError`` names the key that is wrong.

    ``changes`` are ``key=value`` with dots between levels (``model.settings.evidence=box``, ``data=[{path: a}]``);
    values are YAML.
    """
    top = y.read_yaml(_file(config))[1]
    for change in changes:
        _apply(top.value, change)
    stated = top.take("stage", y.one_of(*STAGES), stage)
    if stated != stage:
        raise top.error("stage", f"{stage}, as the command says", stated)
    levels = ("refer",) if stage == "stage1" else None
    model = top.section("model")
    if model is None:
        raise top.error("model", "this key, with checkpoint, internvl and sam2, or tiny", sorted(map(str, top.value)))
    settings = Settings(
        stage=stage,
        model=_model(model),
        data=_data(top),
        levels=top.take("levels", _maybe(_texts), levels),
        lora=_lora(top),
        predicted=_predicted(top),
        trainable=top.take("trainable", _texts, (ALL,)),
        **{
            key: top.take(key, convert, getattr(Settings, key))
            for key, convert in {
                "out": _maybe(y.text),
                "kinds": _maybe(_texts),
                "modalities": _maybe(_texts),
                "splits": _maybe(_texts),
                "ids": _maybe(y.text),
                "batch": y.positive,
                "micro_batch": y.positive,
                "epochs": _above_zero,
                "steps": _maybe(y.positive),
                "lr": _above_zero,
                "warmup": _share,
                "weight_decay": _from_zero,
                "betas": _betas,
                "clip": _above_zero,
                "digits": _maybe(y.positive),
                "precision": y.one_of(*PRECISIONS),
                "gradient_checkpointing": y.flag,
                "seed": y.integer,
                "shuffle": y.positive,
                "bucket": y.positive,
                "together": y.positive,
                "workers": _whole,
                "save_every": y.positive,
                "keep": y.positive,
                "tensorboard": y.flag,
            }.items()
        },
    )
    top.close()
    return settings


def _file(config: str) -> Path:
    path = Path(config)
    if path.is_file():
        return path
    if config not in recipes():
        raise SourceError(
            f"there is no file {config!r}; expected a YAML file or one of the recipes {', '.join(recipes())}"
        )
    return Path(str(files("terrascope_vlm").joinpath("recipes", f"{config}.yaml")))


def _apply(values: dict[Any, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    path = key.split(".")
    if not equals or not all(path):
        raise SourceError(f"--set {change}: expected key=value, as in --set lr=0.001")
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SourceError(f"--set {change}: {part} is {inner!r}; expected a mapping (key: value)")
        values = inner
    try:
        values[path[-1]] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SourceError(f"--set {change}: the value is no YAML ({error})") from error


def _model(section: y.Section) -> ModelSource:
    tiny = section.section("tiny")
    given = section.section("settings")
    found = ModelSource(
        checkpoint=section.take("checkpoint", _maybe(y.text), None),
        internvl=section.take("internvl", _maybe(y.text), None),
        sam2=section.take("sam2", _maybe(y.text), None),
        download=section.take("download", y.flag, False),
        tiny=None if tiny is None else dict(tiny.value),
        vocabulary=section.take("vocabulary", y.positive, ModelSource.vocabulary),
        settings={} if given is None else dict(given.value),
    )
    section.close()
    parts = (found.internvl is not None, found.sam2 is not None)
    named = [found.checkpoint is not None, any(parts), found.tiny is not None]
    if sum(named) != 1 or parts[0] != parts[1]:
        raise section.error("", "one of: checkpoint; internvl and sam2; tiny", sorted(map(str, section.value)))
    return found


def _data(top: y.Section) -> tuple[Data, ...]:
    found = []
    for section in top.sections("data", required=True):
        found.append(
            Data(
                section.take("path", y.text),
                section.take("weight", _above_zero, Data.weight),
                section.take("levels", _maybe(_texts), None),
                section.take("kinds", _maybe(_texts), None),
            )
        )
        section.close()
    return tuple(found)


def _predicted(top: y.Section) -> float:
    section = top.section("inject")
    if section is None:
        return Settings.predicted
    found: float = section.take("predicted", _share, Settings.predicted)
    section.close()
    return found


def _lora(top: y.Section) -> Lora | None:
    section = None if top.take("lora", lambda value: value, None) is None else top.section("lora")
    if section is None:
        return None
    found = Lora(
        section.take("rank", y.positive, Lora.rank),
        section.take("alpha", _above_zero, Lora.alpha),
        section.take("dropout", _share, Lora.dropout),
    )
    section.close()
    return found


def _maybe(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def converted(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except y.Unfit as unfit:
            raise y.Unfit(f"{unfit}, or null") from None

    return converted


def _texts(value: Any) -> tuple[str, ...]:
    """One text, or several."""
    found: tuple[str, ...] = y.list_of(y.text)([value] if isinstance(value, str) else value)
    if not found:
        raise y.Unfit("a list with at least one entry")
    return found


def _number(value: Any) -> float:
    """YAML takes 4e-5 for a text; people mean a number."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise y.Unfit("a finite number") from None
    return y.number(value)


def _above_zero(value: Any) -> float:
    if _number(value) <= 0:
        raise y.Unfit("a number above 0")
    return _number(value)


def _from_zero(value: Any) -> float:
    if _number(value) < 0:
        raise y.Unfit("a number from 0")
    return _number(value)


def _share(value: Any) -> float:
    if not 0 <= _number(value) <= 1:
        raise y.Unfit("a share from 0 to 1")
    return _number(value)


def _whole(value: Any) -> int:
    if y.integer(value) < 0:
        raise y.Unfit("a whole number from 0")
    return int(value)


def _betas(value: Any) -> tuple[float, float]:
    first, second = y.list_of(_share, 2)(value)
    return first, second
