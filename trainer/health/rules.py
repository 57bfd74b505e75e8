"""The rules of a run's health: pure functions of the last observations.

A rule gives a reading: how far it is on the way to its threshold (1 trips it), with what it saw.
None means too little data. Where a rule has two conditions, both must hold, so the reading is the
smaller of the two. Not covered: when a reading becomes a warning (``monitor``).

The signs are those of the texts: reward against length and length bias (tutorial 2.5, 6.3.8),
format without substance (6.3.6), KL drift, entropy and pass@k shrinking while pass@1 grows (6.4.6),
a proxy that rises while what it stands for falls (2.5: over-optimisation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance

from ...core.statistics import pearson
from .config import HealthConfig

__all__ = ["RULES", "Observation", "Reading", "Rule", "Seen"]


@dataclass(frozen=True, slots=True)
class Observation:
    """The facts of one line of the log."""

    step: int
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule may look at."""

    recent: Sequence[Observation]
    """The window, oldest first."""
    start: Sequence[Observation]
    """The first observations of the run."""
    settings: HealthConfig

    def values(self, fact: str) -> list[float]:
        """A fact over the window, where it was measured."""
        return [o.facts[fact] for o in self.recent if fact in o.facts]

    def change(self, fact: str) -> _Change | None:
        """The last third of the window against its first third; None for too little data."""
        values = self.values(fact)
        if len(values) < self.settings.min_observations:
            return None
        third = max(2, len(values) // 3)
        return _Change.between(values[:third], values[-third:], self.settings.standard_errors)

    def level(self, fact: str) -> float | None:
        """The mean of the last third of the window; None for too little data."""
        found = self.change(fact)
        return None if found is None else found.after

    def at_start(self, fact: str) -> float | None:
        """The mean over the first observations of the run."""
        values = [o.facts[fact] for o in self.start if fact in o.facts]
        return fmean(values) if values else None


@dataclass(frozen=True, slots=True)
class _Change:
    before: float
    after: float
    noise: float
    """What a difference must exceed to be more than chance."""

    @classmethod
    def between(cls, first: Sequence[float], last: Sequence[float], errors: float) -> _Change:
        spread = math.sqrt(variance(first) / len(first) + variance(last) / len(last))
        return cls(fmean(first), fmean(last), errors * spread)

    def rise(self, threshold: float) -> float:
        """How far on the way a rise is; a rise within the noise is on its way only in part."""
        gained = self.after - self.before
        if gained <= 0:
            return 0.0
        return min(gained / threshold, gained / self.noise if self.noise else math.inf)

    def fall(self, threshold: float) -> float:
        """The same of a fall."""
        return _Change(-self.before, -self.after, self.noise).rise(threshold)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule says."""

    severity: float
    """0: nothing; 1: the threshold."""
    what: str = ""
    """What it saw, with numbers."""
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A named sign of something that goes wrong."""

    name: str
    read: Callable[[Seen], Reading | None]
    advice: str
    """What to do."""


def _follows_length(seen: Seen) -> Reading | None:
    settings, correlations = seen.settings, seen.values("length_correlation")
    length, first = seen.level("length"), seen.at_start("length")
    if length is None or not first or len(correlations) < settings.min_observations:
        return None
    within = fmean(correlations[-max(2, len(correlations) // 3) :])
    growth = length / first - 1
    both = [o.facts for o in seen.recent if {"reward", "length"} <= o.facts.keys()]
    over = pearson([f["length"] for f in both], [f["reward"] for f in both])
    return Reading(
        max(0.0, min(within / settings.length_correlation, growth / settings.length_growth)),
        f"longer completions are paid more (correlation {within:.2f} within groups), and they grew"
        f" from {first:.1f} to {length:.1f}",
        _evidence(within_groups=within, over_steps=over, length_at_start=first, length=length),
    )


def _form_without_substance(seen: Seen) -> Reading | None:
    form, substance = seen.change("form"), seen.change("substance")
    if form is None or substance is None:
        return None
    settings = seen.settings
    return Reading(
        min(form.rise(settings.form_rise), substance.fall(settings.substance_fall)),
        f"the form passes more often ({form.before:.1%} to {form.after:.1%}) while answers are"
        f" right less often ({substance.before:.1%} to {substance.after:.1%})",
        _both(form=form, substance=substance),
    )


def _kl_drift(seen: Seen) -> Reading | None:
    mean, most = seen.level("kl"), seen.level("kl_max")
    if mean is None and most is None:
        return None
    parts = [
        (mean or 0.0) / seen.settings.kl_mean,
        (most or 0.0) / seen.settings.kl_max,
    ]
    told = [f"{mean:.3g} a token to the reference"] if mean is not None else []
    told += [f"at most {most:.3g} in one update"] if most is not None else []
    return Reading(
        max(parts), f"the KL is {' and '.join(told)}, in nats", _evidence(kl=mean, kl_max=most)
    )


def _entropy_collapse(seen: Seen) -> Reading | None:
    now, first, passed = seen.level("entropy"), seen.at_start("entropy"), seen.level("passed")
    if now is None or not first or first <= 0:
        return None
    low = seen.settings.entropy_share * first / now if now > 0 else math.inf
    return Reading(
        min(low, 10.0) if _is_stuck(seen) else 0.0,
        f"the entropy fell from {first:.3g} to {now:.3g} nats a token"
        + ("" if passed is None else f" at a pass rate of {passed:.1%}"),
        _evidence(entropy_at_start=first, entropy=now, passed=passed),
    )


def _is_stuck(seen: Seen) -> bool:
    """Whether there is more to learn, and the pass rate does not rise."""
    passed = seen.change("passed")
    if passed is None:
        return True
    return passed.after < seen.settings.solved and passed.rise(seen.settings.progress) < 1.0


def _zero_variance(seen: Seen) -> Reading | None:
    share, passed = seen.level("zero_variance"), seen.level("passed")
    if share is None:
        return None
    return Reading(
        share / seen.settings.zero_variance if _is_stuck(seen) else 0.0,
        f"{share:.0%} of the groups have equal rewards and teach nothing"
        + ("" if passed is None else f"; {passed:.1%} of the completions pass"),
        _evidence(zero_variance=share, passed=passed),
    )


def _pass_spread(seen: Seen) -> Reading | None:
    one, many, k = seen.change("pass_at_1"), seen.change("pass_at_k"), seen.level("k")
    if one is None or many is None or k is None:
        return None
    settings = seen.settings
    return Reading(
        min(one.rise(settings.pass_at_1_rise), many.fall(settings.pass_at_k_fall)),
        f"pass@1 rose ({one.before:.1%} to {one.after:.1%}) while pass@{k:.0f} fell"
        f" ({many.before:.1%} to {many.after:.1%}): fewer problems are solved at all",
        _both(pass_at_1=one, pass_at_k=many) | {"k": k},
    )


def _audit_divergence(seen: Seen) -> Reading | None:
    paid, audit = seen.change("paid"), seen.change("audit")
    first = seen.at_start("paid"), seen.at_start("audit")
    if paid is None or audit is None or first[0] is None or first[1] is None:
        return None
    settings = seen.settings
    apart = (paid.after - audit.after) - (first[0] - first[1])
    against = min(paid.rise(settings.paid_rise), audit.fall(settings.audit_fall))
    overpaid = seen.level("overpaid")
    return Reading(
        max(against, apart / settings.audit_gap, (overpaid or 0.0) / settings.overpaid, 0.0),
        f"what is paid went from {first[0]:.3f} at the start to {paid.after:.3f}, what the audit"
        f" says from {first[1]:.3f} to {audit.after:.3f}"
        + ("" if overpaid is None else f"; {overpaid:.1%} of what passes and is paid fails it"),
        _both(paid=paid, audit=audit)
        | _evidence(gap_grew_by=apart, paid_at_start=first[0], audit_at_start=first[1])
        | _evidence(overpaid=overpaid, agreement=seen.level("audit_agreement")),
    )


def _truncation(seen: Seen) -> Reading | None:
    share = seen.level("truncated")
    if share is None:
        return None
    return Reading(
        share / seen.settings.truncated,
        f"{share:.1%} of the completions hit the length limit",
        _evidence(truncated=share, length=seen.level("length")),
    )


def _faults(seen: Seen) -> Reading | None:
    """Faults are no trend: the last three observations are enough."""
    rates, out = seen.values("faults")[-3:], seen.values("left_out")[-3:]
    if len(rates) < 3:
        return None
    share = fmean(rates)
    return Reading(
        share / seen.settings.faults,
        f"{share:.1%} of the verdicts of one source are faults",
        _evidence(faults=share, left_out=fmean(out) if out else None),
    )


def _evidence(**numbers: float | None) -> dict[str, float]:
    return {name: round(value, 6) for name, value in numbers.items() if value is not None}


def _both(**changes: _Change) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, change in changes.items():
        found |= _evidence(**{f"{name}_before": change.before, f"{name}_after": change.after})
    return found


RULES = (
    Rule(
        "reward_follows_length",
        _follows_length,
        "read the longest rollouts; pay length less (length.cosine, length.soft_overlong) or judge"
        " by a source that length cannot please",
    ),
    Rule(
        "form_without_substance",
        _form_without_substance,
        "lower the weight of the format sources, or compose by gate",
    ),
    Rule(
        "kl_drift",
        _kl_drift,
        "raise beta, lower the learning rate or num_iterations, or reset the reference",
    ),
    Rule(
        "entropy_collapse",
        _entropy_collapse,
        "raise the temperature or epsilon_high, lower the learning rate, or add an entropy bonus",
    ),
    Rule(
        "zero_variance_groups",
        _zero_variance,
        "use dynamic sampling or a curriculum, larger groups, or a finer reward",
    ),
    Rule(
        "pass_spread",
        _pass_spread,
        "the policy sharpens instead of learning: raise epsilon_high or the temperature, add a KL,"
        " or reset the reference",
    ),
    Rule(
        "audit_divergence",
        _audit_divergence,
        "the reward is being gamed, or the audit measures something else: read rollouts on which"
        " the two disagree",
    ),
    Rule(
        "truncation",
        _truncation,
        "raise max_completion_length, or add length.soft_overlong",
    ),
    Rule(
        "faults",
        _faults,
        "look at the reasons in rollouts.parquet (status failed or timed_out); raise deadline_s or"
        " mend the source",
    ),
)
"""All rules; a name appears once."""
