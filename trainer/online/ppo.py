"""PPO with a critic, fed by reward functions: token rewards with the KL in them, GAE, value loss.

Shapes: B completions, T tokens. Source: lectures, parts 2.8, 3.4 to 3.7; survey, 1.4 to 1.12;
GRAPE paper, eq. 11 and 12. What TRL's GRPOTrainer does is left to it: generation, the clipped loss,
the entropy bonus, epochs (``num_iterations``) and minibatches (``steps_per_generation``).

Not covered: generation by vLLM, whose weight transfer would send it the critic; images.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ...core.errors import ConfigError
from ..estimators import kl as kls
from ..estimators import losses
from ..estimators.kl import AdaptiveKL, FixedKL
from ..estimators.returns import (
    gae,
    masked_sums,
    returns_to_go,
    standardise,
    token_rewards,
    value_targets,
)
from .critic import FOLDER, Critic, load_critic
from .plan import Plan
from .policy import PolicyTrainer
from .rollout import Rollout, explained_variance
from .rules import reference_kl

__all__ = ["PPOTrainer"]


class PPOTrainer(PolicyTrainer):
    """PolicyTrainer with a critic.

        PPOTrainer("Qwen/Qwen2.5-0.5B", reward, PolicyConfig(beta=0.01, ...), train_dataset=...)

    Without a ``plan``, ``args.beta`` weighs the KL inside the reward and all else is default.
    ``start`` is where an own critic's weights come from; by default, where the model does.
    """

    def __init__(
        self,
        model: Any,
        reward_funcs: Any = None,
        args: Any = None,
        *,
        plan: Plan | None = None,
        start: str | None = None,
        **settings: Any,
    ) -> None:
        if plan is None:
            plan = Plan(kl_in_reward=0.0 if args is None else args.beta)
        if args is not None and args.ddp_find_unused_parameters is None:
            # the search for unused weights starts at the policy's output, where the critic is not
            args.ddp_find_unused_parameters = False
        super().__init__(model, reward_funcs, args, plan=plan, **settings)
        where = start or (model if isinstance(model, str) else model.config._name_or_path)
        if self.use_vllm:
            raise ConfigError(
                "trainer.trl.use_vllm: PPO generates with transformers only: the transfer of"
                " weights to vLLM would include the critic; use grpo or reinforce_pp with vLLM"
            )
        own, options = None, self.plan.ppo
        if options.critic == "own":
            own = load_critic(options.critic_path or str(where), self.model.dtype)
            own.train(self.model.training)
        self.critic = Critic(self.model, own)
        self.kl_beta = (
            AdaptiveKL(self.plan.kl_in_reward, options.kl_target)
            if options.kl_target and self.plan.kl_in_reward
            else FixedKL(self.plan.kl_in_reward)
        )
        self._values_B_T: torch.Tensor | None = None

    # a batch --------------------------------------------------------------------------------

    def roll_out(self, rows: list[dict[str, Any]]) -> Rollout:
        """Completions for rows, scored; with values where TRL computed log-probabilities anyway."""
        with self.critic.watching() as values:
            rollout = super().roll_out(rows)
        if (
            "old_per_token_logps" in rollout.out
        ):  # their pass was the first; a reference's may follow
            width = rollout.out["completion_ids"].size(1)
            rollout.out["values"] = torch.cat(values)[: rollout.size, -(width + 1) :]
        return rollout

    def finish(self, rollout: Rollout) -> dict[str, Any]:
        """TRL's batch with PPO's advantages, value targets and the values they rest on."""
        out, options = rollout.out, self.plan.ppo
        mask, scored = rollout.mask, rollout.scored_mask
        out["rollout_logps"], values = self._logps_and_values(rollout)
        beta = self.kl_beta.beta  # what this batch is charged; it moves for the next
        kl_B_T = self._kl(rollout)
        last = values.gather(1, out["completion_mask"].sum(1, keepdim=True)).squeeze(1)
        last = last * self._goes_on(rollout) if options.bootstrap_truncated else last * 0
        values_B_T = values[:, :-1] * mask
        scores = torch.nan_to_num(rollout.rewards_B)
        inside = beta if options.kl_credit == "to_go" else 0.0
        rewards_B_T = token_rewards(scores, kl_B_T, inside, scored)
        found = gae(
            rewards_B_T,
            values_B_T,
            scored,
            gamma=options.gamma,
            lam=options.lam,
            last_values=last,
        )
        out["returns"] = value_targets(found, values_B_T) * scored
        if options.kl_credit == "immediate":
            found = found - beta * kl_B_T
        self._note_critic(rewards_B_T, values_B_T, scored, found)
        if options.whiten:
            sums = self.accelerator.reduce(masked_sums(found, scored))
            found = standardise(found, scored, sums)
        out["advantages"] = found * scored
        out["old_per_token_logps"] = out.pop("rollout_logps")
        out["old_values"], out["value_mask"] = values_B_T, scored
        return out

    def _goes_on(self, rollout: Rollout) -> torch.Tensor:
        """(B,): 1 where the completion was cut off, so that its last state is not its end."""
        ids, lengths = rollout.out["completion_ids"], rollout.out["completion_mask"].sum(1)
        final: torch.Tensor = ids.gather(1, (lengths - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        ends = torch.tensor(self.eos_token_ids, device=ids.device)
        goes_on: torch.Tensor = ~torch.isin(final, ends) & (lengths > 0)
        return goes_on.float()

    def _logps_and_values(self, rollout: Rollout) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T) log-probabilities and (B, T + 1) values: one for the state before each token,
        and one for the state after the last."""
        if "values" in rollout.out:
            return rollout.out["old_per_token_logps"], rollout.out.pop("values")
        with torch.no_grad(), self.critic.watching() as values:
            logps, _, _ = self._forward(
                self.model, rollout.out, self.args.per_device_train_batch_size
            )
        return logps, torch.cat(values)[:, -(logps.shape[1] + 1) :]

    def _kl(self, rollout: Rollout) -> torch.Tensor:
        """(B, T): the penalty to the reference, before its weight."""
        if not self.plan.kl_in_reward or self.plan.ppo.kl == "k1":
            found = reference_kl(self, rollout)
        else:
            found = self._full_kl(rollout)
        if isinstance(self.kl_beta, AdaptiveKL) and self.model.training:
            sums = self.accelerator.reduce(masked_sums(found, rollout.mask))
            self.kl_beta.update(float(sums[1] / sums[0].clamp(min=1)))
        self.note("kl_beta", self.kl_beta.beta)
        return found

    def _full_kl(self, rollout: Rollout) -> torch.Tensor:
        """(B, T): over the whole vocabulary, ``per_device_train_batch_size`` rows at a time."""
        out, found = rollout.out, []
        ids = torch.cat([out["prompt_ids"], out["completion_ids"]], dim=1)
        attention = torch.cat([out["prompt_mask"], out["completion_mask"]], dim=1)
        width = out["completion_ids"].size(1)
        for start in range(0, len(ids), self.args.per_device_train_batch_size):
            rows = slice(start, start + self.args.per_device_train_batch_size)
            with torch.no_grad():
                both = [
                    model(input_ids=ids[rows], attention_mask=attention[rows]).logits.float()
                    for model in (self.model, self.ref_model)
                ]
            own, reference = (x[:, -(width + 1) : -1] / self.temperature for x in both)
            found.append(kls.full(own, reference))
        penalty = torch.cat(found) * rollout.mask
        sums = self.accelerator.reduce(masked_sums(penalty, rollout.mask))
        self.note("kl", float(sums[1] / sums[0].clamp(min=1)))
        return penalty

    def _note_critic(
        self,
        rewards_B_T: torch.Tensor,
        values_B_T: torch.Tensor,
        mask: torch.Tensor,
        advantages_B_T: torch.Tensor,
    ) -> None:
        """How much of the variance of what came is known to the critic before it came.

        Against the returns that came (``explained_variance``), which no bootstrapping flatters,
        and against the critic's own targets (``explained_variance_targets``), as others log it.
        """
        came = returns_to_go(rewards_B_T, mask, self.plan.ppo.gamma)
        for name, returns in (
            ("explained_variance", came),
            ("explained_variance_targets", advantages_B_T + values_B_T),
        ):
            error, total = masked_sums(returns - values_B_T, mask), masked_sums(returns, mask)
            sums = self.accelerator.reduce(torch.cat([error, total[1:]]))
            self.note(f"critic/{name}", explained_variance(sums))
        total = self.accelerator.reduce(masked_sums(values_B_T, mask))
        self.note("critic/value_mean", float(total[1] / total[0].clamp(min=1)))

    # the loss -------------------------------------------------------------------------------

    def _policy_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        with self.critic.watching() as values:
            loss = super()._policy_loss(model, inputs)
        width = inputs["completion_ids"].size(1)
        self._values_B_T = values[0][:, -(width + 1) : -1]
        waits = self.model.training and self.state.global_step < self.plan.ppo.critic_warmup_steps
        return loss * 0.0 if waits else loss

    def _more_loss(self, model: Any, inputs: dict[str, Any], logps: torch.Tensor) -> torch.Tensor:
        more, values = super()._more_loss(model, inputs, logps), self._values_B_T
        assert values is not None  # ``_policy_loss`` has run
        self._values_B_T = None
        per_token = losses.value_loss(
            values, inputs["old_values"], inputs["returns"], self.plan.ppo.value_clip
        )
        value_loss = self.token_mean(per_token, inputs["value_mask"])
        self.note("critic/loss", float(value_loss.detach()))
        return more + self.plan.ppo.value_coef * value_loss

    # optimizer and state --------------------------------------------------------------------

    def create_optimizer(self, model: Any = None) -> Any:
        """The usual optimizer; the critic has a learning rate of its own where one is given."""
        optimizer = super().create_optimizer(model)
        rate = self.plan.ppo.critic_learning_rate
        if rate is not None:
            _split_groups(optimizer, self.critic.parameters(), rate)
        return optimizer

    def run_state(self) -> dict[str, Any]:
        """What a resumed run must know, as JSON."""
        return {**super().run_state(), "kl_beta": self.kl_beta.state_dict()}

    def load_run_state(self, state: dict[str, Any]) -> None:
        """Take up what ``run_state`` gave."""
        super().load_run_state(state)
        self.kl_beta.load_state_dict(state["kl_beta"])

    def _save(
        self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None
    ) -> None:
        super()._save(output_dir, state_dict)
        if self.args.should_save:
            self.critic.save(Path(output_dir or self.args.output_dir) / FOLDER, state_dict)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.critic.load(Path(resume_from_checkpoint) / FOLDER)


def _split_groups(optimizer: Any, chosen: Iterable[Any], rate: float) -> None:
    """Give some parameters of an optimizer a learning rate of their own."""
    wanted = {id(parameter) for parameter in chosen}
    for group in list(optimizer.param_groups):
        apart = [p for p in group["params"] if id(p) in wanted]
        if not apart:
            continue
        group["params"] = [p for p in group["params"] if id(p) not in wanted]
        more = {k: v for k, v in group.items() if k not in ("params", "lr")}
        optimizer.add_param_group({**more, "params": apart, "lr": rate})
