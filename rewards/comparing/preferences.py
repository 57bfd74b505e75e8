"""From preferences to one number each: win rates, and Bradley-Terry strengths.

Pure functions of a table: ``table[i][j]`` is P(i is preferred to j) in [0, 1], None where the two
were not compared; the diagonal means nothing. A table is antisymmetric, ``p_ij + p_ji = 1``, or it
is refused: rewards of a group must not depend on the order in which its members were shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ...core.errors import ConfigError

__all__ = ["Table", "bradley_terry", "preference_table", "win_rates"]

Table: TypeAlias = Sequence[Sequence[float | None]]

_SLACK = 1e-9
"""How far p_ij + p_ji may be from 1, for rounding."""
_ROUNDS = 10_000
_SETTLED = 1e-12


def preference_table(
    size: int, found: Mapping[tuple[int, int], float | None]
) -> list[list[float | None]]:
    """The table of ``found`` preferences (i, j) -> p_ij; p_ji is set to 1 - p_ij.

    Each pair is given once, in either direction; None is a comparison that failed. Raises
    ``ConfigError`` for a pair given twice or outside of the table.
    """
    table: list[list[float | None]] = [[None] * size for _ in range(size)]
    for (i, j), p in found.items():
        if i == j or not (0 <= i < size and 0 <= j < size) or table[i][j] is not None:
            raise ConfigError(f"preferences: pair ({i}, {j}) is given twice, or not in 0..{size}")
        if p is not None:
            table[i][j], table[j][i] = p, 1.0 - p
    return table


def win_rates(table: Table) -> list[float | None]:
    """The mean preference of each against the others; None for one without a comparison.

    Where all have equally many opponents, the win rates of the compared sum to half their number.
    Raises ``ConfigError`` for a table that is not antisymmetric.

    Source: Swamy et al. 2024 (SPO, arXiv 2401.04056): r(ξ) = 1/|Q| Σ_q P(ξ, ξ_q). For
    a group: DNO (Rosset et al. 2024, arXiv 2404.03715) r(x, y) = E_y' P(y > y' | x), and P(y > π)
    of SPPO (Wu et al. 2024, arXiv 2405.00675), from its other samples. Differs: none is compared
    with itself.
    """
    _check(table)
    rates: list[float | None] = []
    for i, row in enumerate(table):
        against = [p for j, p in enumerate(row) if p is not None and j != i]
        rates.append(math.fsum(against) / len(against) if against else None)
    return rates


def bradley_terry(table: Table, prior: float = 0.5) -> list[float | None]:
    """Strengths θ with P(i > j) = σ(θ_i - θ_j) fitted to the table; None without a comparison.

    Each also wins and loses ``prior`` games against an opponent of strength 0, so that one who
    always wins has a finite strength, and parts that were never compared have a common zero.
    Raises ``ConfigError`` as ``win_rates`` does, and for ``prior`` <= 0.

    Source: Bradley and Terry 1952; the fit by minorisation, Hunter 2004 (Ann. Stat. 32), section
    2, on fractional wins. The prior's games are ours.
    """
    _check(table)
    if prior <= 0.0:
        raise ConfigError(f"bradley_terry.prior: must be > 0, got {prior}")
    games = [
        {j: p for j, p in enumerate(row) if p is not None and j != i} for i, row in enumerate(table)
    ]
    wins = [math.fsum(against.values()) + prior for against in games]
    worth = [1.0] * len(games)
    for _ in range(_ROUNDS):
        moved = [
            wins[i]
            / (
                math.fsum(1.0 / (worth[i] + worth[j]) for j in against)
                + 2.0 * prior / (worth[i] + 1.0)
            )
            for i, against in enumerate(games)
        ]
        change = max((abs(math.log(a / b)) for a, b in zip(moved, worth, strict=True)), default=0.0)
        worth = moved
        if change < _SETTLED:
            break
    return [math.log(w) if against else None for w, against in zip(worth, games, strict=True)]


def _check(table: Table) -> None:
    size = len(table)
    for i, row in enumerate(table):
        if len(row) != size:
            raise ConfigError(f"preferences: row {i} has {len(row)} entries, the table {size} rows")
        for j in range(i):
            if not _opposite(row[j], table[j][i]):
                raise ConfigError(
                    f"preferences: p[{i}][{j}] = {row[j]} and p[{j}][{i}] = {table[j][i]} must lie"
                    " in [0, 1] and sum to 1; average the two orders first"
                )


def _opposite(p: float | None, q: float | None) -> bool:
    if p is None or q is None:
        return p is q
    return 0.0 <= p <= 1.0 and 0.0 <= q <= 1.0 and abs(p + q - 1.0) <= _SLACK
