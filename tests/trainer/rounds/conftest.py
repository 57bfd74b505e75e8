"""The tiny rounds, importable by name, and one start model for all of them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope="package", autouse=True)
def one_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The start model of ``content()``, prepared once."""
    import tiny_rounds

    from assay.trainer.config import TrainingRecipe
    from assay.trainer.data import load_problems
    from assay.trainer.records.progress import Display
    from assay.trainer.start import prepare_start

    recipe = TrainingRecipe.read(tiny_rounds.content())
    folder, display = tmp_path_factory.mktemp("start"), Display(Console(file=io.StringIO()))
    start = prepare_start(recipe, load_problems(recipe), folder, display)
    tiny_rounds.START = Path(start)
    yield
    tiny_rounds.START = None
