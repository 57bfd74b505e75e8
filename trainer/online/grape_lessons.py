"""The warm start of a model that is to write by GRAPE's two ways: demonstrations of both.

A problem's ``demonstration`` teaches the question (under the prompts by which it will be asked);
its ``draft``, scored by the recipe's own sources for a critique, with its ``mended`` text teaches
way B. Not covered: drafts written by the model itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...bridges.scorers import frozen_recipe, scorer_for
from ...core.errors import ConfigError
from ...core.types import Sample
from ..config import TrainingRecipe
from .grape_mix import rng_of
from .grape_prompts import GrapePrompts

__all__ = ["DRAFT", "MENDED", "lessons"]

DRAFT, MENDED = "draft", "mended"
"""Keys of ``Sample.extra``: an earlier response, and what becomes of it in good hands."""
_AT_ONCE = 256
"""Drafts scored in one call."""


def lessons(recipe: TrainingRecipe, problems: Iterable[Sample]) -> Iterator[tuple[Any, str]]:
    """(prompt, completion) pairs for problems, ``warm_start.improve`` of them of way B.

    Raises ``ConfigError`` for a problem that lacks the texts, or a category.
    """
    prompts, share = GrapePrompts.of(recipe), recipe.model.warm_start.improve
    rng = rng_of(recipe.seed, "lessons")
    stream = iter(problems)
    while chunk := list(itertools.islice(stream, _AT_ONCE)):
        improving = [rng.random() < share for _ in chunk]
        taught = [problem for problem, improve in zip(chunk, improving, strict=True) if improve]
        mended = iter(_improvements(recipe, prompts, taught))
        for problem, improve in zip(chunk, improving, strict=True):
            yield next(mended) if improve else _answer(prompts, problem, rng.random())


def _answer(prompts: GrapePrompts, problem: Sample, draw: float) -> tuple[Any, str]:
    """A demonstration, under the prompt of way A; where the question itself is trained, that half
    of the time."""
    bare = prompts.settings.condition == "question" and draw < 0.5
    return problem.prompt if bare else prompts.of_sample(problem), _text(problem, "demonstration")


def _improvements(
    recipe: TrainingRecipe, prompts: GrapePrompts, problems: Sequence[Sample]
) -> Iterator[tuple[Any, str]]:
    """Pairs of way B, with what the recipe's sources say of each draft."""
    if not problems:
        return
    drafts = [_drafted(problem) for problem in problems]
    rewards = scorer_for(frozen_recipe(recipe.scoring())).score(drafts)
    for problem, draft, reward in zip(problems, drafts, rewards, strict=True):
        category = prompts.category_of(problem.task, problem.extra)
        earlier = prompts.earlier(draft, reward)
        if category is None or earlier is None:
            why = "has no category" if category is None else f"could not be scored: {reward.reason}"
            raise ConfigError(f"model.warm_start.improve: the problem {problem.prompt!r} {why}")
        yield prompts.improve(problem.prompt, category, earlier), _text(problem, MENDED)


def _drafted(problem: Sample) -> Sample:
    """The draft as a completion, in a group of its own."""
    text = _text(problem, DRAFT)
    chat = not isinstance(problem.prompt, str)
    completion: Any = [{"role": "assistant", "content": text}] if chat else text
    return replace(problem, completion=completion, group=f"{problem.id} draft")


def _text(problem: Sample, key: str) -> str:
    text = problem.extra.get(key)
    if not isinstance(text, str):
        raise ConfigError(
            f"model.warm_start: a problem needs a text in extra[{key!r}] (or a column {key}), got"
            f" {text!r}; for {DRAFT} and {MENDED}, set model.warm_start.improve to 0 to do without"
        )
    return text
