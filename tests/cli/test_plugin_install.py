"""The out-of-tree plugin of ``examples/``, installed for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme_verifier"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> str:
    """A folder that pip installed the plugin into, to be put on the import path."""
    folder = tmp_path_factory.mktemp("acme")
    source = shutil.copytree(EXAMPLE, folder / "source")  # building leaves files behind
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    how = ["--no-index", "--no-build-isolation", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*pip, *how, str(source)], check=True, capture_output=True)
    return str(folder / "site")


def test_the_plugin_is_about_ten_lines() -> None:
    lines = (EXAMPLE / "acme_verifier" / "sources.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 10


def test_an_installed_plugin_is_listed_with_its_package(assay, installed) -> None:
    assert "acme.palindrome" not in assay("sources").stdout
    done = assay("sources", path=installed)
    line = next(x for x in done.stdout.splitlines() if "acme.palindrome" in x)
    assert "acme-verifier 0.1.0" in line
    assert "reads the same backwards" in line


def test_an_installed_plugin_scores_in_its_worker_process(assay, installed, tmp_path) -> None:
    texts = ["Never odd or even", "assay", "", "12321"]
    lines = "".join(json.dumps({"completion": text}) + "\n" for text in texts)
    done = assay(
        "score", "-", "-r", "acme.palindrome", "-o", "-", "-q", stdin=lines, path=installed
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["acme.palindrome.score"] for row in rows] == [1.0, 0.0, 0.0, 1.0]
