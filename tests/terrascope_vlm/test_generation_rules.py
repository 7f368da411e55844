"""What a reply may be: when it ends, what it never writes, what the caller may force, what is told while it goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

import numpy as np  # noqa: E402
from scripted_replies import GROUND, Scripted, image, loud_parts, queries_of_all_kinds  # noqa: E402
from terrascope_vlm.fusion import relevance  # noqa: E402
from terrascope_vlm.generation import Decoding, Drew, Wrote, reason  # noqa: E402
from terrascope_vlm.slots import NOTHING  # noqa: E402


@pytest.fixture(scope="module")
def parts():
    return loud_parts()


@pytest.fixture
def setting(parts, monkeypatch):
    def change(**values):
        for name, value in values.items():
            monkeypatch.setattr(parts[0].config, name, value)

    return change


def asked(processor, *frames, text="What is there?"):
    return processor.query(list(frames) or [image(1)], text, GROUND)


def told(parts, query, text, **kwargs):
    """The reply to one query whose words are dictated."""
    return reason(*parts, [query], _adjust=Scripted(parts[1], [text]), **kwargs)[0]


def always(*tokens):
    """Makes every row want ``tokens``, the first most."""

    def adjust(_, logits):
        logits = torch.zeros_like(logits)
        for place, token in enumerate(tokens):
            logits[:, token] = 10.0 - place
        return logits

    return adjust


class Counter:
    """Counts the images that pass through a method of a model."""

    def __init__(self, monkeypatch, model, name):
        self.images = 0
        method = getattr(model, name)

        def counted(pixels):
            self.images += len(pixels)
            return method(pixels)

        monkeypatch.setattr(model, name, counted)


# How it ends


def test_a_model_that_never_ends_is_cut_at_the_limit_of_written_tokens(parts):
    a = parts[1].encode("a")[0]
    replies = reason(*parts, [asked(parts[1])] * 2, Decoding(max_new_tokens=7), _adjust=always(a))
    assert [(r.text, r.ids, r.ended) for r in replies] == [("aaaaaaa", [a] * 7, "length")] * 2


def test_no_tokens_allowed_is_an_empty_reply(parts):
    reply = reason(*parts, [asked(parts[1])], Decoding(max_new_tokens=0))[0]
    assert (reply.text, reply.ids, reply.drawn, reply.ended) == ("", [], (), "length")


def test_a_reply_may_end_at_once(parts):
    reply = told(parts, asked(parts[1]), "")
    assert (reply.text, reply.ids, reply.ended) == ("", [], "end")


def test_injected_tokens_do_not_count_as_written(parts):
    reply = told(parts, asked(parts[1]), "ab[SEG]cd[SEG]e", decoding=Decoding(max_new_tokens=7))
    assert sum(len(drawn.evidence.slots) for drawn in reply.drawn) >= 2
    assert (reply.text, reply.ended) == ("ab[SEG]cd[SEG]e", "length")


def test_a_seg_at_the_limit_is_still_drawn(parts):
    reply = told(parts, asked(parts[1]), "ab[SEG]cd", decoding=Decoding(max_new_tokens=3))
    assert (reply.text, reply.ended, len(reply.drawn)) == ("ab[SEG]", "length", 1)


def test_after_the_last_allowed_mask_seg_is_never_written(parts):
    seg, a = parts[1].ids["seg"], parts[1].encode("a")[0]
    rules = Decoding(max_new_tokens=6, max_masks=2)
    replies = reason(*parts, [asked(parts[1])] * 3, rules, _adjust=always(seg, a))
    assert [(r.text, len(r.drawn)) for r in replies] == [("[SEG][SEG]aaaa", 2)] * 3
    no_mask = reason(*parts, [asked(parts[1])], Decoding(max_new_tokens=2, max_masks=0), _adjust=always(seg, a))[0]
    assert (no_mask.text, no_mask.drawn) == ("aa", ())


@pytest.mark.parametrize("role", ["image", "image_start", "image_end", "start", "pad"])
def test_tokens_that_are_no_text_are_never_written(parts, role):
    a = parts[1].encode("a")[0]
    reply = reason(*parts, [asked(parts[1])], Decoding(max_new_tokens=2), _adjust=always(parts[1].ids[role], a))[0]
    assert reply.text == "aa"


def test_rows_of_the_head_that_are_no_token_are_never_written(parts):
    a = parts[1].encode("a")[0]

    def wider(_, logits):
        logits = torch.cat([logits, logits.new_full((len(logits), 3), 1e9)], dim=1)
        logits[:, a] = 1e8
        return logits

    assert reason(*parts, [asked(parts[1])], Decoding(max_new_tokens=2), _adjust=wider)[0].text == "aa"


def with_positions(parts, monkeypatch, count):
    monkeypatch.setattr(parts[0].vlm.model.language_model.config, "max_position_embeddings", count)


def test_a_reply_ends_where_the_positions_of_the_model_end(parts, monkeypatch):
    query = asked(parts[1])
    with_positions(parts, monkeypatch, len(query.slots) + 3)
    reply = told(parts, query, "abcdefgh")
    assert (reply.text, reply.ended) == ("abc", "length")
    with_positions(parts, monkeypatch, len(query.slots))
    assert told(parts, query, "abc").text == ""


def test_evidence_that_finds_no_room_ends_the_reply_and_no_other(parts, monkeypatch):
    full = np.ones((20, 20), bool)
    long, short = asked(parts[1], text="What is there? And there?"), asked(parts[1], text="?")
    with_positions(parts, monkeypatch, len(long.slots) + 10)
    heard = Scripted(parts[1], ["a[SEG]bc", "a[SEG]bc"])
    replies = reason(*parts, [long, short], forced=[[full], [full]], _adjust=heard)
    assert [(r.text, r.ended, len(r.drawn)) for r in replies] == [("a[SEG]", "length", 1), ("a[SEG]bc", "end", 1)]
    assert len(replies[0].drawn[0].evidence.slots) == 16


def test_a_prompt_longer_than_the_model_is_refused_with_its_length(parts, monkeypatch):
    query = asked(parts[1])
    with_positions(parts, monkeypatch, len(query.slots) - 1)
    with pytest.raises(ValueError, match=rf"prompt of query 1 has {len(query.slots)} positions, 16 of .*max_tiles"):
        reason(*parts, [asked(parts[1], text=""), query])


def test_an_empty_question_is_answered(parts):
    assert told(parts, asked(parts[1], text=""), "yes [SEG]").text == "yes [SEG]"


def test_no_queries_have_no_replies(parts):
    assert reason(*parts, []) == []


@pytest.mark.parametrize("name", ["max_new_tokens", "max_masks"])
def test_negative_limits_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is -1"):
        Decoding(**{name: -1})


def test_an_attention_that_cannot_mask_rows_apart_is_refused(parts, monkeypatch):
    config = parts[0].vlm.model.language_model.config
    monkeypatch.setattr(config, "_attn_implementation_internal", "flash_attention_2")
    with pytest.raises(ValueError, match=r"'flash_attention_2': load the model with attn_implementation='sdpa'"):
        reason(*parts, [asked(parts[1])])


def test_a_language_model_with_a_sliding_window_is_refused(parts, monkeypatch):
    config = parts[0].vlm.model.language_model.config
    monkeypatch.setattr(config, "layer_types", ["full_attention", "sliding_attention"])
    with pytest.raises(ValueError, match=r"full attention in every layer; Qwen2Config has .*sliding_attention"):
        reason(*parts, [asked(parts[1])])


# Regions


@dataclass
class Dated:
    t: int
    mask: np.ndarray


def square(row, column, side=5):
    mask = np.zeros((20, 20), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def test_forced_masks_are_taken_in_order_and_then_the_model_draws(parts, monkeypatch):
    count = Counter(monkeypatch, parts[0], "encode")
    query = asked(parts[1], image(1, 1), image(2, 2))
    masks = [square(0, 0), Dated(2, square(10, 10, 10))]
    reply = told(parts, query, "Image: 2 [SEG] Image: 1 [SEG] Image: 2 [SEG]", forced=[masks])
    assert [(d.region.t, d.region.frame, d.forced, d.stated) for d in reply.drawn] == [
        (2, 1, True, True),  # no date of its own: the one that was written
        (2, 1, True, True),  # its own date, whatever was written
        (2, 1, False, True),
    ]
    assert np.array_equal(reply.drawn[0].region.mask, masks[0])
    assert np.array_equal(reply.drawn[1].region.mask, masks[1].mask)
    assert reply.drawn[0].evidence.cells.tolist() == [0]  # 5 x 5 pixels are a cell of 4 x 4 cells on 20 x 20 pixels
    assert reply.drawn[1].evidence.cells.tolist() == [10, 11, 14, 15]
    assert count.images == 1


def test_a_forced_mask_changes_what_is_read(parts):
    logits = []
    for mask in (square(0, 0), square(15, 15)):
        heard = Scripted(parts[1], ["[SEG]a"])
        reason(*parts, [asked(parts[1])], forced=[[mask]], _adjust=heard)
        logits.append(heard.logits[0])
    assert torch.equal(logits[0][0], logits[1][0])
    assert (logits[0][1] - logits[1][1]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.zeros((20, 21), bool), r"forced mask 1 of query 0 is \(20, 21\) bool; expected \(20, 20\) bool"),
        (np.zeros((20, 20), np.uint8), r"uint8; expected \(20, 20\) bool"),
        (Dated(3, np.zeros((20, 20), bool)), r"is of date 3; the query has images of 1"),
    ],
)
def test_forced_masks_that_do_not_fit_are_refused(parts, mask, says):
    with pytest.raises(ValueError, match=says):
        reason(*parts, [asked(parts[1])], forced=[[mask]])


def test_forced_masks_for_another_number_of_queries_are_refused(parts):
    with pytest.raises(ValueError, match="masks for 1 queries; expected one sequence for each of 2"):
        reason(*parts, [asked(parts[1])] * 2, forced=[[]])


def test_an_empty_mask_is_read_as_nothing_there(parts):
    reply = told(parts, asked(parts[1]), "[SEG]a", forced=[[np.zeros((20, 20), bool)]])
    assert reply.drawn[0].evidence.empty
    assert reply.drawn[0].evidence.slots.visual.tolist() == [NOTHING]
    assert reply.drawn[0].sar == (False,)


def test_an_image_is_encoded_once_however_many_regions_and_queries_it_has(parts, monkeypatch):
    sam, vision = Counter(monkeypatch, parts[0], "encode"), Counter(monkeypatch, parts[0], "vision_tower_of")
    shown = image(1)
    queries = [
        asked(parts[1], shown),
        asked(parts[1], shown, text="Where is it?"),
        asked(parts[1], image(1), text="The same bytes"),
        asked(parts[1], image(2)),
    ]
    script = Scripted(parts[1], ["[SEG] and [SEG]", "so [SEG]", "[SEG][SEG][SEG]", "nothing here"])
    replies = reason(*parts, queries, _adjust=script)
    assert [len(reply.drawn) for reply in replies] == [2, 1, 3, 0]
    assert vision.images == 2
    assert sam.images == 1  # the other image was never drawn on


def test_text_without_drawing_decodes_no_mask(parts, setting, monkeypatch):
    setting(evidence="text")
    count = Counter(monkeypatch, parts[0], "encode")
    query = asked(parts[1])
    bare = told(parts, query, "a[SEG]b", decoding=Decoding(draw=False))
    assert (bare.text, bare.drawn, count.images) == ("a[SEG]b", (), 0)
    drawn = told(parts, query, "a[SEG]b")
    assert (len(drawn.drawn), len(drawn.drawn[0].evidence.slots), count.images) == (1, 0, 1)


def test_evidence_that_needs_a_mask_has_one_without_drawing_too(parts):
    assert len(told(parts, asked(parts[1]), "a[SEG]b", decoding=Decoding(draw=False)).drawn) == 1


def test_each_slot_says_whether_it_was_read_from_radar(parts, setting):
    pair = asked(parts[1], image(4), image(5, modality="sar"))
    mask = square(0, 0, 10)  # cells 0, 1, 4, 5

    def sar(query):
        return told(parts, query, "[SEG]", forced=[[mask]]).drawn[0].sar

    setting(fusion="none")
    assert sar(pair) == (False,) * 4
    assert sar(asked(parts[1], image(5, modality="sar"))) == (True,) * 4
    setting(fusion="concat")
    assert sar(pair) == (False,) * 4 + (True,) * 4
    setting(fusion="text-guided")
    from terrascope_vlm.batch import images_of

    with torch.no_grad():
        visual = parts[0].visual_tokens(images_of([pair], parts[0].config).tiles)
        question = parts[0].get_input_embeddings()(pair.slots.ids[pair.slots.question])
    optical, radar = relevance(visual[:16], question), relevance(visual[16:], question)
    expected = tuple(bool(radar[cell] >= optical[cell]) for cell in (0, 1, 4, 5))
    assert sar(pair) == expected
    assert len(set(expected)) == 2  # else the case shows nothing


def test_offsets_say_where_in_the_text_each_seg_ends(parts):
    reply = told(parts, asked(parts[1]), "é [SEG], [SEG]")
    assert [reply.text[: drawn.offset] for drawn in reply.drawn] == ["é [SEG]", "é [SEG], [SEG]"]


# Events


def events_of(parts, queries, texts, **kwargs):
    seen = []
    replies = reason(
        *parts,
        queries,
        _adjust=Scripted(parts[1], texts),
        on_event=lambda row, event: seen.append((row, event)),
        **kwargs,
    )
    return replies, seen


def test_the_events_of_a_reply_are_its_text_and_its_regions_in_order(parts):
    texts = ["A[SEG]b[SEG]", "no region", ""]
    replies, seen = events_of(parts, [asked(parts[1])] * 3, texts)
    for row, reply in enumerate(replies):
        own = [event for place, event in seen if place == row]
        assert "".join(event.text for event in own if isinstance(event, Wrote)) == reply.text == texts[row]
        assert tuple(event.drawn for event in own if isinstance(event, Drew)) == reply.drawn
        text = ""
        for event in own:
            if isinstance(event, Wrote):
                text += event.text
            else:
                assert len(text) == event.drawn.offset


def test_characters_of_several_bytes_are_told_whole(parts):
    text = "5 µm, größer, 面積 🌍 [SEG]🛰"
    replies, seen = events_of(parts, [asked(parts[1])], [text])
    written = [event.text for _, event in seen if isinstance(event, Wrote)]
    assert "".join(written) == replies[0].text == text
    assert "🌍" in written
    assert not any("\ufffd" in part for part in written)


def test_a_character_that_never_comes_whole_is_told_at_the_end(parts):
    text = "ab🌍"
    replies, seen = events_of(parts, [asked(parts[1])], [text], decoding=Decoding(max_new_tokens=4))
    written = [event.text for _, event in seen]
    assert written[:2] == ["a", "b"]
    assert "".join(written) == replies[0].text
    assert replies[0].text.startswith("ab\ufffd")


def test_an_exception_of_the_hook_ends_the_decoding_and_leaves_the_model_as_it_was(parts):
    model, processor = parts
    model.train()
    model.grounding.eval()
    before = [module.training for module in model.modules()]

    def stop(row, event):
        if isinstance(event, Drew):
            raise KeyboardInterrupt

    script = Scripted(processor, ["ab[SEG]cdef"])
    with pytest.raises(KeyboardInterrupt):
        reason(model, processor, [asked(processor)], _adjust=script, on_event=stop)
    assert [module.training for module in model.modules()] == before
    assert len(script.logits[0]) == 3
    assert torch.is_grad_enabled()
    model.eval()
    assert told(parts, asked(processor), "ab[SEG]").text == "ab[SEG]"


def test_a_model_in_training_answers_without_dropout(parts):
    model, processor = parts
    queries = queries_of_all_kinds(processor)[:2]
    quiet = reason(model, processor, queries, Decoding(max_new_tokens=8))
    for layer in model.vlm.model.language_model.layers:
        layer.self_attn.attention_dropout = 0.9
    model.train()
    try:
        assert [r.ids for r in reason(model, processor, queries, Decoding(max_new_tokens=8))] == [r.ids for r in quiet]
    finally:
        model.eval()
        for layer in model.vlm.model.language_model.layers:
            layer.self_attn.attention_dropout = 0.0
