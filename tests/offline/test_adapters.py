"""Every shape of the field's datasets is read without options, and what is no shape says so."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from assay.core.errors import ConfigError, DataError
from assay.offline.adapters import ADAPTERS, open_reading
from assay.offline.columns import parse_columns


def names_of(row):
    nested = [f"{k}.{n}" for k, v in row.items() if isinstance(v, dict) for n in v]
    return [*row, *nested]


def reading_of(row, **options):
    return open_reading(names_of(row), [row], "f", **options)


USER = {"role": "user", "content": "2+2?"}
SAID = {"role": "assistant", "content": "4"}
SYSTEM = {"role": "system", "content": "Think."}
CASES = [{"input": "1", "output": "2", "testtype": "stdin"}]
CALLS = [
    {"type": "function_call", "fn_name": "f", "input": [1], "output": 2},
    {"type": "function_call", "fn_name": "f", "input": [2], "output": 3},
]

EXAMPLES = [
    pytest.param(
        {"prompt": "2+2?", "completion": "4", "solution": "$4$"},
        ("trl", "2+2?", ["4"], "$4$", None),
        id="trl",
    ),
    pytest.param(
        {"prompt": [USER], "completions": [[SAID], [SAID]], "solution": "4"},
        ("trl", [USER], [[SAID], [SAID]], "4", None),
        id="trl-chat-n",
    ),
    pytest.param(
        {"prompt": "p", "completions": ["one", "two"], "labels": [True, False]},
        ("trl_stepwise", "p", ["one\ntwo"], None, None),
        id="trl-stepwise-is-one-completion",
    ),
    pytest.param(
        {
            "data_source": "openai/gsm8k",
            "prompt": [USER],
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": "4"},
            "extra_info": {"index": 3},
            "responses": ["4", "5"],
        },
        ("verl", [USER], ["4", "5"], "4", "math"),
        id="verl",
    ),
    pytest.param(
        {
            "data_source": "Skywork/x",
            "prompt": [USER],
            "ability": "MATH",
            "reward_model": {"style": "rule", "ground_truth": '["4"]'},
            "response": "4",
        },
        ("verl", [USER], ["4"], "4", "math"),
        id="skywork-lists-of-one",
    ),
    pytest.param(
        {
            "data_source": "searchR1_nq",
            "prompt": [USER],
            "reward_model": {"ground_truth": {"target": ["4"]}},
            "response": "4",
        },
        ("verl", [USER], ["4"], {"target": ["4"]}, "searchR1_nq"),
        id="verl-unknown-source-stays-the-task",
    ),
    pytest.param(
        {
            "data_source": "taco",
            "prompt": [SYSTEM, USER],
            "ability": "code",
            "reward_model": {"ground_truth": '{"inputs": ["1"], "outputs": ["2"]}'},
            "response": "x",
        },
        ("eurus", [SYSTEM, USER], ["x"], '{"inputs": ["1"], "outputs": ["2"]}', "code"),
        id="eurus-keeps-the-system-turn-and-the-question",
    ),
    pytest.param(
        {"messages": [USER], "ground_truth": ["4"], "dataset": ["gsm8k"], "response": "4"},
        ("open_instruct", [USER], ["4"], "4", "math"),
        id="open-instruct",
    ),
    pytest.param(
        {"messages": [USER, SAID], "ground_truth": "{}", "dataset": "ifeval", "output": "4"},
        ("open_instruct", [USER], ["4"], "{}", "instructions"),
        id="open-instruct-ifeval",
    ),
    pytest.param(
        {
            "prompt": "p",
            "verification_info": json.dumps('{"ground_truth": "4"}'),
            "llm_response": "4",
        },
        ("verification_info", "p", ["4"], "4", "math"),
        id="prime-intellect-json-in-json",
    ),
    pytest.param(
        {
            "problem_statement": "p",
            "verification_info": {"language": "python", "test_cases": json.dumps(CALLS)},
            "generation": "x",
        },
        (
            "verification_info",
            "p",
            ["x"],
            {"inputs": [[1], [2]], "outputs": [2, 3], "fn_name": "f", "language": "python"},
            "code",
        ),
        id="open-r1-code",
    ),
    pytest.param(
        {
            "question": "p",
            "info": json.dumps({"tests": json.dumps({"inputs": ["1"], "outputs": ["2"]})}),
            "response": "x",
        },
        ("intellect_3", "p", ["x"], {"inputs": ["1"], "outputs": ["2"]}, "code"),
        id="intellect-3",
    ),
    pytest.param(
        {"problem": "p", "answer": "4", "solution": "s", "uuid": "u", "generations": ["4", "5"],
         "correctness_math_verify": [True, False]},
        ("open_r1", "p", ["4", "5"], "4", "math"),
        id="open-r1",
    ),
    pytest.param(
        {"problem": "p", "answer": "notfound", "solution": "s", "source": "x", "completion": "4"},
        ("numina_math", "p", ["4"], None, "math"),
        id="numina-without-an-answer-has-no-truth",
    ),
    pytest.param(
        {"problem": "p", "answer": "proof", "solution": "s", "source": "x", "completion": "4"},
        ("numina_math", "p", ["4"], None, "proof"),
        id="numina-proof",
    ),
    pytest.param(
        {"source": "x", "problem": "p", "solution": "so \\boxed{4}", "messages": [USER, SAID],
         "response": "4"},
        ("numina_math", "p", ["4"], "so \\boxed{4}", "math"),
        id="numina-cot",
    ),
    pytest.param(
        {"problem": "p", "answer": "4", "solution": "s", "response": "4"},
        ("deepscaler", "p", ["4"], "4", "math"),
        id="deepscaler",
    ),
    pytest.param(
        {
            "responses_create_params": {"input": [USER]},
            "agent_ref": {"type": "responses_api_agents", "name": "math"},
            "expected_answer": "4",
            "response": "4",
        },
        ("nemotron", [USER], ["4"], "4", "math"),
        id="nemotron",
    ),
    pytest.param(
        {
            "responses_create_params": {"input": [USER]},
            "agent_ref": {"name": "mcqa"},
            "expected_answer": "B",
            "options": [{"A": "3"}, {"B": "4"}],
            "response": "B",
        },
        ("nemotron", [USER], ["B"], "B", "multiple_choice"),
        id="nemotron-choice",
    ),
    pytest.param(
        {"question": "p", "answer": "2+2=<<2+2=4>>4\n#### 4", "response": "4"},
        ("gsm8k", "p", ["4"], "4", "math"),
        id="gsm8k",
    ),
    pytest.param(
        {"problem": "p", "solution": "s", "answer": "4", "level": 2, "subject": "Algebra",
         "unique_id": "test/1", "completion": "4"},
        ("math", "p", ["4"], "4", "math"),
        id="math-500",
    ),
    pytest.param(
        {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f",
         "canonical_solution": "    return 1\n", "test": "def check(c): assert c() == 1",
         "completion": "    return 1\n"},
        ("humaneval", "def f():\n", ["    return 1\n"],
         {"test": "def check(c): assert c() == 1", "entry_point": "f"}, "code"),
        id="humaneval",
    ),
    pytest.param(
        {"text": "p", "code": "x", "task_id": 7, "test_setup_code": "", "test_list": ["assert 1"],
         "challenge_test_list": [], "completion": "y"},
        ("mbpp", "p", ["y"], {"test_list": ["assert 1"], "test_setup_code": ""}, "code"),
        id="mbpp",
    ),
    pytest.param(
        {"prompt": "p", "code": "x", "test_imports": ["import re"], "test_list": ["assert 1"],
         "completion": "y"},
        ("mbpp", "p", ["y"], {"test_list": ["assert 1"], "test_setup_code": "import re"}, "code"),
        id="mbpp-sanitized",
    ),
    pytest.param(
        {"question_content": "p", "public_test_cases": json.dumps(CASES),
         "private_test_cases": json.dumps(CASES), "metadata": "{}", "response": "x"},
        ("livecodebench", "p", ["x"], {"inputs": ["1", "1"], "outputs": ["2", "2"]}, "code"),
        id="livecodebench-in-json",
    ),
    pytest.param(
        {"messages": [SYSTEM, USER, SAID]},
        ("openai_chat", [SYSTEM, USER], [[SAID]], None, None),
        id="openai-chat",
    ),
    pytest.param(
        {"request": {"messages": [USER]},
         "response": {"choices": [{"message": SAID}, {"message": SAID}]}},
        ("openai_log", [USER], [[SAID], [SAID]], None, None),
        id="openai-log-n-choices",
    ),
    pytest.param(
        {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]},
        ("sharegpt", [USER], [[SAID]], None, None),
        id="sharegpt",
    ),
    pytest.param(
        {"prompt": "p", "completion": "c"}, ("plain", "p", ["c"], None, None), id="plain"
    ),
    pytest.param(
        {"prompt": "p", "completion": [SAID]}, ("plain", "p", [[SAID]], None, None), id="plain-chat"
    ),
    pytest.param(
        {"question": "p", "answer": "4", "responses": ["4", "5"]},
        ("plain", "p", ["4", "5"], "4", None),
        id="plain-n",
    ),
    pytest.param(
        {"prompt": "p", "completion": ["4", "5"], "ground_truth": "4"},
        ("plain", "p", ["4", "5"], "4", None),
        id="plain-n-under-the-name-of-one",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), EXAMPLES)
def test_each_shape_is_read_without_options_and_loses_nothing(row, expected) -> None:
    name, prompt, completions, truth, task = expected
    reading = reading_of(row)
    assert reading.adapter.name == name
    samples = reading.samples(row)
    assert [sample.completion for sample in samples] == completions
    assert {json.dumps(sample.prompt) for sample in samples} == {json.dumps(prompt)}
    assert all(sample.ground_truth == truth and sample.task == task for sample in samples)
    assert len({sample.group_key for sample in samples}) == 1
    assert len({sample.id for sample in samples}) == len(samples)
    kept = json.dumps([samples[0].extra, prompt, completions, truth, task, samples[0].group])
    for column, value in row.items():  # what is no field stands in extra, as it was
        if column not in samples[0].extra:
            assert column in (*reading.adapter.takes, reading.completion, *FIELD_COLUMNS), column
        else:
            assert samples[0].extra[column] == value or column == "options", kept


FIELD_COLUMNS = ("completion", "uuid", "options")


def test_every_adapter_has_an_example() -> None:
    seen = {param.values[1][0] for param in EXAMPLES}
    assert set(ADAPTERS) | {"plain"} == seen


def test_n_completions_share_their_group_and_keep_their_order_and_cut_offs() -> None:
    row = {"prompt": "p", "completions": ["a", "a", "b"], "solution": "s", "id": "x",
           "truncated": [False, True, False]}  # fmt: skip
    samples = reading_of(row).samples(row)
    assert [sample.id for sample in samples] == ["x#0", "x#1", "x#2"]
    assert [sample.truncated for sample in samples] == [False, True, False]
    assert [sample.extra["completion_index"] for sample in samples] == [0, 1, 2]
    assert len({sample.group_key for sample in samples}) == 1


def test_a_column_named_task_wins_over_the_hint() -> None:
    row = {"question": "p", "answer": "#### 4", "response": "4", "task": "mine"}
    (sample,) = reading_of(row).samples(row)
    assert sample.task == "mine"
    assert "task" not in sample.extra


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(
            {"question_content": "p", "public_test_cases": "[]", "response": "x",
             "private_test_cases": base64.b64encode(zlib.compress(b"\x80\x04N.")).decode()},
            "is a Python pickle.*--map ground_truth=public_test_cases",
            id="pickles-are-never-loaded",
        ),
        pytest.param(
            {"responses_create_params": {"input": ""}, "agent_ref": {"name": "m"}, "response": "x",
             "_hf_question_placeholder": {"dataset": "d", "row": 3}},
            "is a placeholder without a question",
            id="nemotron-placeholder",
        ),
        pytest.param(
            {"messages": [USER], "ground_truth": ["4", "5"], "dataset": ["a", "b"],
             "response": "4"},
            "names several verifiers",
            id="open-instruct-of-two",
        ),
        pytest.param(
            {"prompt": "p", "verification_info": "{", "response": "x"},
            "'verification_info': is not JSON",
            id="broken-json",
        ),
        pytest.param(
            {"prompt": "p", "solution": "s", "completions": []},
            "is an empty list of completions",
            id="no-completions",
        ),
        pytest.param(
            {"prompt": "p", "response": "x", "verification_info": {"test_cases": [
                {"fn_name": "f", "input": [], "output": 1},
                {"fn_name": "g", "input": [], "output": 1}]}},
            "the tests call several functions",
            id="two-functions",
        ),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_read_say_why(row, message) -> None:
    with pytest.raises(DataError, match=message):
        reading_of(row).samples(row)


def test_public_tests_alone_are_read_when_the_user_says_so() -> None:
    row = {"question_content": "p", "public_test_cases": CASES, "response": "x",
           "private_test_cases": "eJxrYE"}  # fmt: skip
    chosen = parse_columns(["ground_truth=public_test_cases"])
    (sample,) = reading_of(row, chosen=chosen).samples(row)
    assert (sample.prompt, sample.ground_truth) == ("p", CASES)


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        pytest.param(
            {"txt": "p", "kode": "x", "test_list": []},
            {},
            "among txt, kode, test_list; no shape is known with these columns; the nearest is mbpp,"
            " which also has text/prompt, code",
            id="nearest",
        ),
        pytest.param(
            {"question": "p", "answer": "#### 4"},
            {},
            "the shape is gsm8k.*--map completion=COLUMN.*--gold own",
            id="known-without-completions",
        ),
        pytest.param(
            {"problem": "p", "solution": "s", "answer": "4", "response": "a", "output": "b"},
            {},
            "--map completion=response or --map completion=output",
            id="two-completions",
        ),
        pytest.param({"a": 1}, {"adapter": "ver"}, "did you mean 'verl'", id="adapter-name"),
        pytest.param(
            {"a": 1},
            {"adapter": "verl"},
            "--adapter verl: the columns data_source, prompt, reward_model are missing among a",
            id="adapter-that-does-not-fit",
        ),
        pytest.param({"a": 1}, {"chosen": {"prompt": "b"}}, "no such column", id="mapped-away"),
        pytest.param({"a": 1}, {"chosen": {"promt": "a"}}, "did you mean 'prompt'", id="field"),
    ],
)
def test_unknown_shapes_list_the_columns_and_the_way_out(row, options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        reading_of(row, **options)


def test_the_user_wins_over_the_adapter() -> None:
    row = {"question": "p", "answer": "#### 4", "out": "4", "gold": "5"}
    chosen = parse_columns(["completion=out,ground_truth=gold"])
    (sample,) = reading_of(row, chosen=chosen).samples(row)
    assert (sample.completion, sample.ground_truth, sample.task) == ("4", "5", "math")
    assert dict(sample.extra) == {"answer": "#### 4"}
    plain = reading_of(row, chosen={"completion": "out"}, adapter="plain").samples(row)
    assert plain[0].ground_truth == "#### 4"


@pytest.mark.parametrize(
    ("gold", "expected"), [("own", ["#### 4", "#### 5"]), ("next", ["#### 5", "#### 4"])]
)
def test_reference_solutions_stand_in_for_completions(gold, expected) -> None:
    rows = [{"question": "p", "answer": "#### 4"}, {"question": "q", "answer": "#### 5"}]
    reading = open_reading(list(rows[0]), rows, "f", gold=gold)
    made = [reading.samples(row, rows[1 - i])[0] for i, row in enumerate(rows)]
    assert [sample.completion for sample in made] == expected
    assert [sample.ground_truth for sample in made] == ["4", "5"]
    with pytest.raises(DataError, match="no reference solution"):
        open_reading(["prompt"], [{"prompt": "p"}], "f", gold=gold).samples({"prompt": "p"}, None)
