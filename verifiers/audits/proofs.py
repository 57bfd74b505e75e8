"""Tables of the sources that check proofs with other provers than Lean.

``coq.yaml`` says of each answer why it is not paid; the repository's tests hold the source to that.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table
from .tables import cases_in

__all__ = ["coq_proofs"]


@audit_table("coq.proof", settings={"time_s": 10.0})
def coq_proofs() -> Iterator[AuditCase]:
    """Proofs that hold, that do not, and that cheat. Needs Coq."""
    return cases_in("coq.yaml")
