"""The programs that the package audits ``code.tests`` with: a small part of these sets, as YAML.

``python tests/verifiers/programs/selection.py`` writes ``verifiers/audits/programs.yaml`` again;
a test holds the file to these sets. Left out: what needs canaries on the host, several rounds, or a
language beside Python. Of each category, programs that lie evenly among its cases.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from programs.case import MARKS, Case
from programs.honest import HONEST
from programs.hostile import HOSTILE

__all__ = ["FILE", "selected", "text"]

FILE = Path(__file__).resolve().parents[3] / "verifiers" / "audits" / "programs.yaml"
_OF_EACH = {"time": 2, "resource": 2, "functions": 10, "scripts": 10, "answers": 5}
_OF_OTHERS = 4
_LONGEST_CHARS = 1500


def selected() -> tuple[Case, ...]:
    """The cases of the file, in its order."""
    names = sorted({(case in HONEST, case.category, case.passes) for case in (*HOSTILE, *HONEST)})
    return tuple(case for name in names for case in _some(*name))


def _some(honest: bool, category: str, passes: bool) -> Iterator[Case]:
    cases = [
        case
        for case in (HONEST if honest else HOSTILE)
        if case.category == category and case.passes is passes and _fits(case)
    ]
    count = min(_OF_EACH.get(category, _OF_OTHERS), len(cases))
    for index in range(count):
        yield cases[index * len(cases) // count]


def _fits(case: Case) -> bool:
    sizes = len(case.program) + len(str(case.ground_truth))
    return (
        case.language == "python"
        and case.rounds == 1
        and sizes <= _LONGEST_CHARS
        and not any(mark in case.program for mark in MARKS)
    )


def text() -> str:
    """The file's content."""
    cases = selected()
    truths: list[Any] = []
    for case in cases:
        if case.ground_truth not in truths:
            truths.append(case.ground_truth)
    rows = [
        {
            "name": case.name,
            "category": case.category,
            "kind": "right" if case.passes else "wrong" if case in HONEST else "attack",
            "truth": f"t{truths.index(case.ground_truth)}",
            "completion": case.completion({}),
        }
        for case in cases
    ]
    made = {"truths": {f"t{n}": truth for n, truth in enumerate(truths)}, "cases": rows}
    head = (
        "# Programs for the audit of code.tests; tests/verifiers/programs/selection.py writes it.\n"
    )
    return head + yaml.dump(made, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=100)


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _block)
_Readable.add_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))


def main(paths: Sequence[str] = ()) -> None:
    """Write the file."""
    Path(paths[0] if paths else FILE).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
