"""Texts of strangers as a page may show them: nothing steers the display, what is cut is said.

Not covered: escaping for HTML (``render`` and the template do that).
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["SHOWN_CHARS", "conversation", "cut", "visible"]

SHOWN_CHARS = (3000, 1000)
"""How much of a text is shown: its first and its last characters."""
_WORTH_CUTTING = 100
"""A cut that saves no more than this many characters is not made."""
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Characters that a display obeys rather than shows. Joiners (U+200C, U+200D) are not among them:
scripts and emoji need those."""


def visible(text: str) -> str:
    """The text with characters that steer a display named in its place: ``⟨U+202E⟩``."""
    return _STEERING.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def cut(text: str, shown: tuple[int, int] = SHOWN_CHARS) -> str:
    """A long text with its middle left out, saying how much."""
    head, tail = shown
    gone = len(text) - head - tail
    if gone <= _WORTH_CUTTING:
        return text
    end = text[-tail:] if tail else ""
    return f"{text[:head]} […{gone:,} characters left out…] {end}".rstrip()


def conversation(text: Any) -> str:
    """Messages (as JSON text) as a conversation; any other text as it is."""
    if text is None or not str(text).startswith('[{"'):
        return "" if text is None else str(text)
    try:
        messages = json.loads(text)
        return "\n\n".join(f"[{m.get('role', '?')}]\n{_said(m.get('content'))}" for m in messages)
    except (ValueError, AttributeError, RecursionError):  # text that only looks like messages
        return str(text)


def _said(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
