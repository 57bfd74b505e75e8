"""What of TRL and transformers we override or call that is not their public interface.

A new TRL that renames one of these, or changes what it takes, must fail here with one clear
message, and not in the middle of a run with a wrong advantage.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError

__all__ = ["HOOKS", "Hook", "broken_hooks", "require_hooks"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A method, the parameters it must take, and what must be found in its source."""

    owner: str
    """``trl.GRPOTrainer`` or ``transformers.Trainer``."""
    name: str
    parameters: tuple[str, ...]
    says: tuple[str, ...] = ()
    """Pieces of its source that we rely on."""
    why: str = ""


HOOKS = (
    Hook(
        "trl.GRPOTrainer",
        "_calculate_rewards",
        ("self", "inputs", "prompts", "completions", "completion_ids_list"),
        ("rewards_per_func = gather(rewards_per_func)", "return rewards_per_func"),
        "gives the rewards of all ranks, in order",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_generate_and_score_completions",
        ("self", "inputs"),
        (
            '"advantages": advantages',
            '"completion_mask": completion_mask',
            'output["old_per_token_logps"]',
            'output["ref_per_token_logps"]',
            '"num_items_in_batch": num_items_in_batch',
        ),
        "its advantages are replaced, and its tensors joined when groups are refilled",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_get_per_token_logps_and_entropies",
        ("self", "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size"),
        ("fused_lm_head=True", "start in range(0, input_ids.size(0), batch_size)"),
        "its forward pass is the critic's too, one call a chunk, in order",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_compute_loss",
        ("self", "model", "inputs"),
        (
            "if advantages.dim() == 1",
            "if self.beta != 0.0",
            "self.current_gradient_accumulation_steps",
        ),
        "takes advantages of shape (B, T), and no KL where beta is 0",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_generate",
        ("self", "prompts"),
        ("completion_ids",),
        "writes the greedy completions of ReMax",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_generate",
        ("self", "prompts"),
        (
            "output = self.rollout_func(prompts, self)",
            'required_keys = {"prompt_ids", "completion_ids", "logprobs"}',
            'output["prompt_ids"], output["completion_ids"], output["logprobs"]',
        ),
        "takes GRAPE's completions with the prompts that they are trained under",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_generate_and_score_completions",
        ("self", "inputs"),
        (
            'prompts = [x["prompt"] for x in inputs]',
            ") = self._generate(prompts)",
            "prompt_completion_ids = torch.cat([prompt_ids, completion_ids], dim=1)",
            "self._calculate_rewards(inputs, prompts, completions, completion_ids_list)",
            "inp[key] = values[i]",
            'torch.tensor([float("nan") if x is None else x for x in logps])',
        ),
        "takes log-probabilities under the prompts it is handed, and rewards of the questions",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_generate_single_turn",
        ("self", "prompt_ids", "images", "multimodal_fields", "num_generations"),
        ("return completion_ids, logprobs",),
        "writes GRAPE's completions, each under a prompt of its own",
    ),
    Hook(
        "trl.GRPOTrainer",
        "_tokenize_prompts",
        ("self", "prompts"),
        ("return prompt_ids, images, multimodal_fields",),
        "gives the tokens of GRAPE's prompts",
    ),
    Hook("trl.GRPOTrainer", "_get_train_sampler", ("self", "dataset"), ("RepeatSampler",)),
    Hook(
        "trl.GRPOTrainer",
        "_prepare_inputs",
        ("self", "generation_batch"),
        ("shuffle_sequence_dict", "split_tensor_dict", "self._step % generate_every"),
        "shuffles and cuts every tensor we add along its first dimension",
    ),
    Hook("transformers.Trainer", "create_optimizer", ("self", "model"), ("self.optimizer",)),
    Hook(
        "transformers.Trainer", "_save", ("self", "output_dir", "state_dict"), ("save_pretrained",)
    ),
    Hook("transformers.Trainer", "_save_checkpoint", ("self", "model", "trial")),
    Hook(
        "transformers.Trainer",
        "_load_from_checkpoint",
        ("self", "resume_from_checkpoint", "model"),
        ("load_state_dict(state_dict, False)",),
        "does not mind weights that are missing from a checkpoint; ours are loaded after it",
    ),
)


def broken_hooks() -> list[str]:
    """What the installed TRL no longer gives us, in sentences; empty when all is well."""
    found = []
    for hook in HOOKS:
        method = getattr(_owner(hook.owner), hook.name, None)
        if method is None:
            found.append(f"{hook.owner}.{hook.name} is gone")
            continue
        method = inspect.unwrap(method)
        taken = tuple(inspect.signature(method).parameters)
        if taken[: len(hook.parameters)] != hook.parameters:
            found.append(f"{hook.owner}.{hook.name} takes {taken}, not {hook.parameters}")
        source = inspect.getsource(method)
        found += [
            f"{hook.owner}.{hook.name} no longer says {p!r}" for p in hook.says if p not in source
        ]
    return found


def require_hooks() -> None:
    """Raise ``ConfigError`` when the installed TRL is not one that our trainers fit."""
    broken = broken_hooks()
    if broken:
        import trl

        raise ConfigError(
            f"trl {trl.__version__} is not one that these trainers fit: {'; '.join(broken)};"
            " install trl==1.16.*, or use algorithm grpo or rloo in a script of your own"
        )


def _owner(name: str) -> Any:
    package, _, attribute = name.rpartition(".")
    return getattr(__import__(package), attribute)
