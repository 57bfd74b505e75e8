"""Several answers to a prompt: pass@k with its bound, the majority's answer, equal rewards.

All k are measured on the same prompts, those with at least as many judged answers as half of the
prompts have, so that the curves can be compared and do not fall.

Not covered: answers that are equal as mathematics and spelt differently; ``consensus.majority``
compares those, here two answers are one when the extracted texts are equal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from ...core.statistics import pass_at_k, pass_at_k_bound
from . import charts
from .columns import NO, NONE, YES, Columns
from .parts import Cell, Figure, Link, Section, Table, count, plain

__all__ = ["Prompt", "majority_at_k", "pass_curve", "several"]

_DRAWS = 16
_MOST_CELLS = 4_000_000
"""Of one comparison of all with all; more prompts are taken in pieces."""
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Prompt:
    """The judged answers to one prompt."""

    answers: tuple[int, ...]
    """Digests of the extracted answers; 0: none was extracted, so it does not vote."""
    passed: tuple[bool, ...]


def several(columns: Columns) -> Section:
    """The section; empty where no prompt has two judged answers."""
    section = Section(
        id="several",
        title="Several answers to a prompt",
        empty="No prompt has two answers that were judged.",
    )
    prompts = _prompts(columns)
    sizes = [len(prompt.passed) for prompt in prompts if len(prompt.passed) > 1]
    if not sizes:
        return section
    most = median_low(sizes)
    kept = [prompt for prompt in prompts if len(prompt.passed) >= most]
    section.figures = [_curves(kept, _steps(most))]
    section.tables = [_solved(columns)]
    section.words = (
        f"{count(len(kept))} of {count(len(prompts))} prompts have at least {count(most)} judged"
        " answers and are measured here."
    )
    return section


def _steps(most: int) -> list[int]:
    """1, 2, 4... and the last."""
    return sorted({*(2**i for i in range(most.bit_length())), most})


def _prompts(columns: Columns) -> list[Prompt]:
    found: list[tuple[list[int], list[bool]]] = [([], []) for _ in range(columns.groups)]
    for row in columns.judged():
        answers, passed = found[columns.group[row]]
        answers.append(columns.answer[row])
        passed.append(columns.passed[row] == YES)
    return [Prompt(tuple(answers), tuple(passed)) for answers, passed in found if passed]


def pass_curve(prompts: Sequence[Prompt], k: int) -> tuple[float, float, float | None]:
    """(mean pass@k, half its 95 % interval, its bound); no bound for k = 1.

    The bound takes the variance of the prompts' true pass rates: that of the observed ones less
    what the drawing of the answers adds, ``mean p(1-p)/(n-1)``. Without that correction it is too
    low, and the unbiased pass@k may lie above it.
    Sources: ``pass_at_k`` and ``pass_at_k_bound`` in ``core.statistics``.
    """
    found = [(len(p.passed), sum(p.passed)) for p in prompts]
    values = [pass_at_k(n, c, k) for n, c in found]
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values)) / len(values)
    if k < 2:
        return mean, _Z95 * spread, None
    rates = [c / n for n, c in found]
    centre = math.fsum(rates) / len(rates)
    observed = math.fsum((rate - centre) ** 2 for rate in rates) / len(rates)
    noise = math.fsum(r * (1 - r) / (n - 1) for r, (n, _) in zip(rates, found, strict=True))
    true = min(max(observed - noise / len(rates), 0.0), centre * (1.0 - centre))
    return mean, _Z95 * spread, pass_at_k_bound(centre, true, k)


def majority_at_k(prompts: Sequence[Prompt], k: int) -> float:
    """The chance that the most frequent answer of ``k`` drawn ones is right; a tie counts by share.

    An answer is right when most of the rows that give it passed. Answers without an extracted text
    do not vote; where nobody votes, nothing is right. Exact where ``k`` is all answers of a prompt;
    else the mean of 16 draws without replacement.
    """
    by_size: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        by_size.setdefault(len(prompt.passed), []).append(prompt)
    total = math.fsum(_right(size, found, k) for size, found in sorted(by_size.items()))
    return total / len(prompts)


def _right(size: int, prompts: Sequence[Prompt], k: int) -> float:
    """Summed over prompts of one size."""
    import numpy as np

    rng = np.random.default_rng(0)
    draws = 1 if k == size else _DRAWS
    picks = [np.arange(size) if k == size else rng.permutation(size)[:k] for _ in range(draws)]
    step = max(1, _MOST_CELLS // (k * k))
    total = 0.0
    for start in range(0, len(prompts), step):
        some = prompts[start : start + step]
        answers = np.array([prompt.answers for prompt in some])
        right = np.array([_right_answers(prompt) for prompt in some])
        for pick in picks:
            total += _led(np, answers[:, pick], right[:, pick]) / draws
    return total


def _led(np: Any, answers: Any, right: Any) -> float:
    """Prompts whose leading answer is right; (prompts, k) each."""
    votes = (answers[:, :, None] == answers[:, None, :]).sum(axis=2)
    votes[answers == 0] = 0
    most = votes.max(axis=1, keepdims=True)
    leads = (votes == most) & (most > 0)
    # every leading answer has equally many votes, so rows weigh leading answers alike
    led = (leads & right).sum(axis=1) / np.maximum(leads.sum(axis=1), 1)
    return float(led.sum())


def _right_answers(prompt: Prompt) -> list[bool]:
    good = Counter(a for a, passed in zip(prompt.answers, prompt.passed, strict=True) if passed)
    total = Counter(prompt.answers)
    return [2 * good[answer] > total[answer] for answer in prompt.answers]


def _curves(prompts: Sequence[Prompt], steps: Sequence[int]) -> Figure:
    rows: list[list[Cell]] = []
    series: dict[str, list[tuple[float, float]]] = {"pass@k": [], "bound": [], "maj@k": []}
    band: list[tuple[float, float]] = []
    votes = any(answer for prompt in prompts for answer in prompt.answers)
    for k in steps:
        value, half, bound = pass_curve(prompts, k)
        low, high = max(0.0, value - half), min(1.0, value + half)
        led = majority_at_k(prompts, k) if votes else None
        for name, number in (("pass@k", value), ("bound", bound), ("maj@k", led)):
            if number is not None:
                series[name].append((float(k), number))
        band.append((low, high))
        rows.append([str(k), plain(value), f"[{plain(low)}, {plain(high)}]", plain(bound),
                     plain(led)])  # fmt: skip
    header = ["k", "pass@k", "95 % interval", "bound on pass@k", "maj@k"]
    table = Table(caption="Of k answers", header=header, rows=rows)
    note = (
        "pass@k: one of k answers passes (unbiased, Chen et al. 2021). Bound: from mean and spread"
        " of the pass rates (ProRL). maj@k: the most frequent extracted answer is right."
    )
    drawn = {name: pairs for name, pairs in series.items() if pairs}
    paint = charts.lines(drawn, "k, answers to a prompt", "share of prompts",
                         bands={"pass@k": band}, scale="log")  # fmt: skip
    return charts.figure("pass@k and maj@k", paint, table, note)


def _solved(columns: Columns) -> Table:
    """Prompts by how many of their judged answers pass, and by whether rewards differ at all."""
    passed = [[0, 0, 0] for _ in range(columns.groups)]
    values: list[set[float]] = [set() for _ in range(columns.groups)]
    for row, group in enumerate(columns.group):
        passed[group][columns.passed[row]] += 1
        value = columns.value[row]
        if not math.isnan(value) and len(values[group]) < 2:
            values[group].add(value)
    judged = [found for found in passed if found[YES] + found[NO] > 1]
    kinds = {
        "none": sum(found[YES] == 0 for found in judged),
        "some": sum(found[YES] > 0 and found[NO] > 0 for found in judged),
        "all": sum(found[NO] == 0 for found in judged),
    }
    rows: list[list[Cell]] = [
        [Link(f"{name} pass", {"solved": name}), count(n)] for name, n in kinds.items()
    ]
    flat = sum(len(v) == 1 and sum(p) > 1 for v, p in zip(values, passed, strict=True))
    rows.append(["all rewards equal", count(flat)])
    unjudged = sum(found[NONE] > 0 for found in passed)
    rows.append(["with an answer that neither passed nor failed", count(unjudged)])
    caption = "Prompts with two judged answers or more; equal rewards teach a group nothing"
    return Table(caption=caption, header=["of their answers", "prompts"], rows=rows)
