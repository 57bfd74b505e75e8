"""What ``assay select`` writes for TRL, its trainers take as it is."""

from __future__ import annotations

import json
import math
import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

from assay.core.records import record
from assay.core.types import Reward, Sample, Status, Verdict
from assay.offline.select.run import SelectOptions, select_file

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }} {% endfor %}"


def scored(prompt, completion, value):
    said = {"s.s": Verdict.scored(value, value > 0.5, source="s.s", version="1")}
    status = Status.SCORED
    reward = Reward(value=value, unshaped=value, passed=value > 0.5, status=status, verdicts=said)
    return record(Sample(prompt=prompt, completion=completion), reward)


@pytest.fixture(scope="module")
def tiny():
    """A model of one layer and a tokenizer of a few words, made here."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)
    words = ["<pad>", "<eos>", "<unk>", *"abcdefgh?:0123456789", "user", "assistant"]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
    )
    return lambda: LlamaForCausalLM(config), tokenizer


@pytest.fixture(params=["text", "chat"])
def file(request, tmp_path):
    """8 prompts with 4 scored completions each."""
    path = tmp_path / "scored.jsonl"
    rows = []
    for n, letter in enumerate("abcdefgh"):
        asked = f"{letter} {n} ?"
        prompt = asked if request.param == "text" else [{"role": "user", "content": asked}]
        for i in range(4):
            said = f"{letter} {i}"
            completion = said if request.param == "text" else [
                {"role": "assistant", "content": said}
            ]  # fmt: skip
            rows.append(scored(prompt, completion, i / 3))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def arguments(kind, folder):
    return kind(
        output_dir=str(folder / "run"),
        max_steps=2,
        per_device_train_batch_size=4,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        max_length=32,
    )


@pytest.mark.filterwarnings("ignore")  # of TRL and its own dependencies
@pytest.mark.parametrize(
    ("make", "suffix", "method"),
    [
        pytest.param("sft", ".parquet", "SFT", id="sft"),
        pytest.param("dpo", ".parquet", "DPO", id="dpo"),
        pytest.param("dpo", ".jsonl", "DPO", id="dpo-jsonl"),
        pytest.param("kto", ".parquet", "KTO", id="kto"),
        pytest.param("kto", ".jsonl", "KTO", id="kto-jsonl"),
    ],
)
def test_two_steps_on_the_file_as_it_is(tmp_path, file, tiny, *, make, suffix, method) -> None:
    import datasets
    import trl

    out = tmp_path / f"out{suffix}"
    select_file(file, out, SelectOptions(make=make))
    kind = "parquet" if suffix == ".parquet" else "json"
    cache = str(tmp_path / "cache")
    data = datasets.load_dataset(kind, data_files=str(out), split="train", cache_dir=cache)
    model, tokenizer = tiny
    trainer = getattr(trl, f"{method}Trainer")(
        model=model(),
        args=arguments(getattr(trl, f"{method}Config"), tmp_path),
        train_dataset=data,
        processing_class=tokenizer,
        **({} if make == "sft" else {"ref_model": model()}),
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
