"""Dynamic sampling: groups whose completions all earn the same are replaced by other prompts'.

Source: DAPO (arXiv 2503.14476), 3.2, which drops prompts with accuracy 0 or 1 and samples on.
Differs: a whole further batch is generated at a time, and at most ``max_refills`` of them; groups
are dropped for equal rewards, whatever these are. Every rank sees all groups and keeps the same.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object

from .rollout import Rollout
from .settings import DynamicSamplingSettings

if TYPE_CHECKING:
    from .policy import PolicyTrainer

__all__ = ["informative", "refill"]


def informative(rewards_N: torch.Tensor, group_size: int) -> list[bool]:
    """For each group, whether two of its scored completions earn differently."""
    grouped = rewards_N.reshape(-1, group_size)
    high = torch.nan_to_num(grouped, nan=-torch.inf).amax(dim=1)
    low = torch.nan_to_num(grouped, nan=torch.inf).amin(dim=1)
    return (high > low).tolist()


def refill(trainer: PolicyTrainer, rollout: Rollout, settings: DynamicSamplingSettings) -> Rollout:
    """A batch of the same size with as many informative groups as could be had.

    ``dynamic/refills``, ``dynamic/dropped_groups`` and ``dynamic/informative`` (the share of the
    batch in the end) are logged.
    """
    size = rollout.group_size
    wanted = len(rollout.rewards_N) // size
    parts, kept = [rollout], _places(rollout, 0)
    for attempt in range(1, settings.max_refills + 1):
        if len(kept) >= wanted:
            break
        rows = _rows(trainer, wanted, size, attempt)
        parts.append(trainer.roll_out(rows[rollout.own]))
        kept += _places(parts[-1], len(parts) - 1)
        trainer.refills += 1
    trainer.note("dynamic/refills", len(parts) - 1)
    trainer.note("dynamic/dropped_groups", len(parts) * wanted - len(kept))
    trainer.note("dynamic/informative", min(len(kept), wanted) / wanted)
    if len(parts) == 1 and len(kept) in (0, wanted):
        return rollout
    flat = [(p, g) for p in range(len(parts)) for g in range(wanted) if (p, g) not in set(kept)]
    return _chosen(trainer, parts, (kept + flat)[:wanted])


def _places(rollout: Rollout, part: int) -> list[tuple[int, int]]:
    useful = informative(rollout.rewards_N, rollout.group_size)
    return [(part, group) for group, good in enumerate(useful) if good]


def _rows(trainer: PolicyTrainer, prompts: int, size: int, attempt: int) -> list[dict[str, Any]]:
    """Other prompts, alike on all ranks; each as often as the group is large."""
    place = (trainer.args.seed * 1_000_003 + trainer.state.global_step) * 64 + attempt
    rng = random.Random(place)  # noqa: S311 - a resumed run must draw the same
    data: Any = trainer.train_dataset
    chosen = rng.sample(range(len(data)), min(prompts, len(data)))
    chosen += rng.choices(range(len(data)), k=prompts - len(chosen))
    return [data[place] for place in chosen for _ in range(size)]


def _chosen(trainer: PolicyTrainer, parts: list[Rollout], groups: list[tuple[int, int]]) -> Rollout:
    """This rank's share of a batch made of some groups of some parts."""
    first, size = parts[0], parts[0].group_size
    pad = trainer.processing_class.pad_token_id
    everywhere = [_gathered(trainer, part.out, pad) for part in parts]
    total = len(first.rewards_N)
    order = [p * total + g * size + k for p, g in groups for k in range(size)]
    own = order[first.own]
    device = first.rewards_N.device
    out = {
        key: _stacked([part[key] for part in everywhere], key, pad)[
            torch.tensor(own, device=device)
        ]
        for key in everywhere[0]
    }
    rows, samples, verdicts = (
        [x for part in parts for x in gather_object(list(getattr(part, name)))]
        for name in ("rows", "samples", "verdicts")
    )
    whole = len(verdicts) == total * len(parts)  # scoring broke nowhere
    out["num_items_in_batch"] = trainer.accelerator.gather(out["completion_mask"].sum()).sum()
    return Rollout(
        out=out,
        rows=[rows[place] for place in own],
        rewards_N=torch.cat([part.rewards_N for part in parts])[torch.tensor(order, device=device)],
        samples=[samples[place] for place in own] if whole else [],
        verdicts=[verdicts[place] for place in own] if whole else [],
        group_size=size,
        first=first.first,
    )


def _gathered(trainer: PolicyTrainer, out: dict[str, Any], pad: int) -> dict[str, torch.Tensor]:
    """All ranks' rows of each tensor, padded to one width."""
    found = {}
    for key, tensor in out.items():
        if not isinstance(tensor, torch.Tensor) or tensor.dim() == 0:
            continue
        wide = tensor
        if tensor.dim() > 1:
            wide = trainer.accelerator.pad_across_processes(
                tensor, dim=1, pad_index=_filler(key, pad), pad_first=key.startswith("prompt")
            )
        found[key] = trainer.accelerator.gather(wide)
    return found


def _stacked(tensors: list[torch.Tensor], key: str, pad: int) -> torch.Tensor:
    if tensors[0].dim() == 1:
        return torch.cat(tensors)
    width = max(tensor.shape[1] for tensor in tensors)
    wide = []
    for tensor in tensors:
        lacking = width - tensor.shape[1]
        sides = (lacking, 0) if key.startswith("prompt") else (0, lacking)
        wide.append(torch.nn.functional.pad(tensor, sides, value=_filler(key, pad)))
    return torch.cat(wide)


def _filler(key: str, pad: int) -> int:
    return pad if key.endswith("_ids") else 0
