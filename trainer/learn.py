"""The middle of a run: the part in which a model learns, by the kind of its algorithm.

Online algorithms learn step by step from completions they write (``online``), the others in rounds
or from files (``rounds``). What comes before and after is the same for all (``run``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..bridges.scorers import scorer_for
from ..core.errors import RunStopped
from ..core.types import Sample
from .config import TrainingRecipe
from .data import Problems, dataset_of
from .evaluate import Evaluator
from .folder import last_checkpoint
from .online.plan import PRESETS
from .online.scored import ScoredBatch, schedule_of
from .records.progress import Display
from .rounds.job import METHODS
from .rounds.store import finished_rounds

if TYPE_CHECKING:  # it imports transformers, which takes seconds
    from .records.callbacks import RunRecords

__all__ = [
    "Learned",
    "Lesson",
    "asked_by",
    "check_algorithm",
    "kind_of",
    "learn",
    "progress_of",
]


def kind_of(recipe: TrainingRecipe) -> Literal["online", "rounds", "offline"]:
    """How the recipe's algorithm learns."""
    algorithm = recipe.trainer.algorithm
    if algorithm in PRESETS:
        return "online"
    return "rounds" if algorithm in METHODS else "offline"


def check_algorithm(recipe: TrainingRecipe, folder: Path) -> Any:
    """TRL's arguments of an online algorithm, None for the others.

    Raises ``ConfigError`` for settings that the algorithm or the installed TRL does not take.
    """
    if kind_of(recipe) == "online":
        from .online.algorithms import build_arguments

        schedule_of(recipe.scoring(), recipe.trainer.weight_schedule)
        if recipe.trainer.algorithm == "grape":
            from .online.grape_prompts import GrapePrompts

            GrapePrompts.of(recipe)  # raises where there are none
        return build_arguments(recipe, folder)
    from .rounds.learn import check_settings

    names: dict[str, Any] = {str(name): method for name, method in METHODS.items()}
    names |= {name: name for name in ("dpo", "ipo", "kto", "reward_model")}
    check_settings(recipe, names[recipe.trainer.algorithm])
    return None


def asked_by(recipe: TrainingRecipe) -> Callable[[Sample], Any] | None:
    """What a problem is asked with where that is not its own prompt: what is evaluated is what is
    trained, and GRAPE may train under its category's prompt."""
    section = recipe.trainer
    if section.algorithm != "grape" or section.grape.condition == "question":
        return None
    from .online.grape_prompts import GrapePrompts

    return GrapePrompts.of(recipe).of_sample


def progress_of(recipe: TrainingRecipe, folder: Path) -> tuple[Path | None, int | None]:
    """(The checkpoint to go on from, the step or round that was done) of a run that is resumed."""
    if kind_of(recipe) == "rounds":
        return None, finished_rounds(folder) or None
    checkpoint = last_checkpoint(folder)
    return checkpoint, None if checkpoint is None else int(checkpoint.name.rpartition("-")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What learning needs."""

    recipe: TrainingRecipe
    folder: Path
    problems: Problems
    arguments: Any
    checkpoint: Path | None
    display: Display
    start: Path | str
    tokenizer: Any
    evaluator: Evaluator
    records: RunRecords | None
    scoring: str


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model, which is also at ``model/`` in the run folder."""

    model: Any
    step: int
    """Optimizer steps, or rounds."""


def learn(lesson: Lesson) -> Learned:
    """Train, and save the model.

    Raises ``RunStopped`` where a source ended the run; what was learned until then is saved.
    """
    kind = kind_of(lesson.recipe)
    if kind == "online":
        return _online(lesson)
    from .start import load_model

    where = _rounds(lesson) if kind == "rounds" else _offline(lesson)
    section = lesson.recipe.trainer
    step = section.rounds.rounds if kind == "rounds" else section.max_steps
    return Learned(load_model(where, lesson.recipe.model.dtype), step)


def _online(lesson: Lesson) -> Learned:
    from .online.algorithms import build_trainer
    from .stopping import StopCallback

    scoring = lesson.recipe.scoring()
    scored = ScoredBatch(
        scoring,
        sink=None if lesson.records is None else lesson.records.take,
        schedule=schedule_of(scoring, lesson.recipe.trainer.weight_schedule),
        max_completion_length=lesson.recipe.trainer.max_completion_length,
        eos_token_id=lesson.tokenizer.eos_token_id,
    )
    trainer = build_trainer(
        lesson.recipe,
        lesson.arguments,
        start=lesson.start,
        tokenizer=lesson.tokenizer,
        problems=lesson.problems.train,
        dataset=dataset_of(lesson.problems.train),
        scored=scored,
        callback=_callback(lesson),
    )
    stopping = StopCallback(lambda: scorer_for(lesson.scoring).stopped)
    trainer.add_callback(stopping)
    checkpoint = lesson.checkpoint
    done = 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
    lesson.display.begin("train", lesson.recipe.trainer.max_steps, done)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    lesson.display.end()
    trainer.save_model(str(lesson.folder / "model"))
    if lesson.records is not None and lesson.recipe.trainer.algorithm == "grape":
        trainer.save_history(lesson.folder)
    step = int(trainer.state.global_step)
    if stopping.reason:
        raise RunStopped(
            f"stopped after step {step}: {stopping.reason}\nthe model and a checkpoint are kept in"
            f" {lesson.folder}; go on from there with --resume"
        )
    return Learned(trainer.accelerator.unwrap_model(trainer.model), step)


def _callback(lesson: Lesson) -> Any:
    from .records.callbacks import RunCallback

    if lesson.records is None:
        return None
    every = lesson.recipe.evaluation.every_steps
    return RunCallback(lesson.records, lesson.evaluator.scorer.names, lesson.evaluator, every)


def _rounds(lesson: Lesson) -> Path:
    from .rounds.run import train_in_rounds

    return train_in_rounds(
        lesson.recipe,
        lesson.folder,
        algorithm=cast(Any, lesson.recipe.trainer.algorithm),
        start=lesson.start,
        tokenizer=lesson.tokenizer,
        problems=lesson.problems,
        scorer=scorer_for(lesson.scoring),
        evaluator=lesson.evaluator,
        records=lesson.records,
        display=lesson.display,
    )


def _offline(lesson: Lesson) -> Path:
    from .rounds.preferences import train_offline

    return train_offline(
        lesson.recipe,
        lesson.folder,
        algorithm=cast(Any, lesson.recipe.trainer.algorithm),
        start=lesson.start,
        tokenizer=lesson.tokenizer,
        evaluator=lesson.evaluator,
        records=lesson.records,
        display=lesson.display,
        checkpoint=lesson.checkpoint,
    )
