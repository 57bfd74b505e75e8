"""``assay train``: a recipe in, a trained model, its records and a report out.

The run folder holds ``recipe.yaml`` (as resolved), ``start/`` and ``model/``, ``checkpoints/``,
``metrics.jsonl``, ``rollouts.parquet``, ``evaluation.json``, ``environment.json``,
``tensorboard/``, ``plots/`` and ``report.html``.

Covered: one process, and data parallelism under ``accelerate launch``, where only the main process
evaluates, writes and speaks. Not covered: evaluation of models that are sharded over ranks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rich.console import Console

from ..bridges.scorers import close_scorers, frozen_recipe, scorer_for
from ..core.errors import RunStopped
from .config import TrainingRecipe
from .data import Problems, load_problems
from .environment import describe_environment, prepare_process, training_settings
from .evaluate import Evaluator
from .folder import claim_folder, read_json, write_json
from .health.facts import roles_of
from .health.log import HEALTH_FILE, HealthLog
from .health.monitor import HealthMonitor, relaxed_clipping
from .learn import Learned, Lesson, asked_by, check_algorithm, learn, progress_of
from .records.metrics_log import MetricsLog
from .records.progress import Display
from .records.rollouts import RolloutLog
from .report.page import write_report

if TYPE_CHECKING:  # it imports transformers, which takes seconds
    from .records.callbacks import RunRecords

__all__ = ["RunResult", "accuracy_line", "train"]


class RunResult(TypedDict):
    """What a run came to; a JSON object."""

    run_dir: str
    steps: int
    seconds: float
    """Wall time of this call."""
    before: dict[str, Any]
    after: dict[str, Any]
    """The halves of ``evaluation.json``; empty in processes other than the main one."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What the stages of a run share."""

    recipe: TrainingRecipe
    scoring: str
    """The recipe's scoring part, frozen: the name of its Scorer in this process."""
    folder: Path
    problems: Problems
    arguments: Any
    checkpoint: Path | None
    resume_at: int | None
    """The step (or round) a resumed run goes on from."""
    display: Display

    @property
    def main(self) -> bool:
        """Whether this is the main process."""
        return self.arguments is None or bool(self.arguments.process_index == 0)


def train(
    recipe: TrainingRecipe,
    out: Path | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    console: Console | None = None,
    announce: bool = True,
) -> RunResult:
    """Train by a recipe.

    Args:
        out: the run folder; by default ``runs/<name of the recipe>``.
        resume: go on from the folder's last checkpoint; from the start where there is none.
        overwrite: remove the run that is in the folder, once the recipe has been checked.
        console: where progress is shown; by default standard error.
        announce: write the accuracies before and after to standard output, as the last line.

    Raises ``ConfigError`` for a wrong recipe, or for a folder that holds another run, before
    anything is computed; ``RunStopped`` where a source ends the run (its budget is spent): what
    was done is kept, with a report, and can be resumed.
    """
    if recipe.trainer.algorithm == "reward_model":
        from .reward_model.run import train_reward_model

        return train_reward_model(
            recipe, out, resume=resume, overwrite=overwrite, console=console, announce=announce
        )
    started = time.monotonic()
    prepare_process(recipe)
    folder = out or Path("runs") / recipe.name
    scoring = frozen_recipe(recipe.scoring())
    display = Display(console)
    try:
        with training_settings(recipe, folder):
            run = _begin(recipe, scoring, folder, display, resume=resume, overwrite=overwrite)
            steps, halves = _reported(run)
    finally:
        display.end()
        close_scorers(scoring)
    result = RunResult(
        run_dir=str(folder),
        steps=steps,
        seconds=round(time.monotonic() - started, 1),
        before=halves.get("before", {}),
        after=halves.get("after", {}),
    )
    if run.main:
        display.note(f"report: {folder / 'report.html'}  ({result['seconds']:.0f} s)")
        if announce:
            sys.stdout.write(accuracy_line(result) + "\n")
            sys.stdout.flush()
    return result


def accuracy_line(result: RunResult) -> str:
    """``held-out accuracy: 0.410 -> 0.835 (n=400)``: greedy answers, before and after."""
    before, after = result["before"]["greedy"], result["after"]["greedy"]
    change = f"{before['pass_rate']:.3f} -> {after['pass_rate']:.3f}"
    return f"held-out accuracy: {change} (n={after['n']})"


def _begin(
    recipe: TrainingRecipe,
    scoring: str,
    folder: Path,
    display: Display,
    *,
    resume: bool,
    overwrite: bool,
) -> _Run:
    """Check what can be checked before something is computed, then claim the folder."""
    from transformers import set_seed

    scorer_for(scoring)  # checks sources, names and settings; starts no worker
    problems = load_problems(recipe)
    arguments = check_algorithm(recipe, folder)
    checkpoint, done = progress_of(recipe, folder) if resume else (None, None)
    run = _Run(recipe, scoring, folder, problems, arguments, checkpoint, done, display)
    display.shown = run.main
    if run.main:
        claim_folder(folder, recipe, resume=resume, overwrite=overwrite)
        write_json(folder / "environment.json", describe_environment(recipe.seed))
    if resume:
        display.note(f"going on after {done}" if done else "no checkpoint yet")
    set_seed(recipe.seed)
    return run


def _reported(run: _Run) -> tuple[int, dict[str, Any]]:
    """``_stages``; a run that a source ended gets its report too."""
    try:
        return _stages(run)
    except RunStopped:
        if run.main:
            write_report(run.folder)
        raise


def _stages(run: _Run) -> tuple[int, dict[str, Any]]:
    """Start model, evaluation, training, evaluation, report; (steps, ``evaluation.json``)."""
    start = _start(run)
    tokenizer, evaluator = _evaluator(run, start)
    with _records(run, evaluator.scorer.names) as records:
        _evaluate_start(run, evaluator, records, start)
        learned = learn(
            Lesson(
                recipe=run.recipe,
                folder=run.folder,
                problems=run.problems,
                arguments=run.arguments,
                checkpoint=run.checkpoint,
                display=run.display,
                start=start,
                tokenizer=tokenizer,
                evaluator=evaluator,
                records=records,
                scoring=run.scoring,
            )
        )
        _evaluate_end(run, evaluator, records, learned)
    steps = learned.step
    if not run.main:
        return steps, {}
    write_report(run.folder)
    return steps, read_json(run.folder / "evaluation.json")


def _start(run: _Run) -> Path | str:
    """Where the start model lies; the main process prepares it, the others wait for it."""
    from .start import prepare_start

    first = run.arguments and run.arguments.main_process_first(local=False, desc="start model")
    with first or nullcontext():
        return prepare_start(run.recipe, run.problems, run.folder, run.display)


def _evaluator(run: _Run, start: Path | str) -> tuple[Any, Evaluator]:
    """The tokenizer, and what asks the held-out problems."""
    from .start import load_tokenizer

    tokenizer = load_tokenizer(start)
    evaluator = Evaluator(
        problems=run.problems.held_out,
        scorer=scorer_for(run.scoring),
        tokenizer=tokenizer,
        settings=run.recipe.evaluation,
        max_completion_length=run.recipe.trainer.max_completion_length,
        seed=run.recipe.seed,
        asked=asked_by(run.recipe),
    )
    return tokenizer, evaluator


@contextmanager
def _records(run: _Run, sources: tuple[str, ...]) -> Iterator[RunRecords | None]:
    """Where the main process writes; None in the others. What is there is kept on any exit."""
    from .records.callbacks import RunRecords

    if not run.main:
        yield None
        return
    rollouts = RolloutLog(run.folder, sources, run.resume_at)
    metrics = MetricsLog(run.folder / "metrics.jsonl", run.resume_at)
    monitor = HealthMonitor(run.recipe.trainer.health, roles_of(run.recipe))
    health = HealthLog(run.folder / HEALTH_FILE, monitor, run.resume_at)
    if run.resume_at is None:
        _forewarn(run, health)
    try:
        yield RunRecords(metrics, rollouts, run.display, health)
        rollouts.close()
    except BaseException:
        rollouts.join()  # readable now, and the parts stay for a resumed run
        raise
    finally:
        metrics.close()
        health.close()


def _forewarn(run: _Run, health: HealthLog) -> None:
    """What is known to be risky before anything is measured."""
    section = run.recipe.trainer
    if section.loss == "sequence_sum" and section.health.enabled:
        warning = relaxed_clipping()
        health.tell(warning)
        run.display.note(f"warning: {warning.line}")


def _evaluate_start(
    run: _Run, evaluator: Evaluator, records: RunRecords | None, start: Path | str
) -> None:
    """The first half of ``evaluation.json``; a resumed run has it already."""
    from .start import load_model

    path = run.folder / "evaluation.json"
    if records is None or (run.resume_at is not None and "before" in read_json(path)):
        return
    model = load_model(start, run.recipe.model.dtype)
    write_json(path, {"before": _evaluate(run, evaluator, records, model, step=0)})


def _evaluate_end(
    run: _Run, evaluator: Evaluator, records: RunRecords | None, learned: Learned
) -> None:
    """The second half of ``evaluation.json``."""
    if records is None:
        return
    found = _evaluate(run, evaluator, records, learned.model, step=learned.step)
    path = run.folder / "evaluation.json"
    write_json(path, {**read_json(path), "after": found})


def _evaluate(
    run: _Run, evaluator: Evaluator, records: RunRecords, model: Any, *, step: int
) -> dict[str, Any]:
    found, outcome = evaluator.report(model)
    if evaluator.scorer.stopped:
        raise RunStopped(
            f"stopped in the evaluation at step {step}: {evaluator.scorer.stopped}\nwhat was done"
            f" before is kept in {run.folder}; go on from there with --resume"
        )
    records.metrics.write(step, "eval", outcome.metrics())
    records.rollouts.add(outcome.samples, outcome.rewards, step=step, split="eval")
    rates = "  ".join(f"{how} {found[how]['pass_rate']:.3f}" for how in ("greedy", "sampled"))
    when = "after" if step else "before"
    run.display.note(f"held out, {when}: {rates}  (n={found['greedy']['n']})")
    return found
