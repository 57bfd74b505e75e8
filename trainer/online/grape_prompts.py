"""The two prompts of GRAPE's generation, and what a verdict has to say to an improver.

Source: Patel 2025 (GRAPE), section 6: a category has a prompt to answer and a prompt to improve;
the improver is given the critique and the reasons of the judge. Text prompts get the category's
text in a line above, chats as their system message. Reasons of sources with weight 0 are not
shown: an audit that the policy reads is none.

Not covered: images, and whether a reason tells the answer in other words (``grape_text.tells``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError
from ...core.settings import read_settings
from ...core.types import Reward, Sample
from ...rewards.rubrics.library import load_rubric
from ...rewards.rubrics.neutral import neutralise
from ...rewards.rubrics.schema import Category, Rubric
from ...rewards.rubrics.settings import RubricSettings
from ..config import TrainingRecipe
from .grape_history import Earlier
from .grape_settings import GrapeSettings
from .grape_text import cut, fill, tells, withheld

__all__ = ["GrapePrompts"]

_NONE = "(none)"
_JUDGE = "judge.rubric"


@dataclass(frozen=True, slots=True)
class GrapePrompts:
    """Prompts of ways A and B for the questions of a recipe.

    ``of`` reads a recipe; raises ``ConfigError`` where it has no prompts.
    """

    settings: GrapeSettings
    rubric: Rubric
    category: str | None = None
    """One category for every question."""
    category_from: str = "task"
    audits: frozenset[str] = frozenset()
    """Sources whose reasons are not shown."""

    @classmethod
    def of(cls, recipe: TrainingRecipe) -> GrapePrompts:
        """The prompts of a recipe: from ``trainer.grape.rubric``, else from its judge."""
        settings = recipe.trainer.grape
        audits = frozenset(entry.name for entry in recipe.sources if entry.weight == 0.0)
        if settings.rubric is not None:
            made = cls(
                settings,
                load_rubric(settings.rubric),
                category_from=settings.category_from,
                audits=audits,
            )
        else:
            judge = _judge_of(recipe)
            made = cls(settings, judge.rubric, judge.category, judge.category_from, audits)
        made.check()
        return made

    def check(self) -> None:
        """Raise ``ConfigError`` for a category that way B needs and that cannot improve."""
        lacking = [name for name, c in self.rubric.categories.items() if c.improve is None]
        if self.settings.improves and lacking:
            raise ConfigError(
                f"trainer.grape: categories {lacking} of rubric {self.rubric.name!r} have no prompt"
                " improve; write one, or give p: 0"
            )

    def category_of(self, task: str | None, columns: Mapping[str, Any]) -> Category | None:
        """The category of a question, as ``judge.rubric`` finds it; None where it has none."""
        known = self.rubric.categories
        if self.category is not None or len(known) == 1:
            return known[self.category or next(iter(known))]
        name = task if self.category_from == "task" else columns.get(self.category_from)
        return known.get(name) if isinstance(name, str) else None

    def generate(self, question: Any, category: Category | None) -> Any:
        """The prompt of way A; the question itself where the category has no such prompt."""
        text = None if category is None else category.generate
        return question if text is None else _under(text.strip(), question)

    def improve(self, question: Any, category: Category, earlier: Earlier) -> Any:
        """The prompt of way B."""
        shown = {
            "question": _last_text(question),
            "response": self._shown(earlier.text),
            "critique": self._shown(earlier.critique),
            "reasons": self._shown(earlier.reasons),
        }
        text = fill(self.settings.template, {k: v or _NONE for k, v in shown.items()})
        if not isinstance(question, str):
            text = [*question[:-1], {**question[-1], "content": text}]  # type: ignore[assignment]
        return _under((category.improve or "").strip(), text)

    def of_sample(self, problem: Sample) -> Any:
        """The prompt of way A for a problem."""
        return self.generate(problem.prompt, self.category_of(problem.task, problem.extra))

    def earlier(self, sample: Sample, reward: Reward, met: int = 0) -> Earlier | None:
        """A scored response as the improver will see it; None where it has no reward."""
        if reward.value is None:
            return None
        critique: list[str] = []
        reasons: list[str] = []
        for name, verdict in reward.verdicts.items():
            if name in self.audits:
                continue
            items = verdict.evidence.get("items")
            if not isinstance(items, Mapping):
                reasons += _line(name, verdict.reason)
                continue
            for item, found in _points(items):
                critique += _line(item, found.get("critique"))
                reasons += _line(item, found.get("reasoning"))
        limit = self.settings.limit_chars
        return Earlier(
            text=cut(sample.text, limit),
            value=reward.value,
            critique=cut("\n".join(self._told(critique, sample, reward)), limit),
            reasons=cut("\n".join(self._told(reasons, sample, reward)), limit),
            met=met,
        )

    def _told(self, lines: Sequence[str], sample: Sample, reward: Reward) -> Iterator[str]:
        """The lines, without those that tell the answer."""
        mode = self.settings.truth
        open_ = mode == "show" or reward.passed is True
        if mode == "new":
            open_ |= tells(f"{_last_text(sample.prompt)}\n{sample.text}", sample.ground_truth)
        for line in lines:
            yield withheld(line) if not open_ and tells(line, sample.ground_truth) else line

    def _shown(self, text: str) -> str:
        return neutralise(text).text if self.settings.neutralise else text


def _judge_of(recipe: TrainingRecipe) -> RubricSettings:
    entries = [entry for entry in recipe.sources if entry.use == _JUDGE]
    if len(entries) != 1:
        raise ConfigError(
            f"trainer.grape: the prompts are those of a rubric, and the recipe has {len(entries)}"
            f" sources {_JUDGE}; give trainer.grape.rubric"
        )
    return read_settings(RubricSettings, entries[0].settings, f"sources.{entries[0].name}")


def _points(items: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, what was found) of items and of the atoms in them."""
    for name, found in items.items():
        if not isinstance(found, Mapping):
            continue
        yield name, found
        atoms = found.get("atoms")
        if isinstance(atoms, Mapping):
            yield from ((f"{name}.{atom}", one) for atom, one in atoms.items())


def _line(name: str, text: Any) -> list[str]:
    return [f"{name}: {' '.join(text.split())}"] if isinstance(text, str) and text.strip() else []


def _last_text(prompt: Any) -> str:
    return Sample(prompt=prompt).prompt_text


def _under(system: str, prompt: Any) -> Any:
    """A prompt below a system text."""
    if isinstance(prompt, str):
        return f"{system}\n{prompt}"
    messages = [dict(message) for message in prompt]
    if not messages or messages[0].get("role") != "system":
        return [{"role": "system", "content": system}, *messages]
    own: Any = messages[0].get("content") or ""
    parts = [{"type": "text", "text": system}]
    joined = f"{system}\n\n{own}" if isinstance(own, str) else [*parts, *own]
    return [{**messages[0], "content": joined}, *messages[1:]]
