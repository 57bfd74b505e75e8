"""Beam search over the steps of an answer, with a process source; and the same with a look ahead.

Source: Snell et al. 2024 (arXiv 2408.03314), 5.2. Of N first steps the best N/M are kept, each goes
on in M ways, and so on until the answers end. With a look ahead, a step is worth what the source
says of the text k steps later, written greedily; beam search is k = 0. Differs: equal beginnings
count once, finished answers keep their place in the beam, the finished answer of highest value is
given (Snell takes a weighted vote), and answers that a look ahead finishes are candidates too.

Not covered: cutting the steps (the generator does, or ``Stepwise``), and how a source adds up the
steps of a text (``adding: last`` is Snell's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import ConfigError
from ...core.generation import Generator
from ...core.scorer import Scorer
from ...core.types import Sample, digest
from .desk import Desk, Draft
from .limits import Limits
from .results import Candidate, SearchResult, best

__all__ = ["beam", "lookahead"]


def beam(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    n: int = 16,
    width: int = 4,
    rounds: int = 40,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """The best answer that a beam search finished.

    Args:
        generate: writes single steps (``Wanted.until`` is ``step``).
        scorer: judges beginnings as well as whole answers: a process source.
        n: beginnings in each round (Snell's N).
        width: ways in which each that is kept goes on (Snell's M); ``n / width`` are kept.
        rounds: most steps of an answer. 40 is Snell's.

    A beginning without a value is left out of the beam, and counted. Where no answer was finished,
    the best of the last beginnings is given, with ``finished`` False. Raises ``ConfigError`` where
    ``width`` does not divide ``n``, and where the generator breaks its contract.
    """
    desk = Desk(sample, generate, limits, seed, "beam")
    return _Beam(desk, scorer, n, width, 0).run(rounds)


def lookahead(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    n: int = 16,
    width: int = 4,
    steps: int = 1,
    rounds: int = 40,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """``beam``, but a beginning is worth what the scorer says of it ``steps`` steps later.

    The steps ahead are wanted greedily, and thrown away unless they finish an answer. They cost
    ``n * steps`` continuations a round (Snell counts N (k + 1)). ``steps`` 0 is ``beam``. Raises
    ``ConfigError`` as ``beam``, and for negative ``steps``.
    """
    desk = Desk(sample, generate, limits, seed, "lookahead")
    return _Beam(desk, scorer, n, width, steps).run(rounds)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """A text in the beam, and what was said of it, or of the text some steps later."""

    text: str
    finished: bool
    said: Candidate

    @property
    def place(self) -> tuple[float, str]:
        """Best first; equals in an order that favours nobody."""
        assert self.said.score is not None  # others are left out of the beam
        return -self.said.score, digest(self.text)


class _Beam:
    def __init__(self, desk: Desk, scorer: Scorer, n: int, width: int, ahead: int) -> None:
        if n < 1 or width < 1 or n % width:
            raise ConfigError(
                f"{desk.method}: width must divide n, and both be >= 1, got n = {n}, width ="
                f" {width}"
            )
        if ahead < 0:
            raise ConfigError(f"{desk.method}.steps: must be >= 0, got {ahead}")
        self._desk, self._scorer = desk, scorer
        self._n, self._width, self._ahead = n, width, ahead
        self._answers: list[Candidate] = []

    def run(self, rounds: int) -> SearchResult:
        """Round by round, until no beginning goes on."""
        if rounds < 1:
            raise ConfigError(f"{self._desk.method}.rounds: must be >= 1, got {rounds}")
        kept: list[_Beginning] = []
        texts = [""] * self._n
        for _ in range(rounds):
            grown = self._judged(self._children(texts))
            if not grown:
                break
            pool = [*(one for one in kept if one.finished), *grown]
            kept = sorted(pool, key=lambda one: one.place)[: self._n // self._width]
            texts = [one.text for one in kept if not one.finished for _ in range(self._width)]
            if not texts or self._desk.stopped:
                break
        if best(self._answers) is None:
            self._answers += [one.said for one in kept]
        return self._desk.result(self._answers, best(self._answers))

    def _children(self, texts: Sequence[str]) -> list[Draft]:
        """The next step of each text; equal ones once, in the order in which they came."""
        found: dict[tuple[str, bool], Draft] = {}
        for place, written in self._desk.write(texts, "step"):
            text = texts[place] + written.text
            draft = Draft(text, written.finished, written.truncated)
            found.setdefault((text, draft.finished), draft)
        return list(found.values())

    def _judged(self, children: Sequence[Draft]) -> list[_Beginning]:
        """The children that have a value; whole answers among what was judged are kept."""
        seen = self._desk.judge(self._scorer, self._ahead_of(children))
        self._answers += [said for said in seen if said.finished]
        return [
            _Beginning(child.text, child.finished, said)
            for child, said in zip(children, seen, strict=True)
            if said.score is not None
        ]

    def _ahead_of(self, children: Sequence[Draft]) -> list[Draft]:
        """Each child some steps later, or at its end; as far as the limits let it be written."""
        drafts = list(children)
        for _ in range(self._ahead):
            going = [i for i, draft in enumerate(drafts) if not draft.finished]
            written = self._desk.write([drafts[i].text for i in going], "step", greedy=True)
            for place, more in written:
                text = drafts[going[place]].text + more.text
                drafts[going[place]] = Draft(text, more.finished, more.truncated)
        return drafts
