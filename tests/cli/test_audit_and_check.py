"""``assay audit`` and ``assay check``: what they print, and what they end with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app

PLUGIN = ("-p", "rule_breakers")


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*words], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout, done.stderr


def test_an_audit_prints_rates_and_errors_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "errors.jsonl"
    code, out, _ = run("audit", "audited.lax", *PLUGIN, "--errors", str(file), "--workers", "1")
    assert code == 1
    assert "false accepts: 2 of 4 (50.00 %, 95 % interval 15.0 to 85.0 %; 1 known)" in out
    assert "false rejects: 1 of 3" in out
    assert "grades changed: 1 of 2" in out
    assert "hangs: 1, faults: 2, no opinion: 2" in out
    assert "false accept: longer: 14 (known: digits on both sides)" in out
    assert "judged right now, take off its list: longer: 3" in out
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {row["error"] for row in rows} == {
        *("false accept", "false reject", "grade changed", "no opinion", "hang", "fault")
    }
    assert all(row["verdict"]["source"] == "audited.lax" for row in rows)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        pytest.param("audited.known", 0, "false accepts: 2 of 2", id="known"),
        pytest.param("audited.down", 3, "faults: 2", id="down"),
        pytest.param("broken.many", 2, "has no audit table", id="no-table"),
        pytest.param("audited.lx", 2, "did you mean 'audited.lax'?", id="unknown"),
    ],
)
def test_exit_codes_of_an_audit(name: str, code: int, said: str) -> None:
    found, out, err = run("audit", name, *PLUGIN, "--workers", "1")
    assert found == code
    assert said in out + err


def test_an_audit_as_json() -> None:
    code, out, _ = run("audit", "text.exact", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["false_accepts"]["errors"] == 0
    assert 0.0 < found["false_accepts"]["high"] < 0.3
    assert set(found["categories"]) >= {"letter case", "hidden"}


def test_a_check_prints_each_rule_and_passes() -> None:
    code, out, _ = run("check", "text.exact")
    assert code == 0, out
    assert "pass  any-text" in out
    assert "text.exact: 21 rules hold, 0 are broken, 0 do not apply" in out


def test_a_check_names_what_breaks_a_rule_and_fails() -> None:
    code, out, _ = run("check", "audited.lax", *PLUGIN, "--json")
    found = json.loads(out)
    assert code == 1
    assert found["ok"] is False
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert rules["judges"]["outcome"] == "fail"
    assert any("odd: hang': timed_out" in finding for finding in rules["judges"]["findings"])
    assert rules["quick"]["outcome"] == "-"
    assert rules["deadline"]["outcome"] == "pass"
