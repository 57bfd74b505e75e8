"""The process a run lives in: its settings while it trains, and what ``environment.json`` says."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from .config import TrainingRecipe

__all__ = ["describe_environment", "prepare_process", "training_settings"]

_PACKAGES = (
    "assay-rlvr",
    "torch",
    "transformers",
    "trl",
    "accelerate",
    "datasets",
    "tokenizers",
    "numpy",
    "pyarrow",
    "pydantic",
)


_NEEDED = ("torch", "transformers", "trl", "accelerate", "datasets", "matplotlib")


def describe_environment(seed: int) -> dict[str, Any]:
    """Versions, seed, git commit of the working directory (None outside of one), and machine."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        "seed": seed,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.platform(),
            "cores": len(os.sched_getaffinity(0)),
            "device": torch.cuda.get_device_name() if gpu else "cpu",
            "devices": torch.cuda.device_count() if gpu else 0,
            "torch_threads": torch.get_num_threads(),
        },
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):  # no git, no repository, no commit yet
        return None
    return done.stdout.strip()


def prepare_process(recipe: TrainingRecipe) -> None:
    """Environment variables that the libraries read when they are imported; call it before.

    No telemetry is sent; a run on built-in model and task opens no connection at all. Raises
    ``ConfigError`` when the libraries are not installed.
    """
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise ConfigError(
            f"training needs {', '.join(absent)}, which are not installed;"
            " run: pip install 'assay-rlvr[train]'"
        )
    settings = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "TOKENIZERS_PARALLELISM": "false",  # workers are forked after the tokenizer was used
    }
    if recipe.model.is_builtin and recipe.data.task is not None:
        settings["HF_HUB_OFFLINE"] = "1"
    for name, value in settings.items():
        os.environ.setdefault(name, value)


@contextmanager
def training_settings(recipe: TrainingRecipe, folder: Path) -> Iterator[None]:
    """Threads, TensorBoard's folder and quiet libraries, for as long as a run goes."""
    import torch
    import transformers

    threads, tensorboard = torch.get_num_threads(), os.environ.get("TENSORBOARD_LOGGING_DIR")
    torch.set_num_threads(recipe.trainer.threads or threads)
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    bars: Any = transformers.utils.logging  # its functions have no annotations
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # TRL 1.16 sets what transformers 5 calls deprecated; a user can do nothing about it
            warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
            yield
    finally:
        torch.set_num_threads(threads)
        bars.enable_progress_bar()
        if tensorboard is None:
            del os.environ["TENSORBOARD_LOGGING_DIR"]
        else:
            os.environ["TENSORBOARD_LOGGING_DIR"] = tensorboard
