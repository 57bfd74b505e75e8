"""The ball arithmetic at hand: python-flint, or our own on mpmath where it is not installed.

Both offer ``arb``, ``acb``, ``fmpq`` and ``ctx.prec``, and both are sound; our own is slower.
"""

from __future__ import annotations

from typing import Any

__all__ = ["acb", "arb", "ctx", "fmpq"]

acb: Any
arb: Any
ctx: Any
fmpq: Any

try:
    import flint

    acb, arb, ctx, fmpq = flint.acb, flint.arb, flint.ctx, flint.fmpq
except (ImportError, AttributeError):  # no wheel for this platform, or another package's name
    from . import intervals, rectangles

    acb, arb, ctx, fmpq = rectangles.acb, intervals.arb, intervals.ctx, intervals.fmpq
