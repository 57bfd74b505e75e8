"""The training sections of a recipe: model, data, trainer, evaluation.

Unknown keys are refused with the nearest known one. Fields named as TRL names them mean what TRL
says they mean; whatever else TRL's configuration takes goes under ``trainer.trl`` and is checked
against the installed TRL when a run starts. This module imports neither torch nor trl.

Not covered: settings that several machines need; give those to ``accelerate launch`` and
``trainer.trl``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ..core.recipe import Recipe, RecipeSpec, RuleEntry, SourceEntry
from ..core.records import FIELDS
from ..core.settings import Settings, read_settings
from .health.config import HealthConfig
from .lora import LoraSettings
from .online.curriculum_config import CurriculumConfig
from .online.grape_settings import GrapeSettings
from .online.settings import (
    CostSettings,
    DynamicSamplingSettings,
    PPOSettings,
    PrimeSettings,
    PtxSettings,
    ReferenceSettings,
    ReinforceSettings,
)
from .reward_model.config import RewardModelConfig
from .rounds.config import PreferencesConfig, RoundsConfig
from .tiny import TinyModel

__all__ = [
    "BUILTIN_TINY",
    "DataConfig",
    "EvaluationConfig",
    "ModelConfig",
    "TrainerConfig",
    "TrainingRecipe",
    "WarmStartConfig",
    "training_schema",
]

BUILTIN_TINY = "builtin:tiny"
"""``model.path`` of the model that is built in code."""


class WarmStartConfig(Settings):
    """A short supervised start on the task's demonstrations, before reinforcement learning."""

    steps: int = Field(default=0, ge=0)
    """Optimizer steps; 0: none."""
    batch_size: int = Field(default=32, ge=1)
    """Demonstrations in a step."""
    examples: int | None = Field(default=None, ge=1)
    """Distinct demonstrations, gone through again and again. None: fresh ones in every step."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Highest rate; it rises over ``warmup_steps`` and then falls linearly to a twentieth."""
    warmup_steps: int = Field(default=20, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    task: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of the task that differ for demonstrations (``careless: 0.6``)."""
    improve: float = Field(default=0.0, ge=0, le=1)
    """For ``grape``: share of the demonstrations that improve a ``draft`` (a text in ``extra``, or
    a column) into its ``mended`` text, under the category's improvement prompt."""


class ModelConfig(Settings):
    """The model that is trained."""

    path: str = BUILTIN_TINY
    """A name on the Hugging Face hub, a folder, or ``builtin:tiny`` (nothing is downloaded)."""
    tiny: TinyModel = TinyModel()
    """The shape of ``builtin:tiny``."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """Of the weights while they are trained."""
    warm_start: WarmStartConfig = WarmStartConfig()
    lora: LoraSettings | None = None
    """Adapters in place of all weights. None: all weights are trained."""

    @property
    def is_builtin(self) -> bool:
        """Whether the model is built in code."""
        return self.path == BUILTIN_TINY

    @field_validator("path")
    @classmethod
    def _known_builtin(cls, path: str) -> str:
        if path.startswith("builtin:") and path != BUILTIN_TINY:
            raise ValueError(f"the only built-in model is {BUILTIN_TINY!r}")
        return path


class DataConfig(Settings):
    """Where problems come from; training and held-out problems never share a prompt."""

    task: RuleEntry | None = None
    """A registered task (``math.arithmetic``), or ``{use: math.arithmetic, operands: 4}``."""
    path: str | None = None
    """JSONL, Parquet or CSV, a folder saved by ``datasets``, or a name on the hub."""
    subset: str | None = None
    """The configuration of a dataset on the hub (``main`` of ``openai/gsm8k``)."""
    split: str = "train"
    """Split of the dataset at ``path``."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Field of a Sample -> the dataset's column, where the names differ: ``ground_truth: answer``.
    Other columns go into ``Sample.extra``; ``demonstration`` feeds the warm start."""
    n_train: int = Field(default=1000, ge=1)
    n_eval: int = Field(default=200, ge=1)
    """Held-out problems, taken first, so that they stay the same when ``n_train`` changes."""

    @field_validator("task", mode="before")
    @classmethod
    def _name_is_rule(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @field_validator("columns")
    @classmethod
    def _known_fields(cls, columns: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(columns) - set(FIELDS))
        if unknown:
            raise ValueError(f"{unknown} are no fields of a Sample (known: {', '.join(FIELDS)})")
        return columns

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if (self.task is None) == (self.path is None):
            raise ValueError("give exactly one of task and path")
        return self


Algorithm = Literal[
    "grpo",
    "dr_grpo",
    "dapo",
    "gspo",
    "gdpo",
    "grpo_process",
    "rloo",
    "mdloo",
    "reinforce",
    "reinforce_pp",
    "remax",
    "ppo",
    "prime",
    "safe_rlhf",
    "grape",
    "expert_iteration",
    "online_dpo",
    "online_ipo",
    "online_kto",
    "dpo",
    "ipo",
    "kto",
    "reward_model",
]
"""By how they learn: from completions just written; in rounds; from files of preferences; and what
learns to score."""


_NOT_STEP_BY_STEP = (
    *("expert_iteration", "online_dpo", "online_ipo", "online_kto", "dpo", "ipo", "kto"),
    "reward_model",
)


def _default(field: Any) -> Any:
    return field.get_default(call_default_factory=True)


class TrainerConfig(Settings):
    """The algorithm and its settings; defaults are TRL's unless a sentence says otherwise."""

    algorithm: Algorithm = "grpo"
    max_steps: int = Field(default=500, ge=1)
    """Optimizer steps. Ours: TRL would count epochs."""
    learning_rate: float = Field(default=1e-6, gt=0)
    lr_scheduler_type: str = "linear"
    warmup_steps: int = Field(default=0, ge=0)
    per_device_train_batch_size: int = Field(default=8, ge=1)
    """Completions in one forward pass."""
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    num_generations: int = Field(default=8, ge=1)
    """Completions for one prompt: the group. One is enough for PPO and the REINFORCE family."""
    num_iterations: int = Field(default=1, ge=1)
    """Optimizer passes over one batch of completions."""
    max_completion_length: int = Field(default=512, ge=1)
    """In tokens."""
    temperature: float = Field(default=1.0, gt=0)
    beta: float | None = Field(default=None, ge=0)
    """Weight of the KL to the start model: in the reward for PPO, REINFORCE++ and RLOO, in the loss
    for all others, never in both. None: 0, but 0.01 for PPO and REINFORCE++ (ours), TRL's 0.05 for
    RLOO, and TRL's default for what learns in rounds or from preferences."""
    logging_steps: int = Field(default=10, ge=1)
    save_steps: int | None = Field(default=None, ge=1)
    """Steps between checkpoints, from which ``--resume`` goes on. None: no checkpoints."""
    report_to: tuple[str, ...] = ()
    """Trackers that transformers knows: ``tensorboard``, ``wandb``, ``mlflow``, ``trackio``..."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch; None: torch's own choice."""
    trl: dict[str, Any] = Field(default_factory=dict)
    """Any other field of TRL's configuration for the algorithm (``GRPOConfig``...)."""
    loss: Literal["trl", "cpi", "kl_penalty", "sequence_sum"] = "trl"
    """``trl``: the clipped loss TRL has (``trl.loss_type``). ``cpi``: no clip (survey, eq. 30).
    ``kl_penalty``: the KL to the sampling policy in place of the clip (eq. 29, 31).
    ``sequence_sum``: the clipped ratio of whole completions, not normalised by length (GRAPE paper,
    eq. 17)."""
    old_kl: float = Field(default=0.2, ge=0)
    """Its weight under ``loss: kl_penalty``. Ours: the texts give no number."""
    old_kl_target: float | None = Field(default=None, gt=0)
    """Adaptive weight by this KL a token (eq. 32). None: it stays."""
    ppo: PPOSettings = PPOSettings()
    reinforce: ReinforceSettings = ReinforceSettings()
    prime: PrimeSettings = PrimeSettings()
    cost: CostSettings = CostSettings()
    grape: GrapeSettings = GrapeSettings()
    """For ``grape``: how completions come about, and what they train."""
    dynamic_sampling: DynamicSamplingSettings | None = None
    """Replace groups that teach nothing. None: do not."""
    curriculum: CurriculumConfig = CurriculumConfig()
    reference: ReferenceSettings = ReferenceSettings()
    ptx: PtxSettings | None = None
    """Keep the likelihood of given texts. None: do not."""
    weight_schedule: dict[str, tuple[tuple[int, float], ...]] = Field(default_factory=dict)
    """Source -> (step, weight) points, straight lines between: ``format.think_answer: [[0, 0.2],
    [100, 0.0]]``. For a plain weighted sum."""
    health: HealthConfig = HealthConfig()
    """What the run is watched for; it warns and never stops."""
    rounds: RoundsConfig = RoundsConfig()
    """For the algorithms that learn in rounds."""
    preferences: PreferencesConfig | None = None
    """For ``dpo``, ``ipo`` and ``kto``: their files."""
    reward_model: RewardModelConfig = RewardModelConfig()
    """For ``reward_model``: what is learned, measured and fitted."""

    @field_validator("report_to", mode="before")
    @classmethod
    def _one_is_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("algorithm", mode="before")
    @classmethod
    def _as_written_elsewhere(cls, name: Any) -> Any:
        """``REINFORCE++`` and ``Dr-GRPO`` are known too."""
        if not isinstance(name, str):
            return name
        return name.lower().replace("++", "_pp").replace("-", "_").replace(" ", "_")

    @field_validator("weight_schedule")
    @classmethod
    def _rising(
        cls, lines: dict[str, tuple[tuple[int, float], ...]]
    ) -> dict[str, tuple[tuple[int, float], ...]]:
        for name, line in lines.items():
            steps = [step for step, _ in line]
            if not steps or steps != sorted(set(steps)):
                raise ValueError(f"{name}: give (step, weight) points in rising order, got {line}")
        return lines

    @model_validator(mode="after")
    def _fits(self) -> TrainerConfig:
        single = {"ppo", "reinforce", "reinforce_pp", "remax", "dpo", "ipo", "kto", "reward_model"}
        if self.num_generations == 1 and self.algorithm not in single:
            raise ValueError(
                f"num_generations: {self.algorithm} compares completions of one prompt and needs at"
                " least 2, got 1"
            )
        if self.algorithm == "grape":
            self._check_grape()
        if self.algorithm in ("dpo", "ipo", "kto") and self.preferences is None:
            raise ValueError(f"preferences: {self.algorithm} needs files of preferences")
        if self.algorithm in _NOT_STEP_BY_STEP:
            unused = ("curriculum", "dynamic_sampling", "weight_schedule", "ptx", "reference")
            fields = type(self).model_fields
            given = [name for name in unused if _default(fields[name]) != getattr(self, name)]
            if given:
                raise ValueError(f"{', '.join(given)}: {self.algorithm} does not use them")
        moves = self.reference.reset_every or self.reference.mix_every
        if moves and self.beta == 0:
            raise ValueError("reference: without a KL (beta: 0) there is no reference to move")
        return self

    def _check_grape(self) -> None:
        wanted = (self.grape.quota or 0) + (self.grape.sft is not None)
        if wanted > self.num_generations:
            raise ValueError(
                f"grape: a quota of {self.grape.quota or 0} and {int(self.grape.sft is not None)}"
                f" given responses do not fit into num_generations {self.num_generations}"
            )

    @model_validator(mode="after")
    def _named_once(self) -> TrainerConfig:
        twice = sorted(set(self.trl) & set(type(self).model_fields))
        if twice:
            raise ValueError(f"trl: {twice} are settings of the trainer section; set them there")
        return self


class EvaluationConfig(Settings):
    """How held-out problems are asked, before and after training."""

    temperature: float = Field(default=1.0, gt=0)
    """Of the sampled answers; the greedy ones have none."""
    batch_size: int = Field(default=128, ge=1)
    """Problems answered at once."""
    every_steps: int | None = Field(default=None, ge=1)
    """Greedy evaluation during training. None: before and after only."""


class TrainingRecipe(Recipe):
    """A recipe with its training sections read; what ``assay train`` takes."""

    sources: tuple[SourceEntry, ...] = ()
    """Needed by every algorithm but ``reward_model``, which learns from the rows of ``data``."""
    # the plain Recipe carries these sections unread; here they are read, which narrows their type
    model: ModelConfig = ModelConfig()  # type: ignore[assignment]
    data: DataConfig  # type: ignore[assignment]
    trainer: TrainerConfig = TrainerConfig()  # type: ignore[assignment]
    evaluation: EvaluationConfig = EvaluationConfig()  # type: ignore[assignment]

    @model_validator(mode="after")
    def _sources_fit(self) -> TrainingRecipe:
        learns_to_score = self.trainer.algorithm == "reward_model"
        if learns_to_score and self.sources:
            raise ValueError("sources: reward_model learns from the rows of data and asks none")
        if not learns_to_score and not self.sources:
            raise ValueError(f"sources: {self.trainer.algorithm} needs at least one")
        if learns_to_score and self.model.warm_start.steps:
            raise ValueError(
                "model.warm_start: reward_model has none; start from a model that was trained"
            )
        return self

    @classmethod
    def read(cls, spec: RecipeSpec) -> TrainingRecipe:
        """A training recipe from a path, a mapping or a ``Recipe``; raises ``ConfigError``."""
        if isinstance(spec, cls):
            return spec
        if isinstance(spec, Recipe):
            content = spec.model_dump(by_alias=True, exclude_unset=True)
            return read_settings(cls, content, "recipe")
        read = super().read(spec)
        assert isinstance(read, cls)  # ``Recipe.read`` makes what it is called on
        return read

    def scoring(self) -> Recipe:
        """The part of the recipe that scores, without the training sections."""
        own = {"model", "data", "trainer", "evaluation"}
        content = self.model_dump(by_alias=True, exclude=own, exclude_unset=True)
        return read_settings(Recipe, content, "recipe")


def training_schema() -> dict[str, Any]:
    """The JSON schema of a training recipe."""
    return TrainingRecipe.model_json_schema(by_alias=True)
