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
    Relation,
    Seq,
    Sum,
    Sym,
    Unreadable,
    product,
)

__all__ = ["call", "enclosed", "quotient_of_logs", "system", "with_index"]


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
    if not all(len(row) == 1 and isinstance(row[0], Relation) for row in rows):
        raise Unreadable("an expression by cases")
    return Seq("", "", tuple(row[0] for row in rows))


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
