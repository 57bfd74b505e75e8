"""coq.proof: right proofs are paid, no cheat is, and a fault is no grade.

The table is that of ``assay audit coq.proof``. Not covered: Coq's kernel itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import Registry, Sample, Scorer, Status, conformance_cases
from assay.sandbox.contract import Outcome
from assay.verifiers.provers import coq
from assay.verifiers.provers.contract import BadClaim, Capabilities, Checked, Claim, read_claim
from assay.verifiers.provers.coq_text import answer_of, forbidden, stated
from assay.verifiers.provers.proof import CoqSettings, verdict_of

TABLE = yaml.safe_load((files("assay.verifiers.audits") / "coq.yaml").read_text(encoding="utf-8"))
COMPILED = ("axiom", "unsafe", "statement_changed", "target_missing")
"""Why answers are refused that coqc by itself compiles without an error."""
PLUS = "Theorem plus_zero (n : nat) : n + 0 = n."


@pytest.fixture(scope="module")
def prover(needs_coq: None) -> Iterator[coq.Coq]:
    made = CoqSettings(time_s=3.0).prover()
    yield made
    made.close()


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: f"{case['kind']}: {case['name']}")
def test_the_table(prover: coq.Coq, case: dict[str, str]) -> None:
    truth = TABLE["truths"][case["truth"]]
    verdict = verdict_of(prover, Sample(completion=case["completion"], ground_truth=truth))
    assert verdict.status is Status.SCORED, verdict.reason
    assert verdict.score == (1.0 if case["kind"] == "right" else 0.0), verdict.reason
    expected = case.get("code", "accepted")
    # what runs for ever also grows: which limit ends it first is the machine's doing
    either = ("time", "memory") if expected == "time" else (expected,)
    assert verdict.evidence["code"] in either, verdict.reason


def test_the_table_says_why_and_most_cheats_would_compile() -> None:
    attacks = [case for case in TABLE["cases"] if case["kind"] == "attack"]
    assert all(("code" in case) == (case["kind"] != "right") for case in TABLE["cases"])
    assert len(attacks) >= 25
    assert sum(case["code"] in COMPILED for case in attacks) >= len(attacks) / 2


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        pytest.param(None, "no statement", id="nothing"),
        pytest.param(3, "mapping or text", id="a number"),
        pytest.param({"statement": PLUS, "nmae": "x"}, "nmae", id="unknown key"),
        pytest.param("forall n, n + 0 = n", "Theorem NAME", id="no name"),
        pytest.param(
            {"statement": PLUS, "imports": ["Lia. Axiom f"]}, "no name in Coq", id="import"
        ),
    ],
)
def test_what_is_no_claim(truth: object, says: str) -> None:
    with pytest.raises(BadClaim, match=says):
        stated(read_claim(truth))


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        pytest.param("Theorem t : nope = 0.", "nope", id="statement"),
        pytest.param({"statement": PLUS, "context": "Definition"}, "context", id="context"),
        pytest.param({"statement": PLUS, "imports": ["Nowhere"]}, "context", id="library"),
        pytest.param({"statement": PLUS, "name": "other"}, "other", id="another name"),
    ],
)
def test_claims_that_coq_does_not_take(prover: coq.Coq, truth: object, says: str) -> None:
    verdict = verdict_of(prover, Sample(completion="auto.", ground_truth=truth))
    assert verdict.status is Status.BAD_REFERENCE
    assert says in verdict.reason


def test_statements_as_they_are_written_elsewhere() -> None:
    for ending in (
        "",
        ".",
        ".\nProof. Admitted.",
        ".\nProof.\n  now induction n.\nQed.",
        ". Admitted.",
    ):
        assert stated(Claim(statement=PLUS.removesuffix(".") + ending)).head == PLUS[:-1]


def test_an_error_is_placed_in_the_answer(prover: coq.Coq) -> None:
    for answer in (
        "intros.\nfail.",
        f"{PLUS}\nProof. fail. Qed.",
        "\n```coq\ninduction n.\nfail.\n```",
    ):
        checked = prover.check(Claim(statement=PLUS), answer)
        assert (checked.code, checked.line) == ("error", 2), checked.detail


def test_two_at_once(prover: coq.Coq) -> None:
    answers = ["now induction n.", "reflexivity."] * 3
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda a: prover.check(Claim(statement=PLUS), a).accepted, answers))
    assert found == [True, False] * 3


# ------------------------------------------------------------------ what an answer may not do
@pytest.mark.parametrize(
    "text",
    [
        "Redirect \"x\" Print nat.", "Time Redirect \"x\" Print nat.", "Declare ML Module \"x\".",
        "Declare (* (* *) \" *) \" *) ML\n Module \"x\".", "#[global] Add ML Path \"/tmp\".",
        "Recursive Extraction plus.", "Write State \"x\".", "Restore (* *) State \"x\".",
        "Drop.", "native_compute.", "Include M.", "Module N := A <+ B.",
        "Primitive x := #int63_add.",
        "(* \" *) \" *) Drop.", "Notation \"a ''(*'' b\" := a. Notation \"%(*\" := 1. %(* Drop.",
        "Notation \"%\"\" x\" := x. Check %\" Drop. \"",
    ],
)  # fmt: skip
def test_forbidden(text: str) -> None:
    assert forbidden(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "(* Redirect Extraction ML Include *) auto.", "idtac \"Redirect\".",
        "Set Primitive Projections.", "Definition Included := 0.", "apply SMLX.", "(* open Drop.",
        "Inductive op := Read | Write | Load | Restore.",
    ],
)  # fmt: skip
def test_not_forbidden(text: str) -> None:
    assert forbidden(text) is None


@given(st.text(alphabet='(*)" \nab.', max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_word_outside_comments_and_strings_is_always_seen(text: str) -> None:
    """Whatever stands before it, closed properly, and whatever opens behind it."""
    closed = text.replace('"', "").replace("*", "")
    assert forbidden(f'(* {closed} *) "{closed}" Redirect (* {text}') is not None
    assert answer_of(text, stated(Claim(statement=PLUS))).code in ("", "empty")


# ------------------------------------------------------------------ what the two programs say
SUMMARY = """
CONTEXT SUMMARY
===============

* Theory: Set is predicative

* Axioms:{axioms}

* Constants/Inductives relying on type-in-type: {types}

* Constants/Inductives relying on unsafe (co)fixpoints: <none>

* Inductives whose positivity is assumed: <none>
"""
CLOSED = "Closed under the global context\n"


def decided(
    printed: str | None, axioms: str = " <none>", types: str = "<none>", **end: object
) -> str:
    text = SUMMARY.format(axioms=axioms, types=types).encode()
    outcome = Outcome(**{"end": "exited", "stderr": text, **end})  # type: ignore[arg-type]
    return coq._decided(printed, outcome, "t", ("Lib.ok",))[0]


def test_acceptance_needs_every_word_of_it() -> None:
    assert decided(CLOSED) == "accepted"
    assert decided(CLOSED, "\n    Lib.unused\n    Assay.Claim.t") == "accepted"
    assert decided("Axioms:\nok : True\n", "\n    Lib.ok") == "accepted"
    assert decided(None) == "unsafe"
    assert decided("") == "axiom"
    assert decided(CLOSED, types="\n    Assay.Answer.f") == "unsafe"
    assert decided(CLOSED, code=1) == "checker"
    assert decided(CLOSED, end="time") == "time"
    assert decided(CLOSED, stderr=b"") == "unsafe"
    assert decided(CLOSED, "\n    Assay.Answer.unused") == "axiom"


def test_axioms_are_known_by_their_full_names() -> None:
    assert decided("Axioms:\nok : True\n", "\n    Lib.ok\n    Other.ok") == "axiom"
    assert decided("Axioms:\nelse : True\n", "\n    Lib.ok") == "axiom"
    assert decided("Axioms:\nt : True\n", "\n    Assay.Claim.t") == "axiom"
    assert decided("Axioms:\nproof relies on an unsafe hierarchy.\n") == "axiom"
    assert decided("Axioms:\n m : nat\n", "\n    Assay.Given.m") == "axiom", (
        "nothing that can be read"
    )
    assert decided("Axioms:\nm : nat\n", "\n    Assay.Given.m") == "accepted"


# ------------------------------------------------------------------ faults
def test_no_coq_is_a_fault_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coq.shutil, "which", lambda name: None)
    made = CoqSettings().prover()
    verdict = verdict_of(made, Sample(completion="auto.", ground_truth=PLUS))
    assert verdict.status is Status.FAILED
    assert "apt-get install coq" in verdict.reason
    made.close()


def test_a_jail_that_fails_is_a_fault(prover: coq.Coq, monkeypatch: pytest.MonkeyPatch) -> None:
    prover.look_at(Claim(statement=PLUS))
    broken = Outcome("fault", detail="the keeper has gone")
    monkeypatch.setattr(coq.Jail, "run", lambda *_, **__: broken)
    verdict = verdict_of(prover, Sample(completion="auto.", ground_truth=PLUS))
    assert verdict.status is Status.FAILED
    assert "the keeper has gone" in verdict.reason


# ------------------------------------------------------------------ as a source
def test_through_a_recipe(needs_coq: None) -> None:
    samples = [Sample(completion=c, ground_truth=PLUS) for c in ("now induction n.", "Admitted.")]
    with Scorer("coq.proof") as scorer:
        rewards = scorer.score(samples)
    assert [reward.value for reward in rewards] == [1.0, 0.0]
    evidence = rewards[0].verdicts["coq.proof"].evidence
    assert evidence["prover"] == "coq"
    assert evidence["trust"] in ("dev", "production")


@pytest.mark.parametrize("rule", ["described", "settings", "audited", "pickles"])
def test_conformance(needs_coq: None, rule: str) -> None:
    found = {case.rule.name: case for case in conformance_cases("coq.proof")}
    found[rule].check()


class Oracle:
    """A prover of another kind: it believes who says please."""

    name = "oracle"

    def capabilities(self) -> Capabilities:
        return Capabilities(
            language="english", version="1", trust="messages", replays=False, steps=False
        )

    def look_at(self, claim: Claim) -> None:
        if "?" in claim.statement:
            raise BadClaim("ground_truth.statement: a question is no claim")

    def check(self, claim: Claim, answer: str) -> Checked:
        if "please" in answer:
            return Checked(accepted=True, code="accepted", detail="so it is")
        return Checked(accepted=False, code="error", detail="it does not ask", line=1)

    def close(self) -> None:
        return


def test_any_prover_gives_verdicts() -> None:
    said = [
        verdict_of(Oracle(), Sample(completion=answer, ground_truth=claim))
        for answer, claim in (("please", "it rains"), ("no", "it rains"), ("please", "rain?"))
    ]
    assert [verdict.score for verdict in said] == [1.0, 0.0, None]
    assert said[0].evidence["trust"] == "messages"
    assert said[1].reason == "error at line 1: it does not ask"
    assert said[2].status is Status.BAD_REFERENCE


def test_it_is_registered() -> None:
    assert "coq.proof" in Registry.load().sources
