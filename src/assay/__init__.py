"""Assay: verifiers and rewards for reinforcement learning with verifiable rewards.

The public face. Everything here is imported on first use, so ``import assay`` costs almost
nothing and pulls in no torch, transformers, trl, sympy, docker or fastapi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .core.version import __version__

if TYPE_CHECKING:
    from .core.audit import run_audit
    from .core.audit_table import AuditCase, AuditTable, audit_table
    from .core.composition import Draft, Term, composer, shaper
    from .core.conformance import ConformanceCase, conformance_cases
    from .core.errors import (
        AssayError,
        ConfigError,
        DataError,
        EngineError,
        PluginError,
        ScoringError,
        TransientError,
    )
    from .core.hookspecs import hookimpl
    from .core.recipe import Recipe
    from .core.registry import Registry
    from .core.scorer import Scorer
    from .core.settings import Settings
    from .core.source import Source, source
    from .core.tasks import Task, task
    from .core.types import Reward, Sample, Status, Step, Verdict


_HOMES = {
    "core.audit": ("run_audit",),
    "core.audit_table": ("AuditCase", "AuditTable", "audit_table"),
    "core.composition": ("Draft", "Term", "composer", "shaper"),
    "core.conformance": ("ConformanceCase", "conformance_cases"),
    "core.errors": (
        "AssayError",
        "ConfigError",
        "DataError",
        "EngineError",
        "PluginError",
        "ScoringError",
        "TransientError",
    ),
    "core.hookspecs": ("hookimpl",),
    "core.recipe": ("Recipe",),
    "core.registry": ("Registry",),
    "core.scorer": ("Scorer",),
    "core.settings": ("Settings",),
    "core.source": ("Source", "source"),
    "core.tasks": ("Task", "task"),
    "core.types": ("Reward", "Sample", "Status", "Step", "Verdict"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_FOLDERS = ("bridges", "cli", "core", "offline", "rewards", "sandbox", "trainer", "verifiers")

__all__ = [
    "AssayError",
    "AuditCase",
    "AuditTable",
    "ConfigError",
    "ConformanceCase",
    "DataError",
    "Draft",
    "EngineError",
    "PluginError",
    "Recipe",
    "Registry",
    "Reward",
    "Sample",
    "Scorer",
    "ScoringError",
    "Settings",
    "Source",
    "Status",
    "Step",
    "Task",
    "Term",
    "TransientError",
    "Verdict",
    "__version__",
    "audit_table",
    "composer",
    "conformance_cases",
    "hookimpl",
    "run_audit",
    "shaper",
    "source",
    "task",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"assay.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _FOLDERS:
        return importlib.import_module(f"assay.{name}")
    raise AttributeError(f"module 'assay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_FOLDERS])
