"""The extension points of Assay (pluggy hook specifications). Nothing else is one.

Hooks run once at start-up, in no meaningful order, and hand over objects; scoring calls the
objects. Start nothing in a hook: a source opens models, servers and sandboxes on first use.

A module that holds its objects at module level needs no hook at all: the registry collects the
``Source``, ``Composer``, ``Shaper``, ``Task`` and ``AuditTable`` objects made there. A hook is for
plugins that compute what they offer.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from .audit_table import AuditTable
from .composition import Composer, Shaper
from .source import Source
from .tasks import Task

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("assay")
hookimpl = pluggy.HookimplMarker("assay")


@hookspec
def assay_sources() -> Iterable[Source]:
    """Offer sources (verifiers, judges, reward models). Called once per registry.

    Two plugins offering one name stop the start-up, naming both. Never return None.
    """
    raise NotImplementedError


@hookspec
def assay_composers() -> Iterable[Composer]:
    """Offer rules that make one value of a sample's verdicts (``compose:`` in a recipe)."""
    raise NotImplementedError


@hookspec
def assay_shapers() -> Iterable[Shaper]:
    """Offer rules that change the composed value (``shape:`` in a recipe)."""
    raise NotImplementedError


@hookspec
def assay_tasks() -> Iterable[Task]:
    """Offer generators of problems with known answers (``data: {task: ...}`` in a recipe)."""
    raise NotImplementedError


@hookspec
def assay_audits() -> Iterable[AuditTable]:
    """Offer audit tables: right answers, wrong answers and attacks (``assay audit NAME``)."""
    raise NotImplementedError
