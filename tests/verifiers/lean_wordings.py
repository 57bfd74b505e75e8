"""Theorems over other statements, which must be refused, and worded anew, which must not."""

from __future__ import annotations

import re

from assay.verifiers.lean.theorems import Theorem

__all__ = ["cut", "drifted", "reworded"]


def drifted(theorem: Theorem) -> list[str]:
    """The theorem's name over other statements, proved."""
    head, conclusion = cut(theorem.statement)
    return [
        f"theorem {theorem.name} : True := trivial",
        f"{head} (weak : False) : {conclusion} := weak.elim",
        f"{head} (weak : {conclusion}) : {conclusion} := weak",
        f"{head} : ({conclusion}) ∨ True := Or.inr trivial",
        f"{head} : True → True := fun weak => weak",
    ]


def cut(statement: str) -> tuple[str, str]:
    """A statement at the colon before its conclusion."""
    depth = 0
    for place, letter in enumerate(statement):
        depth += (letter in "([{⟨") - (letter in ")]}⟩")
        if letter == ":" and depth == 0:
            return statement[:place].rstrip(), statement[place + 1 :].strip()
    raise AssertionError(statement)


def reworded(theorem: Theorem) -> list[str]:
    """The same theorem, laid out anew, and with other names of its binders."""
    head, conclusion = cut(theorem.statement)
    lines = theorem.proof.replace("\n", "\n  ")
    names = set(re.findall(r"[({\[]([a-z](?: [a-z])*) :", head))
    letters = {letter for group in names for letter in group.split()}
    renamed = re.sub(
        r"(?<![\w.'])([a-z])(?![\w'])",
        lambda m: f"{m[1]}'" if m[1] in letters else m[1],
        f"{theorem.statement} := {theorem.proof}",
    )
    return [
        f"{head} :\n    {conclusion} := {lines}",
        f"/-- said anew -/\n{head} : ({conclusion}) := {lines}",
        renamed,
    ]
