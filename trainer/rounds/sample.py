"""The completions of a round: which problems, what the model writes, what the recipe says of it.

Everything follows from the run's seed and the round's number, so a round that is done again comes
out the same. Not covered: several processes, and servers that generate (vLLM).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import RunStopped
from ...core.records import arrow_schema, record
from ...core.scorer import Scorer
from ...core.types import Sample, digest
from ..config import TrainingRecipe
from ..generate import Completion, complete
from ..start import load_model
from .store import write_table

__all__ = ["problems_of_round", "round_seed", "sample_round"]


def round_seed(seed: int, number: int) -> int:
    """The seed of a round, in [0, 2³²)."""
    return int(digest([seed, number], length=8), 16)


def problems_of_round(
    problems: Sequence[Sample], number: int, n: int | None, seed: int
) -> list[Sample]:
    """The problems of round ``number`` (from 1): the next ``n`` of an endless, shuffled sequence.

    Every problem comes once before any comes again. A round never holds one twice, so the round
    that meets the end of a pass may be a little shorter.
    """
    total = len(problems)
    size = total if n is None else min(n, total)
    places = range((number - 1) * size, number * size)
    passes = {place // total: _order(total, seed, place // total) for place in places}
    chosen = dict.fromkeys(passes[place // total][place % total] for place in places)
    return [problems[index] for index in chosen]


def _order(total: int, seed: int, turn: int) -> list[int]:
    order = list(range(total))
    random.Random(f"{seed}:{turn}").shuffle(order)  # noqa: S311 - one seed must give one order
    return order


def sample_round(
    recipe: TrainingRecipe,
    problems: Sequence[Sample],
    *,
    number: int,
    model: Path | str,
    tokenizer: Any,
    scorer: Scorer,
    target: Path,
) -> None:
    """Answer and score the problems of a round; ``target`` is there whole or not at all.

    Raises ``RunStopped`` where a source ended the run; the round is then done again.
    """
    settings = recipe.trainer.rounds
    chosen = problems_of_round(problems, number, settings.prompts, recipe.seed)
    asked = [problem for problem in chosen for _ in range(recipe.trainer.num_generations)]
    written = complete(
        load_model(model, recipe.model.dtype),
        tokenizer,
        [problem.prompt for problem in asked],
        max_new_tokens=recipe.trainer.max_completion_length,
        temperature=recipe.trainer.temperature,
        seed=round_seed(recipe.seed, number),
        batch_size=settings.sampling_batch_size,
    )
    samples = [
        _answered(problem, completion, f"round-{number}-{place}")
        for place, (problem, completion) in enumerate(zip(asked, written, strict=True))
    ]
    rewards = scorer.score(samples)
    if scorer.stopped:
        raise RunStopped(
            f"stopped in round {number}: {scorer.stopped}\nthe rounds before are kept; go on from"
            " there with --resume"
        )
    rows = [record(sample, reward) for sample, reward in zip(samples, rewards, strict=True)]
    write_table(target, rows, arrow_schema(scorer.names))


def _answered(problem: Sample, completion: Completion, place: str) -> Sample:
    chat = not isinstance(problem.prompt, str)
    said = [{"role": "assistant", "content": completion.text}] if chat else completion.text
    extra = {k: v for k, v in problem.extra.items() if k != "demonstration"}
    return replace(
        problem,
        completion=said,
        truncated=completion.truncated,
        extra={**extra, "completion_tokens": completion.tokens},
        id=digest([problem.id, completion.text, place]),
        group=problem.id,
    )
