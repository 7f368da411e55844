"""What a blind reader sees of an item: its words and numbers, as features of the options.

Items are mappings with ``question``, ``options``, ``option_values`` (numbers or None) and, where it is known,
``source``. Two forms: ``option_features``, few numbers for trees, and ``crossed_features``, many words for a linear
reader: what is said of an option, alone and together with every word, pair of words and number of the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from terracot.language import NUMBER

Item = Mapping[str, Any]
Floats = npt.NDArray[np.float64]

BUCKETS = 1 << 17
"""Crossed features are hashed into so many columns."""

STEPS = 8
"""Lengths and numbers of a question are told apart at the quantiles of this many equal parts."""

_WORD = re.compile(r"[^\W\d_]+")
_MIX_A, _MIX_B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def option_features(item: Item) -> Floats:
    """``(k, features)``: what is seen of each option beside the others, and of the question."""
    options = list(item["options"])
    k = len(options)
    v = np.asarray(_values(item), dtype=float)
    order = np.argsort(np.argsort(v, kind="stable"), kind="stable")
    ranked = np.sort(v)
    safe = np.maximum(np.abs(v), 1e-9)
    none = -1.0  # in place of a neighbour or number that is not there; trees cannot bin a column of NaN alone
    below = np.array([ranked[r - 1] / s if r else none for r, s in zip(order, safe, strict=True)])
    above = np.array([ranked[r + 1] / s if r + 1 < k else none for r, s in zip(order, safe, strict=True)])
    digits = [str(option).split("%")[0].split(" ")[0].replace(",", "").replace(".", "") for option in options]
    numbers = [*question_numbers(item["question"])[:2], none, none][:2]
    columns = [
        v,
        np.log(safe),
        order.astype(float),
        below,
        above,
        ranked[0] / safe,
        ranked[-1] / safe,
        np.median(v) / safe,
        v.mean() / safe,
        np.full(k, ranked[0] / max(ranked[-1], 1e-9)),
        np.arange(k, dtype=float),
        np.full(k, float(len(item["question"]))),
        np.array([float(len(option)) for option in options]),
        np.array([float(len(d) - len(d.rstrip("0"))) for d in digits]),
        np.array([float(d[0]) if d[:1].isdigit() else -1.0 for d in digits]),
        np.array([float(crc32(option.lower().encode()) % 997) for option in options]),
        np.full(k, float(crc32(str(item.get("source") or "").encode()) % 997)),
        *(np.full(k, number) for number in numbers),
    ]
    return np.stack(columns, axis=1)


def _values(item: Item) -> Sequence[float]:
    """The numbers of the options; of words: yes is 1, no is 0, others by where they stand in the question."""
    values = item["option_values"]
    if all(value is not None for value in values):
        return list(values)
    said, words = item["question"].lower(), {"yes": 1.0, "no": 0.0}
    places = [said.find(option.lower()) for option in item["options"]]
    ranks = np.argsort(np.argsort(places, kind="stable"), kind="stable")
    return [words.get(o.lower(), 0.1 + float(rank)) for o, rank in zip(item["options"], ranks, strict=True)]


def question_numbers(question: str) -> list[float]:
    """The numbers of a question in their order."""
    return [float(found.replace(",", "")) for found in NUMBER.findall(question)]


class Crossing:
    """Turns items into rows of hashed features, one per option. Made from training items, whose quantiles it keeps."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._lengths = _cuts([float(len(item["question"])) for item in items])
        numbers = [question_numbers(item["question"]) for item in items]
        self._numbers = [_cuts([n[place] for n in numbers if len(n) > place]) for place in (0, 1)]
        self._hashes: dict[str, int] = {}

    def rows(self, items: Sequence[Item]) -> Any:
        """``(options of all items, BUCKETS)`` sparse matrix."""
        from scipy.sparse import csr_matrix

        columns: list[npt.NDArray[np.uint64]] = []
        weights: list[Floats] = []
        for item in items:
            context = self._hashed(self._context(item))
            for alone, crossed in _said_of_options(item):
                pairs = np.bitwise_xor.outer(self._hashed(crossed) * _MIX_A, context * _MIX_B).ravel()
                columns.append(np.concatenate([self._hashed([*alone, *crossed]), pairs]))
                single = len(alone) + len(crossed)
                weights.append(np.concatenate([np.ones(single), np.full(len(pairs), 0.5)]))
        ends = np.cumsum([0, *map(len, columns)])
        # The upper bits of the product are the mixed ones.
        index = ((np.concatenate(columns) * _MIX_A) >> np.uint64(40)) % np.uint64(BUCKETS)
        return csr_matrix((np.concatenate(weights), index.astype(np.int32), ends), shape=(len(columns), BUCKETS))

    def _context(self, item: Item) -> list[str]:
        question = item["question"].lower()
        words = _WORD.findall(question)
        seen = {*words, *(f"{a} {b}" for a, b in pairwise(words)), f"source={item.get('source')}"}
        seen |= {f"length>={cut}" for cut in self._lengths if len(question) >= cut}
        for place, (number, cuts) in enumerate(zip(question_numbers(question), self._numbers, strict=False)):
            seen |= {f"number {place}={number}", *(f"number {place}>={cut}" for cut in cuts if number >= cut)}
        return sorted(seen)

    def _hashed(self, texts: Sequence[str]) -> npt.NDArray[np.uint64]:
        known = self._hashes
        for text in texts:
            if text not in known:
                known[text] = crc32(text.encode()) << 32 | crc32(text[::-1].encode())
        return np.array([known[text] for text in texts], dtype=np.uint64)


def _cuts(values: Sequence[float]) -> list[float]:
    """Where the quantiles of ``STEPS`` equal parts lie; few distinct values are told apart one by one."""
    distinct = np.unique(values)
    if len(distinct) <= STEPS:
        return [float(value) for value in distinct[1:]]
    return [float(cut) for cut in np.unique(np.quantile(values, np.arange(1, STEPS) / STEPS))]


def _said_of_options(item: Item) -> list[tuple[list[str], list[str]]]:
    """Of each option, in order: what counts by itself, and what may depend on the question."""
    options = [" ".join(str(option).lower().split()) for option in item["options"]]
    values = item["option_values"]
    numeric = all(value is not None for value in values)
    ranks = np.argsort(np.argsort(_values(item), kind="stable"), kind="stable").tolist()
    said = []
    for place, option in enumerate(options):
        alone = [f"text {option}", f"width {len(option)}", *(f"word {word}" for word in _WORD.findall(option))]
        crossed = [f"letter {place}", f"rank {ranks[place]}"]
        if numeric:
            size = abs(float(values[place]))
            alone += [f"size {round(2 * np.log10(size)) if size > 0 else None}", f"digit {option[:1]}"]
        else:
            crossed.append(f"is {option}")
            alone += [f"{option} beside {other}" for other in options if other != option]
        said.append((alone, crossed))
    return said
