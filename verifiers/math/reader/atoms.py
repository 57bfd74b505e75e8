"""Atoms of the grammar: numbers, symbols, functions, brackets, bars, roots, big operators."""

from __future__ import annotations

from .cursor import Cursor
from .nodes import (
    MINUS_ONE,
    Big,
    Builder,
    Call,
    Const,
    Matrix,
    Node,
    Num,
    Power,
    Relation,
    Seq,
    Sym,
    Unreadable,
    product,
    quotient,
    words_of,
)
from .shapes import call, enclosed, system, with_index
from .tokens import FUNCTIONS
from .units import unit_of

__all__ = ["Atoms"]

_CONSTANTS = {
    "pi": "pi", "\\pi": "pi", "e": "e", "i": "i", "\\infty": "inf", "infinity": "inf",
    "inf": "inf", "infty": "inf", "oo": "inf", "\\emptyset": "empty", "\\varnothing": "empty",
    "\\oslash": "empty", "\\imath": "i",
}  # fmt: skip
_NUMBER_SETS = {"R": "reals", "Z": "integers", "N": "naturals", "Q": "rationals"}
_ACCENTS = words_of("\\vec \\hat \\bar \\overline \\tilde \\overrightarrow \\widehat \\dot")
_GREEK = words_of(
    "\\alpha \\beta \\gamma \\delta \\epsilon \\varepsilon \\zeta \\eta \\theta \\vartheta "
    "\\iota \\kappa \\lambda \\mu \\nu \\xi \\rho \\sigma \\tau \\upsilon \\phi \\varphi "
    "\\chi \\psi \\omega \\Gamma \\Delta \\Theta \\Lambda \\Xi \\Pi \\Sigma \\Phi \\Psi "
    "\\Omega \\ell"
)
_PLAIN_GREEK = frozenset(("theta", "alpha", "beta", "gamma", "lambda", "phi"))
_SYSTEMS = frozenset(("cases", "aligned", "align*"))
_FENCES = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil"),
           "\\lvert": ("\\rvert", "abs"), "\\lVert": ("\\rVert", "norm")}  # fmt: skip
_FRACTIONS = frozenset(("\\frac", "\\dfrac", "\\tfrac", "\\cfrac"))
_BINOMIALS = frozenset(("\\binom", "\\dbinom", "\\tbinom"))
_BIG = {"\\sum": "sum", "\\prod": "prod", "\\int": "int", "\\lim": "lim"}
_ALIASES = {
    "tg": "tan", "sign": "sgn", "cosec": "csc", "cosech": "csch", "arctg": "arctan", "ctg": "cot",
    "binomial": "binom", "nCr": "binom", "ceiling": "ceil", "Abs": "abs",
    **{f"a{n}": f"arc{n}" for n in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"{a}{n}h": f"ar{n}h" for a in ("a", "arc") for n in ("sin", "cos", "tan", "cot", "sec",
                                                              "csc")},
}  # fmt: skip
_INVERSE = {n: f"arc{n}" for n in ("sin", "cos", "tan", "cot", "sec", "csc")} | {
    f"{n}h": f"ar{n}h" for n in ("sin", "cos", "tan", "cot", "sec", "csc")
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9,
          "trillion": 10**12}  # fmt: skip
_COMMAND_FUNCTIONS = {f"\\{name}": name for name in (*FUNCTIONS, "tg", "ctg", "arctg")} | {
    "\\sqrt": "", "\\operatorname": "",
}  # fmt: skip
ATOMIC = frozenset(
    (*_CONSTANTS, *_ACCENTS, *_GREEK, *_FENCES, *_FRACTIONS, *_BINOMIALS, *_BIG, "\\sqrt", "\\{",
     "\\begin", "\\mathbb", "\\$", "\\underline", "\\langle", "\\lbrace", "\\cbrt", "\\lbrack")
) | frozenset(_COMMAND_FUNCTIONS)  # fmt: skip


class Atoms(Cursor):
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
        words = self.advance().text
        if not first and words.casefold() in SCALES:
            return Num(SCALES[words.casefold()])
        raised = self._power_of_last(words)
        if raised is not None:
            return raised
        unit = unit_of(words)
        if unit is None or (first and unit.dims and unit.dims[0][0].startswith("noun")):
            raise Unreadable(f"the words {words[:30]!r}")
        return unit

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
        return self._symbol("\\" + name if name in _PLAIN_GREEK else name)

    def _symbol(self, name: str) -> Node:
        """With index and primes; ``f(x)`` of a name usual for functions is one symbol too."""
        if self.take("_"):
            name += "_" + self.raw_group()
        while self.take("'"):
            name += "'"
        if self.next.text == "(" and (
            name.rstrip("'") in ("f", "g", "h", "F", "G", "H") or self._defined()
        ):
            return Call(f"@{name}", self._arguments())
        return Sym(name)

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
            return self._root()
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

    def _root(self) -> Node:
        index: Node = Num(2)
        if self.take("["):
            self.enter("[")
            index = self.additive()
            self.leave()
            self.expect("]")
        inside = self._bracket() if self.next.text == "(" else self.argument()
        return Call("root", (inside, index))

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

    def _command(self, command: str) -> Node:
        self.advance()
        if command in _FRACTIONS:
            return quotient(self.argument(), self.argument())
        if command in _CONSTANTS:
            return Const(_CONSTANTS[command])
        if command in _GREEK:
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
            return self._big(_BIG[command])
        return self._rare(command)

    def _rare(self, command: str) -> Node:
        if command == "\\begin":
            return self._environment()
        if command in ("\\underline", "\\boxed"):
            return self.group()
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

    def _big(self, kind: str) -> Node:
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

    def _environment(self) -> Node:
        name = self.raw_group()
        if name == "array":
            self.raw_group()
        self.enter(name)
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while self.next.text != "\\end":
            self.take("\\hline")
            cells.append(
                self.listed() if name in ("cases", "aligned", "align*") else self.additive()
            )
            if self.take("&"):
                continue
            rows.append(tuple(cells))
            cells = []
            if not self.take("\\\\"):
                break
        self.leave()
        self.expect("\\end")
        if self.raw_group() != name or not rows:
            raise Unreadable(f"an environment {name[:20]} that does not end")
        if name in _SYSTEMS:
            return system(rows)
        if name not in ("pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix"):
            raise Unreadable(f"the environment {name[:20]}")
        return Matrix(tuple(rows))
