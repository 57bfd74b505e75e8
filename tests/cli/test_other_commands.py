"""``assay sources``, ``recipe``, ``doctor``, ``report`` and the words of ``train``."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.cli.training import with_overrides
from assay.core.errors import ConfigError

COMMANDS = [
    *("score", "train", "sources", "doctor", "report", "recipe schema", "recipe check"),
    *("audit", "check", "new-plugin"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_json(command) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"Example: assay {command}" in shown.output
    assert "--json" in shown.output


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    heavy = "torch transformers trl sympy datasets matplotlib pandas pyarrow pluggy rich.table"
    code = (
        "import sys; import assay.cli.main;"
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
        assert done.stdout == b"[]\n"
    assert min(seconds) < 1.0, "0.2 s on an idle machine"


def test_sources_lists_names_origins_and_first_lines(assay) -> None:
    done = assay("sources")
    assert done.returncode == 0
    line = next(x for x in done.stdout.splitlines() if "math.exact" in x)
    assert "built in" in line
    assert "binary" in line
    rows = json.loads(assay("sources", "--json").stdout)
    assert {"math.exact", "math.symbolic", "format.think_answer"} <= {row["name"] for row in rows}
    assert all(row["summary"] for row in rows)


def test_one_source_shows_its_settings(assay) -> None:
    done = assay("sources", "math.exact")
    assert "unit_words: bool, default True" in done.stdout
    found = json.loads(assay("sources", "math.exact", "--json").stdout)
    assert found["needs"] == ["ground_truth"]
    assert {setting["name"] for setting in found["settings"]} == {
        *("extract", "mode", "unit_words", "expects", "hedge")
    }
    assert all(setting["doc"] for setting in found["settings"])
    missing = assay("sources", "math.exat")
    assert missing.returncode == 2
    assert "did you mean 'math.exact'?" in missing.stderr


def test_a_recipe_is_checked_without_running_it(assay, tmp_path) -> None:
    (tmp_path / "good.yaml").write_text(
        "sources: [math.exact, {use: format.think_answer, weight: 0.1}]\ncompose: weighted_sum\n"
    )
    done = assay("recipe", "check", "good.yaml")
    assert done.returncode == 0, done.stderr
    assert "format.think_answer" in done.stdout
    found = json.loads(assay("recipe", "check", "good.yaml", "--json").stdout)
    assert [source["weight"] for source in found["sources"]] == [1.0, 0.1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("sorces: [math.exact]", "did you mean 'sources'?", id="key"),
        pytest.param("sources: [math.exat]", "did you mean 'math.exact'?", id="source"),
        pytest.param("sources: [{use: math.exact, unit_word: 1}]", "'unit_words'", id="setting"),
        pytest.param("sources: [math.exact]\ncompose: sums", "sums", id="composer"),
        pytest.param("{", "is not YAML", id="yaml"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_a_line_and_code_2(assay, tmp_path, text, said) -> None:
    (tmp_path / "r.yaml").write_text(text)
    done = assay("recipe", "check", "r.yaml")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_a_json_schema_of_recipes(assay) -> None:
    import jsonschema

    schema = json.loads(assay("recipe", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"sources", "compose", "on_fault", "data"} <= set(schema["properties"])
    valid = jsonschema.Draft202012Validator(schema).is_valid
    for recipe in (
        {"sources": "math.exact", "compose": "product", "cache": "verdicts.sqlite"},
        {"sources": ["math.exact", {"use": "text.exact", "weight": 2}], "compose": {"use": "gate"}},
        {"sources": {"use": "math.exact"}, "shape": ["length.cosine", {"use": "x", "k": 1}]},
    ):
        assert valid(recipe), recipe
    for recipe in ({"sources": ["math.exact"], "sorces": 1}, {"compose": "gate"}, {"sources": [3]}):
        assert not valid(recipe), recipe


def test_doctor_tries_things_and_always_ends_well(assay) -> None:
    done = assay("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert found["python"]["ok"]
    assert found["worker processes"]["found"].startswith("scored a sample in")
    assert {"jail", "docker", "lean", "gpu", "torch", "chromium"} <= set(found)
    assert all(bool(finding["get"]) != finding["ok"] for finding in found.values())


def test_report_refuses_what_is_no_run(assay) -> None:
    done = assay("report", "nowhere")
    assert done.returncode == 2
    assert "nowhere: is not the folder of a run" in done.stderr


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("seed=3", {"seed": 3, "a": {"b": 1}, "l": [{"w": 1}]}, id="top"),
        pytest.param("a.b=x", {"a": {"b": "x"}, "l": [{"w": 1}]}, id="nested"),
        pytest.param("a.c=[1, 2]", {"a": {"b": 1, "c": [1, 2]}, "l": [{"w": 1}]}, id="yaml"),
        pytest.param(
            "new.x=1e-3", {"a": {"b": 1}, "l": [{"w": 1}], "new": {"x": "1e-3"}}, id="new"
        ),
        pytest.param("l.0.w=2", {"a": {"b": 1}, "l": [{"w": 2}]}, id="list"),
    ],
)
def test_overrides_change_the_recipe(word, expected) -> None:
    assert with_overrides({"a": {"b": 1}, "l": [{"w": 1}]}, [word]) == expected


@pytest.mark.parametrize("word", ["seed", "=3", "a.b.c=1", "l.7=1", "l.x=1", "a.b={"])
def test_overrides_that_lead_nowhere_are_refused(word) -> None:
    with pytest.raises(ConfigError, match="--set"):
        with_overrides({"a": {"b": 1}, "l": [{"w": 1}]}, [word])
