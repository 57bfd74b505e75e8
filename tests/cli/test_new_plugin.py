"""``assay new-plugin``: what it writes installs, passes its own tests, and is the example."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.cli.new_plugin import rendered
from assay.core.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme_verifier"


@pytest.mark.parametrize(
    ("name", "package", "said"),
    [
        pytest.param("Acme.city", None, "must be family.variant in lower case", id="capital"),
        pytest.param("acme", None, "must be family.variant", id="no-variant"),
        pytest.param("acme.1st", None, "each beginning with a letter", id="digit"),
        pytest.param("acme/../x.y", None, "must be family.variant", id="path"),
        pytest.param("math.exact", None, "is a source already, of assay.verifiers", id="taken"),
        pytest.param("acme.city", "Acme", "--package: the package must be lower-case", id="case"),
        pytest.param("acme.city", "class", "give another --package", id="keyword"),
        pytest.param("acme.city", "json", "'json' is a module already", id="standard-library"),
        pytest.param("acme.city", "assay", "'assay' is a module already", id="assay"),
    ],
)
def test_names_that_cannot_be_are_refused(name: str, package: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rendered(name, package)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(app, ["new-plugin", "acme.city", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "is there already" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_example_is_what_it_writes_with_a_source_filled_in() -> None:
    texts = rendered("acme.palindrome", "acme_verifier")
    for path, text in texts.items():
        assert (EXAMPLE / path).is_file(), path
        if path.endswith(("pyproject.toml", "__init__.py")) or path.startswith("tests/"):
            assert (EXAMPLE / path).read_text() == text, path


@pytest.mark.parametrize("name", ["acme.city", "acme.is", "a.b.class"])
def test_what_it_writes_is_python(name: str) -> None:
    for path, text in rendered(name).items():
        if path.endswith(".py"):
            compile(text, path, "exec")
            assert max(map(len, text.splitlines())) <= 100


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``source``, as written, and ``site``, where pip installed it."""
    folder = tmp_path_factory.mktemp("made")
    words = ["new-plugin", "acme.city", "--out", str(folder / "source"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert all(Path(path).is_file() for path in json.loads(done.stdout)["files"])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    how = ["--no-index", "--no-build-isolation", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*pip, *how, str(folder / "source")], check=True, capture_output=True)
    return folder


@pytest.mark.timeout(240)
def test_it_passes_its_own_tests(made: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=made / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout


def test_installed_it_is_audited_by_name(assay, made: Path) -> None:
    done = assay("audit", "acme.city", "--json", path=str(made / "site"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cases"] == 14
    assert found["false_accepts"]["errors"] == found["false_rejects"]["errors"] == 0
