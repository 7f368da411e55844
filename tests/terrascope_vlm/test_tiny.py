"""Tokenizers of tiny models: exact, of the size asked for, digits one by one, the same file for the same texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from terrascope_vlm.chat import SPECIAL_TOKENS
from terrascope_vlm.tiny import tiny_parts, tiny_tokenizer

REPLIES = [
    "<think>The cropland is here: [SEG]. It covers 8,490 of 65,536 pixels, so 13 %.</think><answer>B</answer>",
    "<think>The water is here: Image: 1 [SEG]. The water is here: Image: 2 [SEG]. It grew by 12.5 ha.</think>",
    "How far is the nearest building from the road?\nA. 150 m\nB. 1,200 m\nC. 75 m\nD. 900 m",
]


@pytest.fixture(scope="module")
def learned():
    return tiny_tokenizer(REPLIES * 4, 330)


def pieces(tokenizer, text: str) -> list[str]:
    return [tokenizer.decode([token]) for token in tokenizer(text)["input_ids"]]


@pytest.mark.parametrize(("size", "found"), [(0, 263), (263, 263), (264, 264), (300, 300)])
def test_a_tokenizer_has_the_size_asked_for_and_bytes_and_marks_always(size, found):
    assert len(tiny_tokenizer(REPLIES * 4, size)) == found


def test_texts_that_yield_fewer_tokens_give_fewer():
    # 256 bytes, 7 marks, and "ab", the one pair that comes twice
    assert len(tiny_tokenizer(["ab ab"], 10_000)) == 264


def test_every_token_of_the_chat_is_one_and_has_the_last_ids(learned):
    ids = [learned.convert_tokens_to_ids(token) for _, token in SPECIAL_TOKENS]
    assert sorted(ids) == list(range(323, 330))
    assert (learned.eos_token, learned.pad_token) == ("<|im_end|>", "<|endoftext|>")


def test_digits_are_read_one_by_one(learned):
    assert pieces(learned, "8,490") == ["8", ",", "4", "9", "0"]
    assert pieces(learned, "12.5") == ["1", "2", ".", "5"]


def test_words_that_repeat_become_one_token_with_the_space_before_them(learned):
    assert pieces(learned, "The water is here") == ["The", " water", " is", " here"]


@pytest.mark.parametrize("before", ["", "here: ", "[SEG]. ", ".\n"])
def test_date_and_seg_are_tokens_of_their_own_wherever_they_stand(learned, before):
    # routing reads the date from the text, the mask is read at the token: neither may melt into its neighbours
    assert pieces(learned, f"{before}Image: 2 [SEG].")[-5:] == [":", " ", "2", " ", "[SEG]", "."][-5:]
    assert learned(f"{before}Image: 2 [SEG].")["input_ids"].count(learned.convert_tokens_to_ids("[SEG]")) == (
        1 + before.count("[SEG]")
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text() | st.text(alphabet=" \t\n\r\u00a0\u3000a1.") | st.floats().map(str) | st.integers().map("{:,}".format))
def test_every_text_comes_back_to_the_letter(learned, text):
    ids = learned(text, add_special_tokens=False)["input_ids"]
    assert learned.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_same_texts_give_the_same_file_in_any_order(tmp_path, learned):
    # twice, since the hash tables of the trainer are seeded anew each time
    others = (tiny_tokenizer(REPLIES * 4, 330), tiny_tokenizer([*reversed(REPLIES * 4)], 330))
    for number, tokenizer in enumerate((learned, *others)):
        tokenizer.save_pretrained(tmp_path / str(number))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert len({(tmp_path / str(number) / file).read_bytes() for number in range(3)}) == 1, file


def test_the_marks_of_a_reply_are_no_words_to_learn(learned):
    assert not [token for token in learned.get_vocab() if "SEG" in token and token != "[SEG]"]


def test_the_same_seed_gives_the_same_model():
    import torch

    one, other, third = (tiny_parts(seed)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)
