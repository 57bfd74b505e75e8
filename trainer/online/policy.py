"""GRPO's plumbing with the advantage, and what else an algorithm says, in our hands.

TRL generates, distributes, clips, steps, logs and saves. Overridden here: which advantages a batch
gets (``rules``), the terms an algorithm adds to the loss, groups that are replaced (``dynamic``),
the order of prompts (``curriculum``), and what of all that goes into a checkpoint. Everything
private that this rests on is listed in ``hooks``.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...core.errors import ConfigError
from ..estimators import losses
from ..estimators.kl import AdaptiveKL, FixedKL, k3
from .dynamic import refill
from .pass_rates import PassRates, gathered
from .plan import Plan
from .ptx import PtxTexts
from .rollout import Rollout
from .rules import READ_VERDICTS, RULES
from .scored import ScoredBatch

_trl: Any = importlib.import_module("trl")  # it makes its exports at run time, half typed
GRPOConfig: Any = _trl.GRPOConfig
GRPOTrainer: Any = _trl.GRPOTrainer

__all__ = ["STATE", "PolicyConfig", "PolicyTrainer"]

STATE = "assay_state.json"
"""In a checkpoint: what an algorithm knows beside weights and optimizer."""


class PolicyConfig(GRPOConfig):  # type: ignore[misc]  # TRL's is untyped
    """TRL's configuration, which also takes one completion a prompt."""

    num_generations: Any

    def __post_init__(self) -> None:
        """TRL's checks, with a group of one let through."""
        if self.num_generations != 1:
            super().__post_init__()
            return
        steps = self.steps_per_generation or self.gradient_accumulation_steps
        whole = self.generation_batch_size or self.per_device_train_batch_size * steps
        if whole < 2:
            raise ValueError(f"a rank's batch needs at least 2 completions, got {whole}")
        self.num_generations = whole  # divides the batch and is not refused
        try:
            super().__post_init__()
        finally:
            self.num_generations = 1


class PolicyTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL's is untyped
    """GRPOTrainer for the algorithms of ``plan.PRESETS``.

    Args:
        model, reward_funcs, args, **settings: those of GRPOTrainer; ``args`` a ``PolicyConfig`` for
            one completion a prompt.
        plan: what the algorithm is; by default TRL's own.
        scored: a recipe as the only reward function, in place of ``reward_funcs``. Rules that read
            verdicts (``gdpo``, ``cost``, ``grpo_process``) need it.
        sampler: makes the sampler of prompts in place of TRL's, from (dataset, trainer).
    """

    beta: Any

    def __init__(
        self,
        model: Any,
        reward_funcs: Any = None,
        args: Any = None,
        *,
        plan: Plan | None = None,
        scored: ScoredBatch | None = None,
        sampler: Callable[[Any, PolicyTrainer], Any] | None = None,
        **settings: Any,
    ) -> None:
        plan = Plan() if plan is None else plan
        if scored is None and plan.rule in READ_VERDICTS:
            raise ConfigError(
                f"rule {plan.rule!r} reads verdicts, which reward functions do not give;"
                " hand over the recipe as scored=ScoredBatch(recipe)"
            )
        self.plan = plan
        self.scored = scored
        self.multiplier = plan.cost.multiplier
        self.pass_rates = PassRates(plan.smoothing)
        self.refills = 0
        self._sampler = sampler
        self._curriculum: Any = None
        self._curriculum_state: dict[str, Any] | None = None
        self.rewards_N_K: torch.Tensor | None = None
        self._kept: list[torch.Tensor] | None = None
        functions = reward_funcs if scored is None else scored
        super().__init__(model=model, reward_funcs=functions, args=args, **settings)
        adaptive = plan.old_kl_target
        self.old_kl = AdaptiveKL(plan.old_kl, adaptive) if adaptive else FixedKL(plan.old_kl)
        self._ptx = (
            None if plan.ptx is None else PtxTexts(plan.ptx, self._tokenizer, self.args.seed)
        )

    # a batch --------------------------------------------------------------------------------

    def note(self, name: str, value: float) -> None:
        """A number for the log; the mean over a logging period is written."""
        self._metrics["train" if self.model.training else "eval"][name].append(value)

    def roll_out(self, rows: list[dict[str, Any]]) -> Rollout:
        """Completions for rows, scored; with TRL's own advantages still in them."""
        out = super()._generate_and_score_completions(rows)
        assert self.rewards_N_K is not None  # ``_calculate_rewards`` has been called
        training = self.model.training
        rollout = Rollout(
            out=out,
            rows=rows,
            rewards_N=self.summed(self.rewards_N_K),
            samples=[] if self.scored is None else self.scored.samples,
            verdicts=[] if self.scored is None else self.scored.rewards,
            group_size=self.num_generations if training else self.num_generations_eval,
            first=self.accelerator.process_index * len(rows),
        )
        if training:
            self._remember(rollout)
        return rollout

    def summed(self, rewards_N_K: torch.Tensor) -> torch.Tensor:
        """(N,): the weighted sum over reward functions; NaN where none has a value."""
        weighted: torch.Tensor = rewards_N_K * self.reward_weights.to(rewards_N_K.device)
        lost = torch.isnan(rewards_N_K).all(dim=1)
        return weighted.nansum(dim=1).masked_fill(lost, torch.nan)

    def finish(self, rollout: Rollout) -> dict[str, Any]:
        """TRL's batch with this algorithm's advantages."""
        if self.plan.rule is not None:
            if self.plan.kl_in_reward:
                rollout.out["rollout_logps"] = self._rollout_logps(rollout)
            found = RULES[self.plan.rule](self, rollout)
            rollout.out["advantages"] = torch.nan_to_num(found)
        rollout.out.pop("rollout_logps", None)
        return rollout.out

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        rollout = self.roll_out(inputs)
        if self.plan.dynamic is not None and self.model.training:
            rollout = refill(self, rollout, self.plan.dynamic)
        return self.finish(rollout)

    def _calculate_rewards(self, *args: Any, **settings: Any) -> torch.Tensor:
        found: torch.Tensor = super()._calculate_rewards(*args, **settings)
        self.rewards_N_K = found
        return found

    def _remember(self, rollout: Rollout) -> None:
        """Pass rates by prompt, of all ranks; nothing where scoring broke."""
        whole = len(rollout.verdicts) == rollout.size
        ids = [str(row.get("id") or row["prompt"]) for row in rollout.rows] if whole else []
        passed = [reward.passed for reward in rollout.verdicts] if whole else []
        self.pass_rates.update(*gathered(ids, passed))

    def _rollout_logps(self, rollout: Rollout) -> torch.Tensor:
        """(B, T): of the policy that wrote the batch, without gradient."""
        known: torch.Tensor | None = rollout.out.get("old_per_token_logps")
        if known is not None:
            return known
        with torch.no_grad():
            logps, _, _ = self._forward(
                self.model, rollout.out, self.args.per_device_train_batch_size
            )
        rollout.out["old_per_token_logps"] = logps
        found: torch.Tensor = logps
        return found

    def _forward(self, model: Any, out: dict[str, Any], batch_size: int | None = None) -> Any:
        """(log-probabilities, entropies, auxiliary loss) of the completions in a batch."""
        ids = torch.cat([out["prompt_ids"], out["completion_ids"]], dim=1)
        mask = torch.cat([out["prompt_mask"], out["completion_mask"]], dim=1)
        return self._get_per_token_logps_and_entropies(
            model,
            ids,
            mask,
            out["completion_ids"].size(1),
            batch_size=batch_size,
            compute_entropy=True,
        )

    def token_texts(self, ids: list[int]) -> list[str]:
        """The text that each token adds to the decoded completion, special tokens adding none."""
        texts, before = [], ""
        for end in range(1, len(ids) + 1):
            so_far = self._tokenizer.decode(ids[:end], skip_special_tokens=True)
            texts.append(so_far[len(before) :])
            before = so_far
        return texts

    # the loss -------------------------------------------------------------------------------

    def _get_per_token_logps_and_entropies(self, *args: Any, **settings: Any) -> Any:
        found = super()._get_per_token_logps_and_entropies(*args, **settings)
        if self._kept is not None:
            self._kept.append(found[0])
        return found

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        self._kept = []
        try:
            loss = self._policy_loss(model, inputs)
            logps = self._kept[0]
        finally:
            self._kept = None
        self._note_step(logps, inputs)
        return loss + self._more_loss(model, inputs, logps) / self._accumulation()

    def _policy_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """TRL's loss, without its KL where that is in the reward; or one that TRL lacks."""
        if self.plan.loss != "trl":
            return self._own_loss(model, inputs)
        beta: float = self.beta
        if self.plan.kl_in_reward:
            self.beta = 0.0  # it is in the advantages; twice would be another algorithm
        try:
            loss: torch.Tensor = super()._compute_loss(model, inputs)
        finally:
            self.beta = beta
        return loss

    def _own_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """CPI, a penalty on the KL to the sampling policy, or the ratio of whole completions."""
        logps, entropies, _ = self._forward(model, inputs)
        mask = _mask(inputs)
        old = inputs.get("old_per_token_logps")
        old = logps.detach() if old is None else old
        adv = inputs["advantages"]
        adv = adv.unsqueeze(1) if adv.dim() == 1 else adv
        if self.plan.loss == "sequence_sum":  # GRAPE, eq. 17: not normalised by length
            ratio = losses.sequence_ratio(logps, old, mask, normalise=False).reshape(-1, 1)
            loss = losses.clipped(ratio, adv, self.epsilon_low, self.epsilon_high).mean()
        else:
            ratio = losses.ratio(logps, old)
            beta = self.old_kl.beta if self.plan.loss == "kl_penalty" else 0.0
            per_token = losses.kl_penalised(ratio, adv, k3(old, logps), beta)
            loss = self.token_mean(per_token, mask)
        seen = (entropies.detach() * mask).sum() / mask.sum().clamp(min=1)
        self.note("entropy", float(seen))
        if self.beta and not self.plan.kl_in_reward:
            reference = inputs["ref_per_token_logps"]
            loss = loss + self.beta * self.token_mean(k3(logps, reference), mask)
        return loss / self._accumulation()

    def _more_loss(self, model: Any, inputs: dict[str, Any], logps: torch.Tensor) -> torch.Tensor:
        """The terms that an algorithm adds; not yet divided by the accumulation."""
        more = torch.zeros((), device=logps.device)
        if self.plan.rule == "mdloo":
            old = inputs.get("old_per_token_logps")
            old = logps.detach() if old is None else old
            term = losses.mirror(logps, old, self.plan.reinforce.step_size)
            more = more + self.token_mean(term, _mask(inputs))
        if self._ptx is not None and self.model.training:
            # past the wrapper: data parallelism allows one pass through it before the backward pass
            term = self._ptx.loss(self.accelerator.unwrap_model(model), self.state.global_step)
            self.note("ptx_loss", float(term.detach()))
            more = more + self._ptx.weight * term
        return more

    def token_mean(self, loss_B_T: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The mean over the tokens of all ranks, so that data parallelism, which averages over
        ranks, gives the gradient of one process."""
        ranks = int(self.accelerator.num_processes)
        count: torch.Tensor = self.accelerator.gather(mask.sum()).sum().clamp(min=1)
        return torch.where(mask.bool(), loss_B_T, 0.0).sum() * ranks / count

    def _accumulation(self) -> float:
        return float(self.current_gradient_accumulation_steps) if self.model.training else 1.0

    def _note_step(self, logps: torch.Tensor, inputs: dict[str, Any]) -> None:
        """TRPO's diagnostics: how far the policy has gone from the one that sampled."""
        old = inputs.get("old_per_token_logps")
        if old is None:
            return
        mean, most = losses.old_to_new_kl(logps, old, _mask(inputs))
        mean, most = self.accelerator.gather(mean).mean(), self.accelerator.gather(most).max()
        self.note("kl_old/mean", float(mean))
        self.note("kl_old/max", float(most))
        if self.plan.loss == "kl_penalty" and self.model.training:
            self.old_kl.update(float(mean))
            self.note("kl_old/beta", self.old_kl.beta)

    # order and state ------------------------------------------------------------------------

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        if self._sampler is None:
            return super()._get_train_sampler(dataset)
        made = self._sampler(self.train_dataset if dataset is None else dataset, self)
        if self._curriculum_state is not None:  # read before the data loader was there
            made.load_state_dict(self._curriculum_state)
        self._curriculum = made
        return made

    def run_state(self) -> dict[str, Any]:
        """What a resumed run must know, as JSON."""
        return {
            "multiplier": self.multiplier,
            "old_kl": self.old_kl.state_dict(),
            "pass_rates": self.pass_rates.state_dict(),
            "refills": self.refills,
            "curriculum": None if self._curriculum is None else self._curriculum.state_dict(),
        }

    def load_run_state(self, state: dict[str, Any]) -> None:
        """Take up what ``run_state`` gave."""
        self.multiplier = state["multiplier"]
        self.old_kl.load_state_dict(state["old_kl"])
        self.pass_rates.load_state_dict(state["pass_rates"])
        self.refills = state["refills"]
        self._curriculum_state = state["curriculum"]
        if self._curriculum is not None and self._curriculum_state is not None:
            self._curriculum.load_state_dict(self._curriculum_state)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.args.should_save:  # ours first: the last file of theirs says that all is there
            name = f"checkpoint-{self.state.global_step}"
            folder = Path(self._get_output_dir(trial=trial)) / name
            folder.mkdir(parents=True, exist_ok=True)
            self.save_run_state(folder)
        super()._save_checkpoint(model, trial)

    def save_run_state(self, folder: Path) -> None:
        """Write what a resumed run must know into a checkpoint's folder."""
        (folder / STATE).write_text(json.dumps(self.run_state()), encoding="utf-8")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        path = Path(resume_from_checkpoint) / STATE
        if not path.exists():
            raise ConfigError(f"{path}: the checkpoint has none; it was written by another trainer")
        self.load_run_state(json.loads(path.read_text(encoding="utf-8")))


def _mask(inputs: dict[str, Any]) -> torch.Tensor:
    mask: torch.Tensor = inputs["completion_mask"]
    return mask * inputs["tool_mask"] if "tool_mask" in inputs else mask
