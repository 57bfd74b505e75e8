"""The recipes for real models: TRL takes them, accelerate reads the launchers, data fits.

Nothing is downloaded: the models and datasets themselves are not tried here.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from assay import Scorer
from assay.core.types import Sample
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import load_problems
from assay.trainer.online.algorithms import build_arguments
from assay.trainer.online.curriculum import measured

ROOT = Path(__file__).parents[1]
REAL = ROOT / "recipes" / "real"
RECIPES = sorted(REAL.glob("*.yaml"))
LAUNCHERS = sorted((REAL / "accelerate").glob("*.yaml"))
PAGE = (ROOT / "docs" / "real_models.md").read_text(encoding="utf-8")

by_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
by_launcher = pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)

GSM8K = {"question": "Half of 48 and 48?", "answer": "48/2 = <<48/2=24>>24.\n#### 72"}
MATH = {
    "problem": "What is $1/4+1/4$?",
    "solution": r"It is $\boxed{\frac{1}{2}}$.",
    "level": "Level 3",
}
MBPP = {
    "text": "Write a function to add two numbers.",
    "code": "def add(a, b):\n    return a + b",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
    "test_setup_code": "",
}


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare_real", REAL / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_the_kinds_are_there() -> None:
    read = [TrainingRecipe.read(path) for path in RECIPES]
    assert {recipe.trainer.algorithm for recipe in read} >= {"grpo", "dr_grpo", "ppo"}
    assert any(recipe.model.lora for recipe in read)
    modes = {recipe.trainer.trl.get("vllm_mode") for recipe in read}
    assert modes >= {"colocate", "server"}
    kinds = {yaml.safe_load(path.read_text())["distributed_type"] for path in LAUNCHERS}
    assert kinds == {"MULTI_GPU", "DEEPSPEED", "FSDP"}


@by_recipe
def test_the_name_is_the_files(path: Path) -> None:
    assert TrainingRecipe.read(path).name == path.stem


@by_recipe
def test_trl_knows_every_name(path: Path) -> None:
    from trl import GRPOConfig

    known = {field.name for field in dataclasses.fields(GRPOConfig)}
    assert set(TrainingRecipe.read(path).trainer.trl) <= known


@by_recipe
# TRL 1.16 sets what transformers 5 calls deprecated
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_trl_takes_the_settings(path: Path, tmp_path: Path) -> None:
    recipe = TrainingRecipe.read(path)
    arguments = build_arguments(recipe, tmp_path)
    prompts = arguments.generation_batch_size // arguments.num_generations
    assert 1 <= prompts <= recipe.data.n_train
    assert arguments.gradient_checkpointing is True


@by_recipe
def test_the_sources_take_their_settings(path: Path) -> None:
    recipe = TrainingRecipe.read(path)
    with Scorer(recipe.scoring()) as scorer:
        assert list(scorer.names) == [entry.name for entry in recipe.sources]


@by_recipe
def test_the_header_says_what_was_run_and_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = " ".join(
        line.removeprefix("#").strip() for line in text.split("\nname:")[0].splitlines()
    )
    assert "Meant for" in head
    assert "no such run was made" in head
    assert f"assay train recipes/real/{path.name} --dry-run" in head
    assert TrainingRecipe.read(path).data.path in head


@by_recipe
def test_the_page_names_it(path: Path) -> None:
    assert f"recipes/real/{path.name}" in PAGE


@by_launcher
def test_accelerate_reads_the_launcher(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(path))
    assert read.num_processes >= 2
    assert str(path.relative_to(ROOT)) in PAGE


@by_launcher
def test_the_plugins_know_every_key(path: Path) -> None:
    from accelerate.utils import DeepSpeedPlugin, FullyShardedDataParallelPlugin

    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    deepspeed = {field.name for field in dataclasses.fields(DeepSpeedPlugin)}
    fsdp = {f"fsdp_{field.name}" for field in dataclasses.fields(FullyShardedDataParallelPlugin)}
    # the launcher's own spellings of version and cpu_offload
    fsdp = {name.replace("fsdp_fsdp_", "fsdp_") for name in fsdp} | {"fsdp_offload_params"}
    assert set(content.get("deepspeed_config", {})) <= deepspeed
    assert set(content.get("fsdp_config", {})) <= fsdp


@pytest.mark.parametrize("path", [p for p in RECIPES if "accelerate launch" in p.read_text()])
def test_a_launched_recipe_names_a_launcher_that_is_there(path: Path) -> None:
    named = re.findall(r"recipes/real/accelerate/\w+\.yaml", path.read_text(encoding="utf-8"))
    assert named
    assert all((ROOT / name).exists() for name in named)


# prepare.py -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "row", "wrong"),
    [
        pytest.param("gsm8k", GSM8K, "#### 71", id="gsm8k"),
        pytest.param("math", MATH, r"\boxed{\frac{1}{3}}", id="math"),
    ],
)
def test_the_datasets_own_solution_passes_and_another_does_not(
    prepare: ModuleType, name: str, row: dict[str, Any], wrong: str
) -> None:
    made = prepare.ORIGINS[name].read(row)
    assert [message["role"] for message in made["prompt"]] == ["system", "user"]
    asked = {"prompt": made["prompt"], "ground_truth": made["ground_truth"], "task": made["task"]}
    texts = [made["demonstration"], wrong, "I do not know."]
    with Scorer({"sources": [{"use": "math.symbolic", "workers": 1}]}) as scorer:
        said = [[{"role": "assistant", "content": text}] for text in texts]
        rewards = scorer.score([Sample(completion=answer, **asked) for answer in said])
    assert [reward.passed for reward in rewards] == [True, False, False]


def test_a_row_of_mbpp_is_what_code_tests_reads(prepare: ModuleType) -> None:
    from assay.verifiers.code.truth import read_task

    made = prepare.ORIGINS["mbpp"].read(MBPP)
    assert "assert add(1, 2) == 3" in made["prompt"][-1]["content"]
    assert read_task(made["ground_truth"]).tests.kind == "asserts"
    assert made["demonstration"].startswith("```python\ndef add")


@pytest.mark.parametrize(
    ("level", "number"), [("Level 3", 3), ("Level ?", None), (None, None)], ids=str
)
def test_levels_are_numbers_or_missing(prepare: ModuleType, level: Any, number: int | None) -> None:
    assert prepare.ORIGINS["math"].read({**MATH, "level": level})["level"] == number


def test_what_it_writes_is_what_a_recipe_reads(prepare: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "data" / "math.jsonl"
    rows = [
        {**MATH, "problem": f"What is {i} quarters?", "level": f"Level {i % 5}"} for i in range(9)
    ]
    assert prepare.write(rows, prepare.ORIGINS["math"].read, out) == 9
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 9
    content = yaml.safe_load((REAL / "math_qwen2.5-1.5b_dr_grpo_lora.yaml").read_text())
    content["data"] |= {"path": str(out), "n_train": 6, "n_eval": 3}
    recipe = TrainingRecipe.read(content)
    problems = load_problems(recipe).train
    assert all(isinstance(problem.prompt, list | tuple) for problem in problems)
    levels = measured(problems, recipe.trainer.curriculum)
    assert levels is not None
    assert set(levels) <= {0, 1, 2, 3, 4}
