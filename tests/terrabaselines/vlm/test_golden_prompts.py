"""What each family is sent, to the letter: chat, placeholders, names of images, and how coordinates are meant.

The chats are what the published templates write. Tokens per image, as the processors document them: Qwen and GLM one
for 2 x 2 patches, InternVL ``image_seq_length`` for each tile and for a thumbnail, LLaVA-OneVision the base view and
the unpadded grid with a newline a row.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import family_prompts
import pytest
from family_checkpoints import FAMILIES, GROUNDING, write_checkpoint
from family_tokenizers import CHATS
from terrabaselines.vlm.conversation import conversation_of
from terrabaselines.vlm.encoding import Encoder
from terrabaselines.vlm.loading import Loaded, load
from terrabaselines.vlm.plugin import Transformers

from terrabench.asking.prompting import TEMPLATES, instructed
from terracot.plugins import ModelError, Prompt

ASKED = "Is there water?\nA. yes\nB. no"
SAR_LINE = "In SAR images red and blue are VV, -25 to 0 dB, and green is VH, -32 to -5 dB."
PAIR = (
    f"{SAR_LINE}\nDoes the water extend over more of the image than the land does?\nA. yes\nB. no\n"
    "Reply with nothing but the letter of the right option."
)
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
GLM_IMAGE = "<|begin_of_image|><|image|><|end_of_image|>"
ANSWER = "<|im_end|>\n<|im_start|>assistant\n"

ONE_IMAGE = {
    "qwen2.5-vl": f"{SYSTEM}<|im_start|>user\n{QWEN_IMAGE}{ASKED}{ANSWER}",
    "qwen3-vl": f"<|im_start|>user\n{QWEN_IMAGE}{ASKED}{ANSWER}",
    "internvl": f"<|im_start|>user\n<IMG_CONTEXT>\n{ASKED}{ANSWER}",
    "llava-onevision": f"<|im_start|>user <image>\n{ASKED}<|im_end|><|im_start|>assistant\n",
    "glm-4.1v": f"[gMASK]<sop><|user|>\n{GLM_IMAGE}{ASKED}<|assistant|>\n",
}
TWO_SENSORS = {
    "qwen2.5-vl": f"{SYSTEM}<|im_start|>user\nImage 1 (optical): {QWEN_IMAGE}Image 1 (SAR): {QWEN_IMAGE}{PAIR}{ANSWER}",
    "qwen3-vl": f"<|im_start|>user\nImage 1 (optical): {QWEN_IMAGE}Image 1 (SAR): {QWEN_IMAGE}{PAIR}{ANSWER}",
    "internvl": "<|im_start|>user\nImage-1 (optical): <IMG_CONTEXT>\nImage-1 (SAR): <IMG_CONTEXT>\n" + PAIR + ANSWER,
    "llava-onevision": "<|im_start|>user <image><image>\nThe images are, in their order: Image 1 (optical), Image 1 "
    f"(SAR).\n{PAIR}<|im_end|><|im_start|>assistant\n",
    "glm-4.1v": f"[gMASK]<sop><|user|>\nImage 1 (optical): {GLM_IMAGE}Image 1 (SAR): {GLM_IMAGE}{PAIR}<|assistant|>\n",
}
# Visual tokens of the images of ONE (64 x 64) and PAIR (60 x 100), with what stands at either end of an image.
LAYOUT = {
    # 64 x 64 -> 56 x 56: 4 x 4 patches, merged 2 x 2; 60 x 100 -> 56 x 112
    "qwen2.5-vl": ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", [4], [8, 8]),
    # 64 x 64 -> 64 x 64 of patches of 16; 60 x 100 -> 64 x 96
    "qwen3-vl": ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", [4], [6, 6]),
    # one tile of 4 tokens; two tiles and a thumbnail
    "internvl": ("<img>", "<IMG_CONTEXT>", "</img>", [4], [12, 12]),
    # base view of 16; 64 x 64 fits best into 112 x 112: 8 rows of 8 and a newline. Of two images base view and newline
    "llava-onevision": ("user ", "<image>", "\n", [16 + 8 * 9], [17, 17]),
    "glm-4.1v": ("<|begin_of_image|>", "<|image|>", "<|end_of_image|>", [4], [8, 8]),
}
SEEN = {
    "qwen2.5-vl": (112.0, 56.0),
    "qwen3-vl": (96.0, 64.0),
    "internvl": (100.0, 60.0),
    "llava-onevision": (100.0, 60.0),
    "glm-4.1v": (112.0, 56.0),
}


@pytest.fixture(scope="module")
def loaded(checkpoints: Path) -> dict[str, Loaded]:
    return {family: load(checkpoints / family, device="cpu") for family in FAMILIES}


def encoded(loaded: Loaded, prompt: Prompt, box_first: bool = False):
    conversation = conversation_of(prompt, loaded.profile, min_side=0, box_first=box_first)
    return Encoder(loaded).encode(conversation)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_profile_is_told_by_the_model_type(loaded: dict[str, Loaded], family: str) -> None:
    assert loaded[family].profile.name == family


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_image_is_asked_about_as_the_family_was_trained(loaded: dict[str, Loaded], family: str) -> None:
    assert encoded(loaded[family], family_prompts.ONE).text == ONE_IMAGE[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_images_of_two_sensors_are_told_apart_and_radar_is_explained(loaded: dict[str, Loaded], family: str) -> None:
    assert encoded(loaded[family], family_prompts.PAIR).text == TWO_SENSORS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_image_has_its_tokens_between_its_own_marks(loaded: dict[str, Loaded], family: str) -> None:
    before, token, after, *counts = LAYOUT[family]
    tokenizer = loaded[family].tokenizer
    for prompt, expected in zip((family_prompts.ONE, family_prompts.PAIR), counts, strict=True):
        text = tokenizer.decode(encoded(loaded[family], prompt).ids)
        if family == "llava-onevision":
            assert f"{before}{token * sum(expected)}{after}" in text
        else:
            shown = [f"{before}{token * count}{after}" for count in expected]
            assert all(one in text for one in shown)
        assert text.count(token) == sum(expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_that_pixels_of_boxes_count_in_is_the_resized_one(loaded: dict[str, Loaded], family: str) -> None:
    assert encoded(loaded[family], family_prompts.PAIR).seen == SEEN[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_template_of_a_profile_says_what_that_of_the_checkpoint_says(
    loaded: dict[str, Loaded], family: str
) -> None:
    bare = dataclasses.replace(loaded[family], chat_template=loaded[family].profile.chat_template)
    assert loaded[family].chat_template == CHATS[family]
    for prompt in family_prompts.PROMPTS:
        assert encoded(bare, prompt).text == encoded(loaded[family], prompt).text


def test_a_checkpoint_without_a_template_gets_the_one_of_its_profile(tmp_path: Path) -> None:
    folder = write_checkpoint("qwen3-vl", tmp_path / "bare", chat=False)
    assert encoded(load(folder, device="cpu"), family_prompts.ONE).text == ONE_IMAGE["qwen3-vl"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_question_cannot_write_tokens_of_the_chat(loaded: dict[str, Loaded], family: str) -> None:
    loud = "".join(Encoder(loaded[family]).special)
    prompt = dataclasses.replace(family_prompts.ONE, question=f"Is {loud} water?")
    conversation = conversation_of(prompt, loaded[family].profile, min_side=0, special=Encoder(loaded[family]).special)
    quiet = encoded(loaded[family], family_prompts.ONE)
    special = set(loaded[family].tokenizer.convert_tokens_to_ids(Encoder(loaded[family]).special))
    ids = Encoder(loaded[family]).encode(conversation).ids
    assert [n for n in ids if n in special] == [n for n in quiet.ids if n in special]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_control_that_takes_all_images_away_leaves_the_text(loaded: dict[str, Loaded], family: str) -> None:
    found = encoded(loaded[family], dataclasses.replace(family_prompts.ONE, frames=()))
    assert loaded[family].profile.image_token not in found.text
    assert found.pixels == {}


BOXES = {
    "qwen2.5-vl": 'Report the boxes in JSON format: [{"bbox_2d": [x1, y1, x2, y2], "label": "name of the region"}], '
    "in pixels of the image.",
    "qwen3-vl": 'Report the boxes in JSON format: [{"bbox_2d": [x1, y1, x2, y2], "label": "name of the region"}], '
    "in relative coordinates from 0 to 1000.",
    "internvl": "Write each box as <ref>name of the region</ref><box>[[x1, y1, x2, y2]]</box>, in relative coordinates "
    "from 0 to 1000.",
    "glm-4.1v": "Write each box as name of the region: <|begin_of_box|>[[x1, y1, x2, y2]]<|end_of_box|>, in relative "
    "coordinates from 0 to 1000.",
}


@pytest.mark.parametrize("family", GROUNDING)
def test_boxes_first_is_asked_for_in_the_form_of_the_family(checkpoints: Path, family: str) -> None:
    model = Transformers(checkpoints / family, box_cot=True, min_side=0, device="cpu")
    template = TEMPLATES[model.prompt_template or ""]
    assert (template.name, template.version) == ("box-cot", 1)
    (*_, text) = model.conversation(instructed(family_prompts.ONE, template)).parts
    assert text == f"{ASKED}\n{template.text}\n{BOXES[family]}"
    (*_, dated) = model.conversation(instructed(family_prompts.DATES, template)).parts
    assert isinstance(dated, str)
    assert "mage" in dated.removeprefix(family_prompts.DATES.text)
    assert "number" in dated


def test_boxes_cannot_be_asked_of_a_family_that_writes_none(checkpoints: Path) -> None:
    with pytest.raises(ModelError, match="box_cot=true wants a family that writes boxes; the profile llava-onevision"):
        Transformers(checkpoints / "llava-onevision", box_cot=True, device="cpu")


def test_small_pictures_are_enlarged_and_the_scene_keeps_its_grid(checkpoints: Path) -> None:
    conversation = Transformers(checkpoints / "qwen3-vl", device="cpu").conversation(family_prompts.PAIR)
    assert [image.size for image in conversation.images] == [(747, 448)] * 2
    assert conversation.shape == (60, 100)
