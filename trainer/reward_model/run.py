"""``assay train`` with ``algorithm: reward_model``: comparisons in, a model and its card out.

The run folder is that of every run: ``recipe.yaml``, ``start/`` (of a built-in model), ``model/``
with ``assay_reward.json``, ``checkpoints/``, ``metrics.jsonl``, ``rollouts.parquet`` (held-out
answers with their scores), ``evaluation.json``, ``environment.json``, ``report.html``.

Not covered: several processes; a warm start (start from a model that was trained).
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ...core.agreement import Rate
from ...core.types import Reward, Status, Verdict
from ...rewards.models.network import most_tokens
from ...rewards.models.texts import Reader
from ..config import TrainingRecipe
from ..data import Problems
from ..environment import describe_environment, prepare_process, training_settings
from ..folder import claim_folder, last_checkpoint, read_json, write_json
from ..records.metrics_log import MetricsLog
from ..records.progress import Display
from ..records.rollouts import RolloutLog
from ..report.page import write_report
from ..rounds.learn import check_settings
from ..rounds.store import new_folder
from ..run import RunResult
from .measure import Scored, accuracy, calibration, measures
from .raters import RaterEffect, rater_effect
from .rows import Comparison, Split, load_split

__all__ = ["accuracy_line", "train_reward_model"]

SOURCE = "reward_model"
"""What the model's verdicts are called in ``rollouts.parquet``."""


@dataclass(frozen=True, slots=True)
class _Run:
    recipe: TrainingRecipe
    folder: Path
    split: Split
    display: Display
    checkpoint: Path | None

    @property
    def done(self) -> int | None:
        """The step a resumed run goes on from."""
        return None if self.checkpoint is None else int(self.checkpoint.name.rpartition("-")[2])


def train_reward_model(
    recipe: TrainingRecipe,
    out: Path | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    console: Console | None = None,
    announce: bool = True,
) -> RunResult:
    """Train a reward model; arguments and errors are those of ``trainer.run.train``.

    ``before`` and ``after`` are the halves of ``evaluation.json``: held-out ``pairs`` in order, and
    after training ``slices``, ``raters``, ``calibration`` and ``rater_effects``.
    """
    started = time.monotonic()
    prepare_process(recipe)
    folder = out or Path("runs") / recipe.name
    display = Display(console)
    try:
        with training_settings(recipe, folder):
            run = _begin(recipe, folder, display, resume=resume, overwrite=overwrite)
            steps, halves = _stages(run)
    finally:
        display.end()
    result = RunResult(
        run_dir=str(folder),
        steps=steps,
        seconds=round(time.monotonic() - started, 1),
        before=halves["before"],
        after=halves["after"],
    )
    display.note(f"report: {folder / 'report.html'}  ({result['seconds']:.0f} s)")
    if announce:
        sys.stdout.write(accuracy_line(result) + "\n")
        sys.stdout.flush()
    return result


def accuracy_line(result: RunResult) -> str:
    """``held-out pairs: 0.497 -> 0.870 (n=2000)``: pairs in the right order, before and after."""
    before, after = result["before"]["pairs"], result["after"]["pairs"]
    shares = [f"{part['rate']:.3f}" if part["n"] else "none" for part in (before, after)]
    return f"held-out pairs: {' -> '.join(shares)} (n={after['n']})"


def _begin(
    recipe: TrainingRecipe, folder: Path, display: Display, *, resume: bool, overwrite: bool
) -> _Run:
    """Check what can be checked before something is computed, then claim the folder."""
    check_settings(recipe, "reward_model")
    split = load_split(recipe)
    checkpoint = last_checkpoint(folder) if resume else None
    claim_folder(folder, recipe, resume=resume, overwrite=overwrite)
    write_json(folder / "environment.json", describe_environment(recipe.seed))
    run = _Run(recipe, folder, split, display, checkpoint)
    if resume:
        display.note(f"going on after {run.done}" if run.done else "no checkpoint yet")
    raters = f", {len(split.raters)} raters" if split.raters else ""
    display.note(f"{len(split.train)} rows to learn from, {len(split.held_out)} held out{raters}")
    return run


def _stages(run: _Run) -> tuple[int, dict[str, Any]]:
    """Start model, training, evaluation, card, report; (steps, ``evaluation.json``)."""
    from ..start import load_tokenizer, prepare_start

    start = prepare_start(run.recipe, Problems([], []), run.folder, run.display)
    tokenizer = load_tokenizer(start)
    reader = _reader(run.recipe, start, tokenizer)
    metrics = MetricsLog(run.folder / "metrics.jsonl", run.done)
    try:
        steps = _learn(run, start, reader, metrics)
        after = _evaluate(run, start, reader)
        metrics.write(steps, "eval", {"accuracy": after["pairs"]["rate"]})
    finally:
        metrics.close()
    halves = {**read_json(run.folder / "evaluation.json"), "after": after}
    write_json(run.folder / "evaluation.json", halves)
    write_report(run.folder)
    return steps, halves


def _reader(recipe: TrainingRecipe, start: Path | str, tokenizer: Any) -> Reader:
    from transformers import AutoConfig

    settings = recipe.trainer.reward_model
    most = most_tokens(settings.max_tokens, AutoConfig.from_pretrained(str(start)), tokenizer)
    return Reader(tokenizer, most, settings.truncate, settings.append_eos)


def _learn(run: _Run, start: Path | str, reader: Reader, metrics: MetricsLog) -> int:
    """Train and save ``model/``; the steps."""
    from .callback import RewardCallback
    from .fit import Fit, saved, score_rows

    fit = Fit(run.recipe, start, reader, run.folder / "checkpoints", run.recipe.trainer.save_steps)

    def measure(model: Any) -> Rate:
        scores = score_rows(model, run.split.held_out, reader)
        return accuracy(Scored.of(run.split.held_out, scores))

    every = run.recipe.evaluation.every_steps
    trainer, cut = fit.trainer(
        run.split.train, [RewardCallback(metrics, run.display, measure, every)]
    )
    if cut:
        run.display.note(f"{cut} answers are longer than {reader.max_tokens} tokens and were cut")
    _evaluate_start(run, trainer.model, measure, cut)
    total = trainer.args.max_steps
    run.display.begin(
        "train", total if total > 0 else fit.steps(len(run.split.train)), run.done or 0
    )
    trainer.train(resume_from_checkpoint=None if run.checkpoint is None else str(run.checkpoint))
    run.display.end()
    with new_folder(run.folder / "model") as draft:
        saved(trainer, reader.tokenizer, draft)
    return int(trainer.state.global_step)


def _evaluate_start(run: _Run, model: Any, measure: Any, cut: int) -> None:
    """The first half of ``evaluation.json``; a resumed run has it already."""
    path = run.folder / "evaluation.json"
    if run.done is not None and "before" in read_json(path):
        return
    write_json(path, {"before": {"pairs": measure(model).to_json(), "answers_cut": cut}})


def _evaluate(run: _Run, start: Path | str, reader: Reader) -> dict[str, Any]:
    """The second half of ``evaluation.json``; also writes the card and the scored answers."""
    from .card import anchors_of, score_folder, write_card

    recipe, rows, model = run.recipe, run.split.held_out, run.folder / "model"
    scored = Scored.of(rows, score_folder(model, rows, recipe))
    anchors = anchors_of(recipe, run.split.train)
    card = write_card(model, anchors, scored, recipe)
    found = measures(scored)
    settings = recipe.trainer.reward_model
    if card.calibrator is not None and settings.calibrator is not None:
        found["calibration"] = calibration(settings.calibrator, scored)
    if card.normaliser is not None:
        found["normaliser"] = card.normaliser.model_dump()
    if settings.leave_one_rater_out:
        effects = _rater_effects(run, start, reader, scored)
        found["rater_effects"] = {effect.rater: effect.to_json() for effect in effects}
    _write_answers(run, scored)
    _show(run, found)
    return found


def _rater_effects(
    run: _Run, start: Path | str, reader: Reader, everyone: Scored
) -> list[RaterEffect]:
    """A training without each rater, held against the model that learned from all."""
    import tempfile

    from .fit import Fit, score_rows

    found = []
    for rater in sorted({row.rater for row in run.split.train if row.rater}):
        kept = [row for row in run.split.train if row.rater != rater]
        if not kept:
            continue
        run.display.note(f"training without rater {rater}: {len(kept)} rows")
        with tempfile.TemporaryDirectory() as scratch:
            trainer, _ = Fit(run.recipe, start, reader, Path(scratch), None).trainer(kept, [])
            trainer.train()
        model = trainer.accelerator.unwrap_model(trainer.model)
        without = replace(everyone, scores=score_rows(model, everyone.rows, reader))
        effect = rater_effect(rater, len(run.split.train) - len(kept), everyone, without)
        found += [] if effect is None else [effect]
    return found


def _show(run: _Run, found: dict[str, Any]) -> None:
    pairs, note = Rate(found["pairs"]["count"], found["pairs"]["n"]), run.display.note
    low, high = pairs.interval
    note(f"held-out pairs in order: {pairs.share or 0.0:.3f} [{low:.3f}, {high:.3f}] (n={pairs.n})")
    for name, part in found.get("slices", {}).items():
        note(f"  {name}: {part['rate']:.3f} (n={part['n']})")
    for name, effect in found.get("rater_effects", {}).items():
        said = "  <- look at this rater" if effect["suspect"] else ""
        note(
            f"  without rater {name}: {effect['others_with']:.3f} ->"
            f" {effect['others_without']:.3f} for the others{said}"
        )


def _write_answers(run: _Run, scored: Scored) -> None:
    """Every held-out answer with its score, as ``assay score`` would write it."""
    path = run.folder / "rollouts.parquet"
    path.unlink(missing_ok=True)  # a resumed run scores them anew
    log, steps = RolloutLog(run.folder, (SOURCE,), None), 0
    for row, scores in zip(scored.rows, scored.scores, strict=True):
        samples = [
            replace(sample, ground_truth=worth, extra=_origin(row))
            for sample, worth in zip(row.samples, row.worth, strict=True)
        ]
        log.add(samples, [_reward(score) for score in scores], step=steps, split="eval")
    log.close()


def _origin(row: Comparison) -> dict[str, str]:
    return {name: said for name, said in (("subset", row.subset), ("rater", row.rater)) if said}


def _reward(score: float) -> Reward:
    verdict = Verdict.scored(score, None, "raw score", source=SOURCE)
    return Reward(
        value=score, unshaped=score, passed=None, status=Status.SCORED, verdicts={SOURCE: verdict}
    )
