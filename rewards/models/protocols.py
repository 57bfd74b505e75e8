"""How reward servers are asked, and where the score stands in what they answer.

vLLM's ``/classify`` and ``/pooling`` and OpenRLHF's ``/get_reward``. SGLang's ``/v1/classify``
always takes a softmax, so the one output of a reward model is 1.0 whatever the text: refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...core.types import Message

__all__ = ["SGLANG_REASON", "Item", "Protocol", "body_of", "path_of", "scores_in"]

Protocol: TypeAlias = Literal["vllm_classify", "vllm_pooling", "openrlhf", "sglang_classify"]

SGLANG_REASON = (
    "SGLang's /v1/classify takes a softmax over the outputs, so a reward model with one output"
    " scores 1.0 whatever the text; serve it with vLLM, or with SGLang's own /classify behind a"
    " server that speaks OpenRLHF's protocol"
)

_PATHS = {"vllm_classify": "/classify", "vllm_pooling": "/pooling", "openrlhf": "/get_reward"}


@dataclass(frozen=True, slots=True)
class Item:
    """One conversation in the form that goes out."""

    prompt: str
    label: str
    ids: list[int] | None = None
    """Tokens: nothing in a text can be read as more than text."""
    messages: list[Message] | None = None
    """For the server's chat template, where there is no tokenizer here."""
    text: str = ""
    """Rendered, for servers that take text alone."""


def path_of(protocol: Protocol, base_url: str) -> str:
    """The whole address."""
    path = _PATHS[protocol]
    return base_url if base_url.endswith(path) else base_url + path


def body_of(
    protocol: Protocol, model: str, items: Sequence[Item], *, activation: bool = False
) -> dict[str, Any]:
    """The request for some items; for ``messages`` exactly one. ``activation``: vLLM's own."""
    if protocol == "openrlhf":
        return {
            "query": [item.text for item in items],
            "prompts": [item.prompt for item in items],
            "labels": [item.label for item in items],
        }
    body: dict[str, Any] = {"model": model, "use_activation": activation}
    if protocol == "vllm_pooling":
        body |= {"task": "classify", "encoding_format": "float"}
    if items[0].ids is not None:
        return {**body, "input": [item.ids for item in items]}
    (item,) = items
    return {**body, "messages": item.messages, "add_generation_prompt": False}


def scores_in(protocol: Protocol, answer: Any, count: int, label: int | None) -> list[float]:
    """The scores of an answer, in the order of the items.

    Raises ``ValueError`` for anything else than ``count`` finite numbers.
    """
    if not isinstance(answer, dict):
        raise ValueError(f"an object is expected, got {type(answer).__name__}")
    if protocol == "openrlhf":
        rows = answer.get("rewards")
        outputs: list[Any] = [[row] for row in rows] if isinstance(rows, list) else []
    else:
        field = "probs" if protocol == "vllm_classify" else "data"
        outputs = [row.get(field) for row in _ordered(answer.get("data"))]
    if len(outputs) != count:
        raise ValueError(f"{count} scores are expected, got {len(outputs)}")
    return [_number(output, label) for output in outputs]


def _ordered(rows: Any) -> list[dict[str, Any]]:
    """The rows by their index, each of which must occur once."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("data must be a list of objects")
    ordered = sorted(enumerate(rows), key=lambda pair: pair[1].get("index", pair[0]))
    if [row.get("index", at) for at, (_, row) in enumerate(ordered)] != list(range(len(rows))):
        raise ValueError("the indices of data are not 0, 1, 2...")
    return [row for _, row in ordered]


def _number(output: Any, label: int | None) -> float:
    values = output if isinstance(output, list) else [output]
    if len(values) != 1 and label is None:
        raise ValueError(f"{len(values)} outputs for one text; say which is the score with label")
    if label is not None and label >= len(values):
        raise ValueError(f"label is {label}, but there are {len(values)} outputs")
    value = values[label or 0]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a finite number is expected, got {value!r}")
    return float(value)
