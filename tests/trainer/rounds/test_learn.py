"""What TRL is asked to learn: masked prompts, ends, uncut texts; and losses as in the formulas."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_rounds import content
from torch import Tensor

from assay.core.errors import ConfigError
from assay.trainer.config import TrainingRecipe
from assay.trainer.estimators.preferences import dpo, kto
from assay.trainer.rounds.learn import Plan, build_learner, check_settings, quiet_datasets
from assay.trainer.start import load_model, load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")

PAIRS = [
    {"prompt": "1+1=", "chosen": "2", "rejected": "three"},
    {"prompt": "2+2=", "chosen": "4, surely", "rejected": "5"},
    {"prompt": "3+4=", "chosen": "7", "rejected": "12"},
]
LABELS = [
    {"prompt": f"{n}+1=", "completion": f"{n + n % 2}", "label": n % 2 == 1} for n in range(6)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``policy`` and ``reference``: the same shape, other weights."""
    folder = tmp_path_factory.mktemp("models")
    shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=512)
    for seed, name in enumerate(("policy", "reference")):
        save_tiny(shape, folder / name, seed)
    return folder


def learner(models: Path, method: Any, rows: list[dict[str, Any]], **trainer: Any) -> Any:
    """TRL's trainer of a method on some rows, all in one batch unless told otherwise."""
    torch.set_num_threads(1)
    recipe = TrainingRecipe.read(content(**({"per_device_train_batch_size": len(rows)} | trainer)))
    plan = Plan(
        method=method,
        model=models / "policy",
        reference=models / "reference",
        output=models / "out",
        seed=5,
    )
    with quiet_datasets():
        return build_learner(recipe, plan, rows, load_tokenizer(models / "policy"))


@functools.cache
def network(path: Path) -> Any:
    return load_model(path, "float32").double().eval()


def log_probability(path: Path, prompt: str, completion: str) -> tuple[float, int]:
    """log π(completion and its end | prompt), summed token by token in float64; and its length."""
    tokenizer = load_tokenizer(path)
    asked = tokenizer(prompt)["input_ids"]
    said = [*tokenizer(completion)["input_ids"], tokenizer.eos_token_id]
    with torch.no_grad():
        logits = network(path)(input_ids=torch.tensor([asked + said])).logits[0]
    total = 0.0
    for place, token in enumerate(said):
        total += float(torch.log_softmax(logits[len(asked) + place - 1], dim=-1)[token])
    return total, len(said)


def log_ratio(models: Path, prompt: str, completion: str) -> float:
    ours, _ = log_probability(models / "policy", prompt, completion)
    return ours - log_probability(models / "reference", prompt, completion)[0]


def loss_of(trainer: Any) -> float:
    """The loss of the first batch, as training computes it."""
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    return float(trainer.compute_loss(trainer.model, batch).detach())


def expected_dpo(models: Path, beta: float) -> Tensor:
    chosen = [log_ratio(models, row["prompt"], row["chosen"]) for row in PAIRS]
    rejected = [log_ratio(models, row["prompt"], row["rejected"]) for row in PAIRS]
    return dpo(torch.tensor(chosen), torch.tensor(rejected), beta).mean()


def expected_ipo(models: Path, beta: float) -> Tensor:
    """Azar et al. 2023, Eq. 17, with means over tokens in place of sums, as TRL has it."""

    def mean_ratio(prompt: str, completion: str) -> float:
        _, tokens = log_probability(models / "policy", prompt, completion)
        return log_ratio(models, prompt, completion) / tokens

    gaps = [
        mean_ratio(row["prompt"], row["chosen"]) - mean_ratio(row["prompt"], row["rejected"])
        for row in PAIRS
    ]
    return (torch.tensor(gaps) - 1 / (2 * beta)).square().mean()


@pytest.mark.parametrize("beta", [0.1, 0.7])
@pytest.mark.parametrize(("method", "expected"), [("dpo", expected_dpo), ("ipo", expected_ipo)])
def test_losses_of_pairs_are_those_of_the_papers(
    method: str, expected: Callable[[Path, float], Tensor], beta: float, models: Path
) -> None:
    found = loss_of(learner(models, method, copy.deepcopy(PAIRS), beta=beta))
    assert found == pytest.approx(float(expected(models, beta)), rel=1e-4)


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_the_loss_of_labels_is_that_of_the_paper(beta: float, models: Path) -> None:
    """z is the mean log-ratio of each prompt with its neighbour's answer, and at least 0."""
    rows = [*LABELS, {"prompt": "9+9=", "completion": "81", "label": False}]
    trainer = learner(models, "kto", rows, beta=beta)
    batch = next(iter(trainer.get_train_dataloader()))
    tokenizer = trainer.processing_class
    texts = [_said(tokenizer, *row) for row in zip(*_masked(batch, ""), strict=True)]
    answers = [text for _, text in texts]
    shifted = [answers[-1], *answers[:-1]]
    z = sum(log_ratio(models, p, a) for (p, _), a in zip(texts, shifted, strict=True)) / len(texts)
    ratios = torch.tensor([log_ratio(models, prompt, answer) for prompt, answer in texts])
    expected = kto(
        ratios,
        torch.as_tensor(batch["label"]),
        max(z, 0.0) * beta,
        beta,
        desirable_weight=4 / 3,
        undesirable_weight=1.0,
    ).mean()
    assert loss_of(trainer) == pytest.approx(float(expected), rel=1e-4)


def _masked(batch: Any, prefix: str) -> tuple[Any, Any, Any]:
    names = ("input_ids", "attention_mask", "completion_mask")
    ids, seen, answer = (batch[prefix + name] for name in names)
    return ids, seen, answer


def _said(tokenizer: Any, ids: Tensor, seen: Tensor, answer: Tensor) -> tuple[str, str]:
    """Prompt and completion of one row of a batch."""
    prompt = ids[(seen == 1) & (answer == 0)]
    return tokenizer.decode(prompt), tokenizer.decode(ids[answer == 1], skip_special_tokens=True)


def test_neighbours_of_a_batch_answer_different_prompts(models: Path) -> None:
    rows = [
        {"prompt": f"{n // 8}=", "completion": f"{n}", "label": n % 2 == 0} for n in range(16 * 8)
    ]
    trainer = learner(models, "kto", rows, per_device_train_batch_size=16)
    dataset = trainer.train_dataset
    same = sum(dataset[n]["prompt"] == dataset[n - 1]["prompt"] for n in range(1, len(dataset)))
    assert same < len(dataset) / 4  # by chance 1 in 16; in the order given 7 in 8


def test_imitation_covers_the_completion_and_its_end_only(models: Path) -> None:
    rows = [{"prompt": "1+1=", "completion": "2"}, {"prompt": "10+10=", "completion": "<think>20"}]
    trainer = learner(models, "sft", rows)
    batch = next(iter(trainer.get_train_dataloader()))
    tokenizer = trainer.processing_class
    learned = {tokenizer.decode(row[row != -100]) for row in batch["labels"]}
    assert learned == {"2<eos>", "<think>20<eos>"}


def test_imitation_of_messages_ends_where_the_template_ends(models: Path) -> None:
    chat = [{"role": "user", "content": "1+1="}]
    rows = [{"prompt": chat, "completion": [{"role": "assistant", "content": "2"}]}]
    trainer = learner(models, "sft", rows)
    batch = next(iter(trainer.get_train_dataloader()))
    labels = batch["labels"][0]
    assert trainer.processing_class.decode(labels[labels != -100]) == "2"


@pytest.mark.parametrize("method", ["sft", "dpo", "ipo", "kto"])
def test_long_texts_are_not_cut(method: str, models: Path) -> None:
    long = "9" * 1500
    row = {"prompt": "p", "completion": long, "chosen": long, "rejected": "1", "label": True}
    trainer = learner(models, method, [row, row | {"label": False}])
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["input_ids"].shape[1] == 1 + 1500 + 1


@pytest.mark.parametrize(("rows", "batches"), [(9, 2), (8, 2), (3, 1)])
def test_no_label_is_its_own_neighbour(rows: int, batches: int, models: Path) -> None:
    labels = [{"prompt": f"{n}", "completion": "x", "label": n > 1} for n in range(rows)]
    trainer = learner(models, "kto", labels, per_device_train_batch_size=4)
    assert len(trainer.get_train_dataloader()) == batches


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        pytest.param("sft", {"pack": True}, ["pack", "packing"], id="near-miss"),
        pytest.param("kto", {"label_smoothing_": 1}, ["label_smoothing_"], id="near-nothing"),
        pytest.param("dpo", {"epsilon": 0.2}, ["epsilon"], id="of-another-algorithm"),
    ],
)
def test_unknown_keys_of_trl_are_refused(
    method: Any, given: dict[str, Any], words: list[str]
) -> None:
    recipe = TrainingRecipe.read(content(trl=given))
    with pytest.raises(ConfigError) as error:
        check_settings(recipe, method)
    assert all(word in str(error.value) for word in ["trainer.trl", *words])


def test_what_trl_refuses_is_said_in_our_words(models: Path) -> None:
    with pytest.raises(ConfigError, match="DPOConfig refuses the settings"):
        learner(models, "dpo", copy.deepcopy(PAIRS), trl={"optim": "no-such-optimizer"})


def test_settings_of_trl_win_over_ours(models: Path) -> None:
    trainer = learner(models, "kto", LABELS, trl={"desirable_weight": 5.0, "max_length": 64})
    assert (trainer.desirable_weight, trainer.undesirable_weight) == (5.0, 1.0)
    assert trainer.args.max_length == 64
