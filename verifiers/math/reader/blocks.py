"""Blocks of the grammar: sums, integrals and limits over a variable, and LaTeX environments.

Environments: matrices, determinants, systems and expressions by cases. Not covered: nested cases.
"""

from __future__ import annotations

from .cursor import Cursor
from .nodes import MINUS_ONE, Big, Const, Matrix, Node, Relation, Sym, Text, Unreadable, product
from .shapes import cases, determinant, system, with_index

__all__ = ["Blocks"]

_SYSTEMS = frozenset(("aligned", "align*", "array", "cases", "rcases", "dcases"))
_ELSE = frozenset(("otherwise", "else", "elsewhere"))
_WHEN = frozenset(("if", "for", "when", "where", "while", "as", *_ELSE))
_MATRICES = frozenset(("pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix"))


class Blocks(Cursor):
    """What opens with a command and holds a part of the grammar."""

    def big_operator(self, kind: str) -> Node:
        low = high = None
        name = ""
        while self.next.text in ("_", "^"):
            if self.advance().text == "^":
                high = self.argument_or_number()
                continue
            low = self._bound() if self.next.text != "{" else self.group()
            if isinstance(low, Relation) and isinstance(low.parts[0], Sym):
                name, low = low.parts[0].name, low.parts[1]
            elif isinstance(low, Relation) and low.parts[0] == Const("i"):
                name, low = "i", low.parts[1]  # an index, not the imaginary unit
        self.enter("d" if kind == "int" else kind)
        body = self.additive() if kind == "int" else self.term()
        self.leave()
        if name == "i":
            body = with_index(body)
        if kind == "int":
            if self.next.text != "d":
                raise Unreadable("an integral without its differential")
            self.advance()
            variable = self.atom()
            name = variable.name if isinstance(variable, Sym) else ""
        if not name:
            raise Unreadable(f"a {kind} over no variable")
        return Big(kind, body, name, low, high)

    def _bound(self) -> Node:
        return product(MINUS_ONE, self.atom()) if self.take("-") else self.atom()

    def environment(self) -> Node:
        name = self.raw_group()
        if name == "array":
            self.raw_group()
        self.enter(name)
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while self.next.text != "\\end":
            self.take("\\hline")
            cells.append(self._cell(name))
            if self.take("&"):
                continue
            rows.append(tuple(cells))
            cells = []
            if not self.take("\\\\", "\\cr"):
                break
        self.leave()
        self.expect("\\end")
        if self.raw_group() != name or not rows:
            raise Unreadable(f"an environment {name[:20]} that does not end")
        if name in ("vmatrix", "Vmatrix"):
            return determinant(rows)
        if name in _SYSTEMS and (name != "array" or self._is_system(rows)):
            return system(rows) if self._is_system(rows) else cases(rows)
        if name not in _MATRICES:
            raise Unreadable(f"the environment {name[:20]}")
        return Matrix(tuple(rows))

    def _is_system(self, rows: list[tuple[Node, ...]]) -> bool:
        return all(len(row) == 1 and isinstance(row[0], Relation) for row in rows)

    def _cell(self, name: str) -> Node:
        if name not in _SYSTEMS or name == "array":
            return self.relation() if name == "array" else self.additive()
        while self.next.kind in ("text", "name") and self.next.text.casefold() in _WHEN:
            if self.advance().text.casefold() in _ELSE:
                return Text("otherwise")
        node = self.listed() if name in ("cases", "dcases", "rcases") else self.relation()
        while self.take(",", ";", "."):
            pass
        return node
