"""Searching for good answers with verifiers, at the time of asking.

    from assay import Sample, Scorer
    from assay.offline.search import best_of_n

    with Scorer("math.exact") as scorer:
        found = best_of_n(Sample(prompt="2+2?", ground_truth="4"), generate, scorer, n=8)
        found.text, found.score, found.spent.calls

Covered: best of N, weighted best of N, majority, beam search over steps, looking ahead, revision by
a verifier's reasons, tree search (MCTS) and what can be learned from its tree. Not covered: the
model that writes, which is any ``Generator``; searches that change a model on the way.
"""

from __future__ import annotations

from ...core.generation import Generator, Wanted, Written
from .beams import beam, lookahead
from .desk import Check
from .growing import mcts, worth_of
from .limits import Limits, Spent
from .one_shot import best_of_n, majority, weighted_best_of_n
from .results import Candidate, SearchResult
from .revising import Feedback, revise
from .stepwise import Stepwise
from .tree import TreeNode, TreeResult, TreeSettings, step_preferences, stepwise_rows, uct

__all__ = [
    "Candidate",
    "Check",
    "Feedback",
    "Generator",
    "Limits",
    "SearchResult",
    "Spent",
    "Stepwise",
    "TreeNode",
    "TreeResult",
    "TreeSettings",
    "Wanted",
    "Written",
    "beam",
    "best_of_n",
    "lookahead",
    "majority",
    "mcts",
    "revise",
    "step_preferences",
    "stepwise_rows",
    "uct",
    "weighted_best_of_n",
    "worth_of",
]

if __name__ != "assay.offline.search":
    raise ImportError(f"this folder is assay.offline.search, but imported as {__name__!r}")
