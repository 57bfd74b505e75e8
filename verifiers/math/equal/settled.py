"""One form for answers that are written in several: done before every comparison.

Approximations are cut off, plus-minus signs written out, names handed on along a list
(``x = 1, 2``), factors worked into matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..reader.nodes import (
    EXPRESSIONS,
    Const,
    Node,
    Product,
    Relation,
    Seq,
    Sum,
    Sym,
    Text,
    key,
)
from ..zero import same_value
from .matrices import matrix_value
from .relations import named
from .values import expanded

__all__ = ["distinct", "fingerprint", "is_set", "only", "settled"]


def only(node: Node) -> Node:
    """The element of a set or list of one."""
    if isinstance(node, Seq) and not node.ordered:
        items = distinct(node.items)
        plain = len(items) == 1 and not isinstance(items[0], Seq) and not is_set(items[0])
        return items[0] if plain else node
    return node


def settled(node: Node) -> Node:
    """Approximations cut off, plus-minus written out, names handed on along a list."""
    if isinstance(node, Relation):
        if "~" in node.operators:
            place = node.operators.index("~") + 1
            kept = node.parts[:place]
            if len(kept) == 1:
                return settled(kept[0])
            node = Relation(kept, node.operators[: place - 1])
        if len(node.parts) > 2 and _false_chain(node):
            return Text(key(node))
        if len(signed := _signed_relations(node)) > 1:
            return Seq("", "", signed)
        parts = list(node.parts)
        pair = parts[0], parts[-1]
        if isinstance(pair[0], Seq) and isinstance(pair[1], Seq) and node.operators == ("=",):
            return _pairwise(pair[0], pair[1]) or node
        return node
    if isinstance(node, Product | Sum) and (matrix := matrix_value(node)) is not None:
        return matrix
    if isinstance(node, EXPRESSIONS) and len(variants := expanded(node)) > 1:
        return Seq("", "", variants)
    if isinstance(node, Seq):
        return _settled_items(node)
    return node


def _signed_relations(node: Relation) -> tuple[Relation, ...]:
    """``x - 5 = \\pm 3`` is two equations."""
    if node.operators != ("=",):
        return (node,)
    sides = [expanded(part) if isinstance(part, EXPRESSIONS) else (part,) for part in node.parts]
    if min(map(len, sides)) > 1:
        return (node,)
    return tuple(Relation((left, right), ("=",)) for left in sides[0] for right in sides[1])


def _false_chain(node: Relation) -> bool:
    """``y = a = b`` with unlike a and b is no value."""
    values = node.parts[1:]
    if set(node.operators) != {"="} or not all(isinstance(v, EXPRESSIONS) for v in values):
        return False
    return any(same_value(value, values[-1]).equal is False for value in values[:-1])


def _pairwise(names: Seq, values: Seq) -> Node | None:
    if len(names.items) != len(values.items):
        return None
    if not all(isinstance(n, Sym) for n in names.items):
        return None
    pairs = zip(names.items, values.items, strict=True)
    return Seq("", "", tuple(Relation(pair, ("=",)) for pair in pairs))


def _settled_items(node: Seq) -> Node:
    items: list[Node] = []
    tuples = len(node.items) > 1 and any(isinstance(i, Seq) and i.ordered for i in node.items)
    for item in node.items:
        if tuples and isinstance(item, Relation) and isinstance(item.parts[-1], Seq):
            items.append(item.parts[-1])
            continue
        one = settled(item)
        spread = isinstance(one, Seq) and not one.left and not one.right and not node.ordered
        items.extend(one.items if isinstance(one, Seq) and spread else (one,))
    if not node.left and items and isinstance(items[0], Relation):
        first = named(items[0])
        if first is not None and all(isinstance(i, EXPRESSIONS) for i in items[1:]):
            items[1:] = [Relation((first[0], item), ("=",)) for item in items[1:]]
    return Seq(node.left, node.right, _by_solution(items) if not node.left else tuple(items))


def _by_solution(items: Sequence[Node]) -> tuple[Node, ...]:
    """``p = 5, q = 2, p = 7, q = 2``: the names begin anew with every solution."""
    pairs = [named(item) for item in items]
    names = [pair[0] for pair in pairs if pair is not None]
    size = len(set(names))
    if len(names) < len(items) or not 1 < size < len(items) or len(items) % size:
        return tuple(items)
    groups = [tuple(items[n : n + size]) for n in range(0, len(items), size)]
    if any(set(names[n : n + size]) != set(names) for n in range(0, len(items), size)):
        return tuple(items)
    return tuple(Seq("(", ")", group) for group in groups)


def distinct(items: Sequence[Node]) -> list[Node]:
    seen: dict[str, Node] = {}
    for item in items:
        seen.setdefault(fingerprint(item) or key(item), item)
    return list(seen.values())


def fingerprint(item: Node) -> str:
    """The exact value of a closed rational item; empty for any other."""
    from ..zero.exact import exact

    value = exact(item) if isinstance(item, EXPRESSIONS) else None
    return "" if value is None else f"={value}"


def is_set(node: Node) -> bool:
    return isinstance(node, Const) and node.name in ("reals", "empty")
