"""Preferences between steps, by their name among the process rewards: see ``core.step_pairs``.

The rule stands in ``core`` because the searches of ``offline`` make such pairs as well.
"""

from __future__ import annotations

from ...core.step_pairs import Candidate, step_pairs

__all__ = ["Candidate", "step_pairs"]
