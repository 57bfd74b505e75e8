"""GRAPE's memory: the earlier responses to each question, with what was said of them.

Bounded in questions and in responses for each. ``state_dict`` is JSON, for checkpoints; what is
remembered depends on the order of batches and of completions in them, so all ranks must be given
the same. Not covered: responses that were not scored, which teach an improver nothing, and given
ones, which are not the policy's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

from ...core.errors import DataError
from ...core.types import digest
from .grape_mix import rng_of

__all__ = ["Earlier", "Feed", "History"]

Feed: TypeAlias = Literal["last", "random", "best"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A response that was scored."""

    text: str
    value: float
    """Its reward. A batch-level reward depends on its batch too."""
    critique: str = ""
    reasons: str = ""
    """Why it scored as it did; one line an item."""
    met: int = 0
    """The batches with its question before the one it was written in."""


class History:
    """Earlier responses by question.

    Args:
        feed: which is improved; decides which are kept.
        keep: responses for a question.
        questions: questions; the one not met for longest is forgotten first.
    """

    def __init__(self, feed: Feed, keep: int, questions: int) -> None:
        self.feed, self.keep, self.questions = feed, keep, questions
        self._met: dict[str, int] = {}  # in the order of their last meeting
        self._kept: dict[str, list[Earlier]] = {}

    def __len__(self) -> int:
        return len(self._met)

    def met(self, question: str) -> int:
        """In how many batches a question has been; 0 for a new or forgotten one."""
        return self._met.get(question, 0)

    def kept(self, question: str) -> Sequence[Earlier]:
        """Its earlier responses, oldest first."""
        return tuple(self._kept.get(question, ()))

    def pick(self, question: str, *draw: object) -> Earlier | None:
        """The response to improve; None where there is none. ``draw`` seeds the choice."""
        kept = self._kept.get(question)
        if not kept:
            return None
        if self.feed == "best":
            return max(kept, key=lambda one: (one.value, one.met))
        if self.feed == "last":
            kept = [one for one in kept if one.met == kept[-1].met]
        return rng_of(*draw, question, self.met(question), "feed").choice(kept)

    def add(self, batch: Iterable[tuple[str, Earlier | None]]) -> None:
        """Take in a batch: (question, response) for each completion, None for one that has no
        score or is not the policy's own. A question counts as met once a batch."""
        new: dict[str, list[Earlier]] = {}
        for question, earlier in batch:
            found = new.setdefault(question, [])
            if earlier is not None:
                found.append(earlier)
        for question, found in new.items():
            self._met[question] = self._met.pop(question, 0) + 1
            self._kept[question] = self._chosen(question, [*self.kept(question), *found])
        for question in list(self._met)[: max(len(self._met) - self.questions, 0)]:
            del self._met[question], self._kept[question]

    def _chosen(self, question: str, found: list[Earlier]) -> list[Earlier]:
        """Those that stay, oldest first."""
        if len(found) <= self.keep:
            return found

        def rank(one: Earlier) -> tuple[float, ...]:
            return (one.value, one.met) if self.feed == "best" else (one.met,)

        # of equals not the last places of a group, which may all be of one kind
        stirred = sorted(found, key=lambda one: digest([question, one.met, one.text]))
        stay = sorted(stirred, key=rank, reverse=True)[: self.keep]
        return sorted(stay, key=lambda one: one.met)

    def rows(self) -> list[dict[str, Any]]:
        """A JSON object for each response: its question and its fields."""
        return [
            {"question": question, **asdict(one)}
            for question, kept in self._kept.items()
            for one in kept
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        return {"met": list(self._met.items()), "kept": self.rows()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the place of what is remembered; raises ``DataError`` for another's state."""
        names = {field.name for field in fields(Earlier)}
        try:
            met = {str(question): int(count) for question, count in state["met"]}
            kept: dict[str, list[Earlier]] = {question: [] for question in met}
            for row in state["kept"]:
                kept[row["question"]].append(Earlier(**{name: row[name] for name in names}))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"grape history: the checkpoint's cannot be read: {type(error).__name__}: {error};"
                " it was not written by History.state_dict"
            ) from error
        self._met, self._kept = met, kept
