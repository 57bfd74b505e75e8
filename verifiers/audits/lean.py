"""Tables of the Lean sources: proofs that are right, that are wrong, and that cheat.

``lean.yaml`` holds them, each with what Lean alone says of the text: for most cheats, nothing.
Needs a Lean. Not covered: Mathlib.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table
from .tables import cases_in, table_in

__all__ = ["lean_alone", "lean_proofs", "lean_statements"]


@audit_table("lean.proof", settings={"deadline_s": 600.0})
def lean_proofs() -> Iterator[AuditCase]:
    """Proofs of statements, failures, and texts that Lean takes though they prove nothing."""
    return cases_in("lean.yaml")


def lean_alone() -> dict[str, str]:
    """Case (``category: name``) -> what Lean by itself says of it: ``silent``, ``warning``,
    ``sorry``, ``error``, or ``lost`` when it does not come back."""
    return {
        f"{case['category']}: {case['name']}": case["alone"]
        for case in table_in("lean.yaml")["cases"]
    }


@audit_table("lean.statement", settings={"deadline_s": 600.0})
def lean_statements() -> Iterator[AuditCase]:
    """Statements that say something, and statements that say nothing or are none."""
    yield from AuditCase.right(
        "statements",
        "theorem s (a b : Nat) (h : a * b = b * a * 1) : a * (b + 0) = b * a",
        "```lean\ntheorem s (f : Nat → Nat) (h : ∀ n, f n < f (n + 1)) : ∀ n, n ≤ f n\n```",
    )
    yield from AuditCase.wrong(
        "no statement",
        "",
        "For all n, n is n.",
        "theorem s (n : Nat) : nonsense n := sorry",
        "def s : Nat := 3",
    )
    yield from AuditCase.attack(
        "says nothing",
        "theorem s (n : Nat) (h : n < n) : n = 7",
        "theorem s (n : Nat) (h : False) : n = 7",
        "theorem s (n : Nat) : n = n",
        "theorem s : True",
        "theorem s (n : Nat) (h : n = 7) : n = 7",
    )
