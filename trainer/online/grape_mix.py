"""GRAPE's mix: by which way each completion of a group is written.

Source: Patel 2025 (GRAPE), section 6: the first round is all A; later ones choose "between 1 and 2
with some probability", or a fixed share of each. Draws depend on the seed, the question, how often
it has been met and the place in the group, and on nothing else: ranks that share a group, and runs
that are resumed, agree without a word.
"""

from __future__ import annotations

import random
from enum import StrEnum

from .grape_settings import GrapeSettings

__all__ = ["Way", "rng_of", "way_of"]


class Way(StrEnum):
    """How a completion came about."""

    GENERATE = "a"
    """The category's prompt to answer (the paper's first way)."""
    IMPROVE = "b"
    """The category's prompt to improve an earlier response (the second)."""
    SFT = "sft"
    """A given response."""


def rng_of(*place: object) -> random.Random:
    """Random numbers of a place: the same in every process and in a resumed run."""
    return random.Random("|".join(map(str, place)))  # noqa: S311 - they must repeat


def way_of(
    settings: GrapeSettings,
    *,
    place: int,
    size: int,
    seed: int,
    question: str,
    met: int,
    known: bool,
    given: bool,
) -> Way:
    """The way of one completion.

    Args:
        place, size: where it stands in its group, and the group's size.
        seed: of the run.
        question: its id.
        met: in how many batches the question has been before.
        known: there is an earlier response to improve.
        given: there is a given response; it takes the last place.

    With a quota the last places before a given response are B's.
    """
    if given and place == size - 1:
        return Way.SFT
    if not known:
        return Way.GENERATE
    if settings.quota is not None:
        improves = place >= size - int(given) - settings.quota
    else:
        improves = rng_of(seed, question, met, place).random() < settings.share
    return Way.IMPROVE if improves else Way.GENERATE
