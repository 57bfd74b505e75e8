"""Coq in answers: what is made of one, and what it may not do.

Three trusted texts and one that is not: ``Given`` (imports and context), ``Claim`` (the statement,
unproved), ``Answer``, and ``Check``, which asks whether the answer's theorem has the claim's type.

What an answer may not do is found by words. Commands cannot be renamed in Coq, so a word that is
not there is a command that is not given; words in comments and strings do not count, unless the
text could deceive whoever looks for them. The point of it: a compiled answer comes from ``coqc``
alone, never from a program that the answer brought, because the checker trusts its format.

Not covered: parsing Coq.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...core.types import split_reasoning
from ..code.extract import fenced_blocks
from .contract import MAX_CHARS, BadClaim, Claim

__all__ = ["CoqAnswer", "Stated", "answer_of", "check_text", "forbidden", "stated"]

_TAGS = ("coq", "rocq", "v", "")
_KIND = r"(?:Theorem|Lemma|Fact|Remark|Corollary|Proposition|Property)"
_BEFORE = r"^[ \t]*(?:#\[[^\]]*\][ \t]*|(?:Local|Global|Program|Polymorphic|Monomorphic)[ \t]+)*"
_NAME = r"([^\W\d][\w']*)"
_THEOREM = re.compile(rf"{_BEFORE}{_KIND}\s+{_NAME}", re.MULTILINE)
_DECLARES = re.compile(
    rf"{_BEFORE}(?:{_KIND}|Definition|Fixpoint|CoFixpoint|Function|Instance|Example|Let|Goal|"
    r"Inductive|CoInductive|Variant|Record|Structure|Class|Module|Section|Axioms?|Parameters?|"
    r"Conjecture|Hypothes[ie]s|Variables?|Context|Require|From|Import|Export|Notation|Infix|Ltac2?|"
    r"Set|Unset|Open|Close|Declare|Reserved|Arguments|Canonical|Coercion|Scheme)\b",
    re.MULTILINE,
)
_FULL_NAME = re.compile(r"[^\W\d][\w']*(\.[^\W\d][\w']*)*")
_PROOF = re.compile(r"\.\s*Proof\b.*\Z|\.\s*(?:Admitted|Abort)\s*\.\s*\Z", re.DOTALL)
_ENDS = re.compile(r"(?:^|[\s.])(?:Qed|Defined|Admitted|Abort|Save\b[^.]*)\s*\.\s*\Z")
_BEGINS = re.compile(r"\s*Proof\b")

_FORBIDDEN = (
    (re.compile(r"\bML\b"), "'ML' loads programs into Coq"),
    (re.compile(r"\bRedirect\b"), "'Redirect' writes files"),
    (re.compile(r"\bExtraction\b"), "'Extraction' writes and compiles programs"),
    (re.compile(r"\b(?:Write|Restore)\s+State\b"), "'State' writes and reads the prover's memory"),
    (re.compile(r"\bDrop\s*\."), "'Drop' leaves Coq"),
    (re.compile(r"\bnative_c\w+"), "'native_compute' compiles programs"),
    (
        re.compile(r"\bPrimitive\b(?!\s+Projections)|\bInclude\b|<\+"),
        "primitives in module types and inclusion of modules reach a hole in kernels before 8.19",
    ),
)
_PIECES = re.compile(r'\(\*|\*\)|"')
_STRING = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Stated:
    """A claim as two Coq files, and the theorem's name."""

    given: str
    claim: str
    head: str
    """The statement without its final full stop."""
    name: str


@dataclass(frozen=True, slots=True)
class CoqAnswer:
    """The file that an answer stands for, or why it stands for none."""

    text: str = ""
    first_line: int = 1
    """The line of ``text`` on which the answer begins."""
    lemmas: int = 0
    code: str = ""
    why_not: str = ""


def stated(claim: Claim) -> Stated:
    """Raises ``BadClaim``."""
    head = _PROOF.sub("", claim.statement.strip()).rstrip().removesuffix(".").rstrip()
    names = [match[1] for match in _THEOREM.finditer(claim.statement)]
    name = claim.name or (names[-1] if names else "")
    if not name:
        raise BadClaim("ground_truth.statement: holds no 'Theorem NAME'; give its name too")
    for one in (name, *claim.imports):
        if not _FULL_NAME.fullmatch(one):
            raise BadClaim(f"ground_truth: {one!r} is no name in Coq")
    required = [
        f"Require Export {one}." if one.startswith("Coq.") else f"From Coq Require Export {one}."
        for one in claim.imports
    ]
    given = "\n".join([*required, claim.context.strip(), ""])
    text = f"Require Import Assay.Given.\n{head}.\nProof. Admitted.\nCheck @{name}.\n"
    return Stated(given, text, head, name)


def answer_of(text: str, stated: Stated) -> CoqAnswer:
    """Read an answer (all of it: reasoning is cut off here)."""
    coq = _coq_of(split_reasoning(text)[1])
    if not coq.strip():
        return CoqAnswer(code="empty", why_not="the answer holds no Coq")
    if len(coq) > MAX_CHARS:
        why = f"the answer is longer than {MAX_CHARS} characters"
        return CoqAnswer(code="too_long", why_not=why)
    denied = forbidden(coq)
    if denied is not None:
        return CoqAnswer(code="policy", why_not=f"not allowed: {denied}")
    front = "Require Import Assay.Given.\n"
    theorems = {match[1] for match in _THEOREM.finditer(coq)}
    if stated.name in theorems or (_DECLARES.search(_bare(coq)) and not _BEGINS.match(coq)):
        return CoqAnswer(f"{front}{coq}\n", 2, len(theorems - {stated.name}))
    begin = "" if _BEGINS.match(coq) else "Proof.\n"
    end = "" if _ENDS.search(coq.rstrip()) else "\nQed."
    front = f"{front}{stated.head}.\n{begin}"
    return CoqAnswer(f"{front}{coq.rstrip()}{end}\n", front.count("\n") + 1)


def check_text(name: str, nonce: str) -> str:
    """What is compiled in a fresh process. The claim's type is made before anything of the answer
    is loaded; a name may run tactics of the answer's (``Notation t := ltac:(...)``), whose prints
    come before the nonce, which the answer cannot know."""
    mark = 'Goal True. idtac "{}". Abort.'
    return "\n".join(
        [
            "Require Assay.Claim.",
            f"Definition statement := ltac:(let t := type of @Assay.Claim.{name} in exact t).",
            "Require Assay.Answer.",
            f"Definition proof : statement := @Assay.Answer.{name}.",
            "Set Printing Width 10000.",
            mark.format(f"@@{nonce}"),
            "Print Assumptions proof.",
            mark.format(f"@@end {nonce}"),
            "",
        ]
    )


def forbidden(coq: str) -> str | None:
    """What an answer does that it may not; None for nothing.

    A token of one's own that holds a quote or the mark of a comment would make Coq see other
    strings and comments than we do: in such a text every word counts.
    """
    insides = [string[1:-1] for string in _STRING.findall(coq)]
    deceives = any(mark in inside for inside in insides for mark in ('"', "(*", "*)"))
    shown = coq if deceives else _bare(coq)
    return next((why for pattern, why in _FORBIDDEN if pattern.search(shown)), None)


def _bare(coq: str) -> str:
    """Without comments (they nest, and strings count in them) and the insides of strings."""
    kept, depth, at = [], 0, 0
    while (found := _PIECES.search(coq, at)) is not None:
        if depth == 0:
            kept.append(coq[at : found.start()])
        at = found.end()
        if found[0] == '"':
            string = _STRING.match(coq, found.start())
            at = string.end() if string else len(coq)
            kept.append('""' if depth == 0 else "")
        elif found[0] == "(*":
            depth += 1
            kept.append(" ")
        elif depth > 0:
            depth -= 1
        else:
            kept.append("*)")
    if depth == 0:
        kept.append(coq[at:])
    return "".join(kept)


def _coq_of(answer: str) -> str:
    """The last block of Coq; an answer without a block is Coq itself."""
    blocks = [block for block in fenced_blocks(answer) if "".join(block.lines).strip()]
    for tags in (_TAGS[:-1], _TAGS):
        fitting = [block for block in blocks if block.tag in tags]
        if fitting:
            return fitting[-1].text
    return "" if blocks else answer.removeprefix("\ufeff")
