"""Plugins come in by one door, duplicates are refused, and errors say what to do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from assay import ConfigError, PluginError, Registry, Sample, Scorer, Source, source
from assay.core.registry import BUILTINS


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Write a plugin module and give back its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


ONE = """
from assay import source
@source("plug.one", version="1", scale="binary", runs="inline")
def one(sample):
    return sample.text == "1"
"""
HOOK = """
from assay import hookimpl, source
def make(name):
    @source(name, version="1", scale="binary", runs="inline")
    def made(sample):
        return sample.text == name
    return made
@hookimpl
def assay_sources():
    return [make("hook.a"), make("hook.b")]
"""


def test_module_level_sources_need_no_hook(plugin) -> None:
    registry = Registry([plugin("plug_one", ONE)])
    assert registry.sources["plug.one"].version == "1"
    assert registry.sources.origin("plug.one") == "plug_one"
    assert registry.plugins["plug_one"] == "by name"


def test_hooks_hand_over_objects(plugin) -> None:
    name = plugin("plug_hook", HOOK)
    with Scorer(["hook.a", "hook.b"], plugins=[name]) as scorer:
        (reward,) = scorer.score([Sample(completion="hook.b")])
    assert {n: v.passed for n, v in reward.verdicts.items()} == {"hook.a": False, "hook.b": True}


def test_a_file_is_a_plugin_too(tmp_path: Path) -> None:
    path = tmp_path / "by_file.py"
    path.write_text(ONE.replace("plug.one", "file.one").replace(', runs="inline"', ""))
    with Scorer("file.one", plugins=[str(path)]) as scorer:
        assert [r.value for r in scorer.score([Sample(completion="1")])] == [1.0]


def test_imported_sources_are_not_offered_again(plugin) -> None:
    plugin("plug_one", ONE)
    other = plugin("plug_two", "from plug_one import one\n" + ONE.replace("plug.one", "plug.two"))
    assert "plug.two" in Registry([other, "plug_one"]).sources


def test_two_plugins_offering_one_name_stop_the_start(plugin) -> None:
    names = [plugin("plug_one", ONE), plugin("plug_again", ONE)]
    with pytest.raises(
        PluginError, match=r"'plug.one' is offered twice: by plug_one and by plug_again"
    ):
        Registry(names)


def test_plugins_are_blocked_by_name(plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [plugin("plug_one", ONE), plugin("plug_again", ONE)]
    monkeypatch.setenv("ASSAY_BLOCK_PLUGINS", "other, plug_again")
    assert Registry(names).sources.origin("plug.one") == "plug_one"


def test_a_builtin_can_be_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_BLOCK_PLUGINS", "assay.verifiers.text")
    registry = Registry()
    assert "text.exact" not in registry.sources
    assert "math.exact" in registry.sources


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("import nothing_like_it", "cannot be loaded.*nothing_like_it", id="import"),
        pytest.param("1 / 0", "cannot be loaded.*ZeroDivisionError", id="raises"),
        pytest.param(
            "from assay import hookimpl\n@hookimpl\ndef assay_sauces(): return []",
            "assay_sauces",
            id="unknown-hook",
        ),
        pytest.param(
            "from assay import hookimpl\n@hookimpl\ndef assay_sources(): return [3]",
            "offers 3",
            id="not-a-source",
        ),
    ],
)
def test_broken_plugins_stop_the_start(plugin, code: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Registry([plugin("plug_broken", code)])


def test_no_such_module() -> None:
    with pytest.raises(PluginError, match="no plugin module 'no_such_module'"):
        Registry(["no_such_module"])


class Taken(BaseModel):
    weight: int = 1


@pytest.mark.parametrize(
    ("fields", "target", "message"),
    [
        ({"name": "Palindrome"}, lambda s: True, "family.variant"),
        ({"name": "one"}, lambda s: True, "family.variant"),
        ({"version": ""}, lambda s: True, "version must be"),
        ({"scale": "percent"}, lambda s: True, "scale must be one of"),
        ({"arity": "all"}, lambda s: True, "arity must be one of"),
        ({"runs": "thread"}, lambda s: True, "runs must be one of"),
        ({"runs": "async"}, lambda s: True, "goes with an async function"),
        ({"needs": ["truth"]}, lambda s: True, "needs must be one of"),
        ({}, lambda: True, "must take a sample"),
        ({}, lambda a, b, c: True, "must take a sample"),
        ({"config": Taken}, lambda s, c: True, "may not be named"),
    ],
)
def test_conformance_at_registration(fields: dict, target: object, message: str) -> None:
    given = {"name": "x.y", "version": "1", "scale": "binary", **fields}
    with pytest.raises(PluginError, match=message):
        source(given.pop("name"), **given)(target)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extrct": "boxed"}, r"math.exact: unknown key 'extrct'"),
        ({"extract": ["boxd"]}, "extract"),
    ],
)
def test_source_settings_are_checked_before_anything_runs(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Scorer({"sources": [{"use": "math.exact", **settings}]})


def test_iteration_is_sorted_and_every_builtin_loads() -> None:
    registry = Registry.load()
    names = list(registry.sources)
    assert names == sorted(names)
    assert all(isinstance(registry.sources[n], Source) for n in names)
    assert set(BUILTINS) <= set(registry.plugins)


@pytest.mark.parametrize(
    "heavy",
    ["torch", "transformers", "trl", "sympy", "docker", "fastapi", "datasets", "pandas", "numpy"],
)
def test_import_is_light(heavy: str) -> None:
    load = "import assay, sys; from assay import *; assay.Registry.load()"
    code = f"{load}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
