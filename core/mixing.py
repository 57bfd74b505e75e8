"""From the verdicts of one sample to its Reward, by the recipe's rules.

The one place where a missing score becomes a number or a hole: ``fault_value``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .composition import Draft, Term
from .errors import ScoringError
from .recipe import Recipe, SourceEntry
from .registry import Registry
from .source import Scale, Source
from .types import Reward, Sample, Status, Verdict

__all__ = ["Mixer"]

log = logging.getLogger("assay")

_WORST_FIRST = (Status.FAILED, Status.TIMED_OUT, Status.BAD_REFERENCE, Status.ABSTAINED)


@dataclass(frozen=True, slots=True)
class _Slot:
    """What of a recipe entry the mixing needs, looked up once."""

    name: str
    weight: float
    role: str
    scale: Scale
    value_of: Callable[[float, bool | None], float] | None
    """None: the score as it is."""
    failed_value: float
    """The value of a fault that is paid as zero: what a wrong answer gets."""


class Mixer:
    """Composes, maps and shapes; one for each Scorer.

    Args:
        recipe: the rules.
        registry: where composers and shapers are found.
        sources: the recipe's sources, in its order.
        on_sample_fault: the recipe's, or the caller's default where the recipe has none.
    """

    def __init__(
        self, recipe: Recipe, registry: Registry, sources: Sequence[Source], on_sample_fault: str
    ) -> None:
        self._on_fault = recipe.on_fault
        self._on_sample_fault = on_sample_fault
        self._slots = [
            _slot(entry, source) for entry, source in zip(recipe.sources, sources, strict=True)
        ]
        self._passed_by = None if recipe.passed_by is None else frozenset(recipe.passed_by)
        self._compose = registry.composers[recipe.compose.use].open(
            recipe.compose.settings, f"compose {recipe.compose.use}"
        )
        self._compose(  # a composer that refuses these weights or sources does so before any run
            [Term(s.name, s.failed_value, False, s.weight, s.role, s.scale) for s in self._slots]
        )
        self._shapes = [
            registry.shapers[rule.use].open(rule.settings, f"shape {rule.use}")
            for rule in recipe.shape
        ]

    def reward(self, sample: Sample, verdicts: Sequence[Verdict | None]) -> Reward:
        """The reward of one sample; ``verdicts`` in recipe order, None where a source is not used.

        Raises ``ScoringError`` for a fault under ``on_fault: raise``.
        """
        named: dict[str, Verdict] = {}
        terms: list[Term] = []
        missing: list[Status] = []
        left_out = False
        for slot, verdict in zip(self._slots, verdicts, strict=True):
            if verdict is None:
                continue
            named[slot.name] = verdict
            if verdict.score is not None:
                value = verdict.score
                if slot.value_of is not None:
                    value = slot.value_of(value, verdict.passed)
                terms.append(
                    Term(slot.name, value, verdict.passed, slot.weight, slot.role, slot.scale)
                )
                continue
            missing.append(verdict.status)
            if verdict.status is Status.ABSTAINED:
                continue
            if self._pays_zero(sample, verdict):
                terms.append(
                    Term(slot.name, slot.failed_value, False, slot.weight, slot.role, slot.scale)
                )
            else:
                left_out = True
        if left_out or not terms:
            return Reward(
                value=None, unshaped=None, passed=None, status=_worst(missing), verdicts=named
            )
        try:
            return self._made(sample, terms, named)
        except Exception as error:  # noqa: BLE001 - a rule that breaks costs this sample, not the batch
            return _broken(sample, named, error)

    def _made(self, sample: Sample, terms: Sequence[Term], named: Mapping[str, Verdict]) -> Reward:
        passed = self._passed(terms)
        unshaped = value = self._compose(terms)
        for shape in self._shapes:
            value = shape(Draft(value, passed, sample, named))
        steps = next((v.steps for v in named.values() if v.steps), ())
        return Reward(
            value=float(value),
            unshaped=float(unshaped),
            passed=passed,
            status=Status.SCORED,
            verdicts=named,
            values={term.name: term.value for term in terms},
            steps=steps,
        )

    def _passed(self, terms: Sequence[Term]) -> bool | None:
        """All sources with a bar (or those the recipe names) let it pass."""
        known = None
        for term in terms:
            if term.passed is None or (
                self._passed_by is not None and term.name not in self._passed_by
            ):
                continue
            if not term.passed:
                return False
            known = True
        return known

    def _pays_zero(self, sample: Sample, verdict: Verdict) -> bool:
        """Whether a missing score counts as a wrong answer; raises under ``on_fault: raise``."""
        if not verdict.is_fault:
            return False  # the data's fault: left out
        if verdict.stop:
            return False  # the run ends here: whatever the recipe pays for faults, this is none
        if verdict.evidence.get("sample_fault"):
            return self._on_sample_fault == "zero"
        if self._on_fault == "raise":
            raise ScoringError(
                f"sample {sample.id!r}, source {verdict.source!r}: {verdict.status.value}:"
                f" {verdict.reason} (the recipe says on_fault: raise)"
            )
        return self._on_fault == "zero"


def _slot(entry: SourceEntry, source: Source) -> _Slot:
    rule = entry.map
    plain = rule == type(rule)()
    return _Slot(
        name=entry.name,
        weight=entry.weight,
        role=entry.role,
        scale=source.scale_with(entry.settings),
        value_of=None if plain else rule,
        failed_value=rule(0.0, False),
    )


def _broken(sample: Sample, named: Mapping[str, Verdict], error: Exception) -> Reward:
    """A composer or shaper raised, or made no finite number: our fault, never a grade."""
    reason = f"the composed value cannot be had: {type(error).__name__}: {error}"[:500]
    log.warning("sample %s: %s", sample.id, reason)
    return Reward(
        value=None,
        unshaped=None,
        passed=None,
        status=Status.FAILED,
        verdicts=named,
        reason=reason,
    )


def _worst(missing: Sequence[Status]) -> Status:
    return next((status for status in _WORST_FIRST if status in missing), Status.ABSTAINED)
