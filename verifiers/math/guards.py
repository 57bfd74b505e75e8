"""What is refused before a parser sees it, so that hostile text is judged instead of hanging.

Each limit names the blow-up it stops. Not covered: everything a limit cannot foresee; the host's
deadline kills the worker then.
"""

from __future__ import annotations

import re

__all__ = ["refusal"]

MAX_CHARS = 1000
MAX_COMMANDS = 128
MAX_OPERATORS = 200
MAX_ROUND_DEPTH = 10
"""ANTLR's lookahead grows steeply with nested round and square brackets: seconds at 30 levels."""
MAX_BRACE_DEPTH = 24
MAX_TOWER = 3
"""Exponents in exponents."""
MAX_DIGIT_RUN = 100
_UNFINISHED = re.compile(r"\\(int|iint|oint|sum|prod|lim|det|gcd|lcm|binom)(?![A-Za-z])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_OPERATOR = re.compile(r"[-+*/^=<>,&]|\\\\")
_DIGITS = re.compile(rf"[0-9]{{{MAX_DIGIT_RUN + 1}}}")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_MATRIX = re.compile(r"\\(?:begin|end)\{[a-zA-Z]?matrix\}")
_BIG_FACTORIAL = re.compile(r"[0-9]{4,}\s*!|[)}\]]\s*!|!\s*!")
_CODE = re.compile(r"__|[;@#`\"'\x00-\x08\x0b-\x1f]")


def refusal(text: str) -> str:
    """Why a text is not parsed; empty when it may be. Expects normalised text."""
    if len(text) > MAX_CHARS:
        return f"longer than {MAX_CHARS} characters"
    if not text.isascii() or _CODE.search(text):
        return "characters that no expression holds"
    if _DIGITS.search(text):
        return f"more than {MAX_DIGIT_RUN} digits in a row"
    if len(_COMMAND.findall(text)) > MAX_COMMANDS or len(_OPERATOR.findall(text)) > MAX_OPERATORS:
        return "too many commands or operators"
    if unfinished := _UNFINISHED.search(text):
        return f"an operation left to do: {unfinished.group()}"
    if _BIG_FACTORIAL.search(text):
        return "a factorial of a large or compound number"
    if word := _WORD.search(_MATRIX.sub(" ", text)):
        return f"a word: {word.group()[:20]}"
    return _nesting(text)


def _nesting(text: str) -> str:
    rounds = braces = 0
    towers = [0]
    """Exponents around each open brace; the last is the present one."""
    raised = False
    for char in text:
        if char in "([":
            rounds += 1
        elif char in ")]":
            rounds -= 1
        elif char == "{":
            braces += 1
            towers.append(towers[-1] + raised)
        elif char == "}":
            braces -= 1
            if len(towers) > 1:
                towers.pop()
        raised = char == "^"
        if rounds > MAX_ROUND_DEPTH or braces > MAX_BRACE_DEPTH:
            return "brackets nested too deeply"
        if towers[-1] >= MAX_TOWER:
            return "a tower of exponents"
    return "" if rounds == braces == 0 or _half_open(text) else "brackets that do not match"


def _half_open(text: str) -> bool:
    return text.count("{") == text.count("}") and text.count("(") + text.count("[") == text.count(
        ")"
    ) + text.count("]")
