"""How a judge is reached, how fast, and for how much: the settings of a recipe.

``JudgeSettings`` names either a server or a model to load in this process. ``open_judge`` in
``client.py`` makes a judge of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ...core.errors import ConfigError
from ...core.settings import NO_EFFECT, Settings
from ...core.types import digest

__all__ = ["BudgetSettings", "JudgeSettings", "PriceSettings", "RateSettings", "state_folder"]


class RateSettings(Settings):
    """What the endpoint allows, for all processes of this machine together."""

    requests_per_minute: float | None = Field(default=None, gt=0)
    """None: no limit."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Prompt and reply together. Until a reply comes, its ``max_tokens`` count. None: no limit."""
    burst_s: float = Field(default=1.0, gt=0)
    """Seconds of the rate that may go out at once after a quiet time. Ours."""
    folder: Path | None = None
    """Where processes share the counts; None: a folder of this user, one file for each endpoint
    and key."""


class PriceSettings(Settings):
    """What tokens cost, in any unit of money; 0 for a server of one's own."""

    in_per_million: float = Field(default=0.0, ge=0)
    out_per_million: float = Field(default=0.0, ge=0)

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """The price of so many tokens."""
        return (tokens_in * self.in_per_million + tokens_out * self.out_per_million) / 1e6


class BudgetSettings(Settings):
    """Where the run stops asking; needs ``folder``, in which its processes count together."""

    tokens: int | None = Field(default=None, gt=0)
    money: float | None = Field(default=None, gt=0)


class JudgeSettings(Settings):
    """A judge: an OpenAI-compatible server (``base_url``) or a model in this process."""

    model: str = Field(min_length=1)
    """The name the server knows the model by; for a local one the folder or hub name."""
    base_url: str | None = None
    """Of an OpenAI-compatible server, up to and with ``/v1``; None: load ``model`` here."""
    api_key_env: Annotated[str | None, NO_EFFECT] = None
    """The environment variable that holds the key; None: no key. Keys are never in a recipe."""
    revision: str | None = None
    """Of the model. Part of the version, so that a changed model does not meet an old cache."""
    checkpoints: Path | None = None
    """A training run's folder of ``checkpoint-N``: the newest whole one is the judge, and ``model``
    is until there is one (and gives the tokenizer). So a policy judges itself. Replies are not
    cached: the judge changes. For a model in this process."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further keys for each request, such as ``chat_template_kwargs`` for vLLM."""
    structured: Literal["auto", "json_schema", "prompt"] = "auto"
    """How a wanted schema reaches the server: as ``response_format``, in words, or the first until
    the server says that it does not take it."""
    top_logprobs: int = Field(default=20, ge=1, le=20)
    """Alternatives for each token, where an ask wants them. OpenAI's limit: 20."""
    concurrency: Annotated[int, NO_EFFECT] = Field(default=16, ge=1)
    """Asks on their way at a time, in each process. Ours."""
    timeout_s: Annotated[float, NO_EFFECT] = Field(default=60.0, gt=0)
    """For one attempt. Ours; OpenAI's client waits 600."""
    deadline_s: Annotated[float, NO_EFFECT] = Field(default=180.0, gt=0)
    """For one ask with all its attempts and waiting; no longer than the host's own. Ours."""
    retries: Annotated[int, NO_EFFECT] = Field(default=5, ge=0)
    """Further attempts after a fault that may pass. Ours."""
    backoff_s: Annotated[float, NO_EFFECT] = Field(default=0.5, gt=0)
    """The first pause is drawn from [0, this], the range doubles each time (full jitter: Brooker
    2015, AWS Architecture Blog). 0.5 is OpenAI's client's."""
    longest_backoff_s: Annotated[float, NO_EFFECT] = Field(default=8.0, gt=0)
    """The range grows no further. OpenAI's client's."""
    rates: Annotated[RateSettings, NO_EFFECT] = RateSettings()
    prices: PriceSettings = PriceSettings()
    budget: Annotated[BudgetSettings, NO_EFFECT] = BudgetSettings()
    folder: Annotated[Path | None, NO_EFFECT] = None
    """Of the run: holds ``judge_calls.jsonl``, ``judge_replies.db``, ``judge_budget.bin``. None: no
    record, no cache, no budget."""
    cache: Annotated[bool, NO_EFFECT] = True
    """Serve a reply that was paid for once."""
    device: str = "cpu"
    """Where a local model runs."""
    batch_size: int = Field(default=8, ge=1)
    """Asks that a local model answers at a time."""

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with http:// or https:// and name a host")
        if parts.username or parts.password:
            raise ValueError("must hold no password; use api_key_env")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _checkpoints_are_loaded_here(self) -> JudgeSettings:
        if self.checkpoints is not None and self.base_url is not None:
            raise ValueError("checkpoints are for a model in this process: leave out base_url")
        return self

    @model_validator(mode="after")
    def _budget_has_a_home(self) -> JudgeSettings:
        limits = (self.budget.tokens, self.budget.money)
        if limits != (None, None) and self.folder is None:
            raise ValueError("a budget needs folder: the run's processes count in a file there")
        prices = (self.prices.in_per_million, self.prices.out_per_million)
        if self.budget.money is not None and prices == (0.0, 0.0):
            raise ValueError("budget.money needs prices: without them nothing costs anything")
        return self

    def version(self) -> str:
        """Digest of all that may change a reply: equal versions share a cache."""
        deciding = [self.base_url, self.model, self.revision, self.extra_body, self.structured]
        if self.checkpoints is not None:
            deciding.append(str(self.checkpoints))
        return digest([*deciding, self.top_logprobs], length=12)

    def key(self) -> str | None:
        """The API key. Raises ``ConfigError`` when its variable is not set."""
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise ConfigError(
                f"judge.api_key_env: the environment variable {self.api_key_env!r} is not set;"
                " export the key in it"
            )
        return key

    def rates_file(self) -> Path:
        """Where all processes that use this endpoint with this key count their requests."""
        name = digest([self.base_url, self.model, self.key()], length=16)
        return (self.rates.folder or state_folder()) / f"rates-{name}.bin"


def state_folder() -> Path:
    """This user's folder for what outlives a run."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "assay" / "judges"
