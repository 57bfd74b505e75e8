"""Systems of linear equations, by their reduced row echelon form over the rationals.

Two systems in the same unknowns have the same solutions exactly when their reduced forms are
equal, or both have none. Not covered: systems that are not linear, coefficients that are no
rational numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..reader.nodes import EXPRESSIONS, Node, Num, Relation
from ..zero.exact import exact
from .finding import Finding, difference, replaced, symbols

__all__ = ["same_system"]

_MAX_UNKNOWNS = 8
Row = list[Fraction]


def same_system(answer: Sequence[Node], truth: Sequence[Node]) -> Finding | None:
    """Whether two linear systems have the same solutions; None where one is no such system."""
    names = sorted(set[str]().union(*map(symbols, (*answer, *truth))))
    if not 2 <= len(names) <= _MAX_UNKNOWNS or max(len(answer), len(truth)) > 2 * _MAX_UNKNOWNS:
        return None
    ones, others = _rows_of(answer, names), _rows_of(truth, names)
    if ones is None or others is None:
        return None
    equal = _reduced(ones) == _reduced(others)
    reason = "the systems have the same solutions" if equal else "the systems differ"
    return Finding(equal, "exact", reason)


def _rows_of(equations: Sequence[Node], names: Sequence[str]) -> list[Row] | None:
    rows = [_row_of(equation, names) for equation in equations]
    known = [row for row in rows if row is not None]
    return known if len(known) == len(rows) else None


def _row_of(equation: Node, names: Sequence[str]) -> Row | None:
    """Coefficients and constant of a linear equation."""
    if not isinstance(equation, Relation) or equation.operators != ("=",):
        return None
    if not all(isinstance(part, EXPRESSIONS) for part in equation.parts):
        return None
    rest = difference(*equation.parts)
    constant = _at(rest, names, [0] * len(names))
    if constant is None:
        return None
    row: Row = []
    for place in range(len(names)):
        value = _at(rest, names, [int(n == place) for n in range(len(names))])
        if value is None:
            return None
        row.append(value - constant)
    probe = [3 * place + 2 for place in range(len(names))]
    opposite = [-n for n in probe]
    for point in (probe, opposite):
        wanted = constant + sum((c * n for c, n in zip(row, point, strict=True)), Fraction(0))
        if _at(rest, names, point) != wanted:
            return None
    return [*row, constant]


def _at(node: Node, names: Sequence[str], point: Sequence[int]) -> Fraction | None:
    value = exact(replaced(node, {n: Num(v) for n, v in zip(names, point, strict=True)}))
    return None if value is None else Fraction(value)


def _reduced(rows: list[Row]) -> list[Row]:
    """The rows of the reduced echelon form that are not zero; one row where nothing solves it."""
    rows = [list(row) for row in rows]
    width, done = len(rows[0]), 0
    for column in range(width):
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        if column == width - 1:
            return [[Fraction(0)] * column + [Fraction(1)]]
        rows[done], rows[pivot] = rows[pivot], rows[done]
        scale = rows[done][column]
        rows[done] = [value / scale for value in rows[done]]
        for r, row in enumerate(rows):
            if r != done and row[column]:
                by = row[column]
                rows[r] = [a - by * b for a, b in zip(row, rows[done], strict=True)]
        done += 1
    return rows[:done]
