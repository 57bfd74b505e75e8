"""Things that a recipe names as ``module:name``: a judge of one's own, a preference model.

They are code of the user's, named by the user; nothing a model wrote is ever looked up here.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

from ...core.errors import ConfigError
from .contract import Judge

__all__ = ["check_place", "judge_at", "object_at"]

_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def check_place(place: str | None) -> str | None:
    """The place itself; raises ``ValueError`` for one that is not ``module:name``."""
    if place is not None and not _PLACE.fullmatch(place):
        raise ValueError("must be module:name, such as my_package.judges:make")
    return place


def object_at(place: str, where: str) -> Any:
    """What stands at ``module:name``; raises ``ConfigError`` that names the setting ``where``."""
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}: {place!r} cannot be loaded: {error}") from error


def judge_at(place: str, where: str = "judge_from") -> Judge:
    """The judge that the callable at ``module:name`` makes; raises ``ConfigError``."""
    made = object_at(place, where)()
    if not callable(getattr(made, "ask", None)):
        raise ConfigError(f"{where}: {place!r} gave {made!r}, which has no ask()")
    judge: Judge = made
    return judge
