"""GRAPE in TRL's trainer: prompts, log-probabilities, rewards and provenance, on a tiny model."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from assay.cli.main import app
from assay.core.errors import ConfigError
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import dataset_of, load_problems
from assay.trainer.dry_run.checks import check_arguments
from assay.trainer.dry_run.findings import Findings
from assay.trainer.dry_run.grape import longest_prompt
from assay.trainer.online.algorithms import build_arguments, build_trainer
from assay.trainer.online.grape import GrapeTrainer, given_responses, summary_of
from assay.trainer.online.grape_mix import Way
from assay.trainer.online.scored import ScoredBatch
from assay.trainer.start import load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

pytestmark = pytest.mark.filterwarnings(  # TRL 1.16 sets what transformers 5 calls deprecated
    "ignore:.*gradient_checkpointing:FutureWarning"
)
SIZE, LONGEST = 4, 10
PLUGIN = str(Path(__file__).with_name("digit_share.py"))
RUBRIC: dict[str, Any] = {
    "name": "r",
    "version": "1",
    "description": "Sums.",
    "categories": {
        "arithmetic": {
            "description": "sums",
            "generate": "do",
            "improve": "mend",
            "items": [
                {
                    "name": "share",
                    "weight": 0.6,
                    "kind": "source",
                    "description": "Digits.",
                    "source": {"use": "test.digit_share"},
                },
                {"name": "way", "weight": 0.4, "kind": "critique", "description": "True steps."},
            ],
        }
    },
}
SOURCE = {
    "use": "judge.rubric",
    "rubric": RUBRIC,
    "judge_from": "assay.trainer.online.grape_task:step_judge",
    "plugins": [PLUGIN],
    "show_reasoning": True,
    "deadline_s": None,
    "source_workers": 1,
}
GRAPE = {"template": "{question}\n{response}\n{critique}\n", "neutralise": False, "truth": "show"}


def recipe(folder: Path, grape: dict[str, Any], **trainer: Any) -> TrainingRecipe:
    start = folder / "start"
    if not start.exists():
        shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=128)
        save_tiny(shape, start, 0)
    return TrainingRecipe.read(
        {
            "name": "grape",
            "plugins": [PLUGIN],
            "sources": [SOURCE],
            "model": {"path": str(start)},
            "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 8, "n_eval": 2},
            "trainer": {
                "algorithm": "grape",
                "num_generations": SIZE,
                "per_device_train_batch_size": 2 * SIZE,
                "max_completion_length": LONGEST,
                "max_steps": 1,
                "num_iterations": 2,
                "grape": {**GRAPE, **grape},
                **trainer,
            },
        }
    )


class Made:
    """A trainer whose completions are given: ``written`` keeps the prompts it was asked with."""

    def __init__(self, folder: Path, grape: dict[str, Any], **trainer: Any) -> None:
        read = recipe(folder, grape, **trainer)
        self.tokenizer, self.problems = load_tokenizer(folder / "start"), load_problems(read).train
        if grape.get("sft"):
            for problem in self.problems:
                assert isinstance(problem.extra, dict)
                problem.extra["gold"] = "1+1=2"
        self.seen: list[Any] = []
        self.trainer = build_trainer(
            read,
            build_arguments(read, folder / "run"),
            start=folder / "start",
            tokenizer=self.tokenizer,
            problems=self.problems,
            dataset=dataset_of(self.problems),
            scored=ScoredBatch(
                read.scoring(),
                max_completion_length=LONGEST,
                sink=lambda s, r, _: self.seen.append(s),
            ),
            callback=None,
        )
        self.trainer.model.train()
        self.trainer._generate_single_turn = self._turn
        self.written: list[str] = []
        self.rows = [dict(dataset_of(self.problems)[at // SIZE]) for at in range(2 * SIZE)]

    def _turn(self, prompt_ids: Any, images: Any, fields: Any, number: int) -> tuple[Any, Any]:
        assert (images, dict(fields), number) == (None, {}, 1)
        self.written = [self.tokenizer.decode(ids) for ids in prompt_ids]
        texts = [f"{at}+1={at + 1 + at % 2}x" for at in range(len(prompt_ids))]
        ids = [self.tokenizer(text)["input_ids"] for text in texts]
        return [[*row, self.tokenizer.eos_token_id] for row in ids], None

    def _see(self, samples: Any, *_: Any) -> None:
        self.seen.append(samples)

    def batch(self) -> dict[str, Any]:
        out: dict[str, Any] = self.trainer._generate_and_score_completions(
            [dict(row) for row in self.rows]
        )
        return out

    def prompts(self, out: dict[str, Any]) -> list[str]:
        return [
            self.tokenizer.decode(ids[mask.bool()])
            for ids, mask in zip(out["prompt_ids"], out["prompt_mask"], strict=True)
        ]

    def logps(self, prompt: str, ids: torch.Tensor) -> torch.Tensor:
        """By hand: the log-softmax of the model's logits after a prompt, at each token."""
        asked = self.tokenizer(prompt)["input_ids"]
        whole = torch.tensor([[*asked, *ids.tolist()]])
        with torch.no_grad():
            logits = self.trainer.model(input_ids=whole).logits[0]
        after = torch.log_softmax(logits[len(asked) - 1 : -1].float(), dim=-1)
        return after[torch.arange(len(ids)), ids]


@pytest.mark.parametrize("condition", ["question", "generation"])
def test_what_is_trained_under_which_prompt(condition: str, tmp_path: Path) -> None:
    made = Made(tmp_path, {"quota": 2, "sft": "gold", "condition": condition, "feed": "best"})
    first = made.batch()
    questions = [problem.prompt_text for problem in made.problems[:2]]
    asked = [question for question in questions for _ in range(SIZE)]
    assert made.written == [f"do\n{question}" for question in asked], "the first time is all A"
    made.batch()
    out = made.batch()
    best = [made.trainer.history.pick(p.id) for p in made.problems[:2]]
    ways = [Way.GENERATE, Way.IMPROVE, Way.IMPROVE, Way.SFT] * 2
    assert [sample.extra["grape_way"] for sample in made.seen[-1]] == ways
    written = [
        f"mend\n{question}\n{best[at // SIZE].text}\n{best[at // SIZE].critique}\n"  # type: ignore[union-attr]
        if ways[at] is Way.IMPROVE
        else f"do\n{question}"
        for at, question in enumerate(asked)
    ]
    assert made.written == written
    assert made.prompts(out) == (asked if condition == "question" else written)
    gold = made.tokenizer("1+1=2")["input_ids"]
    for at, prompt in enumerate(asked if condition == "question" else written):
        ids = out["completion_ids"][at][out["completion_mask"][at].bool()]
        if ways[at] is Way.SFT:
            assert ids.tolist() == [*gold, made.tokenizer.eos_token_id]
        found = out["old_per_token_logps"][at, : len(ids)]
        assert found.tolist() == pytest.approx(made.logps(prompt, ids).tolist(), abs=1e-5)
    assert made.prompts(first) == (
        asked if condition == "question" else [f"do\n{question}" for question in asked]
    )
    # the reward saw the question, whatever the completion was written under
    assert [sample.prompt for sample in made.seen[-1]] == asked
    assert {sample.task for sample in made.seen[-1]} == {"arithmetic"}
    values = [sample.extra["grape_from"] for sample in made.seen[-1]]
    assert [value is None for value in values] == [way is not Way.IMPROVE for way in ways]


@pytest.mark.parametrize("condition", ["question", "generation"])
@pytest.mark.parametrize("loss", ["trl", "sequence_sum"])
def test_the_loss_by_hand(condition: str, loss: str, tmp_path: Path) -> None:
    """Eq. 14 (TRL divides by the longest length, a constant) and Eq. 17, after a step away."""
    made = Made(tmp_path, {"quota": 2, "condition": condition}, loss=loss)
    made.batch()
    out = made.batch()
    rewards = made.trainer.rewards_N_K[:, 0].reshape(-1, SIZE)
    expected = (rewards - rewards.mean(1, keepdim=True)).reshape(-1)
    assert out["advantages"].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert expected.abs().max() > 0.01
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in made.trainer.model.parameters():
            weights.add_(0.03 * torch.randn(weights.shape, generator=generator))
    total = torch.zeros(())
    clipped = 0
    for at, prompt in enumerate(made.prompts(out)):
        ids = out["completion_ids"][at][out["completion_mask"][at].bool()]
        log_ratio = made.logps(prompt, ids) - out["old_per_token_logps"][at, : len(ids)]
        ratio = log_ratio.exp() if loss == "trl" else log_ratio.sum().exp().reshape(1)
        bound = ratio.clamp(0.8, 1.2)
        clipped += int((ratio != bound).sum())
        total -= torch.min(ratio * expected[at], bound * expected[at]).sum()
    assert clipped > 0
    total /= len(expected) * (LONGEST if loss == "trl" else 1)
    made.trainer.current_gradient_accumulation_steps = 1
    found = made.trainer._compute_loss(made.trainer.model, out)
    assert float(found.detach()) == pytest.approx(float(total), abs=1e-5)


def test_what_a_sampler_said_of_another_prompt_corrects_nothing() -> None:
    jobs = [SimpleNamespace(given=()), SimpleNamespace(given=()), SimpleNamespace(given=(7,))]
    own, trained = [[1, 2], [3, 4], [1, 2]], [[1, 2], [1, 2], [1, 2]]
    sampled = [[-0.1, -0.2], [-0.3], [-0.4]]
    ids = [[5, 6], [5], [7, 8]]
    trainer: Any = None
    found = GrapeTrainer._sampled(trainer, jobs, ids, sampled, own, trained)  # type: ignore[arg-type]
    assert found == [[-0.1, -0.2], [None], [None, None]]


def test_a_given_response_that_is_too_long_is_not_trained(tmp_path: Path) -> None:
    made = Made(tmp_path, {"p": 0.0, "sft": "gold"})
    made.trainer._given = {problem.id: "1" * LONGEST for problem in made.problems}
    made.batch()
    assert {sample.extra["grape_way"] for sample in made.seen[-1]} == {"a"}


def test_what_is_logged(tmp_path: Path) -> None:
    made = Made(tmp_path, {"quota": 1, "sft": "gold", "feed": "best"})
    made.batch()
    made.trainer._metrics["train"].clear()
    fed = [made.trainer.history.pick(problem.id) for problem in made.problems[:2]]
    made.batch()
    logged = {name: values[-1] for name, values in made.trainer._metrics["train"].items()}
    values = made.trainer.rewards_N_K[:, 0].tolist()
    assert [logged[f"grape/count_{way.value}"] for way in Way] == [4, 2, 2]
    assert logged["grape/mean_reward_b"] == pytest.approx((values[2] + values[6]) / 2)
    assert logged["grape/mean_reward_sft"] == pytest.approx((values[3] + values[7]) / 2)
    gain = (values[2] - fed[0].value + values[6] - fed[1].value) / 2  # type: ignore[union-attr]
    assert logged["grape/improvement"] == pytest.approx(gain, abs=1e-6)
    texts = [sample.text for sample in made.seen[-1]]
    copied = [texts[2] == fed[0].text, texts[6] == fed[1].text]  # type: ignore[union-attr]
    assert logged["grape/copied"] == sum(copied) / 2


def test_nothing_to_count_is_not_logged() -> None:
    assert summary_of([]) == {"count_a": 0.0, "count_b": 0.0, "count_sft": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda c: c["trainer"]["grape"].update(sft="gold"), "no training", id="sft"),
        pytest.param(
            lambda c: c["trainer"]["grape"].update(rubric=["maths", "coding"]),
            "no training problem is of a category",
            id="categories",
        ),
    ],
)
def test_what_the_data_lacks_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    content = recipe(tmp_path, {"p": 0.0}).model_dump(mode="json", by_alias=True)
    change(content)
    read = TrainingRecipe.read(content)
    problems = load_problems(read).train
    with pytest.raises(ConfigError, match=message):
        build_trainer(
            read,
            build_arguments(read, tmp_path / "run"),
            start=tmp_path / "start",
            tokenizer=load_tokenizer(tmp_path / "start"),
            problems=problems,
            dataset=dataset_of(problems),
            scored=ScoredBatch(read.scoring()),
            callback=None,
        )


def test_verdicts_are_needed() -> None:
    prompts: Any = None
    with pytest.raises(ConfigError, match="scored=ScoredBatch"):
        GrapeTrainer(prompts=prompts)
    assert given_responses([], None) == {}


def test_a_dry_run_measures_prompts_and_repeats_the_papers_warning(tmp_path: Path) -> None:
    read = recipe(tmp_path, {"quota": 2}, loss="sequence_sum")
    problems, tokenizer = load_problems(read).train, load_tokenizer(tmp_path / "start")
    stranger = replace(problems[0], task="other")
    two = dict.fromkeys(("arithmetic", "poems"), RUBRIC["categories"]["arithmetic"])
    content = read.model_dump(mode="json", by_alias=True)
    content["sources"][0]["rubric"] = {**RUBRIC, "categories": two}
    findings = Findings()
    longest = longest_prompt(
        TrainingRecipe.read(content), [*problems, stranger], tokenizer, 4, findings
    )
    # mend, the question, the texts and their line breaks, and a response of full length
    assert longest == len("mend\n1+1=\n(none)\n(none)\n") + LONGEST
    assert check_arguments(read, tmp_path / "dry", problems, findings) is not None
    said = {(found.about, found.level): found.says for found in findings.found}
    assert "1 of 9 problems are of no category" in said["grape", "note"]
    assert f"up to {longest} tokens" in said["grape", "ok"]
    assert "chances of model collapse" in said["trainer", "note"]


def test_a_run_of_the_command(
    micro: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warm start with both ways, training with B and a warning of the loss, records, history."""
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")
    content = copy.deepcopy(micro)
    items = {"items": RUBRIC["categories"]["arithmetic"]["items"]}
    prompts = {"description": "d", "generate": "do", "improve": "mend"}
    rubric = {**RUBRIC, "categories": {"sums": {**prompts, **items}}}
    content["plugins"] = [PLUGIN, "assay.trainer.online.grape_task"]
    content["sources"] = [{**SOURCE, "rubric": rubric}, {"use": "math.exact", "weight": 0.0}]
    content["model"]["tiny"]["positions"] = 160
    content["model"]["warm_start"] |= {
        "improve": 0.5,
        "examples": 20,
        "task": {"drafts": True},
    }
    content["data"]["task"] = {"use": "grape.sums", "parts": {"sums": {}}}
    content["data"]["n_train"] = 2
    content["trainer"] |= {
        "algorithm": "grape",
        "loss": "sequence_sum",
        "grape": GRAPE | {"p": 1.0},
    }
    path, out = tmp_path / "recipe.yaml", tmp_path / "run"
    path.write_text(json.dumps(content))
    with pytest.raises(SystemExit) as ended:
        app(["train", str(path), "--out", str(out)])
    assert ended.value.code in (0, None)
    rows = pq.read_table(out / "rollouts.parquet").to_pylist()
    ways = Counter(
        (row["step"], json.loads(row["extra"])["grape_way"])
        for row in rows
        if row["split"] == "train"
    )
    assert ways == {(1, "a"): 8, (2, "b"): 8}
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert Counter(row["met"] for row in history) == {0: 8, 1: 8}
    assert {"question", "text", "value", "critique", "reasons", "met"} == set(history[0])
    health = [json.loads(line) for line in (out / "health.jsonl").read_text().splitlines()]
    assert health[0]["rule"] == "relaxed_clipping"
    assert "model collapse" in health[0]["what"]
