"""Turn a dataset of the Hugging Face hub into the JSONL that the recipes here read.

    python recipes/real/prepare.py gsm8k data/gsm8k.jsonl

Each line has ``prompt`` (chat messages), ``ground_truth``, ``task``, ``demonstration`` (the
dataset's own solution, by which ``assay train --dry-run`` checks that a right answer passes) and
for ``math`` its ``level``. Only the training split is read; recipes take their held-out problems
from it.

Not covered: other splits, and cleaning of wrong ground truths.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

MATHS = "Reason step by step, and put the final answer in \\boxed{}."
CODE = "Answer with one Python code block that holds the whole solution."

Row = Mapping[str, Any]


def messages(system: str, question: str) -> list[dict[str, str]]:
    """A chat of two messages."""
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def gsm8k(row: Row) -> dict[str, Any]:
    """``question`` and ``answer``, which ends in ``#### N``."""
    return {
        "prompt": messages(MATHS, row["question"]),
        "ground_truth": row["answer"],
        "task": "math",
        "demonstration": row["answer"],
    }


def competition(row: Row) -> dict[str, Any]:
    """``problem``, ``solution`` with its answer in a box, and ``level``, such as ``Level 3``.

    A level that is no number becomes null.
    """
    level = str(row["level"]).rpartition(" ")[2]
    return {
        "prompt": messages(MATHS, row["problem"]),
        "ground_truth": row["solution"],
        "task": "math",
        "demonstration": row["solution"],
        "level": int(level) if level.isdecimal() else None,
    }


def mbpp(row: Row) -> dict[str, Any]:
    """``text``, ``code``, ``test_list`` and ``test_setup_code``; the first test is shown."""
    question = f"{row['text']}\nYour code should pass this test:\n{row['test_list'][0]}"
    truth = {"test_list": row["test_list"], "test_setup_code": row["test_setup_code"]}
    return {
        "prompt": messages(CODE, question),
        "ground_truth": truth,
        "task": "code",
        "demonstration": f"```python\n{row['code']}\n```",
    }


class Origin(NamedTuple):
    """Where a dataset is, and how a row of it is read."""

    name: str
    subset: str | None
    read: Callable[[Row], dict[str, Any]]


ORIGINS = {
    "gsm8k": Origin("openai/gsm8k", "main", gsm8k),
    "math": Origin("DigitalLearningGmbH/MATH-lighteval", None, competition),
    "mbpp": Origin("google-research-datasets/mbpp", "full", mbpp),
}


def write(rows: Iterable[Row], read: Callable[[Row], dict[str, Any]], out: Path) -> int:
    """Write the rows as JSONL; how many there were."""
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(read(row), ensure_ascii=False) for row in rows]
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def main() -> None:
    """The command line."""
    import datasets

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", choices=sorted(ORIGINS))
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    origin = ORIGINS[asked.dataset]
    rows: Any = datasets.load_dataset(origin.name, origin.subset, split="train")
    print(f"{write(rows, origin.read, asked.out)} rows in {asked.out}")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
