from __future__ import annotations

import copy
import json
import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file, save_file  # noqa: E402
from terrascope_vlm.checkpoints import CheckpointError, load, save  # noqa: E402
from terrascope_vlm.lora import load_adapter, merged, save_adapter, with_lora  # noqa: E402
from terrascope_vlm.modeling import TerraScopeForReasoning  # noqa: E402
from terrascope_vlm.tiny import tiny_parts  # noqa: E402
from tiny_batches import batch, example, image  # noqa: E402

torch.set_num_threads(1)


def trained(tied, steps=3, **settings):
    """A model with an adapter that has learned a little, its processor, and a batch."""
    model, processor = tiny_parts(0, tie_word_embeddings=tied, **settings)
    examples = batch(model.config, [example(processor, [image(1)], (1, 1)), example(processor, [image(2)])])
    adapted = with_lora(model, rank=4, alpha=8.0)
    adapted.train()
    optimizer = torch.optim.AdamW([w for w in adapted.parameters() if w.requires_grad], lr=3e-2)
    losses = []
    for _ in range(steps):
        loss = adapted(examples).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    return adapted.eval(), processor, examples


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def case(request):
    return request.param, *trained(request.param)


def answers(model, examples):
    with torch.no_grad():
        found = model(examples)
    return found.lm_loss, found.mask_loss, torch.stack(found.mask_logits)


def test_an_adapter_changes_nothing_at_the_start():
    model, processor = tiny_parts(0)
    examples = batch(model.config, [example(processor, [image(1)])])
    before = answers(model, examples)
    for one, other in zip(answers(with_lora(model, rank=4), examples), before, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_said_to_be_trained_is_trained_and_nothing_else(tied):
    model, _ = tiny_parts(0, tie_word_embeddings=tied)
    of_seg = model.get_input_embeddings().weight.shape[1] * (1 if tied else 2)
    whole = [
        model.vlm.model.multi_modal_projector,
        model.grounding.sam.mask_decoder,
        model.seg_projection,
        model.nothing,
    ]
    full = sum(weight.numel() for module in whole for weight in module.parameters())
    layer = model.vlm.model.language_model.layers[0]
    linear = [m for m in layer.modules() if isinstance(m, torch.nn.Linear)]
    assert len(linear) == 7
    low_rank = 2 * sum(4 * (m.in_features + m.out_features) for m in linear)
    adapted = with_lora(model, rank=4)
    names = {name: weight.numel() for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert sum(names.values()) == full + low_rank + of_seg
    assert not any(re.search("vision_tower|vision_encoder|prompt_encoder", name) for name in names)


def test_only_the_row_of_seg_changes_among_the_words(case):
    tied, adapted, processor, _ = case
    model, _ = tiny_parts(0, tie_word_embeddings=tied)
    folded = merged(copy.deepcopy(adapted))
    for before, after in (
        (model.get_input_embeddings().weight, folded.get_input_embeddings().weight),
        (model.get_output_embeddings().weight, folded.get_output_embeddings().weight),
    ):
        changed = (before != after).any(dim=1).nonzero().flatten().tolist()
        assert changed == [processor.ids["seg"]]
    assert (folded.get_output_embeddings().weight is folded.get_input_embeddings().weight) == tied


def test_merging_keeps_what_is_answered(case):
    _, adapted, _, examples = case
    expected = answers(adapted, examples)
    folded = merged(copy.deepcopy(adapted))
    assert type(folded) is TerraScopeForReasoning
    assert folded.state_dict().keys() == tiny_parts(0)[0].state_dict().keys()
    for one, other in zip(answers(folded, examples), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_a_merged_model_is_saved_as_any_other(case, tmp_path):
    _, adapted, processor, examples = case
    folded = merged(copy.deepcopy(adapted))
    save(folded, processor, tmp_path)
    for one, other in zip(answers(load(tmp_path)[0], examples), answers(folded, examples), strict=True):
        assert torch.equal(one, other)


def test_an_adapter_comes_back_from_disk(case, tmp_path):
    tied, adapted, _, examples = case
    save_adapter(adapted, tmp_path)
    again = load_adapter(tiny_parts(0, tie_word_embeddings=tied)[0], tmp_path)
    for one, other in zip(answers(again, examples), answers(adapted, examples), strict=True):
        assert torch.equal(one, other)
    assert not any(weight.requires_grad for weight in again.parameters())
    further = load_adapter(tiny_parts(0, tie_word_embeddings=tied)[0], tmp_path, trainable=True)
    wanted = {name for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert {name for name, weight in further.named_parameters() if weight.requires_grad} == wanted
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_an_adapter_of_another_model_is_refused(case, tmp_path):
    tied, adapted, _, _ = case
    save_adapter(adapted, tmp_path)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    gone = next(name for name in weights if "lora_A" in name)
    weights["base_model.model.more"] = weights.pop(gone)
    save_file(weights, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=r"1 missing .*1 unexpected .*it is the adapter of another model"):
        load_adapter(tiny_parts(0, tie_word_embeddings=tied)[0], tmp_path)
    with pytest.raises(CheckpointError, match=r"has no adapter_config.json; expected a folder written by"):
        load_adapter(tiny_parts(0)[0], tmp_path / "none")


def test_an_adapted_model_is_not_saved_as_a_whole_one(case, tmp_path):
    _, adapted, processor, _ = case
    with pytest.raises(TypeError, match=r"found PeftModel; .*save_adapter, or .merged first"):
        save(adapted, processor, tmp_path)


def test_half_precision_below_an_adapter_in_full_precision_learns():
    model, processor = tiny_parts(0)
    examples = batch(model.config, [example(processor, [image(1)])])
    adapted = with_lora(model, rank=4)
    for weight in adapted.parameters():
        weight.data = weight.data.to(torch.float32 if weight.requires_grad else torch.bfloat16)
    adapted.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        adapted(examples).loss.backward()
    grads = [weight.grad for weight in adapted.parameters() if weight.grad is not None]
    assert {grad.dtype for grad in grads} == {torch.float32}
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_the_package_sam2_draws_with_what_an_adapter_learned():
    pytest.importorskip("sam2")
    adapted, _, examples = trained(True, steps=2, grounding_backend="sam2")
    expected = answers(adapted, examples)
    for one, other in zip(answers(merged(adapted), examples), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
