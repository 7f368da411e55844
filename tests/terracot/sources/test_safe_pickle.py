"""The restricted pickle reader: plain data of every protocol is read, all else refused before it does anything."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import pickle
import shlex
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terracot.scenes import SourceError
from terracot.sources import safe_pickle
from terracot.sources.safe_pickle import conversion, load_plain

NAME = "rrsisd/refs(unc).p"
REFS = [
    {
        "ref_id": 1,
        "image_id": 11,
        "split": "train",
        "iscrowd": False,
        "score": 0.5,
        "note": None,
        "sentences": [{"raw": "die große Brücke", "sent_id": 2**40, "tokens": ["große", "Brücke"]}],
    }
] * 3


class Marked:
    """Would leave a file behind if it were ever built."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def refused(data: bytes, match: str = "is a pickle and is not read") -> str:
    with pytest.raises(SourceError, match=match) as caught:
        load_plain(data, NAME)
    return str(caught.value)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol_is_read(protocol: int) -> None:
    assert load_plain(pickle.dumps(REFS, protocol), NAME) == REFS


def test_strings_that_python_2_wrote_are_read() -> None:
    """Binary ``str`` of Python 2, protocol 2 and 0, as in the oldest referring sets."""
    assert load_plain(b"\x80\x02]q\x01U\x04shipq\x02a.", NAME) == ["ship"]
    assert load_plain(b"(lp1\nS'ship'\np2\naI7\naL8L\naI01\na.", NAME) == ["ship", 7, 8, True]


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_in_the_file_is_never_made(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    assert "makes something other than plain data" in refused(pickle.dumps([Marked(mark)], protocol))
    assert not mark.exists()
    pickle.loads(pickle.dumps([Marked(mark)], protocol))
    assert mark.exists()  # so the pickle was a live one


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"c__builtin__\neval\n(S'1/0'\ntR.", id="global and reduce"),
        pytest.param(b"cos\nsystem\n.", id="global alone"),
        pytest.param(b"(S'1/0'\ni__builtin__\neval\n.", id="inst"),
        pytest.param(b"(c__builtin__\neval\nS'1/0'\no.", id="obj"),
        pytest.param(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", id="stack global"),
        pytest.param(b"Pid\n.", id="persistent id"),
        pytest.param(b"\x80\x02K\x01Q.", id="binary persistent id"),
        pytest.param(b"\x80\x02\x82\x01.", id="extension registry"),
        pytest.param(b"\x80\x02N}b.", id="build"),
        pytest.param(b"\x80\x05\x97.", id="out-of-band buffer"),
        pytest.param(pickle.dumps(b"bytes", 4), id="bytes"),
        pytest.param(pickle.dumps({1, 2}, 4), id="set"),
        pytest.param(pickle.dumps(datetime.date(2020, 1, 1), 4), id="date"),
        pytest.param(pickle.dumps((1, 2), 4), id="tuple"),
    ],
)
def test_instructions_beyond_plain_data_are_refused(data: bytes) -> None:
    refused(data, "makes something other than plain data")


def test_the_unpickler_itself_finds_no_global() -> None:
    """The second lock, should the walk ever let an instruction through."""
    for data in (b"cos\nsystem\n.", b"Pid\n."):
        with pytest.raises(pickle.UnpicklingError, match="asks for"):
            safe_pickle._Plain(io.BytesIO(data)).load()


def hidden(instructions: bytes) -> bytes:
    """A frame that ends inside the length of a string: whoever skips to its end reads an empty string, then these
    instructions; whoever passes over frames reads one string of all."""
    rest = struct.pack("<I", 0) + instructions
    return b"\x80\x04\x95" + struct.pack("<Q", 2) + b"X" + bytes([len(rest) - 3]) + rest + b"."


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(b"cos\nsystem\n(S'true'\ntR.", id="global"),
        pytest.param(b"]r\x00\x00\x00\x10.", id="memo of gigabytes"),
        pytest.param(b"}(K\x01tK\x01s.", id="tuple"),
    ],
)
def test_a_frame_cannot_hide_instructions_from_the_walk(instructions: bytes) -> None:
    """The string is what the walk has seen, so it is what comes out."""
    data = hidden(instructions)
    assert load_plain(data, NAME) == "\0" + instructions.decode()
    with pytest.raises(pickle.UnpicklingError, match=r"asks for os\.system"):  # as the unpickler itself reads it
        safe_pickle._Plain(io.BytesIO(hidden(b"cos\nsystem\n(S'true'\ntR."))).load()


def test_a_number_too_large_for_a_float_is_refused() -> None:
    refused(b"F1e999\n.", "no complete pickle")


def nested(depth: int) -> bytes:
    return b"]" * depth + b"a" * (depth - 1) + b"."


def billion_laughs(levels: int) -> bytes:
    """Each list holds the one before it ten times, through the memo."""
    data = b"]q\x00K\x01a"
    for level in range(1, levels):
        data += b"]q" + bytes([level]) + b"(" + (b"h" + bytes([level - 1])) * 10 + b"e"
    return data + b"."


def tuple_key(levels: int) -> bytes:
    """A dict key whose hash takes 2 ** levels steps."""
    data = b"}K\x01\x85q\x00"
    for level in range(1, levels):
        data += b"0h" + bytes([level - 1]) + b"h" + bytes([level - 1]) + b"\x86q" + bytes([level])
    return data + b"K\x01s."


@pytest.mark.parametrize(
    ("data", "match"),
    [
        pytest.param(nested(10_000), "nested more than 16 deep", id="deep nesting"),
        pytest.param(nested(100_000), "nested more than 16 deep", id="very deep nesting"),
        pytest.param(billion_laughs(12), "repeats itself endlessly", id="billion laughs"),
        pytest.param(b"]q\x00h\x00a.", "repeats itself endlessly", id="list that holds itself"),
        pytest.param(tuple_key(60), "other than plain data", id="key that takes for ever to hash"),
        pytest.param(b"]r\xff\xff\xff\x7f.", "memo slot 2147483647", id="memo of gigabytes"),
        pytest.param(b"]p99999999999\n.", "memo slot 99999999999", id="memo of gigabytes, as text"),
        pytest.param(b"\x80\x02\x8b" + struct.pack("<i", 100_000) + b"\x01" * 100_000 + b".", "64 bits", id="long"),
        pytest.param(b"L" + b"9" * 4000 + b"L\n.", "64 bits", id="long as text"),
        pytest.param(b"L" + b"9" * 1_000_000 + b"L\n.", "no complete pickle", id="longer long as text"),
        pytest.param(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"N.", "no complete pickle", id="string length"),
        pytest.param(b"(" * 100_000 + b".", "no complete pickle", id="marks"),
    ],
)
def test_a_bomb_is_refused_before_it_fills_the_memory(data: bytes, match: str) -> None:
    tracemalloc.start()
    refused(data, match)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


def test_too_many_instructions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_pickle, "MAX_OPCODES", 1000)
    refused(pickle.dumps(list(range(2000))), "more than 1000 instructions")


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_pickle, "MAX_BYTES", 10)
    refused(pickle.dumps("x" * 20), "more than 10")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_truncated_pickle_is_refused_wherever_it_ends(protocol: int) -> None:
    whole = pickle.dumps(REFS, protocol)
    for end in range(len(whole)):
        refused(whole[:end])


def test_numpy_numbers_are_refused_with_a_conversion_that_works(tmp_path: Path) -> None:
    refs = [{"ref_id": np.int64(7), "box": np.array([1, 2])}]
    (tmp_path / "refs(unc).p").write_bytes(pickle.dumps(refs))
    message = refused((tmp_path / "refs(unc).p").read_bytes(), r"numpy|makes something other")
    command = conversion("refs(unc).p")
    assert command in message
    words = shlex.split(command)
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "refs(unc).json").read_text()) == [{"ref_id": 7, "box": [1, 2]}]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(SourceError):
        json.dumps(load_plain(data, NAME))


FRAMES = [b"\x95" + struct.pack("<Q", n) for n in (1, 2, 5)]
OPCODES = [*FRAMES, *(bytes([c]) for c in b"()]}.aesuNKJIFUXqhpgrjl0d2\x80\x85\x88\x89\x8c\x94\x95t1RcPQb")]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([*OPCODES, b"\x00", b"\x01", b"\n", b"ab\n", b"K\x01", b"q\x00", b"h\x00"]), max_size=25)
)
def test_no_mixture_of_instructions_gets_through(parts: list[bytes]) -> None:
    with contextlib.suppress(SourceError):
        json.dumps(load_plain(b"".join(parts) + b".", NAME))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    ),
    st.integers(0, 5),
)
def test_all_that_json_can_say_comes_back_equal(value: Any, protocol: int) -> None:
    assert load_plain(pickle.dumps(value, protocol), NAME) == value
