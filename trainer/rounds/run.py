"""Expert iteration, and DPO, IPO and KTO online: write, score, select, learn; round after round.

A round answers some training problems with the model it starts from, scores the answers by the
recipe, selects by a rule of ``core.selection``, and trains by TRL on the selection. Sources:
expert iteration and rejection sampling (STaR, Zelikman et al. 2022; ReST-EM, Singh et al. 2023);
online DPO on best and worst of N (as Llama 2 and 3 report it); KTO (Ethayarajh et al. 2024).

A run that is killed at any point goes on from the last stage that was whole, and comes to the same
model as an undisturbed one. One process only; trackers (``report_to``) are not fed.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import RunStopped
from ...core.scorer import Scorer
from ...core.selection import (
    Label,
    Pair,
    ScoredRow,
    census,
    keep_rows,
    label_rows,
    make_pairs,
    row_of_record,
)
from ..config import TrainingRecipe
from ..data import Problems
from ..evaluate import Evaluator, rate
from ..folder import read_json, write_json
from ..records.progress import Display
from ..start import load_model
from .job import METHODS, Job, RoundsAlgorithm
from .learn import Plan, build_learner, check_settings, quiet_datasets
from .provenance import provenance, report_round
from .rows import kept_row, kept_schema, read_rows, text_row
from .sample import round_seed, sample_round
from .store import (
    FACTS,
    Round,
    drop_models,
    finished_rounds,
    new_folder,
    read_table,
    write_table,
)

if TYPE_CHECKING:  # it imports transformers, which takes seconds
    from ..records.callbacks import RunRecords

__all__ = ["train_in_rounds"]


def train_in_rounds(
    recipe: TrainingRecipe,
    folder: Path,
    *,
    algorithm: RoundsAlgorithm,
    start: Path | str,
    tokenizer: Any,
    problems: Problems,
    scorer: Scorer,
    evaluator: Evaluator | None,
    records: RunRecords | None,
    display: Display,
) -> Path:
    """Train in rounds, going on after those that ``folder`` holds; the folder of the last model.

    A line of metrics is written for each round, whose number is its ``step``; give ``MetricsLog``
    and ``RolloutLog`` ``finished_rounds(folder)`` as their ``resume_at`` to go on with them.

    Raises ``ConfigError`` under several processes, and for unknown keys in ``trainer.trl``.
    """
    check_settings(recipe, METHODS[algorithm])
    job = Job(
        recipe=recipe,
        folder=folder,
        algorithm=algorithm,
        start=start,
        tokenizer=tokenizer,
        problems=problems,
        scorer=scorer,
        evaluator=evaluator,
        records=records,
        display=display,
    )
    done, rounds = finished_rounds(folder), job.settings.rounds
    display.begin("rounds", rounds, done)
    for number in range(done + 1, rounds + 1):
        _round(job, number)
        drop_models(folder, number, job.settings.keep_models)
        display.step(number)
    display.end()
    return _publish(job)


def _round(job: Job, number: int) -> None:
    """One round; stages that are on disk are taken from there."""
    here, started = Round(job.folder, number), time.monotonic()
    if not here.sampled.exists():
        sample_round(
            job.recipe,
            job.problems.train,
            number=number,
            model=job.model_after(number - 1),
            tokenizer=job.tokenizer,
            scorer=job.scorer,
            target=here.sampled,
        )
    sampled = read_table(here.sampled)
    rows = [row_of_record(row) for row in sampled]
    if not here.kept.exists():
        kept = [text_row(kept_row(found)) for found in _select(job, rows)]
        write_table(here.kept, kept, kept_schema(job.method))
    counts = census(rows) | {"kept": len(read_table(here.kept))}
    facts = _learn(job, here, counts["kept"])
    held_out = _evaluate(job, here)
    seconds = round(time.monotonic() - started, 3)
    report_round(job, here, sampled, {**counts, **facts}, held_out)
    meta = provenance(job, sampled, here.number, counts=counts, training=facts, held_out=held_out)
    here.finish(meta | {"seconds": seconds})


def _select(job: Job, rows: Sequence[ScoredRow]) -> Sequence[ScoredRow | Pair | Label]:
    """What this round learns from."""
    match job.method:
        case "sft":
            return keep_rows(rows, job.settings.keep)
        case "kto":
            return label_rows(rows, job.settings.labels)
        case _:
            return make_pairs(rows, job.settings.pairs)


# learning ----------------------------------------------------------------------------------


def _learn(job: Job, here: Round, kept: int) -> dict[str, float]:
    """Train the round's model; how that went. A round that kept nothing passes its model on."""
    if not here.model.exists():
        with new_folder(here.model) as draft:
            facts = _trained(job, here, draft) if kept else _passed_on(job, here, draft)
            write_json(draft / FACTS, facts)
        _release()
    return read_json(here.model / FACTS)


def _trained(job: Job, here: Round, draft: Path) -> dict[str, float]:
    plan = Plan(
        method=job.method,
        model=job.trained_from(here.number),
        reference=job.reference(here.number),
        output=draft,
        seed=round_seed(job.recipe.seed, here.number),
        epochs=job.settings.epochs,
        steps=job.settings.steps,
    )
    rows = read_rows([here.kept], job.method)
    with quiet_datasets():
        trainer = build_learner(job.recipe, plan, rows, job.tokenizer)
        done = trainer.train()
    model = trainer.accelerator.unwrap_model(trainer.model)
    if job.recipe.model.lora is not None:
        model = model.merge_and_unload()  # the next round starts from a whole model
    model.save_pretrained(draft)
    job.tokenizer.save_pretrained(draft)
    return {"loss": float(done.training_loss), "steps": int(done.global_step)}


def _release() -> None:
    """Give back the memory of a trainer, which refers to itself, before the next model is read."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _passed_on(job: Job, here: Round, draft: Path) -> dict[str, float]:
    job.display.note(f"round {here.number}: nothing to learn from; the model stays as it is")
    model = load_model(job.model_after(here.number - 1), job.recipe.model.dtype)
    model.save_pretrained(draft)
    job.tokenizer.save_pretrained(draft)
    return {"steps": 0}


def _evaluate(job: Job, here: Round) -> dict[str, Any]:
    """Greedy accuracy on the held-out problems after the round, if it is one that has it."""
    due = here.number % job.settings.evaluate_every == 0 or here.number == job.settings.rounds
    if job.evaluator is None or not due:
        return {}
    if not here.held_out.exists():
        outcome = job.evaluator.ask(load_model(here.model, job.recipe.model.dtype))
        if job.scorer.stopped:
            raise RunStopped(
                f"stopped in the evaluation of round {here.number}: {job.scorer.stopped}\nits model"
                " is kept; go on from there with --resume"
            )
        found = {"greedy": rate(outcome.rewards), "metrics": outcome.metrics()}
        write_json(here.held_out, found)
    return read_json(here.held_out)


def _publish(job: Job) -> Path:
    """``model/`` of the run: that of its last round."""
    with new_folder(job.folder / "model") as draft:
        last = Round(job.folder, job.settings.rounds).model
        shutil.copytree(last, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns(FACTS))
    return job.folder / "model"
