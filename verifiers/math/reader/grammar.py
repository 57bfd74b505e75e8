"""The grammar above atoms: powers, products, sums, unions, relations, lists.

Precedence, loosest first: separators; relations; unions; sums; products and implicit products
(of one rank, from left to right: ``1/2x`` is half of x); powers; postfix signs.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from .atoms import ATOMIC, SCALES, Atoms
from .nodes import (
    MINUS_ONE,
    Call,
    Const,
    Joined,
    Node,
    Num,
    Power,
    Product,
    Ratio,
    Relation,
    Seq,
    Sum,
    Sym,
    Unit,
    Unreadable,
    negated,
    product,
)
from .tokens import FUNCTIONS
from .units import unit_of

__all__ = ["Parser"]

_RELATIONS = {
    "=": "=", "==": "=", "\\equiv": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=",
    "\\lt": "<", "\\gt": ">", "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "\\ge": ">=",
    "\\geq": ">=", "\\geqslant": ">=", "\\ne": "!=", "\\neq": "!=", "<>": "!=", "\\approx": "~",
    "\\simeq": "~", "\\doteq": "~", "\\in": "in", "\\to": "to", "\\rightarrow": "to", "->": "to",
    "\\leqq": "<=", "\\geqq": ">=",
}  # fmt: skip
_SEPARATORS = frozenset((",", ";", "\\land", "\\lor", "\\vee", "\\wedge"))
_JOINS = {"\\cup": "cup", "\\bigcup": "cup", "\\cap": "cap", "\\setminus": "minus",
          "\\backslash": "minus"}  # fmt: skip
_TIMES = frozenset(("*", "\\cdot", "\\times", "\\ast", "\\bullet"))
_OVER = frozenset(("/", "\\div"))
_SIGNS = frozenset(("+", "-", "\\pm", "\\mp"))
MAX_ITEMS = 2500
_MAX_POSTFIX = 8
_PERCENT_WORDS = frozenset(("percent", "pct", "percentage", "per cent"))
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
          "ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16}  # fmt: skip
_WORDS_OF_MARKS = {"\\land": "and", "\\wedge": "and", "\\lor": "or", "\\vee": "or"}
_DOTS = Const("dots")
_ORDERS = frozenset(("<", ">", "<=", ">=", "!="))


class Parser(Atoms):
    """``Parser(text).whole()`` is the tree of a text. Raises ``Unreadable``."""

    def whole(self) -> Node:
        if self.next.kind == "end":
            raise Unreadable("nothing")
        node = self.listed()
        if self.next.kind != "end":
            raise Unreadable(f"{self.next.text[:20]!r} after the end")
        return node

    def listed(self) -> Node:
        items: list[Node] = []
        rows: list[Node] = []
        marks: list[str] = []
        while True:
            items.append(self.relation())
            if len(items) > MAX_ITEMS:
                raise Unreadable(f"a list of more than {MAX_ITEMS} items")
            mark = self._separator()
            if mark == ";" and self.inside[-1] in ("[", ""):
                rows.append(Seq("row", "row", tuple(items)))
                items, marks = [], []
            elif mark:
                marks.append(_WORDS_OF_MARKS.get(mark, mark.casefold()))
            if not mark or self._at_close():
                break
        if rows and items:
            rows.append(Seq("row", "row", tuple(items)))
        if rows and self.inside[-1] == "[":
            return Seq("", "", tuple(rows))
        if rows:
            return _by_rows(rows)
        return items[0] if len(items) == 1 else _joined_by(_without_dots(items), marks)

    def _at_close(self) -> bool:
        return self.next.kind == "end" or self.next.text in (")", "]", "}", "\\}", "&", "\\\\")

    def _separator(self) -> str:
        """Pass over a separator: a mark, a word, or a mark and a word."""
        found = ""
        for _ in range(2):
            token = self.next
            mark = token.kind in ("op", "command") and token.text in _SEPARATORS
            if mark or (token.kind in ("name", "text") and token.text.casefold() in ("and", "or")):
                found = self.advance().text
        return found

    def relation(self) -> Node:
        parts, operators = [self.joined()], []
        while self.next.text in _RELATIONS and self.next.kind in ("op", "command"):
            operators.append(_RELATIONS[self.advance().text])
            parts.append(self.joined())
            if len(parts) > 12:
                raise Unreadable("a chain of more than 12 relations")
        return Relation(tuple(parts), tuple(operators)) if operators else parts[0]

    def joined(self) -> Node:
        parts, operators = [self._ratio()], set()
        while self.next.text in _JOINS or (
            self.next.text == "U" and isinstance(parts[-1], Seq) and parts[-1].ordered
        ):
            operators.add(_JOINS.get(self.advance().text, "cup"))
            parts.append(self._ratio())
        if len(operators) > 1 or len(parts) > MAX_ITEMS:
            raise Unreadable("a mixture of unions and intersections")
        return Joined(operators.pop(), tuple(parts)) if operators else parts[0]

    def _ratio(self) -> Node:
        start, items = self.place, [self.additive()]
        while self.next.text in (":", "to") and self.inside[-1] != "\\{":
            self.advance()
            items.append(self.additive())
        if len(items) == 1:
            return items[0]
        shown = "".join(token.text for token in self.tokens[start : self.place])
        clock = shown.replace(":", "").isdigit() and shown[-3:-2] == ":" and len(shown) <= 8
        return Ratio(tuple(items), shown if clock else "")

    def additive(self) -> Node:
        terms: list[Node] = []
        while True:
            signs = []
            while self.next.text in _SIGNS and self.next.kind in ("op", "command"):
                signs.append(self.advance().text)
                if len(signs) > 4:
                    raise Unreadable("a row of signs")
            term = self.term()
            for sign in reversed(signs):
                term = _signed(sign, term)
            terms.append(term)
            if not (self.next.text in _SIGNS or self._unit_goes_on(term)):
                break
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _unit_goes_on(self, term: Node) -> bool:
        """``5 hours 30 minutes`` is a sum."""
        last = term.factors[-1] if isinstance(term, Product) else term
        return self.next.kind == "num" and isinstance(last, Unit)

    def term(self) -> Node:
        factors = [self.factor()]
        while True:
            token = self.next
            if token.kind in ("op", "command") and token.text in _TIMES | _OVER:
                self.advance()
                right = self._unit_below(factors[-1]) or self._signed_factor()
                factors.append(Power(right, MINUS_ONE) if token.text in _OVER else right)
                _fold(factors)
            elif self.starts_factor():
                if token.kind == "num" and isinstance(factors[-1], Unit):
                    break
                if token.kind == "text":
                    factors.append(self._powers(self._words(first=False)))
                elif not self._mixed(factors):
                    factors.append(self.factor())
            else:
                break
        return product(*factors)

    def _unit_below(self, above: Node) -> Node | None:
        """After a unit and a stroke, one letter is a unit too: ``5 km/h``."""
        if not isinstance(above, Unit) or self.next.kind != "name" or len(self.next.text) > 1:
            return None
        unit = unit_of(self.next.text)
        if unit is not None and unit.dims and not unit.dims[0][0].startswith("noun"):
            self.advance()
            return unit
        return None

    def _signed_factor(self) -> Node:
        if self.take("-"):
            return negated(self.factor())
        self.take("+")
        return self.factor()

    def _mixed(self, factors: list[Node]) -> bool:
        """``2\\frac13`` and ``2 1/3`` are 7/3. Raises on other numbers side by side."""
        whole, token = factors[-1], self.next
        plain = self.tokens[self.place - 1].kind == "num" and isinstance(whole, Num)
        if not plain or not isinstance(whole, Num):
            if token.kind == "num" and self.tokens[self.place - 1].kind == "num":
                raise Unreadable("two numbers side by side")
            return False
        part: Node | None = None
        if token.text in ("\\frac", "\\dfrac", "\\tfrac"):
            part = self.factor()
        elif token.kind == "num":
            after = self.tokens[self.place + 1 : self.place + 3]
            if [t.text for t in after[:1]] != ["/"] or len(after) < 2 or after[1].number is None:
                raise Unreadable("two numbers side by side")
            above, below = token.number, after[1].number
            assert above is not None
            if not below.value:
                raise Unreadable("a mixed number over zero")
            self.place += 3
            part = Num(Fraction(above.value) / Fraction(below.value))
        if part is None:
            return False
        if isinstance(part, Num) and 0 < part.value < 1 and whole.digits < 0 and whole.value >= 0:
            factors[-1] = Num(whole.value + part.value)
        else:
            factors.append(part)
        return True

    def starts_factor(self) -> bool:
        token = self.next
        match token.kind:
            case "num":
                return True
            case "name":
                if token.text == "d" and "d" in self.inside:
                    return self.tokens[self.place + 1].kind not in ("name", "command")
                return token.text not in ("and", "or", "mod", "U") or token.text in FUNCTIONS
            case "text":
                low = token.text.casefold()
                return low in SCALES or (low not in ("and", "or") and bool(unit_of(token.text)))
            case "op":
                if token.text == "|":
                    return self.inside[-1] not in ("|", "\\{", "f") and "|" not in self.inside
                return token.text in ("(", "[", "{", "|(")
            case "command":
                return token.text in ATOMIC
        return False

    def factor(self) -> Node:
        return self._powers(self.atom())

    def _powers(self, node: Node) -> Node:
        """What is written behind a value: powers, factorials, percent and degree signs."""
        for _ in range(_MAX_POSTFIX):
            token = self.next
            if token.kind == "text" and token.text.casefold() in _PERCENT_WORDS:
                self.advance()
                return _percent(node)
            if token.kind not in ("op", "command"):
                return node
            if token.text == "^":
                self.advance()
                node = self._powered(node)
            elif token.text == "!":
                self.advance()
                node = Call("factorial", (node,))
            elif token.text in ("%", "\\%"):
                self.advance()
                node = _percent(node)
            elif token.text in ("°", "\\degree"):
                self.advance()
                node = self._degrees(node)
            elif token.text == "_" and isinstance(node, Num):
                self.advance()
                node = _in_base(node, self.raw_group())
            elif token.text in ("€", "£", "¥", "¢") and (unit := unit_of(token.text)):
                self.advance()
                node = product(node, unit)
            else:
                return node
        raise Unreadable(f"more than {_MAX_POSTFIX} signs behind a value")

    def _degrees(self, node: Node) -> Node:
        """An angle; or a temperature, where a C or an F follows."""
        if self.next.text in ("C", "F") and (unit := unit_of("°" + self.next.text)):
            self.advance()
            return product(node, unit)
        angle = product(node, Const("deg"))
        texts = [token.text for token in self.tokens[self.place : self.place + 2]]
        if self.next.kind == "num" and texts[1:] == ["'"] and self.next.number is not None:
            minutes = Fraction(self.next.number.value) / 60
            self.place += 2
            return Sum((angle, product(Num(minutes), Const("deg"))))
        return angle

    def _powered(self, node: Node) -> Node:
        texts = [token.text for token in self.tokens[self.place : self.place + 3]]
        if texts[0] == "\\circ" or texts == ["{", "\\circ", "}"]:
            self.place += 1 if texts[0] == "\\circ" else 3
            return self._degrees(node)
        if texts[0] in ("\\prime", "'") or texts[1:2] == ["\\prime"]:
            primes = self.raw_group().count("\\prime") or 1
            if not isinstance(node, Sym):
                raise Unreadable("a prime after a value")
            return Sym(node.name + "'" * primes)
        self.enter("^")
        exponent = self.argument_or_number()
        self.leave()
        return Power(node, exponent)


def _without_dots(items: list[Node]) -> list[Node]:
    """``1, 2, ..., 5`` in full, where its numbers go up or down in equal steps."""
    place = next((n for n, item in enumerate(items) if item == _DOTS), 0)
    if not 2 <= place == len(items) - 2:
        return items
    numbers = [i.value for i in (*items[:place], items[-1]) if isinstance(i, Num)]
    step = numbers[1] - numbers[0] if len(numbers) == len(items) - 1 else 0
    if not step or any(b - a != step for a, b in pairwise(numbers[:-1])):
        return items
    count = (numbers[-1] - numbers[0]) / Fraction(step)
    if count.denominator != 1 or not place <= count < MAX_ITEMS:
        return items
    return [Num(numbers[0] + n * step) for n in range(int(count) + 1)]


def _joined_by(items: list[Node], marks: list[str]) -> Node:
    """A list; of conditions, with the word that joins them ("and" binds closer than "or")."""
    words = set(marks[: len(items) - 1])
    if words == {"or"} and all(isinstance(item, Relation) for item in items):
        return Seq("", "or", tuple(items))
    if not all(map(_is_condition, items)) or not words <= {"and", "or"}:
        return Seq("", "", tuple(items))
    if len(words) == 1:
        return Seq("", words.pop(), tuple(items))
    groups: list[list[Node]] = [[items[0]]]
    for item, word in zip(items[1:], marks, strict=False):
        if word == "or":
            groups.append([])
        groups[-1].append(item)
    parts = [g[0] if len(g) == 1 else Seq("", "and", tuple(g)) for g in groups]
    return Seq("", "or", tuple(parts))


def _is_condition(node: Node) -> bool:
    if isinstance(node, Relation):
        return _ORDERS.issuperset(node.operators)
    return isinstance(node, Seq) and node.right in ("and", "or")


def _by_rows(rows: list[Node]) -> Node:
    """``x = 1, y = 2; x = 3, y = 4`` are two solutions; ``1; 2; 3`` is one list."""
    items = [row.items for row in rows if isinstance(row, Seq)]
    systems = all(
        len(row) > 1 and all(isinstance(i, Relation) and i.operators == ("=",) for i in row)
        for row in items
    )
    if systems:
        return Seq("", "", tuple(Seq("(", ")", row) for row in items))
    flat = tuple(item for row in items for item in row)
    return flat[0] if len(flat) == 1 else Seq("", "", flat)


def _in_base(node: Num, base: str) -> Num:
    """``(204)_5`` and ``204_{\\text{five}}``."""
    base = base.strip("() ")
    number = _BASES.get(base.casefold(), 0) or (int(base) if base.isdigit() else 0)
    if not 2 <= number <= 36 or node.digits >= 0:
        raise Unreadable("an index of a number")
    try:
        return Num(int(str(node.value), number))
    except ValueError:
        raise Unreadable("a number in a base it does not fit") from None


def _percent(node: Node) -> Node:
    if isinstance(node, Num):
        return Num(Fraction(node.value) / 100)
    return product(node, Num(Fraction(1, 100)))


def _signed(sign: str, term: Node) -> Node:
    if sign == "+":
        return term
    return negated(term) if sign == "-" else Call("pm" if sign == "\\pm" else "mp", (term,))


def _fold(factors: list[Node]) -> None:
    """A number over a number is one number: exact, and cheap to compare."""
    if len(factors) < 2:
        return
    above, last = factors[-2], factors[-1]
    if isinstance(above, Num) and isinstance(last, Power) and last.exponent == MINUS_ONE:
        below = last.base
        if isinstance(below, Num) and below.value:
            factors[-2:] = [Num(Fraction(above.value) / Fraction(below.value))]
