"""Lean for real: the audit table, theorems with their proofs, drifted statements, lost processes.

One pair of Leans serves the whole module. Not covered: a native toolchain, where there is none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from lean_wordings import cut, drifted, reworded

from assay import Sample, Status, Verdict
from assay.core.audit_table import AuditCase
from assay.core.judging import OpenSource
from assay.verifiers.audits.lean import lean_alone, lean_proofs, lean_statements
from assay.verifiers.lean.judging import Checker
from assay.verifiers.lean.process import Lost
from assay.verifiers.lean.proof import lean_proof
from assay.verifiers.lean.settings import LeanSettings
from assay.verifiers.lean.statement import lean_statement
from assay.verifiers.lean.texts import BadStatement, read_statement, submission_of
from assay.verifiers.lean.theorems import theorems

CASES = list(lean_proofs.cases)
CATEGORIES = sorted({case.category for case in CASES})
SAMPLED = theorems()[::6]
ST = "theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def proof(needs_lean: None) -> Iterator[OpenSource]:
    """``lean.proof``, opened once."""
    opened = OpenSource(lean_proof, {"time_s": 15.0}, "lean.proof")
    opened.opened()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def checker(proof: OpenSource) -> Checker:
    """The pair behind it."""
    found = proof.opened()._checker()  # type: ignore[attr-defined]
    assert isinstance(found, Checker)
    return found


def judged(proof: OpenSource, completion: str, truth: object = ST, **fields: object) -> Verdict:
    return proof.judge_one(Sample(completion=completion, ground_truth=truth, **fields))


# the audit table --------------------------------------------------------------------------------


@pytest.mark.parametrize("category", CATEGORIES)
def test_audit_table(proof: OpenSource, category: str) -> None:
    wrong = {}
    for case in CASES:
        if case.category == category:
            verdict = proof.judge_one(case.sample)
            if verdict.passed is not (case.kind == "right"):
                wrong[case.name] = f"{verdict.status.value}: {verdict.reason}"
    assert not wrong


def test_the_table_is_large_and_lean_alone_takes_most_cheats() -> None:
    attacks = [case for case in CASES if case.kind == "attack"]
    silent = [case for case in attacks if lean_alone()[case.id] == "silent"]
    assert len(attacks) >= 70
    assert len(silent) >= 45
    assert len({case.id for case in CASES}) == len(CASES)


# theorems and what is made of them --------------------------------------------------------------


def test_there_are_two_hundred_theorems_on_five_levels() -> None:
    assert len({theorem.name for theorem in theorems()}) >= 200
    assert {theorem.level for theorem in theorems()} == {1, 2, 3, 4, 5}


def test_reference_proofs_are_accepted(proof: OpenSource) -> None:
    refused = {
        theorem.name: verdict.reason
        for theorem in SAMPLED
        if not (verdict := judged(proof, theorem.proof, theorem.statement)).passed
    }
    assert not refused


def test_drifted_statements_are_refused(proof: OpenSource) -> None:
    paid = [
        text
        for theorem in SAMPLED[::2]
        for text in drifted(theorem)
        if cut(theorem.statement)[1] != "True"
        if judged(proof, text, theorem.statement).passed is not False
    ]
    assert not paid


def test_rewordings_are_accepted(proof: OpenSource) -> None:
    plain = [t for t in SAMPLED if "@" not in t.proof and t.level in (1, 2)][:12]
    refused = {
        text: verdict.reason
        for theorem in plain
        for text in reworded(theorem)[::2]
        if not (verdict := judged(proof, text, theorem.statement)).passed
    }
    assert not refused


def test_corrupted_proofs_are_what_lean_says(proof: OpenSource, checker: Checker) -> None:
    """A tactic dropped: accepted exactly when Lean alone has neither an error nor a sorry."""
    for theorem in [t for t in theorems() if t.proof.count("\n") >= 3][:8]:
        lines = theorem.proof.split("\n")
        for number in range(1, len(lines), 2):
            text = "\n".join(lines[:number] + lines[number + 1 :])
            statement = read_statement(theorem.statement)
            alone = checker.elaborates(statement, text, 15.0) is None
            assert judged(proof, text, theorem.statement).passed is alone, text


# statements that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        pytest.param(None, "no statement to prove", id="none"),
        pytest.param(7, "mapping or text", id="a-number"),
        pytest.param({"name": "t"}, "statement", id="no-statement"),
        pytest.param({"statement": ST, "nmae": "t"}, "nmae", id="unknown-key"),
        pytest.param("def f : Nat := 3", "theorem NAME", id="no-theorem"),
        pytest.param("theorem t : nonsense = 1", "does not elaborate", id="unknown-name"),
        pytest.param("theorem t (n : Nat) n < 3", "does not elaborate", id="syntax"),
        pytest.param({"statement": ST, "name": "s"}, "declares no", id="another-name"),
        pytest.param("theorem t : (sorry : Prop)", "statement", id="sorry-in-the-statement"),
    ],
)
def test_bad_references(proof: OpenSource, truth: object, says: str) -> None:
    verdict = judged(proof, "by omega", truth)
    assert verdict.status is Status.BAD_REFERENCE
    assert says in verdict.reason


# steps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        pytest.param("by\n  omega", [1], id="one"),
        pytest.param("by\n  skip\n  skip\n  omega", [0, 0, 1], id="padding-pays-nothing"),
        pytest.param("by\n  have k := h\n  exact nonsense\n  omega", [1, -1], id="first-error"),
        pytest.param("by\n  simp at h ⊢\n  omega\n  omega", None, id="no-goals-left"),
    ],
)
def test_steps(proof: OpenSource, text: str, scores: list[int] | None) -> None:
    completion = f"So:\n```lean\n{text}\n```\n"
    steps = judged(proof, completion).steps
    assert all(completion[step.start : step.end].strip() for step in steps)
    if scores is not None:
        assert [step.score for step in steps] == scores


def test_padding_does_not_raise_progress(proof: OpenSource) -> None:
    goal = "theorem t (p q r : Prop) (h : p) (k : q) : p ∧ q ∧ r"
    bare = "by\n  constructor\n  · exact h\n  · exact nonsense"
    padded = bare.replace("  constructor", "  skip\n  skip\n  skip\n  constructor")
    shares = [judged(proof, text, goal).parts["progress"] for text in (bare, padded)]
    assert shares[0] == shares[1]
    assert 0 < shares[0] <= 0.5


# processes that are lost ------------------------------------------------------------------------


def test_what_ends_a_lean_costs_its_own_verdict_alone(proof: OpenSource, checker: Checker) -> None:
    # six of them double omega's cases again and again: minutes on any machine
    slow = (
        "theorem t (a b c d e f : Nat) :"
        " max (max (max a b) c) (max d (max e f)) = max (max f e) (max (max d c) (max b a))"
    )
    process = checker.elaborator
    before = process.starts
    started = time.monotonic()
    with pytest.raises(Lost) as lost:
        process.ask(
            {"text": f"{slow} := by omega", "target": "t", "imports": "Init",
             "heartbeats": 10**9, "steps": False},
            2.0,
        )  # fmt: skip
    assert lost.value.why == "time"
    assert time.monotonic() - started < 3 * 2.0 + 3  # by the clock, on a busy machine
    assert judged(proof, "by omega").passed
    assert process.starts == before + 1


def test_a_killed_referee_is_replaced(proof: OpenSource, checker: Checker) -> None:
    assert checker.referee._resident is not None
    checker.referee._resident.kill()
    assert judged(proof, "by omega").passed


def test_memory_stays_flat(proof: OpenSource, checker: Checker) -> None:
    judged(proof, "by omega")
    first = checker.elaborator.memory_mb, checker.referee.memory_mb
    for number in range(60):
        assert judged(proof, f"by\n  -- {number}\n  omega").passed
    grown = checker.elaborator.memory_mb - first[0], checker.referee.memory_mb - first[1]
    assert max(grown) < 60


# statements as answers --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def statements(checker: Checker) -> OpenSource:
    """``lean.statement``, on the same pair."""
    opened = OpenSource(lean_statement, {"attempt_s": 4.0}, "lean.statement")
    lean_statement_held(opened, checker)
    return opened


def lean_statement_held(opened: OpenSource, checker: Checker) -> None:
    """Lend it the checker that is there: another pair would take 3 GB and half a minute."""

    class Lent:
        def __init__(self, settings: LeanSettings) -> None:
            del settings

        def __call__(self) -> Checker:
            return checker

        def close(self) -> None:
            return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.verifiers.lean.statement.Held", Lent)
        opened.opened()


@pytest.mark.parametrize("case", list(lean_statements.cases), ids=lambda case: case.id[:50])
def test_statements(statements: OpenSource, case: AuditCase) -> None:
    verdict = statements.judge_one(replace(case.sample))
    assert verdict.passed is (case.kind == "right"), verdict.reason


# texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "shape", "texts"),
    [
        pytest.param("by omega", "proof", 1, id="tactics"),
        pytest.param("h", "proof", 2, id="term-or-tactics"),
        pytest.param("theorem t : True := trivial", "file", 1, id="declaration"),
        pytest.param("```\nby omega\n```", "proof", 1, id="untagged"),
        pytest.param("```python\nprint()\n```", "", 0, id="another-language"),
        pytest.param("import Mathlib\nby omega", "", 0, id="foreign-import"),
        pytest.param("x" * 300_000, "", 0, id="too-long"),
        pytest.param("<think>never closed", "", 0, id="no-answer"),
        pytest.param("\x00\ud800", "proof", 2, id="no-text"),
    ],
)
def test_readings(answer: str, shape: str, texts: int) -> None:
    found = submission_of(answer, read_statement(ST))
    assert (found.shape, len(found.texts)) == (shape, texts)
    assert bool(found.why_not) == (texts == 0)


def test_a_statement_is_cut_into_its_parts() -> None:
    given = read_statement(
        {"statement": "def f := 1\ntheorem x : f = 1 := by sorry\n-- end", "context": "open Nat"}
    )
    assert given.target == "x"
    assert given.parts == ("open Nat\ndef f := 1\n", "theorem x : f = 1", "\n-- end")


def test_statements_that_cannot_be_read() -> None:
    with pytest.raises(BadStatement, match="no 'theorem NAME'"):
        read_statement("lemma_free")
