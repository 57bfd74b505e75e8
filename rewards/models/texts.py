"""From a prompt and a completion to the tokens that a reward model reads.

The model's own chat template frames the messages. What others wrote cannot leave its message: where
a text holds a special token of the tokenizer (``<|im_end|>``, ``</s>``...), every content is
tokenised apart from the frame, with special tokens read as plain characters; all other texts are
tokenised in one piece, as the model was trained. Special tokens within tool calls get a space.

Not covered: role marks that are plain text to the tokenizer (``[INST]``, ``### Assistant:``): any
text may hold them, and only a model can tell who speaks; what a template itself leaves out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...core.errors import ConfigError
from ...core.types import Message, Sample
from ..judges.contract import sendable
from .card import Golden

__all__ = [
    "CHARS_A_TOKEN",
    "Reader",
    "TemplateFault",
    "Tokens",
    "cut_contents",
    "messages_of",
    "plain_message",
    "speaks",
]

CHARS_A_TOKEN = 16
"""Texts of more characters than this for each token that may stay are cut before they are
tokenised, so that a huge text costs no more than a long one. Ours; common text has about 4."""
_FRAMES = 256
_SILENCE: Message = {"role": "assistant", "content": ""}


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as a model reads it."""

    ids: list[int]
    of: int
    """Tokens before the cut (of what was left after ``chars_dropped``)."""
    side: Literal["left", "right"]
    chars_dropped: int = 0
    guarded: bool = False
    """The text held special tokens, which were read as plain characters."""

    @property
    def truncated(self) -> dict[str, Any] | None:
        """What was cut off, with counts; None where nothing was."""
        dropped = self.of - len(self.ids)
        if not dropped and not self.chars_dropped:
            return None
        counts = {"side": self.side, "tokens": self.of, "kept": len(self.ids), "dropped": dropped}
        return {**counts, "chars_dropped": self.chars_dropped}


class TemplateFault(Exception):  # noqa: N818 - becomes a verdict, not an error
    """The chat template does not take these messages; says why."""


class Reader:
    """A tokenizer with its chat template.

    Args:
        tokenizer: of transformers.
        max_tokens: more are cut off.
        side: the end of a text that is cut off.
        append_eos: end with the end token; None: where there is no chat template.
    """

    def __init__(
        self,
        tokenizer: Any,
        max_tokens: int,
        side: Literal["left", "right"] = "left",
        append_eos: bool | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.side: Literal["left", "right"] = side
        self.has_template = bool(tokenizer.chat_template)
        self._eos = self._eos_to_add(append_eos)
        named = _special_tokens(tokenizer)
        self._special_ids = frozenset(named.values())
        # longest first: a token that begins another one must not hide it
        names = sorted(filter(None, named), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, names)) or r"(?!)")
        self._frames: dict[tuple[tuple[str, ...], bool], list[int]] = {}

    def read(self, messages: Sequence[Message]) -> Tokens:
        """The tokens of a whole conversation. Raises ``TemplateFault``."""
        bounded, dropped = self._bounded(messages)
        ids, guarded = self._ids(bounded, generation=False)
        return self._cut([*ids, *self._eos], dropped, guarded=guarded)

    def context(self, messages: Sequence[Message]) -> tuple[list[int], bool]:
        """The tokens up to where the assistant begins to speak, whole; and whether a text held
        special tokens. Raises ``TemplateFault``."""
        return self._ids(self._bounded(messages)[0], generation=True)

    def rendered(self, messages: Sequence[Message]) -> tuple[str, bool, int]:
        """The conversation as text, for servers that tokenise it themselves: a special token in a
        content gets a space. Also whether one did, and the characters that were cut off. Raises
        ``TemplateFault``."""
        bounded, dropped = self._bounded(messages)
        guarded = any(self._special.search(m["content"]) for m in bounded)
        safe = [{**m, "content": self._defused(m["content"])} for m in bounded]
        if not self.has_template:
            return "".join(m["content"] for m in safe), guarded, dropped
        return self._render(safe, generation=False), guarded, dropped

    def plain(self, text: str) -> Any:
        """A text alone as the tokenizer gives it (``input_ids``, ``offset_mapping``), special
        tokens in it as characters and none added."""
        return self.tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=self.tokenizer.is_fast,
        )

    def golden(self, golden: Golden) -> Tokens:
        """The tokens of a golden text: a whole input that is taken at its word, or a sample."""
        if golden.text is None:
            sample = Sample(prompt=golden.prompt or "", completion=golden.completion or "")
            return self.read(messages_of(sample))
        bos = self.tokenizer.bos_token
        begun = bool(bos) and golden.text.startswith(bos)
        ids = self.tokenizer(golden.text, add_special_tokens=not begun)["input_ids"]
        return self._cut(self._one_bos(ids), 0, guarded=False)

    def _eos_to_add(self, wanted: bool | None) -> list[int]:
        if not (not self.has_template if wanted is None else wanted):
            return []
        eos = self.tokenizer.eos_token_id
        if eos is None and wanted:
            raise ConfigError("append_eos: the tokenizer has no end token; leave it out")
        ends = [] if eos is None else [eos]
        given = self.tokenizer("a")["input_ids"]
        return [] if given[-1:] == ends else ends  # some add it themselves

    def _ids(self, messages: list[dict[str, Any]], *, generation: bool) -> tuple[list[int], bool]:
        texts = [message["content"] for message in messages]
        if not self.has_template:
            kept = self.tokenizer("".join(texts), split_special_tokens=True)["input_ids"]
            return list(kept), any(map(self._special.search, texts))
        if not any(map(self._special.search, texts)):
            ids = self._encoded(self._render(messages, generation=generation))
            if self._specials(ids) == self._frame(messages, generation=generation):
                return ids, False
        return self._piecewise(messages, generation=generation), True

    def _encoded(self, text: str) -> list[int]:
        """A rendered conversation: the template wrote its special tokens, none are added."""
        return self._one_bos(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _one_bos(self, ids: Sequence[int]) -> list[int]:
        """A template and a tokenizer may both begin the text; a model was trained on one of them.
        A second one makes another score."""
        bos, start = self.tokenizer.bos_token_id, 0
        while bos is not None and list(ids[start : start + 2]) == [bos, bos]:
            start += 1
        return list(ids[start:])

    def _specials(self, ids: Sequence[int]) -> list[int]:
        return [i for i in ids if i in self._special_ids]

    def _frame(self, messages: Sequence[Mapping[str, Any]], *, generation: bool) -> list[int]:
        """The special tokens that the template alone makes of these roles."""
        plain = all(set(message) == {"role", "content"} for message in messages)
        key = (tuple(message["role"] for message in messages), generation)
        known = self._frames.get(key) if plain else None
        if known is not None:
            return known
        text = self._render(_named(messages, _names(messages)), generation=generation)
        found = self._specials(self._encoded(text))
        if plain and len(self._frames) < _FRAMES:
            self._frames[key] = found
        return found

    def _piecewise(self, messages: Sequence[Mapping[str, Any]], *, generation: bool) -> list[int]:
        """The frame's tokens, with those of the contents in the places the template gave them."""
        names = _names(messages)
        frame = self._render(_named(messages, names), generation=generation)
        contents = dict(zip(names, (m["content"] for m in messages), strict=True))
        pieces = re.split("(" + "|".join(names) + ")", frame)
        if names[-1] not in pieces:
            raise TemplateFault("the chat template leaves out the last message")
        ids: list[int] = []
        for piece in pieces:
            if piece in contents:
                ids += self.plain(contents[piece])["input_ids"]
            else:
                ids += self.tokenizer(piece, add_special_tokens=False)["input_ids"]
        return self._one_bos(ids)

    def _render(self, messages: Sequence[Mapping[str, Any]], *, generation: bool) -> str:
        try:
            text = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                tokenize=False,
                add_generation_prompt=generation,
            )
        except Exception as error:  # templates are programs of others: they raise what they like
            raise TemplateFault(
                f"the chat template does not take these messages: {type(error).__name__}: {error}"
            ) from error
        return str(text)

    def _bounded(self, messages: Sequence[Message]) -> tuple[list[dict[str, Any]], int]:
        """Messages with plain contents, and how many characters were cut off them."""
        made = [plain_message(message, self._defused) for message in messages]
        return made, cut_contents(made, CHARS_A_TOKEN * self.max_tokens, self.side)

    def _defused(self, value: Any) -> Any:
        """A tool call's values, with a space in what would be a special token."""
        if isinstance(value, str):
            return self._special.sub(lambda m: f"{m[0][:1]} {m[0][1:]}", sendable(value))
        if isinstance(value, Mapping):
            return {str(k): self._defused(v) for k, v in value.items()}
        if isinstance(value, Sequence):
            return [self._defused(v) for v in value]
        return value

    def _cut(self, ids: list[int], chars: int, *, guarded: bool) -> Tokens:
        most, kept = self.max_tokens, ids
        if len(ids) > most and self.side == "right":
            kept = ids[:most]
        elif len(ids) > most:
            begun = [ids[0]] if ids[0] == self.tokenizer.bos_token_id else []
            kept = begun + ids[len(ids) - most + len(begun) :]
        return Tokens(kept, len(ids), self.side, chars, guarded)


def cut_contents(
    messages: Sequence[dict[str, Any]], most: int, side: Literal["left", "right"]
) -> int:
    """Cut contents down to ``most`` characters together, in place; how many were dropped."""
    total, left = sum(len(m["content"]) for m in messages), most
    for message in reversed(messages) if side == "left" else messages:
        text = message["content"]
        message["content"] = text[max(len(text) - left, 0) :] if side == "left" else text[:left]
        left -= len(message["content"])
    return max(total - most, 0)


def messages_of(sample: Sample) -> list[Message]:
    """The conversation of a sample: texts become a user's and an assistant's message.

    A completion that repeats its question, as preference data have it, is read from its first
    assistant message on; what stands before that is the prompt where the sample has none.
    """
    prompt, completion = sample.prompt, sample.completion
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if isinstance(completion, str):
        return [*asked, {"role": "assistant", "content": completion}]
    first = next((i for i, m in enumerate(completion) if speaks(m)), len(completion))
    before, said = list(completion[:first]), list(completion[first:])
    return [*(asked if prompt or not before else before), *(said or [_SILENCE])]


def speaks(message: Message) -> bool:
    """Whether a message is the assistant's."""
    return bool(message.get("role", "assistant") == "assistant")


def plain_message(message: Message, defused: Any) -> dict[str, Any]:
    """A message with text for its content; other fields keep their form."""
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else ()
    texts = [p.get("text") for p in parts if isinstance(p, Mapping)]
    text = content if isinstance(content, str) else "".join(t for t in texts if isinstance(t, str))
    more = {k: defused(v) for k, v in message.items() if k not in {"role", "content"}}
    role = defused(str(message.get("role", "assistant")))
    return {"role": role, "content": sendable(text), **more}


def _names(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """A word for each message that nobody can have guessed, to stand for its content."""
    nonce = secrets.token_hex(8)
    return [f"Z{nonce}{i}Z" for i in range(len(messages))]


def _named(messages: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{**m, "content": name} for m, name in zip(messages, names, strict=True)]


def _special_tokens(tokenizer: Any) -> dict[str, int]:
    """The tokens that are more than their characters: name -> id."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    found = {str(token): int(i) for i, token in added.items() if getattr(token, "special", False)}
    pairs = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return found | {str(token): int(i) for token, i in pairs if i is not None}
