"""The codec: plain values survive both ways, and nothing hostile comes through."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sandbox.inside import server
from assay.sandbox.values import BadValue, Opaque, collides, decode, encode, is_plain

KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
PLAIN = st.recursive(
    KEYS | st.floats() | st.complex_numbers() | st.frozensets(KEYS),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.sets(KEYS) | st.dictionaries(KEYS, inner)
    ),
    max_leaves=20,
)


def from_inside(value: Any) -> Any:
    """What the trusted end gets of a value that a program gave."""
    kept: list[Any] = []

    def keep(item: Any) -> list[Any]:
        kept.append(item)
        return ["o", type(item).__name__, len(kept) - 1]

    return decode(json.loads(json.dumps(server.encode(value, keep, server.Left()))))


def shape(value: Any) -> Any:
    """A text that tells types, NaN and the order of lists."""
    if isinstance(value, set | frozenset):
        return [type(value).__name__, sorted(map(repr, value))]
    if isinstance(value, dict):
        return ["dict", [[repr(k), shape(v)] for k, v in value.items()]]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [shape(v) for v in value]]
    return repr(value)


@given(PLAIN)
def test_what_a_program_gives_comes_out_as_it_was(value: Any) -> None:
    assert shape(from_inside(value)) == shape(value)


@given(PLAIN)
def test_what_a_program_is_given_arrives_as_it_was(value: Any) -> None:
    sent = json.loads(json.dumps(encode(value)))
    assert shape(server.decode(sent, lambda *_: pytest.fail("an object"))) == shape(value)


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Spoof:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int


class Meta(type):
    def __eq__(cls, other: object) -> bool:
        return True

    __hash__ = type.__hash__


class Posing(metaclass=Meta):
    pass


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Liar(3), id="subclass-of-int"),
        pytest.param(type("S", (str,), {})("x"), id="subclass-of-str"),
        pytest.param(type("L", (list,), {})([1]), id="subclass-of-list"),
        pytest.param(type("D", (dict,), {})(), id="subclass-of-dict"),
        pytest.param(Spoof(), id="class-spoofed"),
        pytest.param(Posing(), id="metaclass-equal-to-all"),
        pytest.param(range(3), id="range"),
        pytest.param(int, id="class"),
        pytest.param(len, id="function"),
        pytest.param((x for x in ()), id="generator"),
    ],
)
def test_what_is_not_plain_equals_nothing(value: Any) -> None:
    found = from_inside(value)
    assert type(found) is Opaque
    assert found != value
    assert found != found  # noqa: PLR0124 - that is the point
    assert not is_plain([1, (found,)])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        pytest.param(Counter("aab"), {"a": 2, "b": 1}, id="counter"),
        pytest.param(defaultdict(list, {1: [2]}), {1: [2]}, id="defaultdict"),
        pytest.param(OrderedDict(a=1), {"a": 1}, id="ordered"),
        pytest.param(10**5000, 10**5000, id="int-beyond-the-limit-of-digits"),
        pytest.param("\ud800\0", "\ud800\0", id="surrogate-and-nul"),
        pytest.param(-0.0, -0.0, id="minus-zero"),
        pytest.param(math.inf, math.inf, id="infinity"),
    ],
)
def test_mappings_and_odd_values(value: Any, plain: Any) -> None:
    found = from_inside(value)
    assert type(found) is type(plain)
    assert found == plain
    assert math.copysign(1, found) == math.copysign(1, plain) if plain == 0 else True


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(250):
        value = [value]
    return value


def bush() -> list[Any]:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(cyclic(), id="cyclic"),
        pytest.param(deep(), id="deep"),
        pytest.param(bush(), id="doubling"),
        pytest.param([0] * 300_000, id="long"),
        pytest.param(1 << (1 << 23), id="huge-int"),
        pytest.param("x" * (20 << 20), id="huge-text"),
    ],
)
def test_what_is_too_large_is_refused_inside(value: Any) -> None:
    with pytest.raises(server.TooBig):
        from_inside(value)


def nested(depth: int) -> Any:
    data: Any = ["l"]
    for _ in range(depth):
        data = ["l", data]
    return data


TWINS = [["i", hex(k * (2**61 - 1))] for k in range(1, 200)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(3, id="bare-number"),
        pytest.param("x", id="bare-text"),
        pytest.param([], id="empty"),
        pytest.param({}, id="object"),
        pytest.param(["q", 1], id="unknown-tag"),
        pytest.param([["i"], 1], id="tag-is-a-list"),
        pytest.param(["i", 3], id="int-is-a-number"),
        pytest.param(["i", "3"], id="int-is-decimal"),
        pytest.param(["i", "0x" + "f" * 1_200_000], id="int-too-long"),
        pytest.param(["i", " 0x1"], id="int-with-blank"),
        pytest.param(["f", "1e5"], id="float-is-decimal"),
        pytest.param(["f", "0x1.0p+9999"], id="float-overflows"),
        pytest.param(["c", "0x1.0p+0"], id="half-a-complex"),
        pytest.param(["s", 3], id="text-is-a-number"),
        pytest.param(["s", "a", "b"], id="two-texts"),
        pytest.param(["b", "0g"], id="no-hex"),
        pytest.param(["S", ["l"]], id="list-in-a-set"),
        pytest.param(["d", [["l"], None]], id="list-as-a-key"),
        pytest.param(["d", [None]], id="key-without-value"),
        pytest.param(["d", None], id="no-pair"),
        pytest.param(["o", "X"], id="object-without-number"),
        pytest.param(["o", 3, 3], id="object-without-name"),
        pytest.param(["l", *[None] * 300_000], id="too-many"),
        pytest.param(nested(300), id="too-deep"),
        pytest.param(["S", *TWINS], id="keys-that-collide"),
        pytest.param(["d", *[[key, None] for key in TWINS]], id="mapping-keys-that-collide"),
    ],
)
def test_hostile_data_is_refused(data: Any) -> None:
    with pytest.raises(BadValue):
        decode(data)


def test_many_equal_keys_are_no_collision() -> None:
    assert not collides([7] * 1000)
    assert not collides(range(1000))


def test_what_is_not_plain_is_not_sent() -> None:
    with pytest.raises(TypeError, match="object is not a plain type"):
        encode([object()])
