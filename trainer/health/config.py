"""Settings of a run's health: how far back it looks, and from which numbers on it warns.

All thresholds are ours: the texts name the signs and give no numbers. They are set so that the
recipes that come with Assay pass without a warning where nothing is wrong. No torch here.
"""

from __future__ import annotations

from pydantic import Field

from ...core.settings import Settings

__all__ = ["HealthConfig"]


class HealthConfig(Settings):
    """When a rule about a run's health trips. Shares lie in [0, 1]."""

    enabled: bool = True
    """Watch the run at all."""
    window: int = Field(default=30, ge=6)
    """Observations (lines of the log) a rule looks back on. It compares the mean of the last third
    with that of the first third."""
    min_observations: int = Field(default=6, ge=3)
    """Fewer make no trend: no rule about one trips."""
    release: float = Field(default=0.8, gt=0, le=1)
    """A rule that has tripped is silent until its reading falls below this share of its threshold;
    then it may trip again."""
    standard_errors: float = Field(default=2.0, ge=0)
    """A rise or fall must be at least so many standard errors of the difference."""

    length_correlation: float = Field(default=0.5, gt=0, le=1)
    """Of reward with completion length, between completions of one prompt."""
    length_growth: float = Field(default=0.2, gt=0)
    """Growth of the mean length since the start, as a share, that goes with it."""
    form_rise: float = Field(default=0.1, gt=0, le=1)
    """Rise of the format sources' pass rate..."""
    substance_fall: float = Field(default=0.05, gt=0, le=1)
    """...while that of the sources that decide ``passed`` falls by so much."""
    kl_mean: float = Field(default=0.5, gt=0)
    """Mean KL to the reference, in nats a token."""
    kl_max: float = Field(default=20.0, gt=0)
    """Largest KL of one token between the sampling policy and the updated one, in nats."""
    entropy_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the entropy at the start below which it has collapsed..."""
    solved: float = Field(default=0.95, gt=0, le=1)
    """...unless the pass rate is at least this: then there is nothing left to explore..."""
    progress: float = Field(default=0.03, gt=0, le=1)
    """...or still rises by so much. The same two hold for groups without variance."""
    zero_variance: float = Field(default=0.8, gt=0, le=1)
    """Share of groups whose rewards are all equal."""
    pass_at_1_rise: float = Field(default=0.05, gt=0, le=1)
    """Rise of pass@1..."""
    pass_at_k_fall: float = Field(default=0.05, gt=0, le=1)
    """...while pass@k, k the size of a group, falls by so much."""
    paid_rise: float = Field(default=0.05, gt=0)
    """Rise of the mean of what is paid..."""
    audit_fall: float = Field(default=0.05, gt=0)
    """...while an audit source (weight 0) falls by so much."""
    audit_gap: float = Field(default=0.25, gt=0)
    """Growth of the distance between the two, whichever way they go, in units of their scores."""
    overpaid: float = Field(default=0.4, gt=0, le=1)
    """Of the completions that pass what pays, the share that fails the audit."""
    truncated: float = Field(default=0.3, gt=0, le=1)
    """Share of completions that hit the length limit."""
    faults: float = Field(default=0.02, gt=0, le=1)
    """Share of verdicts that are our fault, of any one source."""
