"""logic.knights_knaves: puzzles have one solution, and only that one is paid."""

from __future__ import annotations

import itertools
import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.tasks import take_distinct
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.logic import grade_knights_knaves, knights_knaves, wording
from assay.verifiers.logic.statements import (
    OPERATORS,
    Is,
    Join,
    Not,
    Same,
    Statement,
    random_statement,
    solutions,
    table,
)
from assay.verifiers.logic.wording import COMPACT, PROSE

TRUTH = {"Zoey": "knave", "Oliver": "knight"}


def judge(completion: str, truth: Any = TRUTH, **options: Any) -> Verdict:
    sample = Sample(completion=completion, ground_truth=truth)
    verdict = grade_knights_knaves.open(options)(sample)
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("completion", "truth"),
    [
        pytest.param("Zoey is a knave, Oliver is a knight", TRUTH, id="asked-form"),
        pytest.param("oliver is a Knight.\nZOEY is a KNAVE.", TRUTH, id="order-and-case"),
        pytest.param("Zoey: knave\nOliver: **knight**", TRUTH, id="colons"),
        pytest.param("Zoey is not a knight; Oliver is not a knave", TRUTH, id="negated"),
        pytest.param(
            "Suppose Zoey is a knight.\n<answer>Zoey is a knave, Oliver is a knight</answer>",
            TRUTH, id="answer-tag",
        ),
        pytest.param(
            "Suppose Zoey is a knight. Conclusion: Zoey is a knave, Oliver is a knight", TRUTH,
            id="conclusion",
        ),
        pytest.param(r"so \boxed{A=k, B=v}", {"A": "knight", "B": "knave"}, id="box"),
        pytest.param("A=k B=v", {"A": "knight", "B": "knave"}, id="compact"),
    ],
)  # fmt: skip
def test_right(completion: str, truth: dict[str, str]) -> None:
    verdict = judge(completion, truth)
    assert (verdict.score, verdict.passed) == (1.0, True), verdict
    assert verdict.parts == dict.fromkeys(truth, 1.0)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        pytest.param("", "no kind", id="empty"),
        pytest.param("Zoey is a knave", "no kind is given for Oliver", id="one-missing"),
        pytest.param("Zoey is a knight, Oliver is a knight", "wrong: Zoey", id="one-wrong"),
        pytest.param(
            "Zoey is a knave, Zoey is a knight, Oliver is a knight",
            "more than one",
            id="contradiction",
        ),
        pytest.param(
            "Zoey is a knave, Zoey is a knave, Oliver is a knight", "more than", id="twice"
        ),
        pytest.param("Zoey is a knight or a knave", "no kind is given for Oliver", id="either"),
        pytest.param("Zoey is a knave, Olivera is a knight", "no kind", id="another-name"),
        pytest.param("Oliver and Zoey are knights", "no kind", id="grouped"),
        pytest.param("knave knight", "no kind", id="no-names"),
    ],
)
def test_wrong(completion: str, reason: str) -> None:
    verdict = judge(completion)
    assert (verdict.score, verdict.passed) == (0.0, False), verdict
    assert reason in verdict.reason


def test_partial_credit_is_asked_for() -> None:
    half = "Zoey is a knight, Oliver is a knight"
    assert judge(half).score == 0.0
    verdict = judge(half, partial=True)
    assert (verdict.score, verdict.passed) == (0.5, False)
    assert verdict.parts == {"Zoey": 0.0, "Oliver": 1.0}


@pytest.mark.parametrize(
    "truth",
    [None, {}, "Zoey is a knave", {"Zoey": "liar"}, {"": "knave"}, {"A": "knave", "a": "knave"}, 5],
)
def test_bad_reference(truth: Any) -> None:
    assert judge("Zoey is a knave", truth).status is Status.BAD_REFERENCE


def holds(statement: Statement, kinds: tuple[bool, ...]) -> bool:
    """A second, plain reading of statements, to check the truth tables against."""
    match statement:
        case Is(who, knight):
            return kinds[who] == knight
        case Same(one, other):
            return kinds[one] == kinds[other]
        case Not(what):
            return not holds(what, kinds)
        case Join(operator, left, right):
            a, b = holds(left, kinds), holds(right, kinds)
            return {"and": a and b, "or": a or b, "implies": not a or b, "iff": a == b}[operator]


@given(st.randoms(use_true_random=False), st.integers(2, 5), st.integers(0, 4))
def test_truth_tables_agree_with_plain_evaluation(
    rng: random.Random, people: int, operators: int
) -> None:
    statement = random_statement(rng, people, operators, OPERATORS)
    truth = table(statement, people)
    for number in range(1 << people):
        kinds = tuple(bool(number >> who & 1) for who in range(people))
        assert bool(truth >> number & 1) is holds(statement, kinds)


def test_the_tutorials_example_has_its_solution() -> None:
    zoey, oliver = 0, 1
    said = [Not(Is(oliver, True)), Join("iff", Is(oliver, True), Is(zoey, False))]
    assert solutions(said) == [1 << oliver]


@pytest.mark.parametrize(
    ("options", "people"),
    [
        pytest.param({}, range(2, 9), id="defaults"),
        pytest.param(
            {"style": "compact", "max_people": 3, "max_operators": 1}, range(2, 4), id="small"
        ),
        pytest.param({"min_people": 8}, range(8, 9), id="eight"),
        pytest.param(
            {"operators": ["same"], "max_operators": 1, "min_operators": 0}, range(2, 9), id="same"
        ),
    ],
)
def test_every_problem_has_one_solution_and_its_demonstration_is_right(
    options: dict[str, Any], people: range
) -> None:
    problems = list(itertools.islice(knights_knaves.stream(7, options), 25))
    for problem in problems:
        assert len(problem.ground_truth) in people
        shown = replace(problem, completion=problem.extra["demonstration"])
        assert judge(shown.view("answer").text, problem.ground_truth).passed
    assert all(problem.task == "logic" for problem in problems)


def brute_force(prompt: str) -> list[dict[str, str]]:
    """All solutions of a compact prompt, by evaluating its text: independent of the generator."""
    said = dict(part.split(":", 1) for part in prompt.removesuffix("?").split(";"))
    found = []
    for kinds in itertools.product((True, False), repeat=len(said)):
        names = dict(zip(said, kinds, strict=True))
        scope = {**names, "k": True, "v": False}
        if all(eval_compact(text, scope) == names[who] for who, text in said.items()):
            found.append({n: "knight" if k else "knave" for n, k in names.items()})
    return found


def eval_compact(text: str, scope: dict[str, bool]) -> bool:
    """A recursive-descent reader of the documented notation."""
    tokens = re.findall(r"!=|[A-Hkv=!&|>~()]", text)

    def side() -> bool:
        token = tokens.pop(0)
        if token == "!":
            return not side()
        if token == "(":
            value = joined()
            assert tokens.pop(0) == ")"
            return value
        operator = tokens.pop(0)
        equal = scope[token] == scope[tokens.pop(0)]
        return equal if operator == "=" else not equal

    def joined() -> bool:
        left = side()
        if not tokens or tokens[0] == ")":
            return left
        operator, right = tokens.pop(0), side()
        joins = {
            "&": left and right,
            "|": left or right,
            ">": not left or right,
            "~": left == right,
        }
        return joins[operator]

    value = joined()
    assert not tokens
    return value


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_compact_prompts_mean_what_the_notation_says(seed: int) -> None:
    options = {"style": "compact", "max_people": 4}
    problem = next(knights_knaves.stream(seed, options))
    assert brute_force(str(problem.prompt)) == [problem.ground_truth]


def test_the_documented_compact_example() -> None:
    said = [Is(1, False), Join("and", Is(0, True), Is(1, True))]
    assert solutions(said) == [0b01]
    shown = (COMPACT.prompt("AB", said), COMPACT.reasoning("AB", said, 1), COMPACT.answer("AB", 1))
    assert shown == ("A:B=v;B:A=k&B=k?", "kk01 kv11", "A=k B=v")
    for text in shown:
        assert text in (wording.__doc__ or "")


def test_wording() -> None:
    said = [Not(Same(0, 1)), Join("implies", Is(0, True), Not(Is(1, False)))]
    assert COMPACT.prompt("AB", said) == "A:A!=B;B:A=k>B!=v?"
    prose = PROSE.prompt(["Zoey", "Oliver"], said)
    assert 'Zoey says: "Zoey and Oliver are of different kinds."' in prose
    assert 'Oliver says: "if Zoey is a knight then Oliver is not a knave."' in prose


def test_one_seed_gives_one_stream_and_prompts_differ() -> None:
    stream = [p.prompt for p in itertools.islice(knights_knaves.stream(3, {}), 20)]
    assert stream == [p.prompt for p in itertools.islice(knights_knaves.stream(3, {}), 20)]
    assert len(take_distinct(knights_knaves.stream(3, {}), 200, seen=set())) == 200
    assert json.dumps(stream)


@pytest.mark.parametrize(
    "options",
    [
        {"min_people": 1},
        {"max_people": 9},
        {"min_people": 4, "max_people": 3},
        {"min_operators": 3, "max_operators": 1},
        {"operators": []},
        {"operators": ["same"], "max_operators": 2},
        {"style": "verse"},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        knights_knaves.stream(0, options)
