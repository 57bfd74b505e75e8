"""What the evaluator of simple test code refuses: values that are objects, unknown, or too large.

Not covered: which code it takes (``allowed``), and walking it (``plain``).
"""

from __future__ import annotations

import ast
from typing import Any

from ....sandbox.values import Opaque

__all__ = [
    "MAX_ITEMS",
    "UNKNOWN",
    "NeedsJudge",
    "bounded",
    "has_unknown",
    "is_instance",
    "keys_of",
    "no_objects",
]

MAX_ITEMS = 1_000_000
MAX_BITS = 1 << 16

_SCALARS = frozenset((int, float, str, bool, bytes, complex, type(None)))


class NeedsJudge(Exception):  # noqa: N818 - a way on, not an error
    """This test code, or these values, are beyond the evaluator."""


class Unknown:
    """A value that is not known while calls are collected."""


UNKNOWN = Unknown()


def has_unknown(value: Any) -> bool:
    """Whether it is, or holds, a value that is not known yet; one level deep."""
    kind = type(value)
    if kind in _SCALARS:
        return False
    if value is UNKNOWN:
        return True
    if kind is list or kind is tuple:
        return any(item is UNKNOWN for item in value)
    return kind is dict and any(item is UNKNOWN for item in value.values())


def no_objects(*values: Any) -> None:
    """Raises ``NeedsJudge`` for the program's own objects, which decide nothing here."""
    if any(type(value) is Opaque for value in values):
        raise NeedsJudge("an operation on an object")


def is_instance(value: Any, kinds: Any) -> bool:
    """An object is of no built-in type; the types named here are all built in."""
    return type(value) is not Opaque and isinstance(value, kinds)


def keys_of(value: Any) -> list[Any]:
    """The items of a container that are about to be hashed; none of a mapping or of rows."""
    items = list(value)
    return [] if type(value) is dict or (items and type(items[0]) in (list, dict)) else items


def bounded(kind: ast.operator, left: Any, right: Any) -> None:
    """Raises ``NeedsJudge`` for what could take long."""
    if isinstance(kind, ast.Mod) and isinstance(left, str | bytes):
        raise NeedsJudge("a text formatted")
    if isinstance(left, int) and isinstance(right, int):
        most = max(left.bit_length(), right.bit_length())
        if isinstance(kind, ast.Pow):
            most = left.bit_length() * min(abs(right), MAX_BITS + 1)
        if most > MAX_BITS and not isinstance(kind, ast.Add | ast.Sub):
            raise NeedsJudge("a large number")
    if isinstance(kind, ast.Mult):
        for items, times in ((left, right), (right, left)):
            size = len(items) if isinstance(items, str | bytes | list | tuple) else 0
            if isinstance(times, int) and size * max(times, 0) > MAX_ITEMS:
                raise NeedsJudge("a long sequence")
