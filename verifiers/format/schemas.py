"""JSON schemas that are safe to run on any value: no remote references, no backtracking.

``jsonschema`` does the work; what could run long or fetch something is replaced or refused here.
Not covered: schemas that are themselves exponential (``anyOf`` trees that refer to themselves);
``MAX_CHECKS`` keyword applications end those.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from ...core.types import canonical_json
from .linear_regex import compiled, encodable

__all__ = ["Schema", "SchemaFault"]

MAX_SCHEMA_NODES = 20_000
MAX_CHECKS = 200_000
_SHOWN_CHARS = 200


class SchemaFault(Exception):  # noqa: N818 - says what is wrong with a schema, not with our code
    """Why a schema is not used."""


class _TooMuch(Exception):  # noqa: N818 - a limit, not an error
    """Validation took more than ``MAX_CHECKS`` steps."""


class Schema:
    """A checked schema. Raises ``SchemaFault`` for one that is unsound or unsafe."""

    def __init__(self, schema: Any) -> None:
        if not isinstance(schema, Mapping | bool):
            raise SchemaFault(f"a JSON schema must be an object, got {type(schema).__name__}")
        _check(schema)
        import jsonschema
        from jsonschema.validators import validator_for
        from referencing import Registry

        known = validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            known.check_schema(cast("dict[str, Any]", schema))
        except jsonschema.SchemaError as error:
            raise SchemaFault(f"not a JSON schema: {error.message[:_SHOWN_CHARS]}") from None
        self._budget = _Budget()
        # $schema is dropped: jsonschema would go back to its own validator where it meets one
        plain = schema if isinstance(schema, bool) else _without(schema, "$schema")
        # an empty registry: references outside the schema are errors, nothing is fetched
        self._validator: Any = _safe(known, self._budget)(plain, registry=Registry())

    def fault_of(self, value: Any) -> str | None:
        """The first thing in which a value does not fit, or None.

        Raises ``SchemaFault`` where the schema refers to a part that it does not have.
        """
        from referencing.exceptions import Unresolvable

        self._budget.spent = 0
        try:
            error = next(self._validator.iter_errors(value), None)
        except _TooMuch:
            return f"validation needs more than {MAX_CHECKS} steps"
        except Unresolvable as fault:
            raise SchemaFault(f"a reference leads nowhere: {str(fault)[:_SHOWN_CHARS]}") from None
        except (RecursionError, ArithmeticError, ValueError, TypeError) as fault:
            return f"the value cannot be validated: {type(fault).__name__}"
        if error is None:
            return None
        place = "/".join(str(part) for part in error.absolute_path)
        return f"does not fit the schema at /{place[:80]}: {error.message[:_SHOWN_CHARS]}"


class _Budget(threading.local):
    """Keyword applications in the present validation, for each thread."""

    spent = 0


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _check(schema: Any) -> None:
    """Refuse what could fetch, backtrack or switch validators. A stack, not recursion."""
    stack, count = [schema], 0
    while stack:
        node = stack.pop()
        count += 1
        if count > MAX_SCHEMA_NODES:
            raise SchemaFault(f"more than {MAX_SCHEMA_NODES} nodes")
        if isinstance(node, Mapping):
            _check_object(node, root=node is schema)
            stack.extend(node.values())
        elif isinstance(node, list | tuple):
            stack.extend(node)


def _check_object(node: Mapping[str, Any], *, root: bool) -> None:
    for key in ("$ref", "$dynamicRef", "$recursiveRef"):
        target = node.get(key)
        if isinstance(target, str) and not target.startswith("#"):
            raise SchemaFault(f"{key} {target[:80]!r}: only references inside the schema (#...)")
    if "$schema" in node and not root:
        raise SchemaFault("$schema may stand at the top only")
    patterns = list(node["patternProperties"]) if _has_patterns(node) else []
    if isinstance(node.get("pattern"), str):
        patterns.append(node["pattern"])
    if _has_patterns(node) and "unevaluatedProperties" in node:
        raise SchemaFault("unevaluatedProperties together with patternProperties is not supported")
    for pattern in patterns:
        try:
            _pattern(pattern)
        except ValueError as error:
            raise SchemaFault(str(error)) from None


def _has_patterns(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("patternProperties"), Mapping)


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> Any:
    return compiled(pattern)


def _found(pattern: str, text: str) -> bool:
    return _pattern(pattern).search(encodable(text)) is not None


def _safe(known: Any, budget: _Budget) -> Any:
    """A validator class like ``known``, counting its steps, with the keywords below in place."""
    from jsonschema import validators

    extend: Callable[..., Any] = validators.extend
    ours: dict[str, _Keyword] = {
        "pattern": _pattern_keyword,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords = {**known.VALIDATORS, **{k: v for k, v in ours.items() if k in known.VALIDATORS}}
    return extend(known, {name: _counted(check, budget) for name, check in keywords.items()})


_Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]
"""``(validator, keyword's value, instance, schema) -> errors``, as jsonschema calls it."""


def _counted(check: _Keyword, budget: _Budget) -> _Keyword:
    def counting(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any] | None:
        budget.spent += 1
        if budget.spent > MAX_CHECKS:
            raise _TooMuch
        return check(validator, value, instance, schema)

    return counting


def _pattern_keyword(validator: Any, pattern: Any, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance[:60]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, rules: Any, instance: Any, _: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, rule in rules.items():
        for key, value in instance.items():
            if _found(pattern, key):
                yield from validator.descend(value, rule, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in named or any(_found(pattern, key) for pattern in patterns):
            continue
        if rule is False:
            yield ValidationError(f"key {key[:80]!r} is not allowed")
        else:
            yield from validator.descend(value, rule, path=key)


def _unique_items(validator: Any, rule: Any, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if rule and validator.is_type(instance, "array"):
        keys = {canonical_json(_plain_numbers(item)) for item in instance}
        if len(keys) < len(instance):
            yield ValidationError("the array holds equal items")


def _plain_numbers(value: Any) -> Any:
    """The value with 1.0 as 1: JSON Schema takes them for equal. Depth is capped by the caller."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    return value
