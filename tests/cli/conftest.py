"""Running the command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def assay(tmp_path: Path) -> Run:
    """``assay(*words, stdin=..., path=...)`` in an empty folder; gives the finished process."""

    def run(*words: str, stdin: str = "", path: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", "HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            [sys.executable, "-m", "assay", *words],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )

    return run


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Four answers to two questions, one of them wrong."""
    rows = [
        {"question": "1+1?", "response": "\\boxed{2}", "answer": "2"},
        {"question": "1+1?", "response": "\\boxed{3}", "answer": "2"},
        {"question": "2+2?", "response": "It is 4.", "answer": "4"},
        {"question": "2+2?", "response": "#### 4", "answer": "4"},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
