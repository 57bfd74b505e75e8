"""What one observation of a run says: a few numbers from the trainer's log and the scored batch.

Covered: the completions that this process scored. Not covered: other ranks' completions; what the
numbers mean (``rules``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ...bridges.metrics import zero_variance_share
from ...core.recipe import Recipe
from ...core.statistics import pass_at_k, pearson
from ...core.types import Reward, Sample

__all__ = ["Facts", "Roles", "facts_of", "roles_of"]

Facts = dict[str, float]
"""Name -> finite number; what could not be measured is not there."""

_OF_LOG = {
    "kl": ("kl",),
    "kl_max": ("kl_old/max",),
    "entropy": ("entropy",),
}
"""Fact -> its names in the trainer's log, the first that is there."""


_PARTS = ("agreement", "label_accuracy")
"""Parts of verdicts that are facts too: how far a consensus is shared, and whether it is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which source plays which part in a recipe."""

    paid: tuple[str, ...]
    """Those the policy is trained on: weight other than 0."""
    audits: tuple[str, ...] = ()
    """Those it is not: weight 0."""
    forms: tuple[str, ...] = ()
    """Those that look at the form alone: the family ``format``."""
    substance: tuple[str, ...] = ()
    """Those that say whether an answer is right: ``passed_by``, else all that are no form."""


def roles_of(recipe: Recipe) -> Roles:
    """The roles in a recipe, by weights, families and ``passed_by``."""
    entries = recipe.sources
    forms = tuple(e.name for e in entries if e.use.startswith("format."))
    named = recipe.passed_by or tuple(e.name for e in entries)
    return Roles(
        paid=tuple(e.name for e in entries if e.weight != 0.0),
        audits=tuple(e.name for e in entries if e.weight == 0.0),
        forms=forms,
        substance=tuple(name for name in named if name not in forms),
    )


def facts_of(
    log: Mapping[str, object], samples: Sequence[Sample], rewards: Sequence[Reward], roles: Roles
) -> Facts:
    """The facts of one observation: a line of the trainer's log and the samples behind it."""
    found: dict[str, float | None] = {
        "reward": _mean(reward.value for reward in rewards),
        "length": _mean(map(_length, samples)),
        "length_correlation": _length_correlation(samples, rewards),
        "zero_variance": zero_variance_share(samples, rewards),
        "truncated": _mean(float(sample.truncated) for sample in samples),
        "left_out": _mean(float(reward.value is None) for reward in rewards),
        "passed": _mean(_as_number(reward.passed) for reward in rewards),
        "form": _pass_rate(rewards, roles.forms),
        "substance": _pass_rate(rewards, roles.substance),
        "faults": _worst_fault_rate(rewards),
        **_audit(rewards, roles),
        **_passes(samples, rewards),
        **{name: _mean_part(rewards, name) for name in _PARTS},
    }
    for name, keys in _OF_LOG.items():
        values = (log.get(key) for key in keys)
        found[name] = next((float(v) for v in values if isinstance(v, int | float)), None)
    return {name: value for name, value in found.items() if value is not None and value == value}  # noqa: PLR0124 - NaN is the number unlike itself


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None


def _as_number(passed: bool | None) -> float | None:
    return None if passed is None else float(passed)


def _length(sample: Sample) -> float:
    """Tokens where the trainer counted them, else characters."""
    tokens = sample.extra.get("completion_tokens")
    return float(tokens) if isinstance(tokens, int | float) else float(len(sample.text))


def _groups(
    samples: Sequence[Sample], rewards: Sequence[Reward]
) -> list[list[tuple[Sample, Reward]]]:
    groups: dict[str, list[tuple[Sample, Reward]]] = {}
    for sample, reward in zip(samples, rewards, strict=True):
        groups.setdefault(sample.group_key, []).append((sample, reward))
    return list(groups.values())


def _length_correlation(samples: Sequence[Sample], rewards: Sequence[Reward]) -> float | None:
    """Reward with length, both less their group's mean: a long prompt's answers are longer, and
    that is no one's doing. Lone completions are compared with each other."""
    groups = _groups(samples, rewards)
    if max(map(len, groups), default=0) == 1:
        groups = [[pair for group in groups for pair in group]]
    lengths: list[float] = []
    values: list[float] = []
    for group in groups:
        paid = [(_length(s), r.value) for s, r in group if r.value is not None]
        if len(paid) > 1:
            middle = fmean(n for n, _ in paid), fmean(v for _, v in paid)
            lengths += [n - middle[0] for n, _ in paid]
            values += [v - middle[1] for _, v in paid]
    return pearson(lengths, values)


def _pass_rate(rewards: Sequence[Reward], sources: Sequence[str]) -> float | None:
    verdicts = (r.verdicts[name] for r in rewards for name in sources if name in r.verdicts)
    return _mean(_as_number(verdict.passed) for verdict in verdicts)


def _mean_score(rewards: Sequence[Reward], sources: Sequence[str]) -> float | None:
    verdicts = (r.verdicts[name] for r in rewards for name in sources if name in r.verdicts)
    return _mean(verdict.score for verdict in verdicts)


def _mean_part(rewards: Sequence[Reward], part: str) -> float | None:
    verdicts = (verdict for reward in rewards for verdict in reward.verdicts.values())
    return _mean(verdict.parts.get(part) for verdict in verdicts)


def _audit(rewards: Sequence[Reward], roles: Roles) -> dict[str, float | None]:
    """What is paid for substance beside what the audits say, where both judged the same samples.

    ``overpaid``: of those that passed what pays, the share that fails the audit.
    """
    if not roles.audits:
        return {}
    paid = tuple(name for name in roles.paid if name not in roles.forms) or roles.paid
    both = [
        reward
        for reward in rewards
        if _mean_score([reward], paid) is not None
        and _mean_score([reward], roles.audits) is not None
    ]
    found = {"paid": _mean_score(both, paid), "audit": _mean_score(both, roles.audits)}
    pairs = [(_agreed(r, paid), _agreed(r, roles.audits)) for r in both]
    known = [one == other for one, other in pairs if one is not None and other is not None]
    judged = [float(not other) for one, other in pairs if one and other is not None]
    return {**found, "audit_agreement": _mean(map(float, known)), "overpaid": _mean(judged)}


def _agreed(reward: Reward, sources: Sequence[str]) -> bool | None:
    """Whether all of some sources let a sample pass; None where none has a bar."""
    passed = [reward.verdicts[n].passed for n in sources if n in reward.verdicts]
    known = [one for one in passed if one is not None]
    return all(known) if known else None


def _worst_fault_rate(rewards: Sequence[Reward]) -> float | None:
    names = {name for reward in rewards for name in reward.verdicts}
    rates = [
        _mean(float(r.verdicts[name].is_fault) for r in rewards if name in r.verdicts)
        for name in sorted(names)
    ]
    return max((rate for rate in rates if rate is not None), default=None)


def _passes(samples: Sequence[Sample], rewards: Sequence[Reward]) -> dict[str, float | None]:
    """pass@1 and pass@k over the groups, k the most frequent size of a group."""
    counts = []
    for group in _groups(samples, rewards):
        judged = [reward.passed for _, reward in group if reward.passed is not None]
        if len(judged) > 1:
            counts.append((len(judged), sum(judged)))
    if not counts:
        return {}
    sizes = Counter(n for n, _ in counts)
    k = max(sizes, key=lambda n: (sizes[n], n))
    full = [(n, c) for n, c in counts if n >= k]
    return {
        "pass_at_1": _mean(pass_at_k(n, c, 1) for n, c in full),
        "pass_at_k": _mean(pass_at_k(n, c, k) for n, c in full),
        "k": float(k),
    }
