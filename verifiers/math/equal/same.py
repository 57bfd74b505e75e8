"""Whether an answer is the ground truth: types first, then values.

Coercions, and there are no others: ``x = value`` and a bare value; a list and a set; a set of one
and its element; an inequality or set-builder and an interval; a ratio and its fraction; a vector
as a column, a row or a tuple; values by name and a tuple in the order of the names; degrees, and a
unit that one side leaves out. Tuples and intervals keep order and bracket kinds.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..reader.nodes import (
    EXPRESSIONS,
    Builder,
    Const,
    Joined,
    Matrix,
    Node,
    Product,
    Ratio,
    Relation,
    Seq,
    Sym,
    Text,
    key,
    quotient,
)
from .coercions import (
    as_named,
    cases_and_equation,
    infinite,
    is_order,
    result_of,
    rows_of,
    same_words,
    thin,
    unpaired,
    valued,
)
from .finding import DIFFERENT, Finding
from .intervals import ends, pieces_of
from .matrices import as_vector
from .relations import named, same_relation, same_solutions, singles
from .settled import distinct, fingerprint, is_set, only, settled
from .systems import same_system
from .values import same_expression

__all__ = ["Finding", "same"]

_MAX_UNMATCHED = 60
"""Items that are paired by comparison; the others pair by canonical spelling or value. Ours."""
_SETS = (Builder, Joined)


def same(answer: Node, truth: Node, *, missing_unit: bool = True) -> Finding:
    """Compare two trees. ``missing_unit``: a unit that one side leaves out does not count."""
    a, t = settled(answer), settled(truth)
    joined = isinstance(a, Joined) or isinstance(t, Joined)
    if isinstance(a, Seq) != isinstance(t, Seq) and not joined:
        a, t = only(a), only(t)
    return _Comparison(missing_unit=missing_unit).same(a, t)


class _Comparison:
    def __init__(self, *, missing_unit: bool) -> None:
        self.missing_unit = missing_unit

    def same(self, a: Node, t: Node) -> Finding:
        if a == t or key(a) == key(t):
            return Finding(True, "structure", "the same expression")
        if isinstance(t, Text) or isinstance(a, Text):
            return same_words(a, t)
        if isinstance(a, Relation) or isinstance(t, Relation):
            return self._with_relation(a, t)
        if isinstance(a, Ratio) or isinstance(t, Ratio):
            return self._ratios(a, t)
        if {a, t} == {Const("reals"), Sym("R")}:  # in bold type
            return Finding(True, "structure", "the real numbers")
        a, t = as_vector(a, t), as_vector(t, a)
        if isinstance(a, Matrix) or isinstance(t, Matrix):
            return self._matrices(a, t)
        if isinstance(a, Seq) and isinstance(t, Seq):
            return self._sequences(a, t)
        if isinstance(a, _SETS) or isinstance(t, _SETS) or is_set(a) or is_set(t):
            return self._sets(a, t)
        if isinstance(a, Seq) or isinstance(t, Seq):
            return self._one_and_many(a, t)
        return self._expressions(a, t)

    def _expressions(self, a: Node, t: Node) -> Finding:
        if infinite(a) or infinite(t):
            return DIFFERENT("the infinities differ")
        return same_expression(a, t, missing_unit=self.missing_unit)

    # --- relations -------------------------------------------------------------------------

    def _with_relation(self, a: Node, t: Node) -> Finding:
        if (found := cases_and_equation(a, t)) is not None:
            return found
        if any(isinstance(node, Seq) and node.right in ("and", "or") for node in (a, t)):
            return self._sets(a, t)
        given, wanted = named(a), named(t)
        if given is not None and wanted is not None:
            given = as_named(given, wanted[0])
        if given is not None and wanted is not None:
            if given[0] == wanted[0]:
                return self.same(settled(given[1]), settled(wanted[1]))
        elif given is not None and not isinstance(t, Relation):
            return self._named_and_bare(given[1], t)
        elif wanted is not None and not isinstance(a, Relation):
            return self._named_and_bare(a, wanted[1])
        if isinstance(a, Relation) and isinstance(t, Relation):
            return self._relations(a, t)
        if isinstance(t, Relation) and set(t.operators) == {"="} and len(t.parts) > 2:
            return self.same(a, t.parts[-1])
        if not isinstance(t, Relation) and (result := result_of(a)) is not None:
            return self._named_and_bare(result, t)
        return self._sets(a, t)

    def _named_and_bare(self, a: Node, t: Node) -> Finding:
        a, t = settled(a), settled(t)
        if isinstance(a, Seq) != isinstance(t, Seq):
            a, t = only(a), only(t)
        return self.same(a, t)

    def _relations(self, a: Relation, t: Relation) -> Finding:
        if len(a.operators) == len(t.operators) == 1:
            if {a.operators[0], t.operators[0]} & {"in", "to", "~"}:
                return self._sets(a, t)
            found = same_relation(a, t)
            if found or a.operators[0] == t.operators[0] == "=":
                return found
            sets = self._sets(a, t)
            return sets if sets.equal is not None else found
        sets = self._sets(a, t)
        if sets.equal is not None or len(a.operators) != len(t.operators):
            return sets
        return self._matched(singles(a), singles(t))

    # --- sets, lists, tuples ----------------------------------------------------------------

    def _sets(self, a: Node, t: Node) -> Finding:
        if (solved := self._solutions(a, t) or self._solutions(t, a)) is not None:
            return solved
        ones, others = pieces_of(a), pieces_of(t)
        if (ones is None) != (others is None) and any(map(is_order, (a, t))):
            return Finding(None, "undecided", "an inequality that is not linear")
        if ones is None or others is None:
            kinds = type(a).__name__ != type(t).__name__
            if kinds and not (
                isinstance(a, (Relation, *_SETS)) and isinstance(t, (Relation, *_SETS))
            ):
                return DIFFERENT("answers of different kinds")
            if isinstance(a, Joined) and isinstance(t, Joined) and a.operator == t.operator:
                return self._matched(a.parts, t.parts)
            if isinstance(a, Builder) and isinstance(t, Builder):
                return self._all([(a.element, t.element), (a.condition, t.condition)])
            return Finding(None, "undecided", "sets that are not intervals")
        if len(ones) != len(others):
            return DIFFERENT(f"{len(ones)} intervals against {len(others)}")
        return self._matched([ends(p) for p in ones], [ends(p) for p in others])

    def _solutions(self, listed: Node, described: Node) -> Finding | None:
        """``{-2, 2}`` against ``{x : x^2 = 4}``."""
        if not isinstance(listed, Seq) or not isinstance(described, Builder):
            return None
        if listed.left != "\\{":
            return None
        name, equation = described.element, described.condition
        if isinstance(name, Relation) and name.operators == ("in",):
            name = name.parts[0]
        if not isinstance(name, Sym) or not isinstance(equation, Relation):
            return None
        cases = [Relation((name, item), ("=",)) for item in listed.items]
        return same_solutions(cases, equation, either=False)

    def _sequences(self, a: Seq, t: Seq) -> Finding:
        if a.ordered and t.ordered:
            values, wanted = valued(a), valued(t)
            if isinstance(values, dict) and isinstance(wanted, dict):
                return self._by_name(values, wanted)
            if (a.left, a.right) != (t.left, t.right):
                return DIFFERENT("the brackets differ")
            if len(a.items) != len(t.items):
                return DIFFERENT(f"{len(a.items)} items against {len(t.items)}")
            return self._all(list(zip(a.items, t.items, strict=True)))
        if a.ordered or t.ordered:
            return self._tuple_and_list(a, t)
        if (a.right or t.right) and pieces_of(a) is not None and pieces_of(t) is not None:
            return self._sets(a, t)
        if {a.right, t.right} == {"and", "or"}:
            return DIFFERENT("one holds of both conditions, the other of either")
        values, wanted = valued(a), valued(t)
        if isinstance(values, dict) and isinstance(wanted, dict):
            return self._by_name(values, wanted)
        ones: Sequence[Node] = a.items
        others: Sequence[Node] = t.items
        if not isinstance(values, dict) and not isinstance(wanted, dict):
            bare = not any(isinstance(v, Relation) for v in (*values, *wanted))
            ones, others = (values, wanted) if bare else (ones, others)
        if pieces := self._unions(a, t):
            return pieces
        if a.left or t.left or all(isinstance(i, Seq) for i in (*ones, *others)):
            ones, others = distinct(ones), distinct(others)
        found = self._matched(ones, others)
        return found or same_system(a.items, t.items) or found

    def _by_name(self, values: dict[str, Node], wanted: dict[str, Node]) -> Finding:
        if values.keys() != wanted.keys():
            return DIFFERENT("other names have values")
        return self._all([(values[name], wanted[name]) for name in wanted])

    def _unions(self, a: Seq, t: Seq) -> Finding | None:
        """Lists of inequalities, which may be cut in other places."""
        listed = all(
            isinstance(i, Relation) and set(i.operators) != {"="} for s in (a, t) for i in s.items
        )
        found = self._sets(a, t) if listed else None
        return found or None

    def _tuple_and_list(self, a: Seq, t: Seq) -> Finding:
        ordered, loose = (a, t) if a.ordered else (t, a)
        values = valued(loose)
        if isinstance(values, dict) and len(values) == len(ordered.items):
            order = sorted(values)
            pairs = [(values[name], item) for name, item in zip(order, ordered.items, strict=True)]
            return self._all(pairs if loose is a else [(y, x) for x, y in pairs])
        if isinstance(values, dict) and isinstance(named_ := valued(ordered), dict):
            pair = (values, named_) if loose is a else (named_, values)
            return self._by_name(*pair)
        brackets = ordered.left == "[" and ordered.right == "]" and len(ordered.items) > 2
        if brackets and not isinstance(values, dict):
            ones, others = (ordered.items, values) if a is ordered else (values, ordered.items)
            return self._matched(ones, others)
        if pieces_of(loose) is not None and len(ordered.items) == 2 and not loose.left:
            return self._sets(a, t)
        return DIFFERENT("a tuple against a list")

    def _one_and_many(self, a: Node, t: Node) -> Finding:
        many = a if isinstance(a, Seq) else t
        assert isinstance(many, Seq)
        return DIFFERENT(f"{len(many.items)} values against one")

    def _all(self, pairs: Sequence[tuple[Node, Node]]) -> Finding:
        """All pairs must be equal; a proved difference outweighs what is undecided."""
        undecided: Finding | None = None
        for a, t in pairs:
            found = self.same(settled(a), settled(t))
            if found.equal is False:
                return found
            if found.equal is None:
                undecided = found
        return undecided or Finding(True, "structure", "equal item by item")

    def _matched(self, ones: Sequence[Node], others: Sequence[Node]) -> Finding:
        """Whether the items pair up in some order."""
        if len(ones) != len(others):
            return DIFFERENT(f"{len(ones)} items against {len(others)}")
        left, right = unpaired(ones, others, key)
        left, right = unpaired(left, right, fingerprint)
        if not left:
            return Finding(True, "structure", "equal in some order")
        if len(left) > _MAX_UNMATCHED:
            return DIFFERENT(f"{len(left)} items have no equal")
        undecided = False
        for item in left:
            findings = [self.same(settled(item), settled(other)) for other in right]
            match = next((n for n, found in enumerate(findings) if found), None)
            if match is None:
                undecided |= any(found.equal is None for found in findings)
                if not undecided:
                    return DIFFERENT("an item has no equal")
            else:
                right.pop(match)
        if undecided:
            return Finding(None, "undecided", "items that no stage could compare")
        return Finding(True, "structure", "equal in some order")

    # --- matrices and ratios ----------------------------------------------------------------

    def _matrices(self, a: Node, t: Node) -> Finding:
        ones, others = rows_of(a), rows_of(t)
        if ones is None or others is None:
            return DIFFERENT("a matrix against something else")
        vector = not (isinstance(a, Matrix) and isinstance(t, Matrix))
        if vector and (len(ones) == 1) != (len(others) == 1):
            ones = [tuple(cell for row in ones for cell in row)] if thin(ones) else ones
            others = [tuple(cell for row in others for cell in row)] if thin(others) else others
        if list(map(len, ones)) != list(map(len, others)):
            return DIFFERENT("matrices of different shape")
        pairs = zip(ones, others, strict=True)
        return self._all([(x, y) for r, s in pairs for x, y in zip(r, s, strict=True)])

    def _ratios(self, a: Node, t: Node) -> Finding:
        if isinstance(a, Ratio) and isinstance(t, Ratio):
            if a.clock and t.clock and a.clock.lstrip("0") == t.clock.lstrip("0"):
                return Finding(True, "structure", "the same time or ratio")
            if len(a.items) != len(t.items) or (a.clock and t.clock):
                return DIFFERENT("the ratios differ")
            first = a.items[0], t.items[0]
            crossed = [
                (Product((x, first[1])), Product((y, first[0])))
                for x, y in zip(a.items[1:], t.items[1:], strict=True)
            ]
            return self._all(crossed)
        ratio, other = (a, t) if isinstance(a, Ratio) else (t, a)
        assert isinstance(ratio, Ratio)
        if ratio.clock or len(ratio.items) != 2 or not isinstance(other, EXPRESSIONS):
            return DIFFERENT("a ratio or time against something else")
        fraction = quotient(*ratio.items)
        return self._expressions(fraction, other)
