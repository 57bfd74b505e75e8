"""The engine a run asked for, open for as long as the run needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import ConfigError
from ...core.scorer import Scorer
from .contract import Engine, EngineOptions

__all__ = ["open_engine"]


@contextmanager
def open_engine(
    options: EngineOptions,
    scorer: Scorer,
    *,
    workers: int | None = None,
    cache: Path | None = None,
) -> Iterator[Engine]:
    """The engine that was asked for; ``local`` is the scorer itself.

    Args:
        scorer: of the run's recipe. Ray's actors make scorers like it for themselves.
        workers: worker processes for each source, in each actor; by default 1 with Ray.
        cache: as the scorer was told.

    Raises ``ConfigError`` for what only Ray understands, and when Ray is not installed.
    """
    if options.name == "local":
        if options.actors is not None or options.address is not None:
            raise ConfigError("--actors and --ray-address: belong to --engine ray")
        yield scorer
        return
    try:
        from .on_ray import RayEngine
    except ImportError as error:
        raise ConfigError(
            f"--engine ray: Ray is not installed ({error}); pip install 'assay-rlvr[ray]'"
        ) from error
    with RayEngine(scorer, options, workers=workers, cache=cache) as engine:
        yield engine
