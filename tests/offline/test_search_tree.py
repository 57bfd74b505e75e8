"""Tree search: UCT and Q by hand, widening, checked steps, priors, faults, limits, exports."""

from __future__ import annotations

import importlib.util
import itertools
import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import Table, more, scorer

from assay import Sample, Scorer
from assay.core.errors import ConfigError
from assay.offline.search import (
    Limits,
    TreeSettings,
    Written,
    mcts,
    step_preferences,
    stepwise_rows,
    uct,
)

ASKED = Sample(prompt="q", ground_truth="4")
STEPS = {"": [more("a"), more("b")], "a": [Written("R"), Written("W")], "b": [Written("W")]}
ENDS = {"a": ["R"], "b": ["W"]}
RIGHT = {"aR": 1.0}


def grow(simulations: int, *, scores=RIGHT, steps=STEPS, ends=ENDS, bar=0.5, **options):
    """A search over the small tree, two children a node; and the table that was asked."""
    table, more_settings = Table(steps, ends), options.pop("settings", {})
    chosen = TreeSettings(simulations=simulations, **{"children": 2, **more_settings})
    with scorer(scores, bar=bar) as judge:
        return mcts(ASKED, table, judge, settings=chosen, **options), table


def nodes(result):
    return {node.text: node for node in result.root.walk()}


# by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "visits", "parent", "c", "value"),
    [
        pytest.param(0.5, 2, 4, math.sqrt(2), 1.6774100225154747, id="sqrt-2"),
        pytest.param(-1.0, 1, 3, 1.0, 0.0481470739375104, id="one"),
        pytest.param(0.25, 7, 7, 0.0, 0.25, id="no-exploration"),
        pytest.param(1.0, 1, 1, 5.0, 1.0, id="first-visit"),
        pytest.param(0.0, 0, 9, 1.0, math.inf, id="never-visited"),
    ],
)
def test_uct(q, visits, parent, c, value) -> None:
    assert uct(q, visits, parent, c) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("visits", "parent"), [(-1, 1), (1, 0)])
def test_uct_of_what_cannot_be(visits, parent) -> None:
    with pytest.raises(ConfigError, match="visits must be >= 0"):
        uct(0.0, visits, parent, 1.0)


@pytest.mark.parametrize(
    ("simulations", "expected"),
    [
        # text -> (visits, Q); each line follows from the one before by UCT with c = sqrt(2)
        pytest.param(1, {"": (1, 1), "a": (1, 1), "b": (0, 0)}, id="a-is-first"),
        pytest.param(2, {"": (2, 0), "a": (1, 1), "b": (1, -1)}, id="b-is-new"),
        pytest.param(3, {"": (3, 1 / 3), "a": (2, 1), "aR": (1, 1), "aW": (0, 0)}, id="a-grows"),
        pytest.param(4, {"": (4, 0), "a": (3, 1 / 3), "aR": (1, 1), "aW": (1, -1)}, id="aW-is-new"),
        pytest.param(5, {"": (5, 0.2), "a": (4, 0.5), "b": (1, -1), "aR": (2, 1)}, id="aR-again"),
    ],
)
def test_back_propagation(simulations, expected) -> None:
    found, _ = grow(simulations)
    tree = nodes(found)
    for text, (visits, q) in expected.items():
        assert (tree[text].visits, tree[text].q) == (visits, pytest.approx(q, abs=1e-9)), text
    assert found.text == "aR"


def test_what_was_spent_is_what_was_asked() -> None:
    found, table = grow(5)
    # a and b, an answer from each, aR and aW; equal answers are judged once
    assert found.spent.calls == len(table.wanted) == 6
    assert found.spent.judged == 3
    assert found.spent.batches == table.batches == 4
    assert {c.text for c in found.candidates} == {"aR", "aW", "bW"}


def test_one_seed_grows_one_tree() -> None:
    def generate(wanted):
        return [more(str(want.seed % 3)) if len(want.beginning) < 3 else "." for want in wanted]

    with scorer({}, default=0.4) as judge:
        runs = [mcts(ASKED, generate, judge, seed=seed) for seed in (1, 1, 2)]
    assert runs[0].root == runs[1].root != runs[2].root


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, "fault"]), min_size=8, max_size=8), st.booleans())
def test_counts_add_up_and_q_stays_in_its_range(scores, widened) -> None:
    steps = {
        "".join(p): [more("x"), more("y")]
        for n in range(2)
        for p in itertools.product("xy", repeat=n)
    }
    steps |= {"".join(p): [Written("x"), Written("y")] for p in itertools.product("xy", repeat=2)}
    leaves = ["".join(p) for p in itertools.product("xy", repeat=3)]
    ends = {text: ["xxx"[len(text) :], "yyy"[len(text) :]] for text in steps}
    more_settings = {"widen": 1.0} if widened else {}
    found, _ = grow(
        30, scores=dict(zip(leaves, scores, strict=True)), steps=steps, ends=ends,
        settings=more_settings,
    )  # fmt: skip
    assert found.root.visits + found.root.faults == 30
    for node in found.root.walk():
        assert -1.0 <= node.q <= 1.0
        assert sum(child.visits for child in node.children) <= node.visits
        assert len({child.text for child in node.children}) == len(node.children) <= 2


# how it grows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visits", "children"), [(0, 1), (1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (100, 6)]
)
def test_progressive_widening(visits, children) -> None:
    assert TreeSettings(children=6, widen=1.0).allowed(visits) == children
    assert TreeSettings(children=6).allowed(visits) == 6


def test_a_widened_node_gets_its_children_one_by_one() -> None:
    steps = {"": [more(letter) for letter in "abcd"], **{x: [Written("!")] for x in "abcd"}}
    ends = {x: ["!"] for x in "abcd"}
    sizes = []
    for simulations in (1, 2, 3, 5, 10):
        found, _ = grow(
            simulations, scores={}, steps=steps, ends=ends, settings={"widen": 1.0, "children": 4}
        )
        sizes.append(len(found.root.children))
    assert sizes == [1, 1, 2, 2, 3]


def test_depth_and_roll_outs_in_steps() -> None:
    line = {"x" * n: [more("x")] for n in range(9)} | {"x" * 9: [Written("!")]}
    deep = {"children": 1, "max_depth": 2, "rollout_steps": 3}
    found, table = grow(4, scores={}, steps=line, settings=deep)
    assert max(node.depth for node in found.root.walk()) == 2
    assert {want.until for want in table.wanted} == {"step"}
    assert max(len(want.beginning) for want in table.wanted) == 4
    [cut] = {c.text for c in found.candidates if len(c.text) == 5}
    assert all(c.sample.truncated for c in found.candidates if c.text == cut)


def test_priors_of_a_process_source() -> None:
    with scorer({"a": 0.1, "b": 0.9}) as process:
        found, table = grow(2, settings={"rollout_steps": 0}, process=process)
    tree = nodes(found)
    assert (tree["a"].prior, tree["b"].prior) == pytest.approx((-0.8, 0.8))
    # b is tried first, and is worth what the process source says of it
    assert tree["a"].visits == 0
    # then its one step is wrong: (prior + prior again - 1) / 3
    assert (tree["b"].visits, tree["b"].q) == (2, pytest.approx(0.2))
    assert [want.beginning for want in table.wanted][:2] == ["", ""]


def test_q_with_a_prior_counts_it_once() -> None:
    with scorer({"a": 0.75, "b": 0.25}) as process:
        found, _ = grow(1, process=process)
    assert nodes(found)["a"].q == pytest.approx((0.5 + 1.0) / 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"settings": {"rollout_steps": 0}}, "needs process", id="nothing-judges"),
        pytest.param({"worth": lambda reward: 7.0}, r"in \[-1, 1\] or None, got 7.0", id="worth"),
        pytest.param({"bar": None, "scores": {"aR": 3.0}}, "give worth", id="no-bar-and-raw"),
        pytest.param({"check": lambda samples: [True]}, "check gave 1 verdicts of 2", id="check"),
    ],
)
def test_what_cannot_be_searched(options, words) -> None:
    with pytest.raises(ConfigError, match=words):
        grow(3, **options)


# checked steps, faults, limits ---------------------------------------------------------------


def test_a_step_that_does_not_hold_is_no_node() -> None:
    found, table = grow(6, check=lambda samples: [not s.text.startswith("b") for s in samples])
    assert "b" not in nodes(found)
    assert (found.spent.rejected, found.spent.checked) == (1, 4)
    assert "b" not in {want.beginning for want in table.wanted}


def test_where_no_step_holds_the_beginning_is_wrong_and_may_try_again() -> None:
    found, table = grow(3, check=lambda samples: [False] * len(samples))
    assert (found.root.visits, found.root.q, found.root.children) == (3, -1.0, ())
    assert found.chosen is None
    assert len(table.wanted) == 6


def test_a_check_that_fails_is_nobodys_fault() -> None:
    found, _ = grow(3, check=lambda samples: [None] * len(samples))
    assert (found.root.visits, found.root.faults, found.root.q) == (0, 3, 0.0)
    assert found.left_out == {"unchecked": 6}


def test_a_scorer_checks_too() -> None:
    with scorer({"a": 1.0, "aR": 1.0}, bar=0.5) as holds:
        found, _ = grow(5, check=holds)
    assert set(nodes(found)) == {"", "a", "aR"}


def test_a_fault_is_no_visit_and_no_trap() -> None:
    found, _ = grow(12, scores={"bW": 1.0, "aR": "fault", "aW": "fault"})
    tree = nodes(found)
    assert (tree["a"].visits, tree["a"].q) == (0, 0.0)
    assert tree["a"].faults > 0
    assert tree["b"].visits > tree["a"].faults, "what breaks its verifier is not walked for ever"
    assert (found.text, tree["b"].q) == ("bW", 1.0)
    lost, _ = grow(4, ends={"a": [None], "b": [None]})
    assert (lost.spent.lost, lost.root.faults, lost.root.visits) == (2, 2, 2)


def test_all_faults() -> None:
    found, _ = grow(8, scores=dict.fromkeys(("aR", "aW", "bW"), "fault"))
    assert found.chosen is None
    assert found.left_out["failed"] == 3
    assert found.root.visits == 0
    assert "failed 3" in found.reason


@pytest.mark.parametrize(
    "limits",
    [Limits(max_calls=n) for n in (1, 2, 3, 4, 5)]
    + [Limits(max_judged=n) for n in (1, 2, 3)]
    + [Limits(max_tokens=n, tokens_each=3) for n in (1, 4, 9)],
    ids=str,
)
def test_trees_stay_within_limits(limits: Limits) -> None:
    def written(text, finished):
        return Written(text, finished, tokens=1)

    steps = {k: [written(w.text, w.finished) for w in v] for k, v in STEPS.items()}
    ends = {k: [written(text, True) for text in v] for k, v in ENDS.items()}
    found, table = grow(50, steps=steps, ends=ends, limits=limits)
    assert found.spent.calls == len(table.wanted) <= (limits.max_calls or 99)
    assert found.spent.judged <= (limits.max_judged or 99)
    assert found.spent.tokens <= (limits.max_tokens or 99)
    assert sum(want.max_tokens for want in table.wanted[:1]) <= (limits.max_tokens or 10**6)


@pytest.mark.parametrize("text", ["", " \n", "9" * 2_000_000, "\ud800"])
def test_hostile_steps(text) -> None:
    steps = {"": [more(text), more("a")], "a": [Written("R")]}
    table_ends = {"a": ["R"], text[: 1 << 20]: ["?"], text: ["?"]}
    found, _ = grow(6, steps={text[: 1 << 20]: [Written("!")], **steps}, ends=table_ends)
    assert found.text == "aR"
    assert found.root.visits == 6


# what is learned from it ---------------------------------------------------------------------


def test_preferences_by_q() -> None:
    found, _ = grow(5)
    assert found.preferences() == [
        {"prompt": "q", "chosen": "a", "rejected": "b", "margin": pytest.approx(1.5)},
        {"prompt": "q", "chosen": "aR", "rejected": "aW", "margin": pytest.approx(2.0)},
    ]
    assert found.preferences(visits=2) == []
    assert [row["chosen"] for row in found.preferences(margin=1.8)] == ["aR"]
    assert found.preferences(each=1) == found.preferences()


def test_only_steps_with_outcomes_are_paired() -> None:
    found, _ = grow(6, scores={}, bar=0.5)
    assert found.preferences() == [], "nothing passed, so nothing is chosen"
    graded, _ = grow(6, scores={"aR": 0.9, "aW": 0.4, "bW": 0.2}, bar=None)
    assert graded.preferences() == []
    assert graded.preferences(outcomes=False)[0]["chosen"] == "a"


def test_the_trainer_of_reward_models_reads_them() -> None:
    from assay.trainer.reward_model.config import RewardModelConfig
    from assay.trainer.reward_model.rows import comparison_of

    chat = [{"role": "user", "content": "q"}]
    found, _ = grow(5)
    for prompt in ("q", chat):
        rows = step_preferences(found.root, prompt)
        assert len(rows) == 2
        for row in rows:
            read = comparison_of(row, RewardModelConfig(), "row 1")
            assert read.worth == (1.0, 0.0)
            assert read.margin == row["margin"]
            assert read.completions == (row["chosen"], row["rejected"])


def test_labels_of_steps() -> None:
    found, _ = grow(5)
    rows = {"".join(row["completions"]): row for row in stepwise_rows(found.root, "q")}
    assert rows["aR"]["labels"] == [True, True]
    assert rows["aR"]["soft"] == pytest.approx([0.75, 1.0])
    assert rows["aW"]["labels"] == [True, False]


# a task, and a real jail ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(root):
    spec = importlib.util.spec_from_file_location("search_bench", root / "benchmarks/search.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_searches_beat_one_answer(bench) -> None:
    asked = bench.problems(40, seed=3)
    generate = bench.NoisySums(0.2)
    with Scorer(bench.process_source(0.98)) as process:
        rows = {
            name: bench.measure(bench.searches(generate, process)[name], asked)["accuracy"]
            for name in ("one answer", "mcts, simulations=16", "best of n, n=16")
        }
    assert rows["mcts, simulations=16"] >= rows["one answer"] + 0.25
    assert rows["best of n, n=16"] >= rows["one answer"] + 0.25


def test_q_values_tell_right_steps_from_wrong_ones(bench) -> None:
    lines = []
    with Scorer("math.exact") as judge:
        for sample in bench.problems(30, seed=5):
            grown = TreeSettings(simulations=24)
            found = mcts(sample, bench.NoisySums(0.15), judge, settings=grown)
            for row in found.preferences(each=1):
                *before, chosen = row["chosen"].splitlines()
                # after a mistake the best step is one that makes up for it, so that it is wrong too
                if all(map(bench.line_is_right, before)):
                    rejected = row["rejected"].splitlines()[-1]
                    lines.append((bench.line_is_right(chosen), bench.line_is_right(rejected)))
    differing = [good for good, bad in lines if good != bad]
    assert len(differing) > 20
    assert sum(differing) / len(differing) > 0.9


def test_the_benchmark_prints_every_search(bench, capsys) -> None:
    rows = bench.run(2, 0.1, 1.0, 0)
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in rows)


def test_steps_must_run_in_the_jail(needs_jail: None) -> None:
    from assay.verifiers.code.step_runs import StepRuns

    def block(code):
        return f"```python\n{code}\n```\n"

    good, bad = block("x = 2 + 2"), block("x = undefined")
    table = Table(
        {
            "": [more(bad), more(good), more(block("while True: pass"))],
            good: [Written(block("print(x)") + r"\boxed{4}"), Written(block("print(y)"))],
        },
        {good: [r"\boxed{4}"]},
    )
    from assay.sandbox.contract import Limits as Bounds

    with Scorer("math.exact") as judge, StepRuns(limits=Bounds(time_s=0.5)) as runs:
        grown = TreeSettings(simulations=4, children=3)
        found = mcts(ASKED, table, judge, settings=grown, check=runs)
        assert runs([Sample(completion="words alone"), Sample(completion="x" * (2**20 + 1))]) == [
            True,
            False,
        ]
    assert {node.text for node in found.root.walk() if node.depth == 1} == {good}
    assert found.passed is True
    assert found.spent.rejected == 3
