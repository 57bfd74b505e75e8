"""What every part of the grammar needs: the place in the tokens, and the budgets."""

from __future__ import annotations

from .nodes import Call, Node, Num, Unreadable, quotient
from .tokens import Token, tokens_of

__all__ = ["MAX_DEPTH", "Cursor"]

MAX_DEPTH = 40
"""Brackets, exponents and arguments inside one another."""
OPENING = frozenset(("(", "[", "{", "\\{", "|("))


class Cursor:
    """Tokens, and where in them the parser stands."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = tokens_of(text)
        self.place = 0
        self.depth = 0
        self.inside: list[str] = [""]
        """What surrounds the place: a bracket, ``|`` for bars, ``d`` for an integral."""

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def advance(self) -> Token:
        token = self.tokens[self.place]
        self.place = min(self.place + 1, len(self.tokens) - 1)  # the end stays the end
        return token

    def take(self, *texts: str) -> bool:
        """Pass over the next token if it is one of these."""
        if self.next.text in texts and self.next.kind in ("op", "command"):
            self.place += 1
            return True
        return False

    def expect(self, *texts: str) -> None:
        if not self.take(*texts):
            raise Unreadable(f"{self.next.text[:20] or 'the end'!r} where {texts[0]!r} should be")

    def enter(self, what: str) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nesting deeper than {MAX_DEPTH}")
        self.inside.append(what)

    def leave(self) -> None:
        self.depth -= 1
        self.inside.pop()

    # The levels of the grammar that its parts call each other by.
    def listed(self) -> Node:
        raise NotImplementedError

    def relation(self) -> Node:
        raise NotImplementedError

    def atom(self) -> Node:
        raise NotImplementedError

    def argument_or_number(self) -> Node:
        raise NotImplementedError

    def additive(self) -> Node:
        raise NotImplementedError

    def term(self) -> Node:
        raise NotImplementedError

    def factor(self) -> Node:
        raise NotImplementedError

    def starts_factor(self) -> bool:
        raise NotImplementedError

    def argument(self) -> Node:
        """``{...}``, or one token: of a number after a LaTeX command, its first digit."""
        if self.next.text == "{":
            return self.group()
        token = self.next
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            first, rest = token.text[0], token.text[1:]
            self.tokens[self.place] = Token("num", rest, Num(int(rest)))
            return Num(int(first))
        return self.factor()

    def group(self) -> Node:
        self.expect("{")
        self.enter("{")
        node = self.listed()
        if self.take("\\over"):
            node = quotient(node, self.listed())
        elif self.take("\\choose"):
            node = Call("binom", (node, self.listed()))
        self.leave()
        self.expect("}")
        return node

    def raw_group(self) -> str:
        """The texts of the tokens of a group or of one token, joined: for names and indices."""
        if self.next.kind == "end":
            raise Unreadable("the end where a name should be")
        if not self.take("{"):
            return self.advance().text
        parts: list[str] = []
        while not self.take("}"):
            if self.next.kind == "end" or len(parts) > 20:
                raise Unreadable("a name that never ends")
            parts.append(self.advance().text)
        return "".join(parts)
