"""Problems and demonstrations: distinct, disjoint, repeatable, and right."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError, DataError
from assay.core.scorer import Scorer
from assay.core.types import Sample
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import dataset_of, demonstrations, load_problems
from assay.verifiers.math.arithmetic import arithmetic, demonstration


def recipe_of(micro: dict[str, Any], **data: Any) -> TrainingRecipe:
    return TrainingRecipe.read(micro | {"data": data})


def of_task(micro: dict[str, Any], **data: Any) -> TrainingRecipe:
    return recipe_of(micro, task={"use": "math.arithmetic", "operands": 3}, **data)


def prompts(samples: list[Sample]) -> list[Any]:
    return [sample.prompt for sample in samples]


def test_no_prompt_is_in_both_sets_or_demonstrated_from_the_held_out_one(micro: Any) -> None:
    recipe = of_task(micro, n_train=800, n_eval=300)
    problems = load_problems(recipe)
    held_out, trained = set(prompts(problems.held_out)), set(prompts(problems.train))
    shown = {prompt for prompt, _ in itertools.islice(demonstrations(recipe, problems), 5000)}
    assert (len(held_out), len(trained)) == (300, 800)
    assert not held_out & trained
    assert not held_out & shown
    assert shown & trained


def test_held_out_problems_do_not_depend_on_the_training_set(micro: Any) -> None:
    few, many = (load_problems(of_task(micro, n_train=n, n_eval=50)) for n in (10, 500))
    assert few.held_out == many.held_out
    assert few.train == many.train[:10]


def test_examples_bounds_the_distinct_demonstrations(micro: Any) -> None:
    micro["model"]["warm_start"]["examples"] = 7
    recipe = of_task(micro, n_train=10, n_eval=5)
    pairs = list(itertools.islice(demonstrations(recipe, load_problems(recipe)), 21))
    assert len(set(pairs)) == 7
    assert all(pairs.count(pair) == 3 for pair in pairs)


def test_too_many_problems_are_refused(micro: Any) -> None:
    with pytest.raises(ConfigError, match="ask for fewer, or widen its settings"):
        load_problems(
            recipe_of(micro, task={"use": "math.arithmetic", "operands": 2, "largest": 2})
        )


def test_an_unknown_task_is_refused(micro: Any) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'math\.arithmetic'"):
        load_problems(recipe_of(micro, task="math.aritmetic"))


def test_task_settings_are_checked(micro: Any) -> None:
    with pytest.raises(ConfigError, match=r"operand.*did you mean 'operands'"):
        load_problems(recipe_of(micro, task={"use": "math.arithmetic", "operand": 2}))


def test_ground_truths_with_different_keys_stay_as_they_are() -> None:
    problems = [
        Sample(prompt="a", ground_truth={"A": "knight"}, extra={"people": 1, "demonstration": "x"}),
        Sample(prompt="b", ground_truth={"B": "knave"}, extra={"options": ["1"], "prompt": "no"}),
    ]
    rows = list(dataset_of(problems))
    assert [row["ground_truth"] for row in rows] == [{"A": "knight"}, {"B": "knave"}]
    assert [row["prompt"] for row in rows] == ["a", "b"]
    assert [row["people"] for row in rows] == [1, None]
    assert [row["options"] for row in rows] == [None, ["1"]]
    assert all("demonstration" not in row for row in rows)


ROWS = [
    {"question": f"{i}+{i}?", "answer": 2 * i, "demonstration": f"it is {2 * i}"} for i in range(9)
]


@pytest.fixture
def jsonl(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


def test_a_file_is_read_by_usual_column_names(micro: Any, jsonl: str) -> None:
    recipe = recipe_of(micro, path=jsonl, n_train=6, n_eval=3)
    problems = load_problems(recipe)
    both = problems.train + problems.held_out
    assert sorted(prompts(both)) == [row["question"] for row in ROWS]
    assert all(
        sample.prompt == f"{sample.ground_truth // 2}+{sample.ground_truth // 2}?"
        for sample in both
    )
    pairs = list(itertools.islice(demonstrations(recipe, problems), 6))
    assert sorted(prompt for prompt, _ in pairs) == sorted(prompts(problems.train))


def test_a_saved_dataset_with_named_columns(micro: Any, tmp_path: Path) -> None:
    import datasets

    rows = [{"ask": f"q{i}", "gold": i} for i in range(5)]
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    columns = {"prompt": "ask", "ground_truth": "gold"}
    data = {"path": str(tmp_path / "saved"), "columns": columns, "n_train": 3, "n_eval": 2}
    problems = load_problems(recipe_of(micro, **data))
    assert {s.prompt: s.ground_truth for s in problems.train + problems.held_out} == {
        row["ask"]: row["gold"] for row in rows
    }


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"columns": {"prompt": "ask"}}, ConfigError, r"\['ask'\] not found.*'question'"),
        ({"path": "absent.jsonl"}, DataError, "absent.jsonl: cannot be read"),
        ({"n_train": 50}, ConfigError, "only"),
    ],
    ids=["column", "file", "too-few"],
)
def test_unreadable_data(micro: Any, jsonl: str, data: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        load_problems(recipe_of(micro, **({"path": jsonl, "n_eval": 2} | data)))


def test_a_warm_start_without_demonstrations_is_refused(micro: Any, tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{i}", "answer": i}) + "\n" for i in range(4)))
    recipe = recipe_of(micro, path=str(path), n_train=2, n_eval=2)
    with pytest.raises(ConfigError, match="the data has no demonstrations"):
        next(demonstrations(recipe, load_problems(recipe)))


# the task ---------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 999),
    operands=st.integers(2, 6),
    bounds=st.tuples(st.integers(-20, 0), st.integers(9, 40)),
)
def test_arithmetic_is_right_and_within_its_bounds(seed: int, operands: int, bounds: Any) -> None:
    lowest, highest = bounds
    settings = {"operands": operands, "lowest": lowest, "highest": highest}
    for sample in itertools.islice(arithmetic.stream(seed, settings), 5):
        terms = [int(term) for term in re.findall(r"[+-]?\d+", str(sample.prompt))]
        assert str(sum(terms)) == sample.ground_truth
        totals = list(itertools.accumulate(terms))
        assert len(terms) == operands
        assert all(lowest <= total <= highest for total in totals[1:])


@pytest.mark.parametrize(
    ("careless", "text"),
    [
        (False, "<think>3-8=-5,-5+4=-1</think><answer>-1</answer>"),
        (True, "<think>3-8=5,5+4=9</think><answer>9</answer>"),
    ],
    ids=["careful", "careless"],
)
def test_demonstrations(careless: bool, text: str) -> None:
    assert demonstration([3, -8, 4], careless=careless) == text


def test_a_careful_teacher_is_always_right_and_a_careless_one_is_not() -> None:
    recipe = {
        "sources": ["math.exact", {"use": "format.think_answer", "scores": "zero_one"}],
        "compose": "min",
    }
    rates = {}
    for careless in (0.0, 1.0):
        settings = {"lowest": -9, "highest": 9, "careless": careless}
        problems = list(itertools.islice(arithmetic.stream(0, settings), 300))
        shown = [
            Sample(
                prompt=p.prompt, completion=p.extra["demonstration"], ground_truth=p.ground_truth
            )
            for p in problems
        ]
        with Scorer(recipe) as scorer:
            rewards = scorer.score(shown)
        rates[careless] = sum(bool(reward.passed) for reward in rewards) / 300
        assert all(r.verdicts["format.think_answer"].passed for r in rewards)
    assert rates[0.0] == 1.0
    assert 0.3 < rates[1.0] < 0.6


def test_a_careful_teacher_may_take_the_terms_in_any_order() -> None:
    settings = {"lowest": -9, "highest": 9}
    plain = list(itertools.islice(arithmetic.stream(0, {**settings, "any_order": False}), 200))
    assert plain == list(itertools.islice(arithmetic.stream(0, settings), 200))
    for careless in (0.0, 1.0):
        mixed = {**settings, "any_order": True, "careless": careless}
        problems = list(itertools.islice(arithmetic.stream(0, mixed), 200))
        first = [str(p.prompt).startswith(p.extra["demonstration"][7:10]) for p in problems]
        with Scorer("math.exact") as scorer:
            rewards = scorer.score(
                [
                    Sample(
                        prompt=p.prompt,
                        completion=p.extra["demonstration"],
                        ground_truth=p.ground_truth,
                    )
                    for p in problems
                ]
            )
        if careless:
            assert all(first), "the careless one works from left to right"
        else:
            assert 0.1 < sum(first) / 200 < 0.5
            assert all(reward.passed for reward in rewards)


@pytest.mark.parametrize(
    "settings",
    [{"smallest": 5, "largest": 2}, {"operators": "*"}, {"operators": "++"}, {"operands": 1}],
    ids="-".join,
)
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"task math\.arithmetic"):
        arithmetic.stream(0, settings)


def test_bounds_that_no_chain_meets() -> None:
    with pytest.raises(ValueError, match="widen"):
        next(arithmetic.stream(0, {"lowest": 100, "highest": 101}))
