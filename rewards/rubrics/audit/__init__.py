"""The audit of ``judge.rubric``: attacks on a judge that obeys anything outside the fence.

A model would make the audit depend on the model. The obedient judge is worse than any: it does
whatever it is told anywhere but inside a block. So a grade that changes is a hole in the fence.
Not covered: how well a judge grades; compare it with people for that.
"""

from .table import injections

__all__ = ["injections"]

if __name__ != "assay.rewards.rubrics.audit":
    raise ImportError(f"this folder is assay.rewards.rubrics.audit, but imported as {__name__!r}")
