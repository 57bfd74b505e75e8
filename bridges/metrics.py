"""What one scored batch says, as scalars for a trainer's log.

Covered: the batch as the caller sees it; under data parallelism that is one rank's slice, which
the trainer averages. A rate with nothing to count is left out rather than logged as 0 or NaN.
Not covered: advantages and the trainer's own reward statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from ..core.types import Reward, Sample, Status, Verdict

__all__ = ["measure", "zero_variance_share"]

_SAME = 1e-8
"""Rewards of a group this close together are equal; TRL's own bound (``torch.isclose``)."""


def measure(
    samples: Sequence[Sample], rewards: Sequence[Reward], *, prefix: str, own: str
) -> dict[str, float]:
    """Metric name -> value.

    Of the rewards, under ``own``: ``pass_rate`` (of those that say), ``left_out_rate`` (no value),
    ``truncated_rate``, ``sample_faults`` (count of kills that followed the text),
    ``zero_variance_groups`` (share of the groups of two or more), ``cache_hit_rate`` (of the
    verdicts). Of each source, under ``prefix/<source>``: ``mean`` and ``pass_rate`` of its scores,
    ``fault_rate``, ``abstain_rate`` and ``bad_reference_rate`` of its verdicts, ``seconds`` (mean
    wall time of a verdict).
    """
    verdicts = [verdict for reward in rewards for verdict in reward.verdicts.values()]
    of_rewards = {
        "pass_rate": _mean(reward.passed for reward in rewards),
        "left_out_rate": _mean(reward.value is None for reward in rewards),
        "truncated_rate": _mean(sample.truncated for sample in samples),
        "sample_faults": float(sum(_blames_sample(verdict) for verdict in verdicts)),
        "zero_variance_groups": zero_variance_share(samples, rewards),
        "cache_hit_rate": _mean(verdict.cached for verdict in verdicts),
    }
    found = {f"{own}/{key}": value for key, value in of_rewards.items()}
    for name in _source_names(rewards):
        of_source = [r.verdicts[name] for r in rewards if name in r.verdicts]
        found |= {f"{prefix}/{name}/{key}": value for key, value in _of_source(of_source).items()}
    return {name: value for name, value in found.items() if value is not None}


def zero_variance_share(samples: Sequence[Sample], rewards: Sequence[Reward]) -> float | None:
    """Share of the groups whose rewards are all equal: they teach a group-relative trainer nothing.

    Counted are groups with at least two rewards; None when there is none.
    """
    groups: dict[str, list[float]] = {}
    for sample, reward in zip(samples, rewards, strict=True):
        if reward.value is not None:
            groups.setdefault(sample.group_key, []).append(reward.value)
    return _mean(max(v) - min(v) <= _SAME for v in groups.values() if len(v) > 1)


def _of_source(verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    return {
        "mean": _mean(verdict.score for verdict in verdicts),
        "pass_rate": _mean(verdict.passed for verdict in verdicts),
        "fault_rate": _mean(verdict.is_fault for verdict in verdicts),
        "abstain_rate": _mean(verdict.status is Status.ABSTAINED for verdict in verdicts),
        "bad_reference_rate": _mean(verdict.status is Status.BAD_REFERENCE for verdict in verdicts),
        "seconds": _mean(verdict.seconds for verdict in verdicts),
    }


def _source_names(rewards: Iterable[Reward]) -> list[str]:
    return sorted({name for reward in rewards for name in reward.verdicts})


def _blames_sample(verdict: Verdict) -> bool:
    return bool(verdict.evidence.get("sample_fault"))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None
