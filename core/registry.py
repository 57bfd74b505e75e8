"""Finding plugins and keeping their names: built-ins, installed ones, and modules by name.

Built-ins come in by the visitors' door: a tuple of module names, registered as any other plugin.
Order never means anything: iteration is sorted, duplicates are refused, naming both sides.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from . import hookspecs
from .audit_table import AuditTable
from .composition import Composer, Shaper
from .errors import ConfigError, PluginError, did_you_mean
from .source import Source
from .tasks import Task

__all__ = ["BUILTINS", "Registry", "load_module"]

BUILTINS = (
    "assay.verifiers.math.equations",
    "assay.verifiers.math.exact",
    "assay.verifiers.math.symbolic",
    "assay.verifiers.math.tolerance",
    "assay.verifiers.math.multiple_choice",
    "assay.verifiers.math.verify",
    "assay.verifiers.format",
    "assay.verifiers.text",
    "assay.verifiers.logic",
    "assay.verifiers.consensus",
    "assay.verifiers.math.arithmetic",
    "assay.verifiers.code.programs",
    "assay.verifiers.code.quality",
    "assay.verifiers.code.one_liners",
    "assay.verifiers.lean.proof",
    "assay.verifiers.provers.proof",
    "assay.verifiers.lean.statement",
    "assay.verifiers.lean.small_proofs",
    "assay.verifiers.audits",
    "assay.rewards.compose",
    "assay.rewards.shape",
    "assay.rewards.rubrics.judge",
    "assay.rewards.models.bradley_terry",
    "assay.rewards.models.implicit",
    "assay.rewards.models.remote",
    "assay.rewards.models.world",
    "assay.rewards.process.token",
    "assay.rewards.reference",
    "assay.rewards.comparing.pairwise",
    "assay.rewards.comparing.debate",
    "assay.rewards.constitution.judge",
    "assay.rewards.specification.judge",
    "assay.rewards.inquiry.audit",
    "assay.rewards.rubrics.audit",
)
"""First-party plugins; the list is the feature list."""

Offered = Source | Composer | Shaper | Task | AuditTable
ItemT = TypeVar("ItemT", Source, Composer, Shaper, Task, AuditTable)
_HOOKS = ("assay_sources", "assay_composers", "assay_shapers", "assay_tasks", "assay_audits")


class Catalogue(Mapping[str, ItemT], Generic[ItemT]):
    """Name -> object of one kind; refuses duplicates and helps on a miss."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, ItemT] = {}
        self._origins: dict[str, str] = {}

    def add(self, item: ItemT, origin: str) -> None:
        known = self._items.get(item.name)
        if known is item:
            return
        if known is not None:
            raise PluginError(
                f"{self.kind} {item.name!r} is offered twice: by {self._origins[item.name]} and"
                f" by {origin}; uninstall one, or block it with ASSAY_BLOCK_PLUGINS={origin}"
            )
        self._items[item.name] = item
        self._origins[item.name] = origin

    def origin(self, name: str) -> str:
        """The plugin that offered a name."""
        return self._origins[name]

    def __getitem__(self, name: str) -> ItemT:
        try:
            return self._items[name]
        except KeyError:
            hint = did_you_mean(name, self._items)
            raise ConfigError(f"no {self.kind} {name!r}{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)


class Registry:
    """Everything plugins offer, under its names.

    Args:
        plugins: modules to load by name (or ``path/to/file.py``), besides the built-ins and the
            installed packages with an ``assay`` entry point.

    Raises ``PluginError`` for a plugin that cannot be loaded, breaks a rule, or offers a name
    twice. ``ASSAY_BLOCK_PLUGINS=a,b`` leaves plugins out, by entry-point or module name.
    """

    _shared: Registry | None = None
    _lock = threading.Lock()

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        self.sources: Catalogue[Source] = Catalogue("source")
        self.composers: Catalogue[Composer] = Catalogue("composer")
        self.shapers: Catalogue[Shaper] = Catalogue("shaper")
        self.tasks: Catalogue[Task] = Catalogue("task")
        self.audits: Catalogue[AuditTable] = Catalogue("audit table")
        self.plugins: dict[str, str] = {}
        """Plugin name -> where it came from: ``built in``, a distribution, or ``by name``."""
        self._manager = pluggy.PluginManager("assay")
        self._manager.add_hookspecs(hookspecs)
        self._blocked = _blocked()
        for name in BUILTINS:
            self._register(name, "built in", importlib.import_module, name)
        for entry in importlib.metadata.entry_points(group="assay"):
            origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an entry point"
            self._register(entry.name, origin, lambda _, entry=entry: entry.load(), entry.value)
        for name in plugins:
            self._register(name, "by name", load_module, name)
        self._check_pending()

    @classmethod
    def load(cls, plugins: Iterable[str] = ()) -> Registry:
        """The shared registry, or one of its own for extra plugin modules."""
        extra = tuple(plugins)
        if extra:
            return cls(extra)
        with cls._lock:
            if cls._shared is None:
                cls._shared = cls()
            return cls._shared

    def _register(self, name: str, origin: str, load: Any, target: str) -> None:
        if self._blocked & {name, target, target.partition(":")[0]} or name in self.plugins:
            return
        try:
            plugin = load(target)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"plugin {name!r} ({origin}) cannot be loaded: {type(error).__name__}: {error};"
                f" repair it, or block it with ASSAY_BLOCK_PLUGINS={name}"
            ) from error
        if plugin in self._manager.get_plugins():
            return
        self.plugins[name] = origin
        self._offer(plugin, name)
        if not isinstance(plugin, Offered):
            self._hooks_of(plugin, name)

    def _offer(self, plugin: object, origin: str) -> None:
        """Take in the objects that a plugin holds at its top level (or is)."""
        held = vars(plugin).values() if isinstance(plugin, ModuleType) else (plugin,)
        for item in list(held):
            if not isinstance(item, Offered):
                continue
            if isinstance(plugin, ModuleType) and not _made_in(item, plugin):
                continue
            self._add(item, origin)

    def _hooks_of(self, plugin: object, name: str) -> None:
        try:
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"plugin {name!r}: {error}") from error
        for hook in _HOOKS:
            caller = self._manager.subset_hook_caller(
                hook, [p for p in self._manager.get_plugins() if p is not plugin]
            )
            for items in caller():
                for item in items:
                    self._add(item, name)

    def _add(self, item: object, origin: str) -> None:
        match item:
            case Source():
                self.sources.add(item, origin)
            case Composer():
                self.composers.add(item, origin)
            case Shaper():
                self.shapers.add(item, origin)
            case Task():
                self.tasks.add(item, origin)
            case AuditTable():
                self.audits.add(item, origin)
            case _:
                raise PluginError(
                    f"plugin {origin!r} offers {item!r}: a hook hands over Source, Composer,"
                    " Shaper, Task or AuditTable objects (make them with @source, @composer,"
                    " @shaper, @task, @audit_table)"
                )

    def _check_pending(self) -> None:
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginError(f"unknown hook: {error}; see assay.core.hookspecs") from error


def _made_in(item: Offered, module: ModuleType) -> bool:
    """Whether an object was made in this module or below it, not merely imported into it."""
    return item.module == module.__name__ or item.module.startswith(module.__name__ + ".")


def _blocked() -> frozenset[str]:
    names = os.environ.get("ASSAY_BLOCK_PLUGINS", "").split(",")
    return frozenset(filter(None, (name.strip() for name in names)))


def load_module(name: str) -> ModuleType:
    """Import a plugin module by dotted name or by ``path/to/file.py``.

    Raises ``PluginError`` when there is no such module.
    """
    if name.endswith(".py"):
        return _load_file(Path(name))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise
        raise PluginError(
            f"no plugin module {name!r} on the import path; install it, set PYTHONPATH,"
            " or give a path ending in .py"
        ) from error


def _load_file(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if (
        known is not None
        and Path(getattr(known, "__file__", None) or "").resolve() == path.resolve()
    ):
        return known
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"no plugin file {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
