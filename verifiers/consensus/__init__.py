"""Sources that need no ground truth, because the completions of a prompt vote on the answer.

``consensus.majority``. Not covered: votes weighted by confidence, and agreement of judges.
"""

from .majority import MajoritySettings, consensus_majority

__all__ = ["MajoritySettings", "consensus_majority"]

if __name__ != "assay.verifiers.consensus":
    raise ImportError(f"this folder is assay.verifiers.consensus, but imported as {__name__!r}")
