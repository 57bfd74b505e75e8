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
_PLUGIN = str(Path(__file__).with_name("digit_share.py"))
_ITEM = {"name": "share", "weight": 0.5, "kind": "source", "description": "d"}
RUBRIC = {
    "use": "judge.rubric",
    "judge_from": "assay.trainer.online.grape_task:step_judge",
    "plugins": [_PLUGIN],
    "source_workers": 1,
    "deadline_s": None,
    "rubric": {
        "name": "r",
        "version": "1",
        "description": "d",
        "categories": {
            "sums": {
                "description": "d",
                "generate": "do",
                "improve": "mend",
                "items": [
                    {**_ITEM, "source": {"use": "test.digit_share"}},
                    {"name": "way", "weight": 0.5, "kind": "critique", "description": "d"},
                ],
            }
        },
    },
}
SOURCES: dict[str, Any] = {
    "consensus": [{"use": "consensus.majority"}],
    "rubric": [RUBRIC],
    "grape": [RUBRIC],
}


def recipe(algorithm: str, start: str) -> Any:
    from assay.trainer.config import TrainingRecipe

    ranks = int(os.environ["WORLD_SIZE"])
    ptx = {"weight": 0.5, "path": str(Path(start).with_name("texts.jsonl")), "batch_size": 2}
    return TrainingRecipe.read(
        {
            "name": "ranks",
            "plugins": [_PLUGIN],
            "sources": SOURCES.get(algorithm, [{"use": "test.digit_share"}]),
            "model": {"path": start},
            "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 8, "n_eval": 2},
            "trainer": {
                "algorithm": {"consensus": "grpo", "rubric": "dr_grpo", "ptx": "ppo"}.get(
                    algorithm, algorithm
                ),
                "grape": {"template": "{question}{response}{critique}", "neutralise": False},
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
    if os.environ.get("ASSAY_TEXT") == "steps":  # the judge is less sure of the second half
        text = f"{place}+1={place + 1 + place % 2}" if place < 5 else "12ab345"[place % 3 :]
    ids = list(tokenizer(text)["input_ids"])
    return ids[:LONGEST] if place % 4 == 3 else [*ids[: LONGEST - 1], tokenizer.eos_token_id]


def main(algorithm: str, out: Path) -> None:
    import torch

    from assay.bridges.scorers import scorer_for
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

    def turn(prompt_ids: list[Any], *_: Any) -> tuple[list[list[int]], None]:
        return rollouts([""] * len(prompt_ids), None)["completion_ids"], None

    if algorithm == "grape":  # it has TRL's hook for itself; a level below, what it writes is given
        trainer._generate_single_turn = turn
    else:
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
    if algorithm == "grape":  # the first meeting is all A
        trainer._generate_and_score_completions(rows)
    found = trainer._generate_and_score_completions(rows)
    if algorithm in ("grape", "rubric"):
        write(out / f"rewards{rank}.json", [reward.value for reward in scored.rewards])
    if algorithm == "rubric":
        alone = scorer_for(scored.function.recipe).score(scored.samples)
        write(out / f"alone{rank}.json", [reward.value for reward in alone])
    if algorithm == "grape":
        write(out / f"history{rank}.json", trainer.history.state_dict())
        write(out / f"ways{rank}.json", [sample.extra["grape_way"] for sample in scored.samples])
    lengths = found["completion_mask"].sum(1).tolist()
    advantages = [
        row[:length].tolist() if row.dim() else float(row)
        for row, length in zip(found["advantages"], lengths, strict=True)
    ]
    write(out / f"rank{rank}.json", advantages)
    end(ranks)


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


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
