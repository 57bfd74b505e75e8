"""``coq.proof``, and how any prover's judgement becomes a verdict.

Not covered: Lean, which tells more (steps, progress); see ``assay.verifiers.lean``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.settings import NO_EFFECT, Settings
from ...core.source import source
from ...core.types import JSON, Sample, Status, Verdict
from ...sandbox.contract import Limits, Missing, SandboxFault
from .contract import BadClaim, Capabilities, Checked, Prover, read_claim
from .coq import Coq

__all__ = ["CoqSettings", "coq_proof", "verdict_of"]

HOST = {"deadline_s": 180.0, "memory_bytes": None}
"""What a recipe that does not say means: up to four runs of Coq, on a busy machine."""


class CoqSettings(Settings):
    """What a proof may rest on, and within what it is checked."""

    allow_axioms: tuple[str, ...] = ()
    """Full names of the library's axioms that a proof may rest on, where the ground truth does not
    say, such as ``Coq.Logic.Classical_Prop.classic``. Statements about ``Reals`` need some."""
    time_s: float = Field(default=20.0, gt=0)
    """CPU seconds of each run: compiling the answer, asking for its type, checking it again."""
    memory_mb: Annotated[int, Field(ge=256)] = 1024
    """Of each run."""
    claims_kept: Annotated[int, NO_EFFECT] = Field(default=64, ge=1)
    """Compiled statements that are kept for the next answers."""

    def prover(self) -> Coq:
        """Not started yet."""
        limits = Limits(
            time_s=self.time_s, memory_mb=self.memory_mb, output_kb=16384, disk_mb=64, pids=16
        )
        return Coq(allow=self.allow_axioms, limits=limits, claims_kept=self.claims_kept)


@source(
    "coq.proof",
    version="1",
    scale="binary",
    needs=("ground_truth",),
    runs="process",
    keeps_children=True,
    host=HOST,
)
class coq_proof:  # noqa: N801 - the decorator makes a Source of it
    """1 if Coq and its checker accept a proof of the given statement, else 0. Needs coqc, coqchk.

    The ground truth is ``{"statement", "name", "imports", "context", "allow_axioms"}`` (all but the
    statement may be left out), or the statement as text: ``Theorem t : forall n, n + 0 = n.`` The
    answer: a proof script, or a file with that theorem. ``parts``: ``lemmas``; ``evidence``:
    ``code`` (why not), ``axioms``, ``line``, ``prover``, ``version``, ``trust``, ``cpu_seconds``.
    """

    def __init__(self, settings: CoqSettings) -> None:
        self._prover = settings.prover()

    def __call__(self, sample: Sample) -> Verdict:
        return verdict_of(self._prover, sample)

    def close(self) -> None:
        """End its jail."""
        self._prover.close()


def verdict_of(prover: Prover, sample: Sample) -> Verdict:
    """A judgement of any prover as a verdict; what is not the answer's fault is no grade."""
    try:
        claim = read_claim(sample.ground_truth)
        known = prover.capabilities()
        prover.look_at(claim)
        checked = prover.check(claim, sample.text)
    except BadClaim as bad:
        return Verdict.unscored(Status.BAD_REFERENCE, str(bad)[:500])
    except (Missing, SandboxFault) as error:
        missing = isinstance(error, Missing)
        reason = f"{prover.name}: {error}"[:500]
        return Verdict.unscored(Status.FAILED, reason, evidence={"missing": missing})
    return Verdict.scored(
        float(checked.accepted),
        passed=checked.accepted,
        reason=_reason(checked),
        parts={"lemmas": float(checked.lemmas)},
        evidence=_evidence(prover, known, checked),
    )


def _reason(checked: Checked) -> str:
    if checked.accepted:
        return checked.detail
    place = f" at line {checked.line}" if checked.line is not None else ""
    return f"{checked.code.replace('_', ' ')}{place}: {checked.detail}"


def _evidence(prover: Prover, known: Capabilities, checked: Checked) -> dict[str, JSON]:
    return {
        "code": checked.code,
        "prover": prover.name,
        "version": known.version,
        "trust": known.trust,
        "axioms": list(checked.axioms),
        "line": checked.line,
        "cpu_seconds": dict(checked.seconds),
        "notes": list(known.notes),
    }
