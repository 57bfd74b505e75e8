"""Ask a judge for a score: ask, read, and ask again when the reply cannot be read.

A reply that cannot be read is forgotten by the cache, and asked for once more with a fixed remark
(nothing of the bad reply is repeated: it may quote the text that is judged). The bill covers all.

Not covered: weighing by probabilities (``expected.py``), rubrics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .contract import Ask, Judge, JudgeRefused, JudgeReplyError, Reply, Scale, Score, read_reply

__all__ = ["Scored", "ask_for_score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A score and the reply it was read from."""

    score: Score
    reply: Reply
    """The last reply; its tokens and money cover all that were asked for."""
    asked: int
    """Replies asked for: 1 unless some could not be read."""


async def ask_for_score(
    judge: Judge,
    ask: Ask,
    scale: Scale,
    *,
    reasks: int = 1,
    read: Callable[[Reply, Scale], Score] = read_reply,
) -> Scored:
    """One score, after at most ``1 + reasks`` replies.

    Raises ``JudgeReplyError`` when none of them could be read, ``JudgeError`` when there was none.
    A refusal is not asked for again.
    """
    tokens_in = tokens_out = 0
    money = 0.0
    for asked in range(1, reasks + 2):
        reply = await judge.ask(ask)
        tokens_in, tokens_out = tokens_in + reply.tokens_in, tokens_out + reply.tokens_out
        money += reply.money
        try:
            score = read(reply, scale)
        except JudgeReplyError as error:
            judge.forget(ask)
            error.tokens_in, error.tokens_out, error.money = tokens_in, tokens_out, money
            if asked > reasks or isinstance(error, JudgeRefused):
                raise
            ask = _again(ask, scale)
            continue
        whole = reply
        if asked > 1:
            whole = replace(reply, tokens_in=tokens_in, tokens_out=tokens_out, money=money)
        return Scored(score=score, reply=whole, asked=asked)
    raise AssertionError("the last reply is read or raises")


def _again(ask: Ask, scale: Scale) -> Ask:
    """The same question with a remark and another seed."""
    remark = (
        "Your reply could not be read. Reply with one JSON object only, with the keys reasoning"
        f" (text), score ({scale.words()}) and confidence (a number from 0 to 1), in this order."
    )
    messages = (*ask.messages, {"role": "user", "content": remark})
    seed = None if ask.seed is None else ask.seed + 1
    return replace(ask, messages=messages, seed=seed, key="")
