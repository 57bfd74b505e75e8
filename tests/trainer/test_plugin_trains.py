"""A plugin in a package of its own, installed with pip, is used in training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

RECIPE = {
    "name": "acme",
    "sources": [{"use": "acme.palindrome"}, {"use": "format.think_answer", "weight": 0.1}],
    "passed_by": ["acme.palindrome"],
    "model": {
        "path": "builtin:tiny",
        "tiny": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64, "positions": 64},
    },
    "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 16, "n_eval": 8},
    "trainer": {
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "max_completion_length": 8,
        "report_to": [],
        "threads": 1,
    },
}


def test_an_installed_plugin_is_used_in_training(root: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    package = shutil.copytree(root / "examples/acme_verifier", tmp_path / "acme_verifier")
    subprocess.run([*pip, "--target", str(site), str(package)], check=True, capture_output=True)
    recipe = tmp_path / "acme.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    run = subprocess.run(
        [sys.executable, "-m", "assay", "train", str(recipe), "--out", str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.splitlines()[-1].startswith("held-out accuracy: ")
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    trained = [json.loads(line) for line in lines if json.loads(line)["split"] == "train"]
    assert "assay/acme.palindrome/mean" in trained[-1]
    assert trained[-1]["assay/acme.palindrome/fault_rate"] == 0.0
    assert (tmp_path / "run/report.html").is_file()
