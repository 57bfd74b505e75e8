"""The critic: a value for every state of a completion, computed in the policy's own forward pass.

It is a part of the policy's module tree, called from a hook on the policy, so whatever wraps,
shards, moves or checkpoints the policy does so with the critic. It is no part of the policy's
saved weights, and generation does not call it. Shapes: B completions, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["FOLDER", "Critic", "load_critic"]

FOLDER = "critic"
"""Where a checkpoint and a saved model keep it."""

_NAME = "assay_critic"
_HEAD = "head.pt"


def load_critic(path: str, dtype: Any) -> Any:
    """A model with one value a token, from a causal language model or a reward model.

    A head that the weights do not have starts at zero: no state is worth more than another before
    something was learned. Dropout is off: the values of a rollout must repeat.
    """
    import transformers

    said: Any = transformers.utils.logging  # its functions have no annotations
    level = said.get_verbosity()
    said.set_verbosity_error()  # it would call the new head a fault
    try:
        model: Any
        model, info = transformers.AutoModelForTokenClassification.from_pretrained(
            path, num_labels=1, dtype=dtype, output_loading_info=True
        )
    finally:
        said.set_verbosity(level)
    missing = set(info["missing_keys"])
    for name, weights in model.named_parameters():
        if name in missing and ("score" in name or "classifier" in name):
            nn.init.zeros_(weights)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


class Critic:
    """Attaches a critic to a policy and reads its values.

    Args:
        policy: the unwrapped model; it gets a submodule.
        own: a model of ``load_critic``; None: a head on the policy's last hidden states, which
            the value loss then trains too.
    """

    def __init__(self, policy: Any, own: Any | None) -> None:
        self.shared = own is None
        self._values: list[torch.Tensor] | None = None
        self._hidden: torch.Tensor | None = None
        if own is None:
            width = policy.config.get_text_config().hidden_size
            self.module: Any = nn.Linear(width, 1)
            nn.init.zeros_(self.module.weight)
            nn.init.zeros_(self.module.bias)
            backbone = policy.get_base_model() if hasattr(policy, "peft_config") else policy
            backbone.base_model.register_forward_hook(self._keep_hidden)
        else:
            self.module = own
        weights = next(policy.parameters())
        self.module.to(device=weights.device)
        policy.add_module(_NAME, self.module)
        for parameter in self.module.parameters():
            parameter.requires_grad_(True)
        keys = [f"{_NAME}.{name}" for name in self.module.state_dict()]
        policy._keys_to_ignore_on_save = [*(policy._keys_to_ignore_on_save or ()), *keys]
        policy.register_forward_hook(self._keep_values, with_kwargs=True)

    @contextmanager
    def watching(self) -> Iterator[list[torch.Tensor]]:
        """The policy's passes for log-probabilities inside give a (b, length) tensor of values
        each; those of generation give none."""
        found: list[torch.Tensor] = []
        self._values = found
        try:
            yield found
        finally:
            self._values = self._hidden = None

    def parameters(self) -> set[nn.Parameter]:
        """Those of the critic alone."""
        return set(self.module.parameters())

    def save(self, folder: Path, state: dict[str, Any] | None) -> None:
        """Write it to ``folder``; ``state`` is the whole policy's where it was gathered."""
        prefix = f"{_NAME}."
        own = (
            self.module.state_dict()
            if state is None or not any(key.startswith(prefix) for key in state)
            else {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        )
        if self.shared:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save({name: weights.cpu() for name, weights in own.items()}, folder / _HEAD)
        else:
            self.module.save_pretrained(folder, state_dict=own)

    def load(self, folder: Path) -> None:
        """Read back what ``save`` wrote."""
        if self.shared:
            state = torch.load(folder / _HEAD, map_location="cpu", weights_only=True)
        else:
            dtype = next(self.module.parameters()).dtype
            state = load_critic(str(folder), dtype).state_dict()
        self.module.load_state_dict(state)

    def _keep_hidden(self, module: Any, args: Any, output: Any) -> None:  # noqa: ARG002 - a hook's
        if self._values is not None:
            self._hidden = output[0]

    def _keep_values(self, module: Any, args: Any, settings: dict[str, Any], output: Any) -> None:  # noqa: ARG002 - a hook's
        if self._values is None or not settings.get("fused_lm_head"):  # TRL's, not generation's
            return
        if self.shared:
            assert self._hidden is not None  # the backbone has just run
            found = self.module(self._hidden)
        else:
            found = self.module(
                input_ids=settings["input_ids"], attention_mask=settings["attention_mask"]
            ).logits
        self._values.append(found.squeeze(-1).float())
