"""Datasets of mathematics: a question, an answer, mostly a worked solution.

The ground truth is the answer where there is one, and else the solution with its ``\\boxed{}``,
which the sources of mathematics read. The reference solution is the worked one.

Not covered: answers that are no answers (``proof``, ``notfound``) are no ground truth: such rows
have none.
"""

from __future__ import annotations

from typing import Any

from .contract import MATH, PROOF, Adapter, Fields, Row, present, text_of

__all__ = ["MATHS"]

_NO_ANSWER = frozenset({"", "proof", "notfound", "not found", "none"})
"""What stands in NuminaMath's ``answer`` where there is none."""


def _gsm8k(row: Row) -> Fields:
    answer = text_of(row.get("answer"), "answer")
    final = answer.rpartition("####")[2].strip()
    return {
        "prompt": row["question"],
        "ground_truth": final or None,
        "task": MATH,
        "gold": answer,
    }


def _has_mark(row: Row) -> bool:
    return isinstance(row.get("answer"), str) and "####" in row["answer"]


def _answer_of(row: Row) -> Any:
    """The final answer; None for words that say there is none."""
    answer = row.get("answer")
    if isinstance(answer, str) and answer.strip().casefold() in _NO_ANSWER:
        return None
    return answer


def _solved(row: Row) -> Fields:
    """``problem`` with ``solution``, and an ``answer`` where the dataset has the column."""
    proof = row.get("question_type") == "proof" or row.get("answer") == "proof"
    truth = _answer_of(row) if "answer" in row else row.get("solution")
    return {
        "prompt": row.get("problem"),
        "ground_truth": None if proof else truth,
        "task": PROOF if proof else MATH,
        "group": present(row, "unique_id", "uuid"),
        "gold": _worked(row, truth),
    }


def _worked(row: Row, truth: Any) -> str | None:
    """The worked solution, or the answer in a box."""
    solution = row.get("solution")
    if isinstance(solution, str) and solution.strip():
        return solution
    return None if truth is None else f"\\boxed{{{truth}}}"


_SOLVED = {"prompt": "problem", "ground_truth": "answer"}

MATHS = (
    Adapter(
        name="gsm8k",
        about="GSM8K: the answer ends in #### N",
        needs=("question", "answer"),
        looks=_has_mark,
        columns={"prompt": "question", "ground_truth": "answer after ####"},
        read=_gsm8k,
        takes=("question",),
    ),
    Adapter(
        name="open_r1",
        about="OpenR1-Math: generations of one problem in a list",
        needs=("problem", "answer", "generations/correctness_math_verify"),
        columns={**_SOLVED, "group": "uuid"},
        read=_solved,
        takes=("problem", "answer", "uuid"),
        completions=("generations",),
    ),
    Adapter(
        name="numina_math",
        about="NuminaMath 1.5, CoT and TIR",
        needs=("problem", "solution", "source/problem_type/messages"),
        columns={"prompt": "problem", "ground_truth": "answer, or solution without one"},
        read=_solved,
        takes=("problem",),
    ),
    Adapter(
        name="math",
        about="MATH and MATH-500",
        needs=("problem", "solution", "level"),
        columns={
            "prompt": "problem",
            "ground_truth": "answer, or solution without one",
            "group": "unique_id",
        },
        read=_solved,
        takes=("problem", "unique_id"),
    ),
    Adapter(
        name="deepscaler",
        about="DeepScaleR: problem, answer and solution",
        needs=("problem", "answer", "solution"),
        columns=_SOLVED,
        read=_solved,
        takes=("problem", "answer"),
    ),
)
