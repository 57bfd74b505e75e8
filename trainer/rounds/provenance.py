"""What a round leaves behind: lines in the run's own records, and its provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from types import SimpleNamespace
from typing import Any

from ...bridges.metrics import measure
from ...core.records import sample_of_record
from ..environment import describe_environment
from ..records.progress import summary_of
from .job import Job
from .store import Round, reward_of_record

__all__ = ["provenance", "report_round"]


def report_round(
    job: Job,
    here: Round,
    sampled: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, float],
    held_out: Mapping[str, Any],
) -> None:
    """Write the round into the metrics and rollouts of the run, and show it.

    To be called before the round is done, so that a killed run writes each line once: what is
    found beyond the rounds that are done is dropped when the run goes on.
    """
    samples = [sample_of_record(row) for row in sampled]
    rewards = [reward_of_record(row) for row in sampled]
    paid = [reward.value for reward in rewards if reward.value is not None]
    found: dict[str, Any] = measure(samples, rewards, prefix="assay", own="assay")
    found["completions/mean_length"] = fmean(s.extra["completion_tokens"] for s in samples)
    found |= {"reward": fmean(paid)} if paid else {}
    found |= {f"round/{name}": number for name, number in numbers.items()}
    if job.records is not None:
        # records count the step that a batch leads to
        job.records.take(samples, rewards, SimpleNamespace(global_step=here.number - 1))
        job.records.rollouts.flush()
        job.records.log(here.number, found)
        if held_out:
            job.records.metrics.write(here.number, "eval", held_out["metrics"])
    said = [summary_of(found, job.scorer.names), f"kept {numbers['kept']}"]
    if held_out:
        said.append(f"held-out accuracy {held_out['greedy']['pass_rate']:.3f}")
    job.display.facts(here.number, "  ".join(said))


def provenance(
    job: Job,
    sampled: Sequence[Mapping[str, Any]],
    number: int,
    *,
    counts: Mapping[str, int],
    training: Mapping[str, float],
    held_out: Mapping[str, Any],
) -> dict[str, Any]:
    """``meta.json``: what the round's data came from, by what rule, and what came of it."""
    trainer = job.recipe.trainer
    return {
        "round": number,
        "algorithm": job.algorithm,
        "recipe": job.recipe.name,
        "seed": job.recipe.seed,
        "sampled_from": job.name_of(job.model_after(number - 1)),
        "trained_from": job.name_of(job.trained_from(number)),
        "reference": None if job.method == "sft" else job.name_of(job.reference(number)),
        "num_generations": trainer.num_generations,
        "temperature": trainer.temperature,
        "max_completion_length": trainer.max_completion_length,
        "rule": job.rule.model_dump(mode="json"),
        "sources": _versions(sampled),
        "counts": dict(counts),
        "training": dict(training),
        "held_out": held_out.get("greedy"),
        "packages": describe_environment(job.recipe.seed)["packages"],
    }


def _versions(sampled: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Source -> the versions (with configuration digests) that judged the round."""
    found: dict[str, set[str]] = {}
    for row in sampled:
        for name, verdict in json.loads(row["verdicts"]).items():
            found.setdefault(name, set()).add(verdict["version"])
    return {name: sorted(versions) for name, versions in sorted(found.items())}
