"""The documentation is held to the code: names, hooks, statuses, and the README's own example."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay import Registry, Status
from assay.cli.main import app
from assay.core import hookspecs
from assay.core.conformance import RULES, Rule
from assay.core.recipe import Recipe, SourceEntry
from assay.core.source import source

HOOKS = [name for name in vars(hookspecs) if name.startswith("assay_")]


@pytest.fixture(scope="module")
def docs(root: Path) -> str:
    return "\n".join(
        p.read_text() for p in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_are_documented(hook: str, root: Path) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"`{hook}({arguments})`" in (root / "docs/plugins.md").read_text()


@pytest.mark.parametrize(
    "argument", [p for p in inspect.signature(source).parameters if p != "name"]
)
def test_what_a_source_declares_is_documented(argument: str, root: Path) -> None:
    assert f"`{argument}`" in (root / "docs/plugins.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_of_conformance_are_documented(rule: Rule, root: Path) -> None:
    assert f"| `{rule.name}` |" in (root / "docs/plugins.md").read_text()


@pytest.mark.parametrize(
    "command", [c.name or c.callback.__name__ for c in app.registered_commands]
)
def test_commands_are_documented(command: str, docs: str) -> None:
    assert f"assay {command.replace('_', '-')}" in docs


def test_composers_shapers_and_keys_are_documented(root: Path) -> None:
    text = (root / "docs/recipes.md").read_text()
    registry = Registry.load()
    names = [*registry.composers, *registry.shapers]
    keys = [f.alias or n for n, f in SourceEntry.model_fields.items()]
    rules = [n for n in Recipe.model_fields if n.startswith("on_")]
    missing = [n for n in [*names, *keys, *rules] if f"`{n}" not in text]
    assert not missing


@pytest.mark.parametrize("status", list(Status))
def test_statuses_are_documented(status: Status, root: Path) -> None:
    assert f"`{status.value}`" in (root / "docs/promises.md").read_text()


def test_sources_are_documented(docs: str) -> None:
    builtin = [
        n for n in Registry.load().sources if Registry.load().sources[n].module.startswith("assay.")
    ]
    assert not [name for name in builtin if f"`{name}`" not in docs]


def anchors(page: Path) -> set[str]:
    """What its headings are called in links, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}


def test_links_lead_somewhere(root: Path) -> None:
    folders = ("docs", "benchmarks")
    pages = [path for folder in folders for path in sorted((root / folder).rglob("*.md"))]
    for page in [root / "README.md", *pages]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            target, _, anchor = link.partition("#")
            if target.startswith(("http", "mailto")):
                continue
            path = page.parent / target if target else page
            assert path.exists(), f"{page}: {link}"
            assert not anchor or anchor in anchors(path), f"{page}: {link}"


def test_what_is_exported_exists() -> None:
    for name in assay.__all__:
        assert getattr(assay, name) is not None
    homes = {n for names in assay._HOMES.values() for n in names}
    assert set(assay.__all__) == {*homes, "__version__"}


def test_the_readme_is_short_and_its_example_prints_what_it_says(
    root: Path, tmp_path: Path
) -> None:
    text = (root / "README.md").read_text()
    assert len(text.split()) <= 500
    code, output = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", text, re.DOTALL).groups()
    script = tmp_path / "example.py"
    script.write_text(code)
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert run.stdout == output, run.stderr


def test_the_readmes_plugin_is_the_example(root: Path) -> None:
    text = (root / "README.md").read_text()
    example = (root / "examples/acme_verifier/acme_verifier/sources.py").read_text()
    shown = re.search(r"```python\n(from assay import Sample, source\n.*?)```", text, re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip() in example
