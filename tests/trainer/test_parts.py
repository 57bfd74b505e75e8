"""The parts of a run by themselves: tokenizer, generation, warm start, intervals, logs, display."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from assay.core.types import Reward, Sample, Status
from assay.trainer.evaluate import rate, wilson
from assay.trainer.generate import complete, prompt_ids
from assay.trainer.records.metrics_log import MetricsLog
from assay.trainer.records.progress import Display, summary_of
from assay.trainer.records.rollouts import RolloutLog
from assay.trainer.start import load_model, load_tokenizer
from assay.trainer.tiny import TAGS, TinyModel, build_tokenizer, save_tiny

SHAPE = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=64)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny(SHAPE, folder, seed=0)
    return folder


# the tiny model ---------------------------------------------------------------------------


@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n")))
def test_the_tokenizer_gives_back_what_it_was_given(text: str) -> None:
    tokenizer = TOKENIZER
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


TOKENIZER = build_tokenizer()


def test_each_tag_is_one_token_and_survives_decoding(saved: Path) -> None:
    tokenizer = load_tokenizer(saved)
    text = "<think>1+2=3</think><answer>3</answer>"
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len("1+2=33") + len(TAGS)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer("é")["input_ids"] == [tokenizer.unk_token_id]
    assert tokenizer.padding_side == "left"


def test_weights_come_from_the_seed(tmp_path: Path, saved: Path) -> None:
    import torch

    for seed in (0, 1):
        save_tiny(SHAPE, tmp_path / str(seed), seed)
    first, again, other = (
        load_model(p, "float32") for p in (saved, tmp_path / "0", tmp_path / "1")
    )
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


# generation -------------------------------------------------------------------------------


def ask(saved: Path, prompts: list[Any], **settings: Any) -> list[Any]:
    defaults = {"max_new_tokens": 6, "temperature": None, "seed": 0, "batch_size": 2}
    model = load_model(saved, "float32")
    return complete(model, load_tokenizer(saved), prompts, **(defaults | settings))


def test_batches_and_padding_do_not_change_greedy_answers(saved: Path) -> None:
    prompts = ["1+1=", "12+34+56=", "7-2=", "9="]
    alone = [ask(saved, [prompt])[0] for prompt in prompts]
    assert ask(saved, prompts, batch_size=3) == alone
    assert all(c.tokens == 6 and c.truncated for c in alone if c.truncated)


def test_sampling_follows_its_seed_and_leaves_the_random_state_alone(saved: Path) -> None:
    import torch

    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (
        ask(saved, ["1+1="] * 4, temperature=1.0, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert torch.equal(torch.get_rng_state(), before)


def test_chat_prompts_go_through_the_template(saved: Path) -> None:
    tokenizer = load_tokenizer(saved)
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "1+1="}]
    assert prompt_ids(tokenizer, messages) == prompt_ids(tokenizer, "a1+1=")


def test_an_end_token_ends_the_answer(saved: Path) -> None:
    model, tokenizer = load_model(saved, "float32"), load_tokenizer(saved)
    model.lm_head.weight.data[tokenizer.eos_token_id] *= 0
    model.lm_head.weight.data[tokenizer.eos_token_id] += 1e3  # one of the two signs ends at once
    settings: dict[str, Any] = {
        "max_new_tokens": 6,
        "temperature": None,
        "seed": 0,
        "batch_size": 1,
    }
    ends = complete(model, tokenizer, list("0123456789"), **settings)
    at_once = [c for c in ends if not c.truncated]
    assert at_once
    assert all(c.tokens <= 6 and "<eos>" not in c.text for c in at_once)


# intervals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        pytest.param(81, 263, 0.2553, 0.3662, id="newcombe-81-of-263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="newcombe-15-of-148"),
        pytest.param(0, 20, 0.0, 0.1611, id="newcombe-0-of-20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="newcombe-1-of-29"),
        pytest.param(20, 20, 0.8389, 1.0, id="all"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing-known"),
    ],
)
def test_wilson(passed: int, n: int, low: float, high: float) -> None:
    assert wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_rate_and_mirrors(counts: tuple[int, int]) -> None:
    passed, n = counts
    low, high = wilson(passed, n)
    assert 0.0 <= low <= passed / n <= high <= 1.0
    assert wilson(n - passed, n) == pytest.approx((1 - high, 1 - low))


def reward(passed: bool | None, value: float | None = 1.0) -> Reward:
    status = Status.SCORED if passed is not None else Status.FAILED
    return Reward(value=value, unshaped=value, passed=passed, status=status, verdicts={})


def test_a_fault_is_no_failed_answer() -> None:
    found = rate([reward(True), reward(False), reward(None, None), reward(True)])
    assert (found["pass_rate"], found["n"], found["unjudged"]) == (pytest.approx(2 / 3), 3, 1)


# logs -------------------------------------------------------------------------------------


def test_metrics_survive_a_cut_and_go_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path, None)
    log.write(1, "train", {"reward": 0.5, "kl": math.nan, "name": "x"})
    log.write(2, "train", {"reward": 1})
    log.write(2, "eval", {"reward": 2.0})
    log.write(3, "train", {"reward": 3.0})
    log.close()
    path.write_text(path.read_text() + '{"step": 4, "spl')
    again = MetricsLog(path, resume_at=2)
    again.write(2, "eval", {"reward": 9.0})
    again.write(3, "train", {"reward": 4.0})
    again.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["step"], row["split"], row["reward"]) for row in rows] == [
        (1, "train", 0.5),
        (2, "train", 1),
        (2, "eval", 2.0),
        (3, "train", 4.0),
    ]
    assert rows[0]["kl"] is None
    assert rows[0]["name"] == "x"


def logged(folder: Path, steps: list[tuple[int, str]], resume_at: int | None) -> RolloutLog:
    log = RolloutLog(folder, ["demo.x"], resume_at)
    for step, split in steps:
        sample = Sample(prompt="p", completion=f"{split} {step}", extra={"completion_tokens": 3})
        log.add([sample], [reward(True)], step=step, split=split)
        log.flush()
    return log


def test_rollouts_beyond_the_checkpoint_are_done_again(tmp_path: Path) -> None:
    first = [(0, "eval"), (1, "train"), (2, "train"), (2, "eval"), (3, "train")]
    logged(tmp_path, first, None).join()
    assert pq.read_table(tmp_path / "rollouts.parquet").column("step").to_pylist() == [
        0,
        1,
        2,
        2,
        3,
    ]
    logged(tmp_path, [(3, "train"), (3, "eval")], resume_at=2).close()
    rows = pq.read_table(tmp_path / "rollouts.parquet").to_pylist()
    assert [(row["step"], row["split"]) for row in rows] == [
        (0, "eval"),
        (1, "train"),
        (2, "train"),
        (3, "train"),
        (3, "eval"),
    ]
    assert {row["completion_tokens"] for row in rows} == {3}
    assert not (tmp_path / "rollouts").exists()


# display ----------------------------------------------------------------------------------

LOGS = {
    "reward": 0.5,
    "assay/pass_rate": 0.25,
    "assay/math.exact/fault_rate": 0.125,
    "assay/zero_variance_groups": 0.5,
}


def test_a_plain_line_tells_the_numbers_that_matter() -> None:
    shown = io.StringIO()
    display = Display(Console(file=shown, width=40))
    display.begin("train", 20)
    display.step(10)
    display.facts(10, summary_of(LOGS, ["math.exact", "format.think_answer"]))
    display.end()
    text = (
        "train 10/20  reward 0.500  pass 25.0%  faults 12.5%  zero-variance groups 50%  ETA 0:00\n"
    )
    assert shown.getvalue() == text


def test_a_terminal_gets_a_bar_and_other_ranks_nothing() -> None:
    for hidden in (False, True):
        shown = io.StringIO()
        display = Display(Console(file=shown, force_terminal=True, width=120), shown=not hidden)
        display.begin("train", 20)
        display.facts(20, "reward 1.000")
        display.end()
        assert ("20/20" in shown.getvalue()) is not hidden
