"""The training sections: what they refuse, and what they cost to import."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ConfigError
from assay.core.recipe import Recipe, load_yaml
from assay.trainer.config import TrainingRecipe, training_schema

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    ("section", "given", "message"),
    [
        pytest.param("trainer", {"max_step": 3}, "recipe.trainer.max_step.*'max_steps'", id="key"),
        pytest.param("model", {"tiny": {"layer": 3}}, "did you mean 'layers'", id="deep-key"),
        pytest.param("trainer", {"max_steps": 0}, "greater than or equal to 1, got 0", id="range"),
        pytest.param("trainer", {"algorithm": "ppo2"}, "'grpo'", id="algorithm"),
        pytest.param("trainer", {"trl": {"beta": 0.1}}, "set them there", id="named-twice"),
        pytest.param("trainer", {"num_generations": 1}, "needs at least 2, got 1", id="no-group"),
        pytest.param("model", {"path": "builtin:small"}, "builtin:tiny", id="builtin"),
        pytest.param("model", {"tiny": {"hidden": 30}}, "multiple of", id="heads"),
        pytest.param("data", {"path": "x.jsonl"}, "exactly one of task and path", id="two-sources"),
        pytest.param("data", {"columns": {"truth": "a"}}, "no fields of a Sample", id="column"),
        pytest.param("evaluation", {"temperature": 0}, "greater than 0", id="temperature"),
    ],
)
def test_refused(micro: dict[str, Any], section: str, given: dict[str, Any], message: str) -> None:
    recipe = copy.deepcopy(micro)
    recipe[section] = recipe.get(section, {}) | given
    with pytest.raises(ConfigError, match=message):
        TrainingRecipe.read(recipe)


def test_data_is_asked_for(micro: dict[str, Any]) -> None:
    del micro["data"]
    with pytest.raises(ConfigError, match=r"recipe\.data: field required"):
        TrainingRecipe.read(micro)


def test_a_plain_recipe_with_sections_can_be_trained(micro: dict[str, Any]) -> None:
    read = TrainingRecipe.read(Recipe.read(micro))
    assert read.trainer.max_steps == 2
    assert read == TrainingRecipe.read(read)


def test_the_scoring_part_has_no_training_sections(micro: dict[str, Any]) -> None:
    scoring = TrainingRecipe.read(micro).scoring()
    assert type(scoring) is Recipe
    assert scoring.passed_by == ("math.exact",)
    assert scoring.sources[1].settings == {"scores": "zero_one"}
    assert scoring.model is scoring.data is scoring.trainer is None


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_that_train_read_back_as_they_are_written(path: Path) -> None:
    if load_yaml(path).get("trainer") is None:
        pytest.skip("scores only")
    read = TrainingRecipe.read(path)
    assert TrainingRecipe.read(read.model_dump(mode="json", by_alias=True)) == read
    assert read.data.n_eval >= 200


@pytest.mark.parametrize(
    ("written", "read"),
    [("REINFORCE++", "reinforce_pp"), ("Dr-GRPO", "dr_grpo"), ("expert iteration", None), (3, "")],
)
def test_an_algorithm_may_be_written_as_elsewhere(
    micro: dict[str, Any], written: Any, read: str | None
) -> None:
    recipe = copy.deepcopy(micro)
    recipe["trainer"]["algorithm"] = written
    if read == "":
        with pytest.raises(ConfigError, match="algorithm"):
            TrainingRecipe.read(recipe)
    else:
        expected = read or "expert_iteration"
        assert TrainingRecipe.read(recipe).trainer.algorithm == expected


def test_the_schema_knows_the_sections() -> None:
    properties = training_schema()["$defs"]["TrainerConfig"]["properties"]
    assert "group" in properties["num_generations"]["description"]


@pytest.mark.parametrize("module", ["config", "run", "data", "evaluate", "tiny"])
def test_import_is_light(module: str) -> None:
    code = (
        f"import assay.trainer.{module}, sys; sys.exit(bool({{'torch', 'trl'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
