"""Plain data out of a pickle that somebody else wrote, or a refusal: no code of the file ever runs.

A pickle is a program. Before anything is built, its instructions are walked and every one that is not needed for what
JSON can say (dict, list, str, int, float, bool, None) is refused: no globals, no calls, no persistent ids, no numpy.
Tuples are refused too, since one that is a dict key and holds itself many times over takes for ever to hash. Frames
are cut out: where one ends inside an argument, the walk and the unpickler would read different instructions. What is
left can neither run code nor take much more memory than so many values do: memo slots, numbers, length and depth are
bounded, and values shared through the memo are counted as often as a reader would meet them.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any, NoReturn

from terracot.scenes import SourceError

MAX_BYTES = 1 << 28
MAX_OPCODES = 12_000_000  # RISBench, the largest published index, needs about 4 million
MAX_DEPTH = 16  # the list of refs, a ref, its sentences, a sentence, its tokens: 5
MAX_INTEGER = 1 << 63

_INTEGERS = ("INT", "BININT", "BININT2", "LONG", "LONG1", "LONG4")
_SLOTS = ("PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET")
_NAMES = """
    PROTO STOP MARK NONE NEWTRUE NEWFALSE BININT1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE
    SHORT_BINUNICODE BINUNICODE8 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS MEMOIZE
"""
_HARMLESS = frozenset(_NAMES.split())
_MALFORMED = (
    pickle.UnpicklingError,
    EOFError,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
)
_FRAME_BYTES = 9  # the instruction and the length of the frame, which is only a hint for reading ahead

_CONVERT = (
    "import json,pickle,sys; "
    "json.dump(pickle.load(open(sys.argv[1],'rb')), open(sys.argv[2],'w'), default=lambda v: v.tolist())"
)


def conversion(name: str) -> str:
    """The command that writes a pickle ``name.p`` as ``name.json``, to be run by whoever trusts the file."""
    return f'python -c "{_CONVERT}" "{name}" "{name.removesuffix(".p")}.json"'


def load_plain(data: bytes, name: str) -> Any:
    """The plain value that a pickle holds. ``SourceError`` says why it is refused and how to convert file ``name``."""
    if len(data) > MAX_BYTES:
        _refuse(name, f"it has {len(data)} bytes, more than {MAX_BYTES}")
    try:
        opcodes, walked = _walk(data, name)
        value = _Plain(io.BytesIO(walked), encoding="utf-8").load()
    except SourceError:  # is a ValueError
        raise
    except _MALFORMED as error:
        _refuse(name, f"it is no complete pickle ({type(error).__name__}: {str(error)[:200]})")
    _check_size(value, 2 * opcodes, name)
    return value


class _Plain(pickle.Unpickler):
    """The second lock: even an instruction that slipped through finds nothing to import."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"asks for {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("asks for a persistent object")


def _walk(data: bytes, name: str) -> tuple[int, bytes]:
    """Number of instructions, all of them plain, and the pickle without its frames; nothing is built.

    ``pickletools`` reads, it never executes.
    """
    count, start = 0, 0
    pieces = []
    for opcode, argument, position in pickletools.genops(data):
        count += 1
        kind = opcode.name
        if count > MAX_OPCODES:
            _refuse(name, f"it has more than {MAX_OPCODES} instructions")
        if kind in _HARMLESS:
            continue
        number = argument if isinstance(argument, int) else 0
        if kind in _SLOTS:
            if not 0 <= number <= count:
                _refuse(name, f"memo slot {number} at byte {position} is far beyond the values stored so far")
        elif kind in _INTEGERS:
            if not -MAX_INTEGER <= number < MAX_INTEGER:
                _refuse(name, f"the number at byte {position} has more than 64 bits")
        elif kind == "FRAME" and position is not None:
            pieces.append(data[start:position])
            start = position + _FRAME_BYTES
        else:
            what = f"{kind} {argument!r:.80}" if argument is not None else kind
            _refuse(name, f"its instruction {what} at byte {position} makes something other than plain data")
    return count, b"".join([*pieces, data[start:]])


def _check_size(value: Any, budget: int, name: str) -> None:
    """Refuse what is deep, contains itself, or unfolds to more values than ``budget`` through sharing."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if not isinstance(item, list | dict):
            continue
        budget -= len(item)
        if budget < 0 or depth > MAX_DEPTH:
            why = "is nested more than " + str(MAX_DEPTH) + " deep" if depth > MAX_DEPTH else "repeats itself endlessly"
            _refuse(name, f"its content {why}")
        inner = item.values() if isinstance(item, dict) else item
        stack.extend((v, depth + 1) for v in inner if isinstance(v, list | dict))


def _refuse(name: str, why: str) -> NoReturn:
    raise SourceError(
        f"{name} is a pickle and is not read: {why}. Expected dicts, lists, strings and numbers only. Unpickling runs "
        "whatever the file says, so do it only if you trust where it is from, apart from anything of value; then, in "
        f"its folder: {conversion(name.rpartition('/')[2])} and the .json beside it is read instead"
    )
