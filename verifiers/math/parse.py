"""From a guarded text to a sympy expression, by latex2sympy2_extended's grammar.

Nothing here is evaluated as Python: plain notation is rewritten into LaTeX, and the LaTeX is read
by an ANTLR grammar. latex2sympy2_extended picks its generated parser by the installed
antlr4-python3-runtime (4.9.3, 4.11 or 4.13.2); Assay pins 4.11.
Decimals become fractions first, so that no float enters a comparison.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .guards import refusal

__all__ = ["Unreadable", "parse"]


class Unreadable(Exception):  # noqa: N818 - not an error: the text is no expression we read
    """The text was refused by a guard or by the grammar; says why."""


_FUNCTIONS = "sin|cos|tan|cot|sec|csc|sinh|cosh|tanh|arcsin|arccos|arctan|ln|log|exp"
_NAMES = re.compile(rf"(?<![\\A-Za-z])({_FUNCTIONS}|pi)(?![A-Za-z])")
_ROOT = re.compile(r"(?<![\\A-Za-z])sqrt\s*\(([^()]*)\)")
_POWER = re.compile(r"\^\(([^()]*)\)")
_DIGIT_POWER = re.compile(r"\^([+-]?[0-9]+)")
_GROUPED = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_DECIMAL = re.compile(r"([0-9]*)\.([0-9]+)")


def as_latex(text: str) -> str:
    """Plain notation in LaTeX: ``2*sqrt(3)^10`` becomes ``2\\cdot \\sqrt{3}^{10}``."""
    text = _ROOT.sub(r"\\sqrt{\1}", text)
    text = _NAMES.sub(r"\\\1 ", text)
    text = text.replace("**", "^").replace("*", r"\cdot ")
    text = _POWER.sub(r"^{\1}", text)
    text = _DIGIT_POWER.sub(r"^{\1}", text)
    text = _GROUPED.sub(lambda match: match.group().replace(",", ""), text)
    return _DECIMAL.sub(_fraction, text)


def _fraction(match: re.Match[str]) -> str:
    whole, part = match.groups()
    return f"{{\\frac{{{int(whole + part)}}}{{{10 ** len(part)}}}}}"


@lru_cache(maxsize=2048)
def parse(text: str) -> Any:
    """A sympy expression, set or matrix. Raises ``Unreadable``."""
    latex = as_latex(text)
    if why := refusal(latex):
        raise Unreadable(why)
    import sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy

    try:
        parsed = latex2sympy(
            latex, is_real=True, conversion_config=ConversionConfig(lowercase_symbols=False)
        )
        if not isinstance(parsed, sympy.Basic | sympy.MatrixBase):
            raise Unreadable(f"read as {type(parsed).__name__}")
        return _with_constants(parsed)
    except Unreadable:
        raise
    except (MemoryError, RecursionError):
        raise Unreadable("too deep") from None
    except Exception as error:  # noqa: BLE001 - the parser raises anything, Exception itself too
        raise Unreadable(f"not in the grammar: {str(error)[:80].partition(chr(10))[0]}") from None


def _with_constants(parsed: Any) -> Any:
    """The symbol i is the imaginary unit, as mathematicians write it."""
    import sympy

    units = [symbol for symbol in parsed.free_symbols if symbol.name == "i"]
    return parsed.xreplace(dict.fromkeys(units, sympy.I)) if units else parsed
