"""The declared type of an answer: what the recipe says every ground truth of a dataset is.

``expects`` narrows what an answer may be and settles what its notation means: under ``tuple`` a
bare ``1, 2`` keeps its order, under ``set`` it has none. An answer of another type is wrong; a
ground truth of another type is a fault of the data. Not covered: ``choice``, which needs the
options and no tree; see ``answers``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

from .equal.finding import symbols
from .equal.intervals import pieces_of
from .equal.relations import named
from .reader import Node, Unreadable, read_answer
from .reader.nodes import (
    EXPRESSIONS,
    Builder,
    Const,
    Joined,
    Matrix,
    Ratio,
    Relation,
    Seq,
    Text,
)

__all__ = ["Expects", "fits", "shaped"]

Expects: TypeAlias = Literal[
    "any",
    "number",
    "expression",
    "set",
    "tuple",
    "interval",
    "matrix",
    "equation",
    "choice",
    "text",
]


@lru_cache(maxsize=2048)
def fits(text: str, expects: Expects) -> bool:
    """Whether a text is an answer of the type. ``any`` and ``choice`` take every text."""
    if expects in ("any", "choice"):
        return True
    try:
        node = read_answer(text)
    except Unreadable:
        return expects == "text" and any(char.isalpha() for char in text)
    return shaped(node, expects) is not None


def shaped(node: Node, expects: Expects) -> Node | None:
    """The tree as one of the type; None where it is of another."""
    shape = _SHAPES.get(expects)
    return node if shape is None else shape(node)


def _bare(node: Node) -> Node:
    """Without a name: ``x = 5`` is 5."""
    return pair[1] if (pair := named(node)) is not None else node


def _number(node: Node) -> Node | None:
    node = _bare(node)
    return node if isinstance(node, (*EXPRESSIONS, Ratio)) and not symbols(node) else None


def _expression(node: Node) -> Node | None:
    node = _bare(node)
    return node if isinstance(node, EXPRESSIONS) else None


def _set(node: Node) -> Node | None:
    node = _bare(node)
    if isinstance(node, Builder | Joined) or node in (Const("empty"), Const("reals")):
        return node
    if isinstance(node, Seq):
        return None if node.ordered else Seq("\\{", "\\}", node.items)
    return Seq("\\{", "\\}", (node,)) if isinstance(node, EXPRESSIONS) else None


def _tuple(node: Node) -> Node | None:
    node = _bare(node)
    if isinstance(node, Matrix):
        return node
    if not isinstance(node, Seq) or node.left not in ("", "("):
        return None
    return Seq("(", ")", node.items)


def _interval(node: Node) -> Node | None:
    finite = isinstance(node, Seq) and node.left == "\\{"
    return node if not finite and pieces_of(node) is not None else None


def _matrix(node: Node) -> Node | None:
    node = _bare(node)
    if isinstance(node, Matrix):
        return node
    rows = node.items if isinstance(node, Seq) and node.ordered else ()
    nested = bool(rows) and all(isinstance(row, Seq) and row.ordered for row in rows)
    return node if nested else None


def _equation(node: Node) -> Node | None:
    relations = node.items if isinstance(node, Seq) else (node,)
    return node if all(isinstance(part, Relation) for part in relations) else None


def _text(node: Node) -> Node | None:
    words = isinstance(node, Text) or (
        isinstance(node, Seq) and all(isinstance(item, Text) for item in node.items)
    )
    return node if words else None


_SHAPES: dict[Expects, Callable[[Node], Node | None]] = {
    "number": _number,
    "expression": _expression,
    "set": _set,
    "tuple": _tuple,
    "interval": _interval,
    "matrix": _matrix,
    "equation": _equation,
    "text": _text,
}
