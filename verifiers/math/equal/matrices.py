"""Sums, products and multiples of matrices, worked out entry by entry.

Not covered: powers, inverses, determinants; matrices larger than ``_MAX_ENTRIES`` on a side.
"""

from __future__ import annotations

from functools import reduce

from ..reader.nodes import Const, Matrix, Node, Num, Product, Seq, Sum, Sym, product

__all__ = ["as_vector", "matrix_value"]

_MAX_ENTRIES = 12
"""Ours: products of larger matrices by hand are no answers."""


def matrix_value(node: Node) -> Matrix | None:
    """The matrix that sums and products of matrices are; None where there is none."""
    if isinstance(node, Matrix):
        return node
    if isinstance(node, Sum):
        terms = [matrix_value(term) for term in node.terms]
        known = [term for term in terms if term is not None]
        same = len(known) == len(terms) and len(set(map(_shape, known))) == 1
        return reduce(_added, known) if same else None
    if not isinstance(node, Product):
        return None
    inner = [factor for factor in node.factors if isinstance(factor, Matrix)]
    rest = [factor for factor in node.factors if not isinstance(factor, Matrix)]
    if not inner or any(matrix_value(factor) is not None for factor in rest):
        return None
    whole: Matrix | None = inner[0]
    for factor in inner[1:]:
        whole = _multiplied(whole, factor) if whole is not None else None
    if whole is None or not rest:
        return whole
    return Matrix(tuple(tuple(product(*rest, cell) for cell in row) for row in whole.rows))


def _shape(matrix: Matrix) -> tuple[int, ...]:
    return tuple(map(len, matrix.rows))


def _added(one: Matrix, other: Matrix) -> Matrix:
    rows = zip(one.rows, other.rows, strict=True)
    return Matrix(tuple(tuple(Sum(pair) for pair in zip(*pair, strict=True)) for pair in rows))


def _multiplied(one: Matrix, other: Matrix) -> Matrix | None:
    inner, widths = len(other.rows), set(map(len, other.rows))
    if {len(row) for row in one.rows} != {inner} or len(widths) != 1:
        return None
    if max(len(one.rows), inner, *widths) > _MAX_ENTRIES:
        return None
    columns = list(zip(*other.rows, strict=True))
    return Matrix(tuple(tuple(_dot(row, column) for column in columns) for row in one.rows))


def _dot(row: tuple[Node, ...], column: tuple[Node, ...]) -> Node:
    terms = tuple(product(x, y) for x, y in zip(row, column, strict=True))
    return terms[0] if len(terms) == 1 else Sum(terms)


_BASIS: tuple[tuple[Node, ...], ...] = (
    (Const("i"), Sym("i"), Sym("\\hati"), Sym("\\veci")),
    (Sym("j"), Sym("\\hatj"), Sym("\\vecj")),
    (Sym("k"), Sym("\\hatk"), Sym("\\veck")),
)


def as_vector(node: Node, other: Node) -> Node:
    """``2i + 3j - k`` as (2, 3, -1), where the other side has as many entries."""
    size = len(other.items) if isinstance(other, Seq) and other.ordered else 0
    if isinstance(other, Matrix) and 1 in (len(other.rows), len(other.rows[0])):
        size = max(len(other.rows), len(other.rows[0]))
    if size not in (2, 3) or not isinstance(node, Sum | Product):
        return node
    entries: list[Node] = [Num(0)] * size
    for term in node.terms if isinstance(node, Sum) else (node,):
        factors = term.factors if isinstance(term, Product) else (term,)
        found = [n for n in range(size) for factor in factors if factor in _BASIS[n]]
        if len(found) != 1 or entries[found[0]] != Num(0):
            return node
        rest = [factor for factor in factors if factor not in _BASIS[found[0]]]
        entries[found[0]] = product(*rest) if rest else Num(1)
    return Seq("(", ")", tuple(entries))
