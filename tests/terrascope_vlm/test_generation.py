"""Interleaved decoding on a cache against reading everything anew for every word (``slow_reference``)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

import numpy as np  # noqa: E402
from scripted_replies import SCRIPTS, Scripted, loud, loud_parts, queries_of_all_kinds  # noqa: E402
from slow_reference import slowly  # noqa: E402
from terrascope_vlm.config import EVIDENCE  # noqa: E402
from terrascope_vlm.generation import Decoding, reason  # noqa: E402

PAIRS = [
    ("none", "mean"),
    ("concat", "mean"),
    ("concat", "optical-only"),
    ("text-guided", "beta"),
]


@pytest.fixture(scope="module")
def parts():
    return loud_parts()


@pytest.fixture
def setting(parts, monkeypatch):
    """Evidence and fusion of the shared model, for one test."""

    def change(**values):
        for name, value in values.items():
            monkeypatch.setattr(parts[0].config, name, value)

    return change


def furthest(parts, queries, scripts, limit, batches=None):
    """Decode in ``batches`` and compare with the slow way: the largest difference of logits; all else must be equal."""
    model, processor = parts
    worst = 0.0
    for batch in batches or [list(range(len(queries)))]:
        dictated = Scripted(processor, [scripts[i] for i in batch])
        replies = reason(model, processor, [queries[i] for i in batch], _adjust=dictated)
        for i, reply, logits in zip(batch, replies, dictated.logits, strict=True):
            slow = slowly(model, processor, queries[i], processor.encode(scripts[i]))
            assert len(logits) == len(slow.logits)
            for fast, true in zip(logits, slow.logits, strict=True):
                assert (fast - true).abs().max() < limit, f"query {i}"
                worst = max(worst, float((fast - true).abs().max()))
            assert (reply.text, reply.ended) == (scripts[i], "end")
            assert reply.ids == processor.encode(scripts[i])
            for drawn, region, evidence in zip(reply.drawn, slow.regions, slow.evidence, strict=True):
                assert np.array_equal(drawn.region.mask, region.mask)
                assert (drawn.region.t, drawn.region.frame, drawn.region.other) == (
                    region.t,
                    region.frame,
                    region.other,
                )
                assert torch.equal(drawn.evidence.slots.visual, evidence.slots.visual)
                assert torch.equal(drawn.evidence.slots.ids, evidence.slots.ids)
    return worst


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_mixed_batch_reads_each_variant_of_evidence_as_recomputation_does(parts, setting, evidence):
    setting(evidence=evidence, fusion="text-guided")
    furthest(parts, queries_of_all_kinds(parts[1]), SCRIPTS, 1e-4)


@pytest.mark.parametrize(("fusion", "mask_fusion"), PAIRS)
def test_pairs_are_fused_as_in_recomputation(parts, setting, fusion, mask_fusion):
    setting(fusion=fusion, mask_fusion=mask_fusion)
    queries = queries_of_all_kinds(parts[1])
    furthest(parts, queries[2:5], SCRIPTS[2:5], 1e-4)


def test_batches_of_one_equal_recomputation(parts, setting):
    setting(fusion="concat")
    queries = queries_of_all_kinds(parts[1])
    furthest(parts, queries, SCRIPTS, 1e-4, batches=[[0], [1], [2], [6]])


def test_in_double_precision_nothing_is_left_of_the_difference():
    model, processor = loud_parts(2, fusion="concat")
    queries = queries_of_all_kinds(processor)
    worst = furthest((model.double(), processor), queries[1:4], SCRIPTS[1:4], 1e-10)
    assert worst < 1e-10


def test_in_half_precision_every_kind_of_query_is_answered():
    model, processor = loud_parts(fusion="text-guided", mask_fusion="beta")
    model.to(torch.bfloat16)
    replies = reason(model, processor, queries_of_all_kinds(processor), _adjust=Scripted(processor, SCRIPTS))
    assert [reply.text for reply in replies] == list(SCRIPTS)
    assert [len(reply.drawn) for reply in replies] == [text.count("[SEG]") for text in SCRIPTS]


def other_language_model(processor, kind, attention):
    """The same model around another language model with fewer heads of keys than of queries."""
    from terrascope_vlm.modeling import TerraScopeForReasoning
    from terrascope_vlm.tiny import tiny_config
    from transformers import InternVLConfig, LlamaConfig, Qwen2Config

    config = tiny_config(processor.tokenizer, image=32, patch=4, mask_input=32, vision_width=32)
    own = config.internvl_config.to_dict()
    text = {"llama": LlamaConfig, "qwen2": Qwen2Config}[kind](
        vocab_size=len(processor.tokenizer) + 5,  # rows that are no token, as hub models have
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
    )
    config.internvl_config = InternVLConfig(**own | {"text_config": text.to_dict()})
    model = TerraScopeForReasoning(config).eval()
    model.vlm.model.language_model.set_attn_implementation(attention)
    return loud(model)


@pytest.mark.parametrize(("kind", "attention"), [("llama", "sdpa"), ("llama", "eager"), ("qwen2", "eager")])
def test_other_language_models_and_attentions_decode_alike(parts, kind, attention):
    model = other_language_model(parts[1], kind, attention)
    assert type(model.vlm.model.language_model).__name__.lower() == f"{kind}model"
    assert model.vlm.model.language_model.config._attn_implementation == attention
    queries = queries_of_all_kinds(parts[1])
    furthest((model, parts[1]), queries[:3], SCRIPTS[:3], 1e-4)


def test_a_wrong_token_of_evidence_would_show(parts, setting):
    """The comparison above means something: other evidence changes what is written by far more than its limit."""
    setting(evidence="mask")
    query, script = queries_of_all_kinds(parts[1])[0], parts[1].encode(SCRIPTS[0])
    with_evidence = slowly(*parts, query, script)
    setting(evidence="text")
    without = slowly(*parts, query, script)
    assert (with_evidence.logits[-1] - without.logits[-1]).abs().max() > 0.1
    first, second, third = (region.mask for region in with_evidence.regions)
    assert not np.array_equal(first, second)  # and the state at [SEG] shows in the mask
    assert not np.array_equal(second, third)


def eager_for_regions(processor):
    """A random model seldom writes [SEG]: this makes it likely, by what it was about to write."""

    def adjust(rows, logits):
        logits = logits.clone()
        at = logits.abs().sum(-1).remainder(1.0) < 0.15
        logits[at, processor.ids["seg"]] += 100.0
        return logits

    return adjust


def test_a_reply_does_not_depend_on_the_batch_or_its_order(parts, setting):
    setting(fusion="text-guided", mask_fusion="beta")
    model, processor = parts
    queries = queries_of_all_kinds(processor)
    rules = Decoding(max_new_tokens=24, max_masks=4)

    def answers(order):
        replies = reason(model, processor, [queries[i] for i in order], rules, _adjust=eager_for_regions(processor))
        return {
            i: (r.text, r.ids, r.ended, [d.region.mask.sum() for d in r.drawn])
            for i, r in zip(order, replies, strict=True)
        }

    together = answers(range(8))
    assert answers([5, 2, 7, 0, 3, 6, 1, 4]) == together
    for i in (0, 4):
        assert answers([i])[i] == together[i]
    assert len({text for text, *_ in together.values()}) > 5
    assert sum(len(masks) for *_, masks in together.values()) > 8
