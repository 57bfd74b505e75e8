"""Whether two expressions have one value: exact numbers, then residues, then balls.

"Different" is always proved: two rationals differ, two residues differ at a point modulo a prime
(Schwartz 1980, Zippel 1979), or a ball around the difference leaves zero out. "Equal" is proved
for rationals; otherwise it means agreement at every point to the last precision, ``_LAST`` bits
and more where the numbers themselves are longer.

Real points come first, of both signs and several magnitudes. Where one side has no real value the
point says nothing, so that identities for positive arguments hold; unless that side or the other
holds an absolute value, which is written to say where. Complex points decide for expressions that
have no real values at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any

from ..reader.nodes import Call, Node, Num, Power, Sym, key, walk
from .exact import exact, residue

__all__ = ["Zero", "same_value"]

_PRIMES = (2**61 - 1, 2**61 - 31)
_FIRST, _LAST = 96, 360
_MAX_BITS = 4000
_MAX_NODES = 1500
_FINE = -20
"""Power of 2 below which the balls of two equal numbers must be; the numbers may be huge."""
_MOST_BITS = 20_000
_MAX_NAMES = 16
_REAL = (
    ("0.739085", "1.324718", "2.665144", "0.172839", "3.128371"),
    ("-0.567143", "-1.261497", "-3.359886", "-0.833213", "-2.116523"),
    ("2.246980", "-0.291232", "1.705211", "-4.120317", "0.391827"),
    ("-3.181934", "1.618034", "-0.572839", "2.931282", "-1.771245"),
    ("0.013425", "7.928184", "0.643411", "5.192837", "11.182736"),
    ("19.271828", "12.712641", "23.141593", "0.918273", "8.371625"),
    ("-57.283746", "-31.415926", "-44.719283", "-91.827364", "-73.645547"),
    ("2718.281829", "-1618.033989", "-3141.592654", "1414.213562", "-1732.050808"),
    ("-2236.067977", "1324.717957", "1732.050808", "-2645.751311", "2449.489743"),
)
_COMPLEX = (
    (("0.739", "0.412"), ("1.325", "-0.871"), ("-2.665", "0.318"), ("0.173", "1.128")),
    (("-1.567", "1.283"), ("0.261", "0.713"), ("1.359", "-1.117"), ("-0.833", "-0.416")),
    (("2.246", "-0.319"), ("-1.291", "1.842"), ("0.705", "0.271"), ("1.120", "-0.651")),
)


@dataclass(frozen=True, slots=True)
class Zero:
    """``equal`` is None when the stages could not say."""

    equal: bool | None
    stage: str
    """``same``, ``exact``, ``residues``, ``balls``, or ``undecided``."""
    reason: str


def same_value(one: Node, other: Node) -> Zero:
    """Whether two expressions are equal wherever both are defined."""
    if one == other or key(one) == key(other):
        return Zero(True, "same", "the same expression")
    a, b = exact(one), exact(other)
    if a is not None and b is not None:
        return Zero(a == b, "exact", "equal as exact numbers" if a == b else _against(a, b))
    nodes = [*walk(one), *walk(other)]
    if len(nodes) > _MAX_NODES:
        return Zero(None, "undecided", f"more than {_MAX_NODES} parts")
    names = sorted({n.name for n in nodes if isinstance(n, Sym)})
    calls = sorted({n.name for n in nodes if isinstance(n, Call) and n.name[0] == "@"})
    if len(names) > _MAX_NAMES:
        return Zero(None, "undecided", f"more than {_MAX_NAMES} variables")
    if not calls and (differs := _residues_differ(one, other, names)):
        return Zero(False, "residues", differs)
    if calls and not _same_arguments(nodes):
        return Zero(None, "undecided", "a function that is not known")
    return _by_balls(one, other, [*names, *calls], nodes)


def _against(a: int | Fraction, b: int | Fraction) -> str:
    short = [v.numerator.bit_length() + v.denominator.bit_length() < 130 for v in (a, b)]
    shown = [str(v) if s else "a long number" for v, s in zip((a, b), short, strict=True)]
    return f"differs: {shown[0]} against {shown[1]}"


def _same_arguments(nodes: Sequence[Node]) -> bool:
    """Unknown functions are taken as symbols where each has one argument throughout."""
    seen: dict[str, tuple[Node, ...]] = {}
    for node in nodes:
        if (
            isinstance(node, Call)
            and node.name[0] == "@"
            and (seen.setdefault(node.name, node.args) != node.args)
        ):
            return False
    return True


def _residues_differ(one: Node, other: Node, names: Sequence[str]) -> str:
    for prime in _PRIMES:
        at = {
            name: int.from_bytes(blake2b(f"{name} {prime}".encode(), digest_size=7).digest())
            for name in names
        }
        a = residue(one, at, prime)
        b = residue(other, at, prime) if a is not None else None
        if a is None or b is None:
            return ""
        if a != b:
            return "differs as a rational function, at a point modulo a prime"
    return ""


def _by_balls(one: Node, other: Node, names: Sequence[str], nodes: Sequence[Node]) -> Zero:
    from . import balls

    last = _last_bits(nodes)
    absolute = any(isinstance(n, Call) and n.name == "abs" for n in nodes)
    agreed = 0
    try:
        for point in _REAL if names else _REAL[:1]:
            found = _at_point(one, other, _real_point(names, point), last, absolute=absolute)
            if found is False:
                return Zero(False, "balls", _where(one, other, _real_point(names, point)))
            agreed += bool(found)
        if agreed >= (2 if names else 1):
            return Zero(True, "balls", f"equal at {agreed} points to {last} bits")
        return _at_complex(one, other, names, last, agreed)
    except balls.Unsupported as what:
        return Zero(None, "undecided", f"no arithmetic for {what}")
    except (OverflowError, ValueError, ZeroDivisionError, RecursionError, KeyError) as error:
        return Zero(None, "undecided", f"arithmetic gave up ({type(error).__name__})")


def _last_bits(nodes: Sequence[Node]) -> int:
    """Precision at which inclusion of zero counts as equality: beyond the numbers' own length."""
    values = [exact(n) for n in nodes if isinstance(n, Num | Power)]
    own = sum(
        v.numerator.bit_length() + v.denominator.bit_length() for v in values if v is not None
    )
    return _LAST + min(_MAX_BITS, 2 * own if own > 64 else 0)


def _real_point(names: Sequence[str], point: Sequence[str]) -> dict[str, Fraction]:
    return {name: Fraction(point[n % len(point)]) + n // len(point) for n, name in enumerate(names)}


def _at_point(
    one: Node, other: Node, at: dict[str, Fraction], last: int, *, absolute: bool
) -> bool | None:
    """Whether both agree at a real point; None where that says nothing."""
    from .balls import Undefined, evaluate, precision

    for bits in (_FIRST, last):
        with precision(bits):
            point = _balls_of(at)
            values, undefined = [], 0
            for node in (one, other):
                try:
                    values.append(evaluate(node, point, real=True))
                except Undefined:
                    undefined += 1
            if undefined:
                return False if absolute and undefined == 1 and at else None
            known = _compare(values[0], values[1], bits)
            if known is False:
                return False
        if bits == last:
            fine = not known or at or _is_fine(values[0], values[1])
            return known if fine else _at_more_bits(one, other, values)
    return None


def _is_fine(a: Any, b: Any) -> bool:
    """Whether two balls are small: ``e^1000 + 1`` needs more than relative precision."""
    from .arithmetic import arb

    return bool(abs(a - b).upper() < arb(2) ** _FINE)


def _at_more_bits(one: Node, other: Node, values: Sequence[Any]) -> bool | None:
    """Compare two huge numbers to digits behind their points; None beyond ``_MOST_BITS``."""
    from .arithmetic import arb
    from .balls import Undefined, evaluate, precision

    size = max(abs(value).upper() for value in values)
    if not size < arb(2) ** (_MOST_BITS - _LAST):
        return None
    bits = _LAST + int(float(size.log().mid().str(9, radius=False)) * 1.4427) + 1
    with precision(bits):
        try:
            a, b = (evaluate(node, {}, real=True) for node in (one, other))
        except Undefined:
            return None
        return _compare(a, b, bits) if _is_fine(a, b) else None


def _balls_of(at: dict[str, Fraction]) -> dict[str, Any]:
    from .arithmetic import arb, fmpq

    return {name: arb(fmpq(v.numerator, v.denominator)) for name, v in at.items()}


def _compare(a: Any, b: Any, bits: int) -> bool | None:
    """False when the difference excludes zero; True when it includes zero narrowly."""
    from .arithmetic import arb

    difference = a - b
    if not difference.is_finite():
        return None
    if not difference.contains(0):
        return False
    size = max(abs(a).upper(), abs(b).upper())
    radius = abs(difference).upper()
    narrow = arb(2) ** (-bits // 3)
    return True if radius < size * narrow or radius < narrow else None


def _where(one: Node, other: Node, at: dict[str, Fraction]) -> str:
    from .balls import Undefined, evaluate, precision

    with precision(_FIRST):
        try:
            values = [evaluate(node, _balls_of(at), real=True) for node in (one, other)]
        except Undefined:
            return "defined for different arguments"
        shown = [value.str(8, radius=False) for value in values]
    place = ", ".join(f"{name} = {float(value):g}" for name, value in list(at.items())[:4])
    return f"differs{' at ' if place else ''}{place}: {shown[0]} against {shown[1]}"


def _at_complex(one: Node, other: Node, names: Sequence[str], last: int, agreed: int) -> Zero:
    from .arithmetic import acb, arb, fmpq
    from .balls import Undefined, evaluate, precision

    for parts in _COMPLEX if names else _COMPLEX[:1]:
        with precision(last):
            at = {}
            for n, name in enumerate(names):
                x, y = (Fraction(part) + n // 4 for part in parts[n % 4])
                at[name] = acb(
                    arb(fmpq(x.numerator, x.denominator)), arb(fmpq(y.numerator, y.denominator))
                )
            try:
                a, b = (evaluate(node, at, real=False) for node in (one, other))
            except Undefined:
                continue
            known = _compare(a, b, last)
            if known is False:
                return Zero(
                    False,
                    "balls",
                    "differs at a complex point"
                    if names
                    else (f"differs: {a.str(8, radius=False)} against {b.str(8, radius=False)}"),
                )
            agreed += bool(known) and (bool(names) or _is_fine(a, b))
    if agreed:
        return Zero(True, "balls", f"equal at {agreed} points to {last} bits")
    return Zero(None, "undecided", "no point at which both have a value")


def real_points(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The real points as balls, under the present working precision."""
    for point in _REAL:
        yield _balls_of(_real_point(names, point))
