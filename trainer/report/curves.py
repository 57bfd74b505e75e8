"""Which numbers of a run go into which chart of its report.

Names are TRL's (``reward``, ``completions/mean_length``) and our bridge's (``assay/pass_rate``,
``assay/<source>/mean``). A metric that a run did not log makes no curve; a chart without curves is
not drawn. Not covered: how a chart looks (``plots``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .health import health_charts
from .plots import Chart, Curve
from .rundata import Points, RunData

__all__ = ["charts", "source_names"]

STEP = "optimizer step"
_OF_SOURCE = ("mean", "pass_rate", "fault_rate", "abstain_rate", "bad_reference_rate", "seconds")
_PANELS = (
    "loss",
    "kl",
    "entropy",
    "grad_norm",
    "learning_rate",
    "clip_ratio/region_mean",
)
_MOST_POINTS = 2000
_OF_ALGORITHM = (
    "critic/explained_variance",
    "critic/explained_variance_targets",
    "critic/loss",
    "kl_beta",
    "kl_old/mean",
    "kl_old/max",
    "prime/loss",
    "prime/accuracy",
    "cost/mean",
    "cost/multiplier",
    "dynamic/refills",
    "dynamic/informative",
    "grape/count_b",
    "grape/mean_reward_a",
    "grape/mean_reward_b",
    "grape/mean_reward_sft",
    "grape/improvement",
    "grape/copied",
    "accuracy",
    "margin",
    "mean_reward",
)


def charts(run: RunData) -> dict[str, list[Chart]]:
    """Section of the report -> its charts, those with at least one curve only."""
    makers: dict[str, tuple[Callable[[RunData], Chart], ...]] = {
        "headline": (_evaluation,),
        "reward": (_reward, _pass_rate),
        "sources": (_source_means, _source_faults, _source_seconds),
        "length": (_lengths, _truncated, _reward_by_length),
        "groups": (_zero_variance,),
        "optimisation": (_optimisation, _algorithm),
    }
    made = {section: [make(run) for make in these] for section, these in makers.items()}
    drawn = {section: [c for c in these if c.curves] for section, these in made.items()}
    return drawn | {"health": health_charts(run)}


def source_names(run: RunData) -> list[str]:
    """Names of the sources a run used, from its metrics and its rollouts, sorted."""
    logged = {name for part in _OF_SOURCE for name in run.names("assay/", f"/{part}")}
    seen = set(run.rollouts.sources) if run.rollouts is not None else set()
    return sorted(logged | seen)


def _curves(run: RunData, metrics: Mapping[str, str]) -> list[Curve]:
    """A curve for each metric and split that has points; ``metrics`` maps name -> label."""
    found = []
    for metric, label in metrics.items():
        for split in ("train", "eval"):
            points = run.points(metric, split)
            if points:
                where = label if split == "train" else f"{label}, held out"
                found.append(Curve(label=where, points=points))
    return found


def _from_metrics(names: Iterable[str]) -> str:
    return f"metrics.jsonl: {', '.join(names)}"


def _evaluation(run: RunData) -> Chart:
    curves = []
    for decoding in ("greedy", "sampled"):
        for when in ("before", "after"):
            points = _interval(run.evaluation, when, decoding)
            if points:
                curves.append(Curve(label=f"{decoding}, {when}", points=points))
    return Chart(
        name="evaluation",
        title="Held-out accuracy before and after",
        x="",
        y="pass rate on the held-out problems",
        curves=curves,
        source="evaluation.json",
        note="Dots: estimates. Bars: the intervals the evaluation gives.",
        kind="intervals",
        scale="share",
    )


def _interval(evaluation: Mapping[str, Any], when: str, decoding: str) -> Points:
    part = evaluation.get(when)
    numbers = part.get(decoding) if isinstance(part, dict) else None
    if not isinstance(numbers, dict):
        return []
    values = [numbers.get(key) for key in ("pass_rate", "low", "high")]
    if not all(isinstance(value, int | float) for value in values):
        return []
    return [(float(i), float(value)) for i, value in enumerate(values) if value is not None]


def _reward(run: RunData) -> Chart:
    spread = run.points("reward_std")
    curves = [
        Curve(label=c.label, points=c.points, spread=spread if c.label == "reward" else [])
        for c in _curves(run, {"reward": "reward"})
    ]
    return Chart(
        name="reward",
        title="Reward",
        x=STEP,
        y="mean reward",
        curves=curves,
        source=_from_metrics(["reward", "reward_std"]),
        note="Band: one standard deviation over the batch." if spread else "",
    )


def _pass_rate(run: RunData) -> Chart:
    return Chart(
        name="pass_rate",
        title="Pass rate",
        x=STEP,
        y="share of completions that pass",
        curves=_curves(run, {"assay/pass_rate": "passed"}),
        source=_from_metrics(["assay/pass_rate"]),
        note="Of the sampled training completions; held-out accuracy is in the headline.",
        scale="share",
    )


def _of_sources(run: RunData, part: str) -> dict[str, str]:
    return {f"assay/{name}/{part}": name for name in source_names(run)}


def _source_means(run: RunData) -> Chart:
    return Chart(
        name="source_means",
        title="Mean score of each source",
        x=STEP,
        y="mean score",
        curves=_curves(run, _of_sources(run, "mean")),
        source=_from_metrics(["assay/<source>/mean"]),
        note="Scores as the sources give them, before weights and shaping.",
    )


def _source_faults(run: RunData) -> Chart:
    labels = {
        f"assay/{name}/{part}": f"{name}: {word}"
        for name in source_names(run)
        for part, word in (
            ("fault_rate", "fault"),
            ("abstain_rate", "abstained"),
            ("bad_reference_rate", "bad reference"),
        )
    }
    labels = {m: label for m, label in labels.items() if any(y for _, y in run.points(m))}
    return Chart(
        name="unscored",
        title="Verdicts without a score",
        x=STEP,
        y="share of verdicts",
        curves=_curves(run, {**labels, "assay/left_out_rate": "reward left out"}),
        source=_from_metrics(
            [f"assay/<source>/{p}" for p in ("fault_rate", "abstain_rate", "bad_reference_rate")]
            + ["assay/left_out_rate"]
        ),
        note="Rates that are zero throughout are not drawn; the scale ends at the highest value.",
        scale="small share",
    )


def _source_seconds(run: RunData) -> Chart:
    labels = {metric: f"{name}" for metric, name in _of_sources(run, "seconds").items()}
    return Chart(
        name="source_seconds",
        title="Time to judge",
        x=STEP,
        y="µs per verdict (mean)",
        curves=[_in_microseconds(curve) for curve in _curves(run, labels)],
        source=_from_metrics(["assay/<source>/seconds"]),
        scale="from zero",
    )


def _in_microseconds(curve: Curve) -> Curve:
    return replace(curve, points=[(step, 1e6 * seconds) for step, seconds in curve.points])


def _lengths(run: RunData) -> Chart:
    return Chart(
        name="length",
        title="Length of completions",
        x=STEP,
        y="tokens",
        curves=_curves(
            run,
            {
                "completions/mean_length": "mean",
                "completions/mean_terminated_length": "mean, ended by itself",
                "completions/max_length": "longest",
            },
        ),
        source=_from_metrics(["completions/mean_length", "..._terminated_length", "max_length"]),
        scale="from zero",
    )


def _truncated(run: RunData) -> Chart:
    return Chart(
        name="truncated",
        title="Truncated completions",
        x=STEP,
        y="share that hit the length limit",
        curves=_curves(
            run, {"completions/clipped_ratio": "trainer", "assay/truncated_rate": "bridge"}
        ),
        source=_from_metrics(["completions/clipped_ratio", "assay/truncated_rate"]),
        scale="share",
    )


def _reward_by_length(run: RunData) -> Chart:
    """Reward against length: a cloud that leans to one side is a length the policy is paid for."""
    rollouts, curves = run.rollouts, []
    if rollouts is not None:
        values = zip(
            rollouts.column("completion_tokens"),
            rollouts.column("value"),
            rollouts.column("passed"),
            strict=True,
        )
        rows = [row for row in values if row[0] is not None and row[1] is not None]
        rows = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
        for label, passed in (("passed", True), ("not passed", False), ("no bar", None)):
            points = [(float(n), float(value)) for n, value, p in rows if p is passed]
            if points:
                curves.append(Curve(label=label, points=points))
    return Chart(
        name="reward_by_length",
        title="Reward against length",
        x="tokens in the completion",
        y="reward",
        curves=curves,
        source="rollouts.parquet: completion_tokens, value, passed",
        note=f"At most {_MOST_POINTS} rollouts, evenly spaced over the run.",
        kind="points",
    )


def _zero_variance(run: RunData) -> Chart:
    names = {
        "frac_reward_zero_std": "of completions (trainer)",
        "assay/zero_variance_groups": "of groups (bridge)",
    }
    return Chart(
        name="zero_variance",
        title="How often a whole group got one reward",
        x=STEP,
        y="share",
        curves=_curves(run, names),
        source=_from_metrics(names),
        note="Such a group moves a group-relative trainer nowhere: its problem is too easy or too"
        " hard, or the reward too coarse.",
        scale="share",
    )


def _algorithm(run: RunData) -> Chart:
    """What an algorithm of ours says of itself: critic, multipliers, refills."""
    return _panels(run, "algorithm", "What the algorithm kept", _OF_ALGORITHM)


def _optimisation(run: RunData) -> Chart:
    return _panels(run, "optimisation", "What the optimiser saw", _PANELS)


def _panels(run: RunData, name: str, title: str, metrics: Sequence[str]) -> Chart:
    """A panel for each metric of the training log that has points."""
    curves = [c for c in _curves(run, {n: n for n in metrics}) if c.label in metrics]
    return Chart(
        name=name,
        title=title,
        x=STEP,
        y="value",
        curves=curves,
        source=_from_metrics(curve.label for curve in curves),
        kind="panels",
    )
