"""The audits of the judges that share one inquiry: attacks on a judge that obeys what is outside.

As for ``judge.rubric``: a model would make the audit depend on the model, and the obedient judge is
worse than any. Not covered: how well a judge grades; compare it with people for that.
"""

from .tables import comparisons, debates, principles, references, safety

__all__ = ["comparisons", "debates", "principles", "references", "safety"]

if __name__ != "assay.rewards.inquiry.audit":
    raise ImportError(f"this folder is assay.rewards.inquiry.audit, but imported as {__name__!r}")
