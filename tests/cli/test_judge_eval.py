"""``assay judge-eval`` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from assay.cli.main import app

PLUGIN = Path(__file__).with_name("judges_plugin.py")
Ask = Callable[..., Any]


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Rows, a judge and words in; what the command did out. In this process: a new one is slow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(rows: Sequence[dict[str, Any]], judge: str, *words: str) -> Result:
        data = write(tmp_path / "data.jsonl", rows)
        command = ["judge-eval", data, "-r", judge, "-p", str(PLUGIN), *words]
        return CliRunner().invoke(app, command)

    return run


@pytest.fixture
def ask(typed: Ask) -> Ask:
    """The same, giving the JSON that it printed."""

    def run(*words: Any) -> Any:
        done = typed(*words, "-q", "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    return run


LABELLED = [
    {"prompt": "q", "completion": "I say 0.9", "label": True},
    {"prompt": "q", "completion": "I say 0.7", "label": "no"},
    {"prompt": "q", "completion": "I say 0.1", "label": 0},
    {"prompt": "q", "completion": "I say nothing", "label": 1},
    {"prompt": "q", "completion": "I say 0.2", "label": None},
]


def test_labels_and_a_fault_that_is_no_wrong_answer(typed: Ask, ask: Ask, tmp_path: Path) -> None:
    found = ask(LABELLED, "probe.word", "--out", "measured/judge.json")
    assert json.loads((tmp_path / "measured/judge.json").read_text()) == found
    assert (found["answers"], found["judged"], found["without_label"]) == (4, 3, 1)
    assert found["unjudged"] == {"faults": 1, "by_status": {"failed": 1}}
    made = found["decisions"]
    assert (made["accuracy"]["count"], made["accuracy"]["n"]) == (2, 3)
    assert made["false_accepts"]["rate"] == 0.5
    assert made["auroc"] == 1.0
    assert found["cost"]["per_thousand"]["tokens"] == pytest.approx(21 / 4 * 1000)
    shown = typed(LABELLED, "probe.word")
    assert shown.exit_code == 0
    for line in ("false accepts (of the bad)", "0.500", "1 of 2", "Brier score of confidence"):
        assert line in shown.stderr
    assert "never counted as wrong: 1 failed\n" in shown.stderr
    assert shown.stdout == ""


def test_grades_in_a_column_with_another_name(ask: Ask) -> None:
    rows = [{"response": f"{n / 4}", "stars": n + 1} for n in range(5)]
    found = ask(rows, "probe.word", "--label", "stars", "--good-from", "4")
    assert found["grades"]["kappa_quadratic"] == 1.0
    assert found["grades"]["exact"]["count"] == 5
    assert found["decisions"]["false_accepts"]["count"] == 1, "3 stars score 0.5"


def test_pairs_show_position_bias(ask: Ask) -> None:
    rows = [
        {"prompt": f"q{n}", "chosen": "GOOD" if n % 2 else "fine", "rejected": "long and wrong"}
        for n in range(6)
    ]
    found = ask(rows, "probe.first", "--pairs")
    assert (found["accuracy"]["count"], found["ties"]["count"]) == (3, 3)
    assert (found["position"]["flips"]["count"], found["position"]["flips"]["n"]) == (3, 6)
    assert found["position"]["for_the_first"]["rate"] == 1.0
    assert found["cost"]["verdicts"] == 24
    once = ask(rows, "probe.first", "--pairs", "--no-swap")
    assert "position" not in once
    assert once["accuracy"]["rate"] == 1.0, "one order alone hides it"


def test_pairs_as_whole_conversations(ask: Ask) -> None:
    user = {"role": "user", "content": "q"}
    rows = [
        {
            "chosen": [user, {"role": "assistant", "content": "I say 0.9"}],
            "rejected": [user, {"role": "assistant", "content": f"I say 0.{n}"}],
        }
        for n in range(9)
    ]
    found = ask(rows, "probe.word", "--pairs")
    assert found["accuracy"]["count"] == 9
    assert "position" not in found, "each answer is judged alone"


def test_seeds_measure_self_consistency(ask: Ask) -> None:
    rows = [{"prompt": "q", "completion": "x" * n, "label": 1} for n in range(4, 12)]
    found = ask(rows, "probe.moody", "--seeds", "3")
    assert found["consistency"]["runs"] == 3
    assert (found["consistency"]["equal"]["count"], found["consistency"]["equal"]["n"]) == (5, 8)
    assert found["decisions"]["accuracy"]["rate"] == 1.0, "the first run is the measure"


RUBRIC = {
    "name": "r",
    "version": "1",
    "description": "d",
    "categories": {
        "c": {
            "description": "anything",
            "items": [
                {"name": name, "weight": 0.5, "kind": "critique", "description": "Something."}
                for name in ("style", "grade")
            ],
        }
    },
}


def test_a_rubric_shows_the_health_of_its_items(assay: Any, tmp_path: Path) -> None:
    entry = {"use": "judge.rubric", "rubric": RUBRIC, "judge_from": "judges_plugin:generous"}
    recipe = tmp_path / "judge.yaml"
    recipe.write_text(yaml.safe_dump({"sources": [{**entry, "deadline_s": None}]}))
    rows = [
        {"prompt": "q", "completion": f"{n}: GRADE={8 if n % 2 else 1}", "label": n % 2}
        for n in range(12)
    ]
    data = write(tmp_path / "data.jsonl", rows)
    done = assay("judge-eval", data, "-r", str(recipe), "--json", path=str(PLUGIN.parent))
    assert done.returncode == 0, done.stderr
    style, grade = json.loads(done.stdout)["items"]
    assert (style["item"], style["flags"]) == ("c/style", ["low confidence", "never varies"])
    assert (grade["item"], grade["kappa"], grade["against"]) == ("c/grade", 1.0, "labels")
    assert grade["calibration_error"] == pytest.approx(0.1)
    assert "low confidence, never varies" in done.stderr
    assert "items are held against labels" in done.stderr


NO_LABEL = [{"completion": "x"}]
TWO_LABELS = [{"completion": "x", "label": 1, "rating": 2}]
ONE = [{"completion": "x", "label": 1}]
MAYBE = [{"completion": "x", "label": "maybe"}]
SPELT = ["--label", "lable"]
NOT_A_LABEL = "line 1: column 'label': a label is yes, no or a number, got 'maybe'"


@pytest.mark.parametrize(
    ("rows", "words", "code", "said"),
    [
        pytest.param(NO_LABEL, ["probe.word"], 2, "no column holds labels", id="no-label"),
        pytest.param(TWO_LABELS, ["probe.word"], 2, "label, rating may each hold", id="two-labels"),
        pytest.param(ONE, ["probe.word", *SPELT], 2, "did you mean 'label'", id="misspelt"),
        pytest.param(ONE, ["probe.word", "--pairs"], 2, "'chosen' is not there", id="no-pairs"),
        pytest.param(MAYBE, ["probe.word"], 4, NOT_A_LABEL, id="odd-label"),
        pytest.param(ONE, ["probe.word"], 3, "nothing could be judged", id="faults-only"),
        pytest.param(ONE, ["probe.spent"], 3, "stopped after 0 verdicts: nothing", id="spent"),
    ],
)
def test_what_it_refuses(
    typed: Ask, rows: list[dict[str, Any]], words: list[str], code: int, said: str
) -> None:
    done = typed(rows, *words)
    assert done.exit_code == code, done.stderr
    assert said in done.stderr
