"""Memo: what was worked out from an array, remembered as long as the array lives.

The same masks are measured for many questions of a scene. Only arrays that cannot change any more are remembered
(``fixed``); all others give the same results, at the full cost each time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import ref

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=np.ndarray[Any, Any])

_KNOWN: dict[int, dict[Hashable, Any]] = {}
_ALIVE: dict[int, ref[Any]] = {}


def fixed(array: A) -> A:
    """The array itself, closed to writing."""
    array.flags.writeable = False
    return array


def remembered(function: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
    """A pure function of an array (and of hashable values), worked out once for each ``fixed`` array.

    What it returns is shared by all callers; an array is closed to writing for that.
    """

    @wraps(function)
    def once(array: A, /, *args: P.args, **options: P.kwargs) -> R:
        if not isinstance(array, np.ndarray) or (flags := array.flags).writeable or not flags.owndata:
            return function(array, *args, **options)
        known = _known(array)
        key = (function, args, *sorted(options.items())) if options else (function, args)
        if key not in known:
            found = function(array, *args, **options)
            known[key] = fixed(found) if isinstance(found, np.ndarray) else found
        return known[key]  # type: ignore[no-any-return]

    return once


def remember(function: Callable[..., R], array: np.ndarray[Any, Any], value: R) -> None:
    """Let a ``remembered`` function give ``value`` for a ``fixed`` array, where it is known from elsewhere."""
    _known(array)[(function.__wrapped__, ())] = value  # type: ignore[attr-defined]


def _known(array: np.ndarray[Any, Any]) -> dict[Hashable, Any]:
    place = id(array)
    known = _KNOWN.get(place)
    if known is None:

        def forget(_: ref[Any]) -> None:  # called before another array can get the same place
            _KNOWN.pop(place, None)
            _ALIVE.pop(place, None)

        _ALIVE[place] = ref(array, forget)
        known = _KNOWN[place] = {}
    return known
