"""The rows that trainers for verifiable rewards read: TRL, verl, open-instruct, NeMo-Gym.

The task is a hint from what the rows say of themselves (``ability``, ``data_source``, the name of
a verifier); a data source that nothing is known of stays the task under its own name.

Not covered: images and tools in prompts, which are carried in ``extra`` as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.errors import DataError
from .contract import (
    CHOICE,
    CODE,
    INSTRUCTIONS,
    MATH,
    Adapter,
    Fields,
    Row,
    decoded,
    present,
    unboxed_list,
)

__all__ = ["TRAINERS"]

_FAMILIES: Mapping[str, Sequence[str]] = {
    CODE: ("codecontests", "code_contests", "apps", "codeforces", "taco", "code", "livecodebench",
           "leetcode", "humaneval", "mbpp", "coding", "stdio"),
    MATH: ("openai/gsm8k", "gsm8k", "lighteval/math", "digitallearninggmbh/math", "math", "aime",
           "amc", "numina", "numinamath", "hiyouga/geometry3k", "olympiad", "deepscaler",
           "strict_math", "dapo"),
    INSTRUCTIONS: ("ifeval", "ifbench"),
}  # fmt: skip
"""Task -> how names of data sources and verifiers begin that belong to it. verl's own table
(``verl/utils/reward_score/__init__.py``) and open-instruct's verifier names, and near relatives."""


def _family(name: Any) -> str | None:
    """The task of a data source; its own name where it is not known."""
    if not isinstance(name, str) or not name:
        return None
    low = name.casefold()
    for task, starts in _FAMILIES.items():
        if any(low.startswith(start) or f"/{start}" in low for start in starts):
            return task
    return name


def _verl(row: Row) -> Fields:
    model = row["reward_model"]
    model = decoded(model, "reward_model") if isinstance(model, str) else model
    if not isinstance(model, Mapping):
        raise DataError(f"column 'reward_model': must be a mapping, got {model!r:.80}")
    ability = row.get("ability")
    known = _family(ability) if isinstance(ability, str) else None
    task = known if known in _FAMILIES else _family(row.get("data_source"))
    truth = model.get("ground_truth")
    if task == MATH:
        truth = unboxed_list(truth)
    gold = None if truth is None or task == CODE else f"\\boxed{{{truth}}}"
    return {"prompt": row["prompt"], "ground_truth": truth, "task": task, "gold": gold}


def _system_first(row: Row) -> bool:
    prompt = row.get("prompt")
    first = prompt[0] if isinstance(prompt, list) and prompt else None
    return isinstance(first, Mapping) and first.get("role") == "system" and "ability" in row


def _trl(row: Row) -> Fields:
    solution = row["solution"]
    gold = solution if isinstance(solution, str) else None
    return {"prompt": row["prompt"], "ground_truth": solution, "gold": gold}


def _stepwise(row: Row) -> Fields:
    steps = row["completions"]
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise DataError(f"column 'completions': must be a list of steps, got {steps!r:.80}")
    return {"prompt": row["prompt"], "completion": "\n".join(steps)}  # TRL's step separator


def _labels_steps(row: Row) -> bool:
    steps, labels = row.get("completions"), row.get("labels")
    if not isinstance(steps, list) or not isinstance(labels, list):
        return False
    return len(steps) == len(labels) and all(isinstance(label, bool) for label in labels)


def _open_instruct(row: Row) -> Fields:
    messages, dataset = row["messages"], row["dataset"]
    if isinstance(dataset, list):
        if len(dataset) != 1:
            raise DataError(
                f"column 'dataset': names several verifiers, {dataset!r:.80}; each row must be for"
                " one: split such rows, or map the fields yourself with --map"
            )
        dataset = dataset[0]
    task = _family(dataset)
    truth = row["ground_truth"]
    if isinstance(truth, list) and len(truth) == 1:
        truth = truth[0]
    gold = None if truth is None or task == CODE else str(truth)
    if task == MATH and gold is not None:
        gold = f"\\boxed{{{gold}}}"
    return {"prompt": _question(messages), "ground_truth": truth, "task": task, "gold": gold}


def _question(messages: Any) -> Any:
    """The messages up to the last one of the user: an answer at the end is no question."""
    if not isinstance(messages, list):
        raise DataError(f"column 'messages': must be a list of messages, got {messages!r:.80}")
    said = [m.get("role") == "assistant" for m in messages if isinstance(m, Mapping)]
    return messages[:-1] if said and said[-1] else messages


def _nemotron(row: Row) -> Fields:
    params = row["responses_create_params"]
    params = decoded(params, "responses_create_params") if isinstance(params, str) else params
    held = row.get("_hf_question_placeholder")
    prompt = params.get("input") if isinstance(params, Mapping) else None
    if held or not prompt:
        raise DataError(
            "column 'responses_create_params': is a placeholder without a question, to be filled"
            f" from another dataset ({held!r:.120}); fill it as its card says, then score"
        )
    return {"prompt": prompt, **_nemotron_truth(row)}


def _nemotron_truth(row: Row) -> Fields:
    truth = row.get("expected_answer")
    options = row.get("options")
    if options:
        return {"ground_truth": truth, "options": _options(options), "task": CHOICE, "gold": truth}
    meta = row.get("verifier_metadata")
    tests = present(meta, "unit_tests") if isinstance(meta, Mapping) else None
    if tests is not None:
        return {"ground_truth": decoded(tests, "verifier_metadata.unit_tests"), "task": CODE}
    if row.get("instruction_id_list") is not None:
        wanted = {name: row.get(name) for name in ("instruction_id_list", "kwargs")}
        return {"ground_truth": wanted, "task": INSTRUCTIONS}
    if truth is not None:
        return {"ground_truth": truth, "task": MATH, "gold": f"\\boxed{{{truth}}}"}
    agent = row.get("agent_ref")
    return {"task": agent.get("name") if isinstance(agent, Mapping) else None}


def _options(options: Any) -> Any:
    """``[{"A": text}, {"B": text}]`` as one mapping."""
    if isinstance(options, list) and all(isinstance(one, Mapping) for one in options):
        return {k: v for one in options for k, v in one.items() if v is not None}
    return options


_VERL = {
    "prompt": "prompt",
    "ground_truth": "reward_model.ground_truth",
    "task": "ability, data_source",
}

TRAINERS = (
    Adapter(
        name="eurus",
        about="Eurus-2-RL (PRIME): verl's rows, with a system turn first",
        needs=("data_source", "prompt", "reward_model", "ability"),
        looks=_system_first,
        columns=_VERL,
        read=_verl,
        takes=("prompt",),
    ),
    Adapter(
        name="verl",
        about="verl's parquet; also DAPO-Math-17k and Skywork-OR1",
        needs=("data_source", "prompt", "reward_model"),
        columns=_VERL,
        read=_verl,
        takes=("prompt",),
    ),
    Adapter(
        name="open_instruct",
        about="open-instruct's RLVR mixes",
        needs=("messages", "ground_truth", "dataset"),
        columns={"prompt": "messages", "ground_truth": "ground_truth", "task": "dataset"},
        read=_open_instruct,
        takes=("ground_truth",),
    ),
    Adapter(
        name="nemotron",
        about="Nemotron's RL blends, as NeMo-Gym reads them",
        needs=("responses_create_params", "agent_ref"),
        columns={
            "prompt": "responses_create_params.input",
            "ground_truth": "expected_answer, or tests or instructions",
        },
        read=_nemotron,
        takes=("options", "expected_answer"),
    ),
    Adapter(
        name="trl_stepwise",
        about="TRL's stepwise supervision: one completion, cut into steps",
        needs=("prompt", "completions", "labels"),
        looks=_labels_steps,
        columns={"prompt": "prompt", "completion": "completions, joined"},
        read=_stepwise,
        takes=("prompt", "completions"),
        speaks=True,
    ),
    Adapter(
        name="trl",
        about="TRL: prompt, solution, and completion or completions",
        needs=("prompt", "solution"),
        columns={"prompt": "prompt", "ground_truth": "solution"},
        read=_trl,
        takes=("prompt", "solution"),
    ),
)
