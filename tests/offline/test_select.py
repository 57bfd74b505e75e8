"""Scored files into training data: rules, filters, votes, formats, provenance, memory."""

from __future__ import annotations

import json
import random

import pytest

from assay.core.errors import ConfigError, DataError
from assay.core.records import record
from assay.core.types import Reward, Sample, Status, Verdict
from assay.offline.select.clean import Benchmarks, Repeats, band_of
from assay.offline.select.prompts import ScoredFile
from assay.offline.select.run import SelectOptions, select_file

CHAT = [{"role": "system", "content": "s"}, {"role": "user", "content": "chat?"}]


def scored(prompt, completion, value, passed=None, answer=None, **more):
    verdict = Verdict.scored(
        value if value is not None else 0.0,
        passed,
        "because",
        source="math.exact",
        version="2+abc",
        evidence={} if answer is None else {"extracted": answer},
    )
    if value is None:
        verdict = Verdict.unscored(Status.FAILED, "crashed", source="math.exact", version="2+abc")
    reward = Reward(
        value=value,
        unshaped=value,
        passed=passed,
        status=verdict.status,
        verdicts={"math.exact": verdict},
    )
    truth = more.pop("ground_truth", "4")
    sample = Sample(prompt=prompt, completion=completion, ground_truth=truth, **more)
    return record(sample, reward)


def group(prompt, *values, **more):
    """Completions of these values; those above 0.5 passed."""
    return [scored(prompt, f"{prompt}: {i}", v, v > 0.5, **more) for i, v in enumerate(values)]


@pytest.fixture
def write(tmp_path):
    def make(rows, name="scored.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return make


@pytest.fixture
def select(tmp_path):
    def run(source, name="out.jsonl", **options):
        out = tmp_path / name
        told = select_file(source, out, SelectOptions(**options))
        return [json.loads(line) for line in out.read_text().splitlines()], told

    return run


def completions(rows):
    return [row["completion"] for row in rows]


ROWS = [*group("a", 0.1, 0.9, 0.7, 1.0), *group("b", 0.2, 0.4), scored("b", "fault", None)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, ["a: 3", "a: 1", "a: 2"], id="all-passed"),
        pytest.param({"cap_per_prompt": 1}, ["a: 3"], id="capped"),
        pytest.param({"rule": "best_of_n"}, ["a: 3"], id="best-of-n"),
        pytest.param(
            {"rule": "best_of_n", "failed": True}, ["a: 3", "b: 1"], id="best-of-what-failed"
        ),
        pytest.param({"rule": "top_k", "k": 2}, ["a: 3", "a: 1"], id="top-k"),
        pytest.param(
            {"rule": "threshold", "at_least": 0.4, "failed": True},
            ["a: 3", "a: 1", "a: 2", "b: 1"],
            id="threshold",
        ),
    ],
)
def test_rules_keep_what_they_say(write, select, options, expected) -> None:
    rows, told = select(write(ROWS), **options)
    assert completions(rows) == expected
    assert (told["rows"], told["prompts"], told["judged"], told["passed"]) == (7, 2, 6, 3)
    assert told["written"] == len(expected)


VOTES = [
    scored("v", "one", 0.9, True, answer="7"),
    scored("v", "two", 0.3, False, answer="1 / 2"),
    scored("v", "three", 0.35, False, answer="1/2"),
    scored("v", "four", 0.2, False, answer="X"),
    scored("v", "five", 0.1, False, answer="1/2"),
    scored("v", "none", 1.0, True),
]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"rule": "majority", "failed": True}, ["three"], id="majority"),
        pytest.param({"rule": "weighted_best_of_n"}, ["one"], id="weighted"),
        pytest.param({"rule": "majority"}, [], id="a-majority-that-failed-is-not-kept"),
    ],
)
def test_votes_are_over_final_answers(write, select, options, expected) -> None:
    assert completions(select(write(VOTES), **options)[0]) == expected


def test_a_vote_by_a_source_that_is_not_there(write, select) -> None:
    with pytest.raises(ConfigError, match=r"no verdict of 'x' \(there are math.exact\)"):
        select(write(VOTES), rule="majority", answer_from="x")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, [("a: 3", "a: 0", 0.9)], id="best-worst"),
        pytest.param({"margin": 0.95}, [], id="margin-too-wide"),
        pytest.param(
            {"rule": "all_pairs", "margin": 0.25, "cap_per_prompt": None},
            [
                ("a: 3", "a: 0", 0.9),
                ("a: 1", "a: 0", 0.8),
                ("a: 2", "a: 0", 0.6),
                ("a: 3", "a: 2", 0.3),
            ],
            id="all-pairs",
        ),
        pytest.param(
            {"failed": True},
            [("a: 3", "a: 0", 0.9), ("b: 1", "b: 0", 0.2)],
            id="the-better-of-two-failures",
        ),
    ],
)
def test_pairs(write, select, options, expected) -> None:
    rows, _ = select(write(ROWS), make="dpo", **options)
    found = [(row["chosen"], row["rejected"], pytest.approx(row["margin"])) for row in rows]
    assert found == expected
    assert all(row["chosen_id"] != row["rejected_id"] for row in rows)


def test_labels_never_hold_a_fault(write, select) -> None:
    rows, _ = select(write(ROWS), make="kto")
    found = {row["completion"]: row["label"] for row in rows}
    assert found == {"a: 0": False, "a: 1": True, "a: 2": True, "a: 3": True} | {
        "b: 0": False,
        "b: 1": False,
    }
    barred, _ = select(write(ROWS), make="kto", at_least=0.95)
    assert sum(row["label"] for row in barred) == 1


def test_every_row_says_where_it_comes_from(write, select) -> None:
    source = write(ROWS)
    for make in ("sft", "dpo", "kto", "prompts"):
        rows, told = select(source, make=make)
        for row in rows:
            origin = json.loads(row["provenance"])
            assert origin["input"] == ScoredFile(source).digest == told["input"]["digest"]
            assert origin["versions"] == {"math.exact": "2+abc"}
            for one in origin["samples"]:
                assert one["scores"]["math.exact"] == one["value"]
    used = json.loads(select(source, make="dpo")[0][0]["provenance"])["samples"]
    assert [one["id"] for one in used] == [ROWS[3]["id"], ROWS[0]["id"]]
    assert told["versions"] == {"math.exact": ["2+abc"]}


def test_prompts_by_difficulty_and_in_the_order_of_a_curriculum(write, select) -> None:
    rows = [
        *group("never", 0, 0, 0, 0),
        *group("hard", 0, 1, 0, 0),
        *group("always", 1, 1),
        *group("medium", 1, 0),
        scored("unknown", "c", 1.0),
    ]
    source = write(rows)

    def names(**options):
        return [row["prompt"] for row in select(source, make="prompts", **options)[0]]

    assert names(pass_rate=(0.1, 0.9)) == ["hard", "medium"]
    assert names(bands=("never", "always")) == ["never", "always"]
    assert names(order="easy_first") == ["always", "medium", "unknown", "hard", "never"]
    assert names(order="hard_first") == ["never", "hard", "medium", "unknown", "always"]
    shuffled = names(order="shuffled", seed=1)
    assert shuffled == names(order="shuffled", seed=1) != names(order="shuffled", seed=2)
    assert sorted(shuffled) == sorted(names())


@pytest.mark.parametrize(
    ("rate", "band"),
    [(0.0, "never"), (0.25, "hard"), (0.5, "medium"), (0.75, "easy"), (1.0, "always")],
)
def test_bands(rate, band) -> None:
    assert band_of(rate) == band
    assert band_of(None) is None


WORDS = [f"w{i}" for i in range(40)]


@pytest.mark.parametrize(
    ("prompt", "hit"),
    [
        pytest.param(" ".join(["x", *WORDS[5:18], "y"]), True, id="13-words-in-a-row"),
        pytest.param(" ".join(["x", *WORDS[5:17], "y"]), False, id="12-words-in-a-row"),
        pytest.param("X,  " + "! ".join(w.upper() for w in WORDS[:13]), True, id="as-words"),
        pytest.param(" ".join(reversed(WORDS)), False, id="another-order"),
        pytest.param("What is 2 + 2?", True, id="short-question-equal"),
        pytest.param("What is 2 + 2 + 2?", False, id="short-question-within"),
        pytest.param("", False, id="empty"),
    ],
)
def test_decontamination_by_runs_of_words(tmp_path, prompt, hit) -> None:
    path = tmp_path / "bench.jsonl"
    rows = [
        {"question": " ".join(WORDS), "answer": "#### 4"},
        {"question": "What is 2+2?", "answer": "#### 4"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert Benchmarks([str(path)])(prompt) is hit


def test_contaminated_and_repeated_prompts_are_left_out_and_counted(
    write, select, tmp_path
) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"problem": "b", "answer": "4", "solution": "s"}) + "\n")
    rows = [*group("a b", 1), *group("A  b?", 1), *group("B!", 1), *group("c", 1)]
    found, told = select(write(rows), dedup=True, decontaminate=(str(bench),))
    assert [row["prompt"] for row in found] == ["a b", "c"]
    assert told["left_out"]["repeated"] == told["left_out"]["contaminated"] == 1
    repeats = Repeats()
    assert [repeats(text) for text in ("x y", "X, Y.", "y x")] == [False, True, False]


def test_rows_of_one_prompt_may_lie_apart(write, select) -> None:
    shuffled = [*ROWS]
    random.Random(5).shuffle(shuffled)
    together, _ = select(write(ROWS), make="dpo")
    apart, told = select(write(shuffled), make="dpo")
    assert [row["chosen"] for row in apart] == [row["chosen"] for row in together]
    assert told["prompts"] == 2


def test_verls_rows(write, select, tmp_path) -> None:
    import pyarrow.parquet as pq

    extra = {"data_source": "openai/gsm8k", "ability": "math"}
    source = write([*group("a", 0, 1, extra=extra, task="math", ground_truth={"n": 4})])
    select_file(source, tmp_path / "rl.parquet", SelectOptions(make="prompts", form="verl"))
    (row,) = pq.read_table(tmp_path / "rl.parquet").to_pylist()
    assert row["prompt"] == [{"role": "user", "content": "a"}]
    assert (row["data_source"], row["ability"]) == ("openai/gsm8k", "math")
    assert row["reward_model"] == {"style": "rule", "ground_truth": '{"n":4}'}
    assert row["extra_info"]["pass_rate"] == 0.5
    (example,), _ = select(source, form="verl")
    assert [m["role"] for m in example["messages"]] == ["user", "assistant"]
    with pytest.raises(ConfigError, match="verl reads no dpo files"):
        select(source, make="dpo", form="verl")
    from assay.offline.adapters import open_reading  # what we write, we read

    reading = open_reading([*row, "reward_model.ground_truth"], [row], "f", gold="own")
    assert reading.adapter.name == "verl"


def test_a_file_is_all_text_or_all_messages(write, select, tmp_path) -> None:
    chat_first = write([*group("a", 1), scored(CHAT, "said", 1.0, True)][::-1])
    rows, _ = select(chat_first)
    assert rows[0]["prompt"] == CHAT
    assert rows[1]["prompt"] == [{"role": "user", "content": "a"}]
    assert rows[1]["completion"] == [{"role": "assistant", "content": "a: 0"}]
    text_first = write([*group("a", 1), scored(CHAT, "said", 1.0, True)])
    with pytest.raises(DataError, match="say --chat"):
        select(text_first)
    assert not (tmp_path / ".out.jsonl.draft").exists()
    assert len(select(text_first, chat=True)[0]) == 2
    tools = [{"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}]
    source = write([scored(CHAT, tools, 1.0, True)])
    with pytest.raises(DataError, match=r"more than a role and a text .*-o OUT.jsonl"):
        select_file(source, tmp_path / "o.parquet", SelectOptions())
    assert select(source)[0][0]["completion"] == tools


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"rule": "best_worst"}, "for --make sft must be one of", id="rule"),
        pytest.param({"make": "kto", "rule": "top_k"}, "must be left out", id="kto-has-none"),
        pytest.param({"rule": "threshold"}, "needs --at-least", id="threshold"),
        pytest.param({"decontaminate": ("empty.jsonl",)}, "no row has a question", id="empty"),
    ],
)
def test_options_that_do_not_fit(write, select, monkeypatch, tmp_path, *, options, message) -> None:
    monkeypatch.chdir(tmp_path)
    write([{"question": "", "answer": "4"}], "empty.jsonl")
    with pytest.raises(ConfigError, match=message):
        select(write(ROWS), **options)


def test_a_file_that_was_not_scored(write, select, tmp_path) -> None:
    with pytest.raises(ConfigError, match="is no scored file, the columns id, group"):
        select(write([{"prompt": "p", "completion": "c"}]))
    with pytest.raises(ConfigError, match=r"\.parquet or \.jsonl, got '\.csv'"):
        select_file(write(ROWS), tmp_path / "o.csv", SelectOptions())


def test_memory_does_not_grow_with_the_file(tmp_path) -> None:
    import tracemalloc

    def peak(prompts):
        path = tmp_path / f"{prompts}.jsonl"
        with path.open("w") as file:
            for n in range(prompts):
                for row in group(f"prompt {n} " + "x" * 2000, 0.0, 0.4, 0.8, 1.0):
                    file.write(json.dumps(row) + "\n")
        tracemalloc.start()
        select_file(str(path), tmp_path / "o.jsonl", SelectOptions(make="dpo"))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(20)  # imports
    assert peak(300) < peak(50) + 500_000  # the files differ by 8 MB
