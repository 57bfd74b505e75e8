"""The check of a dry run for GRAPE: its prompts, and how long they get.

Not covered: what critiques say, which is known only when a judge has spoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.types import Sample
from ..config import TrainingRecipe
from ..generate import prompt_ids
from ..online.grape_history import Earlier
from ..online.grape_prompts import GrapePrompts
from .findings import Findings

__all__ = ["longest_prompt"]

_MEASURED = 200
"""Problems whose improvement prompt is measured."""


def longest_prompt(
    recipe: TrainingRecipe,
    problems: Sequence[Sample],
    tokenizer: Any,
    longest: int,
    findings: Findings,
) -> int:
    """The longest prompt in tokens that the model is given; ``longest`` where GRAPE is not used.

    An improvement prompt counts with an earlier response of full length and no critique.
    """
    if recipe.trainer.algorithm != "grape":
        return longest
    found = findings.attempt("grape", lambda: _measured(recipe, problems, tokenizer))
    if found is None:
        return longest
    outside, bare = found
    if outside:
        findings.note(
            "grape",
            f"{outside} of {len(problems)} problems are of no category of the rubric: they are"
            " answered by their own prompt and never improved",
        )
    whole = bare + recipe.trainer.max_completion_length
    findings.ok(
        "grape",
        f"improvement prompts of up to {whole} tokens with a response, besides critique and reasons"
        f" (each at most {recipe.trainer.grape.limit_chars} characters)",
    )
    return max(longest, whole)


def _measured(
    recipe: TrainingRecipe, problems: Sequence[Sample], tokenizer: Any
) -> tuple[int, int]:
    """(problems without a category, tokens of the longest improvement prompt without its texts)."""
    prompts, empty = GrapePrompts.of(recipe), Earlier(text="", value=0.0)
    found = [(one, prompts.category_of(one.task, one.extra)) for one in problems]
    lengths = [
        len(prompt_ids(tokenizer, prompts.improve(one.prompt, category, empty)))
        for one, category in found[:_MEASURED]
        if category is not None and prompts.settings.improves
    ]
    return sum(category is None for _, category in found), max(lengths, default=0)
