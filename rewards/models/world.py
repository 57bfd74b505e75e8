"""``preferences.letters``: endless comparisons of short texts whose true rewards are known.

Each letter has a worth, and a text is worth their sum. Raters prefer by the Bradley-Terry law, and
a share of labels is turned over. So the best accuracy that any model can reach is known, and a
reward model can be tested without data or people.

Covered: label noise, raters who compare the other way round, slices by how far two texts are apart.
Not covered: rewards that depend on the prompt; a model starting from nothing would need more rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from pydantic import Field

from ...core.settings import Settings
from ...core.tasks import task
from ...core.types import Sample
from .preference import probability

__all__ = ["Letters", "letters", "worth"]

_ORDER = "dbgaehcf"
"""From the worst to the best; in no order that could be guessed."""


class Letters(Settings):
    """Settings of ``preferences.letters``."""

    shortest: int = Field(default=6, ge=1)
    longest: int = Field(default=12, ge=1, le=64)
    """Letters of a text, both bounds included."""
    unit: float = Field(default=1.2, gt=0)
    """What the best letter is worth; the worst: minus that. Larger makes clearer preferences."""
    noise: float = Field(default=0.1, ge=0, le=0.5)
    """Share of labels that are turned over."""
    raters: int = Field(default=4, ge=1)
    poisoners: int = Field(default=0, ge=0)
    """So many of the raters always prefer the worse text."""


def worth(text: str, unit: float = 1.2) -> float:
    """The true reward of a text: the sum of its letters, from -unit to unit each; others are 0."""
    step = 2.0 * unit / (len(_ORDER) - 1)
    return sum(step * _ORDER.index(letter) - unit for letter in text if letter in _ORDER)


@task("preferences.letters")
def letters(rng: random.Random, settings: Letters) -> Iterator[Sample]:
    """Prompts with ``chosen`` and ``rejected`` in ``extra``, and who preferred so.

    ``chance``: how likely this label was, or its opposite, whichever is more: the mean over rows is
    the accuracy of whoever knows the true rewards (of honest raters).
    """
    while True:
        prompt = "".join(rng.choices(_ORDER, k=6)) + ":"
        first, second = (_text(rng, settings) for _ in range(2))
        if first == second:
            continue
        gap = worth(first, settings.unit) - worth(second, settings.unit)
        said = probability(gap, 0.0)
        said += settings.noise * (1.0 - 2.0 * said)
        rater = rng.randrange(settings.raters)
        prefers_first = rng.random() < said
        if rater < settings.poisoners:
            prefers_first = gap < 0
        chosen, rejected = (first, second) if prefers_first else (second, first)
        yield Sample(
            prompt=prompt,
            task="preferences",
            extra={
                "chosen": chosen,
                "rejected": rejected,
                "rater": f"rater-{rater}",
                "subset": "clear" if abs(gap) > 2.0 * settings.unit else "close",
                "chance": max(said, 1.0 - said),
            },
        )


def _text(rng: random.Random, settings: Letters) -> str:
    return "".join(rng.choices(_ORDER, k=rng.randint(settings.shortest, settings.longest)))
