"""What a plugin offers: a Source, made from a function or a class by ``@source``.

A ``Source`` is only a description: nothing is opened, imported or computed until the host calls
``open`` with the settings from a recipe, in the process where it will run. What its target gives
back (bool, float, None or Verdict) becomes a checked Verdict in ``judging.py``.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel

from .errors import PluginError
from .settings import NoSettings, deciding, read_settings
from .types import View, digest

__all__ = ["Arity", "Need", "Runs", "Scale", "Source", "source"]

Arity: TypeAlias = Literal["sample", "group", "batch"]
"""What one call judges: a sample, all completions of one prompt, or everything in the batch."""

Scale: TypeAlias = Literal["binary", "unit", "real"]
"""What a score may be: 0 or 1; anything in [0, 1]; any finite number."""

Runs: TypeAlias = Literal["inline", "process", "async", "device"]
"""Where a source runs. ``inline``: in the caller's thread, no protection, for trusted and
bounded code only. ``process``: in killable worker processes (the default). ``async``: many at a
time on an event loop inside a killable worker process, for sources that wait for servers.
``device``: in one killable process of its own that keeps a model on a GPU."""

Need: TypeAlias = Literal["ground_truth", "logprobs", "ref_logprobs", "logits"]
"""What a sample must carry. Log-probabilities and logits lie in ``extra`` under these names."""

HOST_KEYS = frozenset(
    {"use", "as", "weight", "when", "deadline_s", "view", "role", "map", "retries", "runs"}
    | {"workers", "concurrency", "memory_bytes", "batch_size"}
)
"""Keys of a recipe's source entry that belong to the host; settings may not reuse them."""
_HOST_DEFAULTS = frozenset({"deadline_s", "memory_bytes", "workers"})
_DEVICE = {"deadline_s": 600.0, "memory_bytes": None}
"""A model on a GPU is called for whole batches, and fills as much memory as its weights. Ours."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+")


class Source:
    """A verifier, judge or reward model, as registered. Make one with ``@source``.

    Calling it calls the target directly, as in a unit test of the plugin.
    """

    def __init__(
        self,
        target: Callable[..., Any],
        *,
        name: str,
        version: str,
        scale: Scale,
        arity: Arity = "sample",
        needs: Iterable[Need] = (),
        runs: Runs | None = None,
        deterministic: bool = True,
        view: View = "all",
        pass_at: float | None = None,
        config: type[BaseModel] | None = None,
        preload: Iterable[str] = (),
        batched: bool = False,
        keeps_children: bool = False,
        host: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.name = name
        self.version = version
        self.scale: Scale = scale
        self.arity: Arity = arity
        self.needs = frozenset(needs)
        self.is_async = _is_async(target)
        self.runs: Runs = runs or ("async" if self.is_async else "process")
        self.deterministic = deterministic
        self.view: View = view
        self.pass_at = pass_at if pass_at is not None or scale == "real" else 1.0
        self.config: type[BaseModel] = config or config_of(target) or NoSettings
        self.preload = tuple(preload)
        self.batched = batched
        self.keeps_children = keeps_children
        self.host = {**(_DEVICE if self.runs == "device" else {}), **(host or {})}
        self.module: str = getattr(target, "__module__", "") or ""
        self.doc = inspect.getdoc(target) or ""
        self._check()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.target(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<source {self.name} {self.version} from {self.module}>"

    def __reduce_ex__(self, protocol: typing.SupportsIndex) -> str | tuple[Any, ...]:
        # By reference: its module holds the Source under the name pickle would look for the
        # function. A script's or notebook's source has no module to import and goes by value.
        module = sys.modules.get(self.module)
        if module is not None and self.module != "__main__":
            for attribute, value in vars(module).items():
                if value is self:
                    return _from_module, (self.module, attribute)
        return super().__reduce_ex__(protocol)

    def read(self, settings: Mapping[str, Any], where: str | None = None) -> BaseModel:
        """The settings as this source's own model; raises ``ConfigError``."""
        return read_settings(self.config, settings, where or self.name)

    def open(self, settings: Mapping[str, Any]) -> Callable[..., Any]:
        """The callable that judges: ``call(sample)``, or ``call(samples)`` when it takes many.

        ``preload`` is imported first, so that no sample pays for it. A class is instantiated here,
        with its settings when it takes them.
        """
        config = self.read(settings)
        for module in self.preload:
            importlib.import_module(module)
        target: Callable[..., Any] = self.target
        takes_config = _takes_config(target)
        if inspect.isclass(self.target):
            made: Callable[..., Any] = target(config) if takes_config else target()
            return made
        if not takes_config:
            return target
        if self.is_async:
            return _AsyncBound(target, config)
        return lambda samples: target(samples, config)

    def version_with(self, settings: Mapping[str, Any]) -> str:
        """``version+digest``: equal exactly when the source and its settings are equal, but for
        settings marked ``NO_EFFECT``."""
        return f"{self.version}+{digest(self.deciding(settings), length=8)}"

    def deciding(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that may change a verdict, with their defaults, as JSON."""
        return deciding(self.read(settings))

    def scale_with(self, settings: Mapping[str, Any]) -> Scale:
        """What scores under these settings may be: the settings' own ``score_scale``, else the
        source's.

        A calibrated reward model gives probabilities, a raw one any number.
        """
        scale: Scale = getattr(self.read(settings), "score_scale", self.scale)
        return scale

    def unanchored(self, settings: Mapping[str, Any]) -> str:
        """Why scores under these settings cannot be added to those of other sources as they are:
        the settings' own ``unanchored``; empty where they can."""
        said = getattr(self.read(settings), "unanchored", "")
        return said if isinstance(said, str) else ""

    @property
    def takes_many(self) -> bool:
        """Whether one call gets a list of samples."""
        return self.arity != "sample" or self.batched

    def _check(self) -> None:
        """The conformance rules of registration; raises ``PluginError``."""
        where = f"source {self.name!r} in {self.module or 'an unnamed module'}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PluginError(
                f"{where}: name must be family.variant in lower case, such as 'math.exact'"
            )
        if not isinstance(self.version, str) or not self.version:
            raise PluginError(f"{where}: version must be a non-empty string, got {self.version!r}")
        for field, value, allowed in (
            ("scale", self.scale, get_args(Scale)),
            ("arity", self.arity, get_args(Arity)),
            ("runs", self.runs, get_args(Runs)),
            ("view", self.view, get_args(View)),
            *(("needs", need, get_args(Need)) for need in sorted(self.needs)),
        ):
            if value not in allowed:
                raise PluginError(f"{where}: {field} must be one of {allowed}, got {value!r}")
        if self.is_async != (self.runs == "async"):
            raise PluginError(
                f"{where}: runs 'async' goes with an async function and only with one,"
                f" got runs={self.runs!r}"
            )
        _check_signature(self.target, where)
        foreign = sorted(set(self.host) - _HOST_DEFAULTS)
        if foreign:
            raise PluginError(f"{where}: host may say {sorted(_HOST_DEFAULTS)}, got {foreign}")
        taken = sorted(HOST_KEYS & set(self.config.model_fields))
        if taken:
            raise PluginError(f"{where}: settings may not be named {taken}: the host uses these")


def _from_module(module: str, attribute: str) -> Source:
    found: Source = getattr(importlib.import_module(module), attribute)
    return found


class _AsyncBound:
    """An async target with its settings bound (a lambda would hide that it is async)."""

    def __init__(self, target: Callable[..., Any], config: BaseModel) -> None:
        self._target, self._config = target, config

    async def __call__(self, samples: Any) -> Any:
        return await self._target(samples, self._config)


def source(
    name: str,
    *,
    version: str,
    scale: Scale,
    arity: Arity = "sample",
    needs: Iterable[Need] = (),
    runs: Runs | None = None,
    deterministic: bool = True,
    view: View = "all",
    pass_at: float | None = None,
    config: type[BaseModel] | None = None,
    preload: Iterable[str] = (),
    batched: bool = False,
    keeps_children: bool = False,
    host: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Source]:
    """Turn a function or class into a Source.

    The function takes a ``Sample`` (a list of them for ``arity`` ``group`` and ``batch``, or when
    ``batched``) and, if it names a second parameter, its settings. It returns a bool, a number, a
    ``Verdict``, or None to abstain; for lists, a list of those, one for each sample in order. A
    class takes its settings in ``__init__`` and the sample in ``__call__``.

    Args:
        name: ``family.variant``.
        version: raise it whenever a verdict may change: it is part of the cache key.
        scale: ``binary``, ``unit`` or ``real``; a score outside it is a fault, not a grade.
        arity: what one call judges.
        needs: what the sample must carry, or be ``bad_reference`` (truth) or ``abstained``.
        runs: where it runs; by default ``async`` for an async target, else ``process``.
        deterministic: equal inputs give equal verdicts: they are cached and shared.
        view: the part of the completion it sees, unless the recipe says otherwise.
        pass_at: the score from which a sample passes; by default 1 for binary and unit scales.
        config: pydantic model of the settings; by default the annotation of the parameter.
        preload: modules to import before it is handed samples.
        batched: one call takes many samples although each verdict depends on its own alone.
        keeps_children: the source owns long-lived child processes; others are ended after a call.
        host: ``deadline_s``, ``memory_bytes``, ``workers`` of a recipe that does not say.

    Raises ``PluginError`` for a description that breaks a rule.
    """

    return lambda target: Source(
        target,
        name=name,
        version=version,
        scale=scale,
        arity=arity,
        needs=needs,
        runs=runs,
        deterministic=deterministic,
        view=view,
        pass_at=pass_at,
        config=config,
        preload=preload,
        batched=batched,
        keeps_children=keeps_children,
        host=host,
    )


def _is_async(target: Callable[..., Any]) -> bool:
    call = target if inspect.isroutine(target) else getattr(target, "__call__", target)  # noqa: B004 - the attribute itself is inspected
    return inspect.iscoroutinefunction(call)


def _parameters(target: Callable[..., Any]) -> list[inspect.Parameter]:
    """Positional parameters of a function, or of a class's ``__init__`` without self."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # some C callables have no signature
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters if p.kind in positional]


def _config_parameter(target: Callable[..., Any]) -> inspect.Parameter | None:
    parameters = _parameters(target)
    index = 0 if inspect.isclass(target) else 1
    return parameters[index] if len(parameters) > index else None


def _takes_config(target: Callable[..., Any]) -> bool:
    return _config_parameter(target) is not None


def config_of(target: Callable[..., Any]) -> type[BaseModel] | None:
    """The pydantic model that annotates the settings parameter, if there is one."""
    parameter = _config_parameter(target)
    if parameter is None:
        return None
    function = target.__init__ if inspect.isclass(target) else target
    try:
        hint = typing.get_type_hints(function).get(parameter.name)
    except (NameError, TypeError):  # a name that exists only for type checkers
        return None
    return hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None


def _check_signature(target: Callable[..., Any], where: str) -> None:
    if not callable(target):
        raise PluginError(f"{where}: must be a function or a class, got {target!r}")
    call = target.__call__ if inspect.isclass(target) else target
    parameters = _parameters(call)
    if inspect.isclass(target) and "__call__" not in dir(target):
        raise PluginError(f"{where}: the class needs a __call__(self, sample)")
    parameters = [p for p in parameters if p.name != "self"]
    needed = [p for p in parameters if p.default is inspect.Parameter.empty]
    if not parameters or len(needed) > 2:
        raise PluginError(
            f"{where}: must take a sample and, optionally, its settings;"
            f" its parameters are ({', '.join(p.name for p in parameters)})"
        )
    if parameters and _takes_config(target) and config_of(target) is None:
        hinted = _config_parameter(target)
        if hinted is not None and hinted.default is inspect.Parameter.empty:
            return  # the settings model was given as ``config=`` or is refused at open
