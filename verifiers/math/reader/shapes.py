"""What becomes of parts that the grammar has read: calls, brackets, systems, sums over an index."""

from __future__ import annotations

from fractions import Fraction

from .nodes import (
    Builder,
    Call,
    Const,
    Matrix,
    Node,
    Num,
    Power,
    Product,
    Seq,
    Sum,
    Sym,
    Unreadable,
    negated,
    product,
)

__all__ = ["call", "cases", "determinant", "enclosed", "quotient_of_logs", "system", "with_index"]


def with_index(body: Node) -> Node:
    """The body of a sum over i, where i is its index."""
    match body:
        case Const("i"):
            return Sym("i")
        case Sum(terms):
            return Sum(tuple(map(with_index, terms)))
        case Product(factors):
            return Product(tuple(map(with_index, factors)))
        case Power(base, exponent):
            return Power(with_index(base), with_index(exponent))
        case Call(name, args):
            return Call(name, tuple(map(with_index, args)))
    return body


def system(rows: list[tuple[Node, ...]]) -> Node:
    """The equations of a system, one to a row."""
    return Seq("", "", tuple(row[0] for row in rows))


def cases(rows: list[tuple[Node, ...]]) -> Node:
    """Values with the conditions they hold under."""
    pairs: list[Node] = []
    for row in rows:
        listed = isinstance(row[0], Seq) and not row[0].left and len(row) == 1
        parts = row[0].items if listed and isinstance(row[0], Seq) else row  # by a comma alone
        if len(parts) != 2:
            raise Unreadable("an expression by cases without conditions")
        pairs.append(Seq("(", ")", parts))
    return Seq("cases", "cases", tuple(pairs))


def determinant(rows: list[tuple[Node, ...]]) -> Node:
    """Of a matrix of up to four rows, by the first row."""
    if not rows or len(rows) > 4 or any(len(row) != len(rows) for row in rows):
        raise Unreadable("a determinant that is not square, or large")
    if len(rows) == 1:
        return rows[0][0]
    terms: list[Node] = []
    for place, cell in enumerate(rows[0]):
        minor = [row[:place] + row[place + 1 :] for row in rows[1:]]
        term = product(cell, determinant(minor))
        terms.append(negated(term) if place % 2 else term)
    return Sum(tuple(terms))


def enclosed(left: str, node: Node, right: str) -> Node:
    listed = isinstance(node, Seq) and not node.left
    if isinstance(node, Seq) and node.right in ("and", "or") and left in ("(", "["):
        return node
    if left == "\\{":
        if isinstance(node, Builder):
            return node
        return Seq(left, right, node.items if isinstance(node, Seq) and listed else (node,))
    if isinstance(node, Seq) and listed:
        rows = [i.items for i in node.items if isinstance(i, Seq) and i.left == i.right == "row"]
        if rows and len(rows) == len(node.items) and set(map(len, rows)) == {1}:
            return Seq(left, right, tuple(row[0] for row in rows))  # [0; 1]
        if rows and len(rows) == len(node.items) and len(set(map(len, rows))) == 1:
            return Matrix(tuple(rows))
        return Seq(left, right, node.items)
    if (left, right) not in (("(", ")"), ("[", "]")):
        raise Unreadable("brackets that do not match")
    return node


def call(name: str, args: tuple[Node, ...], base: Node | None) -> Node:
    if name in ("gcd", "lcm", "max", "min") and len(args) <= 20:
        return Call(name, args)
    if name in ("binom", "nPr") and len(args) == 2:
        node = Call("binom", args)
        return node if name == "binom" else product(node, Call("factorial", (args[1],)))
    if len(args) == 2 and name == "log" and base is None:
        inside, base = args
        args = (inside,)
    if len(args) != 1 or name in ("binom", "nPr") or (base is not None and name != "log"):
        raise Unreadable(f"the function {name} of {len(args)} arguments")
    if name == "exp":
        return Power(Const("e"), args[0])
    if name == "lg":
        name, base = "log", Num(10)
    if name == "log" and base is not None:
        return quotient_of_logs(args[0], base)
    return Call(name, args)


def quotient_of_logs(inside: Node, base: Node) -> Node:
    """A logarithm to a base, by natural logarithms."""
    return product(Call("ln", (inside,)), Power(Call("ln", (base,)), Num(Fraction(-1))))
