"""Scorers that outlive a call: one per process and recipe, opened on first use, closed at exit.

A reward function is pickled, spawned and forked by the trainers that own it; it therefore holds
the recipe as text, and asks here for the open Scorer. After a fork the child opens its own and
leaves its parent's alone.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Sequence
from typing import Any

from ..core.errors import ConfigError
from ..core.recipe import Recipe
from ..core.scorer import Scorer

__all__ = ["close_scorers", "frozen_recipe", "scorer_for"]

_Key = tuple[int, str, tuple[str, ...]]
_open: dict[_Key, Scorer] = {}
_lock = threading.RLock()


def frozen_recipe(recipe: Recipe) -> str:
    """The scoring part of a recipe as JSON text; raises ``ConfigError`` when it cannot be text."""
    training: dict[str, Any] = dict.fromkeys(("model", "data", "trainer", "evaluation"))
    try:
        copy = recipe.model_copy(update=training)
        # what is not said stays unsaid: limits that a recipe leaves open depend on the source
        data = copy.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return json.dumps(data, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"recipe {recipe.name!r}: cannot be sent to other processes, because it holds what is"
            f" not JSON: {error}"
        ) from error


def scorer_for(recipe: str, plugins: Sequence[str] = ()) -> Scorer:
    """The open Scorer of a frozen recipe in this process; opens it when there is none.

    A kill that follows a sample's text into a fresh worker costs that sample a zero unless the
    recipe says otherwise: in training, being left out must not become a refuge.
    """
    key = (os.getpid(), recipe, tuple(plugins))
    with _lock:
        if key not in _open:
            read = Recipe.read(json.loads(recipe))
            _open[key] = Scorer(
                read, plugins=key[2], on_sample_fault=read.on_sample_fault or "zero"
            )
        return _open[key]


def close_scorers(recipe: str | None = None) -> None:
    """Close this process's open Scorers (of one recipe, or all). They open again when needed."""
    with _lock:
        keys = [k for k in _open if k[0] == os.getpid() and recipe in {None, k[1]}]
        for key in keys:
            _open.pop(key).close()


def _renew_lock() -> None:
    """In a forked child: the lock may have been held by a thread that does not exist here."""
    global _lock  # noqa: PLW0603 - the lock is this process's
    _lock = threading.RLock()


atexit.register(close_scorers)
os.register_at_fork(after_in_child=_renew_lock)
