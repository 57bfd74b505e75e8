"""What asks cost, and a judge that writes it down as it comes.

Covered: every reply and every error of a judge that has a bill; how many asks are under way at a
time. Not covered: stopping a run that costs too much (``budget``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ...core.errors import StopRun
from .contract import Ask, BudgetSpent, Judge, JudgeError, Reply

__all__ = ["Counted", "Spent"]


@dataclass(slots=True)
class Spent:
    """What asks cost, those that failed included."""

    asks: float = 0.0
    """Replies asked for; a fraction where several verdicts bear one."""
    tokens: float = 0.0
    money: float = 0.0

    def add(self, paid: Reply | JudgeError | Spent) -> None:
        """Count one more reply, error, or sum."""
        if isinstance(paid, Spent):
            self.bear(paid, 1.0)
            return
        self.asks += 0.0 if isinstance(paid, BudgetSpent) else 1.0
        self.tokens += paid.tokens_in + paid.tokens_out
        self.money += paid.money

    def bear(self, spent: Spent, share: float) -> None:
        """Count a share of what was spent."""
        self.asks += share * spent.asks
        self.tokens += share * spent.tokens
        self.money += share * spent.money

    def cost(self) -> dict[str, float]:
        """``asks``, ``tokens`` and ``money``, as a verdict has them."""
        return {"asks": self.asks, "tokens": self.tokens, "money": self.money}


class Counted:
    """A judge with a place in the queue, and what it costs written down as it comes.

    Args:
        judge: who is asked; whatever it raises becomes a ``JudgeError``.
        slots: how many asks may be under way.
        spent: where the costs are added up.
    """

    def __init__(self, judge: Judge, slots: asyncio.Semaphore, spent: Spent) -> None:
        self.model = judge.model
        self.version = judge.version
        self._judge, self._slots, self._spent = judge, slots, spent

    async def ask(self, ask: Ask) -> Reply:
        """The judge's reply; raises ``JudgeError``."""
        async with self._slots:
            try:
                reply = await self._judge.ask(ask)
            except JudgeError as error:
                self._spent.add(error)
                raise
            except StopRun as error:  # of a judge of someone else's
                raise BudgetSpent(f"{error}") from error
            except Exception as error:  # a judge of someone else's may raise anything
                raise JudgeError(f"judge {self.model}: {type(error).__name__}: {error}") from error
        self._spent.add(reply)
        return reply

    def forget(self, ask: Ask) -> None:
        """Passed on, where the judge has a cache."""
        forget = getattr(self._judge, "forget", None)  # a judge without a cache has none
        if callable(forget):
            forget(ask)
