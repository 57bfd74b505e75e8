"""A question to a judge: orders of ours, texts of others behind the fence, the form of the reply.

The orders and what is asked stand in the system message, with the notice of what the blocks are;
what others wrote stands in the user message, fenced; after it, outside of any block, the form of
the reply. Nothing is a template: texts are put beside each other once and never looked at again.

Not covered: sending it (``asker``), the rubrics' own prompts (``assay.rewards.rubrics``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..judges.contract import Scale
from ..rubrics.fence import Fenced, fence

__all__ = ["Grades", "Question"]

_SCORE_FORM = """\
The blocks end here. Reply now with one JSON object with these keys, in this order, and nothing
beside it:
- reasoning: your reasons, as text, before you settle on a score;
- score: {scores};
- confidence: a number from 0 to 1: how sure you are that this score is right."""


@dataclass(frozen=True, slots=True)
class Grades:
    """The scores on offer, from 0 up in whole numbers, each with its meaning."""

    meanings: tuple[str, ...]
    """Two to ten, the first for 0; so each is one digit, and its probability can be read."""

    def __post_init__(self) -> None:
        if not 2 <= len(self.meanings) <= 10:
            raise ValueError(f"Grades: must be 2 to 10 meanings, got {len(self.meanings)}")

    @property
    def scale(self) -> Scale:
        """What a reply may say; in [0, 1] the steps are equal."""
        return Scale(levels=tuple(range(len(self.meanings))))

    def form(self) -> str:
        """The form of the reply, for a judge."""
        rows = [f"  {score}: {meaning}" for score, meaning in enumerate(self.meanings)]
        scores = "\n".join([f"{self.scale.words()}, which mean", *rows])
        return _SCORE_FORM.format(scores=scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. ``orders`` and ``ending`` are ours or the recipe's; ``texts`` are others'."""

    purpose: str
    """What for, in the record: ``reference``, ``compare``... It is also part of the fence's key."""
    orders: str
    """The judge's role and what is asked."""
    texts: Mapping[str, tuple[str, str]]
    """Name of the block -> (its heading, the text). Empty texts are not shown."""
    grades: Grades | None = None
    """The scores on offer; None: the reply is prose."""
    ending: str = ""
    """For prose: what to write, after the blocks."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What else tells this question from others: a principle's name, a version."""

    def fenced(self, limit_chars: int) -> Fenced:
        """The texts in blocks under one key."""
        shown = {name: text for name, (_, text) in self.texts.items() if text}
        about = " ".join(f"{key}={value}" for key, value in sorted(self.about.items()))
        return fence(shown, limit_chars=limit_chars, purpose=f"{self.purpose} {about}".strip())

    def messages(self, fenced: Fenced, instructions: str = "") -> tuple[Mapping[str, str], ...]:
        """The conversation up to where the judge speaks."""
        system = [self.orders.strip(), instructions.strip(), fenced.notice]
        shown = [
            f"{heading}:\n{fenced.blocks[name]}"
            for name, (heading, _) in self.texts.items()
            if name in fenced.blocks
        ]
        form = f"The blocks end here. {self.ending}" if self.grades is None else self.grades.form()
        return (
            {"role": "system", "content": "\n\n".join(part for part in system if part)},
            {"role": "user", "content": "\n\n".join([*shown, form])},
        )
