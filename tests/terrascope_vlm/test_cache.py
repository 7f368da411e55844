from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from terrascope_vlm.generation.cache import RaggedCache  # noqa: E402

HEADS, WIDTH = 2, 4


def states(rows, length, seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(rows, HEADS, length, WIDTH, generator=generator) for _ in range(2))


def visible(mask, keys, row, query):
    """The keys of a row that one of its queries sees."""
    return keys[row, :, mask[row, 0, query] == 0]


def test_a_row_sees_its_own_keys_and_no_others_whatever_the_lengths():
    cache = RaggedCache(rows=3, capacity=2, device="cpu")
    first, _ = states(3, 4, 0)
    cache.place([0, 1, 2], 4, torch.float32)
    cache.update(first, first, 0)
    cache.keep([0, 1, 2], [4, 1, 2])  # the rest was padding
    second, values = states(3, 1, 1)
    positions, mask = cache.place([0, 1, 2], 1, torch.float32)
    keys, read = cache.update(second, values, 0)
    assert positions.tolist() == [[4], [1], [2]]
    assert mask.shape == (3, 1, 1, 5)
    for row, length in enumerate((4, 1, 2)):
        expected = torch.cat([first[row, :, :length], second[row]], dim=1)
        assert torch.equal(visible(mask, keys, row, 0), expected)
    assert torch.equal(read[1, :, 1], values[1, :, 0])


def test_a_block_for_some_rows_leaves_the_others_as_they_were():
    cache = RaggedCache(rows=4, capacity=64, device="cpu")
    prompt, _ = states(4, 3, 0)
    cache.place([0, 1, 2, 3], 3, torch.float32)
    cache.update(prompt, prompt, 0)
    cache.keep([0, 1, 2, 3], [3, 2, 3, 1])
    block, _ = states(2, 3, 1)
    positions, mask = cache.place([1, 3], 3, torch.float32)  # rows that do not adjoin
    keys, _ = cache.update(block, block, 0)
    assert positions.tolist() == [[2, 3, 4], [1, 2, 3]]
    assert keys.shape[2] == 5
    assert torch.equal(visible(mask, keys, 0, 1), torch.cat([prompt[1, :, :2], block[0, :, :2]], dim=1))
    assert torch.equal(visible(mask, keys, 1, 2), torch.cat([prompt[3, :, :1], block[1]], dim=1))
    cache.keep([1, 3], [3, 1])
    assert cache.lengths == [3, 5, 3, 2]
    last, _ = states(4, 1, 2)
    _, mask = cache.place([0, 1, 2, 3], 1, torch.float32)
    keys, _ = cache.update(last, last, 0)
    assert torch.equal(visible(mask, keys, 2, 0), torch.cat([prompt[2], last[2]], dim=1))
    assert torch.equal(visible(mask, keys, 3, 0), torch.cat([prompt[3, :, :1], block[1, :, :1], last[3]], dim=1))


def test_growing_keeps_what_was_read_and_hides_memory_never_written():
    cache = RaggedCache(rows=2, capacity=1, device="cpu")
    seen = []
    for step in range(20):
        new, _ = states(2, 1, step)
        _, mask = cache.place([0, 1], 1, torch.float32)
        keys, _ = cache.update(new, new, 0)
        cache.keep([0, 1], [1, 1])
        seen.append(new)
        assert torch.equal(keys, torch.cat(seen, dim=2))
        assert mask is None  # rows of one length
    cache.lengths[1] = 3
    new, _ = states(2, 30, 0)
    _, mask = cache.place([0, 1], 30, torch.float32)
    keys, _ = cache.update(new, new, 0)
    assert keys.isfinite().all()
    assert mask.shape == (2, 1, 30, 50)


def test_of_rows_of_one_length_the_model_learns_what_it_needs_for_its_own_mask():
    cache = RaggedCache(rows=2, capacity=8, device="cpu")
    cache.place([0, 1], 5, torch.float32)
    assert cache.get_seq_length() == 0
    assert cache.get_mask_sizes(5, 0) == (5, 0)
    cache.keep([0, 1], [5, 5])
    cache.place([0, 1], 2, torch.float32)
    assert cache.get_seq_length() == 5
    assert cache.get_mask_sizes(2, 0) == (7, 0)


@pytest.mark.parametrize(("gone", "left"), [(0, [2, 1]), (1, [0, 2]), (2, [0, 1])])
def test_the_last_row_takes_the_place_of_one_that_ended(gone, left):
    cache = RaggedCache(rows=3, capacity=8, device="cpu")
    prompt, _ = states(3, 3, 0)
    for layer in (0, 1):
        cache.place([0, 1, 2], 3, torch.float32)
        cache.update(prompt + layer, prompt, layer)
    cache.keep([0, 1, 2], [1, 2, 3])
    cache.drop(gone)
    assert cache.lengths == [row + 1 for row in left]
    new, _ = states(2, 1, 1)
    _, mask = cache.place([0, 1], 1, torch.float32)
    for layer in (0, 1):
        keys, _ = cache.update(new, new, layer)
        for place, row in enumerate(left):
            expected = torch.cat([prompt[row, :, : row + 1] + layer, new[place]], dim=1)
            assert torch.equal(visible(mask, keys, place, 0), expected)
