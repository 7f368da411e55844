from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import hub_checkpoints as hub  # noqa: E402
from terrascope_vlm.checkpoints import load, save  # noqa: E402
from terrascope_vlm.grounding.keys import from_meta, transformers_name  # noqa: E402
from terrascope_vlm.grounding.sizes import PUBLISHED, config_of, published  # noqa: E402
from terrascope_vlm.tiny import tiny_parts  # noqa: E402
from tiny_batches import batch, example, image  # noqa: E402
from transformers import Sam2Model  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts():
    model, processor = tiny_parts(0)
    hub.spread(model.grounding)
    return model, processor


@pytest.fixture(scope="module")
def saved(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spread")
    save(*parts, folder)
    return folder


def prompts_and_pixels():
    torch.manual_seed(5)
    return torch.randn(3, 32), torch.randn(3, 3, 64, 64)


def test_features_are_those_of_sam2model(parts):
    grounding = parts[0].grounding
    _, pixels = prompts_and_pixels()
    with torch.no_grad():
        for mine, sams in zip(grounding.encode(pixels).levels, grounding.sam.get_image_embeddings(pixels), strict=True):
            assert torch.equal(mine, sams)


def test_each_prompt_is_drawn_on_its_own_image(parts):
    grounding = parts[0].grounding
    prompts, pixels = prompts_and_pixels()
    with torch.no_grad():
        features = grounding.encode(pixels)
        together = grounding.decode(features, prompts)
        for one in range(3):
            alone = grounding.decode(grounding.encode(pixels[one : one + 1]), prompts[one : one + 1])
            torch.testing.assert_close(together[one], alone[0], rtol=1e-4, atol=1e-5)


def test_the_mask_of_answering_is_the_mask_of_training(parts):
    """SAM's fallback to its three other masks, on in evaluation, would draw what was never trained."""
    grounding = parts[0].grounding
    prompts, pixels = prompts_and_pixels()
    with torch.no_grad():
        features = grounding.encode(pixels)
        answering = grounding.eval().decode(features, prompts)
        training = grounding.train().decode(features, prompts)
        grounding.eval()
        grounding.sam.mask_decoder.dynamic_multimask_via_stability = True
        fallen_back = grounding.decode(features, prompts)
        grounding.sam.mask_decoder.dynamic_multimask_via_stability = False
    assert torch.equal(answering, training)
    assert not torch.equal(answering, fallen_back)  # so it would have mattered here


def test_release_draws_as_sam_2_does_for_an_ambiguous_prompt(saved):
    model, _ = load(saved, mask_output="release")
    grounding = model.grounding
    prompts, pixels = prompts_and_pixels()
    with torch.no_grad():
        features = grounding.encode(pixels)
        found = grounding.decode(features, prompts)
        sam = grounding.sam
        empty = sam.prompt_encoder.not_a_point_embed.weight.expand(3, 2, -1)
        where = sam.get_image_wide_positional_embeddings().expand(3, -1, -1, -1)
        dense = sam.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(features.levels[-1])
        sparse = torch.cat([empty, prompts[:, None]], dim=1)[:, None]
        masks, quality, _, present = sam.mask_decoder(
            features.levels[-1], where, sparse, dense, True, list(features.levels[:-1])
        )
    assert masks.shape == (3, 1, 3, 32, 32)
    for one in range(3):
        expected = masks[one, 0, int(quality[one, 0].argmax())] if float(present[one]) > 0 else torch.tensor(-1024.0)
        assert torch.equal(found[one], expected.expand(32, 32))


def test_nothing_is_drawn_in_release_where_sam_sees_no_object(saved):
    model, _ = load(saved, mask_output="release")
    prompts, pixels = prompts_and_pixels()
    with torch.no_grad():
        head = model.grounding.sam.mask_decoder.pred_obj_score_head.proj_out
        head.weight.zero_()
        masks = {}
        for score in (-1.0, 1.0):
            head.bias.fill_(score)
            masks[score] = model.grounding.decode(model.grounding.encode(pixels), prompts)
    assert (masks[-1.0] == -1024).all()
    assert (masks[1.0].abs() < 1000).all()


@pytest.mark.parametrize(
    ("meta", "transformers"),
    [  # as they stand in Meta's sam2.1_hiera_large.pt and in facebook/sam2.1-hiera-large
        ("image_encoder.trunk.patch_embed.proj.weight", "vision_encoder.backbone.patch_embed.projection.weight"),
        ("image_encoder.trunk.pos_embed_window", "vision_encoder.backbone.pos_embed_window"),
        ("image_encoder.trunk.blocks.2.norm1.bias", "vision_encoder.backbone.blocks.2.layer_norm1.bias"),
        ("image_encoder.trunk.blocks.2.proj.weight", "vision_encoder.backbone.blocks.2.proj.weight"),
        ("image_encoder.trunk.blocks.2.attn.proj.weight", "vision_encoder.backbone.blocks.2.attn.proj.weight"),
        ("image_encoder.trunk.blocks.2.mlp.layers.1.bias", "vision_encoder.backbone.blocks.2.mlp.proj_out.bias"),
        ("image_encoder.neck.convs.3.conv.weight", "vision_encoder.neck.convs.3.weight"),
        ("sam_prompt_encoder.not_a_point_embed.weight", "prompt_encoder.not_a_point_embed.weight"),
        ("sam_prompt_encoder.mask_downscaling.6.bias", "prompt_encoder.mask_embed.conv3.bias"),
        (
            "sam_mask_decoder.transformer.layers.1.cross_attn_token_to_image.out_proj.weight",
            "mask_decoder.transformer.layers.1.cross_attn_token_to_image.o_proj.weight",
        ),
        (
            "sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight",
            "mask_decoder.transformer.layers.0.mlp.proj_in.weight",
        ),
        ("sam_mask_decoder.transformer.layers.0.norm4.weight", "mask_decoder.transformer.layers.0.layer_norm4.weight"),
        ("sam_mask_decoder.transformer.norm_final_attn.bias", "mask_decoder.transformer.layer_norm_final_attn.bias"),
        (
            "sam_mask_decoder.output_hypernetworks_mlps.3.layers.1.weight",
            "mask_decoder.output_hypernetworks_mlps.3.layers.0.weight",
        ),
        ("sam_mask_decoder.iou_prediction_head.layers.2.bias", "mask_decoder.iou_prediction_head.proj_out.bias"),
        ("sam_mask_decoder.output_upscaling.1.weight", "mask_decoder.upscale_layer_norm.weight"),
        ("sam_mask_decoder.conv_s1.weight", "mask_decoder.conv_s1.weight"),
        ("no_mem_embed", "no_memory_embedding"),
    ],
)
def test_names_of_meta_become_names_of_transformers(meta, transformers):
    assert transformers_name(meta) == transformers


def test_no_weight_of_meta_is_lost_or_renamed_twice(parts):
    sam = parts[0].grounding.sam
    found = from_meta(hub.by_metas_names(sam))
    assert found.keys() == sam.state_dict().keys()
    assert all(
        torch.equal(found[name], weight) for name, weight in sam.state_dict().items() if "shared_embedding" not in name
    )


@pytest.mark.parametrize("size", list(PUBLISHED))
def test_the_published_sizes_are_recognised_and_of_the_published_size(size, tmp_path):
    millions = {"tiny": 38.9, "small": 46.0, "base-plus": 80.8, "large": 224.4}  # of Meta's README, with the memory's
    with torch.device("meta"):
        sam = Sam2Model(published(size))
    weights = sam.state_dict()
    assert config_of(weights, tmp_path).to_dict() == published(size).to_dict()
    memory = millions[size] - sum(weight.numel() for weight in weights.values()) / 1e6
    assert 7.3 < memory < 7.6  # of the tracking in videos, the same in all sizes


# The package sam2


@pytest.fixture(scope="module")
def both(saved):
    pytest.importorskip("sam2")
    return load(saved)[0], load(saved, grounding_backend="sam2")[0]


@pytest.mark.parametrize("mask_output", ["single", "release"])
def test_the_package_sam2_sees_and_draws_the_same(mask_output, saved):
    pytest.importorskip("sam2")
    prompts, pixels = prompts_and_pixels()
    mine, metas = (load(saved, grounding_backend=name, mask_output=mask_output)[0] for name in ("transformers", "sam2"))
    with torch.no_grad():
        one, other = mine.grounding.encode(pixels), metas.grounding.encode(pixels)
        for level, same in zip(one.levels, other.levels, strict=True):
            torch.testing.assert_close(same, level, rtol=0, atol=1e-5)
        mask = mine.grounding.decode(one, prompts)
        torch.testing.assert_close(metas.grounding.decode(other, prompts), mask, rtol=0, atol=1e-5)
        assert float(mask.std()) > 0.01


def test_both_backends_learn_the_same_and_read_each_others_files(both, parts, tmp_path):
    mine, metas = both
    grads = []
    for model in both:
        model.zero_grad()
        model(batch(model.config, [example(parts[1], [image(1)])])).loss.backward()
        grads.append({name: w.grad for name, w in model.named_parameters() if w.grad is not None and w.grad.any()})
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, rtol=1e-3, atol=1e-5, msg=name)
    save(metas, parts[1], tmp_path)
    again, _ = load(tmp_path, grounding_backend="transformers")
    assert again.state_dict().keys() == mine.state_dict().keys()
    assert all(torch.equal(w, mine.state_dict()[name]) for name, w in again.state_dict().items())


def test_a_backend_that_is_not_installed_says_how_to_get_it(saved, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sam2.modeling.backbones.hieradet", None)
    with pytest.raises(ImportError, match=r"docs/terrascope.md says how .* grounding_backend='transformers'"):
        load(saved, grounding_backend="sam2")


def test_the_package_sam2_refuses_what_its_classes_cannot_be(parts):
    pytest.importorskip("sam2")
    from terrascope_vlm.grounding.sam2_backend import Sam2Package

    config = type(parts[0].config).from_dict(parts[0].config.to_dict())
    config.sam2_config.vision_config.backbone_config.embed_dim_per_stage = [16, 32, 48, 64]
    config.sam2_config.vision_config.backbone_channel_list = [64, 48, 32, 16]
    with pytest.raises(ValueError, match=r"embed_dim_per_stage is \[16, 32, 48, 64\]; expected \[16, 32, 64, 128\]"):
        Sam2Package(config)
