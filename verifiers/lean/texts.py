"""From an answer and a ground truth to whole Lean texts to elaborate.

An answer is a proof term, a tactic block, a declaration, or a file with lemmas before the theorem,
in Markdown or bare. What is made of it is only a text for the untrusted elaborator: nothing here
has to be right for a verdict to be sound, since the referee compares the declarations that come out
with the statement itself.

Not covered: parsing Lean. Lines are looked at, no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ...core.settings import Settings
from ...core.types import JSON, split_reasoning
from ..code.extract import fenced_blocks

__all__ = [
    "BadStatement",
    "Statement",
    "Submission",
    "Text",
    "lean_of",
    "read_statement",
    "submission_of",
]

MAX_CHARS = 200_000
_MODIFIERS = r"(?:(?:@\[[^\]]*\]|private|protected|noncomputable|nonrec|public|local|scoped)\s+)*"
_THEOREM = re.compile(rf"^{_MODIFIERS}(?:theorem|lemma)\s+([^\s:({{\[⦃]+)", re.MULTILINE)
_NAMED = re.compile(
    rf"^{_MODIFIERS}(?:theorem|lemma|def|abbrev|structure|inductive|class|axiom|opaque|instance)"
    r"\s+([^\s:({\[⦃]+)",
    re.MULTILINE,
)
_COMMAND = re.compile(
    rf"^{_MODIFIERS}(?:theorem|lemma|example|def|abbrev|structure|inductive|class|axiom|opaque|"
    r"instance|namespace|section|end|open|variable|universe|set_option|attribute|notation|infix\w*|"
    r"prefix|postfix|macro\w*|syntax|elab\w*|mutual|deriving|import|#\w+|run_cmd|local|scoped)\b",
    re.MULTILINE,
)
_SORRY = re.compile(r":=\s*(?:by\s+)?sorry\b|\bby\s+sorry\b")
_IMPORT = re.compile(
    r"^\s*(?:public\s+|meta\s+|private\s+)*import\s+(?:all\s+)?(\S+)[ \t]*(?:--.*)?$"
)
_HEADER = re.compile(r"^\s*(?:--.*|module|prelude)?\s*$")
_INDENT = 2
_LEAN = ("lean", "lean4", "lean3", "")


class BadStatement(Exception):  # noqa: N818 - becomes a verdict about the data
    """The ground truth is no statement."""


class Statement(Settings):
    """What is to be proved."""

    statement: str = Field(min_length=1, max_length=MAX_CHARS)
    """A theorem without its proof, or with ``:= sorry`` for it; definitions may stand before it."""
    name: str = ""
    """The theorem's full name; by default that of the last ``theorem`` of ``statement``."""
    imports: tuple[str, ...] = ("Init",)
    """Modules. The answer may repeat them, and import nothing else."""
    context: str = ""
    """Lean text before the statement: definitions, notation, ``open``."""
    allow_axioms: tuple[str, ...] | None = None
    """Axioms that the proof may rest on; None: those of the source's settings."""

    @field_validator("imports", mode="before")
    @classmethod
    def _one_is_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value or ("Init",)

    @property
    def reference(self) -> str:
        """Context and statement, with ``sorry`` for a proof."""
        given = self.statement.rstrip()
        if _SORRY.search(given) is None:
            given = f"{given.removesuffix(':=').rstrip()} := sorry"
        return f"{self.context.rstrip()}\n{given}" if self.context.strip() else given

    @property
    def target(self) -> str:
        """The theorem's full name; empty when there is none to be seen."""
        if self.name:
            return self.name
        names = [match[1] for match in _THEOREM.finditer(self.statement)]
        return names[-1].partition(".{")[0] if names else ""

    @property
    def parts(self) -> tuple[str, str, str]:
        """(what stands before the theorem, the theorem up to its proof, what stands behind it)."""
        text = self.reference
        hole = list(_SORRY.finditer(text))[-1]
        starts = [m.start() for m in _THEOREM.finditer(text, 0, hole.start())]
        begin = starts[-1] if starts else 0
        return text[:begin], text[begin : hole.start()].rstrip(), text[hole.end() :]


def read_statement(truth: JSON) -> Statement:
    """A ground truth as it is documented, or the statement alone as text.

    Raises ``BadStatement``.
    """
    if truth is None:
        raise BadStatement("ground_truth: there is no statement to prove")
    given = {"statement": truth} if isinstance(truth, str) else truth
    if not isinstance(given, dict):
        raise BadStatement(f"ground_truth: must be a mapping or text, got {type(truth).__name__}")
    try:
        statement = Statement.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("ground_truth", *first["loc"])))
        raise BadStatement(f"{place}: {first['msg'].lower()}") from None
    if not statement.target:
        raise BadStatement("ground_truth.statement: holds no 'theorem NAME'; give its name too")
    return statement


@dataclass(frozen=True, slots=True)
class Text:
    """One text to elaborate, and where the answer lies in it."""

    text: str
    first_line: int
    """The line of the text (from 1) on which the answer begins."""
    own: str
    """The answer's lines as they were written."""
    indent: int = 0
    """Characters that were put before each of them."""

    def place(self, line: int, column: int) -> int | None:
        """Where a place of the text (line from 1, column from 0) lies in ``own``; None outside."""
        lines = self.own.split("\n")
        number = line - self.first_line
        if not 0 <= number < len(lines):
            return None
        before = sum(len(text) + 1 for text in lines[:number])
        return before + min(max(column - self.indent, 0), len(lines[number]))


@dataclass(frozen=True, slots=True)
class Submission:
    """What an answer may mean, likeliest first; or why it means nothing."""

    texts: tuple[Text, ...] = ()
    shape: str = ""
    """``file`` or ``proof``."""
    why_not: str = ""
    code: str = ""
    """Of ``why_not``: ``empty``, ``header``, ``too_long``."""
    lemmas: int = field(default=0)
    """Theorems declared besides the target."""


def submission_of(text: str, statement: Statement) -> Submission:
    """Read an answer (all of it: reasoning is cut off here)."""
    answer = split_reasoning(text)[1]
    lean = lean_of(answer)
    if not lean.strip():
        return Submission(why_not="the answer holds no Lean", code="empty")
    if len(lean) > MAX_CHARS:
        why = f"the answer is longer than {MAX_CHARS} characters"
        return Submission(why_not=why, code="too_long")
    body, foreign = _without_header(lean, statement.imports)
    if foreign:
        why = f"it imports {', '.join(foreign)[:200]}, which the task does not"
        return Submission(why_not=why, code="header")
    if not body.strip():
        return Submission(why_not="the answer holds no Lean", code="empty")
    if _COMMAND.search(body):
        others = {m[1] for m in _THEOREM.finditer(body)} - {statement.target}
        return Submission(_files(body, statement), "file", lemmas=len(others))
    return Submission(_proofs(body, statement), "proof")


def lean_of(answer: str) -> str:
    """The last block of Lean; an answer without a block is Lean itself."""
    blocks = [block for block in fenced_blocks(answer) if "".join(block.lines).strip()]
    for tags in (_LEAN[:-1], _LEAN):
        fitting = [block for block in blocks if block.tag in tags]
        if fitting:
            return fitting[-1].text
    return "" if blocks else answer.removeprefix("\ufeff")


def _without_header(lean: str, imports: Sequence[str]) -> tuple[str, list[str]]:
    """The text behind its imports, and those that the task does not have."""
    lines = lean.split("\n")
    last, foreign = -1, []
    for number, line in enumerate(lines):
        found = _IMPORT.match(line)
        if found:
            last = number
            if found[1] not in (*imports, "Init"):
                foreign.append(found[1])
        elif not _HEADER.match(line):
            break
    return "\n".join(lines[last + 1 :]), foreign


def _files(body: str, statement: Statement) -> tuple[Text, ...]:
    """As it stands, or behind what the statement gives, if the answer does not repeat that."""
    before = statement.parts[0]
    alone = Text(body, 1, body)
    if not before.strip():
        return (alone,)
    behind = Text(f"{before}\n{body}", before.count("\n") + 2, body)
    given = {match[1] for match in _NAMED.finditer(before)}
    own = {match[1] for match in _NAMED.finditer(body)}
    repeats = bool(given & own) if given else _squeezed(before) in _squeezed(body)
    return (alone, behind) if repeats else (behind, alone)


def _proofs(body: str, statement: Statement) -> tuple[Text, ...]:
    """Behind the statement's ``:=``; a block of tactics may lack its ``by``."""
    before, head, after = statement.parts
    proof = body.strip("\n")
    if proof.lstrip().startswith(":="):
        proof = proof.lstrip().removeprefix(":=")
    fronts = [f"{before}{head} :=\n"]
    if not re.match(r"by\b", proof.strip()):
        fronts.append(f"{before}{head} := by\n")
    return tuple(
        Text(f"{front}{_indented(proof)}\n{after}", front.count("\n") + 1, proof, _INDENT)
        for front in fronts
    )


def _indented(proof: str) -> str:
    """A proof whose first line stands at the left edge would be read as a command."""
    lines = proof.split("\n")
    return "\n".join(f"{' ' * _INDENT}{line}" if line.strip() else line for line in lines)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
