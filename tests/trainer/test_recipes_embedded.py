"""The recipes that need no download: each is read, and TRL and the sources take its settings.

Not covered: that a model learns from them, which takes minutes each.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from assay import Scorer
from assay.core.errors import ConfigError
from assay.trainer.config import Algorithm, TrainingRecipe
from assay.trainer.data import load_problems
from assay.trainer.learn import check_algorithm, kind_of
from assay.trainer.reward_model.rows import load_split

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))

pytestmark = pytest.mark.filterwarnings(  # TRL 1.16 sets what transformers 5 calls deprecated
    "ignore:.*gradient_checkpointing:FutureWarning"
)
by_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


def test_every_algorithm_has_a_recipe() -> None:
    used = {TrainingRecipe.read(path).trainer.algorithm for path in RECIPES}
    assert set(get_args(Algorithm)) - used == {"online_ipo"}
    [near] = [path for path in RECIPES if path.stem == "online_dpo"]
    assert "algorithm: online_ipo" in near.read_text(encoding="utf-8")


@by_recipe
def test_the_trainer_takes_its_settings(path: Path, tmp_path: Path) -> None:
    recipe = TrainingRecipe.read(path)
    arguments = check_algorithm(recipe, tmp_path)
    if kind_of(recipe) != "online":
        assert arguments is None
        return
    assert arguments.num_generations == recipe.trainer.num_generations
    assert arguments.max_steps == recipe.trainer.max_steps
    assert arguments.output_dir.startswith(str(tmp_path))


@by_recipe
def test_what_trl_does_not_know_is_refused(path: Path, tmp_path: Path) -> None:
    recipe = TrainingRecipe.read(path)
    content = recipe.model_dump(mode="json", by_alias=True, exclude_unset=True)
    content["trainer"]["trl"] = {"learning_rat": 1.0}
    with pytest.raises(ConfigError, match=r"trainer\.trl: unknown key 'learning_rat'"):
        check_algorithm(TrainingRecipe.read(content), tmp_path)


@by_recipe
def test_its_sources_and_its_task_are_there(path: Path) -> None:
    recipe = TrainingRecipe.read(path)
    if recipe.trainer.algorithm == "reward_model":
        read = load_split(recipe)
        assert (len(read.train), len(read.held_out)) == (recipe.data.n_train, recipe.data.n_eval)
        return
    with Scorer(recipe.scoring()) as scorer:
        assert set(scorer.names) == {entry.name for entry in recipe.sources}
    problems = load_problems(recipe)
    assert (len(problems.train), len(problems.held_out)) == (
        recipe.data.n_train,
        recipe.data.n_eval,
    )


@by_recipe
def test_it_says_how_to_start_it(path: Path) -> None:
    command = f"#     assay train recipes/{path.name} --out runs/{path.stem}"
    assert command in path.read_text(encoding="utf-8").splitlines()
    assert TrainingRecipe.read(path).name == path.stem
