"""One thing that a machine may have, as ``assay doctor`` tells it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding", "finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a machine may have."""

    name: str
    ok: bool
    found: str
    """What is there, or what is wrong with it."""
    for_what: str
    """What needs it."""
    get: str = ""
    """How to get it; empty where it is there."""
    guarantees: tuple[str, ...] = ()
    """Of a sandbox: what it promises."""


def finding(name: str, ok: bool, found: str, for_what: str, get: str) -> Finding:
    """With ``get`` only where it is not ok."""
    return Finding(name, ok=ok, found=found, for_what=for_what, get="" if ok else get)
