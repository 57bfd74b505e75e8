"""Rubrics as data: what is refused, and with which words; the library."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.core.errors import ConfigError
from assay.rewards.rubrics.library import library, library_prompts, load_rubric
from assay.rewards.rubrics.templates import DATA_NAMES, NAMES, Prompt

ITEM: dict[str, Any] = {
    "name": "a",
    "weight": 1.0,
    "kind": "critique",
    "description": "It is good.",
}


def rubric(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    categories = {"c": {"description": "a task", "items": [*items]}}
    return {"name": "r", "version": "1", "description": "d", "categories": categories, **more}


@pytest.mark.parametrize("name", library())
def test_the_library_holds_whole_rubrics(name: str) -> None:
    found = load_rubric(name)
    assert found.name == name
    for category in found.categories.values():
        assert math.isclose(math.fsum(category.weights), 1.0)
        assert category.generate
        assert category.improve
        for item in category.items:
            assert len(item.description) > 20


def test_the_library_covers_what_it_should() -> None:
    assert set(library()) == {
        *("coding", "maths", "proofs", "instruction_following", "safety", "long_form"),
    }
    items = {item.name for item in load_rubric("coding").categories["coding"].items}
    assert items == {
        *("correctness", "valid_libraries", "completeness", "edge_cases", "best_practices"),
    }
    assert set(load_rubric("safety").categories) == {"safety_harmful", "safety_benign"}


def test_every_prompt_of_the_library_is_used_by_a_rubric() -> None:
    used = {prompt for name in library() for prompt in load_rubric(name).prompts}
    assert used == set(library_prompts())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"weight": 0.9}, "add up to one, got 0.9 (a 0.9)", id="weights"),
        pytest.param({"weight": -1}, "greater than or equal to 0", id="negative-weight"),
        pytest.param({"weight": float("nan")}, "weight", id="nan-weight"),
        pytest.param({"kind": "magic"}, "'verifiable', 'critique' or 'source'", id="kind"),
        pytest.param({"kind": "source"}, "go together", id="source-without-source"),
        pytest.param({"source": {"use": "math.exact"}}, "go together", id="source-of-a-critique"),
        pytest.param(
            {"kind": "source", "source": {"use": "math.exact", "weight": 2}},
            "source takes no ['weight']",
            id="weight-of-a-source",
        ),
        pytest.param(
            {"kind": "source", "source": "math.exact", "anchors": {0: "bad"}},
            "a source scores it",
            id="anchors-of-a-source",
        ),
        pytest.param(
            {"atoms": [{"name": "x", "share": 0.5, "description": "d"}]},
            "residual",
            id="no-residual",
        ),
        pytest.param({"residual": 0.5}, "atoms and residual go together", id="no-atoms"),
        pytest.param(
            {"atoms": [{"name": "x", "share": 0.5, "description": "d"}], "residual": 0.4},
            "add up to one, got 0.9",
            id="shares",
        ),
        pytest.param(
            {"atoms": [{"name": "x", "share": 0.5, "description": "d"}] * 2, "residual": 0.0},
            "'x' is there twice",
            id="atoms-twice",
        ),
        pytest.param({"anchors": {2.0: "best"}}, "scores in [0, 1], got [2.0]", id="anchors"),
        pytest.param(
            {"prompts": {"score": "scor"}}, "no prompt 'scor'; did you mean 'score'", id="prompt"
        ),
        pytest.param(
            {"prompts": {"score": "critique"}}, "is for a critique, and a score", id="purpose"
        ),
        pytest.param({"wieght": 1}, "did you mean 'weight'", id="typo"),
        pytest.param({"extensions": {"veto": {"below": 2}}}, "less than or equal to 1", id="veto"),
        pytest.param({"name": "Best Practices"}, "pattern", id="name"),
    ],
)
def test_what_breaks_a_rule_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rubric(rubric({**ITEM, **change}))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param("codding", "did you mean 'coding'", id="name"),
        pytest.param("nowhere.yaml", "cannot be read", id="path"),
        pytest.param(7, "a name, a path, a mapping", id="number"),
        pytest.param([], "a name, a path, a mapping", id="nothing"),
        pytest.param(["coding", "coding"], "'coding' is there already", id="twice"),
        pytest.param(rubric(), "1 to 64 items, got 0", id="no-items"),
        pytest.param(
            rubric({**ITEM, "weight": 0.5}, {**ITEM, "weight": 0.5}), "there twice", id="same-item"
        ),
        pytest.param(
            rubric(ITEM, prompts={"mine": library_prompts()["score"]}),
            "nothing uses ['mine']",
            id="unused",
        ),
    ],
)
def test_what_is_no_rubric_is_refused(spec: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rubric(spec)
    assert words in str(caught.value)


def test_a_file_is_read_and_its_digest_follows_its_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    data = rubric(copy.deepcopy(ITEM))
    path.write_text(yaml.safe_dump(data))
    first = load_rubric(str(path))
    assert first.digest == load_rubric(data).digest
    data["categories"]["c"]["items"][0]["description"] = "It is better."
    assert load_rubric(data).digest != first.digest


def test_a_prompt_of_ones_own_takes_the_library_s_place() -> None:
    own = {**library_prompts()["score"], "version": "mine", "user": "{{ answer }}"}
    found = load_rubric(rubric(ITEM, prompts={"score": own}))
    assert found.prompts["score"].version == "mine"
    assert found.digest != load_rubric(rubric(ITEM)).digest


def prompt(user: str, system: str = "Judge.") -> Prompt:
    return Prompt(version="1", purpose="score", system=system, user=user)


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("{{ answer.__class__ }}", id="attribute"),
        pytest.param("{{ answer['x'] }}", id="subscript"),
        pytest.param("{{ answer() }}", id="call"),
        pytest.param("{{ answer * 1000000000 }}", id="arithmetic"),
        pytest.param("{{ answer ~ answer }}", id="join"),
        pytest.param("{{ answer | attr('x') }}", id="filter-attr"),
        pytest.param("{{ answer | upper }}", id="filter"),
        pytest.param("{{ answer is defined }}", id="test"),
        pytest.param("{% for x in answer %}{{ answer }}{% endfor %}", id="loop"),
        pytest.param("{% set x = answer %}{{ answer }}", id="set"),
        pytest.param("{% macro m() %}{% endmacro %}{{ answer }}", id="macro"),
        pytest.param("{% include 'x' %}{{ answer }}", id="include"),
        pytest.param("{% import 'x' as y %}{{ answer }}", id="import"),
        pytest.param("{% extends 'x' %}{{ answer }}", id="extends"),
        pytest.param("{{ answer }}{{ cycler }}", id="global"),
        pytest.param("{{ answer }}{{ self }}", id="self"),
        pytest.param("{{ answer }}{{ qestion }}", id="typo"),
        pytest.param("{{ answer }}{% if", id="syntax"),
        pytest.param("{{ question }}", id="no-answer"),
    ],
)
def test_a_template_can_only_show_and_choose(user: str) -> None:
    with pytest.raises(ValueError, match=r"user"):
        prompt(user)


@pytest.mark.parametrize("name", DATA_NAMES)
def test_what_others_wrote_is_no_part_of_the_orders(name: str) -> None:
    with pytest.raises(ValueError, match="what others wrote is data"):
        prompt("{{ answer }}", system=f"Judge {{{{ {name} }}}}")


def test_values_are_put_in_once() -> None:
    values = {"answer": "{{ reference }}{% if %}{{ answer }}", "reference": "secret"}
    _, user = prompt("A: {{ answer | trim }}{% if not critique and item %}!{% endif %}").render(
        values
    )
    assert user == "A: {{ reference }}{% if %}{{ answer }}"
    assert set(values) <= set(NAMES)
