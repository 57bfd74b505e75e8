"""Files of preferences: what is read, what is refused and why, and training on them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_rounds
import torch
from rich.console import Console
from safetensors.torch import load_file
from tiny_rounds import content, digits

from assay import Scorer
from assay.core.errors import ConfigError, DataError
from assay.core.selection import Label, Pair, ScoredRow
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import load_problems
from assay.trainer.evaluate import Evaluator
from assay.trainer.records.callbacks import RunRecords
from assay.trainer.records.metrics_log import MetricsLog
from assay.trainer.records.progress import Display
from assay.trainer.records.rollouts import RolloutLog
from assay.trainer.rounds.preferences import train_offline
from assay.trainer.rounds.rows import kept_row, kept_schema, read_rows, text_row
from assay.trainer.rounds.store import write_table
from assay.trainer.start import load_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")

CHAT = [{"role": "user", "content": "2+2?"}]
SAID = [{"role": "assistant", "content": "4"}]
WRONG = [{"role": "assistant", "content": "5"}]
PAIR = {"prompt": "2+2=", "chosen": "4", "rejected": "5"}
LABEL = {"prompt": "2+2=", "completion": "4", "label": True}


def jsonl(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("method", "row", "read"),
    [
        pytest.param("dpo", PAIR, PAIR, id="pair"),
        pytest.param("ipo", PAIR | {"margin": 1.0}, PAIR, id="other-columns-are-left-out"),
        pytest.param("kto", LABEL, LABEL, id="label"),
        pytest.param("kto", LABEL | {"label": 0}, LABEL | {"label": False}, id="number-as-label"),
        pytest.param(
            "dpo",
            {"prompt": CHAT, "chosen": SAID, "rejected": WRONG},
            {"prompt": CHAT, "chosen": SAID, "rejected": WRONG},
            id="messages",
        ),
        pytest.param(
            "dpo",
            {
                k: json.dumps(v)
                for k, v in (("prompt", CHAT), ("chosen", SAID), ("rejected", WRONG))
            },
            {"prompt": CHAT, "chosen": SAID, "rejected": WRONG},
            id="messages-as-json-text",
        ),
        pytest.param(
            "kto", LABEL | {"completion": ""}, LABEL | {"completion": ""}, id="empty-completion"
        ),
        pytest.param(
            "kto",
            LABEL | {"completion": '[{"a": 1}]'},
            LABEL | {"completion": '[{"a": 1}]'},
            id="text-that-looks-like-messages",
        ),
    ],
)
def test_rows_are_read(method: Any, row: Any, read: dict[str, Any], tmp_path: Path) -> None:
    assert read_rows([jsonl(tmp_path, row)], method) == [read]
    if all(isinstance(value, str) for value in row.values()):
        table = tmp_path / "rows.parquet"
        pq.write_table(pa.Table.from_pylist([row]), table)
        assert read_rows([table], method) == [read]


@pytest.mark.parametrize(
    ("method", "rows", "words"),
    [
        pytest.param(
            "dpo",
            [PAIR, LABEL],
            ["row 2", "'chosen'", "missing", "completion, label, prompt"],
            id="missing-column",
        ),
        pytest.param(
            "kto", [PAIR], ["row 1", "'completion'", "kto learns from"], id="pairs-as-kto"
        ),
        pytest.param("kto", [LABEL | {"label": None}], ["'label'", "None"], id="no-label"),
        pytest.param("kto", [LABEL | {"label": "yes"}], ["'label'", "'yes'"], id="label-in-words"),
        pytest.param("kto", [LABEL | {"label": 0.7}], ["'label'", "0.7"], id="label-in-between"),
        pytest.param("dpo", [PAIR | {"chosen": None}], ["'chosen'", "None"], id="null"),
        pytest.param("dpo", [PAIR | {"chosen": []}], ["'chosen'", "[]"], id="no-messages"),
        pytest.param("dpo", [PAIR | {"prompt": 7}], ["'prompt'", "7"], id="number"),
        pytest.param("dpo", [PAIR | {"prompt": [{"text": "a"}]}], ["role"], id="not-messages"),
        pytest.param("dpo", [PAIR | {"rejected": "4"}], ["row 1", "equal"], id="equal-pair"),
        pytest.param("dpo", ["[1, 2]"], ["row 1", "object"], id="not-an-object"),
        pytest.param("dpo", [PAIR, "{broken"], ["line 2", "not JSON"], id="not-json"),
        pytest.param("dpo", ["[" * 100_000], ["line 1", "not JSON"], id="nested-too-deep"),
        pytest.param("dpo", [""], ["no rows"], id="empty"),
        pytest.param(
            "dpo",
            [PAIR, {"prompt": CHAT, "chosen": SAID, "rejected": WRONG}],
            ["some rows are texts"],
            id="texts-and-messages",
        ),
    ],
)
def test_rows_are_refused(method: Any, rows: list[Any], words: list[str], tmp_path: Path) -> None:
    path = jsonl(tmp_path, *rows)
    with pytest.raises(DataError) as error:
        read_rows([path], method)
    assert all(word in str(error.value) for word in [path.name, *words])


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.jsonl", "no such file"), ("rows.txt", "suffix"), ("rows.parquet", "Parquet")],
)
def test_files_are_refused(name: str, words: str, tmp_path: Path) -> None:
    if name != "none.jsonl":
        (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=words):
        read_rows([tmp_path / name], "dpo")


def test_several_files_and_a_limit(tmp_path: Path) -> None:
    one = jsonl(tmp_path, PAIR, PAIR | {"prompt": "b"}, name="1.jsonl")
    two = jsonl(tmp_path, PAIR | {"prompt": "c"}, name="2.jsonl")
    assert [row["prompt"] for row in read_rows([one, two], "dpo")] == ["2+2=", "b", "c"]
    assert len(read_rows([one, two], "dpo", limit=2)) == 2


@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
def test_what_a_round_keeps_is_read_back(chat: bool, tmp_path: Path) -> None:
    def row(said: Any, value: float) -> ScoredRow:
        prompt = CHAT if chat else "2+2?"
        completion = said if chat else said[0]["content"]
        return ScoredRow(
            id=f"{value}", group="g", prompt=prompt, completion=completion, value=value
        )

    good, bad = row(SAID, 1.0), row(WRONG, 0.0)
    cases: list[tuple[Any, Any]] = [
        ("sft", good),
        ("dpo", Pair(good, bad)),
        ("kto", Label(bad, False)),
    ]
    for method, kept in cases:
        path = tmp_path / f"{method}.parquet"
        write_table(path, [text_row(kept_row(kept))], kept_schema(method))
        (read,) = read_rows([path], method)
        assert {name: kept_row(kept)[name] for name in read} == read


def margin_file(folder: Path, algorithm: str) -> Path:
    """Thirty-two preferences for an answer of one digit over one of a letter."""
    pairs = [(f"{n}+1=", str(n % 10), "abcdefgh"[n % 8]) for n in range(16)]
    if algorithm == "kto":
        good = [{"prompt": p, "completion": c, "label": True} for p, c, _ in pairs]
        bad = [{"prompt": p, "completion": r, "label": False} for p, _, r in pairs]
        return jsonl(folder, *good, *bad)
    return jsonl(folder, *[{"prompt": p, "chosen": c, "rejected": r} for p, c, r in pairs])


def offline(
    folder: Path,
    algorithm: Any,
    path: Path,
    checkpoint: Path | None = None,
    evaluate: int | None = None,
    **trainer: Any,
) -> tuple[Path, list[dict[str, Any]], str]:
    """Train on a file; the model, its log, and what was shown."""
    torch.set_num_threads(1)
    settings = {"algorithm": algorithm, "preferences": {"paths": str(path)}, "max_steps": 8}
    spec = content(**(settings | {"learning_rate": 1e-3} | trainer))
    recipe = TrainingRecipe.read(spec | {"evaluation": {"every_steps": evaluate}})
    folder.mkdir(exist_ok=True)
    shown = io.StringIO()
    display = Display(Console(file=shown, width=200))
    assert tiny_rounds.START is not None
    tokenizer = load_tokenizer(tiny_rounds.START)
    step = None if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
    metrics = MetricsLog(folder / "metrics.jsonl", step)
    with Scorer(digits) as scorer:
        evaluator = Evaluator(
            problems=load_problems(recipe).held_out,
            scorer=scorer,
            tokenizer=tokenizer,
            settings=recipe.evaluation,
            max_completion_length=8,
            seed=0,
        )
        records = RunRecords(metrics, RolloutLog(folder, ["demo.digits"], step), display)
        try:
            model = train_offline(
                recipe,
                folder,
                algorithm=algorithm,
                start=tiny_rounds.START,
                tokenizer=tokenizer,
                evaluator=evaluator,
                records=records,
                display=display,
                checkpoint=checkpoint,
            )
        finally:
            metrics.close()
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return model, [json.loads(line) for line in lines], shown.getvalue()


@pytest.mark.parametrize("algorithm", ["dpo", "ipo", "kto"])
def test_what_is_preferred_becomes_likelier(algorithm: str, tmp_path: Path) -> None:
    path = margin_file(tmp_path, algorithm)
    model, log, shown = offline(tmp_path / "run", algorithm, path)
    margins = [row["rewards/margins"] for row in log if "rewards/margins" in row]
    assert len(margins) == 8
    assert abs(margins[0]) < 1e-3  # policy and reference begin as one model
    assert margins[-1] > margins[0] + 0.05
    assert (model / "tokenizer.json").exists()
    assert f"{algorithm}: {32 if algorithm == 'kto' else 16} rows" in shown
    assert "train 8/8  loss" in shown


def test_a_resumed_run_comes_to_the_same_model(tmp_path: Path) -> None:
    path = margin_file(tmp_path, "dpo")
    whole, log, _ = offline(tmp_path / "whole", "dpo", path, save_steps=4)
    checkpoint = tmp_path / "whole" / "checkpoints" / "checkpoint-4"
    resumed, again, _ = offline(tmp_path / "whole2", "dpo", path, checkpoint, save_steps=4)
    one, other = (load_file(model / "model.safetensors") for model in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    losses = [(row["step"], row["loss"]) for row in log if "loss" in row and row["step"] > 4]
    assert losses == [(row["step"], row["loss"]) for row in again if "loss" in row]


def test_held_out_problems_are_asked_on_the_way(tmp_path: Path) -> None:
    path = margin_file(tmp_path, "dpo")
    log = offline(tmp_path / "run", "dpo", path, evaluate=2, max_steps=5)[1]
    assert [row["step"] for row in log if row["split"] == "eval"] == [2, 4]


def test_an_algorithm_without_files_is_refused(tmp_path: Path) -> None:
    recipe = TrainingRecipe.read(content())
    with pytest.raises(ConfigError, match=r"trainer.preferences: dpo learns from files"):
        train_offline(
            recipe,
            tmp_path,
            algorithm="dpo",
            start=tmp_path,
            tokenizer=None,
            evaluator=None,
            records=None,
            display=Display(Console(file=io.StringIO())),
        )
