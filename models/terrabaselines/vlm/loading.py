"""A checkpoint in the layout of the hub, ready to answer: weights, tokenizer, image processor and chat template apart.

They are loaded apart since the stock processors of these families want torchvision for their video part, which nothing
here needs. No code of a checkpoint is run, no pickle is read, and nothing is fetched unless ``allow_download`` is set.
torch and transformers are imported when a model is loaded: importing this module needs neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from terrabaselines.vlm.profiles import Profile, profile_for
from terracot.io import sha256_file
from terracot.plugins import ModelError, describe

DTYPES = ("auto", "float32", "bfloat16", "float16")
FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model", "*.tiktoken"]
_NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model and what it reads with. ``stock``: the checkpoint's own processor, in place of the two others.

    ``settings`` is what ``processor_config.json`` says, {} without one.
    """

    model: Any
    tokenizer: Any
    profile: Profile
    name: str
    revision: str
    device: str
    image_processor: Any = None
    chat_template: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stock: Any = None

    def about(self) -> dict[str, Any]:
        """Plain values that say which model answers, and where."""
        import torch
        import transformers

        place = str(self.model.device)
        return {
            "checkpoint": self.name,
            "revision": self.revision,
            "model_type": str(self.model.config.model_type),
            "parameters": sum(weight.numel() for weight in self.model.parameters()),
            "profile": self.profile.record(),
            "device": torch.cuda.get_device_name(place) if place.startswith("cuda") else place,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }


def load(
    pretrained: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    profile: str | None = None,
    revision: str | None = None,
    allow_download: bool = False,
) -> Loaded:
    """The checkpoint of a folder, or of a hub name that is in the cache or may be fetched.

    ``device`` auto: the GPU if there is one; "split": spread over all GPUs. ``dtype`` auto: that of the checkpoint on a
    GPU, float32 on a CPU. ``ModelError`` says what is wrong and what to do.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ModelError(
            f"the model `transformers` needs {', '.join(missing)}, not installed here: "
            "pip install 'terrascope-bench[models]'"
        )
    if dtype not in DTYPES:
        raise ModelError(f"unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}")
    folder = _folder(str(pretrained), revision, allow_download)
    values = _json_of(folder / "config.json")
    if values is None:
        raise ModelError(f"{folder} has no config.json, so it is no checkpoint in the layout of the hub")
    found = profile_for(str(values.get("model_type")), profile)
    _refuse_foreign(folder, values)
    place = _device(device)
    with quiet():
        model = _model(folder, place, dtype)
        try:
            parts = _stock(folder) if found.tokens == "stock" else _parts(folder, found)
        except ModelError:
            raise
        except Exception as error:  # files of a checkpoint may say anything, and transformers raises anything for it
            raise ModelError(f"{folder}: tokenizer or processor cannot be loaded: {describe(error)}") from error
    return Loaded(model, profile=found, name=_name(folder), revision=_revision(folder), device=place, **parts)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers; errors are raised here, in one line."""
    from transformers.utils import logging

    bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _folder(pretrained: str, revision: str | None, allow_download: bool) -> Path:
    folder = Path(pretrained).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(pretrained, revision=revision, allow_patterns=FILES, local_files_only=not allow_download)
        )
    except Exception as error:
        if allow_download:
            raise ModelError(f"{pretrained} could not be fetched from the hub: {describe(error)}") from error
        raise ModelError(
            f"pretrained={pretrained} is no folder, and no hub name whose files are in the cache; expected a folder "
            "with config.json and safetensors, or a hub name together with allow_download=true"
        ) from error


def _json_of(file: Path) -> dict[str, Any] | None:
    """What a JSON file says; None without the file."""
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{file} cannot be read as JSON: {describe(error)}; copy the checkpoint again") from error
    if not isinstance(values, dict):
        raise ModelError(f"{file} holds no JSON object; copy the checkpoint again")
    return values


def _refuse_foreign(folder: Path, values: Mapping[str, Any]) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = values.get("model_type")
    if kind not in CONFIG_MAPPING:
        hint = "; take the checkpoint whose name ends in -hf" if "auto_map" in values else ""
        raise ModelError(
            f"{folder}: model_type {kind!r} is none that transformers has itself, and code that comes with a "
            f"checkpoint is not run{hint}"
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} has no *.safetensors; other weights are not read, since a pickle may run any code")


def _model(folder: Path, place: str, dtype: str) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    on_cpu = place == "cpu"
    kind = ("float32" if on_cpu else "auto") if dtype == "auto" else dtype
    try:
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=kind if kind == "auto" else getattr(torch, kind),
            device_map="auto" if place == "split" else None,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # as for the processor
        raise ModelError(
            f"{folder}: no image-text-to-text model can be loaded from it: {describe(error)[:600]}"
        ) from error
    for what in ("missing_keys", "mismatched_keys"):
        if lost := sorted(map(str, report[what])):
            raise ModelError(
                f"{folder}: {len(lost)} weights are {what.removesuffix('_keys')}, such as {lost[0]}, and would be "
                "random; copy the checkpoint again"
            )
    return (model if place == "split" else model.to(place)).eval()


def _parts(folder: Path, profile: Profile) -> dict[str, Any]:
    from transformers import AutoImageProcessor, AutoTokenizer

    settings = _json_of(folder / "processor_config.json") or {}
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    images = AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True, trust_remote_code=False)
    return {
        "tokenizer": tokenizer,
        "image_processor": images,
        "chat_template": chat_template(folder, settings, tokenizer, profile),
        "settings": settings,
    }


def chat_template(folder: Path, settings: Mapping[str, Any], tokenizer: Any, profile: Profile) -> str:
    """The template that the stock processor would take, else the tokenizer's, else the profile's."""
    jinja = folder / "chat_template.jinja"
    candidates = (
        settings.get("chat_template"),
        (_json_of(folder / "chat_template.json") or {}).get("chat_template"),
        jinja.read_text(encoding="utf-8") if jinja.is_file() else None,
        getattr(tokenizer, "chat_template", None),
        profile.chat_template,
    )
    for found in candidates:
        if isinstance(found, dict):
            found = found.get("default")
        if isinstance(found, str) and found:
            return found
    raise ModelError(
        f"{folder} has no chat template and its profile {profile.name} neither; name one that has: profile=FILE"
    )


def _stock(folder: Path) -> dict[str, Any]:
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelError(
            f"{folder}: its own processor cannot be loaded ({describe(error)[:300]}). Families without a profile need "
            "what their processor needs, often torchvision; or name a profile: profile=NAME or FILE"
        ) from error
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise ModelError(f"{folder}: expected a processor of texts and images, found {type(processor).__name__}")
    if not getattr(processor, "chat_template", None) and not getattr(processor.tokenizer, "chat_template", None):
        raise ModelError(f"{folder} has no chat template; name a profile that has one: profile=FILE")
    return {"tokenizer": processor.tokenizer, "stock": processor}


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "split":
        return wanted
    try:
        found = torch.device(wanted)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device {wanted!r} cannot be used ({describe(error)[:200]}); expected auto, cpu, split, or a GPU such as "
            "cuda or cuda:1"
        ) from error
    return str(found)


def _name(folder: Path) -> str:
    """The name of a folder; of a snapshot in the cache of the hub, the name on the hub."""
    resolved = folder.resolve()
    repository = resolved.parent.parent
    if resolved.parent.name == "snapshots" and repository.name.startswith("models--"):
        return repository.name.removeprefix("models--").replace("--", "/")
    return resolved.name


def _revision(folder: Path) -> str:
    """sha256 of the weights: of the one file, or of the names and hashes of several."""
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return sha256_file(files[0])
    listed = "".join(f"{sha256_file(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
