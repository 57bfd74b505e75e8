"""Comparing: which of two texts is better, and what that makes of each.

Covered here: preferences that are antisymmetric, win rates and strengths, whom to compare with
whom, ``judge.pairwise`` and ``judge.debate``. Not covered: preference data (in
``assay.rewards.constitution``), and solvers of preference games, which are trainers.
"""

if __name__ != "assay.rewards.comparing":
    raise ImportError(f"this folder is assay.rewards.comparing, but imported as {__name__!r}")
