"""Whether a value, or an output, is the expected one, in the trusted process.

``exact`` is Python's ``==`` on plain values, which are of exact built-in types here: 1, 1.0 and
True are equal, a list and a tuple are not. NaN is right exactly where NaN is expected. All others
are asked for by the test: nothing is tolerated that it does not name, and never on integers.

A rule of one's own is registered with ``comparison``: ``(got, expected, args) -> bool``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from ...core.errors import did_you_mean
from ...core.settings import Settings
from ...sandbox.values import Opaque, collides

__all__ = ["Compare", "FloatRule", "SpecialRule", "comparison", "same", "same_output"]

Rule = Callable[[Any, Any, list[Any]], bool]
_RULES: dict[str, Rule] = {}
_MAX_SLOW_ITEMS = 500
"""Items without a hash that are matched pair by pair."""


def comparison(name: str) -> Callable[[Rule], Rule]:
    """Register a rule under a name that a ground truth may give as ``compare``."""

    def add(rule: Rule) -> Rule:
        if name in _RULES:
            raise ValueError(f"the comparison {name!r} is registered twice")
        _RULES[name] = rule
        return rule

    return add


def _known(name: str) -> str:
    plain = name.removeprefix("special:")
    if plain not in _RULES:
        raise ValueError(f"no comparison {name!r}{did_you_mean(plain, _RULES)}")
    return plain


RuleName = Annotated[str, AfterValidator(_known)]


class FloatRule(Settings):
    """Floats may differ a little. Integers and texts never; a NaN is right only for a NaN."""

    kind: Literal["float"]
    abs: float = Field(default=0.0, ge=0.0)
    rel: float = Field(default=0.0, ge=0.0, lt=1.0)


class SpecialRule(Settings):
    """A registered rule, by name."""

    kind: Literal["special"]
    name: RuleName


Compare: TypeAlias = RuleName | FloatRule | SpecialRule


def same(got: Any, expected: Any, compare: Compare, args: list[Any]) -> bool:
    """Whether a value is right. Never raises for what the program gave."""
    try:
        if isinstance(compare, FloatRule):
            return _near(got, expected, compare)
        name = compare.name if isinstance(compare, SpecialRule) else compare
        return bool(_RULES[name](got, expected, args))
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError):
        return False


@comparison("exact")
def _exact(got: Any, expected: Any, _: list[Any]) -> bool:
    return _deep(got, expected, _equal)


def _equal(got: Any, expected: Any) -> bool:
    return bool(got == expected) or (_is_nan(got) and _is_nan(expected))


def _is_nan(value: Any) -> bool:
    return type(value) is float and math.isnan(value)


def _near(got: Any, expected: Any, rule: FloatRule) -> bool:
    def close(a: Any, b: Any) -> bool:
        if type(b) is not float or type(a) not in (float, int):
            return _equal(a, b)
        return _equal(a, b) or math.isclose(a, b, rel_tol=rule.rel, abs_tol=rule.abs)

    return _deep(got, expected, close)


def _deep(got: Any, expected: Any, leaf: Callable[[Any, Any], bool]) -> bool:
    """Containers of the same type and size, leaf by leaf; sets and keys by ``==``."""
    kind = type(expected)
    if kind in (list, tuple):
        return (
            type(got) is kind
            and len(got) == len(expected)
            and all(_deep(a, b, leaf) for a, b in zip(got, expected, strict=True))
        )
    if kind is dict:
        return (
            type(got) is dict
            and got.keys() == expected.keys()
            and all(_deep(got[key], value, leaf) for key, value in expected.items())
        )
    return leaf(got, expected)


@comparison("unordered")
def _unordered(got: Any, expected: Any, _: list[Any]) -> bool:
    """The same items as often, in any order; a list and a tuple are alike here."""
    kinds = (list, tuple, set, frozenset)
    if type(got) not in kinds or type(expected) not in kinds:
        return _exact(got, expected, [])
    if len(got) != len(expected):
        return False
    try:
        return not collides(got) and Counter(got) == Counter(expected)
    except TypeError:
        return _matched(list(got), list(expected))


def _matched(got: list[Any], expected: list[Any]) -> bool:
    if len(got) > _MAX_SLOW_ITEMS:
        by_text = [sorted(map(repr, items)) for items in (got, expected)]
        return by_text[0] == by_text[1]
    for item in got:
        if item not in expected:
            return False
        expected.remove(item)
    return not expected


@comparison("set")
def _as_set(got: Any, expected: Any, _: list[Any]) -> bool:
    """The same items, in any order, however often."""
    kinds = (list, tuple, set, frozenset)
    if type(got) not in kinds or type(expected) not in kinds:
        return _exact(got, expected, [])
    keys = [_hashable(item) for item in got]
    return not collides(keys) and set(keys) == {_hashable(item) for item in expected}


def _hashable(value: Any) -> Hashable:
    if type(value) in (list, tuple):
        return (type(value).__name__, *map(_hashable, value))
    if type(value) is set:
        return frozenset(value)
    if type(value) is dict:
        return ("mapping", frozenset((k, _hashable(v)) for k, v in value.items()))
    kept: Hashable = value
    return kept


@comparison("sequence")
def _sequence(got: Any, expected: Any, _: list[Any]) -> bool:
    """Lists and tuples are alike, at every depth."""
    return _exact(_as_lists(got), _as_lists(expected), [])


def _as_lists(value: Any) -> Any:
    if type(value) in (list, tuple):
        return [_as_lists(item) for item in value]
    if type(value) is dict:
        return {key: _as_lists(item) for key, item in value.items()}
    return value


@comparison("apps")
def _apps(got: Any, expected: Any, _: list[Any]) -> bool:
    """APPS and TACO: the value, or the one item of a list around it; tuples as lists."""
    if _sequence(got, expected, []):
        return True
    return type(expected) is list and len(expected) == 1 and _sequence(got, expected[0], [])


@comparison("not_none")
def _not_none(got: Any, expected: Any, _: list[Any]) -> bool:
    """MBPP+: whether there is a value, not which (a match object)."""
    return (got is not None) == (expected is not None and expected is not False)


@comparison("poly_zero")
def _poly_zero(got: Any, _: Any, args: list[Any]) -> bool:
    """HumanEval/32: a root of the polynomial whose coefficients are the argument."""
    coefficients = args[0]
    if type(got) not in (float, int) or not math.isfinite(got):
        return False
    return abs(math.fsum(c * got**i for i, c in enumerate(coefficients))) <= 1e-4


@comparison("digit_distance_nums")
def _digit_distance(got: Any, expected: Any, args: list[Any]) -> bool:
    """Mbpp/446 of MBPP+: the listed value, or the sum of the differences digit by digit."""
    texts = [str(number) for number in args[:2]]
    width = max(map(len, texts))
    pairs = zip(*(text.zfill(width) for text in texts), strict=True)
    return _exact(got, expected, []) or got == sum(abs(int(a) - int(b)) for a, b in pairs)


@comparison("surface_Area")
def _surface_area(got: Any, expected: Any, args: list[Any]) -> bool:
    """MBPP+: the listed value, or that of the pyramid's height in place of its slant height."""
    base, height = args[:2]
    slant = math.hypot(base / 2, height)
    return _exact(got, expected, []) or got == round(base * base + 2 * base * slant)


# outputs ------------------------------------------------------------------------------------


def same_output(got: str, expected: str, compare: Compare, stdin: str) -> bool:
    """Whether an output is right: line by line, blanks at the ends of lines and the text aside."""
    given, wanted = _lines(got), _lines(expected)
    if compare == "exact":
        return given == wanted
    if isinstance(compare, FloatRule):
        return len(given) == len(wanted) and all(
            _near_line(a, b, compare) for a, b in zip(given, wanted, strict=True)
        )
    if compare == "unordered":
        return Counter(given) == Counter(wanted)
    return same("\n".join(given), "\n".join(wanted), compare, [stdin])


def _lines(text: str) -> list[str]:
    lines = [line.rstrip(" \t\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _near_line(got: str, expected: str, rule: FloatRule) -> bool:
    given, wanted = got.split(), expected.split()
    return len(given) == len(wanted) and all(
        a == b or _near_word(a, b, rule) for a, b in zip(given, wanted, strict=True)
    )


def _near_word(got: str, expected: str, rule: FloatRule) -> bool:
    """Only where the expected word is written as a float: never for integers."""
    if expected.lstrip("+-").isdigit() or "_" in got or len(got) > 400:
        return False
    try:
        a, b = float(got), float(expected)
    except ValueError:
        return False
    return math.isfinite(a) and math.isclose(a, b, rel_tol=rule.rel, abs_tol=rule.abs)


def shows_opaque(value: Any) -> str:
    """A short text for a reason: the value, or what kind of object it is."""
    if type(value) is Opaque:
        return repr(value)
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python shows
        text = f"<a {type(value).__name__} too large to show>"
    return text if len(text) <= 200 else text[:197] + "..."
