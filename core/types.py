"""The nouns: a Sample is scored by sources into Verdicts, a recipe makes them one Reward.

All of them are frozen, keyword-only and checked at birth, so that a verdict that exists is a
verdict that holds: a finite score exactly when its status is ``scored``.

Not covered: how a sample is read from a dataset (``assay.offline``), and how verdicts are weighed
(``assay.rewards``).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

__all__ = [
    "FAULTS",
    "JSON",
    "Message",
    "Reward",
    "Sample",
    "Status",
    "Step",
    "Verdict",
    "View",
    "canonical_json",
    "digest",
]

JSON: TypeAlias = Any
"""Any value that ``json.dumps`` takes. (A recursive alias costs more than it proves here.)"""

Message: TypeAlias = Mapping[str, Any]
"""A chat message: ``role`` and ``content`` (text, or a list of parts with ``text``)."""

View: TypeAlias = Literal["all", "reasoning", "answer"]
"""Which part of the completion a source sees: everything, up to ``</think>``, or after it."""


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def canonical_json(value: JSON) -> str:
    """One text for equal JSON values: keys sorted, no blanks, ASCII (lone surrogates escaped)."""
    return _encode(value)


def digest(value: JSON, *, length: int = 16) -> str:
    """A hexadecimal BLAKE2b digest of a JSON value, ``length`` characters long."""
    text = canonical_json(value).encode("ascii")
    return hashlib.blake2b(text, digest_size=(length + 1) // 2).hexdigest()[:length]


class Status(StrEnum):
    """Why there is or is not a score, and whose fault that is."""

    SCORED = "scored"
    """A judgement was made; a wrong, empty, unreadable or too slow *answer* is judged wrong."""
    ABSTAINED = "abstained"
    """The source has no opinion: it does not apply, or could not decide within its budget."""
    BAD_REFERENCE = "bad_reference"
    """The data's fault: the ground truth is missing or cannot be read."""
    TIMED_OUT = "timed_out"
    """Our fault: the source outlived its deadline and was killed."""
    FAILED = "failed"
    """Our fault: the source crashed, returned rubbish, or its server was down."""


FAULTS = frozenset({Status.TIMED_OUT, Status.FAILED})
"""The statuses that are our fault: never a grade, and subject to the recipe's ``on_fault``."""


def _text_of_content(content: object) -> str:
    """The text of a message's content: a string, or the ``text`` parts of a list joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        parts = (p.get("text") for p in content if isinstance(p, Mapping))
        return "".join(p for p in parts if isinstance(p, str))
    return ""


def last_assistant_text(completion: str | Sequence[Message]) -> str:
    """The text a source grades: the completion itself, or its last assistant message."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message.get("role", "assistant") == "assistant":
            return _text_of_content(message.get("content"))
    return ""


def split_reasoning(text: str) -> tuple[str, str]:
    """Cut a text into (reasoning, answer) at its last ``</think>``.

    A text that opens ``<think>`` and never closes it is all reasoning: it has no answer. A text
    with neither tag is all answer. A chat template may open the tag itself, so a lone
    ``</think>`` is enough.
    """
    head, tag, tail = text.rpartition("</think>")
    if tag:
        return head.partition("<think>")[2] if "<think>" in head else head, tail
    before, tag, rest = text.partition("<think>")
    return (rest, before if not rest else "") if tag else ("", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One thing to score: what was asked, what the model wrote, what is right.

    Raises ``TypeError`` for fields of a wrong type and ``ValueError`` for a ground truth that is
    not JSON: a sample that exists can be sent to a worker, cached and written to a file.
    """

    prompt: str | Sequence[Message] = ""
    """The question: text, or chat messages."""
    completion: str | Sequence[Message] = ""
    """What the model wrote: text, or messages (tools included); see ``text``."""
    ground_truth: JSON = None
    """The answer, the tests, the Lean statement...; None where there is none."""
    task: str | None = None
    """Routes the sample to sources (``when: {task: math}``)."""
    group: str | None = None
    """Completions of one prompt share it; None: the prompt's own digest."""
    id: str = ""
    """Unique name; by default a digest of the content."""
    truncated: bool = False
    """The generation hit its length limit."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Passed through; ``extra["options"]`` holds the choices of a multiple-choice question."""

    def __post_init__(self) -> None:
        if type(self.completion) is not str:
            _check_text("completion", self.completion)
        if type(self.prompt) is not str:
            _check_text("prompt", self.prompt)
        if not isinstance(self.extra, Mapping):
            raise TypeError(f"Sample.extra: must be a mapping, got {type(self.extra).__name__}")
        if not self.id:
            object.__setattr__(self, "id", self._content_digest())

    def _content_digest(self) -> str:
        try:
            return digest([self.prompt, self.completion, self.ground_truth, self.task])
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Sample: prompt, completion and ground_truth must be JSON values: {error}"
            ) from error

    @property
    def text(self) -> str:
        """The last assistant text of the completion."""
        completion = self.completion
        return completion if type(completion) is str else last_assistant_text(completion)

    @property
    def prompt_text(self) -> str:
        """The last text of the prompt: the prompt itself, or its last message's."""
        if isinstance(self.prompt, str):
            return self.prompt
        return _text_of_content(self.prompt[-1].get("content")) if self.prompt else ""

    @property
    def group_key(self) -> str:
        """``group``, or a digest of the prompt where no group is given."""
        return self.group if self.group is not None else digest(self.prompt)

    def view(self, view: View) -> Sample:
        """This sample with ``text`` cut down to one view; itself when nothing changes."""
        if view == "all":
            return self
        text = self.text
        reasoning, answer = split_reasoning(text)
        seen = reasoning if view == "reasoning" else answer
        return self if seen == text else replace(self, completion=seen)


def _check_text(name: str, value: object) -> None:
    if isinstance(value, str):
        return
    if isinstance(value, Sequence) and all(isinstance(m, Mapping) for m in value):
        return
    raise TypeError(
        f"Sample.{name}: must be text or a list of messages with role and content,"
        f" got {type(value).__name__}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stretch of the completion with a score of its own, for process rewards."""

    start: int
    """First character of ``Sample.text`` that belongs to the step."""
    end: int
    """One past the last character."""
    score: float
    """Finite, in the source's scale."""
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"Step: 0 <= start <= end must hold, got {self.start}, {self.end}")
        if not math.isfinite(self.score):
            raise ValueError(f"Step.score: must be finite, got {self.score!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one source says of one sample.

    A source fills ``status``, ``score``, ``reason`` and what else it knows (``Verdict.scored`` and
    ``Verdict.unscored`` are the short way); the host fills ``source``, ``version``, ``seconds``
    and ``cached``.
    """

    status: Status
    score: float | None = None
    """In the source's declared scale; None exactly when the status is not ``scored``; finite."""
    passed: bool | None = None
    """Whether the sample meets the source's bar; None where the source has none."""
    reason: str = ""
    """One sentence for a person."""
    confidence: float = 1.0
    """In [0, 1]."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Name -> number: tests, criteria, rubric items."""
    steps: Sequence[Step] = ()
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    """What the judgement rests on: the extracted answer, stderr, the judge's reply..."""
    source: str = ""
    version: str = ""
    """The source's version and the digest of its configuration, as ``1+0123abcd``."""
    seconds: float = 0.0
    """Wall time the source took, its share of a batch."""
    cached: bool = False
    cost: Mapping[str, float] = field(default_factory=dict)
    """``tokens`` and ``money`` spent on this verdict."""

    def __post_init__(self) -> None:
        score = self.score
        if score is None:
            if self.status is Status.SCORED:
                raise ValueError("Verdict: status 'scored' needs a score, got None")
        elif self.status is not Status.SCORED:
            raise ValueError(f"Verdict: status {self.status.value!r} takes no score, got {score!r}")
        elif not isinstance(score, (int, float)) or not math.isfinite(score):
            raise ValueError(f"Verdict.score: must be a finite number, got {score!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"Verdict.confidence: must lie in [0, 1], got {self.confidence!r}")

    @classmethod
    def scored(
        cls, score: float, passed: bool | None = None, reason: str = "", **more: Any
    ) -> Verdict:
        """A judgement. ``passed`` may be left to the source's declared bar."""
        return cls(status=Status.SCORED, score=float(score), passed=passed, reason=reason, **more)

    @classmethod
    def unscored(cls, status: Status, reason: str, **more: Any) -> Verdict:
        """No judgement: the status says whose fault that is, the reason says why."""
        return cls(status=Status(status), reason=reason, **more)

    @property
    def is_fault(self) -> bool:
        """Whether the missing score is our fault (``timed_out`` or ``failed``)."""
        return self.status in FAULTS

    @property
    def stop(self) -> str:
        """Why the source wants the run to end (``errors.StopRun``); empty where it does not."""
        said = self.evidence.get("stop") if self.is_fault else None
        return said if isinstance(said, str) else ""

    def to_dict(self) -> dict[str, JSON]:
        """A JSON object with every field; the inverse of ``from_dict``."""
        return {
            "source": self.source,
            "status": self.status._value_,  # as ``value``, without its call
            "score": self.score,
            "passed": self.passed,
            "reason": self.reason,
            "confidence": self.confidence,
            "parts": dict(self.parts),
            "steps": [[s.start, s.end, s.score, s.reason] for s in self.steps],
            "evidence": dict(self.evidence),
            "version": self.version,
            "seconds": self.seconds,
            "cached": self.cached,
            "cost": dict(self.cost),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, JSON]) -> Verdict:
        """Read back what ``to_dict`` wrote."""
        fields = dict(data)
        fields["status"] = Status(fields["status"])
        fields["steps"] = tuple(
            Step(start=a, end=b, score=c, reason=d) for a, b, c, d in fields.get("steps", ())
        )
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a recipe makes of one sample."""

    value: float | None
    """The number for the trainer, any finite real; None: leave this sample out."""
    unshaped: float | None
    """The value before shaping and penalties."""
    passed: bool | None
    """Whether every source with a bar let the sample pass (or those the recipe names)."""
    status: Status
    """``scored`` when there is a value; else why there is none, worst cause first."""
    verdicts: Mapping[str, Verdict]
    """Source name (or alias) -> its verdict."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Source name (or alias) -> what went into the composing: its score after ``map``, unweighted;
    also the value that a fault was paid as."""
    steps: Sequence[Step] = ()
    reason: str = ""
    """Why there is no value although no verdict says so: a composer or shaper that broke."""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"Reward.value: must be finite or None, got {self.value!r}")

    @property
    def stop(self) -> str:
        """Why one of its sources wants the run to end; empty where none does."""
        return next((v.stop for v in self.verdicts.values() if v.stop), "")
