"""Advantages of given rollouts on one rank or several; run by torchrun: ``ranks.py ALGORITHM OUT``.

The completions are made from the place of a row in the whole batch, so they are the same however
many ranks share it; with two ranks the second of three groups is split between them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

GROUP, PROMPTS, LONGEST = 4, 3, 10
TOTAL = GROUP * PROMPTS
SOURCES = {"consensus": [{"use": "consensus.majority"}]}


def recipe(algorithm: str, start: str) -> Any:
    from assay.trainer.config import TrainingRecipe

    ranks = int(os.environ["WORLD_SIZE"])
    ptx = {"weight": 0.5, "path": str(Path(start).with_name("texts.jsonl")), "batch_size": 2}
    return TrainingRecipe.read(
        {
            "name": "ranks",
            "plugins": [str(Path(__file__).with_name("digit_share.py"))],
            "sources": SOURCES.get(algorithm, [{"use": "test.digit_share"}]),
            "model": {"path": start},
            "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 8, "n_eval": 2},
            "trainer": {
                "algorithm": {"consensus": "grpo", "ptx": "ppo"}.get(algorithm, algorithm),
                "ptx": ptx if algorithm == "ptx" else None,
                "dynamic_sampling": {"max_refills": 2} if algorithm == "dapo" else None,
                "per_device_train_batch_size": TOTAL // ranks,
                "num_generations": GROUP,
                "max_completion_length": LONGEST,
                "max_steps": 1,
                "beta": 0.1,
                "ppo": {"whiten": True},
                "learning_rate": 0.5,
                "trl": {"optim": "sgd"} | ({"ddp_backend": "gloo"} if ranks > 1 else {}),
            },
        }
    )


def completion(place: int, tokenizer: Any) -> list[int]:
    """The tokens of the completion at a place in the whole batch; some are cut off."""
    text = ("12ab345+" * 3)[place % 5 : place % 5 + 3 + place % 7]
    if os.environ.get("ASSAY_TEXT") == "flat" and place // GROUP == 1:
        text = "1a"  # the second group earns the same throughout, and is replaced
    if os.environ.get("ASSAY_TEXT") == "answers":
        text = f"<answer>{place * place % 3}</answer>"
    ids = list(tokenizer(text)["input_ids"])
    return ids[:LONGEST] if place % 4 == 3 else [*ids[: LONGEST - 1], tokenizer.eos_token_id]


def main(algorithm: str, out: Path) -> None:
    import torch

    from assay.trainer.data import dataset_of, load_problems
    from assay.trainer.online.algorithms import build_arguments, build_trainer
    from assay.trainer.online.scored import ScoredBatch
    from assay.trainer.start import load_tokenizer

    torch.set_num_threads(1)
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    start = str(out.parent / "start")
    read = recipe(algorithm, start)
    tokenizer, problems = load_tokenizer(start), load_problems(read).train
    scored = ScoredBatch(read.scoring(), max_completion_length=LONGEST)
    trainer = build_trainer(
        read,
        build_arguments(read, out / f"run{rank}"),
        start=start,
        tokenizer=tokenizer,
        problems=problems,
        dataset=dataset_of(problems),
        scored=scored,
        callback=None,
    )
    share = TOTAL // ranks

    def rollouts(prompts: list[str], _: Any) -> dict[str, Any]:
        places = range(rank * share, rank * share + len(prompts))
        return {
            "prompt_ids": [list(tokenizer(prompt)["input_ids"]) for prompt in prompts],
            "completion_ids": [completion(place, tokenizer) for place in places],
            "logprobs": None,
        }

    trainer.rollout_func = rollouts
    _disturb(trainer)
    dataset = dataset_of(problems)
    rows = [dataset[place // GROUP] for place in range(rank * share, (rank + 1) * share)]
    if os.environ.get("ASSAY_STEP"):
        trainer.train()
        weights = {name: w.tolist() for name, w in trainer.model.named_parameters() if w.dim() == 1}
        (out / f"rank{rank}.json").write_text(json.dumps(weights), encoding="utf-8")
        end(ranks)
    trainer.model.train()
    found = trainer._generate_and_score_completions(rows)
    lengths = found["completion_mask"].sum(1).tolist()
    advantages = [
        row[:length].tolist() if row.dim() else float(row)
        for row, length in zip(found["advantages"], lengths, strict=True)
    ]
    (out / f"rank{rank}.json").write_text(json.dumps(advantages), encoding="utf-8")
    end(ranks)


def end(ranks: int) -> None:
    """Leave at once: torch now and then waits for one of its own threads when all is done."""
    import torch

    from assay.bridges.scorers import close_scorers

    close_scorers()
    if ranks > 1:
        torch.distributed.destroy_process_group()
    os._exit(0)


def _disturb(trainer: Any) -> None:
    """A policy off its reference and a critic that values states, the same on every rank."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in trainer.model.parameters():
            weights.add_(0.02 * torch.randn(weights.shape, generator=generator))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
