"""``HealthMonitor``: observations in, warnings out. Plain Python; writes nothing by itself.

A rule warns when its reading reaches 1, and not again until the reading has fallen below
``release``: one warning for an episode. Not covered: stopping a run, which is its owner's choice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.types import Reward, Sample
from .config import HealthConfig
from .facts import Facts, Roles, facts_of
from .rules import RULES, Observation, Rule, Seen

__all__ = ["HealthMonitor", "HealthWarning", "relaxed_clipping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthWarning:
    """A rule that tripped, with what it saw."""

    step: int
    rule: str
    what: str
    """A sentence with numbers."""
    advice: str
    steps: tuple[int, int]
    """First and last step of the window it looked at."""
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """One line for a person."""
        return (
            f"step {self.step}: {self.rule}: {self.what} (steps {self.steps[0]} to"
            f" {self.steps[1]}); {self.advice}"
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON object with every field."""
        return {
            "step": self.step,
            "rule": self.rule,
            "what": self.what,
            "advice": self.advice,
            "steps": list(self.steps),
            "evidence": dict(self.evidence),
        }


def relaxed_clipping(step: int = 0) -> HealthWarning:
    """What GRAPE's paper says of its sequence-level loss (Eq. 17); told when such a run begins."""
    return HealthWarning(
        step=step,
        rule="relaxed_clipping",
        what="loss: sequence_sum clips whole completions, not tokens, which can increase the"
        " chances of model collapse (GRAPE paper, eq. 17)",
        advice="watch entropy and kl_old/max, keep num_iterations and the learning rate low, or"
        " use loss: trl (eq. 14)",
        steps=(step, step),
    )


class HealthMonitor:
    """Follows a run and says when a rule trips.

    ``roles``: which sources are paid, which audit; see ``roles_of``.
    """

    def __init__(self, settings: HealthConfig, roles: Roles, rules: Sequence[Rule] = RULES) -> None:
        self._settings = settings
        self._roles = roles
        self._rules = tuple(rules)
        self._recent: deque[Observation] = deque(maxlen=settings.window)
        self._start: list[Observation] = []
        self._tripped: set[str] = set()
        self.facts: Facts = {}
        """Those of the last observation."""

    @property
    def tripped(self) -> list[str]:
        """The rules whose episode is not over, sorted."""
        return sorted(self._tripped)

    def observe(
        self,
        step: int,
        facts: Mapping[str, object],
        samples: Sequence[Sample],
        rewards: Sequence[Reward],
    ) -> list[HealthWarning]:
        """Take in a line of the trainer's log (``facts``) with the samples behind it.

        Returns the warnings that begin here, in the order of ``RULES``.
        """
        if not self._settings.enabled:
            return []
        return self.take(step, facts_of(facts, samples, rewards, self._roles))

    def take(self, step: int, facts: Facts) -> list[HealthWarning]:
        """``observe`` with facts that are already measured: a resumed run hands back its log."""
        self.facts = facts
        seen = Observation(step, facts)
        self._recent.append(seen)
        if len(self._start) < max(2, self._settings.min_observations // 2):
            self._start.append(seen)
        return list(self._warnings(step))

    def _warnings(self, step: int) -> Iterable[HealthWarning]:
        seen = Seen(tuple(self._recent), tuple(self._start), self._settings)
        for rule in self._rules:
            reading = rule.read(seen)
            if reading is None:
                continue
            if reading.severity < self._settings.release:
                self._tripped.discard(rule.name)
            elif reading.severity >= 1.0 and rule.name not in self._tripped:
                self._tripped.add(rule.name)
                yield HealthWarning(
                    step=step,
                    rule=rule.name,
                    what=reading.what,
                    advice=rule.advice,
                    steps=(self._recent[0].step, step),
                    evidence=reading.evidence,
                )
