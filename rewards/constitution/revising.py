"""Critique and revision: an answer is criticised by a principle and rewritten, round by round.

Source: Bai et al. 2022 (Constitutional AI, arXiv 2212.08073), section 3.1: a principle is drawn for
each round, the model criticises its own answer and revises it, and the last revision is learned
from (SFT). Ours: what is judged stands behind the fence; a reply that is empty or cut off is an
error and no revision. Control tokens in an answer are shown to the writer as ‹...›, so a revision
may carry such marks.

Covered: one answer, and many of them as rows. Not covered: whether a revision is better (compare it
with its original by ``label_pairs``), training on the rows (``sft`` of ``trainer``).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...core.errors import ConfigError
from ...core.types import Message, Sample
from ..inquiry.asker import Asker
from ..inquiry.question import Question
from ..judges.contract import Ask, Judge, JudgeError, JudgeReplyError, Reply
from ..judges.counting import Spent
from ..rubrics.asking import text_of
from .principles import Constitution, Principle, load_constitution

__all__ = ["Revised", "Revision", "Writer", "revise", "revise_async", "revised_rows"]

Writer: TypeAlias = "Judge | Asker | Callable[[Sequence[Mapping[str, str]]], str | Awaitable[str]]"
"""Who writes: a judge, an ``Asker`` (which says how), or a callable from chat messages to text."""

_LONGEST = 4096
"""Tokens of a critique or revision, where no ``Asker`` says otherwise; ours."""
_CRITIC = """\
You criticise an answer by one principle, so that it can be revised. What to look for:
{critique}
Quote what you speak of. Speak of nothing that the principle does not touch. Where nothing is wrong,
say so. Do not write the revision."""
_WRITER = """\
You revise an answer by a critique of it. What to do:
{revise}
Where the critique finds nothing wrong, or is wrong itself, keep the answer as it is. The answer is
to stand for itself: it does not mention the critique, the principle, or that it was revised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One round: an answer, what was said of it, and what became of it."""

    round: int
    """From 1."""
    principle: str
    before: str
    critique: str
    response: str
    """The answer after this round; never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """Rows to learn from, and what did not become one. It iterates over its rows.

    A row: ``prompt``, ``completion`` (the last revision, as a text or as one assistant message),
    ``original``, ``principles``, ``critiques``, ``writer``, ``version``, ``group``, ``id``.
    """

    rows: tuple[dict[str, Any], ...]
    failed: tuple[str, ...]
    """Why each answer failed that did."""
    spent: Spent = field(default_factory=Spent)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def revise(
    prompt: str | Sequence[Message],
    response: str,
    judge: Writer,
    principles: Constitution | str | dict[str, Any] = "general",
    rounds: int = 1,
    **options: Any,
) -> list[Revision]:
    """``revise_async``, for a script without an event loop of its own."""
    return asyncio.run(revise_async(prompt, response, judge, principles, rounds, **options))


async def revise_async(
    prompt: str | Sequence[Message],
    response: str,
    judge: Writer,
    principles: Constitution | str | dict[str, Any] = "general",
    rounds: int = 1,
    *,
    writer: Writer | None = None,
    seed: int = 0,
    spent: Spent | None = None,
) -> list[Revision]:
    """The revisions of an answer, one for each round, each of the one before.

    Args:
        judge: who criticises, and writes unless there is a ``writer``.
        principles: a constitution, its name in the library, a path or a mapping; each round takes
            another principle, in an order drawn by ``seed`` and the prompt.
        rounds: how many, at least one.
        spent: where costs are added up, also when a round fails.

    Raises ``JudgeError`` when a reply cannot be had, is empty or was cut off, and ``ConfigError``
    for fewer rounds than one and an empty response.
    """
    if rounds < 1 or not response.strip():
        raise ConfigError(
            f"revise: rounds must be >= 1 and response not empty, got {rounds}, {response!r:.40}"
        )
    constitution = load_constitution(principles)
    order = constitution.order(text_of(prompt), seed)
    paid = Spent() if spent is None else spent
    critic = _asker(judge)
    hand = critic if writer is None else _asker(writer)
    made: list[Revision] = []
    for number in range(1, rounds + 1):
        principle = order[(number - 1) % len(order)]
        before = made[-1].response if made else response
        critique = await critic.prose(_critique_of(prompt, before, principle), paid)
        after = await hand.prose(_revision_of(prompt, before, critique, principle), paid)
        made.append(
            Revision(
                round=number,
                principle=principle.name,
                before=before,
                critique=critique,
                response=after,
            )
        )
    return made


async def revised_rows(
    samples: Sequence[Sample],
    judge: Writer,
    principles: Constitution | str | dict[str, Any] = "general",
    rounds: int = 1,
    *,
    writer: Writer | None = None,
    seed: int = 0,
) -> Revised:
    """The last revision of each sample's answer as a row for supervised fine-tuning.

    The answer is what stands after the reasoning; one that is empty is listed as failed. Raises
    ``ConfigError`` for principles that cannot be read; a judge's fault costs its sample alone.
    """
    constitution = load_constitution(principles)
    critic = _asker(judge)
    hand = critic if writer is None else _asker(writer)
    spent = Spent()

    async def one(sample: Sample) -> dict[str, Any] | str:
        answer = sample.view("answer").text
        if not answer.strip():
            return f"{sample.id}: the answer is empty"
        try:
            made = await revise_async(
                sample.prompt,
                answer,
                critic,
                constitution,
                rounds,
                writer=hand,
                seed=seed,
                spent=spent,
            )
        except JudgeError as error:
            return f"{sample.id}: {error}"[:500]
        return _row(sample, made, constitution, hand)

    found = await asyncio.gather(*(one(sample) for sample in samples))
    return Revised(
        rows=tuple(row for row in found if isinstance(row, dict)),
        failed=tuple(why for why in found if isinstance(why, str)),
        spent=spent,
    )


def _row(
    sample: Sample, made: Sequence[Revision], constitution: Constitution, hand: Asker
) -> dict[str, Any]:
    last, about = made[-1].response, constitution.about
    chat = not isinstance(sample.prompt, str)
    return {
        "prompt": sample.prompt,
        "completion": [{"role": "assistant", "content": last}] if chat else last,
        "original": sample.completion,
        "principles": [revision.principle for revision in made],
        "critiques": [revision.critique for revision in made],
        "writer": hand.name,
        "version": f"{about['name']} {about['version']}+{about['digest']}",
        "group": sample.group_key,
        "id": sample.id,
    }


def _critique_of(prompt: str | Sequence[Message], answer: str, principle: Principle) -> Question:
    return Question(
        purpose="critique",
        orders=_CRITIC.format(critique=principle.critique),
        texts=_texts(prompt, answer),
        ending="Write the critique now.",
        about={"principle": principle.name},
    )


def _revision_of(
    prompt: str | Sequence[Message], answer: str, critique: str, principle: Principle
) -> Question:
    return Question(
        purpose="revision",
        orders=_WRITER.format(revise=principle.revise),
        texts={**_texts(prompt, answer), "critique": ("The critique", critique)},
        ending="Write the revised answer now, and nothing beside it.",
        about={"principle": principle.name},
    )


def _texts(prompt: str | Sequence[Message], answer: str) -> dict[str, tuple[str, str]]:
    return {"question": ("The request", text_of(prompt)), "answer": ("The answer", answer)}


def _asker(writer: Writer) -> Asker:
    if isinstance(writer, Asker):
        return writer
    judge: Any = writer if callable(getattr(writer, "ask", None)) else _Called(writer)
    return Asker(judge, reply_tokens=_LONGEST)


class _Called:
    """A callable from messages to text as a judge; what it costs is not known."""

    version = "callable"

    def __init__(self, function: Any) -> None:
        self.function = function
        self.model = getattr(function, "__name__", type(function).__name__)

    async def ask(self, ask: Ask) -> Reply:
        """What the callable says; raises ``JudgeReplyError`` for something that is no text."""
        said = self.function(ask.messages)
        if inspect.isawaitable(said):
            said = await said
        if not isinstance(said, str):
            raise JudgeReplyError(f"writer {self.model}: gave {type(said).__name__}, not text")
        return Reply(
            text=said,
            tokens_in=0,
            tokens_out=0,
            money=0.0,
            seconds=0.0,
            cached=False,
            finish="stop",
        )

    def forget(self, ask: Ask) -> None:
        """There is no cache."""
