"""The cascade: whether the text of an answer is the ground truth. Pure, budgeted, thread-safe.

Stages, cheapest first; each says equal, different, or passes on:
``text`` and ``number`` (see ``reference``), ``structure`` and below it ``exact``, ``residues``,
``balls``, ``tolerance`` (see ``equal`` and ``zero``). ``unread``: one side is outside the grammar,
and only equal text would have passed. ``undecided``: both were read, but no stage could say.

No state but bounded caches: ground truths and answers are each read once while they are in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .equal import same
from .equal.intervals import pieces_of
from .expects import Expects, shaped
from .number import read_number
from .reader import Node, Unreadable, read_answer
from .reader.nodes import EXPRESSIONS, Num, Power, Product, Sum, Sym, Unit, key, product, walk
from .reader.units import unit_of
from .reference import Match, Reference, compare_plainly, read_reference
from .zero import same_value

__all__ = ["Decision", "Rules", "decide", "decide_reference", "trees"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Policies in which users differ; the defaults are those of ``docs``."""

    missing_unit: bool = True
    """A unit that only one side names does not count; a wrong unit always does."""
    expects: Expects = "any"
    """The declared type; both texts are taken to be of it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the cascade found."""

    verdict: Literal["equal", "different", "undecided", "bad_reference"]
    stage: str
    reason: str
    forms: tuple[str, str] = field(default=("", ""))
    """The answer and the ground truth as read; empty where a cheap stage decided."""


DEFAULT = Rules()
_KEPT_CHARS = 200
"""Samples of one prompt repeat short answers: equal pairs are compared once. Ours."""


def decide(answer: str, truth: str, rules: Rules = DEFAULT) -> Decision:
    """Whether ``answer`` is ``truth``; both are texts without anything around them."""
    reference = read_reference(truth)
    if reference is None:
        return Decision("bad_reference", "text", "the ground truth cannot be read as one answer")
    return decide_reference(answer, reference, rules)


def decide_reference(answer: str, reference: Reference, rules: Rules = DEFAULT) -> Decision:
    """As ``decide``, with a ground truth that is already read."""
    if len(answer) <= _KEPT_CHARS:
        return _kept(answer, reference, rules)
    return _decided(answer, reference, rules)


@lru_cache(maxsize=2048)
def _kept(answer: str, reference: Reference, rules: Rules) -> Decision:
    return _decided(answer, reference, rules)


def _decided(answer: str, reference: Reference, rules: Rules) -> Decision:
    found = _by_stages(answer, reference, rules)
    if found.verdict == "different" and "," in f"{answer}{reference.text}":
        return _decimal_comma(answer.strip(" $"), reference.text.strip(" $")) or found
    return found


def _by_stages(answer: str, reference: Reference, rules: Rules) -> Decision:
    match = compare_plainly(answer, reference, unit_words=rules.missing_unit)
    listed = rules.expects in ("set", "tuple") and match.stage == "number"  # 1,234 has two items
    if not listed and match.stage != "undecided" and not _may_be_close(match, answer, reference):
        return Decision("equal" if match.equal else "different", match.stage, match.reason)
    try:
        found = _by_trees(answer, reference.text, rules)
    except RecursionError:  # deep trees on an already deep stack
        return Decision("different", "unread", "the texts differ, and one is nested too deeply")
    return found


def _may_be_close(match: Match, answer: str, reference: Reference) -> bool:
    """Long decimals may meet a number that no decimal can hold."""
    long = max(len(answer), len(reference.text)) >= 10
    return (
        match.stage == "number"
        and not match.equal
        and long
        and ("." in answer or "." in reference.text)
    )


@lru_cache(maxsize=512)
def _trees_of(answer: str, truth: str) -> tuple[Node, Node] | str:
    try:
        wanted = read_answer(truth)
    except Unreadable as why:
        again = _mended(truth)
        if again is None:
            return f"the ground truth holds {why}"
        wanted = again
    try:
        given = read_answer(answer)
    except Unreadable as why:
        mended = _mended(answer)
        if mended is None:
            return f"the answer holds {why}"
        given = mended
    return _with_units(given, wanted), _with_units(wanted, given)


def trees(answer: str, truth: str) -> tuple[Node, Node] | None:
    """Both trees; None where one cannot be read."""
    found = _trees_of(answer, truth)
    return None if isinstance(found, str) else found


def _by_trees(answer: str, truth: str, rules: Rules) -> Decision:
    both = _trees_of(answer, truth)
    if isinstance(both, str):
        return Decision("different", "unread", f"the texts differ, and {both}")
    given, wanted = (shaped(tree, rules.expects) or tree for tree in both)
    forms = key(given)[:200], key(wanted)[:200]
    found = same(given, wanted, missing_unit=rules.missing_unit)
    closed = isinstance(given, EXPRESSIONS) and not _open(given)
    if found.equal is None and closed and has_value(wanted):
        reason = "the answer has no value that the budgets reach"
        return Decision("different", "undecided", reason, forms)
    verdict: Literal["equal", "different", "undecided"] = (
        "undecided" if found.equal is None else "equal" if found.equal else "different"
    )
    return Decision(verdict, found.stage, found.reason, forms)


def _open(node: Node) -> bool:
    """Whether an operation is left to do, which a slower stage may be able to."""
    return any(type(part).__name__ == "Big" for part in walk(node))


def has_value(node: Node) -> bool:
    """Whether the fast stages can tell a ground truth from another one."""
    if not isinstance(node, EXPRESSIONS):
        return pieces_of(node) is not None
    return same_value(node, Sum((node, Num(1)))).equal is False


# --- what surrounds an answer, where the ground truth says how to read it ---------------------

_REMARK = re.compile(
    r"\s*(?:\((?:[^\W\d_][^\W\d_ ,.'’-]*[ ,.'’-]*){2,12}\)"
    r"|\\text\s*\{\s*\([^{}()\d=<>]{3,80}\)\s*\})\s*\Z"
)


_ESCAPED = re.compile(r"\\\\(?=[A-Za-z{}])")
"""A doubled backslash before a command: LaTeX that was escaped once too often."""


def _mended(text: str) -> Node | None:
    """Without a last parenthesis of words alone, and without doubled backslashes."""
    for shorter in (_REMARK.sub("", text), _ESCAPED.sub(r"\\", text)):
        if shorter != text:
            try:
                return read_answer(shorter)
            except Unreadable:
                continue
    return None


def _with_units(given: Node, wanted: Node) -> Node:
    """Letters are units where the other side has units, and nothing else is a letter: ``5 m/h``."""
    if not any(isinstance(n, Unit) for n in walk(wanted)) or not isinstance(given, Product):
        return given
    factors = [_as_unit(factor) for factor in given.factors]
    if any(isinstance(n, Unit) for n in walk(given)) or None in factors:
        return given
    return product(*(factor for factor in factors if factor is not None))


def _as_unit(factor: Node) -> Node | None:
    """A number as it is, a letter as its unit; None for anything else."""
    if isinstance(factor, Num):
        return factor
    if isinstance(factor, Power):
        below = None if isinstance(factor.base, Num) else _as_unit(factor.base)
        return Power(below, factor.exponent) if below is not None else None
    unit = unit_of(factor.name) if isinstance(factor, Sym) and len(factor.name) <= 2 else None
    known = unit is not None and unit.dims and not unit.dims[0][0].startswith("noun")
    return unit if known else None


_COMMA = re.compile(r"[+-]?(?:0,\d{1,9}|\d+,(?!\d{3}(?!\d))\d{1,9})")
"""Three digits behind a comma are a group of thousands, but behind ``0,``."""
_LISTED = re.compile(r"[+-]?[1-9]\d*,\d")
"""As a ground truth, ``2,5`` is two numbers."""
_POINT = re.compile(r"[+-]?\d+\.\d{1,9}")


def _decimal_comma(answer: str, truth: str) -> Decision | None:
    """``3,14`` is 3.14 where the other side says so."""
    for one, other in ((answer, truth), (truth, answer)):
        if _COMMA.fullmatch(one) and _POINT.fullmatch(other):
            value = read_number(one.replace(",", "."))
            listed = one is truth and _LISTED.fullmatch(truth)
            if value is not None and value == read_number(other) and not listed:
                return Decision("equal", "number", "equal with a decimal comma")
    return None
