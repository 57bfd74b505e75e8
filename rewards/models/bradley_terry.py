"""``rm.bradley_terry``: reward models whose score of an answer was learned from preferences.

Any sequence-classification checkpoint of transformers. Scores are raw unless the model's card or
the recipe says how to read them; a text's score depends on no other text (but see ``normalise:
batch``, and 16-bit weights). Several models share one process and device as an ensemble; sources of
their own have a process each.

Not covered: servers (``rm.remote``), process rewards, training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import ConfigError
from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .ensemble import combined
from .network import RewardNetwork
from .normaliser import normalised_by_batch
from .reading import Reading, read_samples
from .settings import BradleyTerrySettings

__all__ = ["BradleyTerry"]


@dataclass(slots=True)
class _Model:
    """A network under the name that its parts and evidence have."""

    name: str
    network: RewardNetwork
    fingerprint: str
    """Of the files, taken once."""
    how: str = ""
    """``raw``, ``saved``, ``batch`` or the kind of calibrator."""
    readings: list[Reading] = field(default_factory=list)


@source("rm.bradley_terry", version="1", scale="real", arity="batch", runs="device")
class BradleyTerry:
    """A reward model's score of the conversation, raw or as its card says; see ``normalise``.

    ``parts``: each model's raw score, and its normalised one. ``evidence``: ``tokens``, and
    ``truncated`` with counts where a text was cut. ``confidence`` of an ensemble: 1 / (1 + variance
    of its models). Scores that are not calibrated compare answers to one prompt only. A text that
    the template refuses, or that does not fit into memory, is ``failed``.
    """

    def __init__(self, settings: BradleyTerrySettings) -> None:
        self.settings = settings
        names = _names([model.path for model in settings.all_models])
        self._models = [
            _Model(name, RewardNetwork(model, settings), model.fingerprint)
            for name, model in zip(names, settings.all_models, strict=True)
        ]
        for model in self._models:
            model.how = _how(model.network, settings)
        if len(self._models) > 1 and any(model.how == "raw" for model in self._models):
            raw = [model.name for model in self._models if model.how == "raw"]
            raise ConfigError(
                f"rm.bradley_terry.models: {', '.join(raw)}: has no normaliser on its card, and raw"
                " scores of several models cannot be put together; fit one, or give normalise:"
                " batch"
            )

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        for model in self._models:
            model.readings = read_samples(model.network, samples, self.settings.activation)
            self._place(model, samples)
        verdicts = [self._verdict(place) for place in range(len(samples))]
        for model in self._models:
            model.readings = []
        return verdicts

    def _place(self, model: _Model, samples: Sequence[Sample]) -> None:
        """Take off length, and give the scores their level and unit."""
        card, rows = model.network.card, []
        for reading, sample in zip(model.readings, samples, strict=True):
            if reading.raw is None:
                continue
            if self.settings.length_controlled and card.length is not None:
                reading.length = card.length.removes(sample.text)
            reading.score = reading.raw - reading.length
            rows.append(reading)
        if model.how == "batch":
            scores = normalised_by_batch([r.score for r in rows if r.score is not None])
            for reading, score in zip(rows, scores, strict=True):
                reading.score = score
        place = card.calibrator if self.settings.calibrated else card.normaliser
        if model.how not in ("raw", "batch") and place is not None:
            for reading in rows:
                assert reading.score is not None
                reading.score = place(reading.score)

    def _verdict(self, place: int) -> Verdict:
        readings = {model.name: model.readings[place] for model in self._models}
        fault = next((r.fault for r in readings.values() if r.fault), "")
        evidence = self._evidence(readings)
        if fault:
            return Verdict.unscored(Status.FAILED, fault, evidence=evidence)
        scores = [r.score for r in readings.values() if r.score is not None]
        settings = self.settings
        score, confidence = combined(scores, settings.combine, settings.k)
        if settings.score_scale == "unit":
            score = min(max(score, 0.0), 1.0)  # mean - k std may leave the scale
        tokens = sum(len(r.tokens.ids) for r in readings.values() if r.tokens is not None)
        return Verdict.scored(
            score,
            None if settings.pass_at is None else score >= settings.pass_at,
            self._reason(score, readings),
            confidence=confidence,
            parts=_parts(readings),
            evidence=evidence,
            cost={"tokens": float(tokens)},
        )

    def _reason(self, score: float, readings: Mapping[str, Reading]) -> str:
        how = " and ".join(sorted({model.how for model in self._models}))
        cut = any(r.tokens is not None and r.tokens.truncated for r in readings.values())
        of = f"{self.settings.combine} of {len(readings)} models, " if len(readings) > 1 else ""
        length = ", without the part of length" if self.settings.length_controlled else ""
        return f"{score:.4g} ({of}{how}{length}){', of a text that was cut' if cut else ''}"

    def _evidence(self, readings: Mapping[str, Reading]) -> dict[str, Any]:
        """What the score rests on, the same keys for every sample of a run."""
        shown: dict[str, Any] = {"truncated": None, "models": {}}
        for model in self._models:
            reading = readings[model.name]
            tokens = reading.tokens
            entry: dict[str, Any] = {
                "path": model.network.settings.path,
                "fingerprint": model.fingerprint,
                "scored_as": model.how,
                "weight_bytes": model.network.weight_bytes,
            }
            if self.settings.length_controlled:
                entry["length_removed"] = reading.length
            if tokens is not None:
                entry |= {"tokens": len(tokens.ids), "special_text": tokens.guarded}
                shown["truncated"] = shown["truncated"] or tokens.truncated
            if model.network.batcher.halved:
                entry["memory_ran_out"] = model.network.batcher.halved
                entry["batch_tokens"] = model.network.batcher.tokens
            shown["models"][model.name] = entry
        shown["comparable"] = "everywhere" if self.settings.calibrated else "within a prompt"
        return shown


def _how(network: RewardNetwork, settings: BradleyTerrySettings) -> str:
    """How a model's scores are read, once its card is known. Raises ``ConfigError``."""
    card, path = network.card, network.settings.path
    fit = "fit one with assay.rewards.models.fit"
    if settings.length_controlled and card.length is None:
        raise ConfigError(f"{path}: length_controlled needs a slope on the model's card; {fit}")
    wanted = "calibrator" if settings.calibrated else "normaliser"
    saved = card.calibrator if settings.calibrated else card.normaliser
    if saved is None and (settings.calibrated or settings.normalise == "saved"):
        raise ConfigError(f"{path}: there is no {wanted} on the model's card; {fit}")
    if settings.normalise in ("batch", "none") and not settings.calibrated:
        return "batch" if settings.normalise == "batch" else "raw"
    if saved is None:
        return "raw"
    if card.after_length != settings.length_controlled:
        told = "without the part of length" if card.after_length else "with all of length"
        raise ConfigError(
            f"{path}: the card's {wanted} was fitted on scores {told}; set length_controlled to"
            f" {str(card.after_length).lower()}, or {fit}"
        )
    return getattr(saved, "kind", "saved")


def _parts(readings: Mapping[str, Reading]) -> dict[str, float]:
    if len(readings) == 1:
        (reading,) = readings.values()
        return {"raw": reading.raw or 0.0}
    found: dict[str, float] = {}
    for name, reading in readings.items():
        found |= {name: reading.score or 0.0, f"{name}:raw": reading.raw or 0.0}
    return found


def _names(paths: Sequence[str]) -> list[str]:
    """The last part of each path, numbered where two are alike."""
    bare = [path.rstrip("/").rpartition("/")[2] or path for path in paths]
    return [n if bare.count(n) == 1 else f"{n}#{i}" for i, n in enumerate(bare)]
