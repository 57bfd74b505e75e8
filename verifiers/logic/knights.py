"""Knights and knaves as a task (``logic.knights_knaves``) and as the source that grades it.

Source of the task: Logic-RL (Xie et al. 2025, arXiv 2502.14768): 2 to 8 people, 1 to 4 operators,
answers checked without doubt. Every puzzle has exactly one solution, proved by trying all 2**n.

Graded form: each person exactly once, as ``Zoey is a knave`` or ``A=v`` (also ``A: knight``). The
answer is read from the last ``<answer>...</answer>`` or ``\\boxed{...}``, else from what follows
the last "answer" or "conclusion" with a colon, else from the whole text.
Not covered: answers that group people ("both are knights"): name each one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, model_validator

from ...core.settings import Settings
from ...core.source import source
from ...core.tasks import task
from ...core.types import Sample, Status, Verdict
from ..math.boxes import boxed
from .statements import OPERATORS, Is, Operator, Statement, random_statement, solutions, table
from .wording import COMPACT, LETTERS, NAMES, PROSE

__all__ = ["GradeSettings", "KnightsKnaves", "grade_knights_knaves", "knights_knaves"]

_TRIES = 2000


class KnightsKnaves(Settings):
    """Which puzzles are asked, and how they are written."""

    min_people: int = Field(default=2, ge=2, le=8)
    max_people: int = Field(default=8, ge=2, le=8)
    min_operators: int = Field(default=1, ge=0, le=4)
    max_operators: int = Field(default=4, ge=0, le=4)
    """Operators in each statement; 0 is a plain "B is a knave"."""
    operators: tuple[Operator, ...] = Field(default=OPERATORS, min_length=1)
    """Which operators statements are made of."""
    style: Literal["prose", "compact"] = "prose"
    """``prose``: English. ``compact``: a short ASCII notation; see ``wording``."""
    lazy: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of demonstrations by a lazy teacher, who answers with the first kinds tried (all
    knights), right or wrong. The ground truth stays right."""

    @model_validator(mode="after")
    def _possible(self) -> KnightsKnaves:
        if self.min_people > self.max_people:
            raise ValueError("min_people must be <= max_people")
        if self.min_operators > self.max_operators:
            raise ValueError("min_operators must be <= max_operators")
        if self.operators == ("same",) and self.max_operators > 1:
            raise ValueError("'same' alone makes statements of one operator: max_operators <= 1")
        return self


@task("logic.knights_knaves")
def knights_knaves(rng: random.Random, settings: KnightsKnaves) -> Iterator[Sample]:
    """Puzzles with exactly one solution, which is the ground truth: name -> knight or knave.

    ``extra``: ``people``, ``operators`` (in all statements), and ``demonstration``, a completion
    that finds the solution by trying kinds in order.
    """
    wording = COMPACT if settings.style == "compact" else PROSE
    while True:
        people = rng.randint(settings.min_people, settings.max_people)
        said, solution = _puzzle(rng, people, settings)
        pool = LETTERS[:people] if settings.style == "compact" else rng.sample(NAMES, people)
        names = tuple(pool)
        lazy = bool(settings.lazy) and rng.random() < settings.lazy
        shown = (1 << people) - 1 if lazy else solution
        answer = wording.answer(names, shown)
        thought = wording.reasoning(names, said, shown)
        kinds = ["knight" if solution >> who & 1 else "knave" for who in range(people)]
        yield Sample(
            prompt=wording.prompt(names, said),
            ground_truth=dict(zip(names, kinds, strict=True)),
            task="logic",
            extra={
                "people": people,
                "demonstration": f"<think>{thought}</think><answer>{answer}</answer>",
            },
        )


def _puzzle(
    rng: random.Random, people: int, settings: KnightsKnaves
) -> tuple[list[Statement], int]:
    """One statement for each person, and the only solution."""
    for _ in range(_TRIES):
        said = [_statement(rng, people, settings) for _ in range(people)]
        found = solutions(said)
        if len(found) == 1:
            return said, found[0]
    raise ValueError(
        f"task logic.knights_knaves: no puzzle with one solution in {_TRIES} tries; allow more"
        f" operators than {settings.operators}"
    )


def _statement(rng: random.Random, people: int, settings: KnightsKnaves) -> Statement:
    """A statement that is neither always true nor always false, where chance gives one."""
    full = (1 << (1 << people)) - 1
    statement: Statement = Is(rng.randrange(people), rng.random() < 0.5)
    for _ in range(20):
        count = rng.randint(settings.min_operators, settings.max_operators)
        statement = random_statement(rng, people, count, settings.operators)
        if table(statement, people) not in (0, full):
            break
    return statement


class GradeSettings(Settings):
    """What a partly right answer is worth."""

    partial: bool = False
    """Score the share of people that are right, in place of all or nothing. Guessing earns 0.5."""


@source(
    "logic.knights_knaves",
    version="1",
    scale="unit",
    needs=("ground_truth",),
    runs="inline",
    view="answer",
)
def grade_knights_knaves(sample: Sample, settings: GradeSettings) -> Verdict:
    """1 if every person is named exactly once with the right kind, else 0 (see ``partial``).

    The ground truth maps names to ``knight`` or ``knave``. Parts: each person 1 or 0; a person who
    is missing or named more than once is 0. Passed when all are right.
    """
    truth = _truth(sample.ground_truth)
    if truth is None:
        return Verdict.unscored(
            Status.BAD_REFERENCE, "the ground truth must map names to 'knight' or 'knave'"
        )
    given = _given(_conclusion(sample.text), truth)
    parts = {name: float(given.get(name) == [kind]) for name, kind in truth.items()}
    passed = all(parts.values())
    share = sum(parts.values()) / len(parts)
    return Verdict.scored(
        share if settings.partial else float(passed),
        passed=passed,
        reason="every kind is right" if passed else _reason(given, truth),
        parts=parts,
        evidence={"extracted": {name: kinds[:4] for name, kinds in given.items()}},
    )


def _truth(truth: Any) -> dict[str, str] | None:
    if not isinstance(truth, Mapping) or not 1 <= len(truth) <= 64:
        return None
    kinds = {name: str(kind).strip().lower() for name, kind in truth.items()}
    names = [name.casefold() for name in kinds if isinstance(name, str)]
    sound = all(re.fullmatch(r"\w[\w .'-]{0,40}", name) for name in names)
    if not sound or len(set(names)) < len(truth) or not set(kinds.values()) <= {"knight", "knave"}:
        return None
    return kinds


_CLOSING = re.compile(r"(?:answer|conclusion|solution)(?: is)?[\s*]{0,4}:", re.IGNORECASE)
_READ_CHARS = 4000


def _conclusion(text: str) -> str:
    """Where the answer stands; at most its last ``_READ_CHARS`` characters."""
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    if start >= 0:
        return text[start + len("<answer>") : end][-_READ_CHARS:]
    if (box := boxed(text)) is not None:
        return box.text
    tail = text[-_READ_CHARS:]
    marks = list(_CLOSING.finditer(tail))
    return tail[marks[-1].end() :] if marks else tail


_KINDS = {"knight": "knight", "k": "knight", "knave": "knave", "v": "knave"}


@lru_cache(maxsize=1024)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    people = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(
        rf"(?<!\w)({people})(?:\s{{1,3}}is(?:\s{{1,3}}(not))?(?:\s{{1,3}}an?)?\s{{1,3}}|\s?[=:]\s?)"
        r"\**(knight|knave|k|v)(?!\w)",
        re.IGNORECASE,
    )


def _given(text: str, truth: Mapping[str, str]) -> dict[str, list[str]]:
    """Name -> every kind the text gives that person, in order."""
    spelled = {name.casefold(): name for name in truth}
    found: dict[str, list[str]] = {}
    for name, negated, word in _pattern(tuple(truth)).findall(text):
        kind = _KINDS[word.lower()]
        if negated:
            kind = "knave" if kind == "knight" else "knight"
        found.setdefault(spelled.get(str(name).casefold(), str(name)), []).append(kind)
    return found


def _reason(given: Mapping[str, list[str]], truth: Mapping[str, str]) -> str:
    missing = [name for name in truth if name not in given]
    if missing:
        return f"no kind is given for {', '.join(missing)}"
    if twice := [name for name in truth if len(given[name]) > 1]:
        return f"more than one kind is given for {', '.join(twice)}"
    return "wrong: " + ", ".join(name for name in truth if given[name] != [truth[name]])
