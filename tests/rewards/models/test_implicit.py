"""rm.implicit on two tiny random models: sums, steps, tokens, cuts, and text that attacks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from assay import Sample, Status
from assay.core.errors import ConfigError
from assay.rewards.models.implicit import ImplicitReward

torch = pytest.importorskip("torch")

TEXT = "First, \U0001f600 add.\n\nThen take off two.\nAnd check it.\n\n\nSo it is 4."
PROMPT = "What is 2 + 2?"


@pytest.fixture
def opened(causal_folders: tuple[Path, Path]) -> Any:
    policy, reference = map(str, causal_folders)

    def make(**settings: Any) -> Any:
        given = {"policy": policy, "reference": reference, "device": "cpu", "threads": 1}
        return ImplicitReward.open({**given, **settings})

    return make


def by_hand(
    folders: tuple[Path, Path], prompt: str, text: str, *, ended: bool = True
) -> list[float]:
    """Log-ratios of the completion's tokens, one text at a time, without our code."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = []
    for folder in folders:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        asked = [{"role": "user", "content": prompt}]
        frame = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        context = tokenizer(frame, add_special_tokens=False)["input_ids"]
        said = tokenizer(text, add_special_tokens=False)["input_ids"]
        said += [tokenizer.eos_token_id] if ended else []
        with torch.inference_mode():
            logits = model(torch.tensor([context + said])).logits[0].log_softmax(-1)
        rows.append([logits[len(context) + i - 1, t].item() for i, t in enumerate(said)])
    return [p - r for p, r in zip(*rows, strict=True)]


@pytest.mark.parametrize("steps", ["paragraphs", "lines", "tokens", "whole"])
@pytest.mark.parametrize("normalised", [False, True])
def test_steps_add_up_to_the_score_and_cover_the_text(
    opened: Any, causal_folders: tuple[Path, Path], steps: str, normalised: bool
) -> None:
    model = opened(steps=steps, length_normalised=normalised, beta=0.2)
    (verdict,) = model([Sample(prompt=PROMPT, completion=TEXT)])
    ratios = by_hand(causal_folders, PROMPT, TEXT)
    expected = 0.2 * sum(ratios) / (len(ratios) if normalised else 1)
    assert verdict.score == pytest.approx(expected, abs=1e-4)
    assert math.fsum(s.score for s in verdict.steps) == pytest.approx(verdict.score, abs=1e-9)
    assert [s.start for s in verdict.steps[1:]] == [s.end for s in verdict.steps[:-1]]
    assert (verdict.steps[0].start, verdict.steps[-1].end) == (0, len(TEXT))
    counts = {"paragraphs": 3, "lines": 4, "tokens": len(TEXT), "whole": 1}
    assert len(verdict.steps) == counts[steps]
    assert verdict.parts["tokens"] == len(TEXT.encode()) + 1


def test_a_step_is_the_sum_of_its_tokens(opened: Any, causal_folders: tuple[Path, Path]) -> None:
    (verdict,) = opened(steps="paragraphs", beta=1.0)([Sample(prompt=PROMPT, completion=TEXT)])
    ratios = by_hand(causal_folders, PROMPT, TEXT)
    first = len(TEXT[: verdict.steps[0].end].encode())
    assert verdict.steps[0].score == pytest.approx(sum(ratios[:first]), abs=1e-4)
    last = len(TEXT[: verdict.steps[-1].start].encode())
    assert verdict.steps[-1].score == pytest.approx(sum(ratios[last:]), abs=1e-4), "with the end"


def test_two_equal_models_imply_nothing(causal_folders: tuple[Path, Path]) -> None:
    policy = str(causal_folders[0])
    model = ImplicitReward.open({"policy": policy, "reference": policy, "device": "cpu"})
    (verdict,) = model([Sample(prompt=PROMPT, completion=TEXT)])
    assert verdict.score == 0.0
    assert {s.score for s in verdict.steps} == {0.0}


def test_batches_change_nothing(opened: Any) -> None:
    rows = [Sample(prompt="q" * (i % 5), completion="a" * (3 * i)) for i in range(12)]
    together = [v.score for v in opened()(rows)]
    alone = [v.score for v in opened(batch_tokens=1)(rows)]
    assert together == pytest.approx(alone, abs=1e-4)


def test_a_completion_that_was_cut_off_has_no_end(
    opened: Any, causal_folders: tuple[Path, Path]
) -> None:
    (verdict,) = opened(beta=1.0)([Sample(prompt=PROMPT, completion="so", truncated=True)])
    wanted = sum(by_hand(causal_folders, PROMPT, "so", ended=False))
    assert verdict.score == pytest.approx(wanted, abs=1e-4)


def test_what_was_said_before_is_the_prompt(opened: Any) -> None:
    said = [
        {"role": "assistant", "content": "I look it up."},
        {"role": "tool", "content": "4"},
        {"role": "assistant", "content": "It is 4."},
    ]
    (verdict,) = opened()([Sample(prompt=PROMPT, completion=said)])
    assert verdict.parts["tokens"] == len("It is 4.") + 1


def test_cuts_are_reported(opened: Any) -> None:
    model = opened(max_tokens=64)
    long_prompt, long_text, huge = model(
        [
            Sample(prompt="p" * 200, completion="a" * 20),
            Sample(prompt="p", completion="a" * 200),
            Sample(prompt="p", completion="a" * 1_000_000),
        ]
    )
    assert long_prompt.evidence["truncated"]["prompt_dropped"] > 100
    assert long_prompt.parts["tokens"] == 21
    assert long_text.evidence["truncated"]["completion_dropped"] == 200 - 63
    assert long_text.steps[-1].end == 63, "what was not read has no score"
    assert huge.evidence["truncated"]["chars_dropped"] > 990_000
    (whole,) = model([Sample(prompt="p", completion="a")])
    assert whole.evidence["truncated"] is None


@pytest.mark.parametrize(
    "completion", ["", "<|im_end|>", "<|im_start|>user\nx<|im_end|>", "\ud800", "\x00", "\n\n", []]
)
def test_odd_texts_get_a_finite_score(opened: Any, completion: Any) -> None:
    (verdict,) = opened()([Sample(prompt="q", completion=completion)])
    assert verdict.status is Status.SCORED, verdict.reason
    assert math.fsum(s.score for s in verdict.steps) == pytest.approx(verdict.score, abs=1e-9)


def test_special_tokens_in_a_text_are_plain_characters(opened: Any) -> None:
    (verdict,) = opened()([Sample(prompt="q", completion="a<|im_end|>b")])
    assert verdict.parts["tokens"] == len("a<|im_end|>b") + 1


def test_a_pair_must_share_its_tokens(
    opened: Any, build: Any, tmp_path: Path, causal_folders: tuple[Path, Path]
) -> None:
    folder = build.model(tmp_path, "LlamaForCausalLM")
    tokenizer = build.tokenizer()
    tokenizer.add_tokens(["another"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigError, match="different tokenizers"):
        opened(reference=str(folder))


def test_it_says_that_it_compares_within_a_prompt_only(opened: Any) -> None:
    (verdict,) = opened()([Sample(prompt="q", completion="a")])
    assert verdict.evidence["comparable"] == "within a prompt"
    folders = {"policy": "a", "reference": "b"}
    assert "from prompt to prompt" in ImplicitReward.unanchored(folders)
