"""A sandbox by its name. Each backend is imported when it is asked for.

Nothing is chosen in place of what was asked for: a backend that cannot work says so when opened.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..core.errors import ConfigError, did_you_mean
from .contract import Sandbox

__all__ = ["BACKENDS", "make_sandbox"]

BACKENDS = {
    "jail": ("jail", "Jail"),
    "docker": ("docker", "DockerSandbox"),
    "remote": ("remote", "RemoteSandbox"),
    "unsafe_subprocess": ("unsafe_subprocess", "UnsafeSubprocess"),
}
"""The module and the class of each."""


def make_sandbox(name: str, slots: int, **options: Any) -> Sandbox:
    """A sandbox that is not open yet. Raises ``ConfigError``.

    Args:
        name: ``jail``, ``docker``, ``remote`` or ``unsafe_subprocess``.
        slots: how many programs run at the same time, at least 1.
        options: the backend's own arguments; see its class.
    """
    if name not in BACKENDS:
        raise ConfigError(f"sandbox: no backend {name!r}{did_you_mean(name, BACKENDS)}")
    if slots < 1:
        raise ConfigError(f"sandbox: slots: must be at least 1, got {slots}")
    module, kind = BACKENDS[name]
    make = getattr(importlib.import_module(f".{module}", __package__), kind)
    try:
        made: Sandbox = make(slots=slots, **options)
    except TypeError as error:
        raise ConfigError(f"sandbox {name!r}: options: {error}") from None
    return made
