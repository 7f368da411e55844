"""From a question to an answer and to a gradient, for every kind of scene: training reads what answering reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from chain_scenes import (
    BESIDE,
    LOWER_RIGHT,
    PAIRED,
    SCENES,
    TILE,
    UPPER_LEFT,
    Dated,
    Scene,
    evidence_of,
    examples_of,
    queries_of,
    set_to,
    visual_of,
)
from scripted_replies import Scripted, image, loud_parts
from terrascope_vlm.batch import batch_of, images_of, rows_of
from terrascope_vlm.config import BAND_MEAN, EVIDENCE
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.fusion import chosen
from terrascope_vlm.generation import reason
from terrascope_vlm.slots import IGNORED, NOTHING

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts():
    model, processor = loud_parts(3)
    with torch.no_grad():
        model.nothing.weight.normal_()
    return model, processor


# Which tokens stand where


@pytest.mark.parametrize("name", SCENES)
def test_after_a_seg_come_the_tokens_under_the_mask_on_the_image_that_it_means(parts, name):
    scene = SCENES[name]
    (query,) = queries_of(parts[1], [scene])
    (example,) = examples_of(parts, [scene], [query])
    assert visual_of(example) == scene.tokens
    assert [int(example.slots.ids[target.slot]) for target in example.targets] == [parts[1].ids["seg"]] * len(
        scene.masks
    )


@pytest.mark.parametrize("name", PAIRED)
def test_concatenated_pairs_follow_with_the_same_tokens_of_sar(parts, name):
    scene = SCENES[name]
    (query,) = queries_of(parts[1], [scene])
    with set_to(parts[0], fusion="concat"):
        (example,) = examples_of(parts, [scene], [query])
    assert visual_of(example) == [own + (beside or []) for own, beside in zip(scene.tokens, BESIDE[name], strict=True)]


@pytest.mark.parametrize("name", PAIRED)
def test_text_guided_pairs_take_each_token_from_the_modality_that_the_question_is_nearer_to(parts, name):
    model, processor = parts
    scene = SCENES[name]
    (query,) = queries_of(processor, [scene])
    with set_to(model, fusion="text-guided"), torch.no_grad():
        (example,) = examples_of(parts, [scene], [query])
        assert visual_of(example) == scene.tokens
        images = images_of([query], model.config)
        rows = rows_of([example.slots], images.offsets)
        seen = model.see(images, rows)
        taken = chosen(rows.visual, rows.other, seen.beta)[0]
        embedded = model.embedded(rows, seen)[0]
        words = model.get_input_embeddings()(torch.tensor(processor.encode("What is there?"))).double()
    tokens = seen.visual.double()
    for at, own, beside in zip(evidence_of(example), scene.tokens, BESIDE[name], strict=True):
        expected = own if beside is None else slow_choice(tokens, words, own, beside)
        assert taken[at].tolist() == expected
        assert torch.equal(embedded[at], seen.visual[expected])


def slow_choice(visual, words, own, beside) -> list[int]:
    """Token by token: beta of the paper over the 16 tokens of either image; SAR on a tie."""

    def beta(token: int) -> float:
        first = token // 16 * 16
        shares = []
        for word in words:
            scores = [float(visual[first + j] @ word) / visual.shape[1] ** 0.5 for j in range(16)]
            top = max(scores)
            shares.append(np.exp(scores[token - first] - top) / sum(np.exp(score - top) for score in scores))
        return sum(shares) / len(shares)

    return [b if beta(b) >= beta(a) else a for a, b in zip(own, beside, strict=True)]


def test_the_choice_of_modality_does_not_see_the_answer(parts):
    model, processor = parts
    scene = SCENES["two dates of pairs"]
    longer = replace(scene, reply="It was radar all along: Image: 2 [SEG], " * 3 + "B", masks=scene.masks * 3)
    (query,) = queries_of(processor, [scene])
    found = []
    with set_to(model, fusion="text-guided", mask_fusion="beta"), torch.no_grad():
        for told in (scene, longer):
            (example,) = examples_of(parts, [told], [query])
            images = images_of([query], model.config)
            rows = rows_of([example.slots], images.offsets)
            seen = model.see(images, rows)
            found.append((seen.beta, chosen(rows.visual, rows.other, seen.beta)[0, evidence_of(example)[0]]))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    with torch.no_grad():  # and it does see the question
        (other,) = queries_of(processor, [scene], "zzz")
        images = images_of([other], model.config)
        assert not torch.equal(model.see(images, rows_of([other.slots], images.offsets)).beta, found[0][0])


# Training sees what answering sees

FUSIONS = [
    (fusion, mask_fusion)
    for fusion in ("none", "concat", "text-guided")
    for mask_fusion in ("mean", "beta", "optical-only")
]


def compare(parts, scenes):
    """Answer in a batch with the model's own masks, then train on that very reply: logits and masks must be equal."""
    model, processor = parts
    queries = queries_of(processor, scenes)
    dictated = Scripted(processor, [scene.reply for scene in scenes])
    replies = reason(model, processor, queries, _adjust=dictated)
    drawn = [[region.region.mask for region in reply.drawn] for reply in replies]
    examples = examples_of(parts, scenes, queries, drawn)
    batch = batch_of(examples, model.config, processor.ids["pad"])
    with torch.no_grad():
        seen = model.see(batch.images, batch.rows)
        states = model.read(model.embedded(batch.rows, seen), batch.rows.attention)
        out = model(batch)
    learned = batch.rows.labels[:, 1:] != IGNORED
    for row, (reply, example) in enumerate(zip(replies, examples, strict=True)):
        logits = model.vlm.lm_head(states[row, :-1][learned[row]])
        assert (logits - torch.stack(dictated.logits[row])).abs().max() < 1e-4
        for at, found in zip(evidence_of(example), reply.drawn, strict=True):
            assert torch.equal(example.slots.visual[at], found.evidence.slots.visual)
            assert torch.equal(example.slots.ids[at], found.evidence.slots.ids)
    masks = [mask for row in drawn for mask in row]
    assert len(masks) == len(out.mask_logits) > 0
    for logits, mask in zip(out.mask_logits, masks, strict=True):
        unlike = (logits > 0).numpy() != mask
        assert logits[torch.from_numpy(unlike)].abs().sum() < 1e-3  # on the very edge, if anywhere
    assert bool(torch.isfinite(out.loss))
    return replies


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_every_variant_of_evidence_is_trained_as_it_is_answered(parts, evidence):
    with set_to(parts[0], evidence=evidence):
        compare(parts, list(SCENES.values()))


@pytest.mark.parametrize(("fusion", "mask_fusion"), FUSIONS)
def test_every_fusion_is_trained_as_it_is_answered(parts, fusion, mask_fusion):
    with set_to(parts[0], fusion=fusion, mask_fusion=mask_fusion):
        replies = compare(parts, [SCENES[name] for name in (*PAIRED, "SAR alone")])
    for reply in replies:
        for drawn in reply.drawn:
            assert len(drawn.sar) == len(drawn.evidence.slots)


def test_given_masks_are_read_as_the_true_ones_in_training(parts):
    model, processor = parts
    scenes = [scene for name, scene in SCENES.items() if name not in PAIRED]
    queries = queries_of(processor, scenes)
    forced = [[Dated(*mask) for mask in scene.masks] for scene in scenes]
    dictated = Scripted(processor, [scene.reply for scene in scenes])
    replies = reason(model, processor, queries, forced=forced, _adjust=dictated)
    for scene, reply in zip(scenes, replies, strict=True):
        assert [drawn.evidence.slots.visual.tolist() for drawn in reply.drawn] == scene.tokens


def test_scenes_that_share_images_are_drawn_on_as_each_alone(parts):
    model, processor = parts
    both = SCENES["two dates"]
    later, earlier = both.frames[1], both.frames[0]
    turned = replace(both, frames=[FrameImage(later.channels, 1, "s2"), FrameImage(earlier.channels, 2, "s2")])
    one = replace(SCENES["optical"], frames=[FrameImage(later.channels, 1, "s2")])
    scenes = [both, turned, one]
    compare(parts, scenes)
    examples = examples_of(parts, scenes, queries_of(processor, scenes))
    with torch.no_grad():
        batch = batch_of(examples, model.config)
        assert len(batch.images.large) == 2
        together = model(batch).mask_logits
        alone = [mask for example in examples for mask in model(batch_of([example], model.config)).mask_logits]
    assert len(together) == len(alone) == 5
    for own, expected in zip(together, alone, strict=True):
        assert (own - expected).abs().max() < 1e-3 * expected.abs().max()


# Gradients


def gradients(parts, scenes, loss: str):
    """Whether ``loss`` depends on each different image, as the vision encoder and as SAM read it."""
    model, processor = parts
    batch = batch_of(examples_of(parts, scenes, queries_of(processor, scenes)), model.config, processor.ids["pad"])
    tiles = batch.images.tiles.clone().requires_grad_()
    large = batch.images.large.clone().requires_grad_()
    out = model(replace(batch, images=replace(batch.images, tiles=tiles, large=large)))
    model.zero_grad(set_to_none=True)
    getattr(out, loss).backward()
    reached = []
    for pixels in (tiles, large):
        grad = torch.zeros_like(pixels) if pixels.grad is None else pixels.grad
        assert bool(torch.isfinite(grad).all())
        reached.append({index for index, one in enumerate(grad) if one.abs().sum() > 0})
    return reached


@pytest.mark.parametrize("mask_fusion", ["mean", "beta", "optical-only"])
@pytest.mark.parametrize("name", SCENES)
def test_a_mask_is_drawn_from_the_image_that_it_means_and_its_sar_and_no_other(parts, name, mask_fusion):
    scene = SCENES[name]
    read = scene.read
    if mask_fusion == "optical-only" and name in PAIRED:
        read = {index for index in read if not scene.frames[index].is_sar}
    tiles = 7 if name == "tiles and a thumbnail" else len(scene.frames)
    with set_to(parts[0], fusion="text-guided", mask_fusion=mask_fusion):
        seen, drawn_on = gradients(parts, [scene], "mask_loss")
        assert drawn_on == read
        assert seen == set(range(tiles))  # [SEG] is written by a model that has seen all
        seen, drawn_on = gradients(parts, [scene], "lm_loss")
        assert drawn_on == set()  # words are learned without SAM
        assert seen == set(range(tiles))


def grads(model) -> set[str]:
    """Names of the weights that a gradient other than 0 has reached."""
    return {name for name, w in model.named_parameters() if w.grad is not None and bool(w.grad.abs().sum() > 0)}


def test_gradients_reach_every_part_that_training_is_to_change(parts):
    model = parts[0]
    gradients(parts, list(SCENES.values()), "loss")
    reached = grads(model)
    for name, _ in model.named_parameters():
        if name.startswith(("vlm.model.multi_modal_projector", "vlm.model.language_model", "seg_projection")):
            assert name in reached or name.endswith("k_proj.bias"), name  # softmax does not see the bias of keys
        if name.startswith("vlm.model.vision_tower") and "mask_token" not in name:
            assert name in reached or name.endswith("k_proj.bias"), name
    for piece in ("vision_encoder.backbone", "vision_encoder.neck", "mask_decoder.transformer", "mask_decoder.upscale"):
        assert any(piece in name for name in reached), piece
    assert not [name for name in reached if name.startswith("nothing") or "prompt_encoder.point" in name]


def test_words_alone_do_not_train_the_drawing(parts):
    gradients(parts, list(SCENES.values()), "lm_loss")
    assert not [name for name in grads(parts[0]) if name.startswith(("grounding", "seg_projection"))]


def test_nothing_is_learned_where_a_mask_is_empty_and_only_there(parts):
    scene = SCENES["optical"]
    empty = replace(scene, masks=[(1, np.zeros(TILE, bool))])
    (example,) = examples_of(parts, [empty], queries_of(parts[1], [empty]))
    assert visual_of(example) == [[NOTHING]]
    gradients(parts, [empty, SCENES["SAR alone"]], "lm_loss")
    assert "nothing.weight" in grads(parts[0])
    gradients(parts, [scene], "lm_loss")
    assert "nothing.weight" not in grads(parts[0])


def test_a_frozen_vision_encoder_gets_no_gradient_and_the_projector_still_does(parts):
    model = parts[0]
    tower = model.vlm.model.vision_tower
    tower.requires_grad_(False)
    try:
        seen, _ = gradients(parts, [SCENES["two dates"]], "loss")
        reached = grads(model)
    finally:
        tower.requires_grad_(True)
    assert seen == set()
    assert not [name for name in reached if "vision_tower" in name]
    assert "vlm.model.multi_modal_projector.linear_1.weight" in reached


def test_what_follows_a_seg_does_not_change_its_mask(parts):
    model, processor = parts
    scene = SCENES["two dates"]
    (query,) = queries_of(processor, [scene])
    found = []
    for shown in ([UPPER_LEFT, LOWER_RIGHT], [LOWER_RIGHT, UPPER_LEFT]):
        batch = batch_of(examples_of(parts, [scene], [query], [shown]), model.config)
        with torch.no_grad():
            found.append(model(batch).mask_logits)
    assert torch.allclose(found[0][0], found[1][0], atol=1e-4)
    assert (found[0][1] - found[1][1]).abs().max() > 1e-3  # the second [SEG] has read the first one's evidence


# Bands


@pytest.fixture(scope="module")
def banded():
    return loud_parts(4, bands=("B08",))


def with_band(value: float | np.ndarray, seed: int = 1) -> FrameImage:
    render = image(seed, shape=TILE)
    band = np.broadcast_to(np.asarray(value, np.float32), (1, *TILE))
    return FrameImage(np.concatenate([render.channels, band]), 1, "optical")


def banded_scene(value: float | np.ndarray) -> Scene:
    return replace(SCENES["optical"], frames=[with_band(value)])


def test_bands_are_read_and_trained_and_a_missing_one_is_its_mean(banded):
    model, processor = banded
    noise = np.random.default_rng(5).random((1, *TILE), np.float32)
    found = {}
    for name, value in (("there", noise), ("missing", np.nan), ("mean", BAND_MEAN)):
        scene = banded_scene(value)
        batch = batch_of(examples_of(banded, [scene], queries_of(processor, [scene])), model.config)
        with torch.no_grad():
            out = model(batch)
            found[name] = torch.cat([out.mask_logits[0].flatten(), out.lm_loss[None]])
    assert torch.equal(found["missing"], found["mean"])
    assert (found["there"] - found["mean"]).abs().max() > 1e-3


def test_a_missing_band_trains_no_weight_of_its_channel(banded):
    model, _ = banded
    first = [w for name, w in model.named_parameters() if name.endswith("projection.weight") and w.ndim == 4]
    assert len(first) == 2  # of the vision encoder, of SAM
    gradients(banded, [banded_scene(np.random.default_rng(6).random((1, *TILE), np.float32))], "loss")
    assert all(bool(w.grad[:, 3].abs().sum() > 0) for w in first)
    gradients(banded, [banded_scene(np.nan)], "loss")
    for weight in first:
        assert not weight.grad[:, 3].any()
        assert bool(weight.grad[:, :3].abs().sum() > 0)


def test_frames_with_and_without_a_band_answer_side_by_side_as_alone(banded):
    compare(banded, [banded_scene(np.nan), banded_scene(0.9)])
