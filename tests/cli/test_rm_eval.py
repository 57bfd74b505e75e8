"""``assay rm-eval`` as a user types it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from assay.cli.main import app

PLUGIN = Path(__file__).with_name("judges_plugin.py")
Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Rows and words in; what the command did out. In this process: a new one is slow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(rows: Sequence[dict[str, Any]], *words: str) -> Result:
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return CliRunner().invoke(app, ["rm-eval", str(data), "-p", str(PLUGIN), *words])

    return run


PAIRS = [
    {"prompt": "a", "chosen": "I say 0.9", "rejected": "I say 0.1", "subset": "easy"},
    {"prompt": "b", "chosen": "I say 0.8", "rejected": "I claim 0.8", "subset": "easy"},
    {"prompt": "c", "chosen": "I say 0.2", "rejected": "I say 0.7", "subset": "hard"},
    {"prompt": "d", "chosen": "I say nothing", "rejected": "I say 0.7", "subset": "hard"},
]


def test_sources_stand_in_one_table(typed: Typed, tmp_path: Path) -> None:
    recipe = tmp_path / "two.yaml"
    recipe.write_text(
        "sources: [probe.word, {use: format.regex, pattern: '.*say 0.*', as: says}]\n"
    )
    done = typed(PAIRS, "-r", str(recipe), "-r", "probe.word", "--json", "-o", "out/found.json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert json.loads((tmp_path / "out/found.json").read_text()) == found
    assert (found["kind"], found["rows"]) == ("pairs", 4)
    assert set(found["sources"]) == {"probe.word#1", "says", "probe.word#2"}
    word = found["sources"]["probe.word#1"]
    assert (word["pairs"], word["judged"]) == (4, 3)
    assert word["unjudged"]["by_status"] == {"failed": 1}, "a fault is no wrong answer"
    assert (word["accuracy"]["count"], word["ties"]["count"]) == (1, 1)
    assert word["accuracy"]["low"] < 1 / 3 < word["accuracy"]["high"]
    assert word["subsets"]["easy"]["accuracy"]["rate"] == 0.5
    assert word["subsets"]["hard"]["judged"] == 1
    assert word["mean_of_subsets"] == 0.25
    assert word["length"]["matched"]["n"] == 2
    assert found["sources"]["says"]["ties"]["count"] == 2
    for line in ("subset easy", "0.500", "lengths matched", "3 of 4"):
        assert line in done.stderr


def test_rows_of_several_answers(typed: Typed) -> None:
    rows = [
        {"prompt": "a", "chosen": ["I say 0.9"], "rejected": ["I say 0.1", "I say 0.2"]},
        {"prompt": "b", "chosen": ["I say 0.9"], "rejected": ["I say 0.95", "I say 0.2"]},
    ]
    done = typed(rows, "-r", "probe.word", "--json", "-q")
    found = json.loads(done.stdout)["sources"]["probe.word"]
    assert (found["accuracy"]["count"], found["accuracy"]["n"]) == (3, 4)
    assert (found["rows_right"]["count"], found["rows_right"]["n"]) == (1, 2)


def test_best_of_n_between_random_and_the_oracle(typed: Typed) -> None:
    rows = [
        {"prompt": p, "completion": f"I say {score}", "truth": truth}
        for p in ("a", "b")
        for score, truth in [(0.1, 0), (0.2, 0), (0.8, 1), (0.9, 0)]
    ]
    done = typed(rows, "-r", "probe.word", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kind"] == "groups"
    curve = found["sources"]["probe.word"]["best_of"]
    assert [point["n"] for point in curve] == [1, 2, 4]
    assert [point["random"] for point in curve] == [0.25] * 3
    assert [point["truth"] for point in curve] == pytest.approx([0.25, 1 / 3, 0.0])
    assert [point["oracle"] for point in curve] == pytest.approx([0.25, 0.5, 1.0])
    assert curve[1]["share"] == pytest.approx(1 / 3)
    assert curve[0]["share"] is None
    assert curve[2]["kl"] == pytest.approx(math.log(4) - 0.75)
    assert found["sources"]["probe.word"]["accuracy"]["rate"] == pytest.approx(2 / 3)
    assert "best of 2" in done.stderr
    assert "of the oracle's margin" in done.stderr


@pytest.mark.parametrize(
    ("rows", "words", "code", "says"),
    [
        pytest.param([{"prompt": "a"}], ["-r", "probe.word"], 2, "--truth COLUMN", id="no-truth"),
        pytest.param(PAIRS, ["-r", "probe.wurd"], 2, "did you mean 'probe.word'", id="source"),
        pytest.param(PAIRS[3:], ["-r", "probe.word", "-q"], 3, "could be judged", id="unjudged"),
        pytest.param(
            [{"prompt": "a", "completion": "b", "truth": "who knows"}],
            ["-r", "probe.word"],
            4,
            "line 1: column 'truth'",
            id="truth-in-words",
        ),
        pytest.param(
            [{"prompt": "a", "chosen": [], "rejected": []}],
            ["-r", "probe.word"],
            4,
            "no pair",
            id="no-answers",
        ),
    ],
)
def test_refused(typed: Typed, rows: Any, words: list[str], code: int, says: str) -> None:
    done = typed(rows, *words)
    assert done.exit_code == code, done.stderr
    assert says in done.stderr
