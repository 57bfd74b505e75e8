"""Comparisons: what is read, what is refused and why, and which pairs are in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.core.errors import ConfigError, DataError
from assay.trainer.config import TrainingRecipe
from assay.trainer.reward_model.config import RewardModelConfig
from assay.trainer.reward_model.rows import Comparison, comparison_of, load_split, pairs_of

CHAT = [{"role": "user", "content": "2+2?"}]
SAID = [{"role": "assistant", "content": "4"}]
WRONG = [{"role": "assistant", "content": "5"}]


@pytest.mark.parametrize(
    ("loss", "row", "completions", "worth"),
    [
        pytest.param(
            "bradley_terry",
            {"prompt": "q", "chosen": "a", "rejected": "b"},
            ("a", "b"),
            (1, 0),
            id="pair",
        ),
        pytest.param(
            "bradley_terry",
            {"prompt": CHAT, "chosen": SAID, "rejected": WRONG},
            (SAID, WRONG),
            (1, 0),
            id="messages",
        ),
        pytest.param(
            "bradley_terry",
            {"chosen": CHAT + SAID, "rejected": CHAT + WRONG},
            (CHAT + SAID, CHAT + WRONG),
            (1, 0),
            id="whole-conversations",
        ),
        pytest.param(
            "plackett_luce",
            {"prompt": "q", "completions": ["a", "b", "c"]},
            ("a", "b", "c"),
            (0, -1, -2),
            id="best-first",
        ),
        pytest.param(
            "bradley_terry",
            {"prompt": "q", "completions": ["a", "b", "c"], "ranks": [2, 1, 1]},
            ("b", "c", "a"),
            (-1, -1, -2),
            id="ranks-with-a-tie",
        ),
        pytest.param(
            "regression",
            {"prompt": "q", "completion": "a", "rating": 4},
            ("a",),
            (4.0,),
            id="rating",
        ),
    ],
)
def test_rows_are_read(loss: Any, row: Any, completions: Any, worth: Any) -> None:
    read = comparison_of(
        row | {"rater": "ann", "subset": "hard"}, RewardModelConfig(loss=loss), "row 1"
    )
    assert (read.completions, read.worth) == (completions, worth)
    assert (read.rater, read.subset) == ("ann", "hard")


@pytest.mark.parametrize(
    ("loss", "row", "words"),
    [
        pytest.param(
            "bradley_terry", {"prompt": "q", "chosen": "a", "rejected": "a"}, "equal", id="equal"
        ),
        pytest.param(
            "bradley_terry",
            {"prompt": "q", "completion": "a", "rating": 1},
            "learns from chosen and rejected.*completion, prompt, rating",
            id="ratings-as-pairs",
        ),
        pytest.param(
            "regression",
            {"prompt": "q", "chosen": "a", "rejected": "b"},
            "completion and rating",
            id="pairs-as-ratings",
        ),
        pytest.param(
            "regression",
            {"prompt": "q", "completion": "a", "rating": "good"},
            "'rating'.*'good'",
            id="rating-in-words",
        ),
        pytest.param(
            "bradley_terry",
            {"prompt": "q", "chosen": "a", "rejected": "b", "margin": float("nan")},
            "'margin'",
            id="nan",
        ),
        pytest.param(
            "bradley_terry", {"prompt": 7, "chosen": "a", "rejected": "b"}, "'prompt'", id="number"
        ),
        pytest.param(
            "plackett_luce", {"prompt": "q", "completions": ["a"]}, "two answers", id="one"
        ),
        pytest.param("plackett_luce", {"prompt": "q", "completions": "ab"}, "list", id="no-list"),
        pytest.param(
            "plackett_luce",
            {"prompt": "q", "completions": ["a", "b", "c"], "ranks": [1, 2]},
            "as many ranks",
            id="ranks-missing",
        ),
        pytest.param(
            "plackett_luce",
            {"prompt": "q", "completions": ["a", "b", "c"], "ranks": [1, 1, 2]},
            "plackett_luce does not have",
            id="tie",
        ),
        pytest.param(
            "bradley_terry",
            {"prompt": "q", "completions": ["a", "b"], "ranks": [1, 1]},
            "equal ranks",
            id="all-tied",
        ),
    ],
)
def test_rows_are_refused(loss: Any, row: Any, words: str) -> None:
    with pytest.raises(DataError, match=rf"^row 3: .*{words}"):
        comparison_of(row, RewardModelConfig(loss=loss), "row 3")


def test_no_prompt_is_on_both_sides(small: Any, write: Callable[..., Any]) -> None:
    rows = [
        {"prompt": f"q{n % 10}", "chosen": f"a{n}", "rejected": f"b{n}", "margin": 1.0}
        for n in range(40)
    ]
    data = {"path": str(write(rows)), "n_train": 100, "n_eval": 6}
    split = load_split(TrainingRecipe.read(small(data)))
    assert len(split.held_out) == 6
    assert not {r.prompt for r in split.train} & {r.prompt for r in split.held_out}
    assert len(split.train) == 32, "the rest of a prompt that is held out is not learned from"
    again = load_split(TrainingRecipe.read(small(data | {"n_train": 5})))
    assert again.held_out == split.held_out


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param([{"prompt": "q", "chosen": "a", "rejected": "b"}] * 9, "too few", id="one"),
        pytest.param(
            [
                {"prompt": f"{n}", "chosen": "a", "rejected": "b", "margin": m}
                for n, m in enumerate([1.0, None, 2.0])
            ],
            "some have none",
            id="margins",
        ),
    ],
)
def test_files_are_refused(small: Any, write: Callable[..., Any], rows: Any, words: str) -> None:
    data = {"path": str(write(rows)), "n_train": 10, "n_eval": 1}
    with pytest.raises((ConfigError, DataError), match=words):
        load_split(TrainingRecipe.read(small(data)))


def test_the_world_knows_its_truth(small: Any) -> None:
    from assay.rewards.models.world import worth

    recipe = small({"task": {"use": "preferences.letters"}, "n_train": 500, "n_eval": 2000})
    rows = load_split(TrainingRecipe.read(recipe)).held_out
    right = sum(worth(r.completions[0]) > worth(r.completions[1]) for r in rows) / len(rows)
    assert 0.75 < right < 0.81, "one in ten labels is turned over, and raters err by their law"
    assert {row.subset for row in rows} == {"clear", "close"}
    assert len({row.rater for row in rows}) == 4


def test_pairs_in_rankings_and_between_ratings() -> None:
    three = Comparison(prompt="q", completions=("a", "b", "c"), worth=(0, -1, -1))
    found = {(d.better, d.worse) for d in pairs_of([three])}
    assert found == {((0, 0), (0, 1)), ((0, 0), (0, 2))}
    rated = [
        Comparison(prompt=p, completions=(c,), worth=(w,))
        for p, c, w in [("q", "a", 1.0), ("r", "b", 5.0), ("q", "c", 3.0)]
    ]
    assert [(d.better, d.worse) for d in pairs_of(rated)] == [((2, 0), (0, 0))]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"sources": ["math.exact"]}, "asks none", id="sources"),
        pytest.param({"model": {"warm_start": {"steps": 3}}}, "warm_start", id="warm-start"),
        pytest.param({"trainer": {"algorithm": "grpo"}}, "grpo needs at least one", id="none"),
    ],
)
def test_recipes_are_refused(small: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TrainingRecipe.read(small() | more)
