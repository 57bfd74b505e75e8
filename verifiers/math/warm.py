"""Loads what ``math.symbolic`` needs and has SymPy do each kind of its work once.

SymPy loads modules and fills caches at first use, which costs a second and more. A pool imports
this before it forks, so that no answer waits, or runs out of its budget, for it.
"""

from __future__ import annotations

from .algebra import warm_up
from .zero import balls

__all__ = ["balls", "warm_up"]

warm_up()
