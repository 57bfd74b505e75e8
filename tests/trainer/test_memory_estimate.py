"""The memory estimate: by hand, and against what torch does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from assay.core.errors import ConfigError
from assay.trainer.dry_run.memory import (
    ModelShape,
    Workload,
    as_sharding,
    estimate_memory,
    shape_of_config,
)
from assay.trainer.lora import LoraSettings
from assay.trainer.tiny import TinyModel, build_tiny_model, build_tokenizer

SHAPE = ModelShape(
    parameters=1000,
    adapter=0,
    layers=2,
    hidden=8,
    feed_forward=16,
    query=8,
    key=4,
    vocabulary=10,
    positions=64,
)
WORK = Workload(
    weight_bytes=2, forward=3, generated=6, prompt_tokens=4, completion_tokens=6, processes=4
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


# memory: by hand --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param({}, (2000, 2000, 4000), id="data-parallel"),
        pytest.param({"weight_bytes": 4}, (4000, 4000, 8000), id="float32"),
        pytest.param({"sharding": "zero2"}, (2000, 500, 3000), id="zero2-float32-states"),
        pytest.param({"sharding": "zero3"}, (500, 500, 3000), id="zero3"),
        pytest.param({"sharding": "fsdp"}, (500, 500, 3000), id="fsdp"),
        pytest.param({"sharding": "zero2", "weight_bytes": 4}, (4000, 1000, 2000), id="no-copy"),
    ],
)
def test_weights_gradients_and_states(changes: dict[str, Any], wanted: tuple[int, ...]) -> None:
    found = estimate_memory(SHAPE, _work(**changes))
    assert (found.weights, found.gradients, found.optimizer) == wanted
    assert found.reference == found.second_model == 0


def _work(**changes: Any) -> Workload:
    return replace(WORK, **changes)


def _shape(**changes: Any) -> ModelShape:
    return replace(SHAPE, **changes)


def test_lora_trains_its_adapters_in_float32_and_needs_no_reference() -> None:
    found = estimate_memory(_shape(adapter=50), _work(reference=True))
    assert (found.weights, found.gradients, found.optimizer) == (2000 + 200, 200, 400)
    assert found.reference == 0


def test_a_reference_and_a_critic() -> None:
    found = estimate_memory(SHAPE, _work(reference=True, second_model=True))
    assert found.reference == 2000
    assert found.second_model == 2000 + 2000 + 4000


def test_activations_and_cache_by_hand() -> None:
    found = estimate_memory(SHAPE, WORK)
    layer = 8 * 8 + 4 * 8 + 4 * 16 + 10  # norms, heads, feed-forward, mask
    assert found.activations == 3 * 10 * 2 * 2 * layer + 3 * 6 * 10 * (2 * 2 + 4)
    assert found.generation == 6 * (10 * 2 * 2 * 4 * 2 + 10 * 4)
    assert found.total == 8000 + max(found.activations, found.generation)
    assert estimate_memory(SHAPE, _work(vllm_share=0.3)).generation == 0
    assert estimate_memory(SHAPE, _work(second_model=True)).activations == (
        2 * 3 * 10 * 2 * 2 * layer + 3 * 6 * 10 * 8
    )
    smaller = estimate_memory(SHAPE, _work(checkpointing=True)).activations
    assert smaller == 3 * 10 * 2 * (2 * 8 + layer) + 3 * 6 * 10 * 8


@pytest.mark.parametrize("name", ["zero2", "none", "zero3", "fsdp"])
def test_shardings(name: str) -> None:
    assert as_sharding(name) == name


def test_an_unknown_sharding_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'zero3'"):
        as_sharding("zero33")


# memory: against what torch does ----------------------------------------------------------


def _config(kind: str, **more: Any) -> Any:
    import transformers

    return getattr(transformers, kind)(
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=500,
        max_position_embeddings=256,
        **more,
    )


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", ["LlamaConfig", "Qwen2Config"])
def test_the_weights_are_counted_as_torch_counts_them(kind: str, tied: bool) -> None:
    from transformers import AutoModelForCausalLM

    config = _config(kind, tie_word_embeddings=tied)
    model: Any = AutoModelForCausalLM.from_config(config)
    assert shape_of_config(config).parameters == model.num_parameters()


@pytest.mark.parametrize(
    ("kind", "settings", "parameters", "adapter"),
    [
        # as published for Qwen2.5-0.5B, Qwen2.5-1.5B with rank 32, and Llama-3.2-1B
        pytest.param("Qwen2Config", (896, 24, 14, 2, 4864, 151936), 494_032_768, None, id="0.5b"),
        pytest.param(
            "Qwen2Config", (1536, 28, 12, 2, 8960, 151936), 1_543_714_304, 36_929_536, id="1.5b"
        ),
        pytest.param("LlamaConfig", (2048, 16, 32, 8, 8192, 128256), 1_235_814_400, None, id="1b"),
    ],
)
def test_real_shapes(
    kind: str, settings: tuple[int, ...], parameters: int, adapter: int | None
) -> None:
    import transformers

    hidden, layers, heads, key_heads, feed_forward, vocabulary = settings
    config = getattr(transformers, kind)(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        intermediate_size=feed_forward,
        vocab_size=vocabulary,
        tie_word_embeddings=True,
    )
    found = shape_of_config(config, None if adapter is None else LoraSettings(r=32))
    assert (found.parameters, found.adapter) == (parameters, adapter or 0)


def test_gradients_and_states_are_those_of_a_real_step() -> None:
    model = build_tiny_model(TinyModel(layers=2), build_tokenizer(), 0)
    found = estimate_memory(shape_of_config(model.config), _work(weight_bytes=4))
    optimizer = torch.optim.AdamW(model.parameters())
    ids = torch.zeros(1, 4, dtype=torch.long)
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    held = [p.grad.nbytes for p in model.parameters()]
    states = [s[key].nbytes for s in optimizer.state.values() for key in ("exp_avg", "exp_avg_sq")]
    assert (found.gradients, found.optimizer) == (sum(held), sum(states))


@pytest.mark.parametrize("kind", ["LlamaConfig", "Qwen2Config"])
@pytest.mark.parametrize(
    ("dtype", "autocast"),
    [
        pytest.param(torch.float32, False, id="float32"),
        pytest.param(torch.bfloat16, False, id="bfloat16"),
        pytest.param(torch.float32, True, id="autocast"),
    ],
)
def test_the_activations_are_near_what_torch_keeps(
    kind: str, dtype: torch.dtype, autocast: bool
) -> None:
    from transformers import AutoModelForCausalLM

    make: Any = AutoModelForCausalLM
    config, rows, tokens, written = _config(kind), 4, 96, 48
    model = make.from_config(config).to(dtype)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    # the tensors are held too: a freed one's address would be given to another
    kept: dict[int, tuple[int, Any]] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept.setdefault(storage.data_ptr(), (storage.nbytes(), tensor))
        return tensor

    ids, mask = torch.zeros(rows, tokens, dtype=torch.long), torch.ones(rows, tokens)
    mask[0, :3] = 0  # as padded prompts have it
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = model(input_ids=ids, attention_mask=mask, logits_to_keep=written, use_cache=False)
        out.logits.logsumexp(-1)
    counted = sum(size for size, _ in kept.values())
    work = _work(
        weight_bytes=dtype.itemsize,
        forward=rows,
        prompt_tokens=tokens - written,
        completion_tokens=written,
        autocast=autocast,
    )
    # the estimate has the gradient and the copy of the logits too, so it lies above
    assert 1.0 <= estimate_memory(shape_of_config(config), work).activations / counted < 1.25


@pytest.mark.parametrize(
    ("modules", "wanted"),
    [
        # q, k, v, o: 64x64 each; gate, up, down: 64x128; the output layer has none
        pytest.param("all-linear", 2 * (4 * 8 * 128 + 3 * 8 * 192), id="all"),
        pytest.param(("q_proj", "v_proj"), 2 * 2 * 8 * 128, id="two"),
        pytest.param(("nothing",), 0, id="none"),
    ],
)
def test_adapter_weights(modules: Any, wanted: int) -> None:
    shape = TinyModel(layers=2, hidden=64, heads=4, feed_forward=128)
    config = build_tiny_model(shape, build_tokenizer(), 0).config
    assert shape_of_config(config, LoraSettings(r=8, target_modules=modules)).adapter == wanted
