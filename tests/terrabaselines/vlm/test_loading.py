"""Checkpoints that cannot be used are refused in one line that says what to do; nothing is fetched or run by them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from terrabaselines.vlm.loading import load
from terrabaselines.vlm.plugin import Transformers

from terracot.plugins import ModelError, load_model


@pytest.fixture
def copied(checkpoints: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints / "qwen3-vl", tmp_path / "copied"))


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "--model-args pretrained=DIR"),
        ({"batch": 0}, "batch is 0; expected a whole number, 1 or more"),
        ({"max_new_tokens": True}, "max_new_tokens is True"),
        ({"min_side": -1}, "min_side is -1; expected a whole number, 0 or more"),
        ({"box_cot": "yes"}, "box_cot is 'yes'; expected true or false"),
        ({"dtype": "int8"}, "unknown dtype 'int8'; expected one of auto, float32, bfloat16, float16"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used"),
        ({"profile": "qwen9"}, "profile 'qwen9' is neither a YAML file nor one of qwen2.5-vl"),
    ],
)
def test_an_argument_that_makes_no_sense_is_one_clear_line(
    checkpoints: Path, arguments: dict[str, Any], message: str
) -> None:
    given = {"pretrained": str(checkpoints / "qwen3-vl"), **arguments} if arguments else {}
    with pytest.raises(ModelError) as caught:
        load_model("transformers", given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_on_the_hub_is_not_fetched_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ModelError, match=r"no folder, and no hub name .* with allow_download=true"):
        load("somebody/some-model")


def test_a_folder_without_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load(tmp_path)


def test_code_of_a_checkpoint_is_not_run(copied: Path) -> None:
    change(copied / "config.json", model_type="internvl_chat", auto_map={"AutoConfig": "configuration.Evil"})
    (copied / "configuration.py").write_text("raise SystemExit('code of the checkpoint was run')")
    with pytest.raises(ModelError, match=r"code that comes with a checkpoint is not run; .* ends in -hf"):
        load(copied)


def test_pickled_weights_are_not_read(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"has no \*\.safetensors"):
        load(copied)


def test_weights_that_lack_are_not_made_up(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    lost = next(name for name in weights if "language_model.layers.1" in name)
    save_file({k: v for k, v in weights.items() if k != lost}, copied / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights are missing, such as .*layers\.1.*would be random"):
        load(copied)


def test_a_text_only_model_is_refused(copied: Path) -> None:
    change(copied / "config.json", model_type="qwen2")
    with pytest.raises(ModelError, match="no image-text-to-text model can be loaded"):
        load(copied)


def test_a_tokenizer_of_another_checkpoint_is_refused(copied: Path, checkpoints: Path) -> None:
    change(copied / "config.json", image_token_id=7)
    with pytest.raises(
        ModelError, match=r"config\.json puts images at token 7, the tokenizer has '<\|image_pad\|>' at"
    ):
        Transformers(copied, device="cpu")


def test_the_wrong_profile_is_noticed(checkpoints: Path) -> None:
    with pytest.raises(ModelError, match=r"does not read '<IMG_CONTEXT>' as one token"):
        Transformers(checkpoints / "qwen3-vl", profile="internvl", device="cpu")


def test_a_template_that_forgets_an_image_is_noticed(copied: Path) -> None:
    (copied / "chat_template.json").write_text(json.dumps({"chat_template": "{{ messages[0].role }}"}))
    from family_prompts import ONE

    with pytest.raises(ModelError, match=r"writes '<\|image_pad\|>' 0 times for 1 images"):
        Transformers(copied, device="cpu").respond([ONE])


def test_a_family_without_a_profile_that_needs_torchvision_says_so(copied: Path) -> None:
    with pytest.raises(ModelError, match=r"its own processor cannot be loaded .* often torchvision"):
        Transformers(copied, profile="default", device="cpu")


def test_what_a_checkpoint_says_of_decoding_is_not_followed(copied: Path) -> None:
    """transformers fills what a call leaves open from the checkpoint's generation_config.json."""
    from family_prompts import PROMPTS

    def replies() -> list[str]:
        model = Transformers(copied, device="cpu", min_side=0, max_new_tokens=12)
        return [response.text for response in model.respond(PROMPTS)]

    file = copied / "generation_config.json"
    change(file, do_sample=False, repetition_penalty=1.0)
    plain = replies()
    change(file, do_sample=True, temperature=9.0, repetition_penalty=9.0, no_repeat_ngram_size=1, num_beams=3)
    assert replies() == plain
    change(file, bad_words_ids=[[n] for n in range(200)], suppress_tokens=list(range(200, 260)), min_new_tokens=12)
    assert replies() == plain


def test_number_types_are_chosen_and_stamped(checkpoints: Path) -> None:
    assert Transformers(checkpoints / "internvl").info["dtype"] in ("float32", "bfloat16")
    half = Transformers(checkpoints / "internvl", device="cpu", dtype="bfloat16")
    assert half.info["dtype"] == "bfloat16"
    from family_prompts import PAIR

    assert len(half.respond([PAIR])) == 1


def test_a_model_spread_over_devices_answers_alike(checkpoints: Path) -> None:
    from family_prompts import ONE

    one = Transformers(checkpoints / "qwen3-vl", device="cpu", dtype="float32", max_new_tokens=4)
    split = Transformers(checkpoints / "qwen3-vl", device="split", dtype="float32", max_new_tokens=4)
    assert [r.text for r in split.respond([ONE])] == [r.text for r in one.respond([ONE])]


def test_the_revision_is_that_of_the_weights(checkpoints: Path, copied: Path) -> None:
    before = load(copied, device="cpu").revision
    assert before == load(checkpoints / "qwen3-vl", device="cpu").revision
    weights = load_file(copied / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] + 1}, copied / "model.safetensors", {"format": "pt"})
    assert load(copied, device="cpu").revision != before


def test_importing_the_plugin_needs_neither_torch_nor_transformers() -> None:
    code = "import sys, terrabaselines.vlm.plugin; print({'torch', 'transformers'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"


def test_a_gpu_out_of_reach_is_not_taken_for_auto() -> None:
    from terrabaselines.vlm.loading import _device

    assert _device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
