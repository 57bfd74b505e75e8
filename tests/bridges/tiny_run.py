"""One short GRPO or RLOO run on a tiny model with one of our reward functions.

Imported by the tests, and run by torchrun as a program (``tiny_run.py OUT``): then each rank writes
what its reward function was shown and gave to ``OUT/rank<N>.json``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLUGIN = str(Path(__file__).with_name("demo_sources.py"))
GENERATIONS = 4


def train(folder: Path, rewards: Any, *, trainer: str = "GRPO", chat: bool = False, **more: Any):
    """Train for two steps; the trainer, with its log."""
    import torch
    import trl
    from datasets import Dataset

    from assay.trainer.tiny import TinyModel, save_tiny

    torch.set_num_threads(1)
    model = folder / "model"
    if not model.exists():
        save_tiny(TinyModel(layers=1, hidden=32, heads=2, feed_forward=64), model, 0)
    ask: Callable[[str], Any] = lambda q: [{"role": "user", "content": q}] if chat else q  # noqa: E731
    rows = [
        {"prompt": ask(f"{i}+1="), "answer": str(i + 1), "id": i, "data_source": "sum"}
        for i in range(8)
    ]
    rows[3]["answer"] = None
    config = getattr(trl, f"{trainer}Config")(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=more.pop("batch_size", GENERATIONS),
        num_generations=GENERATIONS,
        max_completion_length=8,
        max_steps=more.pop("max_steps", 2),
        logging_steps=1,
        learning_rate=1e-3,
        beta=0.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        seed=1,
        **more,
    )
    made = getattr(trl, f"{trainer}Trainer")(
        model=str(model), reward_funcs=rewards, args=config, train_dataset=Dataset.from_list(rows)
    )
    made.train()
    return made


def main(out: Path) -> None:
    """One rank of a data-parallel run whose groups are split across ranks."""
    import logging

    from assay.bridges.trl import reward_func

    rank = int(os.environ["RANK"])
    calls: list[dict[str, Any]] = []
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("assay.bridges.trl").addHandler(listener)

    def sink(samples: list[Any], rewards: list[Any], state: Any) -> None:
        calls.append(
            {
                "groups": [sample.group_key for sample in samples],
                "values": [reward.value for reward in rewards],
                "step": state.global_step,
            }
        )

    recipe = {"name": "split", "plugins": [PLUGIN], "sources": ["demo.digits", "demo.rank"]}
    trainer = train(
        out / str(rank),
        reward_func(recipe, sink=sink, max_completion_length=8),
        batch_size=GENERATIONS // 2,
        ddp_backend="gloo",
        log_completions=True,
    )
    report = {"calls": calls, "said": said, "log": trainer.state.log_history}
    (out / f"rank{rank}.json").write_text(json.dumps(report), encoding="utf-8")
    import torch

    torch.distributed.destroy_process_group()
    # Now and then (1 run in 6 here) the end of the trainer, or of the interpreter, waits for one of
    # torch's own threads for ever, after everything is done and written; that is not what this run
    # tests. So nothing is freed: not even what this function holds.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
