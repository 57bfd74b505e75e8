"""Rows as trainers take them: TRL's SFT, DPO, KTO and prompt-only rows, verl's SFT and RL rows.

Every row carries where it came from: the digest of the scored file, and for each completion in it
its id, value, scores and the versions of the sources that gave them (column ``provenance``, JSON
text; in verl's rows in ``extra_info``).

TRL wants all rows of a file as text or all as messages. A file is what its first row is, unless the
user says; text becomes messages where that is needed, messages never become text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ...core.errors import ConfigError, DataError
from ...core.records import json_text
from ...core.types import JSON
from ...core.version import __version__
from .prompts import Candidate, Prompt

__all__ = ["Form", "Make", "Shaper", "schema_of"]

Make: TypeAlias = Literal["sft", "dpo", "kto", "prompts"]
Form: TypeAlias = Literal["trl", "verl"]
Row: TypeAlias = dict[str, Any]

_CHATS: Mapping[Make, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "dpo": ("prompt", "chosen", "rejected"),
    "kto": ("prompt", "completion"),
    "prompts": ("prompt",),
}
"""The columns that hold text or messages."""


class Shaper:
    """Makes the rows of one output file."""

    def __init__(self, make: Make, form: Form, source: str, *, chat: bool | None = None) -> None:
        """``source``: the digest of the scored file. Raises ``ConfigError``."""
        if form == "verl" and make in ("dpo", "kto"):
            raise ConfigError(f"--format verl: verl reads no {make} files; use --format trl")
        self.make: Make = make
        self.form: Form = form
        self._source = source
        self.chat = True if form == "verl" else chat
        """Whether rows hold messages; None until the first row."""
        self._made = 0

    def single(self, prompt: Prompt, kept: Candidate, label: bool | None = None) -> Row:
        """A row of one completion."""
        row: Row = {"prompt": kept.row.prompt, "completion": kept.row.completion}
        if label is not None:
            row["label"] = label
        return self._finish(row, prompt, [kept])

    def pair(self, prompt: Prompt, chosen: Candidate, rejected: Candidate) -> Row:
        """A row of two completions, the first better."""
        row = {"prompt": chosen.row.prompt}
        row |= {"chosen": chosen.row.completion, "rejected": rejected.row.completion}
        return self._finish(row, prompt, [chosen, rejected])

    def question(self, prompt: Prompt) -> Row:
        """A row without a completion, with its ground truth."""
        row = {"prompt": prompt.first.row.prompt, "solution": _truth(prompt.first)}
        return self._finish(row, prompt, prompt.candidates)

    def _finish(self, row: Row, prompt: Prompt, used: Sequence[Candidate]) -> Row:
        self._made += 1
        shaped = self._as_chat(row)
        if self.form == "verl":
            return self._verl(shaped, prompt, used)
        facts: Row = {"group": used[0].row.group, "task": used[0].record["task"]}
        facts["pass_rate"] = prompt.pass_rate
        if self.make == "dpo":
            chosen, rejected = used[0].row, used[1].row
            facts |= {"chosen_id": chosen.id, "rejected_id": rejected.id}
            facts["margin"] = (chosen.value or 0.0) - (rejected.value or 0.0)
        elif self.make != "prompts":
            facts |= {"id": used[0].row.id, "value": used[0].row.value}
        return {**shaped, **facts, "provenance": json_text(self._provenance(used))}

    def _as_chat(self, row: Row) -> Row:
        """All texts, or all messages, as the file's first row is."""
        columns = _CHATS[self.make]
        chats = [name for name in columns if not isinstance(row[name], str)]
        if self.chat is None:
            self.chat = bool(chats)
        if not self.chat:
            if chats:
                raise DataError(
                    f"row {self._made}: {chats[0]} holds messages, and the rows before it are text;"
                    " TRL takes no file of both: say --chat, and texts become messages"
                )
            return row
        roles = {"prompt": "user"}
        return {
            name: [{"role": roles.get(name, "assistant"), "content": value}]
            if name in columns and isinstance(value, str)
            else value
            for name, value in row.items()
        }

    def _verl(self, row: Row, prompt: Prompt, used: Sequence[Candidate]) -> Row:
        first, extra = used[0], used[0].extra()
        about: Row = {
            "index": self._made - 1,
            "split": "train",
            "pass_rate": prompt.pass_rate,
            "provenance": json_text(self._provenance(used)),
        }
        where = str(extra.get("data_source") or first.record["task"] or "assay")
        if self.make == "sft":
            messages = [*row["prompt"], *row["completion"]]
            return {"data_source": where, "messages": messages, "extra_info": about}
        return {
            "data_source": where,
            "prompt": row["prompt"],
            "ability": str(extra.get("ability") or first.record["task"] or ""),
            "reward_model": {"style": "rule", "ground_truth": row["solution"]},
            "extra_info": about,
        }

    def _provenance(self, used: Sequence[Candidate]) -> JSON:
        return {
            "assay": __version__,
            "input": self._source,
            "versions": {n: v.get("version") for n, v in used[0].verdicts().items()},
            "samples": [_origin(candidate) for candidate in used],
        }


def _origin(candidate: Candidate) -> JSON:
    scores = {name: said.get("score") for name, said in candidate.verdicts().items()}
    return {
        "id": candidate.row.id,
        "value": candidate.row.value,
        "passed": candidate.row.passed,
        "scores": scores,
    }


def _truth(candidate: Candidate) -> str | None:
    """The ground truth as text: itself, or its JSON."""
    value = json.loads(candidate.record["ground_truth"] or "null")
    return value if value is None or isinstance(value, str) else json_text(value)


# Parquet -------------------------------------------------------------------------------------


def schema_of(make: Make, form: Form, *, chat: bool) -> Any:
    """The ``pyarrow.Schema`` of the rows of a ``Shaper``."""
    import pyarrow as pa

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    text, number = pa.string(), pa.float64()
    if form == "verl":
        about = pa.struct(
            [("index", pa.int64()), ("split", text), ("pass_rate", number), ("provenance", text)]
        )
        if make == "sft":
            fields = [("data_source", text), ("messages", messages), ("extra_info", about)]
            return pa.schema(fields)
        model = pa.struct([("style", text), ("ground_truth", text)])
        return pa.schema(
            [
                ("data_source", text),
                ("prompt", messages),
                ("ability", text),
                ("reward_model", model),
                ("extra_info", about),
            ]
        )
    fields = [(name, messages if chat else text) for name in _CHATS[make]]
    fields += {"kto": [("label", pa.bool_())], "prompts": [("solution", text)]}.get(make, [])
    fields += [("group", text), ("task", text), ("pass_rate", number)]
    if make == "dpo":
        fields += [("chosen_id", text), ("rejected_id", text), ("margin", number)]
    elif make != "prompts":
        fields += [("id", text), ("value", number)]
    return pa.schema([*fields, ("provenance", text)])
