"""What all searches share: asking the generator and the scorers, within the limits, counted.

Seeds follow from the search's seed, the prompt, the beginning and how often it was asked before: so
the first n of N continuations are the same whatever N is, and nothing depends on batches.

Not covered: what is asked for, and what becomes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...core.errors import ConfigError
from ...core.generation import Generator, Until, Wanted, Written, as_many
from ...core.scorer import Scorer
from ...core.types import Message, Sample, digest
from .limits import Limits, Spent
from .results import Candidate, SearchResult, why_nothing

__all__ = ["Check", "Desk", "Draft"]

Check: TypeAlias = "Callable[[Sequence[Sample]], Sequence[bool | None]] | Scorer"
"""Answers up to a new step -> whether the step holds; None: not known, which is nobody's fault. Of
a ``Scorer`` the reward's ``passed`` counts."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text to be judged: an answer, or its beginning."""

    text: str
    finished: bool = True
    truncated: bool = False


class Desk:
    """The generator, the limits and the counts of one search for one question.

    Args:
        sample: the question; its completion is not looked at.
        method: the search's name, for results and errors.

    Raises ``ConfigError`` where a generator breaks its contract.
    """

    def __init__(
        self, sample: Sample, generate: Generator, limits: Limits | None, seed: int, method: str
    ) -> None:
        self.sample = replace(sample, group=sample.group_key)
        self.limits = Limits() if limits is None else limits
        self.method = method
        self.left_out: Counter[str] = Counter()
        self.stopped = ""
        self._generate = generate
        self._seed = seed
        self._counts: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()

    # writing ------------------------------------------------------------------------------

    def write(
        self,
        beginnings: Sequence[str],
        until: Until = "end",
        *,
        greedy: bool = False,
        prompt: str | Sequence[Message] | None = None,
    ) -> list[tuple[int, Written]]:
        """A continuation of each beginning: (its place among them, the continuation).

        Those that do not fit into the limits, or that the generator could not give, are missing.
        """
        asked = self.sample.prompt if prompt is None else prompt
        room, tokens = self._room(len(beginnings))
        wanted = [
            Wanted(
                prompt=asked,
                beginning=beginning,
                until=until,
                max_tokens=tokens,
                seed=self._next_seed(asked, beginning, until),
                greedy=greedy,
            )
            for beginning in beginnings[:room]
        ]
        return self._written(wanted) if wanted else []

    def _room(self, count: int) -> tuple[int, int]:
        """How many continuations still fit, and how long each may be."""
        limits, each = self.limits, self.limits.tokens_each
        room = count
        if limits.max_calls is not None:
            room = min(room, limits.max_calls - self._counts["calls"])
            self._stop_if(room < count, "max_calls")
        if limits.max_tokens is not None and room:
            left = limits.max_tokens - self._counts["tokens"]
            fitting = left // each
            self._stop_if(fitting < room, "max_tokens")
            if fitting == 0:  # the last one gets what is left
                return min(room, 1) if left else 0, max(left, 1)
            room = min(room, fitting)
        return room, each

    def _stop_if(self, reached: bool, why: str) -> None:
        if reached and not self.stopped:
            self.stopped = why

    def _next_seed(self, prompt: str | Sequence[Message], beginning: str, until: Until) -> int:
        place = digest([self._seed, prompt, beginning, until])
        number = self._asked[place]
        self._asked[place] += 1
        return int(digest([place, number], length=8), 16) & 0x7FFFFFFF

    def _written(self, wanted: list[Wanted]) -> list[tuple[int, Written]]:
        self._counts["calls"] += len(wanted)
        self._counts["batches"] += 1
        given: Sequence[Any] = as_many(self._generate(wanted), wanted)
        found = []
        for place, (want, text) in enumerate(zip(wanted, given, strict=True)):
            if text is None:
                self._counts["lost"] += 1
            else:
                found.append((place, self._read(want, text)))
        return found

    def _read(self, want: Wanted, given: Written | str) -> Written:
        """A continuation, checked and counted."""
        if isinstance(given, str):
            given = Written(given, finished=want.until == "end" or not given.strip())
        if not isinstance(given, Written):
            raise ConfigError(
                f"{self.method}: the generator must give text, Written or None, got"
                f" {type(given).__name__}"
            )
        self._count_tokens(want, given.tokens)
        limit = self.limits.chars_each
        if len(given.text) > limit:
            given = replace(given, text=given.text[:limit], finished=True, truncated=True)
        if not given.text and not given.finished:
            return replace(given, finished=True)  # a step that says nothing leads nowhere else
        return given

    def _count_tokens(self, want: Wanted, tokens: int | None) -> None:
        if tokens is None and self.limits.max_tokens is not None:
            raise ConfigError(
                f"{self.method}: max_tokens = {self.limits.max_tokens} can only be held where the"
                " generator gives Written(text, tokens=...), got no tokens; limit max_calls instead"
            )
        if tokens is not None and tokens > want.max_tokens:
            raise ConfigError(
                f"{self.method}: the generator gave {tokens} tokens where at most"
                f" {want.max_tokens} were wanted; heed Wanted.max_tokens"
            )
        self._counts["tokens"] += tokens or 0

    # judging ------------------------------------------------------------------------------

    def judge(self, scorer: Scorer, drafts: Sequence[Draft]) -> list[Candidate]:
        """What a scorer says of each draft, in order, all in one call.

        Drafts beyond ``max_judged`` come back without a reward. What has no value is counted.
        """
        most, room = self.limits.max_judged, len(drafts)
        if most is not None:
            room = min(room, most - self._counts["judged"])
            self._stop_if(room < len(drafts), "max_judged")
        samples = [self.sample_of(draft) for draft in drafts]
        self._counts["judged"] += room
        rewards = scorer.score(samples[:room]) if room else []
        if scorer.stopped:
            self._stop_if(True, scorer.stopped)
        self.left_out.update(r.status.value for r in rewards if r.value is None)
        self.left_out.update(["unjudged"] * (len(drafts) - room))
        said = [*rewards, *[None] * (len(drafts) - room)]
        return [
            Candidate(sample=sample, reward=reward, finished=draft.finished)
            for draft, sample, reward in zip(drafts, samples, said, strict=True)
        ]

    def sample_of(self, draft: Draft) -> Sample:
        """The question with a draft as its completion: a message where the prompt has messages."""
        chat = not isinstance(self.sample.prompt, str)
        said: Any = [{"role": "assistant", "content": draft.text}] if chat else draft.text
        return replace(self.sample, completion=said, truncated=draft.truncated, id="")

    def check(self, check: Check, texts: Sequence[str]) -> list[bool | None]:
        """Whether the last step of each beginning holds; faults are counted, as ``unchecked``."""
        if not texts:
            return []
        samples = [self.sample_of(Draft(text, finished=False)) for text in texts]
        self._counts["checked"] += len(samples)
        if isinstance(check, Scorer):
            said = [None if r.value is None else r.passed for r in check.score(samples)]
        else:
            said = list(check(samples))
        if len(said) != len(samples):
            raise ConfigError(
                f"{self.method}: check gave {len(said)} verdicts of {len(samples)} steps;"
                " give None for one that cannot be had"
            )
        self.left_out.update("unchecked" for one in said if one is None)
        self._counts["rejected"] += sum(one is False for one in said)
        return said

    # the end ------------------------------------------------------------------------------

    @property
    def spent(self) -> Spent:
        """All counts so far."""
        return Spent(**self._counts, stopped=self.stopped)

    def result(
        self,
        candidates: Sequence[Candidate],
        chosen: Candidate | None,
        *,
        votes: Mapping[str, float] | None = None,
        why: str = "",
    ) -> SearchResult:
        """The result; ``why`` says why nothing was chosen, where the counts do not."""
        reason = why or why_nothing(self.spent, self.left_out)
        return SearchResult(
            method=self.method,
            chosen=chosen,
            candidates=tuple(candidates),
            spent=self.spent,
            left_out=dict(self.left_out),
            votes=votes or {},
            reason="" if chosen else reason,
        )
