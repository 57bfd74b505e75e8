"""Logic puzzles: problems with answers proved by exhaustion, and the source that checks them.

Covered: knights and knaves. Not covered: other puzzles (zebra, Sudoku, countdown).
"""

from .knights import KnightsKnaves, grade_knights_knaves, knights_knaves

__all__ = ["KnightsKnaves", "grade_knights_knaves", "knights_knaves"]

if __name__ != "assay.verifiers.logic":
    raise ImportError(f"this folder is assay.verifiers.logic, but imported as {__name__!r}")
