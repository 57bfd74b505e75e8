"""Tables of the sources that check proofs with other provers than Lean.

``coq.yaml`` says of each answer why it is not paid; the repository's tests hold the source to that.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import yaml

from ...core.audit_table import AuditCase, audit_table
from ...core.types import Sample

__all__ = ["coq_proofs"]


@audit_table("coq.proof", settings={"time_s": 10.0})
def coq_proofs() -> Iterator[AuditCase]:
    """Proofs that hold, that do not, and that cheat. Needs Coq."""
    text = (files("assay.verifiers.audits") / "coq.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    for case in found["cases"]:
        truth = found["truths"][case["truth"]]
        yield AuditCase(
            sample=Sample(prompt=case["name"], completion=case["completion"], ground_truth=truth),
            kind=case["kind"],
            category=case["category"],
            name=case["name"],
        )
