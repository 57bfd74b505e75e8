"""GRAPE's generation in TRL's trainer: completions by two ways, a memory, and what they train.

Source: Patel 2025 (GRAPE), section 6. Completions are written through TRL's ``rollout_func``: it
gets the questions, writes under the prompts of each completion's way, and hands back the prompt
that the completion is trained under (``grape.condition``). TRL takes the log-probabilities of the
old policy and of the reference under the prompt that it is handed, so all ratios are of that one;
the reward function is given the questions. Advantage and loss are Dr. GRPO's (Eq. 13 and 14).

Not covered: images and tools.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from accelerate.utils import gather_object

from ...core.errors import ConfigError
from ...core.types import Sample
from .grape_history import Earlier, History
from .grape_mix import Way, way_of
from .grape_prompts import GrapePrompts
from .policy import PolicyTrainer
from .rollout import Rollout

__all__ = ["HISTORY", "GrapeTrainer", "given_responses"]

HISTORY = "history.jsonl"
"""In a run folder: the earlier responses that are remembered at its end."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    """How one completion is to come about."""

    question: str
    way: Way
    prompt: Any
    """What it is written under; for a given response, the prompt of way A."""
    earlier: Earlier | None = None
    given: tuple[int, ...] = ()
    """Tokens of a given response."""


@dataclass(frozen=True, slots=True)
class _Written:
    """One scored completion, as all ranks are told of it."""

    question: str
    way: Way
    value: float | None
    before: float | None
    """Reward of the response that it was to improve."""
    copied: bool
    """It is that response, to the letter."""
    earlier: Earlier | None
    """What is remembered of it."""


class GrapeTrainer(PolicyTrainer):
    """PolicyTrainer whose completions come by GRAPE's ways.

    Args:
        prompts: of the categories, with the settings of the mix.
        given: question id -> given response, for ``grape.sft``.
        settings: those of ``PolicyTrainer``; ``scored`` must be given, for its verdicts hold what
            the improver is told.
    """

    def __init__(
        self,
        *args: Any,
        prompts: GrapePrompts,
        given: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        if settings.get("scored") is None:
            raise ConfigError(
                "grape: the improver is told what verdicts say, which reward functions do not give;"
                " hand over the recipe as scored=ScoredBatch(recipe)"
            )
        super().__init__(*args, **settings)
        self.prompts = prompts
        self.grape = prompts.settings
        self.history = History(self.grape.feed, self.grape.keep, self.grape.questions)
        self._given = dict(given or {})
        self._jobs: list[_Job] | None = None
        self._too_long: set[str] = set()
        self.rollout_func = self._write

    # a batch --------------------------------------------------------------------------------

    def roll_out(self, rows: list[dict[str, Any]]) -> Rollout:
        """Completions for rows by their ways, scored and remembered."""
        first = self.accelerator.process_index * len(rows)
        self._jobs = [self._job(row, first + at) for at, row in enumerate(rows)]
        try:
            rollout = super().roll_out(rows)
            if self.model.training:
                self._take_in(rollout, self._jobs)
        finally:
            self._jobs = None
        return rollout

    def _job(self, row: Mapping[str, Any], place: int) -> _Job:
        """What is decided for the completion at a place of the whole batch."""
        question, prompt = question_id(row), row["prompt"]
        task = row.get("task")
        category = self.prompts.category_of(None if task is None else str(task), row)
        plain = _Job(question, Way.GENERATE, self.prompts.generate(prompt, category))
        if not self.model.training:
            return plain
        size, met = self.num_generations, self.history.met(question)
        given = self._given_ids(question)
        way = way_of(
            self.grape,
            place=place % size,
            size=size,
            seed=self.args.seed,
            question=question,
            met=met,
            known=category is not None and bool(self.history.kept(question)),
            given=bool(given),
        )
        if way is Way.SFT:
            return _Job(question, way, plain.prompt, given=given)
        earlier = self.history.pick(question, self.args.seed, place % size)
        if way is Way.GENERATE or category is None or earlier is None:
            return plain
        return _Job(question, way, self.prompts.improve(prompt, category, earlier), earlier)

    def _given_ids(self, question: str) -> tuple[int, ...]:
        """A given response's tokens and the end token; none where it is too long to be trained."""
        text = self._given.get(question)
        if text is None:
            return ()
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) + 1 <= self.max_completion_length:
            return (*ids, self._tokenizer.eos_token_id)
        if not self._too_long:
            _log.warning(
                "trainer.grape.sft: the given response of %s has %d tokens and its end, more than"
                " max_completion_length %d; it is written by way A instead (said once)",
                question, len(ids), self.max_completion_length,
            )  # fmt: skip
        self._too_long.add(question)
        return ()

    # TRL's hook -----------------------------------------------------------------------------

    def _write(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:  # noqa: ARG002 - TRL's
        """TRL's ``rollout_func``: tokens for each question, in order.

        A given response's place is written too and then replaced: no rank may leave a generation
        that the others take part in.
        """
        jobs = self._jobs or [_Job("", Way.GENERATE, prompt) for prompt in prompts]
        own, _, _ = self._tokenize_prompts([job.prompt for job in jobs])
        # one completion a prompt: vLLM would take a group's prompts to be equal
        written, logps = self._generate_single_turn(own, None, {}, 1)
        trained = own
        if self.grape.condition == "question":
            trained, _, _ = self._tokenize_prompts(list(prompts))
        ids = [list(job.given or got) for job, got in zip(jobs, written, strict=True)]
        return {
            "prompt_ids": trained,
            "completion_ids": ids,
            "logprobs": None if logps is None else self._sampled(jobs, ids, logps, own, trained),
            "grape_way": [job.way.value for job in jobs],
            "grape_from": [None if job.earlier is None else job.earlier.value for job in jobs],
        }

    def _sampled(
        self, jobs: Sequence[_Job], ids: Any, logps: Any, own: Any, trained: Any
    ) -> list[list[float | None]]:
        """The sampler's log-probabilities, None where they are not of what is trained: a given
        response, or one written under another prompt. TRL corrects nothing there."""
        return [
            list(logps[at]) if not job.given and list(own[at]) == list(trained[at])
            else [None] * len(ids[at])
            for at, job in enumerate(jobs)
        ]  # fmt: skip

    # what came of it ------------------------------------------------------------------------

    def _take_in(self, rollout: Rollout, jobs: Sequence[_Job]) -> None:
        """Remember and log a batch of all ranks; nothing of a rank where scoring broke."""
        written = []
        for job, sample, reward in zip(jobs, rollout.samples, rollout.verdicts, strict=False):
            met, was = self.history.met(job.question), job.earlier
            own = None if job.way is Way.SFT else self.prompts.earlier(sample, reward, met)
            before, copied = (None, False) if was is None else (was.value, was.text == sample.text)
            written.append(_Written(job.question, job.way, reward.value, before, copied, own))
        everywhere: list[_Written] = gather_object(written)
        self.history.add([(one.question, one.earlier) for one in everywhere])
        for name, value in summary_of(everywhere).items():
            self.note(f"grape/{name}", value)

    def run_state(self) -> dict[str, Any]:
        """What a resumed run must know, as JSON."""
        return {**super().run_state(), "grape": self.history.state_dict()}

    def load_run_state(self, state: dict[str, Any]) -> None:
        """Take up what ``run_state`` gave."""
        super().load_run_state(state)
        self.history.load_state_dict(state["grape"])

    def save_history(self, folder: Path) -> None:
        """Write the memory to ``history.jsonl``, a line for each response."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self.history.rows()]
        draft = folder / f"{HISTORY}.draft"
        draft.write_text("".join(lines), encoding="utf-8")
        draft.replace(folder / HISTORY)


def summary_of(written: Sequence[_Written]) -> dict[str, float]:
    """Counts and mean rewards by way, and how B did against the responses it was given.

    ``improvement`` is the mean of reward less that of the earlier response; ``copied`` the share of
    B's completions that are that response. What has nothing to count is left out.
    """
    found: dict[str, float] = {}
    for way in Way:
        values = [one.value for one in written if one.way is way and one.value is not None]
        found[f"count_{way.value}"] = float(sum(one.way is way for one in written))
        if values:
            found[f"mean_reward_{way.value}"] = fmean(values)
    gains = [
        one.value - one.before
        for one in written
        if one.value is not None and one.before is not None
    ]
    if gains:
        found["improvement"] = fmean(gains)
        found["improved"] = fmean(gain > 1e-9 for gain in gains)
        found["copied"] = fmean(one.copied for one in written if one.before is not None)
    return found


def question_id(row: Mapping[str, Any]) -> str:
    """What a question is remembered by: the row's id, or its prompt."""
    return str(row.get("id") or row["prompt"])


def given_responses(problems: Sequence[Sample], column: str | None) -> dict[str, str]:
    """Question id -> its given response, from a column; raises ``ConfigError`` where none has."""
    if column is None:
        return {}
    found = {
        problem.id: problem.extra[column]
        for problem in problems
        if isinstance(problem.extra.get(column), str) and problem.extra[column]
    }
    if not found:
        raise ConfigError(
            f"trainer.grape.sft: no training problem has a text in the column {column!r}"
        )
    return found
