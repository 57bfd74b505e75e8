"""Where the steps of an answer begin and end, by their name here: see ``core.splitters``.

The cutting stands in ``core`` because the searches of ``offline`` cut answers as well.
"""

from __future__ import annotations

from ...core.splitters import SPLITTERS, Span, Splitter, split

__all__ = ["SPLITTERS", "Span", "Splitter", "split"]
