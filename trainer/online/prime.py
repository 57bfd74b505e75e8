"""PRIME: process rewards from a model that learns them online, from outcomes only.

r(y_t) = β log π_φ(y_t)/π_ref(y_t); φ starts as the policy does, and is fitted to what the verifier
said of each batch after that batch has been scored. Source: tutorial, 6.4.4 (Cui et al. 2025,
arXiv 2502.01456). How outcome and process are joined is from that paper: leave-one-out baselines
for each, then a sum of returns; the whole is standardised over the batch, which is ours.
Shapes: B completions on this rank, T tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..estimators import advantages as estimate
from ..estimators.preferences import implicit_cross_entropy
from ..estimators.returns import masked_sums, returns_to_go, standardise
from ..start import load_model
from .policy import PolicyTrainer
from .rollout import Rollout
from .settings import PrimeSettings

__all__ = ["ImplicitReward", "PrimeTrainer"]

_WEIGHTS = "prime.pt"


class ImplicitReward:
    """A trainable source of token rewards: score a batch, then update on its outcomes.

    Args:
        model: π_φ; it is trained here, with an optimizer of its own.
        reference: π_ref; never changed.
    """

    def __init__(
        self, model: Any, reference: Any, settings: PrimeSettings, accelerator: Any
    ) -> None:
        self.settings = settings
        self.reference = accelerator.prepare_model(reference.eval(), evaluation_mode=True)
        made = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.0)
        self.model, self.optimizer = accelerator.prepare(model.eval(), made)
        self._accelerator = accelerator

    def score(self, ids: Any, attention: Any, width: int) -> torch.Tensor:
        """(B, width): β log π_φ/π_ref of the last ``width`` tokens, without gradient."""
        with torch.no_grad():
            return self._rewards(ids, attention, width)

    def update(
        self, ids: Any, attention: Any, mask_B_T: Any, labels_B: torch.Tensor
    ) -> dict[str, float]:
        """One step on the cross-entropy of outcomes; ``labels_B`` is 1, 0, or NaN (not judged).

        Returns the loss and the share of outcomes on the right side of 0, before the step.
        """
        known = ~torch.isnan(labels_B)
        labels = torch.nan_to_num(labels_B)
        totals = (self._rewards(ids, attention, mask_B_T.shape[1]) * mask_B_T).sum(1)
        weights = known.float()
        loss = implicit_cross_entropy(totals, labels)
        loss = (loss * weights).sum() / weights.sum().clamp(min=1)
        self.optimizer.zero_grad()
        self._accelerator.backward(loss)
        self.optimizer.step()
        right = (((totals > 0) == (labels > 0.5)) & known).sum() / known.sum().clamp(min=1)
        return {"loss": float(loss.detach()), "accuracy": float(right)}

    def save(self, path: Path) -> None:
        """Weights and optimizer, to one file."""
        model = self._accelerator.unwrap_model(self.model)
        torch.save({"model": model.state_dict(), "optimizer": self.optimizer.state_dict()}, path)

    def load(self, path: Path) -> None:
        """Read back what ``save`` wrote."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _rewards(self, ids: Any, attention: Any, width: int) -> torch.Tensor:
        with torch.no_grad():
            reference = _logps(self.reference, ids, attention, width)
        return self.settings.beta * (_logps(self.model, ids, attention, width) - reference)


def _logps(model: Any, ids: Any, attention: Any, width: int) -> torch.Tensor:
    logits = model(input_ids=ids, attention_mask=attention).logits[:, -(width + 1) : -1].float()
    chosen = ids[:, -width:].unsqueeze(2)
    return torch.log_softmax(logits, dim=-1).gather(2, chosen).squeeze(2)


class PrimeTrainer(PolicyTrainer):
    """PolicyTrainer with implicit process rewards beside the outcome's."""

    def __init__(self, *args: Any, start: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.process = ImplicitReward(
            load_model(start, dtype), load_model(start, dtype), self.plan.prime, self.accelerator
        )
        self.batches = 0

    def finish(self, rollout: Rollout) -> dict[str, Any]:
        """TRL's batch with the advantages of outcome and process; then the process model learns."""
        out, mask, scored = rollout.out, rollout.mask, rollout.scored_mask
        ids = torch.cat([out["prompt_ids"], out["completion_ids"]], dim=1)
        attention = torch.cat([out["prompt_mask"], out["completion_mask"]], dim=1)
        token_B_T = self.process.score(ids, attention, mask.shape[1]) * mask
        outcome_B = estimate.rloo(rollout.rewards_N, rollout.group_size)[rollout.own]
        found = outcome_B.unsqueeze(1) * scored
        if self.batches >= self.plan.prime.warmup_steps:
            weight = self.plan.prime.process_weight
            found = found + weight * self._process(rollout, token_B_T)
        sums = self.accelerator.reduce(masked_sums(found, scored))
        out["advantages"] = standardise(found, scored, sums)
        if self.model.training:
            self._learn(rollout, ids, attention)
        return out

    def _process(self, rollout: Rollout, token_B_T: torch.Tensor) -> torch.Tensor:
        """(B, T): returns of the token rewards less the mean token reward of the siblings."""
        mask = rollout.scored_mask
        means_B = (token_B_T * mask).sum(1) / mask.sum(1).clamp(min=1)
        means_B = means_B.masked_fill(mask.sum(1) == 0, torch.nan)
        means_N = self.accelerator.gather(means_B)
        siblings_N = means_N - estimate.rloo(means_N, rollout.group_size)
        baseline_B = torch.nan_to_num(siblings_N[rollout.own])
        return returns_to_go((token_B_T - baseline_B.unsqueeze(1)) * mask, mask, 1.0)

    def _learn(self, rollout: Rollout, ids: Any, attention: Any) -> None:
        labels = [float("nan") if r.passed is None else float(r.passed) for r in rollout.verdicts]
        labels = labels or [float("nan")] * rollout.size
        found = self.process.update(
            ids, attention, rollout.mask, torch.tensor(labels, device=ids.device)
        )
        self.batches += 1
        for name, value in found.items():
            self.note(f"prime/{name}", value)

    def run_state(self) -> dict[str, Any]:
        """What a resumed run must know, as JSON."""
        return {**super().run_state(), "batches": self.batches}

    def load_run_state(self, state: dict[str, Any]) -> None:
        """Take up what ``run_state`` gave."""
        super().load_run_state(state)
        self.batches = state["batches"]

    def save_run_state(self, folder: Path) -> None:
        """Write what a resumed run must know into a checkpoint's folder."""
        super().save_run_state(folder)
        self.process.save(folder / _WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.process.load(Path(resume_from_checkpoint) / _WEIGHTS)
