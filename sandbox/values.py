"""The trusted end of the value codec: plain values to tagged JSON, and hostile JSON to values.

What comes back was written by a process that may be anybody's: every tag, type, size and depth is
checked, and sets and mappings whose keys were made to collide are refused. What is not plain comes
back as ``Opaque``, which equals nothing.

Not covered: what a value means, and whether it is right; see ``verifiers/code``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["BadValue", "Opaque", "collides", "decode", "encode", "is_plain"]

MAX_DEPTH = 201
MAX_NODES = 200_001
MAX_HASH_TWINS = 64
"""Keys of one set or mapping with one hash: beyond it, looking one up costs too much."""

_HEX_INT = re.compile(r"-?0x[0-9a-f]{1,1100000}")
_HEX_FLOAT = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan")


class BadValue(ValueError):  # noqa: N818 - it names what came, not what happened
    """What came is not a value, or is beyond the bounds."""


class Opaque:
    """An object that stays where it was made. It equals nothing, itself included."""

    __slots__ = ("kind", "ref")

    def __init__(self, kind: str, ref: int) -> None:
        self.kind, self.ref = kind, ref

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<an object of type {self.kind}>"


def encode(value: Any) -> Any:
    """A plain value as tagged JSON. Raises ``TypeError`` for one that is not plain."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return ["i", hex(value)]
    if kind is float:
        return ["f", value.hex()]
    if kind is str:
        return ["s", value]
    if kind in _TAGS:
        return [_TAGS[kind], *map(encode, value)]
    if kind is dict:
        return ["d", *([encode(k), encode(v)] for k, v in value.items())]
    if kind is bytes:
        return ["b", value.hex()]
    if kind is complex:
        return ["c", value.real.hex(), value.imag.hex()]
    raise TypeError(f"{kind.__name__} is not a plain type")


_TAGS: dict[type, str] = {list: "l", tuple: "t", set: "S", frozenset: "F"}


def decode(data: Any) -> Any:
    """A value from tagged JSON that nobody vouches for. Raises ``BadValue``."""
    return _Decoder().value(data, 0)


class _Decoder:
    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes = 0

    def value(self, data: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise BadValue("too large or too deep")
        if data is None or data is True or data is False:
            return data
        if type(data) is not list or not data or type(data[0]) is not str:
            raise BadValue("not a tagged value")
        read = _READERS.get(data[0])
        if read is None:
            raise BadValue("an unknown tag")
        return read(self, data, depth + 1)

    def items(self, data: list[Any], depth: int) -> list[Any]:
        value = self.value
        return [value(item, depth) for item in data[1:]]


def _int(_: _Decoder, data: list[Any], __: int) -> int:
    text = _text(data)
    if _HEX_INT.fullmatch(text) is None:
        raise BadValue("not an integer")
    return int(text, 16)


def _float(_: _Decoder, data: list[Any], __: int) -> float:
    return _float_of(_text(data))


def _float_of(text: object) -> float:
    if type(text) is not str or _HEX_FLOAT.fullmatch(text) is None:
        raise BadValue("not a float")
    try:
        return float.fromhex(text)
    except OverflowError:
        raise BadValue("not a float") from None


def _complex(_: _Decoder, data: list[Any], __: int) -> complex:
    if len(data) != 3:
        raise BadValue("not a complex number")
    return complex(_float_of(data[1]), _float_of(data[2]))


def _str(_: _Decoder, data: list[Any], __: int) -> str:
    return _text(data)


def _bytes(_: _Decoder, data: list[Any], __: int) -> bytes:
    try:
        return bytes.fromhex(_text(data))
    except ValueError:
        raise BadValue("not bytes") from None


def _text(data: list[Any]) -> str:
    if len(data) != 2 or type(data[1]) is not str:
        raise BadValue("not a text")
    text: str = data[1]
    return text


def _list(decoder: _Decoder, data: list[Any], depth: int) -> list[Any]:
    return decoder.items(data, depth)


def _tuple(decoder: _Decoder, data: list[Any], depth: int) -> tuple[Any, ...]:
    return tuple(decoder.items(data, depth))


def _set(decoder: _Decoder, data: list[Any], depth: int) -> set[Any]:
    return set(_keys(decoder.items(data, depth)))


def _frozenset(decoder: _Decoder, data: list[Any], depth: int) -> frozenset[Any]:
    return frozenset(_keys(decoder.items(data, depth)))


def _dict(decoder: _Decoder, data: list[Any], depth: int) -> dict[Any, Any]:
    pairs = data[1:]
    if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
        raise BadValue("not a mapping")
    keys = _keys([decoder.value(pair[0], depth) for pair in pairs])
    return dict(zip(keys, (decoder.value(pair[1], depth) for pair in pairs), strict=True))


def _opaque(_: _Decoder, data: list[Any], __: int) -> Opaque:
    if len(data) != 3 or type(data[1]) is not str or type(data[2]) is not int:
        raise BadValue("not an object")
    return Opaque("".join(c if c.isprintable() else "?" for c in data[1][:80]), data[2])


_READERS: dict[str, Callable[[_Decoder, list[Any], int], Any]] = {
    "i": _int,
    "f": _float,
    "c": _complex,
    "s": _str,
    "b": _bytes,
    "l": _list,
    "t": _tuple,
    "S": _set,
    "F": _frozenset,
    "d": _dict,
    "o": _opaque,
}


def _keys(items: list[Any]) -> list[Any]:
    try:
        if collides(items):
            raise BadValue("keys made to collide")
    except TypeError:
        raise BadValue("a key that cannot be one") from None
    return items


def collides(items: Iterable[Any]) -> bool:
    """Whether so many items have one hash that a set of them would cost quadratic time.

    Raises ``TypeError`` for items that have no hash.
    """
    hashes = Counter(map(hash, items))
    # equal items are one key, and cost one comparison each: those are no harm
    if len(hashes) == 0 or max(hashes.values()) <= MAX_HASH_TWINS:
        return False
    return _distinct_twins(items, {h for h, n in hashes.items() if n > MAX_HASH_TWINS})


def _distinct_twins(items: Iterable[Any], crowded: set[int]) -> bool:
    groups: dict[int, list[Any]] = {}
    for item in items:
        h = hash(item)
        if h not in crowded:
            continue
        group = groups.setdefault(h, [])
        if item not in group:
            group.append(item)
            if len(group) > MAX_HASH_TWINS:
                return True
    return False


def is_plain(value: Any) -> bool:
    """Whether no ``Opaque`` is anywhere in a decoded value."""
    if type(value) in (int, str, float, bool):
        return True
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is Opaque:
            return False
        if type(item) is dict:
            stack.extend(item.keys())
            stack.extend(item.values())
        elif type(item) in (list, tuple, set, frozenset):
            stack.extend(item)
    return True
