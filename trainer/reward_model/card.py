"""The card of a trained reward model: level and unit by anchors, probabilities by held-out labels.

Everything is scored as ``rm.bradley_terry`` scores it, from the folder that was written. Not
covered: the slope of length (``assay.rewards.models.fit`` fits it, with anchors of one's choice).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.types import Sample
from ...rewards.models.card import Card, save_card
from ...rewards.models.fit import fit_card
from ...rewards.models.network import RewardNetwork
from ...rewards.models.reading import read_samples
from ...rewards.models.settings import LocalSettings, ModelSettings
from ..config import TrainingRecipe
from ..data import open_rows
from ..rounds.rows import text_or_messages
from .measure import Scored, fit_calibrator
from .rows import Comparison

__all__ = ["anchors_of", "score_folder", "write_card"]


def score_folder(
    folder: Path, rows: Sequence[Comparison], recipe: TrainingRecipe
) -> list[list[float]]:
    """The raw scores of all answers, by the checkpoint on disk.

    Raises ``DataError`` for an answer that cannot be scored (it fits into no memory).
    """
    model = ModelSettings(path=str(folder), append_eos=recipe.trainer.reward_model.append_eos)
    network = RewardNetwork(model, LocalSettings(**_local(recipe)), card=Card())
    samples = [sample for row in rows for sample in row.samples]
    readings = read_samples(network, samples)
    fault = next((reading.fault for reading in readings if reading.fault), "")
    if fault:
        raise DataError(f"{folder}: a held-out answer cannot be scored: {fault}")
    flat = iter([reading.raw for reading in readings if reading.raw is not None])
    return [[next(flat) for _ in row.completions] for row in rows]


def write_card(
    folder: Path, anchors: Sequence[Sample], held_out: Scored, recipe: TrainingRecipe
) -> Card:
    """Fit and save ``assay_reward.json``; raises ``ConfigError`` where a part cannot be fitted."""
    settings = recipe.trainer.reward_model
    card = fit_card(
        folder,
        anchors,
        unit_variance=settings.unit_variance,
        fitted_on=_fitted_on(recipe, len(anchors)),
        save=False,
        model_settings={"append_eos": settings.append_eos},
        **_local(recipe),
    )
    if settings.calibrator is not None and settings.loss != "regression":
        calibrator = fit_calibrator(settings.calibrator, held_out)
        card = card.model_copy(update={"calibrator": calibrator})
    save_card(folder, card)
    return card


def anchors_of(recipe: TrainingRecipe, rows: Sequence[Comparison]) -> list[Sample]:
    """The samples that give level and unit: those of a file, or answers that were learned from."""
    settings = recipe.trainer.reward_model
    if settings.anchors is None:
        samples = [sample for row in rows for sample in row.samples]
    else:
        data = recipe.data.model_copy(update={"path": settings.anchors, "task": None})
        place = f"trainer.reward_model.anchors {settings.anchors}: row"
        samples = [_anchor(row, f"{place} {i}") for i, row in enumerate(open_rows(data), start=1)]
    return random.Random(recipe.seed).sample(  # noqa: S311 - one seed must give one choice
        samples, min(settings.n_anchors, len(samples))
    )


def _anchor(row: Any, where: str) -> Sample:
    absent = [name for name in ("prompt", "completion") if row.get(name) is None]
    if absent:
        raise DataError(f"{where}: the column {absent[0]!r} is missing")
    prompt, said = (text_or_messages(row[n], n, where) for n in ("prompt", "completion"))
    return Sample(prompt=prompt, completion=said)


def _fitted_on(recipe: TrainingRecipe, anchors: int) -> str:
    where = recipe.trainer.reward_model.anchors or "answers of the training rows"
    return f"{anchors} anchors ({where}); labels: held-out rows of {recipe.name}"


def _local(recipe: TrainingRecipe) -> dict[str, Any]:
    """How texts are read; always float32, as card and pairs are measured."""
    settings = recipe.trainer.reward_model
    return {
        "dtype": "float32",
        "max_tokens": settings.max_tokens,
        "truncate": settings.truncate,
        "threads": recipe.trainer.threads,
    }
