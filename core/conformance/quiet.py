"""A process of its own that loads, opens and uses a source, and is watched from outside.

Standard output belongs to the command or the trainer that a source runs in; a print is a fault that
shows only there. Not covered: what a source writes to files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..source import Source
from ..types import Sample

__all__ = ["HEAVY", "Observed", "main", "observe"]

HEAVY = ("torch", "transformers", "trl", "tensorflow", "jax", "vllm")
"""Libraries that loading a plugin may not import: every command would wait for them."""

_LIMIT_S = 120.0
_BOOT = (
    "import sys, json; told = json.load(sys.stdin); sys.path[:] = told['path'];"
    "from assay.core.conformance.quiet import main; main(told)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen."""

    output: str
    """The beginning of what it wrote to standard output."""
    heavy: tuple[str, ...]
    """Of ``HEAVY``, what loading the plugins imported."""
    end: str
    """Why it did not end well; empty where it did."""


def observe(
    source: Source,
    settings: Mapping[str, Any],
    plugins: Sequence[str],
    bundles: Sequence[Sequence[Sample]],
) -> Observed:
    """Judge some samples in a fresh process; each bundle is judged together."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        told = {
            "path": sys.path,
            "plugins": list(plugins),
            "source": source.name,
            "settings": dict(settings),
            "bundles": [[_fields(s.view(source.view)) for s in bundle] for bundle in bundles],
            "report": str(report),
        }
        try:
            done = subprocess.run(
                [sys.executable, "-c", _BOOT],
                input=json.dumps(told).encode("ascii"),
                capture_output=True,
                timeout=_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Observed(output="", heavy=(), end=f"it was not done after {_LIMIT_S:g} s")
        found = json.loads(report.read_text()) if report.exists() else {"heavy": []}
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
    return Observed(
        output=done.stdout[:200].decode("utf-8", "replace"),
        heavy=tuple(found["heavy"]),
        end=f"it ended with {done.returncode}: {said[-1]}" if done.returncode else "",
    )


def _fields(sample: Sample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in Sample.__dataclass_fields__ if name != "extra"}


def main(told: Mapping[str, Any]) -> None:
    """What the process does."""
    import asyncio

    from ..judging import OpenSource
    from ..registry import Registry

    before = set(sys.modules)
    source = Registry(told["plugins"]).sources[told["source"]]
    heavy = sorted(set(HEAVY) & (set(sys.modules) - before))
    opened = OpenSource(source, told["settings"], source.name)
    for bundle in told["bundles"]:
        samples = [Sample(**fields) for fields in bundle]
        samples = samples if source.takes_many else samples[:1]
        if source.is_async:
            asyncio.run(opened.ajudge(samples))
        else:
            opened.judge(samples)
    opened.close()
    sys.stdout.flush()
    Path(told["report"]).write_text(json.dumps({"heavy": heavy}))
