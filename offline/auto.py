"""The built-in recipe ``auto``: the source by the task that the data's shape tells.

Not covered: tasks for which there is no source without settings of its own (a judge needs a
rubric and a model); their samples are counted as unrouted.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..core.recipe import Recipe

__all__ = ["AUTO", "read_recipe"]

AUTO = "auto"
_FILE = Path(__file__).with_name("auto.yaml")


def read_recipe(spec: str | os.PathLike[str]) -> Recipe:
    """A recipe's path, a source's name, or ``auto``; raises ``ConfigError``."""
    return Recipe.read(_FILE if spec == AUTO else spec)
