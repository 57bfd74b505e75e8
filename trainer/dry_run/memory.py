"""How much memory a training run needs on each GPU, from the model's configuration alone.

No weight is loaded: the model is built on torch's meta device, where tensors have shapes only.

Covered: dense decoder models under AdamW, one process or data parallel, sharded as ZeRO-2, ZeRO-3
or FSDP do; LoRA; a reference model; a critic; generation by transformers or by vLLM in the same
process. Not covered: mixtures of experts (their activations), other optimizers, tensor parallelism,
the CUDA context, communication buffers and fragmentation: leave a tenth free. The activations are
an upper bound: fused attention keeps less.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ...core.errors import ConfigError, did_you_mean
from ..lora import LoraSettings

__all__ = [
    "MemoryEstimate",
    "ModelShape",
    "Sharding",
    "Workload",
    "as_sharding",
    "estimate_memory",
    "shape_of_config",
]

Sharding = Literal["none", "zero2", "zero3", "fsdp"]


def as_sharding(name: str) -> Sharding:
    """A name as a ``Sharding``; raises ``ConfigError`` for any other."""
    for known in get_args(Sharding):
        if name == known:
            return known  # type: ignore[no-any-return]  # get_args has lost the literal
    raise ConfigError(f"--sharding: unknown {name!r}{did_you_mean(name, get_args(Sharding))}")


_FLOAT32 = 4
_MOMENTS = 2
"""AdamW keeps two numbers for each trained weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What the estimate needs of a model."""

    parameters: int
    """All weights; tied ones once."""
    adapter: int
    """Weights of the LoRA adapters; 0 without."""
    layers: int
    hidden: int
    feed_forward: int
    query: int
    """Width of all query heads together."""
    key: int
    """Width of all key heads together; as many again are values."""
    vocabulary: int
    positions: int | None
    """Longest text in tokens; None: the configuration does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a run does with the model on one GPU."""

    weight_bytes: int
    """Of one weight: 4 for float32, 2 for bfloat16 and float16."""
    forward: int
    """Completions in one forward and backward pass."""
    generated: int
    """Completions generated at once."""
    prompt_tokens: int
    """The longest prompt."""
    completion_tokens: int
    """The longest completion."""
    processes: int = 1
    sharding: Sharding = "none"
    reference: bool = False
    """A second copy of the model, never trained. LoRA needs none: it switches the adapters off."""
    second_model: bool = False
    """Another model of this size that is trained whole: an own critic, PRIME's reward model."""
    autocast: bool = False
    """Float32 weights, computed with in 16 bits (``bf16: true``)."""
    checkpointing: bool = False
    """Activations are computed again in the backward pass."""
    vllm_share: float = 0.0
    """Share of the GPU that vLLM takes for itself in the same process; it then holds the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes on each GPU."""

    weights: int
    gradients: int
    optimizer: int
    reference: int
    second_model: int
    """Its weights, gradients and optimizer states."""
    activations: int
    """Kept for the backward pass, with the logits."""
    generation: int
    """The cache of keys and values, and one step's logits; 0 with vLLM."""
    vllm_share: float

    @property
    def total(self) -> int:
        """The highest of the run: generation and training take turns, the rest stays."""
        lasting = self.weights + self.gradients + self.optimizer
        lasting += self.reference + self.second_model
        return lasting + max(self.activations, self.generation)

    def to_json(self) -> dict[str, Any]:
        """The parts and the total, in bytes."""
        return {**asdict(self), "total": self.total}


def shape_of_config(config: Any, lora: LoraSettings | None = None) -> ModelShape:
    """The shape of a causal language model, from its transformers configuration."""
    import torch
    from transformers import AutoModelForCausalLM

    make: Any = AutoModelForCausalLM  # its constructors have no annotations
    with torch.device("meta"):
        model = make.from_config(config)
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    head = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    key_heads = int(getattr(text, "num_key_value_heads", None) or heads)
    return ModelShape(
        parameters=sum(weight.numel() for weight in model.parameters()),
        adapter=0 if lora is None else _adapter_weights(model, lora),
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        feed_forward=int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size),
        query=heads * head,
        key=key_heads * head,
        vocabulary=int(text.vocab_size),
        positions=getattr(text, "max_position_embeddings", None),
    )


def _adapter_weights(model: Any, lora: LoraSettings) -> int:
    """r (inputs + outputs) for each linear layer that gets an adapter."""
    import torch

    wanted, output, total = lora.target_modules, model.get_output_embeddings(), 0
    for name, layer in model.named_modules():
        if not isinstance(layer, torch.nn.Linear) or layer is output:
            continue
        if wanted == "all-linear" or name.rpartition(".")[2] in wanted:
            total += lora.r * (layer.in_features + layer.out_features)
    return total


def estimate_memory(shape: ModelShape, work: Workload) -> MemoryEstimate:
    """Bytes on each GPU.

    With P weights of w bytes, n processes, b completions in a pass of S = prompt + completion
    tokens, g generated at once, L layers, width h, queries q, keys k, feed-forward f,
    vocabulary V:

    * weights P·w, gradients T·w and two AdamW moments T·2w of the T trained weights. Under ZeRO
      and FSDP 16-bit weights get a float32 copy and float32 moments: 12 bytes each (ZeRO, arXiv
      1910.02054, section 3.1). ZeRO-2 cuts gradients and states by n, ZeRO-3 and FSDP the weights
      too. LoRA trains its adapters in float32, and nothing else;
    * a reference P·w, a second trained model like the first without LoRA;
    * activations b·S·L·w·(6h + 4q + 4f + S), and 2h more in 16 bits, whose norms compute in
      float32; under autocast b·S·L·(28h + 2(4q + 4f + S)) and 2P for 16-bit copies of the weights.
      The head b·C·V·(2w + 4) for C completion tokens: the logits, their gradient and a float32
      copy. With checkpointing b·S·L·h·w and one layer. A second trained model keeps its layers too,
      without a head. Ours: counted from what torch saves for the backward pass of a Llama and a
      Qwen2; a test counts it again;
    * generation g·S·L·2k·w, and float32 logits g·V·4.
    """
    trained = shape.adapter or shape.parameters
    held = _FLOAT32 if shape.adapter else work.weight_bytes
    weights = _cut(shape.parameters * work.weight_bytes, work, from_="zero3")
    gradients, optimizer = _learning(trained, held, work)
    second = 0
    if work.second_model:
        second = weights + sum(_learning(shape.parameters, work.weight_bytes, work))
    return MemoryEstimate(
        weights=weights + _cut(shape.adapter * held, work, from_="zero3"),
        gradients=gradients,
        optimizer=optimizer,
        reference=weights if work.reference and not shape.adapter else 0,
        second_model=second,
        activations=_activations(shape, work),
        generation=0 if work.vllm_share else _generation(shape, work),
        vllm_share=work.vllm_share,
    )


def _cut(size: int, work: Workload, from_: Literal["zero2", "zero3"]) -> int:
    """A GPU's part of something that is sharded from this stage on."""
    stages: tuple[Sharding, ...] = ("zero3", "fsdp")
    sharded = work.sharding in (stages if from_ == "zero3" else ("zero2", *stages))
    return -(-size // work.processes) if sharded else size


def _learning(trained: int, held: int, work: Workload) -> tuple[int, int]:
    """Gradients and optimizer states."""
    if work.sharding == "none" or held == _FLOAT32:
        states = _MOMENTS * held
    else:
        states = (1 + _MOMENTS) * _FLOAT32
    gradients = _cut(trained * held, work, from_="zero2")
    return gradients, _cut(trained * states, work, from_="zero2")


def _activations(shape: ModelShape, work: Workload) -> int:
    tokens = work.prompt_tokens + work.completion_tokens
    width = 2 if work.autocast else work.weight_bytes
    layer = _layer_bytes(shape, work, tokens)
    layers = shape.layers * layer
    if work.checkpointing:  # what goes from layer to layer, and all of the one being gone through
        layers = shape.layers * shape.hidden * work.weight_bytes + layer
    kept = work.forward * tokens * layers + (2 * shape.parameters if work.autocast else 0)
    head = work.forward * work.completion_tokens * shape.vocabulary * (2 * width + _FLOAT32)
    return (2 if work.second_model else 1) * kept + head


def _layer_bytes(shape: ModelShape, work: Workload, tokens: int) -> int:
    """What one layer keeps of one token."""
    inner = 4 * shape.query + 4 * shape.feed_forward + tokens
    if work.autocast:
        return 28 * shape.hidden + 2 * inner
    norms = 6 if work.weight_bytes == _FLOAT32 else 8
    return work.weight_bytes * (norms * shape.hidden + inner)


def _generation(shape: ModelShape, work: Workload) -> int:
    tokens = work.prompt_tokens + work.completion_tokens
    cache = tokens * shape.layers * 2 * shape.key * work.weight_bytes
    return work.generated * (cache + shape.vocabulary * _FLOAT32)
