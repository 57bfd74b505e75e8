"""The wheel holds everything, under one import name, and works without the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECK = """
import sys; sys.path.insert(0, {site!r})
import assay
assert assay.__file__.startswith({site!r}), assay.__file__
from assay import Sample, Scorer
if __name__ == "__main__":
    with Scorer(["math.exact", "math.symbolic"]) as scorer:
        (reward,) = scorer.score([Sample(completion=r"\\\\boxed{{4}}", ground_truth="4")])
        print(reward.value)
    from assay.trainer.report.page import write_report
    from importlib.resources import files
    assert files("assay.trainer.report").joinpath("templates/report.html").is_file()
    assert files("assay.offline.report").joinpath("templates/browser.js").is_file()
    assert files("assay.core.pages").joinpath("templates/base.css").is_file()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A wheel built from a copy of the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns(".venv", ".git", "runs", "build", "*.egg-info", "__pycache__")
    shutil.copytree(root, folder / "tree", symlinks=True, ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    run = subprocess.run(command, cwd=folder / "tree", capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    (found,) = folder.glob("*.whl")
    return found


def test_one_import_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"assay"}
    for needed in (
        *("assay/py.typed", "assay/core/engine/zygote.py", "assay/verifiers/text.py"),
        *("assay/verifiers/audits/math.txt", "assay/verifiers/audits/programs.yaml"),
        "assay/cli/templates/suite.py.j2",
    ):
        assert needed in names
    assert not [name for name in names if "test" in Path(name).name]


def test_it_scores_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    run = subprocess.run(
        [sys.executable, "-c", CHECK.format(site=str(site))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.stdout.strip() == "2.0", run.stderr[-2000:]
