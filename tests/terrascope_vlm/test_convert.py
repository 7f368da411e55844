from __future__ import annotations

import json
import re

import pytest

torch = pytest.importorskip("torch")

import hub_checkpoints as hub  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from terrascope_vlm.authors import internvl_config_of, ours  # noqa: E402
from terrascope_vlm.checkpoints import CheckpointError, load  # noqa: E402
from terrascope_vlm.convert import convert  # noqa: E402
from terrascope_vlm.tiny import tiny_parts  # noqa: E402
from tiny_batches import batch, example, image  # noqa: E402

torch.set_num_threads(1)

SA2VA = (
    (r"^vlm\.model\.vision_tower\.embeddings\.cls_token$", "vision_model.embeddings.class_embedding"),
    (r"^vlm\.model\.vision_tower\.embeddings\.position_embeddings$", "vision_model.embeddings.position_embedding"),
    (r"^vlm\.model\.vision_tower\.embeddings\.patch_embeddings\.projection", "vision_model.embeddings.patch_embedding"),
    (r"^vlm\.model\.vision_tower\.encoder\.layer\.", "vision_model.encoder.layers."),
    (r"\.attention\.projection_layer\.", ".attn.proj."),
    (r"\.attention\.", ".attn."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.lambda_(\d)$", r".ls\1"),
    (r"^vlm\.model\.multi_modal_projector\.layer_norm", "mlp1.0"),
    (r"^vlm\.model\.multi_modal_projector\.linear_1", "mlp1.1"),
    (r"^vlm\.model\.multi_modal_projector\.linear_2", "mlp1.3"),
    (r"^vlm\.model\.language_model\.", "language_model.model."),
    (r"^vlm\.lm_head\.", "language_model.lm_head."),
    (r"^seg_projection\.", "text_hidden_fcs."),
)


def by_their_names(model):
    """Our weights as Sa2VA's code would have saved them; q, k and v of the vision encoder are one matrix there."""
    found, apart = {}, {}
    for name, weight in model.state_dict().items():
        if name.startswith(("grounding.", "nothing.")):
            continue
        for pattern, new in SA2VA:
            name = re.sub(pattern, new, name)
        part = re.fullmatch(r"(vision_model\..*\.attn)\.([qkv])_proj\.(weight|bias)", name)
        if part:
            apart.setdefault((part[1], part[3]), {})[part[2]] = weight
        else:
            found[name] = weight.clone()
    for (layer, kind), parts in apart.items():
        found[f"{layer}.qkv.{kind}"] = torch.cat([parts["q"], parts["k"], parts["v"]])
    sam = hub.by_metas_names(model.grounding.sam)
    return found | {f"grounding_encoder.sam2_model.{name}": weight.clone() for name, weight in sam.items()}


def their_config(config):
    vision, text = config.internvl_config.vision_config, config.internvl_config.text_config
    same = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act")
    return {
        "model_type": "sa2va_chat",
        "force_image_size": 64,
        "downsample_ratio": 0.5,
        "select_layer": -1,
        "ps_version": "v2",
        "max_dynamic_patch": 6,
        "vision_config": {name: getattr(vision, name) for name in same}
        | {"image_size": 64, "patch_size": 4, "qkv_bias": True, "qk_normalization": False, "norm_type": "layer_norm"},
        "llm_config": {name: getattr(text, name) for name in (*same, "num_key_value_heads", "rms_norm_eps")}
        | {"architectures": ["Qwen2ForCausalLM"], "vocab_size": 7, "rope_theta": 10000.0, "eos_token_id": 1},
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A tiny model of theirs: with biases of q, k and v, a head of its own, masks drawn as they do."""
    torch.manual_seed(2)
    model, processor = tiny_parts(2, mask_output="release", tie_word_embeddings=False)
    config = type(model.config).from_dict(model.config.to_dict())
    config.internvl_config.vision_config.attention_bias = True
    model = type(model)(config).eval()
    hub.spread(model)
    positions = model.grounding.sam.shared_image_embedding.positional_embedding
    model.grounding.sam.prompt_encoder.shared_embedding.positional_embedding.copy_(positions)
    folder = tmp_path_factory.mktemp("theirs")
    weights = by_their_names(model)
    names = sorted(weights)
    save_file({n: weights[n] for n in names[:100]}, folder / "model-00001-of-00002.safetensors")
    save_file({n: weights[n] for n in names[100:]}, folder / "model-00002-of-00002.safetensors")
    (folder / "config.json").write_text(json.dumps(their_config(model.config)))
    processor.tokenizer.save_pretrained(folder)
    return folder, model, processor, weights


def answers(model, processor):
    examples = batch(model.config, [example(processor, [image(1)], (1, 1))])
    with torch.no_grad():
        found = model(examples)
    return found.lm_loss, torch.stack(found.mask_logits)


def test_what_was_theirs_answers_the_same_as_ours(source, tmp_path):
    folder, model, processor, _ = source
    report = convert(folder, tmp_path, sam2_config=model.config.sam2_config)
    again, read = load(tmp_path)
    for one, other in zip(answers(again, processor), answers(model, processor), strict=True):
        assert torch.equal(one, other)
    changed = [n for n, w in again.state_dict().items() if not torch.equal(w, model.state_dict()[n])]
    assert changed == ["nothing.weight"]
    assert report.missing == report.unexpected == ()
    assert len(report.left_out) == 4
    assert again.config.mask_output == "release"
    assert not again.config.tie_word_embeddings
    assert read.max_tiles == 6
    assert "converted from" in (tmp_path / "README.md").read_text().lower()


@pytest.mark.parametrize(
    ("prefix", "projection"),
    [("", "text_hidden_fcs.0."), ("model.", "text_hidden_fcs.0."), ("mllm.model.", "text_hidden_fcs.")],
)
def test_one_file_of_a_training_run_is_read_whatever_wraps_its_names(prefix, projection, source, tmp_path):
    folder, model, processor, weights = source
    wrapped = {
        (name if name.startswith(("text_", "grounding_")) and prefix == "mllm.model." else prefix + name): weight
        for name, weight in weights.items()
    }
    wrapped = {name.replace("text_hidden_fcs.", projection): weight for name, weight in wrapped.items()}
    torch.save({"state_dict": wrapped, "meta": {"epoch": 1}}, tmp_path / "iter_1.pth")
    values = json.loads((folder / "config.json").read_text())
    convert(
        tmp_path / "iter_1.pth",
        tmp_path / "out",
        tokenizer=folder,
        config=values,
        sam2_config=model.config.sam2_config,
        evidence="release",
    )
    again, _ = load(tmp_path / "out")
    assert again.config.evidence == "release"
    for one, other in zip(answers(again, processor), answers(model, processor), strict=True):
        assert torch.equal(one, other)


def converted(weights, source, tmp_path, **more):
    save_file({name: weight.contiguous() for name, weight in weights.items()}, tmp_path / "theirs.safetensors")
    folder, model, _, _ = source
    values = json.loads((folder / "config.json").read_text())
    more = {"sam2_config": model.config.sam2_config, "tokenizer": folder, "config": values} | more
    return convert(tmp_path / "theirs.safetensors", tmp_path / "out", **more)


def test_a_weight_that_lacks_is_named_and_never_made_up(source, tmp_path):
    weights = dict(source[3])
    del weights["mlp1.3.bias"]
    with pytest.raises(CheckpointError, match=r"1 missing \(vlm.model.multi_modal_projector.linear_2.bias\)"):
        converted(weights, source, tmp_path)
    assert not (tmp_path / "out").exists()
    with pytest.raises(CheckpointError, match="1 missing"):
        converted(weights, source, tmp_path, strict=False)


def test_a_weight_without_a_place_is_refused_or_reported(source, tmp_path):
    weights = source[3] | {"relevance_head.weight": torch.zeros(2)}
    with pytest.raises(CheckpointError, match=r"1 unexpected \(relevance_head.weight\)"):
        converted(weights, source, tmp_path)
    assert converted(weights, source, tmp_path, strict=False).unexpected == ("relevance_head.weight",)
    assert load(tmp_path / "out")


@pytest.mark.parametrize(
    "name",
    [
        "mllm.model.language_model.base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight",
        "mllm.model.language_model.base_model.model.lm_head.modules_to_save.default.weight",
    ],
)
def test_adapters_that_were_not_merged_are_not_taken_for_weights(name):
    with pytest.raises(CheckpointError, match="is of an adapter that was not merged"):
        ours({name: torch.zeros(1)})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"ps_version": "v1"}, "ps_version is v1; expected v2"),
        ({"llm_config": {"architectures": ["InternLM2ForCausalLM"]}}, "is InternLM2ForCausalLM; expected one of Qwen2"),
        ({"vision_config": None}, "expected vision_config and llm_config"),
    ],
)
def test_what_internvl_can_be_and_transformers_cannot_is_refused(change, match, source):
    values = json.loads((source[0] / "config.json").read_text()) | change
    with pytest.raises(CheckpointError, match=match):
        internvl_config_of(values)


def test_the_configuration_of_internvl3_8b_is_read_as_transformers_has_it():
    """Values of OpenGVLab/InternVL3-8B, which the published model began with."""
    found = internvl_config_of(
        {
            "force_image_size": 448,
            "downsample_ratio": 0.5,
            "ps_version": "v2",
            "select_layer": -1,
            "vision_config": {
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": 448,
                "patch_size": 14,
                "qkv_bias": True,
                "qk_normalization": False,
                "norm_type": "layer_norm",
            },
            "llm_config": {
                "architectures": ["Qwen2ForCausalLM"],
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "rope_theta": 1000000.0,
                "rope_scaling": {"factor": 2.0, "rope_type": "dynamic", "type": "dynamic"},
                "max_position_embeddings": 32768,
                "vocab_size": 151674,
            },
        }
    )
    assert found.image_seq_length == 256
    assert found.vision_config.attention_bias
    assert found.text_config.rope_parameters["rope_theta"] == 1000000.0
    assert found.text_config.rope_parameters["rope_type"] == "dynamic"
    assert found.text_config.rope_parameters["factor"] == 2.0
    assert found.text_config.num_key_value_heads == 4


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code of a pickle was run",))


def test_a_file_of_theirs_cannot_run_code(source, tmp_path):
    torch.save({"state_dict": Trap()}, tmp_path / "iter_1.pth")
    with pytest.raises(CheckpointError, match="cannot be read as weights alone"):
        convert(tmp_path / "iter_1.pth", tmp_path / "out", tokenizer=source[0], config={})
    with pytest.raises(CheckpointError, match=r"there is no .*none"):
        convert(tmp_path / "none", tmp_path / "out")
