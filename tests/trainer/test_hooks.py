"""The installed TRL gives what our trainers rest on: a new one fails here, by name."""

from __future__ import annotations

import pytest

from assay.core.errors import ConfigError
from assay.trainer.online import hooks


@pytest.mark.parametrize("hook", hooks.HOOKS, ids=lambda hook: hook.name)
def test_the_hook_is_there(hook: hooks.Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "HOOKS", (hook,))
    assert hooks.broken_hooks() == []


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        pytest.param(
            hooks.Hook("trl.GRPOTrainer", "_no_such", ("self",)), "_no_such is gone", id="gone"
        ),
        pytest.param(
            hooks.Hook("trl.GRPOTrainer", "_compute_loss", ("self", "inputs")),
            "_compute_loss takes",
            id="other-parameters",
        ),
        pytest.param(
            hooks.Hook("trl.GRPOTrainer", "_compute_loss", ("self",), ("no such words",)),
            "no longer says 'no such words'",
            id="other-source",
        ),
    ],
)
def test_what_is_missing_is_named(
    hook: hooks.Hook, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "HOOKS", (hook,))
    with pytest.raises(ConfigError, match=r"install trl==1\.16") as caught:
        hooks.require_hooks()
    assert said in str(caught.value)
