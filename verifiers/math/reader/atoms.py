"""Atoms of the grammar: numbers, symbols, functions, brackets, bars, roots, big operators."""

from __future__ import annotations

from .blocks import Blocks
from .nodes import (
    MINUS_ONE,
    Builder,
    Call,
    Const,
    Node,
    Num,
    Power,
    Seq,
    Sum,
    Sym,
    Unreadable,
    product,
    quotient,
    words_of,
)
from .shapes import call, enclosed
from .tokens import FUNCTIONS, GREEK, OPERATORS, PLAIN_GREEK
from .units import unit_of

__all__ = ["Atoms"]

_CONSTANTS = {
    "pi": "pi", "\\pi": "pi", "e": "e", "i": "i", "\\infty": "inf", "infinity": "inf",
    "inf": "inf", "infty": "inf", "oo": "inf", "\\emptyset": "empty", "\\varnothing": "empty",
    "\\oslash": "empty", "\\imath": "i",
}  # fmt: skip
_NUMBER_SETS = {"R": "reals", "Z": "integers", "N": "naturals", "Q": "rationals"}
_ACCENTS = words_of("\\vec \\hat \\bar \\overline \\tilde \\overrightarrow \\widehat \\dot")
_FENCES = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil"),
           "\\lvert": ("\\rvert", "abs"), "\\lVert": ("\\rVert", "norm")}  # fmt: skip
_FRACTIONS = frozenset(("\\frac", "\\dfrac", "\\tfrac", "\\cfrac"))
_BINOMIALS = frozenset(("\\binom", "\\dbinom", "\\tbinom"))
_BIG = {"\\sum": "sum", "\\prod": "prod", "\\int": "int", "\\lim": "lim"}
_ALIASES = {
    "tg": "tan", "sign": "sgn", "cosec": "csc", "cosech": "csch", "arctg": "arctan", "ctg": "cot",
    "binomial": "binom", "nCr": "binom", "ceiling": "ceil", "Abs": "abs", "arcctg": "arccot",
    "sh": "sinh", "ch": "cosh", "th": "tanh", "cth": "coth",
    **{f"a{n}": f"arc{n}" for n in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"{a}{n}h": f"ar{n}h" for a in ("a", "arc") for n in ("sin", "cos", "tan", "cot", "sec",
                                                              "csc")},
}  # fmt: skip
_INVERSE = {n: f"arc{n}" for n in ("sin", "cos", "tan", "cot", "sec", "csc")} | {
    f"{n}h": f"ar{n}h" for n in ("sin", "cos", "tan", "cot", "sec", "csc")
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9,
          "trillion": 10**12}  # fmt: skip
_COMMAND_FUNCTIONS = {f"\\{name}": name for name in (*FUNCTIONS, *OPERATORS)} | {
    "\\sqrt": "", "\\operatorname": "",
}  # fmt: skip
ATOMIC = frozenset(
    (*_CONSTANTS, *_ACCENTS, *GREEK, *_FENCES, *_FRACTIONS, *_BINOMIALS, *_BIG, "\\sqrt", "\\{",
     "\\begin", "\\mathbb", "\\$", "\\underline", "\\langle", "\\lbrace", "\\cbrt", "\\lbrack")
) | frozenset(_COMMAND_FUNCTIONS)  # fmt: skip


class Atoms(Blocks):
    """The prefix position of the grammar."""

    def atom(self) -> Node:
        token = self.next
        match token.kind:
            case "num":
                self.advance()
                assert token.number is not None
                return token.number
            case "name":
                return self._name()
            case "text":
                return self._words(first=True)
        if token.text in ("(", "[", "\\{", "\\lbrace", "\\langle", "\\lbrack"):
            return self._bracket()
        if token.text == "{":
            node = self.group()
            if isinstance(node, Seq) and not node.left:
                return Seq("\\{", "\\}", node.items)
            return node
        if token.text in ("|", "|(", "|)", "\\|"):
            return self._bars()
        if token.text in ("...", "…", "\\ldots", "\\dots", "\\cdots"):
            self.advance()
            return Const("dots")
        if token.kind == "command":
            self.enter(self.inside[-1])
            node = self._command(token.text)
            self.leave()
            return node
        if token.text in ("€", "£", "¥", "₹"):
            return self._rare(self.advance().text)
        raise Unreadable(f"{token.text[:20] or 'the end'!r} where a value should be")

    def _words(self, *, first: bool) -> Node:
        """A unit, a counted noun behind what it counts, or a word for a power of ten."""
        words = self._unit_words()
        if not first and words.casefold() in SCALES:
            return Num(SCALES[words.casefold()])
        raised = self._power_of_last(words)
        if raised is not None:
            return raised
        unit = unit_of(words)
        if unit is None or (first and unit.dims and unit.dims[0][0].startswith("noun")):
            raise Unreadable(f"the words {words[:30]!r}")
        return unit

    def _unit_words(self) -> str:
        """One text, or several that are one unit together: "square" "feet"."""
        for count in (3, 2):
            found = self.tokens[self.place : self.place + count]
            if len(found) == count and all(token.kind == "text" for token in found):
                words = " ".join(token.text for token in found)
                unit = unit_of(words)
                if unit is not None and unit.dims and not unit.dims[0][0].startswith("noun"):
                    self.place += count
                    return words
        return self.advance().text

    def _power_of_last(self, words: str) -> Node | None:
        """In ``\\text{m/s}^2`` the power is that of the last unit."""
        marks = [token.text for token in self.tokens[self.place : self.place + 5]]
        head, slash, last = words.rpartition("/")
        if not slash:
            head, slash, last = words.strip().rpartition(" ")
        if not slash or marks[0] != "^":
            return None
        above, below = unit_of(head), unit_of(last)
        if above is None or below is None or not below.dims or not above.dims:
            return None
        if any(unit.dims[0][0].startswith("noun") for unit in (above, below)):
            return None
        self.advance()
        power = self.argument_or_number()
        raised = Power(below, power)
        return product(above, Power(raised, MINUS_ONE) if slash == "/" else raised)

    def _name(self) -> Node:
        name = self.advance().text
        if name in FUNCTIONS:
            return self._function(_ALIASES.get(name, name))
        if name in _CONSTANTS and self.next.text != "_":
            return Const(_CONSTANTS[name])
        if name in ("and", "or", "mod", "sum"):
            raise Unreadable(f"the word {name!r}")
        return self._symbol("\\" + name if name in PLAIN_GREEK else name)

    def _symbol(self, name: str) -> Node:
        """With index and primes; ``f(x)`` of a name usual for functions is one symbol too."""
        if self.take("_"):
            index = self.raw_group()
            if name in ("C", "A") and index.isdigit() and (chosen := self._chosen()) is not None:
                return self._count(name, int(index), chosen)
            name += "_" + index
        while self.take("'"):
            name += "'"
        if self.next.text == "(" and (
            name.rstrip("'") in ("f", "g", "h", "F", "G", "H") or self._defined()
        ):
            return Call(f"@{name}", self._arguments())
        return Sym(name)

    def _chosen(self) -> int | None:
        """Of ``C_6^2``, the 2."""
        texts = [token.text for token in self.tokens[self.place : self.place + 4]]
        if texts[:1] != ["^"]:
            return None
        if texts[1].isdigit():
            self.place += 2
            return int(texts[1])
        if texts[1] == "{" and texts[2].isdigit() and texts[3:] == ["}"]:
            self.place += 4
            return int(texts[2])
        return None

    def _count(self, name: str, n: int, k: int) -> Node:
        """Combinations and arrangements, as East Asian and Russian texts write them."""
        chosen = Call("binom", (Num(n), Num(k)))
        return chosen if name == "C" else product(chosen, Call("factorial", (Num(k),)))

    def _defined(self) -> bool:
        """Whether ``(x) =`` follows."""
        texts = [token.text for token in self.tokens[self.place : self.place + 4]]
        return len(texts) == 4 and texts[2:] == [")", "="] and texts[1].isalpha()

    def _arguments(self) -> tuple[Node, ...]:
        node = self._bracket()
        plain = isinstance(node, Seq) and node.left in ("(", "[")
        return node.items if isinstance(node, Seq) and plain else (node,)

    def _function(self, name: str) -> Node:
        if name == "sqrt":
            return self._root(plain=self.tokens[self.place - 1].kind == "name")
        if name == "nthroot":
            inside, *index = self._operand()
            return Call("root", (inside, index[0] if index else Num(2)))
        if name == "cbrt":
            return Call("root", (self._operand()[0], Num(3)))
        base: Node | None = None
        power: Node | None = None
        while self.next.text in ("_", "^"):
            if self.advance().text == "_":
                base = self.argument_or_number()
            else:
                power = self.argument_or_number()
        args = self._operand()
        if power == MINUS_ONE and name in _INVERSE:
            name, power = _INVERSE[name], None
        node = call(name, args, base)
        return node if power is None else Power(node, power)

    def argument_or_number(self) -> Node:
        """Of ``^`` and ``_``: a group, or a signed factor (``x^10`` is the tenth power)."""
        if self.next.text == "{":
            return self.group()
        if self.take("-"):
            return product(MINUS_ONE, self.argument_or_number())
        self.take("+")
        self.enter("^")
        node = self.atom()
        if self.take("^"):
            node = Power(node, self.argument_or_number())
        self.leave()
        return node

    def _operand(self) -> tuple[Node, ...]:
        if self.next.text in ("(", "["):
            return self._arguments()
        if self.next.text == "{":
            return (self.group(),)
        negative = self.take("-")
        self.enter("f")
        factors = [self.factor()]
        while self.starts_factor() and not self._at_function():
            factors.append(self.factor())
        self.leave()
        return (product(MINUS_ONE, *factors) if negative else product(*factors),)

    def _at_function(self) -> bool:
        text = self.next.text
        if text in ("(", "[", "\\{") or self.next.kind == "text":
            return True
        return text in FUNCTIONS or text in _COMMAND_FUNCTIONS

    def _root(self, *, plain: bool = False) -> Node:
        """``plain``: without a backslash, so that ``sqrt 12`` is of the whole number."""
        index: Node = Num(2)
        if self.take("["):
            self.enter("[")
            index = self.additive()
            self.leave()
            self.expect("]")
        if self.next.text == "(":
            return Call("root", (self._bracket(), index))
        return Call("root", (self.factor() if plain else self.argument(), index))

    def _bracket(self) -> Node:
        left = {"\\lbrace": "\\{", "\\langle": "(", "\\lbrack": "["}.get(
            self.next.text, self.next.text
        )
        self.advance()
        self.enter(left)
        if left == "\\{" and self.take("\\}", "\\rbrace"):
            self.leave()
            return Const("empty")
        node = self.listed()
        if left == "\\{" and self.take("|", "\\mid", ":", "\\vert", "|(", "|)"):
            node = Builder(node, self.listed())
        self.leave()
        right = self.advance().text
        right = {"\\rbrace": "\\}", "\\rangle": ")", "\\rbrack": "]"}.get(right, right)
        if right not in (")", "]", "\\}") or (left == "\\{") != (right == "\\}"):
            raise Unreadable("brackets that do not match")
        return enclosed(left, node, right)

    def _bars(self) -> Node:
        token = self.advance()
        self.enter("|")
        inside = self.additive()
        self.leave()
        self.expect("|)" if token.text == "|(" else token.text, "|)", "|")
        return Call("norm" if token.text == "\\|" else "abs", (inside,))

    def _at_sum(self) -> bool:
        """Whether a group with a plus or minus follows: a complex number, not a name."""
        texts = [token.text for token in self.tokens[self.place : self.place + 12]]
        end = texts.index("}") if "}" in texts else len(texts)
        return texts[:1] == ["{"] and ("+" in texts[:end] or "-" in texts[:end])

    def _command(self, command: str) -> Node:
        self.advance()
        if command in _FRACTIONS:
            return quotient(self.argument(), self.argument())
        if command in _CONSTANTS:
            return Const(_CONSTANTS[command])
        if command == "\\Gamma" and self.next.text == "(":
            return Call("factorial", (Sum((self._bracket(), MINUS_ONE)),))
        if command in GREEK:
            return self._symbol(command)
        if command == "\\sqrt":
            return self._root()
        if command in _BINOMIALS:
            return Call("binom", (self.argument(), self.argument()))
        if command in _COMMAND_FUNCTIONS:
            name = _COMMAND_FUNCTIONS[command] or self.raw_group()
            return self._function(_ALIASES.get(name, name))
        if command in _FENCES:
            close, name = _FENCES[command]
            self.enter(name)
            inside = self.additive()
            self.leave()
            self.expect(close)
            return Call(name, (inside,))
        if command in _BIG:
            return self.big_operator(_BIG[command])
        return self._rare(command)

    def _rare(self, command: str) -> Node:
        if command == "\\begin":
            return self.environment()
        if command in ("\\underline", "\\boxed"):
            return self.group()
        if command in ("\\overline", "\\bar") and self._at_sum():
            return Call("conj", (self.argument(),))
        if command in _ACCENTS:
            arrow = {"\\overrightarrow": "\\vec", "\\widehat": "\\hat"}.get(command, command)
            return self._symbol(f"{arrow}{self.raw_group()}")
        if command == "\\mathbb" and (name := self.raw_group()) in _NUMBER_SETS:
            return Const(_NUMBER_SETS[name])
        if command in ("\\$", "€", "£", "¥", "₹"):
            unit = unit_of(command[-1])
            assert unit is not None
            return product(self.factor(), unit)
        raise Unreadable(f"the command {command[:20]}")
