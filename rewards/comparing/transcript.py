"""A debate as data: who spoke what, read from a sample and shown with the names masked.

A transcript is a list of turns, ``{"speaker": ..., "text": ...}``, or chat messages with a
``name``; it lies in ``extra["transcript"]`` or is the completion itself. A completion that is text
is one more turn, by ``extra["side"]``. Reasoning before ``</think>`` is nobody's speech.

Covered: exactly two speakers, masking their names in what both say, the order of turns within a
round. Not covered: debates with more sides, a moderator (leave the turns out), who is right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.types import JSON, Sample, split_reasoning

__all__ = ["Debate", "TranscriptError", "Turn", "read_debate"]


class TranscriptError(ValueError):
    """The data holds no debate of two sides, or does not say whom to pay."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a speaker said at one time."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Debate:
    """Two sides and what they said. ``sides[0]`` is the one that is paid."""

    sides: tuple[str, str]
    turns: tuple[Turn, ...]
    stands: Mapping[str, str]
    """Side -> what it stands for; empty where the data does not say."""

    def silent(self, side: str) -> bool:
        """Whether a side has said nothing at all."""
        return not any(turn.text.strip() for turn in self.turns if turn.speaker == side)

    def shown(self, first: str, *, simultaneous: bool) -> dict[str, tuple[str, str]]:
        """Block -> (heading, text) of every turn and position, with ``first`` as Debater 1.

        Each turn is a block of its own, so that nobody can speak in the other one's name.
        ``simultaneous``: the two speak at once in each round, so ``first`` is put first in it.
        Otherwise the turns stay as they were spoken: a reply cannot come before what it answers.
        """
        second = self.sides[1] if first == self.sides[0] else self.sides[0]
        masks = {first: "Debater 1", second: "Debater 2"}
        turns = _by_round(self.turns, first) if simultaneous else self.turns
        shown = {
            f"position_{number}": (f"{masks[side]} stands for", _masked(self.stands[side], masks))
            for number, side in enumerate((first, second), 1)
            if self.stands.get(side)
        }
        for number, turn in enumerate(turns, 1):
            shown[f"turn_{number}"] = (f"{masks[turn.speaker]} says", _masked(turn.text, masks))
        return shown


def read_debate(sample: Sample) -> Debate:
    """The debate of a sample; raises ``TranscriptError`` that says what the data lacks."""
    side = sample.extra.get("side")
    if not isinstance(side, str) or not side:
        raise TranscriptError("extra.side must name the speaker that is paid")
    turns = _turns(sample, side)
    speakers = list(dict.fromkeys([side, *(turn.speaker for turn in turns)]))
    stands = sample.extra.get("stands", {})
    if not isinstance(stands, Mapping) or any(not isinstance(v, str) for v in stands.values()):
        raise TranscriptError("extra.stands must be a mapping from speaker to text")
    speakers = list(dict.fromkeys([*speakers, *map(str, stands)]))
    if len(speakers) != 2:
        raise TranscriptError(f"a debate has two speakers, this one has {speakers[:5]}")
    return Debate(sides=(speakers[0], speakers[1]), turns=tuple(turns), stands=dict(stands))


def _turns(sample: Sample, side: str) -> list[Turn]:
    given = sample.extra.get("transcript")
    completion = sample.completion
    if isinstance(completion, str):
        said = [] if given is None else _read(given)
        own = split_reasoning(completion)[1]
        return [*said, Turn(side, own)] if own.strip() or given is None else said
    if given is not None:
        raise TranscriptError("the completion is a transcript, and extra.transcript is one too")
    return _read(completion)


def _read(rows: Any) -> list[Turn]:
    if isinstance(rows, str) or not isinstance(rows, Sequence) or not rows:
        raise TranscriptError("a transcript must be a list of turns")
    return [_turn(row) for row in rows]


def _turn(row: JSON) -> Turn:
    if not isinstance(row, Mapping):
        raise TranscriptError(f"a turn must have speaker and text, got {row!r:.60}")
    speaker = row.get("speaker", row.get("name", row.get("role")))
    text = row.get("text", row.get("content"))
    if not isinstance(speaker, str) or not speaker.strip() or not isinstance(text, str):
        raise TranscriptError(f"a turn must have speaker and text, got keys {sorted(row)!r:.60}")
    return Turn(speaker, split_reasoning(text)[1])


def _by_round(turns: Sequence[Turn], first: str) -> list[Turn]:
    """The turns by round (the k-th turn of each), ``first`` before the other in each."""
    count: dict[str, int] = {}
    placed = []
    for turn in turns:
        count[turn.speaker] = count.get(turn.speaker, 0) + 1
        placed.append((count[turn.speaker], turn.speaker != first, turn))
    return [turn for _, _, turn in sorted(placed, key=lambda row: row[:2])]


def _masked(text: str, masks: Mapping[str, str]) -> str:
    """The text with the speakers' names replaced, as whole words in any letter case, at once."""
    names = sorted(masks, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names)
    by_fold = {name.casefold(): mask for name, mask in masks.items()}
    return re.sub(
        pattern, lambda found: by_fold.get(found[0].casefold(), found[0]), text, flags=re.IGNORECASE
    )
