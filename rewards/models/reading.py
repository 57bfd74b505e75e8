"""What one model makes of samples: their tokens, and a raw score or why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...core.calibration import sigmoid
from ...core.types import Sample
from .batches import OutOfMemory
from .network import RewardNetwork
from .texts import TemplateFault, Tokens, messages_of

__all__ = ["Activation", "Reading", "read_samples"]

Activation = Literal["none", "sigmoid", "softmax"]


@dataclass(slots=True)
class Reading:
    """What one model makes of one sample."""

    tokens: Tokens | None = None
    raw: float | None = None
    """After the activation; None exactly when there is a fault."""
    output: float | None = None
    """Before the activation, as golden texts have it."""
    fault: str = ""
    length: float = 0.0
    """The part of length that was taken off."""
    score: float | None = None
    """After length, normaliser or calibrator."""


def read_samples(
    network: RewardNetwork, samples: Sequence[Sample], activation: Activation = "none"
) -> list[Reading]:
    """A reading of each sample, in order; a fault costs its own sample only."""
    readings = [_tokens_of(network, sample) for sample in samples]
    known = [(r, r.tokens) for r in readings if r.tokens is not None]
    for (reading, _), found in zip(
        known, network.outputs([tokens for _, tokens in known]), strict=True
    ):
        if isinstance(found, OutOfMemory):
            reading.fault = str(found)
            continue
        raw = network.score_of(activated(found, activation))
        if math.isfinite(raw):
            reading.raw, reading.output = raw, network.score_of(found)
        else:
            reading.fault = f"the model gave {raw}; float16 overflows where bfloat16 does not"
    return readings


def _tokens_of(network: RewardNetwork, sample: Sample) -> Reading:
    try:
        tokens = network.reader.read(messages_of(sample))
    except TemplateFault as error:
        return Reading(fault=str(error))
    if not tokens.ids:
        return Reading(fault="an empty text has no token to read a score at; give append_eos")
    return Reading(tokens=tokens)


def activated(outputs: Sequence[float], activation: Activation) -> Sequence[float]:
    """The outputs of a head after its activation. NaN in, NaN out."""
    if activation == "none" or not all(map(math.isfinite, outputs)):
        return outputs
    if activation == "sigmoid":
        return [sigmoid(x) for x in outputs]
    top = max(outputs)
    raised = [math.exp(x - top) for x in outputs]
    return [x / math.fsum(raised) for x in raised]
