"""What the report says of its rows, held against naive counts and against examples by hand."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.records import record
from assay.core.types import Reward, Sample, Status, Verdict
from assay.offline.report import agreement, rewards
from assay.offline.report.parts import Link, Section, Table
from assay.offline.report.several import Prompt, majority_at_k, pass_curve, several
from assay.offline.report.worth import worth_a_look

pytestmark = pytest.mark.usefixtures("no_drawing")


def row(
    i: int,
    passed: bool | None = True,
    *,
    value: float | None = 1.0,
    group: str = "g",
    text: str = "text",
    answer: str = "",
    more: dict[str, Verdict] | None = None,
    label: Any = None,
) -> dict[str, Any]:
    """A scored row by one source, ``a``, and whatever else is given."""
    said = Verdict.scored(float(bool(passed)), passed, "because", evidence={"extracted": answer})
    sample = Sample(completion=text, group=group, id=str(i),
                    extra={} if label is None else {"label": label})  # fmt: skip
    status = Status.FAILED if value is None else Status.SCORED
    reward = Reward(value=value, unshaped=value, passed=passed, status=status,
                    verdicts={"a": said, **(more or {})})  # fmt: skip
    return record(sample, reward)


def cells(table: Table) -> list[list[str]]:
    return [[c.text if isinstance(c, Link) else c for c in line] for line in table.rows]


def table(section: Section, caption: str) -> list[list[str]]:
    tables = [*section.tables, *(figure.table for figure in section.figures)]
    (found,) = [one for one in tables if one.caption.startswith(caption)]
    return cells(found)


# several answers ----------------------------------------------------------------------

prompts = st.lists(
    st.integers(2, 6).flatmap(
        lambda n: st.builds(
            Prompt,
            st.tuples(*[st.integers(0, 3)] * n),
            st.tuples(*[st.booleans()] * n),
        )
    ),
    min_size=1,
    max_size=6,
)


def naive_majority(prompt: Prompt, k: int) -> float:
    """Over every way to draw ``k`` answers, with every leading answer weighed alike."""
    total = Counter(prompt.answers)
    good = Counter(a for a, p in zip(prompt.answers, prompt.passed, strict=True) if p)
    results = []
    for drawn in itertools.combinations(prompt.answers, k):
        votes = Counter(answer for answer in drawn if answer)
        leads = [a for a, n in votes.items() if n == max(votes.values())]
        results.append(sum(2 * good[a] > total[a] for a in leads) / len(leads) if leads else 0.0)
    return sum(results) / len(results)


@given(prompts)
@settings(max_examples=60, deadline=None)
def test_the_majority_of_all_answers_is_exact(found: list[Prompt]) -> None:
    most = max(len(prompt.passed) for prompt in found)
    kept = [prompt for prompt in found if len(prompt.passed) == most]
    expected = sum(naive_majority(prompt, most) for prompt in kept) / len(kept)
    assert majority_at_k(kept, most) == pytest.approx(expected)


def test_the_majority_of_some_answers_is_near_all_draws() -> None:
    found = [Prompt((1, 1, 1, 2, 3, 0), (True, True, True, False, False, False))] * 500
    expected = naive_majority(found[0], 3)
    # 16 draws, the same for all prompts: what is left is their spread
    assert abs(majority_at_k(found, 3) - expected) < 3 * math.sqrt(expected * (1 - expected) / 16)


@given(prompts, st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_pass_at_k_never_falls_and_lies_in_its_bounds(found: list[Prompt], k: int) -> None:
    kept = [prompt for prompt in found if len(prompt.passed) >= k]
    if not kept:
        return
    fewer, value = pass_curve(kept, k - 1)[0], pass_curve(kept, k)
    assert fewer <= value[0] + 1e-12
    assert 0.0 <= value[0] <= 1.0
    assert value[2] is not None
    assert 0.0 <= value[2] <= 1.0


def test_the_bound_takes_off_what_drawing_adds() -> None:
    """All prompts are alike, p = 1/2: the bound is then pass@2 itself, and not below it."""
    alike = [(True, True), (True, False), (False, True), (False, False)]
    value, _, bound = pass_curve([Prompt((0, 0), passed) for passed in alike], 2)
    assert value == pytest.approx(0.75)
    assert bound == pytest.approx(0.75)


def test_prompts_are_found_wherever_their_rows_stand(columns_of: Any) -> None:
    rows = [row(i, i % 4 == 0, group=f"g{i % 3}", answer="x" if i % 4 == 0 else "y")
            for i in range(12)]  # fmt: skip
    section = several(columns_of(rows))
    assert [line[0] for line in table(section, "Of k answers")] == ["1", "2", "4"]
    assert "3 of 3 prompts" in section.words
    solved = dict(table(section, "Prompts with two"))
    assert solved["some pass"] == "3"
    assert solved["all rewards equal"] == "3"


def test_one_answer_each_is_not_several(columns_of: Any) -> None:
    section = several(columns_of([row(i, group=f"g{i}") for i in range(3)]))
    assert not section.figures
    assert section.empty


# rewards and length -------------------------------------------------------------------


@given(st.lists(st.floats(-1e300, 1e300) | st.integers(0, 3), min_size=1, max_size=50))
def test_every_reward_lies_in_a_bin(values: list[float]) -> None:
    values = [float(value) for value in values]
    edges = rewards._edges(values)
    assert all(a < b for a, b in itertools.pairwise(edges))
    for value in values:
        place = rewards._bin(edges, value)
        slack = 1e-9 * max(1.0, abs(edges[0]), abs(edges[-1]))
        assert edges[place] - slack <= value <= edges[place + 1] + slack


def test_tables_of_rewards_and_tasks_count_every_row(columns_of: Any) -> None:
    rows = [row(i, i % 2 == 0, value=float(i % 2 == 0)) for i in range(10)]
    rows += [row(10, None, value=None)]
    columns = columns_of(rows)
    found = table(rewards.rewards(columns), "Rewards")
    assert sum(int(line[-1]) for line in found) == 10
    assert table(rewards.tasks(columns), "Tasks")[0][:3] == ["(no task)", "11", "10"]
    tiles = {tile.name: tile.value for tile in rewards.overview(columns).tiles}
    assert (tiles["rows"], tiles["left out"]) == ("11", "1")
    assert tiles["pass rate"].startswith("50.0 %")


def test_length_bias_is_told_apart_from_the_prompts_own(columns_of: Any) -> None:
    """Long prompts' answers are paid more, but between answers to one prompt the short one is."""
    rows = [
        row(i, value=10.0 * n - second, group=f"g{n}", text="x" * (100 * n + second))
        for i, (n, second) in enumerate((i // 2, i % 2) for i in range(20))
    ]
    (line, *_) = table(rewards.length(columns_of(rows)), "Correlation")
    assert float(line[2]) > 0.9
    assert float(line[4]) < -0.9


# statuses, agreement, labels ----------------------------------------------------------


def test_culprits_have_reasons_and_examples(columns_of: Any) -> None:
    broken = Verdict.unscored(Status.FAILED, "the server was down")
    odd = Verdict.unscored(Status.BAD_REFERENCE, "no truth")
    rows = [row(i, more={"b": broken if i < 3 else odd}) for i in range(5)]
    section = agreement.statuses(columns_of(rows))
    found = [line[:5] for line in table(section, "Why") if line[0] == "b"]
    assert ["b", "failed", "the source's", "3", "the server was down"] in found
    assert ["b", "bad_reference", "the data's", "2", "no truth"] in found


def test_agreement_counts_only_what_both_judged(columns_of: Any) -> None:
    yes, no = Verdict.scored(1.0, True, ""), Verdict.scored(0.0, False, "")
    none = Verdict.unscored(Status.ABSTAINED, "")
    said = [yes, yes, no, none, no]
    rows = [row(i, i < 3, more={"b": one}) for i, one in enumerate(said)]
    (line,) = table(agreement.agreement(columns_of(rows)), "Every two")
    assert line[:3] == ["a", "b", "4"]
    assert line[3].startswith("75.0 %")
    assert line[4:] == ["0.5", "1", "0"]


def test_a_source_that_was_not_asked_is_no_disagreement(columns_of: Any) -> None:
    rows = [row(0, more={"b": Verdict.scored(1.0, True, "")}), row(1)]
    columns = columns_of(rows)
    assert [source.status[1] for source in columns.sources] == [1, 0]
    assert table(agreement.agreement(columns), "Every two")[0][2] == "1"


def test_labels_against_a_judge(columns_of: Any) -> None:
    rows = [row(i, i % 2 == 0, label=["yes", "no", "yes", "yes"][i % 4]) for i in range(40)]
    section = agreement.labels(columns_of(rows), None)
    (line,) = table(section, "Decisions")
    assert line[:2] == ["a", "40"]
    assert line[2].startswith("75.0 %")
    assert line[3].startswith("0.0 %")
    assert line[4].startswith("33.3 %")
    assert line[5] == "0.5"
    assert table(section, "Calibration")


def test_grades_are_an_order_first(columns_of: Any) -> None:
    judge = [Verdict.scored(x / 4, None, "") for x in range(5)]
    rows = [row(i, more={"j": judge[i % 5]}, label=1 + i % 5) for i in range(20)]
    columns = columns_of(rows)
    section = agreement.labels(columns, None)
    found = {line[0]: line for line in table(section, "Scores")}
    assert found["j"][2] == "1"
    assert not [t for t in section.tables if t.caption.startswith("Decisions")]
    good = {line[0]: line for line in table(agreement.labels(columns, 4.0), "Decisions")}
    assert good["j"][1] == "20"


def test_slowest_failing_and_unsolved(columns_of: Any) -> None:
    broken = Verdict.unscored(Status.TIMED_OUT, "too slow")
    rows = [row(i, False, more={"b": broken} if i == 2 else None, group=f"g{i // 2}")
            | {"seconds": [0.5, 9.0, 0.1, 0.2][i]} for i in range(4)]  # fmt: skip
    section = worth_a_look(columns_of(rows))
    assert table(section, "Slowest")[0][:2] == ["row 2", "9"]
    assert table(section, "Rows with most faults")[0][:3] == ["row 3", "1", "b: timed_out"]
    assert len(table(section, "Prompts that no answer")) == 2
    untimed = worth_a_look(columns_of([row(0)]))
    assert "--timings" in untimed.words


def test_an_empty_file_still_says_something(columns_of: Any, make: Any) -> None:
    columns = columns_of([row(0)])
    for made in (rewards.length, agreement.agreement, several):
        section = made(columns)
        assert section.figures or section.tables or section.empty
    assert json.loads(Link("x", {"row": 1}).wanted) == {"row": 1}
