from __future__ import annotations

import json

import pytest

pytest.importorskip("transformers")

from terrascope_vlm.config import EVIDENCE, TerraScopeConfig
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer
from transformers import AutoConfig, InternVLConfig, Sam2Config


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"evidence": "masks"}, r"evidence is 'masks'; expected one of mask, box, random, text, measured, release"),
        ({"fusion": "sum"}, r"fusion is 'sum'; expected one of none, concat, text-guided"),
        ({"mask_fusion": "max"}, r"mask_fusion is 'max'; expected one of mean, beta, optical-only"),
        ({"mask_output": "best"}, r"mask_output is 'best'; expected one of single, release"),
        ({"grounding_backend": "sam3"}, r"grounding_backend is 'sam3'; expected one of transformers, sam2"),
        ({"min_cover": 1.0}, r"expected 0 <= min_cover < 1, .* found 1.0, 128, 12"),
        ({"max_evidence": 0}, r"expected .*max_evidence >= 1"),
        ({"max_tiles": 0}, r"expected .*max_tiles >= 1"),
        ({"max_evidence": 3.5}, r"expected .*whole numbers .* found 0.5, 3.5, 12"),
        ({"bands": [8]}, r"bands are \[8\]; expected names"),
        ({"bands": ["B08", "b08"]}, r"expected no name twice"),
        ({"pixel_mean": [0.5]}, r"pixel_mean has 1 values; expected 3, one a channel"),
        ({"pixel_std": [0.2, 0, 0.2]}, r"pixel_std is \[0.2, 0, 0.2\]; expected numbers above 0"),
        ({"pixel_mean": [0.5, float("nan"), 0.5]}, r"pixel_mean is .*; expected finite numbers"),
        ({"mask_loss_weight": float("nan")}, r"mask_loss_weight is nan; expected 0 or more"),
        ({"mask_loss_weight": -1}, r"mask_loss_weight is -1; expected 0 or more"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_what_was_expected(setting, match):
    with pytest.raises(ValueError, match=match):
        TerraScopeConfig(**setting)


def test_the_defaults_are_those_of_the_paper():
    config = TerraScopeConfig()
    assert (config.evidence, config.min_cover, config.max_evidence, config.mask_loss_weight) == ("mask", 0.5, 128, 0.5)
    assert (config.tile_size, config.tile_cells, config.max_tiles) == ((448, 448), (16, 16), 12)
    assert config.mask_input == 1024
    assert len(EVIDENCE) == 6


def test_a_configuration_survives_json_and_its_own_file(tmp_path):
    config = tiny_config(
        tiny_tokenizer(), bands=("B08", "B11"), evidence="measured", fusion="concat", mask_output="release"
    )
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is TerraScopeConfig
    assert type(again.internvl_config) is InternVLConfig
    assert type(again.sam2_config) is Sam2Config
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["model_type"] == "terrascope"
    for name in ("bands", "evidence", "fusion", "mask_output", "pixel_mean", "pixel_std", "seg_token_id"):
        assert getattr(again, name) == getattr(config, name) == written[name]
    assert again.channels == 5
    assert again.tile_cells == (8, 8)


def test_whether_head_and_embedding_are_one_is_said_once():
    config = tiny_config(tiny_tokenizer(), tie_word_embeddings=False)
    assert not config.internvl_config.tie_word_embeddings
    again = TerraScopeConfig.from_dict(config.to_dict())
    assert again.tie_word_embeddings == again.internvl_config.tie_word_embeddings == False  # noqa: E712


def test_the_text_configuration_is_that_of_the_language_model():
    config = tiny_config(tiny_tokenizer())
    assert config.get_text_config() is config.internvl_config.text_config
    assert config.hidden_size == config.get_text_config().hidden_size == 64


def test_new_bands_have_mean_and_deviation_of_their_own():
    config = tiny_config(tiny_tokenizer(), bands=("B08",))
    assert config.pixel_mean == [0.485, 0.456, 0.406, 0.5]
    assert config.pixel_std == [0.229, 0.224, 0.225, 0.25]
    assert config.internvl_config.vision_config.num_channels == 4
    assert config.sam2_config.vision_config.backbone_config.num_channels == 4
