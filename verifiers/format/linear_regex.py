"""Regular expressions that cannot blow up: RE2, in time linear in the text.

Not covered: lookaround and backreferences, which no linear engine has.
"""

from __future__ import annotations

from typing import Any

__all__ = ["compiled", "encodable"]

_MEMORY_BYTES = 64 * 2**20


def compiled(pattern: str, *, ignore_case: bool = False, dot_all: bool = False) -> Any:
    """A compiled RE2 pattern. Raises ``ValueError`` saying what RE2 does not know."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.case_sensitive = not ignore_case
    options.dot_nl = dot_all
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0] if error.args else error
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(
            f"pattern {pattern[:80]!r} is refused by RE2 ({why}); lookaround and backreferences are"
            " not available, because patterns must run in linear time"
        ) from None


def encodable(text: str) -> str:
    """The text with lone surrogates as ``?``: RE2 reads UTF-8, which has none."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
