"""Scores weighted by the probabilities of their levels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.rewards.judges.contract import JudgeReplyError, Reply, Scale, TokenChoice
from assay.rewards.judges.expected import check_levels, expected_score

FIVE = Scale(levels=(1, 2, 3, 4, 5))


def reply(share: dict[str, float], said: str = "4", comma: str = ", ") -> Reply:
    """A reply whose score token had these probabilities."""
    top = {token: math.log(p) for token, p in share.items() if p > 0}
    pieces = ['{"reasoning":', ' "it says', ' 5"', ', "score', '":', " "]
    tokens = [TokenChoice(token=piece, top={piece: 0.0}) for piece in pieces]
    tokens.append(TokenChoice(token=said, top=top))
    tokens += [
        TokenChoice(token=piece, top={piece: 0.0}) for piece in [comma, '"confidence":', " 1}"]
    ]
    return Reply(
        text="".join(choice.token for choice in tokens),
        tokens_in=1,
        tokens_out=9,
        money=0.0,
        seconds=0.0,
        cached=False,
        finish="stop",
        top_logprobs=tuple(tokens),
    )


@pytest.mark.parametrize(
    ("share", "score", "confidence"),
    [
        # tau of the levels 1..5: 0, 1/4, 1/2, 3/4, 1
        pytest.param({"4": 1.0}, 0.75, 1.0, id="sure"),
        pytest.param({"4": 0.5, "5": 0.5}, 0.875, 1 - 4 * 0.015625, id="between-two"),
        pytest.param({"1": 0.5, "5": 0.5}, 0.5, 0.0, id="torn"),
        pytest.param({"4": 0.5, "5": 0.25, "x": 0.25}, 0.75 + 0.25 / 3, None, id="scaled-to-one"),
        pytest.param({"4": 0.5, " 4": 0.5}, 0.75, 1.0, id="with-a-blank"),
        pytest.param({"4": 0.9, "9": 0.1}, 0.75, 1.0, id="level-not-offered"),
    ],
)
def test_the_mean_over_levels(
    share: dict[str, float], score: float, confidence: float | None
) -> None:
    got = expected_score(reply(share), FIVE)
    assert got.score == pytest.approx(score, abs=1e-12)
    if confidence is not None:
        assert got.confidence == pytest.approx(confidence, abs=1e-12)


@given(st.lists(st.floats(0.001, 1.0), min_size=5, max_size=5))
def test_it_lies_in_the_scale(weights: list[float]) -> None:
    total = sum(weights)
    share = {str(i + 1): weight / total for i, weight in enumerate(weights)}
    got = expected_score(reply(share), FIVE)
    naive = sum(weight / total * i / 4 for i, weight in enumerate(weights))
    assert got.score == pytest.approx(naive, abs=1e-9)
    assert 0 <= got.confidence <= 1


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        pytest.param(replace(reply({"4": 1.0}), top_logprobs=None), "no probab", id="none-given"),
        pytest.param(reply({"4": 0.2, "x": 0.8}), "hold 0.200", id="not-about-levels"),
        pytest.param(reply({"4,": 1.0}, "4,", " "), "not one token", id="several-characters"),
        pytest.param(replace(reply({"4": 1.0}), text="4"), "no JSON object", id="not-a-score"),
        pytest.param(replace(reply({"4": 1.0}), finish="length"), "max_tokens", id="cut-off"),
    ],
)
def test_no_place_for_probabilities_is_an_error(broken: Reply, why: str) -> None:
    with pytest.raises(JudgeReplyError, match=why):
        expected_score(broken, FIVE)


@pytest.mark.parametrize(
    "scale", [Scale(), Scale(levels=tuple(range(11))), Scale(levels=(0, 0.5, 1))]
)
def test_levels_must_be_one_digit(scale: Scale) -> None:
    with pytest.raises(ConfigError, match="one digit"):
        check_levels(scale)
