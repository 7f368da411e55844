from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from terrascope_vlm.checkpoints import CheckpointError, load, save  # noqa: E402
from terrascope_vlm.modeling import TerraScopeForReasoning  # noqa: E402
from terrascope_vlm.processing import TerraScopeProcessor  # noqa: E402
from terrascope_vlm.tiny import tiny_parts  # noqa: E402
from transformers import AutoConfig, AutoModel, AutoProcessor  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts():
    return tiny_parts(3, bands=("B08",), evidence="box", tie_word_embeddings=False)


@pytest.fixture(scope="module")
def saved(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "whole"
    save(*parts, folder, "# A card\n")
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def same_bits(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and torch.equal(a[k].view(torch.uint8), b[k].view(torch.uint8)) for k in a
    )


def test_a_checkpoint_comes_back_bit_by_bit_with_its_configuration_and_processor(parts, saved):
    model, processor = load(saved)
    assert same_bits(model, parts[0])
    assert not model.training
    assert model.config.evidence == "box"
    assert model.config.bands == ["B08"]
    assert processor.to_dict() == parts[1].to_dict()
    assert processor.encode("Image: 2 [SEG].") == parts[1].encode("Image: 2 [SEG].")


def test_parts_of_a_large_checkpoint_and_bfloat16_come_back_bit_by_bit(tmp_path):
    model, processor = tiny_parts(1)
    model.to(torch.bfloat16)
    save(model, processor, tmp_path / "parts", shard_size="200KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 3
    again, _ = load(tmp_path / "parts")
    assert again.dtype == torch.bfloat16
    assert same_bits(again, model)
    assert load(tmp_path / "parts", dtype=torch.float32)[0].dtype == torch.float32


def test_what_was_loaded_is_saved_as_the_same_bytes_and_says_nothing_of_where_it_lay(saved, tmp_path):
    save(*load(saved), tmp_path / "second", "# A card\n")
    save(*load(tmp_path / "second"), tmp_path / "third", "# A card\n")
    files = {file.name: file.read_bytes() for file in (tmp_path / "second").iterdir()}
    assert files.keys() >= {"config.json", "model.safetensors", "tokenizer.json", "processor_config.json", "README.md"}
    assert {file.name: file.read_bytes() for file in (tmp_path / "third").iterdir()} == files
    assert files["model.safetensors"] == (saved / "model.safetensors").read_bytes()
    assert not any(str(folder).encode() in content for content in files.values() for folder in (tmp_path, saved))
    assert b"local" not in files["tokenizer_config.json"]


def test_names_on_disk_are_the_names_of_the_parameters(parts, saved):
    assert load_file(saved / "model.safetensors").keys() == parts[0].state_dict().keys()


def test_the_card_is_written_with_what_the_hub_reads_first(saved):
    card = (saved / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert card.endswith("---\n# A card\n")


def test_transformers_own_ways_load_it_too(parts, saved):
    assert type(AutoConfig.from_pretrained(saved)).__name__ == "TerraScopeConfig"
    assert same_bits(AutoModel.from_pretrained(saved), parts[0])
    assert same_bits(TerraScopeForReasoning.from_pretrained(saved), parts[0])
    assert type(AutoProcessor.from_pretrained(saved)) is TerraScopeProcessor


def test_settings_change_the_configuration_and_the_processor(saved):
    model, processor = load(saved, evidence="mask", max_tiles=2)
    assert model.config.evidence == "mask"
    assert processor.max_tiles == 2
    with pytest.raises(CheckpointError, match="evidenc is no setting"):
        load(saved, evidenc="mask")
    with pytest.raises(CheckpointError, match="evidence is 'all'; expected one of mask"):
        load(saved, evidence="all")


def test_loading_prints_nothing(saved, capfd):
    load(saved)
    assert capfd.readouterr() == ("", "")


def refused(folder, match, **settings):
    with pytest.raises(CheckpointError, match=match) as error:
        load(folder, **settings)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_network(tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: pytest.fail("the network was used"))
    refused(tmp_path / "nothing", "there is no folder .*nothing; .* allow_download=True")
    refused("somebody/terrascope-8b", "there is no folder somebody/terrascope-8b")


def test_the_network_is_used_when_asked_for_and_fetches_no_pickles(saved, monkeypatch):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, allow_patterns: (asked.append((name, allow_patterns)), saved)[1],
    )
    load("somebody/terrascope-tiny", allow_download=True)
    assert asked[0][0] == "somebody/terrascope-tiny"
    assert not any("bin" in pattern or "pt" in pattern for pattern in asked[0][1])


def test_other_models_and_no_models_are_named(copy, tmp_path):
    refused(tmp_path, "has no config.json")
    (copy / "config.json").write_text('{"model_type": "internvl"}')
    refused(copy, "says model_type 'internvl', expected 'terrascope'; .*from_parts")
    (copy / "config.json").write_text("{")
    refused(copy, "cannot be read as JSON")


def test_a_pickle_is_refused(copy):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    refused(copy, "has no weights")
    torch.save(weights, copy / "pytorch_model.bin")
    refused(copy, "pytorch_model.bin alone, a pickle")


def test_missing_weights_are_never_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    del weights["nothing.weight"], weights["seg_projection.0.bias"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    refused(copy, r"2 missing \(nothing.weight, seg_projection.0.bias\)")


def test_weights_without_a_place_and_of_another_shape_are_refused(copy):
    weights = load_file(copy / "model.safetensors")
    weights["vlm.model.adapter.weight"] = torch.zeros(2)
    weights["nothing.weight"] = torch.zeros(1, 65)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    refused(copy, r"1 unexpected \(vlm.model.adapter.weight\), 1 of another shape \(nothing.weight\)")


def test_a_configuration_of_another_size_is_refused(copy):
    values = json.loads((copy / "config.json").read_text())
    values["internvl_config"]["text_config"]["num_hidden_layers"] = 3
    values["internvl_config"]["text_config"]["layer_types"] = ["full_attention"] * 3
    (copy / "config.json").write_text(json.dumps(values))
    refused(copy, "12 missing")


def test_a_broken_file_and_a_missing_tokenizer_are_named(copy):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused(copy, "its weights cannot be read")
    (copy / "model.safetensors").write_bytes(whole)
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    refused(copy, "its processor cannot be read")


def edit(file, change):
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attn_implementation", "someone/kernel"),
        ("_attn_implementation", "someone/kernel"),
        ("quantization_config", {"quant_method": "gptq", "bits": 4}),
    ],
)
def test_a_configuration_cannot_name_code_that_transformers_would_fetch_and_run(copy, name, value):
    edit(copy / "config.json", lambda values: values.update({name: value}))
    refused(copy, f"config.json: {name} is .*which may name code on the hub")


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(internvl_config="big"),
        lambda v: v.update(dtype="int99"),
        lambda v: v["internvl_config"].update(downsample_ratio="half"),
        lambda v: v["internvl_config"]["text_config"].update(hidden_size=-4),
        lambda v: v["internvl_config"]["text_config"].update(num_attention_heads=0),
        lambda v: v["sam2_config"]["vision_config"]["backbone_config"].update(embed_dim_per_stage=[1]),
    ],
)
def test_a_configuration_of_nonsense_is_one_line_and_no_traceback(copy, change):
    edit(copy / "config.json", change)
    refused(copy, "config.json: ")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("tile_size", [32, 32], r"\(64, 64\)"), ("tile_cells", [16, 16], r"\(8, 8\)"), ("bands", [], r"\['B08'\]")],
)
def test_a_processor_that_would_cut_images_otherwise_than_the_model_is_refused(copy, name, value, expected):
    edit(copy / "processor_config.json", lambda values: values.update({name: value}))
    refused(copy, f"{name} of processor_config.json is .*, expected {expected} as config.json has it")


def test_a_tokenizer_of_another_model_is_refused(copy):
    edit(copy / "config.json", lambda values: values.update(seg_token_id=3))
    refused(copy, r"seg_token_id is 3, '\[SEG\]' of the tokenizer 262")


def test_something_else_than_the_model_is_not_saved(parts, tmp_path):
    with pytest.raises(TypeError, match="expected a TerraScopeForReasoning, found Linear"):
        save(torch.nn.Linear(1, 1), parts[1], tmp_path)
