"""Run by test_stock_processors.py, with torchvision on the path: our tensors against those of the stock processor.

python stock_side_by_side.py CHECKPOINTS -> one JSON object by family on stdout
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

# torchvision on the registry is built for CUDA: beside a CPU build of torch its two operators have to be named first.
OPERATORS = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision  # noqa: E402
from family_checkpoints import FAMILIES  # noqa: E402
from family_prompts import PROMPTS  # noqa: E402
from terrabaselines.vlm.conversation import conversation_of  # noqa: E402
from terrabaselines.vlm.encoding import Encoder  # noqa: E402
from terrabaselines.vlm.loading import load  # noqa: E402
from transformers import AutoImageProcessor, AutoProcessor  # noqa: E402


def compare(folder: Path) -> dict[str, Any]:
    """Names of tensors on both sides, those that are not equal, and how far the other backend's pixels are."""
    loaded = load(folder, device="cpu")
    encoder = Encoder(loaded)
    conversations = [conversation_of(prompt, loaded.profile, min_side=0) for prompt in PROMPTS]
    ours = encoder.batch(conversations).tensors
    stock = AutoProcessor.from_pretrained(folder)
    fast = stocks(stock, conversations)
    stock.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    slow = stocks(stock, conversations)
    return {
        "processor": type(stock).__name__,
        "names": [sorted(ours), sorted(slow)],
        "different": [name for name in slow if name not in ours or not equal(ours[name], slow[name])],
        "ids_of_other_backend": torch.equal(ours["input_ids"], fast["input_ids"]),
        "pixels_of_other_backend": float((ours["pixel_values"] - fast["pixel_values"]).abs().max()),
    }


def stocks(stock: Any, conversations: Any) -> Mapping[str, Any]:
    """What the stock processor makes of the same messages."""
    stock.tokenizer.padding_side = "left"
    made: Mapping[str, Any] = stock.apply_chat_template(
        [conversation.messages(with_pixels=True) for conversation in conversations],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )
    return made


def equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Same shape and values, whatever the type."""
    return one.shape == other.shape and bool((one.double() == other.double()).all())


if __name__ == "__main__":
    found = {family: compare(Path(sys.argv[1]) / family) for family in FAMILIES}
    print(json.dumps({"torchvision": torchvision.__version__, "families": found}))
