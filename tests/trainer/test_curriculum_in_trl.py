"""A curriculum under TRL's trainer: killed after a checkpoint, the run goes on with the same rows.

The loader draws ahead, skips what was trained on, and counts epochs: all of it is the real one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from assay.core.types import Sample
from assay.trainer.online.curriculum import CurriculumSampler
from assay.trainer.online.curriculum_config import CurriculumConfig
from assay.trainer.online.pass_rates import PassRates
from assay.trainer.start import load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

PROMPTS = "abcdefghijkl"
PROBLEMS = [Sample(prompt=letter, completion="", id=letter) for letter in PROMPTS]


class Run(TrainerCallback):
    """Trains on letters, remembers which, and keeps the curriculum's state in each checkpoint."""

    def __init__(self, folder: Path, rule: str, iterations: int) -> None:
        torch.set_num_threads(1)
        self.memory, self.asked = PassRates(1.0), list[str]()
        # sharp, so that what the memory says decides
        config = CurriculumConfig(rule=rule, smoothing=1.0, floor=1e-4, sharpness=8.0)  # type: ignore[arg-type]  # a table's text
        arguments = GRPOConfig(
            output_dir=str(folder / "out"),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            max_steps=16 if iterations == 1 else 12,
            save_strategy="steps",
            save_steps=4,
            per_device_train_batch_size=8,
            num_generations=4,
            num_iterations=iterations,
            max_completion_length=4,
            disable_tqdm=True,
            seed=1,
        )
        self.sampler = CurriculumSampler.for_trl(PROBLEMS, config, arguments, self.memory)
        self.trainer = GRPOTrainer(
            model=str(folder / "start"),
            reward_funcs=self.reward,
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": list(PROMPTS)}),
            processing_class=load_tokenizer(folder / "start"),
            callbacks=[self],
        )
        self.trainer._get_train_sampler = lambda dataset=None: self.sampler

    def reward(self, prompts: list[str], **_: Any) -> list[float]:
        """Pass or fail by letter and step alone, so that two runs remember the same."""
        when = len(self.asked)
        passed = [(ord(letter) + place + when) % 3 == 0 for place, letter in enumerate(prompts)]
        self.memory.update(prompts, passed)
        self.asked.append("".join(dict.fromkeys(prompts)))
        return [float(value) for value in passed]

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Beside the checkpoint: what a trainer of ours would put into it."""
        saved = [self.sampler.state_dict(), self.memory.state_dict(), self.asked]
        place = Path(args.output_dir) / f"curriculum-{state.global_step}.json"
        place.write_text(json.dumps(saved))


# TRL 1.16 sets what transformers 5 calls deprecated
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize(
    ("rule", "iterations"),
    [("adaptive", 1), ("adaptive", 2), ("easy_to_hard", 1), ("uniform", 1)],
)
def test_a_resumed_run_asks_what_an_undisturbed_one_asks(
    rule: str, iterations: int, tmp_path: Path
) -> None:
    shape = TinyModel(layers=1, hidden=16, heads=1, feed_forward=16, positions=16)
    save_tiny(shape, tmp_path / "start", 0)
    whole = Run(tmp_path, rule, iterations)
    whole.trainer.train()
    # 6 batches of 2 letters are an epoch: the checkpoints lie in its middle and after its end
    for step in (4, 8):
        resumed = Run(tmp_path, rule, iterations)
        text = (tmp_path / "out" / f"curriculum-{step}.json").read_text()
        state, rates, asked = json.loads(text)
        resumed.sampler.load_state_dict(state)
        resumed.memory.load_state_dict(rates)
        resumed.asked = asked
        resumed.trainer.train(resume_from_checkpoint=str(tmp_path / "out" / f"checkpoint-{step}"))
        assert len(asked) > 0
        assert resumed.asked == whole.asked
