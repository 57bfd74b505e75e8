"""Audit tables kept as YAML: cases with name, kind and category, and the truths they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from ...core.audit_table import AuditCase
from ...core.types import Sample

__all__ = ["cases_in", "table_in"]


@cache
def table_in(name: str) -> Mapping[str, Any]:
    """A file of this folder."""
    text = (files("assay.verifiers.audits") / name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def cases_in(name: str) -> Iterator[AuditCase]:
    """Its cases. The prompt is the statement of the case's truth, or else the case's name."""
    table = table_in(name)
    for case in table["cases"]:
        truth = table["truths"][case["truth"]]
        stated = truth.get("statement") if isinstance(truth, Mapping) else None
        yield AuditCase(
            sample=Sample(
                prompt=stated or case["name"], completion=case["completion"], ground_truth=truth
            ),
            kind=case["kind"],
            category=case["category"],
            name=case["name"],
        )
