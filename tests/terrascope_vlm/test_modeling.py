from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from terrascope_vlm.modeling import TerraScopeForReasoning  # noqa: E402
from terrascope_vlm.outputs import Kept, Seen  # noqa: E402
from terrascope_vlm.tiny import tiny_config, tiny_parts, tiny_tokenizer  # noqa: E402
from tiny_batches import batch, example, image  # noqa: E402
from transformers import AutoModel  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts():
    return tiny_parts(0)


def two_dates(processor, seed=0):
    return [image(seed, 1), image(seed + 1, 2)]


def mixed(model, processor):
    """Two dates with a mask on the second only, and a single image with two masks."""
    examples = [example(processor, two_dates(processor), (2,)), example(processor, [image(5)], (1, 1))]
    return batch(model.config, examples)


def gradients(model, found):
    model.zero_grad()
    found.loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def test_visual_tokens_are_those_of_internvl(parts):
    model, _ = parts
    tiles = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        expected = model.vlm.model.get_image_features(pixel_values=model.normalised(tiles)).pooler_output
        assert torch.equal(model.visual_tokens(tiles), expected.flatten(0, 1))


def test_visual_tokens_follow_the_layer_that_internvl_is_told_to_read():
    tokenizer = tiny_tokenizer()
    config = tiny_config(tokenizer)
    config.internvl_config.vision_feature_layer = -2
    torch.manual_seed(0)
    model = TerraScopeForReasoning(config).eval()
    tiles = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = model.vlm.model.get_image_features(pixel_values=model.normalised(tiles)).pooler_output
        assert torch.equal(model.visual_tokens(tiles), expected.flatten(0, 1))


def test_every_weight_that_can_matter_has_a_gradient(parts):
    model, processor = parts
    found = gradients(model, model(mixed(model, processor)))
    without = {name for name, _ in model.named_parameters() if name not in found or not found[name].any()}
    # SAM's prompt encoder for points and masks, its scores, and three of its mask tokens have no part in a mask;
    # there is no empty mask here.
    unused = (
        "grounding.sam.prompt_encoder.mask_embed",
        "grounding.sam.prompt_encoder.point_embed",
        "grounding.sam.prompt_encoder.not_a_point_embed",
        "grounding.sam.mask_decoder.iou_prediction_head",
        "grounding.sam.mask_decoder.pred_obj_score_head",
        "grounding.sam.mask_decoder.output_hypernetworks_mlps.1",
        "grounding.sam.mask_decoder.output_hypernetworks_mlps.2",
        "grounding.sam.mask_decoder.output_hypernetworks_mlps.3",
        "grounding.sam.vision_encoder.neck.convs.0",
        "nothing",
    )
    left = {name for name in without if not name.startswith(unused)}
    # A bias of all keys alike changes no softmax, and the first self-attention of the decoder has queries of its own.
    assert {name for name in left if not name.endswith("k_proj.bias")} == set()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_gradient_checkpointing_changes_no_gradient(parts):
    model, processor = parts
    model.train()
    examples = mixed(model, processor)
    plain = gradients(model, model(examples))
    model.gradient_checkpointing_enable()
    calls = []
    layer = model.vlm.model.language_model.layers[0].self_attn
    hook = layer.register_forward_hook(lambda *_: calls.append(1))
    again = gradients(model, model(examples))
    hook.remove()
    model.gradient_checkpointing_disable()
    model.eval()
    assert len(calls) == 2  # once forward, once more on the way back
    assert plain.keys() == again.keys()
    for name, found in plain.items():
        torch.testing.assert_close(again[name], found, rtol=1e-4, atol=1e-6, msg=name)


def test_bfloat16_runs_from_pixels_to_gradients():
    model, processor = tiny_parts(0)
    examples = mixed(model, processor)
    exact = model(examples)
    half = model.to(torch.bfloat16)
    found = half(examples)
    grads = gradients(half, found)
    assert {grad.dtype for grad in grads.values()} == {torch.bfloat16}
    assert all(torch.isfinite(grad).all() for grad in grads.values())
    assert abs(float((found.lm_loss - exact.lm_loss).detach())) < 0.05
    assert abs(float((found.mask_loss - exact.mask_loss).detach())) < 0.05


def test_autocast_gives_losses_near_those_of_full_precision(parts):
    model, processor = parts
    examples = mixed(model, processor)
    exact = model(examples)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(examples)
    found.loss.backward()
    assert abs(float((found.loss - exact.loss).detach())) < 0.05


def test_pixels_are_not_needed_where_the_encoders_outputs_were_kept(parts):
    model, processor = parts
    examples = mixed(model, processor)
    for encoder in (model.vlm.model.vision_tower, model.grounding.sam.vision_encoder):
        encoder.requires_grad_(False)
    expected = model(examples)
    wanted = gradients(model, expected)
    images = examples.images
    kept = Kept(model.vision_tower_of(images.tiles), model.maps_of(images.large))
    blind = replace(images, tiles=images.tiles[:0], large=images.large[:0])
    found = model(replace(examples, images=blind), kept)
    grads = gradients(model, found)
    for encoder in (model.vlm.model.vision_tower, model.grounding.sam.vision_encoder):
        encoder.requires_grad_(True)
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-5, atol=1e-6)
    assert grads.keys() == wanted.keys()
    assert "grounding.sam.mask_decoder.conv_s0.weight" in grads  # trained, and before the kept features in SAM's order
    for name, grad in wanted.items():
        torch.testing.assert_close(grads[name], grad, rtol=1e-3, atol=1e-6, msg=name)


def test_only_frames_that_are_drawn_on_reach_sam(parts, monkeypatch):
    model, processor = parts
    seen = []
    backbone = model.grounding.backbone
    monkeypatch.setattr(model.grounding, "backbone", lambda pixels: (seen.append(len(pixels)), backbone(pixels))[1])
    model(batch(model.config, [example(processor, two_dates(processor), (2,))]))
    model(batch(model.config, [example(processor, two_dates(processor), (1, 2, 1))]))
    model(batch(model.config, [example(processor, two_dates(processor), ())]))
    assert seen == [1, 2]


def test_masks_of_a_batch_are_those_of_each_example_alone(parts):
    model, processor = parts
    first = example(processor, two_dates(processor), (2, 1))
    second = example(processor, [image(7)], (1,))
    with torch.no_grad():
        together = model(batch(model.config, [first, second])).mask_logits
        alone = [*model(batch(model.config, [first])).mask_logits, *model(batch(model.config, [second])).mask_logits]
    assert len(together) == 3
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("mask_fusion", "optical_beta", "sar_beta", "optical_part"),
    [("mean", 0.0, 1.0, 0.5), ("optical-only", 0.0, 1.0, 1.0), ("beta", 0.3, 0.1, 0.75), ("beta", 0.0, 0.2, 0.0)],
)
def test_the_mask_decoder_reads_of_a_pair_what_the_fusion_says(mask_fusion, optical_beta, sar_beta, optical_part):
    model, processor = tiny_parts(0, mask_fusion=mask_fusion)
    images = batch(model.config, [example(processor, [image(1), image(2, modality="sar")])]).images
    with torch.no_grad():
        features = model.encode(images.large)
        beta = torch.cat([torch.full((64,), optical_beta), torch.full((64,), sar_beta)])
        seen = Seen(torch.zeros(128, 64), beta)
        found = model.mask_features(features, torch.tensor([0]), torch.tensor([1]), images, seen)
        alone = model.mask_features(features, torch.tensor([1]), torch.tensor([-1]), images, seen)
    for level, mine, sars in zip(features.levels, found.levels, alone.levels, strict=True):
        expected = optical_part * level[0] + (1 - optical_part) * level[1]
        torch.testing.assert_close(mine[0], expected)
        torch.testing.assert_close(sars[0], level[1])


def test_a_frozen_encoder_makes_no_graph(parts):
    model, _ = parts
    tiles, large = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    assert model.vision_tower_of(tiles).requires_grad
    assert model.maps_of(large).levels[0].requires_grad
    model.vlm.model.vision_tower.requires_grad_(False)
    model.grounding.sam.vision_encoder.requires_grad_(False)
    try:
        assert not model.vision_tower_of(tiles).requires_grad
        assert not model.maps_of(large).levels[0].requires_grad
        assert model.visual_tokens(tiles).requires_grad
        assert model.encode(large).levels[0].requires_grad
    finally:
        model.requires_grad_(True)


@pytest.mark.parametrize("tied", [True, False])
def test_head_and_embedding_are_one_weight_exactly_where_the_configuration_says_so(tied, tmp_path):
    tokenizer = tiny_tokenizer()
    config = tiny_config(tokenizer, tie_word_embeddings=tied)
    model = TerraScopeForReasoning(config)
    model.save_pretrained(tmp_path)
    again = AutoModel.from_pretrained(tmp_path)
    assert type(again) is TerraScopeForReasoning
    for one in (model, again):
        assert (one.get_output_embeddings().weight is one.get_input_embeddings().weight) == tied
    assert torch.equal(again.vlm.lm_head.weight, model.vlm.lm_head.weight)


def test_own_weights_begin_neither_at_zero_nor_far_below_what_sam_is_used_to():
    model, _ = tiny_parts(0)
    assert float(model.nothing.weight.detach().std()) > 0.01
    states = torch.randn(64, 64)
    assert 0.3 < float(model.seg_projection(states).detach().std()) < 1.5
    assert not model.seg_projection[0].bias.any()


def test_a_batch_without_masks_has_a_mask_loss_of_zero_that_can_be_summed(parts):
    model, processor = parts
    found = model(batch(model.config, [example(processor, [image(1)], ())]))
    assert float(found.mask_loss.detach()) == 0.0
    assert found.mask_logits == ()
    found.loss.backward()
