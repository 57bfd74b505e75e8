"""Chat logs: the last turn of the assistant is the completion, what stands before it the prompt.

Covered: OpenAI messages, requests with their responses (several ``choices`` are several
completions), ShareGPT conversations. Not covered: streamed chunks, and the calls of tools in
between, which stay in the prompt as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import DataError
from .contract import Adapter, Fields, Row, decoded

__all__ = ["CHATS"]

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
          "chatgpt": "assistant", "bard": "assistant", "model": "assistant", "system": "system",
          "tool": "tool"}  # fmt: skip
"""ShareGPT's names of who speaks."""


def _messages(row: Row) -> Fields:
    return _cut(row["messages"], "messages")


def _cut(messages: Any, column: str) -> Fields:
    if not isinstance(messages, list) or not messages:
        raise DataError(f"column {column!r}: must be a list of messages, got {messages!r:.80}")
    *before, last = messages
    if not isinstance(last, Mapping) or last.get("role") != "assistant":
        raise DataError(
            f"column {column!r}: must end with a turn of the assistant, got {last!r:.80}"
        )
    return {"prompt": before, "completion": [last]}


def _ends_with_assistant(row: Row) -> bool:
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, Mapping) and last.get("role") == "assistant"


def _logged(row: Row) -> Fields:
    request, response = decoded(row["request"], "request"), decoded(row["response"], "response")
    request, response = (_body(side) for side in (request, response))
    messages, choices = request.get("messages"), response.get("choices")
    if not isinstance(messages, list) or not isinstance(choices, list):
        raise DataError("columns 'request', 'response': must hold messages and choices")
    said = [c.get("message") if isinstance(c, Mapping) else None for c in choices]
    cut_off = [isinstance(c, Mapping) and c.get("finish_reason") == "length" for c in choices]
    return {"prompt": messages, "completion": [[m] for m in said], "truncated": cut_off}


def _body(side: Any) -> Mapping[str, Any]:
    """A request or a response, also from where the batch API wraps it."""
    if not isinstance(side, Mapping):
        raise DataError(f"columns 'request', 'response': must be mappings, got {side!r:.80}")
    body = side.get("body", side)
    return body if isinstance(body, Mapping) else side


def _is_logged(row: Row) -> bool:
    return isinstance(row.get("response"), Mapping) or (
        isinstance(row.get("response"), str) and '"choices"' in row["response"]
    )


def _sharegpt(row: Row) -> Fields:
    turns = row["conversations"]
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise DataError(f"column 'conversations': must be a list of turns, got {turns!r:.80}")
    messages = [
        {"role": _ROLES.get(str(turn.get("from")), str(turn.get("from"))), "content": turn["value"]}
        if "value" in turn
        else turn
        for turn in turns
    ]
    return _cut(messages, "conversations")


CHATS = (
    Adapter(
        name="openai_chat",
        about="messages that end with a turn of the assistant",
        needs=("messages",),
        looks=_ends_with_assistant,
        columns={"prompt": "messages but the last", "completion": "the last message"},
        read=_messages,
        takes=("messages",),
        speaks=True,
    ),
    Adapter(
        name="openai_log",
        about="logged requests and responses of a chat API",
        needs=("request", "response"),
        looks=_is_logged,
        columns={"prompt": "request.messages", "completion": "response.choices"},
        read=_logged,
        speaks=True,
    ),
    Adapter(
        name="sharegpt",
        about="ShareGPT: conversations of from and value",
        needs=("conversations",),
        columns={"prompt": "conversations but the last", "completion": "the last turn"},
        read=_sharegpt,
        takes=("conversations",),
        speaks=True,
    ),
)
