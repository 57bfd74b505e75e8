"""From an item of a rubric and a sample to the messages a judge gets.

The orders stand in the system message, with the notice of what the blocks are; what others wrote
stands in the user message, fenced; after it, outside of any block, the form of the reply.
Not covered: sending them (``flows``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...core.types import JSON, Sample
from ..judges.contract import Ask, Scale
from .fence import Fenced, fence
from .schema import Category, Item
from .templates import Prompt

__all__ = ["Material", "Point", "Wording", "material_of", "text_of"]

_SCORE_FORM = """\
The blocks end here. Reply now, on "{item}" alone, with one JSON object with these keys, in this
order, and nothing beside it:
- reasoning: your reasons, as text, before you settle on a score;
- score: {scores}, the higher the better the point is met;
- confidence: a number from 0 to 1: how sure you are that this score is right."""
_FAULT_FORM = _SCORE_FORM.replace(
    "the higher the better the point is met", "the higher the more of the described fault is there"
)
_CRITIQUE_FORM = "The blocks end here. Write the critique now, on {item} alone, without a score."


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What others wrote of one sample, as text; empty where there is none."""

    question: str
    answer: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing to ask about: an item, or an atom of it."""

    name: str
    description: str
    negative: bool
    anchors: Mapping[float, str] = field(default_factory=dict)
    """Score in [0, 1] -> what it means."""

    @classmethod
    def of(cls, item: Item) -> Point:
        """The item as a whole (or what its atoms leave of it)."""
        left = ", ".join(atom.name for atom in item.atoms)
        description = item.description
        if left:
            description += f" (Judged elsewhere, leave out: {left}.)"
        return cls(
            name=item.name,
            description=description,
            negative=item.extensions.polarity == "negative",
            anchors=item.anchors,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How asks are made: limits and sampling, from the settings of the source."""

    scale: Scale
    limit_chars: int
    score_tokens: int
    critique_tokens: int
    temperature: float
    seed: int | None
    logprobs: bool = False

    def ask(
        self,
        prompt: Prompt,
        category: Category,
        point: Point,
        texts: Mapping[str, str],
    ) -> tuple[Ask, Fenced]:
        """The ask, and its fence."""
        score = prompt.purpose == "score"
        shown = {name: text for name, text in texts.items() if text and prompt.shows(name)}
        fenced = fence(
            shown, limit_chars=self.limit_chars, purpose=f"{prompt.purpose} {point.name}"
        )
        scores = self._scores()
        values = {
            "category_description": category.description,
            "item": point.name,
            "description": point.description,
            "anchors": self._anchors(point),
            "scores": scores,
            **fenced.blocks,
        }
        system, user = prompt.render(values)
        form = (_FAULT_FORM if point.negative else _SCORE_FORM) if score else _CRITIQUE_FORM
        messages = (
            {"role": "system", "content": f"{system.strip()}\n\n{fenced.notice}"},
            {
                "role": "user",
                "content": f"{user.strip()}\n\n{form.format(item=point.name, scores=scores)}",
            },
        )
        ask = Ask(
            messages=messages,
            schema=self.scale.schema() if score else None,
            temperature=self.temperature,
            max_tokens=self.score_tokens if score else self.critique_tokens,
            seed=self.seed,
            logprobs=self.logprobs and score,
            purpose=prompt.purpose,
        )
        return ask, fenced

    def _scores(self) -> str:
        scale = self.scale
        if scale.levels is not None and scale.levels == tuple(range(int(scale.high) + 1)):
            return f"a whole number from 0 (worst) to {scale.high:g} (best)"
        return scale.words()

    def _anchors(self, point: Point) -> str:
        """Anchors are written in [0, 1]; the judge reads them on its own scale."""
        low, width = self.scale.low, self.scale.high - self.scale.low
        return "\n".join(
            f"{low + score * width:g}: {meaning}"
            for score, meaning in sorted(point.anchors.items())
        )


def material_of(sample: Sample, *, show_reasoning: bool) -> Material:
    """The texts of a sample: the answer without its reasoning, unless that is to be shown."""
    return Material(
        question=text_of(sample.prompt),
        answer=sample.text if show_reasoning else sample.view("answer").text,
        reference=text_of(sample.ground_truth),
    )


def text_of(value: JSON) -> str:
    """A prompt, messages, or any JSON value as text for a judge."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value and all(_is_message(m) for m in value):
        if len(value) == 1:
            return _content(value[0])
        return "\n\n".join(f"[{m['role']}] {_content(m)}" for m in value)
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _is_message(value: object) -> bool:
    return isinstance(value, Mapping) and "role" in value and "content" in value


def _content(message: Mapping[str, JSON]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = (part.get("text") for part in content or () if isinstance(part, Mapping))
    return "".join(part for part in parts if isinstance(part, str))
