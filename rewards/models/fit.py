"""Fitting what a reward model's card holds, from anchors and labels, in this process.

    from assay.rewards.models.fit import fit_card
    fit_card("my-reward-model", anchors, labels=labels, calibrator="platt")

Anchors are samples whose scores give the level and unit: SFT answers to the training prompts, say.
Labels, where they exist, say which of them are right. Not covered: training the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ...core.calibration import Calibrator, fit_isotonic, fit_platt
from ...core.errors import ConfigError
from ...core.types import Sample
from .card import Card, Golden, save_card
from .length import LengthControl, fit_length_control
from .network import RewardNetwork
from .normaliser import fit_normaliser
from .reading import Activation, read_samples
from .settings import LocalSettings, ModelSettings

__all__ = ["fit_card"]

_GOLDEN = 8


def fit_card(
    folder: str | Path,
    anchors: Sequence[Sample],
    *,
    labels: Sequence[bool] | None = None,
    calibrator: Literal["platt", "isotonic"] | None = None,
    unit_variance: bool = True,
    length: bool = False,
    golden: int = _GOLDEN,
    fitted_on: str = "",
    save: bool = True,
    model_settings: Mapping[str, Any] | None = None,
    activation: Activation = "none",
    **settings: Any,
) -> Card:
    """Score the anchors and write the model's ``assay_reward.json``, in place of an older one.

    Args:
        folder: the model's.
        anchors: two and more; those without a score (none fits into memory) are left out.
        labels: whether each is right, for ``calibrator``.
        calibrator: ``platt`` from a few hundred labels, ``isotonic`` from a thousand.
        unit_variance: else scores are only centred.
        length: also fit the slope of length, and the rest on scores without that part.
        golden: so many anchors, spread over the scores, become golden texts.
        fitted_on: a note for the card.
        save: False: only return the card.
        model_settings, activation: as the recipe will have them (``pooling``, ``label``...).
        settings: where it runs (``device``, ``max_tokens``...).

    Raises ``ConfigError`` where a part cannot be fitted.
    """
    _check(anchors, labels, calibrator)
    model = ModelSettings.model_validate({"path": str(folder), **(model_settings or {})})
    network = RewardNetwork(model, LocalSettings(**settings), card=Card())
    readings = read_samples(network, anchors, activation)
    kept = [i for i, reading in enumerate(readings) if reading.raw is not None]
    scores = [reading.raw for reading in readings if reading.raw is not None]
    outputs = [reading.output for reading in readings if reading.output is not None]
    texts = [anchors[i].text for i in kept]
    groups = [anchors[i].group_key for i in kept]
    control = _control(scores, texts, groups) if length else None
    placed = scores
    if control is not None:
        placed = [s - control.removes(t) for s, t in zip(scores, texts, strict=True)]
    card = Card(
        golden=_golden([anchors[i] for i in kept], outputs, golden),
        length=control,
        normaliser=fit_normaliser(placed, unit_variance=unit_variance),
        calibrator=_calibrator(calibrator, placed, [labels[i] for i in kept] if labels else []),
        after_length=length,
        fitted_on=fitted_on,
    )
    if save:
        save_card(folder, card)
    return card


def _check(
    anchors: Sequence[Sample], labels: Sequence[bool] | None, calibrator: str | None
) -> None:
    if (labels is None) != (calibrator is None):
        raise ConfigError("fit_card: labels and calibrator go together; give both or neither")
    if labels is not None and len(labels) != len(anchors):
        raise ConfigError(
            f"fit_card.labels: must be one for each anchor ({len(anchors)}), got {len(labels)}"
        )


def _control(scores: Sequence[float], texts: Sequence[str], groups: Sequence[str]) -> LengthControl:
    """Within prompts where they have several answers, else over all."""
    shared = len(set(groups)) < len(groups)
    return fit_length_control(scores, texts, groups if shared else None)


def _calibrator(
    kind: str | None, scores: Sequence[float], labels: Sequence[bool]
) -> Calibrator | None:
    if kind is None:
        return None
    return fit_platt(scores, labels) if kind == "platt" else fit_isotonic(scores, labels)


def _golden(samples: Sequence[Sample], scores: Sequence[float], most: int) -> tuple[Golden, ...]:
    """From the lowest to the highest score in equal steps."""
    order = sorted(range(len(samples)), key=scores.__getitem__)
    most = min(most, len(order))
    picked = [order[i * (len(order) - 1) // max(most - 1, 1)] for i in range(most)]
    return tuple(_golden_of(samples[i], scores[i]) for i in picked)


def _golden_of(sample: Sample, score: float) -> Golden:
    return Golden(prompt=_json(sample.prompt), completion=_json(sample.completion), score=score)


def _json(value: Any) -> Any:
    return value if isinstance(value, str) else [dict(message) for message in value]
