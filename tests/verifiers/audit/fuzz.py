"""Random answers from pieces of notation, seeded: what no table thinks of."""

from __future__ import annotations

import random
from collections.abc import Iterator

__all__ = ["fuzzed"]

_PIECES = (
    "\\frac", "\\sqrt", "{", "}", "(", ")", "[", "]", "^", "_", "x", "y", "n", "1", "2", "10",
    "999999999999", "0.5", "!", "\\pi", "e", "i", "+", "-", "*", "/", "=", "<", ">", "\\le",
    "\\cup", "\\infty", ",", ";", "\\sin", "\\log", "|", "\\binom", "\\sum", "\\int", "\\lim",
    "\\text{cm}", "%", "°", "\\begin{pmatrix}", "\\end{pmatrix}", "\\begin{cases}", "\\end{cases}",
    "&", "\\\\", "or", "and", "\\pm", "\\{", "\\}", "√", "²", "½", "\ud800", "\x00", "\u202e",
    "__import__('os')", "lambda", "\\input{/etc/passwd}", "9^9^9^9", "10000000!", "$", " ",
    "\\boxed{", "\\dots", "mod", "\\overline{3}", "12:30", "3_5", "\\left", "\\right", "\\cdot",
)  # fmt: skip
_GOLDS = (
    "42", "x+1", "\\frac{1}{2}", "(1,2)", "\\{1,2,3\\}", "[0,1)", "x=5", "\\sqrt{2}", "x^2+y^2=1",
    "3\\text{ cm}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "n!", "e^x", "50\\%", "x^2 < 4",
)  # fmt: skip


def fuzzed(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """``count`` pairs of ground truth and completion."""
    dice = random.Random(seed)
    for _ in range(count):
        text = "".join(dice.choice(_PIECES) for _ in range(dice.randrange(1, 30)))
        yield dice.choice(_GOLDS), f"\\boxed{{{text}}}" if dice.random() < 0.8 else text
