"""A family is data: a profile of one's own works without touching the package, and a wrong one is told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from family_prompts import DATES, ONE
from terrabaselines.vlm.plugin import Transformers
from terrabaselines.vlm.profiles import FILE, known_profiles, profile_for

from terracot.plugins import ModelError

OWN: dict[str, Any] = {
    "tokens": "grid",
    "image_token": "<|image_pad|>",
    "order": "after",
    "image_name": "Picture {t}{kind}: ",
    "system": "You look at satellite images.",
    "grounding": {"syntax": "json", "scale": 1, "request": "Boxes?", "dated": "Boxes with dates?"},
}


def written(folder: Path, entry: Any) -> str:
    (folder / "own.yaml").write_text(yaml.safe_dump({"own": entry}))
    return str(folder / "own.yaml")


def test_each_model_type_has_one_profile() -> None:
    types = [kind for profile in known_profiles().values() for kind in profile.model_types]
    assert len(types) == len(set(types))
    assert profile_for("never-heard-of").name == "default"
    assert profile_for("qwen3_vl_moe").name == "qwen3-vl"


def test_profiles_are_told_apart_by_all_that_they_say(tmp_path: Path) -> None:
    one = profile_for("", written(tmp_path, OWN)).record()
    other = profile_for("", written(tmp_path, {**OWN, "system": "You look at maps."})).record()
    assert one["name"] == other["name"] == "own"
    assert one["sha256"] != other["sha256"]


def test_order_names_system_and_scale_of_a_profile_of_ones_own_are_followed(checkpoints: Path, tmp_path: Path) -> None:
    model = Transformers(
        checkpoints / "qwen3-vl", profile=written(tmp_path, OWN), box_cot=True, min_side=0, device="cpu"
    )
    text = model.encoder.written(model.conversation(DATES))
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    assert text == (
        "<|im_start|>system\nYou look at satellite images.<|im_end|>\n<|im_start|>user\n"
        f"{DATES.text}\nBoxes with dates?Picture 1: {image}Picture 2: {image}<|im_end|>\n<|im_start|>assistant\n"
    )
    reply = '{"bbox_2d": [0, 0, 0.5, 1], "label": "water"}'
    (mask,) = model.response(reply, model.conversation(ONE), (64.0, 64.0)).masks
    assert mask.mask[:, :32].all()
    assert not mask.mask[:, 32:].any()


def test_a_system_message_that_a_template_has_no_place_for_is_not_lost_in_silence(
    checkpoints: Path, tmp_path: Path
) -> None:
    own = {**OWN, "image_token": "<|image|>", "system": "Unheard"}
    folder = checkpoints / "glm-4.1v"
    model = Transformers(folder, profile=written(tmp_path, own), device="cpu")
    assert "<|system|>\nUnheard<|user|>" in model.encoder.written(model.conversation(ONE))
    object.__setattr__(model._loaded, "chat_template", "{{ messages[1].role }}<|image|>")
    with pytest.raises(ModelError, match="no place for the system message"):
        model.encoder.written(model.conversation(ONE))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("grid", "expected tokens, model_types"),
        ({}, "missing: tokens"),
        ({**OWN, "colour": "red"}, "unknown: colour"),
        ({**OWN, "tokens": "many"}, "tokens is 'many'; expected one of grid, tiles, anyres, stock"),
        ({**OWN, "order": "between"}, "order is 'between'; expected one of before, after"),
        ({**OWN, "ends": "<end>"}, "ends is '<end>'; expected a list of texts"),
        ({**OWN, "system": 7}, "system is 7; expected a text"),
        ({**OWN, "image_name": "{number}"}, "may name {t} and {kind} only"),
        ({"tokens": "tiles"}, "image_token is missing"),
        ({**OWN, "grounding": {"syntax": "json"}}, "missing: scale, request, dated"),
        ({**OWN, "grounding": {**OWN["grounding"], "syntax": "xml"}}, "syntax is 'xml'; expected one of json"),
        ({**OWN, "grounding": {**OWN["grounding"], "scale": 0}}, "scale is 0; expected pixels or a positive number"),
        ({**OWN, "grounding": {**OWN["grounding"], "request": None}}, "request is None; expected a text"),
    ],
)
def test_a_profile_that_makes_no_sense_is_told_in_one_line(tmp_path: Path, entry: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        profile_for("", written(tmp_path, entry))
    assert message in str(caught.value)
    assert "own" in str(caught.value)


def test_a_file_that_is_no_profile_is_told(tmp_path: Path) -> None:
    file = tmp_path / "torn.yaml"
    file.write_text("{own: [")
    with pytest.raises(ModelError, match="cannot be read as YAML"):
        profile_for("", str(file))
    file.write_text(FILE.read_text())
    with pytest.raises(ModelError, match="expected one profile"):
        profile_for("", str(file))
