"""Ten rows scored before a run: does a right text pass, and does a wrong one not?

A right text is the row's demonstration; where there is none, the ground truth in the wordings that
answers usually have. A wrong text is one without an answer, and the right text of another row.

Not covered: whether the model can write such texts, and sources that compare the completions of a
group; each text here is a group of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...core.registry import Registry
from ...core.scorer import Scorer
from ...core.types import Reward, Sample, Status, canonical_json
from ..config import TrainingRecipe
from .findings import Findings, ScoredRow

__all__ = ["ROWS", "check_rows"]

ROWS = 10
"""Rows that are scored."""

_SHOWN_CHARS = 80
_NOTHING = "I do not know."
_OTHER = "the right text of another row"
_WORDINGS = (
    ("ground truth", "{}"),
    ("ground truth, boxed", r"\boxed{{{}}}"),
    ("ground truth, in tags", "<think>\nSee above.\n</think>\n<answer>{}</answer>"),
)


def check_rows(
    recipe: TrainingRecipe, scorer: Scorer, problems: Sequence[Sample], findings: Findings
) -> list[ScoredRow]:
    """Score texts for the first rows and say what follows from the verdicts."""
    chosen = list(problems[:ROWS])
    asked = [one for at in range(len(chosen)) for one in _texts(chosen, at)]
    rewards = scorer.score([_answered(problem, kind, text) for problem, kind, text, _ in asked])
    rows = [
        _row(problem, kind, text, right, reward)
        for (problem, kind, text, right), reward in zip(asked, rewards, strict=True)
    ]
    _judge_faults(rewards, findings)
    _judge_right(rows, len(chosen), findings)
    sources = Registry.load(recipe.plugins).sources
    _judge_wrong(rows, all(sources[e.use].arity == "sample" for e in recipe.sources), findings)
    return rows


def _texts(chosen: Sequence[Sample], at: int) -> Iterator[tuple[Sample, str, str, bool]]:
    """(problem, kind, text, whether it is right) for one row."""
    problem, other = chosen[at], chosen[(at + 1) % len(chosen)]
    for kind, text in _right(problem):
        yield problem, kind, text, True
    yield problem, "no answer", _NOTHING, False
    if canonical_json(problem.ground_truth) != canonical_json(other.ground_truth):
        for _, text in _right(other):
            yield problem, _OTHER, text, False


def _right(problem: Sample) -> list[tuple[str, str]]:
    shown, truth = problem.extra.get("demonstration"), problem.ground_truth
    if isinstance(shown, str):
        return [("demonstration", shown)]
    if isinstance(truth, bool) or not isinstance(truth, str | int | float):
        return []  # tests, statements, constraints: no answer can be made of them
    return [(kind, wording.format(truth)) for kind, wording in _WORDINGS]


def _answered(problem: Sample, kind: str, text: str) -> Sample:
    chat = not isinstance(problem.prompt, str)
    completion: Any = [{"role": "assistant", "content": text}] if chat else text
    extra = {name: value for name, value in problem.extra.items() if name != "demonstration"}
    alone = f"{problem.id} {kind} {text}"
    return replace(problem, completion=completion, extra=extra, id=alone, group=alone)


def _row(problem: Sample, kind: str, text: str, right: bool, reward: Reward) -> ScoredRow:
    said = [f"{name}: {v.reason}" for name, v in reward.verdicts.items() if v.reason]
    return ScoredRow(
        prompt=_start(_prompt_text(problem.prompt)),
        kind=kind,
        text=_start(text),
        right=right,
        value=reward.value,
        passed=reward.passed,
        status=reward.status.value,
        reason=_start("; ".join(said)),
    )


def _prompt_text(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else str(prompt[-1].get("content", ""))


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."


def _judge_faults(rewards: Sequence[Reward], findings: Findings) -> None:
    """A fault of a source, or a ground truth it cannot read, in any of the verdicts."""
    counted: Counter[tuple[str, str]] = Counter()
    reasons: dict[tuple[str, str], str] = {}
    for reward in rewards:
        for name, verdict in reward.verdicts.items():
            if verdict.status not in {Status.SCORED, Status.ABSTAINED}:
                counted[name, verdict.status.value] += 1
                reasons.setdefault((name, verdict.status.value), verdict.reason)
    for (name, status), n in sorted(counted.items()):
        says = f"{name}: {status} on {n} of {len(rewards)} texts: {reasons[name, status]}"
        partly = status == Status.BAD_REFERENCE.value and n < len(rewards)
        (findings.note if partly else findings.problem)("rows", says)


def _judge_right(rows: Sequence[ScoredRow], n: int, findings: Findings) -> None:
    kinds = list(dict.fromkeys(row.kind for row in rows if row.right))
    if not kinds:
        findings.note("rows", "no right text can be made of these ground truths; none was tried")
        return
    passed = {kind: sum(r.passed is True for r in rows if r.kind == kind) for kind in kinds}
    says = ", ".join(f"{kind} {good} of {n}" for kind, good in passed.items())
    if max(passed.values()) == n:
        findings.ok("rows", f"right texts passed: {says}")
    elif max(passed.values()):
        findings.note("rows", f"right texts passed, but not all: {says}")
    else:
        # a demonstration is what a perfect model would write; a wording is only our guess
        tell = findings.problem if "demonstration" in kinds else findings.note
        tell("rows", f"no right text passed: {says}; see the reasons under rows")


def _judge_wrong(rows: Sequence[ScoredRow], each_alone: bool, findings: Findings) -> None:
    wrong = [row for row in rows if not row.right]
    fooled = [row for row in wrong if row.passed is True]
    if not fooled:
        findings.ok("rows", f"wrong texts passed: 0 of {len(wrong)}")
        return
    first = fooled[0]
    says = f"wrong texts passed: {len(fooled)} of {len(wrong)}, such as {first.text!r}"
    if not each_alone:
        says += "; a source compares the completions of a group, and here each had one"
    bad = each_alone and any(row.text == _NOTHING for row in fooled)
    (findings.problem if bad else findings.note)("rows", says)
