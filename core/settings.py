"""Reading settings into their owner's pydantic model, with errors a person can act on.

Every message gives the place, the rule, the value and the way out; an unknown key names the
nearest known one. Used for recipes, for the settings of sources, composers and shapers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import ConfigError, did_you_mean

__all__ = ["NO_EFFECT", "NoSettings", "Settings", "deciding", "read_settings"]


class Settings(BaseModel):
    """Base of all our settings: frozen, unknown keys refused, defaults checked too."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True
    )


NO_EFFECT = "no effect on a verdict"
"""Marks a setting that changes when, or whether, a verdict comes, and never which one: ``budget:
Annotated[BudgetSettings, NO_EFFECT]``. A run that is resumed may change it."""


def deciding(settings: BaseModel) -> dict[str, Any]:
    """The settings that may change a verdict, as JSON: all but those marked ``NO_EFFECT``."""
    return settings.model_dump(mode="json", exclude=_without_effect(settings))


def _without_effect(settings: BaseModel) -> dict[str, Any]:
    """What to exclude, for pydantic; models inside lists and mappings are kept whole."""
    found: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if NO_EFFECT in field.metadata:
            found[name] = True
        elif isinstance(value, BaseModel) and (inner := _without_effect(value)):
            found[name] = inner
    return found


class NoSettings(Settings):
    """For a source without settings: any key is refused."""


ModelT = TypeVar("ModelT", bound=BaseModel)


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys a model takes, aliases in place of the fields they stand for."""
    return [field.alias or name for name, field in model.model_fields.items()]


def read_settings(model: type[ModelT], data: Mapping[str, Any], where: str) -> ModelT:
    """Validate ``data`` as ``model``; ``where`` is the place named in every error.

    Raises ``ConfigError`` with one line per fault.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: must be a mapping of settings, got {data!r}")
    known = known_keys(model)
    extra = model.model_config.get("extra")
    unknown = [] if extra == "allow" else [key for key in data if key not in known]
    if unknown:
        lines = [f"{where}: unknown key {key!r}{did_you_mean(str(key), known)}" for key in unknown]
        raise ConfigError("\n".join(lines))
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error, model, where))) from None


def _lines(error: ValidationError, model: type[BaseModel], where: str) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        place = ".".join([where, *(str(part) for part in fault["loc"])])
        if fault["type"] == "extra_forbidden":
            lines.append(f"{place}: unknown key{_nearest(model, fault['loc'])}")
            continue
        rule = fault["msg"][:1].lower() + fault["msg"][1:]
        got = "" if fault["type"] == "missing" else f", got {_short(fault['input'])}"
        lines.append(f"{place}: {rule.removeprefix('value error, ')}{got}")
    return lines


def _nearest(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The did-you-mean for an unknown key deep inside a model, where its owner can be found."""
    owner: Any = model
    for part in location[:-1]:
        field = getattr(owner, "model_fields", {}).get(part)
        owner = _model_in(field.annotation) if field is not None else owner
    return did_you_mean(str(location[-1]), known_keys(owner)) if owner else ""


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside an annotation such as ``X | None`` or ``list[X]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(arg) for arg in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
